"""SophNet's embeddings: vectors of texts, and of images with ``clip-embeddings``.

What may be asked stands in ``embedding_limits``; how many requests are under way at once is the drivers' business, and
no framework's types belong here.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.extra_body import joined
from maaskit.media import MIB, Media, MediaSource, sniff
from maaskit.sophnet.embedding_limits import MAX_TEXTS, batch_sizes, check
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.vectors import read_vector
from maaskit.wire import Call, Flow, Request, Response

_PATH = "/projects/{project_id}/easyllms/embeddings"

# The document names no size; this figure is ours, so that a request does not grow without bound.
MAX_IMAGE_BYTES = 30 * MIB

_RAW_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}")


@dataclass(frozen=True, slots=True)
class EmbeddingsUsage:
    """Be the count of tokens.

    Args:
        input_tokens: Tokens of the texts and images.
        total_tokens: As the service gives it.
        raw: The service's own object.
    """

    input_tokens: int
    total_tokens: int
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Be the vectors of one request.

    Args:
        vectors: One list of floats for each text, then one for each image, in the order of the question.
        usage: The count of tokens, if the service gave one.
        id: The service's id of the request, if it gave one.
    """

    vectors: list[list[float]] = field(repr=False)
    usage: EmbeddingsUsage | None = None
    id: str | None = None


def embed(
    texts: Sequence[str],
    images: Sequence[MediaSource] = (),
    model: str = "text-embeddings",
    dimensions: int = 1024,
    *,
    normalized: bool | None = None,
    encoding_type: str | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Embedded]:
    """Turn a few texts and images into vectors.

    Args:
        texts: At most 10 for ``text-embeddings``, 1 for ``bge-m3``; each of at most 8192 tokens. Empty when there are
            images only.
        images: Paths, bytes, URLs or Media; ``clip-embeddings`` only. A URL is fetched by the service.
        model: ``text-embeddings``, ``clip-embeddings`` or ``bge-m3``; names that the document does not list pass.
        dimensions: Length of each vector: 1024, 768, 512, 256, 128 or 64 for ``text-embeddings``, 64 to 1024 for
            ``clip-embeddings``, 1024 for ``bge-m3``.
        normalized: Whether to normalise vectors to length 1; ``clip-embeddings`` only, unset by default.
        encoding_type: Form of the vectors on the wire; ``clip-embeddings`` only. Numbers and base64 of little-endian
            float32 can be read.
        easyllm_id: The service id, in place of the provider's.
        extra_body: Further fields of the request.

    Returns:
        A Call of the vectors in the order of the question, texts first.

    Raises:
        InvalidInput: There is nothing to embed, a text is empty or no string, or a value is out of its documented
            range.

    Source:
        sophnet-api, Embeddings: "按顺序输出,文本Embedding在前,图片Embedding在后". An empty text has no meaning to find
        again, and the document does not say what it gives, so it is refused; white space is the service's to judge.
    """
    check(texts, images, model, dimensions, normalized=normalized, encoding_type=encoding_type)
    most = MAX_TEXTS.get(model, len(texts))
    if len(texts) > most:
        raise InvalidInput(
            f"{model} takes at most {most} text{'s' if most > 1 else ''} in one request, not {len(texts)}; "
            "maaskit.sophnet.embeddings.batches splits them."
        )
    body: dict[str, Any] = {"model": model, "easyllm_id": service_id(easyllm_id)}
    body["input_texts"] = list(texts)
    if images:
        body["input_images"] = [_written(image) for image in _media(images)]
    body["dimensions"] = dimensions
    optional = {"normalized": normalized, "encoding_type": encoding_type}
    body |= {name: value for name, value in optional.items() if value is not None}
    expected = len(texts) + len(images)
    return Call(
        Request("POST", _PATH, json=joined(body, extra_body), service="embeddings"),
        lambda response: _read(response, expected, dimensions),
    )


