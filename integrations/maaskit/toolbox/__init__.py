"""The agents' tools once, without a framework: what a model may ask for, what is read, fetched and saved for it.

The frameworks' tools and the MCP server wrap what stands here; no framework is known, and no knowledge of the wire.
Names are loaded at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maaskit.toolbox.kinds import ToolKind
    from maaskit.toolbox.qiniu_tools import QINIU_TOOLS
    from maaskit.toolbox.results import Result
    from maaskit.toolbox.selection import chosen, made
    from maaskit.toolbox.sophnet_tools import SOPHNET_TOOLS
    from maaskit.toolbox.tool import Means, Rules, Tool, ToolUpdate, rules

__all__ = [
    "QINIU_TOOLS",
    "SOPHNET_TOOLS",
    "Means",
    "Result",
    "Rules",
    "Tool",
    "ToolKind",
    "ToolUpdate",
    "chosen",
    "made",
    "rules",
]

_HOMES = {
    "QINIU_TOOLS": "qiniu_tools",
    "SOPHNET_TOOLS": "sophnet_tools",
    "Result": "results",
    "ToolKind": "kinds",
    "chosen": "selection",
    "made": "selection",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'tool')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
