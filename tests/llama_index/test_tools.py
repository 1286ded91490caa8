"""LlamaIndex's tool specs: tools as agents use them, methods as programs do, refusals, prompts and secrets."""

from __future__ import annotations

import asyncio
import base64
import copy
import inspect
import json
import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import AudioBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.tools.calling import acall_tool, call_tool
from llama_index.core.tools.tool_spec.base import BaseToolSpec

from maaskit import ConfigurationError, InvalidInput, LimitReached
from maaskit.llama_index import QiniuToolSpec, SophNetLLM, SophNetToolSpec
from maaskit.llama_index.tool_spec import ToolProgressEvent
from maaskit.sandbox import Sandbox
from maaskit.toolbox import SOPHNET_TOOLS
from tests.llama_index.ways import END, call, calls, chunk
from tests.scripted import Reply, ScriptedServer, Seen, json_reply, sse_reply
from tests.scripted_tools import KEY, MP3, ToolClouds, png, wav

pytestmark = [
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211"),
]

QINIU = ["synthesize_speech", "transcribe_audio", "recognize_text"]
SOPHNET = [*QINIU, "parse_document", "generate_image", "edit_image", "generate_video"]
READERS = {"transcribe_audio": "audio", "recognize_text": "image", "parse_document": "document"}
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

Call = Callable[..., ToolOutput]


@pytest.fixture
def clouds(scripted: ScriptedServer) -> ToolClouds:
    return ToolClouds(scripted)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Call:
    """Call a tool as core does, in either way; errors become outputs."""

    def call_it(tool: FunctionTool, **arguments: Any) -> ToolOutput:
        if request.param == "sync":
            return call_tool(tool, arguments)
        return asyncio.run(acall_tool(tool, arguments))

    return call_it


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


def sophnet(clouds: ToolClouds, **fields: Any) -> SophNetToolSpec:
    return SophNetToolSpec(**{**clouds.sophnet, **fields})


def tool_of(spec: BaseToolSpec, name: str) -> FunctionTool:
    (found,) = [tool for tool in spec.to_tool_list() if tool.metadata.name == name]
    return found


# --- what is offered -----------------------------------------------------------------------------------------------


def test_every_method_has_a_tool_and_an_asynchronous_twin(clouds: ToolClouds) -> None:
    for spec, names in ((QiniuToolSpec(**clouds.qiniu), QINIU), (sophnet(clouds), SOPHNET)):
        assert isinstance(spec, BaseToolSpec)
        tools = spec.to_tool_list()
        assert [tool.metadata.name for tool in tools] == names
        for tool in tools:
            assert isinstance(tool, FunctionTool)
            name = tool.metadata.get_name()
            assert inspect.iscoroutinefunction(getattr(spec, f"a{name}"))
            assert not inspect.iscoroutinefunction(getattr(spec, name))
            fields = list(tool.metadata.get_parameters_dict()["properties"])
            assert list(inspect.signature(getattr(spec, name)).parameters) == fields
            assert len(json.dumps(tool.metadata.to_openai_tool())) < 3000
        assert spec.spec_functions == [(name, f"a{name}") for name in names]


def test_a_model_is_told_the_schemas_that_all_faces_share(clouds: ToolClouds) -> None:
    for spec in (SophNetToolSpec(**clouds.sophnet), QiniuToolSpec(**clouds.qiniu)):
        for tool in spec.to_tool_list():
            told = tool.metadata.to_openai_tool()["function"]["parameters"]
            assert told == tool.metadata.fn_schema.model_json_schema()  # type: ignore[union-attr]
            assert "null" not in json.dumps(told)


def test_what_is_not_configured_is_left_out_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="maaskit"):
        tools = SophNetToolSpec(api_key=KEY).to_tool_list()
    assert [tool.metadata.name for tool in tools] == [
        "recognize_text",
        "generate_image",
        "edit_image",
        "generate_video",
    ]
    assert "sophnet_speech is left out: " in caplog.text
    assert KEY not in caplog.text


