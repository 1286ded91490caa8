from __future__ import annotations

from typing import Any

import pytest

from maaskit.sandbox.responder import Ask, Tool
from maaskit.sandbox.responder.ask import PastCall
from maaskit.sandbox.responder.choosing import choose
from maaskit.sandbox.responder.defaults import Background
from tests.sandbox.responder.schemas import I, N, S, ask, obj, text, tool

WEATHER = tool("get_weather", "Get the current weather in a city", location=S)
CALCULATOR = tool("calculator", "Evaluate an arithmetic expression", expression=S)
HANDBOOK = tool("search_handbook", "Search the company's documents for passages", query=S)
TRIPLE = tool("triple_it", "Triples a number.", input=I)
PING = tool("ping_server", "Check that the server answers.")
PING_ALL = tool("ping_server_everywhere", "Check all servers.")
ADD = tool("add", "Add two numbers", a=N, b=N)
MULTIPLY = tool("multiply", "Multiply two numbers", a=N, b=N)
REPORT = tool(
    "WeatherReport", "A weather report", city=S, temperature=N, sky={"type": "string", "enum": ["sunny", "rainy"]}
)
GREET = tool("greeting_maker", "Make a greeting in a given style.", style=S)

Calls = list[tuple[str, dict[str, Any]]]


def chosen(question: Ask, *, answered: bool = False) -> Calls:
    return [(p.tool.name, dict(p.arguments)) for p in choose(question, answered=answered, background=Background("R"))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What does triple_it(3) return? Call it.", [("triple_it", {"input": 3})]),
        ("Please use the triple it tool on seven.", [("triple_it", {"input": 7})]),
        ("用 triple_it 工具处理数字 3", [("triple_it", {"input": 3})]),
        ("What would triple_it give for an input of 12?", [("triple_it", {"input": 12})]),
        ("Call triple_it(input=4)", [("triple_it", {"input": 4})]),
        ("Call triple_it(3) and triple_it(4)", [("triple_it", {"input": 3}), ("triple_it", {"input": 4})]),
        ("Is the server up? Use ping_server()", [("ping_server", {})]),
        ("run ping_server_everywhere please", [("ping_server_everywhere", {})]),
        ("请调用 ping_server", [("ping_server", {})]),
        (
            "Use get_weather for Oslo and calculator for 3*4",
            [("get_weather", {"location": "Oslo"}), ("calculator", {"expression": "3*4"})],
        ),
        (
            "Compute 3*4 with the calculator, and check Oslo with get_weather",
            [("calculator", {"expression": "3*4"}), ("get_weather", {"location": "Oslo"})],
        ),
        (
            "请调用 get_weather 查询杭州,再用 calculator 计算 3+5",
            [("get_weather", {"location": "杭州"}), ("calculator", {"expression": "3+5"})],
        ),
        (
            "Use get_weather for Oslo, then get_weather for Rome",
            [("get_weather", {"location": "Oslo"}), ("get_weather", {"location": "Rome"})],
        ),
    ],
)
def test_named_tools_are_called(said: str, expected: Calls) -> None:
    assert chosen(ask(said, WEATHER, CALCULATOR, TRIPLE, PING, PING_ALL)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What's the weather in Oslo?", [("get_weather", {"location": "Oslo"})]),
        ("Will it rain in Bergen tomorrow?", [("get_weather", {"location": "Bergen"})]),
        ("Do I need an umbrella in Porto?", [("get_weather", {"location": "Porto"})]),
        ("How cold is it in Tromsø?", [("get_weather", {"location": "Tromsø"})]),
        ("北京今天天气如何?", [("get_weather", {"location": "北京"})]),
        ("杭州明天会下雨吗?", [("get_weather", {"location": "杭州"})]),
        (
            "Weather in Paris and London?",
            [("get_weather", {"location": "Paris"}), ("get_weather", {"location": "London"})],
        ),
        ("北京和上海的天气怎么样?", [("get_weather", {"location": "北京"}), ("get_weather", {"location": "上海"})]),
        ("What is 12*7?", [("calculator", {"expression": "12*7"})]),
        ("请算一下十二乘以七", [("calculator", {"expression": "12 * 7"})]),
        ("When does the canteen open?", [("search_handbook", {"query": "When does the canteen open"})]),
        ("食堂几点开门?", [("search_handbook", {"query": "食堂几点开门"})]),
        (
            "What do our documents say on parking?",
            [("search_handbook", {"query": "What do our documents say on parking"})],
        ),
        ("With the tool, make a Viking greeting.", [("greeting_maker", {"style": "Viking"})]),
    ],
)
def test_the_tool_that_shares_the_users_words(said: str, expected: Calls) -> None:
    assert chosen(ask(said, WEATHER, CALCULATOR, HANDBOOK, GREET)) == expected


def test_the_tool_is_the_only_one() -> None:
    assert chosen(ask("please run the tool on 9", TRIPLE)) == [("triple_it", {"input": 9})]
    assert chosen(ask("用工具处理一下 9", TRIPLE)) == [("triple_it", {"input": 9})]


