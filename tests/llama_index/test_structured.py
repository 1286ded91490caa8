"""Structured output: four ways to ask, three ways to say the schema, and what does not fit."""

from __future__ import annotations

import asyncio
import itertools
import json
import warnings
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field

from maaskit import MaasError
from maaskit.llama_index import QiniuLLM, SophNetLLM
from maaskit.llama_index.structured import UnfitAnswer, response_format_of
from tests.llama_index.ways import END, call, calls, chunk, user, whole
from tests.scripted import ScriptedServer, json_reply, sse_reply

FOUR = ("structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict")
PROMPT = PromptTemplate("Fill it in: {text}")


class City(BaseModel):
    """A city."""

    name: str = Field(description="Its name")
    people: int = 0


class 城市(BaseModel):  # noqa: N801, PLC2401 - users do this
    """一个城市。"""

    name: str


class Tour(BaseModel):
    """A tour."""

    cities: list[City]


def predict(llm: Any, way: str, output_cls: type[BaseModel], prompt: Any = PROMPT, **kwargs: Any) -> list[Any]:
    """Ask in one of the four ways and give all objects that came."""
    method = getattr(llm, way)
    kwargs = {"text": 'name "Paris", people 2', **kwargs}
    if way == "structured_predict":
        return [method(output_cls, prompt, **kwargs)]
    if way == "stream_structured_predict":
        return list(method(output_cls, prompt, **kwargs))

    async def main() -> list[Any]:
        answer = await method(output_cls, prompt, **kwargs)
        return [answer] if way == "astructured_predict" else [found async for found in answer]

    return asyncio.run(main())


@pytest.mark.parametrize("way", FOUR)
@pytest.mark.parametrize("mode", ["auto", "tools", "json_schema", "json_object"])
def test_each_way_and_mode_gives_the_object(make_llm: Any, sandbox: Any, cloud: str, mode: str, way: str) -> None:
    llm = make_llm(cloud, structured_mode=mode, system_prompt="You know cities.")
    found = predict(llm, way, City)
    assert type(found[-1]) is City
    assert found[-1] == City(name="Paris", people=2)
    (request,) = sandbox.requests
    body = request.json
    assert body["messages"][0]["content"].startswith("You know cities.")
    if mode in ("auto", "tools"):
        assert body["tool_choice"] == "required"
        assert len(body["tools"]) == 1
        assert "response_format" not in body
    else:
        assert "tools" not in body
        assert "tool_choice" not in body
        schema = mode == "json_schema" and cloud == "qiniu"  # SophNet documents json_object alone
        assert body["response_format"]["type"] == ("json_schema" if schema else "json_object")
        assert ('"people"' in str(body["messages"])) is not schema


@pytest.mark.parametrize("way", FOUR)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (SophNetLLM, {"model": "DeepSeek-R1"}),
        (SophNetLLM, {"model": "Qwen3-235B-A22B", "enable_thinking": True}),
        (QiniuLLM, {"model": "deepseek-r1"}),
        (QiniuLLM, {"model": "deepseek-v3", "is_function_calling_model": False}),
    ],
)
def test_models_that_refuse_a_forced_call_are_asked_in_words(
    make_llm: Any, sandbox: Any, kind: type, settings: dict[str, Any], way: str
) -> None:
    sandbox.variants.forced_tools_while_thinking = "refused"
    llm = make_llm("qiniu" if kind is QiniuLLM else "sophnet", **settings)
    assert predict(llm, way, City)[-1] == City(name="Paris", people=2)
    body = sandbox.requests[0].json
    assert body["response_format"] == {"type": "json_object"}
    assert "tools" not in body


@pytest.mark.parametrize("way", FOUR)
def test_a_class_with_a_chinese_name(llm: Any, way: str) -> None:
    assert predict(llm, way, 城市)[-1].name == "Paris"


@pytest.mark.parametrize("way", FOUR)
def test_arguments_of_the_request_are_used_and_left_alone(
    scripted: ScriptedServer, scripted_llm: Any, way: str
) -> None:
    answer = [{"id": "x", "type": "function", "function": {"name": "City", "arguments": '{"name": "Paris"}'}}]
    scripted.script(
        lambda seen: (
            sse_reply(calls(call('{"name": "Paris"}', id="x", name="City")), chunk({}, "tool_calls"))
            if seen.json.get("stream")
            else json_reply(whole("", "tool_calls", tool_calls=answer))
        )
    )
    kwargs = {"temperature": 0.1, "tool_choice": "auto", "tool_required": False, "model": "other", "max_retries": 0}
    before = dict(kwargs)
    assert predict(scripted_llm(), way, City, llm_kwargs=kwargs)[-1] == City(name="Paris")
    assert kwargs == before
    body = scripted.seen[0].json
    assert (body["temperature"], body["model"], body["tool_choice"]) == (0.1, "other", "required")


