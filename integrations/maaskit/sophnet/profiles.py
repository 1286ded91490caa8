"""The documented table of which SophNet model takes which chat parameter, and what follows from it.

Models that no document lists are passed on unchecked: names are added faster than documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from maaskit.errors import InvalidInput
from maaskit.openai_chat.traits import warn_once

UnsupportedParams: TypeAlias = Literal["warn", "drop", "raise", "send"]
"""What happens to a parameter that the table denies to the model: ``warn`` sends it and warns once per model and field,
``drop`` leaves it out, ``raise`` refuses, ``send`` sends it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Be one line of the table: ``True`` is ✔️, ``False`` is ❌.

    Args:
        enable_thinking: Whether thinking can be switched.
        max_tokens: Whether the field is taken.
        stop: Likewise.
        temperature: Likewise.
        top_p: Likewise.
        frequency_penalty: Likewise.
        presence_penalty: Likewise.
    """

    enable_thinking: bool = False
    max_tokens: bool = True
    stop: bool = True
    temperature: bool = True
    top_p: bool = True
    frequency_penalty: bool = False
    presence_penalty: bool = False


_PLAIN = Profile()
_SWITCHABLE = Profile(enable_thinking=True)
_DEEPSEEK_V3 = Profile(temperature=False)
_GLM = Profile(enable_thinking=True, temperature=False)
_REASONING = Profile(stop=False, temperature=False, top_p=False)
_PROVER = Profile(temperature=False, top_p=False)

# sophnet-api, Chat completions, 模型支持的超参和功能列表; line by line.
_EXACT: dict[str, Profile] = {
    "Qwen2.5-7B-Instruct": _PLAIN,
    "Qwen2.5-32B-Instruct": _PLAIN,
    "Qwen2.5-72B-Instruct": _PLAIN,
    "Qwen2.5-VL-7B-Instruct": _PLAIN,
    "Qwen2.5-VL-32B-Instruct": _PLAIN,
    "Qwen2.5-VL-72B-Instruct": _PLAIN,
    "Qwen3-14B": _PLAIN,
    "Qwen3-32B": _PLAIN,
    "Qwen3-235B-A22B": _SWITCHABLE,
    "Qwen3-235B-A22B-Instruct-2507": _PLAIN,
    "Qwen3-Coder": _PLAIN,
    "QwQ-32B": _REASONING,
    "DeepSeek-v3": _DEEPSEEK_V3,
    "DeepSeek-V3-Fast": _DEEPSEEK_V3,
    "DeepSeek-R1": _REASONING,
    "DeepSeek-R1-0528": _REASONING,
    "DeepSeek-Prover-V2": _PROVER,
    "Kimi-K2": _PLAIN,
    "Kimi-K2-0905": _PLAIN,
    "GLM-4.5": _GLM,
    "GLM-4.5V": _GLM,
    "GLM-4.6": _GLM,
}
# The lines that name a whole series (系列).
_SERIES: tuple[tuple[str, Profile], ...] = (
    ("Qwen2-VL", _PLAIN),
    ("DeepSeek-R1-Distill-Llama", _REASONING),
    ("DeepSeek-R1-Distill-Qwen", _REASONING),
)

# The field `thinking`: "仅支持GLM-4.5系列模型"
_THINKING_SERIES = "GLM-4.5"

_FIELDS = ("enable_thinking", "max_tokens", "stop", "temperature", "top_p", "frequency_penalty", "presence_penalty")


def profile_of(model: str) -> Profile | None:
    """Find a model's line in the documented table.

    Args:
        model: The model's name, exactly as SophNet spells it.

    Returns:
        The line, or ``None`` for a model that the document does not list.

    Source:
        sophnet-api, Chat completions, 模型支持的超参和功能列表.
    """
    found = _EXACT.get(model)
    return found or next((profile for prefix, profile in _SERIES if model.startswith(prefix)), None)


def check_unsupported_params(policy: UnsupportedParams) -> None:
    """Refuse what is no policy.

    Args:
        policy: What shall happen to a field that the table denies to a model.

    Raises:
        InvalidInput: It is none.
    """
    if policy not in get_args(UnsupportedParams):
        raise InvalidInput(f"unsupported_params must be warn, drop, raise or send, not {policy!r:.100}.")


def apply_policy(model: str, params: dict[str, Any], policy: UnsupportedParams) -> dict[str, Any]:
    """Deal with the parameters that the table denies to a model.

    Args:
        model: The model.
        params: The chat fields.
        policy: What to do.

    Returns:
        The fields to send.

    Raises:
        InvalidInput: The policy is ``raise`` and a field is denied, or the policy is none.
    """
    check_unsupported_params(policy)
    profile = profile_of(model)
    if profile is None or policy == "send":
        return params
    denied = [name for name in _FIELDS if params.get(name) is not None and not getattr(profile, name)]
    denied += _denied_switches(model, profile, params)
    if denied and policy == "raise":
        raise InvalidInput(
            f"SophNet's table says that {model} does not take {', '.join(denied)}; "
            "leave it out or choose another unsupported_params."
        )
    if policy == "drop":
        return {name: value for name, value in params.items() if name not in denied}
    for name in denied:
        warn_once(
            model,
            name,
            f"SophNet's table says that {model} does not take {name}; it is sent all the same. "
            "Set unsupported_params to 'drop', 'raise' or 'send' to choose otherwise.",
        )
    return params


def _denied_switches(model: str, profile: Profile, params: dict[str, Any]) -> list[str]:
    """Find the literal spellings of the thinking switch that the document denies to the model."""
    denied = []
    if params.get("thinking") is not None and not model.startswith(_THINKING_SERIES):
        denied.append("thinking")
    if "enable_thinking" in (params.get("chat_template_kwargs") or {}) and not profile.enable_thinking:
        denied.append("chat_template_kwargs")
    return denied


def check_thinking(thinking: Any) -> None:
    """Refuse a literal ``thinking`` field whose type the document does not know.

    Args:
        thinking: The field.

    Raises:
        InvalidInput: Its type is none of the two.

    Source:
        sophnet-api, Chat completions, thinking.type: "可填"enabled","disabled"".
    """
    if thinking is not None and thinking.get("type") not in ("enabled", "disabled"):
        raise InvalidInput('thinking must be {"type": "enabled"} or {"type": "disabled"}.')


def thinking_fields(model: str, enable_thinking: bool) -> dict[str, Any]:  # noqa: FBT001 - the value is the message
    """Write the thinking switch in the form that a model wants.

    Args:
        model: The model.
        enable_thinking: On or off.

    Returns:
        The fields to send: ``thinking.type`` for the GLM-4.5 series, ``chat_template_kwargs`` for every other model.

    Source:
        sophnet-api, Chat completions: "chat_template_kwargs.enable_thinking 是否开启思考模式", "thinking.type … 仅支持
        GLM-4.5系列模型", "enable_thinking 思考模式,此为兼容接口". The document names the first form first, and it is
        the only one that it does not call a compatibility interface.
    """
    if model.startswith(_THINKING_SERIES):
        return {"thinking": {"type": "enabled" if enable_thinking else "disabled"}}
    return {"chat_template_kwargs": {"enable_thinking": enable_thinking}}
