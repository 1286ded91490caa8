"""The invoice recipe reads the scan, finds the wrong total, draws a picture and speaks the verdict."""

from __future__ import annotations

import importlib.util
import re
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from tests.cookbook.invoices import RECIPE, run, show_what_was_made


def test_the_agent_reads_calculates_draws_and_speaks(tmp_path: Path) -> None:
    screen = show_what_was_made(RECIPE, tmp_path)
    called = re.findall(r"^→ (\w+)\(", screen, re.MULTILINE)
    assert called == ["sophnet_ocr", "calculator", "sophnet_image", "sophnet_speech"]
    assert "using the sandbox" in screen


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("invoice_recipe", RECIPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_a_total_that_is_right_is_called_right(recipe: ModuleType) -> None:
    invoice = recipe.numbers_of("| item | amount |\n| --- | --- |\n| a | 1,000.50 |\n| b | 2.25 |\n|  | 1,002.75 |")
    assert invoice.expression == "1000.50 + 2.25"
    assert invoice.judged(Decimal("1002.75")) == "The invoice adds up to 1,002.75 and says 1,002.75. That is right."


def test_a_scan_without_a_table_is_no_invoice(recipe: ModuleType) -> None:
    with pytest.raises(SystemExit, match="No table"):
        recipe.numbers_of("Dear Sir or Madam")


@pytest.mark.parametrize(
    ("expression", "result"), [("1,250.00 + 99.90 - 10", "1339.90"), ("0.1 + 0.2", "0.3"), ("7", "7")]
)
def test_the_calculator_is_exact(recipe: ModuleType, expression: str, result: str) -> None:
    assert recipe.calculator.invoke({"expression": expression}) == f"{expression} = {result}"


@pytest.mark.parametrize("expression", ["2 ** 99999", "__import__('os')", "1 +", "", "a"])
def test_the_calculator_refuses(recipe: ModuleType, expression: str) -> None:
    assert recipe.calculator.invoke({"expression": expression}).startswith("This cannot be calculated")


def test_a_scan_that_is_not_there_ends_with_a_clear_error(tmp_path: Path) -> None:
    done = run(RECIPE, "--scan", str(tmp_path / "nowhere.jpg"), "--output", str(tmp_path / "out"))
    assert done.returncode != 0
    assert "nowhere.jpg" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", sorted(RECIPE.parent.glob("*.py")), ids=lambda path: path.stem)
def test_a_folder_that_cannot_be_made_ends_each_recipe_before_anything_is_asked(path: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = run(path, "--output", str(tmp_path / "taken" / "here"))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("NotADirectoryError: ")
