"""Text files: which encoding their bytes are in.

What the text says is of no concern here.
"""

from __future__ import annotations

import codecs
from functools import cache
from typing import Final

from maaskit.sandbox.engines import CannotRead

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSES: Final = ("utf-8", "gb18030", "big5", "shift_jis", "cp1252")
_WIDE_GUESSES: Final = ("utf-16-le", "utf-16-be")
"""In the order of how common they are where the two clouds are at home; the likeliest reading wins."""

_ENOUGH: Final = 0.7
_PROBE_BYTES: Final = 64 * 1024


def decode(data: bytes) -> str:
    r"""Read a text file in UTF-8, UTF-16, UTF-32, GBK (GB 18030), Big5 or another common encoding.

    Args:
        data: The file.

    Returns:
        The text with line breaks as ``\n`` and without a byte order mark.

    Raises:
        CannotRead: No known encoding makes sense of the bytes.
    """
    return _decoded(data).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" not in data:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    senses = {encoding: _sense(data, encoding) for encoding in (_WIDE_GUESSES if b"\0" in data else _GUESSES)}
    best = max(senses, key=senses.__getitem__)
    if senses[best] < _ENOUGH:
        raise CannotRead("the file is no text in an encoding that the sandbox knows (UTF-8, UTF-16, GBK, Big5, ...)")
    return data.decode(best, "replace")


def _sense(data: bytes, encoding: str) -> float:
    """Measure which share of a reading's characters are common ones; a few broken bytes do not rule a reading out."""
    text = data[:_PROBE_BYTES].decode(encoding, "replace")
    strange = [character for character in text if not (" " <= character <= "~" or character in "\t\n\r\f")]
    common = _common()
    good = sum(character in common for character in strange)
    if encoding == "cp1252":
        good = sum(character.isalpha() or character in "‘’“”–—…€£©®°·¿¡«»" for character in strange)
        if len(strange) > len(text) / 3:
            return 0.0  # mostly accents: no language is written so
    return good / len(strange) if strange else 1.0


@cache
def _common() -> frozenset[str]:
    """Gather the characters that Chinese and Japanese texts mostly consist of."""
    first_rows = bytes(byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for byte in (row, cell))
    simplified = first_rows.decode("gb2312", "ignore")
    rows = range(0xA4, 0xC7)
    cells = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    traditional = bytes(byte for row in rows for cell in cells for byte in (row, cell)).decode("big5", "ignore")
    marks = "　、。·々—～…‘’“”〔〕〈〉《》「」『』【】±×÷，．：；！？（）％－０１２３４５６７８９￥℃①②③"
    kana = "".join(map(chr, range(0x3041, 0x30FF)))
    return frozenset(simplified + traditional + marks + kana)
