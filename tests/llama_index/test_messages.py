"""Conversations on the wire: roles, blocks, tool answers, reasoning by policy, and what memories do to them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.llms import ChatMessage

from maaskit import InvalidInput
from maaskit.llama_index import QiniuLLM, SophNetLLM
from maaskit.llama_index.messages import Addressee, wire_messages
from maaskit.llama_index.parts import Intake
from tests.llama_index.ways import WAYS, ask, last, user, whole
from tests.scripted import ScriptedServer, json_reply, sse_reply

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 20
QINIU = Addressee("deepseek-v3", intake=Intake(pdf=True, audio=True))
SOPHNET = Addressee("DeepSeek-v3", sees=False)


def wire(*messages: ChatMessage, to: Addressee = QINIU) -> list[dict[str, Any]]:
    return wire_messages(messages, to)


def called(*ids: str | None, name: str = "look") -> ChatMessage:
    blocks = [ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs={"n": 1}) for call_id in ids]
    return ChatMessage(role="assistant", blocks=blocks)


def answered(call_id: str | None, *blocks: Any, text: str = "ok") -> ChatMessage:
    kwargs = {} if call_id is None else {"tool_call_id": call_id}
    return ChatMessage(role="tool", blocks=blocks or [TextBlock(text=text)], additional_kwargs=kwargs)


def wire_call(call_id: str, name: str = "look", arguments: str = '{"n":1}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("role", "written"),
    [
        ("system", "system"),
        ("developer", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_roles(role: str, written: str) -> None:
    assert wire(ChatMessage(role=role, content="x")) == [{"role": written, "content": "x"}]


def test_texts_are_joined_as_core_joins_them() -> None:
    message = ChatMessage(
        role="user", blocks=[TextBlock(text="a"), CachePoint(cache_control=CacheControl(type="e")), TextBlock(text="b")]
    )
    assert wire(message) == [{"role": "user", "content": "a\nb"}]
    assert wire(ChatMessage(role="user", blocks=[])) == [{"role": "user", "content": ""}]


def test_images_in_each_form(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    blocks = [
        TextBlock(text="what?"),
        ImageBlock(url="https://example.com/a.jpg", detail="low"),
        ImageBlock(path=path),
        ImageBlock(image=PNG),
        ImageBlock(image=base64.b64encode(PNG)),
        ImageBlock(image=io.BytesIO(PNG), image_mimetype="image/png"),
        ImageBlock(url=PNG_URL),
        TextBlock(text=""),
    ]
    (message,) = wire(ChatMessage(role="user", blocks=blocks))
    text, link, *given = message["content"]
    assert text == {"type": "text", "text": "what?"}
    assert link == {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg", "detail": "low"}}
    assert given[0]["image_url"]["url"] == path
    assert [part["image_url"]["url"].data for part in given[1:4]] == [PNG] * 3
    assert given[4]["image_url"]["url"] == PNG_URL
    assert len(given) == 5


@pytest.mark.parametrize("way", WAYS)
def test_images_reach_the_wire_as_urls(scripted: ScriptedServer, scripted_llm: Any, way: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    scripted.script(
        lambda seen: (
            sse_reply({"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]})
            if seen.json.get("stream")
            else json_reply(whole())
        )
    )
    blocks = [ImageBlock(path=tmp_path / "a.png"), ImageBlock(image=PNG), ImageBlock(url=PNG_URL)]
    ask(scripted_llm(), way, [ChatMessage(role="user", blocks=blocks)])
    content = scripted.seen[0].json["messages"][0]["content"]
    assert [part["image_url"]["url"] for part in content] == [PNG_URL] * 3


def test_the_model_reads_an_image(make_llm: Any, cloud: str) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (320, 60), "white")
    ImageDraw.Draw(picture).text((10, 15), "INVOICE 4711", fill="black", font_size=32)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    llm = make_llm(cloud, model="Qwen2.5-VL-72B-Instruct" if cloud == "sophnet" else "deepseek-v3")
    blocks = [TextBlock(text="What text is in this image?"), ImageBlock(image=buffer.getvalue())]
    assert "4711" in llm.chat([ChatMessage(role="user", blocks=blocks)]).message.content


@pytest.mark.parametrize("image", [b"not an image at all", PDF[:3]])
def test_what_is_no_image_is_refused_unsent(scripted: ScriptedServer, scripted_llm: Any, image: bytes) -> None:
    with pytest.raises(InvalidInput, match="image"):
        scripted_llm().chat([ChatMessage(role="user", blocks=[ImageBlock(image=image)])])
    assert not scripted.seen


def test_a_large_image_is_refused_unsent(scripted: ScriptedServer, scripted_llm: Any) -> None:
    with pytest.raises(InvalidInput, match="8 MiB"):
        scripted_llm().chat([ChatMessage(role="user", blocks=[ImageBlock(image=PNG + b"\0" * 9_000_000)])])
    assert not scripted.seen


def test_an_image_block_without_content_is_refused() -> None:
    with pytest.raises(InvalidInput, match="neither image, path nor url"):
        wire(ChatMessage(role="user", blocks=[ImageBlock()]))


def test_documents(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(PDF)
    (tmp_path / "notes.md").write_text("# 标题", encoding="utf-8")
    blocks = [
        DocumentBlock(data=PDF, title="report.pdf"),
        DocumentBlock(path=tmp_path / "a.pdf"),
        DocumentBlock(url="https://example.com/a.pdf"),
        DocumentBlock(url="https://example.com/report"),
        DocumentBlock(path=tmp_path / "notes.md", title="notes.md"),
        DocumentBlock(data=PNG, title="a.png"),
    ]
    (message,) = wire(ChatMessage(role="user", blocks=blocks))
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["image_url", "image_url", "image_url", "image_url", "text", "image_url"]
    assert message["content"][0]["image_url"]["url"].data == PDF
    assert message["content"][1]["image_url"]["url"].path == tmp_path / "a.pdf"
    assert message["content"][2]["image_url"]["url"] == "https://example.com/a.pdf"
    assert message["content"][4]["text"] == "notes.md:\n# 标题"


def test_documents_that_a_cloud_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04\0\0")
    refused = [DocumentBlock(path=tmp_path / "a.docx"), DocumentBlock(url="https://example.com/a.docx")]
    for block in refused:
        with pytest.raises(InvalidInput, match="SophNetDocumentReader"):
            wire(ChatMessage(role="user", blocks=[block]))
    for block in (*refused, DocumentBlock(data=PDF), DocumentBlock(url="https://example.com/a.pdf")):
        with pytest.raises(InvalidInput, match="SophNetDocumentReader"):
            wire(ChatMessage(role="user", blocks=[block]), to=SOPHNET)
    with pytest.raises(InvalidInput, match="empty"):
        wire(ChatMessage(role="user", blocks=[DocumentBlock(title="nothing")]))


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_a_text_document_is_said_where_only_text_can_be(role: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.md"
    path.write_text("从不透露密码。", encoding="utf-8")
    blocks = [
        TextBlock(text="Keep to these:"),
        DocumentBlock(path=path, title="rules"),
        CitableBlock(title="T", source="S", content=[DocumentBlock(data=b"second", title="more")]),
        DocumentBlock(data=PDF, document_mimetype="application/pdf"),
    ]
    (message,) = wire(ChatMessage(role=role, blocks=blocks))
    assert message["content"] == ("Keep to these:\nrules:\n从不透露密码。\nT (S):\nmore:\nsecond\n[application/pdf]")
    path.unlink()
    (message,) = wire(ChatMessage(role=role, blocks=blocks[1:2]))
    assert message["content"] == f"[{blocks[1].document_mimetype or 'document'}: {path}]"


def test_audio_goes_where_it_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    for block in (AudioBlock(audio=WAV, format="wav"), AudioBlock(path=tmp_path / "a.wav")):
        (message,) = wire(ChatMessage(role="user", blocks=[block]))
        (part,) = message["content"]
        assert part["input_audio"] == {"data": base64.b64encode(WAV).decode(), "format": "wav"}
        with pytest.raises(InvalidInput, match="transcribe"):
            wire(ChatMessage(role="user", blocks=[block]), to=SOPHNET)
    with pytest.raises(InvalidInput, match="URL"):
        wire(ChatMessage(role="user", blocks=[AudioBlock(url="https://example.com/a.wav", format="wav")]))


def test_video_is_refused() -> None:
    with pytest.raises(InvalidInput, match="frames"):
        wire(ChatMessage(role="user", blocks=[VideoBlock(url="https://example.com/a.mp4")]))


def test_citable_and_cited_text_is_said() -> None:
    blocks = [
        CitableBlock(title="Prices", source="pay.md", content="42 yuan"),
        CitationBlock(cited_content="due on the first", source="pay.md", title="Prices", additional_location_info={}),
    ]
    (asked,) = wire(ChatMessage(role="user", blocks=blocks))
    (said,) = wire(ChatMessage(role="assistant", blocks=blocks))
    for text in (asked["content"], said["content"]):
        assert "42 yuan" in text
        assert "due on the first" in text
        assert "Prices (pay.md)" in text


def test_calls_and_answers() -> None:
    history = [*user("x"), called("a", "b"), answered("a", text="1"), answered("b", text="2"), *user("y")]
    assert wire(*history) == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [wire_call("a"), wire_call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "y"},
    ]


def test_blocks_win_over_the_older_form_which_is_read_alone() -> None:
    older = [{"id": "z", "function": {"name": "old", "arguments": "{}"}}]
    both = called("a")
    both.additional_kwargs["tool_calls"] = older
    assert wire(both, answered("a"))[0]["tool_calls"] == [wire_call("a")]
    alone = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": older})
    assert wire(alone, answered("z"))[0]["tool_calls"] == [wire_call("z", "old", "{}")]
    function = SimpleNamespace(name="old", arguments="{}")
    objects = [SimpleNamespace(id="z", function=function)]
    alone = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": objects})
    assert wire(alone, answered("z"))[0]["tool_calls"] == [wire_call("z", "old", "{}")]


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        ('{"a": 1', '{"a":1}'),
        ("nonsense", "{}"),
        ("[1]", "{}"),
        ({"城市": "北京"}, '{"城市":"北京"}'),
        ('{"a": NaN, "b": [-Infinity]}', '{"a":null,"b":[null]}'),
        ({"a": float("inf"), "b": 1.5}, '{"a":null,"b":1.5}'),
    ],
)
def test_arguments_are_always_an_object(arguments: Any, written: str) -> None:
    message = ChatMessage(
        role="assistant", blocks=[ToolCallBlock(tool_call_id="a", tool_name="look", tool_kwargs=arguments)]
    )
    assert wire(message, answered("a"))[0]["tool_calls"][0]["function"]["arguments"] == written


def test_a_call_without_answer_gets_a_note() -> None:
    # A tool with return_direct ends the turn: core drops what the other calls of that turn returned.
    direct = ChatMessage(role="assistant", content="1", additional_kwargs={"tool_call_id": "a"})
    written = wire(called("a", "b"), answered("a", text="1"), direct, *user("y"))
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "assistant", "user"]
    assert written[2] == {"role": "tool", "tool_call_id": "b", "content": written[2]["content"]}
    assert "not carried out" in written[2]["content"]
    assert written[3] == {"role": "assistant", "content": "1"}
    assert [message["role"] for message in wire(called("a"))] == ["assistant", "tool"]


def test_an_answer_without_call_is_told_in_words() -> None:
    # A memory that is full forgets the call before its answer.
    written = wire(answered("a", text="42"), *user("y"))
    assert [message["role"] for message in written] == ["user", "user"]
    assert "42" in written[0]["content"]
    written = wire(called("a", "b"), answered("z", text="lost"), answered("a"), answered("b"), *user("y"))
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "user", "user"]
    assert "lost" in str(written[3]["content"])
    twice = wire(called("a"), answered("a"), answered("a", text="again"))
    assert [message["role"] for message in twice] == ["assistant", "tool", "user"]


def test_calls_without_ids_are_matched_in_order() -> None:
    written = wire(called(None, None), answered(None, text="1"), answered("", text="2"))
    ids = [call["id"] for call in written[0]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [(message["tool_call_id"], message["content"]) for message in written[1:]] == list(
        zip(ids, "12", strict=True)
    )


def test_calls_that_share_an_id_keep_their_own_answers() -> None:
    written = wire(called("a", "a", "b"), answered("a", text="1"), answered("b", text="3"), answered("a", text="2"))
    ids = [call["id"] for call in written[0]["tool_calls"]]
    assert len(set(ids)) == 3
    assert {message["tool_call_id"]: message["content"] for message in written[1:]} == dict(
        zip(ids, "123", strict=True)
    )
    assert [message["role"] for message in written[1:]] == ["tool"] * 3


def test_media_from_tools_are_shown_after_the_answers() -> None:
    written = wire(
        called("a", "b"),
        answered("a", TextBlock(text="a chart"), ImageBlock(image=PNG)),
        answered("b", ImageBlock(url="https://example.com/b.png"), DocumentBlock(data=PDF, title="b.pdf")),
        *user("y"),
    )
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "user", "user"]
    assert written[1]["content"].startswith("a chart\n")
    assert written[2]["content"]
    kinds = [part["type"] for part in written[3]["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "image_url"]
    assert "(a)" in written[3]["content"][0]["text"]
    assert "(b)" in written[3]["content"][2]["text"]


def test_what_says_nothing_leaves_no_trace_in_an_answer() -> None:
    blocks = [TextBlock(text="42"), CachePoint(cache_control=CacheControl(type="e")), ThinkingBlock(content="hm")]
    assert wire(called("a"), answered("a", *blocks))[1]["content"] == "42"
    # Text alone is no list of parts, which models without eyes need not take.
    written = wire(called("a"), answered("z", text="lost"), answered("a", DocumentBlock(data=b"x", title="t")))
    assert written[-1] == {
        "role": "user",
        "content": "Result of an earlier tool call:\nlost\nResult of look (a):\nt:\nx",
    }


def test_media_that_cannot_be_shown_are_mentioned(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    blocks = [
        ImageBlock(image=PNG),
        ImageBlock(url="https://example.com/b.png"),
        AudioBlock(path=tmp_path / "a.wav", format="wav"),
        VideoBlock(url="https://example.com/c.mp4"),
        DocumentBlock(data=PDF, title="d.pdf"),
        TextBlock(text="done"),
    ]
    (_, result) = wire(called("a"), answered("a", *blocks), to=SOPHNET)
    text = result["content"]
    for mentioned in (
        "[Not shown, because DeepSeek-v3 cannot be given it: image/png]\n",
        "cannot be given it: image/png: https://example.com/b.png]\n",
        "https://example.com/b.png",
        "a.wav",
        "https://example.com/c.mp4",
        "application/pdf",
        "done",
    ):
        assert mentioned in text
    assert base64.b64encode(PNG).decode() not in text
    assert "JVBER" not in text
    # A picture that a model painted, or that a system message holds, is mentioned too.
    assert "[image/png]" in wire(ChatMessage(role="assistant", blocks=[ImageBlock(image=PNG)]))[0]["content"]


def test_a_picture_whose_file_is_gone_does_not_end_a_conversation(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    history = [called("a"), answered("a", TextBlock(text="Saved."), ImageBlock(path=tmp_path / "a.png"))]
    assert "image_url" in json.dumps(wire(*history, *user("y")), default=str)
    (tmp_path / "a.png").unlink()
    (_, result, asked) = wire(*history, *user("y"))
    assert result["content"] == f"Saved.\n[Not shown, because its file is gone: image/png: {tmp_path / 'a.png'}]"
    assert asked == {"role": "user", "content": "y"}


@pytest.mark.parametrize(
    ("kind", "model", "shown"),
    [
        (QiniuLLM, "deepseek-v3", True),
        (SophNetLLM, "DeepSeek-v3", False),
        (SophNetLLM, "Qwen2.5-VL-72B-Instruct", True),
        (SophNetLLM, "model-of-tomorrow", True),
    ],
)
def test_who_is_shown_what_tools_gave(
    scripted: ScriptedServer, scripted_llm: Any, kind: type, model: str, shown: bool
) -> None:
    scripted.script(json_reply(whole()))
    scripted_llm(kind, model=model).chat([*user("x"), called("a"), answered("a", ImageBlock(image=PNG))])
    messages = scripted.seen[0].json["messages"]
    assert (messages[-1]["role"] == "user") is shown
    assert messages[2]["content"]


def thought(*, calls: bool) -> list[ChatMessage]:
    message = called("a") if calls else ChatMessage(role="assistant", content="so")
    message.blocks.insert(0, ThinkingBlock(content="why"))
    return [*user("x"), message, *([answered("a")] if calls else []), *user("y")]


@pytest.mark.parametrize(
    ("model", "policy", "with_calls", "without_calls"),
    [
        ("deepseek-v3.1", "auto", True, False),
        ("minimax/minimax-m2", "auto", True, True),
        ("deepseek-v3.1", "tool_calls", True, False),
        ("deepseek-v3.1", "always", True, True),
        ("deepseek-v3.1", "never", False, False),
    ],
)
def test_reasoning_goes_back_by_policy(
    scripted: ScriptedServer, scripted_llm: Any, model: str, policy: str, with_calls: bool, without_calls: bool
) -> None:
    scripted.script(json_reply(whole()))
    llm = scripted_llm(model=model, replay_reasoning=policy)
    for calls, sent in ((True, with_calls), (False, without_calls)):
        llm.chat(thought(calls=calls))
        assert scripted.seen[-1].json["messages"][1].get("reasoning_content") == ("why" if sent else None)


@pytest.mark.parametrize("way", WAYS)
def test_reasoning_survives_a_memory_of_json(make_llm: Any, sandbox: Any, way: str) -> None:
    from llama_index.core.tools import FunctionTool

    sandbox.variants.reasoning_replay = "required"
    llm = make_llm("sophnet", model="DeepSeek-R1")

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    tool = FunctionTool.from_defaults(add)
    prepared = llm._prepare_chat_with_tools([tool], user_msg="Use add: 12 plus 30?")
    first = last(llm, way, **prepared)
    (call,) = llm.get_tool_calls_from_response(first)
    result = ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": call.tool_id})
    stored = [message.model_dump_json() for message in (*prepared["messages"], first.message, result)]
    loaded = [ChatMessage.model_validate_json(text) for text in stored]
    second = last(llm, way, **{**prepared, "messages": loaded})
    assert "42" in second.message.content
    sent = sandbox.requests[-1].json["messages"][1]
    assert sent["reasoning_content"] == first.message.blocks[0].content


def test_files_are_read_off_the_loop(scripted: ScriptedServer, scripted_llm: Any, tmp_path: Path) -> None:
    import threading

    (tmp_path / "a.png").write_bytes(PNG)
    scripted.script(json_reply(whole()))
    llm = scripted_llm()
    seen: list[bool] = []
    written = type(llm)._written

    def watched(self: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(threading.current_thread() is threading.main_thread())
        return written(self, *arguments, **named)

    type(llm)._written, before = watched, written
    try:
        asyncio.run(llm.achat([ChatMessage(role="user", blocks=[ImageBlock(path=tmp_path / "a.png")])]))
        asyncio.run(llm.achat(user("x")))
    finally:
        type(llm)._written = before
    assert seen == [False, True]


IDS = st.sampled_from([None, "", "a", "b", "c"])
# What a turn is made of, and whether it says something, shows something, or calls.
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["system", "developer", "user", "assistant", "chatbot", "tool", "function"]),
        st.booleans(),
        st.booleans(),
        st.lists(IDS, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def conversation_of(turns: list[Any]) -> list[ChatMessage]:
    messages = []
    for number, (role, speaks, shows, ids, is_older) in enumerate(turns):
        blocks: list[Any] = [TextBlock(text=f"<text {number}>")] if speaks else []
        kwargs: dict[str, Any] = {}
        if shows and role not in ("system", "developer"):
            blocks.append(ImageBlock(url=f"https://example.com/{number}.png"))
        if role in ("tool", "function") and ids and ids[0] is not None:
            kwargs["tool_call_id"] = ids[0]
        elif role in ("assistant", "chatbot") and is_older and ids:
            function = {"name": "look", "arguments": "{}"}
            kwargs["tool_calls"] = [{"id": call_id, "function": function} for call_id in ids]
        elif role in ("assistant", "chatbot"):
            blocks += [ToolCallBlock(tool_call_id=call_id, tool_name="看", tool_kwargs={}) for call_id in ids]
        messages.append(ChatMessage(role=role, blocks=blocks, additional_kwargs=kwargs))
    return messages


@given(TURNS, st.booleans())
def test_whatever_a_memory_gives_back_keeps_the_protocol_and_says_everything(turns: list[Any], sees: bool) -> None:
    messages = conversation_of(turns)
    before = [message.model_dump_json() for message in messages]
    addressee = Addressee("m", sees=sees)
    written = wire_messages(messages, addressee)
    assert [message.model_dump_json() for message in messages] == before
    assert wire_messages([ChatMessage.model_validate_json(text) for text in before], addressee) == written
    owed: list[str] = []
    for message in written:
        if message["role"] == "tool":
            owed.remove(message["tool_call_id"])
            assert isinstance(message["content"], str)
            continue
        assert not owed, "each call has its answer right behind it"
        assert set(message) <= {"role", "content", "tool_calls"}
        ids = [call["id"] for call in message.get("tool_calls", ())]
        assert len(set(ids)) == len(ids)
        assert all(ids)
        owed = ids
    assert not owed
    said = json.dumps(written)
    for number, message in enumerate(messages):
        for block in message.blocks:
            if isinstance(block, TextBlock):
                assert said.count(f"<text {number}>") == 1
            elif isinstance(block, ImageBlock):
                assert f"/{number}.png" in said
    calls = sum(len(message.get("tool_calls", ())) for message in written)
    assert calls == sum(len(ids) for role, _, _, ids, _ in turns if role in ("assistant", "chatbot"))
