"""Read a folder of documents and scans, index it, let a LlamaIndex agent answer with sources, and speak its answer.

Nothing here is special to the samples: name your own folder and questions on the command line. Without a key everything
runs against the sandbox on this machine; with SophNet's key (and Qiniu's for `--cloud qiniu`) it runs on the clouds.
"""

from __future__ import annotations

import argparse
import array
import ast
import asyncio
import contextlib
import math
import operator
import os
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.agent.workflow import AgentOutput, AgentStream, FunctionAgent, ToolCall, ToolCallResult
from llama_index.core.base.llms.types import AudioBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document, MetadataMode, NodeWithScore
from llama_index.core.tools import FunctionTool
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from maaskit import MaasError
from maaskit.llama_index import (
    QiniuLLM,
    SophNetDocumentReader,
    SophNetEmbedding,
    SophNetLLM,
    SophNetOCRReader,
    SophNetToolSpec,
)

SAMPLES = Path(__file__).parent / "samples"
QUESTIONS = (
    "去深圳出差，住宿费每晚最多可以报销多少元？",
    "Which carton of the delivery arrived wet, and did the baths pass their test?",
    (
        "Search documents for the price of the oscilloscope DSO-2104, and use the calculator for (7050 - 6850) * 3: "
        "how much are we overcharged for three?"
    ),
)
INSTRUCTIONS = (
    "You answer questions about a company's documents. Search them before you answer, and use the calculator for "
    "arithmetic. Answer from the passages only, in the language of the question, and name the sources as [source]."
)
DOCUMENTS = (".pdf", ".docx", ".doc", ".xlsx", ".txt", ".pptx")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
LONGEST_EXPRESSION = 200
MODELS = {"sophnet": "Qwen3-235B-A22B-Instruct-2507", "qiniu": "deepseek-v3"}

console = Console(highlight=False)


# --- where the work is done ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def cloud_or_sandbox(cloud: str) -> Iterator[str]:
    """Point the environment at a sandbox when there is no key, and say what was chosen."""
    sophnet = bool(os.environ.get("SOPHNET_API_KEY") or os.environ.get("SOPH_API_KEY"))
    if not sophnet and (cloud == "sophnet" or not os.environ.get("QINIU_API_KEY")):
        from maaskit.sandbox import Sandbox  # noqa: PLC0415  only who has no key needs the extra

        with Sandbox() as sandbox:
            os.environ.update(sandbox.env())
            yield (
                "No SOPHNET_API_KEY: using the sandbox, both clouds' interfaces on this machine. The documents, the "
                "vectors and the tool calls are real; the chat model is a small set of rules that quotes what it finds."
            )
        return
    missing = missing_variables(cloud, sophnet=sophnet)
    if missing:
        raise SystemExit("These environment variables are needed and not set: " + ", ".join(missing))
    yield f"Keys found: {place('sophnet')} reads and embeds the documents, {place(cloud)} answers."


def place(cloud: str) -> str:
    """Name a cloud, and its address when the environment changes it."""
    name, address = {"sophnet": "SophNet", "qiniu": "Qiniu"}[cloud], os.environ.get(f"{cloud.upper()}_BASE_URL")
    return f"{name} (at {address})" if address else name


def missing_variables(cloud: str, *, sophnet: bool) -> list[str]:
    """Name what the clouds need beside the key: the ids that stand in SophNet's console."""
    missing = [] if sophnet else ["SOPHNET_API_KEY (it reads and embeds the documents)"]
    missing += [] if os.environ.get("SOPHNET_PROJECT_ID") else ["SOPHNET_PROJECT_ID"]
    if not os.environ.get("SOPHNET_EASYLLM_ID"):
        services = ("SOPHNET_DOC_PARSE_EASYLLM_ID", "SOPHNET_EMBEDDINGS_EASYLLM_ID")
        missing += [f"{name} (or SOPHNET_EASYLLM_ID)" for name in services if not os.environ.get(name)]
    if cloud == "qiniu" and not os.environ.get("QINIU_API_KEY"):
        missing.append("QINIU_API_KEY")
    return missing


def language_model(cloud: str, model: str | None) -> FunctionCallingLLM:
    """Make the LLM of one cloud; both count tokens while they stream."""
    name = model or MODELS[cloud]
    return QiniuLLM(model=name) if cloud == "qiniu" else SophNetLLM(model=name, stream_usage=True)


# --- from a folder to an index -------------------------------------------------------------------------------------


