"""Which files a tool may read: those inside one folder, and URLs that lead nowhere private.

What is done with them, and where results are saved, is not known here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TypeAlias
from urllib.parse import urlsplit

from maaskit.errors import InvalidInput
from maaskit.guard import Guard
from maaskit.media import MIB, Media, checked_url, too_large

MAX_FILE_BYTES = 256 * MIB
"""A tool holds a file in memory, so that what was checked is what is sent; larger ones are for loaders and readers."""

Root: TypeAlias = "str | os.PathLike[str] | None"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# What looks like files there is the machine itself, whatever the root is.
_NO_FILES = tuple(Path(name) for name in ("/proc", "/sys", "/dev"))
_FILES_AFTER_ALL = Path("/dev/shm")  # noqa: S108 - shared memory, where people do keep folders
# Neither waits for a FIFO's writer, nor makes a terminal its own, nor follows a link that was put there meanwhile.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_CLOEXEC"))
_BINARY = getattr(os, "O_BINARY", 0)
_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY") and hasattr(os, "O_NOFOLLOW")


@dataclass(frozen=True, slots=True)
class Place:
    """Say what a tool may read.

    Args:
        root: The folder, links resolved, or ``None`` when it may read no file of this machine.
        guard: Where it may fetch from.
        checks_hosts: Whether a URL that is handed on to the service may not name a private address. It may where the
            service itself has one: a gateway, or the sandbox.
    """

    root: Path | None = None
    guard: Guard = field(default_factory=Guard)
    checks_hosts: bool = True

    def is_url(self, source: str, argument: str) -> bool:
        """Tell a URL from a path, and refuse what is neither.

        Args:
            source: What the model filled in.
            argument: The argument's name, for messages.

        Returns:
            Whether it is an http or https URL.

        Raises:
            InvalidInput: It is a URL of another kind (``file:``, ``data:``, ``ftp:``).
        """
        text = source.strip()
        scheme = _SCHEME.match(text)
        if scheme is None or PureWindowsPath(text).drive:
            return False
        if scheme[0].lower() in ("http:", "https:"):
            checked_url(text, argument=argument)
            return True
        if scheme[0].lower() in ("file:", "data:", "ftp:", "ftps:") or "://" in text:
            raise InvalidInput(f"{argument} must be {self._ways()}; {scheme[0]} is not taken.")
        return False

    def passed(self, url: str, argument: str) -> Media:
        """Hand a URL on to the service, which fetches it itself.

        Args:
            url: An http or https URL.
            argument: The argument's name, for messages.

        Returns:
            The URL as Media; nothing was fetched or looked up.

        Raises:
            InvalidInput: It names a private address, and the service is a public one.
        """
        address = checked_url(url, argument=argument)
        if self.checks_hosts:
            self.guard.check_literal(address, argument)
        return Media(url=address)

    def opened(self, source: str, argument: str, limit: int = MAX_FILE_BYTES) -> Media:
        """Read a file inside the root; the file that is checked is the one that is read.

        Args:
            source: Its path, relative to the root, or absolute and inside it.
            argument: The argument's name, for messages.
            limit: Largest allowed size in bytes.

        Returns:
            Its content, with its name.

        Raises:
            InvalidInput: It is outside the root, no regular file, empty, too large, or cannot be read; what is outside
                is refused alike whether it exists or not.
        """
        path = self._inside(source, argument)
        with self._open(path, argument) as descriptor:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise InvalidInput(f"{argument}: {_shown(source)} is not a regular file.")
            if found.st_size > limit:
                raise too_large(argument, found.st_size, limit)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                data = file.read(limit + 1)
        if len(data) > limit:  # it grew since
            raise too_large(argument, len(data), limit)
        if not data:
            raise InvalidInput(f"{argument}: {_shown(source)} is empty (0 bytes).")
        return Media(data=data, name=path.name)

    def _inside(self, source: str, argument: str) -> Path:
        """Resolve a path, and refuse it unless it lies inside the root."""
        if self.root is None:
            raise InvalidInput(
                f"{argument} must be {self._ways()}: this tool may read no file of this machine. Whoever set it up may "
                "name a folder with root_dir."
            )
        text = source.strip()
        parts = set(re.split(r"[\\/]", text))
        windows = PureWindowsPath(text)
        unc = text.startswith(("\\\\", "//")) or (os.name != "nt" and bool(windows.drive))
        if ".." in parts or unc or "\0" in text:
            raise self._outside(source, argument)
        try:
            path = (self.root / text).resolve()
        except (OSError, ValueError, RuntimeError):  # a name that is too long, links in a circle
            raise InvalidInput(f"{argument}: there is no file {_shown(source)} in the working folder.") from None
        machine = any(path.is_relative_to(place) for place in _NO_FILES) and not path.is_relative_to(_FILES_AFTER_ALL)
        if machine or not path.is_relative_to(self.root):
            raise self._outside(source, argument)
        return path

    @contextmanager
    def _open(self, path: Path, argument: str) -> Iterator[int]:
        try:
            if not stat.S_ISREG(path.lstat().st_mode):  # a device is not even opened: that alone may do something
                raise InvalidInput(f"{argument}: {_shown(path.name)} is not a regular file.")
            descriptor = self._walk(path) if _CAN_WALK else self._looked_at_again(path, argument)
        except FileNotFoundError:
            raise InvalidInput(f"{argument}: there is no file {_shown(path.name)} in the working folder.") from None
        except (OSError, ValueError) as error:
            if isinstance(error, InvalidInput):
                raise
            why = getattr(error, "strerror", None) or "it is no file's name"
            raise InvalidInput(f"{argument}: {_shown(path.name)} cannot be read: {why}.") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _walk(self, path: Path) -> int:
        """Open a resolved path step by step from the root, so that no link that appears meanwhile leads outside."""
        assert self.root is not None  # noqa: S101 - for the type checker
        *folders, name = path.relative_to(self.root).parts or (".",)
        place = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
                os.close(place)
                place = inner
            return os.open(name, _FLAGS, dir_fd=place)
        finally:
            os.close(place)

    def _looked_at_again(self, path: Path, argument: str) -> int:
        """Open a path, and see that what was opened is what lies inside the root; for systems that cannot walk."""
        descriptor = os.open(path, _FLAGS | _BINARY)
        again = path.resolve()
        if again != path or not os.path.samestat(again.stat(), os.fstat(descriptor)):
            os.close(descriptor)
            raise self._outside(path.name, argument)
        return descriptor

    def _ways(self) -> str:
        path = "" if self.root is None else " or the path of a file in the working folder"
        return f"an http or https URL{path}"

    def _outside(self, source: str, argument: str) -> InvalidInput:
        return InvalidInput(
            f"{argument}: {_shown(source)} is not inside the working folder, and nothing else may be read. Give "
            f"{self._ways()}, without '..'."
        )


def checked_folder(folder: Root, argument: str) -> Path | None:
    """Check the ``root_dir`` argument.

    Args:
        folder: A folder that exists, or ``None``.
        argument: The argument's name, for messages.

    Returns:
        The folder, links resolved.

    Raises:
        InvalidInput: It is no folder.
    """
    if folder is None:
        return None
    if not isinstance(folder, str | os.PathLike) or not str(folder).strip():
        raise InvalidInput(f"{argument} must be the path of a folder, not {folder!r}.")
    try:
        path = Path(os.fsdecode(folder)).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise InvalidInput(f"{argument}: there is no folder {_shown(os.fsdecode(folder))}.") from None
    if not path.is_dir():
        raise InvalidInput(f"{argument}: {str(path)!r} is no folder.")
    return path


def has_inner_host(base_url: str) -> bool:
    """Tell whether a service is in the same network as its caller: a gateway, or the sandbox.

    Args:
        base_url: Its base URL.

    Returns:
        Whether its host is written as a private or loopback address, or is a local name.
    """
    try:
        Guard().check_literal(base_url, "base_url")
    except InvalidInput:
        return True
    return "." not in (urlsplit(base_url).hostname or "")


def _shown(source: str) -> str:
    text = str(source)
    return repr(text if len(text) <= 200 else f"{text[:200]}…")
