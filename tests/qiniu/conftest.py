"""Fixtures for Qiniu's services: one sandbox, as good as new for each test, and both drivers pointed at it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from maaskit import AsyncClient, Client, Qiniu, RetryPolicy
from maaskit.sandbox import Sandbox, Variants
from maaskit.sandbox.engines import containers, speech, voices

Ask = Callable[..., Any]
SAID = ("the old man bought an interesting story last winter", "my friend followed the broken chair at the station")


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Give the sandbox without faults, variants and memories."""
    running = _running_sandbox
    running.requests.clear()
    yield running
    running.faults.clear()
    plain = Variants()
    for name in Variants.__slots__:
        setattr(running.variants, name, getattr(plain, name))


@pytest.fixture
def cloud(sandbox: Sandbox) -> Qiniu:
    return Qiniu(api_key=sandbox.api_key, base_url=sandbox.qiniu_url)


@pytest.fixture
def stored(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Set the object storage up in the environment as well."""
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, cloud: Qiniu) -> Ask:
    """Send a Call with either driver."""

    def run(call: Any) -> Any:
        settings: dict[str, Any] = {"timeout": 60.0, "retry_policy": RetryPolicy(first_delay_s=0.01)}
        if request.param == "sync":
            with Client(cloud, **settings) as client:
                return client.send(call)

        async def main() -> Any:
            async with AsyncClient(cloud, **settings) as client:
                return await client.send(call)

        return asyncio.run(main())

    return run


@pytest.fixture(scope="session")
def sentences_pcm() -> tuple[bytes, ...]:
    """Give the sentences of `SAID` as samples of 16 kHz, a pause behind each."""
    spoken = [containers.resampled(speech.speak(one, voices.named("a male")), 16_000).pcm for one in SAID]
    return tuple(pcm + bytes(16_000) for pcm in spoken)


@pytest.fixture(scope="session")
def letter() -> bytes:
    """Give a picture of a line."""
    picture = Image.new("RGB", (900, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), "Invoice 4711 of 2026", font=ImageFont.load_default(40), fill="black")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
