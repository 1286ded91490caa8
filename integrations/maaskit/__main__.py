"""``python -m maaskit``: doctor, sandbox and mcp.

Only the command line lives here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

_INTERRUPTED = 130  # what shells give for SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: The command line without the program's name; None for the process' own.

    Returns:
        The exit code: 0 when all is well, 1 when something is not, 130 after an interrupt.
    """
    parser = argparse.ArgumentParser(prog="python -m maaskit", description="Qiniu and SophNet for Python.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    doctor = commands.add_parser("doctor", help="tell which clouds are set up, and whether their keys are accepted")
    doctor.add_argument("--timeout", type=float, default=15.0, help="seconds to wait for a cloud (default: 15)")
    sandbox = commands.add_parser("sandbox", help="serve both clouds on loopback, without a key or a bill")
    sandbox.add_argument("--port", default="0", help="TCP port (default: a free one)")
    _add_mcp(commands.add_parser("mcp", help="serve the agents' tools over MCP, to any client"))
    options = parser.parse_args(arguments)
    if options.command == "mcp":
        return _mcp(options)
    return _doctor(options.timeout) if options.command == "doctor" else _sandbox(options.port)


def _add_mcp(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--transport", choices=("stdio", "streamable-http"), default="stdio", help="how clients come (default: stdio)")
    add("--host", default="127.0.0.1", help="address to listen on; any but a loopback one needs MAASKIT_MCP_TOKEN")
    add("--port", type=int, default=8765, help="TCP port (default: 8765; 0 takes a free one)")
    add("--server-name", action="append", default=[], metavar="NAME", help="a further name that clients ask it by")
    add("--root-dir", metavar="DIR", help="the folder whose files the tools may read (default: none)")
    add("--output-dir", metavar="DIR", help="the folder for results (default: none is saved)")
    add("--include", action="append", metavar="TOOL", help="a tool to serve; may be repeated (default: all)")
    add("--max-calls", type=int, metavar="N", help="how often each tool may be used (default: any number of times)")
    add("--allow-host", action="append", metavar="HOST", help="a private host that the tools may fetch from")
    add("--task-timeout", type=float, metavar="S", help="seconds to wait for an image, a film or a transcript")
    add("--timeout", type=float, metavar="S", help="seconds to wait for any other answer")


def _doctor(timeout_s: float) -> int:
    from maaskit.doctor import examine, is_well, render, verdict  # noqa: PLC0415 - the other commands do not need it

    sections = []
    try:
        for section in examine(timeout_s):
            sections.append(section)
            sys.stdout.write(render(section))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    sys.stdout.write(f"{verdict(sections)}\n")
    return 0 if is_well(sections) else 1


def _sandbox(port: str) -> int:
    try:
        from maaskit.sandbox.__main__ import main as serve  # noqa: PLC0415 - its packages are an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return serve([f"--port={port}"])


def _mcp(options: argparse.Namespace) -> int:
    from maaskit.errors import MaasError  # noqa: PLC0415 - the other commands do not need it

    try:
        from maaskit.mcp import Door, offered, serve_http, serve_stdio, tool_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "maaskit":
            raise
        sys.stderr.write('Serving over MCP needs the official SDK: pip install "maaskit[mcp]".\n')
        return 1
    try:
        tools = offered(
            root_dir=options.root_dir,
            output_dir=options.output_dir,
            include=options.include,
            allowed_hosts=options.allow_host,
            max_calls=options.max_calls,
            task_timeout=options.task_timeout,
            timeout=options.timeout,
        )
        server = tool_server(tools)
        # Standard output is the conversation itself.
        sys.stderr.write(f"maaskit serves {', '.join(tool.name for tool in tools)}\n")
        if options.transport == "stdio":
            serve_stdio(server)
        else:
            door = Door(options.host, options.port, allowed_hosts=options.server_name)
            serve_http(server, door, lambda url: sys.stderr.write(f"at {url}\n"))
    except MaasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
