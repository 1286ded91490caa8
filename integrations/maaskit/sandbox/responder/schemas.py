"""JSON schemas as the responder reads them: references followed, alternatives listed.

Values are found in `filling` and the files beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

MAX_REFERENCES: Final = 20


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a JSON object that wants a value.

    Args:
        name: The property's name.
        schema: Its schema, references followed.
        root: The schema that holds the definitions.
        required: Whether the object is invalid without it.
    """

    name: str
    schema: Schema
    root: Schema
    required: bool

    @property
    def description(self) -> str:
        """Return what the schema says about the property."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def branches(self) -> list[Schema]:
        """Return the schemas of which the value must fit one, null left out."""
        return [branch for branch in alternatives(self.schema, self.root) if kind_of(branch) != "null"]

    @property
    def nullable(self) -> bool:
        """Tell whether null is a value."""
        return any(kind_of(branch) == "null" for branch in alternatives(self.schema, self.root))

    def of_kind(self, *kinds: str) -> Schema | None:
        """Return the first alternative of some kinds.

        Args:
            kinds: As `kind_of` names them.

        Returns:
            The alternative, or None.
        """
        return next((branch for branch in self.branches if kind_of(branch) in kinds), None)


def slots(schema: Schema, root: Schema) -> list[Slot]:
    """List the properties of an object's schema.

    Args:
        schema: The schema, references followed.
        root: The schema that holds the definitions.

    Returns:
        Its properties in their order.
    """
    required = schema.get("required") or ()
    properties = schema.get("properties") or {}
    return [Slot(name, resolve(inner, root), root, name in required) for name, inner in properties.items()]


def resolve(schema: object, root: Schema) -> Schema:
    """Follow references and merge ``allOf``.

    Args:
        schema: A schema; true and anything unreadable mean "any value".
        root: The schema that holds the definitions.

    Returns:
        The schema itself.
    """
    for _ in range(MAX_REFERENCES):
        if not isinstance(schema, Mapping):
            return {}
        if "$ref" in schema:
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**_pointed_at(str(schema["$ref"]), root), **beside}
        elif schema.get("allOf"):
            beside = {name: value for name, value in schema.items() if name != "allOf"}
            schema = _merged([*(resolve(part, root) for part in schema["allOf"]), beside])
        else:
            return schema
    return {}


def alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """List the schemas of which a value must fit one.

    Args:
        schema: A schema, references followed.
        root: The schema that holds the definitions.

    Returns:
        The branches of ``anyOf``, ``oneOf`` and of a list of types; the schema alone when it has none.
    """
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return [found for branch in branches for found in alternatives(resolve(branch, root), root)]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    return [schema]


def kind_of(schema: Schema) -> str:
    """Name what kind of value a schema wants.

    Args:
        schema: A schema without alternatives.

    Returns:
        ``const``, ``enum``, ``string``, ``integer``, ``number``, ``boolean``, ``array``, ``object``, ``null`` or
        ``any``.
    """
    if "const" in schema:
        return "const"
    if schema.get("enum"):
        return "enum"
    if isinstance(schema.get("type"), str):
        return str(schema["type"])
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "any"


def _merged(parts: Sequence[Schema]) -> Schema:
    """Put schemas together of which a value must fit all."""
    merged: dict[str, Any] = {}
    for part in parts:
        merged.update({name: value for name, value in part.items() if name not in ("properties", "required")})
    if any("properties" in part for part in parts):
        merged["properties"] = {n: s for part in parts for n, s in (part.get("properties") or {}).items()}
        merged["required"] = [name for part in parts for name in part.get("required") or ()]
    return merged


def _pointed_at(reference: str, root: Schema) -> Schema:
    value: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        value = (
            value.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(value, Mapping) and step else value
        )
    return value if isinstance(value, Mapping) else {}
