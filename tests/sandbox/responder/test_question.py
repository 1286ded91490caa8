from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.responder.question import read_question


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("When does it open?", "When does it open?"),
        (
            "Use this context.\n\nContext:\nThe pool opens.\n\nQuestion: When does it open?\nHelpful Answer:",
            "When does it open?",
        ),
        ("Context information is below.\n-----\nThe pool.\n-----\nAnswer the query.\nQuery: When?\nAnswer: ", "When?"),
        ("已知信息:\n门票35元。\n\n问题:门票多少钱?", "门票多少钱?"),
        ("Summarize this document:\nThe sea is large. It is salty.", "Summarize this document:"),
        ("Here is a text:\n\nLong one.\n\nWho wrote it?", "Who wrote it?"),
        ("Who wrote this?\n\nIt was a dark night.\n\nThe end.", "Who wrote this?"),
        ("The sky over Mars is butterscotch. What colour is it?", "What colour is it?"),
        ("Does 3.75 or 3.8 come first?", "Does 3.75 or 3.8 come first?"),
        ("The room has 20.5 degrees.Is it warm?", "Is it warm?"),
        (
            (
                "The original query is as follows: When does it open?\nAn answer: At nine.\n---\nMore context.\n---\n"
                "Given the new context, refine the answer.\nRefined Answer: "
            ),
            "When does it open?",
        ),
        ("Answer in JSON.\nUser question: where is it?", "where is it?"),
    ],
)
def test_the_question_is_found(prompt: str, question: str) -> None:
    assert read_question(prompt).text == question


def test_the_rest_is_material() -> None:
    found = read_question("Context:\nThe pool opens at nine.\n\nQuestion: When does it open?")
    assert "opens at nine" in found.material
    assert "When" not in found.material
    assert read_question("When does it open?").material == ""


@given(st.text(max_size=600))
def test_any_prompt_is_read(prompt: str) -> None:
    assert isinstance(read_question(prompt).text, str)
