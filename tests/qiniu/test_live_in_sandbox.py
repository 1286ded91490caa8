"""Live recognition: our client and the sandbox's recogniser, written by two hands from one document."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from maaskit import (
    AsyncClient,
    Client,
    InvalidInput,
    Qiniu,
    RetryPolicy,
    SessionError,
    SessionTimedOut,
    UnexpectedAnswer,
)
from maaskit.qiniu import transcription_stream
from maaskit.sandbox import Sandbox
from maaskit.transcript import Utterance
from tests.sandbox.engines.sentences import sentences, word_errors, words_of
from tests.spoken import SAID, phrase, sentence
from tests.talking import Face

Hear = Callable[..., list[Utterance]]


@pytest.fixture(params=["sync", "async"])
def hear(request: pytest.FixtureRequest, cloud: Qiniu) -> Hear:
    """Hear a recording with either driver, to the end."""

    def run(pcm: bytes, *, paced: bool = False, piece: int = 6400, **settings: Any) -> list[Utterance]:
        session = transcription_stream.listen(**settings)
        pieces = [pcm[at : at + piece] for at in range(0, len(pcm), piece)]
        policy: dict[str, Any] = {"timeout": 60.0, "retry_policy": RetryPolicy(first_delay_s=0.01)}
        if request.param == "sync":
            with Client(cloud, **policy) as client, client.connect(session) as talk:
                return list(talk.feed(pieces, paced=paced))

        async def main() -> list[Utterance]:
            async def spoken() -> Any:
                for one in pieces:
                    yield one

            async with AsyncClient(cloud, **policy) as client, client.connect(session) as talk:
                return [utterance async for utterance in talk.feed(spoken(), paced=paced)]

        return asyncio.run(main())

    return run


def both() -> bytes:
    return sentence(SAID[0]) + sentence(SAID[1])


def told(utterances: list[Utterance]) -> str:
    return " ".join(one.text for one in utterances if one.is_final)


def test_a_file_at_once(hear: Hear) -> None:
    utterances = hear(both())
    finals = [one for one in utterances if one.is_final]
    assert len(finals) == 2
    assert word_errors(" ".join(SAID), told(utterances)) <= 0.3
    edges = [edge for one in finals for word in one.words for edge in (word.begin_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(both()) / 32
    assert [word.text for word in finals[0].words] == words_of(finals[0].text)


@pytest.mark.parametrize("kind", [Client, AsyncClient], ids=["sync", "async"])
def test_live_audio_is_heard_while_it_is_spoken(cloud: Qiniu, kind: Any) -> None:
    """The speaker pauses in the middle of the sentence until something of it was heard."""
    pieces = [sentence()[at : at + 6400] for at in range(0, len(sentence()), 6400)]
    middle = len(pieces) // 2
    heard: list[Utterance] = []
    with Face(kind, cloud, timeout=60).connect(transcription_stream.listen()) as talk:
        talk.produce(*pieces[:middle], lambda: heard, *pieces[middle:])
        talk.rest(heard)
    assert not heard[0].is_final
    assert word_errors(SAID[0], told(heard)) <= 0.3


def test_a_recording_can_be_sent_at_the_pace_of_life(hear: Hear) -> None:
    started = time.monotonic()
    assert "old man" in told(hear(phrase(), paced=True))
    assert time.monotonic() - started >= len(phrase()) / 32_000 * 0.8  # the last piece is not waited for


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("asr_last", "positive"),
        ("asr_last", "flag"),
        ("asr_last", "close"),
        ("asr_serialization", "raw"),
        ("asr_compression", "none"),
        ("asr_compression", "mislabelled"),
        ("asr_header", "long"),
        ("asr_wrapper", "payload_msg"),
        ("asr_first", "no_result"),
        ("asr_result", "list"),
        ("asr_utterances", "no_words"),
        ("asr_utterances", "absent"),
        ("asr_replies", "ack"),
        ("asr_replies", "ack_flagged"),
        ("asr_replies", "ack_twice"),
        ("asr_replies", "none"),
    ],
)
@pytest.mark.parametrize("hear", ["sync"], indirect=True)  # a frame is read alike by either driver
def test_every_way_in_which_the_service_may_write(sandbox: Sandbox, hear: Hear, variant: str, value: str) -> None:
    setattr(sandbox.variants, variant, value)
    finals = [one for one in hear(phrase()) if one.is_final]
    assert len(finals) == 1
    assert "old man" in finals[0].text
    if variant != "asr_utterances":
        assert [word.text for word in finals[0].words] == words_of(finals[0].text)


def test_text_messages_are_read_as_well(sandbox: Sandbox, hear: Hear) -> None:
    sandbox.variants.asr_replies = "text"
    sandbox.variants.asr_last = "close"
    assert "old man" in told(hear(phrase()))


def test_one_sentence_at_a_time(hear: Hear) -> None:
    utterances = hear(both(), extra_request={"result_type": "single"})
    assert word_errors(" ".join(SAID), told(utterances)) <= 0.3


def test_a_wav_is_sent_without_its_header(hear: Hear) -> None:
    from maaskit.sandbox.engines import wav
    from maaskit.sandbox.engines.sound import Sound

    assert told(hear(wav.pack(Sound(phrase(), 16_000)), format="wav", piece=777)) == told(hear(phrase()))


@pytest.fixture(scope="session")
def story() -> bytes:
    """Give six spoken sentences."""
    return b"".join(map(sentence, islice(sentences(1), 4, 10)))


@pytest.fixture(scope="module")
def known() -> dict[bytes, list[str]]:
    """Remember what was heard without a fault, which takes its time."""
    return {}


@pytest.mark.parametrize(("fault", "limit"), [("cut_after_bytes", 140_000), ("cut_after_events", 26)])
def test_five_dropped_connections_lose_no_word_and_double_none(
    sandbox: Sandbox, hear: Hear, story: bytes, known: dict[bytes, list[str]], fault: str, limit: int
) -> None:
    undisturbed = known.get(story) or [one.text for one in hear(story) if one.is_final]
    known[story] = undisturbed
    assert len(undisturbed) == 6
    sandbox.requests.clear()
    # Each connection gets far enough for a sentence and is lost within the next one.
    sandbox.faults.add(path="/voice/asr", times=5, **{fault: limit})
    finals = [one for one in hear(story, resume=True) if one.is_final]
    assert [entry.status for entry in sandbox.requests.to("/voice/asr")] == [101] * 6
    assert [one.text for one in finals] == undisturbed
    edges = [edge for one in finals for word in one.words for edge in (word.begin_ms, word.end_ms)]
    assert edges == sorted(edges)


def test_without_resume_a_drop_is_an_error_that_keeps_what_was_heard(sandbox: Sandbox, hear: Hear) -> None:
    sandbox.faults.add(path="/voice/asr", cut_after_bytes=140_000)
    with pytest.raises(SessionError):
        hear(both())


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refused_handshake(sandbox: Sandbox, hear: Hear, status: int) -> None:
    sandbox.faults.add(path="/voice/asr", status=status, message="no entry")
    with pytest.raises(Exception, match="no entry") as refused:
        hear(phrase())
    assert getattr(refused.value, "status", None) == status


def test_a_busy_service_is_asked_again(sandbox: Sandbox, hear: Hear) -> None:
    sandbox.faults.add(path="/voice/asr", status=429, retry_after="0", times=2)
    assert "old man" in told(hear(phrase()))
    assert [entry.status for entry in sandbox.requests.to("/voice/asr")] == [429, 429, 101]


def test_what_the_service_refuses_in_a_frame(sandbox: Sandbox, hear: Hear) -> None:
    with pytest.raises(SessionError, match=r"45000001.*model_name"):
        hear(phrase(), model_name="other")


def test_garbage_doubles_and_silence(sandbox: Sandbox, cloud: Qiniu, hear: Hear) -> None:
    sandbox.faults.add(path="/voice/asr", garbage=True)
    with pytest.raises(UnexpectedAnswer):
        hear(phrase())
    sandbox.faults.add(path="/voice/asr", duplicate_events=True)
    assert len([one for one in hear(phrase()) if one.is_final]) == 1
    sandbox.faults.add(path="/voice/asr", stall_after_bytes=1000, stall_s=20)
    with (
        Client(cloud, timeout=2, max_retries=0) as client,
        client.connect(transcription_stream.listen()) as talk,
        pytest.raises(SessionTimedOut),
    ):
        list(talk.feed([phrase()]))


def test_the_key_is_in_the_header_and_nowhere_else(sandbox: Sandbox, hear: Hear) -> None:
    hear(phrase())
    (entry,) = sandbox.requests.to("/voice/asr")
    assert entry.headers["authorization"] == f"Bearer {sandbox.api_key}"
    assert not entry.query
    assert not any(sandbox.api_key.encode() in message for message in entry.messages if isinstance(message, bytes))


def test_an_empty_conversation_ends(sandbox: Sandbox, hear: Hear) -> None:
    with pytest.raises((SessionError, InvalidInput), match=re.compile("no audio|empty", re.IGNORECASE)):
        hear(b"")


def test_the_reader_may_leave(sandbox: Sandbox, cloud: Qiniu) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield sentence()[:6400]

    with Client(cloud) as client, client.connect(transcription_stream.listen()) as talk:
        talk.feed(endless(), paced=True)
        next(iter(talk))
    (entry,) = sandbox.requests.to("/voice/asr")
    assert entry.wait(30)
