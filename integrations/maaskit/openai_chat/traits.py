"""What is known of model families by name, across clouds: how they think and what thinking forbids.

What a provider's document says of its own list of models stands with the provider.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ReplayPolicy: TypeAlias = Literal["auto", "tool_calls", "always", "never"]
"""Which past assistant messages are sent with their reasoning: ``tool_calls`` those that called functions, ``always``
all, ``never`` none, ``auto`` what the model's family wants."""

Thinking: TypeAlias = Literal["always", "switch", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Family:
    """Be a family of models.

    Args:
        thinking: Whether its models always think, think when switched on, or never do.
        replay: What ``auto`` means for it.
    """

    thinking: Thinking = "unknown"
    replay: Literal["tool_calls", "always"] = "tool_calls"


# The first pattern that is found in the lower-case name wins. Sources: the table of sophnet-api (enable_thinking), the
# vendors' names for their reasoning models. Reasoning goes back with tool calls, because models that reason between
# calls lose their thread (or refuse) without it; MiniMax M2 asks for it in every turn.
_FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"deepseek-r1|deepseek-reasoner|qwq|-thinking\b|kimi-k2-thinking", Family("always")),
        (r"minimax-m2", Family("always", replay="always")),
        (r"glm-4\.[5-9]|glm-5", Family("switch")),
        (r"qwen3-235b-a22b-instruct|qwen3-coder|qwen3-.*instruct", Family("never")),
        (r"qwen3", Family("switch")),
        (r"deepseek-v3\.[1-9]|deepseek/deepseek-v3\.[1-9]|deepseek-v4", Family("switch")),
        (r"kimi-k2\.[5-9]|doubao-seed", Family("switch")),
        (r"deepseek-v3|qwen2|kimi-k2|deepseek-prover|gpt-4|claude-3", Family("never")),
    )
)
_UNKNOWN = Family()
_warned: set[tuple[str, str]] = set()


def family_of(model: str) -> Family:
    """Find what is known of a model.

    Args:
        model: Its name, with or without a vendor's prefix and ``?search``.

    Returns:
        Its family; an unknown one when the name says nothing.
    """
    name = model.lower()
    return next((family for pattern, family in _FAMILIES if pattern.search(name)), _UNKNOWN)


def thinks(model: str, body: Mapping[str, Any]) -> bool:
    """Tell whether a request makes the model think, as far as that is known.

    Args:
        model: The model's name.
        body: The request's body, with any spelling of the switch.

    Returns:
        ``True`` when it always thinks or was switched on.
    """
    # Whether a model that can be switched thinks when nothing is said is not documented, so silence counts as no.
    return family_of(model).thinking == "always" or bool(_switch(body))


def _switch(body: Mapping[str, Any]) -> bool | None:
    template = body.get("chat_template_kwargs")
    if isinstance(template, Mapping) and isinstance(template.get("enable_thinking"), bool):
        return bool(template["enable_thinking"])
    thinking = body.get("thinking")
    if isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "disabled"):
        return bool(thinking["type"] == "enabled")
    top = body.get("enable_thinking")
    return top if isinstance(top, bool) else None


def replays_reasoning(model: str, policy: ReplayPolicy, *, has_tool_calls: bool) -> bool:
    """Tell whether a past assistant message is sent with its reasoning.

    Args:
        model: The model that is asked now.
        policy: The user's policy.
        has_tool_calls: Whether that message called functions.

    Returns:
        Whether its reasoning goes along.
    """
    if policy == "auto":
        policy = family_of(model).replay
    return policy == "always" or (policy == "tool_calls" and has_tool_calls)


def soften_tool_choice(body: dict[str, Any]) -> None:
    """Ask a thinking model for a call instead of forcing it, in place.

    Models that think refuse a forced function (``required`` or a named one). The choice becomes ``auto``; where one
    function was named, only that one is offered, so that no other can be called in its place.

    Args:
        body: The request's body.
    """
    choice = body.get("tool_choice")
    function = choice.get("function") if isinstance(choice, Mapping) else None
    forced = choice == "required" or isinstance(function, Mapping)  # anything else is the caller's own in extra_body
    model = body["model"]
    if not forced or not isinstance(model, str) or not thinks(model, body):
        return
    warn_once(
        model,
        "tool_choice",
        f"{model} thinks, and thinking models refuse a forced tool_choice: it is sent as 'auto'. "
        "Switch thinking off (enable_thinking=False), where the model allows it, to force a call.",
    )
    body["tool_choice"] = "auto"
    if isinstance(function, Mapping):
        tools: Sequence[Mapping[str, Any]] = body.get("tools") or ()
        body["tools"] = [tool for tool in tools if tool["function"]["name"] == function.get("name")]


def warn_once(model: str, field: str, message: str) -> None:
    """Warn once per process, model and field.

    Args:
        model: The model.
        field: The field.
        message: The text.
    """
    if (model, field) not in _warned:
        _warned.add((model, field))
        warnings.warn(message, UserWarning, stacklevel=6)
