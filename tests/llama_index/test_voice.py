"""``SophNetVoiceAgent``: turns, interruption and records of a spoken conversation, and what goes wrong in one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.core.voice_agents import (
    BaseVoiceAgent,
    BaseVoiceAgentEvent,
    BaseVoiceAgentInterface,
    BaseVoiceAgentWebsocket,
)

from maaskit import AuthenticationFailed, ConfigurationError, InvalidInput, SessionError, SessionTimedOut
from maaskit.llama_index import SophNetVoiceAgent
from maaskit.llama_index import voice as module
from maaskit.sophnet import speech_chat
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_socket import ScriptedSocket, drop
from tests.scripted_talker import Talker, event, heard, spoken, written
from tests.waiting import auntil

KEY = "secret-key-1234567890"
TENTH = b"\x01\x02" * 1600


@pytest.fixture
def server() -> Iterator[ScriptedSocket]:
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture
def talker(server: ScriptedSocket) -> Talker:
    talker = Talker()
    server.script(talker)
    return talker


def agent_of(server: ScriptedSocket | ScriptedServer, **settings: Any) -> SophNetVoiceAgent:
    told: dict[str, Any] = {"model": "M", "timeout": 30, "max_retries": 0, "project_id": "P1", "easyllm_id": "E1"}
    return SophNetVoiceAgent(api_key=KEY, base_url=server.url, **told | settings)


async def left(server: ScriptedSocket) -> bool:
    return await asyncio.to_thread(server.ended.acquire, timeout=30)


class Speaker(BaseVoiceAgentInterface):
    """Remembers what it is told; a part of it as coroutines."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def _speaker_callback(self, *_: Any, **__: Any) -> None: ...

    def _microphone_callback(self, *_: Any, **__: Any) -> None: ...

    def output(self, *_: Any, **__: Any) -> None: ...

    def start(self, *_: Any, **__: Any) -> None:
        self.told.append("start")

    async def stop(self) -> None:  # type: ignore[override]
        self.told.append("stop")

    def interrupt(self) -> None:
        self.told.append("interrupt")

    async def receive(self, data: Any, *_: Any, **__: Any) -> None:  # type: ignore[override]
        self.told.append(data)


async def test_several_turns_are_held_and_recorded(server: ScriptedSocket, talker: Talker) -> None:
    history = [ChatMessage(role="user", content="早"), ChatMessage(role="assistant", content="您好")]
    agent = agent_of(
        server,
        system_prompt="你是助手。",
        messages=history,
        asr_mode="refresh",
        voice="longwan",
        settings={"volume": 80, "temperature": 0.5},
    )
    assert isinstance(agent, BaseVoiceAgent)
    assert isinstance(agent.ws, BaseVoiceAgentWebsocket)
    async with agent:
        for number in (1, 2):
            await agent.send(TENTH)
            await agent.send(TENTH)
            turn = await agent.answer()
            assert (turn.heard, turn.content) == (f"问{number}。", f"答{number}")
            assert turn.speech is not None
            assert turn.speech.audio == b"ID3-sound!"
    assert await left(server)
    assert [(message.role.value, message.content) for message in agent.export_messages()] == [
        ("user", "问1。"),
        ("assistant", "答1"),
        ("user", "问2。"),
        ("assistant", "答2"),
    ]
    (update,) = talker.updates
    chat = update["chat_completion_with_voice_output_req"]
    assert chat["chat_completion_req"]["messages"] == [
        {"role": "system", "content": "你是助手。"},
        {"role": "user", "content": "早"},
        {"role": "assistant", "content": "您好"},
    ]
    assert (chat["chat_completion_req"]["temperature"], update["asr_mode"]) == (0.5, "refresh")
    assert chat["speech_synthesis_req"]["synthesis_param"]["volume"] == 80


