"""The sound of a spoken answer in LlamaIndex's own types: a block of a message, a field of a completion, a piece.

What was written, and how an answer comes, is not known here.
"""

from __future__ import annotations

import base64
from typing import Any

from llama_index.core.base.llms.types import AudioBlock

from maaskit.sophnet.spoken_pieces import SpokenAnswer

_FORMATS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/l16": "pcm"}


def sound_block(answer: SpokenAnswer) -> AudioBlock:
    """Give the sound of an answer.

    Args:
        answer: The answer; it has some.

    Returns:
        The block, its ``format`` as core has it: ``mp3``, ``wav`` or ``pcm``.
    """
    kind = (answer.content_type or "audio/mpeg").lower()
    # In base64, because core takes whatever could be base64 for it.
    return AudioBlock(audio=base64.b64encode(answer.audio), format=_FORMATS.get(kind, kind.partition("/")[2]))


def spoken_in(block: AudioBlock) -> dict[str, Any]:
    """Give a sound as plain JSON values.

    Args:
        block: The sound; it holds bytes.

    Returns:
        ``data`` in base64 and ``format``.
    """
    return {"data": block.resolve_audio(as_base64=True).read().decode("ascii"), "format": block.format}


def piece_of(audio: bytes) -> str:
    """Write a piece of a sound, for ``additional_kwargs["audio_delta"]``.

    Args:
        audio: The bytes.

    Returns:
        Base64.
    """
    return base64.b64encode(audio).decode("ascii")
