"""SophNet's image editing with pictures from anywhere: local ones are uploaded, because the service takes URLs alone.

The request itself is ``sophnet.images``' business; no framework is known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maaskit.media import Media, MediaSource
from maaskit.publishing import Uploads, published, refused, storage_or_default
from maaskit.sophnet import images as endpoint
from maaskit.sophnet.images import EDIT_MODEL, EditedImage, numbered
from maaskit.wire import Chore, Flow, FlowSteps


def edit(
    prompt: str,
    images: MediaSource | Sequence[MediaSource],
    *,
    model: str = EDIT_MODEL,
    seed: int | str | None = None,
    negative_prompt: str | None = None,
    watermark: bool | None = None,
    storage: Uploads | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Flow[EditedImage]:
    """Change a picture, or make one of several, by a text; see ``maaskit.sophnet.images.edit``.

    Args:
        prompt: What should change; it speaks of the pictures in their order, as "图1", "图2".
        images: A picture or several: URLs, which the service fetches itself, or paths, bytes or Media, which are
            uploaded.
        model: As for ``maaskit.sophnet.images.edit``.
        seed: Likewise.
        negative_prompt: Likewise.
        watermark: Likewise.
        storage: Where local pictures are put; by default ``maaskit.kodo.Storage()`` where its variables are set.
        extra_body: As for ``maaskit.sophnet.images.edit``.

    Returns:
        A Flow of the picture's URL. Nothing is uploaded before everything has been looked at.

    Raises:
        InvalidInput: As for ``maaskit.sophnet.images.edit``, or a picture is a local one and there is no storage; the
            message says what to set.

    Source:
        sophnet-api, Image Edit: "图片URL".
    """
    options: dict[str, Any] = {
        "model": model,
        "seed": seed,
        "negative_prompt": negative_prompt,
        "watermark": watermark,
        "extra_body": extra_body,
    }
    pictures = [(argument, Media.of(image, argument=argument)) for argument, image in numbered(images)]
    for argument, picture in pictures:
        endpoint.check_image(picture, argument=argument)
        if picture.url is None and storage_or_default(storage) is None:
            refused(picture, argument=argument)
    # Whatever is wrong with the rest is said before anything is uploaded.
    endpoint.edit(prompt, ["https://example.com/picture.png"] * len(pictures), **options)

    def steps() -> FlowSteps[EditedImage]:
        urls = []
        for argument, picture in pictures:
            url = picture.url
            if url is None:
                url = (yield Chore(_upload(picture, storage, argument))).answer
            urls.append(url)
        return (yield endpoint.edit(prompt, urls, **options)).answer  # type: ignore[no-any-return]

    return Flow(steps)


def _upload(picture: Media, storage: Uploads | None, argument: str) -> Any:
    return lambda: published(picture, storage, argument=argument)
