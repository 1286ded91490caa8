"""The files that the sandbox made, such as pictures and films, kept for those who fetch them; bounded in bytes.

They are served by `own_media`, some to everybody and some to who has the key.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

MAX_BYTES: Final = 256 * 1024 * 1024
"""What is kept in all; the files that were not asked for longest are forgotten first."""

ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image/png": ".png",
        "image/jpeg": ".jpg",
        "video/mp4": ".mp4",
        "audio/mpeg": ".mp3",
        "audio/wav": ".wav",
    }
)

OPEN_PATH: Final = "/-/media/"
"""Files under this path need no key, like signed links of a cloud's storage."""

KEY_PATH: Final = "/api/oss-images/"
"""Files under this path need the key; it is the path in SophNet's example of an edited picture."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Hold one file.

    Args:
        content_type: What it is.
        data: Its bytes.
    """

    content_type: str
    data: bytes = field(repr=False)


class MediaStore:
    """Keep files by their path on the sandbox's origin; safe for threads.

    Args:
        max_bytes: What is kept in all, in bytes; the newest file is always kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0
        self._max_bytes = max_bytes

    def put(self, data: bytes, content_type: str, *, needs_key: bool = False) -> str:
        """Keep a file.

        Args:
            data: Its bytes.
            content_type: What it is, such as ``image/png``.
            needs_key: Whether it is served to who has the key alone.

        Returns:
            The path of its URL, made of its contents: the same file gets the same one.
        """
        name = hashlib.blake2b(data, digest_size=16).hexdigest() + ENDINGS.get(content_type, ".bin")
        path = (KEY_PATH if needs_key else OPEN_PATH) + name
        with self._lock:
            self._forget(path)
            self._files[path] = StoredFile(content_type, data)
            self._bytes += len(data)
            while self._bytes > self._max_bytes and len(self._files) > 1:
                self._forget(next(iter(self._files)))
        return path

    def get(self, path: str) -> StoredFile | None:
        """Find a file.

        Args:
            path: The path that `put` gave it.

        Returns:
            The file, or None when there is none of this path any more.
        """
        with self._lock:
            if path in self._files:
                self._files.move_to_end(path)
            return self._files.get(path)

    def _forget(self, path: str) -> None:
        known = self._files.pop(path, None)
        self._bytes -= len(known.data) if known else 0
