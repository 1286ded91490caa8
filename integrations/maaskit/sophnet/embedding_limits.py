"""What SophNet's embeddings may be asked: dimensions, numbers of texts, and which model takes what.

Nothing is sent or read here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maaskit.errors import InvalidInput
from maaskit.media import MediaSource

# "text-embeddings模型支持1,024/768/512/256/128/64,clip-embeddings模型支持64到1024维,bge-m3模型仅支持1024维"
DIMENSIONS: Mapping[str, Sequence[int]] = {
    "text-embeddings": (1024, 768, 512, 256, 128, 64),
    "clip-embeddings": range(64, 1025),
    "bge-m3": (1024,),
}
# "text-embeddings模型最大支持10个文本,bge-m3模型最大支持1个文本"
MAX_TEXTS: Mapping[str, int] = {"text-embeddings": 10, "bge-m3": 1}
# "仅对clip-embeddings模型有效"
IMAGE_MODELS = frozenset({"clip-embeddings"})

# The document names no limit for the rest; these figures are ours, so that a request does not grow without bound.
BATCH_TEXTS = 10
BATCH_IMAGES = 4


def batch_sizes(model: str, chunk_size: int | None = None) -> tuple[int, int]:
    """Say how many texts, and how many images, go into one request.

    Args:
        model: The model.
        chunk_size: The caller's wish, 1 or more, or ``None``.

    Returns:
        The two numbers; the first is never more than the document allows.

    Raises:
        InvalidInput: ``chunk_size`` is no such number.
    """
    if chunk_size is None:
        return MAX_TEXTS.get(model, BATCH_TEXTS), BATCH_IMAGES
    if not _is_int(chunk_size) or chunk_size < 1:
        raise InvalidInput(f"chunk_size must be an int of 1 or more, not {chunk_size!r}.")
    return min(chunk_size, MAX_TEXTS.get(model, chunk_size)), chunk_size


def number_of_requests(model: str, texts: int, images: int, chunk_size: int | None = None) -> int:
    """Say how many requests a number of texts and images makes.

    Args:
        model: The model.
        texts: How many texts.
        images: How many images.
        chunk_size: As for ``batch_sizes``.

    Returns:
        The number.
    """
    of_texts, of_images = batch_sizes(model, chunk_size)
    return -(-texts // of_texts) - (-images // of_images)


def check(
    texts: Sequence[str],
    images: Sequence[MediaSource],
    model: str,
    dimensions: int,
    *,
    normalized: bool | None = None,
    encoding_type: str | None = None,
) -> None:
    """Refuse what cannot be embedded, whatever the number of texts.

    Args:
        texts: As for ``embed``.
        images: As for ``embed``; their content is not looked at.
        model: As for ``embed``.
        dimensions: As for ``embed``.
        normalized: As for ``embed``.
        encoding_type: As for ``embed``.

    Raises:
        InvalidInput: As for ``embed``.
    """
    check_model(model, dimensions, normalized=normalized, encoding_type=encoding_type)
    for name, values in (("texts", texts), ("images", images)):
        if isinstance(values, str | bytes) or not isinstance(values, Sequence):
            raise InvalidInput(f"{name} must be a list, not {type(values).__name__}; put a single one into brackets.")
    if not texts and not images:
        raise InvalidInput("texts is empty: pass at least one text, or images with clip-embeddings.")
    if images and model in DIMENSIONS and model not in IMAGE_MODELS:
        raise InvalidInput(f"{model} embeds no images; use model='clip-embeddings' for texts and images.")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInput(f"texts[{number}] must be a string, not {type(text).__name__}.")
        if not text:
            raise InvalidInput(f"texts[{number}] is empty: leave it out, because nothing can be found by it.")


def check_model(
    model: str, dimensions: int, *, normalized: bool | None = None, encoding_type: str | None = None
) -> None:
    """Refuse what the document denies to a model; of a model that it does not list only shapes are checked.

    Args:
        model: As for ``embed``.
        dimensions: As for ``embed``.
        normalized: As for ``embed``.
        encoding_type: As for ``embed``.

    Raises:
        InvalidInput: As for ``embed``.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput("model must be a name such as text-embeddings.")
    if not _is_int(dimensions) or dimensions < 1:
        raise InvalidInput(f"dimensions must be an int of 1 or more, not {dimensions!r}.")
    allowed = DIMENSIONS.get(model)
    if allowed is not None and dimensions not in allowed:
        shown = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise InvalidInput(f"dimensions={dimensions} is not among those of {model}: {shown}.")
    if normalized is not None and not isinstance(normalized, bool):
        raise InvalidInput(f"normalized must be True or False, not {normalized!r}.")
    if encoding_type is not None and not isinstance(encoding_type, str):
        raise InvalidInput(f"encoding_type must be a string, not {type(encoding_type).__name__}.")
    for name, value in (("normalized", normalized), ("encoding_type", encoding_type)):
        if value is not None and allowed is not None and model not in IMAGE_MODELS:
            raise InvalidInput(f"{name} has effect with clip-embeddings only, not with {model}; leave it out.")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
