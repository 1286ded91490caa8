"""A chat answer as it is written: one JSON object, or the chunks of a stream.

Bytes are made of them in `chat`; what is said was planned by the responder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from maaskit.sandbox.chat_logprobs import logprobs_of
from maaskit.sandbox.chat_pieces import Piece, pieces
from maaskit.sandbox.chat_usage import usage_of, written
from maaskit.sandbox.dialects import Dialect
from maaskit.sandbox.responder import Answer
from maaskit.sandbox.tokens import tokenize
from maaskit.sandbox.variants import Variants


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything that the written answer needs.

    Args:
        dialect: The cloud.
        variants: The switches, as they stood when the request came.
        id: The answer's id.
        created: Seconds since 1970.
        model: The model's name as it comes back.
        answers: The answers.
        refs: The references of each answer; empty lists without any.
        prompt: The prompt's tokens.
        cached: How many of them were seen before.
        top_logprobs: Alternatives for each token; None when log probabilities are not wanted.
        asks_usage: Whether ``stream_options.include_usage`` was set.
        seed: Cuts the stream.
    """

    dialect: Dialect
    variants: Variants
    id: str
    created: int
    model: str
    answers: Sequence[Answer]
    refs: Sequence[list[dict[str, Any]]]
    prompt: int
    cached: int
    top_logprobs: int | None = None
    asks_usage: bool = False
    seed: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def head(self, kind: str) -> dict[str, Any]:
        """Write the fields that stand in every object.

        Args:
            kind: The value of ``object``.

        Returns:
            ``id`` as the variant has it, ``object``, ``created``, ``model``.
        """
        ids = {"sent": {"id": self.id}, "empty": {"id": ""}, "absent": {}}[self.variants.ids]
        return {**ids, "object": kind, "created": self.created, "model": self.model}


def whole(reply: Reply) -> dict[str, Any]:
    """Write an answer as one object.

    Args:
        reply: The answer.

    Returns:
        A ``chat.completion``.
    """
    kind = "chat.completion.chunk" if reply.variants.object_slip else "chat.completion"
    body = reply.head(kind)
    body["choices"] = [_choice(reply, index, answer) for index, answer in enumerate(reply.answers)]
    if reply.variants.usage_whole:
        body["usage"] = usage_of(reply.prompt, reply.cached, reply.answers, reply.variants)
    return body


def chunks(reply: Reply) -> Iterator[dict[str, Any]]:
    """Write an answer as the chunks of a stream.

    Args:
        reply: The answer.

    Yields:
        ``chat.completion.chunk`` objects, in order; ``[DONE]`` is not among them.
    """
    variants, place = reply.variants, reply.dialect.usage_place(reply.variants, asked=reply.asks_usage)
    tally = _Tally(reply)
    if variants.empty_choices_first:
        yield {**reply.head("chat.completion.chunk"), "choices": []}
    last = len(reply.answers) - 1
    for index, answer in enumerate(reply.answers):
        for choice, piece in _steps(reply, index, answer):
            tally.add(piece)
            chunk = {**reply.head("chat.completion.chunk"), "choices": [choice]}
            is_end = choice.get("finish_reason") and index == last
            if place == "every_chunk" or (place == "last_chunk" and is_end):
                chunk["usage"] = tally.usage()
            elif place == "empty_choices":
                chunk["usage"] = None
            yield chunk
    if place == "empty_choices":
        yield {**reply.head("chat.completion.chunk"), "choices": [], "usage": tally.usage()}


class _Tally:
    """The tokens that are out so far."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._completion = 0
        self._reasoning = 0

    def add(self, piece: Piece) -> None:
        self._completion += piece.tokens
        self._reasoning += piece.reasoning

    def usage(self) -> dict[str, Any]:
        details = self._reply.variants.usage_details
        prompt, cached = self._reply.prompt, self._reply.cached
        return written(prompt, cached, self._completion, reasoning=self._reasoning, details=details)


def _choice(reply: Reply, index: int, answer: Answer) -> dict[str, Any]:
    variants = reply.variants
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.reasoning:
        message[variants.reasoning_field] = answer.reasoning
    if answer.tool_calls:
        message["content"] = None if variants.tool_content == "null" else ""
        if variants.tool_content == "absent":
            del message["content"]
        as_object = variants.tool_deltas == "dict_arguments"
        message["tool_calls"] = [
            {
                "id": c.id,
                "type": "function",
                "function": {"name": c.name, "arguments": c.arguments if as_object else c.text},
            }
            for c in answer.tool_calls
        ]
    choice: dict[str, Any] = {"index": index, "message": message, "finish_reason": answer.finish_reason}
    if reply.top_logprobs is not None:
        choice["logprobs"] = {"content": logprobs_of(tokenize(answer.text), 0, reply.top_logprobs)}
    if reply.refs[index]:
        choice["refs"] = reply.refs[index]
    return choice


def _steps(reply: Reply, index: int, answer: Answer) -> Iterator[tuple[dict[str, Any], Piece]]:
    """Yield the choices of one answer's chunks, each with the piece it carries."""
    rng = Random(reply.seed + index)  # noqa: S311 - it cuts a text into pieces
    variants = reply.variants
    first: dict[str, Any] = {"role": "assistant"}
    if reply.dialect.role_comes_first:
        yield _step(reply, index, Piece({**first, "content": ""})), Piece({})
        first = reply.dialect.later_role(variants)
    given = 0
    steps = list(pieces(answer, rng, variants, reply.top_logprobs)) or [Piece({"content": ""})]
    ends_with_last = variants.finish == "last_piece"
    for number, piece in enumerate(steps):
        choice = _step(reply, index, Piece({**piece.delta, **first}, logprobs=piece.logprobs))
        first = reply.dialect.later_role(variants)
        if variants.refs == "incremental":
            due = sum(q.at <= piece.upto for q in answer.quotes)
            if due > given:
                choice["refs"] = reply.refs[index][given:due]
                given = due
        if ends_with_last and number == len(steps) - 1:
            _finish(reply, index, answer, choice)
        yield choice, piece
    if not ends_with_last:
        delta = {"content": None, **first} if reply.dialect.null_roles else dict(first)
        choice = _step(reply, index, Piece(delta))
        _finish(reply, index, answer, choice)
        yield choice, Piece({})


def _step(reply: Reply, index: int, piece: Piece) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": piece.delta}
    if piece.logprobs is not None:
        choice["logprobs"] = {"content": piece.logprobs}
    if reply.variants.finish_before != "absent":
        choice["finish_reason"] = None if reply.variants.finish_before == "null" else ""
    return choice


def _finish(reply: Reply, index: int, answer: Answer, choice: dict[str, Any]) -> None:
    choice["finish_reason"] = answer.finish_reason
    if reply.refs[index]:
        choice["refs"] = reply.refs[index]
