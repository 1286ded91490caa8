"""The object storage, judged with the document's own upload and the official SDK."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from qiniu.http.endpoint import Endpoint
from qiniu.http.region import Region, ServiceName
from qiniu.services.storage.uploaders import FormUploader, ResumeUploaderV2
from qiniu.utils import etag

import qiniu
from maaskit.sandbox import Sandbox
from maaskit.sandbox.bucket import Bucket, StorageError, etag_of


class Shelf:
    """The bucket as its owner talks to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.account = sandbox, sandbox.storage
        self.auth = qiniu.Auth(self.account.access_key, self.account.secret_key)
        self.domain = sandbox.env()["QINIU_DOMAIN"]
        endpoint = Endpoint.from_host(sandbox.origin)
        self.sdk = {
            "regions": [Region(services={ServiceName.UP: [endpoint]})],
            "preferred_scheme": "http",
        }

    def token(self, key: str | None = None, policy: dict[str, Any] | None = None) -> str:
        return str(self.auth.upload_token(self.account.bucket, key, 3600, policy))

    def send(self, data: bytes = b"abc", name: str = "a.txt", **fields: str) -> httpx.Response:
        """Upload as the document's Python program does."""
        return httpx.post(self.sandbox.origin, files={"file": (name, data)}, data=fields, timeout=60)

    def read(self, key: str, *, signed: bool = False) -> httpx.Response:
        url = f"{self.domain}/{key}"
        return httpx.get(self.auth.private_download_url(url) if signed else url, timeout=60)


@pytest.fixture
def shelf(sandbox: Sandbox) -> Shelf:
    sandbox._state.bucket = Bucket()
    return Shelf(sandbox)


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_the_documents_own_upload(shelf: Shelf) -> None:
    answer = shelf.send("你好".encode(), "文件.txt", key="dir/你好.txt", token=shelf.token("dir/你好.txt"))
    assert answer.status_code == 200
    assert answer.json() == {"hash": etag_of("你好".encode()), "key": "dir/你好.txt"}
    assert answer.headers["x-reqid"]
    found = shelf.read("dir/你好.txt")
    assert (found.text, found.headers["content-type"]) == ("你好", "text/plain")


