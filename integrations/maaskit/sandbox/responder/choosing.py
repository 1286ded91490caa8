"""Which tools are called, and with what.

Arguments are filled in `filling`; what is said without tools is put together in `telling`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from maaskit.sandbox.responder.arithmetic import expression_in, operation_named
from maaskit.sandbox.responder.ask import Ask, PastCall, Tool
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.filling import Filled, fill
from maaskit.sandbox.responder.finders.guess import has_purpose, takes_number, takes_text
from maaskit.sandbox.responder.lexicon import listed
from maaskit.sandbox.responder.mentions import Mention, denied, mentions, without_names
from maaskit.sandbox.responder.numerals import numbers
from maaskit.sandbox.responder.passages import read_passages
from maaskit.sandbox.responder.places import several_places
from maaskit.sandbox.responder.question import ENDS_ASKING, read_question
from maaskit.sandbox.responder.quoting import best_sentences
from maaskit.sandbox.responder.schemas import resolve, slots
from maaskit.sandbox.responder.words import halfwidth, name_words, stem, translated, words

IN_NAME: Final = 3.0
IN_DESCRIPTION: Final = 1.0
IN_PARAMETERS: Final = 0.5
BY_ARITHMETIC: Final = 3.0
SHARED_BY_ALL: Final = 0.3
ENOUGH: Final = 1.5
"""A word of the name, or two words of the description."""

SPEAKS_OF_TOOL: Final = re.compile(
    r"(?i)\b(?:use|using|call|with|via|run|invoke)\s+(?:the|a|an|your|this|that|"
    r"my)?\s*(?:\w+\s+){0,2}(?:tools?|functions?)\b|(?:用|调用|通过|借助)[^,。]{0,8}(?:工具|函数)"
)
REFUSES_TOOLS: Final = re.compile(
    r"(?i)\b(?:do not|don'?t|without|never)\s+(?:\w+\s+){0,2}(?:any\s+)?(?:tools?|functions?)\b|"
    r"(?:不要|别|不用|无需)[^,。]{0,4}(?:工具|函数)"
)
LOOKS_UP: Final = re.compile(
    r"(?i)\b(?:search\w*|retriev\w*|look\w*\s?up|quer\w+|knowledge|find\w*|fetch\w*|passages?|"
    r"documents?)\b|检索|搜索|查询|查找|知识库"
)
ASKS: Final = re.compile(
    r"(?i)^\W*(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|does|do|did|can|"
    r"could|find|look|tell me|explain|describe|list)\b"
)
ABOUT_ITSELF: Final = re.compile(
    r"(?i)\b(?:who|what|how) are you\b|\byour name\b|\bcan you (?:do|help)\b|你是谁|你叫什么|"
    r"你好吗|你能做什么|你可以帮我做"
)
FOLLOWS_UP: Final = re.compile(r"(?i)^\W*(?:and|what about|how about|also|now|then)\b|^(?:那|再|还有)|呢[?\s]*$")
AFTERWARDS: Final = re.compile(
    r"(?i)\b(?:then|after(?:wards)?|next|finally|the result|that (?:number|value|result)|it)\b|"
    r"然后|之后|接着|再|最后|结果|所得"
)
LEAD_IN: Final = re.compile(
    r"(?i)[\s,;.]*(?:and|then|also|next|finally|please|with|use|using|call|run|the|a|to|"
    r"[,;.\s])*$|[,。;\s]*(?:然后|之后|接着|再|并且|并|请|使用|用|调用|[,。;\s])*$"
)
IS_ERROR: Final = re.compile(
    r"(?i)^\W*(?:error|exception|traceback|invalid|failed)|\b(?:missing required|validation error|"
    r"not a valid|invalid argument)\b|^错误|失败|出错"
)

YEARS: Final = range(1900, 2101)
"""Numbers that name a year are not reckoned with."""
GENERAL_ARITHMETIC: Final = {
    stem(w) for w in listed("calculator calculate compute math arithmetic evaluate expression equation")
} | {"计算", "算式", "运算"}
BY_SIGN: Final = {
    "+": {stem(w) for w in listed("add adder sum plus addition total")} | {"相加", "求和", "加法"},
    "-": {stem(w) for w in listed("subtract minus difference subtraction")} | {"相减", "减法"},
    "*": {stem(w) for w in listed("multiply product times multiplication multiplier")} | {"相乘", "乘法"},
    "/": {stem(w) for w in listed("divide quotient division divider")} | {"相除", "除法"},
    "**": {stem(w) for w in listed("power exponent square")} | {"乘方"},
}


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
        return [_planned(tool, ask, ask.user, background)]
    calls = _wanted(ask, background, answered=answered)
    if not calls and ask.tool_choice.mode == "required":
        calls = [_planned(_least_bad(ask), ask, ask.user, background)]
    return calls if ask.parallel else calls[:1]


def is_form(tool: Tool) -> bool:
    """Tell whether a tool is a form for an answer, named like a class, and no action.

    Args:
        tool: The tool.

    Returns:
        Whether it is.
    """
    return tool.name[:1].isupper() and "_" not in tool.name


def failed(call: PastCall) -> bool:
    """Tell whether a tool's result reports an error.

    Args:
        call: The call.

    Returns:
        Whether it does.
    """
    return call.result is not None and IS_ERROR.search(call.result) is not None


def _wanted(ask: Ask, background: Background, *, answered: bool) -> list[Planned]:
    text = ask.user
    if REFUSES_TOOLS.search(halfwidth(text)) and ask.tool_choice.mode != "required":
        return []
    named = _named(ask, background)
    if named is not None:
        return named
    if ask.calls:
        return _again(ask, background) or _next_sum(ask)
    tool = _meant(ask, answered=answered)
    if tool is None:
        return []
    return _spread(_planned(tool, ask, text, background), ask)


def _named(ask: Ask, background: Background) -> list[Planned] | None:
    """Plan the calls of named tools; None when no tool is named, empty when all were called."""
    found = mentions(ask.user, ask.tools)
    if not found:
        return None
    planned = [_of_mention(index, found, ask, background) for index in range(len(found))]
    planned = _distinct(planned)
    if not any(m.in_brackets for m in found) and len({p.tool.name for p in planned}) == 1:
        planned = _spread(planned[0], ask) if len(planned) == 1 else planned
    left = _not_yet_called(planned, ask.calls)
    if ask.calls and not left:
        return _again(ask, background) or _next_sum(ask)
    ready = [p for p in left if not p.missing]
    if ready or not left:
        return ready
    if ask.calls:
        return [_after_results(left[0], ask, background)]
    return left if len(left) == 1 or not AFTERWARDS.search(halfwidth(ask.user)) else left[:1]


def _of_mention(index: int, found: Sequence[Mention], ask: Ask, background: Background) -> Planned:
    mention = found[index]
    if mention.in_brackets:
        return _of_brackets(mention, ask, background)
    if len(found) == 1:
        return _planned(mention.tool, ask, ask.user, background)
    own = _segment(index, found, ask.user)
    plan = _planned(mention.tool, ask, own, background)
    if not words(without_names(own, ask.tools)) and plan.arguments:
        start = found[index - 1].end if index else 0
        plan = _planned(mention.tool, ask, ask.user[start : mention.end], background)
    if plan.missing and not AFTERWARDS.search(halfwidth(ask.user[: found[index].end])):
        return _planned(mention.tool, ask, ask.user, background)
    return plan


def _segment(index: int, found: Sequence[Mention], text: str) -> str:
    """Cut out what is said of one of several named tools: from its name to the next one's lead-in."""
    last = index + 1 == len(found)
    segment = text[found[index].start : len(text) if last else found[index + 1].start]
    return segment if last else LEAD_IN.sub("", segment)


