"""The sandbox recognises no test, demo or recipe: none of their words stands in its source."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text("utf-8") for path in sorted((ROOT / "integrations/maaskit/sandbox").rglob("*.py"))}
SHORTEST = 12
SHORTEST_CHINESE = 5

GENERIC = {
    "get_weather",  # SophNet's own example
    *("tool_calling", "tool_choice", "json_schema", "function_calling", "finish_reason", "tool_call_id"),
    *("completion_tokens", "prompt_tokens", "total_tokens", "input_tokens", "output_tokens"),
    *("content_blocks", "application/pdf", "Authorization"),
}
"""Names of the protocol itself."""


def docstrings(tree: ast.AST) -> set[int]:
    bodies = [
        n.body
        for n in ast.walk(tree)
        if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {id(b[0].value) for b in bodies if b and isinstance(b[0], ast.Expr) and isinstance(b[0].value, ast.Constant)}


def literals(path: Path, *, names: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value.strip()
        elif names and isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith(("test_", "_")):
            yield node.name


def distinctive(path: Path, *, names: bool) -> set[str]:
    found = {t for t in literals(path, names=names) if len(t) >= (SHORTEST if t.isascii() else SHORTEST_CHINESE)}
    return {text for text in found - GENERIC if " " in text or not text.isascii() or ("_" in text and names)}


def suite_of_langchain() -> Path:
    spec = importlib.util.find_spec("langchain_tests")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "integration_tests" / "chat_models.py"


def test_the_extraction_finds_what_it_must() -> None:
    found = distinctive(suite_of_langchain(), names=True)
    assert len(found) > 30
    assert any("cats" in text for text in found)
    assert any(not text.isascii() for text in found)


def test_no_words_of_langchains_suite() -> None:
    for text in distinctive(suite_of_langchain(), names=True):
        guilty = [path.name for path, source in SOURCES.items() if text in source]
        assert not guilty, text


@pytest.mark.parametrize("path", sorted((ROOT / "cookbook").rglob("*.py")), ids=lambda path: path.name)
def test_no_words_of_a_recipe(path: Path) -> None:
    for text in distinctive(path, names=False):
        guilty = [source.name for source, content in SOURCES.items() if text in content]
        assert not guilty, text
