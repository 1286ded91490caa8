import base64
import io

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
