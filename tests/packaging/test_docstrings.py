"""The docstring check finds what it is there to find."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "docstrings.py"
HEAD = '"""Numbers.\n\nNo words live here.\n"""\n'


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docstrings", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Numbers."""\n', "must not live here"),
        ("x = 1\n", "what lives here"),
        (HEAD + 'def f(a):\n    """Do it."""\n', "f takes arguments"),
        (HEAD + 'async def f(*, a):\n    """Do it.\n\n    Returns:\n        One.\n    """\n', "f takes arguments"),
        (HEAD + 'class C:\n    """One."""\n\n    def m(self, a):\n        """Do it."""\n', "m takes arguments"),
    ],
)
def test_a_fault_is_found(check: ModuleType, source: str, expected: str) -> None:
    assert [fault for _, fault in check.faults(source) if expected in fault]


@pytest.mark.parametrize(
    "source",
    [
        HEAD + 'def f(a):\n    """Do it.\n\n    Args:\n        a: A number.\n    """\n',
        HEAD + 'def f():\n    """Do it."""\n',
        HEAD + 'def _f(a):\n    """Do it."""\n',
        HEAD + 'class C:\n    """One."""\n\n    @override\n    def m(self, a):\n        """Do it."""\n',
    ],
)
def test_what_is_well_is_left_alone(check: ModuleType, source: str) -> None:
    assert not list(check.faults(source))


def test_the_exit_code_tells(check: ModuleType, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(HEAD)
    bad.write_text("x = 1\n")
    assert check.main([str(good)]) == 0
    assert check.main([str(tmp_path)]) == 1
    assert check.main([str(tmp_path / "empty")]) == 1
