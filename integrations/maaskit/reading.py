"""What becomes of a file that a service reads: passages of text, with an id and metadata, once for each service.

Where files come from is known in ``files``; what a framework makes of a passage, in the framework's face.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

from maaskit.errors import InvalidInput
from maaskit.media import Media
from maaskit.sophnet import documents, ocr
from maaskit.sophnet.documents import ParsedDocument
from maaskit.sophnet.ocr import Block, Recognized
from maaskit.wire import Flow

T = TypeVar("T")

# Large documents take the service minutes.
DOCUMENT_TIMEOUT_S = 600.0

OCRMode: TypeAlias = Literal["single", "blocks"]


@dataclass(frozen=True, slots=True)
class Passage:
    """Be one piece of what a file says; a framework's Document is made of it.

    Args:
        id: A UUID as text, the same whenever the same source is read.
        text: Markdown; empty when the file holds no text.
        metadata: Where it is from, and what the service said of it.
    """

    id: str
    text: str = field(repr=False)
    metadata: dict[str, Any] = field(default_factory=dict)


class Reading(Protocol[T]):
    """Turn one file into passages."""

    purpose: ClassVar[str]
    max_bytes: ClassVar[int]

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

    def passages(self, answer: T, identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Turn the answer into passages.

        Args:
            answer: The answer.
            identity: The id of the passage, or what the ids of several are made of.
            metadata: What is known of the file.

        Yields:
            The passages.
        """


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """Turn a document into one passage of Markdown, with SophNet's doc-parse."""

    purpose: ClassVar[str] = "sophnet-doc-parse"
    max_bytes: ClassVar[int] = documents.MAX_DOCUMENT_BYTES

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

    def passages(self, answer: ParsedDocument, identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Give the Markdown as one passage.

        Args:
            answer: The Markdown.
            identity: The passage's id.
            metadata: What is known of the document.

        Yields:
            The passage.
        """
        yield Passage(identity, answer.text, dict(metadata))


@dataclass(frozen=True, slots=True)
class OCRReading:
    """Turn a picture into one passage, or into one for each of its blocks, with SophNet's OCR.

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
    max_bytes: ClassVar[int] = ocr.MAX_IMAGE_BYTES

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

    def passages(self, answer: Recognized, identity: str, metadata: Mapping[str, Any]) -> Iterator[Passage]:
        """Give the text as one passage with its blocks in the metadata, or each block as a passage.

        Args:
            answer: The text and its blocks.
            identity: The passage's id, which a block's id begins with.
            metadata: What is known of the picture.

        Yields:
            The passages.
        """
        common = {**metadata, "model": self.model}
        if self.mode == "single":
            yield Passage(identity, answer.text, {**common, "blocks": [_plain(block) for block in answer.blocks]})
            return
        # A model may give Markdown alone: it is then one block, so that nothing is lost.
        for number, block in enumerate(answer.blocks or (Block("text", answer.text),)):
            told = _plain(block)
            text = told.pop("text")
            if text:
                id_ = str(uuid.uuid5(uuid.UUID(identity), str(number)))
                yield Passage(id_, text, {**common, "block": number, **told})


def _plain(block: Block) -> dict[str, Any]:
    """Give a block as JSON has it, so that it can be stored."""
    return {"label": block.label, "text": block.text, "position": block.position and list(block.position)}
