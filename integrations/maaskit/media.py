"""What a user hands over as a file: bytes, a path or a URL, and what can be told of it without the network.

Nothing here asks a network or knows a provider's limits: the endpoints say how large and of which kind.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import re
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit

import imagesize  # type: ignore[import-untyped]  # ships no type information

from maaskit.errors import InvalidInput
from maaskit.media_types import of_suffix, sniff

__all__ = [
    "MAX_FILE_OBJECT_BYTES",
    "MIB",
    "Media",
    "MediaSource",
    "check_kind",
    "checked_url",
    "sniff",
    "too_large",
    "without_secrets",
]

MIB = 1024 * 1024
# No service takes more than 1 GB; what comes from a pipe is bounded by it.
MAX_FILE_OBJECT_BYTES = 1024 * MIB

MediaSource: TypeAlias = "Media | bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"

# What servers say when they do not know.
_UNTOLD = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-download"})

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Media:
    """Be a file in one of three forms; exactly one of ``data``, ``path`` and ``url`` is set.

    Args:
        data: The content itself.
        path: A file on this machine; it is opened when it is needed and never kept.
        url: An http or https URL that the service fetches itself.
        name: File name, if one is known.
        content_type: Media type, if one was told; otherwise it is read off the content or the name.
    """

    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None
    url: str | None = None
    name: str | None = None
    content_type: str | None = None

    def __post_init__(self) -> None:
        """Refuse anything but exactly one form, and take its near kin for it."""
        if sum(form is not None for form in (self.data, self.path, self.url)) != 1:
            raise InvalidInput("Media needs exactly one of data, path and url.")
        if isinstance(self.data, bytearray | memoryview):
            object.__setattr__(self, "data", bytes(self.data))
        if isinstance(self.path, str | os.PathLike) and not isinstance(self.path, Path):
            object.__setattr__(self, "path", Path(os.fsdecode(self.path)))
        if self.name is None and isinstance(self.path, Path):
            object.__setattr__(self, "name", self.path.name or None)
        for name, kind in (("data", bytes), ("path", Path), ("url", str), ("name", str), ("content_type", str)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InvalidInput(f"Media's {name} must be {kind.__name__}, not {type(value).__name__}.")

    @classmethod
    def of(cls, source: MediaSource, *, argument: str = "source") -> Media:
        """Read what a user handed over.

        Args:
            source: Media, bytes, a binary file object, a path, an http(s) URL or a ``data:`` URL.
            argument: The argument's name, for error messages.

        Returns:
            The media. A path is checked for existence; nothing is fetched.

        Raises:
            InvalidInput: It is none of these, is empty, or the file does not exist or cannot be read.
        """
        if isinstance(source, Media):
            return source._checked(argument)  # noqa: SLF001 - its own
        if isinstance(source, bytes | bytearray | memoryview):
            return cls._of_bytes(bytes(source), argument)
        if isinstance(source, str):
            return cls._of_text(source, argument)
        if isinstance(source, os.PathLike):
            return cls._of_path(Path(os.fsdecode(source)), argument)
        if isinstance(source, io.IOBase) or hasattr(source, "read"):
            name = getattr(source, "name", None)
            return cls._of_bytes(
                _read_all(source, argument), argument, Path(name).name if isinstance(name, str) else None
            )
        raise InvalidInput(f"{argument} must be bytes, a path or a URL, not {type(source).__name__}.")

    @classmethod
    def _of_text(cls, source: str, argument: str) -> Media:
        if source[:5].lower() == "data:":
            return cls._of_data_url(source, argument)
        text = source.strip()
        if text[:7].lower() == "file://":
            raise InvalidInput(f"{argument} must be a path or an http(s) URL: pass the path of the file URL alone.")
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
            return cls(url=checked_url(text, argument=argument))
        if not text:
            raise InvalidInput(f"{argument} is empty.")
        return cls._of_path(Path(source), argument)

    @classmethod
    def _of_bytes(cls, data: bytes, argument: str, name: str | None = None) -> Media:
        if not data:
            raise InvalidInput(f"{argument} is empty (0 bytes).")
        return cls(data=data, name=name)

    def _checked(self, argument: str) -> Media:
        if self.path is not None:
            return replace(self, path=self._of_path(self.path, argument).path)
        if self.data is not None:
            self._of_bytes(self.data, argument)
        else:
            checked_url(self.url or "", argument=argument)
        return self

    @classmethod
    def _of_path(cls, path: Path, argument: str) -> Media:
        with suppress(RuntimeError):  # no such user: then it is a name like any other
            path = path.expanduser()
        try:
            size = path.stat().st_size
        except (OSError, ValueError):
            shown = str(path) if len(str(path)) < 300 else f"{str(path)[:300]}…"
            raise InvalidInput(f"{argument}: there is no file {shown!r} (nor is it an http or https URL).") from None
        if not path.is_file():
            raise InvalidInput(f"{argument}: {str(path)!r} is not a regular file.")
        if not os.access(path, os.R_OK):
            raise InvalidInput(f"{argument}: {str(path)!r} may not be read.")
        if not size:
            raise InvalidInput(f"{argument}: {str(path)!r} is empty (0 bytes).")
        return cls(path=path, name=path.name)

    @classmethod
    def _of_data_url(cls, source: str, argument: str) -> Media:
        head = _DATA_URL.match(source)
        if head is None or not head[3]:
            raise InvalidInput(f"{argument}: a data URL must have the form data:<type>;base64,<content>.")
        try:
            data = base64.b64decode(source[head.end() :], validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInput(f"{argument}: the data URL's content is not base64.") from None
        if not data:
            raise InvalidInput(f"{argument}: the data URL is empty.")
        return cls(data=data, content_type=head[1].lower() or None)

    @property
    def source(self) -> str:
        """Name the media for people: its URL, path, or name."""
        return self.url or (str(self.path) if self.path is not None else None) or self.name or "bytes"

    @property
    def label(self) -> str:
        """Name the media in messages: as ``source``, but a URL without user and query, which may hold a secret."""
        if self.url is None:
            return self.source
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def identity(self, purpose: str, source: str | None = None) -> str:
        """Give an id that is the same for the same source, so that what is stored anew replaces what was stored before.

        Args:
            purpose: What was made of the media; two things that are made of one source have two ids.
            source: Where the media is from, when the caller knows better.

        Returns:
            A UUID as text, made of the URL, the path or the name; for bytes without a name of their content.
        """
        nameless = self.data is not None and self.name is None
        source = source or (hashlib.sha256(self.data or b"").hexdigest() if nameless else self.source)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"maaskit:{purpose}:{source}"))

    @property
    def suffix(self) -> str:
        """Give the name's ending in lower case, with its dot, or nothing."""
        name = self.name or (urlsplit(self.url).path if self.url else "")
        return Path(name).suffix.lower()

    def size(self) -> int | None:
        """Give the size in bytes, or ``None`` for a URL."""
        if self.data is not None:
            return len(self.data)
        if self.path is not None:
            with _readable(self.path):
                return self.path.stat().st_size
        return None

    def head(self, size: int = 64) -> bytes:
        """Give the first bytes, or nothing for a URL.

        Args:
            size: How many.

        Returns:
            At most so many bytes.
        """
        if self.data is not None:
            return self.data[:size]
        if self.path is not None:
            with _readable(self.path), self.path.open("rb") as file:
                return file.read(size)
        return b""

    def mime_type(self) -> str | None:
        """Tell the media type, by what was told, by the first bytes, or by the name; ``None`` when nothing tells."""
        told = None if self.content_type in _UNTOLD else self.content_type
        return told or sniff(self.head()) or of_suffix(self.suffix)

    def image_size(self) -> tuple[int, int] | None:
        """Read width and height off an image's header.

        Returns:
            Pixels, or ``None`` for a URL and for what is no image.
        """
        if self.url is not None:
            return None
        try:
            width, height = imagesize.get(io.BytesIO(self.data) if self.data is not None else str(self.path))
        except (ValueError, OSError, TypeError, IndexError):
            return None
        return (int(width), int(height)) if width > 0 and height > 0 else None

    def read(self, *, limit: int, argument: str = "source") -> bytes:
        """Read the content.

        Args:
            limit: Largest allowed size in bytes.
            argument: The argument's name, for error messages.

        Returns:
            The content.

        Raises:
            InvalidInput: It is larger, or a URL.
        """
        self.check_size(limit, argument=argument)
        if self.data is not None:
            return self.data
        if self.path is None:
            raise InvalidInput(f"{argument}: a URL is passed on, not read.")
        with _readable(self.path), self.path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:  # it grew since it was looked at
            raise too_large(argument, len(data), limit)
        return data

    def check_size(self, limit: int, *, argument: str = "source") -> None:
        """Refuse what is too large.

        Args:
            limit: Largest allowed size in bytes.
            argument: The argument's name, for error messages.

        Raises:
            InvalidInput: It is larger.
        """
        size = self.size()
        if size is not None and size > limit:
            raise too_large(argument, size, limit)

    def data_url(self, *, limit: int, argument: str = "source", prefix: str | None = None) -> str:
        """Give what stands in for a URL: the URL itself, or the content as a data URL.

        Args:
            limit: Largest allowed size of the content in bytes.
            argument: The argument's name, for error messages.
            prefix: Begins the data URL; by default ``data:<media type>;base64,``.

        Returns:
            An http(s) or data URL.

        Raises:
            InvalidInput: The content is too large.
        """
        if self.url is not None:
            return self.url
        content = self.read(limit=limit, argument=argument)
        start = prefix or f"data:{self.mime_type() or 'application/octet-stream'};base64,"
        return start + base64.b64encode(content).decode("ascii")


