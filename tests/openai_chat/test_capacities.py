"""What is known of a model's window, and that unknown models get a cautious one."""

from __future__ import annotations

import pytest

from maaskit.openai_chat.capacities import capacity_of
from maaskit.sophnet.profiles import _EXACT


@pytest.mark.parametrize(
    ("model", "window", "images"),
    [
        ("deepseek-v3", 131_072, False),
        ("deepseek-v3?search", 131_072, False),
        ("deepseek/deepseek-v3.2-251201", 131_072, False),
        ("DeepSeek-R1-0528", 131_072, False),
        ("Qwen2.5-72B-Instruct", 32_768, False),
        ("Qwen/Qwen2.5-VL-72B-Instruct", 32_768, True),
        ("Qwen3-235B-A22B", 32_768, False),
        ("Qwen3-235B-A22B-Instruct-2507", 262_144, False),
        ("Kimi-K2", 131_072, False),
        ("Kimi-K2-0905", 262_144, False),
        ("GLM-4.5V", 65_536, True),
        ("GLM-4.6", 204_800, False),
        ("somebody/tomorrow-1", 32_768, None),
        ("", 32_768, None),
    ],
)
def test_windows(model: str, window: int, images: bool | None) -> None:
    found = capacity_of(model)
    assert (found.context_window, found.images) == (window, images)


def test_an_answer_is_never_larger_than_the_window() -> None:
    for model in _EXACT:
        found = capacity_of(model)
        assert found.max_output is None or found.max_output < found.context_window


def test_each_listed_model_is_known_to_see_or_not() -> None:
    seeing = {model for model in _EXACT if capacity_of(model).images}
    assert seeing == {"Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL-32B-Instruct", "Qwen2.5-VL-72B-Instruct", "GLM-4.5V"}
    assert all(capacity_of(model).images is not None for model in _EXACT)
