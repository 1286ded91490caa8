from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from maaskit.sandbox import Sandbox, transcription_jobs
from maaskit.sandbox.engines import containers, conversations, wav
from maaskit.sandbox.engines.conversations import Heard, Line
from maaskit.sandbox.engines.sound import Sound
from tests.sandbox.engines.sentences import word_errors
from tests.sandbox.sophnet_voice import SophNetVoice

LINE = re.compile(r"\[(\d+):(\d+\.\d{3}),(\d+):(\d+\.\d{3}),(\d+)\] (.+)")
SHORT = "We bought two green apples."


@pytest.fixture(scope="module")
def recording(running_sandbox: Sandbox) -> bytes:
    talking = SophNetVoice(running_sandbox)
    data = talking.spoken(SHORT)
    talking.close()
    return data


@pytest.fixture
def url(voice: SophNetVoice, recording: bytes) -> str:
    return voice.sandbox._state.keep(recording, "audio/wav")


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Let every recording say the same, for tests of what is around it."""
    heard = Heard((Line(5840, 6690, 0, "Hello."), Line(3_725_004, 3_726_000, 1, "It is late.")), 3_726_500)
    monkeypatch.setattr(conversations, "listen", lambda *_: heard)
    return heard


def test_the_documents_curl_with_a_link(voice: SophNetVoice, url: str) -> None:
    body = json.dumps({"audio_url": url, "easyllm_id": voice.sandbox.easyllm_id})
    headers = {"Authorization": f"Bearer {voice.sandbox.api_key}", "Content-Type": "application/json"}
    made = requests.post(f"{voice.project}/speechtotext/transcriptions", headers=headers, data=body, timeout=30).json()
    assert set(made) == {"task_id", "taskId", "created"}
    assert made["task_id"] == made["taskId"]
    assert made["taskId"].isdecimal()
    assert abs(made["created"] - time.time()) < 60
    answer = voice.finished(made["taskId"])
    assert set(answer) == {"task_id", "taskId", "status", "result"}
    assert answer["taskId"] == made["taskId"]
    (line,) = answer["result"].removesuffix("\n").split("\n")
    found = LINE.fullmatch(line)
    assert found is not None
    assert found[5] == "0"
    assert word_errors(SHORT, found[6]) <= 0.4


def test_the_documents_curl_with_an_upload(voice: SophNetVoice, recording: bytes) -> None:
    files = {
        "data": (None, json.dumps({"easyllm_id": voice.sandbox.easyllm_id}), "application/json"),
        "audio_file": ("your_audio_file.wav", recording, "audio/wav"),
    }
    headers = {"Authorization": f"Bearer {voice.sandbox.api_key}"}
    made = requests.post(f"{voice.project}/speechtotext/transcriptions", headers=headers, files=files, timeout=30)
    assert LINE.fullmatch(voice.finished(made.json()["taskId"])["result"].strip())


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_documents_curl_itself(voice: SophNetVoice, recording: bytes, instant: Heard, tmp_path: Path) -> None:
    """Its fixed Content-Type has no boundary; curl puts one behind it."""
    (tmp_path / "your_audio_file.wav").write_bytes(recording)
    command = ["curl", "--silent", "--location", "--request", "POST", f"{voice.project}/speechtotext/transcriptions"]
    command += ["--header", f"Authorization: Bearer {voice.sandbox.api_key}"]
    command += ["--header", "Content-Type: multipart/form-data"]
    command += ["-F", f'data={{"easyllm_id":"{voice.sandbox.easyllm_id}"}};type=application/json']
    command += ["-F", f"audio_file=@{tmp_path}/your_audio_file.wav;type=audio/wav"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)  # noqa: S603 -- the document's command
    assert voice.finished(json.loads(done.stdout)["taskId"])["status"] == "success"


def test_the_official_sdk(voice: SophNetVoice, url: str) -> None:
    client_module = pytest.importorskip("fastmodels.client", reason="fastmodels-kit is not installed")
    client = client_module.Client(api_key=voice.sandbox.api_key, project_id=voice.sandbox.project_id)
    service = client.easyllm.speech_to_text
    service.base_url = service.base_url.replace(
        "https://platform.fastmodels.cn/api/open-apis", voice.sandbox.sophnet_url
    )
    created = service.create(easyllm_id=voice.sandbox.easyllm_id, audio_url=url)
    deadline = time.monotonic() + 60
    while (task := service.get(created.task_id)).status not in ("success", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert task.status == "success"
    assert LINE.fullmatch(task.result.strip())
    with pytest.raises(RuntimeError, match="easyllm_id not found"):
        service.create(easyllm_id="other", audio_url=url)
    with pytest.raises(RuntimeError, match="no such task"):
        service.get("5")


def test_a_conversation_is_told_line_by_line(voice: SophNetVoice) -> None:
    said = ("We bought two green apples.", "He walked along the river.", "They found some fresh bread.")
    talk = voice.talk(*zip(("longxiaochun", "longcheng", "longxiaochun"), said, strict=True))
    answer = voice.finished(voice.upload(talk).json()["task_id"])
    lines = [found for found in map(LINE.fullmatch, answer["result"].splitlines()) if found]
    assert len(lines) == len(answer["result"].splitlines()) == 3
    assert [line[5] for line in lines] == ["0", "1", "0"]
    times = [60 * int(m) + float(s) for line in lines for m, s in ((line[1], line[2]), (line[3], line[4]))]
    assert times == sorted(times)
    assert times[-1] < wav.unpack(talk).duration_ms / 1000
    assert statistics.median(word_errors(*pair) for pair in zip(said, (line[6] for line in lines), strict=True)) <= 0.3


@pytest.mark.parametrize(
    ("form", "name", "kind"),
    [
        ("mp3", "a.mp3", "audio/mpeg"),
        ("m4a", "a.m4a", "audio/mp4"),
        ("amr", "a.amr", "audio/amr"),
        ("aac", "a.aac", "audio/aac"),
        ("opus", "a.ogg", "audio/ogg"),
        ("flac", "a.flac", "audio/flac"),
        ("flv", "a.flv", "video/x-flv"),
        ("asf", "a.wma", "audio/x-ms-wma"),
        ("3gp", "a.3gp", "video/3gpp"),
        ("mp4", "a.mp4", "video/mp4"),
    ],
)
def test_kinds_of_files(
    voice: SophNetVoice, recording: bytes, monkeypatch: pytest.MonkeyPatch, form: str, name: str, kind: str
) -> None:
    from maaskit.sandbox.engines import recognition

    heard: list[int] = []
    monkeypatch.setattr(recognition, "recognise", lambda blocks: heard.append(sum(map(len, blocks))) or iter(()))
    data = muxed(wav.unpack(recording), form)
    answer = voice.finished(voice.upload(data, name, kind).json()["task_id"])
    assert (answer["status"], answer["result"]) == ("success", "")
    assert heard[0] / 32 == pytest.approx(wav.unpack(recording).duration_ms, abs=200)


def muxed(sound: Sound, form: str) -> bytes:
    """Write the kinds that the engine itself does not write with PyAV."""
    import io

    import av

    codecs = {"flv": ("libmp3lame", 44_100), "asf": ("wmav2", 44_100), "3gp": ("libopencore_amrnb", 8000)}
    codecs["mp4"] = ("aac", 44_100)
    if form not in codecs:
        return containers.encode(sound, form)
    codec, rate = codecs[form]
    target = io.BytesIO()
    with av.open(target, mode="w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = 12_200 if form == "3gp" else 64_000
        frame = containers.as_frame(containers.resampled(sound, rate).samples, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def test_states_over_time(voice: SophNetVoice, recording: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slow(*_: Any) -> Heard:
        assert go_on.wait(30)
        return Heard((), 0)

    monkeypatch.setattr(conversations, "listen", slow)
    ids = [voice.upload(recording).json()["task_id"] for _ in range(transcription_jobs.AT_ONCE + 1)]
    deadline = time.monotonic() + 30
    while not all(voice.look(task_id).json()["status"] == "doing" for task_id in ids[:-1]):
        assert time.monotonic() < deadline
    standing = [voice.look(task_id).json() for task_id in ids]
    assert [answer["status"] for answer in standing] == ["doing", "doing", "waiting"]
    assert not any("result" in answer or "errorMsg" in answer for answer in standing)
    go_on.set()
    assert [voice.finished(task_id)["status"] for task_id in ids] == ["success"] * 3


def test_times_as_in_the_example_and_beyond_the_hour(voice: SophNetVoice, recording: bytes, instant: Heard) -> None:
    answer = voice.finished(voice.upload(recording).json()["task_id"])
    assert answer["result"] == "[0:5.840,0:6.690,0] Hello.\n[62:5.004,62:6.000,1] It is late.\n"


def test_a_result_is_kept_for_a_day(
    voice: SophNetVoice, recording: bytes, instant: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = voice.upload(recording).json()
    voice.finished(made["task_id"])
    now = time.time()
    monkeypatch.setattr(transcription_jobs.time, "time", lambda: now + 24 * 3600 - 30)
    assert voice.look(made["task_id"]).status_code == 200
    monkeypatch.setattr(transcription_jobs.time, "time", lambda: now + 24 * 3600 + 30)
    response = voice.look(made["task_id"])
    assert response.status_code == 404
    assert "kept for 24 hours" in response.json()["message"]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"hello", "none of wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg-opus, flac"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "none of wav"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "no sound file"),
        (b"ID3\x04" + bytes(200), "no sound file"),
    ],
)
def test_recordings_that_are_none_fail_the_task(voice: SophNetVoice, data: bytes, named: str) -> None:
    answer = voice.finished(voice.upload(data).json()["task_id"])
    assert answer["status"] == "failed"
    assert "result" not in answer
    assert named in answer["errorMsg"]


def test_links_that_lead_nowhere_fail_the_task(voice: SophNetVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = voice.finished(voice.link(f"{voice.sandbox.origin}/-/nowhere.wav").json()["task_id"])
    assert (gone["status"], "HTTP 404" in gone["errorMsg"]) == ("failed", True)
    monkeypatch.setattr("maaskit.sandbox.sophnet_transcription.MAX_AUDIO_BYTES", 2**20)
    large = voice.sandbox._state.keep(bytes(2**20 + 1), "audio/wav")
    assert "more than 1 MiB" in voice.finished(voice.link(large).json()["task_id"])["errorMsg"]


def test_a_recording_of_more_than_five_hours(
    voice: SophNetVoice, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "MAX_DURATION_S", 1)
    answer = voice.finished(voice.upload(recording).json()["task_id"])
    assert (answer["status"], "longer than" in answer["errorMsg"]) == ("failed", True)


def test_a_breakdown_fails_the_task(
    voice: SophNetVoice, recording: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Heard:
        raise RuntimeError("boom")

    monkeypatch.setattr(conversations, "listen", broken)
    answer = voice.finished(voice.upload(recording).json()["task_id"])
    assert (answer["status"], answer["errorMsg"]) == ("failed", "the sandbox broke down: RuntimeError: boom")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"audio_url": ...}, "audio_url is required"),
        ({"audio_url": ""}, "audio_url is required"),
        ({"audio_url": 5}, "audio_url is required"),
        ({"audio_url": "/music/a.wav"}, "must be an http(s) URL"),
        ({"easyllm_id": ...}, "easyllm_id is required"),
    ],
)
def test_fields_that_the_document_refuses(voice: SophNetVoice, fields: dict[str, Any], named: str) -> None:
    response = voice.link("http://127.0.0.1/a.wav", **fields)
    assert response.status_code == 400
    error = response.json()
    assert (error["status"], error["result"]) == (400, None)
    assert named in error["message"]


def test_forms_with_something_missing(voice: SophNetVoice, recording: bytes) -> None:
    url = f"{voice.project}/speechtotext/transcriptions"
    data = json.dumps({"easyllm_id": voice.sandbox.easyllm_id})
    file = ("a.wav", recording, "audio/wav")

    def refused(**files: Any) -> str:
        response = voice.http.post(url, files=files)
        assert response.status_code == 400
        message: str = response.json()["message"]
        return message

    assert "data is required" in refused(audio_file=file)
    assert "of type application/json" in refused(audio_file=file, data=(None, data))
    assert "easyllm_id is required" in refused(audio_file=file, data=(None, "{}", "application/json"))
    assert "audio_file is required" in refused(data=(None, data, "application/json"))
    assert "holds no data" in refused(audio_file=("a.wav", b""), data=(None, data, "application/json"))


def test_another_service_project_or_task(voice: SophNetVoice, recording: bytes) -> None:
    assert voice.link("http://127.0.0.1/a.wav", easyllm_id="other").status_code == 404
    other = voice.project.replace(voice.sandbox.project_id, "other")
    assert voice.http.post(f"{other}/speechtotext/transcriptions", json={}).status_code == 404
    assert voice.http.get(f"{other}/speechtotext/transcriptions/5").status_code == 404
    assert voice.look("5").status_code == 404


def test_the_path_without_project_needs_no_service_id(voice: SophNetVoice, url: str, instant: Heard) -> None:
    tasks = f"{voice.projectless}/speechtotext/transcriptions"
    made = voice.http.post(tasks, json={"audio_url": url}).json()
    assert voice.finished(made["task_id"])["status"] == "success"
    assert voice.http.get(f"{tasks}/{made['task_id']}").json()["status"] == "success"
    assert voice.http.post(tasks, json={"audio_url": url, "easyllm_id": "other"}).status_code == 404


@pytest.mark.parametrize("name", ["task_id", "taskId", "id"])
@pytest.mark.parametrize("kind", ["string", "number"])
def test_where_and_how_the_id_is_written(
    voice: SophNetVoice, recording: bytes, instant: Heard, name: Any, kind: Any
) -> None:
    voice.sandbox.variants.transcription_id = name
    voice.sandbox.variants.transcription_id_type = kind
    made = voice.upload(recording).json()
    assert set(made) == {name, "created"}
    assert isinstance(made[name], str if kind == "string" else int)
    assert voice.finished(made[name])[name] == made[name]


@pytest.mark.parametrize(("nesting", "around"), [("result", {"status": 0}), ("data", {"code": 0}), ("output", {})])
def test_what_lies_around_a_task(
    voice: SophNetVoice, recording: bytes, instant: Heard, nesting: Any, around: dict[str, Any]
) -> None:
    voice.sandbox.variants.transcription_nesting = nesting
    made = voice.upload(recording).json()
    assert around.items() <= made.items()
    assert set(made[nesting]) == {"task_id", "taskId", "created"}
    answer = voice.look(made[nesting]["task_id"]).json()
    assert around.items() <= answer.items()
    assert answer[nesting]["status"] in ("waiting", "doing", "success")


def test_a_task_may_be_answered_by_its_bare_id(voice: SophNetVoice, recording: bytes, instant: Heard) -> None:
    voice.sandbox.variants.transcription_nesting = "bare_id"
    made = voice.upload(recording)
    assert made.headers["Content-Type"].startswith("text/plain")
    assert made.text.isdecimal()
    assert voice.finished(made.text)["taskId"] == made.text


def test_how_the_result_is_written(voice: SophNetVoice, recording: bytes, instant: Heard) -> None:
    task_id = voice.upload(recording).json()["task_id"]
    voice.finished(task_id)
    variants = voice.sandbox.variants
    variants.transcription_result = "plain"
    variants.transcription_duration = True
    answer = voice.look(task_id).json()
    assert (answer["result"], answer["audio_duration"]) == ("Hello.\nIt is late.", 3726.5)
    variants.transcription_result = "transcripts"
    newer = voice.look(task_id).json()
    assert newer["task_status"] == "succeeded"
    assert newer["results"] == [{"transcripts": [{"text": "Hello.\nIt is late."}]}]
    assert "result" not in newer
    assert "status" not in newer


def test_no_crowd_of_open_tasks(voice: SophNetVoice, recording: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(conversations, "listen", lambda *_: Heard((), 0) if go_on.wait(30) else None)
    monkeypatch.setattr(transcription_jobs, "MAX_HELD_BYTES", 3 * len(recording))
    ids = [voice.upload(recording).json()["task_id"] for _ in range(3)]
    response = voice.upload(recording)
    assert response.status_code == 429
    assert "have not ended yet" in response.json()["message"]
    monkeypatch.setattr(transcription_jobs, "MAX_HELD_BYTES", 10 * len(recording))
    monkeypatch.setattr(transcription_jobs, "MAX_OPEN_JOBS", 3)
    assert voice.upload(recording).status_code == 429
    go_on.set()
    assert [voice.finished(task_id)["status"] for task_id in ids] == ["success"] * 3
    assert voice.finished(voice.upload(recording).json()["task_id"])["status"] == "success"


def test_the_oldest_tasks_are_forgotten_first(
    voice: SophNetVoice, recording: bytes, instant: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription_jobs, "MAX_JOBS", 3)
    ids = []
    for _ in range(5):
        ids.append(voice.upload(recording).json()["task_id"])
        voice.finished(ids[-1])
    voice.look(ids[-1])
    assert [voice.look(task_id).status_code for task_id in ids] == [404, 404, 200, 200, 200]


def test_a_sandbox_ends_although_it_listens(recording: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    started, ended = threading.Event(), threading.Event()

    def endless(_source: Any, check: Any) -> Heard:
        started.set()
        try:
            while True:
                check()
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(conversations, "listen", endless)
    with Sandbox() as other:
        talking = SophNetVoice(other)
        talking.upload(recording)
        assert started.wait(30)
        talking.close()
    assert ended.wait(30)
