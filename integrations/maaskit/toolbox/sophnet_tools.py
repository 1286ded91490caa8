"""SophNet's tools: it speaks, listens, reads pictures and documents, draws, retouches and films.

What a tool may read, and where results go, is decided in ``tool``; the services' limits stand with their endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from maaskit import image_editing
from maaskit.publishing import Uploads
from maaskit.reading import DOCUMENT_TIMEOUT_S
from maaskit.sophnet import documents, images, ocr, speech, transcription, videos
from maaskit.sophnet.speech_settings import DEFAULT_MODEL as SPEECH_MODEL
from maaskit.toolbox.arguments import (
    Arguments,
    DocumentArguments,
    ImageArguments,
    ImageEditArguments,
    OCRArguments,
    QwenImageArguments,
    SpeechArguments,
    TranscriptionArguments,
    VideoArguments,
    ZImageArguments,
)
from maaskit.toolbox.kinds import ToolKind
from maaskit.toolbox.ordering import ordered
from maaskit.toolbox.results import Result, text_result
from maaskit.toolbox.tool import Means, Rules, Tool, Work
from maaskit.toolbox.uploads import check_storage
from maaskit.wire import Chore

if TYPE_CHECKING:
    from maaskit.transcript import Transcript

# What each listed model takes; of others only the shape is known.
_IMAGE_ARGUMENTS: Mapping[str, type[Arguments]] = {"qwen-image": QwenImageArguments, "z-image-turbo": ZImageArguments}


def speech_tool(
    means: Means,
    *,
    model: str = SPEECH_MODEL,
    voice: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that speaks.

    Args:
        means: What it works with.
        model: See ``maaskit.sophnet.speech.synthesize``.
        voice: Who speaks when the model names nobody; by default the service chooses.
        format: See ``maaskit.sophnet.speech.synthesize``.
        volume: Likewise.
        speech_rate: Likewise.
        pitch_rate: Likewise.
        extra_body: Likewise.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is out of its range.
    """
    options: dict[str, Any] = {
        "model": model,
        "format": format,
        "volume": volume,
        "speech_rate": speech_rate,
        "pitch_rate": pitch_rate,
        "extra_body": extra_body,
    }
    speech.synthesize("。", voice=voice, **options)  # refuses options that are none

    def work(rules: Rules, given: SpeechArguments) -> Work[Result]:
        who = given.voice or voice
        said: speech.Speech = yield speech.synthesize(given.text, voice=who, **options)
        extras = {
            "duration_s": _seconds(said),
            "voice": who,
            "model": model,
            "format": said.format,
            "characters": said.characters or len(given.text),
        }
        return (yield from rules.given("audio", SOPHNET_SPEECH.name, said.media, extras))

    return SOPHNET_SPEECH.tool(means, SpeechArguments, work)


def transcription_tool(means: Means, *, extra_body: Mapping[str, Any] | None = None) -> Tool:
    """Make the tool that writes down what is said, by whom and when.

    Args:
        means: What it works with.
        extra_body: See ``maaskit.sophnet.transcription.transcribe``.

    Returns:
        The tool.
    """

    def work(rules: Rules, given: TranscriptionArguments) -> Work[Result]:
        media = yield from rules.brought(given.audio, "audio")

        task = yield Chore(lambda: transcription.transcribe(media, extra_body=extra_body))
        heard: Transcript = yield from ordered(task)
        segments = [
            {"text": one.text, "speaker": one.speaker, "begin_ms": one.begin_ms, "end_ms": one.end_ms}
            for one in heard.segments
        ]
        extras = {"source": given.audio, "duration_s": heard.duration_s, "segments": segments}
        return text_result(heard.text, "The recording has", extras)

    return SOPHNET_TRANSCRIPTION.tool(means, TranscriptionArguments, work)


