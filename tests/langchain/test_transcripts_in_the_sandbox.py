"""Recordings and live audio through LangChain's classes, spoken and heard by the sandbox's engines."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path
from typing import Any

import pytest

from maaskit import Client, SophNet
from maaskit.langchain import SophNetStreamingTranscriber, SophNetTranscriptLoader
from maaskit.sandbox import Sandbox
from maaskit.sophnet import speech
from tests.sandbox.engines.sentences import word_errors

PCM = "PCM_16000HZ_MONO_16BIT"
SAID = (
    ("longxiaochun", "The doctor lost some fresh bread."),
    ("longcheng", "Every child wanted an interesting story."),
)


@pytest.fixture(scope="module")
def samples(running_sandbox: Sandbox) -> bytes:
    """Two people speak, one after the other."""
    ids = {"project_id": running_sandbox.project_id, "easyllm_id": running_sandbox.easyllm_id}
    with Client(SophNet(api_key=running_sandbox.api_key, base_url=running_sandbox.sophnet_url, **ids)) as client:
        parts = [client.send(speech.synthesize(text, voice=voice, format=PCM)).audio for voice, text in SAID]
    return b"".join(part + bytes(24_000) for part in parts)


@pytest.fixture
def way(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
        "timeout": 120,
    }


def wav_of(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def test_the_loader_tells_who_speaks_when(way: dict[str, Any], samples: bytes, tmp_path: Path) -> None:
    (tmp_path / "会议.wav").write_bytes(wav_of(samples))
    loader = SophNetTranscriptLoader(source=tmp_path / "会议.wav", split="turns", **way)
    first, second = loader.load()
    for document, (_, said) in zip((first, second), SAID, strict=True):
        assert word_errors(said, document.page_content) <= 0.4
    assert first.metadata["speaker"] != second.metadata["speaker"]
    assert first.metadata["end_ms"] <= second.metadata["begin_ms"]
    resumed = SophNetTranscriptLoader(
        source=tmp_path / "会议.wav", task_ids={str(tmp_path / "会议.wav"): first.metadata["task_id"]}, **way
    )
    (whole,) = asyncio.run(resumed.aload())
    assert [one["text"] for one in whole.metadata["segments"]] == [first.page_content, second.page_content]


def test_the_loader_at_once(sandbox: Sandbox, way: dict[str, Any], samples: bytes) -> None:
    url = sandbox._state.keep(wav_of(samples), "audio/wav")
    (document,) = SophNetTranscriptLoader(source=url, mode="sync", **way).load()
    assert word_errors(" ".join(text for _, text in SAID), document.page_content) <= 0.4
    assert document.metadata["duration_s"] == pytest.approx(len(samples) / 32000, abs=0.05)


@pytest.mark.parametrize("is_async", [False, True])
def test_live_audio_survives_drops(sandbox: Sandbox, way: dict[str, Any], samples: bytes, is_async: bool) -> None:
    live = SophNetStreamingTranscriber(resume=True, **way)
    whole = [one.text for one in live.invoke(samples)]
    assert len(whole) == 2
    sandbox.faults.add(path="stream-speech", cut_after_events=1, times=3)
    heard = asyncio.run(live.ainvoke(samples)) if is_async else live.invoke(wav_of(samples))
    assert [one.text for one in heard] == whole
    assert len(sandbox.faults) == 0