def batches(
    texts: Sequence[str],
    images: Sequence[MediaSource] = (),
    model: str = "text-embeddings",
    dimensions: int = 1024,
    *,
    chunk_size: int | None = None,
    normalized: bool | None = None,
    encoding_type: str | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Iterator[Call[Embedded] | Flow[Embedded]]:
    """Split any number of texts and images into requests that the service takes.

    Args:
        texts: The texts.
        images: The images; a file is read when the turn of its request has come.
        model: As for ``embed``.
        dimensions: As for ``embed``.
        chunk_size: Texts or images in one request, 1 or more; never more than the document allows. By default as many
            texts as it allows (10 where it does not say) and 4 images.
        normalized: As for ``embed``.
        encoding_type: As for ``embed``.
        easyllm_id: As for ``embed``.
        extra_body: As for ``embed``.

    Returns:
        A Call for each part of the texts, then a Flow for each part of the images; their vectors, one after the other,
        are those of the texts, then of the images.

    Raises:
        InvalidInput: As for ``embed``; everything is checked before the first Call is made.
    """
    check(texts, images, model, dimensions, normalized=normalized, encoding_type=encoding_type)
    of_texts, of_images = batch_sizes(model, chunk_size)
    options: dict[str, Any] = {
        "normalized": normalized,
        "encoding_type": encoding_type,
        "easyllm_id": easyllm_id,
        "extra_body": extra_body,
    }
    return chain(
        (embed(part, (), model, dimensions, **options) for part in _parts(texts, of_texts)),
        (
            Flow.later(partial(embed, (), part, model, dimensions, **options))
            for part in _parts(_media(images), of_images)
        ),
    )


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _media(images: Sequence[MediaSource]) -> list[Media]:
    """Read what was handed over, and refuse what is no image; files are looked into, not kept."""
    found = []
    for number, source in enumerate(images):
        argument = f"images[{number}]"
        pasted = _pasted_base64(source)
        media = Media.of(source if pasted is None else pasted, argument=argument)
        kind = media.mime_type() if media.url is None else None
        if kind is not None and not kind.startswith("image/"):
            raise InvalidInput(f"{argument} is {kind}; only images can be embedded beside texts.")
        media.check_size(MAX_IMAGE_BYTES, argument=argument)
        found.append(media)
    return found


def _written(image: Media) -> str:
    """Give an image as the document's sample does: a URL, or base64 without a ``data:`` prefix."""
    return image.url or base64.b64encode(image.read(limit=MAX_IMAGE_BYTES, argument="images")).decode("ascii")


def _pasted_base64(source: Any) -> bytes | None:
    # The document's own sample puts bare base64 beside URLs; a path does not decode to an image.
    if not isinstance(source, str) or not _RAW_BASE64.fullmatch(source.strip()):
        return None
    try:
        data = base64.b64decode(source, validate=False)
    except (binascii.Error, ValueError):
        return None
    return data if (sniff(data[:64]) or "").startswith("image/") else None


def _read(response: Response, expected: int, dimensions: int) -> Embedded:
    body = parse_object(response)
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(item, Mapping) for item in data):
        raise unexpected(response, "has no list of vectors in `data`")
    if len(data) != expected:
        raise unexpected(response, f"has {len(data)} vectors for {expected} inputs")
    vectors = []
    for item in _in_order(data, response):
        try:
            vectors.append(read_vector(item.get("embedding"), dimensions))
        except ValueError as error:
            raise unexpected(response, f"has a vector that {error}") from None
    given = body.get("id")
    return Embedded(vectors, _usage(body.get("usage")), given if isinstance(given, str) and given else None)


def _in_order(data: list[Mapping[str, Any]], response: Response) -> Iterable[Mapping[str, Any]]:
    numbers = [item.get("index") for item in data]
    if all(number is None for number in numbers):
        return data
    if sorted(number for number in numbers if type(number) is int) != list(range(len(data))):
        raise unexpected(response, "does not number its vectors from 0 without gaps")
    return sorted(data, key=lambda item: int(item["index"]))


def _usage(usage: Any) -> EmbeddingsUsage | None:
    if not isinstance(usage, Mapping):
        return None
    total, prompt = _count(usage.get("total_tokens")), _count(usage.get("prompt_tokens"))
    if total is None and prompt is None:
        return None
    return EmbeddingsUsage((total or 0) if prompt is None else prompt, (prompt or 0) if total is None else total, usage)


def _count(value: Any) -> int | None:
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return value if type(value) is int else None
