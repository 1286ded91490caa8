from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maaskit.sandbox.responder.defaults import Background
from maaskit.sandbox.responder.evidence import Evidence
from maaskit.sandbox.responder.filling import fill
from maaskit.sandbox.responder.words import name_words
from tests.sandbox.responder.schemas import B, I, N, S, is_valid, lst, obj, text

CITY = obj(location=S)
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
PERSON = obj(name=S, age=I, city=S)


def filled(said: str, schema: dict[str, Any], tool: str = "", **background: Any) -> Any:
    result = fill(schema, Evidence(said), Background(tool=tuple(name_words(tool)), **background)).value
    assert is_valid(result, schema, schema)
    return result


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("What is the weather in Lyon, FR?", "Lyon, FR"),
        ("weather for Kyoto please", "Kyoto"),
        ("What's the forecast for New York tomorrow?", "New York"),
        ("What's it like in tokyo right now?", "tokyo"),
        ("Is it going to rain in Rio de Janeiro?", "Rio de Janeiro"),
        ("location: Graz", "Graz"),
        ("今天苏州的天气怎么样?", "苏州"),
        ("天气如何,杭州?", "杭州"),
        ("查一下成都明天的天气", "成都"),
        ("请问拉萨的气温是多少", "拉萨"),
        ("我想知道哈尔滨现在冷不冷", "哈尔滨"),
    ],
)
def test_places(said: str, place: str) -> None:
    assert filled(said, CITY, "get_weather") == {"location": place}


@pytest.mark.parametrize(
    ("said", "schema", "expected"),
    [
        ("What is 3 + 4", obj(a=I, b=I), {"a": 3, "b": 4}),
        ("Multiply 3.5 by 12", obj(a=N, b=N), {"a": 3.5, "b": 12}),
        ("x is 4 and y is 9", obj(y=I, x=I), {"y": 9, "x": 4}),
        ("add seventeen and five", obj(a=I, b=I), {"a": 17, "b": 5}),
        ("把十二和三十相加", obj(a=I, b=I), {"a": 12, "b": 30}),
        ("limit is 7, page 2", obj(limit=I, page=I), {"limit": 7, "page": 2}),
        ("set a timer for five minutes", obj(minutes=I), {"minutes": 5}),
        ("定一个三十分钟的计时器", obj(minutes={**I, "description": "分钟"}), {"minutes": 30}),
        ("roll 3 dice with 20 sides", obj(sides=I, dice=I), {"sides": 20, "dice": 3}),
        ("a number of 700, at most", obj(value={**I, "maximum": 500, "minimum": 1}), {"value": 1}),
        ("the temperature is 21.5", obj(temperature=I), {"temperature": 1}),
        ("sum 3, 5 and 9", obj(numbers=lst(N)), {"numbers": [3, 5, 9]}),
        ("Draw it at 512 by 768 pixels", obj(width=I, height=I), {"width": 512, "height": 768}),
    ],
)
def test_numbers(said: str, schema: dict[str, Any], expected: Any) -> None:
    assert filled(said, schema, "tool_of_some_kind") == expected


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("What is (3 + 4) * 2?", "(3 + 4) * 2"),
        ("请计算12加30", "12 + 30"),
        ("How much is fifteen times four?", "15 * 4"),
        ("work out 20% of 150 please", "20 /100* 150"),
    ],
)
def test_expressions(said: str, expression: str) -> None:
    assert filled(said, obj(expression=S), "calculator") == {"expression": expression}
    assert filled(said, obj(q=text("An arithmetic expression")), "calc") == {"q": expression}
    assert filled(said, obj(q=text("算式")), "calc") == {"q": expression}