def _read_all(file: Any, argument: str) -> bytes:
    """Read a file object, which may be a pipe without end, up to a bound."""
    content = bytearray()
    try:
        while piece := file.read(MIB):
            if not isinstance(piece, bytes | bytearray | memoryview):
                raise InvalidInput(f"{argument} must be opened in binary mode.")
            content += piece
            if len(content) > MAX_FILE_OBJECT_BYTES:
                raise too_large(argument, len(content), MAX_FILE_OBJECT_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{argument} cannot be read: {error}.") from None
    return bytes(content)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in our own words that a file cannot be read; it may have gone since it was looked at."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror or error}.") from None


def too_large(argument: str, size: int, limit: int) -> InvalidInput:
    """Make the error for content over a limit.

    Args:
        argument: The argument's name.
        size: The content's size in bytes.
        limit: Largest allowed size in bytes.

    Returns:
        The error.
    """
    return InvalidInput(
        f"{argument} has {size} bytes ({size / MIB:.1f} MiB); at most {limit} bytes ({limit / MIB:g} MiB) are allowed. "
        "Make it smaller or split it."
    )


def checked_url(url: str, *, argument: str = "url") -> str:
    """Check that a text is an http or https URL.

    Args:
        url: The text.
        argument: The argument's name, for error messages.

    Returns:
        The text without surrounding white space.

    Raises:
        InvalidInput: It is not, or has white space in it.
    """
    text = url.strip() if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f]", text):
        raise InvalidInput(f"{argument} must be an http or https URL, not {without_secrets(text)[:100]!r}.")
    return text


def without_secrets(text: str) -> str:
    """Take out of a text that should be a URL what may hold a secret, to show the rest.

    Args:
        text: The text, however broken.

    Returns:
        The text without user, query and fragment.
    """
    return re.sub(r"(?<=://)[^/?#]*@|[?#].*", "", text, flags=re.DOTALL)


def check_kind(media: Media, allowed: Collection[str], *, argument: str, names: str) -> None:
    """Refuse media whose type is known and not allowed; what cannot be told passes.

    Args:
        media: The media.
        allowed: Allowed media types.
        argument: The argument's name, for error messages.
        names: The allowed formats in words.

    Raises:
        InvalidInput: The type is another.
    """
    kind = media.mime_type()
    if kind is not None and kind not in allowed:
        raise InvalidInput(f"{argument} is {kind}; allowed are {names}.")
