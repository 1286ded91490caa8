"""SophNet's recognition of recordings: both forms of the task, the synchronous one, and every form of a result."""

from __future__ import annotations

import io
import json
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maaskit import (
    APIError,
    ConfigurationError,
    ConnectionFailed,
    InvalidInput,
    Media,
    NotFound,
    RateLimited,
    ServerError,
    TaskFailed,
    TaskPhase,
    TaskTimeout,
    UnexpectedAnswer,
)
from maaskit.media import MIB
from maaskit.sophnet.transcript_lines import read_result
from maaskit.sophnet.transcription import Segment, Transcript, resume, transcribe, transcribe_sync
from maaskit.wire import Response
from tests.multipart import form
from tests.proportion import MOST, growth
from tests.recordings import sparse, wav_head
from tests.scripted import Reply, ScriptedServer, json_reply

Send = Callable[..., Any]

URL = "https://example.com/会议.mp3?token=1"
TASKS = "/projects/P1/easyllms/speechtotext/transcriptions"
SUBMITTED = {"taskId": "10047816884", "created": 1724652804}
# The document's own example.
RESULT = (
    "[0:5.840,0:6.690,0] 哎,张总。\n[0:7.520,0:8.270,1] 还要打吗?\n[0:8.700,0:8.925,0] 哎。\n"
    "[0:8.925,0:12.550,1] 我能听到这给你们发了有3张图。\n"
)
SEGMENTS = (
    Segment(5840, 6690, "0", "哎,张总。"),
    Segment(7520, 8270, "1", "还要打吗?"),
    Segment(8700, 8925, "0", "哎。"),
    Segment(8925, 12550, "1", "我能听到这给你们发了有3张图。"),
)
TEXT = "哎,张总。\n还要打吗?\n哎。\n我能听到这给你们发了有3张图。"
DONE = {"taskId": "10045132157", "status": "success", "result": RESULT}

HEADS = {
    "wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    "mp3": b"ID3\x04\0\0\0\0\0\0",
    "m4a": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "flv": b"FLV\x01\x04\0\0\0\x09",
    "mp4": b"\0\0\0\x20ftypisom\0\0\0\0",
    "wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
    "3gp": b"\0\0\0\x20ftyp3gp4\0\0\0\0",
    "amr": b"#!AMR\n",
    "aac": b"\xff\xf1\x50\x80",
    "ogg": b"OggS\0\x02\0\0\0\0\0\0",
    "flac": b"fLaC\0\0\0\x22",
}
KINDS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "flv": "video/x-flv",
    "mp4": "video/mp4",
    "wma": "audio/x-ms-wma",
    "3gp": "video/3gpp",
    "amr": "audio/amr",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}


def look(value: Any) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return resume("1").read(Response(200, {"content-type": "application/json"}, body, "/transcriptions/1"))


# --- the task's requests -------------------------------------------------------------------------------------------


def test_a_url_goes_out_as_documented_and_is_collected(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(SUBMITTED), json_reply({"taskId": "1", "status": "waiting"}), json_reply(DONE))
    updates: list[Any] = []
    said = send(transcribe(URL), on_update=updates.append)
    submitted, *looks = scripted.seen
    assert (submitted.method, submitted.path) == ("POST", TASKS)
    assert submitted.headers["authorization"] == "Bearer k"
    assert submitted.headers["content-type"] == "application/json"
    assert submitted.json == {"audio_url": URL, "easyllm_id": "E1"}
    assert [(seen.method, seen.path, seen.body) for seen in looks] == [("GET", f"{TASKS}/10047816884", b"")] * 2
    assert said == Transcript(TEXT, SEGMENTS, None, DONE)
    assert [(update.task_id, update.phase, update.word) for update in updates] == [
        ("10047816884", TaskPhase.WAITING, ""),
        ("10047816884", TaskPhase.WAITING, "waiting"),
        ("10047816884", TaskPhase.SUCCEEDED, "success"),
    ]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_file_goes_out_as_documented(send: Send, scripted: ScriptedServer, tmp_path: Path, as_bytes: bool) -> None:
    scripted.script(json_reply(SUBMITTED), json_reply(DONE))
    content = wav_head(0.01) + bytes(320)
    (tmp_path / "会议.wav").write_bytes(content)
    said = send(transcribe(Media(data=content, name="会议.wav") if as_bytes else tmp_path / "会议.wav"))
    submitted = scripted.seen[0]
    assert (submitted.method, submitted.path) == ("POST", TASKS)
    # "固定值multipart/form-data": with the boundary that the sample's curl adds as well (wire-facts C.35).
    assert submitted.headers["content-type"].startswith("multipart/form-data; boundary=")
    parts = form(submitted)
    assert list(parts) == ["data", "audio_file"]
    assert parts["data"].get_content_type() == "application/json"
    assert parts["data"].get_filename() is None
    assert json.loads(parts["data"].get_payload(decode=True)) == {"easyllm_id": "E1"}
    assert parts["audio_file"].get_content_type() == "audio/wav"
    assert parts["audio_file"].get_filename() == "会议.wav"
    assert parts["audio_file"].get_payload(decode=True) == content
    assert said.text == TEXT


