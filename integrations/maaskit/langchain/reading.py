"""What loaders and parsers share: how a file becomes Documents, once for each service that reads files.

Where files come from is the loaders' and parsers' business.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

from langchain_core.documents import Document

from maaskit.errors import ConfigurationError, InvalidInput, MaasError
from maaskit.media import Media
from maaskit.sophnet import documents, ocr
from maaskit.sophnet.documents import ParsedDocument
from maaskit.sophnet.ocr import Block, Recognized
from maaskit.wire import Flow

T = TypeVar("T")

# Large documents take the service minutes.
DOCUMENT_TIMEOUT_S = 600.0

OCRMode: TypeAlias = Literal["single", "blocks"]


class Reading(Protocol[T]):
    """Turn one file into Documents."""

    purpose: ClassVar[str]

    def check(self, media: Media) -> None:
        """Refuse what cannot be read, as far as it can be known without the network.

        Args:
            media: The file.
        """

    def flow(self, media: Media) -> Flow[T]:
        """Give the conversation that reads a file.

        Args:
            media: The file.

        Returns:
            A Flow of the answer.
        """

    def documents(self, answer: T, identity: str, metadata: Mapping[str, Any]) -> Iterator[Document]:
        """Turn the answer into Documents.

        Args:
            answer: The answer.
            identity: The id of the Document, or what the ids of several are made of.
            metadata: The Documents' metadata.

        Yields:
            The Documents.
        """


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """Turn a document into one Document of Markdown, with SophNet's doc-parse."""

    purpose: ClassVar[str] = "sophnet-doc-parse"

    def check(self, media: Media) -> None:
        """Refuse what doc-parse does not take.

        Args:
            media: The document.
        """
        documents.check(media)

    def flow(self, media: Media) -> Flow[ParsedDocument]:
        """Give the conversation that parses a document.

        Args:
            media: The document; a URL is downloaded.

        Returns:
            A Flow of the Markdown.
        """
        return documents.load(media)

    def documents(self, answer: ParsedDocument, identity: str, metadata: Mapping[str, Any]) -> Iterator[Document]:
        """Give the Markdown as one Document.

        Args:
            answer: The Markdown.
            identity: The Document's id.
            metadata: The Document's metadata.

        Yields:
            The Document.
        """
        yield Document(page_content=answer.text, id=identity, metadata=dict(metadata))


@dataclass(frozen=True, slots=True)
class OCRReading:
    """Turn a picture into one Document, or into one for each of its blocks, with SophNet's OCR.

    Args:
        model: The model.
        prompt: See ``maaskit.sophnet.ocr.recognize``.
        mode: ``single`` or ``blocks``.
        prettify_markdown: See ``maaskit.sophnet.ocr.recognize``.
        show_formula_number: See ``maaskit.sophnet.ocr.recognize``.
        extra_body: See ``maaskit.sophnet.ocr.recognize``.

    Raises:
        InvalidInput: The options do not fit together.
    """

    purpose: ClassVar[str] = "sophnet-ocr"

    model: str = ocr.DEFAULT_MODEL
    prompt: str | None = None
    mode: OCRMode = "single"
    prettify_markdown: bool | None = None
    show_formula_number: bool | None = None
    extra_body: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse options that do not fit together."""
        if self.mode not in ("single", "blocks"):
            raise InvalidInput(f"mode must be 'single' or 'blocks', not {self.mode!r}.")
        ocr.check_options(
            self.model,
            self.prompt,
            prettify_markdown=self.prettify_markdown,
            show_formula_number=self.show_formula_number,
        )

    def check(self, media: Media) -> None:
        """Refuse what is no picture.

        Args:
            media: The picture.
        """
        ocr.check(media)

    def flow(self, media: Media) -> Flow[Recognized]:
        """Give the conversation that reads a picture.

        Args:
            media: The picture; a URL is fetched by the service.

        Returns:
            A Flow of the text and its blocks.
        """
        return ocr.load(
            media,
            self.model,
            self.prompt,
            prettify_markdown=self.prettify_markdown,
            show_formula_number=self.show_formula_number,
            extra_body=self.extra_body,
        )

    def documents(self, answer: Recognized, identity: str, metadata: Mapping[str, Any]) -> Iterator[Document]:
        """Give the text as one Document with its blocks in the metadata, or each block as a Document.

        Args:
            answer: The text and its blocks.
            identity: The Document's id, which a block's id begins with.
            metadata: The Documents' metadata.

        Yields:
            The Documents.
        """
        common = {**metadata, "model": self.model}
        if self.mode == "single":
            yield Document(page_content=answer.text, id=identity, metadata={**common, "blocks": _plain(answer.blocks)})
            return
        # A model may give Markdown alone: it is then one block, so that nothing is lost.
        blocks = answer.blocks or (Block("text", answer.text),)
        for number, block in enumerate(_plain(blocks)):
            text = block.pop("text")
            if text:
                id_ = str(uuid.uuid5(uuid.UUID(identity), str(number)))
                yield Document(page_content=text, id=id_, metadata={**common, "block": number, **block})


def named(error: MaasError, label: str) -> MaasError:
    """Say which file an error is about, unless it would be the same for every file.

    Args:
        error: The error.
        label: The file's name.

    Returns:
        The same error.
    """
    return error if isinstance(error, ConfigurationError) else error.about(label)


def _plain(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Give blocks as JSON has them, so that every vector store can keep them."""
    return [
        {"label": block.label, "text": block.text, "position": block.position and list(block.position)}
        for block in blocks
    ]
