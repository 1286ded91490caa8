"""What the chat models are set to, what of it reaches the wire, and what LangChain learns of it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from pydantic import BaseModel, ValidationError

import maaskit
from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.langchain import ChatQiniu, ChatSophNet
from tests.scripted import ScriptedServer, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"
HELLO = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
PIECES = [{"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}]

Model = ChatSophNet | ChatQiniu


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def cloud(request: pytest.FixtureRequest) -> Any:
    return request.param


@tool
def weather(place: str) -> str:
    """Tell the weather."""
    return place


def asked(llm: Any, server: ScriptedServer, **kwargs: Any) -> dict[str, Any]:
    """Ask once and give the request's body."""
    server.script(json_reply(HELLO))
    assert llm.invoke("Hi", **kwargs).content == "Hello"
    body: dict[str, Any] = server.seen[-1].json
    return body


def streamed(llm: Any, server: ScriptedServer, **kwargs: Any) -> dict[str, Any]:
    server.script(sse_reply(*PIECES))
    assert "".join(chunk.text for chunk in llm.stream("Hi", **kwargs)) == "Hello"
    body: dict[str, Any] = server.seen[-1].json
    return body


# --- construction --------------------------------------------------------------------------------------------------


def test_a_missing_key_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        ChatQiniu(model="deepseek-v3")
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        ChatSophNet(model="GLM-4.6")


def test_the_environment_sets_key_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINIU_API_KEY", KEY)
    monkeypatch.setenv("QINIU_BASE_URL", "https://q.example/v1/")
    monkeypatch.setenv("SOPH_API_KEY", KEY)
    qiniu, sophnet = ChatQiniu(model="m"), ChatSophNet(model="m")
    assert qiniu.api_key is not None
    assert qiniu.api_key.get_secret_value() == KEY
    assert qiniu.base_url == "https://q.example/v1"
    assert sophnet.base_url == "https://www.sophnet.com/api/open-apis"
    monkeypatch.delenv("QINIU_BASE_URL")
    assert qiniu.base_url == "https://q.example/v1", "a model keeps what it was made with"


def test_other_names_of_fields(cloud: Any) -> None:
    llm = cloud(model_name="m", api_key=KEY, request_timeout=3, stop_sequences=["x"], max_completion_tokens=9)
    assert (llm.model, llm.model_name, llm.timeout, llm.stop, llm.max_tokens) == ("m", "m", 3.0, ["x"], 9)
    assert llm.model_kwargs == {}


