"""One suite for both drivers: each test speaks to a small face that both can put on."""

import asyncio
import gzip
import io
import json
import os
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from maaskit import (
    APIError,
    AsyncClient,
    AuthenticationFailed,
    Client,
    ConfigurationError,
    ConnectionFailed,
    InvalidInput,
    NotFound,
    Qiniu,
    RateLimited,
    RetryPolicy,
    ServerError,
    SophNet,
    StreamInterrupted,
    TaskTimeout,
    TimedOut,
    UnexpectedAnswer,
    plain_exchange,
    qiniu,
)
from maaskit.answers import parse_object
from maaskit.errors import StreamTimedOut
from maaskit.task import Task, TaskPhase, TaskState, Waiting
from maaskit.wire import Call, Chore, FilePart, Flow, Request, Sleep, Variable
from tests.scripted import FOREVER, Drip, Reply, ScriptedServer, json_reply, sse_reply
from tests.waiting import auntil, until

KEY = "secret-key-1234567890"
HELLO = [{"role": "user", "content": "你好"}]
ANSWER = {"choices": [{"message": {"content": "好"}, "finish_reason": "stop"}]}
QUICK = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02)


class Face:
    """A driver under one synchronous face."""

    def __init__(self, server: ScriptedServer, kind: type, **settings) -> None:
        settings = {"timeout": 30.0, "retry_policy": QUICK, **settings}
        self.make = lambda: kind(Qiniu(api_key=KEY, base_url=server.url + "/v1"), **settings)
        self.is_async = kind is AsyncClient

    def _run(self, verb):
        if not self.is_async:
            with self.make() as client:
                return verb(client)

        async def main():
            async with self.make() as client:
                return await verb(client)

        return asyncio.run(main())

    def send(self, call):
        return self._run(lambda client: client.send(call))

    def map(self, calls, concurrency=8):
        return self._run(lambda client: client.map(calls, concurrency))

    def wait(self, task, *args, **settings):
        return self._run(lambda client: client.wait(task, *args, **settings))

    def stream(self, stream, items=None, most=None):
        """Collect the items (into ``items``, when they are wanted in spite of an error)."""
        items = [] if items is None else items

        async def collect(client):
            async with client.stream(stream) as pieces:
                async for piece in pieces:
                    items.append(piece)
                    if len(items) == most:
                        break
            return items

        def collect_sync(client):
            with client.stream(stream) as pieces:
                for piece in pieces:
                    items.append(piece)
                    if len(items) == most:
                        break
            return items

        return self._run(collect if self.is_async else collect_sync)


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def driver(request, scripted):
    return lambda **settings: Face(scripted, request.param, **settings)


def chat(**params):
    return qiniu.chat.complete(HELLO, "deepseek-v3", **params)


def chat_stream(**params):
    return qiniu.chat.stream(HELLO, "deepseek-v3", **params)


def piece(text=None, finish=None):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def test_a_call_goes_out_as_documented(driver, scripted):
    scripted.script(json_reply(ANSWER))
    assert driver().send(chat()).content == "好"
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("maaskit/")
    assert seen.json == {"messages": HELLO, "model": "deepseek-v3"}


def test_default_headers_are_sent(driver, scripted):
    scripted.script(json_reply(ANSWER))
    driver(default_headers={"X-Team": "a", "user-agent": "mine"}).send(chat())
    assert scripted.seen[0].headers["x-team"] == "a"
    assert scripted.seen[0].headers["user-agent"] == "mine"
    for headers in ({"X": "队"}, {"a b": "c"}, {"": "c"}, {"Content-Length": "5"}, ["X"], "X"):
        with pytest.raises(InvalidInput, match="default_headers"):
            driver(default_headers=headers).send(chat())


def test_refusals_are_retried_and_counted(driver, scripted):
    scripted.script(json_reply({}, 500), json_reply({}, 429), json_reply(ANSWER))
    assert driver().send(chat()).content == "好"
    assert len(scripted.seen) == 3
    scripted.script(json_reply({"error": {"message": "m"}}, 503))
    scripted.seen.clear()
    with pytest.raises(ServerError):
        driver(max_retries=3).send(chat())
    assert len(scripted.seen) == 4


def test_retry_after_is_waited_for(driver, scripted):
    scripted.script(json_reply({}, 429, retry_after_ms="300"), json_reply(ANSWER))
    started = time.monotonic()
    driver().send(chat())
    assert time.monotonic() - started >= 0.3


