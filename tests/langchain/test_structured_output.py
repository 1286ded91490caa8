"""Answers that follow a schema: what is asked, what is read, and what is said when there is nothing to read."""

from __future__ import annotations

import itertools
import json
from typing import Any, TypedDict

import pydantic.v1
import pytest
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from maaskit.errors import InvalidInput, MaasError
from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.langchain.errors import AnswerCutOff, AnswerRefused
from maaskit.openai_chat import traits
from maaskit.sandbox import Sandbox
from tests.scripted import Reply, ScriptedServer, json_reply, sse_reply

KEY = "a-key-that-nobody-may-see"


class Place(BaseModel):
    """Where something is."""

    city: str = Field(description="the city")
    floor: int | None = None


class OldPlace(pydantic.v1.BaseModel):
    """Where something is."""

    city: str
    floor: int | None = None


class Folder(BaseModel):
    """A folder with what is in it."""

    name: str
    inner: list[Folder] = []


class Shelf(BaseModel):
    """A shelf of folders."""

    first: Folder


class PlaceDict(TypedDict):
    """Where something is."""

    city: str


SCHEMA = {
    "title": "Place",
    "description": "Where.",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
UNTITLED = {name: SCHEMA[name] for name in ("type", "properties", "required")}
FUNCTION = {"name": "Place", "description": "Where.", "parameters": UNTITLED}
METHODS = ("function_calling", "json_schema", "json_mode")

Model = ChatSophNet | ChatQiniu


@pytest.fixture(params=[ChatSophNet, ChatQiniu])
def llm(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Model:
    return request.param(model="m", api_key=KEY, base_url=scripted.url, max_retries=0)


def tool_answer(arguments: str, name: str = "Place", finish_reason: str = "tool_calls") -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"choices": [{"message": {"content": "", "tool_calls": [call]}, "finish_reason": finish_reason}]}


def text_answer(text: str, finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text, **more}, "finish_reason": finish_reason}]}


def answer(method: str, content: dict[str, Any]) -> Reply:
    text = json.dumps(content)
    return json_reply(tool_answer(text) if method == "function_calling" else text_answer(text))


# --- every combination ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", [Place, OldPlace, PlaceDict, SCHEMA], ids=["pydantic", "v1", "typeddict", "json"])
async def test_every_combination(llm: Model, scripted: ScriptedServer, method: Any, schema: Any) -> None:
    by_function = method == "function_calling" or (schema is OldPlace and method == "json_schema")
    name = str(schema.get("title") if isinstance(schema, dict) else schema.__name__)
    text = '{"city": "上海"}'
    scripted.script(json_reply(tool_answer(text, name) if by_function else text_answer(text)))
    for include_raw, strict in itertools.product((False, True), (None, False, True)):
        if method == "json_mode" and strict is not None:
            with pytest.raises(InvalidInput, match="strict"):
                llm.with_structured_output(schema, method=method, strict=strict)
            continue
        asked = llm.with_structured_output(schema, method=method, include_raw=include_raw, strict=strict)
        for given in (asked.invoke("Where? In JSON."), await asked.ainvoke("Where? In JSON.")):
            check_answer(given, schema, include_raw=include_raw)
        check_request(llm, scripted.seen[-1].json, "function_calling" if by_function else method, strict, name)


def check_answer(given: Any, schema: Any, *, include_raw: bool) -> None:
    if include_raw:
        assert set(given) == {"raw", "parsed", "parsing_error"}
        assert isinstance(given["raw"], AIMessage)
        assert given["parsing_error"] is None
    parsed = given["parsed"] if include_raw else given
    if isinstance(schema, type) and schema is not PlaceDict:
        assert isinstance(parsed, schema)
        assert parsed.city == "上海"
    else:
        assert parsed == {"city": "上海"}


def check_request(llm: Model, body: dict[str, Any], method: str, strict: bool | None, name: str) -> None:
    assert "ls_structured_output_format" not in body
    if method == "function_calling":
        assert body["tool_choice"] == {"type": "function", "function": {"name": name}}
        assert body["parallel_tool_calls"] is False
        assert body["tools"][0]["function"].get("strict") is strict
        assert "response_format" not in body
        return
    if method == "json_schema" and isinstance(llm, ChatQiniu):
        described = body["response_format"]["json_schema"]
        assert body["response_format"]["type"] == "json_schema"
        assert described["name"] == name
        assert described.get("strict") is strict
        assert "city" in described["schema"]["properties"]
        assert len(body["messages"]) == 1
        return
    # sophnet-api documents json_object only
    assert body["response_format"] == {"type": "json_object"}
    if method == "json_schema":
        assert body["messages"][0]["role"] == "system"
        assert '"city"' in body["messages"][0]["content"]
    else:
        assert [message["content"] for message in body["messages"]] == ["Where? In JSON."]


