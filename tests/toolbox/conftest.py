"""Fixtures of the toolbox: scripted clouds, and tools that are called in either way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maaskit.access import settings_of
from maaskit.provider import Qiniu, SophNet
from maaskit.toolbox import QINIU_TOOLS, SOPHNET_TOOLS, Result, Tool, chosen, made, rules
from tests.scripted import ScriptedServer
from tests.scripted_tools import KEY, ToolClouds

Run = Callable[..., Result]
MakeTool = Callable[..., Tool]


@pytest.fixture
def clouds(scripted: ScriptedServer) -> ToolClouds:
    return ToolClouds(scripted)


@pytest.fixture(params=["call", "acall"])
def run(request: pytest.FixtureRequest) -> Run:
    """Call a tool in either way."""

    def call(tool: Tool, arguments: dict[str, Any], on_update: Any = None) -> Result:
        if request.param == "call":
            return tool.call(arguments, on_update)
        return asyncio.run(tool.acall(arguments, on_update))

    return call


@pytest.fixture
def make_tool(clouds: ToolClouds) -> MakeTool:
    """Make a tool by its name; further arguments are its rules, ``options`` and ``max_calls``."""

    def make(name: str, *, options: Any = None, max_calls: Any = None, storage: Any = None, **more: Any) -> Tool:
        provider: Any
        if name.startswith("qiniu"):
            kinds, provider = QINIU_TOOLS, Qiniu(api_key=KEY, base_url=f"{clouds.server.url}/v1")
        else:
            kinds = SOPHNET_TOOLS
            provider = SophNet(api_key=KEY, base_url=clouds.server.url, project_id="P", easyllm_id="E")
        own = {name: options} if options else None
        settings = settings_of(provider, timeout=30, max_retries=0)
        found = chosen(kinds, provider, [name])
        return made(found, settings, rules(provider, **more), max_calls=max_calls, options=own, storage=storage)[0]

    return make
