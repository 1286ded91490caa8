"""Fixtures for all tests."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.scripted import ScriptedServer

if TYPE_CHECKING:
    from maaskit.sandbox import Sandbox

# Machines are slow at times, and a slow machine is no fault of what is tested.
settings.register_profile("maaskit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("maaskit")

# A shell lets what it starts in the background ignore interrupts, and so do that one's children: the programs of their
# own that tests interrupt would run on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """Give a loopback server that answers by a script."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """Run one sandbox for all tests; a test takes `sandbox`, a fixture that lives longer than a test takes this."""
    from maaskit.sandbox import Sandbox

    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Give the sandbox as good as new: without faults, variants and memories."""
    running_sandbox.requests.clear()
    idle_s = running_sandbox._state.socket_idle_s
    yield running_sandbox
    running_sandbox.faults.clear()
    running_sandbox._state.socket_idle_s = idle_s
    plain = type(running_sandbox.variants)()
    for name in plain.__slots__:
        setattr(running_sandbox.variants, name, getattr(plain, name))


@pytest.fixture(autouse=True)
def _no_cloud_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own keys out of the tests."""
    for name in ("QINIU_API_KEY", "QINIU_BASE_URL", "SOPHNET_API_KEY", "SOPH_API_KEY", "SOPHNET_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCESS_KEY", "SECRET_KEY", "BUCKET", "DOMAIN", "UPLOAD_URL"):
        monkeypatch.delenv(f"QINIU_{name}", raising=False)
    for name in ("PROJECT_ID", "EASYLLM_ID", "EMBEDDINGS_EASYLLM_ID", "DOC_PARSE_EASYLLM_ID"):
        monkeypatch.delenv(f"SOPHNET_{name}", raising=False)
    for name in ("SPEECH_TO_TEXT_EASYLLM_ID", "TEXT_TO_VOICE_EASYLLM_ID"):
        monkeypatch.delenv(f"SOPHNET_{name}", raising=False)


@pytest.fixture(autouse=True)
def _no_warning_given_yet() -> None:
    """Let each test hear the warnings that are given once per process."""
    traits = sys.modules.get("maaskit.openai_chat.traits")
    if traits is not None:
        traits._warned.clear()
