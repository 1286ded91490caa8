import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.openai_chat.tool_calls import ToolCallRepair


def fragment(index=None, id=None, name=None, arguments=None, **extra):  # noqa: A002 - the wire's word
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    call = {"function": function, **extra}
    if index is not None:
        call["index"] = index
    if id is not None:
        call["id"] = id
    return call


def repaired(*chunks):
    """Feed chunks; join the deltas by index, as a framework does."""
    repair = ToolCallRepair()
    deltas = [delta for chunk in chunks for delta in repair.feed(chunk)] + repair.end()
    joined: dict[int, dict[str, list[str]]] = {}
    for delta in deltas:
        call = joined.setdefault(delta.index, {"id": [], "name": [], "arguments": []})
        for key in call:
            if getattr(delta, key):
                call[key].append(getattr(delta, key))
    assert sorted(joined) == list(range(len(joined)))
    assert all(len(call["id"]) == 1 for call in joined.values())
    calls = [("".join(call["name"]), "".join(call["arguments"])) for _, call in sorted(joined.items())]
    assert calls == [(call.name, call.arguments) for call in repair.calls]
    return calls


def whole(calls):
    return [(name, json.loads(arguments)) for name, arguments in calls]


EXPECTED = [("f", {"a": 1}), ("g", {"b": "上海"})]


def test_the_usual_form():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", "")],
                [fragment(0, arguments='{"a"')],
                [fragment(0, arguments=":1}")],
                [fragment(1, "c2", "g", '{"b":')],
                [fragment(1, arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_interleaved():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", '{"a"')],
                [fragment(1, "c2", "g", '{"b":')],
                [fragment(0, arguments=":1}")],
                [fragment(1, arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_name_and_id_repeated_with_every_piece():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", '{"a"')],
                [fragment(0, "c1", "f", ":1}")],
                [fragment(1, "c2", "g", '{"b":')],
                [fragment(1, "c2", "g", '"上海"}')],
            )
        )
        == EXPECTED
    )


def test_name_repeated_without_id():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", '{"a"')],
                [fragment(0, None, "f", ":1}")],
                [fragment(1, "c2", "g", '{"b":')],
                [fragment(1, "", "g", '"上海"}')],
            )
        )
        == EXPECTED
    )


def test_empty_strings_never_overwrite():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", "")],
                [fragment(0, "", "", '{"a":1}')],
                [fragment(0, "", "", "")],
                [fragment(1, "c2", "g", '{"b":"上海"}')],
            )
        )
        == EXPECTED
    )


