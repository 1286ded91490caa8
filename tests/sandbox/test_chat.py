"""Both chat endpoints, seen through the official kit and through raw JSON."""

from __future__ import annotations

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from PIL import Image, ImageDraw

from maaskit.sandbox import Sandbox
from tests.sandbox.clouds import WEATHER, Cloud, joined


def picture(text: str = "", colour: str = "white", size: tuple[int, int] = (420, 120)) -> bytes:
    image = Image.new("RGB", size, colour)
    if text:
        ImageDraw.Draw(image).text((20, 30), text, fill="black", font_size=40)
    stored = io.BytesIO()
    image.save(stored, "PNG")
    return stored.getvalue()


def looking(data: bytes, question: str, kind: str = "image/png") -> list[dict[str, Any]]:
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}],
        }
    ]


def test_the_official_kit_gets_a_whole_answer(cloud: Cloud, sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=cloud.model, messages=[{"role": "user", "content": "Hello"}])
    assert "maaskit" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.model == cloud.model


def test_the_official_kit_gets_a_stream(cloud: Cloud, sdk: openai.OpenAI) -> None:
    said = "Count from one to thirty"
    whole = sdk.chat.completions.create(model=cloud.model, messages=[{"role": "user", "content": said}])
    text, reasons, pieces = "", [], 0
    with sdk.chat.completions.create(
        model=cloud.model, messages=[{"role": "user", "content": said}], stream=True
    ) as stream:
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
            reasons.append(chunk.choices[0].finish_reason)
            pieces += 1
    assert text == whole.choices[0].message.content
    assert reasons[-1] == "stop"
    assert not any(reasons[:-1])
    assert pieces > 10


def test_the_official_kit_runs_a_tool_loop(cloud: Cloud, sdk: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = sdk.chat.completions.create(model=cloud.model, messages=messages, tools=[WEATHER])  # type: ignore[list-item]
    call = first.choices[0].message.tool_calls[0]  # type: ignore[index]
    assert first.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"city": "Oslo"}  # type: ignore[union-attr]
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "It rains, 7 degrees."}]
    second = sdk.chat.completions.create(model=cloud.model, messages=messages, tools=[WEATHER])  # type: ignore[list-item]
    assert second.choices[0].finish_reason == "stop"
    assert "7 degrees" in (second.choices[0].message.content or "")


