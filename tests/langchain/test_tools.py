"""LangChain's tools: results and errors as LangChain has them, what a prompt sees, and what a copy spends."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import logging
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from maaskit import ConfigurationError, InvalidInput, LimitReached, MaasError
from maaskit import langchain as ours
from maaskit.langchain import (
    ChatSophNet,
    QiniuOCRTool,
    QiniuSpeechTool,
    SophNetDocumentTool,
    SophNetImageTool,
    SophNetOCRTool,
    SophNetSpeechTool,
    SophNetVideoTool,
)
from maaskit.sandbox import Sandbox
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_tools import KEY, MP3, ToolClouds, png, wav

NAMES = {
    "QiniuOCRTool": "qiniu_ocr",
    "QiniuSpeechTool": "qiniu_speech",
    "QiniuTranscriptionTool": "qiniu_transcription",
    "SophNetDocumentTool": "sophnet_document",
    "SophNetImageEditTool": "sophnet_image_edit",
    "SophNetImageTool": "sophnet_image",
    "SophNetOCRTool": "sophnet_ocr",
    "SophNetSpeechTool": "sophnet_speech",
    "SophNetTranscriptionTool": "sophnet_transcription",
    "SophNetVideoTool": "sophnet_video",
}
READERS = {
    "QiniuOCRTool": "image",
    "QiniuTranscriptionTool": "audio",
    "SophNetDocumentTool": "document",
    "SophNetOCRTool": "image",
    "SophNetTranscriptionTool": "audio",
}
PATHS = [
    "/etc/passwd",
    "../secret.txt",
    "sub/../../secret.txt",
    "file:///etc/passwd",
    "\\\\server\\share\\x",
    "//server/share/x",
    "/proc/self/environ",
    "/dev/zero",
    "link.txt",
    "fifo",
    "data:text/plain;base64,QQ==",
    "ftp://example.com/a",
]

Call = Callable[..., ToolMessage]


@pytest.fixture
def clouds(scripted: ScriptedServer) -> ToolClouds:
    return ToolClouds(scripted)


@pytest.fixture(params=["invoke", "ainvoke"])
def call(request: pytest.FixtureRequest) -> Call:
    """Call a tool as an agent does, in either way."""

    def run(tool: BaseTool, config: Any = None, **args: Any) -> ToolMessage:
        asked = {"type": "tool_call", "id": "c1", "name": tool.name, "args": args}
        is_sync = request.param == "invoke"
        message = tool.invoke(asked, config) if is_sync else asyncio.run(tool.ainvoke(asked, config))
        assert isinstance(message, ToolMessage)
        return message

    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "合同.txt").write_text("甲方")
    (folder / "发票.png").write_bytes(png())
    (folder / "会议.wav").write_bytes(wav())
    os.mkfifo(folder / "fifo")
    return folder


def made(name: str, clouds: ToolClouds, /, **fields: Any) -> BaseTool:
    settings = clouds.qiniu if name.startswith("Qiniu") else clouds.sophnet
    tool: BaseTool = getattr(ours, name)(**{**settings, **fields})
    return tool


# --- results -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_and_schemas_are_fixed(name: str, clouds: ToolClouds) -> None:
    tool = made(name, clouds)
    assert tool.name == NAMES[name]
    assert tool.response_format == "content_and_artifact"
    assert tool.description
    assert KEY not in json.dumps(tool.args)
    told = convert_to_openai_tool(tool)["function"]
    assert (told["name"], told["description"]) == (tool.name, tool.description)
    assert told["parameters"] == tool.args_schema.model_json_schema()  # type: ignore[union-attr]
    assert "null" not in json.dumps(told)


def test_a_schema_of_the_user_s_own_is_told_as_it_is(clouds: ToolClouds) -> None:
    class Less(BaseModel):
        """Draw."""

        prompt: str

    tool = SophNetImageTool(**clouds.sophnet, args_schema=Less)
    assert list(convert_to_openai_tool(tool)["function"]["parameters"]["properties"]) == ["prompt"]


def test_a_call_gives_a_short_text_and_an_artifact(call: Call, clouds: ToolClouds) -> None:
    message = call(made("SophNetSpeechTool", clouds), text="你好")
    assert message.status == "success"
    assert message.content == f"Audio (audio/mpeg, {len(MP3)} bytes). It is handed over with this answer."
    assert message.artifact["type"] == "audio"
    assert base64.b64decode(message.artifact["base64"]) == MP3


def test_a_plain_call_gives_the_text_alone(clouds: ToolClouds) -> None:
    tool = made("SophNetOCRTool", clouds)
    assert tool.invoke({"image": "https://example.com/a.png"}) == "# https://example.com/a.png"
    assert tool.invoke("https://example.com/a.png") == "# https://example.com/a.png"


def test_results_are_saved_under_generated_names(call: Call, clouds: ToolClouds, tmp_path: Path) -> None:
    message = call(made("SophNetVideoTool", clouds, output_dir=tmp_path / "out"), prompt="猫")
    (saved,) = (tmp_path / "out").iterdir()
    assert message.artifact["extras"]["path"] == str(saved)
    assert str(saved) in message.text


def test_files_of_the_root_are_read(call: Call, clouds: ToolClouds, root: Path) -> None:
    message = call(made("SophNetDocumentTool", clouds, root_dir=root), document="合同.txt")
    assert message.content == "# 合同.txt\n\n甲方"
    assert message.artifact["extras"]["source"] == "合同.txt"


def test_several_event_loops_one_after_the_other(clouds: ToolClouds) -> None:
    tool = made("SophNetImageTool", clouds)
    for _ in range(3):
        assert "drawn.png" in asyncio.run(tool.ainvoke({"prompt": "猫"}))


@pytest.mark.parametrize("name", ["SophNetSpeechTool", "SophNetImageTool", "SophNetOCRTool"])
def test_a_message_can_be_stored_and_dumped(clouds: ToolClouds, name: str) -> None:
    args = {"SophNetSpeechTool": {"text": "a"}, "SophNetImageTool": {"prompt": "a"}}
    tool = made(name, clouds)
    given = args.get(name, {"image": "https://example.com/a.png"})
    message = tool.invoke({"type": "tool_call", "id": "c1", "name": tool.name, "args": given})
    assert ToolMessage.model_validate_json(message.model_dump_json()).artifact == message.artifact
    assert "not_implemented" not in dumps(message)
    saver = InMemorySaver()
    kind, stored = saver.serde.dumps_typed(message)
    assert saver.serde.loads_typed((kind, stored)).artifact == message.artifact


# --- refusals and errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("rooted", [True, False])
def test_what_may_not_be_read_becomes_a_tool_error(
    call: Call, clouds: ToolClouds, root: Path, name: str, rooted: bool
) -> None:
    tool = made(name, clouds, root_dir=root if rooted else None)
    for path in PATHS:
        message = call(tool, **{READERS[name]: path})
        assert message.status == "error", path
        assert message.text.startswith(READERS[name]), message.text
        assert "http or https URL" in message.text or "not a regular file" in message.text
        assert "outside" not in message.text.replace("outside the", "")
    assert not clouds.server.seen


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a", "http://169.254.169.254/latest", "http://2130706433/", "http://[::1]/"]
)
def test_private_addresses_become_tool_errors(call: Call, clouds: ToolClouds, url: str) -> None:
    message = call(made("SophNetDocumentTool", clouds), document=url)
    assert (message.status, "private, loopback or link-local" in message.text) == ("error", True)
    public = made("SophNetOCRTool", clouds, base_url="https://maas.example.com")
    assert "private, loopback or link-local" in call(public, image=url).text
    assert not clouds.server.seen


@pytest.mark.parametrize("name", NAMES)
def test_wrong_missing_and_invented_arguments_are_explained(call: Call, clouds: ToolClouds, name: str) -> None:
    tool = made(name, clouds)
    required = tool.args_schema.model_json_schema()["required"][0]  # type: ignore[union-attr]
    for args in ({}, {required: {"a": 1}}, {required: "x", "invented": 1}):
        message = call(tool, **args)
        assert message.status == "error"
        assert message.text.startswith(f"{tool.name} was not called: ")
        assert f"{required} (required)" in message.text
    assert not clouds.server.seen


def test_an_unknown_size_is_answered_with_the_known_ones(call: Call, clouds: ToolClouds) -> None:
    message = call(made("SophNetImageTool", clouds), prompt="猫", size="2000*2000")
    assert "size must be one of '1328*1328', '1664*928'" in message.text
    assert call(made("SophNetImageTool", clouds), prompt="猫", size="1664x928").status == "success"


def test_a_refusal_of_the_service_becomes_a_tool_error(call: Call, clouds: ToolClouds) -> None:
    clouds.fail["image-ocr"] = json_reply({"message": f"no balance for {KEY}"}, 402)
    message = call(made("SophNetOCRTool", clouds), image="https://example.com/a.png")
    assert (message.status, "no balance" in message.text, KEY in message.text) == ("error", True, False)


def test_errors_can_be_raised_instead(clouds: ToolClouds) -> None:
    tool = made("SophNetDocumentTool", clouds, handle_tool_error=False, handle_validation_error=False)
    with pytest.raises(ToolException, match=r"is not inside|may read no file") as caught:
        tool.invoke({"document": "/etc/passwd"})
    assert isinstance(caught.value.__cause__, InvalidInput)
    with pytest.raises(ValueError, match="invented"):
        tool.invoke({"document": "a", "invented": 1})


def test_errors_can_be_handled_by_the_user(call: Call, clouds: ToolClouds) -> None:
    tool = made("SophNetDocumentTool", clouds, handle_tool_error="try later", handle_validation_error="try again")
    assert call(tool, document="/etc/passwd").content == "try later"
    assert call(tool).content == "try again"


# --- spending ------------------------------------------------------------------------------------------------------


def test_max_calls_holds_for_a_tool_and_its_copies(call: Call, clouds: ToolClouds) -> None:
    tool = made("SophNetImageTool", clouds, max_calls=2)
    copies = [tool, tool.model_copy(), copy.deepcopy(tool), copy.copy(tool)]
    messages = [call(one, prompt="猫") for one in copies]
    assert [message.status for message in messages] == ["success", "success", "error", "error"]
    assert "max_calls=2" in messages[-1].text


def test_max_calls_holds_for_many_calls_at_once(clouds: ToolClouds) -> None:
    tool = made("QiniuSpeechTool", clouds, max_calls=3)
    asked = [{"type": "tool_call", "id": str(n), "name": tool.name, "args": {"text": "a"}} for n in range(12)]
    statuses = [message.status for message in tool.batch(asked)]
    assert statuses.count("success") == 3
    other = made("QiniuSpeechTool", clouds, max_calls=3)
    statuses = [message.status for message in asyncio.run(other.abatch(asked))]
    assert statuses.count("success") == 3
    assert len(clouds.asked) == 6


def test_what_was_refused_costs_nothing(call: Call, clouds: ToolClouds) -> None:
    tool = made("SophNetOCRTool", clouds, max_calls=1)
    for _ in range(5):
        call(tool, image="/etc/passwd")
        call(tool, file="x")
    assert call(tool, image="https://example.com/a.png").status == "success"


# --- progress ------------------------------------------------------------------------------------------------------


class Listener(BaseCallbackHandler):
    """Remember custom events."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        self.told.append((name, data))


