"""``python -m maaskit.sandbox``: serve both clouds until interrupted.

Only the command line lives here.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the ``export`` lines that point a shell at the sandbox, then serve until Ctrl-C.

    Args:
        arguments: The command line without the program's name; None for the process' own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m maaskit.sandbox", description="Serve both clouds on loopback.")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    options = parser.parse_args(arguments)
    try:
        from maaskit.sandbox import Sandbox  # noqa: PLC0415 - so that a missing package is told kindly
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        sandbox = Sandbox(port=options.port)
        sandbox.start()
    except ValueError as error:
        parser.error(f"--port: {error}")
    except OSError as error:
        sys.stderr.write(f"port {options.port} cannot be opened ({error}): take another, or none, with --port\n")
        return 1
    with suppress(KeyboardInterrupt):
        try:
            for name, value in sandbox.env().items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            sys.stdout.flush()
            sys.stderr.write("Paste these lines into another shell: what runs there needs no key; Ctrl-C ends it.\n")
            threading.Event().wait()
        finally:
            sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
