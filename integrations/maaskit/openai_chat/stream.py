"""A chat answer in pieces: decodes the event stream, repairs it, and tells a whole answer from one that was cut.

How the bytes arrive is the driver's business, what a framework does with a piece is the framework's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maaskit.answers import error_from_status, refusal_in, unexpected
from maaskit.errors import APIError, StreamInterrupted
from maaskit.openai_chat.answer import (
    READ_CHOICE,
    READ_MESSAGE,
    READ_TOP,
    ChatAnswer,
    Choice,
    Reference,
    Usage,
    read_answer,
    read_reasoning,
    read_refs,
    read_text,
    read_usage,
    text_or_none,
)
from maaskit.openai_chat.tool_calls import ToolCallDelta, ToolCallRepair
from maaskit.sse import DONE, Event, EventDecoder
from maaskit.wire import Response

__all__ = ["ChatDelta", "ChatStreamReader", "ToolCallDelta"]


@dataclass(slots=True)
class ChatDelta:
    """Be one piece of a chat answer.

    Text, reasoning and calls come in as many pieces as the service sends. What speaks of the answer as a whole
    (``finish_reason``, ``usage``, ``refs``, ``extras``) comes once, in the piece whose ``last`` is true.

    Args:
        content: The next piece of the text.
        reasoning_content: The next piece of the reasoning.
        tool_calls: The next pieces of the function calls, repaired.
        new_refs: Sources that the service names at this place; ``refs`` repeats them at the end.
        logprobs: The service's logprobs object for this piece.
        id: The answer's id, if the service gives one.
        model: The model as the service echoes it.
        last: Whether this is the last piece.
        finish_reason: ``stop``, ``length``, ``tool_calls``, another word, or ``None``; in the last piece.
        usage: Tokens, if the service counted them; in the last piece.
        refs: All sources quoted; in the last piece.
        extras: Fields that are not read here, the last value of each; in the last piece.
    """

    content: str = ""
    reasoning_content: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    new_refs: tuple[Reference, ...] = ()
    logprobs: Any = None
    id: str | None = None
    model: str | None = None
    last: bool = False
    finish_reason: str | None = None
    usage: Usage | None = None
    refs: tuple[Reference, ...] = ()
    extras: Mapping[str, Any] | None = None


_MAX_BODY_BYTES = 64 * 1024 * 1024
# A hundred thousand tokens, each with twenty log probabilities, stay well below it.
_MAX_STREAM_BYTES = 1024 * 1024 * 1024


class ChatStreamReader:
    """Decode one streamed chat answer (see ``maaskit.wire.StreamReader``).

    Args:
        head: Status and headers of the answer.
    """

    def __init__(self, head: Response) -> None:
        self._head = head
        self._decoder = EventDecoder()
        # A service that ignores `stream`, or that refuses under HTTP 200, sends JSON in place of events.
        self._whole: bytearray | None = (
            bytearray() if "application/json" in head.headers.get("content-type", "").lower() else None
        )
        self._calls = ToolCallRepair()
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refs: dict[Any, Reference] = {}
        self._final_refs: tuple[Reference, ...] = ()
        self._extras: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._created: int | None = None
        self._begun = False
        self._size = 0
        self.finished = False

    @property
    def complete(self) -> bool:
        """Tell whether the answer is whole: its finish_reason or ``[DONE]`` has come."""
        return self.finished or self._finish_reason is not None

    def feed(self, data: bytes) -> list[ChatDelta]:
        """Take the next bytes.

        Args:
            data: Bytes, cut anywhere.

        Returns:
            The pieces that they complete.

        Raises:
            APIError: The service sent an error; ``partial`` holds what had come.
            UnexpectedAnswer: Something in the stream cannot be read.
        """
        if self._whole is not None:
            self._whole += data
            if len(self._whole) > _MAX_BODY_BYTES:
                raise unexpected(replace(self._head, body=bytes(self._whole[:1000])), "is too large")
            return []
        self._size += len(data)
        if self._size > _MAX_STREAM_BYTES:
            error = unexpected(self._head, f"goes on beyond {_MAX_STREAM_BYTES} bytes; it was given up")
            error.partial = self.partial()
            raise error
        return self._events(self._decoder.feed(data))

    def end(self) -> list[ChatDelta]:
        """Take the end of the stream.

        Returns:
            The last piece, unless it has been given already.

        Raises:
            StreamInterrupted: Neither a finish_reason nor ``[DONE]`` came; ``partial`` holds what did.
        """
        if self._whole is not None:
            return self._read_whole(bytes(self._whole))
        deltas = [] if self.finished else self._last_events()
        if self.finished:
            return deltas
        if not self.complete:
            raise StreamInterrupted(
                "The stream broke off before the answer was whole (no finish_reason, no [DONE]); "
                "what came is in the error's `partial`.",
                partial=self.partial(),
            )
        return [*deltas, self._last()]

    def _last_events(self) -> list[ChatDelta]:
        """Read the last line, which may have been cut off."""
        events = self._decoder.end()
        cut = [event for event in events if isinstance(event.data, str) and event.data.lstrip()[:1] in ("{", "[")]
        if cut or self._begun:
            events = [event for event in events if not isinstance(event.data, str)]
        return self._events(events)

    def partial(self) -> ChatAnswer:
        """Give what has come so far as an answer."""
        choice = Choice(
            content="".join(self._content),
            reasoning_content="".join(self._reasoning),
            tool_calls=self._calls.calls,
            refs=self._all_refs(),
            finish_reason=self._finish_reason,
        )
        return ChatAnswer((choice,), self._id, self._model, self._created, self._usage, self._extras)

    def _events(self, events: list[Event]) -> list[ChatDelta]:
        deltas: list[ChatDelta] = []
        for event in events:
            if self.finished:
                break
            data = event.data
            if data is DONE:
                deltas += self._done()
            elif isinstance(data, dict):
                delta = self._object(data, event.name)
                if delta is not None:
                    deltas.append(delta)
            elif data or not self.complete:
                self._unreadable(event)
        return deltas

    def _done(self) -> list[ChatDelta]:
        return [self._last()]

    def _unreadable(self, event: Event) -> None:
        text = event.data if isinstance(event.data, str) else repr(event.data)
        if text.strip() and not self.complete:
            error = unexpected(replace(self._head, body=text.encode()), "holds an event that cannot be read")
            error.partial = self.partial()
            raise error

    def _object(self, data: dict[str, Any], name: str) -> ChatDelta | None:
        choices = data.get("choices")
        self._begun = True
        if not choices:
            refusal = refusal_in(data, self._head)
            if refusal is None and name == "error":
                refusal = refusal_in({"error": data}, self._head)
            if refusal is not None:
                refusal.partial = self.partial()
                raise refusal
        elif data.get("error"):
            raise self._with_partial(refusal_in(data, self._head))
        usage = data.get("usage")
        if usage:  # the last one counts: some upstreams repeat a growing usage with every piece
            self._usage = read_usage(usage) or self._usage
        if self._id is None:
            self._id = text_or_none(data.get("id"))
        if self._model is None:
            self._model = text_or_none(data.get("model"))
            self._created = created if isinstance(created := data.get("created"), int) else None
        self._keep_extras(data, READ_TOP)
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._choice(choice) if isinstance(choice, dict) else None

    def _choice(self, choice: dict[str, Any]) -> ChatDelta | None:
        if isinstance(index := choice.get("index"), int) and index:
            raise unexpected(replace(self._head, body=b""), "streams several choices, which is not supported")
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
            delta = delta if isinstance(delta, dict) else {}
        finish_reason = choice.get("finish_reason")
        if finish_reason and isinstance(finish_reason, str):
            self._finish_reason = finish_reason
        content = delta.get("content")
        if content and not isinstance(content, str):
            content = read_text(content)
        reasoning = read_reasoning(delta)
        fragments = delta.get("tool_calls")
        calls = self._calls.feed(fragments) if fragments else ()
        refs = self._take_refs(choice.get("refs") or delta.get("refs"), final=bool(finish_reason))
        logprobs = choice.get("logprobs")
        self._keep_extras(choice, READ_CHOICE)
        self._keep_extras(delta, READ_MESSAGE)
        if content:
            self._content.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        if not (content or reasoning or calls or refs or logprobs):
            return None
        return ChatDelta(content or "", reasoning, tuple(calls), refs, logprobs, self._id, self._model)

    def _take_refs(self, refs: Any, *, final: bool) -> tuple[Reference, ...]:
        if not refs:
            return ()
        found = read_refs(refs)
        if final:
            # "并在finish_reason不为空时输出此次回答包含的所有引用来源信息": the final list replaces the earlier ones.
            self._final_refs = found
        new = [ref for ref in found if self._ref_key(ref) not in self._refs]
        self._refs.update((self._ref_key(ref), ref) for ref in new)
        return tuple(new)

    @staticmethod
    def _ref_key(ref: Reference) -> Any:
        return ref.index if ref.index is not None else (ref.url, ref.title, ref.content)

    def _all_refs(self) -> tuple[Reference, ...]:
        return self._final_refs or tuple(self._refs.values())

    def _keep_extras(self, data: dict[str, Any], read: frozenset[str]) -> None:
        if data.keys() <= read:
            return
        for name in data.keys() - read:
            value = data[name]
            if value is None:
                continue
            before: Any = self._extras.get(name)
            # Lists and a refusal's text come in pieces; of everything else the last value counts.
            grows = str if name == "refusal" else list
            both = isinstance(before, grows) and isinstance(value, grows)
            self._extras[name] = before + value if both else value

    def _last(self) -> ChatDelta:
        self.finished = True
        return ChatDelta(
            tool_calls=tuple(self._calls.end()),
            id=self._id,
            model=self._model,
            last=True,
            finish_reason=self._finish_reason,
            usage=self._usage,
            refs=self._all_refs(),
            extras=self._extras or None,
        )

    def _read_whole(self, body: bytes) -> list[ChatDelta]:
        """Read JSON that came in place of events: a refusal, or a whole answer."""
        response = replace(self._head, body=body)
        if not 200 <= response.status < 300:
            raise error_from_status(response)
        if b"\ndata:" in body or body.startswith(b"data:") or _is_lines(body):
            self._whole = None  # events under a wrong content type
            return [*self.feed(body), *self.end()]
        answer = read_answer(response)
        delta = self._object(dict(answer.raw), "")
        if not self.complete:
            self._finish_reason = answer.finish_reason or "stop"
        return [*([delta] if delta is not None else []), self._last()]

    def _with_partial(self, error: APIError | None) -> APIError:
        error = error or APIError("The service sent an error in the middle of the stream.")
        error.partial = self.partial()
        return error


def joined_logprobs(pieces: Iterable[Any]) -> Any:
    """Put the log probabilities of a stream's pieces together.

    Args:
        pieces: The service's objects, in order; those that say nothing are passed over.

    Returns:
        One object whose lists hold all tokens, or ``None`` for none.
    """
    kept: Any = None
    for piece in filter(None, pieces):
        both = isinstance(kept, Mapping) and isinstance(piece, Mapping)
        kept = {**kept, **{name: _added(kept.get(name), value) for name, value in piece.items()}} if both else piece
    return kept


def _added(before: Any, value: Any) -> Any:
    return before + value if isinstance(before, list) and isinstance(value, list) else value or before


def _is_lines(body: bytes) -> bool:
    """Tell whether there is one JSON object to a line, which an object that is laid out over several lines is not."""
    first, _, rest = body.strip().partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.lstrip()[:1] in (b"{", b"[")
