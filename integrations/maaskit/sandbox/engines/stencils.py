"""What the painter can draw: figures and simple things, put together of flat parts in a box from 0 to 1.

Which of them a text names is found here by word; where they stand in a picture is decided in `scenes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["ellipse", "rectangle", "triangle", "point_down", "star"]
Part = tuple[Kind, str, float, float, float, float]
"""Form, colour (empty for the figure's own), and its box: left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Stencil:
    """Hold one figure.

    Args:
        words: What it is called, in Chinese and English, separated by bars; empty for what `concepts` names.
        colour: Its colour unless the text says another one.
        parts: What it is made of, the farthest first.
        aspect: Width by height.
        flies: Whether it belongs above the horizon.
    """

    words: str
    colour: str
    parts: tuple[Part, ...]
    aspect: float = 1.0
    flies: bool = False


_CAT: Final[tuple[Part, ...]] = (
    ("ellipse", "", 0.02, 0.42, 0.30, 0.60),
    ("ellipse", "", 0.10, 0.45, 0.75, 0.85),
    ("rectangle", "", 0.18, 0.75, 0.26, 1.00),
    ("rectangle", "", 0.60, 0.75, 0.68, 1.00),
    ("triangle", "", 0.58, 0.04, 0.73, 0.32),
    ("triangle", "", 0.81, 0.04, 0.96, 0.32),
    ("ellipse", "", 0.55, 0.16, 1.00, 0.60),
    ("ellipse", "black", 0.66, 0.30, 0.71, 0.38),
    ("ellipse", "black", 0.83, 0.30, 0.88, 0.38),
    ("point_down", "pink", 0.74, 0.42, 0.80, 0.48),
)
_DOG: Final[tuple[Part, ...]] = (
    ("rectangle", "", 0.02, 0.30, 0.08, 0.60),
    ("rectangle", "", 0.04, 0.48, 0.70, 0.80),
    ("rectangle", "", 0.08, 0.75, 0.18, 1.00),
    ("rectangle", "", 0.56, 0.75, 0.66, 1.00),
    ("ellipse", "", 0.55, 0.15, 0.92, 0.58),
    ("ellipse", "", 0.78, 0.32, 1.00, 0.54),
    ("ellipse", "black", 0.52, 0.18, 0.64, 0.50),
    ("ellipse", "black", 0.74, 0.27, 0.79, 0.33),
    ("ellipse", "black", 0.94, 0.36, 1.00, 0.43),
)

STENCILS: Final[Mapping[str, Stencil]] = MappingProxyType(
    {
        "circle": Stencil("", "red", (("ellipse", "", 0, 0, 1, 1),)),
        "square": Stencil("", "blue", (("rectangle", "", 0, 0, 1, 1),)),
        "rectangle": Stencil("", "green", (("rectangle", "", 0, 0, 1, 1),), 1.8),
        "triangle": Stencil("", "orange", (("triangle", "", 0, 0, 1, 1),), 1.15),
        "ellipse": Stencil("", "purple", (("ellipse", "", 0, 0, 1, 1),), 1.7),
        "star": Stencil("", "yellow", (("star", "", 0, 0, 1, 1),)),
        "line": Stencil("", "black", (("rectangle", "", 0, 0.47, 1, 0.53),), 1.0),
        "sun": Stencil("", "yellow", (("ellipse", "", 0, 0, 1, 1),), flies=True),
        "moon": Stencil("", "yellow", (("ellipse", "", 0, 0, 1, 1),), flies=True),
        "flame": Stencil("", "orange", (("triangle", "", 0.1, 0, 0.9, 1), ("triangle", "red", 0.35, 0.45, 0.65, 1))),
        "tree": Stencil(
            "tree|pine|树|松树",
            "green",
            (
                ("rectangle", "brown", 0.42, 0.7, 0.58, 1),
                ("triangle", "", 0.05, 0.28, 0.95, 0.8),
                ("triangle", "", 0.15, 0, 0.85, 0.5),
            ),
            0.7,
        ),
        "cloud": Stencil(
            "cloud|云朵|白云",
            "white",
            (
                ("ellipse", "", 0, 0.35, 0.5, 1),
                ("ellipse", "", 0.25, 0, 0.8, 0.9),
                ("ellipse", "", 0.55, 0.3, 1, 1),
            ),
            2.0,
            flies=True,
        ),
        "cat": Stencil("cat|kitten|kitty|猫", "orange", _CAT, 1.2),
        "dog": Stencil("dog|puppy|狗|犬", "brown", _DOG, 1.2),
        "house": Stencil(
            "house|home|hut|cottage|building|房子|房屋|小屋|建筑",
            "yellow",
            (
                ("rectangle", "", 0.12, 0.42, 0.88, 1),
                ("triangle", "red", 0, 0, 1, 0.45),
                ("rectangle", "brown", 0.42, 0.65, 0.58, 1),
                ("rectangle", "cyan", 0.2, 0.55, 0.34, 0.7),
                ("rectangle", "cyan", 0.66, 0.55, 0.8, 0.7),
            ),
        ),
        "flower": Stencil(
            "flower|tulip|daisy|花朵|花",
            "pink",
            (
                ("rectangle", "green", 0.47, 0.45, 0.53, 1),
                ("ellipse", "", 0.1, 0.2, 0.5, 0.5),
                ("ellipse", "", 0.5, 0.2, 0.9, 0.5),
                ("ellipse", "", 0.32, 0, 0.68, 0.32),
                ("ellipse", "", 0.32, 0.38, 0.68, 0.68),
                ("ellipse", "yellow", 0.36, 0.24, 0.64, 0.46),
            ),
            0.8,
        ),
        "mountain": Stencil(
            "mountain|hill|volcano|山峰|雪山|山",
            "gray",
            (("triangle", "", 0, 0, 1, 1), ("triangle", "white", 0.38, 0, 0.62, 0.24)),
            1.7,
        ),
        "boat": Stencil(
            "boat|ship|sailboat|yacht|帆船|小船|轮船|船",
            "brown",
            (
                ("triangle", "white", 0.2, 0, 0.8, 0.65),
                ("rectangle", "", 0.15, 0.7, 0.85, 1),
                ("point_down", "", 0, 0.7, 0.3, 1),
                ("point_down", "", 0.7, 0.7, 1, 1),
            ),
        ),
        "car": Stencil(
            "car|taxi|truck|bus|汽车|轿车|卡车|车",
            "red",
            (
                ("rectangle", "", 0, 0.4, 1, 0.8),
                ("rectangle", "", 0.2, 0.05, 0.78, 0.45),
                ("rectangle", "cyan", 0.26, 0.12, 0.47, 0.38),
                ("rectangle", "cyan", 0.53, 0.12, 0.72, 0.38),
                ("ellipse", "black", 0.12, 0.64, 0.32, 1),
                ("ellipse", "black", 0.68, 0.64, 0.88, 1),
            ),
            1.9,
        ),
        "bird": Stencil(
            "bird|seagull|eagle|parrot|小鸟|海鸥|鸟",
            "blue",
            (
                ("triangle", "", 0.3, 0, 0.7, 0.5),
                ("ellipse", "", 0.1, 0.35, 0.8, 0.8),
                ("ellipse", "", 0.62, 0.2, 0.95, 0.6),
                ("rectangle", "orange", 0.92, 0.38, 1, 0.44),
                ("ellipse", "black", 0.76, 0.3, 0.82, 0.38),
            ),
            1.4,
            flies=True,
        ),
        "fish": Stencil(
            "fish|goldfish|whale|shark|鱼|鲸",
            "orange",
            (
                ("triangle", "", 0, 0.1, 0.3, 0.5),
                ("point_down", "", 0, 0.5, 0.3, 0.9),
                ("ellipse", "", 0.15, 0.15, 1, 0.85),
                ("ellipse", "black", 0.78, 0.36, 0.84, 0.48),
            ),
            1.6,
        ),
        "person": Stencil(
            "person|people|man|woman|girl|boy|child|children|人物|女孩|男孩|女生|男生|女人|男人|小孩|孩子|人",
            "blue",
            (
                ("rectangle", "brown", 0.34, 0.7, 0.46, 1),
                ("rectangle", "brown", 0.54, 0.7, 0.66, 1),
                ("rectangle", "", 0.26, 0.32, 0.74, 0.74),
                ("rectangle", "", 0.06, 0.34, 0.94, 0.42),
                ("ellipse", "pink", 0.3, 0, 0.7, 0.32),
            ),
            0.6,
        ),
        "heart": Stencil(
            "heart|love|爱心|心形",
            "red",
            (
                ("ellipse", "", 0.0, 0.0, 0.54, 0.55),
                ("ellipse", "", 0.46, 0.0, 1.0, 0.55),
                ("point_down", "", 0.03, 0.36, 0.97, 1),
            ),
        ),
        "balloon": Stencil(
            "balloon|气球",
            "red",
            (("rectangle", "black", 0.48, 0.7, 0.52, 1), ("ellipse", "", 0.1, 0, 0.9, 0.75)),
            0.7,
            flies=True,
        ),
        "cup": Stencil(
            "cup|mug|coffee|tea|杯子|咖啡|茶|杯",
            "white",
            (
                ("ellipse", "", 0.6, 0.2, 1, 0.75),
                ("rectangle", "", 0, 0.1, 0.78, 1),
                ("ellipse", "brown", 0.04, 0, 0.74, 0.2),
            ),
        ),
        "robot": Stencil(
            "robot|android|机器人",
            "gray",
            (
                ("rectangle", "black", 0.48, 0, 0.52, 0.12),
                ("rectangle", "", 0.28, 0.1, 0.72, 0.38),
                ("rectangle", "cyan", 0.36, 0.18, 0.44, 0.26),
                ("rectangle", "cyan", 0.56, 0.18, 0.64, 0.26),
                ("rectangle", "", 0.2, 0.42, 0.8, 0.78),
                ("rectangle", "", 0.02, 0.44, 0.14, 0.72),
                ("rectangle", "", 0.86, 0.44, 0.98, 0.72),
                ("rectangle", "", 0.3, 0.8, 0.42, 1),
                ("rectangle", "", 0.58, 0.8, 0.7, 1),
            ),
            0.8,
        ),
    }
)


def _pattern(words: str) -> str:
    # An English name may be plural; Chinese ones may not be a part of another word that is known.
    known = sorted(words.split("|"), key=len, reverse=True)
    return "|".join(rf"\b{word}(?:e?s)?\b" if word.isascii() else word for word in known)


_WORDS: Final = re.compile(
    "|".join(
        f"(?P<{name}>{_pattern(stencil.words)})"
        for name, stencil in sorted(STENCILS.items(), key=lambda item: item[0] == "person")
        if stencil.words
    )
)


def named_in(text: str) -> list[tuple[str, int, int]]:
    """Find the things that a text names and that can be drawn.

    Args:
        text: Any text.

    Returns:
        Name, begin and end of each in the case-folded text, in order.
    """
    return [(match.lastgroup or "", *match.span()) for match in _WORDS.finditer(text.casefold())]
