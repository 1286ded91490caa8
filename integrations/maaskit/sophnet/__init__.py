"""SophNet's services, one file per service; each function returns a conversation and performs nothing.

Waiting, retrying and sockets belong to the drivers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maaskit.sophnet import (
        chat,
        documents,
        embeddings,
        images,
        ocr,
        profiles,
        speech,
        speech_chat,
        spoken_chat,
        tasks,
        transcription,
        transcription_stream,
        videos,
        voices,
    )

__all__ = [
    "chat",
    "documents",
    "embeddings",
    "images",
    "ocr",
    "profiles",
    "speech",
    "speech_chat",
    "spoken_chat",
    "tasks",
    "transcription",
    "transcription_stream",
    "videos",
    "voices",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
