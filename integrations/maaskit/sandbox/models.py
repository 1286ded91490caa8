"""The models that both clouds name, and what the sandbox must know of each.

What a request may say to them is checked in `chat_rules`.
"""

from __future__ import annotations

import re
from typing import Final

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
