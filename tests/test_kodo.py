"""The official SDK, driven by ``kodo``, against a storage host that speaks the SDK's protocol on loopback."""

import base64
import hashlib
import hmac
import json
import re
import sys
import time

import pytest

from maaskit import AuthenticationFailed, ConfigurationError, ConnectionFailed, InvalidInput
from maaskit.errors import BadRequest, ServerError
from maaskit.kodo import FORM_LIMIT_BYTES, Storage, apublish, publish
from maaskit.media import Media
from tests.scripted import Reply, ScriptedServer, json_reply
from tests.waiting import until

ACCESS, SECRET, BUCKET = "access-key-0123", "secret-key-4567", "papers"
VARIABLES = {
    "QINIU_ACCESS_KEY": ACCESS,
    "QINIU_SECRET_KEY": SECRET,
    "QINIU_BUCKET": BUCKET,
    "QINIU_DOMAIN": "https://files.example.com",
}


def signed(data: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.new(SECRET.encode(), data, hashlib.sha1).digest()).decode()


def policy_of(token: str) -> dict:
    """Check an upload token by the storage's rules and give its policy."""
    access, signature, policy = token.split(":")
    assert access == ACCESS
    assert signature == signed(policy.encode())
    return json.loads(base64.urlsafe_b64decode(policy))


