from __future__ import annotations

import json
from typing import Any

import pytest

from maaskit.sandbox.responder import read_ask, respond

HEADER = """You help with a variety of tasks.

## Tools
You have access to the following tools:
> Tool Name: get_weather
Tool Description: get_weather(city: str) -> str
Tell the weather of a city. 查询天气
Tool Args: {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

> Tool Name: add
Tool Description: Add two numbers
Tool Args: {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}

The office is on the third floor.

## Output Format

```
Thought: I need to use a tool.
Action: tool name (one of get_weather, add) if using a tool.
Action Input: the input to the tool, as JSON (e.g. {"input": "hello world"})
```

```
Thought: I can answer.
Answer: [your answer here]
```
"""


def said(*messages: tuple[str, str], **more: Any) -> str:
    told = [{"role": role, "content": text} for role, text in (("system", HEADER), *messages)]
    answer = respond(read_ask({"model": "m", "messages": told, **more}, {}))
    assert not answer.tool_calls
    return answer.text


@pytest.mark.parametrize(
    ("question", "name", "arguments"),
    [
        ("What is the weather in Paris?", "get_weather", {"city": "Paris"}),
        ("请问上海的天气怎么样?", "get_weather", {"city": "上海"}),
        ("Please add 2.5 and 4.", "add", {"a": 2.5, "b": 4}),
    ],
)
def test_a_call_is_said_in_prose(question: str, name: str, arguments: dict[str, Any]) -> None:
    thought, action, wanted = said(("user", question)).split("\n")
    assert thought.startswith("Thought: ")
    assert action == f"Action: {name}"
    assert json.loads(wanted.removeprefix("Action Input: ")) == arguments


@pytest.mark.parametrize("observer", ["user", "tool"])
@pytest.mark.parametrize("written", ['{"city": "Rome"}', "{'city': 'Rome'}"])
def test_the_answer_comes_from_the_observation(observer: str, written: str) -> None:
    """LlamaIndex repeats the arguments as Python prints them, and lets the user observe, or the tool."""
    acted = ("assistant", f"Thought: I look.\nAction: get_weather\nAction Input: {written}")
    answer = said(("user", "How is the weather in Rome?"), acted, (observer, "Observation: 31 degrees and dry"))
    assert answer.startswith("Thought: ")
    assert answer.endswith("\nAnswer: 31 degrees and dry")


def test_one_call_after_the_other() -> None:
    results = {"get_weather": "rain over the city", "add": "12"}
    messages = [("user", "Use get_weather for Rome, and use add for 3 and 9.")]
    called = []
    while "\nAction: " in (text := said(*messages)):
        called.append(text.split("\n")[1].removeprefix("Action: "))
        assert len(called) <= len(results)
        messages += [("assistant", text), ("user", f"Observation: {results[called[-1]]}")]
    assert sorted(called) == ["add", "get_weather"]
    assert sorted(text.partition("Answer: ")[2].split("\n")) == sorted(results.values())


def test_what_stands_beside_the_tools_is_known_and_the_form_is_not_quoted() -> None:
    assert said(("user", "On which floor is the office?")).endswith("\nAnswer: The office is on the third floor.")
    assert "Thought: 我" in said(("user", "你好"))


def test_earlier_turns_and_calls_that_cannot_be_read() -> None:
    history = (
        ("user", "Add 1 and 2."),
        ("assistant", "Thought: I add.\nAction: add\nAction Input: {never closed'}"),
        ("user", "Observation: 3"),
        ("assistant", "Thought: I know.\nAnswer: It is 3."),
        ("user", "What is the weather in Oslo?"),
    )
    ask = read_ask({"messages": [{"role": r, "content": t} for r, t in (("system", HEADER), *history)]}, {})
    assert ask.past[-1] == ("assistant", "It is 3.")
    assert [(call.name, call.arguments, call.result) for call in ask.past_calls] == [("add", {}, "3")]
    assert ask.user == "What is the weather in Oslo?"
    assert ask.calls == ()


def test_stop_and_the_limit_hold_for_prose() -> None:
    question = ("user", "What is the weather in Paris?")
    assert said(question, stop=["Action Input"]).endswith("Action: get_weather\n")
    whole = respond(read_ask({"messages": [{"role": "system", "content": HEADER}, _user(question[1])]}, {}))
    short = respond(
        read_ask({"messages": [{"role": "system", "content": HEADER}, _user(question[1])], "max_tokens": 4}, {})
    )
    assert whole.finish_reason == "stop"
    assert short.finish_reason == "length"
    assert whole.text.startswith(short.text)


def test_a_text_that_only_mentions_such_words_changes_nothing() -> None:
    request = {"messages": [_user("Thought: hm.\nAction: none.\nAction Input: none.\nWhat is 2 + 3?")]}
    assert not read_ask(request, {}).in_prose
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert not read_ask({"messages": [{"role": "system", "content": HEADER}, _user("Hi")], "tools": tools}, {}).in_prose


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
