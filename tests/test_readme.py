"""The two READMEs keep their word: each Python snippet runs, and both say the same."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import maaskit
import maaskit.langchain
import maaskit.llama_index
from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import containers, speech, voices, wav

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", ENGLISH, re.DOTALL)
# How the files come about that the snippets read.
COPIES = re.findall(r"^\$ cp (\S+) (\S+)$", ENGLISH, re.MULTILINE)
# What a reader sees, by words that stand in the snippet.
SEEN = {
    "bind_tools": "'name': 'get_weather'",
    "with_structured_output": "Chengdu",
    "embed_documents": "2 1024",
    "AsyncClient": "deepseek",
    "get_text_embedding": "1024",
    "as_query_engine": "650",
    "with Sandbox()": "it works",
    "SophNetStreamingTranscriber": "= ",
    "videos.generate": "succeeded",
    "audio={": "audio/mpeg",
    "SophNetToolkit": "Haidai",
    "InvalidInput": "not sent:",
}


MEETING = "The train leaves in the morning. We will all be there."


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a folder with the files that the snippets name, and an environment that points at a sandbox."""
    folder = tmp_path_factory.mktemp("reader")
    for source, target in COPIES:
        shutil.copy(ROOT / source, folder / target)
    (folder / "meeting.wav").write_bytes(
        wav.pack(containers.resampled(speech.speak(MEETING, voices.named("man")), 16_000))
    )
    with Sandbox() as sandbox:
        yield folder, {**os.environ, **sandbox.env(), "PYTHONPATH": str(ROOT / "integrations")}


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet: str, surroundings: tuple[Path, dict[str, str]]) -> None:
    folder, environment = surroundings
    done = subprocess.run(  # noqa: S603  our own README
        [sys.executable, "-c", snippet],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.strip()
    for word, seen in SEEN.items():
        if word in snippet:
            assert seen in done.stdout


def test_each_expectation_belongs_to_a_snippet() -> None:
    assert all(any(word in snippet for snippet in SNIPPETS) for word in SEEN)


def test_the_first_screen_names_the_two_commands() -> None:
    for text in (ENGLISH, CHINESE):
        commands = re.findall(r"^\$ (.*?)(?:  +#.*)?$", text, re.MULTILINE)
        assert commands[:2] == ["make demo", "make test"]


def test_both_languages_say_the_same() -> None:
    assert re.findall(r"```python\n(.*?)```", CHINESE, re.DOTALL) == SNIPPETS
    for pattern in (r"^#+", r"\b[A-Z]+_[A-Z_]+\b", r"^\|(?=[^-\n])", r"^- ", r"`make \w+`", r"^\$ \S+ \S+"):
        found = [re.findall(pattern, text, re.MULTILINE) for text in (ENGLISH, CHINESE)]
        assert found[0] == found[1], pattern


def test_a_reader_is_told_how_to_come_by_each_file() -> None:
    made = {target for _, target in COPIES} | set(re.findall(r"Path\(\"(\S+?)\"\)\.write_bytes", ENGLISH))
    read = set(re.findall(r"\"([\w-]+\.(?:pdf|jpg|wav|png|mp4))\"", "".join(SNIPPETS)))
    assert read == made
    assert re.findall(r"^\$ cp (\S+) (\S+)$", CHINESE, re.MULTILINE) == COPIES


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_links_within_the_page_lead_somewhere(text: str) -> None:
    # As GitHub makes them: letters, digits, hyphens and underscores stay, and a space becomes a hyphen.
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#(.*?)\)", text)
    assert len(links) == 2
    assert set(links) <= anchors


def test_the_names_in_the_text_exist() -> None:
    named = set(re.findall(r"`((?:Chat|SophNet|Qiniu)[A-Z]\w+)\b", ENGLISH)) - {"ChatOpenAI"}
    faces = {*maaskit.langchain.__all__, *maaskit.llama_index.__all__}
    assert named == faces, "the table of what there is and the faces differ"
    for room in set(re.findall(r"`(?:maaskit\.)?((?:qiniu|sophnet)\.\w+|kodo|langchain|llama_index)`", ENGLISH)):
        importlib.import_module(f"maaskit.{room}")
    errors = set(re.findall(r"^\| (`[A-Z].*?) \| ", ENGLISH.partition("## Errors")[2], re.MULTILINE))
    names = {name for row in errors for name in re.findall(r"`(\w+)`", row)} - {"ValueError"}
    assert len(names) > 10
    assert all(issubclass(getattr(maaskit, name), maaskit.MaasError) for name in names)