@pytest.mark.parametrize(
    ("said", "schema", "expected"),
    [
        (
            "Register a client named '蓝天科技' (Blue Sky) - a maker of kites",
            obj(customer_name=S, description=S),
            {"customer_name": "蓝天科技", "description": "a maker of kites"},
        ),
        ("新建一个客户,名称为“海风集团”", obj(customer_name=text("客户名称")), {"customer_name": "海风集团"}),
        ("顧客「みらい株式会社」を登録", obj(customer_name=S), {"customer_name": "みらい株式会社"}),
        (
            "Send an email to bob@example.com with subject 'Hi' and body 'See you at 5'",
            obj(to=text("email address"), subject=S, body=S),
            {"to": "bob@example.com", "subject": "Hi", "body": "See you at 5"},
        ),
        (
            '给张三发送邮件,主题为"会议",内容是"明天九点开会"',
            obj(recipient=S, subject=text("主题"), content=text("内容")),
            {"recipient": "张三", "subject": "会议", "content": "明天九点开会"},
        ),
        (
            "Translate 'good morning' into French",
            obj(text=S, target_language=S),
            {"text": "good morning", "target_language": "French"},
        ),
        ("What's the status of order A-1042?", obj(order_id=S), {"order_id": "A-1042"}),
        ("查询订单20251120的物流", obj(order_id=text("订单号")), {"order_id": "20251120"}),
        ("Open https://example.org/a?b=1, please.", obj(url=S), {"url": "https://example.org/a?b=1"}),
        ("Read notes/plan.md", obj(path=S), {"path": "notes/plan.md"}),
        ("Remind me on May 4, 2027", obj(date={"type": "string", "format": "date"}), {"date": "2027-05-04"}),
        ("2027年3月5日出发", obj(date=text("日期")), {"date": "2027-03-05"}),
        (
            "Book a hotel in Rome from 2026-05-01 to 2026-05-04 for 2 adults",
            obj(
                city=S,
                check_in={"type": "string", "format": "date"},
                check_out={"type": "string", "format": "date"},
                adults=I,
            ),
            {"city": "Rome", "check_in": "2026-05-01", "check_out": "2026-05-04", "adults": 2},
        ),
        (
            "Book a table for 4 people named Smith at 19:30 tomorrow",
            obj(name=S, people=I, time=S, date=S),
            {"name": "Smith", "people": 4, "time": "19:30", "date": "tomorrow"},
        ),
        ("Fly from Paris to Tokyo", obj(destination=S, origin=S), {"destination": "Tokyo", "origin": "Paris"}),
        (
            "从北京到上海的机票",
            obj(origin=text("出发城市"), destination=text("到达城市")),
            {"origin": "北京", "destination": "上海"},
        ),
        ("今日上海天气如何?", obj(latitude=N, longitude=N), {"latitude": 31.2304, "longitude": 121.4737}),
        ("With the tool, make a Viking greeting.", obj(answer_style=S), {"answer_style": "Viking"}),
        ("Greet me in a formal style", obj(answer_style=S), {"answer_style": "formal"}),
        ("用幽默的语气打个招呼", obj(answer_style=S), {"answer_style": "幽默"}),
    ],
)
def test_texts(said: str, schema: dict[str, Any], expected: Any) -> None:
    assert filled(said, schema, "make_greeting") == expected


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("Search the docs for how tides work", "how tides work"),
        ("Find when the pool opens", "when the pool opens"),
        ("When does the pool open?", "When does the pool open"),
        ("请检索一下门票价格", "门票价格"),
    ],
)
def test_queries(said: str, query: str) -> None:
    assert filled(said, obj(query=S), "search") == {"query": query}


def test_enums_flags_and_constants() -> None:
    schema = obj(["unit", "kind"], unit=UNIT, kind={"const": "now"}, verbose=B, cached=B)
    assert filled("Berlin in Fahrenheit, verbose", schema, "w") == {
        "unit": "fahrenheit",
        "kind": "now",
        "verbose": True,
    }
    assert filled("Berlin, without verbose output", schema, "w") == {"unit": "celsius", "kind": "now", "verbose": False}
    levels = obj(level={"enum": ["low_risk", "high_risk"]})
    assert filled("a high-risk case", levels, "t") == {"level": "high_risk"}
    assert filled("a case of high danger and risk", levels, "t") == {"level": "high_risk"}
    assert filled("choose 20", obj(size={"type": "integer", "enum": [10, 20]}), "t") == {"size": 20}


def test_optional_properties_are_left_out_unless_spoken_of() -> None:
    schema = obj(["location"], location=S, unit=UNIT, days=I, lang={**S, "default": "en"})
    assert filled("Weather in Oslo", schema, "w") == {"location": "Oslo"}
    assert filled("Weather in Oslo for 3 days in celsius", schema, "w") == {
        "location": "Oslo",
        "unit": "celsius",
        "days": 3,
    }


def test_nullable_properties_are_null_unless_spoken_of() -> None:
    schema = obj(city=S, country={"anyOf": [S, {"type": "null"}]}, days={"type": ["integer", "null"]})
    assert filled("Is Rome warm?", schema, "w") == {"city": "Rome", "country": None, "days": None}
    assert filled("Is Rome warm in the next 3 days?", schema, "w")["days"] == 3


def test_lists() -> None:
    items = obj(items=lst(S))
    assert filled("Add milk, eggs and bread to my list", items, "add_items") == {"items": ["milk", "eggs", "bread"]}
    assert filled("把苹果、香蕉和牛奶加入购物清单", items, "add_items") == {"items": ["苹果", "香蕉", "牛奶"]}
    assert filled("Invite Ann, Bob and Carl", items, "t") == {"items": ["Ann", "Bob", "Carl"]}
    assert filled("items: 'a b' and 'c'", items, "t") == {"items": ["a b", "c"]}
    colours = obj(colours=lst({"type": "string", "enum": ["red", "green", "blue"]}))
    assert filled("blue and red flags", colours, "t") == {"colours": ["blue", "red"]}
    mails = obj(emails=lst(S))
    assert filled("write to a@b.org and c@d.org", mails, "t") == {"emails": ["a@b.org", "c@d.org"]}
    assert filled("nothing here", obj(numbers=lst(N, minItems=2)), "t") == {"numbers": [1, 1]}
    assert filled("1 2 3 4", obj(numbers=lst(N, maxItems=2)), "t") == {"numbers": [1, 2]}


