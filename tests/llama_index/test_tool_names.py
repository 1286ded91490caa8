"""Any name of a tool goes over the wire in plain ASCII and comes back as itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.llama_index.tool_names import real_name, wire_name

PLAIN = re.compile(r"[a-zA-Z0-9_-]+")


@pytest.mark.parametrize("name", ["add", "get_weather-2", "A", "_", "-"])
def test_plain_names_stay(name: str) -> None:
    assert wire_name(name) == real_name(name) == name


@pytest.mark.parametrize(
    "name", ["天气查询", "get weather", "files.read", "List[int]", "xn--add", "é", "🚀", "天气_v2"]
)
def test_other_names_come_back(name: str) -> None:
    written = wire_name(name)
    assert written != name
    assert PLAIN.fullmatch(written)
    assert real_name(written) == name


@given(st.text(st.characters(exclude_categories=["Cs", "Co"]), min_size=1, max_size=40))
def test_every_name_comes_back(name: str) -> None:
    assert PLAIN.fullmatch(wire_name(name))
    assert real_name(wire_name(name)) == name


@given(st.text(max_size=40))
def test_whatever_a_model_calls_is_some_name(name: str) -> None:
    assert isinstance(real_name("xn--" + name), str)
    assert isinstance(real_name(name), str)


def test_tools_that_core_would_confuse_stay_apart() -> None:
    assert len({wire_name(name) for name in ("天气查询", "股票查询", "____", "a.b", "a b")}) == 5