@pytest.mark.parametrize("method", METHODS)
async def test_streaming_a_structured_answer(llm: Model, scripted: ScriptedServer, method: Any) -> None:
    pieces = ['{"ci', 'ty": "上', '海", "flo', 'or": 3}']

    def delta(piece: str, number: int) -> dict[str, Any]:
        if method != "function_calling":
            return {"content": piece}
        function = {"name": "Place", "arguments": piece} if number == 0 else {"arguments": piece}
        return {"tool_calls": [{"index": 0, "id": "c1", "function": function}]}

    events = [{"choices": [{"index": 0, "delta": delta(piece, number)}]} for number, piece in enumerate(pieces)]
    scripted.script(sse_reply(*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    objects = list(llm.with_structured_output(Place, method=method).stream("JSON?"))
    assert objects[-1] == Place(city="上海", floor=3)
    dicts = [part async for part in llm.with_structured_output(SCHEMA, method=method).astream("JSON?")]
    assert dicts[-1] == {"city": "上海", "floor": 3}
    assert len(dicts) > 1


def test_schemas_in_other_forms(llm: Model, scripted: ScriptedServer) -> None:
    for schema, name in (
        (UNTITLED, "answer"),
        ({"type": "object"}, "answer"),
        (FUNCTION, "Place"),
        ({"type": "function", "function": FUNCTION}, "Place"),
    ):
        scripted.script(json_reply(tool_answer('{"city": "上海"}', name)))
        assert llm.with_structured_output(schema).invoke("Where?") == {"city": "上海"}
        assert scripted.seen[-1].json["tool_choice"]["function"]["name"] == name
        scripted.script(json_reply(text_answer('{"city": "上海"}')))
        assert llm.with_structured_output(schema, method="json_schema").invoke("Where?") == {"city": "上海"}


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize(
    ("schema", "parsed"),
    [
        (Folder, Folder(name="a", inner=[Folder(name="b")])),
        (Shelf, Shelf(first=Folder(name="a", inner=[Folder(name="b")]))),
    ],
)
def test_a_class_that_speaks_of_itself_is_told_whole(
    llm: Model, scripted: ScriptedServer, schema: type[BaseModel], parsed: BaseModel, strict: Any
) -> None:
    scripted.script(json_reply(tool_answer(parsed.model_dump_json(), schema.__name__)))
    assert llm.with_structured_output(schema, strict=strict).invoke("Which?") == parsed
    told = [scripted.seen[-1].json["tools"][0]["function"]["parameters"]]
    scripted.script(json_reply(text_answer(parsed.model_dump_json())))
    assert llm.with_structured_output(schema, method="json_schema", strict=strict).invoke("Which?") == parsed
    body = scripted.seen[-1].json
    if isinstance(llm, ChatQiniu):
        told.append(body["response_format"]["json_schema"]["schema"])
    else:
        told.append(json.loads(body["messages"][0]["content"].partition("\n")[2]))
    for described in told:
        inner = described["$defs"]["Folder"]["properties"]["inner"]["items"]
        assert inner == {"$ref": "#/$defs/Folder"}
        assert {"name", "first"} & described["properties"].keys()


def test_json_mode_explains_the_schema_to_a_prompt_that_does_not_speak_of_json(
    llm: Model, scripted: ScriptedServer
) -> None:
    scripted.script(json_reply(text_answer('{"city": "上海"}')))
    llm.with_structured_output(Place, method="json_mode").invoke("Where?")
    body = scripted.seen[-1].json
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]
    assert '"city"' in body["messages"][0]["content"]
    assert llm.with_structured_output(None, method="json_mode").invoke("Where?") == {"city": "上海"}
    assert "JSON" in scripted.seen[-1].json["messages"][0]["content"]
    llm.bind(response_format={"type": "json_object"}).invoke([("system", "Be kind."), ("human", "Where?")])
    body = scripted.seen[-1].json
    assert len(body["messages"]) == 2
    assert body["messages"][0]["content"].startswith("Be kind.")


@pytest.mark.parametrize("method", METHODS)
def test_v1_content_is_read_as_well(llm: Model, scripted: ScriptedServer, method: Any) -> None:
    scripted.script(answer(method, {"city": "上海"}))
    v1 = llm.model_copy(update={"output_version": "v1"})
    assert v1.with_structured_output(Place, method=method).invoke("JSON?") == Place(city="上海")


def test_other_tools_may_go_along(llm: Model, scripted: ScriptedServer) -> None:
    other = {"name": "other", "description": "Other.", "parameters": UNTITLED}
    scripted.script(json_reply(tool_answer('{"city": "上海"}')))
    assert llm.with_structured_output(Place, tools=[other]).invoke("Where?") == Place(city="上海")
    assert [tool["function"]["name"] for tool in scripted.seen[-1].json["tools"]] == ["Place", "other"]
    scripted.script(json_reply(text_answer('{"city": "上海"}')))
    assert llm.with_structured_output(Place, method="json_schema", tools=[other]).invoke("JSON?") == Place(city="上海")
    assert [tool["function"]["name"] for tool in scripted.seen[-1].json["tools"]] == ["other"]


def test_a_code_fence_around_the_json_is_taken_off(llm: Model, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(text_answer('```json\n{"city": "上海"}\n```')))
    assert llm.with_structured_output(Place, method="json_schema").invoke("Where?") == Place(city="上海")


# --- when there is nothing to read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_that_was_cut_off(llm: Model, scripted: ScriptedServer, method: Any) -> None:
    half = '{"city": "上'
    reply = tool_answer(half, finish_reason="length") if method == "function_calling" else text_answer(half, "length")
    scripted.script(json_reply(reply))
    for schema in (Place, SCHEMA):
        with pytest.raises(AnswerCutOff, match="max_tokens") as caught:
            llm.with_structured_output(schema, method=method).invoke("JSON?")
        assert isinstance(caught.value, MaasError)
        assert isinstance(caught.value, OutputParserException)
        told = llm.with_structured_output(schema, method=method, include_raw=True).invoke("JSON?")
        assert told["parsed"] is None
        assert isinstance(told["parsing_error"], AnswerCutOff)
        assert isinstance(told["raw"], AIMessage)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "message", [text_answer("", refusal="I will not."), text_answer("", "content_filter")], ids=["refusal", "filter"]
)
def test_a_refusal(llm: Model, scripted: ScriptedServer, method: Any, message: dict[str, Any]) -> None:
    scripted.script(json_reply(message))
    with pytest.raises(AnswerRefused) as caught:
        llm.with_structured_output(Place, method=method).invoke("JSON?")
    assert isinstance(caught.value, ModelError)
    assert isinstance(caught.value, MaasError)
    assert not caught.value.is_retryable
    assert isinstance(caught.value.raw_message, AIMessage)


