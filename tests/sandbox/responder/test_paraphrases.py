"""Everyday requests in two languages, said in several ways: the same tool and the same arguments come of them."""

from __future__ import annotations

from typing import Any

import pytest

from maaskit.sandbox.responder.choosing import choose
from maaskit.sandbox.responder.defaults import Background
from tests.sandbox.responder.schemas import I, N, S, ask, text, tool

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