class Bucket:
    """A storage host: forms, and uploads in parts."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server, self.url = server, server.url
        self.files: dict[str, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self.policies: list[dict] = []
        self.refusals: list[Reply] = []
        server.script(self.answer)

    def answer(self, seen) -> Reply:
        assert "sk-" not in str(seen.headers)
        if self.refusals:
            return self.refusals.pop(0)
        if seen.path == "/":
            return self.form(seen)
        self.policies.append(policy_of(seen.headers["authorization"].removeprefix("UpToken ")))
        bucket, key, rest = re.fullmatch(r"/buckets/(\w+)/objects/([^/]+)/uploads(.*)", seen.path).groups()
        assert bucket == BUCKET
        name = base64.urlsafe_b64decode(key).decode()
        if rest == "":
            return self.told({"uploadId": "u1", "expireAt": int(time.time()) + 3600})
        if seen.method == "PUT":
            self.parts[int(rest.rsplit("/", 1)[1])] = seen.body
            return self.told({"etag": hashlib.md5(seen.body).hexdigest(), "md5": "x"})  # noqa: S324 - an etag
        assert [part["partNumber"] for part in seen.json["parts"]] == sorted(self.parts)
        self.files[name] = b"".join(self.parts[number] for number in sorted(self.parts))
        return self.told({"hash": "h", "key": name})

    def form(self, seen) -> Reply:
        boundary = seen.headers["content-type"].split("boundary=")[1].encode()
        fields = {}
        for part in seen.body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
            fields[re.search(rb'name="(\w+)"', head)[1].decode()] = content
        self.policies.append(policy_of(fields["token"].decode()))
        self.files[fields["key"].decode()] = fields["file"]
        return self.told({"hash": "h", "key": fields["key"].decode()})

    def told(self, value) -> Reply:
        return json_reply(value, x_reqid="r1")


@pytest.fixture
def bucket(scripted):
    return Bucket(scripted)


@pytest.fixture
def storage(bucket):
    return lambda **settings: Storage(
        access_key=ACCESS,
        secret_key=SECRET,
        bucket=BUCKET,
        **{"domain": "https://files.example.com", "upload_url": bucket.url, **settings},
    )


def test_a_small_file_goes_up_by_form_and_gets_a_signed_url(bucket, storage, tmp_path):
    file = tmp_path / "扫描.PNG"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    url = storage().upload(file)
    ((key, content),) = bucket.files.items()
    assert content == file.read_bytes()
    assert re.fullmatch(r"maaskit/[0-9a-f]{32}\.png", key)
    plain, _, query = url.partition("?")
    assert plain == f"https://files.example.com/{key}"
    deadline, token = re.fullmatch(r"e=(\d+)&token=(.+)", query).groups()
    assert 3500 < int(deadline) - time.time() <= 3600
    assert token == f"{ACCESS}:{signed(f'{plain}?e={deadline}'.encode())}"
    (policy,) = bucket.policies
    assert policy["scope"] == f"{BUCKET}:{key}"
    assert 3500 < policy["deadline"] - time.time() <= 3600


def test_a_large_file_goes_up_in_parts(bucket, storage, tmp_path):
    file = tmp_path / "talk.wav"
    content = bytes(range(256)) * (FORM_LIMIT_BYTES // 256) + b"the end"
    file.write_bytes(content)
    url = storage(expires_s=None).upload(file)
    ((key, stored),) = bucket.files.items()
    assert stored == content
    assert sorted(bucket.parts) == [1, 2, 3]
    assert url == f"https://files.example.com/{key}"
    assert key.endswith(".wav")


def test_bytes_of_either_size_go_up(bucket, storage):
    store = storage(expires_s=None)
    small = store.upload(b"RIFF\0\0\0\0WAVE")
    assert small.endswith(".wav")
    large = store.upload(Media(data=bytes(FORM_LIMIT_BYTES + 1), name="talk.mp3"))
    assert large.endswith(".mp3")
    assert [len(content) for content in bucket.files.values()] == [12, FORM_LIMIT_BYTES + 1]


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(b"%PDF-1.7", ".pdf"), (b"\xff\xd8\xff", ".jpg"), (b"ID3\x04", ".mp3"), (b"OggS", ".ogg"), (b"nobody knows", "")],
)
def test_the_name_tells_the_type(bucket, storage, content, suffix):
    assert re.fullmatch(rf".*/[0-9a-f]{{32}}{re.escape(suffix)}", storage(expires_s=None).upload(content))


@pytest.mark.parametrize("name", ["scan.p d f", "scan.\r\nX: y", "scan.名字", "scan", "scan.", "a/../.."])
def test_an_odd_ending_of_a_name_is_none(bucket, storage, name):
    url = storage(expires_s=None).upload(Media(data=b"%PDF-1.7", name=name))
    assert re.fullmatch(r".*/[0-9a-f]{32}\.pdf", url)


def test_the_same_content_has_one_name(bucket, storage):
    store = storage(prefix="", expires_s=None)
    assert store.upload(b"x") == store.upload(b"x") != store.upload(b"y")


def test_what_is_a_url_stays_one(bucket, storage):
    assert storage().upload("https://a/b.png") == "https://a/b.png"
    assert bucket.server.seen == []


def test_files_can_be_made_to_pass_away(bucket, storage):
    storage(delete_after_days=1).upload(b"x")
    assert bucket.policies[0]["deleteAfterDays"] == 1


async def test_it_does_not_hold_up_an_event_loop(bucket, storage):
    url = await storage(expires_s=None).aupload(b"x")
    assert url.startswith("https://files.example.com/maaskit/")


def test_a_refusal_is_an_error_of_ours_without_a_secret(bucket, storage):
    bucket.refusals = [json_reply({"error": "bad token"}, 401, x_reqid="r9")]
    with pytest.raises(AuthenticationFailed, match=r"bucket papers.*bad token") as caught:
        storage().upload(b"x")
    assert (caught.value.status, caught.value.request_id) == (401, "r9")
    assert SECRET not in str(caught.value)
    assert "QINIU_API_KEY" not in str(caught.value)


def test_a_missing_bucket_and_a_failing_storage_are_told_apart(bucket, storage):
    bucket.refusals = [json_reply({"error": "no such bucket"}, 631, x_reqid="r")]
    with pytest.raises(BadRequest, match="no such bucket"):
        storage().upload(b"x")
    bucket.refusals = [json_reply({"error": "busy"}, 503, x_reqid="r")] * 20
    with pytest.raises(ServerError, match="busy"):
        storage().upload(b"x")


def test_an_interrupted_upload_begins_no_further_part(storage, monkeypatch):
    begun = []

    class Uploader:
        def __init__(self, bucket, *, concurrent_executor, **settings) -> None:
            self.workers = concurrent_executor

        def upload(self, **how):
            for number in range(500):
                self.workers.submit(self.part, number)
            until(lambda: begun)
            raise KeyboardInterrupt

        def part(self, number) -> None:
            begun.append(number)
            time.sleep(0.02)

    monkeypatch.setattr("qiniu.services.storage.uploaders.ResumeUploaderV2", Uploader)
    with pytest.raises(KeyboardInterrupt):
        storage().upload(Media(data=bytes(FORM_LIMIT_BYTES + 1)))
    assert len(begun) < 500


def test_a_refused_part_is_an_error(bucket, storage):
    start = json_reply({"uploadId": "u1", "expireAt": int(time.time()) + 3600}, x_reqid="r")
    bucket.refusals = [start, *[json_reply({"error": "no quota"}, 403, x_reqid="r")] * 20]
    with pytest.raises(Exception, match="no quota") as caught:
        storage().upload(bytes(FORM_LIMIT_BYTES + 1))
    assert type(caught.value).__name__ == "PermissionDenied"


def test_nobody_there_is_an_error_without_a_secret(storage):
    server = ScriptedServer()
    url = server.url
    server.close()
    with pytest.raises(ConnectionFailed) as caught:
        storage(upload_url=url).upload(b"x")
    assert SECRET not in str(caught.value)
    assert ACCESS not in str(caught.value)


def test_the_environment_is_enough(bucket, monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QINIU_UPLOAD_URL", bucket.url)
    assert Storage.is_configured()
    assert Storage.from_env().upload(b"x").startswith("https://files.example.com/")


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_what_is_missing_is_named(monkeypatch, missing):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    assert not Storage.is_configured()
    with pytest.raises(ConfigurationError, match=f"{missing}.*pass {missing.removeprefix('QINIU_').lower()}") as caught:
        Storage()
    assert not [name for name in VARIABLES if name != missing and name in str(caught.value)]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"domain": "ftp://x"}, ConfigurationError),
        ({"domain": "https://user@x"}, ConfigurationError),
        ({"domain": "my files.example.com"}, ConfigurationError),
        ({"domain": "https://[files"}, ConfigurationError),
        ({"domain": "files.example.com:port"}, ConfigurationError),
        ({"domain": "https://x/#y"}, ConfigurationError),
        ({"upload_url": "https://x?y=1"}, ConfigurationError),
        ({"prefix": None}, InvalidInput),
        ({"prefix": 5}, InvalidInput),
        ({"expires_s": 0}, InvalidInput),
        ({"expires_s": 1.5}, InvalidInput),
        ({"delete_after_days": 0}, InvalidInput),
    ],
)
def test_settings_that_cannot_work_are_refused(storage, settings, error):
    with pytest.raises(error, match=next(iter(settings))):
        storage(**settings)


def test_a_domain_without_scheme_is_https(storage):
    assert (
        storage(domain="files.example.com/", expires_s=None).url("a/b c.png") == "https://files.example.com/a/b%20c.png"
    )


def test_missing_files_are_refused_before_anything_is_sent(bucket, storage):
    for source in (b"", "nowhere.wav"):
        with pytest.raises(InvalidInput):
            storage().upload(source)
    assert bucket.server.seen == []


def test_the_keys_are_not_shown(storage):
    store = storage()
    assert repr(store) == "Storage(bucket='papers', domain='https://files.example.com')"
    assert SECRET not in str(vars(store))


def test_a_missing_sdk_is_told_with_the_way_out(storage, monkeypatch):
    monkeypatch.setitem(sys.modules, "qiniu", None)
    with pytest.raises(ConfigurationError, match=r"pip install \"maaskit\[kodo\]\""):
        storage()


async def test_a_local_file_is_published_where_storage_is_set_up_and_a_url_stays_one(bucket, monkeypatch, tmp_path):
    file = tmp_path / "scan.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert publish("https://a/b.png") == "https://a/b.png"
    with pytest.raises(ConfigurationError, match=r"image is a local file.*set them") as caught:
        publish(file, argument="image")
    assert all(name in str(caught.value) for name in VARIABLES)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QINIU_UPLOAD_URL", bucket.url)
    assert publish(file).startswith("https://files.example.com/maaskit/")
    assert (await apublish(str(file))).startswith("https://files.example.com/maaskit/")
    with pytest.raises(InvalidInput, match="image: there is no file"):
        publish("nowhere.png", argument="image")