def _of_brackets(mention: Mention, ask: Ask, background: Background) -> Planned:
    schema = resolve(mention.tool.parameters, mention.tool.parameters)
    names = [slot.name for slot in slots(schema, mention.tool.parameters)]
    given = dict(zip(names, mention.positional, strict=False))
    given |= {name: value for name, value in mention.named.items() if name in names or not names}
    required = [name for name in schema.get("required") or () if name not in given]
    if required:
        filled = _filled(mention.tool, ask.user[mention.end :], ask, background)
        given |= {name: filled.value[name] for name in required}
    return Planned(mention.tool, given)


def _planned(tool: Tool, ask: Ask, text: str, background: Background) -> Planned:
    filled = _filled(tool, text, ask, background)
    if filled.missing and not is_form(tool):
        wider = _filled(tool, f"{text}\n{_earlier_text(ask)}", ask, background)
        if FOLLOWS_UP.search(halfwidth(text)) and len(wider.missing) < len(filled.missing):
            filled = wider
    return Planned(tool, filled.value, filled.missing)


def _filled(tool: Tool, text: str, ask: Ask, background: Background) -> Filled:
    if is_form(tool):
        results = "\n".join(c.result for c in ask.calls if c.result)
        return fill(tool.parameters, Evidence(f"{results}\n{text}".strip()), background)
    evidence = Evidence(without_names(text, ask.tools))
    return fill(tool.parameters, evidence, Background(tool=tuple(name_words(tool.name)) or ("tool",)))