def test_nested_objects_and_references() -> None:
    schema = {
        **obj(person={"$ref": "#/$defs/Person"}),
        "$defs": {"Person": {"allOf": [{"$ref": "#/$defs/Named"}, obj(age=I)]}, "Named": obj(name=S)},
    }
    assert filled("Alice is 30 years old", schema) == {"person": {"name": "Alice", "age": 30}}
    plain = {**obj(person={"$ref": "#/$defs/Person"}), "$defs": {"Person": PERSON}}
    assert filled("Alice is 30 years old and lives in Paris", plain) == {
        "person": {"name": "Alice", "age": 30, "city": "Paris"}
    }
    assert filled("张伟今年30岁,住在杭州", obj(name=text("姓名"), age=I, city=text("城市"))) == {
        "name": "张伟",
        "age": 30,
        "city": "杭州",
    }
    people = obj(people=lst(obj(name=S, age=I)))
    assert filled("Anna is 30 years old, Bob is 25 years old", people) == {
        "people": [{"name": "Anna", "age": 30}, {"name": "Bob", "age": 25}]
    }
    assert filled('Order: {"sku": "X9", "qty": 3}', obj(sku=S, qty=I)) == {"sku": "X9", "qty": 3}


def test_people_are_told_apart() -> None:
    nullable = {"anyOf": [S, {"type": "null"}], "default": None}
    height = {"anyOf": [N, {"type": "null"}], "default": None}
    people = obj(people=lst(obj([], name=nullable, hair_color=nullable, height_in_meters=height)))
    said = "My name is Jeff, my hair is black and I am 1.8 meters tall. Anna has brown hair and is 1.7 meters tall."
    assert filled(said, people) == {
        "people": [
            {"name": "Jeff", "hair_color": "black", "height_in_meters": 1.8},
            {"name": "Anna", "hair_color": "brown", "height_in_meters": 1.7},
        ]
    }
    film = obj(title=S, year=I, director=S)
    assert filled("'Solaris' was directed by Andrei Tarkovsky in 1972", film) == {
        "title": "Solaris",
        "year": 1972,
        "director": "Andrei Tarkovsky",
    }


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = obj(name=S, children=lst({"$ref": "#/$defs/Node"}))
    schema = {**obj(root={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    assert filled("a tree with a node named Alpha", schema) == {"root": {"name": "Alpha", "children": []}}
    endless = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert fill(endless, Evidence("x"), Background()).value == {}


def test_forms_take_the_answer_and_its_sources() -> None:
    schema = obj(answer=S, sources=lst(S), confidence={**N, "minimum": 0, "maximum": 1})
    assert filled("What is it?", schema, reply="It is 42.", sources=("a.pdf",)) == {
        "answer": "It is 42.",
        "sources": ["a.pdf"],
        "confidence": 1,
    }


def test_forms_that_nothing_answers_still_get_texts() -> None:
    joke = obj(
        ["setup"], setup=text("question that opens it"), punchline={"anyOf": [S, {"type": "null"}], "default": None}
    )
    assert filled("Tell me something funny about otters.", joke) == {"setup": "question that opens it: otters"}
    assert set(filled("A joke on otters, with the punchline.", joke)) == {"setup", "punchline"}
    assert filled("The setup of a joke on otters, no punchline.", joke).get("punchline") is None


NAMES = st.sampled_from(
    ["name", "city", "age", "query", "a", "items", "user_id", "date", "is_ok", "email", "note", "表达式"]
)
LEAVES = st.one_of(
    st.sampled_from([S, I, N, B, {}, {"type": "null"}, UNIT, {"const": 3}, {"type": ["string", "null"]}]),
    st.builds(lambda low: {**I, "minimum": low, "maximum": low + 10}, st.integers(-50, 50)),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lst, inner),
        st.builds(lambda p: obj(**p), st.dictionaries(NAMES, inner, max_size=4)),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
    ),
    max_leaves=8,
)
SAID = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            [
                "in Paris",
                "3",
                "twenty",
                "'quoted'",
                "a@b.org",
                "named Ann",
                "2027-01-02",
                "and",
                ",",
                "北京",
                "今天",
                "12 * 3",
                "name: x",
                "{",
                "true",
            ]
        ),
        max_size=12,
    ).map(" ".join),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, SCHEMAS, max_size=4), SAID, st.booleans())
def test_whatever_is_said_the_object_is_valid(properties: dict[str, Any], said: str, for_tool: bool) -> None:
    filled(said, obj(**properties), "do_it" if for_tool else "")