def test_a_file_whose_name_is_no_utf_8_is_uploaded_under_what_can_be_read_of_it(
    send: Send, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "\udcbb\udce1\udcd2\udce9.mp3"  # 会议 in GBK, as Python shows it
    path.write_bytes(HEADS["mp3"] + bytes(50))
    scripted.script(json_reply(SUBMITTED), json_reply(DONE))
    assert send(transcribe(path)).text == TEXT
    assert form(scripted.seen[0])["audio_file"].get_filename() == "????.mp3"


@pytest.mark.parametrize("ending", HEADS)
def test_every_form_of_the_document_is_uploaded(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"talk.{ending}"
    path.write_bytes(HEADS[ending] + bytes(50))
    assert [part.content_type for part in transcribe(path).submit.files] == ["application/json", KINDS[ending]]
    # Without a name, the first bytes tell.
    (_, audio) = transcribe(path.read_bytes()).submit.files
    assert (audio.filename, audio.content_type) == (f"recording.{ending}", KINDS[ending])
    # And without telling bytes, the name.
    (_, audio) = transcribe(Media(data=bytes(50), name=f"talk.{ending}")).submit.files
    assert (audio.filename, audio.content_type) == (f"talk.{ending}", KINDS[ending])


def test_a_media_type_that_was_told_is_believed_and_opus_is_ogg() -> None:
    (_, audio) = transcribe(Media(data=bytes(50), content_type="audio/x-m4a; codecs=1")).submit.files
    assert (audio.filename, audio.content_type) == ("recording.m4a", "audio/mp4")
    (_, audio) = transcribe(Media(data=HEADS["ogg"], name="talk.opus")).submit.files
    assert (audio.filename, audio.content_type) == ("talk.opus", "audio/ogg")


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        ("nowhere.wav", "audio: there is no file"),
        (b"", "audio is empty"),
        (b"%PDF-1.7", "audio is application/pdf; it must be wav, mp3, m4a, flv"),
        (Media(data=b"\x89PNG\r\n\x1a\n", name="talk.wav"), "audio is image/png; it must be wav"),
        (bytes(100), "neither name nor content tells the form"),
        (Media(data=bytes(100), name="talk.xyz"), r"the ending \.xyz is none of them"),
        (Media(data=HEADS["mp3"], name="talk.wav"), r"named \.wav, but its content is mp3; rename it"),
        ("https://example.com/slides.pdf", r"audio ends in \.pdf, which is application/pdf"),
        ("ftp://example.com/a.wav", "http or https URL"),
        (17, "audio must be bytes, a path or a URL"),
    ],
)
def test_what_is_no_recording_is_refused_before_anything_is_sent(audio: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        transcribe(audio)


def test_a_gigabyte_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert transcribe(sparse(tmp_path / "long.mp3", 1024 * MIB)).submit is not None
    with pytest.raises(InvalidInput, match=r"audio has 1073741825 bytes .*at most 1073741824 bytes \(1024 MiB\)"):
        transcribe(sparse(tmp_path / "longer.mp3", 1024 * MIB + 1))


@pytest.mark.parametrize("told", [None, 0, 0xFFFF_FFFF])
def test_five_hours_are_taken_and_more_is_not(tmp_path: Path, told: int | None) -> None:
    five = 5 * 3600
    assert transcribe(sparse(tmp_path / "five.wav", 44 + five * 32000, wav_head(five, told=told))).submit is not None
    with pytest.raises(InvalidInput, match=r"audio plays 18001 s; at most 18000 s are allowed\. Split it"):
        transcribe(sparse(tmp_path / "more.wav", 44 + (five + 1) * 32000, wav_head(five + 1, told=told)))


class Sink:
    """A loopback server that forgets an upload while it comes, and answers by a script."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.taken = list(answers), 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        for answer in self.answers:
            connection, _ = self._socket.accept()
            with connection, connection.makefile("rb") as file:
                head = b"".join(iter(file.readline, b"\r\n"))
                left = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length")
                    ),
                    0,
                )
                while left and (data := file.read(min(left, 65536))):
                    left -= len(data)
                    self.taken += len(data)
                body = json.dumps(answer).encode()
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n" + body
                )


def test_an_upload_streams_from_disk(send: Send, tmp_path: Path) -> None:
    sink = Sink(SUBMITTED, DONE)
    task = transcribe(sparse(tmp_path / "long.mp3", 64 * MIB))
    tracemalloc.start()
    try:
        assert send(task, base_url=sink.url).text == TEXT
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sink.close()
    assert sink.taken > 64 * MIB
    assert peak < 4 * MIB


def test_a_missing_id_is_named_before_anything_is_sent(send: Send, scripted: ScriptedServer) -> None:
    for what in (transcribe(URL), transcribe_sync("https://example.com/a.wav")):
        with pytest.raises(ConfigurationError, match="SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID"):
            send(what, easyllm_id=None)
    with pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"):
        send(resume("1"), project_id=None)
    assert scripted.seen == []


def test_ids_and_further_fields_of_ones_own_go_along(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(SUBMITTED), json_reply(DONE), json_reply(SUBMITTED), json_reply(DONE))
    send(transcribe(URL, easyllm_id="mine", extra_body={"hotwords": ["算能"]}), speech_to_text_easyllm_id="S1")
    assert scripted.seen[0].json == {"audio_url": URL, "easyllm_id": "mine", "hotwords": ["算能"]}
    send(transcribe(HEADS["mp3"], extra_body={"hotwords": []}), speech_to_text_easyllm_id="S1")
    told = json.loads(form(scripted.seen[2])["data"].get_payload(decode=True))
    assert told == {"easyllm_id": "S1", "hotwords": []}


# --- the task's answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {"task_id": "10047816884"},
        {"taskId": "10047816884", "created": 1},
        {"taskId": 10047816884},
        {"task_id": "10047816884", "taskId": "10047816884"},
        {"id": "10047816884"},
        {"status": 0, "message": "请求成功", "result": {"taskId": "10047816884"}},
        {"code": 0, "data": {"task_id": 10047816884}},
        {"output": {"taskId": "10047816884"}},
    ],
)
def test_the_id_is_found_wherever_it_stands(send: Send, scripted: ScriptedServer, answer: Any) -> None:
    scripted.script(json_reply(answer), json_reply(DONE))
    assert send(transcribe(URL)).segments == SEGMENTS
    assert scripted.seen[1].path == f"{TASKS}/10047816884"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"created": 1}, UnexpectedAnswer),
        ({"status": 1001, "message": "no balance", "result": None}, APIError),
        ({"code": "InvalidParameter", "message": "bad url"}, APIError),
    ],
)
def test_a_submission_without_an_id_is_an_error(
    send: Send, scripted: ScriptedServer, answer: Any, error: type[Exception]
) -> None:
    scripted.script(json_reply(answer))
    with pytest.raises(error):
        send(transcribe(URL))
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("word", ["success", "SUCCESS", "succeeded", "SUCCEEDED", "SUCCESSED"])
@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: {"status": 0, "result": inner, "message": "ok"}])
def test_every_spelling_of_success_is_read(word: str, wrap: Callable[[Any], Any]) -> None:
    told = {"taskId": "1", "status": word, "result": RESULT, "audio_duration": 12.6, "errorMsg": None}
    state = look(wrap(told))
    assert state.phase is TaskPhase.SUCCEEDED
    assert (state.result.text, state.result.segments, state.result.duration_s) == (TEXT, SEGMENTS, 12.6)
    assert state.result.raw == wrap(told)


@pytest.mark.parametrize(
    ("word", "phase"),
    [
        ("waiting", TaskPhase.WAITING),
        ("doing", TaskPhase.RUNNING),
        ("SUSPENDED", TaskPhase.RUNNING),
        ("UNKNOWN", TaskPhase.RUNNING),
        ("failed", TaskPhase.FAILED),
    ],
)
def test_every_other_word_is_a_state(word: str, phase: TaskPhase) -> None:
    state = look({"task_id": "1", "status": word, "result": None, "errorMsg": "E42: cannot decode"})
    assert (state.phase, state.word, state.result) == (phase, word, None)


def test_a_failure_says_why(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(SUBMITTED), json_reply({"taskId": "7", "status": "failed", "errorMsg": "E42: silence"}))
    with pytest.raises(TaskFailed, match="Task 10047816884 failed: E42: silence") as caught:
        send(transcribe(URL), api_key="another")
    assert caught.value.task_id == "10047816884"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"errorMsg": "SPEECH_TOO_LONG.1"}, "SPEECH_TOO_LONG.1"),
        ({"errorMsg": 41010105}, "41010105"),
        ({"errorMsg": "E42: silence"}, None),
        ({"errorMsg": "没有声音"}, None),
        ({"errorMsg": "decoder", "code": "E1"}, "E1"),
        ({}, None),
    ],
)
def test_what_the_table_calls_a_code_is_one_where_it_looks_like_one(told: dict[str, Any], code: str | None) -> None:
    """The table says of errorMsg: 错误码."""
    assert look({"taskId": "1", "status": "failed", **told}).code == code


def test_a_silent_recording_has_an_empty_text_and_a_success_without_result_is_an_error(
    send: Send, scripted: ScriptedServer
) -> None:
    assert look({"status": "success", "result": ""}).result == Transcript("", raw={"status": "success", "result": ""})
    scripted.script(json_reply(SUBMITTED), json_reply({"taskId": "1", "status": "success", "result": None}))
    with pytest.raises(TaskFailed, match="without a result"):
        send(transcribe(URL))


def test_what_cannot_be_read_is_an_error_that_names_the_task(send: Send, scripted: ScriptedServer) -> None:
    for reply in (json_reply({"taskId": "1"}), json_reply([]), Reply(200, {"content-type": "text/html"}, [b"<html>"])):
        scripted.script(json_reply(SUBMITTED), reply)
        with pytest.raises(UnexpectedAnswer) as caught:
            send(transcribe(URL))
        assert caught.value.task_id == "10047816884"


# --- one submission ------------------------------------------------------------------------------------------------


def test_a_submission_that_may_have_been_accepted_is_not_sent_again(send: Send, scripted: ScriptedServer) -> None:
    for reply, error in ((json_reply({"message": "oops"}, 502), ServerError), (Reply(drop=True), ConnectionFailed)):
        scripted.script(reply, json_reply(SUBMITTED), json_reply(DONE))
        before = len(scripted.seen)
        with pytest.raises(error):
            send(transcribe(URL))
        assert len(scripted.seen) == before + 1


def test_a_submission_that_cannot_have_been_accepted_is_sent_again(
    send: Send, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(HEADS["mp3"] + b"sound")
    scripted.script(json_reply({"message": "slow down"}, 429), json_reply(SUBMITTED), json_reply(DONE))
    assert send(transcribe(path)).text == TEXT
    first, second, _ = scripted.seen
    assert [form(seen)["audio_file"].get_payload(decode=True) for seen in (first, second)] == [path.read_bytes()] * 2


def test_looks_are_patient_and_a_time_out_tells_the_id(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(SUBMITTED), json_reply({}, 503), json_reply(DONE))
    assert send(transcribe(URL)).text == TEXT
    scripted.script(json_reply(SUBMITTED), json_reply({"taskId": "1", "status": "doing"}))
    with pytest.raises(TaskTimeout, match=r"resume\('10047816884'\)") as caught:
        send(transcribe(URL), timeout=0.3)
    assert caught.value.task_id == "10047816884"


# --- later ---------------------------------------------------------------------------------------------------------


def test_a_task_is_taken_up_by_its_id_alone(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(DONE))
    assert send(resume(" 10045132157 ")).segments == SEGMENTS
    assert [(seen.method, seen.path) for seen in scripted.seen] == [("GET", f"{TASKS}/10045132157")]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (json_reply({"message": "task not found"}, 404), NotFound),
        (json_reply({"status": 10004, "message": "任务不存在", "result": None}), APIError),
        (json_reply({"taskId": "1", "status": "success", "result": None}), TaskFailed),
    ],
)
def test_an_id_that_is_too_old_is_told_the_24_hours(
    send: Send, scripted: ScriptedServer, reply: Reply, error: type[Exception]
) -> None:
    scripted.script(reply)
    with pytest.raises(error, match="SophNet keeps a transcription for 24 hours") as caught:
        send(resume("10045132157"), api_key="another")
    assert caught.value.task_id == "10045132157"  # type: ignore[attr-defined]


@pytest.mark.parametrize("task_id", ["", "  ", "..", None, 7, "a\nb"])
def test_what_is_no_id_is_refused(task_id: Any) -> None:
    with pytest.raises(InvalidInput, match="task_id must be the id"):
        resume(task_id)


def test_an_id_leads_nowhere_else(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(DONE))
    send(resume("a/../b?c"))
    assert scripted.seen[0].path == f"{TASKS}/a%2F..%2Fb%3Fc"


# --- at once -------------------------------------------------------------------------------------------------------


def test_the_synchronous_sample_goes_out_as_documented(send: Send, scripted: ScriptedServer) -> None:
    answer = {"result": "你好,算能。", "audio_duration": 2.471}
    scripted.script(json_reply(answer))
    said = send(transcribe_sync("https://example.com/a.wav"))
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/P1/easyllms/speechtotext/non-stream")
    assert seen.json == {"easyllm_id": "E1", "audio_url": "https://example.com/a.wav"}
    assert said == Transcript("你好,算能。", (), 2.471, answer)

    send(transcribe_sync("https://example.com/a", sample_rate=44100, format="wav", model="default", easyllm_id="mine"))
    assert scripted.seen[1].json == {
        "easyllm_id": "mine",
        "audio_url": "https://example.com/a",
        "speech_recognition_param": {"model": "default", "sample_rate": 44100, "format": "wav"},
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"url": "talk.wav"}, r"url must be an http or https URL.*transcribe\(file\) uploads it"),
        ({"url": b"RIFF"}, "url must be an http or https URL"),
        ({"url": "https://example.com/a.mp3"}, "url is mp3; the synchronous recognition takes wav"),
        ({"url": "https://example.com/a", "format": "mp3"}, "format must be wav, not 'mp3'"),
        ({"url": "https://example.com/a", "sample_rate": 0}, "sample_rate must be a number of samples"),
        ({"url": "https://example.com/a", "sample_rate": True}, "sample_rate must be"),
        ({"url": "https://example.com/a", "sample_rate": 16000.0}, "sample_rate must be"),
        ({"url": "https://example.com/a", "model": ""}, "model must be a name"),
    ],
)
def test_what_the_synchronous_form_does_not_take_is_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        transcribe_sync(**arguments)


def test_a_form_that_the_document_does_not_list_goes_into_extra_body() -> None:
    call = transcribe_sync("https://example.com/a.mp3", extra_body={"speech_recognition_param": {"format": "mp3"}})
    assert call.request.json["speech_recognition_param"] == {"format": "mp3"}


@pytest.mark.parametrize(
    ("answer", "text", "duration"),
    [
        ({"result": "a", "audio_duration": "3.5"}, "a", 3.5),
        ({"result": "a", "audio_duration": None}, "a", None),
        ({"result": ""}, "", None),
        ({"status": 0, "result": {"result": "a", "audio_duration": 1}}, "a", 1.0),
        ({"code": 0, "data": {"text": "a"}}, "a", None),
        ({"result": "a", "audio_duration": True}, "a", None),
    ],
)
def test_every_form_of_the_synchronous_answer_is_read(answer: Any, text: str, duration: float | None) -> None:
    body = json.dumps(answer).encode()
    said = transcribe_sync("https://example.com/a.wav").read(Response(200, {}, body))
    assert (said.text, said.duration_s) == (text, duration)


def test_a_synchronous_refusal_or_riddle_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    cases = (({"status": 5, "message": "cannot fetch"}, APIError), ({"result": None}, UnexpectedAnswer))
    for answer, error in cases:
        scripted.script(json_reply(answer))
        with pytest.raises(error):
            send(transcribe_sync("https://example.com/a.wav"))
    scripted.script(json_reply({"message": "slow"}, 429))
    with pytest.raises(RateLimited):
        send(transcribe_sync("https://example.com/a.wav"))


# --- results -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "text", "segments"),
    [
        (RESULT, TEXT, SEGMENTS),
        ("", "", ()),
        ("plain words", "plain words", ()),
        ("[not,a,time] words", "[not,a,time] words", ()),
        ("[299:59.999,300:0.5,spk1] end", "end", (Segment(17999999, 18000500, "spk1", "end"),)),
        ("[1:02:03.500,1:02:04,0] an hour", "an hour", (Segment(3723500, 3724000, "0", "an hour"),)),
        ("[0:1.0,0:2.0] nobody", "nobody", (Segment(1000, 2000, None, "nobody"),)),
        ("[0:1.0,0:2.0,0] one\ntwo\r\n\r\n", "one\ntwo", (Segment(1000, 2000, "0", "one\ntwo"),)),
        ("head\n[0:1.0,0:2.0,0] one", "head\none", (Segment(1000, 2000, "0", "one"),)),
        ("[0:1.0,0:2.0,0] [laughs] (a, b)", "[laughs] (a, b)", (Segment(1000, 2000, "0", "[laughs] (a, b)"),)),
        ([{"transcripts": [{"text": "a"}]}, {"transcripts": [{"text": "b"}]}], "a\nb", ()),
        (
            {
                "transcripts": [
                    {"text": "a b", "sentences": [{"begin_time": 1, "end_time": 2, "text": "a", "speaker_id": 3}]}
                ]
            },
            "a",
            (Segment(1, 2, "3", "a"),),
        ),
        ('{"text": "json in a text"}', "json in a text", ()),
        ('[{"begin_time": 5, "end_time": "9", "text": "x"}]', "x", (Segment(5, 9, None, "x"),)),
    ],
)
def test_every_way_of_writing_a_result_is_read(result: Any, text: str, segments: tuple[Segment, ...]) -> None:
    assert read_result(result) == (text, segments)


@pytest.mark.parametrize("part", ["[", " ", "[0:1,0:2,", "[0:1,", "0", "\t[", "[0:1,0:2,0] a "])
def test_a_broken_result_takes_no_time(part: str) -> None:
    def read(size: int) -> None:
        assert read_result(part * (size // len(part))) is not None
        assert read_result("[0:1,0:2,0" + part * (size // len(part))) is not None

    assert growth(read, 30_000) < MOST


@pytest.mark.parametrize("result", [[], {}, [{"a": 1}], 7, None])
def test_a_result_without_a_text_is_none(result: Any) -> None:
    assert read_result(result) is None


@given(
    st.recursive(
        st.none() | st.text(max_size=30) | st.integers() | st.floats(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["text", "sentences", "results", "begin_time", "end_time", "x"]), inner)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=50)
def test_any_result_is_read_or_none(result: Any) -> None:
    found = read_result(result)
    assert found is None or isinstance(found[0], str)


@given(st.text(alphabet="[]:.,0123456789 \nab"))
def test_no_word_of_any_text_is_lost(result: str) -> None:
    found = read_result(result)
    assert found is not None
    text, segments = found
    if not segments and not result.lstrip().startswith(("[", "{")):
        assert text == result.strip()
    assert sorted(c for c in text if c in "ab") == sorted(c for c in result if c in "ab") or "[" in result


def test_an_open_file_is_uploaded() -> None:
    (_, audio) = transcribe(io.BytesIO(HEADS["flac"])).submit.files
    assert (audio.filename, audio.content) == ("recording.flac", HEADS["flac"])