def test_each_service_has_its_own_id(monkeypatch: pytest.MonkeyPatch, clouds: ToolClouds, root: Path) -> None:
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "general")
    monkeypatch.setenv("SOPHNET_DOC_PARSE_EASYLLM_ID", "documents")
    spec = SophNetToolSpec(api_key=KEY, base_url=clouds.server.url, project_id="P", root_dir=root)
    spec.parse_document("合同.txt")
    spec.synthesize_speech("你好")
    assert b"documents" in clouds.asked[0].body
    assert b"general" in clouds.asked[1].body


def test_include_chooses_by_either_name(clouds: ToolClouds) -> None:
    spec = sophnet(clouds, include=["generate_video", "sophnet_ocr"])
    assert [tool.metadata.name for tool in spec.to_tool_list()] == ["generate_video", "recognize_text"]
    with pytest.raises(
        InvalidInput, match=r"include: there is no tool 'dance'; there are .*sophnet_ocr \(recognize_text\)"
    ):
        sophnet(clouds, include=["dance"])
    with pytest.raises(InvalidInput, match=r"^root_dir: [^.\[]+; root_dir: [^\[]+$"):
        sophnet(clouds, root_dir=5)
    with pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"):
        SophNetToolSpec(api_key=KEY, include=["parse_document"]).to_tool_list()


@pytest.mark.parametrize(
    "wanted",
    [["parse_document"], ["aparse_document"], [("parse_document", "aparse_document")], ["sophnet_document"]],
)
def test_methods_can_be_named_in_core_s_ways(clouds: ToolClouds, wanted: Any) -> None:
    spec = sophnet(clouds)
    assert [tool.metadata.name for tool in spec.to_tool_list(wanted)] == ["parse_document"]
    assert asyncio.run(spec.to_tool_list_async(wanted))[0].metadata.name == "parse_document"
    with pytest.raises(InvalidInput):
        spec.to_tool_list(["dance"])


def test_tools_may_have_other_names(clouds: ToolClouds, run: Call) -> None:
    spec = sophnet(clouds)
    kept = spec.get_metadata_from_fn_name("generate_image")
    assert kept is not None
    assert kept.fn_schema is spec.get_fn_schema_from_fn_name("generate_image")
    other = ToolMetadata("Draw.", "draw", kept.fn_schema)
    (tool,) = spec.to_tool_list(["generate_image"], {"generate_image": other})
    assert run(tool, prompt="猫", size="1").content.startswith("Encountered error: draw was not called: ")
    assert run(tool, prompt="猫").tool_name == "draw"


# --- results -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("recognize_text", {"image": "https://example.com/a.png"}, "# https://example.com/a.png"),
        ("parse_document", {"document": "合同.txt"}, "# 合同.txt\n\n甲方"),
    ],
)
def test_what_is_read_is_text(
    run: Call, clouds: ToolClouds, root: Path, name: str, arguments: dict[str, str], text: str
) -> None:
    output = run(tool_of(sophnet(clouds, root_dir=root), name), **arguments)
    assert (output.is_error, output.content) == (False, text)
    assert output.blocks == [TextBlock(text=text)]
    assert output.raw_output["text"] == text


def test_media_come_after_the_text_by_path_or_url(run: Call, clouds: ToolClouds, tmp_path: Path) -> None:
    spec = sophnet(clouds, output_dir=tmp_path)
    for name, arguments, kind in (
        ("synthesize_speech", {"text": "你好"}, AudioBlock),
        ("generate_image", {"prompt": "猫"}, ImageBlock),
        ("generate_video", {"prompt": "猫"}, VideoBlock),
    ):
        output = run(tool_of(spec, name), **arguments)
        text, media = output.blocks
        assert isinstance(text, TextBlock)
        assert isinstance(media, kind)
        assert str(media.path) in text.text
        assert Path(str(media.path)).parent == tmp_path
        assert json.loads(output.model_dump_json())["raw_output"]["extras"]["path"] == str(media.path)
    output = run(tool_of(sophnet(clouds), "generate_image"), prompt="猫")
    assert str(output.blocks[1].url) == f"{clouds.server.url}/files/drawn.png"
    assert output.blocks[1].path is None