def test_a_wrong_key_is_not_retried_and_not_shown(driver, scripted):
    scripted.script(json_reply({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        driver().send(chat())
    assert len(scripted.seen) == 1
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in repr(error) + str(error.__dict__)
        error = error.__cause__ or error.__context__


def test_a_dropped_connection_is_retried(driver, scripted):
    scripted.script(Reply(drop=True), json_reply(ANSWER))
    assert driver().send(chat()).content == "好"


def test_nobody_listening(driver, scripted):
    face = driver(max_retries=1)
    provider = Qiniu(api_key=KEY, base_url=scripted.url)
    kind = AsyncClient if face.is_async else Client
    face.make = lambda: kind(provider, retry_policy=QUICK)
    scripted.close()
    with pytest.raises(ConnectionFailed) as caught:
        face.send(chat())
    assert caught.value.accepted is False
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # httpx's error holds the request, and with it the key


def test_a_silent_service_times_out(driver, scripted):
    scripted.script(Reply(pieces=[b"{", FOREVER], headers={"content-type": "application/json"}))
    with pytest.raises(TimedOut, match="timeout=1 "):
        driver(timeout=1, max_retries=0).send(chat())


def test_a_slow_drip_ends(driver, scripted):
    scripted.script(Reply(pieces=Drip(drip=b" "), headers={"content-type": "application/json"}))
    started = time.monotonic()
    with pytest.raises(TimedOut, match="not whole"):
        driver(timeout=2, max_retries=0).send(chat())
    assert time.monotonic() - started < 20


def test_a_body_without_end_is_given_up(driver, scripted):
    scripted.script(Reply(pieces=[b"x" * 65536] * 40))
    call = Call(Request("GET", "/big", max_answer_bytes=1_000_000), parse_object)
    with pytest.raises(UnexpectedAnswer, match="1000000 bytes"):
        driver().send(call)


def test_gzip_is_read_and_damage_is_an_error(driver, scripted):
    body = gzip.compress(b'{"data":[{"id":"m1"}]}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    scripted.script(Reply(headers=headers, pieces=[body]))
    assert driver().send(qiniu.models.list_models())[0].id == "m1"
    scripted.script(Reply(headers=headers, pieces=[b"no gzip"]))
    with pytest.raises(UnexpectedAnswer, match="damaged"):
        driver().send(qiniu.models.list_models())


def test_an_answer_that_is_compressed_twice_is_given_up_before_it_fills_the_memory(driver, scripted):
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    scripted.script(Reply(headers={"content-encoding": "gzip, gzip"}, pieces=[bomb]))
    with pytest.raises(UnexpectedAnswer, match="compressed as"):
        driver().send(qiniu.models.list_models())
    assert scripted.seen[0].headers["accept-encoding"] == "gzip, deflate"


def test_a_compressed_answer_that_ends_too_early_is_damaged(driver, scripted):
    scripted.script(Reply(headers={"content-encoding": "gzip"}, pieces=[gzip.compress(b'{"data":[]} ')[:-9]]))
    with pytest.raises(UnexpectedAnswer, match="damaged"):
        driver().send(qiniu.models.list_models())


@pytest.mark.parametrize("streamed", [False, True])
def test_a_drip_that_unpacks_to_nothing_ends(driver, scripted, streamed):
    head = gzip.compress(b"")[:10]
    scripted.script(
        Reply(
            headers={"content-encoding": "gzip", "content-type": "text/event-stream"},
            pieces=Drip(head, drip=b"\0\0\0\xff\xff"),
        )
    )
    face = driver(timeout=1, max_retries=0)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        face.stream(chat_stream()) if streamed else face.send(chat())
    assert time.monotonic() - started < 20


def test_compressed_streams_bring_their_pieces(driver, scripted):
    packer = zlib.compressobj(wbits=31)
    pieces: list[bytes | float] = []
    for event in (piece("你"), piece("好", "stop")):
        text = f"data: {json.dumps(event)}\n\n".encode()
        pieces += [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH), 0.05]
    scripted.script(
        Reply(
            headers={"content-encoding": "gzip", "content-type": "text/event-stream"}, pieces=[*pieces, packer.flush()]
        )
    )
    assert [item.content for item in driver().stream(chat_stream())] == ["你", "好", ""]


def test_a_content_length_beyond_all_numbers(driver, scripted):
    scripted.script(Reply(headers={"content-length": "1" * 5000}, pieces=[b"{}"], chunked=False, close=True))
    with pytest.raises((UnexpectedAnswer, ConnectionFailed)):
        driver(max_retries=0).send(chat())


def test_a_redirect_is_not_followed(driver, scripted):
    scripted.script(Reply(302, {"location": "https://elsewhere.example/"}))
    with pytest.raises(APIError, match="redirects"):
        driver().send(chat())
    assert len(scripted.seen) == 1


def test_paid_work_is_not_sent_twice(driver, scripted):
    call = Call(Request("POST", "/task", json={}, resend="unaccepted"), parse_object)
    for reply in (Reply(drop=True), json_reply({}, 500), Reply(pieces=[b"{"], close=True)):
        scripted.seen.clear()
        scripted.script(reply, json_reply({"id": "1"}))
        with pytest.raises((ConnectionFailed, ServerError)):
            driver().send(call)
        assert len(scripted.seen) == 1


def test_files_stream_anew_for_each_attempt(driver, scripted, tmp_path: Path):
    path = tmp_path / "文件.pdf"
    path.write_bytes(b"%PDF-" + bytes(300_000))
    scripted.script(json_reply({}, 500), json_reply({"data": "x"}))
    request = Request(
        "POST",
        "/up",
        fields={"a": "b"},
        files=(
            FilePart("file", path.name, path, "application/pdf"),
            FilePart("data", json={"k": "值"}, content_type="application/json"),
        ),
    )
    assert driver().send(Call(request, parse_object)) == {"data": "x"}
    assert len(scripted.seen) == 2
    for seen in scripted.seen:
        assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert path.read_bytes() in seen.body
        assert 'name="data"\r\nContent-Type: application/json\r\n\r\n{"k":"值"}'.encode() in seen.body
        assert "文件.pdf".encode() in seen.body
    path.unlink()
    with pytest.raises(InvalidInput, match="cannot be read"):
        driver().send(Call(request, parse_object))


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_changes_while_it_is_sent(driver, scripted, tmp_path: Path, grows):
    class Changing(io.FileIO):
        def read(self, size=-1):
            data = super().read(size)
            os.truncate(self.name, 3_000_000 if grows else 100_000)
            return data

    class ChangingPath(type(tmp_path)):
        def open(self, mode="r", *args, **settings):
            return Changing(str(self), mode)

    path = ChangingPath(tmp_path / "a.pdf")
    path.write_bytes(bytes(1_000_000))
    scripted.script(json_reply({"data": "x"}))
    call = Call(Request("POST", "/up", files=(FilePart("file", "a.pdf", path),)), parse_object)
    if grows:
        assert driver(max_retries=0).send(call) == {"data": "x"}
        assert 1_000_000 < len(scripted.seen[0].body) < 1_001_000
    else:
        with pytest.raises(InvalidInput, match=r"a\.pdf became shorter"):
            driver(max_retries=0).send(call)


def test_paid_work_goes_over_a_connection_of_its_own(driver, scripted):
    """A kept connection may be closed at the very moment, and then nobody knows whether the work was started."""
    call = Call(Request("POST", "/task", json={}, resend="unaccepted"), parse_object)
    scripted.script(json_reply({"id": "1"}))
    assert driver().map([call] * 3, concurrency=1) == [{"id": "1"}] * 3
    assert [seen.connection for seen in scripted.seen] == [1, 2, 3]


def test_a_missing_id_is_said_before_anything_is_sent(driver, scripted):
    face = driver()
    provider = SophNet(api_key=KEY, base_url=scripted.url)
    face_make = face.make
    face.make = lambda: type(face_make())(provider)
    call = Call(
        Request("POST", "/p/{project_id}", json={"e": Variable("easyllm_id")}, service="embeddings"), parse_object
    )
    with pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"):
        face.send(call)
    assert not scripted.seen


def test_many_calls_in_order(driver, scripted):
    under_way, most, lock = 0, 0, threading.Lock()

    def reply(seen):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        number = seen.json["max_tokens"]
        if number == 1:  # which is answered after another
            until(lambda: most >= 2)
        time.sleep(0.005 if number % 2 else 0.02)
        with lock:
            under_way -= 1
        return json_reply({"choices": [{"message": {"content": str(number)}, "finish_reason": "stop"}]})

    scripted.script(reply)
    answers = driver().map((chat(max_tokens=number) for number in range(1, 28)), concurrency=9)
    assert [answer.content for answer in answers] == [str(number) for number in range(1, 28)]
    assert 2 <= most <= 9


def test_the_first_failure_of_many_is_raised(driver, scripted):
    def reply(seen):
        number = seen.json["max_tokens"]
        return json_reply({"error": {"message": "no"}}, 400) if number >= 3 else json_reply(ANSWER)

    scripted.script(reply)
    with pytest.raises(APIError):
        driver().map([chat(max_tokens=number) for number in range(1, 100)], concurrency=3)
    assert len(scripted.seen) < 20
    with pytest.raises(InvalidInput, match="concurrency"):
        driver().map([chat()], concurrency=0)


def test_a_flow_asks_several_questions(driver, scripted):
    scripted.script(json_reply({"n": 1}), json_reply({}, 500), json_reply({"n": 2}))

    def steps():
        first = parse_object((yield Request("GET", "/first")).answer)
        yield Sleep(0.01)
        second = parse_object((yield Request("POST", "/second", json=first)).answer)
        return first["n"] + second["n"]

    assert driver().send(Flow(steps)) == 3
    assert [seen.path for seen in scripted.seen] == ["/v1/first", "/v1/second", "/v1/second"]


def test_a_chore_is_done_off_the_event_loop(driver, scripted):
    scripted.script(json_reply({"n": 1}))
    places = []

    def work():
        places.append(threading.current_thread())
        return {"content": "from a file"}

    def steps():
        body = (yield Chore(work)).answer
        return parse_object((yield Request("POST", "/one", json=body)).answer)["n"]

    assert driver().send(Flow(steps)) == 1
    assert scripted.seen[0].json == {"content": "from a file"}
    assert (places == [threading.main_thread()]) is not driver().is_async


def test_a_chore_that_fails_ends_the_flow(driver, scripted):
    def work():
        raise InvalidInput("no such file")

    def steps():
        yield Chore(work)

    with pytest.raises(InvalidInput, match="no such file"):
        driver().send(Flow(steps))
    assert not scripted.seen


def test_a_flow_may_know_what_an_error_means(driver, scripted):
    scripted.script(json_reply({}, 404), json_reply({"n": 1}))

    def steps():
        try:
            yield Request("GET", "/first")
        except NotFound as error:
            error.with_hint("It was never there.")
        return parse_object((yield Request("GET", "/second")).answer)["n"]

    assert driver().send(Flow(steps)) == 1

    def hopeless():
        try:
            yield Call(Request("GET", "/first"), parse_object)
        except NotFound as error:
            raise error.with_hint("It was never there.") from None

    scripted.script(json_reply({}, 404))
    with pytest.raises(NotFound, match="never there"):
        driver().send(Flow(hopeless))


def test_a_flow_may_wait_for_a_task(driver, scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "doing"}), json_reply({"status": "SUCCEEDED"}))
    updates = []

    def steps():
        return (yield Waiting(task(), updates.append)).answer + "!"

    assert driver().send(Flow(steps)) == "result!"
    assert [update.task_id for update in updates] == ["t1"] * 3

    scripted.script(json_reply({"id": "t2"}), json_reply({"status": "doing"}))

    def too_long():
        yield Waiting(task(), timeout_s=0.3)

    with pytest.raises(TaskTimeout) as caught:
        driver().send(Flow(too_long))
    assert caught.value.task_id == "t2"


def test_several_batches_share_their_places(scripted):
    under_way = most = 0
    lock = threading.Lock()

    def reply(seen):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        until(lambda: most >= 3)
        time.sleep(0.02)  # in which there is room for a fourth
        with lock:
            under_way -= 1
        return json_reply(ANSWER)

    scripted.script(reply)

    async def main():
        places = asyncio.Semaphore(3)
        async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url + "/v1")) as client:

            async def batch():
                calls = [qiniu.chat.complete(HELLO, "m") for _ in range(3)]
                return [answer.content async for answer in client.each(calls, 3, places)]

            return await asyncio.gather(*(batch() for _ in range(4)))

    assert asyncio.run(main()) == [["好"] * 3] * 4
    assert most == 3


