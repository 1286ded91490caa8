"""LangChain's messages on their way to the wire."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from maaskit.errors import InvalidInput
from maaskit.langchain.content_parts import Intake
from maaskit.langchain.messages import write_messages

QINIU = Intake("Qiniu", pdf=True, audio=True)
SOPHNET = Intake("SophNet", pdf=False, audio=False)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").decode()
PDF = base64.b64encode(b"%PDF-1.4 and so on").decode()
WAV = base64.b64encode(b"RIFF\0\0\0\0WAVE").decode()
CALL = {"name": "weather", "args": {"place": "上海"}, "id": "c1", "type": "tool_call"}
WIRE_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"place":"上海"}'}}


def write(*messages: BaseMessage, intake: Intake = QINIU, replays: bool = False) -> list[dict[str, Any]]:
    before = copy.deepcopy(messages)
    written = write_messages(messages, intake, lambda _: replays)
    assert messages == before, "the caller's messages were changed"
    json.dumps(written)
    return written


def human(*blocks: Any, intake: Intake = QINIU) -> Any:
    return write(HumanMessage(content=list(blocks)), intake=intake)[0]["content"]


# --- roles ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_message_has_its_role() -> None:
    assert write(
        SystemMessage("Be kind."),
        HumanMessage("Hi", name="小明"),
        AIMessage("Hello"),
        AIMessageChunk("Well"),
        ChatMessage("And?", role="human"),
        ChatMessage("So.", role="assistant"),
        FunctionMessage("20", name="weather"),
    ) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi", "name": "小明"},
        {"role": "assistant", "content": "Hello"},
        {"role": "assistant", "content": "Well"},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "So."},
        {"role": "function", "content": "20", "name": "weather"},
    ]


def test_a_call_of_the_older_form_goes_back_with_its_answer() -> None:
    call = {"name": "weather", "arguments": '{"place":"上海"}'}
    assert write(AIMessage("", additional_kwargs={"function_call": call}), FunctionMessage("20", name="weather")) == [
        {"role": "assistant", "content": "", "function_call": call},
        {"role": "function", "content": "20", "name": "weather"},
    ]


def test_a_message_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"messages\[1\] \(RemoveMessage\)"):
        write(HumanMessage("Hi"), RemoveMessage(id="1"))


# --- content of users ----------------------------------------------------------------------------------------------


def test_lists_of_text_become_text() -> None:
    assert human("a", {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}) == "a\nb"
    assert write(SystemMessage(content=[{"type": "text", "text": "Be kind."}]))[0]["content"] == "Be kind."
    assert human() == ""


@pytest.mark.parametrize(
    ("block", "image"),
    [
        ({"type": "image_url", "image_url": "https://e.x/a.png"}, {"url": "https://e.x/a.png"}),
        (
            {"type": "image_url", "image_url": {"url": "https://e.x/a.png", "detail": "high"}},
            {"url": "https://e.x/a.png", "detail": "high"},
        ),
        ({"type": "image", "url": "https://e.x/a.png", "id": "lc_1"}, {"url": "https://e.x/a.png"}),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, {"url": f"data:image/png;base64,{PNG}"}),
        ({"type": "image", "base64": PNG}, {"url": f"data:image/png;base64,{PNG}"}),
        (
            {"type": "image", "base64": PNG, "mime_type": "image/png", "extras": {"detail": "low"}},
            {"url": f"data:image/png;base64,{PNG}", "detail": "low"},
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"url": f"data:image/png;base64,{PNG}"},
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://e.x/a.png"}}, {"url": "https://e.x/a.png"}),
        ({"type": "file", "base64": PNG, "mime_type": "image/png"}, {"url": f"data:image/png;base64,{PNG}"}),
        (
            {"type": "file", "base64": PDF, "mime_type": "application/pdf"},
            {"url": f"data:application/pdf;base64,{PDF}"},
        ),
        ({"type": "file", "base64": PDF}, {"url": f"data:application/pdf;base64,{PDF}"}),
        ({"type": "file", "url": "https://e.x/a.PDF?x=1"}, {"url": "https://e.x/a.PDF?x=1"}),
        ({"type": "file", "url": "https://e.x/a", "mime_type": "application/pdf"}, {"url": "https://e.x/a"}),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            {"url": f"data:application/pdf;base64,{PDF}"},
        ),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
            {"url": f"data:application/pdf;base64,{PDF}"},
        ),
    ],
)
def test_pictures_and_pdf_in_every_form(block: dict[str, Any], image: dict[str, Any]) -> None:
    assert human({"type": "text", "text": "?"}, block) == [
        {"type": "text", "text": "?"},
        {"type": "image_url", "image_url": image},
    ]


def test_documents_that_are_text_become_text() -> None:
    words = base64.b64encode("你好".encode()).decode()
    assert human({"type": "text-plain", "text": "你好", "title": "t"}) == "你好"
    assert human({"type": "text-plain", "base64": words, "mime_type": "text/plain"}) == "你好"
    assert human({"type": "file", "base64": words, "mime_type": "text/plain"}) == "你好"
    assert human({"type": "document", "source": {"type": "text", "data": "你好"}}) == "你好"
    assert human({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}}) == "a"


def test_sound_goes_where_the_dialect_takes_it() -> None:
    wanted = [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]
    assert human({"type": "audio", "base64": WAV, "mime_type": "audio/wav"}) == wanted
    assert human({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}) == wanted
    assert human({"type": "audio", "base64": WAV, "mime_type": "audio/mpeg"})[0]["input_audio"]["format"] == "mp3"
    with pytest.raises(InvalidInput, match="transcribe it first"):
        human({"type": "audio", "base64": WAV, "mime_type": "audio/wav"}, intake=SOPHNET)
    with pytest.raises(InvalidInput, match="base64"):
        human({"type": "audio", "url": "https://e.x/a.wav"})


def test_a_part_of_the_cloud_s_own_goes_through_when_it_is_wrapped() -> None:
    part = {"type": "pdf", "file_url": {"url": "https://e.x/a.pdf"}}
    assert human({"type": "non_standard", "value": part}) == [part]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "hologram", "data": "x"}, "'hologram'"),
        ({"type": "video", "url": "https://e.x/a.mp4"}, "video"),
        ({"type": "image", "file_id": "file-1"}, "file_id"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file_id"),
        ({"type": "image"}, "neither url nor base64"),
        ({"type": "image", "base64": "AAAA"}, "mime_type"),
        ({"type": "image_url", "image_url": {}}, "without a url"),
        ({"type": "file", "base64": "UEsDBA==", "mime_type": "application/zip"}, "SophNetDocumentLoader"),
        ({"type": "reasoning", "reasoning": "hm"}, "'reasoning'"),
        ({"type": "non_standard", "value": 1}, "non_standard"),
        ({"type": "text-plain", "url": "https://e.x/a.txt", "mime_type": "text/plain"}, "send the text itself"),
        ({"no": "type"}, "None"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(block: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        human({"type": "text", "text": "?"}, block)
    assert "messages[0] (HumanMessage).content[1]" in str(caught.value)


def test_the_place_of_what_is_refused_is_its_place_in_the_message() -> None:
    film = {"type": "video", "url": "https://e.x/a.mp4"}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "20"}, film]}
    for message, place in (
        (AIMessage(content=["Here.", film]), "messages[0] (AIMessage).content[1] "),
        (ToolMessage(content=["Here.", film], tool_call_id="c1"), "messages[0] (ToolMessage).content[1] "),
        (HumanMessage(content=[{**result, "content": "20"}, "?", film]), "messages[0] (HumanMessage).content[2] "),
        (HumanMessage(content=["?", result]), "messages[0] (HumanMessage).content[1].content[1] "),
    ):
        with pytest.raises(InvalidInput) as caught:
            write(message)
        assert place in str(caught.value)


def test_a_pdf_is_no_picture_for_sophnet() -> None:
    with pytest.raises(InvalidInput, match="application/pdf"):
        human({"type": "file", "base64": PDF, "mime_type": "application/pdf"}, intake=SOPHNET)


def test_a_system_message_holds_text_only() -> None:
    with pytest.raises(InvalidInput, match="'image'"):
        write(SystemMessage(content=[{"type": "image", "url": "https://e.x/a.png"}]))


# --- assistants ----------------------------------------------------------------------------------------------------


def test_calls_go_back_with_text_and_not_with_a_list() -> None:
    message = AIMessage(
        content=[{"type": "text", "text": "Let me "}, {"type": "text", "text": "see."}], tool_calls=[CALL]
    )
    assert write(message, ToolMessage("20", tool_call_id="c1")) == [
        {"role": "assistant", "content": "Let me see.", "tool_calls": [WIRE_CALL]},
        {"role": "tool", "content": "20", "tool_call_id": "c1"},
    ]
    assert write(AIMessage(content=[], tool_calls=[CALL]))[0]["content"] == ""


def test_v1_content_goes_back_whole() -> None:
    message = AIMessage(
        content=[
            {"type": "reasoning", "reasoning": "hm", "index": "lc_rs_0"},
            {"type": "text", "text": "Let me see.", "index": "lc_txt_0", "annotations": []},
            {"type": "tool_call", "name": "weather", "args": {"place": "上海"}, "id": "c1"},
        ],
        tool_calls=[CALL],
        response_metadata={"output_version": "v1", "model_provider": "sophnet"},
    )
    assert write(message, replays=True) == [
        {"role": "assistant", "content": "Let me see.", "reasoning_content": "hm", "tool_calls": [WIRE_CALL]}
    ]


def test_calls_that_stand_in_blocks_alone_are_found() -> None:
    for block in (
        {"type": "tool_call", "name": "weather", "args": {"place": "上海"}, "id": "c1"},
        {"type": "tool_use", "name": "weather", "input": {"place": "上海"}, "id": "c1"},
        {"type": "function_call", "name": "weather", "arguments": '{"place":"上海"}', "call_id": "c1", "id": "fc_1"},
    ):
        assert write(AIMessage(content=[block]))[0]["tool_calls"] == [WIRE_CALL]


@pytest.mark.parametrize("replays", [True, False])
def test_reasoning_goes_back_where_the_policy_says_so(replays: bool) -> None:
    written = write(AIMessage("42", additional_kwargs={"reasoning_content": "six times seven"}), replays=replays)
    assert written[0].get("reasoning_content") == ("six times seven" if replays else None)


def test_the_policy_hears_whether_there_were_calls() -> None:
    heard: list[bool] = []

    def replays(calls: bool) -> bool:
        heard.append(calls)
        return calls

    reasoning = {"additional_kwargs": {"reasoning_content": "hm"}}
    written = write_messages(
        [AIMessage("", tool_calls=[CALL], **reasoning), AIMessage("x", **reasoning)], QINIU, replays
    )
    assert heard == [True, False]
    assert ["reasoning_content" in message for message in written] == [True, False]


def test_an_anthropic_history_goes_back_translated() -> None:
    assert write(
        HumanMessage(content=[{"type": "text", "text": "?"}]),
        AIMessage(
            content=[
                {"type": "thinking", "thinking": "hm", "signature": "zzz"},
                {"type": "redacted_thinking", "data": "zzz"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "name": "weather", "input": {"place": "上海"}, "id": "c1"},
            ],
            tool_calls=[CALL],
            response_metadata={"model_provider": "anthropic"},
        ),
        HumanMessage(
            content=[
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "20"}],
                    "is_error": False,
                },
                {"type": "text", "text": "And now?"},
            ]
        ),
        replays=True,
    ) == [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "Let me see.", "reasoning_content": "hm", "tool_calls": [WIRE_CALL]},
        {"role": "tool", "content": "20", "tool_call_id": "c1"},
        {"role": "user", "content": "And now?"},
    ]


def test_an_openai_responses_history_goes_back_translated() -> None:
    message = AIMessage(
        content=[
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "web_search_call", "id": "ws_1"},
            {"type": "text", "text": "Sunny.", "annotations": []},
            {"type": "some_new_kind", "x": 1},
        ],
        response_metadata={"model_provider": "openai"},
    )
    assert write(message, replays=True) == [{"role": "assistant", "content": "Sunny.", "reasoning_content": "hm"}]


def test_an_unknown_block_of_ours_is_not_dropped_in_silence() -> None:
    with pytest.raises(InvalidInput, match="'some_new_kind'"):
        write(AIMessage(content=[{"type": "some_new_kind"}]))


def test_a_refusal_goes_back_as_what_was_said() -> None:
    assert write(AIMessage(content=[{"type": "refusal", "refusal": "I will not."}]))[0]["content"] == "I will not."


def test_a_picture_of_the_assistant_s_waits_for_the_next_user_message() -> None:
    written = write(
        AIMessage(content=[{"type": "text", "text": "Here."}, {"type": "image", "url": "https://e.x/a.png"}]),
        HumanMessage("Nicer!"),
    )
    assert [message["role"] for message in written] == ["assistant", "user", "user"]
    assert written[1]["content"][1]["image_url"]["url"] == "https://e.x/a.png"


def test_calls_that_could_not_be_read_go_back_with_an_answer() -> None:
    broken = {"name": "weather", "args": '{"place":', "id": "c2", "error": "x", "type": "invalid_tool_call"}
    message = AIMessage("", tool_calls=[CALL], invalid_tool_calls=[broken])
    answered = ToolMessage("That was no JSON.", tool_call_id="c2", status="error")
    written = write(message, ToolMessage("20", tool_call_id="c1"), answered)
    assert [call["id"] for call in written[0]["tool_calls"]] == ["c1", "c2"]
    assert written[0]["tool_calls"][1]["function"]["arguments"] == '{"place":'
    assert [entry["content"] for entry in written[1:]] == ["20", "That was no JSON."]

    alone = write(AIMessage("", invalid_tool_calls=[broken]), HumanMessage("Go on."))
    assert [entry["role"] for entry in alone] == ["assistant", "tool", "user"]
    assert alone[1]["tool_call_id"] == "c2"


# --- tools ---------------------------------------------------------------------------------------------------------


def test_results_of_tools_become_text() -> None:
    message = ToolMessage(
        content=[
            "a",
            {"type": "text", "text": "b"},
            {"type": "json", "json": {"城": [1]}},
            {"type": "text-plain", "text": "c"},
        ],
        tool_call_id="c1",
        status="error",
    )
    assert write(message) == [{"role": "tool", "content": 'a\nb\n{"城":[1]}\nc', "tool_call_id": "c1"}]


def test_pictures_out_of_tools_follow_after_the_last_result() -> None:
    second = {"name": "weather", "args": {}, "id": "c2", "type": "tool_call"}
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    written = write(
        AIMessage("", tool_calls=[CALL, second]),
        ToolMessage(content=[picture], tool_call_id="c1"),
        ToolMessage(content=[{"type": "text", "text": "cold"}], tool_call_id="c2"),
        HumanMessage("What do you see?"),
    )
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "user", "user"]
    assert written[1]["content"]
    assert written[2]["content"] == "cold"
    assert "c1" in written[3]["content"][0]["text"]
    assert written[3]["content"][1]["image_url"]["url"].endswith(PNG)
    assert PNG not in json.dumps(written[:3])


def test_what_a_tool_may_not_return_is_named() -> None:
    with pytest.raises(InvalidInput, match="'hologram'"):
        write(ToolMessage(content=[{"type": "hologram"}], tool_call_id="c1"))
    with pytest.raises(InvalidInput, match="application/pdf"):
        write(
            ToolMessage(content=[{"type": "file", "base64": PDF, "mime_type": "application/pdf"}], tool_call_id="c1"),
            intake=SOPHNET,
        )
