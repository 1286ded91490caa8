"""What ends an answer early: stop texts and token limits.

Tokens are cut in `maaskit.sandbox.tokens`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maaskit.sandbox.responder.answer import Answer
from maaskit.sandbox.tokens import tokenize


def stopped(answer: Answer, stop: Sequence[str]) -> Answer:
    """End an answer's text before the first stop text in it.

    Args:
        answer: The answer.
        stop: The stop texts.

    Returns:
        The answer, cut when one occurs.
    """
    places = [answer.text.find(text) for text in stop if text and text in answer.text]
    if not places:
        return answer
    text = answer.text[: min(places)]
    return replace(answer, text=text, quotes=tuple(q for q in answer.quotes if q.at <= len(text)))


def limited(answer: Answer, max_tokens: int | None) -> Answer:
    """Cut an answer to its token limit: reasoning first, then text, then the arguments of tool calls.

    Args:
        answer: The answer.
        max_tokens: The limit; None for none.

    Returns:
        The answer; its finish reason is ``length`` when something was cut.
    """
    if max_tokens is None:
        return answer
    left = max_tokens
    reasoning, left, whole = _head(answer.reasoning, left)
    text, left, all_text = _head(answer.text, left) if whole else ("", 0, False)
    calls = []
    complete = whole and all_text
    for call in answer.tool_calls if complete else ():
        if left <= 0:
            complete = False
            break
        arguments, left, all_arguments = _head(call.text, left)
        calls.append(replace(call, text=arguments))
        complete = complete and all_arguments
    if complete:
        return answer
    quotes = tuple(q for q in answer.quotes if q.at <= len(text))
    return replace(
        answer, reasoning=reasoning, text=text, tool_calls=tuple(calls), finish_reason="length", quotes=quotes
    )


def _head(text: str, limit: int) -> tuple[str, int, bool]:
    tokens = tokenize(text)
    if len(tokens) <= limit:
        return text, limit - len(tokens), True
    return "".join(tokens[:limit]), 0, False
