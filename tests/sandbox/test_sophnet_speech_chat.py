from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from maaskit.sandbox import Sandbox, speech_chat_talk
from maaskit.sandbox.engines import audio, containers, recognition, wav
from maaskit.sandbox.engines.sound import Sound
from tests.sandbox.talking import RATE, Talk, answered, heard, kinds, said, talking

FIRST = "What is the capital of France?"
RIVER = "The old man walked along the river with his dog."
SECOND = "Please tell me about the history of the city."
PCM = {"speech_recognition_param": {"format": "pcm", "sample_rate": RATE}}
PASSAGES = "Context: " + " ".join(
    f"The history of the city in year {year}: a wall was built, and the market moved." for year in range(60)
)
LONG = {"messages": [{"role": "system", "content": "You are brief."}]}


def as_wav(pcm: bytes) -> bytes:
    return wav.pack(Sound(pcm, RATE))


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold every answer behind its first chunk until this is set."""
    gate, answer = threading.Event(), speech_chat_talk.spoken

    async def held(*order: Any) -> AsyncIterator[dict[str, Any]]:
        async with contextlib.aclosing(answer(*order)) as events:
            async for event in events:
                yield event
                while not gate.is_set():  # noqa: ASYNC110 -- another thread sets it
                    await asyncio.sleep(0.01)

    monkeypatch.setattr(speech_chat_talk, "spoken", held)
    return gate


async def test_a_turn_goes_as_the_document_says(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        assert await talk.next() == {"status": 0, "message": "", "event_type": "chat.created"}
        events = await talk.turn(as_wav(said(FIRST)))
    names = kinds(events)
    assert names[0] == "asr"
    completed = names.index("input_audio_buffer.completed")
    assert set(names[:completed]) == {"asr"}
    assert set(names[completed + 1 : -1]) == {"llm", "tts"}
    assert names[-1] == "conversation.chat.completed"
    assert events[completed] == {"status": 0, "message": "", "event_type": "input_audio_buffer.completed"}
    assert events[-1] == {"status": 0, "message": "", "event_type": "conversation.chat.completed"}
    final = [event for event in events if event.get("is_sentence_end")][-1]
    assert set(final) == {"text", "begin_time", "end_time", "words", "is_sentence_end"}
    assert "capital" in heard(events).lower()
    assert events[-2]["status"] == "finish"
    assert events[-2]["usage"] == {"characters": len(answered(events))}
    data = b"".join(base64.b64decode(e["audioFrame"]) for e in events if e.get("audioFrame"))
    assert containers.name_of(data) == "mp3"
    sound = containers.decode(data)
    assert sound.rate == 22050
    assert not audio.is_silent(sound)
    words = " ".join(s.plain for s in recognition.recognise([containers.decode(data, RATE).pcm])).split()
    assert set(words) & set(answered(events).lower().split())


async def test_settings_are_updated_by_a_string_of_json(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        speech = {"synthesis_param": {"format": "WAV_16000HZ_MONO_16BIT", "voice": "longlaotie"}}
        chat = {"messages": [{"role": "system", "content": "你是人工智能助手。"}], "model": "", "stream": True}
        assert (await talk.update(asr=PCM, chat=chat, speech=speech))["status"] == 0
        events = await talk.turn(said(FIRST))
    assert "capital" in heard(events).lower()
    data = b"".join(base64.b64decode(e["audioFrame"]) for e in events if e.get("audioFrame"))
    assert wav.is_wav(data)


async def test_the_documents_own_update(sandbox: Sandbox) -> None:
    message = (
        '{"create_transcription_task_req":{"service_uuid":""},"chat_completion_with_voice_output_req":'
        '{"chat_completion_req":{"messages":[{"role":"system","content":"你是人工智能助手。"}],"model":"","stream":true},'
        '"speech_synthesis_req":{"service_id":""}}}'
    )
    async with talking(sandbox) as talk:
        assert await talk.update(message) == {"status": 0, "message": "", "event_type": "chat.updated"}


async def test_turns_share_a_context_that_can_be_cleared_but_for_what_the_update_set(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[dict[str, Any]]] = []
    plan = speech_chat_talk.plan

    async def spying(request: Any, body: Any, dialect: Any) -> Any:
        asked.append(body["messages"])
        return await plan(request, body, dialect)

    monkeypatch.setattr(speech_chat_talk, "plan", spying)
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM, chat=LONG)
        first = await talk.turn(said(FIRST))
        await talk.turn(said(SECOND))
        await talk.send("conversation.clear")
        cleared = await talk.until("conversation.cleared")
        assert cleared == {"status": 0, "message": "", "event_type": "conversation.cleared"}
        await talk.turn(said(FIRST))
    assert [[m["role"] for m in messages] for messages in asked] == [
        ["system", "user"],
        ["system", "user", "assistant", "user"],
        ["system", "user"],  # what the update set is kept
    ]
    assert asked[1][1]["content"] == heard(first)
    assert asked[1][2]["content"] == answered(first)


async def test_an_interruption_cuts_the_answer_short_and_the_next_turn_works(
    sandbox: Sandbox, go_on: threading.Event
) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM, chat={"messages": [{"role": "system", "content": PASSAGES}]})
        await talk.speak(said(SECOND))
        await talk.send("input_audio_buffer.complete")
        while "llm" not in kinds(talk.seen):
            await talk.next()
        await talk.send("conversation.chat.cancel")
        await talk.until("conversation.chat.canceled")
        completed = await talk.until("conversation.chat.completed")
        assert completed["status"] == 0
        assert not any(event.get("status") == "finish" for event in talk.seen)
        assert kinds(talk.seen)[-2:] == ["conversation.chat.canceled", "conversation.chat.completed"]
        go_on.set()
        assert "river" in heard(await talk.turn(said(RIVER))).lower()


async def test_a_cancel_without_an_answer_does_no_harm(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        await talk.send("conversation.chat.cancel")
        await talk.until("conversation.chat.canceled")
        await talk.send("ping")
        await talk.until("pong")
    assert kinds(talk.seen) == ["chat.created", "conversation.chat.canceled", "pong"]


async def test_clearing_the_audio_forgets_what_was_heard(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM)
        await talk.speak(said(RIVER))
        await talk.send("input_audio_buffer.clear")
        await talk.until("input_audio_buffer.cleared")
        start = len(talk.seen)
        await talk.turn(said(FIRST))
    text = heard(talk.seen[start:]).lower()
    assert "capital" in text
    assert "river" not in text


async def test_silence_is_no_question(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM)
        events = await talk.turn(bytes(RATE))
        assert kinds(events) == ["input_audio_buffer.completed", "error", "conversation.chat.completed"]
        assert "nothing was recognised" in events[1]["message"]
        assert "capital" in heard(await talk.turn(said(FIRST))).lower()


@pytest.mark.parametrize(("mode", "goes_on"), [("online", True), ("dynamic", False)])
async def test_what_is_said_during_an_answer_belongs_to_the_next_turn(
    sandbox: Sandbox, go_on: threading.Event, mode: str, *, goes_on: bool
) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM, asr_mode=mode)
        await talk.speak(said(FIRST))
        await talk.send("input_audio_buffer.complete")
        await talk.speak(said(SECOND))
        await talk.send("ping")
        await talk.until("pong")  # what was said before it has come
        go_on.set()
        await talk.until("conversation.chat.completed")
        await talk.send("input_audio_buffer.complete")
        await talk.until("conversation.chat.completed")
    completed = kinds(talk.seen).index("input_audio_buffer.completed")
    first, second = talk.seen[:completed], talk.seen[completed:]
    assert "capital" in heard(first).lower()
    assert "history" in heard(second).lower()
    assert kinds(second).count("conversation.chat.completed") == 2
    ends = [event["end_time"] for event in first if event.get("is_sentence_end")]
    begins = [event["begin_time"] for event in second if "begin_time" in event]
    assert (begins[0] > ends[-1]) == goes_on  # times go on in the mode that always listens


@pytest.mark.parametrize("mode", ["refresh"])
async def test_a_refreshed_cache_drops_what_was_not_heard_yet(sandbox: Sandbox, mode: str) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM, asr_mode=mode)
        await talk.speak(said(FIRST))
        await talk.send("input_audio_buffer.complete")
        await talk.speak(said(SECOND)[: RATE // 2])  # it arrives before the answer begins, most of the time
        await talk.until("conversation.chat.completed")
        events = await talk.turn(said(RIVER))
    assert "history" not in heard(events).lower()
    assert next(e["begin_time"] for e in events if "begin_time" in e) < 1000  # times begin anew


async def test_a_file_that_goes_on_over_turns_needs_no_second_header(sandbox: Sandbox) -> None:
    first, second = said(FIRST), said(SECOND)
    async with talking(sandbox) as talk:
        assert "capital" in heard(await talk.turn(as_wav(first))).lower()
        assert "history" in heard(await talk.turn(second)).lower()


@pytest.mark.parametrize("form", ["mp3", "opus", "amr"])
async def test_compressed_audio(sandbox: Sandbox, form: str) -> None:
    data = containers.encode(Sound(said(FIRST, 600), RATE), form)
    async with talking(sandbox) as talk:
        await talk.update(asr={"speech_recognition_param": {"format": form}})
        assert "capital" in heard(await talk.turn(data)).lower()


async def test_broken_audio_is_an_error_and_not_the_end(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        await talk.speak(b"this is no wave file at all" * 10)
        event = await talk.until("error")
        assert "no WAV file" in event["message"]
        assert event["status"] != 0
        assert "capital" in heard(await talk.turn(as_wav(said(FIRST)))).lower()


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"token": "Bearer wrong"}, 401, "token"),
        ({"token": ...}, 401, "token is required"),
        ({"model": "gpt-9"}, 404, "gpt-9"),
        ({"model": ...}, 400, "model is required"),
        ({"asr_easyllm_id": ...}, 400, "asr_easyllm_id is required"),
        ({"asr_easyllm_id": "other"}, 404, "asr_easyllm_id not found"),
        ({"tts_easyllm_id": ...}, 400, "tts_easyllm_id is required"),
        ({"tts_easyllm_id": "other"}, 404, "tts_easyllm_id not found"),
        ({"project_id": "other"}, 404, "project"),
    ],
)
async def test_refused_connections_say_so_in_their_first_event(
    sandbox: Sandbox, changes: dict[str, Any], status: int, named: str
) -> None:
    async with talking(sandbox, **changes) as talk:
        event = await talk.next()
        assert event is not None
        assert (event["event_type"], event["status"]) == ("chat.created", status)
        assert named in event["message"]
        assert await talk.next() is None
        assert talk.socket.close_code == 1008
    sandbox.variants.speech_chat_handshake = "http"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with talking(sandbox, **changes):
            pass
    assert refused.value.status == status


async def test_the_token_needs_its_prefix(sandbox: Sandbox) -> None:
    async with talking(sandbox, token=sandbox.api_key) as talk:
        event = await talk.next()
        assert event is not None
        assert (event["status"], await talk.next()) == (401, None)


def parts(**changes: Any) -> str:
    value: dict[str, Any] = {
        "create_transcription_task_req": {},
        "chat_completion_with_voice_output_req": {"chat_completion_req": {}, "speech_synthesis_req": {}},
    }
    for path, change in changes.items():
        *where, last = path.split("__")
        target = value
        for name in where:
            target = target[name]
        if change is ...:
            del target[last]
        else:
            target[last] = change
    return json.dumps(value)


BOTH = "chat_completion_with_voice_output_req"


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"asr_mode": "online"}, "string of JSON"),
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ("{}", "create_transcription_task_req is required"),
        (parts(create_transcription_task_req=...), "create_transcription_task_req is required"),
        (parts(chat_completion_with_voice_output_req=...), f"{BOTH} is required"),
        (parts(**{f"{BOTH}__chat_completion_req": ...}), "chat_completion_req is required"),
        (parts(**{f"{BOTH}__speech_synthesis_req": ...}), "speech_synthesis_req is required"),
        (parts(asr_mode="always"), "online, refresh, dynamic"),
        (parts(create_transcription_task_req__heartbeat="yes"), "true or false"),
        (parts(create_transcription_task_req__speech_recognition_param={"format": "flac"}), "pcm, wav"),
        (parts(create_transcription_task_req__speech_recognition_param={"sample_rate": "fast"}), "sample_rate"),
        (parts(create_transcription_task_req__speech_recognition_param=5), "must be an object"),
        (parts(**{f"{BOTH}__chat_completion_req__model": "gpt-9"}), "gpt-9"),
        (parts(**{f"{BOTH}__chat_completion_req__temperature": 3}), "temperature"),
        (parts(**{f"{BOTH}__chat_completion_req__stream": False}), "must be true"),
        (parts(**{f"{BOTH}__chat_completion_req__messages": "hi"}), "must be an array"),
        (parts(**{f"{BOTH}__speech_synthesis_req__stream": False}), "must be true"),
        (parts(**{f"{BOTH}__speech_synthesis_req__synthesis_param": {"volume": 101}}), "from 0 to 100"),
    ],
)
async def test_wrong_updates_are_refused_and_the_next_one_is_not(sandbox: Sandbox, message: Any, named: str) -> None:
    async with talking(sandbox) as talk:
        event = await talk.update(message)
        assert event["event_type"] == "error"
        assert event["status"] != 0
        assert named in event["message"]
        assert (await talk.update(parts()))["status"] == 0


async def test_updates_are_refused_once_audio_has_been_sent(sandbox: Sandbox) -> None:
    async with talking(sandbox) as talk:
        assert (await talk.update(asr=PCM))["status"] == 0
        assert (await talk.update(asr=PCM))["status"] == 0  # 可更新多次
        await talk.speak(bytes(3200))
        event = await talk.update(asr=PCM)
        assert event["event_type"] == "error"
        assert "once audio has been sent" in event["message"]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("input_audio_buffer.clear", "input_audio_buffer.cleared"),
        ("input_audio_buffer.complete", "input_audio_buffer.completed"),
    ],
)
async def test_nothing_can_be_cleared_or_completed_before_any_audio(sandbox: Sandbox, kind: str, own: str) -> None:
    async with talking(sandbox) as talk:
        await talk.send(kind)
        assert "no audio has been sent" in (await talk.until("error"))["message"]
        sandbox.variants.speech_chat_refusal = "own_event"
        await talk.send(kind)
        assert (await talk.until(own))["status"] != 0


@pytest.mark.parametrize(
    "text", ["{", "[]", '"ping"', "{}", '{"event_type":"chat.delete"}', '{"event_type":5}', "[" * 9999]
)
async def test_events_that_mean_nothing_are_errors(sandbox: Sandbox, text: str) -> None:
    async with talking(sandbox) as talk:
        await talk.socket.send_str(text)
        event = await talk.until("error")
        assert "conversation.chat.cancel" in event["message"]
        await talk.send("ping")
        assert await talk.until("pong") == {"status": 0, "message": "", "event_type": "pong"}


async def test_a_second_complete_during_an_answer_is_refused(sandbox: Sandbox, go_on: threading.Event) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM)
        await talk.speak(said(FIRST))
        await talk.send("input_audio_buffer.complete")
        await talk.send("input_audio_buffer.complete")
        event = await talk.until("error")
        assert "not complete" in event["message"]
        go_on.set()
        await talk.until("conversation.chat.completed")


async def test_who_sends_no_ping_is_left(sandbox: Sandbox) -> None:
    sandbox._state.socket_idle_s = 0.5
    async with talking(sandbox) as talk:
        assert kinds([await talk.next() or {}]) == ["chat.created"]
        assert await talk.next() is None
        assert talk.socket.close_code == 1008


async def test_pings_keep_the_conversation(sandbox: Sandbox, ten_seconds_a_message: Any) -> None:
    async with talking(sandbox) as talk:
        for _ in range(20):
            await talk.send("ping")
            await talk.until("pong")


async def test_sound_is_no_ping(sandbox: Sandbox, ten_seconds_a_message: Any) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr={**PCM, "heartbeat": True})
        assert await closed_by(talk, [bytes(3200)] * 20) == 1008


@pytest.mark.parametrize(("counts", "code"), [(True, None), (False, 1008)])
async def test_silence_keeps_it_only_with_a_heartbeat(
    sandbox: Sandbox, ten_seconds_a_message: Any, *, counts: bool, code: int | None
) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr={**PCM, "heartbeat": counts})
        assert await closed_by(talk, [bytes(3200), "ping"] * 10) == code


async def closed_by(talk: Talk, said: list[str | bytes]) -> int | None:
    """Say one thing after the other; tell the code with which that ended the conversation, if it did."""
    with contextlib.suppress(ConnectionError):  # it is closed already
        for one in [*said, "conversation.chat.cancel"]:
            await (talk.speak(one) if isinstance(one, bytes) else talk.send(one))
    while (event := await talk.next()) is not None:
        if event.get("event_type") == "conversation.chat.canceled":
            return None
    return talk.socket.close_code


async def test_a_socket_can_be_dropped_in_mid_answer(sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/speech-chat", cut_after_events=6)
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM)
        await talk.speak(said(FIRST))
        await talk.send("input_audio_buffer.complete")
        while await talk.next() is not None:
            pass
        assert talk.socket.close_code == 1006
    assert len(talk.seen) == 6


async def test_a_client_that_leaves_in_mid_answer_ends_it(sandbox: Sandbox, go_on: threading.Event) -> None:
    async with talking(sandbox) as talk:
        await talk.update(asr=PCM)
        await talk.speak(said(FIRST))
        await talk.send("input_audio_buffer.complete")
        await talk.until("input_audio_buffer.completed")
    (entry,) = sandbox.requests.to("/speech-chat")
    assert await asyncio.to_thread(entry.wait, 30)
