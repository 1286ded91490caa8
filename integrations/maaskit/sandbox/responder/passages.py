"""Passages of a prompt and where they come from.

Whether a passage answers the question is weighed in `quoting`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maaskit.sandbox.json_text import decode
from maaskit.sandbox.responder.words import halfwidth


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that may be quoted.

    Args:
        text: The text.
        source: Where it comes from, as the prompt says it; empty when it does not.
        weight: How much it counts against others, 1.0 for what was looked up or given for this question.
    """

    text: str
    source: str = ""
    weight: float = 1.0


SOURCE_KEYS: Final = ("source", "file_name", "filename", "file_path", "file", "url", "link", "title", "name", "id")
TEXT_KEYS: Final = ("page_content", "content", "text", "passage", "snippet", "body", "answer", "result", "output")
PAGE_KEYS: Final = ("page", "page_label", "page_number", "pages")

LABEL: Final = re.compile(
    r"^\s*(?:[-*]\s*)?[\[【(<]?\s*(?P<key>source|sources|file|file[_ ]?name|file[_ ]?path|document|title|url|from|"
    r"来源|出处|文件|文件名|文档|标题|资料)\s*(?:[:=]|\s#)\s*(?P<value>[^\]】\n]+?)\s*[\]】)>]?\s*$",
    re.IGNORECASE,
)
PAGE_LABEL: Final = re.compile(
    r"^\s*(?P<key>page|page[_ ]?(?:label|number|no)|页|页码)\s*[:=]\s*(?P<value>\S+)\s*$", re.IGNORECASE
)
TEXT_LABEL: Final = re.compile(r"^\s*(?:content|text|page[_ ]content|passage|内容|正文|原文)\s*:\s*", re.IGNORECASE)
BRACKETED: Final = re.compile(r"^\s*[\[【](?P<value>[^\]】\n]{1,160})[\]】]\s*(?P<source>\([^()\n]{3,120}\))?\s*:?\s*")
TRAILING: Final = re.compile(
    r"\s*[\[【(](?:source|from|see|来源|出处|参见|引自)\s*:?\s*(?P<value>[^\]】)\n]{1,160})[\]】)]\s*[.。]?\s*$",
    re.IGNORECASE,
)
LONGEST_TRAILER: Final = 200
TAG: Final = re.compile(
    r"<(?P<tag>document|doc|passage|source|context)\b(?P<attributes>[^>]*)>(?P<text>.*?)</(?P=tag)>",
    re.DOTALL | re.IGNORECASE,
)
ATTRIBUTE: Final = re.compile(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
RULE: Final = re.compile(r"^\s*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})\s*$")
ITEM_NUMBER: Final = re.compile(
    r"^\s*(?:\d{1,3}|\^?\d{1,3}|doc(?:ument)?\s*\d+|片段\s*\d+|资料\s*\d+)\s*$", re.IGNORECASE
)


def read_passages(text: str, weight: float = 1.0) -> list[Passage]:
    """Take a text apart into passages with their sources.

    Args:
        text: A tool's result or a part of a prompt: prose, Markdown, tagged documents, labelled blocks or JSON.
        weight: How much these passages count.

    Returns:
        The passages in order.
    """
    value = _json(text)
    if value is not None:
        return [Passage(t, s, weight) for t, s in _from_json(value, "")]
    tagged = [(m["text"], _of_attributes(m["attributes"])) for m in TAG.finditer(text)]
    if any(source for _, source in tagged):
        rest = TAG.sub("\n\n", text)
        return [Passage(t.strip(), s, weight) for t, s in tagged] + read_passages(rest, weight)
    return [Passage(t, s, weight) for t, s in _from_blocks(text) if t]


def _json(text: str) -> Any:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        return decode(stripped)
    except ValueError:
        return None


def _from_json(value: Any, source: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        source = _source_of(value) or source
        key = next((k for k in TEXT_KEYS if isinstance(value.get(k), str)), None)
        if key is not None and (source or len(value) == 1):
            yield value[key], source
            return
        plain = {k: v for k, v in value.items() if not isinstance(v, Mapping | list)}
        if plain:
            yield ", ".join(f"{k}: {v}" for k, v in plain.items()), source
        for name, inner in value.items():
            if isinstance(inner, Mapping | list) and name != "metadata":
                yield from _from_json(inner, source)
    elif isinstance(value, list):
        for inner in value:
            yield from _from_json(inner, source)
    elif value is not None:
        yield str(value), source


def _source_of(value: Mapping[str, Any]) -> str:
    metadata = value.get("metadata")
    fields = {**value, **(metadata if isinstance(metadata, Mapping) else {})}
    source = next((str(fields[k]) for k in SOURCE_KEYS if isinstance(fields.get(k), str) and fields[k]), "")
    page = next((fields[k] for k in PAGE_KEYS if isinstance(fields.get(k), int | str)), None)
    return with_page(source, page)


def with_page(source: str, page: int | str | None) -> str:
    """Name a page of a source.

    Args:
        source: The source.
        page: Its page as the prompt gives it, or None.

    Returns:
        Such as ``report.pdf, p. 3``; the source alone without a page, nothing without a source.
    """
    return f"{source}, p. {page}" if source and page not in (None, "") else source


def _of_attributes(attributes: str) -> str:
    fields: dict[str, Any] = {name.lower(): value for name, value in ATTRIBUTE.findall(attributes)}
    return _source_of(fields)


def _from_blocks(text: str) -> Iterator[tuple[str, str]]:
    source, page = "", None
    lines: list[str] = []
    for raw in [*(line.strip() for line in text.splitlines()), None]:
        line = None if raw is None else halfwidth(raw)
        label = line is not None and LABEL.match(line)
        page_label = line is not None and PAGE_LABEL.match(line)
        bracket = line is not None and _bracket(line)
        if raw is None or label or bracket or RULE.match(raw):
            yield _finish(lines, with_page(source, page))
            lines = []
        if raw is None:
            return
        if label:
            source, page = _of_label(label["value"])
        elif page_label:
            page = page_label["value"]
        elif bracket:
            source, page, cut = bracket
            lines.append(raw[cut:])
        elif RULE.match(raw):
            source, page = "", None
        else:
            lines.append(raw[len(match[0]) :] if (match := TEXT_LABEL.match(line or "")) else raw)


def _bracket(line: str) -> tuple[str, str | None, int] | None:
    """Read ``[report.pdf, p. 3] text`` or ``[1] (report.pdf) text``: source, page, and where the text begins."""
    match = BRACKETED.match(line)
    if match is None:
        return None
    value, aside = match["value"].strip(), (match["source"] or "").strip("()")
    if ITEM_NUMBER.match(value):
        return (
            (re.sub(r"(?i)^(?:source|来源)\s*:\s*", "", aside), None, match.end()) if aside else ("", None, match.end())
        )
    if re.search(r"\.\w{2,5}\b|://|(?i:\bpage|\bp\.|source|来源|第\s*\d+\s*页)", value):
        cut = match.start("source") if match["source"] else match.end()
        source, page = _of_label(re.sub(r"(?i)^(?:source|来源)\s*:\s*", "", value))
        return source, page, cut
    return None


def _of_label(value: str) -> tuple[str, str | None]:
    """Read a label's value, which may be a dict's print as in ``{'source': 'a.pdf', 'page': 2}``."""
    if value.lstrip().startswith("{"):
        fields = dict(re.findall(r"[\"'](\w+)[\"']\s*:\s*[\"']?([^\"',}]*)[\"']?", value))
        source = next((fields[k] for k in SOURCE_KEYS if fields.get(k)), "")
        return source, next((fields[k] for k in PAGE_KEYS if fields.get(k)), None)
    return value.strip(" \"'`<>"), None


def _finish(lines: Sequence[str], source: str) -> tuple[str, str]:
    text = "\n".join(lines).strip()
    start = max(0, len(text) - LONGEST_TRAILER)
    match = TRAILING.search(halfwidth(text[start:]))
    if match:
        value = text[start:][slice(*match.span("value"))]
        return text[: start + match.start()].strip(), _of_label(value)[0] or source
    return text, source
