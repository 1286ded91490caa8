from __future__ import annotations

import json
from typing import Any

import pytest

from maaskit.sandbox.responder import Ask, Picture, respond
from tests.sandbox.responder.schemas import I, N, S, ask, lst, obj, text, tool

JOKE = obj(setup=text("a question that opens the joke"), punchline=text("the answer that closes it"))


def answer(user: str, **fields: Any) -> Any:
    return json.loads(respond(Ask(user=user, **fields)).text)


@pytest.mark.parametrize(
    "said",
    [
        "Tell me something funny about otters. Return it as JSON with the keys 'setup' and 'punchline'.",
        'Something funny on otters, please. Respond in JSON containing "setup" and "punchline" fields only.',
        "Output a JSON object having the fields setup, punchline: something funny about otters",
        "以 JSON 格式讲一个关于水獭的段子,包含 setup 和 punchline 两个字段。",
        "请输出JSON,键为“setup”和“punchline”,内容是关于水獭的段子",
        'Reply like {"setup": "...", "punchline": "..."} in JSON. Topic: otters',
    ],
)
def test_keys_that_the_prompt_names(said: str) -> None:
    found = answer(said, form="json_object")
    assert set(found) == {"setup", "punchline"}
    assert all(isinstance(value, str) and value for value in found.values())
    assert set(answer(said)) == {"setup", "punchline"}


@pytest.mark.parametrize("place", ["system", "user"])
def test_a_schema_in_the_prompt(place: str) -> None:
    schema = json.dumps(obj(name=S, age=I, city=S))
    said = "Alice is 30 years old and lives in Paris."
    order = f"Answer in JSON that fits this schema:\n```\n{schema}\n```"
    fields = {"system": order, "user": said} if place == "system" else {"user": f"{order}\n{said}"}
    assert json.loads(respond(Ask(form="json_object", **fields)).text) == {"name": "Alice", "age": 30, "city": "Paris"}


def test_the_last_of_several_schemas_counts() -> None:
    example = 'For the schema {"properties": {"foo": {"type": "array"}}} the object {"foo": ["a"]} is right.'
    said = f"{example} Here is the output schema: {json.dumps(obj(rating=I))}\nRate it 7"
    assert answer(said) == {"rating": 7}


@pytest.mark.parametrize(
    ("said", "schema", "expected"),
    [
        (
            "Extract: Alice is 30 years old and lives in Paris.",
            obj(name=S, age=I, city=S),
            {"name": "Alice", "age": 30, "city": "Paris"},
        ),
        (
            "张伟今年30岁,住在杭州",
            obj(name=text("姓名"), age=I, city=text("城市")),
            {"name": "张伟", "age": 30, "city": "杭州"},
        ),
        ("The film was dull, 2 stars.", obj(stars=I), {"stars": 2}),
        (
            "Is this a complaint or praise? It is praise.",
            obj(kind={"enum": ["complaint", "praise"]}),
            {"kind": "complaint"},
        ),
        ("List the colours: red, green and blue", obj(colours=lst(S)), {"colours": ["red", "green", "blue"]}),
    ],
)
def test_json_schema(said: str, schema: dict[str, Any], expected: Any) -> None:
    assert answer(said, form="json_schema", schema=schema) == expected


def test_the_answer_goes_into_the_field_for_it() -> None:
    schema = obj(answer=S, sources=lst(S), confidence={**N, "minimum": 0, "maximum": 1})
    said = "Context:\n[tea.txt] Tea is at four.\n\nQuestion: When is tea?"
    found = answer(said, form="json_schema", schema=schema)
    assert "Tea is at four." in found["answer"]
    assert found["sources"] == ["tea.txt"]
    assert 0 <= found["confidence"] <= 1


def test_results_of_tools_fill_the_form() -> None:
    weather = tool("get_weather", "Get the weather", city=S)
    schema = obj(city=S, temperature=I)
    question = ask("Weather in Oslo?", weather, form="json_schema", schema=schema)
    assert respond(question).tool_calls[0].name == "get_weather"
    done = ask(
        "Weather in Oslo?",
        weather,
        done=[("get_weather", {"city": "Oslo"}, "7 degrees in Oslo")],
        form="json_schema",
        schema=schema,
    )
    assert json.loads(respond(done).text) == {"city": "Oslo", "temperature": 7}


def test_a_picture_fills_the_form() -> None:
    found = answer("Extract the room as JSON", form="json_schema", schema=obj(room=I), pictures=(Picture("Room 4711"),))
    assert found == {"room": 4711}


def test_json_without_any_description() -> None:
    assert set(answer("Greet me in JSON", form="json_object")) == {"answer"}
    assert not respond(Ask(user="What does JSON stand for?")).text.startswith("{")


def test_a_list_at_the_top() -> None:
    assert answer("red, green and blue", form="json_schema", schema=lst(S)) == ["red", "green", "blue"]


def test_the_joke_form() -> None:
    assert set(answer("Tell me something funny about otters", form="json_schema", schema=JOKE)) == {
        "setup",
        "punchline",
    }