# ---- streams


def test_a_stream_brings_its_pieces(driver, scripted):
    scripted.script(sse_reply(piece("你"), 0.02, piece("好"), piece(None, "stop")))
    items = driver().stream(chat_stream())
    assert [item.content for item in items] == ["你", "好", ""]
    assert items[-1].finish_reason == "stop"
    assert scripted.seen[0].json["stream"] is True


def test_pieces_may_be_taken_as_they_came_together(scripted):
    first, second, last = sse_reply(piece("你"), piece("好"), piece(None, "stop"), done=False).pieces
    taken = threading.Event()
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, [first + second, taken.is_set, last]))
    made = {"api_key": KEY, "base_url": scripted.url}

    def texts(batch):
        taken.set()
        return [item.content for item in batch]

    def sync():
        with Client(Qiniu(**made)) as client, client.stream(chat_stream()) as stream:
            return [texts(stream.batch()) for _ in range(4)]

    async def main():
        async with AsyncClient(Qiniu(**made)) as client, client.stream(chat_stream()) as stream:
            return [texts(await stream.batch()) for _ in range(4)]

    assert sync() == [["你", "好"], [""], [], []]
    taken.clear()
    assert asyncio.run(main()) == [["你", "好"], [""], [], []]


def test_a_stream_that_was_closed_gives_nothing_more(scripted):
    scripted.script(sse_reply(piece("你"), piece("好"), piece(None, "stop")))
    made = {"api_key": KEY, "base_url": scripted.url}
    with Client(Qiniu(**made)) as client:
        stream = client.stream(chat_stream())
        assert next(stream).content == "你"
        stream.close()
        assert list(stream) == stream.batch() == []

    async def main():
        async with AsyncClient(Qiniu(**made)) as client:
            stream = client.stream(chat_stream())
            assert (await anext(stream)).content == "你"
            await stream.close()
            return [item async for item in stream], await stream.batch()

    assert asyncio.run(main()) == ([], [])


