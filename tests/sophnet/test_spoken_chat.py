"""SophNet's chat with voice output: the request as documented, text and sound interleaved, and the end of both."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import (
    APIError,
    Client,
    ConfigurationError,
    InvalidInput,
    MaasError,
    SophNet,
    StreamInterrupted,
    UnexpectedAnswer,
)
from maaskit.errors import AuthenticationFailed
from maaskit.sophnet import speech
from maaskit.sophnet.spoken_chat import SpokenAnswer, SpokenDelta, stream
from maaskit.sophnet.spoken_pieces import SpokenStreamReader
from maaskit.wire import Response
from tests.scripted import Reply, ScriptedServer, json_reply
from tests.scripted_voice import EXAMPLE, MODEL, SOUND, chat, line, reply, sse, voice

Send = Callable[..., Any]

HELLO = [{"role": "user", "content": "你好"}]


def said(deltas: list[SpokenDelta]) -> tuple[str, bytes]:
    return "".join(delta.content for delta in deltas), b"".join(delta.audio for delta in deltas)


def test_the_request_is_the_documents_own(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE))
    send(stream(HELLO, MODEL))
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions-with-voice-output")
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.json == {
        "chat_completion_req": {"messages": HELLO, "model": MODEL, "stream": True},
        "speech_synthesis_req": {"easyllm_id": "E1"},
    }


def test_every_documented_field_is_sent_under_its_own_name(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE))
    what = stream(
        HELLO,
        MODEL,
        temperature=0.5,
        max_tokens=100,
        stop="完",
        voice="longwan",
        format="mp3_16000hz_mono_128kbps",
        speech_model="cosyvoice-v1",
        volume=80,
        speech_rate=1.2,
        pitch_rate=0.5,
        extra_body={"steps": 3},
    )
    send(what, text_to_voice_easyllm_id="T7")
    assert scripted.seen[0].json == {
        "chat_completion_req": {
            "messages": HELLO,
            "model": MODEL,
            "stream": True,
            "temperature": 0.5,
            "max_tokens": 100,
            "stop": ["完"],
            "steps": 3,
        },
        "speech_synthesis_req": {
            "easyllm_id": "T7",
            "synthesis_param": {
                "model": "cosyvoice-v1",
                "voice": "longwan",
                "format": "MP3_16000HZ_MONO_128KBPS",
                "volume": 80,
                "speechRate": 1.2,
                "pitchRate": 0.5,
            },
        },
    }


def test_an_id_of_the_call_goes_before_the_providers(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE))
    send(stream(HELLO, MODEL, easyllm_id="mine"))
    assert scripted.seen[0].json["speech_synthesis_req"] == {"easyllm_id": "mine"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"volume": 101}, "volume .*0 to 100"),
        ({"volume": -1}, "volume"),
        ({"speech_rate": 0.4}, r"speech_rate .*0\.5 to 2"),
        ({"pitch_rate": 2.1}, "pitch_rate"),
        ({"format": "OGG_16000HZ_MONO_16BIT"}, "MP3, WAV or PCM"),
        ({"format": "mp3"}, "samplingrate"),
        ({"voice": ""}, "voice"),
        ({"speech_model": 1}, "model"),
        ({"n": 2}, "n must be 1"),
        ({"temperature": 3}, "temperature"),
        ({"volumes": 3}, "Unknown chat field volumes"),
    ],
)
def test_what_the_document_forbids_is_refused_before_anything_is_sent(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        stream(HELLO, MODEL, **settings)


def test_a_missing_service_id_is_named(scripted: ScriptedServer) -> None:
    with (
        Client(SophNet(api_key="k", base_url=scripted.url)) as client,
        pytest.raises(ConfigurationError, match="SOPHNET_TEXT_TO_VOICE_EASYLLM_ID"),
    ):
        list(client.stream(stream(HELLO, MODEL)))
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (sse, "text/event-stream"),
        (lambda event: b"data: " + json.dumps(event).encode() + b"\n\n", "text/event-stream;charset=UTF-8"),
        (line, "text/event-stream"),
        (line, "application/json"),
        (line, "application/x-ndjson"),
        (sse, "application/json"),
    ],
)
def test_text_and_sound_come_interleaved_in_every_form_of_stream(
    send: Send, scripted: ScriptedServer, write: Any, kind: str
) -> None:
    scripted.script(reply(EXAMPLE, write, content_type=kind))
    deltas = send(stream(HELLO, MODEL))
    assert said(deltas) == ("你好!有什么可以帮助你的吗?", b"".join(SOUND))
    order = ["text" if delta.content else "sound" for delta in deltas if delta.content or delta.audio]
    assert order == ["text", "text", "text", "sound", "text", "sound", "sound"]
    assert [delta.last for delta in deltas] == [False] * (len(deltas) - 1) + [True]
    last = deltas[-1]
    assert (last.finish_reason, last.characters, last.usage) == ("stop", 26, None)
    assert (last.id, last.model) == ("chatcmpl-xxx", MODEL)


def test_the_pieces_make_one_sound_file(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE))
    sound = speech.joined(send(stream(HELLO, MODEL)), "MP3_16000HZ_MONO_128KBPS")
    assert (sound.audio, sound.content_type, sound.characters) == (b"".join(SOUND), "audio/mpeg", 26)


@pytest.mark.parametrize(
    "frame",
    [
        {"status": "accepting", "audioFrame": {"array": "AQID"}},
        {"status": "accepting", "audioFrame": "AQID"},
        {"audioFrame": "AQ\nID"},
        {"status": "accepting", "usage": None, "audioFrame": None, "data": "AQID"},
        {"data": "AQID"},
    ],
)
def test_the_sound_is_found_wherever_the_document_puts_it(
    send: Send, scripted: ScriptedServer, frame: dict[str, Any]
) -> None:
    scripted.script(reply([chat("一"), frame, chat("", finish_reason="stop"), voice(None, "finish")]))
    assert said(send(stream(HELLO, MODEL))) == ("一", b"\x01\x02\x03")


def test_characters_are_no_tokens_and_tokens_are_kept(send: Send, scripted: ScriptedServer) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    events = [
        chat("一"),
        {**chat("", finish_reason="stop"), "usage": usage},
        voice(b"x", usage={"characters": 1}),
        voice(b"y", "finish", {"characters": 2}),
    ]
    scripted.script(reply(events))
    last = send(stream(HELLO, MODEL))[-1]
    assert last.usage is not None
    assert (last.usage.total_tokens, last.characters, last.audio) == (7, 2, b"y")


def test_a_done_of_the_chats_own_does_not_cut_the_sound(send: Send, scripted: ScriptedServer) -> None:
    pieces = [sse(chat("一", finish_reason="stop")), b"data: [DONE]\n\n", sse(voice(b"x")), sse(voice(None, "finish"))]
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [*pieces, b"data: [DONE]\n\n"]))
    assert said(send(stream(HELLO, MODEL))) == ("一", b"x")


def test_a_finish_before_the_chats_own_end_waits_for_it(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply([chat("一"), voice(b"x", "finish"), chat("二", finish_reason="length")]))
    deltas = send(stream(HELLO, MODEL))
    assert said(deltas) == ("一二", b"x")
    assert (deltas[-1].last, deltas[-1].finish_reason) == (True, "length")


def test_what_comes_after_the_finish_is_not_heard(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(reply([*EXAMPLE, chat("zu spät"), voice(b"late")]))
    assert said(send(stream(HELLO, MODEL))) == ("你好!有什么可以帮助你的吗?", b"".join(SOUND))


@pytest.mark.parametrize("end", [1, 5, 9, 10])
def test_an_end_before_the_finish_is_an_interruption_with_what_came(
    send: Send, scripted: ScriptedServer, end: int
) -> None:
    scripted.script(reply(EXAMPLE[:end]))
    with pytest.raises(StreamInterrupted, match="status finish") as caught:
        send(stream(HELLO, MODEL))
    partial = caught.value.partial
    assert isinstance(partial, SpokenAnswer)
    came = [frame for frame in EXAMPLE[:end] if frame.get("audioFrame")]
    assert partial.audio == b"".join(SOUND[: len(came)])
    assert "你好!有什么可以帮助你的吗?".startswith(partial.content)
    assert bool(partial.content) == (end > 1)


def test_a_lost_connection_and_a_cut_line_are_interruptions(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [sse(chat("一")), sse(voice(b"x"))], reset=True))
    with pytest.raises(StreamInterrupted) as caught:
        send(stream(HELLO, MODEL))
    assert (caught.value.partial.content, caught.value.partial.audio) == ("一", b"x")
    cut = [sse(chat("一", finish_reason="stop")), b'data:{"status":"fin']
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, cut))
    with pytest.raises(StreamInterrupted):
        send(stream(HELLO, MODEL))


def test_a_call_of_a_function_needs_no_sound(send: Send, scripted: ScriptedServer) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    scripted.script(reply([{**chat(""), "choices": [choice]}]))
    deltas = send(stream(HELLO, MODEL))
    assert deltas[0].tool_calls[0].name == "get_weather"
    assert deltas[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("event", "error", "words"),
    [
        ({"status": 401, "message": "wrong one", "result": None}, AuthenticationFailed, "wrong one"),
        ({"error": {"message": "no voice left"}}, APIError, "no voice left"),
        ({"status": "failed", "message": "no voice left"}, APIError, "no voice left"),
        ({"status": "accepting", "audioFrame": "###"}, UnexpectedAnswer, "base64"),
        ({"status": "accepting", "audioFrame": 7}, UnexpectedAnswer, "base64"),
    ],
)
def test_an_error_in_mid_stream_is_raised_with_what_came(
    send: Send, scripted: ScriptedServer, event: dict[str, Any], error: type[Exception], words: str
) -> None:
    scripted.script(reply([chat("一"), voice(b"x"), event]))
    with pytest.raises(error, match=words) as caught:
        send(stream(HELLO, MODEL))
    assert (caught.value.partial.content, caught.value.partial.audio) == ("一", b"x")  # type: ignore[attr-defined]


def test_a_refusal_in_place_of_a_stream_is_raised(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 401, "message": "wrong one", "result": None, "timestamp": 1}))
    with pytest.raises(AuthenticationFailed, match="wrong one"):
        send(stream(HELLO, MODEL))
    scripted.script(json_reply({"message": "no such model"}, 404))
    with pytest.raises(APIError, match="no such model"):
        send(stream(HELLO, MODEL))


def test_a_whole_answer_without_sound_is_no_spoken_one(send: Send, scripted: ScriptedServer) -> None:
    message = {"role": "assistant", "content": "一"}
    scripted.script(json_reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
    with pytest.raises(StreamInterrupted) as caught:
        send(stream(HELLO, MODEL))
    assert caught.value.partial.content == "一"


@given(
    events=st.lists(
        st.dictionaries(
            st.sampled_from(["status", "usage", "audioFrame", "data", "choices", "error", "id"]),
            st.none() | st.text(max_size=6) | st.integers() | st.lists(st.dictionaries(st.text(max_size=5), st.none())),
        )
        | st.sampled_from(EXAMPLE),
        max_size=8,
    ),
    junk=st.binary(max_size=20),
)
def test_whatever_comes_is_pieces_or_an_error_of_ours(events: list[Any], junk: bytes) -> None:
    reader = SpokenStreamReader(Response(200))
    try:
        deltas: list[Any] = [*reader.feed(b"".join(map(sse, events)) + junk), *reader.end()]
    except MaasError:
        assert isinstance(reader.partial(), SpokenAnswer)
    else:
        assert deltas[-1].last


@given(cuts=st.lists(st.integers(0, 2000), max_size=12), bare=st.booleans())
def test_any_split_of_the_bytes_gives_the_same_pieces(cuts: list[int], bare: bool) -> None:
    data = b"".join(map(line if bare else sse, EXAMPLE))
    reader = SpokenStreamReader(Response(200))
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    deltas: list[Any] = []
    for start, end in itertools.pairwise(places):
        deltas += reader.feed(data[start:end])
    assert reader.finished
    assert said(deltas) == ("你好!有什么可以帮助你的吗?", b"".join(SOUND))
