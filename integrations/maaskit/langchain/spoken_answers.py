"""What SophNet wrote and spoke as LangChain's messages and chunks: text as ever, the sound beside it.

The sound stands in ``additional_kwargs["audio"]``, which ``content_blocks`` shows as an audio block. How text, calls
and usage are written stands in ``answers``.
"""

from __future__ import annotations

import base64
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from maaskit.langchain.answers import ChunkWriter, chat_result, partial_chunk
from maaskit.media import sniff
from maaskit.openai_chat.stream import ChatDelta
from maaskit.sophnet.speech_settings import AudioFormat
from maaskit.sophnet.spoken_chat import SpokenAnswer, SpokenDelta

_DEFAULT_TYPE = "audio/mpeg"  # sophnet-api, Text to voice: "输出语音(默认为mp3格式)"


class SpokenChunkWriter(ChunkWriter):
    """Write the pieces of one spoken answer as chunks.

    Core joins the base64 of the chunks as text, so each but the last stands for a number of bytes that three divides.

    Args:
        provider: ``sophnet``.
        model: The model that was asked for.
        form: The form of the sound that was asked for, or ``None``.
    """

    def __init__(self, provider: str, model: str, form: str | None) -> None:
        super().__init__(provider, model)
        self._form = form
        self._rest = b""
        self._has_begun = False

    def chunks(self, delta: ChatDelta) -> list[ChatGenerationChunk]:
        """Write one piece.

        Args:
            delta: The piece.

        Returns:
            The chunks: of what was written, then of what was spoken.
        """
        written = super().chunks(delta)
        heard = self._heard(delta.audio if isinstance(delta, SpokenDelta) else b"", last=delta.last)
        if not delta.last:
            return [*written, *heard]
        return [*written[:-1], *heard, *self._closed(delta), written[-1]]

    def _heard(self, audio: bytes, *, last: bool) -> list[ChatGenerationChunk]:
        audio = self._rest + audio
        end = len(audio) if last else len(audio) - len(audio) % 3
        audio, self._rest = audio[:end], audio[end:]
        if not audio:
            return []
        told = _told(audio, None if self._has_begun else _content_type(audio, self._form), self._form)
        self._has_begun = True
        return [self._text("", {"audio": told})]

    def _closed(self, delta: ChatDelta) -> list[ChatGenerationChunk]:
        """End the sound with what is known of the whole; ``content_blocks`` makes a block of its own kind of it."""
        if not self._has_begun:
            return []
        characters = delta.characters if isinstance(delta, SpokenDelta) else None
        return [self._text("", {"audio": {"data": ""} | _counted(characters)})]

    def _last(self, delta: ChatDelta) -> ChatGenerationChunk:
        chunk = super()._last(delta)
        if isinstance(delta, SpokenDelta) and delta.characters is not None:
            chunk.message.response_metadata["characters"] = delta.characters
        return chunk


def spoken_result(answer: SpokenAnswer, provider: str, model: str) -> ChatResult:
    """Give a whole spoken answer as LangChain wants it.

    Args:
        answer: The answer.
        provider: ``sophnet``.
        model: The model that was asked for.

    Returns:
        One generation.
    """
    result = chat_result(answer, provider, model)
    message = result.generations[0].message
    message.additional_kwargs |= _audio(answer)
    if answer.characters is not None:
        message.response_metadata["characters"] = answer.characters
    return result


def spoken_partial(answer: SpokenAnswer, provider: str, model: str) -> AIMessageChunk:
    """Give what a broken stream had brought, written and spoken.

    Args:
        answer: What came.
        provider: ``sophnet``.
        model: The model that was asked for.

    Returns:
        A chunk.
    """
    chunk = partial_chunk(answer, provider, model)
    chunk.additional_kwargs |= _audio(answer)
    return chunk


def _audio(answer: SpokenAnswer) -> dict[str, Any]:
    if not answer.audio:
        return {}
    kind = answer.content_type or _content_type(answer.audio, answer.format)
    return {"audio": _told(answer.audio, kind, answer.format) | _counted(answer.characters)}


def _counted(characters: int | None) -> dict[str, Any]:
    return {} if characters is None else {"characters": characters}


def _told(audio: bytes, kind: str | None, form: str | None) -> dict[str, Any]:
    told = {"data": base64.b64encode(audio).decode("ascii")}
    if kind is not None:  # once: core joins what comes twice
        told["mime_type"] = kind
        if form is not None:
            told["format"] = form
    return told


def _content_type(audio: bytes, form: str | None) -> str:
    if form is not None:
        return AudioFormat.of(form, listed_only=False).content_type
    seen = sniff(audio[:64]) or ""
    return seen if seen.startswith("audio/") else _DEFAULT_TYPE
