"""What Qiniu's live recognition says it heard, read into utterances.

Frames and the order of a conversation are not known here; a payload is a JSON value or a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pydantic_core

from maaskit.transcript import Utterance, Word, milliseconds

# Of the protocol that Qiniu's follows; whether Qiniu passes codes on unchanged is not known (wire-facts A.5).
_SUCCESS_CODES = frozenset({"", "0", "200", "1000", "20000000", "ok", "success"})


class Hearing:
    """Follow what one connection hears.

    The service sends all of its text again with each message ("full" results): it replaces what came before. Sentences
    come apart only where it tells `utterances`; each is given as final once.
    """

    def __init__(self) -> None:
        self._ended: set[tuple[int | None, int]] = set()
        self._ended_text = ""
        self._open: tuple[Utterance, ...] = ()

    def hear(self, payload: Any, *, last: bool) -> list[Utterance]:
        """Take a message.

        Args:
            payload: What it holds.
            last: Whether it is the last.

        Returns:
            The utterances that it makes final, then those that it changed.
        """
        result = _result_of(payload)
        told = list(_sentences_of(result))
        if told:
            return self._hear_sentences(told, last=last)
        text = _text_of(result)
        if not text:
            return self.settle() if last else []
        return self._hear_text(text, _duration_ms(payload), last=last)

    def settle(self) -> list[Utterance]:
        """Take the end of the conversation.

        Returns:
            What was open, as final.
        """
        return self._give([], [_final(utterance) for utterance in self._open])

    def _hear_sentences(self, told: list[Mapping[str, Any]], *, last: bool) -> list[Utterance]:
        seen: dict[int | None, int] = {}
        ended, still_open = [], []
        for sentence in told:
            # Of those that begin at the same time, as all do when no times are told, the place among them decides.
            begin_ms = milliseconds(sentence.get("start_time"))
            place = seen[begin_ms] = seen.get(begin_ms, -1) + 1
            key = (begin_ms, place)
            if key in self._ended:  # nothing more of it is read: every message of a long talk has all of it again
                continue
            utterance = _utterance_of(sentence)
            if utterance.is_final or last:
                self._ended.add(key)
                ended.append(_final(utterance))
            else:
                still_open.append(utterance)
        return self._give(still_open, ended)

    def _hear_text(self, text: str, duration_ms: int | None, *, last: bool) -> list[Utterance]:
        # Sentences may have been told apart before; what they said is not said again.
        rest = _without_prefix(text, self._ended_text)
        if not rest:
            return self.settle() if last else []
        begin_ms = None if self._ended_text else 0
        utterance = Utterance(rest, begin_ms, duration_ms, is_final=last)
        return self._give([], [utterance]) if last else self._give([utterance], [])

    def _give(self, still_open: list[Utterance], ended: list[Utterance]) -> list[Utterance]:
        before, self._open = self._open, tuple(still_open)
        self._ended_text += "".join(utterance.text for utterance in ended)
        return [utterance for utterance in ended if utterance.text] + [
            utterance for utterance in still_open if utterance.text and utterance not in before
        ]


def refuses(payload: Any) -> bool:
    """Tell whether a message says that the recognition failed.

    Args:
        payload: What it holds.

    Returns:
        Whether it has an error, or a code of failure and no result.
    """
    payload = _unwrapped(payload)
    if not isinstance(payload, Mapping):
        return False
    code = payload.get("code")
    failed = code is not None and not isinstance(code, bool) and str(code).strip().lower() not in _SUCCESS_CODES
    return bool(payload.get("error")) or (failed and not any(payload.get(name) for name in ("result", "data", "text")))


def _unwrapped(payload: Any) -> Any:
    # The document's program, and the makers' of the protocol, wrap what comes (wire-facts C.44).
    inner = payload.get("payload_msg") if isinstance(payload, Mapping) else None
    return _parsed(inner) if inner else payload


def _result_of(payload: Any) -> Any:
    """Find the result: an object, a list of such, or a text."""
    payload = _unwrapped(payload)
    for name in ("data", "result"):
        inner = payload.get(name) if isinstance(payload, Mapping) else None
        payload = _parsed(inner) if inner else payload
    return payload


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return pydantic_core.from_json(value)
        except ValueError:
            return value
    return value


def _parts(result: Any) -> Iterable[Any]:
    return result if isinstance(result, list) else (result,)


def _text_of(result: Any) -> str:
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in _parts(result))
    return "".join(text for text in texts if isinstance(text, str)).strip()


def _sentences_of(result: Any) -> Iterator[Mapping[str, Any]]:
    for part in _parts(result):
        told = part.get("utterances") if isinstance(part, Mapping) else None
        for entry in told if isinstance(told, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("text"), str):
                yield entry


def _utterance_of(sentence: Mapping[str, Any]) -> Utterance:
    return Utterance(
        text=sentence["text"].strip(),
        begin_ms=milliseconds(sentence.get("start_time")),
        end_ms=milliseconds(sentence.get("end_time")),
        is_final=sentence.get("definite") is True,
        words=tuple(_words_of(sentence.get("words"))),
    )


def _words_of(told: Any) -> Iterator[Word]:
    for entry in told if isinstance(told, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("text"), str):
            yield Word(entry["text"], milliseconds(entry.get("start_time")), milliseconds(entry.get("end_time")))


def _without_prefix(text: str, said: str) -> str:
    """Give what follows ``said``, whose sentences may stand with or without space between them."""
    place = 0
    for character in said:
        if character.isspace():
            continue
        while place < len(text) and text[place].isspace():
            place += 1
        if text[place : place + 1] != character:
            return ""  # it says something else than the sentences that were final: they stand
        place += 1
    return text[place:].strip()


def _duration_ms(payload: Any) -> int | None:
    payload = _unwrapped(payload)
    if isinstance(payload, Mapping) and isinstance(payload.get("data"), Mapping):
        payload = payload["data"]
    info = payload.get("audio_info") if isinstance(payload, Mapping) else None
    return milliseconds(info.get("duration")) if isinstance(info, Mapping) else None


def _final(utterance: Utterance) -> Utterance:
    return Utterance(utterance.text, utterance.begin_ms, utterance.end_ms, is_final=True, words=utterance.words)
