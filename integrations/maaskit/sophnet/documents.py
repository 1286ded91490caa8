"""SophNet's doc-parse: documents in, Markdown out.

How a document's type is recognised stands in ``document_formats``; no framework's types belong here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, MediaSource
from maaskit.sophnet.document_formats import upload_name
from maaskit.sophnet.service_ids import service_id
from maaskit.wire import Call, Download, FilePart, Flow, FlowSteps, Request, Response

_PATH = "/projects/{project_id}/easyllms/doc-parse"

# "文档,支持pdf,docx,doc,xlsx,txt,pptx格式,大小<50MB": 50 MiB itself is refused.
MAX_DOCUMENT_BYTES = 50 * MIB - 1


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """Be the content of a document.

    Args:
        text: Markdown; empty when the document holds no text.
    """

    text: str = field(repr=False)


def parse(document: MediaSource, *, easyllm_id: str | None = None) -> Call[ParsedDocument]:
    """Turn a document into Markdown.

    Args:
        document: A path, which streams from disk, or bytes, a binary file or Media; pdf, docx, doc, xlsx, txt or pptx
            of less than 50 MiB. The type is told by the name or by the content; bytes of which neither tells it are
            given a name with ``Media(data=…, name="notes.txt")``.
        easyllm_id: The service id, in place of the provider's.

    Returns:
        A Call of the Markdown.

    Raises:
        InvalidInput: It is missing, empty, too large, of another type, or a URL, which the service does not take:
            ``load`` downloads it.

    Source:
        sophnet-api, Document Parse: "支持pdf,docx,doc,xlsx,txt,pptx格式,大小<50MB".
    """
    media = Media.of(document, argument="document")
    if media.url is not None:
        raise InvalidInput(
            "doc-parse takes no URL. maaskit.sophnet.documents.load(url), the document loaders and readers, and "
            "client.download(url) fetch it first."
        )
    return _call(media, easyllm_id)


def load(document: MediaSource, *, easyllm_id: str | None = None) -> Flow[ParsedDocument]:
    """Turn a document into Markdown, wherever it is; nothing is looked at before its turn has come.

    Args:
        document: As for ``parse``, or an http or https URL, which is downloaded.
        easyllm_id: The service id, in place of the provider's.

    Returns:
        A Flow of the Markdown.

    Raises:
        InvalidInput: As for ``parse``, when the flow is performed.

    Source:
        sophnet-api, Document Parse.
    """

    def steps() -> FlowSteps[ParsedDocument]:
        media = Media.of(document, argument="document")
        if media.url is not None:
            media = (yield Download(media.url, MAX_DOCUMENT_BYTES, "document")).answer
        parsed: ParsedDocument = (yield _call(media, easyllm_id)).answer
        return parsed

    return Flow(steps)


def check(document: Media) -> None:
    """Refuse what ``load`` would refuse, as far as it can be known without the network.

    Args:
        document: The document.

    Raises:
        InvalidInput: As for ``parse``; a URL passes.
    """
    if document.url is None:
        document.check_size(MAX_DOCUMENT_BYTES, argument="document")
        upload_name(document)


def _call(media: Media, easyllm_id: str | None) -> Call[ParsedDocument]:
    media.check_size(MAX_DOCUMENT_BYTES, argument="document")
    name, content_type = upload_name(media)
    content = media.path if media.data is None else media.data
    request = Request(
        "POST",
        _PATH,
        fields={"easyllm_id": service_id(easyllm_id)},
        files=(FilePart("file", name, content, content_type),),
        service="doc_parse",
    )
    return Call(request, _read)


def _read(response: Response) -> ParsedDocument:
    text = parse_object(response).get("data")
    if not isinstance(text, str):
        raise unexpected(response, "has no Markdown in `data`")
    return ParsedDocument(text)
