"""Pictures changed as a text says: colours, turns, cuts, light, figures added, words written, pictures joined.

What the text names is found with the words of `concepts` and `scenes`; an instruction that names nothing known gives
the picture a tint of its own, so that something was done and two instructions differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines import CannotRead, concepts, painting, pictures, prompt_words, scenes, sights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MAX_PIXELS: Final = 1_048_576
"""Results are at most about so large, like those of the model: 1248 x 832 in the document's example."""

BACKGROUND: Final = re.compile(r"background|backdrop|背景|底色")
SWAP: Final = re.compile(
    r"(?i)(?:into|to|with|by|变成|变为|改成|改为|换成|换为|替换为|替换成|涂成|染成|->|→)\s*(?:an?\s+|the\s+)?"
)
ADD: Final = re.compile(r"(?i)\b(?:add|draw|put|insert|place|paint)\b|添加|加上|加入|加一|增加|画上|画一|放上|放一")
REMOVE: Final = re.compile(r"(?i)\b(?:remove|delete|erase|get rid of|without)\b|去掉|去除|移除|删除|删掉|擦除|抹去")
BESIDE: Final = re.compile(r"(?i)side by side|collage|next to each other|stitch|拼接|并排|拼图|拼成|合并")
ANGLE: Final = re.compile(r"(\d{1,3})\s*(?:°|degrees?|度)")
INSET_SHARE: Final = 0.42
TINT: Final = 0.22


def retouched(images: Sequence[bytes], text: str, *, seed: int, negative: str = "", watermark: bool = False) -> Image:
    """Change pictures as a text says.

    Args:
        images: Their files; without any, the text is painted.
        text: What is to be done, in Chinese or English.
        seed: Chooses what the text leaves open.
        negative: What is not to be seen in the result: colours that it names lose their colour.
        watermark: Whether to mark the result as made by a machine.

    Returns:
        The one result; the same for the same arguments.

    Raises:
        CannotRead: A picture cannot be read; the message names which.
    """
    rng = Random(scenes.digest(f"{seed}\n{text}\n{negative}"))  # noqa: S311 -- it paints
    if not images:
        result = painting.drawn(scenes.read(text, seed=seed, negative=negative), 1024, 1024)
    else:
        opened = [_opened(data, number) for number, data in enumerate(images, 1)]
        joined = _joined(opened, text, rng)
        result = _obeyed(joined, text, rng, changed=len(opened) > 1)
    for kind, name, *_ in concepts.hits_in(negative):
        if kind == "colour":
            result = _recoloured(result, name, "gray")
    if watermark:
        _mark(result)
    return result


def _opened(data: bytes, number: int) -> Image:
    try:
        picture = pictures.opened(data)
    except CannotRead as error:
        raise CannotRead(f"picture {number}: {error}") from error
    share = (MAX_PIXELS / (picture.width * picture.height)) ** 0.5
    if share < 1:
        picture = picture.resize((max(1, round(picture.width * share)), max(1, round(picture.height * share))))
    return picture


def _joined(opened: Sequence[Image], text: str, rng: Random) -> Image:
    if len(opened) == 1:
        return opened[0]
    return _beside(opened) if BESIDE.search(text) else _inset(opened, rng)


def _beside(opened: Sequence[Image]) -> Image:
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    height = min(picture.height for picture in opened)
    scaled = [p.resize((max(1, round(p.width * height / p.height)), height)) for p in opened]
    whole = Images.new("RGB", (sum(p.width for p in scaled), height))
    at = 0
    for picture in scaled:
        whole.paste(picture, (at, 0))
        at += picture.width
    return whole


