import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.errors import APIError, MaasError, RateLimited, StreamInterrupted, UnexpectedAnswer
from maaskit.openai_chat import ChatDelta, ChatStreamReader
from maaskit.openai_chat.answer import Reference
from maaskit.wire import Response

SSE = Response(200, {"content-type": "text/event-stream"}, endpoint="/chat/completions")

# sophnet-api, Chat completions, 响应示例, 流式 (event-stream); word for word.
SOPHNET_SAMPLE = """data:{"object":"chat.completion.chunk","created":1724651635,"model":"Qwen/Qwen2.5-72B-Instruct","choices":[{"index":0,"delta":{"content":"我可以","role":"assistant"},"finish_reason":null}]}
data:{"object":"chat.completion.chunk","created":1724651635,"model":"Qwen/Qwen2.5-72B-Instruct","choices":[{"index":0,"delta":{"content":"提供","role":null},"finish_reason":null}]}
data:{"object":"chat.completion.chunk","created":1724651635,"model":"Qwen/Qwen2.5-72B-Instruct","choices":[{"index":0,"delta":{"content":"智能问答","role":null},"finish_reason":null}]}
data:{"object":"chat.completion.chunk","created":1724651635,"model":"Qwen/Qwen2.5-72B-Instruct","choices":[{"index":0,"delta":{"content":"和帮助。","role":null},"finish_reason":null}]}
data:{"object":"chat.completion.chunk","created":1724651635,"model":"Qwen/Qwen2.5-72B-Instruct","choices":[{"index":0,"delta":{"content":null,"role":null},"finish_reason":"stop"}]}
"""  # noqa: E501


def chunk(delta=None, finish_reason=None, **top):
    return {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish_reason}], **top}


def events(*objects, done=True):
    lines = [b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n" for value in objects]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def read(data: bytes, *cuts: int, head: Response = SSE) -> list[ChatDelta]:
    reader, deltas, start = ChatStreamReader(head), [], 0
    for cut in [*sorted(cuts), len(data)]:
        deltas += reader.feed(data[start:cut])
        start = max(start, cut)
    deltas += reader.end()
    assert reader.complete
    return deltas


def texts(deltas):
    return "".join(delta.content for delta in deltas)


def test_the_documents_sample():
    deltas = read(SOPHNET_SAMPLE.encode())
    assert [delta.content for delta in deltas] == ["我可以", "提供", "智能问答", "和帮助。", ""]
    assert [delta.last for delta in deltas] == [False] * 4 + [True]
    assert (deltas[-1].finish_reason, deltas[-1].model, deltas[-1].usage) == ("stop", "Qwen/Qwen2.5-72B-Instruct", None)


@given(st.lists(st.integers(0, len(SOPHNET_SAMPLE.encode())), max_size=10))
def test_any_split_of_the_sample_gives_the_same_pieces(cuts):
    assert read(SOPHNET_SAMPLE.encode(), *cuts) == read(SOPHNET_SAMPLE.encode())


@pytest.mark.parametrize("done", [True, False])
def test_done_and_the_end_after_a_finish_reason_are_both_ends(done):
    # wire-facts C.2
    deltas = read(events(chunk({"content": "好"}), chunk({}, "stop"), done=done))
    assert (texts(deltas), deltas[-1].finish_reason) == ("好", "stop")


def test_done_without_a_finish_reason_is_an_end():
    assert read(events(chunk({"content": "好"})))[-1].finish_reason is None


@pytest.mark.parametrize("data", [b"", events(chunk({"content": "好"}), done=False), b": ping\n\n", b'data: {"cho'])
def test_a_stream_that_was_cut_raises_and_carries_what_came(data):
    with pytest.raises((StreamInterrupted, UnexpectedAnswer)) as caught:
        read(data)
    if b"\xe5" in data:
        assert caught.value.partial.content == "好"


def test_the_partial_answer_holds_everything_that_came():
    data = events(
        chunk({"reasoning_content": "想"}),
        chunk({"content": "好"}),
        chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}]}),
        done=False,
    )
    with pytest.raises(StreamInterrupted) as caught:
        read(data)
    partial = caught.value.partial
    assert (partial.reasoning_content, partial.content) == ("想", "好")
    assert [(call.id, call.name, call.arguments) for call in partial.tool_calls] == [("c", "f", '{"a"')]


