"""``SophNetDocumentReader`` and ``SophNetOCRReader``: LlamaIndex's readers over SophNet.

How they are called stands in ``file_reader``; no knowledge of the wire lives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from maaskit.llama_index.file_reader import FileReader
from maaskit.llama_index.sophnet import SophNetComponent
from maaskit.reading import DOCUMENT_TIMEOUT_S, DocumentReading, OCRMode, OCRReading
from maaskit.sophnet import ocr


class SophNetDocumentReader(SophNetComponent, FileReader):
    """Turn documents into Markdown with SophNet's doc-parse (算能云文档解析).

    A document is pdf, docx, doc, xlsx, txt or pptx of less than 50 MiB. Paths stream from disk; a URL is downloaded.

    Args:
        max_concurrency: Documents under way at once, 1 or more; default 4.
        show_progress: Whether to show a progress bar (needs tqdm); default off.
        api_key: By default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``. It is in no dump; loaded from a pickle in
            another process, or with ``from_dict``, the reader takes the environment's key, unless one is given.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.
        project_id: By default ``SOPHNET_PROJECT_ID``.
        easyllm_id: By default ``SOPHNET_DOC_PARSE_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        timeout: Seconds to wait for an answer; default 600, because large documents take the service minutes.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> reader = SophNetDocumentReader()  # doctest: +SKIP
        >>> documents = reader.load_data("合同.pdf", extra_info={"case": "A7"})  # doctest: +SKIP
        >>> SimpleDirectoryReader("files", file_extractor={".pdf": reader}).load_data()  # doctest: +SKIP

    Source:
        sophnet-api, Document Parse.
    """

    timeout: float | None = Field(default=DOCUMENT_TIMEOUT_S, description="Seconds to wait.")

    service: ClassVar[str | None] = "doc_parse"

    def _reading(self) -> DocumentReading:
        return DocumentReading()


class SophNetOCRReader(SophNetComponent, FileReader):
    r"""Read the text in pictures with SophNet's OCR (算能云图像文字识别).

    The service fetches a URL itself. Metadata stays flat, as LlamaIndex's vector stores want it.

    Args:
        model: ``PaddleOCR-VL-0.9B`` (default) or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only, whose own default is ``<image>\nFree OCR.``.
        mode: ``single`` (default): one Document of Markdown for each picture; ``blocks``: one for each block, with its
            number ``block``, its ``label`` and its ``position`` (``"left,top,right,bottom"`` in pixels, or None) in
            the metadata, which embeddings and prompts leave out.
        prettify_markdown: Whether the Markdown is embellished; the service's default is true.
        show_formula_number: Whether the Markdown numbers formulas; the service's default is false.
        extra_body: Further fields of each request.
        timeout: Seconds to wait for an answer; default 120.

    All other arguments are those of ``SophNetDocumentReader``; project and service id have no meaning here.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range, or the model takes no prompt.

    Example:
        >>> (document,) = SophNetOCRReader().load_data("发票.jpg")  # doctest: +SKIP

    Source:
        sophnet-api, Image OCR.
    """

    model: str = Field(default=ocr.DEFAULT_MODEL, description="Name of the model, exactly as SophNet spells it.")
    prompt: str | None = Field(default=None, description="What to do with the picture; DeepSeek-OCR only.")
    mode: OCRMode = Field(default="single", description="One Document for each picture, or for each block.")
    prettify_markdown: bool | None = Field(default=None, description="Whether the Markdown is embellished.")
    show_formula_number: bool | None = Field(default=None, description="Whether the Markdown numbers formulas.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Fields that no document lists.")

    synonyms: ClassVar[Mapping[str, str]] = {"model_name": "model"}
    for_programs: ClassVar[tuple[str, ...]] = ("model", "block", "label", "position")
    left_out: ClassVar[frozenset[str]] = frozenset({"blocks"})

    def _reading(self) -> OCRReading:
        return OCRReading(
            self.model, self.prompt, self.mode, self.prettify_markdown, self.show_formula_number, self.extra_body
        )