def _earlier_text(ask: Ask) -> str:
    return next((text for role, text in reversed(ask.past) if role == "user"), "")


def _distinct(planned: Sequence[Planned]) -> list[Planned]:
    kept: list[Planned] = []
    for plan in planned:
        same = [k for k in kept if k.tool.name == plan.tool.name]
        if any(k.arguments == plan.arguments for k in same) or (same and plan.missing):
            continue
        if same and same[-1].missing:
            kept.remove(same[-1])
        kept.append(plan)
    return kept


def _not_yet_called(planned: Sequence[Planned], calls: Sequence[PastCall]) -> list[Planned]:
    left = []
    called = [(c.name, dict(c.arguments)) for c in calls]
    spare = [
        name for name, arguments in called if not any(p.tool.name == name and p.arguments == arguments for p in planned)
    ]
    for plan in planned:
        if (plan.tool.name, dict(plan.arguments)) in called:
            continue
        if plan.tool.name in spare:
            spare.remove(plan.tool.name)
            continue
        left.append(plan)
    return left


def _after_results(plan: Planned, ask: Ask, background: Background) -> Planned:
    """Fill what the request left open from the results that came meanwhile."""
    results = "\n".join(c.result for c in ask.calls if c.result)
    found = mentions(ask.user, ask.tools)
    segment = next((_segment(i, found, ask.user) for i, m in enumerate(found) if m.tool == plan.tool), ask.user)
    if (sum_plan := _sum_with(plan.tool, ask, segment, results)) is not None:
        return sum_plan
    filled = _filled(plan.tool, f"{segment}\n{results}", ask, background)
    return Planned(plan.tool, filled.value, filled.missing)


def _again(ask: Ask, background: Background) -> list[Planned]:
    """Try once more, with other arguments, a tool that reported an error."""
    retried = []
    for call in ask.calls:
        tool = next((t for t in ask.tools if t.name == call.name), None)
        if tool is None or not failed(call) or sum(c.name == call.name for c in ask.calls) > 1:
            continue
        plan = _planned(tool, ask, ask.user, background)
        if not plan.missing and dict(plan.arguments) != dict(call.arguments):
            retried.append(plan)
    return retried


def _next_sum(ask: Ask) -> list[Planned]:
    """Plan the calculation that a question wants done with what was looked up."""
    if operation_named(halfwidth(ask.user)) is None or any(failed(c) for c in ask.calls):
        return []
    results = "\n".join(c.result for c in ask.calls if c.result)
    for tool in ask.tools:
        if _arithmetic(tool, None) and not any(c.name == tool.name for c in ask.calls):
            plan = _sum_with(tool, ask, ask.user, results)
            return [] if plan is None else [plan]
    return []


def _sum_with(tool: Tool, ask: Ask, text: str, results: str) -> Planned | None:
    """Write the sum of a number from the results and one from the request."""
    sign = operation_named(halfwidth(text))
    if sign is None or not _arithmetic(tool, None):
        return None
    best = best_sentences(ask.user, read_passages(results))
    looked_up = numbers(halfwidth(best[0].sentence.text if best else results))
    said = [n for n in numbers(halfwidth(text)) if n.value not in YEARS]
    values = [n.value for n in (looked_up[:2] if not said else [*looked_up[:1], *said[-1:]])]
    if len(values) < 2:
        return None
    filled = _filled(tool, f" {sign} ".join(str(value) for value in values), ask, Background())
    return Planned(tool, filled.value, filled.missing)


