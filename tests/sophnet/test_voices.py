"""SophNet's cloned voices: the documents' samples, the limits, and the new voice that the service does not name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maaskit import (
    APIError,
    ConfigurationError,
    ConnectionFailed,
    InvalidInput,
    Media,
    NotFound,
    RateLimited,
    ServerError,
    UnexpectedAnswer,
)
from maaskit.media import MIB
from maaskit.sophnet import voices
from maaskit.sophnet.voices import Voice, create, delete, list_voices
from maaskit.wire import Outcome, Sleep
from tests.multipart import form
from tests.recordings import sparse, wav_head
from tests.scripted import Reply, ScriptedServer, Seen, json_reply

Send = Callable[..., Any]

MP3 = b"ID3\x04" + bytes(200)
TEXT = "这是一段用于复刻的录音。"
DONE = {"status": 0, "message": "请求成功", "result": None, "timestamp": 1765420402078}


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_PAUSES_S", (0.01, 0.02))


def listed(*entries: dict[str, Any]) -> Reply:
    """Write a list as the document's example does."""
    empty = {"model": "cosyvoice-v1", "des": None, "name": None, "bucket_name": None, "file_name": None}
    return json_reply({**DONE, "result": [{**empty, "last_used_at": None, **entry} for entry in entries]})


class Cloud:
    """Keeps voices as the service does; ``meanwhile`` is what others create while one uploads."""

    def __init__(self, scripted: ScriptedServer, *kept: dict[str, Any], late: int = 0) -> None:
        self.kept, self.meanwhile, self.late, self.uploads = list(kept), [], late, 0
        self._lists = 0
        scripted.script(self.answer)

    def answer(self, seen: Seen) -> Reply:
        if seen.method == "GET":
            self._lists += self.uploads > 0
            shown = self.kept if self._lists > self.late or not self.uploads else self.kept[: -self.uploads]
            return listed(*shown)
        told = json.loads(form(seen)["tts_speaker_voice_generate_req"].get_payload(decode=True))
        self.kept += self.meanwhile
        self.uploads += 1
        mine = {name: told[name] for name in ("model", "name", "des") if name in told}
        self.kept.append({"voice_id": f"mine-{self.uploads}", **mine})
        return json_reply(DONE)


# --- creating ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_sample_goes_out_as_documented(
    send: Send, scripted: ScriptedServer, tmp_path: Path, as_bytes: bool
) -> None:
    cloud = Cloud(scripted, {"voice_id": "old", "name": "voice1"})
    (tmp_path / "我的声音.mp3").write_bytes(MP3)
    audio = Media(data=MP3, name="我的声音.mp3") if as_bytes else tmp_path / "我的声音.mp3"
    voice = send(create(audio, prompt_text=TEXT, name="voice1", des="慢"), project_id=None)
    assert (voice.voice_id, voice.name, voice.model, voice.des) == ("mine-1", "voice1", "cosyvoice-v1", "慢")
    before, upload, after = scripted.seen
    assert (before.method, before.path, before.body) == ("GET", "/projects/easyllms/voice/E1", b"")
    assert (after.method, after.path) == ("GET", "/projects/easyllms/voice/E1")
    assert (upload.method, upload.path) == ("POST", "/projects/easyllms/voice/upload")
    assert upload.headers["authorization"] == "Bearer k"
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    parts = form(upload)
    assert list(parts) == ["audio_file", "tts_speaker_voice_generate_req"]
    assert parts["audio_file"].get_payload(decode=True) == MP3
    assert (parts["audio_file"].get_filename(), parts["audio_file"].get_content_type()) == (
        "我的声音.mp3",
        "audio/mpeg",
    )
    told = parts["tts_speaker_voice_generate_req"]
    assert told.get_content_type() == "application/json"
    assert told.get_filename() is None
    assert json.loads(told.get_payload(decode=True)) == {
        "easyllm_id": "E1",
        "model": "cosyvoice-v1",
        "name": "voice1",
        "des": "慢",
        "prompt_text": TEXT,
    }
    assert cloud.uploads == 1


