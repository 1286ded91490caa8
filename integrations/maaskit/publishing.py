"""Local files for services that take nothing but URLs: where they are put, if anywhere.

How a storage stores is ``kodo``'s business; no service and no framework is known here.
"""

from __future__ import annotations

from typing import Protocol

from maaskit.errors import InvalidInput
from maaskit.kodo import Storage
from maaskit.media import Media, MediaSource
from maaskit.public_url import public_url


class Uploads(Protocol):
    """Make a local file fetchable; ``maaskit.kodo.Storage`` does it."""

    def upload(self, media: MediaSource) -> str:
        """Store a file.

        Args:
            media: The file.

        Returns:
            An http or https URL that the service can fetch.
        """


def storage_or_default(given: Uploads | None) -> Uploads | None:
    """Give the storage that local files go to.

    Args:
        given: The caller's own.

    Returns:
        It, else ``maaskit.kodo.Storage()`` where its variables are set, else ``None``.

    Raises:
        InvalidInput: It is no storage.
    """
    if given is not None:
        if not callable(getattr(given, "upload", None)):
            raise InvalidInput(
                "storage must be one such as maaskit.kodo.Storage(), with a method upload(media) that gives a URL, not "
                f"{type(given).__name__}."
            )
        return given
    return Storage.from_env() if Storage.is_configured() else None


def published(media: Media, storage: Uploads | None, *, argument: str) -> str:
    """Give a URL for a file; a local one is uploaded, which takes its time.

    Args:
        media: The file.
        storage: The caller's own storage, if there is one.
        argument: The argument's name, for error messages.

    Returns:
        The URL.

    Raises:
        InvalidInput: It is a local file, and there is no storage; the message says what to set.
        MaasError: What went wrong with the upload.
    """
    if media.url is not None:
        return media.url
    place = storage_or_default(storage)
    return refused(media, argument=argument) if place is None else place.upload(media)


def refused(media: Media, *, argument: str) -> str:
    """Say how a local file becomes a URL, as an error.

    Args:
        media: The file.
        argument: The argument's name, for error messages.

    Returns:
        The URL of what is none but has one.

    Raises:
        InvalidInput: It is a local file.
    """
    return public_url(media.url or media.path or media.data, argument=argument)