@pytest.mark.parametrize("way", ["stream_structured_predict", "astream_structured_predict"])
@pytest.mark.parametrize("by_tool", [True, False])
def test_objects_grow(scripted: ScriptedServer, scripted_llm: Any, way: str, by_tool: bool) -> None:
    text = '{"cities": [{"name": "Paris", "people": 2}, {"name": "Oslo", "people": 1}]}'
    parts = [text[i : i + 7] for i in range(0, len(text), 7)]
    if by_tool:
        pieces = [calls(call("", id="x", name="Tour")), *[calls(call(part)) for part in parts]]
    else:
        pieces = [chunk({"content": part}) for part in ["```json\n", *parts, "\n```"]]
    scripted.script(sse_reply(*pieces, END))
    found = predict(scripted_llm(structured_mode="tools" if by_tool else "json_object"), way, Tour)
    assert found[-1] == Tour(cities=[City(name="Paris", people=2), City(name="Oslo", people=1)])
    assert type(found[-1]) is Tour
    assert len(found) > 4
    assert all(earlier != later for earlier, later in itertools.pairwise(found))
    lengths = [len(one.cities or []) for one in found]
    assert lengths == sorted(lengths)
    assert 1 in lengths


@pytest.mark.parametrize("way", FOUR)
@pytest.mark.parametrize(
    ("text", "finish_reason", "match"),
    [
        ('{"name": 5, "people": "many"}', "stop", "not a City"),
        ('{"name": "Par', "length", "max_tokens"),
        ("I would rather not.", "stop", "not a City"),
        ("", "stop", "not a City"),
    ],
)
@pytest.mark.parametrize("by_tool", [True, False])
def test_what_does_not_fit_is_told(
    scripted: ScriptedServer, scripted_llm: Any, way: str, text: str, finish_reason: str, match: str, by_tool: bool
) -> None:
    answer = whole(text, finish_reason)
    stream = sse_reply(chunk({"content": text}), chunk({}, finish_reason))
    if by_tool:
        function = {"id": "x", "type": "function", "function": {"name": "City", "arguments": text}}
        answer = whole("", finish_reason, tool_calls=[function])
        stream = sse_reply(chunk({"tool_calls": [{"index": 0, **function}]}), chunk({}, finish_reason))
    scripted.script(lambda seen: stream if seen.json.get("stream") else json_reply(answer))
    llm = scripted_llm(structured_mode="tools" if by_tool else "json_object")
    with pytest.raises(UnfitAnswer, match=match) as caught:
        predict(llm, way, City)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, MaasError)


@pytest.mark.parametrize("way", FOUR)
@pytest.mark.parametrize(
    ("message", "finish_reason", "match"),
    [
        ({"refusal": "I cannot help with that."}, "stop", "declined to answer: I cannot help with that"),
        ({"content": ""}, "content_filter", "content filter withheld"),
    ],
)
def test_a_declined_answer_is_told_as_one(
    scripted: ScriptedServer, scripted_llm: Any, way: str, message: dict[str, Any], finish_reason: str, match: str
) -> None:
    stream = sse_reply(chunk(message), chunk({}, finish_reason))
    answer = json_reply(whole(None, finish_reason, **message) if "content" not in message else whole("", finish_reason))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    with pytest.raises(UnfitAnswer, match=match):
        predict(scripted_llm(), way, City)


@pytest.mark.parametrize(
    "text",
    [
        'For {text} I give:\n{"name": "Paris"}',
        'Set notation {1, 2} first.\n```json\n{"name": "Paris"}\n```\nDone.',
        '\ufeff{"name": "Paris"}',
    ],
)
def test_braces_in_the_sentence_before_do_no_harm(scripted: ScriptedServer, scripted_llm: Any, text: str) -> None:
    scripted.script(json_reply(whole(text)))
    llm = scripted_llm(structured_mode="json_object")
    assert predict(llm, "structured_predict", City) == [City(name="Paris")]


