"""``ChatSophNet``: the chat models of the SophNet cloud in LangChain.

What both clouds share stands in ``chat``, what SophNet's document says in ``maaskit.sophnet``.
"""

from __future__ import annotations

import builtins
from typing import ClassVar

from langchain_core.language_models import ModelProfile
from pydantic import ConfigDict

from maaskit.langchain.chat import Asking, MaasChatModel
from maaskit.langchain.content_parts import Intake
from maaskit.langchain.model_profiles import sophnet_profile
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.stream import ChatDelta
from maaskit.provider import Provider, SophNet
from maaskit.sophnet import chat
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
    """

    provider_name: ClassVar[str] = "sophnet"
    # sophnet-api, Chat completions, messages: text and image_url are all that the document shows.
    intake: ClassVar[Intake] = Intake("SophNet", pdf=False, audio=False)
    # sophnet-api, response_format: `text` and `json_object`.
    knows_json_schema: ClassVar[bool] = False

    project_id: str | None = None
    """The project, for services that need one; by default ``SOPHNET_PROJECT_ID``. Chat alone does without."""

    easyllm_id: str | None = None
    """The service id, for services that need one; by default ``SOPHNET_EASYLLM_ID``. Chat alone does without."""

    model_config = ConfigDict(defer_build=False)

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
        return chat.stream(asking.messages, asking.model, unsupported_params=policy, **asking.params)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return sophnet_profile(self.model)
