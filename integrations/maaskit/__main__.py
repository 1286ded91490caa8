"""``python -m maaskit``: doctor and sandbox.

Only the command line lives here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: The command line without the program's name; None for the process' own.

    Returns:
        The exit code: 0 when all is well, 1 when something is not.
    """
    parser = argparse.ArgumentParser(prog="python -m maaskit", description="Qiniu and SophNet for Python.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    doctor = commands.add_parser("doctor", help="tell which clouds are set up, and whether their keys are accepted")
    doctor.add_argument("--timeout", type=float, default=15.0, help="seconds to wait for a cloud (default: 15)")
    sandbox = commands.add_parser("sandbox", help="serve both clouds on loopback, without a key or a bill")
    sandbox.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    options = parser.parse_args(arguments)
    return _doctor(options.timeout) if options.command == "doctor" else _sandbox(options.port)


def _doctor(timeout_s: float) -> int:
    from maaskit.doctor import examine, is_well, render  # noqa: PLC0415 - the other commands do not need it

    sections = []
    for section in examine(timeout_s):
        sections.append(section)
        sys.stdout.write(render(section))
        sys.stdout.flush()
    well = is_well(sections)
    sys.stdout.write("All is well.\n" if well else "Something is missing: see the lines above.\n")
    return 0 if well else 1


def _sandbox(port: int) -> int:
    try:
        from maaskit.sandbox.__main__ import main as serve  # noqa: PLC0415 - its packages are an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return serve(["--port", str(port)])


if __name__ == "__main__":
    sys.exit(main())
