"""What SophNet's live recognition says it heard: sentences, and the words in them.

Streaming recognition and speech chat send the same messages; sockets and frames are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maaskit.lenient_json import from_json
from maaskit.transcript import Utterance, Word, milliseconds

# A word as the example shows it. Text and punctuation may hold commas and brackets themselves, so that only what stands
# between them parts them; each mark is looked for once, which takes no longer than the message is long.
_BEGIN = re.compile(r"Word\(beginTime=([^,]{0,30}), endTime=([^,]{0,30}), text=")
_MIDDLE = ", punctuation="
_END = re.compile(r", fixed=(?:true|false)\)", re.IGNORECASE)


def is_heard(message: Mapping[str, Any]) -> bool:
    """Tell a result of recognition from other messages.

    Args:
        message: A decoded message.

    Returns:
        Whether it is one.
    """
    return "is_sentence_end" in message or ("text" in message and "begin_time" in message)


def read_utterance(message: Mapping[str, Any]) -> Utterance:
    """Read a result of recognition.

    Args:
        message: A decoded message.

    Returns:
        The sentence as far as it is heard.

    Source:
        sophnet-api, 流式Speech to text, 音频识别结果响应说明. The table calls ``words`` a string, the example has a
        list of strings (wire-facts C.22).
    """
    text = message.get("text")
    return Utterance(
        text=text if isinstance(text, str) else "",
        begin_ms=milliseconds(message.get("begin_time")),
        end_ms=milliseconds(message.get("end_time")),
        is_final=message.get("is_sentence_end") in (True, "true"),
        words=tuple(_words(message.get("words"))),
    )


def _words(told: Any) -> Iterator[Word]:
    if isinstance(told, str):
        told = _listed(told)
    for one in told if isinstance(told, list) else ():
        if isinstance(one, Mapping):
            yield from _object(one)
        elif isinstance(one, str):
            yield from _printed(one)


def _printed(told: str) -> Iterator[Word]:
    """Read words as Java prints them."""
    place = 0
    while (begin := _BEGIN.search(told, place)) is not None:
        middle = told.find(_MIDDLE, begin.end())
        end = _END.search(told, middle) if middle >= 0 else None
        if end is None:
            return
        text = told[begin.end() : middle] + told[middle + len(_MIDDLE) : end.start()]
        yield Word(text, milliseconds(begin[1]), milliseconds(begin[2]))
        place = end.end()


def _listed(told: str) -> list[Any]:
    """Read a list that is written into a string: JSON, or Java's own way of printing one."""
    if told.lstrip()[:1] == "[":
        try:
            value = from_json(told.encode())
        except ValueError:
            return [told]
        return value if isinstance(value, list) else [told]
    return [told]


def _object(word: Mapping[str, Any]) -> Iterator[Word]:
    text, punctuation = word.get("text"), word.get("punctuation")
    if isinstance(text, str):
        begin, end = (_first(word, names) for names in (("beginTime", "begin_time"), ("endTime", "end_time")))
        yield Word(text + (punctuation if isinstance(punctuation, str) else ""), milliseconds(begin), milliseconds(end))


def _first(word: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((word[name] for name in names if word.get(name) is not None), None)
