from __future__ import annotations

import pytest

from maaskit.sandbox.responder.passages import Passage, read_passages
from maaskit.sandbox.responder.quoting import best_sentences

BEACH = """The pool opens at 9 and closes at 18. Tickets cost 35 yuan. Children under six enter for free.

## Staff
The manager of the beach is Wang Li. Dogs stay outside.

| Service | Fee |
|---|---|
| Parking | 10 yuan an hour |
| Umbrella rental | 20 yuan a day |"""
STRAND = "海滩门票35元,儿童免费。停车场每小时10元。景区负责人是王丽。开放时间为9点至18点。"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much is a ticket?", "Tickets cost 35 yuan."),
        ("What do tickets cost?", "Tickets cost 35 yuan."),
        ("When does the pool open?", "The pool opens at 9 and closes at 18."),
        ("Until when can I use the pool?", "The pool opens at 9 and closes at 18."),
        ("Who manages the beach?", "The manager of the beach is Wang Li."),
        ("Are dogs allowed?", "Dogs stay outside."),
        ("What is the fee for parking?", "Service: Parking, Fee: 10 yuan an hour"),
        ("How much does it cost to rent an umbrella?", "Service: Umbrella rental, Fee: 20 yuan a day"),
        ("门票多少钱?", "Tickets cost 35 yuan."),
    ],
)
def test_the_sentence_that_answers(question: str, expected: str) -> None:
    assert best_sentences(question, read_passages(BEACH))[0].sentence.text == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("门票要多少钱?", "海滩门票35元,儿童免费。"),
        ("儿童要买票吗?", "海滩门票35元,儿童免费。"),
        ("停车怎么收费?", "停车场每小时10元。"),
        ("谁负责这个景区?", "景区负责人是王丽。"),
        ("几点开放?", "开放时间为9点至18点。"),
        ("How much is the ticket?", "海滩门票35元,儿童免费。"),
    ],
)
def test_in_chinese_as_well(question: str, expected: str) -> None:
    assert best_sentences(question, read_passages(STRAND))[0].sentence.text == expected


@pytest.mark.parametrize("question", ["What is the capital of France?", "法国的首都是哪里?", "Hello", ""])
def test_nothing_is_quoted_that_does_not_answer(question: str) -> None:
    assert best_sentences(question, read_passages(BEACH + STRAND)) == []


def test_a_source_comes_along_and_a_heavier_passage_wins() -> None:
    passages = [Passage("The code is 12.", "old.txt", 0.6), Passage("The code is 34.", "new.txt")]
    found = best_sentences("What is the code?", passages, limit=1)
    assert [(f.sentence.text, f.source) for f in found] == [("The code is 34.", "new.txt")]
