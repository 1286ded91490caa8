"""LlamaIndex's face: LLMs, embeddings, readers and tools of both clouds.

Nothing of LangChain and no transport belongs here. Names are loaded at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from maaskit.errors import ConfigurationError

if TYPE_CHECKING:
    from maaskit.llama_index.embeddings import SophNetEmbedding, SophNetMultiModalEmbedding
    from maaskit.llama_index.llms import QiniuLLM, SophNetLLM
    from maaskit.llama_index.qiniu_readers import QiniuOCRReader, QiniuTranscriptReader
    from maaskit.llama_index.readers import SophNetDocumentReader, SophNetOCRReader
    from maaskit.llama_index.tools import QiniuToolSpec, SophNetToolSpec
    from maaskit.llama_index.transcript_reader import SophNetTranscriptReader
    from maaskit.llama_index.voice import SophNetVoiceAgent

__all__ = [
    "QiniuLLM",
    "QiniuOCRReader",
    "QiniuToolSpec",
    "QiniuTranscriptReader",
    "SophNetDocumentReader",
    "SophNetEmbedding",
    "SophNetLLM",
    "SophNetMultiModalEmbedding",
    "SophNetOCRReader",
    "SophNetToolSpec",
    "SophNetTranscriptReader",
    "SophNetVoiceAgent",
]

_HOMES = {
    "QiniuLLM": "llms",
    "QiniuOCRReader": "qiniu_readers",
    "QiniuToolSpec": "tools",
    "QiniuTranscriptReader": "qiniu_readers",
    "SophNetDocumentReader": "readers",
    "SophNetEmbedding": "embeddings",
    "SophNetLLM": "llms",
    "SophNetMultiModalEmbedding": "embeddings",
    "SophNetOCRReader": "readers",
    "SophNetToolSpec": "tools",
    "SophNetTranscriptReader": "transcript_reader",
    "SophNetVoiceAgent": "voice",
}


class MissingExtra(ConfigurationError, ImportError):
    """Say that LlamaIndex is not installed, and how to install it."""


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{home}")
    except ModuleNotFoundError as error:
        # Only the framework's own absence is explained: any other missing module is a fault to be seen as it is.
        if error.name is None or error.name.partition(".")[0] != "llama_index":
            raise
        raise MissingExtra(f'{name} needs llama-index-core: pip install "maaskit[llama-index]"') from error
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