@pytest.mark.parametrize(
    "usages",
    [
        [None, None, {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}],
        [{"prompt_tokens": 3, "completion_tokens": n, "total_tokens": 3 + n} for n in (1, 2, 4)],
        [{"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, None, None],
    ],
)
def test_usage_comes_once_and_is_never_summed(usages):
    # wire-facts C.9; langchain-facts pain points 4 and 5
    objects = [chunk({"content": "x"}, usage=usage) for usage in usages]
    deltas = read(events(*objects, chunk({}, "stop")))
    assert [delta.usage for delta in deltas[:-1]] == [None] * 3
    assert deltas[-1].usage is not None
    assert (deltas[-1].usage.input_tokens, deltas[-1].usage.output_tokens) == (3, 4)


def test_usage_with_empty_choices_and_details():
    # wire-facts C.5
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    last = read(events(chunk({"content": "x"}), chunk({}, "stop"), {"choices": [], "usage": usage}))[-1]
    assert last.usage is not None
    assert (last.usage.cached_tokens, last.usage.reasoning_tokens, last.finish_reason) == (10, 15, "stop")
    last = read(events(chunk({}, "stop"), {"choices": [], "usage": {**usage, "prompt_tokens_details": None}}))[-1]
    assert last.usage is not None
    assert last.usage.cached_tokens is None


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "想"},
        {"reasoning": "想", "content": None},
        {"thinking_blocks": [{"type": "thinking", "thinking": "想"}], "content": ""},
    ],
)
def test_reasoning_under_every_name(delta):
    # wire-facts C.7
    deltas = read(events(chunk(delta), chunk({"content": "好"}), chunk({}, "stop")))
    assert "".join(piece.reasoning_content for piece in deltas) == "想"
    assert texts(deltas) == "好"


@pytest.mark.parametrize("odd", [{"choices": [{"index": 0}]}, {"choices": [{"delta": None}]}, {"choices": None}, {}])
def test_odd_chunks_are_survived(odd):
    assert texts(read(events(odd, chunk({"content": "好"}), chunk({}, "stop")))) == "好"


def test_refs_come_where_they_occur_and_once_at_the_end():
    # sophnet-api, choices[0].refs; wire-facts C.30
    first = {"index": 1, "title": "甲", "content": "c", "type": "file", "url": "https://x/1"}
    second = {"index": 2, "title": "乙", "content": "d", "type": "web", "url": "https://x/2"}
    data = events(
        {"choices": [{"delta": {"content": "a"}, "refs": [first]}]},
        {"choices": [{"delta": {"content": "b"}, "refs": [second]}]},
        {"choices": [{"delta": {}, "finish_reason": "stop", "refs": [first, second]}]},
    )
    deltas = read(data)
    assert [len(delta.new_refs) for delta in deltas] == [1, 1, 0]
    assert [ref.title for ref in deltas[-1].refs] == ["甲", "乙"]
    assert deltas[-1].refs[0] == Reference(1, "甲", "c", "file", "https://x/1")


def test_unknown_fields_stay_readable():
    # wire-facts C.46
    data = events(
        chunk({"content": "x", "annotations": [{"url": "https://a"}]}, id="1", citations=["https://b"]),
        chunk({"annotations": [{"url": "https://c"}]}, "stop", system_fingerprint="fp"),
    )
    last = read(data)[-1]
    assert last.extras == {
        "annotations": [{"url": "https://a"}, {"url": "https://c"}],
        "citations": ["https://b"],
        "system_fingerprint": "fp",
    }


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, RateLimited),
        ({"error": "broken"}, APIError),
        ({"status": 500, "message": "broken", "result": None}, APIError),
        ({"choices": [], "error": {"message": "broken"}}, APIError),
    ],
)
def test_an_error_in_the_middle_raises_and_carries_what_came(event, kind):
    # wire-facts C.4
    with pytest.raises(kind) as caught:
        read(events(chunk({"content": "好"}), event))
    assert caught.value.partial.content == "好"


def test_a_named_error_event_raises():
    with pytest.raises(APIError, match="broken"):
        read(b'event: error\ndata: {"message":"broken"}\n\n')


def test_garbage_raises_unless_the_answer_is_whole():
    with pytest.raises(UnexpectedAnswer) as caught:
        read(events(chunk({"content": "x"}), done=False) + b"<html>Bad Gateway</html>\n")
    assert "Bad Gateway" in (caught.value.excerpt or "")
    assert texts(read(events(chunk({"content": "x"}, "stop"), done=False) + b"bye\n")) == "x"


