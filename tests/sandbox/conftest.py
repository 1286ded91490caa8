"""Each of the sandbox's services as a test talks to it, and what decides when they go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.patience import Patience
from tests.sandbox.clouds import Cloud
from tests.sandbox.sophnet_voice import SophNetVoice
from tests.sandbox.studio import Gate


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


class SlowClock:
    """A conversation's clock on which each message takes ten seconds to come, and nothing else any time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def ten_seconds_a_message(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    """Let conversations believe that each message took ten seconds to come."""
    clock = SlowClock()
    begin = Patience.__init__

    def begin_slowly(patience: Patience, receive: Any, limit_s: float) -> None:
        async def slowly(within_s: float) -> str | bytes | None:
            message: str | bytes | None = await receive(within_s)
            clock.now_s += 10
            return message

        begin(patience, slowly, limit_s)
        patience._clock = clock

    monkeypatch.setattr(Patience, "__init__", begin_slowly)
    return clock


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Let the test say when a task for a picture or a film goes on."""
    gate = Gate(monkeypatch)
    yield gate
    gate.open(100)


@pytest.fixture
def voice(sandbox: Sandbox) -> Iterator[SophNetVoice]:
    talking = SophNetVoice(sandbox)
    yield talking
    talking.close()
