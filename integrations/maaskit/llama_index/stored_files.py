"""Files on a file system of fsspec, such as a bucket: read through it when their turn has come, within bounds.

fsspec itself is not imported: who hands over a file system has it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from maaskit.errors import ConnectionFailed, InvalidInput
from maaskit.files import Stored
from maaskit.media import Media, too_large


def is_local(fs: Any) -> bool:
    """Tell whether a file system is this machine's, so that files stream from the disk.

    Args:
        fs: A file system of fsspec, or ``None``.

    Returns:
        Whether its paths are paths of this machine.
    """
    protocol = getattr(fs, "protocol", "file") if fs is not None else "file"
    return "file" in ((protocol,) if isinstance(protocol, str) else tuple(protocol))


def stored(fs: Any, path: Any, max_bytes: int) -> Stored:
    """Name a file of a file system.

    Args:
        fs: A file system of fsspec.
        path: The file's path there.
        max_bytes: Largest allowed size.

    Returns:
        The file; nothing has been read.

    Raises:
        InvalidInput: The path is none.
    """
    if not isinstance(path, str | PurePosixPath):
        raise InvalidInput(f"file_path must be a path of the file system {fs.protocol}, not {type(path).__name__}.")
    source = str(fs.unstrip_protocol(str(path)))
    found: Stored = Stored(source, lambda: _fetched(fs, str(path), found.label, max_bytes))
    return found


def _fetched(fs: Any, path: str, label: str, max_bytes: int) -> Media:
    try:
        size = fs.info(path).get("size")
        if isinstance(size, int) and size > max_bytes:
            raise too_large(label, size, max_bytes)
        with fs.open(path, "rb") as file:
            data = bytes(file.read(max_bytes + 1))
    except FileNotFoundError:
        raise InvalidInput(f"{label}: there is no such file.") from None
    except (ConnectionError, TimeoutError) as error:
        raise ConnectionFailed(f"{label} could not be fetched: {error.strerror or error}") from error
    except OSError as error:
        raise InvalidInput(f"{label} cannot be read: {error.strerror or error}") from error
    if not data:
        raise InvalidInput(f"{label} is empty (0 bytes).")
    if len(data) > max_bytes:  # some file systems do not know the size
        raise too_large(label, len(data), max_bytes)
    return Media(data=data, name=PurePosixPath(path).name)