def test_what_is_unset_is_not_sent_and_ids_of_ones_own_go_first(send: Send, scripted: ScriptedServer) -> None:
    Cloud(scripted)
    send(create(MP3, prompt_text=TEXT, model="cosyvoice-v2", easyllm_id="my/id", extra_body={"speed": 1}))
    before, upload, _ = scripted.seen
    assert before.path == "/projects/easyllms/voice/my%2Fid"
    told = json.loads(form(upload)["tts_speaker_voice_generate_req"].get_payload(decode=True))
    assert told == {"easyllm_id": "my/id", "model": "cosyvoice-v2", "prompt_text": TEXT, "speed": 1}
    assert form(upload)["audio_file"].get_filename() == "recording.mp3"


def test_a_url_is_downloaded_first(send: Send, scripted: ScriptedServer) -> None:
    cloud = Cloud(scripted)
    sound = Reply(200, {"content-type": "audio/mpeg"}, [MP3])
    scripted.script(lambda seen: sound if seen.path == "/files/a.mp3" else cloud.answer(seen))
    assert send(create(f"{scripted.url}/files/a.mp3", prompt_text=TEXT)).voice_id == "mine-1"
    assert form(scripted.seen[2])["audio_file"].get_payload(decode=True) == MP3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"audio": b""}, "audio is empty"),
        ({"audio": "nowhere.wav"}, "there is no file"),
        ({"audio": b"%PDF-1.7"}, "audio is application/pdf; it must be a recording"),
        ({"audio": bytes(30)}, "neither name nor content tells the form"),
        ({"prompt_text": ""}, "prompt_text must be a text that is not empty"),
        ({"prompt_text": None}, "prompt_text must be"),
        ({"model": " "}, "model must be"),
        ({"name": ""}, "name must be"),
        ({"des": 7}, "des must be"),
    ],
)
def test_what_no_voice_can_be_made_of_is_refused_before_anything_is_sent(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        create(**{"audio": MP3, "prompt_text": TEXT} | arguments)


def test_ten_megabytes_and_a_minute_are_taken_and_more_is_not(tmp_path: Path) -> None:
    create(sparse(tmp_path / "a.mp3", 10 * MIB), prompt_text=TEXT)
    with pytest.raises(InvalidInput, match=r"audio has 10485761 bytes .*at most 10485760 bytes \(10 MiB\)"):
        create(sparse(tmp_path / "b.mp3", 10 * MIB + 1), prompt_text=TEXT)
    create(sparse(tmp_path / "c.wav", 44 + 60 * 32000, wav_head(60)), prompt_text=TEXT)
    with pytest.raises(InvalidInput, match=r"audio plays 60\.5 s; at most 60 s are allowed\. Cut it to 10 to 20"):
        create(sparse(tmp_path / "d.wav", 44 + 121 * 16000, wav_head(60.5)), prompt_text=TEXT)
    longer = sparse(tmp_path / "e.wav", 44 + 60 * 32000 + 2, wav_head(60 + 1 / 16000))
    with pytest.raises(InvalidInput, match=r"audio plays 60\.001 s; at most 60 s"):  # one sample more
        create(longer, prompt_text=TEXT)


def test_a_hundred_voices_are_all_there_can_be(send: Send, scripted: ScriptedServer) -> None:
    cloud = Cloud(scripted, *({"voice_id": f"v{number}"} for number in range(100)))
    with pytest.raises(InvalidInput, match=r"There are 100 voices; .* at most 100\. voices\.delete"):
        send(create(MP3, prompt_text=TEXT))
    assert cloud.uploads == 0


def test_a_missing_id_names_its_variable(send: Send, scripted: ScriptedServer) -> None:
    for what in (create(MP3, prompt_text=TEXT), list_voices(), delete("v")):
        with pytest.raises(ConfigurationError, match="SOPHNET_TEXT_TO_VOICE_EASYLLM_ID"):
            send(what, easyllm_id=None)
    assert scripted.seen == []


# --- which voice is new --------------------------------------------------------------------------------------------


def test_a_name_that_exists_already_is_no_riddle(send: Send, scripted: ScriptedServer) -> None:
    Cloud(scripted, {"voice_id": "old", "name": "n"}, {"voice_id": "older", "name": "n"})
    assert send(create(MP3, prompt_text=TEXT, name="n")).voice_id == "mine-1"
    assert send(create(MP3, prompt_text=TEXT, name="n")).voice_id == "mine-2"


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        ({"name": "n"}, {"name": "other"}),
        ({"name": "n"}, {"name": None}),
        ({"des": "d"}, {"name": "n", "des": None}),
        ({"name": "n"}, {"name": "n", "model": "cosyvoice-v2"}),
    ],
)
def test_another_that_comes_meanwhile_and_differs_is_not_taken(
    send: Send, scripted: ScriptedServer, mine: Any, others: Any
) -> None:
    cloud = Cloud(scripted)
    cloud.meanwhile = [{"voice_id": "theirs", **others}]
    assert send(create(MP3, prompt_text=TEXT, **mine)).voice_id == "mine-1"