def test_json_in_place_of_events():
    head = Response(200, {"content-type": "application/json; charset=utf-8"}, endpoint="/x")
    answer = {"choices": [{"message": {"role": "assistant", "content": "好"}, "finish_reason": "length"}], "model": "m"}
    deltas = read(json.dumps(answer, indent=1).encode(), head=head)
    assert (texts(deltas), deltas[-1].finish_reason) == ("好", "length")
    with pytest.raises(RateLimited):
        read(b'{"error":{"message":"m","code":429}}', head=head)
    with pytest.raises(UnexpectedAnswer):
        read(b'{"choices":[{"mess', head=head)
    assert texts(read(events(chunk({"content": "好"}, "stop")), head=head)) == "好"


def test_several_choices_are_not_lost_in_silence():
    with pytest.raises(UnexpectedAnswer, match="several choices"):
        read(events({"choices": [{"index": 1, "delta": {"content": "x"}}]}))


def test_what_follows_done_is_ignored():
    assert texts(read(events(chunk({"content": "x"}, "stop")) + events(chunk({"content": "y"})))) == "x"


@given(st.binary(max_size=300))
def test_any_bytes_give_pieces_or_an_error(data):
    for head in (SSE, Response(200, {"content-type": "application/json"})):
        reader = ChatStreamReader(head)
        try:
            reader.feed(data)
            reader.end()
        except MaasError:
            pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "usage",
                    "index",
                    "prompt_tokens",
                    "refs",
                    "error",
                    "status",
                    "finish_reason",
                    "id",
                    "message",
                    "reasoning",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["choices", "usage", "error", "status", "code", "id", "x"]), json_values, max_size=4
        ),
        max_size=4,
    )
)
def test_any_objects_give_pieces_or_an_error(objects):
    with contextlib.suppress(MaasError):
        read(events(*objects))


@given(json_values)
def test_any_json_in_place_of_a_stream_gives_pieces_or_an_error(value):
    with contextlib.suppress(MaasError):
        read(json.dumps(value).encode(), head=Response(200, {"content-type": "application/json"}))


@pytest.mark.parametrize("choices", [[1], "x", {"a": 1}, [None], [[]]])
def test_json_with_odd_choices_is_an_error(choices):
    with pytest.raises(UnexpectedAnswer, match="no choices"):
        read(json.dumps({"choices": choices}).encode(), head=Response(200, {"content-type": "application/json"}))


def test_json_lines_in_place_of_a_stream():
    lines = [json.dumps(chunk({"content": "x"})), json.dumps(chunk({"content": "y"}, "stop"))]
    head = Response(200, {"content-type": "application/json"})
    assert texts(read("\n".join(lines).encode(), head=head)) == "xy"
    assert texts(read(json.dumps(chunk({"content": "x"}, "stop"), indent=1).encode(), head=head)) == "x"


def test_a_stream_that_is_cut_within_an_event_is_interrupted_with_what_came():
    data = events(chunk({"content": "x"}), chunk({"content": "y"}, "stop"), done=False)
    for cut in range(len(events(chunk({"content": "x"}), done=False)), len(data) - 3):
        reader = ChatStreamReader(SSE)
        reader.feed(data[:cut])
        with pytest.raises(StreamInterrupted) as caught:
            reader.end()
        assert caught.value.partial.content == "x"


def test_a_cut_within_the_first_event_is_an_interruption_too_and_a_page_of_a_gateway_is_not():
    for data, kind in ((b'data: {"choices":[{"de', StreamInterrupted), (b"Bad gateway", UnexpectedAnswer)):
        reader = ChatStreamReader(SSE)
        reader.feed(data)
        with pytest.raises(kind):
            reader.end()


def test_an_index_that_is_a_string():
    assert texts(read(events({"choices": [{"index": "0", "delta": {"content": "x"}, "finish_reason": "stop"}]}))) == "x"


def test_what_came_in_one_read_with_an_unreadable_event_is_kept():
    reader = ChatStreamReader(SSE)
    with pytest.raises(UnexpectedAnswer) as caught:
        reader.feed(events(chunk({"content": "x"}), done=False) + b"data: Bad gateway\n\n")
    assert caught.value.partial.content == "x"


def test_a_stream_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr("maaskit.openai_chat.stream._MAX_STREAM_BYTES", 1000)
    reader = ChatStreamReader(SSE)
    with pytest.raises(UnexpectedAnswer, match="beyond 1000 bytes") as caught:
        for _ in range(100):
            reader.feed(events(chunk({"content": "x"}), done=False))
    assert caught.value.partial.content.strip("x") == ""
    assert caught.value.partial.content
