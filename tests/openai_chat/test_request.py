import base64
import copy

import pytest

from maaskit import InvalidInput, Media, qiniu, sophnet
from maaskit.media import MIB
from maaskit.openai_chat.traits import replays_reasoning, thinks
from tests.proportion import MOST, growth

HELLO = [{"role": "user", "content": "你好"}]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAABwAAAA4CAIAAABhUg/jAAAAMklEQVR4nO3MQREAMA==")
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}


def body(cloud=sophnet, model="Qwen2.5-72B-Instruct", messages=HELLO, streaming=False, **params):
    make = cloud.chat.stream if streaming else cloud.chat.complete
    return make(messages, model, **params).request.json


def image(url, **detail):
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": "读"}, {"type": "image_url", "image_url": {"url": url, **detail}}],
        }
    ]


def test_the_documents_samples_are_written_as_they_stand():
    assert body(qiniu, "deepseek-v3", streaming=True, max_tokens=4096) == {
        "messages": HELLO,
        "model": "deepseek-v3",
        "stream": True,
        "max_tokens": 4096,
    }
    assert body() == {"messages": HELLO, "model": "Qwen2.5-72B-Instruct"}
    assert qiniu.chat.complete(HELLO, "m").request.path == "/chat/completions"
    assert sophnet.chat.complete(HELLO, "m").request.path == "/v1/chat/completions"


def test_search_is_added_once():
    for model in ("deepseek-v3", "deepseek-v3?search"):
        assert body(qiniu, model, search=True)["model"] == "deepseek-v3?search"
    assert body(qiniu, "deepseek-v3")["model"] == "deepseek-v3"


def test_every_field_is_written():
    params = {
        "tools": [TOOL],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "max_tokens": 5,
        "temperature": 0,
        "top_p": 0.5,
        "stop": ["a", "b", "c", "d"],
        "seed": 7,
        "n": 2,
        "presence_penalty": -2.0,
        "frequency_penalty": 2.0,
        "logprobs": True,
        "top_logprobs": 20,
        "response_format": {"type": "text"},
        "user": "u",
    }
    written = body(model="another-model", **params, extra_body={"steps": 3, "seed": 8})
    assert written == {"messages": HELLO, "model": "another-model", **params, "steps": 3, "seed": 8}
    assert body(stop="end")["stop"] == ["end"]
    assert "temperature" not in body(temperature=None)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("GLM-4.5", {"thinking": {"type": "enabled"}}),
        ("GLM-4.5V", {"thinking": {"type": "enabled"}}),
        ("GLM-4.6", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("Qwen3-235B-A22B", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("Some-New-Model", {"chat_template_kwargs": {"enable_thinking": True}}),
    ],
)
def test_thinking_is_written_in_the_form_that_the_model_wants(model, fields):
    assert body(model=model, enable_thinking=True) == {"messages": HELLO, "model": model, **fields}
    off = body(model=model, enable_thinking=False)
    assert off.get("thinking", {}).get("type") == "disabled" or off["chat_template_kwargs"] == {
        "enable_thinking": False
    }


def test_literal_spellings_of_thinking_are_left_alone():
    written = body(
        model="GLM-4.5",
        thinking={"type": "disabled"},
        chat_template_kwargs={"enable_thinking": False},
        extra_body={"enable_thinking": False},
    )
    assert written["thinking"] == {"type": "disabled"}
    assert written["chat_template_kwargs"] == {"enable_thinking": False}
    assert written["enable_thinking"] is False
    assert body(qiniu, "qwen3-32b", enable_thinking=True)["enable_thinking"] is True
    assert body(qiniu, "glm-4.5", enable_thinking=False)["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"stop": ["1", "2", "3", "4", "5"]}, "at most 4"),
        ({"stop": [1]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 0}, "n must"),
        ({"top_logprobs": 3}, "logprobs=True"),
        ({"top_logprobs": 0}, "logprobs=True"),
        ({"logprobs": False, "top_logprobs": 1}, "logprobs=True"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": "yes"}, "logprobs"),
        ({"tools": [{"type": "retrieval"}]}, "tools"),
        ({"tools": ["f"]}, "tools"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}, "tools": [TOOL]}, "not among the tools"),
        ({"tool_choice": "required"}, "needs tools"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"colour": 1}, "colour"),
        ({"unsupported_params": "ignore"}, "unsupported_params"),
    ],
)
def test_bad_parameters_are_refused_by_name(params, said):
    with pytest.raises(InvalidInput, match=said):
        body(**params)


