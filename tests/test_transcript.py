import pytest

from maaskit.transcript import Utterance, Word, joined_texts, milliseconds


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (9336, 9336),
        ("9336", 9336),
        ("9336.7", 9336),
        (9336.2, 9336),
        ("", None),
        ("soon", None),
        (None, None),
        (True, None),
        ("nan", None),
        ("inf", None),
        (1e300, None),
        ([], None),
    ],
)
def test_durations_are_read_as_numbers_and_as_texts(told, read):
    assert milliseconds(told) == read


def test_utterances_add_up_to_the_final_ones():
    growing, one, more, two = (
        Utterance("你"),
        Utterance("你好", is_final=True),
        Utterance("再"),
        Utterance("再见", is_final=True),
    )
    assert growing + one + more + two == [one, two]
    assert growing + more == []
    empty: list[Utterance] = []
    assert empty + growing + one + two == [one, two]
    assert [list(alone) for alone in (growing, one)] == [[], [one]]
    for other in ("你好", 1, None, (one,)):
        with pytest.raises(TypeError):
            one + other
        with pytest.raises(TypeError):
            other + one


def test_an_utterance_moves_with_its_words():
    heard = Utterance("你好", 100, None, words=(Word("你", 100, 200), Word("好")))
    assert heard.later(50) == Utterance("你好", 150, None, words=(Word("你", 150, 250), Word("好")))
    assert heard.later(0) is heard
    assert Utterance("x" * 100).weight > Utterance("x").weight


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        ([], ""),
        (["你好。", "再见。"], "你好。再见。"),
        (["Hello.", "Goodbye."], "Hello. Goodbye."),
        (["Hello. ", "Goodbye."], "Hello. Goodbye."),
        (["", "Hello.", "", "你好。", "Bye."], "Hello.你好。Bye."),
    ],
)
def test_sentences_are_put_together_as_their_languages_write(texts, whole):
    assert joined_texts(texts) == whole
