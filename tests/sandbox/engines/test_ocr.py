from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from maaskit.sandbox.engines import CannotRead, ocr, pictures
from maaskit.sandbox.engines.page import Block

SAMPLES = Path(__file__).parents[2] / "samples"
PARAGRAPHS = [
    "海滩保护条例说明",
    "海滩上美丽的日落吸引了许多游客，每年夏天约有三十万人来到这里。为了保护环境，市政府决定从二零二六年起限制每日的游客人数。",
    (
        "The beach opens at 6:30 and closes at 21:00. Visitors pay 25 yuan per person; "
        "children under twelve enter free of charge."
    ),
]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def written(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def drawn(*lines: str, size: tuple[int, int] = (760, 240), ink: str = "black", paper: str = "white") -> Image.Image:
    picture = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(picture)
    for number, text in enumerate(lines):
        pen.text((30, 30 + 60 * number), text, font=ImageFont.load_default(30), fill=ink)
    return picture


def texts(data: bytes) -> list[str]:
    return [block.text for block in ocr.read(data)]


def test_chinese_and_english_paragraphs() -> None:
    assert texts(sample("paragraphs.png")) == PARAGRAPHS


def test_a_leaning_page() -> None:
    assert texts(sample("leaning.jpg")) == PARAGRAPHS


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_on_its_side_or_head(quarters: int) -> None:
    upright = Image.open(io.BytesIO(sample("paragraphs.png"))).convert("RGB")
    turned = upright.rotate(90 * quarters, expand=True)
    blocks = ocr.read(written(turned))
    assert [block.text for block in blocks] == PARAGRAPHS
    title = turned.crop(tuple(map(round, sides(blocks[0]))))
    assert texts(written(title.rotate(-90 * quarters, expand=True))) == PARAGRAPHS[:1], "places are those of the input"


def sides(block: Block) -> tuple[float, float, float, float]:
    return block.box.left, block.box.top, block.box.right, block.box.bottom


def test_a_camera_that_was_held_upright() -> None:
    upright = Image.open(io.BytesIO(sample("paragraphs.png"))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = written(upright.rotate(90, expand=True), "JPEG", exif=exif, quality=92)
    blocks = ocr.read(data)
    assert [block.text for block in blocks] == PARAGRAPHS
    assert blocks[0].box.top < 60, "places are those of the upright picture"


def test_columns_one_after_another() -> None:
    found = texts(sample("columns.png"))
    assert found[0] == "双栏排版测试文件"
    assert found[1].startswith("左栏第一行介绍公司的历史与产品")
    assert found[1].endswith("左栏到此结束")
    assert found[2].startswith("右栏第一行")


def test_a_ruled_table() -> None:
    blocks = ocr.read(sample("ruled-table.png"))
    assert [block.label for block in blocks] == ["text", "table", "text"]
    assert blocks[1].rows == (
        ("产品", "一季度", "二季度", "合计"),
        ("手机", "120", "135", "255"),
        ("电脑", "80", "", "80"),
        ("Tablet", "45", "52", "97"),
    )
    assert "| 电脑 | 80 |  | 80 |" in ocr.to_markdown(blocks)


def test_a_table_without_rules() -> None:
    blocks = ocr.read(sample("receipt.png"))
    assert blocks[1].label == "table"
    assert blocks[1].rows[3] == ("Apple 苹果", "6", "18.00")
    assert blocks[2].text == "合计：78.90元\n付款方式：微信支付\n2026-03-14 18:22"


def test_formula_numbers_and_plain_markdown() -> None:
    blocks = ocr.read(sample("formula.png"))
    assert "E = m c² (1)" in ocr.to_markdown(blocks)
    assert "(1)" not in ocr.to_markdown(blocks, formula_numbers=False)
    assert "\n\n" not in ocr.to_markdown(blocks, prettify=False)


def test_white_letters_on_black_and_on_nothing() -> None:
    assert texts(written(drawn("Invoice 20931", ink="white", paper="#101830"))) == ["Invoice 20931"]
    clear = Image.new("RGBA", (400, 120), (0, 0, 0, 0))
    ImageDraw.Draw(clear).text((30, 30), "Ticket 77", font=ImageFont.load_default(36), fill="black")
    assert texts(written(clear)) == ["Ticket 77"]


def test_places_are_in_pixels_of_the_picture_also_when_it_was_shrunk() -> None:
    small = drawn("Total amount due: $1,284.50")
    large = small.resize((small.width * 6, small.height * 6))
    near, far = ocr.read(written(small)), ocr.read(written(large))
    assert [block.text for block in near] == [block.text for block in far] == ["Total amount due: $1,284.50"]
    assert far[0].box.right == pytest.approx(6 * near[0].box.right, rel=0.03)


def test_small_letters_are_enlarged() -> None:
    page = Image.open(io.BytesIO(sample("paragraphs.png"))).convert("RGB")
    assert texts(written(page.resize((400, 192), Image.Resampling.LANCZOS)))[1] == PARAGRAPHS[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF"])
def test_formats(kind: str) -> None:
    assert texts(written(drawn("Gate B17"), kind)) == ["Gate B17"]


def test_a_picture_without_text_gives_nothing() -> None:
    assert ocr.read(written(Image.new("RGB", (300, 200), "white"))) == []
    assert ocr.to_markdown([]) == ""


def test_the_same_picture_reads_the_same_from_many_threads() -> None:
    data = written(drawn("Order 4417", "Shipped 2026-03-14"))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(ocr.read, [data] * 8))
    assert results == [results[0]] * 8
    assert results[0][0].text == "Order 4417\nShipped 2026-03-14"


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg/>", b"\x89PNG\r\n\x1a\nrest"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(CannotRead, match="picture"):
        ocr.read(data)


def test_half_a_picture_is_refused() -> None:
    data = sample("paragraphs.png")
    with pytest.raises(CannotRead, match="broken"):
        ocr.read(data[: len(data) // 2])


def test_a_picture_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 10_000)
    with pytest.raises(CannotRead, match="200 x 100 pixels"):
        pictures.opened(written(Image.new("RGB", (200, 100))))
