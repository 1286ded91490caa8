"""The repair of streamed function calls: whatever numbering an upstream uses, each call comes out whole and once.

What a call means, and how a framework wants its pieces, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pydantic_core

from maaskit.openai_chat.answer import ToolCall, arguments_text, made_up_id, said_arguments, text_or_none


@dataclass(slots=True)
class ToolCallDelta:
    """Be one piece of one function call.

    Args:
        index: The call's number within the answer, from 0, without gaps; the same for all pieces of one call.
        id: The call's id, in exactly one piece of each call.
        name: The function's name, in the first piece (rarely, when the upstream splits it, its rest in the next).
        arguments: The next piece of the arguments' JSON text.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(slots=True)
class _Call:
    index: int
    key: int | None  # the upstream's own number
    id: str | None = None
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0

    def repeats(self, arguments: str) -> bool:
        """Tell whether these are the call's whole arguments once more."""
        return len(arguments) == self.size > 0 and arguments == "".join(self.pieces) and self.is_whole()

    def is_whole(self) -> bool:
        """Tell whether the arguments so far are complete JSON."""
        text = "".join(self.pieces)
        if not text.rstrip().endswith(("}", "]")):
            return False
        try:
            pydantic_core.from_json(text)
        except ValueError:
            return False
        return True


class ToolCallRepair:
    """Sort the pieces of parallel calls.

    Upstreams differ: an index may be missing, a string, or the same for every call; an id may come once, with every
    piece, late, or never; a name may be repeated with every piece; several calls may share one chunk.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Give the calls as far as they have come."""
        return tuple(ToolCall(call.id or f"call_{call.index}", call.name, "".join(call.pieces)) for call in self._calls)

    def __bool__(self) -> bool:
        """Tell whether any call has come."""
        return bool(self._calls)

    def feed(self, fragments: Any) -> list[ToolCallDelta]:
        """Take the ``tool_calls`` of one delta.

        Args:
            fragments: A list of objects; anything else is no call.

        Returns:
            The repaired pieces.
        """
        if not isinstance(fragments, list):
            return []
        known = len(self._calls)
        deltas: list[ToolCallDelta] = []
        for place, fragment in enumerate(fragments):
            if not isinstance(fragment, Mapping):
                continue
            # Fragments that share a chunk belong to different calls: the n-th to the n-th call, or each to a new one.
            shared = len(fragments) > 1 and (known == len(fragments) or (known == 0 and _has_name(fragment)))
            delta = self._fragment(fragment, place if shared else None)
            if delta is not None:
                deltas.append(delta)
        return deltas

    def end(self) -> list[ToolCallDelta]:
        """Take the end of the stream.

        Returns:
            Pieces that give an id to each call that came without one.
        """
        deltas: list[ToolCallDelta] = []
        for call in self._calls:
            if call.id is None:
                call.id = made_up_id()
                deltas.append(ToolCallDelta(call.index, id=call.id))
        return deltas

    def _fragment(self, fragment: Mapping[str, Any], position: int | None) -> ToolCallDelta | None:
        function = fragment.get("function")
        function = function if isinstance(function, Mapping) else {}
        call_id, name = text_or_none(fragment.get("id")), text_or_none(function.get("name"))
        arguments = arguments_text(function.get("arguments"))
        if call_id is None and name is None and not arguments:
            return None
        key = _number(fragment.get("index"))
        call = self._existing(key, call_id, name, position)
        if call is None:
            call = _Call(len(self._calls), key)
            self._calls.append(call)
        if not call.pieces:
            arguments = said_arguments(arguments)
        delta = ToolCallDelta(call.index, arguments=arguments)
        if call_id is not None and call.id is None:
            delta.id = call.id = call_id
        if name is not None and name != call.name:
            # Some upstreams send the name as far as it has come, others its next piece.
            delta.name = name.removeprefix(call.name)
            call.name += delta.name
        if call.repeats(arguments):
            delta.arguments = ""  # the whole call once more, at its end
        elif arguments:
            call.pieces.append(arguments)
            call.size += len(arguments)
        return delta if delta.id or delta.name or delta.arguments else None

    def _existing(self, key: int | None, call_id: str | None, name: str | None, position: int | None) -> _Call | None:
        if call_id is not None:
            for call in self._calls:
                if call.id == call_id and (key is None or call.key is None or call.key == key):
                    # The same id under another name, when the call is whole, is another call.
                    return None if name not in (None, call.name) and call.is_whole() else call
        candidate = self._candidate(key, position)
        if candidate is None:
            return None
        if call_id is not None and candidate.id is not None and (name is not None or candidate.is_whole()):
            # Another id under the same number is another call, unless the call lacks its end and this has no name: some
            # upstreams make up a new id for every piece.
            return None
        if name is not None and candidate.name:
            if name != candidate.name and candidate.pieces:
                return None
            # The same name again: repeated with every piece, unless the call is whole already.
            if candidate.is_whole():
                return None
        return candidate

    def _candidate(self, key: int | None, position: int | None) -> _Call | None:
        if key is not None:
            return next((call for call in reversed(self._calls) if call.key == key), None)
        if position is not None:
            return self._calls[position] if position < len(self._calls) else None
        return self._calls[-1] if self._calls else None


def _has_name(fragment: Mapping[str, Any]) -> bool:
    function = fragment.get("function")
    return isinstance(function, Mapping) and bool(function.get("name"))


def _number(index: Any) -> int | None:
    if isinstance(index, bool):
        return None
    if isinstance(index, int):
        return index
    if isinstance(index, float):
        return int(index) if index.is_integer() else None
    return int(index) if isinstance(index, str) and re.fullmatch("[0-9]{1,9}", index) else None
