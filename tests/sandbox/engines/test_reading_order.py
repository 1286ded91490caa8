from __future__ import annotations

from maaskit.sandbox.engines import markdown
from maaskit.sandbox.engines.page import Block, Box, Line, Table
from maaskit.sandbox.engines.paragraphs import blocks_of, join
from maaskit.sandbox.engines.reading_order import read

PAGE = (0.0, 600.0)


def line(text: str, left: float, top: float, width: float | None = None, size: float = 10.0) -> Line:
    return Line(text, Box(left, top, left + (len(text) * size / 2 if width is None else width), top + size), size)


def blocks(*items: Line | Table) -> list[Block]:
    return blocks_of(read(items, PAGE), size_slack=1.3)


def texts(*items: Line | Table) -> list[str]:
    return [block.text or markdown.table(block.rows) for block in blocks(*items)]


LEFT = [
    "the left column begins with this line of",
    "text and goes on with another line that is",
    "as long as it, then a third one comes and",
    "ends here.",
]
RIGHT = [
    "over on the right there is another story",
    "which runs beside it without being level",
    "with the first one, since it begins lower",
    "and ends lower.",
]


def test_columns_that_are_not_level() -> None:
    left = [line(text, 50, 100 + 14 * n, 220) for n, text in enumerate(LEFT)]
    right = [line(text, 320, 106 + 14 * n, 220) for n, text in enumerate(RIGHT)]
    mixed = [item for pair in zip(left, right, strict=True) for item in pair]
    assert texts(*mixed) == [" ".join(LEFT), " ".join(RIGHT)]


def test_a_title_and_a_footer_stay_outside_the_columns() -> None:
    title, footer = line("A TITLE ACROSS THE MIDDLE", 240, 60, 125), line("- 3 -", 290, 180, 25)
    left = [line(text, 50, 100 + 14 * n, 220) for n, text in enumerate(LEFT)]
    right = [line(text, 320, 100 + 14 * n, 220) for n, text in enumerate(RIGHT)]
    assert texts(footer, *right, title, *left) == [title.text, " ".join(LEFT), " ".join(RIGHT), footer.text]


def test_short_cells_in_three_columns_are_a_table() -> None:
    rows = [("Item", "Qty", "Price"), ("Chair", "12", "18.50"), ("Umbrella", "", "45.00"), ("Towel", "7", "9.90")]
    items = [line(c, 50 + 150 * x, 100 + 20 * y) for y, row in enumerate(rows) for x, c in enumerate(row) if c]
    head, tail = line("Stock list", 50, 70), line("Checked by hand", 50, 190)
    found = blocks(head, *items, tail)
    assert [block.label for block in found] == ["text", "table", "text"]
    assert found[1].rows == tuple(rows)


def test_a_form_is_read_row_by_row() -> None:
    left = [
        "Name: Zhang Wei and some more words",
        "Address: 18 Long Road, Suzhou City",
        "Phone: 0512 555 0147 extension 6",
        "Mail: somebody at example point org",
    ]
    right = [
        "Date: the eighteenth of March 2026",
        "Order: number 0119 of this year",
        "Carrier: the one that came last",
        "Weight: four hundred kilograms",
    ]
    items = [line(text, 50, 100 + 20 * n, 200) for n, text in enumerate(left)]
    items += [line(text, 320, 100 + 20 * n, 200) for n, text in enumerate(right)]
    assert texts(*items) == ["\n".join(f"{a}  {b}" for a, b in zip(left, right, strict=True))]


def test_a_ruled_table_parts_paragraphs() -> None:
    table = Table((("a", "b"), ("1", "2")), Box(50, 120, 550, 180))
    assert texts(line("below", 50, 200), table, line("above", 50, 100)) == [
        "above",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "below",
    ]


def test_a_new_paragraph_by_its_gap_its_indent_and_its_size() -> None:
    wide = [line("一" * 50, 50, 100, 500), line("二" * 30, 50, 114, 300)]
    assert texts(*wide, line("三" * 30, 50, 150, 300)) == ["一" * 50 + "二" * 30, "三" * 30], "gap"
    assert texts(*wide, line("三" * 30, 70, 128, 300)) == ["一" * 50 + "二" * 30, "三" * 30], "indent"
    assert texts(line("题目", 50, 80, 40, size=18), *wide) == ["题目", "一" * 50 + "二" * 30], "size"


def test_lines_that_end_early_keep_their_break() -> None:
    assert texts(line("Invoice 20931", 50, 100), line("Total: 1,284.50", 50, 114), line("Thank you", 50, 128)) == [
        "Invoice 20931\nTotal: 1,284.50\nThank you"
    ]


def test_items_of_a_list_keep_their_lines() -> None:
    items = [
        "1. the first thing that has to be done today before noon",
        "2. the second thing that has to be done today before night",
    ]
    assert texts(*(line(text, 50, 100 + 14 * n, 500) for n, text in enumerate(items))) == ["\n".join(items)]


def test_a_formula_number_stands_apart() -> None:
    formula, number = line("E = m c2", 250, 100), line("(12)", 530, 100)
    assert [(block.text, block.number) for block in blocks(formula, number)] == [("E = m c2", False), ("(12)", True)]
    shown = blocks(line("see the note", 250, 100), line("(12)", 530, 100))
    assert [block.number for block in shown] == [False], "no formula before it"


def test_joining() -> None:
    assert join("海滩", "日落") == "海滩日落"
    assert join("read", "on") == "read on"
    assert join("hyphen-", "ated") == "hyphenated"
    assert join("QX-", "30") == "QX- 30"
    assert join("", "x") == "x"


def test_a_blank_page_has_no_blocks() -> None:
    assert blocks() == []


def test_headings_get_levels_by_their_heights() -> None:
    def block(text: str, size: float) -> Block:
        return Block("text", text, Box(0, 0, 1, 1), size)

    page = [block("Title", 24), block("Part", 16), block("x" * 200, 10), block("Part two", 15.8), block("y" * 90, 20)]
    text = markdown.write(page, markdown.heading_levels(page, 1.2))
    assert text == "\n\n".join(["# Title", "## Part", "x" * 200, "## Part two", "y" * 90]), "too long for a heading"