def test_a_stream_carries_one_answer():
    assert body(n=2)["n"] == 2
    with pytest.raises(InvalidInput, match="n must be 1"):
        body(streaming=True, n=2)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "你好",
        None,
        [{"role": "wizard", "content": "x"}],
        [{"content": "x"}],
        ["x"],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": 7}],
        [{"role": "tool", "content": "x"}],
        [{"role": "user", "content": [{"text": "no type"}]}],
    ],
)
def test_bad_messages_are_refused(messages):
    with pytest.raises(InvalidInput, match="messages"):
        body(messages=messages)


@pytest.mark.parametrize("model", ["", "  ", None])
def test_a_model_needs_a_name(model):
    with pytest.raises(InvalidInput, match="model"):
        body(qiniu, model)


def test_sophnets_json_mode_wants_the_word_and_knows_no_schema():
    with pytest.raises(InvalidInput, match="JSON"):
        body(response_format={"type": "json_object"})
    asked = [{"role": "user", "content": [{"type": "text", "text": "用 json 回答"}]}]
    assert body(messages=asked, response_format={"type": "json_object"})["response_format"] == {"type": "json_object"}
    with pytest.raises(InvalidInput, match="json_object"):
        body(response_format={"type": "json_schema", "json_schema": {}})
    assert body(qiniu, "m", response_format={"type": "json_schema", "json_schema": {}})["response_format"]


