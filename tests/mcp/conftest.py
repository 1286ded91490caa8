"""The environment that points at the sandbox."""

from __future__ import annotations

import pytest

from maaskit.sandbox import Sandbox


@pytest.fixture
def both_clouds(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Let the environment name the sandbox, as a user's would name the clouds."""
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    return sandbox
