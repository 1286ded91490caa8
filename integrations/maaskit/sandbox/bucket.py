"""The files of the sandbox's object storage and the uploads that are not whole yet; bounded in bytes.

Who may store and read is decided in `storage_account`; HTTP belongs to `own_storage`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_BYTES: Final = 256 * 1024 * 1024
"""What is kept in all, unfinished uploads included; what was not asked for longest is forgotten first."""

BLOCK_BYTES: Final = 4 * 1024 * 1024
MIN_PART_BYTES: Final = 1024 * 1024
"""Of every part but the last."""
UPLOAD_LIFE_S: Final = 7 * 24 * 3600


class StorageError(Exception):
    """What the storage does not do.

    Args:
        status: Its HTTP status, or one of Qiniu's own beyond 599.
        message: Why, in Qiniu's words where they are known.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Hold one file.

    Args:
        data: Its bytes.
        content_type: What it is.
        etag: Qiniu's hash of it.
    """

    data: bytes = field(repr=False)
    content_type: str
    etag: str


@dataclass(slots=True)
class Upload:
    """Hold an upload in parts.

    Args:
        key: The name of the file to be.
        expires_at: When it is forgotten, in seconds since 1970.
        parts: Each part's bytes by its number, which begins at 1.
    """

    key: str | None
    expires_at: int
    parts: dict[int, bytes] = field(default_factory=dict, repr=False)


class Bucket:
    """Keep files by name; used by the sandbox's event loop alone.

    Args:
        max_bytes: What is kept in all, in bytes.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._objects: OrderedDict[str, StoredObject] = OrderedDict()
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._max_bytes = max_bytes

    def put(self, key: str | None, data: bytes, content_type: str, *, overwrite: bool) -> tuple[str, str]:
        """Keep a file.

        Args:
            key: Its name; its hash by default.
            data: Its bytes.
            content_type: What it is.
            overwrite: Whether another file of that name may be replaced.

        Returns:
            Its name and its hash.

        Raises:
            StorageError: Another file has that name (614).
        """
        etag = etag_of(data)
        name = etag if key is None else key
        known = self._objects.get(name)
        if known is not None and known.etag != etag and not overwrite:
            raise StorageError(614, "file exists")
        self._objects[name] = StoredObject(data, content_type, etag)
        self._objects.move_to_end(name)
        self._forget()
        return name, etag

    def get(self, key: str) -> StoredObject | None:
        """Find a file.

        Args:
            key: Its name.

        Returns:
            The file, or None.
        """
        if key in self._objects:
            self._objects.move_to_end(key)
        return self._objects.get(key)

    def begin(self, key: str | None) -> tuple[str, int]:
        """Begin an upload in parts.

        Args:
            key: The name of the file to be.

        Returns:
            The upload's id, and when it expires, in seconds since 1970.
        """
        upload_id, expires_at = secrets.token_hex(12), int(time.time()) + UPLOAD_LIFE_S
        self._uploads[upload_id] = Upload(key, expires_at)
        return upload_id, expires_at

    def add_part(self, upload_id: str, key: str | None, number: int, data: bytes) -> str:
        """Keep a part.

        Args:
            upload_id: The upload.
            key: The name that it was begun with.
            number: The part's number.
            data: Its bytes.

        Returns:
            The part's hash.

        Raises:
            StorageError: There is no such upload (612), or no part has that number (400).
        """
        upload = self._upload(upload_id, key)
        if not 1 <= number <= 10_000:
            raise StorageError(400, "invalid part number: from 1 to 10000")
        upload.parts[number] = data
        self._uploads.move_to_end(upload_id)
        self._forget()
        return etag_of(data)

    def complete(self, upload_id: str, key: str | None, listed: Sequence[Mapping[str, object]]) -> bytes:
        """Put the parts of an upload together and end it.

        Args:
            upload_id: The upload.
            key: The name that it was begun with.
            listed: ``{"partNumber", "etag"}`` of each part, in order.

        Returns:
            The whole.

        Raises:
            StorageError: There is no such upload (612), or the list does not fit the parts (400).
        """
        upload = self._upload(upload_id, key)
        told = [part.get("partNumber") for part in listed]
        numbers = [number for number in told if isinstance(number, int)]
        if not told or numbers != told or numbers != sorted(set(numbers)):
            raise StorageError(400, "invalid parts: they must be listed once each, in order")
        pieces = [upload.parts[number] for number in numbers if number in upload.parts]
        if len(pieces) < len(numbers):
            raise StorageError(400, "invalid parts: one was never uploaded")
        if any(etag_of(piece) != part.get("etag") for piece, part in zip(pieces, listed, strict=True)):
            raise StorageError(400, "invalid parts: an etag does not fit")
        if any(len(piece) < MIN_PART_BYTES for piece in pieces[:-1]):
            raise StorageError(400, "invalid parts: all but the last must have 1 MiB or more")
        del self._uploads[upload_id]
        return b"".join(pieces)

    def give_up(self, upload_id: str, key: str | None) -> None:
        """Forget an upload.

        Args:
            upload_id: The upload.
            key: The name that it was begun with.

        Raises:
            StorageError: There is no such upload (612).
        """
        self._upload(upload_id, key)
        del self._uploads[upload_id]

    def _upload(self, upload_id: str, key: str | None) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key or upload.expires_at < time.time():
            raise StorageError(612, "no such uploadId")
        return upload

    def _forget(self) -> None:
        while self._bytes() > self._max_bytes and len(self._objects) + len(self._uploads) > 1:
            if len(self._objects) > 1 or not self._uploads:
                self._objects.popitem(last=False)
            else:
                self._uploads.popitem(last=False)

    def _bytes(self) -> int:
        pieces = sum(len(piece) for upload in self._uploads.values() for piece in upload.parts.values())
        return pieces + sum(len(stored.data) for stored in self._objects.values())


def etag_of(data: bytes) -> str:
    """Hash a file as Qiniu does.

    Args:
        data: The file.

    Returns:
        URL-safe base64: of one block's SHA-1 behind 0x16, or of the SHA-1 of all blocks' behind 0x96.
    """
    blocks = [data[at : at + BLOCK_BYTES] for at in range(0, max(len(data), 1), BLOCK_BYTES)]
    digests = [hashlib.sha1(block, usedforsecurity=False).digest() for block in blocks]
    if len(digests) == 1:
        return base64.urlsafe_b64encode(b"\x16" + digests[0]).decode()
    whole = hashlib.sha1(b"".join(digests), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(b"\x96" + whole).decode()