def test_images_in_every_form(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    written = "data:image/png;base64," + base64.b64encode(PNG).decode()
    for source in (path, PNG, Media.of(path), written):
        part = body(messages=image(source, detail="high"))["messages"][0]["content"][1]
        assert part == {"type": "image_url", "image_url": {"url": written, "detail": "high"}}
    url = "https://www.qiniu.com/qiniu_ai_token_snapshot.png"
    assert body(qiniu, "deepseek-v3", image(url))["messages"] == image(url)
    flat = [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]
    assert body(messages=flat)["messages"][0]["content"][0]["image_url"] == {"url": url}


@pytest.mark.parametrize(
    "url", ["a.png", "/etc/hosts", "file:///etc/hosts", "ftp://x/a.png", "data:image/png,x", "", None, 7]
)
def test_a_text_is_never_taken_for_a_path(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(InvalidInput, match="image_url"):
        body(messages=image(url))


def test_qinius_eight_megabytes(tmp_path):
    fits, over = PNG + bytes(8 * MIB - len(PNG)), PNG + bytes(8 * MIB - len(PNG) + 1)
    assert body(qiniu, "m", image(fits))
    path = tmp_path / "big.png"
    path.write_bytes(over)
    data_url = "data:image/png;base64," + base64.b64encode(over).decode()
    for source in (over, path, data_url):
        with pytest.raises(InvalidInput, match=r"8 MiB"):
            body(qiniu, "m", image(source))
    assert body(qiniu, "m", image("data:application/pdf;base64,JVBERi0xLjc="))
    assert body(qiniu, "m", image(b"%PDF-1.7 ..."))


@pytest.mark.parametrize("source", [b"RIFF\0\0\0\0WAVEfmt ", b"no picture", "data:audio/wav;base64,UklGRg=="])
def test_what_is_no_image_is_refused(source):
    with pytest.raises(InvalidInput, match="image"):
        body(qiniu, "m", image(source))


@pytest.mark.parametrize("content", ["@@@", "图片", "AAAA!", "<html>"])
def test_a_data_url_whose_content_is_no_base64_is_refused(content):
    with pytest.raises(InvalidInput, match=r"content\[1\]\.image_url: the data URL's content is not base64"):
        body(messages=image("data:image/png;base64," + content))
    lines = "data:image/png;base64," + base64.encodebytes(PNG * 9).decode()
    assert body(messages=image(lines))["messages"][0]["content"][1]["image_url"]["url"] == lines


def test_the_callers_objects_are_not_changed():
    messages, tools = image(PNG), [TOOL, OTHER]
    before = copy.deepcopy((messages, tools))
    choice = {"type": "function", "function": {"name": "get_weather"}}
    with pytest.warns(UserWarning, match="DeepSeek-R1-0528"):
        body(model="DeepSeek-R1-0528", messages=messages, tools=tools, tool_choice=choice)
    assert (messages, tools) == before


def test_a_forced_choice_is_softened_for_models_that_think():
    choice = {"type": "function", "function": {"name": "get_weather"}}
    with pytest.warns(UserWarning, match="GLM-4.5"):
        written = body(model="GLM-4.5", enable_thinking=True, tools=[TOOL, OTHER], tool_choice=choice)
    assert (written["tool_choice"], written["tools"]) == ("auto", [TOOL])
    with pytest.warns(UserWarning, match="deepseek-r1"):
        assert body(qiniu, "deepseek-r1", tools=[TOOL], tool_choice="required")["tool_choice"] == "auto"
    written = body(model="GLM-4.5", enable_thinking=False, tools=[TOOL, OTHER], tool_choice=choice)
    assert (written["tool_choice"], written["tools"]) == (choice, [TOOL, OTHER])
    assert body(model="DeepSeek-v3", tools=[TOOL], tool_choice="required")["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("DeepSeek-v3", "temperature"),
        ("QwQ-32B", "top_p"),
        ("Qwen2-VL-7B", "presence_penalty"),
        ("DeepSeek-R1-Distill-Qwen-32B", "stop"),
        ("Kimi-K2", "enable_thinking"),
    ],
)
def test_what_the_table_denies_follows_the_policy(model, field, recwarn):
    value = {"stop": ["x"], "enable_thinking": True}.get(field, 0.5)
    with pytest.raises(InvalidInput, match=field):
        body(model=model, unsupported_params="raise", **{field: value})
    assert set(body(model=model, unsupported_params="drop", **{field: value})) == {"messages", "model"}
    assert len(body(model=model, unsupported_params="send", **{field: value})) == 3
    assert not recwarn.list
    with pytest.warns(UserWarning, match=f"{model} does not take {field}"):
        assert len(body(model=model, **{field: value})) == 3
    body(model=model, **{field: value})  # once per model and field
    body(model="Brand-New-Model", **{field: value})  # no document lists it
    assert not recwarn.list


def test_who_thinks_and_who_gets_reasoning_back():
    assert thinks("DeepSeek-R1", {})
    assert thinks("moonshotai/kimi-k2-thinking", {})
    assert thinks("GLM-4.6", {"chat_template_kwargs": {"enable_thinking": True}})
    assert not thinks("GLM-4.6", {"enable_thinking": False})
    assert not thinks("DeepSeek-v3", {})
    for model in ("DeepSeek-R1", "GLM-4.6", "anything"):
        assert replays_reasoning(model, "auto", has_tool_calls=True)
        assert not replays_reasoning(model, "auto", has_tool_calls=False)
    assert replays_reasoning("MiniMax-M2.5", "auto", has_tool_calls=False)
    assert replays_reasoning("x", "always", has_tool_calls=False)
    assert not replays_reasoning("x", "never", has_tool_calls=True)
    assert not replays_reasoning("x", "tool_calls", has_tool_calls=False)


@pytest.mark.parametrize("cloud", [qiniu, sophnet])
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *[("model", value) for value in (None, 5, ["m"], "", " ")],
        *[("messages", value) for value in (None, "x", b"x", {}, [], [None], [{"role": ["user"]}], (m for m in HELLO))],
        *[("tools", value) for value in (5, "x", {"type": "function"}, (tool for tool in [TOOL]), [None])],
        ("tools", [{"type": "function", "function": {"name": ["f"]}}]),
        ("tool_choice", {"function": {"name": ["f"]}}),
        *[("temperature", value) for value in ("1", True, 10**400, float("nan"), [1])],
        *[("max_tokens", value) for value in ("1", 1.5)],
        pytest.param("max_tokens", -(10**5000), id="max_tokens-beyond-all-bounds"),
        *[
            (name, "x")
            for name in ("thinking", "chat_template_kwargs", "stream_options", "extra_body", "response_format")
        ],
        *[
            (name, [1])
            for name in ("thinking", "chat_template_kwargs", "stream_options", "extra_body", "response_format")
        ],
    ],
)
def test_values_of_the_wrong_kind_are_refused(cloud, argument, value):
    with pytest.raises(InvalidInput, match=argument):
        body(cloud, **{argument: value})


