"""The aiohttp application: every handler module's routes under its cloud's prefix.

A module of this package named ``qiniu_*`` or ``sophnet_*`` that has ``ROUTES``, a list of
``(method, path, handler)`` with paths relative to the prefix, is served; nothing is registered elsewhere.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from aiohttp import web

import maaskit.sandbox
from maaskit.sandbox.gate import MIDDLEWARES
from maaskit.sandbox.replies import QINIU_PREFIX, SOPHNET_PREFIX
from maaskit.sandbox.state import STATE, SandboxState

MAX_REQUEST_BYTES: Final = 256 * 1024 * 1024

PREFIXES: Final = {"qiniu_": QINIU_PREFIX, "sophnet_": SOPHNET_PREFIX, "own_": ""}
"""What a module's name begins with, and what its paths begin with; ``own_`` is what the sandbox serves as itself."""


def build(state: SandboxState) -> web.Application:
    """Build the application of one sandbox.

    Args:
        state: What it knows.

    Returns:
        The application, ready to be run once.
    """
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_REQUEST_BYTES)
    app[STATE] = state
    for prefix, module in handler_modules():
        for method, path, handler in getattr(module, "ROUTES", ()):
            app.router.add_route(method, prefix + path, handler)
    return app


def handler_modules() -> Iterator[tuple[str, ModuleType]]:
    """Import the modules that answer endpoints.

    Yields:
        The prefix of a module's paths, and the module.
    """
    for info in pkgutil.iter_modules(maaskit.sandbox.__path__):
        for start, prefix in PREFIXES.items():
            if info.name.startswith(start):
                yield prefix, importlib.import_module(f"maaskit.sandbox.{info.name}")
