"""What is published of model families: how much they take, how much they give, and whether they see.

What a cloud's document says of parameters stands with the cloud; nothing here refuses a model that it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capacity:
    """Be what a family's vendor publishes of it.

    Args:
        context_window: Tokens of prompt and answer together, without stretching (YaRN), which a host may not have on.
        max_output: Tokens of one answer, reasoning included, or ``None`` when the vendor names no limit.
        images: Whether its models see pictures, or ``None`` when nothing is known.
    """

    context_window: int
    max_output: int | None = None
    images: bool | None = None


_K = 1024

# The first pattern that is found in the lower-case name wins. Sources: the vendors' model cards (Qwen, DeepSeek,
# Moonshot, Z.ai) as of 2025. A host may serve less than the vendor publishes, and neither cloud documents its own
# windows, so everything here can be overridden where it is used.
_CAPACITIES: tuple[tuple[re.Pattern[str], Capacity], ...] = tuple(
    (re.compile(pattern), capacity)
    for pattern, capacity in (
        (r"qwen2(\.5)?-vl", Capacity(32 * _K, 8 * _K, images=True)),
        (r"qwen2\.5-\d+b-instruct(?!-1m)", Capacity(32 * _K, 8 * _K, images=False)),
        (r"qwen3-vl", Capacity(256 * _K, images=True)),
        (r"qwen3-coder", Capacity(256 * _K, 64 * _K, images=False)),
        (r"qwen3-\d+b(-a\d+b)?-(instruct|thinking)-2507", Capacity(256 * _K, images=False)),
        (r"qwen3-\d+b", Capacity(32 * _K, images=False)),
        (r"qwq-32b", Capacity(32 * _K, images=False)),
        (r"deepseek-r1", Capacity(128 * _K, 32 * _K, images=False)),
        (r"deepseek-v3", Capacity(128 * _K, 8 * _K, images=False)),
        (r"deepseek-prover-v2", Capacity(32 * _K, images=False)),
        (r"kimi-k2\.[5-9]", Capacity(256 * _K, images=True)),
        (r"kimi-k2-(0905|thinking)", Capacity(256 * _K, images=False)),
        (r"kimi-k2", Capacity(128 * _K, images=False)),
        (r"glm-4\.5v", Capacity(64 * _K, images=True)),
        (r"glm-4\.5", Capacity(128 * _K, 96 * _K, images=False)),
        (r"glm-4\.6v", Capacity(128 * _K, images=True)),
        (r"glm-4\.6", Capacity(200 * _K, 128 * _K, images=False)),
    )
)

# The smallest window of any family above: a prompt that is split for it fits everywhere.
_UNKNOWN = Capacity(32 * _K)


def capacity_of(model: str) -> Capacity:
    """Find what is published of a model.

    Args:
        model: Its name, with or without a vendor's prefix and ``?search``.

    Returns:
        Its family's capacity; a cautious one when the name says nothing.
    """
    name = model.lower()
    return next((capacity for pattern, capacity in _CAPACITIES if pattern.search(name)), _UNKNOWN)