def test_an_answer_without_the_call(llm: Model, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(text_answer("I would rather chat.")))
    for schema in (Place, SCHEMA):
        with pytest.raises(OutputParserException, match="without calling Place"):
            llm.with_structured_output(schema).invoke("Where?")
    told = llm.with_structured_output(Place, include_raw=True).invoke("Where?")
    assert told["raw"].content == "I would rather chat."
    assert isinstance(told["parsing_error"], OutputParserException)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ["{city: Shanghai", '{"floor": "high"}'])
def test_an_answer_that_does_not_fit(llm: Model, scripted: ScriptedServer, method: Any, text: str) -> None:
    scripted.script(json_reply(tool_answer(text) if method == "function_calling" else text_answer(text)))
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's or core's, by parser
        llm.with_structured_output(Place, method=method).invoke("JSON?")
    told = llm.with_structured_output(Place, method=method, include_raw=True).invoke("JSON?")
    assert told["parsed"] is None
    assert told["parsing_error"] is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"schema": Place, "method": "magic"}, "magic"),
        ({"schema": None}, "needs a schema"),
        ({"schema": None, "method": "json_schema"}, "needs a schema"),
        ({"schema": 3}, r"\(int\) cannot be put to a model"),
        ({"schema": "Place", "method": "json_schema"}, r"schema \(str\) cannot be put to a model"),
        ({"schema": [Place], "method": "json_mode"}, r"schema \(list\) cannot be put to a model"),
        ({"schema": {"name": "Place"}, "method": "json_schema", "strict": True}, r"schema \(dict\)"),
    ],
)
def test_what_makes_no_sense_is_refused(llm: Model, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        llm.with_structured_output(**arguments)


# --- thinking models -----------------------------------------------------------------------------------------------


def test_a_thinking_model_is_asked_and_not_forced(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traits, "_warned", set())
    scripted.script(json_reply(tool_answer('{"city": "上海"}')))
    for llm in (
        ChatSophNet(model="QwQ-32B", api_key=KEY, base_url=scripted.url),
        ChatSophNet(model="GLM-4.5", api_key=KEY, base_url=scripted.url, enable_thinking=True),
        ChatQiniu(model="deepseek-r1-0528", api_key=KEY, base_url=scripted.url),
    ):
        with pytest.warns(UserWarning, match="tool_choice"):
            assert llm.with_structured_output(Place).invoke("Where?") == Place(city="上海")
        body = scripted.seen[-1].json
        assert body["tool_choice"] == "auto"
        assert [tool["function"]["name"] for tool in body["tools"]] == ["Place"]


@pytest.mark.filterwarnings("ignore:.*thinking models refuse a forced tool_choice:UserWarning")
def test_in_the_sandbox_thinking_models_are_not_forced_either(sandbox: Sandbox) -> None:
    sandbox.variants.forced_tools_while_thinking = "refused"
    for llm in (
        ChatSophNet(model="DeepSeek-R1", api_key=sandbox.api_key, base_url=sandbox.sophnet_url),
        ChatQiniu(model="deepseek-r1", api_key=sandbox.api_key, base_url=sandbox.qiniu_url),
    ):
        found = llm.with_structured_output(Place).invoke("Which place is this, by city and floor? 'Shanghai', floor 3.")
        assert isinstance(found, Place)