def test_bytes_ride_in_the_raw_output_and_in_no_block(run: Call, clouds: ToolClouds) -> None:
    output = run(tool_of(sophnet(clouds), "synthesize_speech"), text="你好")
    assert [block.block_type for block in output.blocks] == ["text"]
    assert base64.b64decode(output.raw_output["base64"]) == MP3
    assert ToolOutput.model_validate_json(output.model_dump_json()).raw_output == output.raw_output


def test_methods_serve_programs(clouds: ToolClouds, root: Path) -> None:
    spec = sophnet(clouds, root_dir=root)
    assert spec.parse_document("合同.txt") == "# 合同.txt\n\n甲方"
    assert "你好" in spec.transcribe_audio("会议.wav")
    assert spec.recognize_text("发票.png") == "# picture"
    text, sound = spec.synthesize_speech("你好")
    assert isinstance(text, TextBlock)
    assert isinstance(sound, AudioBlock)
    assert sound.resolve_audio().read() == MP3
    _, picture = spec.generate_image("猫", size="1664x928", seed=1)
    assert str(picture.url).endswith("drawn.png")  # type: ignore[union-attr]
    _, film = spec.generate_video("猫", "发票.png", duration=5)
    assert str(film.url).endswith("filmed.mp4")  # type: ignore[union-attr]
    _, edited = spec.edit_image("雪", ["https://example.com/a.png"])
    assert str(edited.url).endswith("edited.png")  # type: ignore[union-attr]


def test_methods_serve_asynchronous_programs(clouds: ToolClouds, root: Path) -> None:
    spec = sophnet(clouds, root_dir=root)

    async def main() -> list[Any]:
        return list(
            await asyncio.gather(
                spec.aparse_document("合同.txt"),
                spec.atranscribe_audio("会议.wav"),
                spec.arecognize_text("发票.png"),
                spec.asynthesize_speech("你好"),
                spec.agenerate_image("猫"),
                spec.aedit_image("雪", ["https://example.com/a.png"]),
                spec.agenerate_video("猫"),
            )
        )

    for _ in range(2):  # each in a loop of its own
        document, heard, read, *made = asyncio.run(main())
        assert (document, read) == ("# 合同.txt\n\n甲方", "# picture")
        assert "你好" in heard
        assert [[block.block_type for block in blocks] for blocks in made] == [
            ["text", "audio"],
            ["text", "image"],
            ["text", "image"],
            ["text", "video"],
        ]


def test_qiniu_s_methods(clouds: ToolClouds) -> None:
    spec = QiniuToolSpec(**clouds.qiniu)
    assert spec.recognize_text("https://example.com/a.png") == "text of https://example.com/a.png"
    assert spec.transcribe_audio("https://example.com/a.mp3") == "mp3 of https://example.com/a.mp3"
    assert [block.block_type for block in spec.synthesize_speech("你好")] == ["text", "audio"]


# --- refusals and errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("rooted", [True, False])
def test_what_may_not_be_read_becomes_an_error_output(
    run: Call, clouds: ToolClouds, root: Path, name: str, rooted: bool
) -> None:
    specs: list[BaseToolSpec] = [sophnet(clouds, root_dir=root if rooted else None)]
    if name in QINIU:
        specs.append(QiniuToolSpec(**clouds.qiniu, root_dir=root if rooted else None))
    for spec in specs:
        tool = tool_of(spec, name)
        for path in PATHS:
            output = run(tool, **{READERS[name]: path})
            assert output.is_error, path
            assert output.content.startswith(f"Encountered error: {READERS[name]}")
            assert "http or https URL" in output.content or "not a regular file" in output.content
            assert isinstance(output.exception, InvalidInput)
    assert not clouds.server.seen


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a", "http://169.254.169.254/latest", "http://2130706433/", "http://[::1]/"]
)
def test_private_addresses_become_error_outputs(run: Call, clouds: ToolClouds, url: str) -> None:
    output = run(tool_of(sophnet(clouds), "parse_document"), document=url)
    assert (output.is_error, "private, loopback or link-local" in output.content) == (True, True)
    public = sophnet(clouds, base_url="https://maas.example.com")
    assert "private, loopback or link-local" in run(tool_of(public, "recognize_text"), image=url).content
    assert not clouds.server.seen