def ocr_tool(
    means: Means,
    *,
    model: str = ocr.DEFAULT_MODEL,
    prompt: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that reads pictures.

    Args:
        means: What it works with.
        model: See ``maaskit.sophnet.ocr.recognize``.
        prompt: Likewise.
        extra_body: Likewise.

    Returns:
        The tool.

    Raises:
        InvalidInput: The model takes no prompt.
    """
    ocr.check_options(model, prompt)

    def work(rules: Rules, given: OCRArguments) -> Work[Result]:
        media = yield from rules.brought(given.image, "image", ocr.MAX_IMAGE_BYTES)
        ocr.check(media)
        read: ocr.Recognized = yield ocr.load(media, model, prompt, extra_body=extra_body)
        blocks = [
            {"label": one.label, "text": one.text, "position": one.position and list(one.position)}
            for one in read.blocks
        ]
        return text_result(read.text, "The picture shows", {"source": given.image, "model": model, "blocks": blocks})

    return SOPHNET_OCR.tool(means, OCRArguments, work)


def document_tool(means: Means) -> Tool:
    """Make the tool that reads documents.

    Args:
        means: What it works with.

    Returns:
        The tool.
    """

    def work(rules: Rules, given: DocumentArguments) -> Work[Result]:
        media = yield from rules.brought(given.document, "document", documents.MAX_DOCUMENT_BYTES, fetch=True)
        documents.check(media)
        read: documents.ParsedDocument = yield documents.parse(media)
        return text_result(read.text, "The document holds", {"source": given.document})

    return SOPHNET_DOCUMENT.tool(means, DocumentArguments, work)


def image_tool(
    means: Means,
    *,
    model: str = images.DEFAULT_MODEL,
    prompt_extend: bool | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that draws.

    Args:
        means: What it works with.
        model: See ``maaskit.sophnet.images.generate``; the sizes that a language model may choose are this one's.
        prompt_extend: Likewise.
        extra_body: Likewise.

    Returns:
        The tool.

    Raises:
        InvalidInput: The model takes no such option.
    """
    options: dict[str, Any] = {"model": model, "prompt_extend": prompt_extend, "extra_body": extra_body}
    images.generate("。", **options)  # refuses options that are none

    def work(rules: Rules, given: Any) -> Work[Result]:
        negative_prompt = getattr(given, "negative_prompt", None)
        task = images.generate(
            given.prompt, negative_prompt=negative_prompt, size=given.size, seed=given.seed, **options
        )
        made: images.GeneratedImages = yield from ordered(task)
        extras = {"size": given.size, "seed": given.seed, "model": model, "urls": list(made.urls)}
        return (yield from rules.given("image", SOPHNET_IMAGE.name, made.url, extras))

    return SOPHNET_IMAGE.tool(means, _IMAGE_ARGUMENTS.get(model, ImageArguments), work)


def image_edit_tool(
    means: Means,
    *,
    model: str = images.EDIT_MODEL,
    negative_prompt: str | None = None,
    seed: int | None = None,
    watermark: bool | None = None,
    storage: Uploads | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that changes pictures.

    Args:
        means: What it works with.
        model: See ``maaskit.sophnet.images.edit``.
        negative_prompt: Likewise.
        seed: Likewise.
        watermark: Likewise.
        storage: Where local pictures are put, because the service takes URLs only; by default
            ``maaskit.kodo.Storage()`` where its variables are set.
        extra_body: See ``maaskit.sophnet.images.edit``.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is out of its range.
    """
    options: dict[str, Any] = {
        "model": model,
        "negative_prompt": negative_prompt,
        "seed": seed,
        "watermark": watermark,
        "extra_body": extra_body,
    }
    image_editing.edit("。", "https://example.com/picture.png", **options)  # refuses options that are none

    def work(rules: Rules, given: ImageEditArguments) -> Work[Result]:
        pictures = []
        for number, source in enumerate(given.images):
            name = f"images[{number}]" if len(given.images) > 1 else "images"
            picture = yield from rules.brought(source, name, ocr.MAX_IMAGE_BYTES)
            yield Chore(partial(check_storage, picture, storage, name))
            pictures.append(picture)
        flow = yield Chore(lambda: image_editing.edit(given.prompt, pictures, storage=storage, **options))
        made: images.EditedImage = yield from ordered(flow)
        size = f"{made.width}*{made.height}" if made.width and made.height else None
        extras = {"size": size, "model": model, "request_id": made.request_id}
        return (yield from rules.given("image", SOPHNET_IMAGE_EDIT.name, made.url, extras))

    return SOPHNET_IMAGE_EDIT.tool(means, ImageEditArguments, work)


def video_tool(
    means: Means,
    *,
    model: str | None = None,
    negative_prompt: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Tool:
    """Make the tool that films.

    Args:
        means: What it works with.
        model: See ``maaskit.sophnet.videos.generate``; by default the one for text, or for a picture.
        negative_prompt: Likewise.
        extra_body: Likewise.

    Returns:
        The tool.

    Raises:
        InvalidInput: An option is none.
    """
    options: dict[str, Any] = {"model": model, "negative_prompt": negative_prompt, "extra_body": extra_body}
    if model is None:
        videos.generate("。", **options)  # refuses options that are none

    def work(rules: Rules, given: VideoArguments) -> Work[Result]:
        image = None
        if given.image is not None:
            image = yield from rules.brought(given.image, "image", videos.MAX_IMAGE_BYTES)
        task = yield Chore(
            lambda: videos.generate(
                given.prompt, image, size=given.size, duration=given.duration, seed=given.seed, **options
            )
        )
        made: videos.GeneratedVideo = yield from ordered(task)
        extras = {
            "duration_s": made.duration_s or given.duration,
            "size": made.resolution or given.size,
            "ratio": made.ratio,
            "seed": given.seed,
        }
        return (yield from rules.given("video", SOPHNET_VIDEO.name, made.url, extras))

    return SOPHNET_VIDEO.tool(means, VideoArguments, work)


def _seconds(said: speech.Speech) -> float | None:
    """Tell how long a sound plays, where its form tells the number of bytes of a second."""
    if said.format is None:
        return None
    form = speech.AudioFormat.of(said.format, listed_only=False)
    if form.kbps is not None:
        return round(len(said.audio) * 8 / (form.kbps * 1000), 2)
    return round(len(said.audio) * 8 / (form.sample_rate * form.channels * (form.bits or 16)), 2)


SOPHNET_SPEECH = ToolKind(
    "sophnet_speech",
    "synthesize_speech",
    "Speak a text aloud: text to speech, in Chinese or English (语音合成, 朗读). Gives a sound file.",
    speech_tool,
    service="text_to_voice",
)
SOPHNET_TRANSCRIPTION = ToolKind(
    "sophnet_transcription",
    "transcribe_audio",
    "Write down what is said in an audio recording: speech to text (语音识别, 转写). Gives the text.",
    transcription_tool,
    service="speech_to_text",
)
SOPHNET_OCR = ToolKind(
    "sophnet_ocr",
    "recognize_text",
    "Read the text in a picture or a scan: OCR (图片文字识别). Gives Markdown.",
    ocr_tool,
)
SOPHNET_DOCUMENT = ToolKind(
    "sophnet_document",
    "parse_document",
    "Read a document: pdf, docx, doc, xlsx, txt or pptx (文档解析). Gives its text as Markdown.",
    document_tool,
    service="doc_parse",
    timeout_s=DOCUMENT_TIMEOUT_S,
)
SOPHNET_IMAGE = ToolKind(
    "sophnet_image",
    "generate_image",
    "Draw a new picture from a description (文生图, 画图). Takes some seconds. Gives the picture's address.",
    image_tool,
)
SOPHNET_IMAGE_EDIT = ToolKind(
    "sophnet_image_edit",
    "edit_image",
    "Change one picture, or make one of several, as a text says (图片编辑, 修图). Gives the new picture's address.",
    image_edit_tool,
)
SOPHNET_VIDEO = ToolKind(
    "sophnet_video",
    "generate_video",
    "Make a short video from a description, or from a picture and a description (视频生成). Takes minutes and is "
    "expensive. Gives the video's address.",
    video_tool,
)

SOPHNET_TOOLS = (
    SOPHNET_SPEECH,
    SOPHNET_TRANSCRIPTION,
    SOPHNET_OCR,
    SOPHNET_DOCUMENT,
    SOPHNET_IMAGE,
    SOPHNET_IMAGE_EDIT,
    SOPHNET_VIDEO,
)
"""All that SophNet offers to agents."""
