"""What SophNet's live recognition says it heard, in every form that the document shows or describes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maaskit.sophnet.heard import is_heard, read_utterance
from maaskit.transcript import Utterance, Word

EXAMPLE = json.loads(
    '{"text":"这是深度神经网络的语音","begin_time":660,"end_time":null,"words": '
    '["Word(beginTime=660, endTime=1148, text=这是, punctuation=, fixed=false)", '
    '"Word(beginTime=1148, endTime=1636, text=深度, punctuation=, fixed=false)"], "is_sentence_end": false}'
)
WORDS = (Word("这是", 660, 1148), Word("深度", 1148, 1636))


def test_the_documents_example_is_read() -> None:
    assert is_heard(EXAMPLE)
    assert read_utterance(EXAMPLE) == Utterance("这是深度神经网络的语音", 660, None, is_final=False, words=WORDS)


@pytest.mark.parametrize(
    "words",
    [
        EXAMPLE["words"],
        "[" + ", ".join(EXAMPLE["words"]) + "]",
        json.dumps(EXAMPLE["words"]),
        [
            {"beginTime": 660, "endTime": 1148, "text": "这是", "punctuation": "", "fixed": False},
            {"begin_time": 1148, "end_time": "1636", "text": "深度"},
        ],
    ],
)
def test_words_come_as_text_as_list_or_as_objects(words: Any) -> None:
    assert read_utterance({**EXAMPLE, "words": words}).words == WORDS


def test_a_word_may_hold_what_parts_its_fields() -> None:
    told = "Word(beginTime=0, endTime=null, text=a, b) (c, punctuation=,, fixed=true)"
    assert read_utterance({"text": "x", "words": [told]}).words == (Word("a, b) (c,", 0, None),)


@pytest.mark.parametrize("words", [None, "", "nothing", 7, [7, None, "Word(?)"], {}, [{"text": 5}], "[broken"])
def test_words_that_are_none_are_none(words: Any) -> None:
    assert read_utterance({**EXAMPLE, "words": words}).words == ()


def test_a_final_sentence_and_odd_fields() -> None:
    assert read_utterance(
        {"text": "完。", "begin_time": "0", "end_time": 5540.0, "is_sentence_end": True}
    ) == Utterance("完。", 0, 5540, is_final=True)
    assert read_utterance({"text": None, "is_sentence_end": "false"}) == Utterance("")


@pytest.mark.parametrize("message", [{"status": "ok"}, {"choices": []}, {"text": "x"}, {"audioFrame": None}])
def test_other_messages_are_not_taken_for_it(message: dict[str, Any]) -> None:
    assert not is_heard(message)
