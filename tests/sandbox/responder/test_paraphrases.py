"""Everyday requests in two languages, said in several ways: the same tool and the same arguments come of them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from maaskit.sandbox.responder.choosing import choose
from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.telling import tell
from tests.sandbox.responder.schemas import B, I, N, S, ask, text, tool

WEATHER = tool("get_weather", "Get the current weather in a city", city=text("City name"))
EXCHANGE = tool(
    "convert_currency",
    "Convert an amount of money from one currency to another",
    amount=N,
    source=text("currency code to convert from"),
    target=text("currency code to convert to"),
)
RATE = tool("exchange_rate", "Get an exchange rate", base_currency=S, quote_currency=S)
MAIL = tool("send_email", "Send an email message", to=text("recipient's address"), subject=S, body=S)
TIMER = tool("set_timer", "Start a countdown timer", minutes=I, label=S)
ADD = tool("add", "Add two numbers", a=N, b=N)
MULTIPLY = tool("multiply", "Multiply two numbers", a=N, b=N)
TOOLS = (WEATHER, EXCHANGE, MAIL, TIMER, ADD, MULTIPLY)


def chosen(said: str, *tools: Any) -> list[tuple[str, dict[str, Any]]]:
    plans = choose(ask(said, *(tools or TOOLS)), answered=False, background=Background("R"))
    return [(plan.tool.name, dict(plan.arguments)) for plan in plans]


@pytest.mark.parametrize(
    ("said", "amount", "source", "target"),
    [
        ("Convert 120.5 USD to EUR", 120.5, "USD", "EUR"),
        ("How much is 50 pounds in dollars?", 50, "GBP", "USD"),
        ("I have 2000 yen. What is that in euros?", 2000, "JPY", "EUR"),
        ("Change 75 Swiss francs into yuan, please.", 75, "CHF", "CNY"),
        ("把 300 人民币换成日元", 300, "CNY", "JPY"),
        ("100美元能兑换多少欧元?", 100, "USD", "EUR"),
        ("请把 80 英镑兑换成港币", 80, "GBP", "HKD"),
    ],
)
def test_money_is_changed(said: str, amount: float, source: str, target: str) -> None:
    assert chosen(said) == [("convert_currency", {"amount": amount, "source": source, "target": target})]


def test_the_currency_asked_for_stands_behind_its_word_wherever_that_is() -> None:
    said = "What would I get in EUR for a hundred USD?"
    assert chosen(said, EXCHANGE) == [("convert_currency", {"amount": 100, "source": "USD", "target": "EUR"})]
    assert chosen("Exchange rate of GBP to INR", RATE) == [
        ("exchange_rate", {"base_currency": "GBP", "quote_currency": "INR"})
    ]


@pytest.mark.parametrize(
    ("said", "to", "subject", "body"),
    [
        ('Email ann@host.example, subject "Tea" and body "At four."', "ann@host.example", "Tea", "At four."),
        ('Send "At four." to ann@host.example with the subject "Tea"', "ann@host.example", "Tea", "At four."),
        ('Write to ann@host.example: body "At four.", subject: "Tea"', "ann@host.example", "Tea", "At four."),
        ('给 li@host.example 发邮件,主题是"喝茶",内容是"四点见"', "li@host.example", "喝茶", "四点见"),
        ("发一封邮件到 li@host.example,正文:「四点见」,主题:「喝茶」", "li@host.example", "喝茶", "四点见"),
    ],
)
def test_a_mail_is_sent(said: str, to: str, subject: str, body: str) -> None:
    assert chosen(said) == [("send_email", {"to": to, "subject": subject, "body": body})]


@pytest.mark.parametrize(
    ("said", "minutes", "label"),
    [
        ("Set a timer for 25 minutes called pasta", 25, "pasta"),
        ("Start a 3 minute timer named green tea, please", 3, "green tea"),
        ("I need a countdown of 12 minutes labelled laundry", 12, "laundry"),
        ('定一个10分钟的计时器,名叫"泡面"', 10, "泡面"),
        ("请设一个 8 分钟的倒计时,名称是煮蛋", 8, "煮蛋"),
    ],
)
def test_a_timer_is_set(said: str, minutes: int, label: str) -> None:
    assert chosen(said) == [("set_timer", {"minutes": minutes, "label": label})]


@pytest.mark.parametrize(
    "said", ["What is 17 times 23?", "17 times 23 makes?", "17 乘以 23 等于多少?", "Multiply 17 by 23", "把17和23相乘"]
)
def test_a_product_is_no_countdown(said: str) -> None:
    assert chosen(said) == [("multiply", {"a": 17, "b": 23})]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Check the weather in Tokyo, then set a timer for 5 minutes labelled tea",
            [("get_weather", {"city": "Tokyo"}), ("set_timer", {"minutes": 5, "label": "tea"})],
        ),
        ("先把3和4相加,再把5和6相乘", [("add", {"a": 3, "b": 4}), ("multiply", {"a": 5, "b": 6})]),
        (
            "查一下杭州的天气,然后定一个7分钟的计时器,名叫泡茶",
            [("get_weather", {"city": "杭州"}), ("set_timer", {"minutes": 7, "label": "泡茶"})],
        ),
    ],
)
def test_one_thing_after_the_other(said: str, expected: list[tuple[str, dict[str, Any]]]) -> None:
    assert chosen(said) == expected


def test_what_waits_for_a_result_is_not_done_beside_it() -> None:
    said = "Get the weather in Lima, then email it to me"
    assert chosen(said) == [("get_weather", {"city": "Lima"})]


LIGHT = tool("turn_on_light", "Turn a light on or off", room=S, on=B)
HOTELS = tool("find_hotel", "Search for hotels in a city", city=S, stars=I)
WEB = tool("search_web", "Search the web", query=S)
FLIGHTS = tool(
    "book_flight",
    "Book a flight",
    destination=text("arrival city"),
    cabin={"type": "string", "enum": ["economy", "business", "first"]},
)
SONGS = tool("play_music", "Play the songs of somebody", artist=S)


@pytest.mark.parametrize(
    ("said", "room", "is_on"),
    [
        ("Turn on the light in the hallway at once", "hallway", True),
        ("Please switch the lamp in the bathroom off", "bathroom", False),
        ("把卧室的灯打开", "卧室", True),
        ("请关掉厨房的灯", "厨房", False),
    ],
)
def test_a_switch_is_turned(said: str, room: str, is_on: bool) -> None:
    assert chosen(said, LIGHT, WEB) == [("turn_on_light", {"room": room, "on": is_on})]


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("Search the web for the history of glass", "the history of glass"),
        ("Please look up how tall the tower is", "how tall the tower is"),
        ("Could you look up who built the canal?", "who built the canal"),
    ],
)
def test_what_several_tools_may_do_goes_to_the_one_that_can(said: str, query: str) -> None:
    assert chosen(said, HOTELS, WEB) == [("search_web", {"query": query})]


def test_what_several_tools_may_do_in_chinese() -> None:
    ((name, arguments),) = chosen("在网上搜索一下玻璃的历史", HOTELS, WEB)
    assert name == "search_web"
    assert "玻璃的历史" in arguments["query"]


@pytest.mark.parametrize(
    ("said", "cabin"), [("订一张去杭州的机票,商务舱", "business"), ("我要预订到杭州的航班,头等舱", "first")]
)
def test_values_of_a_set_are_known_in_the_other_language(said: str, cabin: str) -> None:
    assert chosen(said, FLIGHTS, WEB) == [("book_flight", {"destination": "杭州", "cabin": cabin})]


def test_a_name_may_begin_with_an_article() -> None:
    assert chosen("Play some songs by The Kinks", SONGS, WEB) == [("play_music", {"artist": "The Kinks"})]


MILL = "The mill was built in 1820. It ground rye for two villages. A flood took its wheel. Children swim there now."
MILL_CHINESE = "磨坊建于一八二零年。它为两个村子磨黑麦。洪水冲走了水轮。现在孩子们在那里游泳。"


@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        (f"Summarize: {MILL}", 3),
        (f"Please summarise the following text in one sentence.\n\n{MILL}", 1),
        (f'Write a concise summary of the following:\n\n"{MILL}"\n\nCONCISE SUMMARY:', 3),
        (f"Could you sum up this passage: {MILL}", 3),
        (f"请总结以下内容:{MILL_CHINESE}", 3),
        (f"用一句话概括:{MILL_CHINESE}", 1),
    ],
)
def test_a_summary_is_what_stands_first(said: str, sentences: int) -> None:
    source = MILL if MILL in said else MILL_CHINESE
    lines = tell(ask(said), Random(0)).text.splitlines()  # noqa: S311 - picks a phrasing
    assert len(lines) == sentences
    assert all(line in source for line in lines)
    assert source.startswith(lines[0])