def test_two_cannot_wait_for_the_same_piece(scripted):
    refused = threading.Event()
    scripted.script(sse_reply(piece("你"), refused.is_set, piece("好"), piece(None, "stop")))
    made = {"api_key": KEY, "base_url": scripted.url}
    with Client(Qiniu(**made)) as client, client.stream(chat_stream()) as stream, ThreadPoolExecutor(1) as pool:
        stream.batch()
        waiting = pool.submit(stream.batch)
        until(stream._course._lock.locked)
        with pytest.raises(RuntimeError, match="Another thread"):
            stream.batch()
        refused.set()
        assert waiting.result()[0].content == "好"

    async def main():
        async with AsyncClient(Qiniu(**made)) as client, client.stream(chat_stream()) as stream:
            await stream.batch()
            waiting = asyncio.create_task(stream.batch())
            await auntil(lambda: stream._course._is_busy)
            with pytest.raises(RuntimeError, match="Another task"):
                await stream.batch()
            refused.set()
            return (await waiting)[0].content

    refused.clear()
    assert asyncio.run(main()) == "好"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stream_that_is_cut_raises_with_what_came(driver, scripted, how):
    items = []
    scripted.script(sse_reply(piece("你"), piece("好"), lambda: len(items) == 2, done=False, **{how: True}))
    with pytest.raises(StreamInterrupted) as caught:
        driver().stream(chat_stream(), items)
    assert "".join(item.content for item in items) == "你好"
    assert caught.value.partial.content == "你好"
    assert len(scripted.seen) == 1


