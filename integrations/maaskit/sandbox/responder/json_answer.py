"""An answer that is JSON: after a schema given apart, one that stands in the prompt, or keys that the prompt names.

How a schema is filled is the business of `filling`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from maaskit.sandbox.responder.ask import Ask
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.evidence import MOST_VALUES, OPENING, QUOTED, Evidence, json_values
from maaskit.sandbox.responder.filling import fill
from maaskit.sandbox.responder.lexicon import listed
from maaskit.sandbox.responder.question import read_question
from maaskit.sandbox.responder.schemas import Schema, kind_of, resolve
from maaskit.sandbox.responder.words import halfwidth

EXAMPLE: Final = "x-example"
"""Marks a schema that was read off an example, which is then no evidence for its own values."""
WANTS_JSON: Final = re.compile(
    r"(?i)\b(?:return|respond|reply|answer|output|format|formatted|provide|give|write|produce|"
    r"generate)\b[^.\n]{0,60}\bjson\b|\b(?:as|in)\s+(?:a\s+)?json\b|(?:返回|输出|回答|回复|生成|以|"
    r"用)[^。\n]{0,20}json"
)
KEYS: Final = re.compile(
    r"(?i)(?P<before>[^.\n。:]{0,160}?)\b(?:keys?|fields?|propert(?:y|ies)|"
    r"attributes?)\b\s*:?(?P<after>[^.:;\n。]{0,200})|(?P<front>[^。\n]{0,80}?)(?:字段|键|"
    r"属性)(?P<back>[^。\n]{0,80})"
)
SAYS_KEYS: Final = re.compile(r"(?i)\b(?:keys?|fields?)\b|字段|键|属性")
CLAUSE: Final = re.compile(r"[^.,:\n。!?\uff0c\uff1a\uff01\uff1f]*[.,:\n。!?\uff0c\uff1a\uff01\uff1f]?")
IDENTIFIER: Final = re.compile(
    r"[\"'`“‘「](?P<quoted>[A-Za-z_\u3400-\u9fff][\w-]{0,40})[\"'`”’」]|(?P<bare>\b[A-Za-z_]\w{0,40}\b)"
)
NO_KEYS: Final = frozenset(
    listed(
        "a an and as be by containing contains exactly following for has have having in include "
        "includes including is it json key keys "
        "must named no nothing object of only or other respectively return should the these this "
        "three to two result with your you"
    )
)


def json_answer(ask: Ask, background: Background) -> str | None:
    """Answer with JSON when that is wanted.

    Args:
        ask: What is asked.
        background: What would be said in words, and from where.

    Returns:
        Compact JSON text; None when the answer is to be in words.
    """
    schema = ask.schema if ask.form == "json_schema" else schema_in_prompt(ask)
    if schema is None:
        return None
    value = _filled(schema, ask, background)
    return json.dumps(value, ensure_ascii=False)


def schema_in_prompt(ask: Ask) -> Schema | None:
    """Find the schema that a prompt describes.

    Args:
        ask: What is asked.

    Returns:
        The schema; one with a single text when JSON is wanted and none is described; None when no JSON is wanted.
    """
    prompt = f"{ask.system}\n{ask.user}"
    found = [schema for value in json_values(prompt) for schema in _schemas_in(value)]
    if found:
        return found[-1]
    if ask.form != "json_object" and not WANTS_JSON.search(halfwidth(prompt)):
        return None
    return _by_example(prompt) or _by_keys(prompt) or (ANY_ANSWER if ask.form == "json_object" else None)


ANY_ANSWER: Final[Schema] = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


def _schemas_in(value: Any) -> Iterator[Schema]:
    if isinstance(value, Mapping):
        if isinstance(value.get("properties"), Mapping):
            yield value
            return
        for name in ("schema", "json_schema", "parameters"):
            if isinstance(value.get(name), Mapping):
                yield from _schemas_in(value[name])


def _by_example(prompt: str) -> Schema | None:
    """Read an example object as a schema: its keys, and the types of its values."""
    examples = [v for v in json_values(prompt) if isinstance(v, dict) and v]
    return {**_schema_of(examples[-1]), EXAMPLE: True} if examples else None


def _schema_of(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case list():
            return {"type": "array", "items": _schema_of(value[0]) if value else {"type": "string"}}
        case dict():
            properties = {name: _schema_of(inner) for name, inner in value.items()}
            return {"type": "object", "properties": properties, "required": list(properties)}
        case _:
            return {"type": "string"}


def _by_keys(prompt: str) -> Schema | None:
    """Read the keys that a prompt names near the word "keys"."""
    for match in KEYS.finditer(halfwidth(prompt)):
        around = " ".join(group for group in match.groups() if group)
        quoted = [m["quoted"] for m in IDENTIFIER.finditer(around) if m["quoted"]]
        after = match["after"] or match["back"] or ""
        place = match["front"] or after
        bare = [m["bare"] for m in IDENTIFIER.finditer(place) if m["bare"] and m["bare"].lower() not in NO_KEYS]
        names = list(dict.fromkeys(quoted or bare))
        if names:
            return {"type": "object", "properties": {n: {} for n in names}, "required": names}
    return None


def _filled(schema: Schema, ask: Ask, background: Background) -> Any:
    kind = kind_of(resolve(schema, schema))
    if kind not in ("object", "any"):
        wrapped = {
            "type": "object",
            "properties": {"answer": schema},
            "required": ["answer"],
            "$defs": schema.get("$defs", {}),
        }
        return fill(wrapped, _evidence(wrapped, ask), background).value["answer"]
    return fill(schema, _evidence(schema, ask), background).value


def _evidence(schema: Schema, ask: Ask) -> Evidence:
    """Gather what was said, without the words that describe the form itself."""
    question = read_question(ask.user)
    said = question.text if question.material and not json_in(question.text) else ask.user
    parts = [*(c.result for c in ask.calls if c.result), said, *(p.text for p in ask.pictures)]
    if question.material:
        parts.append(question.material)
    text = "\n".join(without_schema(part, schema) for part in parts)
    return Evidence(text)


def json_in(text: str) -> bool:
    """Tell whether a text holds JSON.

    Args:
        text: Any text.

    Returns:
        Whether it does.
    """
    return next(json_values(text), None) is not None


def without_schema(text: str, schema: Schema) -> str:
    """Take a form's description out of a text: schemas, quoted keys, sentences that order JSON.

    Args:
        text: A part of the prompt.
        schema: The form.

    Returns:
        What is left.
    """
    decoder = json.JSONDecoder()
    names = set(schema.get("properties") or {})
    position = 0
    for _ in range(MOST_VALUES):
        match = OPENING.search(text, position)
        if match is None:
            break
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.end()
            continue
        if list(_schemas_in(value)) or (schema.get(EXAMPLE) and isinstance(value, dict) and set(value) == names):
            text = text[: match.start()] + " " + text[end:]
            position = match.start()
        else:
            position = end
    text = QUOTED.sub(lambda m: " " if any(g in names for g in m.groups() if g) else m[0], text)
    named = re.compile("|".join(re.escape(name) for name in names)) if names else None
    return "".join(clause for clause in CLAUSE.findall(text) if not _describes(clause, named))


def _describes(clause: str, named: re.Pattern[str] | None) -> bool:
    """Tell whether a clause orders JSON, or names the keys it must have."""
    return "json" in clause.lower() or (named is not None and bool(SAYS_KEYS.search(clause) and named.search(clause)))