def test_long_work_tells_how_it_stands_in_custom_events(call: Call, clouds: ToolClouds) -> None:
    listener = Listener()
    call(made("SophNetImageTool", clouds), config={"callbacks": [listener]}, prompt="猫")
    assert {name for name, _ in listener.told} == {"maaskit_task"}
    assert [data["phase"] for _, data in listener.told] == ["waiting", "running", "succeeded"]
    assert {data["task_id"] for _, data in listener.told} == {"drawn-1"}
    assert {data["tool"] for _, data in listener.told} == {"sophnet_image"}


async def test_events_can_be_streamed(clouds: ToolClouds) -> None:
    tool = made("SophNetImageTool", clouds)
    events = [event async for event in tool.astream_events({"prompt": "猫"}, version="v2")]
    told = [event for event in events if event["event"] == "on_custom_event"]
    assert [event["name"] for event in told] == ["maaskit_task"] * 3


# --- agents --------------------------------------------------------------------------------------------------------


class Puppet(BaseChatModel):
    """Be a model that says what it was told to, and remembers what it was told."""

    says: list[Any]
    heard: list[list[BaseMessage]] = []  # noqa: RUF012 - pydantic copies it

    @property
    def _llm_type(self) -> str:
        return "puppet"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.heard.append(messages)
        said = self.says[min(len(self.heard), len(self.says)) - 1]
        if isinstance(said, str):
            return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])
        calls = [{"name": name, "args": args, "id": f"{len(self.heard)}-{n}"} for n, (name, args) in enumerate(said)]
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=calls))])