@pytest.mark.parametrize(("mine", "others"), [({"name": "n"}, {"name": "n"}), ({}, {"name": "x"}), ({}, {})])
def test_what_cannot_be_told_apart_is_an_error_and_never_a_guess(
    send: Send, scripted: ScriptedServer, mine: Any, others: Any
) -> None:
    cloud = Cloud(scripted)
    cloud.meanwhile = [{"voice_id": "theirs", **others}]
    with pytest.raises(UnexpectedAnswer, match=r"2 voices are new and fit: 'theirs', 'mine-1'.*a name of its own"):
        send(create(MP3, prompt_text=TEXT, **mine), api_key="another")
    assert cloud.uploads == 1


def test_a_list_that_is_late_is_asked_again(send: Send, scripted: ScriptedServer) -> None:
    cloud = Cloud(scripted, late=2)
    assert send(create(MP3, prompt_text=TEXT, name="n")).voice_id == "mine-1"
    assert cloud.uploads == 1

    never = Cloud(scripted, late=99)
    with pytest.raises(UnexpectedAnswer, match=r"lists no new voice yet\. Do not create it again"):
        send(create(MP3, prompt_text=TEXT, name="n"), api_key="another")
    assert never.uploads == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (json_reply({"message": "oops"}, 502), ServerError),
        (Reply(drop=True), ConnectionFailed),
        (json_reply([]), UnexpectedAnswer),
    ],
)
def test_an_upload_that_may_have_been_accepted_is_not_sent_again(
    send: Send, scripted: ScriptedServer, reply: Reply, error: type[Exception]
) -> None:
    scripted.script(listed(), reply, listed())
    with pytest.raises(error, match=r"may have been created all the same: see voices\.list_voices"):
        send(create(MP3, prompt_text=TEXT), api_key="another")
    assert len(scripted.seen) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (json_reply({"message": "oops"}, 502), ServerError),
        (json_reply({"message": "slow"}, 429), RateLimited),
        (json_reply({"message": "who?"}, 401), APIError),
        (Reply(drop=True), ConnectionFailed),
        (json_reply([]), UnexpectedAnswer),
    ],
)
def test_a_list_that_fails_after_the_upload_says_that_the_voice_was_created(
    send: Send, scripted: ScriptedServer, reply: Reply, error: type[Exception]
) -> None:
    scripted.script(listed(), json_reply(DONE), reply)
    with pytest.raises(error, match=r"accepted the recording.*Do not create it again.*voices\.list_voices\(\)"):
        send(create(MP3, prompt_text=TEXT), api_key="another")
    assert [seen.method for seen in scripted.seen].count("POST") == 1


