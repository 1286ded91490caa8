from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from maaskit.sandbox.engines import CannotRead, documents

SAMPLES = Path(__file__).parents[2] / "samples"
STYLES = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(book)


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


class TestPdf:
    def test_pages_come_in_order_with_headings_paragraphs_and_tables(self) -> None:
        text = documents.to_markdown((SAMPLES / "report.pdf").read_bytes(), "report.pdf")
        assert text.startswith("# 海滩管理年度报告\n\n二零二五年，海滩共接待游客三十二万人次")
        assert "restoration cost 417 thousand yuan in total." in text
        assert "| 月份 | 游客(万) | 收入(万元) |\n| --- | --- | --- |\n| 六月 | 6.1 | 152 |" in text
        assert text.index("八月") < text.index("以上数据") < text.index("## 第二章 安全规定") < text.index("救生员")
        assert "| Umbrella | 3 | 45.00 |" in text, "a table without rules"

    def test_a_line_broken_for_want_of_room_is_whole_again(self) -> None:
        text = documents.to_markdown((SAMPLES / "report.pdf").read_bytes(), "report.pdf")
        assert "管理处在北侧设置了两公里长的木栈道" in text
        assert "from a distance of 28 kilometres, and" in text

    def test_columns_are_read_one_after_another(self) -> None:
        text = documents.to_markdown((SAMPLES / "two-columns.pdf").read_bytes(), "two-columns.pdf")
        assert text.index("visitors came last of all.") < text.index("The right column speaks")
        assert "learns to read the colour of the water before the weather turns." in text

    def test_a_page_without_text_layer_is_read_from_its_picture(self) -> None:
        scan = io.BytesIO()
        pages = [Image.open(SAMPLES / name).convert("RGB") for name in ("paragraphs.png", "ruled-table.png")]
        pages[0].save(scan, "PDF", save_all=True, append_images=pages[1:], resolution=100)
        text = documents.to_markdown(scan.getvalue(), "scan.pdf")
        assert text.index("海滩保护条例说明") < text.index("6:30") < text.index("季度销售报表")
        assert "| 手机 | 120 | 135 | 255 |" in text

    def test_a_password_is_named_as_the_reason(self) -> None:
        with pytest.raises(CannotRead, match="password"):
            documents.to_markdown((SAMPLES / "locked.pdf").read_bytes(), "locked.pdf")

    @pytest.mark.parametrize("data", [b"%PDF-1.7\n%%EOF", b"%PDF-1.4 and nothing that follows"])
    def test_a_broken_file_is_refused(self, data: bytes) -> None:
        with pytest.raises(CannotRead, match="broken"):
            documents.to_markdown(data, "a.pdf")


class TestWorkbook:
    def test_integers_of_a_column_with_gaps_stay_integers(self) -> None:
        data = workbook(("库存", [["产品", "数量"], ["手机", 417], ["电脑", None], ["平板", 12]]))
        assert documents.to_markdown(data, "stock.xlsx") == (
            "## 库存\n\n| 产品 | 数量 |\n| --- | --- |\n| 手机 | 417 |\n| 电脑 |  |\n| 平板 | 12 |"
        )

    def test_cells_are_written_as_a_reader_sees_them(self) -> None:
        from openpyxl import Workbook

        book = Workbook()
        book.active.append([0.1 + 0.2, True, dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 8, 30), "a|b", "x\ny", 0.125])  # noqa: DTZ001 - a workbook knows no zones
        book.active["G1"].number_format = "0.0%"
        text = documents.to_markdown(saved(book), "a.xlsx")
        assert r"| 0.3 | TRUE | 2026-03-01 | 2026-03-01 08:30:00 | a\|b | x<br>y | 12.5% |" in text

    def test_a_formula_without_its_value_is_shown_itself(self) -> None:
        assert "| =A1+B1 |" in documents.to_markdown(workbook(("s", [[1, 2, "=A1+B1"]])), "a.xlsx")

    def test_what_the_reader_warns_of_is_no_reason_to_refuse(self) -> None:
        whole = workbook(("s", [["a"], [1]]))
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w") as target:
            for name in source.namelist():  # a workbook without any style, as some programs write it
                data = source.read(name)
                target.writestr(name, STYLES if name == "xl/styles.xml" else data)
        assert documents.to_markdown(out.getvalue(), "a.xlsx") == "## s\n\n| a |\n| --- |\n| 1 |"

    def test_every_sheet_comes_under_its_name(self) -> None:
        text = documents.to_markdown(workbook(("一月", [["a"], [1]]), ("二月", []), ("三月", [["b"], [2]])), "a.xlsx")
        assert text == "## 一月\n\n| a |\n| --- |\n| 1 |\n\n## 二月\n\n## 三月\n\n| b |\n| --- |\n| 2 |"

    def test_empty_rows_and_columns_at_the_edges_are_left_out(self) -> None:
        rows: list[list[object]] = [[], [None, "a", None, "c"], [], [None, 1, None, 3]]
        assert "| a |  | c |\n| --- | --- | --- |\n| 1 |  | 3 |" in documents.to_markdown(
            workbook(("s", rows)), "a.xlsx"
        )


