"""Read a PDF and a scan, store them, let a tool-calling agent answer from them with sources, and speak its answer.

Nothing here is special to the samples: name your own files and questions on the command line. Without a key everything
runs against the sandbox on this machine; with SophNet's key (and Qiniu's for `--cloud qiniu`) it runs on the clouds.
"""

from __future__ import annotations

import argparse
import array
import ast
import contextlib
import math
import operator
import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.tools import BaseTool, tool
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from maaskit import MaasError
from maaskit.langchain import (
    ChatQiniu,
    ChatSophNet,
    SophNetDocumentLoader,
    SophNetEmbeddings,
    SophNetOCRLoader,
    SophNetSpeechTool,
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


def chat_model(cloud: str, model: str | None) -> BaseChatModel:
    """Make the chat model of one cloud; both count tokens while they stream."""
    name = model or MODELS[cloud]
    return ChatQiniu(model=name) if cloud == "qiniu" else ChatSophNet(model=name, stream_usage=True)


# --- from files to a searchable store ------------------------------------------------------------------------------


def read(pdf: Path, scan: Path) -> list[Document]:
    """Turn the PDF into Markdown and the picture into text."""
    table = Table(title="1  Reading", title_justify="left")
    table.add_column("file", overflow="fold")
    for column in ("read by", "characters", "seconds"):
        table.add_column(column)
    documents = []
    for file, name, loader in (
        (pdf, "SophNetDocumentLoader", SophNetDocumentLoader(file_path=pdf)),
        (scan, "SophNetOCRLoader", SophNetOCRLoader(source=scan)),
    ):
        started = time.perf_counter()
        loaded = loader.load()
        characters = sum(len(document.page_content) for document in loaded)
        table.add_row(file.name, name, f"{characters:,}", f"{time.perf_counter() - started:.1f}")
        documents += loaded
    console.print(table)
    return documents


def store(documents: list[Document], folder: str) -> QdrantVectorStore:
    """Split the documents and keep their vectors in a local Qdrant database.

    `url="http://…"` instead of `path` makes the same class talk to a Qdrant server, when the files outgrow one machine.
    """
    started = time.perf_counter()
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=500, chunk_overlap=80, separators=["\n\n", "\n", "。", ";", ". ", " ", ""]
    )
    passages = splitter.split_documents(documents)
    vectors = QdrantVectorStore.from_documents(
        passages, SophNetEmbeddings(model="text-embeddings", dimensions=1024), path=folder, collection_name="documents"
    )
    seconds = time.perf_counter() - started
    console.print(f"[bold]2  Storing[/]  {len(passages)} passages, 1024 dimensions each, in {seconds:.1f} s\n")
    return vectors


# --- the agent's tools ---------------------------------------------------------------------------------------------


def retrieval_tool(vectors: QdrantVectorStore) -> BaseTool:
    """Make the tool that searches the store; the passages go to the model, the documents to the screen."""

    @tool(response_format="content_and_artifact")
    def search_documents(query: str) -> tuple[str, list[Document]]:
        """Search the company's documents: policy, prices, travel, delivery notes.

        检索公司文件：制度、价格、差旅、出差、送货单。
        """
        found = vectors.similarity_search(query, k=4)
        passages = [f"[{Path(document.metadata['source']).name}]\n{document.page_content}" for document in found]
        return "\n\n".join(passages), found

    return search_documents


@tool
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


def ask(agent: Any, question: str) -> tuple[str, UsageMetadata | None]:
    """Stream one answer to the screen, then show its sources and its tokens; give the answer and the tokens."""
    console.print(Panel(question, title="question", title_align="left", border_style="cyan"))
    sources: list[Document] = []
    usage: UsageMetadata | None = None
    answer = ""
    for mode, payload in agent.stream({"messages": [("user", question)]}, stream_mode=["messages", "updates"]):
        if mode == "messages":
            chunk = payload[0]
            if isinstance(chunk, AIMessageChunk) and chunk.text:
                answer += chunk.text
                console.print(chunk.text, end="", markup=False, soft_wrap=True)
            continue
        for message in finished(payload):
            show_step(message)
            if isinstance(message, AIMessage):
                usage = add_usage(usage, message.usage_metadata)
            elif isinstance(message, ToolMessage):
                sources += message.artifact or []
    if not answer:
        raise SystemExit(f"No answer came to: {question}")
    show_end(answer, sources, usage)
    return answer, usage


