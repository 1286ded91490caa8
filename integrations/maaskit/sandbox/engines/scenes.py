"""What a picture is to show: a background, figures in their colours and places, a writing; read from a prompt.

It is drawn by `painting`, and set in motion by `film`. Words for colours and shapes are those of `concepts`, so that
the picture lies near its prompt in the space of `embeddings`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Final

from maaskit.sandbox.engines import concepts, features, prompt_words, stencils
from maaskit.sandbox.engines.concepts import Hit
from maaskit.sandbox.engines.stencils import STENCILS

COLOURS: Final = tuple(concepts.COLOURS)
PLAIN: Final = "white"
MAX_READ: Final = 2000
"""Characters of a prompt that are read for what is to be seen; the rest only lets two prompts differ."""

THINGS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sky": ("top", "blue"),
        "sea": ("bottom", "blue"),
        "grass": ("bottom", "green"),
        "forest": ("figure", "tree"),
        "sunset": ("top", "orange"),
        "sun": ("figure", "sun"),
        "moon": ("figure", "moon"),
        "snow": ("bottom", "white"),
        "fire": ("figure", "flame"),
        "blood": ("figure", "circle"),
        "banana": ("figure", "ellipse"),
        "sand": ("bottom", "yellow"),
        "chocolate": ("figure", "rectangle"),
        "coal": ("figure", "ellipse"),
    }
)
"""What becomes of the things that `concepts` knows, by their first name."""
THING_COLOURS: Final = {"blood": "red", "banana": "yellow", "chocolate": "brown", "coal": "black", "fire": "orange"}

_ON: Final = re.compile(r"(?:\b(?:on|against|upon|over|with)\s+(?:an?\s+|the\s+)?(?:\w+\s+)?|在)$")
_GROUND_BEHIND: Final = re.compile(r"^\s?(?:的)?\s?(?:background|backdrop|canvas|背景|底|上|之上)")


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one figure in a picture.

    Args:
        name: Its stencil.
        colour: Its colour's name.
        x: Where its middle is, from 0 at the left to 1.
        y: Where its middle is, from 0 at the top to 1.
        size: Its longer side as a share of the picture's shorter one.
    """

    name: str
    colour: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold all that a picture shows.

    Args:
        top: The background's colour.
        bottom: The colour of its lower part; the same for a plain background.
        figures: What stands before it, the farthest first.
        light: ``dark``, ``bright``, ``colourless`` or empty.
        writing: Text to write; empty for none.
        camera: How a film's camera moves: ``turn``, ``in``, ``out``, ``pan`` or empty.
        shaded: Whether the background is shaded.
        seed: Chooses tints and motion.
    """

    top: str
    bottom: str
    figures: tuple[Figure, ...]
    light: str
    writing: str
    camera: str
    shaded: bool
    seed: int


def read(prompt: str, *, seed: int, negative: str = "", shaded: bool = True) -> Scene:
    """Read a prompt.

    Args:
        prompt: What is to be seen, in Chinese or English; words that stand for nothing visible still choose something.
        seed: Chooses what the prompt leaves open.
        negative: What is not to be seen.
        shaded: Whether the background is shaded.

    Returns:
        The scene; the same for the same arguments, on every machine.
    """
    number = digest(f"{seed}\n{prompt}\n{negative}")
    rng = Random(number)  # noqa: S311 -- it paints
    said, writing = prompt_words.writing_in(prompt)
    text = said.casefold()
    hits = _hits(text)
    banned = _Banned(negative)
    top, bottom = _background(text, hits, banned)
    figures = [f for f in _figures(text, hits, rng) if not banned.holds(f.name)]
    if not figures and top == "" and bottom == "" and not writing:
        figures = list(_by_hash(said, rng))
    lone = [name for kind, name, *_ in hits if kind == "colour"]
    if not figures and not top and not bottom and lone:
        top = lone[0]
    if not top:
        top = "black" if _light(hits, banned) == "dark" else "blue" if bottom and bottom != "blue" else PLAIN
    if banned.holds(top):
        top = banned.other_than(top, rng)
    if bottom:
        figures = [_grounded(f, rng) for f in figures]
    bottom = bottom or top
    figures = [_visible(f, top, bottom, banned=banned, rng=rng) for f in figures]
    return Scene(
        top=top,
        bottom=bottom,
        figures=tuple(figures[: prompt_words.MAX_FIGURES]),
        light=_light(hits, banned),
        writing=writing,
        camera=prompt_words.camera_of(prompt),
        shaded=shaded,
        seed=number,
    )


def figures_in(text: str, rng: Random) -> list[Figure]:
    """Read only the figures of a text, for those who add some to a picture.

    Args:
        text: A text.
        rng: Chooses what the text leaves open.

    Returns:
        The figures; possibly none.
    """
    folded = text.casefold()
    return list(_figures(folded, _hits(folded), rng))


class _Banned:
    """What a negative prompt names."""

    def __init__(self, negative: str) -> None:
        self._names = {name for kind, name, *_ in _hits(negative.casefold()) if kind != "thing"}
        for kind, name, *_ in _hits(negative.casefold()):
            if kind == "thing":
                self._names.add(THINGS[_thing(name)][1])

    def holds(self, name: str) -> bool:
        return name in self._names

    def other_than(self, colour: str, rng: Random) -> str:
        return rng.choice([c for c in COLOURS if c != colour and c not in self._names] or [colour])


def digest(text: str) -> int:
    """Make a number of a text, the same on every machine.

    Args:
        text: Any text.

    Returns:
        64 bits.
    """
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _hits(text: str) -> list[Hit]:
    text = text[:MAX_READ]
    things: list[Hit] = [("stencil", name, begin, end) for name, begin, end in stencils.named_in(text)]
    seen = [h for h in concepts.hits_in(text) if not any(h[2] < t[3] and t[2] < h[3] for t in things)]
    found = sorted([*things, *seen], key=lambda hit: hit[2])
    # A word written twice in a row, as Chinese has it (星星), is one word.
    return [hit for at, hit in enumerate(found) if not at or found[at - 1][:2] != hit[:2] or found[at - 1][3] < hit[2]]


def _thing(number: str) -> str:
    return list(concepts.THINGS)[int(number)].split("|")[0]


def _background(text: str, hits: Sequence[Hit], banned: _Banned) -> tuple[str, str]:
    top = bottom = ""
    taken = _taken(hits)
    for hit in hits:
        kind, name, begin, end = hit
        if kind == "colour" and hit not in taken:
            if _GROUND_BEHIND.match(text[end:]) or _ON.search(text[max(0, begin - 24) : begin]):
                top = top or name
        elif kind == "thing":
            place, colour = THINGS[_thing(name)]
            colour = (_colour(hit, hits) or colour) if place != "figure" else colour
            if place == "top":
                top = top or colour
            elif place == "bottom":
                bottom = bottom or colour
    return top, "" if banned.holds(bottom) else bottom


def _colour(hit: Hit, hits: Sequence[Hit]) -> str:
    """Find the colour said of a word: of a shape as `concepts` does, of a thing the one right before it."""
    if hit[0] == "shape":
        return concepts.colour_of(hit, list(hits))
    before = [other for other in hits if other[3] <= hit[2]][-1:]
    return next((o[1] for o in before if o[0] == "colour" and hit[2] - o[3] <= concepts.NEAR_CHARACTERS), "")


def _taken(hits: Sequence[Hit]) -> list[Hit]:
    """Find the colours that belong to a figure."""
    taken = []
    for hit in hits:
        if hit[0] in ("shape", "stencil") or (hit[0] == "thing" and THINGS[_thing(hit[1])][0] == "figure"):
            colour = _colour(hit, hits)
            near = [h for h in hits if h[0] == "colour" and h[1] == colour]
            if colour and near:
                taken.append(min(near, key=lambda h: abs(h[2] - hit[2])))
    return taken


def _figures(text: str, hits: Sequence[Hit], rng: Random) -> Iterator[Figure]:
    wanted: list[tuple[str, str, str, int, int]] = []
    taken = _taken(hits)
    for hit in hits:
        kind, name, begin, end = hit
        colour = _colour(hit, hits)
        if kind in ("shape", "stencil"):
            wanted.append((name, colour or STENCILS[name].colour, text, begin, end))
        elif kind == "thing" and THINGS[_thing(name)][0] == "figure":
            thing = _thing(name)
            figure = THINGS[thing][1]
            wanted.append((figure, colour or THING_COLOURS.get(thing, STENCILS[figure].colour), text, begin, end))
        elif kind == "colour" and hit not in taken and _is_free(text, hits, hit):
            wanted.append((rng.choice(("circle", "square", "triangle")), name, text, begin, end))
    total = sum(prompt_words.count_before(text, begin) for _, _, text, begin, _ in wanted)
    at = 0
    for name, colour, _, begin, end in wanted:
        for _ in range(prompt_words.count_before(text, begin)):
            yield _placed((name, colour), (text, begin, end), (at, total), rng)
            at += 1


def _is_free(text: str, hits: Sequence[Hit], hit: Hit) -> bool:
    """Tell whether a colour stands for itself: not a background's, and not the only thing that is named."""
    _, _, begin, end = hit
    if _GROUND_BEHIND.match(text[end:]) or _ON.search(text[max(0, begin - 24) : begin]):
        return False
    follows = [
        h for h in hits if h[2] >= end and h[2] - end <= concepts.NEAR_CHARACTERS and h[0] in ("thing", "ground")
    ]
    return not follows and len(hits) > 1


