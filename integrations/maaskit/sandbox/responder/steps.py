"""Several tools in one turn: those that are named, those that wait for results, a second try, a sum at the end.

Tools that are meant without being named are found in `meaning`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from maaskit.sandbox.responder.arithmetic import operation_named
from maaskit.sandbox.responder.ask import Ask, Tool
from maaskit.sandbox.responder.calls import (
    Planned,
    distinct,
    filled,
    in_brackets,
    not_yet_made,
    planned,
    results_of,
    spread,
)
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.mentions import Mention, mentions, without_names
from maaskit.sandbox.responder.numerals import numbers
from maaskit.sandbox.responder.passages import read_passages
from maaskit.sandbox.responder.quoting import best_sentences
from maaskit.sandbox.responder.tool_kinds import failed, is_arithmetic
from maaskit.sandbox.responder.words import halfwidth, words

AFTERWARDS: Final = re.compile(
    r"(?i)\b(?:then|after(?:wards)?|next|finally|the result|that (?:number|value|result)|it)\b|"
    r"然后|之后|接着|再|最后|结果|所得"
)
LEAD_IN: Final = re.compile(
    r"(?i)[\s,;.]*(?:and|then|also|next|finally|please|with|use|using|call|run|the|a|to|"
    r"[,;.\s])*$|[,。;\s]*(?:然后|之后|接着|再|并且|并|请|使用|用|调用|[,。;\s])*$"
)
YEARS: Final = range(1900, 2101)
"""Numbers that name a year are not reckoned with."""


def named(ask: Ask, background: Background) -> list[Planned] | None:
    """Plan the calls of tools that the user names.

    Args:
        ask: What is asked.
        background: What would be said without tools.

    Returns:
        The calls of this turn, those that wait for results left out; empty when all were made; None when no tool is
        named.
    """
    found = mentions(ask.user, ask.tools)
    if not found:
        return None
    plans = distinct([_of_mention(index, found, ask, background) for index in range(len(found))])
    if len(plans) == 1 and not any(m.in_brackets for m in found):
        plans = spread(plans[0], ask)
    left = not_yet_made(plans, ask.calls)
    ready = [p for p in left if not p.missing]
    if ready or not left:
        return ready
    if ask.calls:
        return [_after_results(left[0], ask, background)]
    return left if len(left) == 1 or not AFTERWARDS.search(halfwidth(ask.user)) else left[:1]


def again(ask: Ask, background: Background) -> list[Planned]:
    """Try once more, with other arguments, a tool that reported an error.

    Args:
        ask: What is asked.
        background: What would be said without tools.

    Returns:
        The calls; empty when nothing failed or nothing better is known.
    """
    retried = []
    for call in ask.calls:
        tool = next((t for t in ask.tools if t.name == call.name), None)
        if tool is None or not failed(call) or sum(c.name == call.name for c in ask.calls) > 1:
            continue
        plan = planned(tool, ask, ask.user, background)
        if not plan.missing and dict(plan.arguments) != dict(call.arguments):
            retried.append(plan)
    return retried


def next_sum(ask: Ask) -> list[Planned]:
    """Plan the calculation that a question wants done with what was looked up.

    Args:
        ask: What is asked, after a tool answered.

    Returns:
        One call of a calculator, or none; none as well when one was called already.
    """
    calculators = [t for t in ask.tools if is_arithmetic(t)]
    called = {c.name for c in ask.calls}
    if any(t.name in called for t in calculators) or any(failed(c) for c in ask.calls):
        return []
    plans = (_sum_with(tool, ask, ask.user) for tool in calculators)
    return [plan for plan in plans if plan is not None][:1]


def _of_mention(index: int, found: Sequence[Mention], ask: Ask, background: Background) -> Planned:
    mention = found[index]
    if mention.in_brackets:
        return in_brackets(mention, ask, background)
    if len(found) == 1:
        return planned(mention.tool, ask, ask.user, background)
    own = _segment(index, found, ask.user)
    plan = planned(mention.tool, ask, own, background)
    if not words(without_names(own, ask.tools)) and plan.arguments:
        start = found[index - 1].end if index else 0
        plan = planned(mention.tool, ask, ask.user[start : mention.end], background)
    if plan.missing and not AFTERWARDS.search(halfwidth(ask.user[: mention.end])):
        return planned(mention.tool, ask, ask.user, background)
    return plan


def _segment(index: int, found: Sequence[Mention], text: str) -> str:
    """Cut out what is said of one of several named tools: from its name to the next one's lead-in."""
    last = index + 1 == len(found)
    segment = text[found[index].start : len(text) if last else found[index + 1].start]
    return segment if last else LEAD_IN.sub("", segment)


def _after_results(plan: Planned, ask: Ask, background: Background) -> Planned:
    """Fill what the request left open from the results that came meanwhile."""
    found = mentions(ask.user, ask.tools)
    segment = next((_segment(i, found, ask.user) for i, m in enumerate(found) if m.tool == plan.tool), ask.user)
    sum_plan = _sum_with(plan.tool, ask, segment)
    if sum_plan is not None:
        return sum_plan
    result = filled(plan.tool, ask, f"{segment}\n{results_of(ask)}", background)
    return Planned(plan.tool, result.value, result.missing)


def _sum_with(tool: Tool, ask: Ask, text: str) -> Planned | None:
    """Write the sum of a number from the results and one from the request."""
    sign = operation_named(halfwidth(text))
    if sign is None or not is_arithmetic(tool, f"1 {sign} 1"):
        return None
    best = best_sentences(ask.user, read_passages(results_of(ask)))
    looked_up = numbers(halfwidth(best[0].sentence.text if best else results_of(ask)))
    said = [n for n in numbers(halfwidth(text)) if n.value not in YEARS]
    values = [n.value for n in (looked_up[:2] if not said else [*looked_up[:1], *said[-1:]])]
    if len(values) < 2:
        return None
    result = filled(tool, ask, f" {sign} ".join(str(value) for value in values), Background())
    return Planned(tool, result.value, result.missing)