def test_an_upload_that_cannot_have_been_accepted_is_sent_again(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(listed(), json_reply({"message": "slow"}, 429), json_reply(DONE), listed({"voice_id": "v1"}))
    assert send(create(MP3, prompt_text=TEXT)).voice_id == "v1"
    assert [seen.method for seen in scripted.seen] == ["GET", "POST", "POST", "GET"]

    scripted.script(listed(), *[json_reply({"message": "slow"}, 429)] * 3)
    with pytest.raises(RateLimited) as caught:
        send(create(MP3, prompt_text=TEXT))
    assert "all the same" not in str(caught.value)


def test_a_refusal_under_200_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(listed(), json_reply({"status": 10003, "message": "音色数量超限", "result": None}))
    with pytest.raises(APIError, match="音色数量超限"):
        send(create(MP3, prompt_text=TEXT))
    assert len(scripted.seen) == 2


# --- the list, and the end -----------------------------------------------------------------------------------------


def test_the_documents_list_is_read(send: Send, scripted: ScriptedServer) -> None:
    entry = {"model": "xx", "des": None, "name": "xx", "voice_id": "xx", "bucket_name": None, "file_name": None}
    scripted.script(json_reply({**DONE, "result": [entry | {"last_used_at": "xx"}]}))
    (voice,) = send(list_voices(), project_id=None)
    assert voice == Voice("xx", "xx", "xx", None, "xx", entry | {"last_used_at": "xx"})
    assert (scripted.seen[0].method, scripted.seen[0].path) == ("GET", "/projects/easyllms/voice/E1")


@pytest.mark.parametrize("result", [[], None])
def test_no_voices_are_no_error(send: Send, scripted: ScriptedServer, result: Any) -> None:
    scripted.script(json_reply({**DONE, "result": result}))
    assert send(list_voices()) == ()


@pytest.mark.parametrize("answer", [{"status": 0}, {"result": "x"}, {"result": [{"name": "x"}]}, {"result": ["x"]}, []])
def test_what_is_no_list_is_an_error(send: Send, scripted: ScriptedServer, answer: Any) -> None:
    scripted.script(json_reply(answer))
    with pytest.raises(UnexpectedAnswer):
        send(list_voices())


def test_the_documents_deletion_has_a_json_body(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(DONE))
    assert send(delete("V1", model="cosyvoice-v2"), project_id=None) is None
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("DELETE", "/projects/easyllms/voice/remove")
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {"easyllm_id": "E1", "model": "cosyvoice-v2", "voice_id": "V1"}


def test_a_deletion_that_is_refused_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": "no such voice"}, 404))
    with pytest.raises(NotFound):
        send(delete("V1"))
    scripted.script(json_reply({"status": 7, "message": "no such voice", "result": None}))
    with pytest.raises(APIError, match="no such voice"):
        send(delete("V1"))
    for bad in ({"voice_id": ""}, {"voice_id": "v", "model": ""}):
        with pytest.raises(InvalidInput):
            delete(**bad)


class Service:
    """Keep voices for flows that are driven step by step."""

    def __init__(self) -> None:
        self.kept: list[Voice] = []
        self.made_by: dict[str, int] = {}

    def answer(self, step: Any, who: int, name: str | None) -> Any:
        if isinstance(step, Sleep):
            return None
        if step.request.method == "GET":
            return tuple(self.kept)
        voice_id = f"v{len(self.kept)}"
        self.made_by[voice_id] = who
        self.kept.append(Voice(voice_id, name, "cosyvoice-v1"))
        return {}


@pytest.mark.parametrize("names", [("n", "n"), ("n", "m"), (None, "n"), (None, None)])
@pytest.mark.parametrize("order", sorted(set(itertools.permutations([0, 0, 0, 0, 1, 1, 1, 1]))))
def test_two_creations_at_once_never_take_each_others_voice(
    names: tuple[str | None, str | None], order: tuple[int, ...]
) -> None:
    """Two conversations of four steps (list, upload, a pause, list) take turns in every order there is."""
    service = Service()
    flows = [create(MP3, prompt_text=TEXT, name=name).steps() for name in names]
    steps: list[Any] = [next(flow) for flow in flows]
    found: list[Voice | None] = [None, None]
    riddles = 0
    for who in order:
        answer = service.answer(steps[who], who, names[who])
        try:
            steps[who] = flows[who].send(Outcome(answer))
        except StopIteration as stop:
            found[who] = stop.value
        except UnexpectedAnswer:
            riddles += 1
    for who, voice in enumerate(found):
        assert voice is None or service.made_by[voice.voice_id] == who
    assert sum(voice is not None for voice in found) + riddles == 2
    assert riddles == 0 or names != ("n", "m")