def test_no_index():
    assert (
        whole(
            repaired(
                [fragment(None, "c1", "f", '{"a"')],
                [fragment(arguments=":1}")],
                [fragment(None, "c2", "g", '{"b":')],
                [fragment(arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_index_as_a_digit_string():
    assert (
        whole(
            repaired(
                [fragment("0", "c1", "f", '{"a":1}')],
                [fragment("1", "c2", "g", '{"b":')],
                [fragment("1", arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_one_index_shared_by_all_calls():
    assert (
        whole(
            repaired(
                [fragment(0, "c1", "f", '{"a"')],
                [fragment(0, arguments=":1}")],
                [fragment(0, "c2", "g", '{"b":')],
                [fragment(0, arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_neither_index_nor_id():
    assert (
        whole(
            repaired(
                [fragment(name="f", arguments='{"a"')],
                [fragment(arguments=":1}")],
                [fragment(name="g", arguments='{"b":')],
                [fragment(arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_the_same_function_twice_without_index_or_id():
    assert whole(
        repaired(
            [fragment(name="f", arguments='{"a":1}')],
            [fragment(name="f", arguments='{"a":2}')],
        )
    ) == [("f", {"a": 1}), ("f", {"a": 2})]


def test_several_calls_in_one_chunk():
    assert whole(repaired([fragment(0, "c1", "f", '{"a":1}'), fragment(1, "c2", "g", '{"b":"上海"}')])) == EXPECTED
    assert (
        whole(repaired([fragment(None, "c1", "f", '{"a":1}'), fragment(None, "c2", "g", '{"b":"上海"}')])) == EXPECTED
    )
    assert (
        whole(
            repaired(
                [fragment(name="f", arguments='{"a"'), fragment(name="g", arguments='{"b":')],
                [fragment(arguments=":1}"), fragment(arguments='"上海"}')],
            )
        )
        == EXPECTED
    )


def test_arguments_as_an_object():
    assert whole(repaired([fragment(0, "c1", "f", {"a": 1})], [fragment(1, "c2", "g", {"b": "上海"})])) == EXPECTED


def test_null_says_that_there_are_no_arguments():
    assert repaired([fragment(0, "c1", "now", "null")]) == [("now", "")]
    assert repaired([fragment(0, "c1", "now")], [fragment(0, arguments=" null")]) == [("now", "")]
    pieces = [[fragment(0, "c1", "f", '{"a":')], [fragment(0, arguments="null")], [fragment(0, arguments="}")]]
    assert whole(repaired(*pieces)) == [("f", {"a": None})]


def test_a_late_id():
    assert (
        whole(
            repaired(
                [fragment(0, None, "f", '{"a"')],
                [fragment(0, "c1", None, ":1}")],
                [fragment(1, "c2", "g", '{"b":"上海"}')],
            )
        )
        == EXPECTED
    )


def test_a_name_in_two_pieces():
    assert whole(
        repaired([fragment(0, "c1", "get_", "")], [fragment(0, None, "weather", "")], [fragment(0, arguments="{}")])
    ) == [("get_weather", {})]


@pytest.mark.parametrize(
    "junk", [None, "x", {}, [None], [7], [{}], [{"function": None}], [{"function": {"name": None}}]]
)
def test_junk_is_no_call(junk):
    assert repaired(junk) == []


calls_strategy = st.lists(
    st.tuples(
        st.sampled_from(["f", "g", "天气"]),
        st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=6), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@given(calls_strategy, st.data())
def test_any_cut_of_the_arguments_gives_the_same_calls(calls, data):
    style = data.draw(st.sampled_from(["usual", "repeated", "indexless", "shared"]))
    chunks = []
    for number, (name, arguments) in enumerate(calls):
        text = json.dumps(arguments, ensure_ascii=False)
        cut = data.draw(st.integers(0, len(text)))
        index = {"usual": number, "repeated": number, "indexless": None, "shared": 0}[style]
        again = (f"c{number}", name) if style == "repeated" else (None, None)
        chunks += [[fragment(index, f"c{number}", name, text[:cut])], [fragment(index, *again, text[cut:])]]
    assert whole(repaired(*chunks)) == calls


def test_a_new_id_with_every_piece():
    """Some upstreams make up an id for each piece; the number says which call it is."""
    assert whole(
        repaired(
            [fragment(0, "a1", "f", "")],
            [fragment(0, "a2", arguments='{"x"')],
            [fragment(0, "a3", arguments=":1}")],
            [fragment(1, "b1", "g", "")],
            [fragment(1, "b2", arguments="{}")],
        )
    ) == [("f", {"x": 1}), ("g", {})]


def test_calls_without_numbers_and_ids_that_share_the_first_chunk():
    assert whole(
        repaired(
            [fragment(name="f", arguments=""), fragment(name="g", arguments="")],
            [fragment(arguments='{"x":1}'), fragment(arguments='{"y":2}')],
        )
    ) == [("f", {"x": 1}), ("g", {"y": 2})]


def test_the_pieces_of_one_call_that_share_the_first_chunk():
    assert whole(repaired([fragment(id="a", name="f", arguments='{"x"'), fragment(arguments=":1}")])) == [
        ("f", {"x": 1})
    ]


def test_one_id_for_two_calls():
    assert whole(
        repaired([fragment(id="a", name="f", arguments="{}"), fragment(id="a", name="g", arguments="{}")])
    ) == [
        ("f", {}),
        ("g", {}),
    ]


def test_a_whole_call_once_more_at_its_end():
    assert whole(
        repaired([fragment(0, "a", "f", '{"x":')], [fragment(0, arguments="1}")], [fragment(0, "a", "f", '{"x":1}')])
    ) == [("f", {"x": 1})]


def test_a_name_that_grows():
    assert whole(repaired([fragment(0, "a", "get_", "")], [fragment(0, "a", "get_weather", "{}")])) == [
        ("get_weather", {})
    ]


@pytest.mark.parametrize("number", ["²", "9" * 5000, 1.5, float("inf"), True, [0]])
def test_a_number_that_is_none(number):
    assert whole(repaired([fragment(number, "a", "f", "{")], [fragment(number, arguments="}")])) == [("f", {})]


def test_numbers_that_are_floats():
    first, second = [fragment(0.0, "a", "f", "{")], [fragment(1.0, "b", "g", "{")]
    assert whole(repaired(first, second, [fragment(0.0, arguments="}")], [fragment(1.0, arguments="}")])) == [
        ("f", {}),
        ("g", {}),
    ]