def test_other_names_of_fields_in_one_call(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, max_tokens=5)
    other = {"model_name": "n", "max_completion_tokens": 9, "stop_sequences": ["x"], "request_timeout": 30}
    body = asked(llm, scripted, **other)
    assert body == {"model": "n", "messages": body["messages"], "max_tokens": 9, "stop": ["x"]}
    assert asked(llm.bind(max_completion_tokens=9), scripted)["max_tokens"] == 9
    assert asked(llm, scripted, extra_body={"max_completion_tokens": 9})["max_completion_tokens"] == 9
    traced = llm._get_ls_params(**other)
    assert (traced["ls_model_name"], traced["ls_max_tokens"]) == ("n", 9)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"stop": list("abcde")}, "at most 4"),
        ({"top_logprobs": 3}, "logprobs=True"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"presence_penalty": -3}, "presence_penalty"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 2, "streaming": True}, "n must be 1"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 10**9}, "timeout must be a number of seconds above 0, at most 2592000"),
        ({"default_headers": {"X-One": "1\n2"}}, "default_headers must be a mapping of printable ASCII"),
        ({"max_retries": -1}, "max_retries"),
    ],
)
def test_a_value_out_of_range_is_an_error_of_ours(cloud: Any, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        cloud(model="m", api_key=KEY, **wrong)


@pytest.mark.parametrize("wrong", [{"base_url": "no url"}, {"base_url": "https://u:p@e.x"}, {"api_key": " "}])
def test_a_wrong_address_or_key(cloud: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        cloud(**{"model": "m", "api_key": KEY, **wrong})


@pytest.mark.parametrize(
    "wrong", [{"model": ""}, {"temperature": "hot"}, {"replay_reasoning": "sometimes"}, {"api_key": 7}]
)
def test_a_value_of_another_type_is_pydantic_s_error_without_the_value(cloud: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        cloud(**{"model": "m", "api_key": KEY, **wrong})
    assert KEY not in str(caught.value)
    assert "input_value" not in str(caught.value)


@pytest.mark.parametrize("name", ["openai_api_key", "qiniu_api_key", "openai_api_base", "apikey"])
def test_a_key_under_another_name_is_refused_and_not_sent(cloud: Any, scripted: ScriptedServer, name: str) -> None:
    settings = {"model": "m", "api_key": KEY, "base_url": scripted.url}
    with pytest.raises(InvalidInput, match=f"{name}: the key is api_key, the address base_url") as caught:
        cloud(**settings, **{name: "another-key"})
    assert "another-key" not in str(caught.value)
    with pytest.raises(InvalidInput, match=f"{name} is set where a model is made"):
        cloud(**settings).invoke("Hi", **{name: "another-key"})
    assert not scripted.seen


@pytest.mark.parametrize("name", ["api_key", "base_url", "default_headers", "http_client"])
def test_what_belongs_to_the_model_is_refused_in_a_call(cloud: Any, scripted: ScriptedServer, name: str) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    for ask in (llm.invoke, lambda *args, **more: list(llm.stream(*args, **more)), llm.bind(**{name: "x"}).invoke):
        with pytest.raises(InvalidInput, match=f"{name} is set where a model is made"):
            ask("Hi", **{name: "x"})
    assert not scripted.seen


@pytest.mark.parametrize("name", ["extra_body", "extra_headers", "model_kwargs"])
def test_a_mapping_that_is_none_is_named(cloud: Any, name: str) -> None:
    if name != "extra_headers":
        with pytest.raises(ValidationError, match=name):
            cloud(model="m", api_key=KEY, **{name: "a"})
        assert getattr(cloud(model="m", api_key=KEY, **{name: None}), name) == {}
    if name != "model_kwargs":
        with pytest.raises(InvalidInput, match=f"{name} must be a mapping, not int"):
            cloud(model="m", api_key=KEY).invoke("Hi", **{name: 3})


def test_unknown_arguments_are_warned_of_and_sent(cloud: Any, scripted: ScriptedServer) -> None:
    with pytest.warns(UserWarning, match="repetition_penalty"):
        llm = cloud(model="m", api_key=KEY, base_url=scripted.url, repetition_penalty=1.1)
    assert llm.model_kwargs == {"repetition_penalty": 1.1}
    assert asked(llm, scripted)["repetition_penalty"] == 1.1


def test_positional_and_shared_arguments_are_left_alone(cloud: Any) -> None:
    given = {"a": 1}
    llm = cloud(model="m", api_key=KEY, model_kwargs=given, extra_body=given)
    llm.model_kwargs["b"] = 2
    assert given == {"a": 1}


def test_httpx_waits_for_the_first_question() -> None:
    code = (
        "import sys; from maaskit.langchain import ChatQiniu, ChatSophNet; ChatQiniu(model='m', api_key='k'); "
        "ChatSophNet(model='m', api_key='k'); print('httpx' in sys.modules)"
    )
    path = str(Path(maaskit.__file__).parents[1])
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- on the wire ---------------------------------------------------------------------------------------------------


def test_every_field_reaches_the_wire(cloud: Any, scripted: ScriptedServer) -> None:
    fields = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 10,
        "stop": ["x"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "text"},
    }
    llm = cloud(
        model="m", api_key=KEY, base_url=scripted.url, extra_body={"steps": 3}, model_kwargs={"user": "u"}, **fields
    )
    body = asked(llm, scripted)
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "user": "u", "steps": 3, **fields}
    assert scripted.seen[-1].headers["authorization"] == f"Bearer {KEY}"


def test_nothing_unset_is_sent(cloud: Any, scripted: ScriptedServer) -> None:
    assert asked(cloud(model="m", api_key=KEY, base_url=scripted.url), scripted) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_a_call_s_own_fields_win(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, temperature=0.5, stop=["x"], extra_body={"a": 1, "b": 1})
    body = asked(llm, scripted, model="n", temperature=None, max_tokens=5, stop=["y"], extra_body={"b": 2}, min_p=0.1)
    assert body == {
        "model": "n",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 5,
        "stop": ["y"],
        "a": 1,
        "b": 2,
        "min_p": 0.1,
    }
    bound = llm.bind(model="o", reasoning_effort="low")
    assert asked(bound, scripted)["model"] == "o"
    assert asked(bound, scripted)["reasoning_effort"] == "low"


@pytest.mark.parametrize("model", [None, "", 7])
def test_a_call_s_own_model_must_be_a_name(cloud: Any, model: Any) -> None:
    with pytest.raises(InvalidInput, match="model"):
        cloud(model="m", api_key=KEY).invoke("Hi", model=model)


def test_time_limits_retries_and_headers_of_one_call(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, default_headers={"X-One": "1"})
    body = asked(llm, scripted, timeout=5, max_retries=0, extra_headers={"X-Two": "2"})
    assert set(body) == {"model", "messages"}
    assert (scripted.seen[-1].headers["x-one"], scripted.seen[-1].headers["x-two"]) == ("1", "2")
    assert scripted.seen[-1].headers["user-agent"].startswith("maaskit/")


def test_usage_of_streams(scripted: ScriptedServer) -> None:
    def wants(cloud: Any, **fields: Any) -> Any:
        llm = cloud(model="m", api_key=KEY, base_url=scripted.url, **fields)
        return streamed(llm, scripted).get("stream_options")

    assert wants(ChatQiniu) == {"include_usage": True}
    assert wants(ChatQiniu, stream_usage=False) is None
    assert wants(ChatSophNet) is None
    assert wants(ChatSophNet, stream_usage=True) == {"include_usage": True}
    assert wants(ChatSophNet, model_kwargs={"stream_options": {"x": 1}}) == {"x": 1}
    sophnet = ChatSophNet(model="m", api_key=KEY, base_url=scripted.url)
    assert streamed(sophnet, scripted, stream_usage=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in asked(ChatQiniu(model="m", api_key=KEY, base_url=scripted.url), scripted)
    # What is set for streams is not sent with other questions, where services refuse it.
    told = {"model": "m", "api_key": KEY, "base_url": scripted.url, "model_kwargs": {"stream_options": {"x": 1}}}
    assert "stream_options" not in asked(ChatQiniu(**told), scripted)
    assert "stream_options" not in asked(sophnet, scripted, stream_options={"include_usage": True})


def test_search(scripted: ScriptedServer) -> None:
    llm = ChatQiniu(model="deepseek-v3", api_key=KEY, base_url=scripted.url, search=True)
    assert asked(llm, scripted)["model"] == "deepseek-v3?search"
    assert asked(llm, scripted, search=False)["model"] == "deepseek-v3"
    assert asked(llm, scripted, model="deepseek-r1?search")["model"] == "deepseek-r1?search"


def test_thinking_in_the_form_that_the_model_wants(scripted: ScriptedServer) -> None:
    def body(llm: Any, **kwargs: Any) -> dict[str, Any]:
        return {
            name: value for name, value in asked(llm, scripted, **kwargs).items() if name not in ("model", "messages")
        }

    glm = ChatSophNet(model="GLM-4.5", api_key=KEY, base_url=scripted.url, enable_thinking=True)
    assert body(glm) == {"thinking": {"type": "enabled"}}
    assert body(glm, enable_thinking=False) == {"thinking": {"type": "disabled"}}
    assert body(glm, model="Qwen3-235B-A22B") == {"chat_template_kwargs": {"enable_thinking": True}}
    qiniu = ChatQiniu(model="qwen3-32b", api_key=KEY, base_url=scripted.url, enable_thinking=False)
    assert body(qiniu) == {"enable_thinking": False}


def test_fields_that_the_table_denies(scripted: ScriptedServer) -> None:
    def made(policy: Any) -> ChatSophNet:
        return ChatSophNet(
            model="Qwen2.5-7B-Instruct",
            api_key=KEY,
            base_url=scripted.url,
            presence_penalty=0.5,
            unsupported_params=policy,
        )

    with pytest.warns(UserWarning, match="presence_penalty"):
        assert asked(made("warn"), scripted)["presence_penalty"] == 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asked(made("warn"), scripted)["presence_penalty"] == 0.5, "it warns once"
        assert asked(made("send"), scripted)["presence_penalty"] == 0.5
        assert "presence_penalty" not in asked(made("drop"), scripted)
        assert "presence_penalty" not in asked(made("send"), scripted, unsupported_params="drop")
    with pytest.raises(InvalidInput, match="presence_penalty"):
        made("raise").invoke("Hi")


# --- tools ---------------------------------------------------------------------------------------------------------


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int


NAMED = {"type": "function", "function": {"name": "Add"}}


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (None, None),
        (False, None),
        (True, "required"),
        ("any", "required"),
        ("required", "required"),
        ("auto", "auto"),
        ("none", "none"),
        ("Add", NAMED),
        (NAMED, NAMED),
        ({"type": "tool", "name": "Add"}, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_every_form_of_tool_choice(cloud: Any, scripted: ScriptedServer, choice: Any, written: Any) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    assert asked(llm.bind_tools([weather, Add], tool_choice=choice), scripted).get("tool_choice") == written
    assert asked(llm.bind(tools=[weather, Add], tool_choice=choice), scripted).get("tool_choice") == written


def test_every_form_of_tool(cloud: Any, scripted: ScriptedServer) -> None:
    def multiply(a: int, b: int) -> int:
        """Multiply.

        Args:
            a: one number
            b: another one
        """
        return a * b

    anthropic = {"name": "pick", "description": "Pick.", "input_schema": {"type": "object", "properties": {}}}
    written = {"type": "function", "function": {"name": "raw", "parameters": {"type": "object", "properties": {}}}}
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    body = asked(llm.bind_tools([weather, Add, multiply, anthropic, written], parallel_tool_calls=False), scripted)
    assert [made["function"]["name"] for made in body["tools"]] == ["weather", "Add", "multiply", "pick", "raw"]
    assert body["parallel_tool_calls"] is False
    strict = asked(llm.bind_tools([Add], strict=True), scripted)["tools"][0]["function"]
    assert strict["strict"] is True
    assert strict["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize("wrong", [3, "weather", int, partial(len, "x"), object(), {"type": "object"}, {"k": 1}])
def test_what_is_no_tool_is_named(cloud: Any, wrong: Any) -> None:
    llm = cloud(model="m", api_key=KEY)
    for bind in (llm.bind_tools, lambda tools: llm.invoke("Hi", tools=tools)):
        with pytest.raises(InvalidInput, match=r"tools\[1\] .* cannot be put to a model") as caught:
            bind([weather, wrong])
        assert isinstance(caught.value, ModelError)


def test_a_tool_choice_that_is_no_tool(cloud: Any) -> None:
    llm = cloud(model="m", api_key=KEY)
    with pytest.raises(InvalidInput, match="weather"):
        llm.bind_tools([weather], tool_choice="wether")
    with pytest.raises(InvalidInput, match="no tools"):
        llm.bind_tools([], tool_choice="any")
    with pytest.raises(InvalidInput, match="form"):
        llm.bind_tools([weather], tool_choice={"x": 1})


def test_a_format_without_tools(cloud: Any, scripted: ScriptedServer) -> None:
    described = {"type": "json_schema", "json_schema": {"name": "Add", "schema": Add.model_json_schema()}}
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url)
    for bound in (llm.bind_tools([], response_format=described), llm.bind_tools([], response_format=Add)):
        body = asked(bound, scripted)
        assert "tools" not in body
        if cloud is ChatQiniu:
            assert body["response_format"]["json_schema"]["name"] == "Add"
        else:
            assert body["response_format"] == {"type": "json_object"}
            assert '"properties"' in body["messages"][0]["content"]
    body = asked(llm.bind_tools([weather], response_format=described, tool_choice="auto"), scripted)
    assert body["tools"][0]["function"]["name"] == "weather"
    assert body["response_format"]["type"] == ("json_schema" if cloud is ChatQiniu else "json_object")


# --- what LangChain learns -----------------------------------------------------------------------------------------


def test_ls_params(cloud: Any) -> None:
    llm = cloud(model="m", api_key=KEY, temperature=0.5, max_tokens=9, stop=["x"])
    provider = "qiniu" if cloud is ChatQiniu else "sophnet"
    assert llm._get_ls_params() == {
        "ls_provider": provider,
        "ls_model_name": "m",
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["x"],
    }
    other = llm._get_ls_params(stop=["y"], model="n")
    assert (other["ls_stop"], other["ls_model_name"]) == (["y"], "n")


def test_the_version_is_stamped(cloud: Any) -> None:
    versions = cloud(model="m", api_key=KEY).metadata["lc_versions"]
    assert {"langchain-core", "maaskit"} <= set(versions)


def test_profiles_say_what_the_documents_say() -> None:
    def sophnet(model: str) -> Any:
        return ChatSophNet(model=model, api_key=KEY).profile

    assert sophnet("GLM-4.6")["reasoning_output"] is True
    assert sophnet("GLM-4.6")["temperature"] is False
    assert sophnet("DeepSeek-R1")["reasoning_output"] is True
    assert sophnet("Qwen2.5-7B-Instruct")["temperature"] is True
    assert "reasoning_output" not in sophnet("Qwen2.5-7B-Instruct")
    assert sophnet("Qwen2.5-VL-7B-Instruct")["image_inputs"] is True
    assert "image_inputs" not in sophnet("Qwen2.5-7B-Instruct")
    assert sophnet("Qwen2.5-7B-Instruct")["structured_output"] is False
    assert sophnet("somebody's own") is None
    assert ChatQiniu(model="deepseek-r1", api_key=KEY).profile["reasoning_output"] is True  # type: ignore[index]
    assert ChatQiniu(model="openai/gpt-5.2", api_key=KEY).profile is None
    assert ChatQiniu(model="m", api_key=KEY, profile={"max_input_tokens": 5}).profile == {"max_input_tokens": 5}


def test_configurable_fields_alternatives_and_streams(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, temperature=0.1)
    configurable = llm.configurable_fields(model=ConfigurableField(id="model"), temperature=ConfigurableField(id="t"))
    chosen = configurable.with_config(configurable={"model": "n", "t": 0.7})
    body = asked(chosen, scripted)
    assert (body["model"], body["temperature"]) == ("n", 0.7)
    scripted.script(sse_reply(*PIECES[:1], *PIECES[:1]))
    assert len(list(chosen.stream("Hi"))) > 2, "a model that was rebuilt still streams"


def test_fallbacks_and_retries(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, max_retries=0)
    scripted.script(json_reply({}, 500), json_reply(HELLO))
    assert llm.with_fallbacks([llm.bind(model="n")]).invoke("Hi").content == "Hello"
    assert [seen.json["model"] for seen in scripted.seen] == ["m", "n"]
    scripted.script(json_reply({}, 500), json_reply(HELLO))
    assert llm.with_retry(wait_exponential_jitter=False, stop_after_attempt=2).invoke("Hi").content == "Hello"


def test_tools_and_schemas_go_to_every_model_of_a_fallback(cloud: Any, scripted: ScriptedServer) -> None:
    llm = cloud(model="m", api_key=KEY, base_url=scripted.url, max_retries=0)
    other = (ChatQiniu if cloud is ChatSophNet else ChatSophNet)(model="n", api_key=KEY, base_url=scripted.url)
    both = llm.with_fallbacks([other])
    scripted.script(json_reply({}, 500), json_reply(HELLO))
    assert both.bind_tools([weather, Add], tool_choice="any").invoke("Hi").content == "Hello"
    assert [seen.json["model"] for seen in scripted.seen] == ["m", "n"]
    assert scripted.seen[0].json["tools"] == scripted.seen[1].json["tools"]

    call = {"id": "c1", "type": "function", "function": {"name": "Add", "arguments": '{"a": 1, "b": 2}'}}
    answer = {"choices": [{"message": {"content": "", "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    scripted.script(json_reply({}, 500), json_reply(answer))
    assert both.with_structured_output(Add).invoke("Hi") == Add(a=1, b=2)
    assert (both.model_name, both.get_num_tokens("你好")) == ("m", llm.get_num_tokens("你好"))

    chosen = llm.configurable_alternatives(ConfigurableField(id="cloud"), default_key="one", another=other)
    scripted.script(json_reply(HELLO))
    chosen.with_config(configurable={"cloud": "another"}).bind_tools([Add]).invoke("Hi")
    assert scripted.seen[-1].json["model"] == "n"
    assert scripted.seen[-1].json["tools"]


def test_streaming_can_be_switched_off(cloud: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(HELLO))
    for llm in (
        cloud(model="m", api_key=KEY, base_url=scripted.url, streaming=False),
        cloud(model="m", api_key=KEY, base_url=scripted.url, disable_streaming=True),
    ):
        assert [chunk.content for chunk in llm.stream("Hi")] == ["Hello"]
        assert "stream" not in scripted.seen[-1].json
    by_tools = cloud(model="m", api_key=KEY, base_url=scripted.url, disable_streaming="tool_calling")
    assert [chunk.content for chunk in by_tools.bind_tools([weather]).stream("Hi")] == ["Hello"]


# --- counting tokens -----------------------------------------------------------------------------------------------


def test_tokens_are_estimated_offline(cloud: Any) -> None:
    llm = cloud(model="m", api_key=KEY)
    assert llm.get_num_tokens("") == 0
    assert llm.get_num_tokens("人工智能改变世界。") == 6
    assert llm.get_num_tokens("The quick brown fox jumps over the lazy dog.") == 14
    words = [
        SystemMessage("Be kind."),
        HumanMessage("你好"),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}]),
    ]
    counted = llm.get_num_tokens_from_messages(words)
    assert 15 <= counted <= 30
    assert llm.get_num_tokens_from_messages([*words, ToolMessage("20", tool_call_id="1")]) > counted
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert llm.get_num_tokens_from_messages(words, tools=[weather]) > counted + 10
    picture = HumanMessage(content=[{"type": "image", "base64": "A" * 100_000, "mime_type": "image/png"}])
    assert llm.get_num_tokens_from_messages([picture]) < 2000


def test_blocks_that_are_no_pictures_are_not_counted_as_such(cloud: Any) -> None:
    llm = cloud(model="m", api_key=KEY)
    broken = {"type": "invalid_tool_call", "id": "1", "name": "f", "args": '{"a":', "error": "x"}
    for block in (
        broken,
        {"type": "thinking", "thinking": "Well."},
        {"type": "refusal", "refusal": "No."},
        {"type": "non_standard", "value": {"a": 1}},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"},
    ):
        assert llm.get_num_tokens_from_messages([AIMessage(content=[block])]) < 50
    both = AIMessage(content=[broken], invalid_tool_calls=[broken])
    assert llm.get_num_tokens_from_messages([both]) == llm.get_num_tokens_from_messages(
        [AIMessage("", invalid_tool_calls=[broken])]
    )
    sound = HumanMessage(content=[{"type": "media", "mime_type": "audio/wav", "data": "A" * 100_000}])
    assert llm.get_num_tokens_from_messages([sound]) < 2000


def test_a_tokenizer_of_one_s_own_is_used(cloud: Any) -> None:
    llm = cloud(model="m", api_key=KEY, custom_get_token_ids=lambda text: list(range(len(text))))
    assert llm.get_num_tokens("four") == 4
    assert len(llm.get_token_ids("four")) == 4
    with pytest.raises(NotImplementedError, match="get_num_tokens"):
        cloud(model="m", api_key=KEY).get_token_ids("four")
