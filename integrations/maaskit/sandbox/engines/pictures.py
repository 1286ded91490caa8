"""Pictures from bytes: opened once, turned upright, bounded in size, on white where they are transparent.

What a picture shows is found out elsewhere.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from maaskit.sandbox.engines import CannotRead

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS: Final = 100_000_000
"""A picture that says it is larger is refused before it is unpacked."""

_ORIENTATION: Final = 0x0112
"""EXIF's tag; from 5 on, width and height are exchanged."""

FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")


def opened(data: bytes) -> Image:
    """Open a picture upright and in RGB; of several frames the first.

    Args:
        data: The file.

    Returns:
        The picture.

    Raises:
        CannotRead: The bytes are no picture, a broken or too large one, or a format outside of `FORMATS`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 -- loaded on use: heavy

    if data.startswith(b"%PDF-"):
        raise CannotRead("a PDF is no picture: send its pages as pictures, or the file to document parsing")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                size = f"{picture.width} x {picture.height} pixels"
                raise CannotRead(f"the picture has {size}, more than {MAX_PIXELS // 10**6} million")
            return _on_white(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        raise CannotRead(f"the data ({len(data)} bytes) is no picture that the sandbox knows") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, CannotRead):
            raise
        raise CannotRead(f"the picture is broken ({type(error).__name__})") from error


def measured(data: bytes) -> tuple[str, int, int]:
    """Read a picture's format and size from its head.

    Args:
        data: The file.

    Returns:
        The format as Pillow calls it, width and height in pixels, turned upright.

    Raises:
        CannotRead: The bytes are no picture that Pillow knows.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 -- loaded on use: heavy

    try:
        with Image.open(io.BytesIO(data)) as picture:
            turned = picture.getexif().get(_ORIENTATION, 1) >= 5
            width, height = reversed(picture.size) if turned else picture.size
            return picture.format or "", width, height
    except UnidentifiedImageError as error:
        raise CannotRead(f"the data ({len(data)} bytes) is no picture that the sandbox knows") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise CannotRead(f"the picture is broken ({type(error).__name__})") from error


def _on_white(picture: Image) -> Image:
    from PIL import Image  # noqa: PLC0415 -- loaded on use: heavy

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        top = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", top.size, "white"), top).convert("RGB")
    if picture.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip them
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    return picture.convert("RGB")
