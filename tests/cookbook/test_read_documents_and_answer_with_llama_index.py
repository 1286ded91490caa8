"""The LlamaIndex demo reads a folder and answers from it, and says what is missing when something is."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import audio, wav

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "cookbook" / "read_documents_and_answer_with_llama_index.py"
FACTS = ("650", "Carton 2 arrived wet", "(7050 - 6850) * 3 = 600", "6,850", "7,050.00")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe as a user does, with no cloud in the environment but what is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QINIU_", "SOPH"))}
    return subprocess.run(  # noqa: S603  our own recipe
        [sys.executable, str(RECIPE), *arguments],
        env={**clean, "PYTHONPATH": str(ROOT / "integrations"), "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "output"


@pytest.fixture(scope="module")
def shown(output: Path) -> str:
    """Give the screen of the demo, line ends included."""
    done = run("--output", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("llama_index_recipe", RECIPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("fact", FACTS)
def test_an_answer_holds_the_fact(shown: str, fact: str) -> None:
    assert fact in shown


def test_each_answer_shows_its_sources_and_tokens(shown: str, recipe: ModuleType) -> None:
    sources = re.findall(r"^sources: (.*)$", shown, re.MULTILINE)
    # Two files may answer one question equally well: their order is no promise.
    assert [sorted(found.split(", ")) for found in sources] == [
        ["procurement-and-travel-policy-2026.pdf"],
        ["delivery-note.jpg"],
        ["delivery-note.jpg", "procurement-and-travel-policy-2026.pdf"],
    ]
    counted = re.findall(r"^tokens:  ([\d,]+) in, ([\d,]+) out$", shown, re.MULTILINE)
    assert len(counted) == len(recipe.QUESTIONS)
    total = sum(int(number.replace(",", "")) for pair in counted for number in pair)
    assert f"Done. {total:,} tokens in all." in shown


def test_each_question_makes_the_agent_search(shown: str, recipe: ModuleType) -> None:
    assert shown.count("→ search_documents(") >= len(recipe.QUESTIONS)
    assert shown.count("→ calculator(") == 1


def test_the_last_answer_is_spoken_into_a_file_that_can_be_heard(shown: str, output: Path) -> None:
    (file,) = output.iterdir()
    told = re.search(r"Speaking  ([\d.]+) s at -(\d+) dBFS: (.*)$", shown, re.MULTILINE)
    assert told is not None
    assert told[3] == str(file)
    spoken = wav.unpack(file.read_bytes())
    assert spoken.rate == 16_000
    assert spoken.duration_ms / 1000 == pytest.approx(float(told[1]), abs=0.06)
    assert 5 < float(told[1]) < 120
    assert audio.loudness_dbfs(spoken) == pytest.approx(-float(told[2]), abs=0.6)
    assert float(told[2]) < 40


def test_without_a_key_the_screen_says_sandbox(shown: str) -> None:
    assert "No SOPHNET_API_KEY: using the sandbox" in shown


def test_with_keys_the_other_cloud_answers_from_another_folder(tmp_path: Path) -> None:
    below = tmp_path / "rules"
    below.mkdir()
    shutil.copy(ROOT / "cookbook" / "samples" / "procurement-and-travel-policy-2026.pdf", below)
    (tmp_path / "ignored.csv").write_text("not,read")
    with Sandbox() as sandbox:
        given = ("--cloud", "qiniu", "--folder", str(tmp_path), "--question", "机票应当提前几天预订？")
        done = run(*given, "--output", str(tmp_path / "spoken"), **sandbox.env())
        assert {request.path.rpartition("/")[2] for request in sandbox.requests} == {
            "doc-parse",
            "embeddings",
            "completions",
            "synthesize-audio",
        }
        assert sandbox.requests[-2].path == "/v1/chat/completions"
    assert done.returncode == 0, done.stdout + done.stderr
    assert "using the sandbox" not in done.stdout
    assert f"Qiniu (at {sandbox.env()['QINIU_BASE_URL']}) answers" in done.stdout
    assert "七天" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "missing"),
    [
        ((), {"SOPHNET_API_KEY": "k"}, ["SOPHNET_PROJECT_ID", "SOPHNET_DOC_PARSE_EASYLLM_ID", "SOPHNET_EASYLLM_ID"]),
        (("--cloud", "qiniu"), {"QINIU_API_KEY": "k"}, ["SOPHNET_API_KEY", "SOPHNET_PROJECT_ID"]),
    ],
)
def test_a_missing_variable_is_named(arguments: tuple[str, ...], variables: dict[str, str], missing: list[str]) -> None:
    done = run(*arguments, **variables)
    assert done.returncode != 0
    assert all(name in done.stderr for name in missing)


@pytest.mark.parametrize(("spoil", "said"), [("missing", "nowhere"), ("broken", "broken.pdf"), ("empty", "No files")])
def test_a_folder_that_cannot_be_read_ends_with_a_clear_error(tmp_path: Path, spoil: str, said: str) -> None:
    if spoil == "broken":
        (tmp_path / "broken.pdf").write_bytes(b"\x89PNG\r\n\x1a\n no document")
    done = run("--folder", str(tmp_path / "nowhere" if spoil == "missing" else tmp_path))
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("expression", "result"), [("1 + 2 * 3", "7"), ("-(2 - 5) / 2", "1.5"), ("45610 * 1.13", "51539.3")]
)
def test_the_calculator_calculates(recipe: ModuleType, expression: str, result: str) -> None:
    assert recipe.calculator(expression) == f"{expression} = {result}"


@pytest.mark.parametrize("expression", ["__import__('os').getcwd()", "9 ** 9 ** 9", "1 / 0", "x + 1", "((1", "1" * 300])
def test_the_calculator_refuses(recipe: ModuleType, expression: str) -> None:
    assert recipe.calculator(expression).startswith("This cannot be calculated")


def test_both_demos_ask_the_same() -> None:
    def constants(path: Path) -> dict[str, str]:
        assigned = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
        return {ast.unparse(node.targets[0]): ast.unparse(node.value) for node in assigned}

    first, second = constants(RECIPE.with_name("read_documents_and_answer.py")), constants(RECIPE)
    assert all(first[name] == second[name] for name in ("QUESTIONS", "INSTRUCTIONS", "MODELS"))
