import base64
import json

import pytest

from maaskit.errors import APIError, InvalidInput, UnexpectedAnswer
from maaskit.qiniu import speech
from maaskit.wire import Response


def reply(value):
    return Response(200, {"content-type": "application/json"}, json.dumps(value).encode(), "/voice/tts")


def test_the_request_is_the_documents():
    request = speech.synthesize("你好,世界!").request
    assert (request.method, request.path) == ("POST", "/voice/tts")
    assert request.json == {
        "audio": {"voice_type": "zh_male_M392_conversation_wvae_bigtts", "encoding": "mp3", "speed_ratio": 1.0},
        "request": {"text": "你好,世界!"},
    }
    assert "model" not in request.json
    other = speech.synthesize("x", "qiniu_zh_female_tmjxxy", "wav", 2, extra_body={"x": 1}).request.json
    assert other["audio"] == {"voice_type": "qiniu_zh_female_tmjxxy", "encoding": "wav", "speed_ratio": 2.0}
    assert other["x"] == 1
    joined = speech.synthesize("x", "v", extra_body={"audio": {"pitch": 1}, "request": {"ssml": True}}).request.json
    assert joined["audio"] == {"voice_type": "v", "encoding": "mp3", "speed_ratio": 1.0, "pitch": 1}
    assert joined["request"] == {"text": "x", "ssml": True}
    with pytest.raises(InvalidInput, match="extra_body must be a dict"):
        speech.synthesize("x", extra_body="pitch")
    assert speech.synthesize("x", None).request.json["audio"] == {"encoding": "mp3", "speed_ratio": 1.0}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"text": ""}, "text must"),
        ({"text": " \n"}, "text must"),
        ({"text": None}, "text must"),
        ({"text": "x", "voice_type": ""}, "voice_type must"),
        ({"text": "x", "encoding": ""}, "encoding must"),
        ({"text": "x", "encoding": None}, "encoding must"),
        ({"text": "x", "speed_ratio": 0}, "speed_ratio must be a number above 0"),
        ({"text": "x", "speed_ratio": -1}, "speed_ratio"),
        ({"text": "x", "speed_ratio": True}, "speed_ratio"),
        ({"text": "x", "speed_ratio": "fast"}, "speed_ratio"),
        ({"text": "x", "speed_ratio": float("nan")}, "speed_ratio"),
    ],
)
def test_what_is_no_such_value_is_refused(arguments, why):
    with pytest.raises(InvalidInput, match=why):
        speech.synthesize(**arguments)


def test_the_one_reply_ends_with_sequence_minus_one_and_has_all_of_the_sound():
    audio = b"ID3" + bytes(range(256))
    answer = {
        "reqid": "r1",
        "operation": "query",
        "sequence": -1,
        "data": base64.b64encode(audio).decode(),
        "addition": {"duration": "1673"},
    }
    said = speech.synthesize("x").read(reply(answer))
    assert said.audio == audio
    assert (said.duration_ms, said.content_type, said.encoding, said.reqid) == (1673, "audio/mpeg", "mp3", "r1")
    assert (said.media.name, said.media.mime_type(), said.media.data) == ("speech.mp3", "audio/mpeg", audio)
    assert "ID3" not in repr(said)


def test_what_may_be_absent_may_be_absent():
    data = base64.encodebytes(b"RIFF....WAVE" * 20).decode()
    said = speech.synthesize("x", encoding="wav").read(reply({"data": data}))
    assert (said.audio, said.duration_ms, said.content_type, said.reqid) == (
        b"RIFF....WAVE" * 20,
        None,
        "audio/wav",
        None,
    )
    assert speech.synthesize("x", encoding="odd").read(reply({"data": "T2dnUw=="})).content_type == "audio/ogg"


@pytest.mark.parametrize("answer", [{}, {"data": ""}, {"data": None}, {"data": {}}, {"sequence": -1}, {"data": "!!!"}])
def test_an_answer_without_sound_is_an_error(answer):
    with pytest.raises(UnexpectedAnswer, match="sound"):
        speech.synthesize("x").read(reply(answer))


def test_a_refusal_under_200_is_an_error():
    with pytest.raises(APIError, match="no such voice"):
        speech.synthesize("x").read(reply({"code": 3001, "message": "no such voice"}))


VOICE = {
    "voice_name": "甜美教学小源",
    "voice_type": "qiniu_zh_female_tmjxxy",
    "url": "https://a/b.mp3",
    "category": "传统音色",
    "updatetime": 1747812605559,
}


@pytest.mark.parametrize(
    "answer",
    [[VOICE], {"data": [VOICE]}, {"voices": [VOICE, {"no": 1}, 7]}, {"result": [VOICE]}, {"code": 0, "data": [VOICE]}],
)
def test_the_list_of_voices_is_bare_or_wrapped(answer):
    call = speech.list_voices()
    assert (call.request.method, call.request.path) == ("GET", "/voice/list")
    (voice,) = call.read(reply(answer))
    assert voice.voice_type == "qiniu_zh_female_tmjxxy"
    assert (voice.name, voice.category, voice.url) == ("甜美教学小源", "传统音色", "https://a/b.mp3")
    assert voice.raw == VOICE


@pytest.mark.parametrize("answer", [{}, {"data": {}}, "voices", 7])
def test_no_list_is_an_error(answer):
    with pytest.raises(UnexpectedAnswer, match="no list of voices"):
        speech.list_voices().read(reply(answer))
    with pytest.raises(APIError, match="no"):
        speech.list_voices().read(reply({"error": "no"}))
