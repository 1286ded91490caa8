"""How both invoice recipes are run and judged: one scan, one answer, a picture that is one, a sound that is heard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import imagesize

from maaskit.sandbox.engines import audio, containers

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "cookbook" / "check_an_invoice.py"
VERDICT = "The invoice adds up to 50,861.30 and says 50,681.30. That is wrong by 180.00."


def run(recipe: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a recipe as a user does, with no cloud in the environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QINIU_", "SOPH"))}
    return subprocess.run(  # noqa: S603  our own recipe
        [sys.executable, str(recipe), *arguments],
        env={**clean, "PYTHONPATH": str(ROOT / "integrations"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def show_what_was_made(recipe: Path, folder: Path) -> str:
    """Run a recipe, look at its picture, listen to its sound, and give its screen."""
    done = run(recipe, "--output", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    assert done.stdout.rstrip().endswith(VERDICT)
    made = {file.suffix: file for file in folder.iterdir()}
    assert set(made) == {".png", ".mp3"}
    assert imagesize.get(made[".png"]) == (1328, 1328)
    spoken = containers.decode(made[".mp3"].read_bytes())
    assert 5_000 < spoken.duration_ms < 40_000
    assert not audio.is_silent(spoken)
    return done.stdout
