"""``QiniuLLM`` and ``SophNetLLM``: what each cloud's chat has of its own.

What both share stands in ``settings``, ``asking`` and ``tool_calling``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from maaskit.llama_index.cloud import Cloud
from maaskit.llama_index.parts import Intake
from maaskit.llama_index.tool_calling import ToolCallingLLM
from maaskit.openai_chat.capacities import capacity_of
from maaskit.provider import Qiniu, SophNet
from maaskit.qiniu import chat as qiniu_chat
from maaskit.sophnet import chat as sophnet_chat
from maaskit.sophnet import spoken_chat


class QiniuLLM(ToolCallingLLM):
    """Ask Qiniu's chat models (七牛云 AI 推理).

    Args:
        model: E.g. ``deepseek-v3`` (required).
        search: Let the model search the web (``?search``).
        api_key: By default ``QINIU_API_KEY``. It is in no dump; loaded from a pickle in another process, or with
            ``from_dict``, the LLM takes the environment's key, unless one is given.
        base_url: By default ``QINIU_BASE_URL``, then ``https://api.qnaigc.com/v1``.
        temperature, top_p, max_tokens, stop, seed, n, presence_penalty, frequency_penalty, logprobs, top_logprobs,
            response_format: Fields of each request; unset ones are not sent.
        enable_thinking: Switch thinking on or off, in the form that the model wants.
        stream_usage: Ask streams to count tokens; default on.
        replay_reasoning: Which past reasoning is sent again: ``auto``, ``tool_calls``, ``always`` or ``never``.
        think_tags: Take reasoning out of ``<think>`` tags in the text; default off.
        reasoning_as_answer: Give the reasoning as the answer where a model stops with nothing else; default off.
        structured_mode: ``auto``, ``tools``, ``json_schema`` or ``json_object`` (see ``StructuredMode``).
        unsupported_params: What happens to a field that a document denies to the model: ``warn`` (default), ``drop``,
            ``raise`` or ``send``; Qiniu's denies none.
        context_window, num_output, is_function_calling_model: Override what is known of the model.
        extra_body: Fields that the document does not list.
        additional_kwargs: Further fields of each request; unknown ones count as ``extra_body``.
        timeout: Seconds to wait for an answer and for the next piece of a stream; default 120.
        max_retries: Further attempts after a passing failure; default 2.
        http_client, http_async_client: httpx clients of your own; they are not pickled.
        default_headers: Further header fields; they are in no dump but pickles.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> llm = QiniuLLM(model="deepseek-v3", search=True)  # doctest: +SKIP
        >>> print(llm.complete("七牛云的 GPU 云产品能用于哪些场景?"))  # doctest: +SKIP

    Source:
        qiniu-api, HTTP 调用示例; 联网搜索推理; 图片文字识别推理.
    """

    search: bool = Field(default=False, description="Whether the model searches the web.")

    cloud: ClassVar[Cloud] = Cloud(
        provider=Qiniu,
        complete=qiniu_chat.complete,
        stream=qiniu_chat.stream,
        options=("search",),
        # qiniu-api, 图片文字识别推理: "支持 JPG、JPEG、PNG、BMP、PDF 等常见格式". Audio is not in the document; it is
        # passed on as the OpenAI dialect has it, for models that hear.
        intake=Intake(pdf=True, audio=True),
        knows_schemas=True,
        # The document's own example shows a picture to deepseek-v3: the service reads it to models that do not see.
        sees=lambda model: True,  # noqa: ARG005
    )


class SophNetLLM(ToolCallingLLM):
    """Ask SophNet's chat models (算能云).

    Args:
        model: E.g. ``DeepSeek-v3``; names are case-sensitive (required).
        unsupported_params: What happens to a field that the document's table denies to the model: ``warn`` (default)
            sends it and warns once, ``drop`` leaves it out, ``raise`` refuses, ``send`` sends it.
        api_key: By default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``. As with ``QiniuLLM`` it is in no dump.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.
        audio: Speak the answers: a dict with any of ``voice``, ``format`` (``MP3_16000HZ_MONO_128KBPS`` …), ``model``
            (``cosyvoice-v1``, ``cosyvoice-v2``), ``volume`` (0 to 100), ``speech_rate`` and ``pitch_rate`` (0.5 to 2).
            The message has an AudioBlock after its TextBlock; of a stream, the last response. Each response of a stream
            has the next piece of sound in ``additional_kwargs["audio_delta"]``, in base64; a completion has all of it
            in ``additional_kwargs["audio"]``. What was spoken goes back to the model as its text. Core cannot store
            bytes in an agent's Context: an agent that shall remember is run with a ``memory=`` of its own.
        easyllm_id: Id of the text-to-voice service, which ``audio`` needs; by default
            ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``, then ``SOPHNET_EASYLLM_ID``.
        stream_usage: Ask streams to count tokens; default off, because the document does not know the field. Counts
            that come unasked are read in any case.

    All other arguments are those of ``QiniuLLM``, but ``search``.

    Raises:
        ConfigurationError: There is no key; the message names the variable.
        InvalidInput: An argument is unknown or out of its range.

    Example:
        >>> llm = SophNetLLM(model="DeepSeek-v3")  # doctest: +SKIP
        >>> print(llm.complete("今日上海天气如何?"))  # doctest: +SKIP

    Source:
        sophnet-api, Chat completions.
    """

    stream_usage: bool = Field(default=False, description="Whether a stream is asked to count tokens.")
    audio: dict[str, Any] | None = Field(default=None, description="How answers are spoken, if they are.")
    easyllm_id: str | None = Field(default=None, description="Id of the text-to-voice service.")

    cloud: ClassVar[Cloud] = Cloud(
        provider=SophNet,
        complete=sophnet_chat.complete,
        stream=sophnet_chat.stream,
        options=("unsupported_params",),
        intake=Intake(),
        knows_schemas=False,  # sophnet-api, response_format: text and json_object
        # sophnet-api, messages: "支持Qwen VL系列模型"; a model that nothing is known of gets the benefit of the doubt.
        sees=lambda model: capacity_of(model).images is not False,
        speak=spoken_chat.stream,
    )

    def _complete(self) -> None:
        super()._complete()
        spoken_chat.voice_fields(self.audio)
        provider = SophNet(api_key=self.api_key, easyllm_id=self.easyllm_id)
        self.easyllm_id = provider.easyllm_ids["text_to_voice"] or provider.easyllm_id

    def _voice(self) -> dict[str, Any] | None:
        voice = spoken_chat.voice_fields(self.audio)
        return None if voice is None else voice | {"easyllm_id": self.easyllm_id}
