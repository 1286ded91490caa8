"""What can be seen, by its names in Chinese and English: colours, shapes, light, and things of a known colour.

Pictures are looked at in `sights`, which speaks of the same concepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

Concepts = dict[str, float]

COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "red": "red|crimson|scarlet|红色|红|赤|朱",
        "orange": "orange|橙色|橙|橘色|橘",
        "yellow": "yellow|golden|gold|黄色|黄|金色",
        "green": "green|emerald|绿色|绿|翠",
        "cyan": "cyan|teal|turquoise|青色|青|蓝绿",
        "blue": "blue|navy|azure|蓝色|蓝|湛蓝|蔚蓝",
        "purple": "purple|violet|magenta|紫色|紫",
        "pink": "pink|粉色|粉红色|粉红|粉",
        "brown": "brown|棕色|棕|褐色|褐|咖啡色",
        "black": "black|黑色|黑",
        "white": "white|白色|白",
        "gray": "gray|grey|silver|灰色|灰|银色",
    }
)
SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "circle": "circle|disc|disk|dot|ball|round|ring|圆形|圆圈|圆点|圆|球",
        "square": "square|box|block|正方形|方形|方块|正方|(?<![地对双官四东西南北])方(?![法面便向式案程针])",
        "rectangle": "rectangle|rectangular|bar|长方形|矩形|长条",
        "triangle": "triangle|triangular|三角形|三角",
        "ellipse": "ellipse|oval|椭圆形|椭圆",
        "star": "star|五角星|星形|星星|(?<![明卫])星(?!期)",
        "line": "line|stripe|直线|线条|条纹",
    }
)
LIGHTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bright": "bright|light|sunny|明亮|光亮|(?<!漂)亮",
        "dark": "dark|dim|gloomy|night|黑暗|昏暗|阴暗|暗|夜晚|夜空|夜",
        "colourless": "monochrome|grayscale|greyscale|black and white|黑白",
    }
)
THINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sky|天空|蓝天": ("colour:blue", "top:blue"),
        "sea|ocean|lake|water|beach|大海|海滩|海洋|海水|(?<!上)海|湖": ("colour:blue",),
        "grass|lawn|meadow|草地|草坪|草原|草": ("colour:green", "bottom:green"),
        "forest|tree|leaf|leaves|jungle|森林|树林|树木|树叶|树|叶子": ("colour:green",),
        "sunset|sunrise|dusk|日落|日出|夕阳|晚霞|朝霞": ("colour:orange", "top:orange", "colour:yellow"),
        "sun|太阳": ("colour:yellow", "shape:circle", "sight:yellow circle"),
        "moon|月亮": ("colour:yellow", "colour:white", "shape:circle"),
        "snow|cloud|雪地|雪|云": ("colour:white",),
        "fire|flame|火焰|火": ("colour:orange", "colour:red"),
        "blood|rose|strawberry|tomato|cherry|血|玫瑰|草莓|番茄|樱桃": ("colour:red",),
        "banana|lemon|corn|香蕉|柠檬|玉米": ("colour:yellow",),
        "sand|desert|沙滩|沙漠|沙子": ("colour:yellow", "colour:brown"),
        "chocolate|wood|soil|earth|巧克力|木头|泥土|土地": ("colour:brown",),
        "coal|ink|煤炭|煤|墨": ("colour:black",),
    }
)

COLOUR: Final = 1.0
SHAPE: Final = 1.0
SIGHT: Final = 1.2
"""A shape in its colour: what tells a red circle beside a blue square from a blue circle beside a red one."""
LIGHT: Final = 1.0
GROUND: Final = 0.8
THING: Final = 0.6

NEAR_CHARACTERS: Final = 14
"""A colour this near to a shape's name belongs to it."""


def _pattern(names: str) -> str:
    words = sorted(names.split("|"), key=len, reverse=True)
    return "|".join(rf"\b{word}(?:e?s)?\b" if word.isascii() else word for word in words)


_NAMES: Final = re.compile(
    "|".join(
        f"(?P<{key}>{_pattern(names)})"
        for key, names in [
            *((f"colour_{name}", names) for name, names in COLOURS.items()),
            *((f"shape_{name}", names) for name, names in SHAPES.items()),
            *((f"light_{name}", names) for name, names in LIGHTS.items()),
            *((f"thing_{number}", names) for number, names in enumerate(THINGS)),
            ("ground_", "background|背景|底色|(?<=[色白黑])底"),
        ]
    )
)

Hit = tuple[str, str, int, int]
"""Kind, name, begin and end of a word that names something visible."""


def named_in(text: str) -> Concepts:
    """Find what a text names that can be seen.

    Args:
        text: Any text.

    Returns:
        Concept to weight; empty for a text that names nothing visible.
    """
    hits = hits_in(text)
    found: Concepts = {}
    for kind, name, begin, end in hits:
        for concept, weight in _meant((kind, name, begin, end), hits):
            found[concept] = max(found.get(concept, 0.0), weight)
    return found


def hits_in(text: str) -> list[Hit]:
    """Find the words of a text that name something visible.

    Args:
        text: Any text.

    Returns:
        The words in order, with their places in the case-folded text.
    """
    return [_hit(match) for match in _NAMES.finditer(text.casefold())]


def _hit(match: re.Match[str]) -> Hit:
    kind, _, name = (match.lastgroup or "").partition("_")
    return kind, name, match.start(), match.end()


def _meant(hit: Hit, hits: list[Hit]) -> Iterator[tuple[str, float]]:
    kind, name, _, end = hit
    if kind == "colour":
        ground = any(other[0] == "ground" and 0 <= other[2] - end <= 2 for other in hits)
        yield (f"ground:{name}", GROUND) if ground else (f"colour:{name}", COLOUR)
    elif kind == "shape":
        yield f"shape:{name}", SHAPE
        colour = colour_of(hit, hits)
        if colour:
            yield f"sight:{colour} {name}", SIGHT
    elif kind == "light":
        yield f"light:{name}", LIGHT
    elif kind == "thing":
        for concept in list(THINGS.values())[int(name)]:
            yield concept, THING


def colour_of(shape: Hit, hits: list[Hit]) -> str:
    """Find the colour said of a shape or a thing: the nearest one before it, or after it when there is none.

    Args:
        shape: The word that names it.
        hits: All words, in order.

    Returns:
        The colour's name, or an empty string.
    """
    at = hits.index(shape)
    for other in reversed(hits[:at]):
        if other[0] != "colour" or shape[2] - other[3] > NEAR_CHARACTERS:
            break
        return other[1]
    for other in hits[at + 1 : at + 2]:
        if other[0] == "colour" and other[2] - shape[3] <= NEAR_CHARACTERS:
            return other[1]
    return ""