async def test_events_are_recorded_without_sound_under_their_own_names(server: ScriptedSocket, talker: Talker) -> None:
    async with agent_of(server) as agent:
        await agent.send(TENTH)
        await agent.send(speech_chat.clear_conversation())
        await agent.answer()
    events = agent.export_events()
    assert all(isinstance(one, BaseVoiceAgentEvent) for one in events)
    dumps = [one.model_dump(by_alias=True) for one in events]
    assert [dump["type"] for dump in dumps] == [
        "created",
        "updated",
        "utterance",
        "conversation_cleared",
        "utterance",
        "audio_completed",
        *["answer"] * 6,
        "turn_completed",
    ]
    answers = [dump for dump in dumps if dump["type"] == "answer"]
    assert "".join(dump["text"] for dump in answers) == "答1"
    assert sum(dump["audio_bytes"] for dump in answers) == len(b"ID3-sound!")
    assert dumps[-1]["heard"] == "问1。"


async def test_an_interface_plays_and_events_are_passed_on(server: ScriptedSocket, talker: Talker) -> None:
    speaker, came = Speaker(), []

    async def listen(one: Any) -> None:
        came.append(type(one))

    async with agent_of(server, interface=speaker, on_event=listen) as agent:
        await agent.send(TENTH)
        await agent.answer()
        await agent.interrupt()
    assert speaker.told == ["start", b"ID3-", b"sound", b"!", "interrupt", "stop"]
    assert came[:2] == [speech_chat.Created, speech_chat.Updated]
    assert speech_chat.TurnCompleted in came


async def test_an_answer_is_interrupted(server: ScriptedSocket) -> None:
    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            connection.send(heard("问。"))
            connection.send(written("很长"))
            connection.send(spoken(b"long"))

        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "conversation.chat.cancel":
                connection.send(event("conversation.chat.completed"))

    server.script(Slow())
    began = asyncio.Event()

    def listen(one: Any) -> None:
        if isinstance(one, speech_chat.SpokenDelta):
            began.set()

    async with agent_of(server, on_event=listen) as agent:
        await agent.send(TENTH)
        answer = asyncio.create_task(agent.answer())
        await asyncio.wait_for(began.wait(), 30)
        await agent.interrupt()
        turn = await asyncio.wait_for(answer, 30)
    assert (turn.heard, turn.content, turn.canceled) == ("问。", "很长", True)


