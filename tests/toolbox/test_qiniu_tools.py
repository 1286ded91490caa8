"""Qiniu's transcription over its socket, as a tool: no upload, no lost word, nothing left open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maaskit import InvalidInput
from maaskit.access import settings_of
from maaskit.provider import Qiniu
from maaskit.toolbox import QINIU_TOOLS, Tool, chosen, made, rules
from tests.scripted_qiniu import STORAGE
from tests.scripted_recogniser import Recogniser, recording, wav_of, words
from tests.scripted_socket import ScriptedSocket
from tests.scripted_tools import KEY
from tests.toolbox.conftest import Run


@pytest.fixture
def socket() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()


@pytest.fixture
def tool(socket: ScriptedSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)
    provider = Qiniu(api_key=KEY, base_url=f"{socket.url}/v1")
    kinds = chosen(QINIU_TOOLS, provider, ["qiniu_transcription"])
    return made(kinds, settings_of(provider, timeout=30), rules(provider, root_dir=tmp_path))[0]


def test_a_local_wav_needs_no_upload(run: Run, tool: Tool, socket: ScriptedSocket, tmp_path: Path) -> None:
    socket.script(Recogniser())
    (tmp_path / "会议.wav").write_bytes(wav_of(recording(15)))
    result = run(tool, {"audio": "会议.wav"})
    assert result.text == words(0, 15)
    extras = result.block["extras"]
    assert (extras["way"], extras["duration_s"], len(extras["segments"])) == ("socket", 1.5, 2)


def test_a_recording_of_another_kind_says_how_it_can_be_sent(
    run: Run, tool: Tool, socket: ScriptedSocket, tmp_path: Path
) -> None:
    (tmp_path / "talk.mp3").write_bytes(b"ID3" + b"\0" * 100)
    (tmp_path / "fast.wav").write_bytes(wav_of(recording(3), rate=44100))
    for name in ("talk.mp3", "fast.wav"):
        with pytest.raises(InvalidInput, match="QINIU_BUCKET"):
            run(tool, {"audio": name})
    assert not socket.paths


async def test_a_cancelled_call_leaves_no_socket_open(tool: Tool, socket: ScriptedSocket, tmp_path: Path) -> None:
    socket.script(stalled := Recogniser(stall_after=1))
    (tmp_path / "long.wav").write_bytes(wav_of(recording(400)))
    task: asyncio.Task[Any] = asyncio.create_task(tool.acall({"audio": "long.wav"}))
    assert await asyncio.to_thread(stalled.heard_something.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    assert await asyncio.to_thread(socket.ended.acquire, timeout=30)