@pytest.mark.parametrize("name", SOPHNET)
def test_wrong_missing_and_invented_arguments_are_explained(run: Call, clouds: ToolClouds, name: str) -> None:
    tool = tool_of(sophnet(clouds), name)
    required = tool.metadata.get_parameters_dict()["required"][0]
    for arguments in ({}, {required: {"a": 1}}, {required: "x", "invented": 1}, {"invented": 1}):
        output = run(tool, **arguments)
        assert output.is_error
        assert f"{name} was not called: " in output.content
        assert f"{required} (required)" in output.content
    assert not clouds.server.seen


@pytest.mark.parametrize("name", ["self", "args", "kwargs", "input", "tool"])
def test_an_invented_argument_may_have_any_name(clouds: ToolClouds, name: str) -> None:
    (tool,) = SophNetToolSpec(**clouds.sophnet).to_tool_list(["generate_image"])
    arguments = {"prompt": "猫", name: "x"}
    for output in (call_tool(tool, arguments), asyncio.run(acall_tool(tool, arguments))):
        assert output.is_error
        assert f"there is no argument {name}. Its arguments are prompt (required)" in output.content


def test_an_unknown_size_is_answered_with_the_known_ones(run: Call, clouds: ToolClouds) -> None:
    tool = tool_of(sophnet(clouds), "generate_image")
    assert "size must be one of '1328*1328', '1664*928'" in run(tool, prompt="猫", size="2000*2000").content
    assert not run(tool, prompt="猫", size="1664x928").is_error


def test_a_refusal_of_the_service_is_told_without_the_key(run: Call, clouds: ToolClouds) -> None:
    clouds.fail["image-ocr"] = json_reply({"message": f"no balance for {KEY}"}, 402)
    output = run(tool_of(sophnet(clouds), "recognize_text"), image="https://example.com/a.png")
    assert (output.is_error, "no balance" in output.content, KEY in output.content) == (True, True, False)


def test_limits_are_shared_by_tools_and_methods(clouds: ToolClouds) -> None:
    spec = sophnet(clouds, max_calls={"generate_image": 2})
    spec.generate_image("猫")
    tool_of(spec, "generate_image").call(prompt="猫")
    for again in (lambda: spec.generate_image("猫"), lambda: tool_of(spec, "generate_image").call(prompt="猫")):
        with pytest.raises(LimitReached, match=r"generate_image was not called: its limit of max_calls=2"):
            again()
    with pytest.raises(LimitReached):
        copy.deepcopy(spec).generate_image("猫")


def test_many_calls_at_once_spend_no_more(clouds: ToolClouds) -> None:
    tool = tool_of(sophnet(clouds, max_calls=3), "synthesize_speech")

    async def main() -> list[ToolOutput]:
        return list(await asyncio.gather(*(acall_tool(tool, {"text": "a"}) for _ in range(12))))

    outputs = asyncio.run(main())
    assert sum(not output.is_error for output in outputs) == 3
    assert len(clouds.asked) == 3


# --- progress ------------------------------------------------------------------------------------------------------


class Handler(BaseEventHandler):
    """Remember what tools tell."""

    told: list[Any] = []  # noqa: RUF012 - pydantic copies it

    @classmethod
    def class_name(cls) -> str:
        return "Handler"

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, ToolProgressEvent):
            self.told.append(event)


def test_long_work_tells_how_it_stands(run: Call, clouds: ToolClouds) -> None:
    handler = Handler()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(handler)
    try:
        run(tool_of(sophnet(clouds), "generate_image"), prompt="猫")
    finally:
        dispatcher.event_handlers.remove(handler)
    assert [event.phase for event in handler.told] == ["waiting", "running", "succeeded"]
    assert {(event.tool, event.task_id) for event in handler.told} == {("generate_image", "drawn-1")}


# --- agents --------------------------------------------------------------------------------------------------------


