from __future__ import annotations

import pytest

from maaskit.sandbox.engines import CannotRead, plain_text

SIMPLIFIED = "第一行：海滩上美丽的日落。\n第二行：Hello, world 123。\n"
TRADITIONAL = "第一行：海灘上美麗的日落。\n臺灣的夏天很熱，Hello。\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_simplified_chinese(encoding: str) -> None:
    assert plain_text.decode(SIMPLIFIED.encode(encoding)) == SIMPLIFIED


@pytest.mark.parametrize("encoding", ["utf-8", "big5", "utf-16"])
def test_traditional_chinese(encoding: str) -> None:
    assert plain_text.decode(TRADITIONAL.encode(encoding)) == TRADITIONAL


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("naïve café – résumé, l’été à Zürich", "cp1252"),
        ("これは日本語の文章です。漢字とカナ。", "shift_jis"),
        ("plain", "ascii"),
    ],
)
def test_other_languages(text: str, encoding: str) -> None:
    assert plain_text.decode(text.encode(encoding)) == text


def test_a_long_file_is_read_to_its_end() -> None:
    text = SIMPLIFIED * 5_000
    assert plain_text.decode(text.encode("gbk")) == text


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "big5"])
def test_one_broken_byte_costs_one_character(encoding: str) -> None:
    text = TRADITIONAL * 20 if encoding == "big5" else SIMPLIFIED * 20
    data = bytearray(text.encode(encoding))
    data[data.index(b"Hello") - 1] = 0xFF
    read = plain_text.decode(bytes(data))
    assert "\ufffd" in read
    differing = [pair for pair in zip(read.split("\n"), text.split("\n"), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1


def test_line_breaks_become_one_kind() -> None:
    assert plain_text.decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x00\x01\x02\x03", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(CannotRead, match="no text"):
        plain_text.decode(data)
