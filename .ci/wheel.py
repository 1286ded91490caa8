"""Build the distribution and try what a user gets: each extra alone in a clean environment, doing what it promises.

Nothing of the checkout is on the path while a promise is tried; only the wheel is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Promise:
    """What an extra gives, as statements to run, and what must not have come along."""

    extra: str
    statements: tuple[str, ...]
    absent: tuple[str, ...]


CORE = (
    "from maaskit import AsyncClient, Client, MaasError, Media, Qiniu, RetryPolicy, SophNet, TaskPhase",
    "import maaskit.qiniu.chat, maaskit.qiniu.models, maaskit.qiniu.ocr, maaskit.qiniu.speech, maaskit.qiniu.storage",
    "import maaskit.qiniu.transcription, maaskit.qiniu.transcription_stream, maaskit.talk, maaskit.doctor",
    "import maaskit.sophnet as cloud, maaskit.toolbox, maaskit.image_editing",
    "print(*[getattr(cloud, name).__name__.rpartition('.')[2] for name in cloud.__all__])",
)
# An extra joins the list with the first thing that it promises.
PROMISES = (
    Promise("", CORE, ("langchain_core", "llama_index", "aiohttp")),
    Promise(
        "langchain",
        (
            *CORE,
            "import maaskit.langchain as face",
            "print(*[getattr(face, name).__name__ for name in face.__all__])",
        ),
        ("llama_index", "aiohttp", "markitdown"),
    ),
    Promise(
        "llama-index",
        (
            *CORE,
            "import maaskit.llama_index as face",
            "print(*[getattr(face, name).__name__ for name in face.__all__])",
        ),
        ("langchain_core", "markitdown"),
    ),
    Promise(
        "kodo",
        (
            "from maaskit.kodo import Storage",
            "store = Storage(access_key='a', secret_key='s', bucket='b', domain='files.example.com')",
            "print(store.url('scan.png').partition('?')[0])",
        ),
        ("langchain_core", "llama_index", "aiohttp"),
    ),
    Promise(
        "mcp",
        (
            "import os",
            "os.environ['QINIU_API_KEY'] = 'k'",
            "from maaskit.mcp import offered, tool_server",
            "tools = offered()",
            "print(tool_server(tools).name, *[tool.name for tool in tools])",
        ),
        ("langchain_core", "llama_index", "aiohttp"),
    ),
    Promise(
        "sandbox",
        (
            "from maaskit import Client, Qiniu",
            "from maaskit.qiniu.models import list_models",
            "from maaskit.sandbox import Sandbox",
            "with Sandbox() as box, Client(Qiniu(api_key=box.api_key, base_url=box.qiniu_url)) as client:",
            "    print(len(client.send(list_models())), 'models')",
        ),
        ("langchain_core", "llama_index"),
    ),
)


def main() -> int:
    """Build, look inside, and try every promise.

    Returns:
        0 when all promises hold; a broken one ends the program with its traceback.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wheel = built(place / "dist")
        look_inside(wheel)
        for promise in PROMISES:
            started = time.perf_counter()
            said = tried(promise, wheel, place / f"with-{promise.extra or 'nothing'}")
            seconds = time.perf_counter() - started
            sys.stdout.write(f"maaskit[{promise.extra}]: {said or 'imports'} ({seconds:.0f} s)\n")
            sys.stdout.flush()
    return 0


def built(folder: Path) -> Path:
    """Build the source distribution and, out of it, the wheel.

    Args:
        folder: Where both go.

    Returns:
        The wheel.
    """
    run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], cwd=folder.parent)
    (wheel,) = folder.glob("*.whl")
    return wheel


def look_inside(wheel: Path) -> None:
    """Check that the wheel holds the package, its type marker and its licence, and nothing else.

    Args:
        wheel: The built wheel.
    """
    names = zipfile.ZipFile(wheel).namelist()
    strangers = [name for name in names if not name.startswith("maaskit") or "__pycache__" in name]
    if strangers or "maaskit/py.typed" not in names or not any(name.endswith("/LICENSE") for name in names):
        sys.exit(f"the wheel is not what it should be: {strangers or names}")


def tried(promise: Promise, wheel: Path, folder: Path) -> str:
    """Install the wheel with one extra in an environment of its own, and run the promise there.

    Args:
        promise: What to install and to run.
        wheel: The built wheel.
        folder: Where the environment goes.

    Returns:
        What the statements printed.
    """
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    wanted = f"maaskit[{promise.extra}] @ {wheel.as_uri()}" if promise.extra else str(wheel)
    run([python, "-m", "pip", "install", "--quiet", wanted], cwd=folder)
    absent = (
        "import importlib.util, sys",
        f"came = [name for name in {promise.absent!r} if importlib.util.find_spec(name)]",
        "sys.exit(f'not asked for, and here: {came}' if came else 0)",
    )
    said = run([python, "-I", "-W", "error", "-c", "\n".join(promise.statements)], cwd=folder)
    run([python, "-I", "-c", "\n".join(absent)], cwd=folder)
    return said


def run(command: list[str], cwd: Path) -> str:
    """Run a command without the checkout on its path, and end the program when it fails.

    Args:
        command: Program and arguments.
        cwd: Working folder.

    Returns:
        What it printed, stripped.
    """
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603  our own interpreters and text
        command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
