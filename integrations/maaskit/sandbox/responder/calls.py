"""Calls that are about to be made: their arguments, and one call for each of several places.

Which tools are called, and when, is decided in `steps` and `choosing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from maaskit.sandbox.responder.ask import Ask, PastCall, Tool
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.filling import Filled, fill
from maaskit.sandbox.responder.finders.guess import has_purpose, takes_number
from maaskit.sandbox.responder.meaning import FOLLOWS_UP
from maaskit.sandbox.responder.mentions import Mention, without_names
from maaskit.sandbox.responder.places import several_places
from maaskit.sandbox.responder.tool_kinds import is_form, slots_of
from maaskit.sandbox.responder.words import halfwidth, name_words


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that is about to be made.

    Args:
        tool: The tool.
        arguments: Its arguments.
        missing: Required ones for which nothing was found.
    """

    tool: Tool
    arguments: Mapping[str, Any]
    missing: tuple[str, ...] = ()


def planned(tool: Tool, ask: Ask, text: str, background: Background) -> Planned:
    """Plan a call.

    Args:
        tool: The tool.
        ask: What is asked.
        text: The words that are for this tool; a follow-up's missing ones are taken from the turn before.
        background: What would be said without tools; goes into forms.

    Returns:
        The call.
    """
    result = filled(tool, ask, text, background)
    if result.missing and not is_form(tool) and FOLLOWS_UP.search(halfwidth(text)):
        earlier = next((said for role, said in reversed(ask.past) if role == "user"), "")
        wider = filled(tool, ask, f"{text}\n{earlier}", background)
        result = wider if len(wider.missing) < len(result.missing) else result
    return Planned(tool, result.value, result.missing)


def filled(tool: Tool, ask: Ask, text: str, background: Background) -> Filled:
    """Fill a tool's arguments; those of a form from the results of other tools first.

    Args:
        tool: The tool.
        ask: What is asked.
        text: The words that are for this tool.
        background: What would be said without tools.

    Returns:
        The arguments.
    """
    if is_form(tool):
        said = f"{results_of(ask)}\n{without_names(text, ask.tools)}"
        return fill(tool.parameters, Evidence(said.strip()), background)
    evidence = Evidence(without_names(text, ask.tools))
    return fill(tool.parameters, evidence, Background(tool=tuple(name_words(tool.name)) or ("tool",)))


def in_brackets(mention: Mention, ask: Ask, background: Background) -> Planned:
    """Plan a call whose arguments stand in brackets behind the tool's name.

    Args:
        mention: The place.
        ask: What is asked.
        background: What would be said without tools.

    Returns:
        The call; what the brackets leave open is filled from the words behind them.
    """
    wanted = slots_of(mention.tool)
    names = [slot.name for slot in wanted]
    given = dict(zip(names, mention.positional, strict=False))
    given |= {name: value for name, value in mention.named.items() if name in names or not names}
    left = [slot.name for slot in wanted if slot.required and slot.name not in given]
    if left:
        rest = filled(mention.tool, ask, ask.user[mention.end :], background)
        given |= {name: rest.value[name] for name in left}
    return Planned(mention.tool, given)


def spread(plan: Planned, ask: Ask) -> list[Planned]:
    """Make one call for each place when several are named and the tool takes one.

    Args:
        plan: The call for one of them.
        ask: What is asked.

    Returns:
        The calls.
    """
    where = [s for s in slots_of(plan.tool) if has_purpose(s, "place") and takes_number(s) is None]
    if len(where) != 1 or not isinstance(plan.arguments.get(where[0].name), str):
        return [plan]
    places = several_places(without_names(ask.user, ask.tools))
    if len(places) < 2:
        return [plan]
    return [replace(plan, arguments={**plan.arguments, where[0].name: place}, missing=()) for place in places]


def distinct(plans: Sequence[Planned]) -> list[Planned]:
    """Leave out calls that repeat another, or that know less than another of the same tool.

    Args:
        plans: The calls.

    Returns:
        Those that are left, in order.
    """
    kept: list[Planned] = []
    for plan in plans:
        same = [k for k in kept if k.tool.name == plan.tool.name]
        if any(k.arguments == plan.arguments for k in same) or (same and plan.missing):
            continue
        if same and same[-1].missing:
            kept.remove(same[-1])
        kept.append(plan)
    return kept


def not_yet_made(plans: Sequence[Planned], calls: Sequence[PastCall]) -> list[Planned]:
    """Leave out calls that were made; one with other arguments counts as well.

    Args:
        plans: The calls that are wanted.
        calls: The calls made since the user spoke.

    Returns:
        Those that are left, in order.
    """
    wanted = [(p.tool.name, dict(p.arguments)) for p in plans]
    made = [(c.name, dict(c.arguments)) for c in calls]
    spare = [name for name, arguments in made if (name, arguments) not in wanted]
    left = []
    for plan, (name, arguments) in zip(plans, wanted, strict=True):
        if (name, arguments) in made:
            continue
        if name in spare:
            spare.remove(name)
            continue
        left.append(plan)
    return left


def results_of(ask: Ask) -> str:
    """Join the results of the calls made since the user spoke.

    Args:
        ask: What is asked.

    Returns:
        The results, one below the other.
    """
    return "\n".join(call.result for call in ask.calls if call.result)
