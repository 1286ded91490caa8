"""Fixtures for Qiniu's services: both drivers pointed at the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maaskit import AsyncClient, Client, Qiniu, RetryPolicy
from maaskit.sandbox import Sandbox

Ask = Callable[..., Any]


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
