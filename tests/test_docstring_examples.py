"""The examples in the docstrings of the public classes run as they stand, in the sandbox."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import SimpleDirectoryReader
from llama_index.core.agent.workflow import FunctionAgent

import maaskit.langchain
import maaskit.llama_index
import maaskit.sandbox
from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import containers, speech, voices, wav
from maaskit.sophnet import speech_chat, transcription_stream
from tests.scripted import Reply, ScriptedServer, Seen

SAMPLES = Path(__file__).parents[1] / "cookbook" / "samples"
DOCUMENT = SAMPLES / "procurement-and-travel-policy-2026.pdf"
SCAN = Path(__file__).parent / "samples" / "receipt.png"
# The chat models' own are run in tests/langchain.
ELSEWHERE = {"ChatQiniu", "ChatSophNet"}
# They live in a file where the class stands beside them.
BESIDE = {name: getattr(maaskit.llama_index, name) for name in maaskit.llama_index.__all__} | {
    "FunctionAgent": FunctionAgent,
    "SimpleDirectoryReader": SimpleDirectoryReader,
    "SophNetEmbeddings": maaskit.langchain.SophNetEmbeddings,
    "Sandbox": Sandbox,
    "os": os,
}
# What there is on loopback of what the examples fetch.
HELD = {"https://example.com/report.docx": "/report.pdf", "https://example.com/talk.mp3": "/talk.wav"}


def examples(kind: Any) -> Iterator[str]:
    """Give the code in a docstring: behind a ``::``, and at prompts."""
    text = inspect.getdoc(kind) or ""
    for _, code in re.findall(r"^( *)[^\n]*::\n\n((?:\1 {4}.*\n|\n)+)", f"{text}\n", re.MULTILINE):
        yield textwrap.dedent(code)
    prompted = re.findall(r"^ *(?:>>>|\.\.\.) (.*?)(?: +# doctest: \+SKIP)?$", text, re.MULTILINE)
    if prompted:
        yield "\n".join(prompted)


EXAMPLES = [
    pytest.param(code, id=f"{kind.__name__}-{number}")
    for face in (maaskit.langchain, maaskit.llama_index, maaskit.sandbox)
    for kind in (getattr(face, name) for name in face.__all__)
    if inspect.isclass(kind) and kind.__name__ not in ELSEWHERE
    for number, code in enumerate(examples(kind))
]


class Speaker:
    """Play nothing, and remember what it was given."""

    def __init__(self) -> None:
        self.played = b""

    def write(self, sound: bytes) -> None:
        self.played += sound


@pytest.fixture(scope="module")
def spoken() -> bytes:
    """Give a recording in English."""
    return wav.pack(containers.resampled(speech.speak("The train leaves in the morning.", voices.named("man")), 16_000))


@pytest.fixture
def folder(tmp_path: Path, spoken: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a working folder with what the examples name."""
    monkeypatch.chdir(tmp_path)
    for name in ("inbox", "files"):
        (tmp_path / name).mkdir()
    for name in ("合同.pdf", "files/a.pdf"):
        shutil.copy(DOCUMENT, tmp_path / name)
    for name in ("发票.jpg", "beach.jpg"):
        shutil.copy(SCAN, tmp_path / name)
    for name in ("会议.wav", "问题一.wav", "问题二.wav"):
        (tmp_path / name).write_bytes(spoken)
    return tmp_path


@pytest.fixture
def elsewhere(scripted: ScriptedServer, spoken: bytes) -> str:
    """Give the URL of a server that has what the examples fetch."""
    held = {"pdf": DOCUMENT.read_bytes(), "jpg": SCAN.read_bytes(), "wav": spoken}

    def reply(seen: Seen) -> Reply:
        return Reply(200, {}, [held[seen.path.rpartition(".")[2]]], chunked=False)

    scripted.script(reply)
    return scripted.url


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


# LlamaIndex's agents look at every attribute of theirs.
@pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211")
@pytest.mark.parametrize("code", EXAMPLES)
async def test_an_example_runs(
    code: str, folder: Path, elsewhere: str, running: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in running.env().items():
        monkeypatch.setenv(name, value)
    speaker = Speaker()
    sound = list(transcription_stream.pieces(folder / "会议.wav"))
    said: list[Any] = [*sound, speech_chat.complete()] if "speech_chat" in code else sound
    names = {**BESIDE, "__name__": "example", "sandbox": running, "microphone": said, "speaker": speaker}
    names["audio"] = b"".join(sound)
    for url, path in HELD.items():
        code = code.replace(url, elsewhere + path)
    code = code.replace("https://example.com", elsewhere)
    before = len(running.requests)
    result = eval(compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307 - our own docstrings
    if inspect.isawaitable(result):
        await result
    asks = not any(word in code for word in ("Agent(", "create_agent(", "faults.", "Sandbox("))
    assert not asks or len(running.requests) > before
    assert speaker.played or "speaker.write" not in code


def test_every_class_that_is_used_alone_has_an_example() -> None:
    """The tools share one example, and so do the parsers with their loaders."""
    shown = {param.id.rpartition("-")[0] for param in EXAMPLES if param.id} | ELSEWHERE
    for face in (maaskit.langchain, maaskit.llama_index):
        kinds = {name for name in face.__all__ if inspect.isclass(getattr(face, name))}
        assert {name for name in kinds - shown if not name.endswith(("Tool", "Parser", "Event"))} == set()