@pytest.mark.parametrize(
    "said",
    [
        "Hello!",
        "thanks a lot",
        "Who are you?",
        "你好",
        "Don't use any tools: what's the weather?",
        "不要调用工具,天气怎么样?",
        "My name is Ann.",
    ],
)
def test_no_tool_is_called_for(said: str) -> None:
    assert chosen(ask(said, WEATHER, CALCULATOR, HANDBOOK)) == []


def test_a_denied_tool_is_left_alone() -> None:
    assert chosen(ask("Do not call get_weather. Calculate 3*5.", WEATHER, CALCULATOR)) == [
        ("calculator", {"expression": "3*5"})
    ]


def test_nothing_is_looked_up_that_the_prompt_answers() -> None:
    question = ask("When does the canteen open?", HANDBOOK)
    assert chosen(question)
    assert chosen(question, answered=True) == []


@pytest.mark.parametrize("said", ["Hello!", "你好", "What's the weather in Oslo?"])
def test_tool_choice(said: str) -> None:
    assert chosen(ask(said, WEATHER, CALCULATOR, mode="none")) == []
    assert len(chosen(ask(said, WEATHER, CALCULATOR, mode="required"))) == 1
    forced = chosen(ask(said, WEATHER, CALCULATOR, mode="function", name="calculator"))
    assert [name for name, _ in forced] == ["calculator"]


def test_one_call_at_a_time_when_that_is_asked() -> None:
    said = "Use get_weather for Oslo and calculator for 3*4"
    first = chosen(ask(said, WEATHER, CALCULATOR, parallel=False))
    assert first == [("get_weather", {"location": "Oslo"})]
    done = [("get_weather", {"location": "Oslo"}, "cold")]
    assert chosen(ask(said, WEATHER, CALCULATOR, parallel=False, done=done)) == [("calculator", {"expression": "3*4"})]


def test_what_was_meant_at_once_is_called_in_turns_where_they_hold_one_call() -> None:
    said = "How is the weather in Rome and in Oslo?"
    both = chosen(ask(said, WEATHER))
    assert sorted(arguments["location"] for _, arguments in both) == ["Oslo", "Rome"]
    first = chosen(ask(said, WEATHER, parallel=False))
    done = [(name, arguments, "10 degrees") for name, arguments in first]
    second = chosen(ask(said, WEATHER, parallel=False, done=done))
    assert first + second == both
    done += [(name, arguments, "20 degrees") for name, arguments in second]
    assert chosen(ask(said, WEATHER, parallel=False, done=done)) == []


def test_a_loop_ends_once_all_named_tools_answered() -> None:
    said = "Use get_weather for Oslo and calculator for 3*4"
    done = [("get_weather", {"location": "Oslo"}, "cold"), ("calculator", {"expression": "3*4"}, "12")]
    assert chosen(ask(said, WEATHER, CALCULATOR, done=done)) == []
    assert chosen(ask("Weather in Oslo?", WEATHER, done=done[:1])) == []


@pytest.mark.parametrize(
    "said",
    [
        "What's the weather in Oslo?",
        "Use get_weather then calculator then get_weather",
        "Call triple_it(3)",
        "3*4?",
        "Multiply 3 by 4, then add 5",
    ],
)
def test_every_loop_ends(said: str) -> None:
    done: list[tuple[str, dict[str, Any], str]] = []
    for _ in range(12):
        calls = chosen(ask(said, WEATHER, CALCULATOR, TRIPLE, ADD, MULTIPLY, done=done))
        if not calls:
            break
        done += [(name, arguments, "7") for name, arguments in calls]
    assert len(done) <= 3


def test_a_later_step_takes_its_numbers_from_results() -> None:
    said = "First search_handbook for the ticket price, then use the calculator to multiply it by 12."
    assert chosen(ask(said, HANDBOOK, CALCULATOR)) == [("search_handbook", {"query": "the ticket price"})]
    done = [
        ("search_handbook", {"query": "the ticket price"}, "[a.pdf] The ticket price is 35 yuan. The pool has 5 lanes.")
    ]
    assert chosen(ask(said, HANDBOOK, CALCULATOR, done=done)) == [("calculator", {"expression": "35 * 12"})]
    steps = "Multiply 3 by 4, then add 5"
    assert chosen(ask(steps, ADD, MULTIPLY)) == [("multiply", {"a": 3, "b": 4})]
    assert chosen(ask(steps, ADD, MULTIPLY, done=[("multiply", {"a": 3, "b": 4}, "12")])) == [
        ("add", {"a": 12, "b": 5})
    ]


def test_a_total_is_worked_out_after_the_look_up() -> None:
    said = "How much do 12 tickets cost in total?"
    assert chosen(ask(said, HANDBOOK, CALCULATOR))[0][0] == "search_handbook"
    done = [("search_handbook", {"query": said}, "A ticket costs 35 yuan.")]
    assert chosen(ask(said, HANDBOOK, CALCULATOR, done=done)) == [("calculator", {"expression": "35 * 12"})]
    assert chosen(ask("How much did the 2025 trip cost in total?", HANDBOOK, CALCULATOR, done=done)) == []