def test_an_agent_s_loop_goes_on_after_every_kind_of_wrong_call(clouds: ToolClouds, root: Path) -> None:
    tools = [made(name, clouds, root_dir=root) for name in ("SophNetImageTool", "SophNetDocumentTool")]
    model = Puppet(
        says=[
            [("sophnet_image", {"prompt": "猫", "size": "9*9"}), ("sophnet_document", {"file": "合同.txt"})],
            [("sophnet_document", {"document": "/etc/passwd"}), ("sophnet_image", {"prompt": ["猫"]})],
            [("sophnet_document", {"document": "合同.txt"}), ("sophnet_image", {"prompt": "猫", "size": "1664*928"})],
            "done",
        ]
    )
    state = create_agent(model, tools).invoke({"messages": [("user", "draw and read")]})
    answers = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.status for message in answers] == ["error"] * 4 + ["success"] * 2
    assert state["messages"][-1].text == "done"
    assert answers[4].text == "# 合同.txt\n\n甲方"


def test_a_graph_streams_progress_in_its_own_channel(clouds: ToolClouds) -> None:
    model = Puppet(says=[[("sophnet_image", {"prompt": "猫"})], "done"])
    agent = create_agent(model, [made("SophNetImageTool", clouds)])
    told = list(agent.stream({"messages": [("user", "draw")]}, stream_mode="custom"))
    assert [one["phase"] for one in told] == ["waiting", "running", "succeeded"]
    assert {one["type"] for one in told} == {"maaskit_task"}


