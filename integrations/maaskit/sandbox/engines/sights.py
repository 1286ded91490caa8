"""What a picture shows, told by its colours and the outlines of its patches, in the words of `concepts`.

Nothing is recognised here beyond colour, shape, light and place: no faces, no things, no text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from maaskit.sandbox.engines import pictures
from maaskit.sandbox.engines.concepts import COLOUR, GROUND, LIGHT, SHAPE, SIGHT, Concepts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

SIDE_PIXELS: Final = 256
"""The picture is looked at so small: outlines of patches stay clear, noise does not."""

NAMES: Final = (
    "black", "white", "gray", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown",
)  # fmt: skip
NO_COLOUR: Final = -1
HUES_DEGREES: Final = (
    (14, "red"), (42, "orange"), (70, "yellow"), (165, "green"), (195, "cyan"), (258, "blue"), (325, "purple"),
    (361, "red"),
)  # fmt: skip
"""Up to which hue a colour goes."""

MIN_PATCH_SHARE: Final = 0.004
MAX_PATCHES: Final = 12
MIN_COLOUR_SHARE: Final = 0.02
GROUND_SHARE: Final = 0.6
"""A colour that covers so much of the picture's edge is its background."""
LAYOUT: Final = 0.25
"""Weight of where colours lie: it makes a picture nearer to itself than to others of the same colours."""
PLACE: Final = 0.5


def seen_in(data: bytes) -> Concepts:
    """Tell what a picture shows.

    Args:
        data: The picture's file.

    Returns:
        Concept to weight, never empty.

    Raises:
        CannotRead: The bytes are no picture, or a broken or too large one.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    picture = pictures.opened(data)
    picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    hsv = np.asarray(picture.convert("HSV"), dtype=np.float32) / np.float32(255)
    colours = _colours(hsv)
    ground = ground_of(colours)
    found: Concepts = {}
    parts = (_in_front(colours, ground), _patches(colours, ground), _light(hsv), _layout(colours))
    for concept, weight in (pair for part in parts for pair in part):
        found[concept] = max(found.get(concept, 0.0), weight)
    return found


def colours_of(picture: Image) -> NDArray[np.int8]:
    """Name the colour of each pixel.

    Args:
        picture: Any picture, in RGB.

    Returns:
        Numbers in `NAMES`, shape (height, width).
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    return _colours(np.asarray(picture.convert("HSV"), dtype=np.float32) / np.float32(255))


def _colours(hsv: NDArray[np.float32]) -> NDArray[np.int8]:
    """Name each pixel's colour by its number in `NAMES`."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    hue, saturation, value = hsv[..., 0] * 360, hsv[..., 1], hsv[..., 2]
    numbers = np.array([NAMES.index(name) for _, name in HUES_DEGREES], dtype=np.int8)
    colours = numbers[np.searchsorted([limit for limit, _ in HUES_DEGREES], hue, side="right")]
    reddish = (hue < 14) | (hue > 280)
    colours[reddish & (saturation < 0.6) & (value > 0.75)] = NAMES.index("pink")
    colours[(hue > 8) & (hue < 46) & (value < 0.65) & (saturation > 0.25)] = NAMES.index("brown")
    colours[(saturation < 0.14) & (value > 0.85)] = NAMES.index("white")
    colours[(saturation < 0.14) & (value <= 0.85)] = NAMES.index("gray")
    colours[value < 0.22] = NAMES.index("black")
    return colours


def ground_of(colours: NDArray[np.int8]) -> int:
    """Find the background's colour along the picture's edge.

    Args:
        colours: What `colours_of` gives.

    Returns:
        Its number in `NAMES`, or `NO_COLOUR` for a background of several.
    """
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    edge = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    shares = np.bincount(edge, minlength=len(NAMES)) / len(edge)
    return int(shares.argmax()) if shares.max() >= GROUND_SHARE else NO_COLOUR


def _in_front(colours: NDArray[np.int8], ground: int) -> Iterator[tuple[str, float]]:
    """Weigh the colours of what stands before the background; of a plain surface its own colour."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    counts = np.bincount(colours.ravel(), minlength=len(NAMES)).astype(float)
    if ground != NO_COLOUR:
        yield f"ground:{NAMES[ground]}", GROUND
        if counts.sum() - counts[ground] > MIN_PATCH_SHARE * counts.sum():
            counts[ground] = 0
    for number, share in enumerate(counts / counts.sum()):
        if share > MIN_COLOUR_SHARE:
            yield f"colour:{NAMES[number]}", COLOUR * math.sqrt(share)


