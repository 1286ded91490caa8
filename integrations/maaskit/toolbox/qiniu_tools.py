"""Qiniu's tools: it speaks, listens and reads pictures.

What a tool may read, and where results go, is decided in ``tool``; the services' limits stand with their endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from maaskit.conversations import Conversations
from maaskit.publishing import Uploads
from maaskit.qiniu import speech
from maaskit.qiniu_reading import Brought, Heard, QiniuOCRReading, QiniuTranscriptReading
from maaskit.toolbox.arguments import OCRArguments, SpeechArguments, TranscriptionArguments
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.results import Result, text_result
from maaskit.toolbox.tool import Means, Rules, Tool, Work
from maaskit.toolbox.uploads import check_storage
from maaskit.wire import Chore


def speech_tool(
    means: Means,
    *,
    voice: str | None = None,
    encoding: str = "mp3",
    speed_ratio: float = 1.0,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that speaks.

    Args:
        means: What it works with.
        voice: Who speaks when the model names nobody; by default the document's voice.
        encoding: See ``maaskit.qiniu.speech.synthesize``.
        speed_ratio: Likewise.
        extra_body: Likewise.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is none.
    """
    usual = voice or speech.DOCUMENT_VOICE
    speech.synthesize("。", usual, encoding, speed_ratio, extra_body=extra_body)  # refuses options that are none

    def work(rules: Rules, given: SpeechArguments) -> Work[Result]:
        said: speech.Speech = yield speech.synthesize(
            given.text, given.voice or usual, encoding, speed_ratio, extra_body=extra_body
        )
        duration_s = None if said.duration_ms is None else said.duration_ms / 1000
        extras = {"duration_s": duration_s, "voice": given.voice or usual, "characters": len(given.text)}
        return (yield from rules.given("audio", QINIU_SPEECH.name, said.media, extras))

    return QINIU_SPEECH.tool(means, SpeechArguments, work)


def transcription_tool(
    means: Means,
    *,
    format: str | None = None,  # noqa: A002 - the document's own word
    storage: Uploads | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that writes down what is said.

    Args:
        means: What it works with.
        format: See ``maaskit.qiniu.transcription.transcribe``; by default what a file or its name tells.
        storage: Where local files go that the socket does not take; by default ``maaskit.kodo.Storage()`` where its
            variables are set.
        extra_body: See ``maaskit.qiniu.transcription.transcribe``.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is none.
    """
    reading = QiniuTranscriptReading(means.settings, format=format, storage=storage, extra_body=extra_body)

    def work(rules: Rules, given: TranscriptionArguments) -> Work[Result]:
        media = yield from rules.brought(given.audio, "audio")
        yield Chore(lambda: reading.check(media))
        with Conversations() as talks:  # a call that is given up leaves no socket open
            heard = QiniuTranscriptReading(
                means.settings, format=format, storage=storage, extra_body=extra_body, talks=talks
            )
            brought: Brought[Heard] = yield heard.flow(media)
        answer = brought.answer
        extras = {
            "source": given.audio,
            "way": brought.way,
            "duration_s": answer.duration_s,
            "segments": [{"text": one.text, "begin_ms": one.begin_ms, "end_ms": one.end_ms} for one in answer.segments],
        }
        return text_result(answer.text, "The recording has", extras)

    return QINIU_TRANSCRIPTION.tool(means, TranscriptionArguments, work)


def ocr_tool(
    means: Means,
    *,
    storage: Uploads | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that reads pictures and PDF.

    Args:
        means: What it works with.
        storage: Where local files are put, because the service takes URLs only; by default ``maaskit.kodo.Storage()``
            where its variables are set.
        extra_body: See ``maaskit.qiniu.ocr.recognize``.

    Returns:
        The tool.
    """
    reading = QiniuOCRReading(storage, extra_body)

    def work(rules: Rules, given: OCRArguments) -> Work[Result]:
        media = yield from rules.brought(given.image, "image")
        yield Chore(partial(check_storage, media, storage, "image"))
        yield Chore(lambda: reading.check(media))
        brought = yield reading.flow(media)
        return text_result(brought.answer.text, "The picture shows", {"source": given.image, "way": brought.way})

    return QINIU_OCR.tool(means, OCRArguments, work)


QINIU_SPEECH = ToolKind(
    "qiniu_speech",
    "synthesize_speech",
    "Speak a text aloud: text to speech, in Chinese or English (语音合成, 朗读). Gives a sound file.",
    speech_tool,
)
QINIU_TRANSCRIPTION = ToolKind(
    "qiniu_transcription",
    "transcribe_audio",
    "Write down what is said in an audio recording: speech to text (语音识别, 转写). Gives the text.",
    transcription_tool,
)
QINIU_OCR = ToolKind(
    "qiniu_ocr",
    "recognize_text",
    "Read the text in a picture, a scan or a PDF: OCR (图片文字识别). Gives the text.",
    ocr_tool,
)

QINIU_TOOLS = (QINIU_SPEECH, QINIU_TRANSCRIPTION, QINIU_OCR)
"""All that Qiniu offers to agents."""