def test_an_error_is_tried_again_once() -> None:
    failed = ("add", {"a": 1}, "Error: b is missing")
    assert chosen(ask("What is 1 + 2", ADD, done=[failed])) == [("add", {"a": 1, "b": 2})]
    again = ("add", {"a": 1, "b": 2}, "Error: out of order")
    assert chosen(ask("What is 1 + 2", ADD, done=[failed, again])) == []
    assert chosen(ask("What is 1 + 2", ADD, done=[again])) == []


def test_forms_are_filled_after_the_actions() -> None:
    said = "What's the weather in Oslo?"
    assert chosen(ask(said, REPORT, WEATHER, mode="required")) == [("get_weather", {"location": "Oslo"})]
    done = [("get_weather", {"location": "Oslo"}, "It is 7 degrees and rainy in Oslo")]
    assert chosen(ask(said, REPORT, WEATHER, mode="required", done=done)) == [
        ("WeatherReport", {"city": "Oslo", "temperature": 7, "sky": "rainy"})
    ]
    assert [name for name, _ in chosen(ask("Tell me a story", REPORT, mode="required"))] == ["WeatherReport"]


def test_a_form_is_filled_without_being_forced() -> None:
    said = "What's the weather in Oslo?"
    done = [("get_weather", {"location": "Oslo"}, "It is 7 degrees and rainy in Oslo")]
    assert [name for name, _ in chosen(ask(said, REPORT, WEATHER))] == ["get_weather"]
    assert [name for name, _ in chosen(ask(said, REPORT, WEATHER, done=done))] == ["WeatherReport"]
    filled = ("WeatherReport", {"city": "Oslo"}, "thank you")
    assert chosen(ask(said, REPORT, WEATHER, done=[*done, filled])) == []
    assert [name for name, _ in chosen(ask("Oslo: 7 degrees, rain", REPORT))] == ["WeatherReport"]
    assert chosen(ask("Hello!", REPORT, WEATHER)) == []


def test_classes_named_by_a_verb_are_actions() -> None:
    weather, people = (
        tool("GetWeather", "The weather of a place", location=S),
        tool("GetPopulation", "People", location=S),
    )
    assert chosen(ask("How warm is it in Oslo?", weather, people)) == [("GetWeather", {"location": "Oslo"})]
    assert chosen(ask("Hello", weather, people)) == []


def test_a_follow_up_uses_the_same_tool() -> None:
    past = (("user", "What's the weather in Oslo?"), ("assistant", "Cold."))
    before = (PastCall("get_weather", {"location": "Oslo"}, "cold"),)
    for said, place in (("And in Rome?", "Rome"), ("What about Lisbon?", "Lisbon"), ("那上海呢?", "上海")):
        calls = chosen(ask(said, WEATHER, CALCULATOR, past=past, past_calls=before))
        assert calls == [("get_weather", {"location": place})]


def test_a_tool_described_in_the_other_language() -> None:
    english = tool("weather_now", "Returns current temperature and conditions", city=S)
    chinese = tool("weather_tool", "查询城市的天气", city=text("城市"))
    order = Tool("order_status", "Track an order", obj(order_id=S))
    assert chosen(ask("苏州今天的天气怎么样?", english, order)) == [("weather_now", {"city": "苏州"})]
    assert chosen(ask("What's the weather in Oslo?", chinese, order)) == [("weather_tool", {"city": "Oslo"})]
    assert chosen(ask("我的订单 A-77 到哪里了?", english, order)) == [("order_status", {"order_id": "A-77"})]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "What's the weather in Oslo and how much is 2+2?",
            {"get_weather": {"location": "Oslo"}, "calculator": {"expression": "2+2"}},
        ),
        (
            "北京天气怎么样?另外请计算3乘以5",
            {"get_weather": {"location": "北京"}, "calculator": {"expression": "3 * 5"}},
        ),
    ],
)
def test_each_clause_has_its_tool(said: str, expected: dict[str, Any]) -> None:
    assert dict(chosen(ask(said, WEATHER, CALCULATOR, HANDBOOK))) == expected


def test_no_second_calculation_follows_a_first() -> None:
    divide = tool("divide", "Divide a by b", a=N, b=N)
    manual = tool("search_manual", "Search the product manual", query=S)
    done = [("divide", {"a": 100, "b": 8}, "12.5")]
    assert chosen(ask("divide 100 by 8", ADD, divide, manual, done=done)) == []
    priced = [("search_manual", {"query": "battery"}, "A battery costs 19 euros.")]
    said = "What do 3 batteries cost?"
    assert chosen(ask(said, ADD, divide, manual, done=priced)) == []
    assert chosen(ask(said, MULTIPLY, divide, manual, done=priced)) == [("multiply", {"a": 19, "b": 3})]


def test_a_form_is_not_named_by_the_word() -> None:
    form = tool("Weather", "The weather", city=S)
    said = "What's the weather in Oslo?"
    assert chosen(ask(said, form, WEATHER, mode="required")) == [("get_weather", {"location": "Oslo"})]
    assert chosen(ask("Fill in Weather for Oslo", form, WEATHER)) == [("Weather", {"city": "Oslo"})]
