"""Words of a prompt that say how many, how large and where; how the camera moves; and what is to be written.

What is to be seen is named by the words of `concepts` and `stencils`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MAX_FIGURES: Final = 24
NEAR: Final = 10
"""A number, a size or a place this many characters away belongs to a figure."""

_NUMBER: Final = re.compile(
    r"(?P<n>\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|[两二三四五六七八九十]|many|several|许多|很多|几)"
    r"\s?(?:个|只|条|朵|棵|座|艘|辆|颗|位|名|匹|块|道)?[^,.，。;；]{0,10}$"
)
_WORD_NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
        "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
        "many": 7, "许多": 7, "很多": 7, "several": 4, "几": 4,
    }
)  # fmt: skip
_LARGE: Final = re.compile(r"\b(?:big|large|huge|giant|great)\b|[大巨]")
_SMALL: Final = re.compile(r"\b(?:small|little|tiny|mini)\b|小")
_PLACES: Final = (
    (re.compile(r"\bleft\b|左"), (0.25, None)),
    (re.compile(r"\bright\b(?! (?:angle|now))|右"), (0.75, None)),
    (re.compile(r"\b(?:top|above|upper)\b|上方|上部|顶"), (None, 0.25)),
    (re.compile(r"\b(?:bottom|below|lower)\b|下方|下部|底部"), (None, 0.75)),
    (re.compile(r"\b(?:centre|center|middle)\b|中间|中央|正中"), (0.5, 0.5)),
)
_WRITING: Final = re.compile(
    r"(?i)(?:\b(?:text|words?|says?|saying|reads?|reading|titled?|labell?ed|write|written|caption(?:ed)?|letters)\b"
    r"|写着|写上|写|文字|字样|标语|标题|题字)\W{0,4}[\"'“‘「『《](?P<text>[^\"'”’」』》]{1,80})[\"'”’」』》]"
)
_TURN: Final = re.compile(r"(?i)rotat|orbit|spin|turn(?:ing)? camera|旋转|环绕")
_ZOOM_IN: Final = re.compile(r"(?i)zoom(?:ing|s)?[ -]?in|push[ -]?in|close[ -]?up|推近|拉近|放大|特写")
_ZOOM_OUT: Final = re.compile(r"(?i)zoom(?:ing|s)?[ -]?out|pull[ -]?(?:back|out)|拉远|缩小|远景")
_PAN: Final = re.compile(r"(?i)\bpan(?:ning|s)?\b|平移|横移|摇镜")


def camera_of(prompt: str) -> str:
    """Tell how a prompt wants the camera to move.

    Args:
        prompt: What is to be seen.

    Returns:
        ``turn``, ``in``, ``out``, ``pan``, or an empty string.
    """
    for pattern, name in ((_TURN, "turn"), (_ZOOM_IN, "in"), (_ZOOM_OUT, "out"), (_PAN, "pan")):
        if pattern.search(prompt):
            return name
    return ""


def writing_in(text: str) -> tuple[str, str]:
    """Find the words that a text wants to be written.

    Args:
        text: A prompt or an instruction.

    Returns:
        The text without them, and what stands in quotation marks behind a word such as "text" or 写着; empty for none.
    """
    found = _WRITING.search(text)
    if found is None:
        return text, ""
    return text[: found.start()] + text[found.end() :], found["text"].strip()


def count_before(text: str, begin: int) -> int:
    """Find how many of a figure are wanted.

    Args:
        text: The case-folded prompt.
        begin: Where the figure's word begins.

    Returns:
        At least 1, at most `MAX_FIGURES`.
    """
    found = _NUMBER.search(text[max(0, begin - 2 * NEAR) : begin])
    if found is None:
        return 1
    word = found["n"]
    return max(1, min(MAX_FIGURES, _WORD_NUMBERS.get(word) or (int(word) if word.isdigit() else 1)))


def size_before(text: str, begin: int) -> float:
    """Find how large a figure is wanted.

    Args:
        text: The case-folded prompt.
        begin: Where the figure's word begins.

    Returns:
        A factor.
    """
    around = text[max(0, begin - NEAR) : begin]
    return 1.4 if _LARGE.search(around) else 0.7 if _SMALL.search(around) else 1.0


def place_near(text: str, begin: int, end: int) -> tuple[float, float] | None:
    """Find where a figure is wanted.

    Args:
        text: The case-folded prompt.
        begin: Where the figure's word begins.
        end: Where it ends.

    Returns:
        The place of its middle as shares of width and height, or None when none is named.
    """
    behind = re.split(r"[,，。.;；]|\band\b|和", text[end : end + 24])[0]
    before = re.split(r"[,，。.;；]|\band\b|和", text[max(0, begin - 12) : begin])[-1]
    for around in (behind, before):
        x = y = None
        for pattern, (across, down) in _PLACES:
            if pattern.search(around):
                x, y = x or across, y or down
        if x or y:
            return x or 0.5, y or 0.5
    return None
