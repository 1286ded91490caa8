"""Tool calls: how tools go out, and how calls come back whole, streamed, cut up and repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool

from maaskit import InvalidInput
from maaskit.llama_index import QiniuLLM, SophNetLLM
from maaskit.llama_index.structured import UnfitAnswer
from tests.llama_index.ways import END, WAYS, ask, call, calls, chunk, last, user, whole
from tests.scripted import ScriptedServer, json_reply, sse_reply


def weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city."""
    return f"{city}: sunny for {days} days"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


WEATHER = FunctionTool.from_defaults(weather)
ADD = FunctionTool.from_defaults(add)
CHINESE = FunctionTool.from_defaults(weather, name="天气查询", description="查询一个城市的天气")
TOOL_CHUNKS = chunk({}, "tool_calls")


def blocks_of(response: ChatResponse) -> list[ToolCallBlock]:
    return [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]


def with_tools(llm: Any, way: str, tools: list[Any], text: str, **kwargs: Any) -> list[ChatResponse]:
    method = getattr(llm, f"{way}_with_tools")
    if way == "chat":
        return [method(tools, user_msg=text, **kwargs)]
    if way == "stream_chat":
        return list(method(tools, user_msg=text, **kwargs))

    async def main() -> list[ChatResponse]:
        answer = await method(tools, user_msg=text, **kwargs)
        return [answer] if way == "achat" else [piece async for piece in answer]

    return asyncio.run(main())


