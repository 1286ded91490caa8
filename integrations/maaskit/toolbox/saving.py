"""Where results are saved: one folder, under names that nobody but this file chooses; nothing is overwritten.

What is saved, and whether, is the tools' business.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.media import MAX_FILE_OBJECT_BYTES, Media
from maaskit.toolbox.places import Root

# Only these: neither a model nor a server chooses what a file is taken for.
_SUFFIXES = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/l16": ".pcm",
    "audio/pcm": ".pcm",
    "audio/ogg": ".ogg",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/tiff": ".tiff",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}


def checked_output(folder: Root) -> Path | None:
    """Check the ``output_dir`` argument.

    Args:
        folder: A folder, which is made at the first result if it does not exist, or ``None``.

    Returns:
        The folder as an absolute path.

    Raises:
        InvalidInput: It is something else than a folder.
    """
    if folder is None:
        return None
    if not isinstance(folder, str | os.PathLike) or not str(folder).strip():
        raise InvalidInput(f"output_dir must be the path of a folder, not {folder!r}.")
    try:
        path = Path(os.fsdecode(folder)).expanduser().resolve()
        taken = path.exists() and not path.is_dir()
    except (OSError, RuntimeError, ValueError):  # no name of a file, links in a circle, a home of nobody
        raise InvalidInput(f"output_dir: {os.fsdecode(folder)[:200]!r} cannot be a folder.") from None
    if taken:
        raise InvalidInput(f"output_dir: {str(path)!r} is no folder.")
    return path


def save(media: Media, folder: Path, stem: str) -> Path:
    """Save a result under a name that is new.

    Args:
        media: The content.
        folder: Where; it is made if it does not exist.
        stem: What the name begins with: the tool's name.

    Returns:
        The file's path.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    suffix = _SUFFIXES.get((media.mime_type() or "").lower(), ".bin")
    data = media.read(limit=MAX_FILE_OBJECT_BYTES, argument="the result")
    path = folder / f"{stem}-{secrets.token_hex(8)}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, data)
    except OSError as error:
        raise ConfigurationError(
            f"The result cannot be saved in output_dir={str(folder)!r}: {error.strerror or error}."
        ) from None
    return path


def _write(path: Path, data: bytes) -> None:
    """Write a new file, or none: a full disk may show only when the last bytes go out, at the close."""
    file = path.open("xb")
    try:
        with file:
            file.write(data)
    except BaseException:  # an interrupt leaves no half file either
        with suppress(OSError):
            path.unlink()
        raise
