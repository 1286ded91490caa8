"""A running sandbox for the tests of its own endpoints, its switches put back after each test."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from maaskit.sandbox import Sandbox, Variants
from tests.sandbox.clouds import Cloud
from tests.sandbox.sophnet_voice import SophNetVoice


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.requests.clear()
    yield running
    running.faults.clear()
    plain = Variants()
    for name in Variants.__dataclass_fields__:
        setattr(running.variants, name, getattr(plain, name))


@pytest.fixture
def qiniu(sandbox: Sandbox) -> Iterator[Cloud]:
    with Cloud(sandbox, sandbox.qiniu_url, "deepseek-v3", "deepseek-r1") as cloud:
        yield cloud


@pytest.fixture
def sophnet(sandbox: Sandbox) -> Iterator[Cloud]:
    with Cloud(sandbox, f"{sandbox.sophnet_url}/v1", "Qwen2.5-72B-Instruct", "DeepSeek-R1") as cloud:
        yield cloud


@pytest.fixture(params=["qiniu", "sophnet"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    chosen: Cloud = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def sdk(cloud: Cloud) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=cloud.url, api_key=cloud.sandbox.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def voice(sandbox: Sandbox) -> Iterator[SophNetVoice]:
    talking = SophNetVoice(sandbox)
    yield talking
    talking.close()
