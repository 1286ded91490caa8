"""What an import may cost: nothing that the user of one face does not need is loaded for it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "integrations"
ENGINES = {"PIL", "aiohttp", "cv2", "markitdown", "numpy", "onnxruntime", "pandas", "rapidocr"}
FRAMEWORKS = {"langchain", "langchain_core", "langgraph", "llama_index"}


def loaded_by(statement: str) -> set[str]:
    """Run one statement in a fresh interpreter and name the top-level modules that it left loaded."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603  our own interpreter and text
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import maaskit", {"httpx", "websockets", "pydantic", *FRAMEWORKS, *ENGINES}),
        ("import maaskit.qiniu.chat, maaskit.sophnet.chat", {"httpx", "websockets", *FRAMEWORKS, *ENGINES}),
        ("from maaskit import Client, AsyncClient", {"websockets", *FRAMEWORKS, *ENGINES}),
        ("import maaskit.langchain", {"websockets", "tqdm", "openai", "llama_index", *ENGINES}),
        (
            "from maaskit.langchain import ChatSophNet, SophNetEmbeddings, SophNetDocumentLoader, SophNetToolkit",
            {"websockets", "tqdm", "openai", "llama_index", *ENGINES},
        ),
        ("import maaskit.llama_index", {"langchain", "langchain_core", "langgraph", "websockets", "openai", "tqdm"}),
        ("import maaskit.kodo, maaskit.doctor", {"qiniu", "requests", "websockets", *FRAMEWORKS, *ENGINES}),
        ("from maaskit.sandbox import Sandbox", {"websockets", "httpx", *FRAMEWORKS, *ENGINES - {"aiohttp"}}),
    ],
)
def test_an_import_loads_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    assert not loaded_by(statement) & unwanted


def test_the_probe_sees_what_is_loaded() -> None:
    assert "httpx" in loaded_by("import httpx")


def environment_readers() -> set[str]:
    """Name the files outside the sandbox that read environment variables."""
    found = set()
    for file in (SOURCES / "maaskit").rglob("*.py"):
        place = file.relative_to(SOURCES / "maaskit").as_posix()
        names = {ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
        if names & {"os.environ", "os.getenv"} and not place.startswith("sandbox/"):
            found.add(place)
    return found


def test_one_file_reads_the_environment() -> None:
    assert environment_readers() <= {"credentials.py", "__main__.py"}
