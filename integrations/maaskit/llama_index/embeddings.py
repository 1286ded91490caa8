"""``SophNetEmbedding`` and ``SophNetMultiModalEmbedding``: LlamaIndex's embeddings over SophNet.

Nothing is known of limits or the wire, which ``maaskit.sophnet`` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from io import BytesIO
from typing import Any, ClassVar

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from pydantic import Field
from typing_extensions import override

from maaskit.errors import InvalidInput
from maaskit.llama_index.places import Bounded, Turns
from maaskit.llama_index.sophnet import SophNetComponent
from maaskit.media import MediaSource
from maaskit.provider import SophNet
from maaskit.sophnet import embedding_limits, embeddings
from maaskit.sophnet.embeddings import Embedded
from maaskit.wire import Call, Flow


class SophNetEmbedding(SophNetComponent, Bounded, BaseEmbedding):
    """Turn texts into vectors with SophNet (算能云).

    Batches are split as the model's documented limit demands, whatever ``embed_batch_size`` says; a few requests are
    under way at once, also where LlamaIndex starts all batches together; the vectors come in the order of the texts.
    A rate limiter is asked once for each request; LlamaIndex asks it for a synchronous batch out of the cache, too.

    Args:
        model_name: ``text-embeddings`` (default), ``bge-m3`` or ``clip-embeddings``; names that the document does not
            list pass.
        dimensions: Length of the vectors: 1024, 768, 512, 256, 128 or 64 for ``text-embeddings``, 64 to 1024 for
            ``clip-embeddings``, 1024 for ``bge-m3``; default 1024.
        normalized: Whether to normalise vectors to length 1; ``clip-embeddings`` only.
        encoding_type: Form of the vectors on the wire; ``clip-embeddings`` only.
        extra_body: Further fields of each request.
        embed_batch_size: Texts that LlamaIndex hands over at once, 1 to 2048; default 40, which is four requests of
            ``text-embeddings``.
        max_concurrency: Requests under way at once, 1 or more; default 4.
        num_workers, callback_manager, rate_limiter: See LlamaIndex.
        embeddings_cache: A key-value store of LlamaIndex's. It finds vectors by their text alone, so let no other model
            and no other ``dimensions`` share it. It is not part of ``to_dict``.
        api_key: By default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``. It is in no dump; loaded from a pickle in
            another process, or with ``from_dict``, the object takes the environment's key, unless one is given.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.
        project_id: By default ``SOPHNET_PROJECT_ID``.
        easyllm_id: By default ``SOPHNET_EMBEDDINGS_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        timeout: Seconds to wait for an answer; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> embed_model = SophNetEmbedding(model_name="text-embeddings", dimensions=512)  # doctest: +SKIP
        >>> vector = embed_model.get_query_embedding("差旅标准")  # doctest: +SKIP

    Source:
        sophnet-api, Embeddings.
    """

    model_name: str = Field(default="text-embeddings", description="Name of the model, exactly as SophNet spells it.")
    dimensions: int = Field(default=1024, description="Length of the vectors.")
    normalized: bool | None = Field(default=None, description="Whether vectors are normalised; clip-embeddings only.")
    encoding_type: str | None = Field(default=None, description="Form of the vectors on the wire.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")
    # LlamaIndex's own 10 would be one request of text-embeddings, and synchronous batches come one after the other.
    embed_batch_size: int = Field(default=40, gt=0, le=2048, description="Texts that are handed over at once.")
    # A store is no part of what is configured, and most cannot be written as JSON.
    embeddings_cache: Any = Field(default=None, exclude=True, repr=False, description="Cache for the vectors.")

    service: ClassVar[str | None] = "embeddings"
    synonyms: ClassVar[Mapping[str, str]] = {"model": "model_name"}

    def to_payload(self) -> dict[str, Any]:
        """Describe the embeddings for events: no key, no header."""
        return {**super().to_payload(), "provider": SophNet.name, "dimensions": self.dimensions}

    @override
    def _get_query_embedding(self, query: str) -> Embedding:
        return self._vectors([query], (), granted=1)[0]

    @override
    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._avectors([query], (), granted=1))[0]

    @override
    def _get_text_embedding(self, text: str) -> Embedding:
        return self._vectors([text], (), granted=1)[0]

    @override
    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._avectors([text], (), granted=1))[0]

    @override
    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        # Core has asked the limiter for this batch, which may become several requests.
        return self._vectors(texts, (), granted=1)

    @override
    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await self._avectors(texts, (), granted=0)

    @override
    async def _aget_text_embeddings_rate_limited(self, texts: list[str]) -> list[Embedding]:
        # Core asks the limiter here, and not where texts may come out of the cache: it is asked below, for both.
        return await self._aget_text_embeddings(texts)

    def _vectors(self, texts: Sequence[str], images: Sequence[MediaSource], *, granted: int) -> list[Embedding]:
        calls = self._limited(self._calls(texts, images), granted)
        with closing(self._settings().client().each(calls, self._concurrency(texts, images))) as answers:
            return [vector for answer in answers for vector in answer.vectors]

    async def _avectors(self, texts: Sequence[str], images: Sequence[MediaSource], *, granted: int) -> list[Embedding]:
        calls = self._calls(texts, images)
        client = await self._settings().async_client()
        turns = Turns(self._here(), self.rate_limiter, granted)
        async with aclosing(client.each(calls, self._concurrency(texts, images), turns)) as answers:
            return [vector async for answer in answers for vector in answer.vectors]

    def _calls(self, texts: Sequence[str], images: Sequence[MediaSource]) -> Iterator[Call[Embedded] | Flow[Embedded]]:
        return embeddings.batches(
            texts,
            images,
            self.model_name,
            self.dimensions,
            normalized=self.normalized,
            encoding_type=self.encoding_type,
            extra_body=self.extra_body,
        )

    def _limited(
        self, calls: Iterable[Call[Embedded] | Flow[Embedded]], granted: int
    ) -> Iterator[Call[Embedded] | Flow[Embedded]]:
        """Ask the limiter before each request that it has not been asked for."""
        for number, call in enumerate(calls):
            if number >= granted and self.rate_limiter is not None:
                self.rate_limiter.acquire()
            yield call

    def _concurrency(self, texts: Sequence[str], images: Sequence[MediaSource]) -> int:
        """Say how many requests at once are worth threads: one request needs none."""
        number = embedding_limits.number_of_requests(self.model_name, len(texts), len(images))
        return max(1, min(self.max_concurrency, number))

    def _complete(self) -> None:
        embedding_limits.check_model(
            self.model_name, self.dimensions, normalized=self.normalized, encoding_type=self.encoding_type
        )
        super()._complete()


class SophNetMultiModalEmbedding(SophNetEmbedding, MultiModalEmbedding):
    """Turn texts and images into vectors of one space with SophNet (算能云), so that text finds images.

    An image is a path, an http or https URL (which the service fetches), a ``data:`` URL, bytes or a binary file such
    as BytesIO, which is read from its beginning.

    Args:
        model_name: ``clip-embeddings`` (default); names that the document does not list pass.
        dimensions: Length of the vectors, 64 to 1024; default 1024.

    All other arguments are those of ``SophNetEmbedding``.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range, or the model takes no images.

    Example:
        >>> embed_model = SophNetMultiModalEmbedding(dimensions=512)  # doctest: +SKIP
        >>> vector = embed_model.get_image_embedding("beach.jpg")  # doctest: +SKIP

    Source:
        sophnet-api, Embeddings: "clip-embeddings".
    """

    model_name: str = Field(default="clip-embeddings", description="Name of the model, exactly as SophNet spells it.")

    @override
    def _get_image_embedding(self, img_file_path: Any) -> Embedding:
        return self._get_image_embeddings([img_file_path])[0]

    @override
    async def _aget_image_embedding(self, img_file_path: Any) -> Embedding:
        return (await self._aget_image_embeddings([img_file_path]))[0]

    @override
    def _get_image_embeddings(self, img_file_paths: list[Any]) -> list[Embedding]:
        # Core never asks the limiter for images.
        return self._vectors((), [_from_the_beginning(image) for image in img_file_paths], granted=0)

    @override
    async def _aget_image_embeddings(self, img_file_paths: list[Any]) -> list[Embedding]:
        return await self._avectors((), [_from_the_beginning(image) for image in img_file_paths], granted=0)

    def _complete(self) -> None:
        super()._complete()
        if self.model_name in embedding_limits.DIMENSIONS and self.model_name not in embedding_limits.IMAGE_MODELS:
            raise InvalidInput(
                f"{self.model_name} embeds no images; use clip-embeddings, the default, or SophNetEmbedding for texts."
            )


def _from_the_beginning(image: Any) -> Any:
    """Give what a file holds from its beginning on: LlamaIndex's nodes hand over files that were read before."""
    if isinstance(image, BytesIO):
        return image.getvalue()
    if hasattr(image, "read") and hasattr(image, "seek"):
        image.seek(0)
    return image
