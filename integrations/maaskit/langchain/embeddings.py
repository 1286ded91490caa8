"""LangChain's ``Embeddings`` over SophNet.

Fields and LangChain's methods live here; nothing is known of limits or the wire, which ``maaskit.sophnet`` holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from maaskit.access import SophNetArgs, invalid, sophnet_provider, sophnet_settings
from maaskit.errors import InvalidInput
from maaskit.langchain.errors import ModelErrors
from maaskit.media import MediaSource
from maaskit.progress import Progress
from maaskit.sophnet import embedding_limits, embeddings
from maaskit.wire import Call, Flow

if TYPE_CHECKING:
    from maaskit.connections import Settings


class SophNetEmbeddings(BaseModel, Embeddings):
    """Turn texts and images into vectors with SophNet, synchronously and asynchronously.

    Setup:
        ``pip install "maaskit[langchain]"``, then set ``SOPHNET_API_KEY``, ``SOPHNET_PROJECT_ID`` and
        ``SOPHNET_EASYLLM_ID`` (or ``SOPHNET_EMBEDDINGS_EASYLLM_ID``).

    Instantiate and use::

        from maaskit.langchain import SophNetEmbeddings

        embeddings = SophNetEmbeddings(model="text-embeddings", dimensions=1024)
        vectors = embeddings.embed_documents(["海滩上美丽的日落", "very glad to meet you"])
        vector = await embeddings.aembed_query("日落")

    Images, in the same space as texts::

        clip = SophNetEmbeddings(model="clip-embeddings", dimensions=512)
        vectors = clip.embed_images(["beach.jpg", "https://example.com/beach.jpg"])

    Any number of texts is split as the model's documented limit demands, a few requests are under way at once, and the
    vectors come in the order of the texts. An empty list and an empty text are errors that say which; nothing has been
    sent then.

    Args:
        model: ``text-embeddings``, ``bge-m3`` or ``clip-embeddings``; names that the document does not list pass.
        dimensions: Length of the vectors: 1024, 768, 512, 256, 128 or 64 for ``text-embeddings``, 64 to 1024 for
            ``clip-embeddings``, 1024 for ``bge-m3``; default 1024.
        normalized: Whether to normalise vectors to length 1; ``clip-embeddings`` only.
        encoding_type: Form of the vectors on the wire; ``clip-embeddings`` only.
        extra_body: Further fields of each request.
        chunk_size: Texts, or images, in one request; never more than the model allows. By default as many texts as it
            allows (10, ``bge-m3`` 1) and 4 images.
        max_concurrency: Requests under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm).
        api_key: The key; by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: Where the service is; by default ``SOPHNET_BASE_URL``, then the cloud.
        project_id: The project; by default ``SOPHNET_PROJECT_ID``.
        easyllm_id: The service id; by default ``SOPHNET_EMBEDDINGS_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        timeout: Seconds to wait for an answer; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client: An ``httpx.Client`` of your own for synchronous calls; you close it.
        http_async_client: An ``httpx.AsyncClient`` of your own for asynchronous calls; you close it.
        default_headers: Further header fields for every request.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, Embeddings.
    """

    # Inputs stay out of errors, because a key is among them.
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    model: str = "text-embeddings"
    dimensions: int = 1024
    normalized: bool | None = None
    encoding_type: str | None = None
    extra_body: Mapping[str, Any] | None = None
    chunk_size: int | None = None
    max_concurrency: int = 4
    show_progress: bool = False
    api_key: SecretStr | None = None
    base_url: str | None = None
    project_id: str | None = None
    easyllm_id: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    # Any, because importing this class must not load httpx.
    http_client: Any = Field(default=None, repr=False, exclude=True)
    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)

    if not TYPE_CHECKING:  # type checkers read the signature off the fields

        def __init__(self, **data: Any) -> None:
            """Check everything that can be known now, and read the environment once."""
            with ModelErrors():
                try:
                    super().__init__(**data)
                except ValidationError as error:
                    raise invalid(error) from None
                self._complete()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Turn texts into vectors.

        Args:
            texts: One or more texts.

        Returns:
            One vector for each text, in their order.

        Raises:
            InvalidInput: The list is empty, or a text is empty or no string.
            MaasError: What else went wrong; each is one of langchain-core's ModelErrors as well.
        """
        return self._embed(texts, ())

    def embed_query(self, text: str) -> list[float]:
        """Turn one text into a vector.

        Args:
            text: The text.

        Returns:
            Its vector.

        Raises:
            MaasError: As for ``embed_documents``.
        """
        return self._embed([text], ())[0]

    def embed_images(self, images: Sequence[MediaSource]) -> list[list[float]]:
        """Turn images into vectors that lie near those of texts that describe them; ``clip-embeddings`` only.

        Args:
            images: Paths, bytes, URLs or Media. A URL is fetched by the service.

        Returns:
            One vector for each image, in their order.

        Raises:
            MaasError: As for ``embed_documents``.
        """
        return self._embed((), images)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Turn texts into vectors.

        Args:
            texts: One or more texts.

        Returns:
            One vector for each text, in their order.

        Raises:
            MaasError: As for ``embed_documents``.
        """
        return await self._aembed(texts, ())

    async def aembed_query(self, text: str) -> list[float]:
        """Turn one text into a vector.

        Args:
            text: The text.

        Returns:
            Its vector.

        Raises:
            MaasError: As for ``embed_documents``.
        """
        return (await self._aembed([text], ()))[0]

    async def aembed_images(self, images: Sequence[MediaSource]) -> list[list[float]]:
        """Turn images into vectors that lie near those of texts that describe them; ``clip-embeddings`` only.

        Args:
            images: Paths, bytes, URLs or Media. A URL is fetched by the service.

        Returns:
            One vector for each image, in their order.

        Raises:
            MaasError: As for ``embed_documents``.
        """
        return await self._aembed((), images)

    def _embed(self, texts: Sequence[str], images: Sequence[MediaSource]) -> list[list[float]]:
        with ModelErrors():
            calls = self._calls(texts, images)
            vectors: list[list[float]] = []
            with (
                Progress(len(texts) + len(images), "embedding", show=self.show_progress) as progress,
                closing(self._settings().client().each(calls, self._concurrency(texts, images))) as answers,
            ):
                for answer in answers:
                    vectors += answer.vectors
                    progress.done(len(answer.vectors))
            return vectors

    async def _aembed(self, texts: Sequence[str], images: Sequence[MediaSource]) -> list[list[float]]:
        with ModelErrors():
            calls = self._calls(texts, images)
            vectors: list[list[float]] = []
            client = await self._settings().async_client()
            with Progress(len(texts) + len(images), "embedding", show=self.show_progress) as progress:
                async with aclosing(client.each(calls, self._concurrency(texts, images))) as answers:
                    async for answer in answers:
                        vectors += answer.vectors
                        progress.done(len(answer.vectors))
            return vectors

    def _calls(
        self, texts: Sequence[str], images: Sequence[MediaSource]
    ) -> Iterator[Call[embeddings.Embedded] | Flow[embeddings.Embedded]]:
        return embeddings.batches(
            texts,
            images,
            self.model,
            self.dimensions,
            chunk_size=self.chunk_size,
            normalized=self.normalized,
            encoding_type=self.encoding_type,
            extra_body=self.extra_body,
        )

    def _concurrency(self, texts: Sequence[str], images: Sequence[MediaSource]) -> int:
        """Say how many requests at once are worth threads: one request needs none."""
        number = embedding_limits.number_of_requests(self.model, len(texts), len(images), self.chunk_size)
        return max(1, min(self.max_concurrency, number))

    def _settings(self) -> Settings:
        return sophnet_settings(**self._connection())

    def _connection(self) -> SophNetArgs:
        return {
            "api_key": self.api_key,
            "base_url": self.base_url,
            "project_id": self.project_id,
            "easyllm_id": self.easyllm_id,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "http_client": self.http_client,
            "http_async_client": self.http_async_client,
            "default_headers": self.default_headers,
        }

    def _complete(self) -> None:
        embedding_limits.check_model(
            self.model, self.dimensions, normalized=self.normalized, encoding_type=self.encoding_type
        )
        embedding_limits.batch_sizes(self.model, self.chunk_size)
        if self.max_concurrency < 1:
            raise InvalidInput(f"max_concurrency must be 1 or more, not {self.max_concurrency}.")
        self._settings()  # refuses a time-out and the like that no client would take
        provider = sophnet_provider(**self._connection())
        self.api_key, self.base_url, self.project_id = provider.api_key, provider.base_url, provider.project_id
        self.easyllm_id = provider.easyllm_ids["embeddings"] or provider.easyllm_id