async def read(folder: Path) -> list[Document]:
    """Turn all documents of a folder into Markdown and all pictures into text, several at once."""
    started = time.perf_counter()
    documents, pictures = SophNetDocumentReader(), SophNetOCRReader()
    readers: dict[str, BaseReader] = dict.fromkeys(DOCUMENTS, documents) | dict.fromkeys(PICTURES, pictures)
    directory = SimpleDirectoryReader(
        str(folder), required_exts=list(readers), file_extractor=readers, recursive=True, raise_on_error=True
    )
    found = await directory.aload_data()
    for document in found:  # where a file lies says nothing about what is in it; the search tool names the file
        document.excluded_embed_metadata_keys.append("file_path")
        document.excluded_llm_metadata_keys.append("file_path")
    seconds = time.perf_counter() - started
    table = Table(title=f"1  Reading, in {seconds:.1f} s", title_justify="left")
    table.add_column("file", overflow="fold")
    for column in ("read by", "characters"):
        table.add_column(column)
    for document in found:
        path = Path(document.metadata["file_path"])
        table.add_row(path.name, readers[path.suffix.lower()].__class__.__name__, f"{len(document.text):,}")
    console.print(table)
    return found


async def indexed(documents: list[Document]) -> VectorStoreIndex:
    """Split the documents and keep their vectors in memory.

    A `storage_context` with a vector store of yours (Qdrant, Milvus, …) keeps them elsewhere.
    """
    started = time.perf_counter()
    splitter = SentenceSplitter(chunk_size=256, chunk_overlap=32)
    passages = await splitter.acall(documents)
    index = VectorStoreIndex(
        nodes=[], embed_model=SophNetEmbedding(model_name="text-embeddings", dimensions=1024), use_async=True
    )
    await index.ainsert_nodes(passages)
    seconds = time.perf_counter() - started
    console.print(f"[bold]2  Storing[/]  {len(passages)} passages, 1024 dimensions each, in {seconds:.1f} s\n")
    return index


# --- the agent's tools ---------------------------------------------------------------------------------------------


def retrieval_tool(index: VectorStoreIndex) -> FunctionTool:
    """Make the tool that searches the index; the passages go to the model, the nodes to the screen."""
    retriever = index.as_retriever(similarity_top_k=4)

    async def search_documents(query: str) -> list[NodeWithScore]:
        """Search the company's documents: policy, prices, travel, delivery notes.

        检索公司文件：制度、价格、差旅、出差、送货单。
        """
        return list(await retriever.aretrieve(query))

    async def passages(found: list[NodeWithScore]) -> str:
        return "\n\n".join(f"[{name_of(node)}]\n{node.get_content(MetadataMode.NONE)}" for node in found)

    return FunctionTool.from_defaults(async_fn=search_documents, async_callback=passages)


def name_of(node: NodeWithScore) -> str:
    """Name the file that a passage is from."""
    return Path(node.metadata["file_path"]).name


def calculator(expression: str) -> str:
    """Work out an arithmetic expression of numbers, + - * / ** % and brackets.

    计算算式。
    """
    try:
        value = round(evaluate(parsed(expression)), 6)
    except (SyntaxError, ValueError, ArithmeticError) as error:
        return f"This cannot be calculated: {error}"
    return f"{expression} = {int(value) if value.is_integer() else value}"


def parsed(expression: str) -> ast.AST:
    """Parse an expression that is short enough for the parser's own stack."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"it is longer than {LONGEST_EXPRESSION} characters")
    return ast.parse(expression.strip(), mode="eval").body


OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # it overflows where an int would grow without end
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def evaluate(node: ast.AST) -> float:
    """Work out a parsed expression; whatever is not plain arithmetic is refused, so nothing can be executed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](evaluate(node.operand))
    raise ValueError("only numbers, + - * / ** % and brackets are understood")


# --- asking --------------------------------------------------------------------------------------------------------


async def ask(agent: FunctionAgent, question: str) -> tuple[str, Counter[str]]:
    """Stream one answer to the screen, then show its sources and its tokens; give the answer and the tokens."""
    console.print(Panel(question, title="question", title_align="left", border_style="cyan"))
    sources: list[NodeWithScore] = []
    usage: Counter[str] = Counter()
    answer = ""
    handler = agent.run(question)
    async for event in handler.stream_events():
        if isinstance(event, AgentStream):
            answer += event.delta
            console.print(event.delta, end="", markup=False, soft_wrap=True)
        elif isinstance(event, AgentOutput):
            usage.update(tokens(event.raw))
        elif isinstance(event, ToolCallResult):
            show_result(event)
            if isinstance(event.tool_output.raw_output, list):
                sources += event.tool_output.raw_output
        elif isinstance(event, ToolCall):
            given = ", ".join(f"{name}={value!r}" for name, value in event.tool_kwargs.items())
            console.print(f"→ {event.tool_name}({given})", style="magenta", markup=False)
    await handler
    if not answer:
        raise SystemExit(f"No answer came to: {question}")
    show_end(answer, sources, usage)
    return answer, usage


