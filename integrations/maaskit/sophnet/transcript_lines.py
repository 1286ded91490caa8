"""What SophNet's recognition writes down, read into a text and its segments.

Tasks and requests are not known here; a result is a JSON value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maaskit.lenient_json import from_json
from maaskit.transcript import Segment, milliseconds

# "[0:5.840,0:6.690,0] 哎,张总。": begin and end as minutes:seconds, the speaker, the text. Five hours are 300 minutes;
# whether hours are ever written apart is not known (wire-facts B.2), so both can be read.
# Every repetition is bounded, or what does not fit could take long to find out.
_LINE = re.compile(r"[ \t]{0,8}\[([\d:. ]{1,40}),([\d:. ]{1,40})(?:,([^\]]{0,200}))?\](.*)", re.DOTALL)
_MAX_DEPTH = 8
_TEXTS = ("text", "transcript", "result")
_LISTS = ("segments", "sentences", "transcripts", "results", "utterances")
_BEGINS = ("begin_ms", "begin_time", "beginTime", "start_time", "startTime")
_ENDS = ("end_ms", "end_time", "endTime")
_SPEAKERS = ("speaker", "speaker_id", "speakerId", "channel_id")


def read_result(result: Any) -> tuple[str, tuple[Segment, ...]] | None:
    """Read a result.

    Args:
        result: A text of lines (the document's), or an object or a list, as newer recognisers of the service give it.

    Returns:
        The text, one line for each segment, and the segments, where times are told; ``None`` when there is no text.
    """
    if isinstance(result, str):
        return _structured(result) or _read_lines(result)
    parts = list(_parts(result, 0))
    if not parts:
        return None
    segments = tuple(part for part in parts if isinstance(part, Segment))
    text = "\n".join(part.text if isinstance(part, Segment) else part for part in parts)
    return text, segments if len(segments) == len(parts) else ()


def _structured(text: str) -> tuple[str, tuple[Segment, ...]] | None:
    """Read a text that is JSON itself; a line of the document begins with a bracket as well, and is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = from_json(text.encode("utf-8", errors="replace"))
    except ValueError:
        return None
    return read_result(value) if isinstance(value, Mapping | list) else None


def _read_lines(text: str) -> tuple[str, tuple[Segment, ...]]:
    segments: list[Segment] = []
    before: list[str] = []
    for line in text.splitlines():
        segment = _segment(line)
        if segment is not None:
            segments.append(segment)
        elif segments and line.strip():  # a text that goes on in the next line
            last = segments[-1]
            segments[-1] = Segment(last.begin_ms, last.end_ms, last.speaker, f"{last.text}\n{line.strip()}")
        elif line.strip():
            before.append(line.strip())
    if not segments:
        return text.strip(), ()
    return "\n".join([*before, *(segment.text for segment in segments)]), tuple(segments)


def _segment(line: str) -> Segment | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    begin_ms, end_ms = _time_ms(found[1]), _time_ms(found[2])
    if begin_ms is None or end_ms is None:
        return None
    return Segment(begin_ms, end_ms, (found[3] or "").strip() or None, found[4].strip())


def _time_ms(text: str) -> int | None:
    total = 0.0
    try:
        for part in text.split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return None
    return round(total * 1000) if total < 1e9 else None


def _parts(value: Any, depth: int) -> Iterator[Segment | str]:
    """Find the texts in an object or list, in order."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        if value.strip():
            yield value.strip()
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item, depth + 1)
    elif isinstance(value, Mapping):
        finer = next((value[name] for name in _LISTS if isinstance(value.get(name), list) and value[name]), None)
        if finer is not None:
            yield from _parts(finer, depth + 1)
            return
        text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), "").strip()
        begin_ms, end_ms = _first_time(value, _BEGINS), _first_time(value, _ENDS)
        if text and begin_ms is not None and end_ms is not None:
            speaker = next((value[name] for name in _SPEAKERS if value.get(name) is not None), None)
            yield Segment(begin_ms, end_ms, None if speaker is None else str(speaker), text)
        elif text:
            yield text


def _first_time(value: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := milliseconds(value.get(name))) is not None), None)
