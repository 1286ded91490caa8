"""Whether a local file can be given to a service that takes URLs alone, said so that a model can act on it.

Where files are put is ``publishing``'s and ``kodo``'s business.
"""

from __future__ import annotations

from maaskit.errors import InvalidInput
from maaskit.media import Media
from maaskit.publishing import Uploads, storage_or_default


def check_storage(media: Media, storage: Uploads | None, argument: str) -> None:
    """Refuse a local file where there is no storage.

    Args:
        media: What the model named, brought.
        storage: The user's own storage, if there is one.
        argument: The argument's name, for the message.

    Raises:
        InvalidInput: It is a local file, and there is no storage; the message says what to set.
    """
    if media.url is None and storage_or_default(storage) is None:
        raise InvalidInput(
            f"{argument}: this service takes an http or https URL alone, and there is no storage that could make one "
            "of a local file: give a URL. Whoever set the tool up may name a storage, with QINIU_ACCESS_KEY, "
            "QINIU_SECRET_KEY, QINIU_BUCKET and QINIU_DOMAIN, or with storage=maaskit.kodo.Storage(...)."
        )
