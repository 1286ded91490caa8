import json
from pathlib import Path

import pytest

from maaskit.errors import APIError, InvalidInput, UnexpectedAnswer
from maaskit.qiniu import transcription
from maaskit.wire import Response

URL = "http://idh.qnaigc.com/voicetest.mp3"


def read(value):
    call = transcription.transcribe(URL)
    return call.read(Response(200, {"content-type": "application/json"}, json.dumps(value).encode(), "/voice/asr"))


def test_the_request_is_the_documents():
    request = transcription.transcribe(URL, "mp3").request
    assert (request.method, request.path) == ("POST", "/voice/asr")
    assert request.json == {"model": "asr", "audio": {"format": "mp3", "url": URL}}


@pytest.mark.parametrize(
    ("url", "format_"),
    [
        ("https://a/b.mp3", "mp3"),
        ("https://a/b.WAV?e=1&token=x.y", "wav"),
        ("https://a/b.ogg#x", "ogg"),
        ("https://a/b.pcm", "raw"),
        ("https://a/b%2Ewav", "wav"),
    ],
)
def test_the_format_is_read_off_the_url(url, format_):
    assert transcription.transcribe(url).request.json["audio"] == {"format": format_, "url": url}


@pytest.mark.parametrize("format_", ["raw", "wav", "mp3", "ogg"])
def test_the_documented_formats_pass(format_):
    assert transcription.transcribe("https://a/b", format_).request.json["audio"]["format"] == format_


@pytest.mark.parametrize(
    ("url", "format_", "why"),
    [
        ("https://a/b.mp3", "m4a", "one of raw, wav, mp3, ogg, not 'm4a'.*extra_body"),
        ("https://a/b.m4a", None, "'.m4a' is none of them"),
        ("https://a/b", None, "no ending.*pass format="),
    ],
)
def test_other_formats_are_refused_with_the_way_out(url, format_, why):
    with pytest.raises(InvalidInput, match=why):
        transcription.transcribe(url, format_)


def test_an_unlisted_format_can_be_sent_on_ones_own_account():
    extra = {"audio": {"format": "m4a", "rate": 8000}, "language": "zh"}
    assert transcription.transcribe("https://a/b.m4a", extra_body=extra).request.json == {
        "model": "asr",
        "audio": {"format": "m4a", "rate": 8000, "url": "https://a/b.m4a"},
        "language": "zh",
    }
    assert extra == {"audio": {"format": "m4a", "rate": 8000}, "language": "zh"}
    assert transcription.transcribe("https://a/b.mp3", extra_body={"audio": {"rate": 8000}}).request.json["audio"] == {
        "format": "mp3",
        "rate": 8000,
        "url": "https://a/b.mp3",
    }
    for wrong in ("audio", {"audio": "m4a"}, {"audio": None}):
        with pytest.raises(InvalidInput, match="extra_body"):
            transcription.transcribe("https://a/b.mp3", extra_body=wrong)


@pytest.mark.parametrize("source", ["talk.wav", Path("talk.wav"), b"RIFF", "data:audio/wav;base64,AA"])
def test_a_local_file_is_refused_with_both_ways_out(source):
    with pytest.raises(InvalidInput, match=r"(?s)QINIU_DOMAIN.*transcription_stream\.listen"):
        transcription.transcribe(source)


def test_the_documented_answer_is_read():
    answer = {
        "reqid": "r",
        "operation": "asr",
        "data": {
            "audio_info": {"duration": 9336},
            "result": {"additions": {"duration": "9336"}, "text": "你好"},
        },
    }
    transcript = read(answer)
    assert (transcript.text, transcript.duration_s, transcript.segments) == ("你好", 9.336, ())
    assert transcript.raw == answer


@pytest.mark.parametrize(
    "answer",
    [
        {"result": {"text": "你好"}},
        {"text": "你好"},
        {"data": {"text": "你好"}},
        {"data": {"result": [{"text": "你"}, {"text": "好"}]}},
        {"data": {"result": "你好"}},
        {"data": {"result": {"text": "", "x": 1}}, "text": "你好"},
    ],
)
def test_every_shape_that_was_seen_is_read(answer):
    assert read(answer).text == "你好"
    assert read(answer).duration_s is None


@pytest.mark.parametrize(
    ("duration", "seconds"), [(1500, 1.5), ("1500", 1.5), ("1500.0", 1.5), ("long", None), (None, None)]
)
def test_durations_are_numbers_or_texts(duration, seconds):
    told = {"data": {"result": {"text": "x", "additions": {"duration": duration}}}}
    assert read(told).duration_s == seconds


def test_silence_has_no_text():
    assert read({"data": {"result": {"text": ""}}}).text == ""


@pytest.mark.parametrize("answer", [{}, {"data": {}}, {"data": {"result": {}}}, {"data": {"result": []}}])
def test_an_answer_without_text_is_an_error(answer):
    with pytest.raises(UnexpectedAnswer, match="no text"):
        read(answer)


def test_a_refusal_under_200_is_an_error():
    with pytest.raises(APIError, match="cannot fetch"):
        read({"error": {"message": "cannot fetch", "code": 400}})
