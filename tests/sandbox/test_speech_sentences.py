from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.speech_sentences import LONGEST, Sentences


def parted(*pieces: str) -> list[str]:
    sentences = Sentences()
    return [sentence for piece in pieces for sentence in sentences.feed(piece)] + sentences.finish()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你好!有什么可以帮助你的吗?", ["你好!", "有什么可以帮助你的吗?"]),
        ("The tide is high. It turns at 3.14 pm! See example.com for more", None),
        ("“真的吗?”他说。", ["“真的吗?”", "他说。"]),
        ("...", ["..."]),
        ("1. First\n2. Second", ["1. First\n", "2. Second"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_speaker_would_pause(text: str, expected: list[str] | None) -> None:
    found = parted(text)
    assert "".join(found) == text
    if expected is not None:
        assert found == expected
    if "tide" in text:
        assert found == ["The tide is high.", " It turns at 3.14 pm!", " See example.com for more"]


def test_a_sentence_is_given_as_soon_as_the_next_one_begins() -> None:
    sentences = Sentences()
    assert sentences.feed("你好") == []
    assert sentences.feed("!") == []
    assert sentences.feed("有什么") == ["你好!"]


def test_an_endless_sentence_is_cut_at_a_comma() -> None:
    found = parted("word, " * 200)
    assert all(len(sentence) <= LONGEST for sentence in found)
    assert all(sentence.endswith(", ") for sentence in found)
    assert max(map(len, parted("x" * 1000))) == LONGEST


@given(st.text(alphabet="ab。.!? \n,”3", max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_however_it_is_cut_the_text_is_whole(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    found = parted(*(text[a:b] for a, b in itertools.pairwise(places)))
    assert "".join(found) == text
    assert all(found)
