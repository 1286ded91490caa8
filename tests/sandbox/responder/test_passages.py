from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.sandbox.responder.passages import read_passages
from maaskit.sandbox.responder.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[1] (rules.pdf, p. 3) The pool is long.\n[2] (x.txt) Another.",
            [("rules.pdf, p. 3", "The pool is long."), ("x.txt", "Another.")],
        ),
        ("[rules.pdf p.3]\nOne.\n---\n[source: q.md]\nTwo.", [("rules.pdf p.3", "One."), ("q.md", "Two.")]),
        ("Source: {'source': 'a.pdf', 'page': 2}\nContent: One.", [("a.pdf, p. 2", "One.")]),
        ("来源:手册.pdf\n内容:门票35元。", [("手册.pdf", "门票35元。")]),
        ("门票35元(来源:手册.pdf 第3页)", [("手册.pdf 第3页", "门票35元")]),
        ("file_path: /d/a.docx\npage_label: 7\n\nOne.\n\nTwo.", [("/d/a.docx, p. 7", "One.\n\nTwo.")]),
        ('<document source="m.pdf" page="9">One.</document>', [("m.pdf, p. 9", "One.")]),
        (json.dumps([{"page_content": "One.", "metadata": {"source": "x.pdf", "page": 4}}]), [("x.pdf, p. 4", "One.")]),
        (json.dumps({"results": [{"title": "T", "content": "One."}]}), [("T", "One.")]),
        ('{"temperature": 21, "unit": "C"}', [("", "temperature: 21, unit: C")]),
        ("20", [("", "20")]),
        ('{"broken": ', [("", '{"broken":')]),
        ("Just words.", [("", "Just words.")]),
    ],
)
def test_sources_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(p.source, p.text) for p in read_passages(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is 3.5 m long! Is it? Yes.", ["One is here.", "Two is 3.5 m long!", "Is it?", "Yes."]),
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("第一句。第二句!第三句", ["第一句。", "第二句!", "第三句"]),
        ("- one thing\n- another thing", ["one thing", "another thing"]),
        (
            "This line is long enough to have been wrapped by some other program\nand goes on.",
            ["This line is long enough to have been wrapped by some other program and goes on."],
        ),
    ],
)
def test_sentences_are_cut(text: str, expected: list[str]) -> None:
    assert [s.text for s in sentences(text)] == expected


def test_rows_of_a_table_carry_its_head() -> None:
    rows = sentences("## Prices\n\n| Item | Price |\n|---|---:|\n| Beach | 35 |\n| Pool | |\n\nAll in yuan.")
    assert [(r.text, r.context) for r in rows] == [
        ("Item: Beach, Price: 35", "Prices"),
        ("Item: Pool", "Prices"),
        ("All in yuan.", "Prices"),
    ]


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for passage in read_passages(text):
        for sentence in sentences(passage.text):
            assert sentence.text