def test_an_end_without_ceremony_after_the_finish_reason_is_an_end(driver, scripted):
    scripted.script(sse_reply(piece("你"), 0.02, piece("好", "stop"), 0.02, done=False, close=True))
    assert [item.content for item in driver().stream(chat_stream())] == ["你", "好", ""]


def test_a_stream_is_retried_until_its_first_event(driver, scripted):
    good = sse_reply(piece("好", "stop"))
    for bad in (
        Reply(drop=True),
        json_reply({}, 503),
        sse_reply(done=False),
        sse_reply(done=False, close=True),
        sse_reply({"error": {"message": "busy", "code": 429}}),
        sse_reply(b": ping\n\n", done=False, close=True),
    ):
        scripted.seen.clear()
        scripted.script(bad, good)
        assert driver().stream(chat_stream())[0].content == "好"
        assert len(scripted.seen) == 2
    scripted.script(sse_reply({"error": {"message": "bad", "code": 400}}), good)
    with pytest.raises(APIError):
        driver().stream(chat_stream())


def test_an_error_in_the_middle_is_raised_and_not_retried(driver, scripted):
    scripted.script(sse_reply(piece("好"), {"error": {"message": f"slow {KEY}", "code": 429}}))
    with pytest.raises(RateLimited) as caught:
        driver().stream(chat_stream())
    assert caught.value.partial.content == "好"
    assert KEY not in str(caught.value)
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("noise", [b"", b": ping\n\n"], ids=["silence", "heartbeats"])
def test_a_stream_that_goes_silent_ends_and_heartbeats_do_not_count(driver, scripted, noise):
    first = sse_reply(piece("好"), done=False).pieces
    pieces = Drip(*first, drip=noise) if noise else [*first, FOREVER]
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, pieces))
    started = time.monotonic()
    with pytest.raises(StreamTimedOut) as caught:
        driver(timeout=1).stream(chat_stream())
    assert time.monotonic() - started < 20
    assert isinstance(caught.value, TimedOut)
    assert caught.value.partial.content == "好"