def _inset(opened: Sequence[Image], rng: Random) -> Image:
    """Lay the other pictures over the first, in a row from one of its sides."""
    whole = opened[0].copy()
    from_right = rng.random() < 0.5
    side = max(1, round(min(whole.size) * INSET_SHARE / (1 if len(opened) == 2 else 1.4)))
    for number, picture in enumerate(opened[1:]):
        small = picture.copy()
        small.thumbnail((side, side))
        across = (number % 3) * (side + 8) + 8
        x = whole.width - small.width - across if from_right else across
        y = whole.height - small.height - 8 - (number // 3) * (side + 8)
        whole.paste(small, (x, y))
    return whole


def _obeyed(picture: Image, text: str, rng: Random, *, changed: bool) -> Image:
    folded = text.casefold()
    _, writing = prompt_words.writing_in(text)
    for step in STEPS:
        result = step(picture, folded)
        if result is not None:
            picture, changed = result, True
    added = _added(picture, folded, rng)
    if added is not None:
        picture, changed = added, True
    if writing:
        picture = picture.copy()
        painting.write(picture, writing)
        changed = True
    return picture if changed else _tinted(picture, rng)


def _turned(picture: Image, text: str) -> Image | None:
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    if re.search(r"upside[ -]?down|vertical(?:ly)? flip|flip\w* (?:\w+ ){0,3}vertical|上下翻转|垂直翻转|倒过来", text):
        return picture.transpose(Images.Transpose.FLIP_TOP_BOTTOM)
    if re.search(r"\bflip|\bmirror|翻转|镜像", text):
        return picture.transpose(Images.Transpose.FLIP_LEFT_RIGHT)
    if re.search(r"\brotat|\bturn (?:it|the picture|the image)\b.*\d|旋转", text):
        found = ANGLE.search(text)
        degrees = int(found[1]) if found else 90
        clockwise = not re.search(r"counter|anti|逆时针", text)
        return picture.rotate(-degrees if clockwise else degrees, expand=True, fillcolor=(255, 255, 255))
    return None


def _cropped(picture: Image, text: str) -> Image | None:
    if not re.search(r"\bcrop|\bcut out|裁剪|裁切|截取", text):
        return None
    width, height = picture.size
    if re.search(r"\bsquare\b|方形|正方", text):
        side = min(width, height)
        return picture.crop(((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
    left, right = (0, width // 2) if re.search(r"\bleft\b|左", text) else (width // 4, width - width // 4)
    left, right = (width // 2, width) if re.search(r"\bright\b|右", text) else (left, right)
    top, bottom = (
        (height // 4, height - height // 4) if (left, right) == (width // 4, width - width // 4) else (0, height)
    )
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _lit(picture: Image, text: str) -> Image | None:
    from PIL import ImageEnhance, ImageFilter, ImageOps  # noqa: PLC0415 -- loaded on use: heavy

    steps: list[tuple[str, Callable[[Image], Image]]] = [
        (r"gr[ae]y ?scale|black[ -]and[ -]white|monochrome|desaturat|黑白|灰度|去色", _greyed),
        (r"\binvert|negative colou?r|反色|反相|负片", ImageOps.invert),
        (r"\bbrighte|lighter|变亮|调亮|提亮|亮一点|更亮", lambda p: ImageEnhance.Brightness(p).enhance(1.4)),
        (r"\bdarke|变暗|调暗|暗一点|更暗", lambda p: ImageEnhance.Brightness(p).enhance(0.6)),
        (r"\bcontrast|对比度", lambda p: ImageEnhance.Contrast(p).enhance(1.5)),
        (r"\bblur|模糊|虚化", lambda p: p.filter(ImageFilter.GaussianBlur(max(2, min(p.size) // 60)))),
        (r"\bsharpe|锐化|清晰", lambda p: p.filter(ImageFilter.UnsharpMask(3, 180))),
        (r"\bsepia|vintage|怀旧|复古", lambda p: ImageOps.colorize(p.convert("L"), "#2b1a08", "#fff0d0")),
        (r"\bsketch|line drawing|outline|素描|线稿", _sketched),
        (r"\b(?:frame|border)\b|边框|相框", lambda p: ImageOps.expand(p, max(4, min(p.size) // 25), _named(text))),
    ]
    wanted = [step for pattern, step in steps if re.search(pattern, text)]
    for step in wanted:
        picture = step(picture)
    return picture if wanted else None


def _greyed(picture: Image) -> Image:
    return picture.convert("L").convert("RGB")


def _sketched(picture: Image) -> Image:
    from PIL import ImageFilter, ImageOps  # noqa: PLC0415 -- loaded on use: heavy

    edges = picture.convert("L").filter(ImageFilter.GaussianBlur(1)).filter(ImageFilter.FIND_EDGES)
    return ImageOps.invert(ImageOps.autocontrast(edges.filter(ImageFilter.MaxFilter(5)), cutoff=1)).convert("RGB")


def _named(text: str) -> tuple[int, int, int]:
    names = _colours_in(text)
    return painting.COLOURS[names[0] if names else "black"]


def _grounded(picture: Image, text: str) -> Image | None:
    """Give the background another colour."""
    if not BACKGROUND.search(text):
        return None
    names = _colours_in(text)
    if not names:
        return None
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    colours = sights.colours_of(picture)
    ground = sights.ground_of(colours)
    pixels = np.asarray(picture).copy()
    mask = colours == ground if ground != sights.NO_COLOUR else _edge_mask(pixels)
    pixels[mask] = painting.COLOURS[names[-1]]
    return _picture(pixels)


def _swapped(picture: Image, text: str) -> Image | None:
    """Turn one colour into another, or all that stands before the background into the one that is named."""
    change = SWAP.search(text)
    make = re.search(r"\b(?:make|paint|colou?r|turn)\b.*", text)
    if BACKGROUND.search(text) or REMOVE.search(text) or ADD.search(text) or not (change or make):
        return None
    names = _colours_in(text)
    if not names:
        return None
    source = names[0] if len(names) > 1 else ""
    return _recoloured(picture, source, names[-1])


def _removed(picture: Image, text: str) -> Image | None:
    if not REMOVE.search(text):
        return None
    names = _colours_in(text)
    if BACKGROUND.search(text):
        return _grounded(picture, "background white")
    colours = sights.colours_of(picture)
    ground = sights.ground_of(colours)
    behind = sights.NAMES[ground] if ground != sights.NO_COLOUR else "white"
    return _recoloured(picture, names[0] if names else "", behind, exact=_edge_colour(picture))


def _added(picture: Image, text: str, rng: Random) -> Image | None:
    from PIL import ImageDraw  # noqa: PLC0415 -- loaded on use: heavy

    figures = scenes.figures_in(text, rng) if ADD.search(text) else []
    if not figures:
        return None
    result = picture.copy()
    scene = scenes.read(text, seed=rng.getrandbits(32))
    draw = ImageDraw.Draw(result)
    for figure in figures:
        painting.draw_figure(draw, figure, result.size, scene)
    return result


def _colours_in(text: str) -> list[str]:
    return [name for kind, name, *_ in concepts.hits_in(text) if kind == "colour"]


def _recoloured(picture: Image, source: str, target: str, *, exact: tuple[int, int, int] | None = None) -> Image:
    """Give every pixel of a colour another one, keeping its shading; without a source, all before the background."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    colours = sights.colours_of(picture)
    ground = sights.ground_of(colours)
    mask = colours == sights.NAMES.index(source) if source else colours != ground
    pixels = np.asarray(picture).copy()
    if exact is not None:
        pixels[mask] = exact
        return _picture(pixels)
    light = pixels[mask].max(axis=1, keepdims=True) / max(1, int(pixels[mask].max(initial=1)))
    shaded = np.array(painting.COLOURS[target]) * (0.75 + 0.25 * light)
    pixels[mask] = np.clip(shaded, 0, 255).astype(np.uint8)
    return _picture(pixels)


def _edge_mask(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find what looks like the four corners, for pictures without one background colour."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    corner = np.median([pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[-1, -1]], axis=0)
    mask: NDArray[np.bool_] = np.abs(pixels.astype(int) - corner).sum(axis=2) < 60
    return mask


def _edge_colour(picture: Image) -> tuple[int, int, int]:
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = np.median(edge, axis=0).astype(int).tolist()
    return red, green, blue


def _tinted(picture: Image, rng: Random) -> Image:
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    return Images.blend(picture, Images.new("RGB", picture.size, colour), TINT)


def _mark(picture: Image) -> None:
    from PIL import ImageDraw  # noqa: PLC0415 -- loaded on use: heavy

    side = max(16, min(picture.size) // 8)
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width - side * 1.5, height - side * 0.6, width, height), fill=(0, 0, 0))
    font = painting.font(side // 2)
    draw.text((width - side * 0.75, height - side * 0.3), "AI", fill=(255, 255, 255), font=font, anchor="mm")


def _picture(pixels: NDArray[np.uint8]) -> Image:
    from PIL import Image as Images  # noqa: PLC0415 -- loaded on use: heavy

    return Images.fromarray(pixels)


STEPS: Final = (_turned, _cropped, _removed, _grounded, _swapped, _lit)
"""What a text may ask for, in the order in which it is done; figures are added last."""