def says(*turns: Any) -> Callable[[Seen], Reply]:
    """Answer a chat by a script: a text, or calls as ``(name, arguments)``."""
    left = list(turns)

    def reply(_: Seen) -> Reply:
        turn = left.pop(0)
        if isinstance(turn, str):
            return sse_reply(chunk({"role": "assistant", "content": turn}), END)
        pieces = [
            call(json.dumps(arguments), index=n, id=f"c{len(left)}-{n}", name=name, type="function")
            for n, (name, arguments) in enumerate(turn)
        ]
        return sse_reply(calls(*pieces), chunk({}, "tool_calls"))

    return reply


@pytest.fixture
def chat() -> Any:
    server = ScriptedServer()
    yield server
    server.close()


async def test_an_agent_s_loop_goes_on_after_every_kind_of_wrong_call(
    clouds: ToolClouds, root: Path, chat: ScriptedServer
) -> None:
    chat.script(
        says(
            [("generate_image", {"prompt": "猫", "size": "9*9"}), ("parse_document", {"file": "合同.txt", "x": 1})],
            [("parse_document", {"document": "/etc/passwd"}), ("generate_image", {"prompt": ["猫"]})],
            [("parse_document", {"document": "合同.txt"}), ("generate_image", {"prompt": "猫", "size": "1664*928"})],
            "done",
        )
    )
    llm = SophNetLLM(model="m", api_key=KEY, base_url=chat.url, max_retries=0)
    agent = FunctionAgent(tools=sophnet(clouds, root_dir=root).to_tool_list(), llm=llm)
    handler = agent.run("draw and read")
    results = [event.tool_output async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    assert str(await handler) == "done"
    assert sorted(output.is_error for output in results[:4]) == [True] * 4
    assert sorted(output.is_error for output in results[4:]) == [False] * 2
    assert "甲方" in json.dumps(chat.seen[-1].json, ensure_ascii=False)


async def test_media_stay_out_of_an_agent_s_prompts_and_memory(
    clouds: ToolClouds, root: Path, chat: ScriptedServer
) -> None:
    chat.script(
        says(
            [("synthesize_speech", {"text": "你好"}), ("generate_image", {"prompt": "猫"})],
            [("generate_video", {"prompt": "猫", "image": "发票.png"}), ("recognize_text", {"image": "发票.png"})],
            "done",
        )
    )
    llm = SophNetLLM(model="m", api_key=KEY, base_url=chat.url, max_retries=0)
    agent = AgentWorkflow.from_tools_or_functions(sophnet(clouds, root_dir=root).to_tool_list(), llm=llm)
    assert str(await agent.run("make things")) == "done"
    prompts = json.dumps([seen.json for seen in chat.seen], ensure_ascii=False)
    assert "Audio (audio/mpeg" in prompts
    assert base64.b64encode(MP3).decode()[:60] not in prompts
    assert ";base64," not in prompts
    assert KEY not in prompts


async def test_a_react_agent_reads_the_schemas(clouds: ToolClouds, root: Path, chat: ScriptedServer) -> None:
    thought = 'Thought: I read it.\nAction: parse_document\nAction Input: {"document": "合同.txt"}'
    chat.script(says(thought, "Thought: I know.\nAnswer: 甲方"))
    llm = SophNetLLM(model="m", api_key=KEY, base_url=chat.url, max_retries=0)
    agent = ReActAgent(tools=sophnet(clouds, root_dir=root).to_tool_list(), llm=llm)
    assert str(await agent.run("read it")) == "甲方"


async def test_an_agent_of_the_sandbox_reads_a_document(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("The total of the invoice is 4711 euros.")
    ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
    known: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": sandbox.sophnet_url}
    spec = SophNetToolSpec(**known, **ids, root_dir=tmp_path, include=["parse_document"])
    agent = FunctionAgent(tools=spec.to_tool_list(), llm=SophNetLLM(model="DeepSeek-v3", **known))
    answer = await agent.run('Use parse_document to read the document "report.txt". What is the total of the invoice?')
    assert "4711" in str(answer)


# --- settings and secrets ------------------------------------------------------------------------------------------


def test_the_key_is_in_no_dump_repr_or_pickle(clouds: ToolClouds, root: Path) -> None:
    spec = sophnet(clouds, root_dir=root, default_headers={"X-Token": KEY}, max_calls={"edit_image": 2})
    tool = tool_of(spec, "generate_image")
    for shown in (repr(spec), str(spec), spec.to_json(), json.dumps(spec.to_dict()), repr(tool.metadata), repr(tool)):
        assert KEY not in shown
    assert spec.to_dict()["root_dir"] == str(root)
    other = SophNetToolSpec.from_dict(spec.to_dict(), api_key=KEY)
    assert [one.metadata.name for one in other.to_tool_list()][:3] == QINIU
    loaded = pickle.loads(pickle.dumps(spec))  # noqa: S301 - our own
    assert loaded.parse_document("合同.txt") == "# 合同.txt\n\n甲方"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda tool: pickle.loads(pickle.dumps(tool))])  # noqa: S301 - its own
