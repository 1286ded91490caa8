"""The models that both clouds name, and what the sandbox must know of each.

What a request may say to them is checked in `chat_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

QINIU_MODELS: Final = (
    "deepseek-v3",
    "deepseek-r1",
    # Later ids, from newer copies of the document and from public clients.
    "deepseek-v3-0324",
    "deepseek-r1-0528",
    "deepseek-v3.1",
    "deepseek/deepseek-v3.1-terminus",
    "deepseek/deepseek-v3.2-251201",
    "deepseek/deepseek-v4-flash",
    "deepseek/deepseek-v4-pro",
    "qwen-turbo",
    "qwen3-32b",
    "qwen3-235b-a22b",
    "qwen2.5-vl-72b-instruct",
    "kimi-k2",
    "moonshotai/kimi-k2.6",
    "glm-4.5",
    "z-ai/glm-4.7",
    "claude-4.5-sonnet",
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "openai/gpt-5.2",
    "x-ai/grok-4-fast",
    "minimax/minimax-m2",
    "doubao-seed-1.6",
)

SOPHNET_MODELS: Final = (
    "Qwen2-VL-7B-Instruct",
    "Qwen2-VL-72B-Instruct",
    "Qwen2.5-7B-Instruct",
    "Qwen2.5-32B-Instruct",
    "Qwen2.5-72B-Instruct",
    "Qwen2.5-VL-7B-Instruct",
    "Qwen2.5-VL-32B-Instruct",
    "Qwen2.5-VL-72B-Instruct",
    "Qwen3-14B",
    "Qwen3-32B",
    "Qwen3-235B-A22B",
    "Qwen3-235B-A22B-Instruct-2507",
    "Qwen3-Coder",
    "QwQ-32B",
    "DeepSeek-v3",
    "DeepSeek-V3-Fast",
    "DeepSeek-R1",
    "DeepSeek-R1-0528",
    "DeepSeek-R1-Distill-Llama-8B",
    "DeepSeek-R1-Distill-Llama-70B",
    "DeepSeek-R1-Distill-Qwen-7B",
    "DeepSeek-R1-Distill-Qwen-32B",
    "DeepSeek-Prover-V2",
    "Kimi-K2",
    "Kimi-K2-0905",
    "GLM-4.5",
    "GLM-4.5V",
    "GLM-4.6",
    # Later ids, from a newer copy of the document and from public clients.
    "DeepSeek-V3.1",
    "DeepSeek-V3.1-Fast",
    "DeepSeek-V3.2",
    "DeepSeek-V3.2-Exp",
    "DeepSeek-V3.2-Fast",
    "DeepSeek-V4-Flash",
    "DeepSeek-V4-Pro",
    "Qwen3-VL-235B-A22B-Instruct",
    "qwen3.6-flash",
    "qwen3.6-plus",
    "qwen3.6-max-preview",
    "GLM-4.7",
    "GLM-5",
    "GLM-5.1",
    "Kimi-K2.5",
    "Kimi-K2.6",
    "Kimi-K2-Thinking",
    "MiniMax-M2.1",
    "MiniMax-M2.5",
    "MiniMax-M2.7",
    "LongCat-Flash-Chat",
    "Seed-OSS-36B",
    "gemini-3-pro-preview",
)

SEARCH_SUFFIX: Final = "?search"
"""Qiniu: 联网功能通过在模型后面加”?search”来开启."""

DOCUMENTED: Final = frozenset(SOPHNET_MODELS[: SOPHNET_MODELS.index("GLM-4.6") + 1])
"""SophNet's models in the table 模型支持的超参和功能列表; later ids may do anything."""
THINKING_SWITCH: Final = frozenset({"Qwen3-235B-A22B", "GLM-4.5", "GLM-4.5V", "GLM-4.6"})
"""Those of them whose ``enable_thinking`` is marked as supported."""
TAKES_PICTURES: Final = frozenset(name for name in DOCUMENTED if "VL" in name or name == "GLM-4.5V")
"""Those of them that look at pictures: 支持Qwen VL系列模型, and GLM-4.5V by its name."""

ALWAYS_THINKING: Final = re.compile(r"(?i)(?:^|[-/])(?:r1|qwq)(?:$|-)|thinking")
"""Models that reason whatever they are told: R1 and its distillates, QwQ, and those that say so in their names."""


def always_thinks(model: str) -> bool:
    """Tell whether a model reasons whatever it is told.

    Args:
        model: The model's name.

    Returns:
        Whether it does.
    """
    return ALWAYS_THINKING.search(model) is not None


def thinks(model: str, request: Mapping[str, Any]) -> bool:
    """Tell whether a model reasons before this answer.

    Args:
        model: The model's name.
        request: The chat request, with the thinking switch in any of its spellings.

    Returns:
        Whether it does. A model that the table denies the switch to ignores it, as does one that
        ``thinking.type`` is not for.

    Source:
        SophNet, *Chat completions*: thinking.type 仅支持GLM-4.5系列模型.
    """
    if always_thinks(model):
        return True
    if model in DOCUMENTED and model not in THINKING_SWITCH:
        return False
    switch = (request.get("thinking") or {}).get("type")
    if switch is not None and (model not in DOCUMENTED or model.startswith("GLM")):
        return bool(switch == "enabled")
    template = (request.get("chat_template_kwargs") or {}).get("enable_thinking")
    reasoning = request.get("reasoning") or {}
    effort = request.get("reasoning_effort") or reasoning.get("effort")
    switches = (template, request.get("enable_thinking"), reasoning.get("enabled"), effort not in (None, "none"))
    return next((bool(value) for value in switches[:3] if value is not None), bool(switches[3]))


def takes_pictures(model: str) -> bool:
    """Tell whether a SophNet model looks at pictures.

    Args:
        model: The model's name.

    Returns:
        What the document says; True for models that it does not list.
    """
    return model not in DOCUMENTED or model in TAKES_PICTURES
