"""LangChain's standard suites for both chat models and every way to a structured answer, over real sockets.

What stays off, and why:

* ``supports_image_urls``: the suite names a picture on the internet; ``test_chat_inputs`` shows URLs with one of ours.
* ``supports_audio_inputs``: neither document has audio in a chat.
* ``supports_pdf_inputs`` and ``supports_pdf_tool_message`` of SophNet: its document has pictures only.
* ``supports_video_inputs``: the suite has no test, and neither document has video in a chat.
* ``enable_vcr_tests``: the suite's own recordings are of other services; nothing here is recorded.
* usage details of audio and of cache creation: neither cloud names them.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Literal

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.integration_tests import chat_models as suite
from langchain_tests.unit_tests import ChatModelUnitTests
from PIL import Image

from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox

PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 44>>stream
BT /F1 24 Tf 20 100 Td (A plain PDF file) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (120, 80), (200, 30, 30)).save(drawn, "PNG")
    return drawn.getvalue()


class _Unit(ChatModelUnitTests):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.name_of_model, "api_key": "test"}

    name_of_model: str

    @pytest.fixture(autouse=True)
    def _trusted_by_core(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # `load(allowed_objects="all")`, as the suite calls it, trusts the packages of core's own list alone. A user
        # passes `allowed_objects=[ChatQiniu]` instead, which test_chat_dumps shows.
        core_load = sys.modules["langchain_core.load.load"]  # the package shadows its module with a function
        path = tuple(self.chat_model_class.lc_id())
        monkeypatch.setitem(core_load.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(core_load, "_default_class_paths_cache", {})

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        cloud = self.chat_model_class.__name__.removeprefix("Chat").upper()
        return (
            {f"{cloud}_API_KEY": "a-key", f"{cloud}_BASE_URL": "https://example.com/v1"},
            {"model": self.name_of_model},
            {"api_key": "a-key", "base_url": "https://example.com/v1"},
        )


class TestQiniuUnit(_Unit):
    name_of_model = "deepseek-v3"

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQiniu


class TestSophNetUnit(_Unit):
    name_of_model = "Qwen3-235B-A22B"

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatSophNet


class _Integration(ChatModelIntegrationTests):
    cloud: Sandbox
    method: str = "function_calling"
    thinking_model: str

    @pytest.fixture(autouse=True)
    def _in_the_sandbox(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = sandbox

        def get(url: str, **_: Any) -> httpx.Response:
            return httpx.Response(200, content=PDF if url.endswith(".pdf") else picture())

        monkeypatch.setattr(suite.httpx, "get", get)  # the suite downloads its samples

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": self.method}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Any]]:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def _told(self, *, stream: bool, **fields: Any) -> AIMessage:
        model = self.chat_model_class(**{**self.chat_model_params, **fields})
        question = "Which is larger, 9.11 or 9.9? Think it over."
        if not stream:
            return model.invoke(question)
        pieces = list(model.stream(question))
        whole = pieces[0] + pieces[1:]
        assert isinstance(whole, AIMessageChunk)
        return whole

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._told(stream=stream, model=self.thinking_model)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        self._told(stream=stream)
        return self._told(stream=stream)


class TestQiniu(_Integration):
    thinking_model = "deepseek-r1"

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQiniu

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "deepseek-v3", "base_url": self.cloud.qiniu_url, "api_key": self.cloud.api_key}

    @property
    def model_override_value(self) -> str:
        return "deepseek-r1"

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True


class TestQiniuJSONSchema(TestQiniu):
    method = "json_schema"


class TestQiniuJSONMode(TestQiniu):
    method = "json_mode"


class TestSophNet(_Integration):
    thinking_model = "DeepSeek-R1"

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatSophNet

    @property
    def chat_model_params(self) -> dict[str, Any]:
        # The one family that the document lets take pictures takes tools as well.
        return {"model": "Qwen2.5-VL-72B-Instruct", "base_url": self.cloud.sophnet_url, "api_key": self.cloud.api_key}

    @property
    def model_override_value(self) -> str:
        return "GLM-4.6"


class TestSophNetJSONSchema(TestSophNet):
    method = "json_schema"


class TestSophNetJSONMode(TestSophNet):
    method = "json_mode"


class TestSophNetSpoken(TestSophNet):
    """The same model, speaking: every answer comes as a stream of text and sound."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "easyllm_id": self.cloud.easyllm_id, "audio": {"voice": "longwan"}}
