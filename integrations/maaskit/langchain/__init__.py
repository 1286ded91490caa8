"""The LangChain face of maaskit: chat models, embeddings, loaders, parsers, tools and live recognition of both clouds.

Names are loaded at their first use. What is said to the services is not known here, and neither is LlamaIndex.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from maaskit.errors import ConfigurationError

if TYPE_CHECKING:
    from maaskit.langchain.chat_qiniu import ChatQiniu
    from maaskit.langchain.chat_sophnet import ChatSophNet
    from maaskit.langchain.embeddings import SophNetEmbeddings
    from maaskit.langchain.live import QiniuStreamingTranscriber
    from maaskit.langchain.loaders import SophNetDocumentLoader, SophNetOCRLoader
    from maaskit.langchain.parsers import SophNetDocumentParser, SophNetOCRParser
    from maaskit.langchain.qiniu_loaders import QiniuOCRLoader, QiniuTranscriptLoader
    from maaskit.langchain.qiniu_parsers import QiniuOCRParser
    from maaskit.langchain.sophnet_live import SophNetStreamingTranscriber
    from maaskit.langchain.speech_chat import SophNetSpeechChat
    from maaskit.langchain.toolkits import QiniuToolkit, SophNetToolkit
    from maaskit.langchain.tools import (
        QiniuOCRTool,
        QiniuSpeechTool,
        QiniuTranscriptionTool,
        SophNetDocumentTool,
        SophNetImageEditTool,
        SophNetImageTool,
        SophNetOCRTool,
        SophNetSpeechTool,
        SophNetTranscriptionTool,
        SophNetVideoTool,
    )
    from maaskit.langchain.transcript_loader import SophNetTranscriptLoader

__all__ = [
    "ChatQiniu",
    "ChatSophNet",
    "QiniuOCRLoader",
    "QiniuOCRParser",
    "QiniuOCRTool",
    "QiniuSpeechTool",
    "QiniuStreamingTranscriber",
    "QiniuToolkit",
    "QiniuTranscriptLoader",
    "QiniuTranscriptionTool",
    "SophNetDocumentLoader",
    "SophNetDocumentParser",
    "SophNetDocumentTool",
    "SophNetEmbeddings",
    "SophNetImageEditTool",
    "SophNetImageTool",
    "SophNetOCRLoader",
    "SophNetOCRParser",
    "SophNetOCRTool",
    "SophNetSpeechChat",
    "SophNetSpeechTool",
    "SophNetStreamingTranscriber",
    "SophNetToolkit",
    "SophNetTranscriptLoader",
    "SophNetTranscriptionTool",
    "SophNetVideoTool",
]

_HOMES = {
    "ChatQiniu": "chat_qiniu",
    "ChatSophNet": "chat_sophnet",
    "QiniuOCRLoader": "qiniu_loaders",
    "QiniuOCRParser": "qiniu_parsers",
    "QiniuOCRTool": "tools",
    "QiniuSpeechTool": "tools",
    "QiniuStreamingTranscriber": "live",
    "QiniuToolkit": "toolkits",
    "QiniuTranscriptLoader": "qiniu_loaders",
    "QiniuTranscriptionTool": "tools",
    "SophNetDocumentLoader": "loaders",
    "SophNetDocumentParser": "parsers",
    "SophNetDocumentTool": "tools",
    "SophNetEmbeddings": "embeddings",
    "SophNetImageEditTool": "tools",
    "SophNetImageTool": "tools",
    "SophNetOCRLoader": "loaders",
    "SophNetOCRParser": "parsers",
    "SophNetOCRTool": "tools",
    "SophNetSpeechChat": "speech_chat",
    "SophNetSpeechTool": "tools",
    "SophNetStreamingTranscriber": "sophnet_live",
    "SophNetToolkit": "toolkits",
    "SophNetTranscriptLoader": "transcript_loader",
    "SophNetTranscriptionTool": "tools",
    "SophNetVideoTool": "tools",
}


class MissingExtra(ConfigurationError, ImportError):
    """Say that LangChain is not installed, and how to install it."""


try:
    import langchain_core  # noqa: F401 - only to see that it is there; its own `__init__` is small
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "langchain_core":
        raise
    raise MissingExtra('maaskit.langchain needs langchain-core: pip install "maaskit[langchain]"') from None


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
