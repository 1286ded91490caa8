"""SophNet's Embeddings: ``POST /projects/{project_id}/easyllms/embeddings``.

Vectors are made by `engines.embeddings`; pictures are fetched by `fetch`.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from maaskit.sandbox import tokens
from maaskit.sandbox.engines import CannotRead, embeddings
from maaskit.sandbox.fetch import fetch, from_base64
from maaskit.sandbox.replies import RefusalError, json_reply, read_json, require_easyllm, require_project
from maaskit.sandbox.state import SandboxState, state_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEXT: Final = "text-embeddings"
CLIP: Final = "clip-embeddings"

DIMENSIONS: Final[Mapping[str, range | tuple[int, ...]]] = MappingProxyType(
    {TEXT: (1024, 768, 512, 256, 128, 64), CLIP: range(64, 1025), "bge-m3": (1024,)}
)
"""text-embeddings模型支持1,024/768/512/256/128/64,clip-embeddings模型支持64到1024维,bge-m3模型仅支持1024维."""

MAX_TEXTS: Final[Mapping[str, int]] = MappingProxyType({TEXT: 10, "bge-m3": 1})
"""text-embeddings模型最大支持10个文本,bge-m3模型最大支持1个文本."""

MAX_TEXT_TOKENS: Final = 8192
"""每个文本最大支持8192个Tokens."""

IMAGE_TOKENS: Final = 256
"""What a picture counts as: the patches that a common picture encoder cuts it into."""

CLIP_FIELDS: Final = ("input_images", "normalized", "encoding_type")
"""仅对clip-embeddings模型有效."""


@dataclass(frozen=True, slots=True)
class Order:
    """Hold a request whose fields have been checked."""

    model: str
    texts: list[str]
    images: list[str]
    dimensions: int
    normalized: bool
    as_base64: bool


async def embed(request: web.Request) -> web.Response:
    """Answer texts and pictures with vectors.

    Args:
        request: ``{"easyllm_id", "input_texts", "dimensions", "model", "input_images", ...}``.

    Returns:
        ``{"id", "object": "list", "usage", "data": [{"embedding", "index", "object"}]}``, texts before pictures.

    Raises:
        RefusalError: Another project or service (404), or a field that the document refuses (400).

    Source:
        SophNet, Embeddings: 按顺序输出,文本Embedding在前,图片Embedding在后.
    """
    require_project(request)
    body = await read_json(request)
    require_easyllm(request, body.get("easyllm_id"))
    return await _embedded(request, body)


async def embed_without_project(request: web.Request) -> web.Response:
    """Answer texts and pictures with vectors, by the newer path that needs neither project nor service id.

    Args:
        request: As for `embed`; ``easyllm_id`` may be left out.

    Returns:
        As `embed`.

    Raises:
        RefusalError: Another service (404), or a field that the document refuses (400).
    """
    body = await read_json(request)
    if body.get("easyllm_id") is not None:
        require_easyllm(request, body["easyllm_id"])
    return await _embedded(request, body)


async def _embedded(request: web.Request, body: dict[str, Any]) -> web.Response:
    order = _checked(body)
    state = state_of(request)
    counts = await state.work(_counted, order.texts)
    images = await asyncio.gather(*(_image(entry, f"input_images[{n}]", state) for n, entry in enumerate(order.images)))
    vectors = await state.work(_vectors, order, images)
    data = [
        {"embedding": _written(vector, as_base64=order.as_base64), "index": index, "object": "embedding"}
        for index, vector in enumerate(vectors)
    ]
    if state.variants.embeddings_order == "shuffled":
        data = [*data[1::2], *data[::2]]
    if state.variants.embeddings_index == "absent":
        data = [{name: value for name, value in entry.items() if name != "index"} for entry in data]
    answer = {"object": "list", "usage": _usage(sum(counts) + IMAGE_TOKENS * len(images)), "data": data}
    # In the document's examples an answer for texts has an empty id, and one for pictures has none.
    return json_reply(answer if order.model == CLIP else {"id": "", **answer})


def _checked(body: dict[str, Any]) -> Order:
    model = body.get("model") or TEXT
    if not isinstance(model, str) or model not in DIMENSIONS:
        raise _refusal("model", f"model must be one of {', '.join(DIMENSIONS)}")
    if model != CLIP:
        for name in CLIP_FIELDS:
            if body.get(name) not in (None, []):
                raise _refusal(name, f"{name} is valid for {CLIP} alone")
    texts = _strings(body, "input_texts", required=True)
    images = _strings(body, "input_images", required=False)
    if not texts and not images:
        raise _refusal("input_texts", "there is nothing to embed: input_texts is empty")
    if len(texts) > MAX_TEXTS.get(model, len(texts)):
        raise _refusal("input_texts", f"{model} takes at most {MAX_TEXTS[model]} texts, not {len(texts)}")
    normalized = _one_of(body, "normalized", {True: True, False: False, None: True})
    as_base64 = _one_of(body, "encoding_type", {"float": False, "base64": True, None: False})
    return Order(model, texts, images, _dimensions(body.get("dimensions"), model), normalized, as_base64)


def _strings(body: dict[str, Any], name: str, *, required: bool) -> list[str]:
    value = body.get(name)
    if value is None and not required:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise _refusal(name, f"{name} {'is required and ' if required else ''}must be an array of strings")
    return value


def _dimensions(value: Any, model: str) -> int:
    if type(value) is not int:
        raise _refusal("dimensions", "dimensions is required and must be an integer")
    allowed = DIMENSIONS[model]
    if value not in allowed:
        said = f"64 to {max(allowed)}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise _refusal("dimensions", f"{model} supports dimensions {said}, not {value}")
    return value


def _one_of(body: dict[str, Any], name: str, meanings: Mapping[Any, bool]) -> bool:
    value = body.get(name)
    for known, meaning in meanings.items():
        if value is known or (isinstance(value, str) and value == known):
            return meaning
    raise _refusal(name, f"{name} must be one of {[known for known in meanings if known is not None]}")


def _counted(texts: list[str]) -> list[int]:
    counts = [tokens.count(text) for text in texts]
    for index, count in enumerate(counts):
        if count > MAX_TEXT_TOKENS:
            message = f"input_texts[{index}] has {count} tokens; at most {MAX_TEXT_TOKENS} are supported"
            raise _refusal("input_texts", message)
    return counts


async def _image(entry: str, param: str, state: SandboxState) -> bytes:
    """Get a picture: 每一个元素是一个base64 图像或 URL; the example's base64 has no prefix."""
    if re.match(r"(?:https?:|data:)", entry, re.IGNORECASE):
        return await fetch(entry, param=param, own=state.own_file)
    return from_base64(entry, param=param)


def _vectors(order: Order, images: list[bytes]) -> list[NDArray[np.float32]]:
    if order.model != CLIP:
        return [embeddings.text(text, order.dimensions) for text in order.texts]
    texts = [embeddings.clip_text(t, order.dimensions, normalized=order.normalized) for t in order.texts]
    pictures = []
    for index, data in enumerate(images):
        try:
            pictures.append(embeddings.clip_image(data, order.dimensions, normalized=order.normalized))
        except CannotRead as error:
            raise _refusal("input_images", f"input_images[{index}]: {error}") from error
    return [*texts, *pictures]


def _written(vector: NDArray[np.float32], *, as_base64: bool) -> str | list[float]:
    if as_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.astype(float).round(8).tolist()
    return numbers


def _usage(count: int) -> dict[str, int | None]:
    return {
        "prompt_tokens": count,
        "completion_tokens": None,
        "total_tokens": count,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }


def _refusal(param: str, message: str) -> RefusalError:
    return RefusalError(400, message, code="invalid_parameter", param=param)


ROUTES = [
    ("POST", "/projects/{project_id}/easyllms/embeddings", embed),
    ("POST", "/projects/easyllms/embeddings", embed_without_project),
]