# What goes wrong.


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tools": [FunctionTool.from_defaults(fn=lambda: 1, name="f", description="d")]}, "tools"),
        ({"format": "flac"}, "format"),
        ({"asr_mode": "never"}, "asr_mode"),
        ({"settings": {"volume": 101}}, "volume"),
        ({"settings": {"tempo": 1}}, "tempo"),
        ({"settings": "tempo"}, "settings must be a dict"),
        ({"messages": None}, "messages must be a list"),
        ({"messages": "hi"}, "messages must be a list"),
        ({"on_event": "print"}, "on_event must be a function"),
        ({"interface": io.BytesIO()}, "interface must have start, receive, interrupt, stop; it has no start"),
        ({"errors": "hide"}, "errors"),
    ],
)
def test_settings_are_checked_when_it_is_made(server: ScriptedSocket, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        agent_of(server, **settings)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetVoiceAgent(model="M")


async def test_an_agent_is_started_once_and_in_a_loop(server: ScriptedSocket, talker: Talker) -> None:
    agent = agent_of(server)
    with pytest.raises(InvalidInput, match="Start the agent first"):
        await agent.send(TENTH)
    with pytest.raises(InvalidInput, match="Start the agent first"):
        await agent.answer()
    with pytest.raises(InvalidInput, match="aconnect"):
        agent.ws.connect()  # type: ignore[union-attr]
    await agent.start()
    await agent.stop()
    await agent.stop()
    with pytest.raises(SessionError, match="stopped"):
        await agent.send(TENTH)


async def test_what_may_not_be_said_is_refused_and_the_conversation_goes_on(
    server: ScriptedSocket, talker: Talker
) -> None:
    async with agent_of(server) as agent:
        with pytest.raises(InvalidInput, match="bytes"):
            await agent.send("text")
        with pytest.raises(InvalidInput, match="clear_audio"):
            await agent.send(speech_chat.clear_audio())
        await agent.send(TENTH)
        assert (await agent.answer()).content == "答1"


async def test_a_refused_start_is_raised_by_start(server: ScriptedSocket, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": f"bad {KEY}"}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        await agent_of(scripted).start()
    assert KEY not in str(caught.value)
    server.script(Talker(created=event("chat.created", 3, "no such service")))
    agent = agent_of(server)
    with pytest.raises(SessionError, match="no such service"):
        await agent.start()
    await agent.stop()


async def test_settings_that_are_not_taken_are_raised_by_start(server: ScriptedSocket) -> None:
    class Stubborn(Talker):
        def answer(self, connection: Any, kind: str) -> None:
            connection.send(event("chat.updated", 2, "bad format"))

    server.script(Stubborn())
    with pytest.raises(SessionError, match="bad format"):
        await agent_of(server).start()


async def test_a_dropped_or_stalled_service_is_raised_by_what_is_awaited(server: ScriptedSocket) -> None:
    class Lost(Talker):
        def turn(self, connection: Any) -> None:
            drop(connection)

    class Stalled(Talker):
        def turn(self, connection: Any) -> None:
            for _ in connection:
                pass

    server.script(Lost(), Stalled())
    for error, words, timeout_s in ((SessionError, "lost", 30), (SessionTimedOut, "owes an answer", 2)):
        async with agent_of(server, timeout=timeout_s) as agent:
            await agent.send(TENTH)
            with pytest.raises(error, match=words):
                await agent.answer()
            with pytest.raises(error, match=words):
                await agent.send(TENTH)


async def test_an_answer_that_fails_is_an_error_and_the_conversation_goes_on(server: ScriptedSocket) -> None:
    class Moody(Talker):
        def turn(self, connection: Any) -> None:
            if self.turns:
                super().turn(connection)
                return
            self.turns += 1
            connection.send(event("input_audio_buffer.completed"))
            connection.send(event("error", 7, "no model"))
            connection.send(event("conversation.chat.completed"))

    server.script(Moody())
    async with agent_of(server, errors="tell") as agent:
        await agent.send(TENTH)
        with pytest.raises(SessionError, match="no model"):
            await asyncio.wait_for(agent.answer(), 30)
        await agent.send(TENTH)
        assert (await asyncio.wait_for(agent.answer(), 30)).content == "答2"


@pytest.mark.parametrize("fails", [False, True])
async def test_nobody_gets_the_answer_that_another_stopped_waiting_for(server: ScriptedSocket, fails: bool) -> None:
    class Late(Talker):
        """Answers the first question when the second has been asked."""

        asked = 0

        def turn(self, connection: Any) -> None:
            self.asked += 1
            if self.asked == 2:
                if fails:
                    connection.send(event("error", 7, "no model"))
                    connection.send(event("conversation.chat.completed"))
                    self.turns += 1
                else:
                    super().turn(connection)
                super().turn(connection)

    server.script(late := Late())
    async with agent_of(server, errors="tell") as agent:
        await agent.send(TENTH)
        impatient = asyncio.create_task(agent.answer())
        await auntil(lambda: late.asked)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await agent.send(TENTH)
        turn = await asyncio.wait_for(agent.answer(), 30)
    assert (turn.heard, turn.content) == ("问2。", "答2")


async def test_a_second_question_that_is_refused_leaves_the_first_its_answer(server: ScriptedSocket) -> None:
    class Strict(Talker):
        asked = 0

        def turn(self, connection: Any) -> None:
            self.asked += 1
            if self.asked == 1:
                connection.send(event("input_audio_buffer.completed"))
                connection.send(written("答"))
                return
            connection.send(event("input_audio_buffer.completed", 400, "the answer before is not complete"))
            connection.send(written("案", "stop"))
            connection.send(spoken(b"sound", "finish"))
            connection.send(event("conversation.chat.completed"))

    server.script(Strict())
    async with agent_of(server, errors="tell") as agent:
        await agent.send(TENTH)
        first = asyncio.create_task(agent.answer())
        await asyncio.sleep(0)
        with pytest.raises(SessionError, match="not complete"):
            await asyncio.wait_for(agent.answer(), 30)
        assert (await asyncio.wait_for(first, 30)).content == "答案"


async def test_a_question_that_was_sent_by_hand_has_an_answer_of_its_own(server: ScriptedSocket) -> None:
    server.script(Talker())
    async with agent_of(server) as agent:
        await agent.send(TENTH)
        await agent.send(speech_chat.complete())
        await agent.send(TENTH)
        assert (await asyncio.wait_for(agent.answer(), 30)).content == "答2"


async def test_a_failure_that_nobody_heard_of_is_raised_by_stop(server: ScriptedSocket) -> None:
    class Broken(Talker):
        def answer(self, connection: Any, kind: str) -> None:
            super().answer(connection, kind)
            if kind == "conversation.clear":
                connection.send(event("error", 9, "worn out"))

    server.script(Broken())
    agent = agent_of(server)
    await agent.start()
    await agent.send(speech_chat.clear_conversation())
    assert await left(server)
    with pytest.raises(SessionError, match="worn out"):
        await agent.stop()
    await agent.stop()


async def test_an_error_of_the_interface_reaches_whoever_awaits(server: ScriptedSocket, talker: Talker) -> None:
    class Broken(Speaker):
        async def receive(self, data: Any, *_: Any, **__: Any) -> None:  # type: ignore[override]
            raise ZeroDivisionError("no loudspeaker")

    async with agent_of(server, interface=Broken()) as agent:
        await agent.send(TENTH)
        with pytest.raises(ZeroDivisionError, match="loudspeaker"):
            await agent.answer()


async def test_stopping_ends_what_is_awaited_and_closes_the_socket(server: ScriptedSocket) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Talker):
        def turn(self, connection: Any) -> None:
            loop.call_soon_threadsafe(asked.set)
            for _ in connection:
                pass

    server.script(Slow())
    agent = agent_of(server)
    await agent.start()
    await agent.send(TENTH)
    answer = asyncio.create_task(agent.answer())
    await asyncio.wait_for(asked.wait(), 30)
    await agent.stop()
    with pytest.raises(SessionError, match="stopped"):
        await asyncio.wait_for(answer, 30)
    assert await left(server)


async def test_a_cancelled_task_closes_the_socket(server: ScriptedSocket, talker: Talker) -> None:
    begun = asyncio.Event()

    async def main() -> None:
        async with agent_of(server):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(main())
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left(server)


async def test_records_are_bounded(server: ScriptedSocket, talker: Talker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 3)
    async with agent_of(server) as agent:
        for _ in range(3):
            await agent.send(TENTH)
            await agent.answer()
    assert [message.content for message in agent.export_messages()] == ["答2", "问3。", "答3"]
    assert len(agent.export_events()) == 3


async def test_the_key_is_nowhere_to_be_seen(server: ScriptedSocket, talker: Talker) -> None:
    agent = agent_of(server)
    assert agent.api_key is None
    async with agent:
        await agent.send(TENTH)
        await agent.answer()
    seen = [repr(agent), repr(vars(agent)), str(agent.ws_url), repr(vars(agent.ws)), agent.ws.uri]  # type: ignore[union-attr]
    seen += [one.model_dump_json() for one in agent.export_events()]
    assert KEY not in "".join(seen)
    assert agent.ws_url == server.url.replace("http", "ws") + "/projects/P1/chat/speech-chat"


def test_a_misspelt_argument_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidInput, match=r"no argument time_out: did you mean timeout\?"):
        SophNetVoiceAgent(model="DeepSeek-v3", api_key=KEY, project_id="P1", time_out=3)  # type: ignore[call-arg]
