"""CPU per streamed chunk of QiniuLLM beside OpenAILike and beside what LlamaIndex's own tracing costs any LLM.

Interleaved rounds against one loopback server in a process of its own, medians, ratios. Times differ between machines;
the ratios of one run are what counts. Start it with ``python tests/benchmarks/llama_index_chunks.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from run import CHUNKS, server  # its neighbour: a script finds what lies beside it

ASYNC_STREAMS = 4  # at once in one loop

Work = Callable[[], int]


def traced_only() -> Any:
    """Give an LLM that yields ready-made responses, so that only core's tracing costs anything."""
    from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM
    from llama_index.core.llms.callbacks import llm_chat_callback

    ready = [
        ChatResponse(message=ChatMessage(role="assistant", content="词" * number), delta=f"词{number} ")
        for number in range(CHUNKS)
    ]

    class Ready(MockLLM):
        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            return (response for response in ready)

    return Ready()


def works(url: str) -> dict[str, Work]:
    """Give, by name, what reads streams and returns the number of characters that it saw."""
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    from maaskit.llama_index import QiniuLLM

    ask = [ChatMessage(role="user", content="你好")]
    ours = QiniuLLM(model="deepseek-v3", api_key="k", base_url=url)
    theirs = OpenAILike(model="deepseek-v3", api_key="k", api_base=url, is_chat_model=True, timeout=60)

    def sync(llm: Any) -> Work:
        return lambda: sum(len(response.delta or "") for response in llm.stream_chat(ask))

    def concurrent(llm: Any) -> Work:
        async def one() -> int:
            return sum([len(response.delta or "") async for response in await llm.astream_chat(ask)])

        async def all_at_once() -> int:
            return sum(await asyncio.gather(*[one() for _ in range(ASYNC_STREAMS)]))

        return lambda: asyncio.run(all_at_once())

    return {
        "QiniuLLM": sync(ours),
        "OpenAILike": sync(theirs),
        "core's tracing alone": sync(traced_only()),
        "QiniuLLM, async": concurrent(ours),
        "OpenAILike, async": concurrent(theirs),
    }


def measure(found: dict[str, Work], rounds: int) -> dict[str, float]:
    """Run the works in turn, again and again; give the median CPU microseconds per chunk of each."""
    costs: dict[str, list[float]] = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, work in found.items():
            gc.collect()
            started = time.process_time()
            seen = work()
            spent = time.process_time() - started
            assert seen > 0, f"{name} read nothing"
            chunks = CHUNKS * (ASYNC_STREAMS if name.endswith("async") else 1)
            if number:  # the first round warms up
                costs[name].append(spent / chunks * 1e6)
    return {name: statistics.median(values) for name, values in costs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with server() as url:
        costs = measure(works(url), options.rounds)
    for name, cost in costs.items():
        print(f"{name:<24} {cost:8.1f} µs per chunk")
    for kind in ("", ", async"):
        print(f"ratio QiniuLLM / OpenAILike{kind}: {costs[f'QiniuLLM{kind}'] / costs[f'OpenAILike{kind}']:.3f}")


if __name__ == "__main__":
    main()