def test_a_tool_can_be_copied_and_pickled(clouds: ToolClouds, copied: Callable[[Any], Any]) -> None:
    spec = SophNetToolSpec(**clouds.sophnet, max_calls=1)
    (tool,) = spec.to_tool_list(["generate_image"])
    again = copied(tool)
    assert again.call(prompt="猫").content.startswith("Picture (image/png).")
    assert again.metadata == tool.metadata
    with pytest.raises(LimitReached):
        again.call(prompt="猫")


def test_two_clouds_share_names_and_can_be_used_together(clouds: ToolClouds) -> None:
    sophnet, qiniu = SophNetToolSpec(**clouds.sophnet), QiniuToolSpec(**clouds.qiniu, include=["recognize_text"])
    llm = SophNetLLM(model="DeepSeek-v3", api_key=KEY, base_url=clouds.server.url)
    with pytest.raises(InvalidInput, match="several of the name recognize_text"):
        llm.chat_with_tools(sophnet.to_tool_list() + qiniu.to_tool_list(), user_msg="?")
    assert not clouds.server.seen
    schema = qiniu.get_fn_schema_from_fn_name("recognize_text")
    renamed = {"recognize_text": ToolMetadata("Read a picture or a PDF.", "qiniu_ocr", schema)}
    tools = sophnet.to_tool_list() + qiniu.to_tool_list(func_to_metadata_mapping=renamed)
    assert len(llm._prepare_chat_with_tools(tools)["tools"]) == 8


@pytest.mark.parametrize(
    "fields",
    [
        {"root_dir": "/nowhere/at/all"},
        {"output_dir": ""},
        {"allowed_hosts": ["http://a"]},
        {"max_calls": -1},
        {"max_calls": {"dance": 1}},
        {"options": {"dance": {}}},
        {"options": {"generate_image": {"colour": "red"}}},
        {"options": {"synthesize_speech": {"volume": 101}}},
        {"timeout": 0},
        {"task_timeout": 0},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused_at_once(clouds: ToolClouds, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        sophnet(clouds, **fields)
    assert KEY not in str(caught.value)


def test_a_missing_key_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        QiniuToolSpec()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetToolSpec()


def test_options_of_single_tools(clouds: ToolClouds) -> None:
    spec = sophnet(clouds, options={"generate_image": {"model": "z-image-turbo", "extra_body": {"trace": 1}}})
    assert "negative_prompt" not in tool_of(spec, "generate_image").metadata.get_parameters_dict()["properties"]
    spec.generate_image("猫", size="1024x768")
    assert (clouds.asked[0].json["model"], clouds.asked[0].json["trace"]) == ("z-image-turbo", 1)
    with pytest.raises(InvalidInput, match="there is no argument negative_prompt"):
        spec.generate_image("猫", negative_prompt="狗")


def test_a_relative_folder_stays_where_it_was(clouds: ToolClouds, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    spec = sophnet(clouds, root_dir=".", output_dir="out")
    monkeypatch.chdir("/")
    assert spec.parse_document("合同.txt") == "# 合同.txt\n\n甲方"
    assert spec.to_dict()["output_dir"] == str(root / "out")


def test_the_toolbox_names_the_same_methods() -> None:
    assert [kind.method for kind in SOPHNET_TOOLS] == SOPHNET
