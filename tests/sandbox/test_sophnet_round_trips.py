"""What the sandbox's SophNet says is what it hears, by every way that it listens."""

from __future__ import annotations

import itertools
import json
import re
import statistics
from collections.abc import Sequence

import pytest
from websockets.sync.client import connect

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import wav
from tests.sandbox.engines.sentences import sentences, word_errors
from tests.sandbox.sophnet_voice import SophNetVoice

SAID = tuple(itertools.islice(sentences(2026), 5))


@pytest.fixture(scope="module")
def talk(running_sandbox: Sandbox) -> bytes:
    talking = SophNetVoice(running_sandbox)
    recording = talking.talk(*(("longxiaochun", sentence) for sentence in SAID), pause_ms=600)
    talking.close()
    return recording


def median_errors(heard: Sequence[str]) -> float:
    found = statistics.median(word_errors(*pair) for pair in zip(SAID, heard, strict=True))
    print(f"word error rate, median of {len(SAID)} sentences: {found:.0%}")  # noqa: T201 - the figure is the point
    return found


def test_by_the_task(voice: SophNetVoice, talk: bytes) -> None:
    result = voice.finished(voice.upload(talk).json()["task_id"], within_s=200)["result"]
    assert median_errors([re.sub(r"\[.*?\] ", "", line) for line in result.splitlines()]) <= 0.3


def test_at_once(voice: SophNetVoice, talk: bytes) -> None:
    result = voice.at_once(voice.sandbox._state.keep(talk, "audio/wav")).json()["result"]
    assert median_errors(result.removesuffix(".").split(". ")) <= 0.3


def test_over_the_socket(voice: SophNetVoice, talk: bytes) -> None:
    sandbox = voice.sandbox
    url = f"{sandbox.sophnet_url.replace('http', 'ws', 1)}/projects/{sandbox.project_id}/easyllms/stream-speech"
    query = f"easyllm_id={sandbox.easyllm_id}&apikey={sandbox.api_key}&format=pcm&sample_rate=16000&heartbeat=true"
    pcm = wav.unpack(talk).pcm
    with connect(f"{url}?{query}") as socket:
        socket.recv()
        for at in range(0, len(pcm), 3200):
            socket.send(pcm[at : at + 3200])
        socket.send("BYE")
        events = [json.loads(message) for message in socket]
    assert median_errors([event["text"] for event in events if event["is_sentence_end"]]) <= 0.3
