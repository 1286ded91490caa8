"""``ChatSophNet(audio=…)``: text as ever, sound beside it, added up over chunks, and never in the next prompt."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import json
import struct
import wave
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from maaskit import InvalidInput, StreamInterrupted
from maaskit.langchain import ChatSophNet
from tests.scripted import FOREVER, Reply, ScriptedServer, json_reply
from tests.scripted_voice import EXAMPLE, SOUND, chat, reply, voice, wav

KEY = "secret-key-1234567890"
TEXT = "你好!有什么可以帮助你的吗?"
WHOLE = b"".join(SOUND)
MP3 = "MP3_16000HZ_MONO_128KBPS"

Ways = Callable[..., AIMessage]


@pytest.fixture
def model(scripted: ScriptedServer) -> Callable[..., ChatSophNet]:
    scripted.script(reply(EXAMPLE))

    def make(**settings: Any) -> ChatSophNet:
        fields: dict[str, Any] = {"audio": {"voice": "longwan", "format": MP3}} | settings
        return ChatSophNet(model="M", api_key=KEY, base_url=scripted.url, easyllm_id="E1", **fields)

    return make


def streamed(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


def _stream(llm: ChatSophNet, *question: Any, **options: Any) -> AIMessage:
    return streamed(list(llm.stream(*question, **options)))


def _astream(llm: ChatSophNet, *question: Any, **options: Any) -> AIMessage:
    async def main() -> AIMessage:
        return streamed([chunk async for chunk in llm.astream(*question, **options)])

    return asyncio.run(main())


def _ainvoke(llm: ChatSophNet, *question: Any, **options: Any) -> AIMessage:
    return asyncio.run(llm.ainvoke(*question, **options))


def _invoke(llm: ChatSophNet, *question: Any, **options: Any) -> AIMessage:
    return llm.invoke(*question, **options)


@pytest.fixture(params=[_invoke, _ainvoke, _stream, _astream], ids=["invoke", "ainvoke", "stream", "astream"])
def ask(request: pytest.FixtureRequest) -> Ways:
    return request.param  # type: ignore[no-any-return]


def test_text_is_as_ever_and_the_sound_stands_beside_it(ask: Ways, model: Any, scripted: ScriptedServer) -> None:
    answer = ask(model(), "你好")
    assert answer.content == TEXT
    assert answer.text == TEXT
    audio = answer.additional_kwargs["audio"]
    assert base64.b64decode(audio["data"], validate=True) == WHOLE
    assert (audio["mime_type"], audio["format"], audio["characters"]) == ("audio/mpeg", MP3, 26)
    assert answer.response_metadata["characters"] == 26
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is None
    kinds = [block["type"] for block in answer.content_blocks]
    assert kinds == ["text", "audio"]
    block: Any = answer.content_blocks[1]
    assert base64.b64decode(block["base64"], validate=True) == WHOLE
    assert (block["mime_type"], block["extras"]) == ("audio/mpeg", {"format": MP3, "characters": 26})
    (seen,) = scripted.seen
    assert seen.path == "/v1/chat/completions-with-voice-output"
    assert seen.json["speech_synthesis_req"] == {
        "easyllm_id": "E1",
        "synthesis_param": {"voice": "longwan", "format": MP3},
    }


def test_version_1_holds_an_audio_block_in_the_content(ask: Ways, model: Any) -> None:
    answer = ask(model(output_version="v1"), "你好")
    content: Any = answer.content
    assert [block["type"] for block in content] == ["text", "audio"]
    assert content[0]["text"] == TEXT
    assert base64.b64decode(content[1]["base64"], validate=True) == WHOLE
    assert content[1]["mime_type"] == "audio/mpeg"
    assert content == answer.content_blocks


def test_pieces_of_any_length_add_up(model: Any, scripted: ScriptedServer) -> None:
    sounds = [bytes(range(size)) for size in (1, 1, 2, 5, 3, 0, 4, 7)]
    events = [chat("一"), *map(voice, sounds), chat("", finish_reason="stop"), voice(b"end", "finish")]
    scripted.script(reply(events))
    whole = b"".join(sounds) + b"end"
    assert base64.b64decode(_stream(model(), "x").additional_kwargs["audio"]["data"]) == whole
    block: Any = _stream(model(output_version="v1"), "x").content[1]
    assert base64.b64decode(block["base64"]) == whole


def test_the_type_is_told_by_the_sound_where_no_format_was_asked_for(ask: Ways, model: Any) -> None:
    audio = ask(model(audio={}), "你好").additional_kwargs["audio"]
    assert audio["mime_type"] == "audio/mpeg"
    assert "format" not in audio


def test_a_whole_wav_tells_its_true_length(model: Any, scripted: ScriptedServer) -> None:
    samples = struct.pack("<100h", *range(100))
    events = [chat("一"), voice(wav(samples[:50], 0xFFFFFFFF)), voice(samples[50:]), chat("", finish_reason="stop")]
    scripted.script(reply([*events, voice(None, "finish")]))
    answer = model(audio={"format": "WAV_16000HZ_MONO_16BIT"}).invoke("x")
    with wave.open(io.BytesIO(base64.b64decode(answer.additional_kwargs["audio"]["data"]))) as file:
        assert (file.getnframes(), file.readframes(200)) == (100, samples)


def test_one_call_may_speak_or_be_silent(ask: Ways, model: Any, scripted: ScriptedServer) -> None:
    answer = ask(model(audio=None), "你好", audio={"voice": "longwan"})
    assert answer.additional_kwargs["audio"]["data"]
    whole = json_reply({"choices": [{"index": 0, "message": {"content": "好"}, "finish_reason": "stop"}]})
    scripted.script(whole)
    answer = ask(model(), "你好", audio=None)
    assert (answer.content, "audio" in answer.additional_kwargs) == ("好", False)
    assert [seen.path.rpartition("/")[2] for seen in scripted.seen] == ["completions-with-voice-output", "completions"]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_spoken_answer_goes_back_as_its_text(model: Any, scripted: ScriptedServer, version: str) -> None:
    llm = model(output_version=version)
    answer = llm.invoke("你好")
    restored = AIMessage(**json.loads(answer.model_dump_json()))
    llm.invoke([HumanMessage("你好"), restored, HumanMessage("再说")])
    body = scripted.seen[1].json["chat_completion_req"]
    assert body["messages"][1] == {"role": "assistant", "content": TEXT}
    assert answer.additional_kwargs["audio"]["data"] not in scripted.seen[1].body.decode()
    assert llm.get_num_tokens_from_messages([answer]) < 60


def test_a_call_of_a_function_comes_without_sound(ask: Ways, model: Any, scripted: ScriptedServer) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"p":1}'}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    scripted.script(reply([{**chat(""), "choices": [choice]}]))
    answer = ask(model(), "天气?")
    assert answer.tool_calls == [{"name": "get_weather", "args": {"p": 1}, "id": "c1", "type": "tool_call"}]
    assert "audio" not in answer.additional_kwargs


def test_an_interrupted_answer_is_an_error_with_text_and_sound(ask: Ways, model: Any, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE[:8]))
    with pytest.raises(StreamInterrupted) as caught:
        ask(model(), "你好")
    partial = caught.value.partial
    assert isinstance(partial, AIMessageChunk)
    assert partial.content == TEXT
    assert base64.b64decode(partial.additional_kwargs["audio"]["data"]) == SOUND[0] + SOUND[1]


def test_reading_ends_with_the_reader(model: Any, scripted: ScriptedServer) -> None:
    pieces = [piece for event in EXAMPLE[:5] for piece in [b"data:" + json.dumps(event).encode() + b"\n\n"]]
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [*pieces, FOREVER]))
    chunks = model().stream("你好")
    next(chunks)
    chunks.close()
    assert scripted.disconnected.wait(30)


def test_callbacks_hear_the_text(model: Any) -> None:
    heard: list[str] = []

    class Listener(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            heard.append(token)

    for _ in model(callbacks=[Listener()]).stream("你好"):
        pass
    assert "".join(heard) == TEXT


def test_events_of_version_3_hold_no_wrong_sound(model: Any) -> None:
    stream = model().stream_events("你好", version="v3")
    list(stream)
    message = stream.output
    assert message.text == TEXT
    assert base64.b64decode(message.additional_kwargs["audio"]["data"]) == WHOLE
    assert [block["type"] for block in message.content_blocks] == ["text", "non_standard"]


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        ({"volume": 101}, "volume"),
        ({"speechRate": 1}, "voice, format, model, volume, speech_rate, pitch_rate"),
        ({"format": "ogg"}, "format"),
        ({"voice": 7}, "voice"),
    ],
)
def test_a_wrong_voice_is_refused_when_the_model_is_made(model: Any, audio: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        model(audio=audio)
    with pytest.raises(InvalidInput, match=words):
        model(audio=None).invoke("x", audio=audio)


def test_the_profile_knows_of_the_sound(model: Any) -> None:
    assert model().profile["audio_outputs"] is True
    assert "audio_outputs" not in (model(audio=None).profile or {})


def test_the_services_own_id_goes_first(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.script(reply(EXAMPLE))
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "general")
    monkeypatch.setenv("SOPHNET_TEXT_TO_VOICE_EASYLLM_ID", "voices")
    llm = ChatSophNet(model="M", api_key=KEY, base_url=scripted.url, audio={})
    copy.deepcopy(llm).invoke("x")
    llm.invoke("x")
    assert [seen.json["speech_synthesis_req"]["easyllm_id"] for seen in scripted.seen] == ["voices", "voices"]


def test_voices_do_not_share_a_cache_and_the_key_is_in_no_dump(model: Any, scripted: ScriptedServer) -> None:
    cache = InMemoryCache()
    for name in ("longwan", "longhua", "longwan"):
        model(audio={"voice": name}, cache=cache).invoke("你好")
    assert len(scripted.seen) == 2
    llm = model()
    assert KEY not in f"{dumpd(llm)}{llm!r}"
    assert dumpd(llm)["kwargs"]["audio"] == {"voice": "longwan", "format": MP3}
