"""``ChatQiniu``: the chat models of the Qiniu cloud in LangChain.

What both clouds share stands in ``chat``, what Qiniu's document says in ``maaskit.qiniu.chat``.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar

from langchain_core.language_models import ModelProfile
from pydantic import ConfigDict

from maaskit.langchain.chat import Asking, MaasChatModel
from maaskit.langchain.content_parts import Intake
from maaskit.langchain.model_profiles import qiniu_profile
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.stream import ChatDelta
from maaskit.provider import Provider, Qiniu
from maaskit.qiniu import chat
from maaskit.wire import Call, Stream


class ChatQiniu(MaasChatModel):
    """Talk to the chat models of the Qiniu cloud (七牛云 AI 推理).

    Setup:
        Install ``maaskit[langchain]`` and set the key:

        .. code-block:: bash

            pip install "maaskit[langchain]"
            export QINIU_API_KEY="your-key"

    Key init args — completion:
        model: Name of the model, such as ``deepseek-v3`` or ``deepseek-r1``.
        temperature: 0 to 2.0.
        max_tokens: Longest answer in tokens.
        stop: Up to 4 strings that end the answer.
        search: Let the model search the web.
        enable_thinking: Switch thinking on or off, where the model can.
        extra_body: Further fields of the request.

    Key init args — client:
        api_key: The key; by default ``QINIU_API_KEY``.
        base_url: By default ``QINIU_BASE_URL``, then ``https://api.qnaigc.com/v1``.
        timeout: Seconds to wait for an answer, and for the next event of a stream; default 120.
        max_retries: Further attempts after a passing failure; default 2.

    Instantiate:
        .. code-block:: python

            from maaskit.langchain import ChatQiniu

            llm = ChatQiniu(model="deepseek-v3", temperature=0)

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

    JSON mode:
        .. code-block:: python

            json_llm = llm.bind(response_format={"type": "json_object"})
            json_llm.invoke("Return a JSON object with the key random_ints and ten random integers.").content

    Image input:
        JPG, JPEG, PNG, BMP and PDF of at most 8 MiB, as a URL or as base64.

        .. code-block:: python

            from langchain_core.messages import HumanMessage

            question = HumanMessage(content=[
                {"type": "text", "text": "What does this picture say?"},
                {"type": "image", "url": "https://www.qiniu.com/qiniu_ai_token_snapshot.png"},
            ])
            llm.invoke([question]).content

    Token usage:
        Streams are asked for their usage as well; ``stream_usage=False`` leaves that out.

        .. code-block:: python

            llm.invoke(messages).usage_metadata
            # {'input_tokens': 28, 'output_tokens': 5, 'total_tokens': 33}

    Response metadata:
        .. code-block:: python

            llm.invoke(messages).response_metadata
            # {'model_provider': 'qiniu', 'model_name': 'deepseek-v3', 'finish_reason': 'stop', ...}

        Fields of the answer that no document describes stand in ``response_metadata["extras"]``.

    Reasoning:
        .. code-block:: python

            answer = ChatQiniu(model="deepseek-r1").invoke("9.11 和 9.9 哪个大?")
            answer.additional_kwargs["reasoning_content"]
            answer.content_blocks  # [{'type': 'reasoning', ...}, {'type': 'text', ...}]

        In a tool loop the reasoning goes back with the calls; ``replay_reasoning`` chooses otherwise.

    Search:
        .. code-block:: python

            ChatQiniu(model="deepseek-v3", search=True).invoke("今天有什么新闻?").content
    """

    provider_name: ClassVar[str] = "qiniu"
    # qiniu-api, 图片文字识别推理: PDF counts among the images. Audio is passed on as the OpenAI dialect has it.
    intake: ClassVar[Intake] = Intake("Qiniu", pdf=True, audio=True)
    knows_json_schema: ClassVar[bool] = True

    search: bool = False
    """Whether the model searches the web (the suffix ``?search`` of the model's name)."""

    stream_usage: bool | None = True
    """Whether a stream is asked for its usage (``stream_options.include_usage``)."""

    model_config = ConfigDict(defer_build=False)

    @property
    def lc_secrets(self) -> builtins.dict[str, str]:
        """Name the environment variable that stands for the key in dumps."""
        return {"api_key": "QINIU_API_KEY"}

    def _provider(self) -> Provider:
        return Qiniu(api_key=self.api_key, base_url=self.base_url)

    def _complete(self, asking: Asking) -> Call[ChatAnswer]:
        return chat.complete(asking.messages, asking.model, search=self._searches(asking), **asking.params)

    def _open(self, asking: Asking) -> Stream[ChatDelta]:
        return chat.stream(asking.messages, asking.model, search=self._searches(asking), **asking.params)

    def _searches(self, asking: Asking) -> bool:
        return bool(asking.options.get("search", self.search))

    def _shown(self, stop: list[str] | None, kwargs: Any) -> builtins.dict[str, Any]:
        return {"search": self.search, **super()._shown(stop, kwargs)}

    def _resolve_model_profile(self) -> ModelProfile | None:
        return qiniu_profile(self.model)
