"""``SophNetLLM(audio=…)``: an AudioBlock beside the text, pieces of sound in a stream, and text in the next prompt."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import wave
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ChatResponse, TextBlock, ToolCallBlock

from maaskit import InvalidInput, StreamInterrupted
from maaskit.llama_index import QiniuLLM, SophNetLLM
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_voice import EXAMPLE, SOUND, chat, reply, voice, wav

KEY = "secret-key-1234567890"
TEXT = "你好!有什么可以帮助你的吗?"
WHOLE = b"".join(SOUND)
MP3 = "MP3_16000HZ_MONO_128KBPS"
HELLO = [ChatMessage(role="user", content="你好")]


@pytest.fixture
def llm(scripted: ScriptedServer) -> Callable[..., SophNetLLM]:
    scripted.script(reply(EXAMPLE))

    def make(**settings: Any) -> SophNetLLM:
        fields: dict[str, Any] = {"audio": {"voice": "longwan", "format": MP3}, "easyllm_id": "E1"} | settings
        return SophNetLLM(model="M", api_key=KEY, base_url=scripted.url, **fields)

    return make


def _chat(llm: Any, *question: Any, **options: Any) -> ChatResponse:
    return llm.chat(*question, **options)


def _achat(llm: Any, *question: Any, **options: Any) -> ChatResponse:
    return asyncio.run(llm.achat(*question, **options))


def _stream(llm: Any, *question: Any, **options: Any) -> ChatResponse:
    return list(llm.stream_chat(*question, **options))[-1]


def _astream(llm: Any, *question: Any, **options: Any) -> ChatResponse:
    async def main() -> ChatResponse:
        return [response async for response in await llm.astream_chat(*question, **options)][-1]

    return asyncio.run(main())


@pytest.fixture(params=[_chat, _achat, _stream, _astream], ids=["chat", "achat", "stream", "astream"])
def ask(request: pytest.FixtureRequest) -> Any:
    return request.param


def sound(response: ChatResponse) -> bytes:
    (block,) = [block for block in response.message.blocks if isinstance(block, AudioBlock)]
    return block.resolve_audio().read()


def test_the_message_has_text_and_sound(ask: Any, llm: Any, scripted: ScriptedServer) -> None:
    response = ask(llm(), HELLO)
    assert [type(block) for block in response.message.blocks] == [TextBlock, AudioBlock]
    assert response.message.content == TEXT
    assert sound(response) == WHOLE
    assert response.message.blocks[1].format == "mp3"
    assert response.additional_kwargs["characters"] == 26
    assert response.raw["usage"] is None
    (seen,) = scripted.seen
    assert seen.path == "/v1/chat/completions-with-voice-output"
    assert seen.json["chat_completion_req"]["stream"] is True
    assert seen.json["speech_synthesis_req"] == {
        "easyllm_id": "E1",
        "synthesis_param": {"voice": "longwan", "format": MP3},
    }


def test_a_stream_gives_the_sound_in_pieces_and_then_whole(llm: Any) -> None:
    responses = list(llm().stream_chat(HELLO))
    pieces = [response.additional_kwargs.get("audio_delta", "") for response in responses]
    assert b"".join(map(base64.b64decode, pieces)) == WHOLE
    assert "".join(response.delta or "" for response in responses) == TEXT
    assert [len(response.message.blocks) for response in responses] == [1] * (len(responses) - 1) + [2]
    for response in responses:
        json.loads(response.model_dump_json())


def test_a_completion_has_the_sound_beside_its_text(llm: Any) -> None:
    spoken = {"data": base64.b64encode(WHOLE).decode(), "format": "mp3"}
    answers = [
        llm().complete("你好"),
        asyncio.run(llm().acomplete("你好")),
        list(llm().stream_complete("你好"))[-1],
    ]
    assert [(answer.text, answer.additional_kwargs["audio"]) for answer in answers] == [(TEXT, spoken)] * 3


def test_a_wav_tells_its_true_length(ask: Any, llm: Any, scripted: ScriptedServer) -> None:
    samples = struct.pack("<100h", *range(100))
    events = [chat("一"), voice(wav(samples[:50], 0xFFFFFFFF)), voice(samples[50:]), chat("", finish_reason="stop")]
    scripted.script(reply([*events, voice(None, "finish")]))
    response = ask(llm(audio={"format": "WAV_16000HZ_MONO_16BIT"}), HELLO)
    with wave.open(io.BytesIO(sound(response))) as file:
        assert (file.getnframes(), file.readframes(200)) == (100, samples)
    assert response.message.blocks[1].format == "wav"


def test_a_spoken_answer_goes_back_as_its_text(llm: Any, scripted: ScriptedServer) -> None:
    model = llm()
    answer = model.chat(HELLO).message
    stored = ChatMessage.model_validate_json(answer.model_dump_json())
    model.chat([*HELLO, stored, ChatMessage(role="user", content="再说")])
    body = scripted.seen[1].json["chat_completion_req"]
    assert body["messages"][1] == {"role": "assistant", "content": TEXT}
    assert base64.b64encode(WHOLE) not in scripted.seen[1].body


def test_one_request_may_speak_or_be_silent(ask: Any, llm: Any, scripted: ScriptedServer) -> None:
    assert sound(ask(llm(audio=None), HELLO, audio={})) == WHOLE
    assert "synthesis_param" not in scripted.seen[0].json["speech_synthesis_req"]
    scripted.script(json_reply({"choices": [{"index": 0, "message": {"content": "好"}, "finish_reason": "stop"}]}))
    response = ask(llm(), HELLO, audio=None)
    assert (response.message.content, len(response.message.blocks)) == ("好", 1)
    assert scripted.seen[1].path == "/v1/chat/completions"


def test_a_call_of_a_function_comes_without_sound(ask: Any, llm: Any, scripted: ScriptedServer) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"p":1}'}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    scripted.script(reply([{**chat(""), "choices": [choice]}]))
    (block,) = ask(llm(), HELLO).message.blocks
    assert isinstance(block, ToolCallBlock)
    assert (block.tool_name, block.tool_kwargs) == ("get_weather", {"p": 1})


def test_an_interrupted_answer_is_an_error_with_text_and_sound(ask: Any, llm: Any, scripted: ScriptedServer) -> None:
    scripted.script(reply(EXAMPLE[:8]))
    with pytest.raises(StreamInterrupted) as caught:
        ask(llm(), HELLO)
    partial = caught.value.partial
    assert isinstance(partial, ChatResponse)
    assert (partial.message.content, sound(partial)) == (TEXT, SOUND[0] + SOUND[1])


@pytest.mark.parametrize(
    ("audio", "words"), [({"volume": 101}, "volume"), ({"speechRate": 1}, "speech_rate"), ("longwan", "audio")]
)
def test_a_wrong_voice_is_refused_before_anything_is_sent(
    llm: Any, scripted: ScriptedServer, audio: Any, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        llm(audio=audio)
    with pytest.raises(InvalidInput, match=words):
        llm().chat(HELLO, audio=audio)
    with pytest.raises(InvalidInput, match=words):
        llm().stream_chat(HELLO, audio=audio)
    assert scripted.seen == []


def test_settings_survive_a_dump_and_the_services_own_id_goes_first(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.script(reply(EXAMPLE))
    monkeypatch.setenv("SOPHNET_API_KEY", KEY)
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "general")
    monkeypatch.setenv("SOPHNET_TEXT_TO_VOICE_EASYLLM_ID", "voices")
    llm = SophNetLLM(model="M", base_url=scripted.url, audio={"voice": "longwan"})
    again = SophNetLLM.from_dict(llm.to_dict())
    assert (again.audio, again.easyllm_id) == ({"voice": "longwan"}, "voices")
    again.chat(HELLO)
    assert scripted.seen[0].json["speech_synthesis_req"]["easyllm_id"] == "voices"
    assert KEY not in f"{llm.to_dict()}{llm!r}"


def test_qiniu_has_no_such_setting() -> None:
    with pytest.raises(InvalidInput, match="takes no audio"):
        QiniuLLM(model="M", api_key=KEY, audio={})
