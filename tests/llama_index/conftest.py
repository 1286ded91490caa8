"""Fixtures for LlamaIndex's face: LLMs that ask the sandbox or a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maaskit.llama_index import QiniuLLM, SophNetLLM
from maaskit.sandbox import Sandbox
from tests.scripted import ScriptedServer

KEY = "key-that-must-not-be-seen-0123456789"
CLOUDS = {"qiniu": (QiniuLLM, "deepseek-v3"), "sophnet": (SophNetLLM, "DeepSeek-v3")}

MakeLLM = Callable[..., Any]


@pytest.fixture(params=sorted(CLOUDS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_llm(sandbox: Sandbox) -> MakeLLM:
    """Make an LLM of either cloud that asks the sandbox."""

    def make(cloud: str, **settings: Any) -> Any:
        kind, model = CLOUDS[cloud]
        url = sandbox.qiniu_url if cloud == "qiniu" else sandbox.sophnet_url
        return kind(**{"model": model, "api_key": sandbox.api_key, "base_url": url, **settings})

    return make


@pytest.fixture
def llm(make_llm: MakeLLM, cloud: str) -> Any:
    """Give an LLM of each cloud in turn that asks the sandbox."""
    return make_llm(cloud)


@pytest.fixture
def scripted_llm(scripted: ScriptedServer) -> MakeLLM:
    """Make an LLM that asks the scripted server."""

    def make(kind: type = QiniuLLM, **settings: Any) -> Any:
        return kind(**{"model": "deepseek-v3", "api_key": KEY, "base_url": scripted.url + "/v1", **settings})

    return make
