"""LangChain's tools over both clouds, one class for each; several at once stand in ``toolkits``.

What a tool does, may read and may spend stands in ``maaskit.toolbox``; how it is called, in ``cloud_tool``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from maaskit.langchain.cloud_tool import QiniuTool, SophNetTool
from maaskit.sophnet import images, ocr
from maaskit.sophnet.speech_settings import DEFAULT_MODEL as SPEECH_MODEL
from maaskit.toolbox import qiniu_tools, sophnet_tools
from maaskit.toolbox.kinds import ToolKind


class QiniuSpeechTool(QiniuTool):
    """Speak a text with Qiniu.

    Use::

        from maaskit.langchain import QiniuSpeechTool

        tool = QiniuSpeechTool(output_dir="sounds")
        tool.invoke({"text": "今天有雨"})  # "Audio (audio/mpeg, 15012 bytes, 1.9 s). Saved as ..."

    Args:
        voice: Who speaks when the model names nobody; by default the document's voice.
        encoding: Form of the sound; default ``mp3``.
        speed_ratio: Speed, above 0; default 1.0.
        extra_body: Further fields of each request.
        api_key: The key; by default ``QINIU_API_KEY``.
        base_url: Where the service is; by default ``QINIU_BASE_URL``, then the cloud.
        timeout: Seconds to wait for an answer; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; you close them.
        default_headers: Further header fields for every request.
        root_dir: The folder whose files the model may name; by default it may name no file of this machine.
        output_dir: The folder where results are saved, under generated names; by default they ride in the artifact, up
            to 8 MiB.
        allowed_hosts: Hosts that may be fetched from although their addresses are private.
        max_calls: How often the service may be asked by this tool; by default any number of times.
        handle_tool_error: What becomes of an error; default true: the model is told it.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        qiniu-api, 文字合成语音.
    """

    voice: str | None = None
    encoding: str = "mp3"
    speed_ratio: float = 1.0
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = qiniu_tools.QINIU_SPEECH
    options: ClassVar[tuple[str, ...]] = ("voice", "encoding", "speed_ratio", "extra_body")


class QiniuTranscriptionTool(QiniuTool):
    """Write down with Qiniu what is said in a recording; a local WAV or PCM file of 16 kHz needs no upload.

    Args:
        format: ``raw``, ``wav``, ``mp3`` or ``ogg``; by default what the file's name or content tells.
        storage: Where other local files are put; by default ``maaskit.kodo.Storage()`` where its variables are set.
        extra_body: Further fields of each request by URL.

    All other arguments are those of ``QiniuSpeechTool``. The artifact's ``extras`` hold ``duration_s`` and, for what
    went over the socket, ``segments``.

    Source:
        qiniu-api, 语音文字识别.
    """

    format: str | None = None
    storage: Any = Field(default=None, repr=False, exclude=True)
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = qiniu_tools.QINIU_TRANSCRIPTION
    options: ClassVar[tuple[str, ...]] = ("format", "storage", "extra_body")


class QiniuOCRTool(QiniuTool):
    """Read the text in a picture or a PDF with Qiniu.

    Args:
        storage: Where local files are put, because the service takes URLs only; by default ``maaskit.kodo.Storage()``
            where its variables are set.
        extra_body: Further fields of each request.

    All other arguments are those of ``QiniuSpeechTool``.

    Source:
        qiniu-api, 图片文字识别.
    """

    storage: Any = Field(default=None, repr=False, exclude=True)
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = qiniu_tools.QINIU_OCR
    options: ClassVar[tuple[str, ...]] = ("storage", "extra_body")


class SophNetSpeechTool(SophNetTool):
    """Speak a text with SophNet.

    Use::

        from maaskit.langchain import SophNetSpeechTool

        tool = SophNetSpeechTool(output_dir="sounds", voice="longxiaochun")
        tool.invoke({"text": "今天有雨"})

    Args:
        model: ``cosyvoice-v1`` (default) or ``cosyvoice-v2``; names that the document does not list pass.
        voice: Who speaks when the model names nobody; by default the service chooses.
        format: Such as ``MP3_16000HZ_MONO_128KBPS``; by default what the service recommends for the voice.
        volume: 0 to 100; the service's default is 50.
        speech_rate: 0.5 to 2; the service's default is 1.
        pitch_rate: 0.5 to 2; the service's default is 1.
        extra_body: Further fields of each request.
        api_key: The key; by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: Where the service is; by default ``SOPHNET_BASE_URL``, then the cloud.
        project_id: The project; by default ``SOPHNET_PROJECT_ID``.
        easyllm_id: The service id; by default ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.

    All other arguments are those of ``QiniuSpeechTool``.

    Source:
        sophnet-api, Text to voice.
    """

    model: str = SPEECH_MODEL
    voice: str | None = None
    format: str | None = None
    volume: float | None = None
    speech_rate: float | None = None
    pitch_rate: float | None = None
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_SPEECH
    options: ClassVar[tuple[str, ...]] = (
        "model",
        "voice",
        "format",
        "volume",
        "speech_rate",
        "pitch_rate",
        "extra_body",
    )


class SophNetTranscriptionTool(SophNetTool):
    """Write down with SophNet what is said in a recording, by whom and when.

    Args:
        extra_body: Further fields of each request.
        task_timeout: Seconds to wait for the transcript; by default the task's own.
        easyllm_id: The service id; by default ``SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.

    All other arguments are those of ``SophNetSpeechTool`` and ``QiniuSpeechTool`` about key, connection, files and
    spending. The artifact's ``extras`` hold ``duration_s`` and ``segments``. While the work goes on, custom events
    named ``maaskit_task`` tell ``task_id``, ``phase``, ``word`` and ``elapsed_s``.

    Source:
        sophnet-api, Speech to text.
    """

    extra_body: Mapping[str, Any] | None = None
    task_timeout: float | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_TRANSCRIPTION
    options: ClassVar[tuple[str, ...]] = ("extra_body",)


class SophNetOCRTool(SophNetTool):
    """Read the text in a picture with SophNet.

    Args:
        model: ``PaddleOCR-VL-0.9B`` (default) or ``DeepSeek-OCR``; names that the document does not list pass.
        prompt: What to do with the picture; ``DeepSeek-OCR`` only.
        extra_body: Further fields of each request.

    All other arguments are those of ``SophNetTranscriptionTool``. The artifact's ``extras`` hold ``blocks``.

    Source:
        sophnet-api, Image OCR.
    """

    model: str = ocr.DEFAULT_MODEL
    prompt: str | None = None
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_OCR
    options: ClassVar[tuple[str, ...]] = ("model", "prompt", "extra_body")


class SophNetDocumentTool(SophNetTool):
    """Read a document with SophNet; a URL is downloaded first.

    Args:
        timeout: Seconds to wait for an answer; default 600, because large documents take the service minutes.
        easyllm_id: The service id; by default ``SOPHNET_DOC_PARSE_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.

    All other arguments are those of ``SophNetTranscriptionTool``.

    Source:
        sophnet-api, Document Parse.
    """

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_DOCUMENT


class SophNetImageTool(SophNetTool):
    """Draw a picture with SophNet.

    Args:
        model: ``qwen-image`` (default) or ``z-image-turbo``, whose sizes the language model is told; names that the
            document does not list pass.
        prompt_extend: Whether a language model rewrites the prompt; ``qwen-image`` only.
        extra_body: Further fields of each request.
        task_timeout: Seconds to wait for the picture; by default the task's own.

    All other arguments are those of ``SophNetTranscriptionTool``. Without ``output_dir`` the artifact has the picture's
    URL, which lives for a limited time; with it the picture is saved as well.

    Source:
        sophnet-api, Text to image.
    """

    model: str = images.DEFAULT_MODEL
    prompt_extend: bool | None = None
    extra_body: Mapping[str, Any] | None = None
    task_timeout: float | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_IMAGE
    options: ClassVar[tuple[str, ...]] = ("model", "prompt_extend", "extra_body")


class SophNetImageEditTool(SophNetTool):
    """Change a picture, or make one of several, with SophNet.

    Args:
        model: Default ``Qwen-Image-Edit-2509``.
        negative_prompt: What should not be seen.
        seed: 0 to 2147483647; the service's default is random.
        watermark: Whether the picture is marked as made by a machine.
        storage: Where local pictures are put, because the service takes URLs only; by default
            ``maaskit.kodo.Storage()`` where its variables are set.
        extra_body: Further fields of each request.

    All other arguments are those of ``SophNetImageTool``.

    Source:
        sophnet-api, Image Edit.
    """

    model: str = images.EDIT_MODEL
    negative_prompt: str | None = None
    seed: int | None = None
    watermark: bool | None = None
    storage: Any = Field(default=None, repr=False, exclude=True)
    extra_body: Mapping[str, Any] | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_IMAGE_EDIT
    options: ClassVar[tuple[str, ...]] = ("model", "negative_prompt", "seed", "watermark", "storage", "extra_body")


class SophNetVideoTool(SophNetTool):
    """Make a short video with SophNet.

    Args:
        model: By default the document's model for text, or the one for a picture.
        negative_prompt: What should not be seen.
        extra_body: Further fields of each request.
        task_timeout: Seconds to wait for the video; by default the task's own.

    All other arguments are those of ``SophNetImageTool``. Set ``max_calls``: videos are expensive.

    Source:
        sophnet-api, Video generator.
    """

    model: str | None = None
    negative_prompt: str | None = None
    extra_body: Mapping[str, Any] | None = None
    task_timeout: float | None = None

    kind: ClassVar[ToolKind] = sophnet_tools.SOPHNET_VIDEO
    options: ClassVar[tuple[str, ...]] = ("model", "negative_prompt", "extra_body")
