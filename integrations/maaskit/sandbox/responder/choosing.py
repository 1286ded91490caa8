"""Which tools are called in this turn.

Each way to a call is a file of its own; what is said without tools is put together in `telling`.
"""

from __future__ import annotations

from dataclasses import replace

from maaskit.sandbox.responder.ask import Ask, Tool
from maaskit.sandbox.responder.calls import Planned, distinct, not_yet_made, planned, spread
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.meaning import meant, refuses_tools, rivals, scores
from maaskit.sandbox.responder.question import read_question
from maaskit.sandbox.responder.smalltalk import is_small_talk
from maaskit.sandbox.responder.steps import again, named, next_sum
from maaskit.sandbox.responder.tool_kinds import is_form


def choose(ask: Ask, *, answered: bool, background: Background) -> list[Planned]:
    """Choose the tools to call now.

    Args:
        ask: What is asked.
        answered: Whether the prompt itself holds the answer, so that nothing needs to be looked up.
        background: What would be said without tools; goes into tools that are forms for an answer.

    Returns:
        The calls of this turn; empty when the answer is said in words.
    """
    if not ask.tools or ask.tool_choice.mode == "none":
        return []
    if ask.tool_choice.mode == "function":
        tool = next(t for t in ask.tools if t.name == ask.tool_choice.name)
        return [planned(tool, ask, ask.user, background)]
    calls = _wanted(ask, background, answered=answered)
    if not calls and ask.tool_choice.mode == "required":
        calls = [planned(_least_bad(ask), ask, ask.user, background)]
    return calls if ask.parallel else calls[:1]


def _wanted(ask: Ask, background: Background, *, answered: bool) -> list[Planned]:
    if refuses_tools(ask.user) and ask.tool_choice.mode != "required":
        return []
    by_name = named(ask, background)
    if by_name:
        return by_name
    if ask.calls:
        left = _left(ask, background) if by_name is None else []
        return again(ask, background) or left or next_sum(ask) or _form(ask, background)
    found = _meant(ask, background, answered=answered) if by_name is None else []
    return found or _form(ask, background)


def _meant(ask: Ask, background: Background, *, answered: bool) -> list[Planned]:
    plans = [planned(tool, ask, text, background) for tool, text in meant(ask, answered=answered)]
    if len(plans) == 1 and plans[0].missing:  # what led to the question may say it
        wider = planned(plans[0].tool, ask, ask.user, background)
        others = [planned(tool, ask, ask.user, background) for tool in rivals(plans[0].tool, ask)]
        plans = [min((*plans, wider, *others), key=lambda plan: len(plan.missing))]
    # What is asked for afterwards and lacks something waits for the result of what comes before.
    plans = [plan for index, plan in enumerate(plans) if not index or not plan.missing]
    return distinct([call for plan in plans for call in spread(plan, ask)])


def _left(ask: Ask, background: Background) -> list[Planned]:
    """Plan what would have been called at once, had one turn been allowed several calls."""
    if ask.parallel:
        return []
    return not_yet_made(_meant(replace(ask, calls=()), background, answered=False), ask.calls)


def _form(ask: Ask, background: Background) -> list[Planned]:
    """Fill a form that is offered for the answer, once nothing else is left to do; small talk needs none."""
    called = {c.name for c in ask.calls}
    forms = [t for t in ask.tools if is_form(t)]
    if not forms or any(t.name in called for t in forms) or is_small_talk(ask.user):
        return []
    rated = scores(read_question(ask.user).text, forms)
    return [planned(max(forms, key=lambda t: rated[t.name]), ask, ask.user, background)]


def _least_bad(ask: Ask) -> Tool:
    """Pick a tool when one must be called and none suggests itself: forms come after actions, and none twice."""
    called = {c.name for c in ask.calls}
    fresh = [t for t in ask.tools if t.name not in called]
    forms = [t for t in fresh if is_form(t)]
    if ask.calls and forms:
        return forms[0]
    if not fresh:
        return next(t for t in ask.tools if t.name in called)
    rated = scores(read_question(ask.user).text, ask.tools)
    return max(forms or fresh, key=lambda t: rated[t.name])
