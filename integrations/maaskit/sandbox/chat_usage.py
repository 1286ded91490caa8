"""The usage of a chat answer: prompt, completion, cached and reasoning tokens.

Tokens are cut in `tokens`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from maaskit.sandbox.responder import Answer, Picture
from maaskit.sandbox.responder.ask import picture_url, text_of
from maaskit.sandbox.tokens import count, tokenize
from maaskit.sandbox.variants import Variants

TOKENS_PER_DOCUMENT: Final = 400
PIXELS_PER_TOKEN: Final = 28 * 28
MOST_TOKENS_PER_PICTURE: Final = 1280


def prompt_tokens(request: Mapping[str, Any], pictures: Mapping[str, Picture], digests: Mapping[str, str]) -> list[str]:
    """Cut a prompt into tokens, pictures included.

    Args:
        request: A valid chat request.
        pictures: What was seen, by URL.
        digests: The pictures' digests, by URL.

    Returns:
        The tokens; equal beginnings of two prompts give equal tokens.
    """
    tokens = tokenize(json.dumps(request["tools"], ensure_ascii=False)) if request.get("tools") else []
    for message in request["messages"]:
        tokens.append(f"<{message['role']}>")
        tokens += tokenize(f"{message.get('reasoning_content') or ''}{text_of(message)}{_calls_text(message)}")
        tokens += _picture_tokens(message, pictures, digests)
    return tokens


def usage_of(prompt: int, cached: int, answers: Sequence[Answer], variants: Variants) -> dict[str, Any]:
    """Write the usage of an answer.

    Args:
        prompt: The prompt's tokens.
        cached: How many of them were seen before.
        answers: The answers to it.
        variants: The switches.

    Returns:
        ``{"prompt_tokens", "completion_tokens", "total_tokens", ...}``.
    """
    reasoning = sum(count(a.reasoning) for a in answers)
    completion = reasoning + sum(count(a.text) + _call_tokens(a) for a in answers)
    return written(prompt, cached, completion, reasoning=reasoning, details=variants.usage_details)


def written(prompt: int, cached: int, completion: int, *, reasoning: int, details: str) -> dict[str, Any]:
    """Write usage as both clouds do.

    Args:
        prompt: The prompt's tokens.
        cached: How many of them were seen before.
        completion: The answer's tokens so far.
        reasoning: How many of them were reasoning.
        details: ``full``, ``null`` or ``absent``.

    Returns:
        The usage.
    """
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if details == "full":
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    elif details == "null":
        usage |= {"prompt_tokens_details": None, "completion_tokens_details": None}
    return usage


def _call_tokens(answer: Answer) -> int:
    return sum(count(call.name) + count(call.text) for call in answer.tool_calls)


def _calls_text(message: Mapping[str, Any]) -> str:
    return json.dumps(message["tool_calls"], ensure_ascii=False) if message.get("tool_calls") else ""


def _picture_tokens(
    message: Mapping[str, Any], pictures: Mapping[str, Picture], digests: Mapping[str, str]
) -> Iterator[str]:
    content = message.get("content")
    for part in content if isinstance(content, list) else []:
        url = picture_url(part)
        if url is not None and url in pictures:
            size = pictures[url].width * pictures[url].height // PIXELS_PER_TOKEN or TOKENS_PER_DOCUMENT
            for number in range(min(size, MOST_TOKENS_PER_PICTURE)):
                yield f"<{digests[url]}:{number}>"