def test_the_documents_own_curl(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "测试.png"
    path.write_bytes(b"\x89PNG..")
    fields = (f"file=@{path}", f"token={shelf.token('dir/测试.png')}", "key=dir/测试.png")
    command = ["curl", "-sS", shelf.sandbox.origin, *(part for field in fields for part in ("-F", field))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)  # noqa: S603 - the document's
    assert json.loads(done.stdout) == {"hash": etag_of(b"\x89PNG.."), "key": "dir/测试.png"}
    assert shelf.read("dir/测试.png").headers["content-type"] == "image/png"


def test_a_file_without_a_key_is_called_by_its_hash(shelf: Shelf) -> None:
    answer = shelf.send(token=shelf.token()).json()
    assert answer["key"] == answer["hash"] == etag_of(b"abc")


@pytest.mark.parametrize("size", [0, 1, 4 * 2**20, 4 * 2**20 + 1])
def test_the_hash_is_the_sdks_own(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    assert etag_of(path.read_bytes()) == etag(str(path))


def test_the_sdk_uploads_by_form(shelf: Shelf) -> None:
    uploader = FormUploader(shelf.account.bucket, auth=shelf.auth, **shelf.sdk)
    told, info = uploader.upload(
        "x.png", data=b"\x89PNG..", file_name="x.png", custom_vars={"x:a": "1"}, up_token=shelf.token("x.png")
    )
    assert info.status_code == 200, info
    assert told["key"] == "x.png"
    assert shelf.read("x.png").headers["content-type"] == "image/png"


@pytest.mark.parametrize("concurrent", [False, True])
def test_the_sdk_uploads_in_parts(shelf: Shelf, *, concurrent: bool) -> None:
    data = os.urandom(9 * 2**20)
    with ThreadPoolExecutor(3) as workers:
        uploader = ResumeUploaderV2(
            shelf.account.bucket,
            auth=shelf.auth,
            part_size=4 * 2**20,
            concurrent_executor=workers if concurrent else None,
            **shelf.sdk,
        )
        # With a token: the SDK (7.18.0) calls its own `upload_token` with an argument that it does not have.
        told, info = uploader.upload("big.bin", data=data, up_token=shelf.token("big.bin"), data_size=len(data))
    assert info.status_code == 200, info
    assert told == {"hash": etag_of(data), "key": "big.bin"}
    assert shelf.read("big.bin").content == data


def test_the_sdk_finds_the_region(shelf: Shelf) -> None:
    answer = httpx.get(
        f"{shelf.sandbox.origin}/v4/query",
        params={"ak": shelf.account.access_key, "bucket": shelf.account.bucket},
        timeout=60,
    ).json()
    assert answer["hosts"][0]["up"]["domains"] == [shelf.sandbox.origin.removeprefix("http://")]
    from qiniu.http.regions_provider import QueryRegionsProvider

    (region,) = QueryRegionsProvider(
        access_key=shelf.account.access_key,
        bucket_name=shelf.account.bucket,
        endpoints_provider=[Endpoint.from_host(shelf.sandbox.origin)],
        preferred_scheme="http",
    )
    assert region.services[ServiceName.UP][0].get_value() == shelf.sandbox.origin
    for query, status in (({"ak": "x"}, 612), ({"ak": shelf.account.access_key, "bucket": "x"}, 631)):
        assert httpx.get(f"{shelf.sandbox.origin}/v4/query", params=query, timeout=60).status_code == status


def test_signed_links(shelf: Shelf) -> None:
    shelf.send(key="a.txt", token=shelf.token("a.txt"))
    assert shelf.read("a.txt", signed=True).text == "abc"
    url = str(shelf.auth.private_download_url(f"{shelf.domain}/a.txt"))
    assert refusal(httpx.get(url[:-6] + "AAAAA=", timeout=60)) == (401, "bad token")
    assert refusal(httpx.get(url.replace("a.txt", "b.txt"), timeout=60)) == (401, "bad token")
    late = str(shelf.auth.private_download_url(f"{shelf.domain}/a.txt", expires=-1))
    assert refusal(httpx.get(late, timeout=60)) == (401, "expired token")
    assert refusal(shelf.read("b.txt", signed=True)) == (404, "Document not found")


def test_a_private_bucket_wants_a_signature(shelf: Shelf) -> None:
    shelf.sandbox.variants.storage_bucket = "private"
    shelf.send(key="a.txt", token=shelf.token("a.txt"))
    assert refusal(shelf.read("a.txt")) == (401, "download token not specified")
    assert shelf.read("a.txt", signed=True).text == "abc"


def test_what_the_storage_refuses(shelf: Shelf) -> None:
    stranger = qiniu.Auth(shelf.account.access_key, "another secret")
    assert refusal(shelf.send(token=stranger.upload_token(shelf.account.bucket))) == (401, "bad token")
    assert refusal(shelf.send(token="x")) == (401, "bad token")
    assert refusal(shelf.send(token=shelf.sandbox.api_key)) == (401, "bad token")
    assert refusal(shelf.send(token=shelf.auth.upload_token(shelf.account.bucket, None, -9))) == (401, "expired token")
    assert refusal(shelf.send(token=shelf.auth.upload_token("elsewhere"))) == (631, "no such bucket")
    assert refusal(shelf.send(key="b", token=shelf.token("a"))) == (403, "key doesn't match scope")
    assert refusal(shelf.send()) == (400, "token not specified")
    only_fields = httpx.post(shelf.sandbox.origin, files={"token": (None, shelf.token())}, timeout=60)
    assert refusal(only_fields) == (400, "file is not specified in multipart")
    assert refusal(shelf.send(crc32="1", token=shelf.token())) == (406, "invalid file crc32")
    assert refusal(shelf.send(token=shelf.token(policy={"fsizeLimit": 2})))[0] == 413
    assert httpx.post(shelf.sandbox.origin, content=b"x", timeout=60).status_code == 400


def test_overwriting_is_up_to_the_token(shelf: Shelf) -> None:
    assert shelf.send(b"one", key="a", token=shelf.token()).status_code == 200
    assert shelf.send(b"one", key="a", token=shelf.token()).status_code == 200
    assert refusal(shelf.send(b"two", key="a", token=shelf.token())) == (614, "file exists")
    assert refusal(shelf.send(b"two", key="a", token=shelf.token("a", {"insertOnly": 1}))) == (614, "file exists")
    assert shelf.send(b"two", key="a", token=shelf.token("a")).status_code == 200
    assert shelf.send(b"x", key="dir/a", token=shelf.token("dir/", {"isPrefixalScope": 1})).status_code == 200


def test_a_body_of_ones_own(shelf: Shelf) -> None:
    body = '{"k":"$(key)","s":$(fsize),"m":"$(mimeType)","mine":"$(x:mine)","none":"$(x:none)"}'
    fields = {"key": "a.txt", "token": shelf.token("a.txt", {"returnBody": body}), "x:mine": 'a"b'}
    assert shelf.send(**fields).json() == {"k": "a.txt", "s": 3, "m": "text/plain", "mine": 'a"b', "none": ""}


def test_parts_that_do_not_fit_are_refused(shelf: Shelf) -> None:
    name = base64.urlsafe_b64encode(b"p.bin").decode()
    base = f"{shelf.sandbox.origin}/buckets/{shelf.account.bucket}/objects/{name}/uploads"
    head = {"Authorization": f"UpToken {shelf.token('p.bin')}"}
    assert refusal(httpx.post(base, timeout=60))[0] == 401
    assert refusal(httpx.post(base, headers={"Authorization": f"UpToken {shelf.token('q')}"}, timeout=60))[0] == 403
    assert refusal(httpx.post(base.replace(name, "\u00e9"), headers=head, timeout=60))[0] == 400
    assert refusal(httpx.post(base.replace(shelf.account.bucket, "other"), headers=head, timeout=60))[0] == 631
    begun = httpx.post(base, headers=head, timeout=60).json()
    assert begun["expireAt"] > time.time()
    upload = f"{base}/{begun['uploadId']}"
    wrong = httpx.put(f"{upload}/1", content=b"x", headers={**head, "Content-MD5": "0" * 32}, timeout=60)
    assert refusal(wrong) == (406, "invalid Content-MD5")
    assert refusal(httpx.put(f"{upload}/0", content=b"x", headers=head, timeout=60))[0] == 400
    assert refusal(httpx.put(f"{base}/nothing/1", content=b"x", headers=head, timeout=60)) == (612, "no such uploadId")
    first, second = (
        httpx.put(f"{upload}/{n}", content=b"x" * n, headers=head, timeout=60).json()["etag"] for n in (1, 2)
    )

    def complete(*parts: tuple[int, str]) -> httpx.Response:
        body = {"parts": [{"partNumber": number, "etag": tag} for number, tag in parts]}
        return httpx.post(upload, headers=head, content=json.dumps(body), timeout=60)

    for parts in ([(2, second), (1, first)], [], [(1, second)], [(1, first), (3, first)], [(1, first), (2, second)]):
        assert refusal(complete(*parts))[0] == 400
    assert refusal(httpx.post(upload, headers=head, content=b'{"parts": 1}', timeout=60))[0] == 400
    assert complete((1, first)).json()["hash"] == etag_of(b"x")
    assert refusal(complete((1, first))) == (612, "no such uploadId")
    again = httpx.post(base, headers=head, timeout=60).json()["uploadId"]
    assert httpx.delete(f"{base}/{again}", headers=head, timeout=60).status_code == 200
    assert httpx.delete(f"{base}/{again}", headers=head, timeout=60).status_code == 612


def test_what_is_kept_is_bounded() -> None:
    bucket = Bucket(max_bytes=10)
    for name in ("a", "b", "c"):
        bucket.put(name, name.encode() * 4, "text/plain", overwrite=True)
    assert [bool(bucket.get(name)) for name in "abc"] == [False, True, True]
    upload_id, _ = bucket.begin("d")
    bucket.add_part(upload_id, "d", 1, b"d" * 9)
    assert [bool(bucket.get(name)) for name in "bc"] == [False, True]
    other, _ = bucket.begin("e")
    bucket.add_part(other, "e", 1, b"e" * 9)
    with pytest.raises(StorageError, match="no such uploadId"):
        bucket.add_part(upload_id, "d", 2, b"")


def test_the_models_key_is_not_needed_and_not_taken(shelf: Shelf) -> None:
    shelf.send(key="a.txt", token=shelf.token("a.txt"))
    assert "authorization" not in shelf.sandbox.requests[-1].headers
    answer = httpx.post(
        shelf.sandbox.origin,
        files={"file": b"x"},
        headers={"Authorization": f"Bearer {shelf.sandbox.api_key}"},
        timeout=60,
    )
    assert refusal(answer) == (400, "token not specified")
