"""Reasoning between think tags is taken out of the text, however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.openai_chat.think_tags import ThinkTags, split_think_tags


@pytest.mark.parametrize(
    ("text", "content", "reasoning"),
    [
        ("<think>\nwhy\n\nso</ff>\n</think>\n\nbecause", "because", "why\n\nso</ff>"),
        ("a text that names <think>tags</think>", "a text that names <think>tags</think>", ""),
        ("  <think>cut short", "", "cut short"),
        ("<think></think>x", "x", ""),
        ("<thi", "<thi", ""),
        ("", "", ""),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
    ],
)
def test_whole_answers(text: str, content: str, reasoning: str) -> None:
    assert split_think_tags(text) == (content, reasoning)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "/", "think", ">", " ", "\n", "a", "</th", "思"])), st.data()
)
def test_pieces_say_the_same_as_the_whole(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    tags = ThinkTags()
    pieces = [tags.feed(text[start:end]) for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    pieces.append(tags.end())
    assert ("".join(piece[0] for piece in pieces), "".join(piece[1] for piece in pieces)) == split_think_tags(text)
