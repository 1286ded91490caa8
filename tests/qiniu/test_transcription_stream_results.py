"""What is heard: cumulative text, sentences, words, and every shape that a result has been seen in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.qiniu.transcription_stream_results import Hearing, refuses
from maaskit.transcript import Utterance, Word


def full(text=None, *utterances, duration=None):
    result = {}
    if text is not None:
        result["text"] = text
    if utterances:
        result["utterances"] = list(utterances)
    return {"result": result} | ({"audio_info": {"duration": duration}} if duration is not None else {})


def told(text, begin, end, *, definite=False, words=None):
    entry = {"text": text, "start_time": begin, "end_time": end, "definite": definite}
    return entry | ({"words": words} if words is not None else {})


def test_cumulative_text_is_replaced_and_final_at_the_end():
    hearing = Hearing()
    assert hearing.hear(full("你"), last=False) == [Utterance("你", 0, None)]
    assert hearing.hear(full("你好", duration=400), last=False) == [Utterance("你好", 0, 400)]
    assert hearing.hear(full("你好", duration=400), last=False) == []
    assert hearing.hear(full("你好!", duration="900"), last=True) == [Utterance("你好!", 0, 900, is_final=True)]


@pytest.mark.parametrize("empty", [None, {}, {"result": {}}, {"result": {"text": ""}}, {"code": 20000000}, ""])
def test_an_end_without_text_makes_what_was_open_final(empty):
    hearing = Hearing()
    assert hearing.hear(empty, last=False) == []
    hearing.hear(full("你好"), last=False)
    assert hearing.hear(empty, last=True) == [Utterance("你好", 0, None, is_final=True)]
    assert Hearing().hear(empty, last=True) == []


def test_sentences_are_final_once_and_keep_their_words():
    words = [{"text": "你", "start_time": 0, "end_time": "150", "blank_duration": 0}, {"text": "好"}, "junk"]
    hearing = Hearing()
    assert hearing.hear(full("你", told("你", 0, 150)), last=False) == [Utterance("你", 0, 150)]
    first = told("你好。", 0, 400, definite=True, words=words)
    assert hearing.hear(full("你好。", first), last=False) == [
        Utterance("你好。", 0, 400, is_final=True, words=(Word("你", 0, 150), Word("好")))
    ]
    assert hearing.hear(full("你好。世", first, told("世", 500, 600)), last=False) == [Utterance("世", 500, 600)]
    end = hearing.hear(full("你好。世界。", first, told("世界。", 500, 900)), last=True)
    assert end == [Utterance("世界。", 500, 900, is_final=True)]


class Counted(list):
    """Be the words of a sentence, and count how often they are read."""

    reads = 0

    def __iter__(self):
        type(self).reads += 1
        return super().__iter__()


def test_the_words_of_a_sentence_that_has_ended_are_not_read_again_with_every_message():
    # A long recording's every message holds all of its words again: reading them took quadratic time.
    hearing, heard, sentences = Hearing(), [], []
    for number in range(50):
        word = Counted([{"text": str(number), "start_time": number, "end_time": number + 1}])
        sentences.append(told(str(number), number, number + 1, definite=True, words=word))
        heard += hearing.hear(full("", *sentences), last=number == 49)
    assert [utterance.words for utterance in heard] == [(Word(str(n), n, n + 1),) for n in range(50)]
    assert Counted.reads == 50


def test_sentences_without_times_are_told_apart_by_their_place():
    hearing = Hearing()
    one, two = {"text": "一", "definite": True}, {"text": "二", "definite": True}
    assert [u.text for u in hearing.hear(full("一", one), last=False)] == ["一"]
    assert [u.text for u in hearing.hear(full("一二", one, two), last=False)] == ["二"]


def test_one_sentence_at_a_time_is_understood_by_its_times():
    hearing = Hearing()
    assert [u.text for u in hearing.hear(full("一", told("一", 0, 9, definite=True)), last=False)] == ["一"]
    assert [u.text for u in hearing.hear(full("二", told("二", 10, 19, definite=True)), last=False)] == ["二"]


def test_a_last_text_without_sentences_says_only_what_is_new():
    hearing = Hearing()
    hearing.hear(full("Hi. You", told("Hi.", 0, 9, definite=True), told("You", 10, 19)), last=False)
    assert hearing.hear(full("Hi. You there."), last=True) == [Utterance("You there.", None, None, is_final=True)]
    hearing = Hearing()
    hearing.hear(full("Hi.", told("Hi.", 0, 9, definite=True), told("You", 10, 19)), last=False)
    assert hearing.hear(full("Something else"), last=True) == [Utterance("You", 10, 19, is_final=True)]
    hearing = Hearing()
    hearing.hear(full("Hi.", told("Hi.", 0, 9, definite=True)), last=False)
    assert hearing.hear(full("Hi."), last=True) == []


@pytest.mark.parametrize(
    "payload",
    [
        {"result": {"text": "好"}},
        {"result": [{"text": "好"}]},
        {"result": "好"},
        {"payload_msg": {"result": {"text": "好"}}},
        {"payload_msg": '{"result": {"text": "好"}}'},
        {"data": {"result": {"text": "好"}, "audio_info": {"duration": 1}}},
        {"data": {"text": "好"}},
        {"text": "好"},
        {"code": 20000000, "message": "Success", "result": {"text": "好"}},
        "好",
    ],
)
def test_every_shape_that_was_seen_is_read(payload):
    assert [u.text for u in Hearing().hear(payload, last=True)] == ["好"]
    assert not refuses(payload)


@pytest.mark.parametrize(
    ("payload", "refused"),
    [
        ({"code": 45000001, "message": "bad"}, True),
        ({"payload_msg": {"code": 45000001, "message": "bad"}}, True),
        ({"error": {"message": "bad"}}, True),
        ({"error": "bad"}, True),
        ({"code": 20000000, "message": "Success"}, False),
        ({"code": 1000}, False),
        ({"code": "0"}, False),
        ({"code": 7, "result": {"text": "x"}}, False),
        ({"sequence": -1}, False),
        (None, False),
        ([1], False),
    ],
)
def test_a_refusal_is_a_code_without_result_or_an_error(payload, refused):
    assert refuses(payload) is refused


Json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("a sentence")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["result", "data", "payload_msg", "text", "utterances", "words", "definite", "start_time", "audio_info"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(st.lists(st.tuples(Json, st.booleans()), max_size=5))
def test_any_json_is_heard_without_a_crash(messages):
    hearing = Hearing()
    for payload, last in messages:
        refuses(payload)
        for utterance in hearing.hear(payload, last=last):
            assert isinstance(utterance, Utterance)
            assert utterance.text
            assert utterance.is_final or not last
    assert all(utterance.is_final for utterance in hearing.settle())
