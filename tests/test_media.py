import base64
import io
import os

import pytest

from maaskit import Media
from maaskit.errors import InvalidInput
from maaskit.media import MIB, checked_url, sniff

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAA4CAIAAABhUg/jAAAAMklEQVR4nO3MQREAMAgAoLkoFreTiSzhy4MARGe9bX99lEqlUqlUKpVKpVKp"
    "VCqVHksHaBwCA2cPf0cAAAAASUVORK5CYII="
)


def test_every_form_is_read(tmp_path):
    path = tmp_path / "图 片.png"
    path.write_bytes(PNG)
    for source in (path, str(path)):
        media = Media.of(source)
        assert (media.path, media.size(), media.mime_type(), media.image_size()) == (
            path,
            len(PNG),
            "image/png",
            (28, 56),
        )
    for source in (PNG, bytearray(PNG), memoryview(PNG), io.BytesIO(PNG)):
        media = Media.of(source)
        assert (media.data, media.mime_type(), media.image_size()) == (PNG, "image/png", (28, 56))
    data_url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert Media.of(data_url).data == PNG
    assert Media.of(PNG).data_url(limit=MIB) == data_url
    media = Media.of("https://example.com/a.PDF?x=1")
    assert (media.url, media.size(), media.mime_type()) == ("https://example.com/a.PDF?x=1", None, "application/pdf")
    assert Media.of(media) is media


@pytest.mark.parametrize(
    "source",
    [
        "",
        "  ",
        b"",
        "no/such/file.png",
        "ftp://example.com/a",
        "http://",
        "https:///x",
        "file:///etc/hosts",
        "data:,x",
        "data:image/png;base64,!!",
        "data:image/png;base64,",
        7,
        None,
        "http://exa mple.com/",
        "http://[::1/",
        "\0",
        "x" * 5000,
    ],
)
def test_what_is_none_of_these_is_refused(source):
    with pytest.raises(InvalidInput, match="photo"):
        Media.of(source, argument="photo")


def test_a_file_url_is_told_to_be_a_path():
    with pytest.raises(InvalidInput, match=r"photo must be a path .*: pass the path of the file URL alone"):
        Media.of("file:///etc/hosts", argument="photo")


def test_empty_files_and_directories_are_refused(tmp_path):
    (tmp_path / "empty.pdf").touch()
    for path in (tmp_path / "empty.pdf", tmp_path):
        with pytest.raises(InvalidInput, match=r"empty|regular"):
            Media.of(path)
    with pytest.raises(InvalidInput, match="binary"):
        Media.of(io.StringIO("text"))


def test_limits_name_size_and_limit():
    media = Media(data=b"x" * 11)
    media.check_size(11)
    with pytest.raises(InvalidInput, match=r"photo has 11 bytes.*at most 10 bytes"):
        media.read(limit=10, argument="photo")


def test_exactly_one_form():
    with pytest.raises(InvalidInput):
        Media()
    with pytest.raises(InvalidInput):
        Media(data=b"x", url="https://example.com")


def test_content_is_not_printed():
    assert "secret" not in repr(Media(data=b"secret"))


def test_urls():
    assert checked_url(" https://example.com/图.png ") == "https://example.com/图.png"
    for bad in ("", "example.com", "javascript:alert(1)", "http://a b", None):
        with pytest.raises(InvalidInput):
            checked_url(bad)  # type: ignore[arg-type]


def test_sniffing():
    assert sniff(b"%PDF-1.7") == "application/pdf"
    assert sniff(b"RIFF\0\0\0\0WAVEfmt ") == "audio/wav"
    assert sniff(b"hello") is None


def test_media_of_ones_own_is_checked_as_well(tmp_path):
    path = tmp_path / "a.txt"
    for media in (Media(data=b""), Media(path=path), Media(url="ftp://x/a")):
        with pytest.raises(InvalidInput):
            Media.of(media)
    path.write_text("x")
    assert Media.of(Media(path=str(path))).path == path
    assert Media(data=bytearray(PNG)).data == PNG
    for wrong in ({"data": "text"}, {"path": 7}, {"url": 7}, {"data": b"x", "name": 7}, {}, {"data": b"x", "url": "y"}):
        with pytest.raises(InvalidInput):
            Media(**wrong)


