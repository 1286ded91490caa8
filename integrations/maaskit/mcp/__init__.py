"""The agents' tools served over MCP, with the official SDK: to any client, on this machine or over HTTP.

What a tool does, and what it may read, is ``toolbox``' business. Names are loaded at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maaskit.mcp.offer import offered
    from maaskit.mcp.server import tool_server
    from maaskit.mcp.serving import Door, serve_http, serve_stdio

__all__ = ["Door", "offered", "serve_http", "serve_stdio", "tool_server"]

_HOMES = {"offered": "offer", "tool_server": "server"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'serving')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