def tokens(raw: Any) -> dict[str, int]:
    """Read the count of tokens off a model's last piece, which has it if the service counts."""
    counted = (raw or {}).get("usage") or {}
    return {name: counted[name] for name in ("prompt_tokens", "completion_tokens") if counted.get(name)}


def show_result(event: ToolCallResult) -> None:
    """Show what the calculator said, and what went wrong in a tool."""
    if event.tool_name == "calculator" or event.tool_output.is_error:
        console.print(f"← {event.tool_output.content}", style="magenta", markup=False)


def show_end(answer: str, passages: Iterable[NodeWithScore], usage: Counter[str]) -> None:
    """Show the files behind an answer (those it names, or else all that were found) and the tokens it took."""
    found = list(dict.fromkeys(name_of(node) for node in passages))
    sources = [name for name in found if name in answer] or found
    counted = "the service did not count"
    if usage:
        counted = f"{usage['prompt_tokens']:,} in, {usage['completion_tokens']:,} out"
    console.print(f"\n\n[dim]sources: {', '.join(sources) or 'none'}\ntokens:  {counted}[/]\n")


# --- speaking ------------------------------------------------------------------------------------------------------

SPEECH_IDS = ("SOPHNET_TEXT_TO_VOICE_EASYLLM_ID", "SOPHNET_EASYLLM_ID")


def speak(answer: str, folder: Path) -> None:
    """Speak an answer into a WAV file, and say how long and how loud it is."""
    if not any(os.environ.get(name) for name in SPEECH_IDS):
        console.print(f"[bold]4  Speaking[/]  left out: none of {', '.join(SPEECH_IDS)} is set")
        return
    options = {"synthesize_speech": {"format": "WAV_16000HZ_MONO_16BIT"}}
    blocks = SophNetToolSpec(output_dir=folder, options=options).synthesize_speech(answer)
    file = next(Path(block.path) for block in blocks if isinstance(block, AudioBlock) and block.path)
    seconds, loudness = measured(file)
    console.print(f"[bold]4  Speaking[/]  {seconds:.1f} s at {loudness:.0f} dBFS: {file}", soft_wrap=True)


def measured(file: Path) -> tuple[float, float]:
    """Measure a WAV file of 16-bit samples: its seconds, and its loudness in decibels below full scale."""
    with wave.open(str(file)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        samples = array.array("h", sound.readframes(sound.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return seconds, 10 * math.log10(max(power, 1e-9) / 32768**2)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=SAMPLES, help="documents and pictures to answer from")
    parser.add_argument("--question", action="append", help="ask this instead; may be given several times")
    parser.add_argument("--cloud", choices=sorted(MODELS), default="sophnet", help="whose chat model answers")
    parser.add_argument("--model", help="the chat model's name")
    parser.add_argument("--output", type=Path, default=Path("output"), help="the folder for the spoken answer")
    return parser.parse_args()


async def run(given: argparse.Namespace) -> tuple[str, Counter[str]]:
    """Read, index and answer; give the last answer, and the tokens that all answers took."""
    index = await indexed(await read(given.folder))
    console.print("[bold]3  Asking[/]\n")
    agent = FunctionAgent(
        tools=[retrieval_tool(index), FunctionTool.from_defaults(calculator)],
        llm=language_model(given.cloud, given.model),
        system_prompt=INSTRUCTIONS,
    )
    answer, total = "", Counter[str]()
    for question in given.question or QUESTIONS:
        answer, usage = await ask(agent, question)
        total += usage
    return answer, total


def main() -> int:
    """Run the whole pipeline; every error of maaskit ends it with a message and a non-zero code."""
    given = arguments()
    try:
        given.output.mkdir(parents=True, exist_ok=True)  # first, because nothing has been paid for yet
        with cloud_or_sandbox(given.cloud) as chosen:
            console.print(Panel(chosen, title="maaskit", title_align="left", border_style="green"))
            answer, total = asyncio.run(run(given))
            speak(answer, given.output)
    except (MaasError, OSError, ValueError) as error:  # SimpleDirectoryReader says so that a folder is missing
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 1
    if total:
        console.print(f"[bold]Done.[/] {total.total():,} tokens in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