def test_the_official_kit_understands_the_errors(cloud: Cloud, sdk: openai.OpenAI) -> None:
    def ask(**fields: Any) -> Any:
        settings = {"model": cloud.model, "messages": [{"role": "user", "content": "Hello"}], **fields}
        return sdk.chat.completions.create(**settings)

    with pytest.raises(openai.NotFoundError, match="model not found"):
        ask(model="nowhere")
    with pytest.raises(openai.BadRequestError, match="temperature"):
        ask(temperature=9)
    with (
        openai.OpenAI(base_url=cloud.url, api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model=cloud.model, messages=[{"role": "user", "content": "Hello"}])
    cloud.sandbox.faults.add(status=429)
    with pytest.raises(openai.RateLimitError):
        ask()


def test_the_official_kit_lists_qinius_models(qiniu: Cloud) -> None:
    with openai.OpenAI(base_url=qiniu.url, api_key=qiniu.sandbox.api_key) as client:
        assert "deepseek-v3" in [model.id for model in client.models.list()]


def test_a_stream_says_what_the_whole_answer_says(cloud: Cloud) -> None:
    for fields in ({}, {"model": cloud.thinker}, {"logprobs": True, "top_logprobs": 2}):
        said = "请讲一个关于潮水的故事"
        message = cloud.ask(said, **fields)["choices"][0]["message"]
        chunks = cloud.chunks(said, **fields)
        assert joined(chunks) == message["content"]
        assert joined(chunks, "reasoning_content") == message.get("reasoning_content", "")


def test_pieces_are_uneven_and_the_same_each_time(cloud: Cloud) -> None:
    def sizes() -> list[int]:
        chunks = cloud.chunks("Count from one to fifty")
        return [len(c["choices"][0]["delta"].get("content") or "") for c in chunks]

    assert sizes() == sizes()
    assert len(set(sizes())) > 4


def test_reasoning_comes_first_and_is_counted(cloud: Cloud) -> None:
    plain, thought = cloud.ask("What is 6 * 7?"), cloud.ask("What is 6 * 7?", model=cloud.thinker)
    assert "reasoning_content" not in plain["choices"][0]["message"]
    assert plain["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}
    message, usage = thought["choices"][0]["message"], thought["usage"]
    assert "6 * 7" in message["reasoning_content"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    chunks = cloud.chunks("What is 6 * 7?", model=cloud.thinker)
    kinds = ["r" if c["choices"][0]["delta"].get("reasoning_content") else "t" for c in chunks if c["choices"]]
    assert re.fullmatch(r"t?r+t+", "".join(kinds))


def test_a_model_thinks_before_it_calls_a_tool(cloud: Cloud) -> None:
    message = cloud.ask("Weather in Oslo?", model=cloud.thinker, tools=[WEATHER])["choices"][0]["message"]
    assert "get_weather" in message["reasoning_content"]
    assert message["tool_calls"]


def test_thinking_can_be_switched_on_and_bounded(qiniu: Cloud, sophnet: Cloud) -> None:
    for switch in (
        {"thinking": {"type": "enabled"}},
        {"enable_thinking": True},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ):
        for cloud, model in ((qiniu, "glm-4.5"), (sophnet, "GLM-4.5")):
            assert cloud.ask(model=model, **switch)["choices"][0]["message"]["reasoning_content"]
    bounded = sophnet.ask(model="GLM-4.5", thinking={"type": "enabled", "budget_tokens": 3})
    assert bounded["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


def test_the_prompts_beginning_is_cached() -> None:
    with Sandbox() as sandbox, Cloud(sandbox, sandbox.qiniu_url, "deepseek-v3", "") as cloud:
        history = [{"role": "system", "content": "Rules. " * 50}, {"role": "user", "content": "Hello"}]
        first, second = cloud.ask(history)["usage"], cloud.ask(history)["usage"]
        assert first["prompt_tokens_details"] == {"cached_tokens": 0}
        assert second["prompt_tokens_details"] == {"cached_tokens": first["prompt_tokens"]}
        longer = cloud.ask([*history, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Thanks"}])[
            "usage"
        ]
        assert longer["prompt_tokens_details"]["cached_tokens"] == first["prompt_tokens"]
        other = cloud.ask([{"role": "user", "content": "Hello"}])["usage"]
        assert other["prompt_tokens_details"]["cached_tokens"] == 0
        assert cloud.ask(history, model="kimi-k2")["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


def test_token_limits_and_stop_texts(cloud: Cloud) -> None:
    said = "Count from one to thirty"
    short = cloud.ask(said, max_tokens=7)
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 7
    assert cloud.say(said).startswith(short["choices"][0]["message"]["content"])
    assert cloud.say(said, stop=["11", "5,"]) == "1, 2, 3, 4, "
    assert cloud.ask(said, stop="9")["choices"][0]["finish_reason"] == "stop"
    thought = cloud.ask(said, model=cloud.thinker, max_tokens=3)["choices"][0]
    assert thought["message"]["content"] == ""
    assert thought["finish_reason"] == "length"
    cut = cloud.ask("Weather in Oslo?", tools=[WEATHER], max_tokens=4)["choices"][0]
    assert cut["finish_reason"] == "length"
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(cut["message"]["tool_calls"][0]["function"]["arguments"])
    assert cloud.chunks(said, max_tokens=7)[-1]["choices"][0]["finish_reason"] == "length"


def test_several_answers(cloud: Cloud) -> None:
    choices = cloud.ask("Hello", n=3)["choices"]
    assert [c["index"] for c in choices] == [0, 1, 2]
    assert len({c["message"]["content"] for c in choices}) > 1
    chunks = cloud.chunks("Hello", n=3)
    assert [joined(chunks, index=i) for i in range(3)] == [c["message"]["content"] for c in choices]


def test_log_probabilities(cloud: Cloud) -> None:
    answer = cloud.ask("Count from one to five", logprobs=True, top_logprobs=3)["choices"][0]
    entries = answer["logprobs"]["content"]
    assert "".join(e["token"] for e in entries) == answer["message"]["content"]
    for entry in entries:
        assert entry["logprob"] <= 0
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert entry["top_logprobs"][0]["token"] == entry["token"]
        assert len({a["token"] for a in entry["top_logprobs"]}) == 3
        scores = [a["logprob"] for a in entry["top_logprobs"]]
        assert scores == sorted(scores, reverse=True)
    streamed = [
        e
        for c in cloud.chunks("Count from one to five", logprobs=True, top_logprobs=3)
        for choice in c["choices"]
        for e in (choice.get("logprobs") or {}).get("content", [])
    ]
    assert streamed == entries
    assert cloud.ask("Hello", logprobs=True)["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == []
    assert "logprobs" not in cloud.ask("Hello")["choices"][0]


def test_the_same_request_gives_the_same_answer(cloud: Cloud) -> None:
    first, second = (cloud.ask("Tell me a story about gulls", tools=[WEATHER]) for _ in range(2))
    assert first["choices"] == second["choices"]
    calls = [cloud.ask("Weather in Oslo?", tools=[WEATHER])["choices"] for _ in range(2)]
    assert calls[0] == calls[1]


def test_text_in_a_picture_is_read(qiniu: Cloud, sophnet: Cloud) -> None:
    board = picture("Room 4711 today")
    assert "4711" in qiniu.say(looking(board, "What does the sign say?"))
    assert "4711" in sophnet.say(looking(board, "图片里写了什么?"), model="Qwen2.5-VL-72B-Instruct")
    assert "4711" in qiniu.say(looking(board, "Which room is it?"))


def test_a_picture_without_text_is_described(qiniu: Cloud) -> None:
    said = qiniu.say(looking(picture(colour="red", size=(64, 48)), "Describe the picture."))
    assert "64x48" in said
    assert "red" in said
    assert "红色" in qiniu.say(looking(picture(colour="red", size=(64, 48)), "描述一下这张图片"))


def test_a_pdf_comes_as_a_picture_at_qiniu_alone(qiniu: Cloud, sophnet: Cloud) -> None:
    page = io.BytesIO()
    Image.open(io.BytesIO(picture("Gate 23 closes"))).save(page, "PDF")
    asked = looking(page.getvalue(), "Which gate closes?", "application/pdf")
    assert "23" in qiniu.say(asked)
    assert "PDF" in sophnet.refusal(asked, model="Qwen2.5-VL-72B-Instruct")[1]
    url = asked[0]["content"][1]["image_url"]["url"]
    asked[0]["content"][1] = {"type": "pdf", "file_url": {"url": url}}
    assert "23" in qiniu.say(asked)
    assert sophnet.refusal(asked, model="Qwen2.5-VL-72B-Instruct")[0] == 400


def test_a_picture_is_fetched_from_its_url(qiniu: Cloud, sandbox: Sandbox) -> None:
    missing = f"{sandbox.origin}/-/web/none"
    asked = looking(b"", "What is it?")
    asked[0]["content"][1]["image_url"]["url"] = missing
    status, told = qiniu.refusal(asked)
    assert status == 400
    assert "HTTP 404" in told
    asked[0]["content"][1]["image_url"]["url"] = "ftp://example.org/a.png"
    assert qiniu.refusal(asked)[0] == 400


def test_pictures_that_are_refused(qiniu: Cloud, sophnet: Cloud) -> None:
    large = picture() + b"\0" * (8 * 1024 * 1024)
    status, told = qiniu.refusal(looking(large, "What is it?"))
    assert status == 400
    assert "8 MiB" in told
    assert qiniu.refusal(looking(b"no picture", "What is it?"))[0] == 400
    status, told = sophnet.refusal(looking(picture(), "What is it?"))
    assert status == 400
    assert "takes text only" in told


def test_a_search_links_to_pages_that_say_what_they_are(qiniu: Cloud) -> None:
    answer = qiniu.ask("七牛云提供 GPU 云产品能用于哪些场景?", model="deepseek-v3?search")
    text = answer["choices"][0]["message"]["content"]
    assert answer["model"] == "deepseek-v3?search"
    assert "沙盒" in text
    links = re.findall(r"\]\((http://[^)]+)\)", text)
    assert links
    page = httpx.get(links[0], timeout=60)
    assert page.status_code == 200
    assert "沙盒" in page.text
    assert "](http" not in qiniu.say("七牛云提供 GPU 云产品能用于哪些场景?")


def test_many_talk_at_once(cloud: Cloud) -> None:
    with ThreadPoolExecutor(9) as pool:
        said = list(pool.map(lambda n: cloud.say(f"Repeat after me exactly: number {n}"), range(27)))
    assert said == [f"number {n}" for n in range(27)]
    assert len(cloud.sandbox.requests) == 27


def test_a_client_that_leaves_a_stream_stops_the_work(cloud: Cloud) -> None:
    body = {"model": cloud.model, "messages": [{"role": "user", "content": "Count from 1 to 5000"}], "stream": True}
    cloud.sandbox.faults.add(drip_s=0.1)  # so that it does not end by itself
    with cloud.http.stream("POST", f"{cloud.url}/chat/completions", json=body) as response:
        next(response.iter_raw())
    assert cloud.sandbox.requests[-1].wait(30)
    assert cloud.sandbox.requests[-1].disconnected


def test_half_a_surrogate_pair_is_survived(cloud: Cloud) -> None:
    said = b"Repeat after me exactly: a\\ud83db"
    body = b'{"model": "%s", "messages": [{"role": "user", "content": "' + said + b'"}], "stream": %s}'
    for stream in (b"false", b"true"):
        data = cloud.http.post(f"{cloud.url}/chat/completions", content=body % (cloud.model.encode(), stream)).content
        assert b"?" in data
        data.decode()


def test_emoji_and_other_scripts_survive_the_cutting(cloud: Cloud) -> None:
    words = "👩‍🚀🌊 café naïve こんにちは العربية 𝒳 ① „quoted“"
    assert cloud.say(f"Repeat after me exactly: {words}") == words
    assert joined(cloud.chunks(f"Repeat after me exactly: {words}")) == words