async def test_a_graph_streams_progress_asynchronously(clouds: ToolClouds) -> None:
    model = Puppet(says=[[("sophnet_image", {"prompt": "猫"})], "done"])
    agent = create_agent(model, [made("SophNetImageTool", clouds)])
    told = [one async for one in agent.astream({"messages": [("user", "draw")]}, stream_mode="custom")]
    assert [one["phase"] for one in told] == ["waiting", "running", "succeeded"]


def test_artifacts_survive_a_checkpoint_and_never_enter_a_prompt(clouds: ToolClouds) -> None:
    model = Puppet(says=[[("sophnet_speech", {"text": "你好"})], "done", "again"])
    agent = create_agent(model, [made("SophNetSpeechTool", clouds)], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [("user", "speak")]}, config)
    state = agent.invoke({"messages": [("user", "go on")]}, config)
    (message,) = [one for one in state["messages"] if isinstance(one, ToolMessage)]
    assert base64.b64decode(message.artifact["base64"]) == MP3
    prompts = [str(one.content) for heard in model.heard for one in heard]
    assert prompts
    assert not [text for text in prompts if message.artifact["base64"] in text]


@pytest.mark.parametrize("saved", [True, False])
def test_media_stay_out_of_what_goes_to_the_model(sandbox: Sandbox, tmp_path: Path, saved: bool) -> None:
    """What goes over the wire to the chat model, of every kind of result."""
    ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
    known: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": sandbox.sophnet_url, **ids}
    known |= {"output_dir": tmp_path / "out"} if saved else {}
    (tmp_path / "scan.png").write_bytes(png())
    tools = [
        SophNetSpeechTool(**known),
        SophNetImageTool(**known),
        SophNetOCRTool(**known, root_dir=tmp_path),
        SophNetVideoTool(**known),
    ]
    model = Puppet(
        says=[
            [("sophnet_speech", {"text": "It is sunny."}), ("sophnet_image", {"prompt": "a red ball"})],
            [
                ("sophnet_ocr", {"image": "scan.png"}),
                ("sophnet_video", {"prompt": "a", "size": "480*832", "duration": 1}),
            ],
            "done",
        ]
    )
    state = create_agent(model, tools).invoke({"messages": [("user", "make things")]})
    answers = [one for one in state["messages"] if isinstance(one, ToolMessage)]
    assert [one.status for one in answers] == ["success"] * 4
    sandbox.requests.clear()
    chat = ChatSophNet(model="DeepSeek-v3", api_key=sandbox.api_key, base_url=sandbox.sophnet_url)
    chat.bind_tools(tools).invoke([*state["messages"], ("user", "What have you made?")])
    (asked,) = sandbox.requests
    prompt = json.dumps(asked.json, ensure_ascii=False)
    assert "Audio (audio/mpeg" in prompt
    assert "base64" not in prompt
    assert not [word for word in prompt.split() if len(word) > 500]


# --- settings and secrets ------------------------------------------------------------------------------------------


