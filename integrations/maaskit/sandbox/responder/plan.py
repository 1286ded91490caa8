"""The responder's one entry: from what is asked to a planned answer.

Each step is a file beside this one.
"""

from __future__ import annotations

import hashlib
import json
from random import Random

from maaskit.sandbox.responder.answer import Answer, ToolCall
from maaskit.sandbox.responder.ask import Ask
from maaskit.sandbox.responder.calls import Planned
from maaskit.sandbox.responder.choosing import choose
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.json_answer import json_answer
from maaskit.sandbox.responder.prose_tools import in_prose
from maaskit.sandbox.responder.telling import tell
from maaskit.sandbox.responder.thinking import thoughts
from maaskit.sandbox.responder.trimming import limited, stopped
from maaskit.sandbox.tokens import tokenize


def respond(ask: Ask, index: int = 0) -> Answer:
    """Plan an answer.

    Args:
        ask: What is asked.
        index: Which of several answers to the same request this is; others are phrased differently where they can be.

    Returns:
        The answer; the same request always gives the same one.
    """
    rng = Random(ask.seed + index)  # noqa: S311 - it picks phrasings, nothing secret
    told = tell(ask, rng)
    background = Background(told.text, tuple(dict.fromkeys(q.source for q in told.quotes if q.source)))
    calls = choose(ask, answered=told.from_prompt and bool(told.quotes), background=background)
    reasoning = _thought(ask, thoughts(ask, calls, told)) if ask.thinks else ""
    if calls:
        made = tuple(_call(ask, planned, number) for number, planned in enumerate(calls))
        answer = Answer("", reasoning, made, "tool_calls")
        return limited(stopped(in_prose(answer, ask.user), ask.stop) if ask.in_prose else answer, ask.max_tokens)
    as_json = json_answer(ask, background)
    quotes = told.quotes if as_json is None else ()
    answer = Answer(told.text if as_json is None else as_json, reasoning, quotes=quotes)
    answer = in_prose(answer, ask.user) if ask.in_prose else answer
    return limited(stopped(answer, ask.stop), ask.max_tokens)


def _thought(ask: Ask, text: str) -> str:
    return text if ask.max_thinking is None else "".join(tokenize(text)[: ask.max_thinking])


def _call(ask: Ask, planned: Planned, number: int) -> ToolCall:
    text = json.dumps(dict(planned.arguments), ensure_ascii=False)
    key = f"{ask.seed}/{len(ask.calls)}/{number}/{planned.tool.name}/{text}"
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return ToolCall(f"call_{digest}", planned.tool.name, dict(planned.arguments), text)
