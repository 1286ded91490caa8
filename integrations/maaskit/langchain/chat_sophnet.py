"""``ChatSophNet``: the chat models of the SophNet cloud in LangChain.

What both clouds share stands in ``chat``, what SophNet's document says in ``maaskit.sophnet``.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import ConfigDict

from maaskit.langchain.answers import ChunkWriter
from maaskit.langchain.chat import Asking, MaasChatModel
from maaskit.langchain.content_parts import Intake
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.model_profiles import sophnet_profile
from maaskit.langchain.spoken_answers import SpokenChunkWriter, spoken_partial, spoken_result
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.stream import ChatDelta
from maaskit.provider import Provider, SophNet
from maaskit.sophnet import chat, spoken_chat
from maaskit.sophnet.spoken_chat import SpokenAnswer, SpokenDelta
from maaskit.wire import Call, Stream


class ChatSophNet(MaasChatModel):
    """Talk to the chat models of the SophNet cloud (算能云).

    Setup:
        Install ``maaskit[langchain]`` and set the key:

        .. code-block:: bash

            pip install "maaskit[langchain]"
            export SOPHNET_API_KEY="your-key"

    Key init args — completion:
        model: Name of the model, such as ``DeepSeek-v3``, ``GLM-4.6`` or ``Qwen2.5-VL-72B-Instruct``; case counts.
        temperature: 0 to 2.0.
        max_tokens: Longest answer in tokens.
        stop: Up to 4 strings that end the answer.
        enable_thinking: Switch thinking on or off, where the model can.
        unsupported_params: What happens to a field that SophNet's table denies to the model: ``warn`` (default),
            ``drop``, ``raise`` or ``send``.
        extra_body: Further fields of the request.

    Key init args — client:
        api_key: The key; by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: By default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``.
        timeout: Seconds to wait for an answer, and for the next event of a stream; default 120.
        max_retries: Further attempts after a passing failure; default 2.

    Instantiate:
        .. code-block:: python

            from maaskit.langchain import ChatSophNet

            llm = ChatSophNet(model="Qwen3-235B-A22B", temperature=0)

    Invoke:
        .. code-block:: python

            messages = [("system", "Translate into French."), ("human", "I love programming.")]
            llm.invoke(messages).content

    Stream:
        .. code-block:: python

            for chunk in llm.stream(messages):
                print(chunk.text, end="")

        Adding the chunks up gives the whole message. A stream that breaks off raises
        ``maaskit.StreamInterrupted``, whose ``partial`` is an ``AIMessageChunk`` with what had come.

    Async:
        .. code-block:: python

            await llm.ainvoke(messages)

            async for chunk in llm.astream(messages):
                print(chunk.text, end="")

            await llm.abatch([messages])

    Tool calling:
        .. code-block:: python

            from pydantic import BaseModel, Field

            class GetWeather(BaseModel):
                '''Get the current weather in a given place.'''

                place: str = Field(description="City and country, e.g. 上海, 中国")

            llm.bind_tools([GetWeather]).invoke("上海今天天气如何?").tool_calls

    Structured output:
        .. code-block:: python

            class Joke(BaseModel):
                '''A joke.'''

                setup: str
                punchline: str

            llm.with_structured_output(Joke).invoke("Tell me a joke about cats.")

        SophNet documents no ``json_schema``: ``method="json_schema"`` sends ``json_object`` and puts the schema into
        the prompt.

    JSON mode:
        .. code-block:: python

            json_llm = llm.bind(response_format={"type": "json_object"})
            json_llm.invoke("Return a JSON object with the key random_ints and ten random integers.").content

    Image input:
        .. code-block:: python

            from langchain_core.messages import HumanMessage

            question = HumanMessage(content=[
                {"type": "text", "text": "描述一下这张图片"},
                {"type": "image_url", "image_url": {"url": "https://example.com/photo.jpg", "detail": "high"}},
            ])
            ChatSophNet(model="Qwen2.5-VL-72B-Instruct").invoke([question]).content

    Token usage:
        Usage is read when it comes. The document does not say whether a stream can be asked for it, so only
        ``stream_usage=True`` asks.

        .. code-block:: python

            llm.invoke(messages).usage_metadata
            # {'input_tokens': 28, 'output_tokens': 5, 'total_tokens': 33}

    Response metadata:
        .. code-block:: python

            llm.invoke(messages).response_metadata
            # {'model_provider': 'sophnet', 'model_name': 'Qwen3-235B-A22B', 'finish_reason': 'stop', ...}

        The sources that an answer quotes stand in ``response_metadata["refs"]``, and as citations in
        ``content_blocks``.

    Reasoning:
        .. code-block:: python

            answer = ChatSophNet(model="GLM-4.6", enable_thinking=True).invoke("9.11 和 9.9 哪个大?")
            answer.additional_kwargs["reasoning_content"]
            answer.content_blocks  # [{'type': 'reasoning', ...}, {'type': 'text', ...}]

        In a tool loop the reasoning goes back with the calls; ``replay_reasoning`` chooses otherwise.

    Speech output:
        .. code-block:: python

            speaker = ChatSophNet(model="Qwen2.5-32B-Instruct", audio={"voice": "longxiaochun"})
            answer = speaker.invoke("你好")
            answer.content  # the text, as ever
            answer.content_blocks  # [{'type': 'text', ...}, {'type': 'audio', 'base64': ..., 'mime_type': ...}]

        The sound stands in ``additional_kwargs["audio"]`` (``data`` in base64, ``mime_type``), with
        ``output_version="v1"`` also in an audio block of the content. In a stream each chunk holds the next piece of
        text or of sound, and adding them up gives the whole; ``invoke`` streams underneath, because the service does
        nothing else. Of a WAV, a stream's header was written before its length was known; ``invoke`` tells the true
        one. Core's events of version 3 do not add sound up: there it stands in ``additional_kwargs`` alone. What was
        spoken goes back to the model as its text. ``audio={}`` speaks with the service's own voice, and a
        single call may say ``audio=…`` or ``audio=None`` as well.
    """

    provider_name: ClassVar[str] = "sophnet"
    # sophnet-api, Chat completions, messages: text and image_url are all that the document shows.
    intake: ClassVar[Intake] = Intake("SophNet", pdf=False, audio=False)
    # sophnet-api, response_format: `text` and `json_object`.
    knows_json_schema: ClassVar[bool] = False

    project_id: str | None = None
    """The project, for services that need one; by default ``SOPHNET_PROJECT_ID``. Chat alone does without."""

    easyllm_id: str | None = None
    """The id of the text-to-voice service, which ``audio`` needs; by default ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``, then
    ``SOPHNET_EASYLLM_ID``. Chat alone does without."""

    audio: dict[str, Any] | None = None
    """Speak the answers: ``voice``, ``format`` (``MP3_16000HZ_MONO_128KBPS`` …), ``model`` (``cosyvoice-v1``, ``-v2``),
    ``volume`` (0 to 100), ``speech_rate`` and ``pitch_rate`` (0.5 to 2); all may be left to the service."""

    own_options: ClassVar[tuple[str, ...]] = ("audio",)

    model_config = ConfigDict(defer_build=False)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with ModelErrors():
            spoken_chat.voice_fields(self.audio)

    def _place(self, provider: Provider, name: str) -> Any:
        own = provider.easyllm_ids["text_to_voice"] if isinstance(provider, SophNet) and name == "easyllm_id" else None
        return own or super()._place(provider, name)

    @property
    def lc_secrets(self) -> builtins.dict[str, str]:
        """Name the environment variable that stands for the key in dumps."""
        return {"api_key": "SOPHNET_API_KEY"}

    def _provider(self) -> Provider:
        return SophNet(
            api_key=self.api_key, base_url=self.base_url, project_id=self.project_id, easyllm_id=self.easyllm_id
        )

    def _complete(self, asking: Asking) -> Call[ChatAnswer]:
        policy = asking.options.get("unsupported_params", self.unsupported_params)
        return chat.complete(asking.messages, asking.model, unsupported_params=policy, **asking.params)

    def _open(self, asking: Asking) -> Stream[ChatDelta]:
        policy = asking.options.get("unsupported_params", self.unsupported_params)
        voice = spoken_chat.voice_fields(asking.options.get("audio", self.audio))
        if voice is None:
            return chat.stream(asking.messages, asking.model, unsupported_params=policy, **asking.params)
        spoken = spoken_chat.stream(asking.messages, asking.model, unsupported_params=policy, **voice, **asking.params)
        return cast("Stream[ChatDelta]", spoken)  # a SpokenDelta is one

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if kwargs.get("audio", self.audio) is None:
            return super()._generate(messages, stop, run_manager, **kwargs)
        with ModelErrors(self._partials(kwargs)):
            asking = self._ask(messages, stop, kwargs, stream=True)
            with self._settings(asking.options).client().stream(self._open(asking)) as deltas:
                return self._joined(asking, list(deltas))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if kwargs.get("audio", self.audio) is None:
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        with ModelErrors(self._partials(kwargs)):
            asking = self._ask(messages, stop, kwargs, stream=True)
            client = await self._settings(asking.options).async_client()
            async with client.stream(self._open(asking)) as deltas:
                return self._joined(asking, [delta async for delta in deltas])

    def _joined(self, asking: Asking, deltas: list[ChatDelta]) -> ChatResult:
        answer = spoken_chat.joined(cast("list[SpokenDelta]", deltas), self._form(asking))
        return spoken_result(answer, self.provider_name, asking.model)

    def _form(self, asking: Asking) -> str | None:
        return (asking.options.get("audio", self.audio) or {}).get("format")

    def _writer(self, asking: Asking) -> ChunkWriter:
        if asking.options.get("audio", self.audio) is None:
            return super()._writer(asking)
        return SpokenChunkWriter(self.provider_name, asking.model, self._form(asking))

    def _partial(self, answer: Any, model: str) -> Any:
        if isinstance(answer, SpokenAnswer):
            return spoken_partial(answer, self.provider_name, model)
        return super()._partial(answer, model)

    def _shown(self, stop: list[str] | None, kwargs: Mapping[str, Any]) -> builtins.dict[str, Any]:
        spoken = {"audio": self.audio} if self.audio is not None else {}
        return {**spoken, **super()._shown(stop, kwargs)}

    def _resolve_model_profile(self) -> ModelProfile | None:
        profile = sophnet_profile(self.model)
        return profile if self.audio is None else {**(profile or {}), "audio_outputs": True}