def test_leaving_a_stream_closes_its_connection(driver, scripted):
    event = sse_reply(piece("好"), done=False).pieces[0]
    scripted.script(Reply(200, {"content-type": "text/event-stream"}, Drip(drip=event)))
    assert len(driver().stream(chat_stream(), most=3)) == 3
    assert scripted.disconnected.wait(30)


def test_a_stream_that_is_refused(driver, scripted):
    scripted.script(json_reply({"error": {"message": "no such model"}}, 404))
    with pytest.raises(APIError, match="no such model"):
        driver().stream(chat_stream())


def test_a_stream_that_answers_whole(driver, scripted):
    scripted.script(json_reply(ANSWER))
    assert [item.content for item in driver().stream(chat_stream())] == ["好", ""]


PAUSES = ["before the head", "before the first piece", "between pieces"]


def paused(scripted, pause):
    """Let a stream pause for ever; give what tells that it does, from the stream and its items, and what ends it.

    Before the head nothing can be hung up: what is closed then is told when the head has come.
    """
    closed = threading.Event()
    first = [piece("你"), FOREVER] if pause == "between pieces" else [FOREVER]
    streamed = sse_reply(*first, piece("好", "stop"))

    def reply(seen):
        if pause == "before the head":
            until(closed.is_set)
        return streamed

    scripted.script(reply)
    has_come = {
        "before the head": lambda stream, items: scripted.seen,
        "before the first piece": lambda stream, items: stream._course._hold.response,
        "between pieces": lambda stream, items: items,
    }[pause]
    return has_come, closed.set


@pytest.mark.parametrize("pause", PAUSES)
def test_another_thread_may_close_a_stream_that_is_waited_for(scripted, pause):
    has_come, go_on = paused(scripted, pause)
    items = []
    with Client(Qiniu(api_key=KEY, base_url=scripted.url), retry_policy=QUICK) as client:
        stream = client.stream(chat_stream())

        def close():
            until(lambda: has_come(stream, items) and stream._course._lock.locked())
            stream.close()
            go_on()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(StreamInterrupted, match="another thread") as caught:
            for item in stream:
                items.append(item)  # noqa: PERF402 - who closes looks at them meanwhile
        closing.join()
        stream.close()
    assert len(scripted.seen) == 1
    if pause == "between pieces":
        assert caught.value.partial.content == "你"


def test_a_stream_that_is_closed_between_two_attempts_is_not_asked_again(scripted):
    scripted.script(json_reply({"message": "busy"}, 503))
    made = {"api_key": KEY, "base_url": scripted.url}

    class Closing(RetryPolicy):
        """Close the stream when the next attempt is prepared."""

        def delay_s(self, attempt, chance):
            close()
            return 0.01

    with Client(Qiniu(**made), retry_policy=Closing()) as client:
        stream = client.stream(chat_stream())
        close = stream.close  # as from another thread: this one holds the stream
        with pytest.raises(StreamInterrupted, match="another thread"):
            list(stream)
    assert len(scripted.seen) == 1

    async def main():
        nonlocal close
        async with AsyncClient(Qiniu(**made), retry_policy=Closing()) as client:
            stream = client.stream(chat_stream())
            closing = []
            close = lambda: closing.append(asyncio.ensure_future(stream.close()))  # noqa: E731
            with pytest.raises(StreamInterrupted, match="another task"):
                await anext(stream)
            await closing[0]

    asyncio.run(main())
    assert len(scripted.seen) == 2


@pytest.mark.parametrize("pause", PAUSES)
def test_another_task_may_close_a_stream_that_is_waited_for(scripted, pause):
    has_come, go_on = paused(scripted, pause)
    items = []

    async def main():
        async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url), retry_policy=QUICK) as client:
            stream = client.stream(chat_stream())

            async def read():
                async for item in stream:
                    items.append(item)  # noqa: PERF401 - who closes looks at them meanwhile

            reading = asyncio.create_task(read())
            await auntil(lambda: has_come(stream, items) and stream._course._is_busy)
            await stream.close()
            go_on()
            with pytest.raises(StreamInterrupted, match="another task") as caught:
                await reading
            await stream.close()
            assert client._http._transport.busy == 0
            return caught.value

    error = asyncio.run(main())
    assert len(scripted.seen) == 1
    if pause == "between pieces":
        assert error.partial.content == "你"