def finished(update: dict[str, Any]) -> Iterator[Any]:
    """Yield the whole messages that a step of the agent has added."""
    for change in update.values():
        yield from (change or {}).get("messages", [])


def show_step(message: Any) -> None:
    """Show which tools were called, and what the calculator said."""
    if isinstance(message, AIMessage):
        for call in message.tool_calls:
            arguments = ", ".join(f"{name}={value!r}" for name, value in call["args"].items())
            console.print(f"→ {call['name']}({arguments})", style="magenta", markup=False)
    elif isinstance(message, ToolMessage) and not message.artifact:
        console.print(f"← {message.text}", style="magenta", markup=False)


def show_end(answer: str, passages: Iterable[Document], usage: UsageMetadata | None) -> None:
    """Show the files behind an answer (those it names, or else all that were found) and the tokens it took."""
    found = list(dict.fromkeys(Path(document.metadata["source"]).name for document in passages))
    sources = [name for name in found if name in answer] or found
    counted = "the service did not count"
    if usage:
        counted = f"{usage['input_tokens']:,} in, {usage['output_tokens']:,} out"
    console.print(f"\n\n[dim]sources: {', '.join(sources) or 'none'}\ntokens:  {counted}[/]\n")


# --- speaking ------------------------------------------------------------------------------------------------------

SPEECH_IDS = ("SOPHNET_TEXT_TO_VOICE_EASYLLM_ID", "SOPHNET_EASYLLM_ID")


def speak(answer: str, folder: Path) -> None:
    """Speak an answer into a WAV file, and say how long and how loud it is."""
    if not any(os.environ.get(name) for name in SPEECH_IDS):
        console.print(f"[bold]4  Speaking[/]  left out: none of {', '.join(SPEECH_IDS)} is set")
        return
    voice = SophNetSpeechTool(output_dir=folder, format="WAV_16000HZ_MONO_16BIT")
    call = {"type": "tool_call", "id": "1", "name": voice.name, "args": {"text": answer}}
    message = voice.invoke(call)
    if message.status == "error":
        raise SystemExit(f"The answer was not spoken: {message.text}")
    file = Path(message.artifact["extras"]["path"])
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
    policy, note = SAMPLES / "procurement-and-travel-policy-2026.pdf", SAMPLES / "delivery-note.jpg"
    parser.add_argument("--pdf", type=Path, default=policy, help="the document to answer from")
    parser.add_argument("--scan", type=Path, default=note, help="the picture of a text to answer from")
    parser.add_argument("--question", action="append", help="ask this instead; may be given several times")
    parser.add_argument("--cloud", choices=sorted(MODELS), default="sophnet", help="whose chat model answers")
    parser.add_argument("--model", help="the chat model's name")
    parser.add_argument("--output", type=Path, default=Path("output"), help="the folder for the spoken answer")
    return parser.parse_args()


def main() -> int:
    """Run the whole pipeline; every error of maaskit ends it with a message and a non-zero code."""
    given = arguments()
    try:
        given.output.mkdir(parents=True, exist_ok=True)  # first, because nothing has been paid for yet
        with cloud_or_sandbox(given.cloud) as chosen, tempfile.TemporaryDirectory() as folder:
            console.print(Panel(chosen, title="maaskit", title_align="left", border_style="green"))
            vectors = store(read(given.pdf, given.scan), folder)
            with contextlib.closing(vectors.client):
                console.print("[bold]3  Asking[/]\n")
                agent = create_agent(
                    chat_model(given.cloud, given.model),
                    [retrieval_tool(vectors), calculator],
                    system_prompt=INSTRUCTIONS,
                )
                total: UsageMetadata | None = None
                for question in given.question or QUESTIONS:
                    answer, usage = ask(agent, question)
                    total = add_usage(total, usage)
                speak(answer, given.output)
    except (MaasError, OSError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 1
    if total:
        console.print(f"[bold]Done.[/] {total['total_tokens']:,} tokens in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
