"""What is thought before an answer, for models that reason.

It retells what the rules did; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence

from maaskit.sandbox.responder.ask import Ask
from maaskit.sandbox.responder.calls import Planned
from maaskit.sandbox.responder.question import read_question
from maaskit.sandbox.responder.telling import Told
from maaskit.sandbox.responder.words import is_chinese

LONGEST_QUESTION = 120


def thoughts(ask: Ask, calls: Sequence[Planned], told: Told) -> str:
    """Retell how an answer came about.

    Args:
        ask: What was asked.
        calls: The tools that are about to be called.
        told: The answer in words, when none is.

    Returns:
        A few sentences in the language of the question.
    """
    question = " ".join(read_question(ask.user).text.split())[:LONGEST_QUESTION]
    steps = _in_chinese(ask, calls, told) if is_chinese(question) else _in_english(ask, calls, told)
    if is_chinese(question):
        return f"用户的问题是:{question} " + "".join(steps)
    return f"The user asks: {question} " + " ".join(steps)


def _in_english(ask: Ask, calls: Sequence[Planned], told: Told) -> list[str]:
    steps = [f"Tools at hand: {', '.join(t.name for t in ask.tools)}."] if ask.tools else []
    if ask.calls:
        steps.append(f"So far {', '.join(c.name for c in ask.calls)} answered.")
    if calls:
        return [*steps, *(f"Call {p.tool.name} with {dict(p.arguments)}." for p in calls)]
    if told.quotes:
        return [*steps, f"{len(told.quotes)} sentence(s) share words with the question; quote them."]
    return [*steps, "Nothing is to be looked up; answer directly."]


def _in_chinese(ask: Ask, calls: Sequence[Planned], told: Told) -> list[str]:
    steps = [f"可用的工具有:{'、'.join(t.name for t in ask.tools)}。"] if ask.tools else []
    if ask.calls:
        steps.append(f"目前 {'、'.join(c.name for c in ask.calls)} 已经返回结果。")
    if calls:
        return [*steps, *(f"调用 {p.tool.name},参数为 {dict(p.arguments)}。" for p in calls)]
    if told.quotes:
        return [*steps, f"有 {len(told.quotes)} 句话与问题相关,引用它们。"]
    return [*steps, "不需要查找,直接回答。"]