@pytest.mark.parametrize("told", ["application/octet-stream", "binary/octet-stream", None])
def test_what_a_server_does_not_know_is_read_off_the_content(told):
    assert Media(data=PNG, content_type=told).mime_type() == "image/png"
    assert Media(data=b"x", name="a.pdf", content_type=told).mime_type() == "application/pdf"
    assert Media(data=PNG, content_type="image/x-own").mime_type() == "image/x-own"


def test_a_url_is_named_without_what_may_be_secret():
    media = Media(url="https://user:pw@example.com:8443/a%20b.pdf?signature=s3cret#x")
    assert media.label == "https://example.com:8443/a%20b.pdf"
    assert media.source == media.url
    assert (Media(data=b"x").label, Media(data=b"x", name="a.txt").label) == ("bytes", "a.txt")


def test_an_id_depends_on_the_source_alone(tmp_path):
    one = Media(url="https://example.com/a")
    assert one.identity("ocr") == Media(url="https://example.com/a").identity("ocr")
    assert len({one.identity("ocr"), one.identity("parse"), Media(url="https://example.com/b").identity("ocr")}) == 3
    assert Media(data=b"x").identity("ocr") != Media(data=b"y").identity("ocr")
    assert Media(data=b"x", name="a").identity("ocr") == Media(data=b"y", name="a").identity("ocr")
    assert Media(data=b"x").identity("ocr", "s3://a") == Media(data=b"y", name="a").identity("ocr", "s3://a")


class Endless(io.RawIOBase):
    """Give bytes for ever, as /dev/zero and a pipe do."""

    def readinto(self, buffer):
        buffer[:] = bytes(len(buffer))
        return len(buffer)

    def readable(self):
        return True


class Failing(io.RawIOBase):
    def read(self, size=-1):
        raise OSError(5, "Input/output error")


def closed():
    file = io.BytesIO(b"x")
    file.close()
    return file


@pytest.mark.parametrize("source", [Failing(), closed(), io.StringIO("x")], ids=["fails", "closed", "text"])
def test_a_file_object_that_cannot_be_read(source):
    with pytest.raises(InvalidInput, match="audio"):
        Media.of(source, argument="audio")


def test_a_file_object_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr("maaskit.media.MAX_FILE_OBJECT_BYTES", 3 * MIB)
    with pytest.raises(InvalidInput, match=r"audio has .* at most 3145728 bytes"):
        Media.of(Endless(), argument="audio")


def test_a_file_object_that_gives_little_at_a_time_is_read_whole():
    class Dripping(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3))

    assert Media.of(Dripping(b"0123456789")).data == b"0123456789"


def test_the_home_directory_is_understood_in_every_form(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "a.txt"
    path.write_text("x")
    for source in ("~/a.txt", Media(path="~/a.txt")):
        media = Media.of(source)
        assert (media.path, media.name, media.read(limit=9)) == (path, "a.txt", b"x")
    with pytest.raises(InvalidInput, match="no file"):
        Media.of("~no-such-user/a.txt")


def test_a_file_that_has_gone_since_it_was_looked_at(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    media = Media.of(path)
    path.unlink()
    for look in (media.size, media.head, media.mime_type, lambda: media.read(limit=9)):
        with pytest.raises(InvalidInput, match="cannot be read"):
            look()


def test_paths_in_bytes(tmp_path):
    class InBytes:
        def __fspath__(self):
            return bytes(path)

    path = tmp_path / "a.txt"
    path.write_text("x")
    assert Media.of(InBytes()).path == path
    assert Media(path=InBytes()).name == "a.txt"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a pipe with a name")
def test_pipes_and_devices_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path / "circle", "/dev/zero", tmp_path):
        with pytest.raises(InvalidInput):
            Media.of(path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://files.example/a b.png?token=s3cret", "https://files.example/a b.png"),
        ("htps://me:s3cret@files.example/a.png", "htps://files.example/a.png"),
        ("https://files.example:port/a.png#s3cret", "https://files.example:port/a.png"),
        ("https://a@b:s3cret@files.example:port/a@2.png", "https://files.example:port/a@2.png"),
        ("s3cretless words", "s3cretless words"),
    ],
)
def test_a_url_that_is_none_is_shown_without_its_secrets(text: str, shown: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_url(text)
    assert repr(shown) in str(caught.value)
    assert "s3cret" not in str(caught.value).replace("s3cretless", "")