def _placed(drawn: tuple[str, str], word: tuple[str, int, int], nth: tuple[int, int], rng: Random) -> Figure:
    """Place the nth of so many figures, as the words around its own one say."""
    name, colour = drawn
    text, begin, end = word
    at, total = nth
    columns = max(1, min(total, 6))
    rows = -(-total // columns)
    size = (0.46 if total == 1 else min(0.4, 0.75 / columns)) * rng.uniform(0.85, 1.1)
    size *= prompt_words.size_before(text, begin)
    x = (at % columns + 0.5) / columns + rng.uniform(-0.06, 0.06)
    y = 0.5 + rng.uniform(-0.08, 0.08) + (at // columns - (rows - 1) / 2) * 0.3
    if STENCILS[name].flies:
        y = rng.uniform(0.2, 0.32)
        size *= 0.7
    x, y = prompt_words.place_near(text, begin, end) or (x, y)
    half = size / 2
    return Figure(name, colour, min(max(x, half * 0.7), 1 - half * 0.7), min(max(y, half), 1 - half), size)


def _grounded(figure: Figure, rng: Random) -> Figure:
    """Let what does not fly stand on the ground, and what swims be in it."""
    if STENCILS[figure.name].flies or abs(figure.y - 0.5) > 0.2:
        return figure
    return replace(figure, y=0.78 if figure.name == "fish" else rng.uniform(0.56, 0.68))


def _by_hash(prompt: str, rng: Random) -> Iterator[Figure]:
    """Let each word that stands for nothing visible choose a figure and its colour."""
    words = [key for key in features.of(prompt) if key.startswith(("w:", "c:"))][:3] or [prompt]
    for at, word in enumerate(words):
        choice = digest(word)
        name = ("circle", "square", "triangle", "star", "ellipse", "rectangle")[choice % 6]
        colour = COLOURS[(choice >> 8) % 9]
        yield _placed((name, colour), (prompt, 0, 0), (at, len(words)), rng)


def _light(hits: Sequence[Hit], banned: _Banned) -> str:
    found = [name for kind, name, *_ in hits if kind == "light" and not banned.holds(name)]
    return found[0] if found else ""


def _visible(figure: Figure, top: str, bottom: str, *, banned: _Banned, rng: Random) -> Figure:
    """Give a figure another colour when its own is not wanted or is the background's."""
    behind = bottom if figure.y > 0.6 else top
    if not banned.holds(figure.colour) and figure.colour != behind:
        return figure
    if figure.colour == behind and not banned.holds(figure.colour) and figure.name == "cloud":
        return replace(figure, colour="gray")
    choices = [c for c in COLOURS if c not in (top, bottom, figure.colour) and not banned.holds(c)]
    return replace(figure, colour=rng.choice(choices or [figure.colour]))
