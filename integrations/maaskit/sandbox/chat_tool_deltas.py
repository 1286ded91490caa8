"""Tool calls cut up for a stream, in the styles that services have been seen to use.

Which style is written is chosen by `Variants.tool_deltas`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from maaskit.sandbox.responder import ToolCall

Delta = dict[str, Any]

FRAGMENT_SIZES = (1, 2, 3, 5, 8, 11)
"""How many characters of the arguments come at once."""


def tool_deltas(calls: Sequence[ToolCall], rng: Random, style: str) -> Iterator[list[Delta]]:
    """Cut tool calls up.

    Args:
        calls: The calls.
        rng: Chooses the sizes of fragments.
        style: A value of `Variants.tool_deltas`.

    Yields:
        The ``tool_calls`` of one chunk after the other.
    """
    if style == "several_per_chunk":
        yield from _several(calls, rng)
        return
    for index, call in enumerate(calls):
        for delta in _of_call(call, index, rng, style):
            yield [delta]


def _of_call(call: ToolCall, index: int, rng: Random, style: str) -> Iterator[Delta]:
    place: Delta = {} if style == "no_index" else {"index": 0 if style == "shared_index" else index}
    if style == "dict_arguments":
        yield {**place, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        return
    if style == "whole":
        yield {**place, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
        return
    yield {**place, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    later: Delta = {"id": call.id} if style == "id_on_every_chunk" else {"id": ""} if style == "empty_names" else {}
    name: Delta = {"name": call.name} if style == "repeated_names" else {"name": ""} if style == "empty_names" else {}
    for fragment in _fragments(call.text, rng):
        yield {**place, **later, "function": {**name, "arguments": fragment}}


def _several(calls: Sequence[ToolCall], rng: Random) -> Iterator[list[Delta]]:
    """Let several calls, or several fragments of one, share a chunk."""
    streams = [list(_of_call(call, index, rng, "standard")) for index, call in enumerate(calls)]
    if len(streams) == 1:
        only = streams[0]
        streams = [only[::2], only[1::2]]
    for group in zip_longest(*streams):
        yield [delta for delta in group if delta is not None]


def _fragments(text: str, rng: Random) -> Iterator[str]:
    start = 0
    while start < len(text):
        size = rng.choice(FRAGMENT_SIZES)
        yield text[start : start + size]
        start += size
