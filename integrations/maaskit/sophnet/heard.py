"""What SophNet's live recognition says it heard: sentences, and the words in them.

Streaming recognition and speech chat send the same messages; sockets and frames are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maaskit.lenient_json import from_json
from maaskit.transcript import Utterance, Word, milliseconds

# A word as the example shows it. Text and punctuation may hold commas and brackets themselves.
_WORD = re.compile(
    r"Word\(beginTime=([^,]*), endTime=([^,]*), text=(.*?), punctuation=(.*?), fixed=(?:true|false)\)",
    re.DOTALL | re.IGNORECASE,
)


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
            for begin, end, text, punctuation in _WORD.findall(one):
                yield Word(text + punctuation, milliseconds(begin), milliseconds(end))


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
