import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.errors import MaasError, UnexpectedAnswer
from maaskit.sse import DONE, Event, EventDecoder
from tests.proportion import MOST, growth


def decode(data: bytes, *cuts: int) -> list[Event]:
    decoder, events, start = EventDecoder(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        events += decoder.feed(data[start:cut])
        start = max(start, cut)
    return [*events, *decoder.end()]


def datas(data: bytes) -> list[object]:
    return [event.data for event in decode(data)]


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"a":1}\n\ndata: {"b":2}\n\n',
        b'data:{"a":1}\n\ndata:{"b":2}\n\n',
        b'data:{"a":1}\ndata:{"b":2}\n',
        b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\n',
        b'data: {"a":1}\r\rdata: {"b":2}\r\r',
        b': comment\nid: 7\nretry: 10\ndata: {"a":1}\n\n: ping\n\ndata: {"b":2}',
        b'{"a":1}\n{"b":2}\n',
        b'{"a":1}\n\n{"b":2}',
        b'{\n  "a": 1\n}\n{\n"b":\n2}\n',
        b'data: {"a":\ndata: 1}\n\ndata: {"b":2}\n\n',
        b'\xef\xbb\xbfdata:{"a":1}\n\ndata:{"b":2}\n\n',
        b'data: {"a":1}\n\n{"b":2}\n',
        b'data:  {"a":1}\n\ndata:\t{"b":2}\n\n',
        b'data:  {"a":\ndata: 1}\n\ndata: {"b":2} \n\n',
        b'event\nid\nretry\ndata: {"a":1}\n\ndata: {"b":2}\n\n',
    ],
)
def test_every_written_form_gives_the_same_events(data):
    # wire-facts C.1, C.29
    assert datas(data) == [{"a": 1}, {"b": 2}]


def test_only_one_space_is_taken_and_content_is_left_alone():
    assert datas('data: {"t":"data: 你好\\n\\ndata:"}\n\n'.encode()) == [{"t": "data: 你好\n\ndata:"}]
    assert datas(b"data:  two\n\n") == [" two"]


def test_done_and_names():
    assert datas(b'data: {"a":1}\n\ndata: [DONE]\n\n') == [{"a": 1}, DONE]
    assert datas(b"data:[DONE]") == [DONE]
    assert decode(b'event: error\ndata: {"m":1}\n\ndata: {"n":2}\n\n') == [Event({"m": 1}, "error"), Event({"n": 2})]


def test_text_that_is_no_event_is_not_lost():
    assert datas(b"Bad gateway\n") == ["Bad gateway"]
    assert datas(b"data: one\ndata: two\n\n") == ["one\ntwo"]


def test_a_broken_character_does_not_cost_the_event():
    assert datas(b'data: {"a":"\xff"}\n\n') == [{"a": "�"}]


def test_an_endless_event_is_given_up():
    decoder = EventDecoder(max_event_bytes=1000)
    with pytest.raises(UnexpectedAnswer, match="1000 bytes"):
        for _ in range(100):
            decoder.feed(b"x" * 100)
    decoder = EventDecoder(max_event_bytes=1000)
    with pytest.raises(UnexpectedAnswer):
        for _ in range(100):
            decoder.feed(b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")


def test_many_lines_cost_time_in_proportion():
    assert growth(lambda lines: EventDecoder().feed(b'{"a": [}\n' + b"{}\n" * lines), 10_000) < MOST


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), values, max_size=3), max_size=5),
    st.sampled_from([b"\n\n", b"\n", b"\r\n\r\n", b"\r\n", b"\r\r", b"\n: ping\n\n"]),
    st.sampled_from([b"data: ", b"data:", b""]),
    st.lists(st.integers(0, 400), max_size=8),
    st.booleans(),
)
def test_any_split_gives_the_same_events(objects, ending, prefix, cuts, ascii_only):
    data = b"".join(
        prefix + json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") + ending
        for value in objects
    )
    whole = decode(data)
    assert decode(data, *(cut for cut in cuts if cut <= len(data))) == whole
    assert [event.data for event in whole] == objects


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_give_events_or_an_error(data, cuts):
    try:
        whole = decode(data)
    except MaasError:
        return
    assert decode(data, *(cut for cut in cuts if cut <= len(data))) == whole


@pytest.mark.parametrize("cut", range(1, 24))
def test_white_space_before_an_object_does_not_depend_on_the_split(cut):
    data = b'data:   {"a":1}\n\n'
    assert decode(data, cut) == [Event({"a": 1})]


@pytest.mark.parametrize("before", [b"data:\n", b"data\n", b"data: ping\n"])
def test_an_object_is_an_event_whatever_stands_before_it(before):
    found = datas(before + b'data: {"a":1}\n\ndata:  [DONE] \n\n')
    assert found[-2:] == [{"a": 1}, DONE]
    assert found[:-2] == [before[5:].decode().strip()]


def test_halves_of_surrogate_pairs_do_not_cost_the_event():
    assert datas(b'data: {"a":"x\\ud83d"}\n\ndata: {"b":"\\ud83d\\ude00\\udc00"}\n\n') == [
        {"a": "x\ufffd"},
        {"b": "😀\ufffd"},
    ]


@pytest.mark.parametrize("piece", [b"data:\n" * 1000, b"data:x\n" * 1000])
def test_lines_are_bounded_however_short_they_are(piece):
    decoder = EventDecoder(max_event_bytes=1_000_000)
    with pytest.raises(UnexpectedAnswer, match="larger than"):
        for _ in range(1000):
            decoder.feed(piece)


def test_a_line_in_tiny_pieces_takes_no_more_than_its_bytes():
    decoder = EventDecoder()
    tracemalloc.start()
    try:
        for _ in range(50_000):
            decoder.feed(b"xy")
        assert tracemalloc.get_traced_memory()[0] < 400_000
    finally:
        tracemalloc.stop()
