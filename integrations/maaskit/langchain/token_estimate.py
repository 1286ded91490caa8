"""How many tokens a prompt may have, estimated offline: neither cloud publishes its models' vocabularies.

No tokenizer is loaded and nothing is downloaded here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_core
from langchain_core.messages import AIMessage, BaseMessage

from maaskit.langchain.content_parts import MEDIA_TYPES

# DeepSeek's documentation (Token & Token Usage) gives these as rules of thumb: 1 English character is about 0.3 tokens,
# 1 Chinese character about 0.6. Other models' vocabularies differ by some tens of percent either way.
_TOKENS_PER_WIDE_CHAR = 0.6
_TOKENS_PER_CHAR = 0.3
# What a message's role and separators cost in the chat templates of the OpenAI family.
_TOKENS_PER_MESSAGE = 4
# A picture of 1 megapixel costs vision models 700 to 1500 tokens; its base64 is never counted.
_TOKENS_PER_MEDIUM = 1000

# What is longer and of no known kind is taken for a medium of another provider's.
_LONGEST_OTHER_BLOCK = 4000
# They stand in the message's own fields as well, and are counted there.
_CALLS = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call"})

_WIDE = re.compile(
    r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def estimate(text: str) -> int:
    """Estimate the tokens of a text.

    Args:
        text: The text.

    Returns:
        The number of tokens, rounded up.
    """
    wide = len(_WIDE.findall(text))
    return math.ceil(wide * _TOKENS_PER_WIDE_CHAR + (len(text) - wide) * _TOKENS_PER_CHAR)


def split_content(message: BaseMessage) -> tuple[list[str], int]:
    """Give what of a message costs tokens.

    Args:
        message: The message.

    Returns:
        Its texts, calls included, and the tokens of its role and of its pictures.
    """
    texts: list[str] = [message.name] if message.name else []
    fixed = _TOKENS_PER_MESSAGE
    for block in [message.content] if isinstance(message.content, str) else message.content:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif isinstance(block.get("reasoning"), str):
            texts.append(block["reasoning"])
        elif block.get("type") == "audio" and isinstance(message, AIMessage):
            continue  # a spoken answer goes back as its text
        elif block.get("type") not in _CALLS:
            written = "" if block.get("type") in MEDIA_TYPES else _json(block)
            if not written or len(written) > _LONGEST_OTHER_BLOCK:
                fixed += _TOKENS_PER_MEDIUM
            else:
                texts.append(written)
    if isinstance(message, AIMessage):
        texts += [f"{call['name']}{_json(call['args'])}" for call in message.tool_calls]
        texts += [f"{call.get('name')}{call.get('args')}" for call in message.invalid_tool_calls]
    return texts, fixed


def tools_text(tools: Sequence[Mapping[str, Any]]) -> str:
    """Give what the tools cost, as text.

    Args:
        tools: The tools, written.

    Returns:
        Their JSON.
    """
    return "".join(_json(tool) for tool in tools)


def _json(value: Any) -> str:
    return pydantic_core.to_json(value, fallback=str).decode()
