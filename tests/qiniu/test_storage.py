"""Form upload: what goes to the storage host, what does not, and what comes back."""

import asyncio
import json

import pytest

from maaskit import AsyncClient, AuthenticationFailed, BadRequest, Client, InvalidInput, MaasError, Qiniu, RetryPolicy
from maaskit.errors import APIError
from maaskit.qiniu import storage
from maaskit.wire import Response
from tests.scripted import Reply, json_reply

KEY = "sk-model-key-0123456789"
TOKEN = "AK:signature:cG9saWN5"
OK = {"hash": "Fh8xVqod2MQ1mocfI4S4KpRL6D98", "key": "scan.png"}


@pytest.fixture(params=["sync", "async"])
def send(request, scripted):
    def perform(call, base_url="https://api.qnaigc.com/v1"):
        provider = Qiniu(api_key=KEY, base_url=base_url)
        policy = RetryPolicy(first_delay_s=0.01)
        settings = {"default_headers": {"X-Secret": "mine"}, "retry_policy": policy, "timeout": 30}
        if request.param == "sync":
            with Client(provider, **settings) as client:
                return client.send(call)

        async def main():
            async with AsyncClient(provider, **settings) as client:
                return await client.send(call)

        return asyncio.run(main())

    return perform


def test_the_form_is_the_documents_and_the_model_key_stays_here(send, scripted, tmp_path):
    scripted.script(json_reply(OK))
    file = tmp_path / "扫描.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n content")
    stored = send(storage.upload(file, key="docs/scan.png", token=TOKEN, upload_url=scripted.url))
    assert (stored.key, stored.hash, stored.raw) == ("scan.png", OK["hash"], OK)
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/")
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    names = [part.split(b'name="')[1].split(b'"')[0] for part in seen.body.split(b"--")[1:] if b'name="' in part]
    assert names == [b"token", b"key", b"file"]
    assert TOKEN.encode() in seen.body
    assert b"docs/scan.png" in seen.body
    assert b"\x89PNG\r\n\x1a\n content" in seen.body
    assert b"image/png" in seen.body
    assert "authorization" not in seen.headers
    assert "x-secret" not in seen.headers
    assert KEY not in str(seen.headers) + seen.body.decode("latin-1")


def test_the_model_key_stays_here_even_at_the_models_own_origin(send, scripted):
    scripted.script(json_reply(OK))
    send(storage.upload(b"bytes", key="k", token=TOKEN, upload_url=scripted.url), base_url=scripted.url + "/v1")
    assert "authorization" not in scripted.seen[0].headers


def test_a_refusal_is_a_text_and_names_no_model_key(send, scripted):
    scripted.script(json_reply({"error": "bad token"}, 401, x_reqid="r1"))
    with pytest.raises(AuthenticationFailed, match="bad token") as caught:
        send(storage.upload(b"x", key="k", token=TOKEN, upload_url=scripted.url))
    assert caught.value.request_id == "r1"
    assert "QINIU_API_KEY" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_the_storages_own_statuses_are_no_reason_to_try_again(send, scripted):
    scripted.script(json_reply({"error": "file exists"}, 614))
    with pytest.raises(BadRequest, match="file exists") as caught:
        send(storage.upload(b"x", key="k", token=TOKEN, upload_url=scripted.url))
    assert caught.value.status == 614
    assert len(scripted.seen) == 1


def test_a_failing_storage_is_tried_again_with_the_whole_file(send, scripted, tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"0123456789" * 1000)
    scripted.script(Reply(503), json_reply(OK))
    send(storage.upload(file, key="k", token=TOKEN, upload_url=scripted.url))
    assert [b"0123456789" * 1000 in seen.body for seen in scripted.seen] == [True, True]


@pytest.mark.parametrize(
    ("body", "key", "raw"),
    [
        (b'{"url":"https://a/b"}', "k", {"url": "https://a/b"}),
        (b"[1]", "k", [1]),
        (b"saved!", "k", "saved!"),
        (b'{"key":"other","code":5,"message":"told by returnBody"}', "other", None),
    ],
)
def test_a_token_may_ask_for_any_answer(body, key, raw):
    stored = storage.upload(b"x", key="k", token=TOKEN, upload_url="https://up").read(Response(200, {}, body))
    assert stored.key == key
    assert stored.raw == (raw if raw is not None else json.loads(body))


def test_an_error_under_200_is_one():
    with pytest.raises(APIError, match="callback failed"):
        storage.upload(b"x", key="k", token=TOKEN, upload_url="https://up").read(
            Response(200, {}, b'{"error":"callback failed"}')
        )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"data": b""}, "empty"),
        ({"data": "https://a/b.png"}, "URL already"),
        ({"data": "nowhere.png"}, "no file"),
        ({"key": ""}, "key must"),
        ({"token": " "}, "token must"),
        ({"upload_url": "upload.qiniup.com"}, "upload_url must be an http"),
    ],
)
def test_what_cannot_be_uploaded_is_refused(arguments, why):
    settings = {"data": b"x", "key": "k", "token": TOKEN, "upload_url": "https://up", **arguments}
    with pytest.raises(InvalidInput, match=why):
        storage.upload(**settings)


def test_the_token_is_not_shown():
    call = storage.upload(b"x", key="k", token=TOKEN, upload_url="https://up")
    assert TOKEN not in repr(call)
    assert issubclass(InvalidInput, MaasError)


def test_the_regions_hosts_are_known():
    assert storage.UPLOAD_URLS["z0"] == "https://upload.qiniup.com"
    assert storage.UPLOAD_URLS["cn-east-2"] == "https://upload-cn-east-2.qiniup.com"