def _patches(colours: NDArray[np.int8], ground: int) -> Iterator[tuple[str, float]]:
    """Find the shapes of the largest patches of one colour."""
    patches = [
        (area, NAMES[number], outline)
        for number in range(len(NAMES))
        if number != ground
        for area, outline in _outlines(colours == number)
    ]
    patches.sort(key=lambda patch: -patch[0])
    for area, colour, outline in patches[:MAX_PATCHES]:
        weight = math.sqrt(area / patches[0][0])
        shape = _shape(outline)
        if shape:
            yield f"shape:{shape}", SHAPE * weight
            yield f"sight:{colour} {shape}", SIGHT * weight


def _outlines(mask: NDArray[np.bool_]) -> Iterator[tuple[float, Any]]:
    import cv2  # noqa: PLC0415 -- loaded on use: heavy
    import numpy as np  # noqa: PLC0415 -- the same

    cv: Any = cv2
    solid = cv.morphologyEx(mask.astype(np.uint8), cv.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv.findContours(solid, cv.RETR_EXTERNAL, cv.CHAIN_APPROX_NONE)
    for outline in outlines:
        area = float(cv.contourArea(outline))
        if area >= MIN_PATCH_SHARE * mask.size:
            yield area, outline


def _shape(outline: Any) -> str:
    """Name an outline's shape by how well it fills simple figures drawn around it; empty for none of them."""
    import cv2  # noqa: PLC0415 -- loaded on use: heavy

    cv: Any = cv2
    area = cv.contourArea(outline)
    _, radius = cv.minEnclosingCircle(outline)
    _, (one, other), _ = cv.minAreaRect(outline)
    longer, shorter = max(one, other) + 1e-6, min(one, other) + 1e-6
    triangle, _ = cv.minEnclosingTriangle(outline)
    hull = cv.contourArea(cv.convexHull(outline))
    if area / (longer * shorter) > 0.9:
        if longer / shorter > 8:
            return "line"
        return "square" if longer / shorter < 1.2 else "rectangle"
    if area / (math.pi * radius**2) > 0.86:
        return "circle"
    if area / max(triangle, 1e-6) > 0.85:
        return "triangle"
    if area / hull > 0.95 and abs(area / (longer * shorter) - math.pi / 4) < 0.05:
        return "ellipse"
    corners = len(cv.approxPolyDP(outline, 0.02 * cv.arcLength(outline, closed=True), closed=True))
    return "star" if area / hull < 0.75 and 8 <= corners <= 14 else ""


def _light(hsv: NDArray[np.float32]) -> Iterator[tuple[str, float]]:
    value = float(hsv[..., 2].mean())
    if value > 0.75:
        yield "light:bright", LIGHT * min(1.0, (value - 0.75) * 4 + 0.2) / 2
    if value < 0.35:
        yield "light:dark", LIGHT * min(1.0, (0.35 - value) * 4 + 0.3)
    if float(hsv[..., 1].mean()) < 0.05:
        yield "light:colourless", LIGHT / 2


def _layout(colours: NDArray[np.int8]) -> Iterator[tuple[str, float]]:
    """Say which colours lie above and below, and roughly where."""
    import numpy as np  # noqa: PLC0415 -- loaded on use: heavy

    for place, half in (("top", colours[: len(colours) // 2]), ("bottom", colours[len(colours) // 2 :])):
        shares = np.bincount(half.ravel(), minlength=len(NAMES)) / max(half.size, 1)
        for number in (shares > 0.25).nonzero()[0].tolist():
            yield f"{place}:{NAMES[number]}", PLACE * float(shares[number])
    for row, band in enumerate(np.array_split(colours, 3, axis=0)):
        for column, cell in enumerate(np.array_split(band, 3, axis=1)):
            if cell.size:
                most = int(np.bincount(cell.ravel(), minlength=len(NAMES)).argmax())
                yield f"layout:{row}{column} {NAMES[most]}", LAYOUT