class Tracer(BaseCallbackHandler):
    """Record everything that a trace would."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def _keep(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(repr((args, kwargs)))

    on_tool_start = on_tool_end = on_tool_error = on_custom_event = _keep


@pytest.mark.parametrize("name", NAMES)
def test_the_key_is_in_no_dump_repr_or_log(name: str, clouds: ToolClouds, caplog: pytest.LogCaptureFixture) -> None:
    tool = made(name, clouds, default_headers={"X-Token": KEY})
    for shown in (
        repr(tool),
        str(tool),
        dumps(tool),
        json.dumps(tool.model_dump(mode="json", exclude={"args_schema"}, fallback=str)),
    ):
        assert KEY not in shown
    tracer = Tracer()
    with caplog.at_level(logging.DEBUG):
        for args in (
            {},
            {"image": "https://example.com/a"},
            {"text": "a"},
            {"prompt": "a"},
            {"audio": "https://x.test/a.mp3"},
        ):
            tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": args}, {"callbacks": [tracer]})
    assert tracer.seen
    assert KEY not in "".join(tracer.seen)
    assert KEY not in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_can_be_pickled_and_copied(name: str, clouds: ToolClouds) -> None:
    tool = made(name, clouds, max_calls=3)
    for other in (pickle.loads(pickle.dumps(tool)), copy.deepcopy(tool)):  # noqa: S301 - our own
        assert other.name == tool.name
        assert other.args == tool.args
        assert other.api_key.get_secret_value() == KEY


def test_a_pickled_tool_works(clouds: ToolClouds) -> None:
    tool = pickle.loads(pickle.dumps(made("SophNetOCRTool", clouds)))  # noqa: S301 - our own
    assert tool.invoke({"image": "https://example.com/a.png"}) == "# https://example.com/a.png"
    assert tool.invoke({"image": "/etc/passwd"}).startswith("image must be")


def test_settings_can_be_changed_on_a_copy(clouds: ToolClouds, tmp_path: Path) -> None:
    tool = made("SophNetImageTool", clouds)
    assert tool.model_copy(update={"output_dir": tmp_path}).invoke({"prompt": "猫"}).startswith("Picture (image/png, ")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_relative_folder_stays_where_it_was(clouds: ToolClouds, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    tool = made("SophNetDocumentTool", clouds, root_dir=".")
    other = made("SophNetSpeechTool", clouds, output_dir="out")
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "合同.txt").write_text("another")
    monkeypatch.chdir(root / "elsewhere")
    assert tool.invoke({"document": "合同.txt"}) == "# 合同.txt\n\n甲方"
    assert str(root / "out") in other.invoke({"text": "a"})


def test_the_name_and_description_may_be_others(call: Call, clouds: ToolClouds) -> None:
    tool = made("SophNetImageTool", clouds, name="draw", description="Draw.")
    assert (tool.name, tool.description) == ("draw", "Draw.")
    assert call(tool).text.startswith("draw was not called: ")
    assert call(made("SophNetImageTool", clouds, max_calls=0, name="draw"), prompt="a").text.startswith("draw was not")


def test_a_missing_key_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        QiniuSpeechTool()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetImageTool()


def test_a_missing_id_is_told_to_the_model_and_the_owner(call: Call, clouds: ToolClouds) -> None:
    tool = SophNetSpeechTool(api_key=KEY, base_url=clouds.server.url)
    message = call(tool, text="a")
    assert (message.status, "SOPHNET_PROJECT_ID" in message.text) == ("error", True)


def test_a_service_s_own_id_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "general")
    monkeypatch.setenv("SOPHNET_DOC_PARSE_EASYLLM_ID", "documents")
    assert SophNetDocumentTool(api_key=KEY).easyllm_id == "documents"
    assert SophNetVideoTool(api_key=KEY).easyllm_id == "general"
    assert SophNetDocumentTool(api_key=KEY, easyllm_id="mine").easyllm_id == "mine"


@pytest.mark.parametrize(
    "fields",
    [
        {"root_dir": "/nowhere/at/all"},
        {"output_dir": ""},
        {"allowed_hosts": ["http://a"]},
        {"max_calls": -1},
        {"timeout": 0},
        {"max_retries": -1},
        {"volume": 101},
        {"format": "FLAC"},
        {"unknown": 1},
        {"api_key": KEY, "timeout": "soon"},
    ],
)
def test_wrong_settings_are_refused_at_once(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        SophNetSpeechTool(**{"api_key": KEY, **fields})
    assert KEY not in str(caught.value)
    assert isinstance(caught.value, MaasError)


def test_a_user_s_own_client_is_used(clouds: ToolClouds) -> None:
    import httpx

    with httpx.Client() as client:
        tool = made("QiniuOCRTool", clouds, http_client=client)
        assert isinstance(tool, QiniuOCRTool)
        tool.invoke({"image": "https://example.com/a.png"})
        assert not client.is_closed


def test_the_limit_is_an_error_of_its_own(clouds: ToolClouds) -> None:
    tool = made("SophNetImageTool", clouds, max_calls=0, handle_tool_error=False)
    with pytest.raises(ToolException) as caught:
        tool.invoke({"prompt": "a"})
    assert isinstance(caught.value.__cause__, LimitReached)