@pytest.mark.parametrize("cloud", [qiniu, sophnet])
@pytest.mark.parametrize(
    "extra",
    [
        {"response_format": "json"},
        {"messages": None, "response_format": {"type": "json_object"}},
        {"messages": [None, {"role": "user", "content": "json"}], "response_format": {"type": "json_object"}},
        {"tool_choice": {"type": "auto"}, "tools": [{"type": "own"}]},
        {"model": None, "tool_choice": "required"},
    ],
)
def test_what_the_caller_writes_himself_is_written_as_it_is(cloud, extra):
    messages = [{"role": "user", "content": "in JSON, please"}]
    if cloud is sophnet and extra.get("messages", messages) is None:
        with pytest.raises(InvalidInput, match="must ask for JSON"):
            body(cloud, "DeepSeek-R1", messages, extra_body=extra)
    else:
        assert body(cloud, "DeepSeek-R1", messages, extra_body=extra) == {
            "messages": messages,
            "model": "DeepSeek-R1",
            **extra,
        }


@pytest.mark.parametrize("middle", ["a", ";", ";a", ";base64"])
def test_a_long_text_that_is_no_data_url_is_refused_quickly(middle):
    def refuse(size):
        with pytest.raises(InvalidInput, match="data URL"):
            body(messages=image("data:" + middle * size))

    assert growth(refuse, 30_000) < MOST


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("GLM-4.6", {"thinking": {"type": "enabled"}}),
        ("DeepSeek-v3", {"thinking": {"type": "disabled"}}),
        ("Qwen3-14B", {"chat_template_kwargs": {"enable_thinking": True}}),
    ],
)
def test_literal_switches_that_the_document_denies_follow_the_policy(model, params, recwarn):
    (name,) = params
    with pytest.raises(InvalidInput, match=name):
        body(model=model, unsupported_params="raise", **params)
    assert set(body(model=model, unsupported_params="drop", **params)) == {"messages", "model"}
    with pytest.warns(UserWarning, match=f"{model} does not take {name}"):
        assert body(model=model, **params)[name] == params[name]


def test_literal_switches_that_the_document_grants(recwarn):
    for model, params in (
        ("GLM-4.5V", {"thinking": {"type": "disabled"}}),
        ("GLM-4.6", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("Qwen3-14B", {"chat_template_kwargs": {"other": 1}}),
        ("Brand-New-Model", {"thinking": {"type": "enabled"}, "chat_template_kwargs": {"enable_thinking": True}}),
    ):
        assert body(model=model, unsupported_params="raise", **params) == {"messages": HELLO, "model": model, **params}
    assert not recwarn.list


@pytest.mark.parametrize("thinking", [{}, {"type": "auto"}, {"type": True}])
def test_a_type_of_thinking_that_sophnet_does_not_know(thinking):
    with pytest.raises(InvalidInput, match="thinking"):
        body(model="GLM-4.5", thinking=thinking)
    assert body(qiniu, "m", thinking={"type": "auto"})["thinking"] == {"type": "auto"}
