"""Finders: each looks in the evidence for one kind of value that a place in a schema may want.

Their order and what happens without any find is decided in `maaskit.sandbox.responder.filling`.
"""

from __future__ import annotations

from maaskit.sandbox.responder.finders.marked import find_enum, find_flag, find_labelled, find_stated
from maaskit.sandbox.responder.finders.money import find_currency
from maaskit.sandbox.responder.finders.named import (
    find_any_place,
    find_colour,
    find_language,
    find_name,
    find_place,
    find_query,
    find_quotation,
)
from maaskit.sandbox.responder.finders.shaped import (
    find_coordinate,
    find_date,
    find_expression,
    find_identifier,
    find_number,
    find_number_with_unit,
    find_shaped_text,
)

__all__ = [
    "find_any_place",
    "find_colour",
    "find_coordinate",
    "find_currency",
    "find_date",
    "find_enum",
    "find_expression",
    "find_flag",
    "find_identifier",
    "find_labelled",
    "find_language",
    "find_name",
    "find_number",
    "find_number_with_unit",
    "find_place",
    "find_query",
    "find_quotation",
    "find_shaped_text",
    "find_stated",
]