@pytest.mark.parametrize("name", ["Call", "Stream", "Task", "None", "Request"])
def test_each_verb_takes_its_own_and_says_who_takes_the_others(driver, scripted, name):
    value = {"Call": chat(), "Stream": chat_stream(), "Task": task(), "None": None, "Request": Request("GET", "/x")}[
        name
    ]
    own = {"Call": "send", "Stream": "stream", "Task": "wait"}.get(name, "")
    for verb in {"send", "stream", "wait"} - {own}:
        with pytest.raises(InvalidInput, match=f"Hand it to client.{own}" if own else f"client.{verb} does not take"):
            getattr(driver(), verb)(value)
    assert not scripted.seen


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_connect_takes_a_session_and_says_who_takes_the_others(kind):
    client = kind(Qiniu(api_key=KEY))
    with pytest.raises(InvalidInput, match=r"client\.connect does not take .* Call\. Hand it to client\.send\."):
        client.connect(chat())
    with pytest.raises(InvalidInput, match=r"client\.connect does not take .* NoneType\.$"):
        client.connect(None)


@pytest.mark.parametrize("concurrency", [0, -1, 2.5, "3", None, True])
def test_a_senseless_concurrency_is_refused(driver, concurrency):
    with pytest.raises(InvalidInput, match="concurrency"):
        driver().map([chat()], concurrency=concurrency)


def test_a_listener_that_is_none_is_refused_before_the_task_is_submitted(driver, scripted):
    with pytest.raises(InvalidInput, match="on_update"):
        driver().wait(task(), 5)
    assert not scripted.seen


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", ["http_client", "retry_policy"])
def test_settings_of_the_wrong_kind_are_refused(kind, name):
    wrong = httpx.AsyncClient() if kind is Client else httpx.Client()
    with pytest.raises(InvalidInput, match=name):
        kind(Qiniu(api_key=KEY), **{name: wrong})


def test_a_closed_client_says_so(scripted):
    client = Client(Qiniu(api_key=KEY, base_url=scripted.url))
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.send(chat())
    with pytest.raises(ConfigurationError, match="closed"):
        list(client.stream(chat_stream()))

    async def main():
        async_client = AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url))
        await async_client.close()
        with pytest.raises(ConfigurationError, match="closed"):
            await async_client.send(chat())

    asyncio.run(main())


# ---- tasks


def task(cancel=None) -> Task[str]:
    def read(response):
        word = parse_object(response)["status"]
        return TaskState(TaskPhase.of(word), word, "result" if word == "SUCCEEDED" else None)

    return Task(
        Request("POST", "/task", json={}, resend="unaccepted"),
        lambda response: parse_object(response)["id"],
        lambda task_id: Request("GET", f"/task/{task_id}"),
        read,
        cancel,
    )


def cancel(task_id: str) -> Call[dict]:
    return Call(Request("DELETE", f"/task/{task_id}"), parse_object)


def test_a_task_is_waited_for(driver, scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "RUNNING"}), json_reply({"status": "SUCCEEDED"}))
    updates = []
    assert driver().wait(task(), updates.append) == "result"
    assert [update.word for update in updates] == ["", "RUNNING", "SUCCEEDED"]
    assert updates[-1].elapsed_s >= 0.4
    assert driver().wait(task().resumed("t1")) == "result"


def test_a_listener_that_cannot_be_awaited_is_refused(scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "SUCCEEDED"}))

    async def listen(update):
        pass

    with Client(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
        with pytest.raises(InvalidInput, match="coroutine function, which AsyncClient awaits"):
            client.wait(task(), listen)
        assert scripted.seen == []  # nothing is submitted that may cost

        # Of a function that gives a coroutine it is known only when it has been called.
        with pytest.raises(InvalidInput, match="coroutine function, which AsyncClient awaits") as caught:
            client.wait(task(), lambda _: listen(None))
    assert caught.value.task_id == "t1"


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt])
def test_what_breaks_a_wait_off_carries_the_id(driver, scripted, kind):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "SUCCEEDED"}))

    def listen(update):
        if update.word == "SUCCEEDED":
            raise kind("mine")

    with pytest.raises(kind) as caught:
        driver().wait(task(), listen)
    assert caught.value.__notes__ == ["Task t1 was submitted: collect its result with resume('t1')."]

    def leave(update):
        raise kind("mine")

    scripted.script(json_reply({"id": "t2"}), json_reply({}))
    with pytest.raises(kind) as caught:
        driver().wait(task(cancel), leave, cancel_on_exit=True)
    assert "resume('t2')" in caught.value.__notes__[0]
    assert "was cancelled" in caught.value.__notes__[1]


