"""What some endpoints of both clouds take: a URL that they can fetch, and nothing else.

Uploading a local file is ``qiniu.storage``'s and ``kodo``'s business.
"""

from __future__ import annotations

import os
from typing import Any

from maaskit.errors import InvalidInput
from maaskit.media import Media, checked_url


def public_url(source: Any, *, argument: str, instead: str = "") -> str:
    """Check that something is a URL, or say how a file becomes one.

    Args:
        source: What the user handed over.
        argument: The argument's name, for error messages.
        instead: Another way that works for local files, as a sentence.

    Returns:
        The URL.

    Raises:
        InvalidInput: It is a file, bytes, a ``data:`` URL, or no URL at all.
    """
    if isinstance(source, Media) and source.url is not None:
        source = source.url
    local = not isinstance(source, str) or source[:5].lower() == "data:" or "://" not in source
    if local:
        what = "a local file" if isinstance(source, str | os.PathLike) else type(source).__name__
        raise InvalidInput(
            f"{argument} must be an http or https URL, not {what}: the service fetches it itself. Upload the file, "
            "with maaskit.kodo.Storage().upload(file) (set QINIU_ACCESS_KEY, QINIU_SECRET_KEY, QINIU_BUCKET and "
            f"QINIU_DOMAIN) or with qiniu.storage.upload(...).{' ' + instead if instead else ''}"
        )
    return checked_url(source, argument=argument)