@pytest.mark.parametrize("way", WAYS)
def test_a_call_in_each_way(llm: Any, way: str) -> None:
    response = with_tools(llm, way, [WEATHER, ADD], "Use add: what is 12 plus 30?")[-1]
    (selection,) = llm.get_tool_calls_from_response(response)
    assert selection.tool_name == "add"
    assert selection.tool_kwargs == {"a": 12, "b": 30}
    assert selection.tool_id
    (block,) = blocks_of(response)
    assert (block.tool_call_id, block.tool_kwargs) == (selection.tool_id, {"a": 12, "b": 30})
    (legacy,) = response.message.additional_kwargs["tool_calls"]
    assert legacy["id"] == selection.tool_id
    assert legacy["function"]["name"] == "add"
    assert response.raw["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_with_a_chinese_name(llm: Any, way: str, sandbox: Any) -> None:
    response = with_tools(llm, way, [CHINESE], "北京天气怎么样?", tool_required=True)[-1]
    (selection,) = llm.get_tool_calls_from_response(response)
    assert selection.tool_name == "天气查询"
    assert response.message.additional_kwargs["tool_calls"][0]["function"]["name"] == "天气查询"
    (tool,) = sandbox.requests[-1].json["tools"]
    assert tool["function"]["name"].isascii()
    assert "天气查询" in tool["function"]["description"]
    # And the answer goes back under the wire's name, beside its result.
    history = [
        *user("北京天气怎么样?"),
        response.message,
        ChatMessage(role="tool", content="晴", additional_kwargs={"tool_call_id": selection.tool_id}),
    ]
    answer = last(llm, "chat", history, tools=sandbox.requests[-1].json["tools"])
    assert sandbox.requests[-1].json["messages"][1]["tool_calls"][0]["function"]["name"] == tool["function"]["name"]
    assert "晴" in answer.message.content


def test_tools_of_one_name_are_refused_before_anything_is_sent(scripted: ScriptedServer, scripted_llm: Any) -> None:
    other = FunctionTool.from_defaults(add, name="weather")
    with pytest.raises(InvalidInput, match=r"several of the name weather.*include="):
        scripted_llm().chat_with_tools([WEATHER, ADD, other], user_msg="?")
    assert not scripted.seen


def test_a_tool_that_is_given_twice_is_sent_once(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm().chat_with_tools([WEATHER, ADD, WEATHER], "天气")
    (seen,) = scripted.seen
    assert [tool["function"]["name"] for tool in seen.json["tools"]] == ["weather", "add"]


@pytest.mark.parametrize("choice", ["天气查询", {"type": "function", "function": {"name": "天气查询"}}])
def test_a_chosen_tool_has_its_wire_name(scripted: ScriptedServer, scripted_llm: Any, choice: Any) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm().chat_with_tools([CHINESE, ADD], user_msg="x", tool_choice=choice)
    body = scripted.seen[0].json
    assert body["tool_choice"] == {"type": "function", "function": {"name": body["tools"][0]["function"]["name"]}}
    assert body["tools"][1]["function"]["name"] == "add"


@pytest.mark.parametrize(
    ("kwargs", "written"),
    [
        ({}, "auto"),
        ({"tool_required": True}, "required"),
        ({"tool_required": True, "tool_choice": None}, "required"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_required": True, "tool_choice": "none"}, "none"),
    ],
)
def test_tool_choice(scripted: ScriptedServer, scripted_llm: Any, kwargs: dict[str, Any], written: str) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm().chat_with_tools([ADD], user_msg="x", **kwargs)
    assert scripted.seen[0].json["tool_choice"] == written


def test_without_tools_nothing_speaks_of_them(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm().chat_with_tools([], user_msg="x", tool_required=True, tool_choice="required")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & scripted.seen[0].json.keys()


def test_a_long_description_is_sent(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    tool = FunctionTool.from_defaults(add, description="x" * 2000)
    scripted_llm().chat_with_tools([tool], user_msg="x")
    assert len(scripted.seen[0].json["tools"][0]["function"]["description"]) == 2000


def test_a_thinking_model_is_asked_not_forced(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply(whole()))
    with pytest.warns(UserWarning, match="thinks"):
        scripted_llm(model="deepseek-r1-of-this-test").chat_with_tools([ADD], user_msg="x", tool_required=True)
    assert scripted.seen[0].json["tool_choice"] == "auto"


def test_the_callers_history_stays_as_it_is(make_llm: Any, cloud: str) -> None:
    llm = make_llm(cloud)
    history = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Use add: 1 plus 2?")]
    before = [message.model_dump() for message in history]
    for way in WAYS:
        with_tools(llm, way, [ADD], "Now use add: 3 plus 4?", chat_history=history)
        assert [message.model_dump() for message in history] == before
    response = llm.chat(history)
    memory = [*history, response.message]
    before = [message.model_dump() for message in memory]
    llm.chat(memory)
    assert [message.model_dump() for message in memory] == before


# Each way in which upstreams cut up two calls: add(a=1, b=2) and weather(city="北京").
FIRST, SECOND = '{"a": 1, "b": 2}', '{"city": "北京"}'
DELTAS: dict[str, list[dict[str, Any]]] = {
    "one after the other": [
        calls(call("", index=0, id="x", name="add")),
        calls(call('{"a": 1,')),
        calls(call(' "b": 2}')),
        calls(call("", index=1, id="y", name="weather")),
        calls(call(SECOND, index=1)),
    ],
    "two in one chunk": [
        calls(call("", index=0, id="x", name="add"), call("", index=1, id="y", name="weather")),
        calls(call(FIRST, index=0), call(SECOND, index=1)),
    ],
    "interleaved": [
        calls(call("", index=0, id="x", name="add")),
        calls(call("", index=1, id="y", name="weather")),
        calls(call('{"a": 1,', index=0)),
        calls(call('{"city":', index=1)),
        calls(call(' "b": 2}', index=0)),
        calls(call(' "北京"}', index=1)),
    ],
    "id and name repeated": [
        calls(call('{"a": 1,', index=0, id="x", name="add")),
        calls(call(' "b": 2}', index=0, id="x", name="add")),
        calls(call('{"city":', index=1, id="y", name="weather")),
        calls(call(' "北京"}', index=1, id="y", name="weather")),
    ],
    "empty id and name later": [
        calls(call('{"a": 1,', index=0, id="x", name="add")),
        calls(call(' "b": 2}', index=0, id="", name="")),
        calls(call('{"city":', index=1, id="y", name="weather")),
        calls(call(' "北京"}', index=1, id="", name="")),
    ],
    "without index": [
        calls(call('{"a": 1,', index=None, id="x", name="add")),
        calls(call(' "b": 2}', index=None)),
        calls(call('{"city":', index=None, id="y", name="weather")),
        calls(call(' "北京"}', index=None)),
    ],
    "one index for all": [
        calls(call('{"a": 1,', index=0, id="x", name="add")),
        calls(call(' "b": 2}', index=0)),
        calls(call('{"city":', index=0, id="y", name="weather")),
        calls(call(' "北京"}', index=0)),
    ],
    "whole calls": [calls(call(FIRST, index=0, id="x", name="add"), call(SECOND, index=1, id="y", name="weather"))],
}


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
@pytest.mark.parametrize("name", list(DELTAS))
def test_parallel_calls_however_they_are_cut(scripted: ScriptedServer, scripted_llm: Any, name: str, way: str) -> None:
    scripted.script(sse_reply(*DELTAS[name], TOOL_CHUNKS))
    llm = scripted_llm()
    pieces = ask(llm, way, user("x"))
    for piece in pieces:
        for selection in llm.get_tool_calls_from_response(piece, error_on_no_tool_call=False):
            assert isinstance(selection.tool_kwargs, dict)
        assert isinstance(piece.message.additional_kwargs["tool_calls"], list)
    found = llm.get_tool_calls_from_response(pieces[-1])
    assert [(one.tool_id, one.tool_name, one.tool_kwargs) for one in found] == [
        ("x", "add", {"a": 1, "b": 2}),
        ("y", "weather", {"city": "北京"}),
    ]
    assert [block.tool_kwargs for block in blocks_of(pieces[-1])] == [{"a": 1, "b": 2}, {"city": "北京"}]
    assert pieces[-1].delta == ""
    if len(pieces) > 3:
        growing = [block.tool_kwargs for piece in pieces[:-1] for block in blocks_of(piece)[:1]]
        assert all(isinstance(arguments, str) for arguments in growing)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "variant",
    [
        "standard",
        "empty_names",
        "repeated_names",
        "no_index",
        "shared_index",
        "id_on_every_chunk",
        "several_per_chunk",
        "dict_arguments",
        "whole",
    ],
)
def test_each_form_that_the_sandbox_writes(make_llm: Any, sandbox: Any, variant: str, way: str) -> None:
    sandbox.variants.tool_deltas = variant
    llm = make_llm("qiniu")
    text = 'Use add with 1 and 2, and use weather for "Paris".'
    response = with_tools(llm, way, [ADD, WEATHER], text, allow_parallel_tool_calls=True)[-1]
    found = {one.tool_name: one.tool_kwargs for one in llm.get_tool_calls_from_response(response)}
    assert found["add"] == {"a": 1, "b": 2}
    assert found["weather"]["city"] == "Paris"
    assert len({one.tool_id for one in llm.get_tool_calls_from_response(response)}) == 2


@pytest.mark.parametrize("way", WAYS)
def test_one_call_where_one_is_allowed(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    both = [
        {"id": "x", "type": "function", "function": {"name": "add", "arguments": FIRST}},
        {"id": "y", "type": "function", "function": {"name": "weather", "arguments": SECOND}},
    ]
    stream = sse_reply(*DELTAS["interleaved"], TOOL_CHUNKS)
    answer = json_reply(whole("", "tool_calls", tool_calls=both))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    llm = scripted_llm()
    for allowed in (True, False):
        response = with_tools(llm, way, [ADD, WEATHER], "x", allow_parallel_tool_calls=allowed)[-1]
        assert len(llm.get_tool_calls_from_response(response)) == (2 if allowed else 1)
        assert len(response.message.additional_kwargs["tool_calls"]) == (2 if allowed else 1)
        assert "allow_parallel_tool_calls" not in scripted.seen[-1].json


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", [None, "", "{}", "null", " "])
def test_calls_without_arguments(scripted: ScriptedServer, scripted_llm: Any, way: str, arguments: str | None) -> None:
    function = {"name": "add", "arguments": arguments}
    stream = sse_reply(calls({"index": 0, "id": "x", "function": function}), TOOL_CHUNKS)
    answer = json_reply(whole(None, "tool_calls", tool_calls=[{"id": "x", "type": "function", "function": function}]))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    llm = scripted_llm()
    (found,) = llm.get_tool_calls_from_response(last(llm, way, user("x")))
    assert (found.tool_id, found.tool_name, found.tool_kwargs) == ("x", "add", {})


@pytest.mark.parametrize(
    "arguments", ['{"a": 1', '{"a": 1,', '{"a"', "{", '{"a": "x', "}{", "[1]", "5", '"x"', '{"a": tru']
)
def test_partial_json_never_raises(scripted_llm: Any, arguments: str) -> None:
    llm = scripted_llm()
    block = ToolCallBlock(tool_call_id=None, tool_name="add", tool_kwargs=arguments)
    response = ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))
    (found,) = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    assert found.tool_id == ""
    assert isinstance(found.tool_kwargs, dict)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", ['{"path": "/srv/li', "", "{"])
@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_call_that_was_cut_is_not_carried_out(
    scripted: ScriptedServer, scripted_llm: Any, way: str, arguments: str, reason: str
) -> None:
    both = [
        {"index": 0, "id": "x", "type": "function", "function": {"name": "add", "arguments": FIRST}},
        {"index": 1, "id": "y", "type": "function", "function": {"name": "remove", "arguments": arguments}},
    ]
    stream = sse_reply(*[calls(piece) for piece in both], chunk({}, reason))
    answer = json_reply(whole("", reason, tool_calls=both))
    scripted.script(lambda seen: stream if seen.json.get("stream") else answer)
    llm = scripted_llm()
    response = last(llm, way, user("x"))
    with pytest.raises(UnfitAnswer, match=r"remove.*max_tokens"):
        llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)


def test_a_whole_call_before_the_cut_is_carried_out(scripted: ScriptedServer, scripted_llm: Any) -> None:
    call_of = {"id": "x", "type": "function", "function": {"name": "add", "arguments": FIRST}}
    scripted.script(json_reply(whole("", "length", tool_calls=[call_of])))
    llm = scripted_llm()
    (found,) = llm.get_tool_calls_from_response(llm.chat(user("x")))
    assert found.tool_kwargs == {"a": 1, "b": 2}


def test_odd_calls_in_the_older_form_never_raise(scripted_llm: Any) -> None:
    function = {"name": "add", "arguments": "{}"}
    odd = [{"id": 5, "function": function}, {"id": None, "function": {"name": ["x"]}}, {"function": None}]
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": odd})
    found = scripted_llm().get_tool_calls_from_response(ChatResponse(message=message), error_on_no_tool_call=False)
    assert [(one.tool_id, one.tool_name) for one in found] == [("5", "add")]


def test_calls_in_the_older_form_are_read(scripted_llm: Any) -> None:
    calls_of = scripted_llm().get_tool_calls_from_response
    function = {"name": "add", "arguments": '{"a": 1}'}
    message = ChatMessage(
        role="assistant", additional_kwargs={"tool_calls": [{"id": "x", "function": function}, "odd"]}
    )
    (found,) = calls_of(ChatResponse(message=message))
    assert (found.tool_id, found.tool_name, found.tool_kwargs) == ("x", "add", {"a": 1})


def test_no_call_is_an_error_only_where_one_is_wanted(scripted_llm: Any) -> None:
    llm = scripted_llm()
    response = ChatResponse(message=ChatMessage(role="assistant", content="no"))
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(UnfitAnswer) as caught:
        llm.get_tool_calls_from_response(response)
    assert isinstance(caught.value, ValueError)


def test_ids_are_made_where_there_are_none(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(
        sse_reply(calls(call(FIRST, index=0, name="add")), calls(call(SECOND, index=1, name="weather")), END)
    )
    llm = scripted_llm()
    found = llm.get_tool_calls_from_response(last(llm, "stream_chat", user("x")))
    assert len({one.tool_id for one in found} - {""}) == 2


@pytest.mark.parametrize("is_async", [False, True])
def test_predict_and_call(llm: Any, is_async: bool) -> None:
    def predict(text: str, **kwargs: Any) -> Any:
        if is_async:
            return asyncio.run(llm.apredict_and_call([ADD, WEATHER], user_msg=text, **kwargs))
        return llm.predict_and_call([ADD, WEATHER], user_msg=text, **kwargs)

    assert predict("Use add: 12 plus 30?").response == "42"
    both = predict('Use add with 1 and 2, and use weather for "Paris".', allow_parallel_tool_calls=True)
    assert sorted(source.tool_name for source in both.sources) == ["add", "weather"]
    assert len(predict('Use add with 1 and 2, and use weather for "Paris".').sources) == 1
    assert "plain" in predict("Repeat after me exactly: plain", error_on_no_tool_call=False).response
    with pytest.raises(ValueError, match="no tool"):
        predict("Repeat after me exactly: plain")


def test_predict_and_call_reports_a_tools_error(llm: Any) -> None:
    def fail(reason: str) -> str:
        """Fail for a reason."""
        raise RuntimeError(reason)

    tool = FunctionTool.from_defaults(fail)
    response = llm.predict_and_call([tool], user_msg='Use fail with "bad luck".')
    assert response.sources[0].is_error
    with pytest.raises(ValueError, match="bad luck"):
        llm.predict_and_call([tool], user_msg='Use fail with "bad luck".', error_on_tool_error=True)


@pytest.mark.parametrize("is_async", [False, True])
def test_predict_and_call_tells_of_a_tool_that_there_is_not(
    scripted: ScriptedServer, scripted_llm: Any, is_async: bool
) -> None:
    message = whole(None, "tool_calls", tool_calls=[call("{}", index=None, id="c", type="function", name="storm")])
    scripted.script(json_reply(message))
    llm = scripted_llm()
    with pytest.raises(UnfitAnswer, match="called 'storm', which is none of the tools that it was given: weather, add"):
        if is_async:
            asyncio.run(llm.apredict_and_call([WEATHER, ADD], user_msg="?"))
        else:
            llm.predict_and_call(tools=[WEATHER, ADD], user_msg="?")


# Core's workflows look at every attribute of an agent, the deprecated ones of pydantic included.
@pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211")
@pytest.mark.parametrize("kind", [QiniuLLM, SophNetLLM])
def test_a_model_without_functions_reasons_and_acts(scripted: ScriptedServer, scripted_llm: Any, kind: type) -> None:
    llm = scripted_llm(kind, is_function_calling_model=False, stream_usage=False)
    assert llm.metadata.is_function_calling_model is False
    action = 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}'
    scripted.script(sse_reply(chunk({"content": action}), END))
    assert llm.predict_and_call([ADD], user_msg="1 plus 2?").response == "3"
    assert asyncio.run(llm.apredict_and_call([ADD], user_msg="1 plus 2?")).response == "3"
    assert not any("tools" in seen.json for seen in scripted.seen)