def test_a_deadline_leaves_the_id_and_can_cancel(driver, scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "RUNNING"}))
    with pytest.raises(TaskTimeout) as caught:
        driver().wait(task(), timeout=0.3)
    assert caught.value.task_id == "t1"
    assert [seen.method for seen in scripted.seen if seen.method == "DELETE"] == []
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "RUNNING"}))
    with pytest.raises(TaskTimeout):
        driver().wait(task(cancel), timeout=0.3, cancel_on_exit=True)
    assert [seen.path for seen in scripted.seen if seen.method == "DELETE"] == ["/v1/task/t1"]


def test_a_refused_cancellation_is_noted(driver, scripted):
    def answer(seen):
        if seen.method == "DELETE":
            return json_reply({"success": False, "taskId": "t1", "message": "任务已完成"})
        return json_reply({"id": "t1", "status": "RUNNING"} if seen.method == "GET" else {"id": "t1"})

    scripted.script(answer)
    with pytest.raises(TaskTimeout) as caught:
        driver().wait(task(cancel), timeout=0.3, cancel_on_exit=True)
    assert "Cancelling the task failed as well" in caught.value.__notes__[0]
    assert "任务已完成" in caught.value.__notes__[0]


def test_cancelling_the_wait_cancels_the_task(scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "RUNNING"}))

    async def main():
        provider = Qiniu(api_key=KEY, base_url=scripted.url)
        async with AsyncClient(provider) as client:
            work = task(cancel)
            waiting = asyncio.create_task(client.wait(work, cancel_on_exit=True))
            await auntil(lambda: len(scripted.seen) > 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(main())
    assert [seen.path for seen in scripted.seen if seen.method == "DELETE"] == ["/task/t1"]


def test_cancelling_a_coroutine_closes_its_connection(scripted):
    scripted.script(sse_reply(piece("好"), FOREVER))

    async def main():
        async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
            heard = asyncio.Event()

            async def read():
                async for _ in client.stream(chat_stream()):
                    heard.set()

            reading = asyncio.create_task(read())
            await asyncio.wait_for(heard.wait(), 30)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            return await asyncio.to_thread(scripted.disconnected.wait, 30)

    assert asyncio.run(main())


def test_connections_are_used_again_after_done(scripted, monkeypatch):
    """The end of the HTTP message comes after ``[DONE]``, and is waited for briefly: here, as long as it takes."""
    monkeypatch.setattr(plain_exchange, "_LINGER_S", 30)
    scripted.script(sse_reply(piece("好", "stop"), b"data: [DONE]\n\n", 0.01, done=False))
    with Client(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
        for _ in range(4):
            list(client.stream(chat_stream()))
    assert len({seen.connection for seen in scripted.seen}) == 1


def test_async_map_can_be_iterated(scripted):
    scripted.script(json_reply(ANSWER))

    async def main():
        async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
            return [answer.content async for answer in client.map([chat()] * 3)]

    assert asyncio.run(main()) == ["好"] * 3


def test_an_asynchronous_listener_is_awaited(scripted):
    scripted.script(json_reply({"id": "t1"}), json_reply({"status": "SUCCEEDED"}))
    heard = []

    async def listen(update):
        await asyncio.sleep(0)
        heard.append(update.word)

    async def main():
        async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
            return await client.wait(task(), listen)

    assert asyncio.run(main()) == "result"
    assert heard == ["", "SUCCEEDED"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1", True, 1e10, 10**400])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_senseless_timeout_is_refused(kind, timeout):
    with pytest.raises(InvalidInput, match="timeout"):
        kind(Qiniu(api_key=KEY), timeout=timeout)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_provider_is_needed_and_shown_without_its_key(kind):
    with pytest.raises(InvalidInput, match="provider"):
        kind("qiniu")
    assert KEY not in repr(kind(Qiniu(api_key=KEY)))
