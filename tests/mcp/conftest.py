"""One sandbox for all tests of the MCP server, and the environment that points at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.variants import Variants


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    """Give the sandbox without faults, variants and memories."""
    running = _running_sandbox
    running.requests.clear()
    running.faults.clear()
    plain = Variants()
    for name in Variants.__slots__:
        setattr(running.variants, name, getattr(plain, name))
    return running


@pytest.fixture
def both_clouds(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Let the environment name the sandbox, as a user's would name the clouds."""
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    return sandbox
