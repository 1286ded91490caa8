"""How a passage becomes LangChain's Document.

Where passages are from stands in ``loaders`` and ``parsers``.
"""

from __future__ import annotations

from langchain_core.documents import Document

from maaskit.reading import Passage


def document_of(passage: Passage) -> Document:
    """Make a Document.

    Args:
        passage: The passage.

    Returns:
        A Document with the same id, text and metadata.
    """
    return Document(page_content=passage.text, id=passage.id, metadata=passage.metadata)