def test_word_headings_lists_and_tables() -> None:
    # Written by hand: no library among the dependencies writes this format.
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>年度计划</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>第一段，</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>重点</w:t></w:r></w:p>"
        "<w:tbl>"
        + "".join(
            "<w:tr>" + "".join(f"<w:tc><w:p><w:r><w:t>{c}</w:t></w:r></w:p></w:tc>" for c in row) + "</w:tr>"
            for row in [["Item", "Price"], ["Chair", "417"]]
        )
        + "</w:tbl>"
    )
    text = documents.to_markdown(word(body), "计划.DOCX")
    assert text.startswith("# 年度计划\n\n第一段，**重点**")
    assert "| Item | Price |" in text
    assert "| Chair | 417 |" in text
    assert documents.to_markdown(word(body), "renamed.doc") == text, "a .docx under the old ending"


def word(body: str) -> bytes:
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    style = '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="rels" ContentType="application/vnd.'
        f'openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
        f'ContentType="{main}.document.main+xml"/><Override PartName="/word/styles.xml" '
        f'ContentType="{main}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": f'<w:styles xmlns:w="{space}">{style}</w:styles>',
        "word/document.xml": f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        for name, text in files.items():
            container.writestr(name, text)
    return out.getvalue()


def test_slides_in_order_with_titles_tables_and_notes() -> None:
    from pptx import Presentation

    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text, first.placeholders[1].text = "季度总结", "收入增长 12%"
    first.notes_slide.notes_text_frame.text = "讲慢一点"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Stock"
    table = second.shapes.add_table(2, 2, 0, 3_000_000, 3_000_000, 800_000).table
    for (row, column), text in {(0, 0): "Item", (0, 1): "Count", (1, 0): "Chair", (1, 1): "417"}.items():
        table.cell(row, column).text = text
    second.shapes.add_picture(str(SAMPLES / "formula.png"), 0, 5_000_000)
    text = documents.to_markdown(saved(deck), "deck.pptx")
    assert text.index("# 季度总结") < text.index("收入增长 12%") < text.index("讲慢一点") < text.index("# Stock")
    assert "| Chair | 417 |" in text
    assert "![" not in text, "a link to a picture that is not there"
    assert ".png" not in text


class TestRefusals:
    def test_an_empty_file(self) -> None:
        with pytest.raises(CannotRead, match="0 bytes"):
            documents.to_markdown(b"", "a.txt")

    @pytest.mark.parametrize("name", ["a.csv", "a.png", "README", "pdf"])
    def test_another_format_names_those_that_are_supported(self, name: str) -> None:
        with pytest.raises(CannotRead, match="pdf, docx, doc, xlsx, txt, pptx"):
            documents.to_markdown(b"x", name)

    @pytest.mark.parametrize("data", [OLE + bytes(600), b"{\\rtf1 hello}"])
    def test_the_legacy_word_format(self, data: bytes) -> None:
        with pytest.raises(CannotRead, match=r"legacy \.doc.*save the file as \.docx"):
            documents.to_markdown(data, "a.doc")

    @pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
    def test_a_locked_office_file(self, name: str) -> None:
        with pytest.raises(CannotRead, match="locked with a password"):
            documents.to_markdown(OLE + bytes(600), name)

    @pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
    def test_half_an_office_file(self, name: str) -> None:
        whole = workbook(("s", [[1]]))
        with pytest.raises(CannotRead, match="broken"):
            documents.to_markdown(whole[: len(whole) // 2], name)

    @pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.pdf", "a.txt"])
    def test_content_that_its_name_does_not_say(self, name: str) -> None:
        with pytest.raises(CannotRead, match="content"):
            documents.to_markdown(workbook(("s", [[1]])), name)

    def test_a_container_of_a_version_to_come(self) -> None:
        whole = bytearray(workbook(("s", [[1]])))
        whole[whole.index(b"PK\x01\x02") + 6] = 200
        with pytest.raises(CannotRead, match="broken"):
            documents.to_markdown(bytes(whole), "a.xlsx")

    def test_a_container_without_its_main_part(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as container:
            container.writestr("word/nothing.xml", "<x/>")
        with pytest.raises(CannotRead, match="broken"):
            documents.to_markdown(out.getvalue(), "a.docx")

    def test_a_container_that_would_fill_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(documents, "MAX_UNPACKED_BYTES", 1_000_000)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
            container.writestr("word/document.xml", bytes(1_000_001))
        assert len(out.getvalue()) < 5_000
        with pytest.raises(CannotRead, match="unpacks"):
            documents.to_markdown(out.getvalue(), "a.docx")