@pytest.mark.parametrize("way", FOUR)
def test_json_in_the_text_does_where_a_call_was_wanted(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    text = 'Here it is:\n```json\n{"name": "Paris"}\n```'
    scripted.script(
        lambda seen: sse_reply(chunk({"content": text}), END) if seen.json.get("stream") else json_reply(whole(text))
    )
    assert predict(scripted_llm(), way, City)[-1] == City(name="Paris")


@pytest.mark.parametrize("way", FOUR)
def test_mode_function(make_llm: Any, sandbox: Any, cloud: str, way: str) -> None:
    model = "DeepSeek-R1" if cloud == "sophnet" else "deepseek-r1"  # which `auto` would ask in words
    llm = make_llm(cloud, model=model, pydantic_program_mode=PydanticProgramMode.FUNCTION, system_prompt="Cities.")
    with warnings.catch_warnings():  # that the call is not forced is said once in a process
        warnings.simplefilter("ignore", UserWarning)
        found = predict(llm, way, City, text='Use City: name "Paris", people 2')[-1]
    assert found == City(name="Paris", people=2)
    body = sandbox.requests[0].json
    assert "tools" in body
    assert body["messages"][0] == {"role": "system", "content": "Cities."}


@pytest.mark.parametrize("way", FOUR)
def test_mode_llm_is_cores_own(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    text = 'Here: {"name": "Paris", "people": 2}'
    scripted.script(
        lambda seen: (
            sse_reply(chunk({"content": text[6:]}), END) if seen.json.get("stream") else json_reply(whole(text))
        )
    )
    llm = scripted_llm(pydantic_program_mode=PydanticProgramMode.LLM, system_prompt="Cities.")
    prompt = PromptTemplate("Fill it in: {text}")  # of its own: core's program changes it
    assert predict(llm, way, City, prompt)[-1] == City(name="Paris", people=2)
    body = scripted.seen[0].json
    assert "tools" not in body
    assert body["messages"][0] == {"role": "system", "content": "Cities."}


@pytest.mark.parametrize("is_async", [False, True])
def test_cores_own_program_finds_the_calls_in_a_stream(llm: Any, is_async: bool) -> None:
    from llama_index.core.program.function_program import FunctionCallingProgram

    program = FunctionCallingProgram.from_defaults(City, prompt=PROMPT, llm=llm)
    text = 'Use City: name "Paris", people 2'

    async def main() -> list[Any]:
        return [found async for found in await program.astream_call(text=text)]

    found = asyncio.run(main()) if is_async else list(program.stream_call(text=text))
    assert (found[-1].name, found[-1].people) == ("Paris", 2)
    whole_one = asyncio.run(program.acall(text=text)) if is_async else program(text=text)
    assert whole_one == City(name="Paris", people=2)


# StructuredLLM's streams write objects with `.json()` (seen in core 0.14.25).
@pytest.mark.filterwarnings("ignore:The `json` method:pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.parametrize("is_async", [False, True])
def test_as_structured_llm(llm: Any, sandbox: Any, is_async: bool) -> None:
    structured = llm.as_structured_llm(City)
    messages = [ChatMessage(role="system", content="You know cities."), *user('name "Paris", people 2')]
    assert structured.metadata == llm.metadata

    async def main() -> tuple[Any, Any, list[Any]]:
        pieces = [piece async for piece in await structured.astream_chat(messages)]
        return await structured.achat(messages), await structured.acomplete('name "Paris", people 2'), pieces

    if is_async:
        chat, completion, pieces = asyncio.run(main())
    else:
        chat, completion = structured.chat(messages), structured.complete('name "Paris", people 2')
        pieces = list(structured.stream_chat(messages))
    for response in (chat, completion, pieces[-1]):
        assert response.raw == City(name="Paris", people=2)
    assert json.loads(chat.message.content) == {"name": "Paris", "people": 2}
    assert sandbox.requests[0].json["messages"][0]["content"].startswith("You know cities.")


def test_the_conversation_before_is_kept(make_llm: Any, sandbox: Any, cloud: str) -> None:
    llm = make_llm(cloud, structured_mode="json_object")
    prompt = ChatPromptTemplate(
        message_templates=[
            ChatMessage(role="system", content="You know cities."),
            ChatMessage(role="user", content="Hello"),
            ChatMessage(role="assistant", content="Hello!"),
            ChatMessage(role="user", content="{text}"),
        ]
    )
    assert predict(llm, "structured_predict", City, prompt)[-1].name == "Paris"
    messages = sandbox.requests[0].json["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]


def test_schemas_are_closed_but_for_what_the_user_opened() -> None:
    class Odd(BaseModel):
        properties: dict[str, int] = {}
        city: City | None = None
        default: str = "x"

    schema = response_format_of(Odd)["json_schema"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["City"]["additionalProperties"] is False
    assert set(schema["properties"]) == {"properties", "city", "default"}
    assert schema["properties"]["properties"]["additionalProperties"] == {"type": "integer"}
    assert response_format_of(城市)["json_schema"]["name"].isascii()
