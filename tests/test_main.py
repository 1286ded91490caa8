"""``python -m maaskit doctor`` tells what works and prints no key; ``sandbox`` serves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from maaskit.__main__ import main
from tests.scripted import Reply, json_reply

KEY = "sk-doctor-0123456789"
SECRET = "kodo-secret-0123"
ALL = [
    *("QINIU_API_KEY", "QINIU_BASE_URL", "QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_BUCKET", "QINIU_DOMAIN"),
    *("SOPHNET_API_KEY", "SOPH_API_KEY", "SOPHNET_BASE_URL", "SOPHNET_PROJECT_ID", "SOPHNET_EASYLLM_ID"),
    *(f"SOPHNET_{name}_EASYLLM_ID" for name in ("EMBEDDINGS", "DOC_PARSE", "SPEECH_TO_TEXT", "TEXT_TO_VOICE")),
]


@pytest.fixture
def doctor(monkeypatch, capsys):
    for name in ALL:
        monkeypatch.delenv(name, raising=False)

    def run(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        code = main(["doctor", "--timeout", "60"])
        said = capsys.readouterr().out
        assert KEY not in said
        assert SECRET not in said
        return code, said

    return run


def lines(said):
    """Give what stands behind each subject."""
    found = {}
    for line in said.splitlines():
        subject, _, rest = line.strip(" ✗").partition("  ")
        found[subject] = rest.strip()
    return found


def test_nothing_set_up_is_not_well(doctor):
    code, said = doctor()
    assert code == 1
    told = lines(said)
    assert told["QINIU_API_KEY"] == told["SOPHNET_API_KEY"] == told["QINIU_BUCKET"] == "not set"
    assert told["QINIU_BASE_URL"] == "not set (default https://api.qnaigc.com/v1)"
    assert "key" not in told
    assert "No cloud is set up: set QINIU_API_KEY or SOPHNET_API_KEY" in said
    assert "python -m maaskit sandbox" in said


def test_both_clouds_work(doctor, scripted):
    scripted.script(lambda seen: json_reply({"data": [{"id": "a"}, {"id": "b"}]} if seen.path == "/v1/models" else []))
    code, said = doctor(
        QINIU_API_KEY=KEY,
        QINIU_BASE_URL=scripted.url + "/v1",
        SOPHNET_API_KEY=KEY,
        SOPHNET_BASE_URL=scripted.url + "/api",
        SOPHNET_EASYLLM_ID="e1",
        SOPHNET_DOC_PARSE_EASYLLM_ID="e2",
    )
    assert code == 0
    assert "accepted (2 models)" in said
    told = lines(said)
    assert told["key"] == "accepted"
    assert told["doc_parse"] == "has an id (SOPHNET_DOC_PARSE_EASYLLM_ID)"
    assert told["embeddings"] == "has an id (SOPHNET_EASYLLM_ID)"
    assert told["SOPHNET_PROJECT_ID"] == "not set"
    assert [seen.path for seen in scripted.seen] == ["/v1/models", "/api/projects/easyllms/imagegenerator/task"]
    assert {seen.method for seen in scripted.seen} == {"GET"}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (json_reply({"error": {"message": f"bad key {KEY}"}}, 401), "refused: .*bad key"),
        (json_reply({}, 403), "refused"),
        (json_reply({"error": "x"}, 500), "not checked, the service answers with an error"),
        (json_reply([]), "not checked"),
        (Reply(drop=True), "not checked, the service cannot be asked"),
    ],
)
def test_a_key_that_does_not_work_is_not_well(doctor, scripted, reply, why):
    scripted.script(reply)
    code, said = doctor(QINIU_API_KEY=KEY, QINIU_BASE_URL=scripted.url)
    assert code == 1
    assert re.search(rf"✗ key +{why}", said)
    assert said.endswith("Something that is set up does not work: see the lines with ✗.\n")


def test_services_without_id_are_named(doctor, scripted):
    scripted.script(json_reply([]))
    code, said = doctor(SOPH_API_KEY=KEY, SOPHNET_BASE_URL=scripted.url)
    assert code == 0
    assert lines(said)["text_to_voice"] == "has no id: set SOPHNET_TEXT_TO_VOICE_EASYLLM_ID"


def test_a_key_that_cannot_be_one_is_told(doctor):
    code, said = doctor(QINIU_API_KEY="钥匙", SOPHNET_API_KEY="钥匙")
    assert code == 1
    assert said.count("has characters that no key has") == 2


def test_a_password_in_an_address_is_not_shown(doctor):
    address = f"https://me:{SECRET}@gateway.example/x?token={SECRET}"
    code, said = doctor(QINIU_API_KEY=KEY, QINIU_BASE_URL=address, SOPHNET_BASE_URL=address)
    assert code == 1
    assert lines(said)["SOPHNET_BASE_URL"] == "https://gateway.example/x"
    assert "must have no user, query or fragment" in said


def test_half_a_storage_is_not_well(doctor, scripted):
    scripted.script(json_reply({"data": []}))
    works = {"QINIU_API_KEY": KEY, "QINIU_BASE_URL": scripted.url}
    code, said = doctor(**works, QINIU_ACCESS_KEY="ak", QINIU_SECRET_KEY=SECRET)
    assert code == 1
    assert "Storage needs QINIU_BUCKET, QINIU_DOMAIN" in said
    code, said = doctor(**works, QINIU_BUCKET="papers", QINIU_DOMAIN="files.example.com")
    assert code == 0
    assert "local files go to papers and are read at https://files.example.com" in said


def test_extras_are_told(doctor, monkeypatch):
    assert lines(doctor()[1])["kodo"] == "installed"
    for name in ("mcp", "llama_index", "rapidocr"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("maaskit.doctor.find_spec", lambda name: None if name in ("mcp", "rapidocr") else name)
    told = lines(doctor()[1])
    assert told["mcp"] == "not installed"
    assert told["sandbox"] == "not whole: rapidocr missing"


def test_an_interrupted_examination_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(timeout_s):
        raise KeyboardInterrupt

    monkeypatch.setattr("maaskit.doctor.examine", interrupted)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == ""


def test_other_commands_are_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["dance"])
    assert caught.value.code == 2
    assert "doctor" in capsys.readouterr().err


def test_a_missing_sandbox_is_told_with_the_way_out(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "maaskit.sandbox.__main__", None)
    assert main(["sandbox"]) == 1
    assert "sandbox" in capsys.readouterr().err


def test_the_sandbox_serves_what_the_doctor_finds_well():
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "integrations"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "maaskit", "sandbox"], env=place, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            variables = {}
            for line in process.stdout:
                if line.startswith("export "):
                    name, _, value = line.removeprefix("export ").strip().partition("=")
                    variables[name] = value.strip("'\"")
                if "SOPHNET_EASYLLM_ID" in variables:
                    break
            done = subprocess.run(
                [sys.executable, "-m", "maaskit", "doctor"],
                env={**place, **variables},
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
        finally:
            process.terminate()
    assert "accepted (" in done.stdout, done.stdout + done.stderr
    assert variables["QINIU_API_KEY"] not in done.stdout
