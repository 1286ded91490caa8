"""The benchmark: maaskit beside its peers and beside bare httpx, against one loopback server, in one run.

Prints CPU time per unit as medians of interleaved rounds and as ratios, and writes a chart. Times differ between
machines and moments; the ratios of one run are what counts. Start it with ``make bench``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CHUNKS = 400
MESSAGE = [{"role": "user", "content": "你好"}]
IN_FLIGHT = 100

Work = Callable[[], int]


@contextmanager
def server() -> Iterator[str]:
    """Run the loopback server and give its base URL."""
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.stdin.close()
        process.wait(10)


def streams(url: str) -> dict[str, Work]:
    """Give, by name, what reads one stream and returns the number of characters that it saw."""
    import httpx
    from langchain_mistralai import ChatMistralAI
    from langchain_openai import ChatOpenAI

    import maaskit
    from maaskit.langchain import ChatQiniu

    raw = httpx.Client()

    def bare() -> int:
        seen = 0
        with raw.stream("POST", f"{url}/chat/completions", json={"stream": True, "messages": MESSAGE}) as response:
            for chunk in response.iter_bytes():
                seen += len(chunk)
        return seen

    client = maaskit.Client(maaskit.Qiniu(api_key="k", base_url=url))
    call = maaskit.qiniu.chat.stream(MESSAGE, "deepseek-v3")
    models = {
        "ChatQiniu": ChatQiniu(model="deepseek-v3", api_key="k", base_url=url),
        "ChatOpenAI": ChatOpenAI(model="deepseek-v3", api_key="k", base_url=url, stream_usage=True),
        "ChatMistralAI": ChatMistralAI(model="deepseek-v3", api_key="k", base_url=url),
    }
    found: dict[str, Work] = {
        "bare httpx": bare,
        "maaskit core": lambda: sum(len(d.content) for d in client.stream(call)),
    }
    for name, model in models.items():
        found[name] = lambda model=model: sum(len(chunk.content) for chunk in model.stream("你好"))
    found.update(_llama_index(url))
    return found


def _llama_index(url: str) -> dict[str, Work]:
    try:
        from llama_index.core.llms import ChatMessage
        from llama_index.llms.openai_like import OpenAILike

        from maaskit.llama_index import QiniuLLM
    except ImportError:
        return {}
    peers = {
        "QiniuLLM": QiniuLLM(model="deepseek-v3", api_key="k", base_url=url),
        "OpenAILike": OpenAILike(model="deepseek-v3", api_key="k", api_base=url, is_chat_model=True),
    }
    ask = [ChatMessage(role="user", content="你好")]
    return {
        name: lambda llm=llm: sum(len(response.delta or "") for response in llm.stream_chat(ask))
        for name, llm in peers.items()
    }


def wholes(url: str, runner: asyncio.Runner) -> dict[str, Work]:
    """Give, by name, what asks for whole answers, many at once; one event loop serves all, as peers need it."""
    from langchain_openai import ChatOpenAI

    from maaskit.langchain import ChatQiniu

    models = {
        "ChatQiniu": ChatQiniu(model="deepseek-v3", api_key="k", base_url=url),
        "ChatOpenAI": ChatOpenAI(model="deepseek-v3", api_key="k", base_url=url),
    }

    def work(model: object) -> Work:
        async def ask() -> int:
            answers = await asyncio.gather(*[model.ainvoke("你好") for _ in range(IN_FLIGHT)])  # type: ignore[attr-defined]
            return sum(len(answer.content) for answer in answers)

        return lambda: runner.run(ask())

    return {name: work(model) for name, model in models.items()}


def measure(works: dict[str, Work], rounds: int, units: int) -> dict[str, float]:
    """Run the works in turn, again and again; give the median CPU microseconds per unit of each."""
    costs: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            gc.collect()
            started = time.process_time()
            seen = work()
            spent = time.process_time() - started
            assert seen > 0, f"{name} read nothing"
            if number:  # the first round warms up
                costs[name].append(spent / units * 1e6)
    return {name: statistics.median(values) for name, values in costs.items()}


IMPORTS = {
    "bare langchain_core chat model": "from langchain_core.language_models import BaseChatModel",
    "maaskit.langchain": "import maaskit.langchain",
    "maaskit.langchain, both chat models": "from maaskit.langchain import ChatQiniu, ChatSophNet",
    "langchain_openai": "from langchain_openai import ChatOpenAI",
    "langchain_mistralai": "from langchain_mistralai import ChatMistralAI",
    "maaskit, core alone": "from maaskit import Client, Qiniu",
}


def imports(rounds: int) -> dict[str, float]:
    """Give the median CPU milliseconds of a fresh interpreter that imports each package."""
    costs: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, statement in IMPORTS.items():
            before = os.times()
            subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - our own text
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            if number:
                costs[name].append(spent * 1000)
    return {name: statistics.median(values) for name, values in costs.items()}


def report(title: str, unit: str, costs: dict[str, float], ratios: list[tuple[str, str]]) -> None:
    """Print one table."""
    print(f"\n{title}")
    for name, cost in sorted(costs.items(), key=lambda pair: pair[1]):
        print(f"  {name:<32} {cost:9.1f} {unit}")
    for ours, theirs in ratios:
        if ours in costs and theirs in costs:
            print(f"  ratio {ours} / {theirs}: {costs[ours] / costs[theirs]:.2f}")


def chart(tables: list[tuple[str, str, dict[str, float]]], path: Path) -> None:
    """Draw the tables as bars."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(tables), 1, figsize=(8, 2.6 * len(tables)), layout="constrained")
    for axis, (title, unit, costs) in zip(axes, tables, strict=True):
        names = sorted(costs, key=costs.__getitem__, reverse=True)
        ours = ("maaskit", "ChatQiniu", "ChatSophNet", "QiniuLLM")
        colours = ["#2a7de1" if name.startswith(ours) else "#b8bfc8" for name in names]
        bars = axis.barh(names, [costs[name] for name in names], color=colours)
        axis.bar_label(bars, fmt="%.1f", padding=3)
        axis.margins(x=0.12)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel(unit)
        axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    print(f"\nchart: {path}")


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--chart", type=Path, default=Path("output/benchmark.png"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with server() as url:
        per_chunk = measure(streams(url), options.rounds, CHUNKS)
        with asyncio.Runner() as runner:
            per_call = measure(wholes(url, runner), max(3, options.rounds // 3), IN_FLIGHT)
    per_import = imports(max(3, options.rounds // 3))
    pairs = [
        ("ChatQiniu", "ChatOpenAI"),
        ("ChatQiniu", "ChatMistralAI"),
        ("ChatQiniu", "bare httpx"),
        ("maaskit core", "bare httpx"),
        ("QiniuLLM", "OpenAILike"),
    ]
    report("CPU per streamed chunk", "µs", per_chunk, pairs)
    report(f"CPU per whole answer, {IN_FLIGHT} in flight", "µs", per_call, [("ChatQiniu", "ChatOpenAI")])
    report(
        "CPU of an import in a fresh interpreter",
        "ms",
        per_import,
        [
            ("maaskit.langchain, both chat models", "bare langchain_core chat model"),
            ("maaskit.langchain, both chat models", "langchain_openai"),
        ],
    )
    chart(
        [
            ("CPU per streamed chunk", "µs", per_chunk),
            (f"CPU per whole answer, {IN_FLIGHT} in flight", "µs", per_call),
            ("CPU of an import", "ms", per_import),
        ],
        options.chart,
    )


if __name__ == "__main__":
    main()
