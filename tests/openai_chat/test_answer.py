import json

import pytest

from maaskit.errors import APIError, UnexpectedAnswer
from maaskit.openai_chat import read_answer
from maaskit.openai_chat.answer import read_usage
from maaskit.wire import Response

# sophnet-api, Chat completions, 响应示例, Function Call (Json) 首次返回
TOOL_SAMPLE = """{"object":"chat.completion","created":1744967746,"model":"DeepSeek-v3","choices":[{"index":0,"message":
{"content":"","role":"assistant","tool_calls":[{"id":"call_f0j0i4meawn7kqx335d4fsj1","type":"function","function":
{"name":"get_weather","arguments":"{\\"latitude\\":31.2304,\\"longitude\\":121.4737}"}}]},"finish_reason":"tool_calls"}]}"""


def read(value):
    return read_answer(
        Response(200, {}, value.encode() if isinstance(value, str) else json.dumps(value).encode(), "/x")
    )


def test_the_documents_tool_call():
    answer = read(TOOL_SAMPLE)
    (call,) = answer.tool_calls
    assert (call.id, call.name) == ("call_f0j0i4meawn7kqx335d4fsj1", "get_weather")
    assert json.loads(call.arguments) == {"latitude": 31.2304, "longitude": 121.4737}
    assert (answer.finish_reason, answer.id, answer.usage, answer.content) == ("tool_calls", None, None, "")


def test_everything_that_an_answer_may_hold():
    answer = read(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "Qwen/x",
            "citations": ["https://a"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": {"content": [{"token": "x", "logprob": -0.1}]},
                    "message": {"role": "assistant", "content": "好", "reasoning_content": "想", "odd": 1},
                    "refs": [{"index": 0, "title": "t", "content": "c", "type": "qa", "url": "https://x"}],
                },
                {"index": 1, "message": {"content": [{"type": "text", "text": "再"}, {"type": "text", "text": "好"}]}},
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": None, "total_tokens": 1, "prompt_tokens_details": None},
        }
    )
    assert (answer.content, answer.reasoning_content, answer.refs[0].title) == ("好", "想", "t")
    assert answer.choices[1].content == "再好"
    assert answer.choices[0].message["odd"] == 1
    assert answer.raw["citations"] == ["https://a"]
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1, 0)


@pytest.mark.parametrize("value", [{}, {"choices": []}, {"choices": None}, {"choices": ["x"]}, [], "", "null"])
def test_no_answer_is_an_error(value):
    with pytest.raises(UnexpectedAnswer):
        read(value)


def test_a_refusal_under_http_200():
    with pytest.raises(APIError, match="余额"):
        read({"status": 402, "message": "余额不足", "result": None, "timestamp": 1765420402078})


@pytest.mark.parametrize("usage", [None, {}, {"characters": 7}, "x", {"prompt_tokens": None}])
def test_no_tokens_counted(usage):
    assert read_usage(usage) is None


def test_calls_without_an_id_get_one_that_does_not_come_again():
    calls = [{"function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "g"}}]
    answers = [read({"choices": [{"message": {"tool_calls": calls}}]}) for _ in range(2)]
    assert [(call.name, call.arguments) for call in answers[0].tool_calls] == [("f", '{"x":1}'), ("g", "")]
    assert len({call.id for answer in answers for call in answer.tool_calls}) == 4