def _meant(ask: Ask, *, answered: bool) -> Tool | None:
    text = read_question(ask.user).text
    plain = halfwidth(text)
    tools = [t for t in ask.tools if t.name not in denied(ask.user, ask.tools)]
    actions = [t for t in tools if not is_form(t)]
    scores = _scores(text, actions)
    best = max(actions, key=lambda t: scores[t.name], default=None)
    if best is not None and scores[best.name] >= ENOUGH:
        return best
    if SPEAKS_OF_TOOL.search(plain) and tools:
        return max(tools, key=lambda t: _scores(text, tools)[t.name])
    if FOLLOWS_UP.search(plain) and ask.past_calls:
        return next((t for t in actions if t.name == ask.past_calls[-1].name), None)
    asks = ENDS_ASKING.search(plain) or ASKS.search(plain)
    if not asks or answered or ABOUT_ITSELF.search(plain) or expression_in(text) or not words(text):
        return None
    return next((t for t in actions if _looks_up(t)), None)


def _scores(text: str, tools: Sequence[Tool]) -> dict[str, float]:
    said = words(text)
    wide = translated(said)
    expression = expression_in(text)
    bags = {t.name: _weighed(t) for t in tools}
    scores = {}
    for tool in tools:
        score = 0.0
        for word in wide:
            shared = len(tools) > 1 and all(word in bag for bag in bags.values())
            score += (
                bags[tool.name].get(word, 0.0) * (SHARED_BY_ALL if shared else 1.0) * (1.0 if word in said else 0.6)
            )
        if expression is not None and _arithmetic(tool, expression):
            score += BY_ARITHMETIC
        scores[tool.name] = score
    return scores


def _weighed(tool: Tool) -> dict[str, float]:
    schema = resolve(tool.parameters, tool.parameters)
    parameters = " ".join(f"{s.name} {s.description}" for s in slots(schema, tool.parameters))
    weighed = dict.fromkeys([*words(parameters), *name_words(parameters)], IN_PARAMETERS)
    weighed |= dict.fromkeys(words(tool.description), IN_DESCRIPTION)
    return weighed | dict.fromkeys(name_words(tool.name), IN_NAME)


def _arithmetic(tool: Tool, expression: str | None) -> bool:
    """Tell whether a tool works sums out: any sum, or the one operation that the expression needs."""
    own = {*name_words(tool.name), *words(tool.description)}
    if own & GENERAL_ARITHMETIC:
        return True
    if expression is None:
        return any(own & kinds for kinds in BY_SIGN.values())
    signs = set(re.findall(r"\*\*|[-+*/]", expression))
    return len(signs) == 1 and bool(own & BY_SIGN[signs.pop()])


def _looks_up(tool: Tool) -> bool:
    schema = resolve(tool.parameters, tool.parameters)
    wanted = [s for s in slots(schema, tool.parameters) if s.required]
    takes_a_question = [s for s in wanted if takes_text(s) is not None and not has_purpose(s, "place")]
    said = f"{tool.name.replace('_', ' ')} {tool.description}"
    return len(wanted) == 1 == len(takes_a_question) and LOOKS_UP.search(said) is not None


def _spread(plan: Planned, ask: Ask) -> list[Planned]:
    """Make one call for each place when several are named and the tool takes one."""
    schema = resolve(plan.tool.parameters, plan.tool.parameters)
    where = [s for s in slots(schema, plan.tool.parameters) if has_purpose(s, "place") and takes_number(s) is None]
    if len(where) != 1 or not isinstance(plan.arguments.get(where[0].name), str):
        return [plan]
    places = several_places(without_names(ask.user, ask.tools))
    if len(places) < 2:
        return [plan]
    return [replace(plan, arguments={**plan.arguments, where[0].name: place}, missing=()) for place in places]


def _least_bad(ask: Ask) -> Tool:
    """Pick a tool when one must be called and none suggests itself."""
    called = {c.name for c in ask.calls}
    fresh = [t for t in ask.tools if t.name not in called]
    forms = [t for t in fresh if is_form(t)]
    if ask.calls and forms:
        return forms[0]
    scores = _scores(read_question(ask.user).text, ask.tools)
    if ask.calls and not fresh:
        return (
            next(t for t in ask.tools if t.name == ask.calls[-1].name) if ask.calls[-1].name in scores else ask.tools[0]
        )
    return max(forms or fresh, key=lambda t: scores[t.name])
