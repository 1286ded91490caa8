"""One suite of conversations for both drivers, against a server that misbehaves by a script."""

import asyncio
import contextlib
import logging
import socket
import threading
import time

import pytest

from maaskit import (
    AsyncClient,
    AuthenticationFailed,
    Client,
    ConfigurationError,
    ConnectionFailed,
    InsufficientBalance,
    InvalidInput,
    PermissionDenied,
    Qiniu,
    RateLimited,
    SessionError,
    SessionTimedOut,
    UnexpectedAnswer,
)
from maaskit.errors import APIError, ServerError
from maaskit.session import NORMAL_CLOSE, Session, broken_off
from maaskit.wire import Request, Variable
from tests.memory import FEW_BYTES, Growth, half_an_hour
from tests.scripted import ScriptedServer, json_reply
from tests.scripted_socket import ScriptedSocket, drop
from tests.talking import Face
from tests.waiting import DEADLINE_S, until

KEY = "secret-key-1234567890"


class Plain:
    """A small language: says what it is given, ends with ``bye``, gives every message back as it is."""

    def __init__(self, *, opening=(), closing=("bye",), waits=False):
        self._opening, self._closing = opening, closing
        self.ready = not waits
        self.finished = False
        self.said_all = False

    @property
    def owing(self):
        return not self.ready or (self.said_all and not self.finished)

    def opening(self):
        return self._opening

    def send(self, item):
        if not isinstance(item, str | bytes):
            raise InvalidInput("item must be text or bytes")
        return [item]

    def receive(self, frame):
        if frame == "ok":
            self.ready = True
            return []
        if frame == "end":
            self.finished = True
            return []
        if isinstance(frame, str) and frame.startswith("error"):
            raise SessionError(f"The service said {frame}", code="7")
        return [frame]

    def idle(self, quiet_s):
        return ["tick"]

    def closing(self):
        self.said_all = True
        return list(self._closing)

    def closed(self, code, reason):
        if code == NORMAL_CLOSE and self.said_all:
            return ["last words"]
        raise broken_off(code, reason)


def session(path="/talk", *, protocol=Plain, query=None, **settings):
    return Session(Request("GET", path, query=query or {}), protocol, **settings)


def face_of(kind, url, **settings):
    return Face(kind, Qiniu(api_key=KEY, base_url=url + "/v1"), **settings)


@pytest.fixture
def server():
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def face(kind, server):
    return lambda **settings: face_of(kind, server.url, **settings)


def left(server):
    """Wait until the server has seen the end of one connection."""
    assert server.ended.acquire(timeout=30)


def until_bye(connection, answer=lambda message: message):
    """Answer every message, and ``bye`` with ``end``."""
    for message in connection:
        if message == "bye":
            connection.send("end")
            return
        said = answer(message)
        if said is not None:
            connection.send(said)


def deaf(connection, until):
    """Read nothing more until a test is over."""
    with connection.recv_flow_control:
        until.wait(60)


def test_both_sides_talk_and_the_key_travels_in_a_header(face, server):
    server.script(until_bye)
    with face().connect(session()) as talk:
        talk.send("one")
        assert talk.next() == "one"
        talk.send(b"\x00two")
        talk.close()
        assert talk.rest() == [b"\x00two"]
        with pytest.raises(SessionError, match=r"close|ended"):
            talk.send("three")
    left(server)
    assert server.paths == ["/v1/talk"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert server.headers[0]["user-agent"].startswith("maaskit/")


def test_binary_and_text_come_mixed_and_in_order(face, server):
    server.script(until_bye)
    said = ["one", b"\x00\xff", "zwei", "三", b""]
    with face().connect(session()) as talk:
        for item in said:
            talk.send(item)
        talk.close()
        assert talk.rest() == said


def test_close_says_goodbye_where_there_is_a_word_for_it_and_hangs_up_otherwise(face, server):
    server.script(lambda connection: [connection.send("hello"), connection.recv()])
    with face().connect(session(protocol=lambda: Plain(closing=()))) as talk:
        assert talk.next() == "hello"
        talk.close()
        talk.close()
        assert talk.rest() == ["last words"]
    left(server)


def test_the_opening_goes_first_and_nothing_is_said_before_the_service_is_ready(face, server):
    heard = []

    def serve(connection):
        heard.append(connection.recv())
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.2)
        connection.send("ok")
        until_bye(connection)

    server.script(serve)
    with face().connect(session(protocol=lambda: Plain(opening=["config"], waits=True))) as talk:
        talk.send("one")
        talk.close()
        assert talk.rest() == ["one"]
    assert heard == ["config"]


def test_a_service_that_never_gets_ready_is_an_error(face, server):
    server.script(lambda connection: connection.recv())
    with (
        face(timeout=1).connect(session(protocol=lambda: Plain(waits=True))) as talk,
        pytest.raises(SessionTimedOut, match="owes an answer"),
    ):
        talk.send("one")
    left(server)


def test_an_error_of_the_producer_reaches_the_reader(face, server):
    server.script(until_bye)

    heard = []
    with face().connect(session()) as talk:
        talk.produce("one", lambda: heard, LookupError("the microphone is gone"))
        with pytest.raises(LookupError, match="microphone"):
            talk.rest(heard)
        with pytest.raises(LookupError):
            talk.send("two")
    assert heard == ["one"]
    left(server)


def test_a_refused_item_of_the_producer_reaches_the_reader(face, server):
    server.script(until_bye)
    with face().connect(session()) as talk:
        talk.feed(["one", 2])
        with pytest.raises(InvalidInput, match="text or bytes"):
            talk.rest([])
    left(server)


def test_a_producer_slower_than_the_heartbeat_is_covered_by_heartbeats(face, server):
    heard = []

    def note(message):
        heard.append(message)

    server.script(lambda connection: until_bye(connection, note))
    began = time.monotonic()
    with face().connect(session(idle_s=0.2)) as talk:
        talk.produce("one", lambda: heard.count("tick") >= 3, "two")
        assert talk.rest() == []
    assert heard[0] == "one"
    assert heard[-1] == "two"
    assert heard.count("tick") * 0.2 <= time.monotonic() - began


def test_a_steady_session_beats_while_its_producer_never_stops(face, server):
    heard = []
    said = []
    server.script(lambda connection: until_bye(connection, heard.append))

    def never_stop():
        while heard.count("tick") < 3:
            assert time.monotonic() - began < DEADLINE_S
            said.append("one")
            yield from ("one", 0.02)

    began = time.monotonic()
    with face().connect(session(idle_s=0.2, steady=True)) as talk:
        talk.produce(never_stop())
        assert talk.rest() == []
    assert heard.count("tick") * 0.2 <= time.monotonic() - began
    assert heard.count("one") == len(said) > 3


def test_a_further_frame_waits_until_the_service_is_ready_again(face, server):
    class Careful(Plain):
        def send(self, item):
            self.ready = False
            yield "config"
            yield item

    heard = []

    def serve(connection):
        heard.append(connection.recv())
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.2)
        connection.send("ok")
        until_bye(connection)

    server.script(serve)
    with face().connect(session(protocol=Careful)) as talk:
        talk.send("one")
        talk.close()
        assert talk.rest() == ["one"]
    assert heard == ["config"]


def test_a_server_that_closes_early_is_an_error_for_reader_and_sender(face, server):
    server.script(lambda connection: [connection.send("one"), connection.close(1011, "no more workers")])
    with face().connect(session()) as talk:
        assert talk.next() == "one"
        with pytest.raises(SessionError, match="1011: no more workers") as caught:
            talk.next()
        assert caught.value.code == "1011"
        with pytest.raises(SessionError, match="no more workers"):
            talk.send("two")
    left(server)


def test_a_lost_connection_is_an_error(face, server):
    server.script(lambda connection: [connection.recv(), drop(connection)])
    with face().connect(session()) as talk:
        talk.send("one")
        with pytest.raises(SessionError, match="lost"):
            talk.rest()


def test_a_closed_connection_wakes_a_sender_of_much(face, server):
    def refuse(connection):
        connection.recv()
        connection.close_timeout = 30  # who sends much needs time to hear it
        connection.close(1013, "later")

    server.script(refuse)
    with face().connect(session()) as talk, pytest.raises(SessionError, match="1013: later"):
        for _ in range(2000):
            talk.send(b"x" * 65536)


def test_a_failure_that_the_service_tells_is_raised_with_what_came_before(face, server):
    server.script(lambda connection: [connection.send("one"), connection.send("error of ours"), connection.recv()])
    with face().connect(session()) as talk:
        heard = []
        with pytest.raises(SessionError, match="error of ours") as caught:
            talk.rest(heard)
        assert caught.value.code == "7"
    assert heard == ["one"]
    left(server)


def test_a_server_that_stalls_after_the_end_is_an_error(face, server):
    server.script(lambda connection: [connection.recv(), connection.recv(), connection.recv()])
    with face(timeout=1).connect(session()) as talk:
        talk.send("one")
        talk.close()
        began = time.monotonic()
        with pytest.raises(SessionTimedOut, match="owes an answer"):
            talk.next()
        assert time.monotonic() - began < 15
    left(server)


def test_a_server_that_takes_nothing_is_an_error(face, server):
    gone = threading.Event()
    server.script(lambda connection: deaf(connection, gone))
    began = time.monotonic()
    with (
        face(timeout=1).connect(session()) as talk,
        pytest.raises(SessionTimedOut, match=r"took nothing for timeout=1 "),
    ):
        for _ in range(2000):
            talk.send(b"x" * 65536)
    assert time.monotonic() - began < 30
    gone.set()


def test_who_sends_and_never_reads_is_told_so(face, server):
    server.script(lambda connection: until_bye(connection, lambda message: message * 2))
    with (
        face(timeout=2).connect(session()) as talk,
        pytest.raises(SessionTimedOut, match="1024 results wait to be read: iterate"),
    ):
        for _ in range(8000):
            talk.send(b"x" * 8192)


def test_sending_does_not_wait_for_a_server_that_sends(face, server):
    """Each side writes more than any buffer holds before it would read."""

    def serve(connection):
        for _ in range(400):
            connection.send(b"y" * 65536)
        until_bye(connection, lambda _: None)

    server.script(serve)
    with face().connect(session(weigh=lambda _: 1)) as talk:
        for _ in range(400):
            talk.send(b"x" * 65536)
        talk.close()
        assert len(talk.rest()) == 400


def test_superseded_results_make_room_for_later_ones(face, server):
    server.script(lambda connection: until_bye(connection, lambda message: message))
    with face().connect(session(passing=lambda item: not item.startswith("final"))) as talk:
        for number in range(2500):
            talk.send(f"final {number}" if number % 100 == 99 else f"partial {number}")
        talk.close()
        talk.until(lambda: talk.ended)
        heard = talk.rest()
    assert [item for item in heard if item.startswith("final")] == [f"final {n}" for n in range(99, 2500, 100)]
    assert len(heard) <= 1024


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error": {"message": "bad key"}}, AuthenticationFailed),
        (402, {"error": {"type": "quota_exceeded_error", "message": "no quota"}}, InsufficientBalance),
        (403, {"error": {"message": "not for you"}}, PermissionDenied),
        (429, {"error": {"message": "slow down"}}, RateLimited),
        (503, {"error": {"message": "busy"}}, ServerError),
        (302, {}, APIError),
        (200, {}, UnexpectedAnswer),
    ],
)
def test_a_refused_handshake_is_an_error_of_ours(kind, scripted, status, body, error):
    scripted.script(json_reply(body, status, location=f"{scripted.url}/elsewhere?apikey={KEY}"))
    with pytest.raises(error) as caught, face_of(kind, scripted.url).connect(session()):
        pass
    assert KEY not in str(caught.value)
    assert body == {} or body["error"]["message"] in str(caught.value)
    assert len(scripted.seen) == (3 if status in (429, 503) else 1)
    assert {seen.path for seen in scripted.seen} == {"/v1/talk"}


def test_the_gateways_page_is_explained(kind, scripted):
    scripted.script(lambda _: json_reply("error code: 1010", 403))
    with pytest.raises(PermissionDenied, match="firewall"), face_of(kind, scripted.url).connect(session()):
        pass


def test_a_refused_handshake_is_tried_again_as_the_service_asks(kind, scripted, server):
    """The HTTP server refuses; then the same port would have to accept: the retries are counted, and their times."""
    scripted.script(json_reply({}, 429, retry_after="0.2"))
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught, face_of(kind, scripted.url, max_retries=2).connect(session()):
        pass
    assert time.monotonic() - began > 0.35
    assert caught.value.retry_after == 0.2
    assert len(scripted.seen) == 3


def test_a_dropped_handshake_is_tried_again(face, server):
    server.dropped_handshakes = 2
    server.script(until_bye)
    with face(max_retries=2).connect(session()) as talk:
        talk.close()
        assert talk.rest() == []
    server.dropped_handshakes = 2
    with pytest.raises(ConnectionFailed, match="handshake"), face(max_retries=1).connect(session()):
        pass
    assert server.dropped_handshakes == 0


def test_nobody_there_is_an_error_after_the_retries(kind):
    server = ScriptedServer()
    url = server.url
    server.close()
    with pytest.raises(ConnectionFailed) as caught, face_of(kind, url).connect(session()):
        pass
    assert caught.value.accepted is False


def test_a_reader_who_stops_early_closes_the_socket(face, server):
    def serve(connection):
        while True:
            connection.send(b"x" * 1000)

    server.script(serve)
    began = time.monotonic()
    with face().connect(session()) as talk:
        assert [talk.next() for _ in range(3)] == [b"x" * 1000] * 3
    left(server)
    assert time.monotonic() - began < 15


def test_leaving_with_an_error_closes_the_socket(face, server):
    server.script(until_bye)
    with pytest.raises(ZeroDivisionError), face().connect(session()) as talk:
        talk.feed(iter(["one"]))
        raise ZeroDivisionError
    left(server)


def test_leaving_does_not_wait_for_a_server_that_takes_nothing(face, server):
    gone = threading.Event()
    server.script(lambda connection: deaf(connection, gone))
    with face(timeout=120).connect(session()) as talk:
        talk.feed([b"x" * 65536] * 2000)
        talk.until(lambda: talk.inside._socket.transport.get_write_buffer_size() > 65536)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    gone.set()


def test_what_comes_after_the_end_is_not_heard(face, server):
    server.script(lambda connection: [connection.send("one"), connection.send("end"), connection.send("two")])
    with face().connect(session()) as talk:
        assert talk.rest() == ["one"]
        with pytest.raises(SessionError, match="ended"):
            talk.send("more")


def test_a_service_that_ends_before_the_producer_does_is_an_error(face, server):
    server.script(lambda connection: [connection.send("one"), connection.send("end"), connection.recv()])
    heard = []
    with face().connect(session()) as talk:
        talk.produce("piece", lambda: talk.ended, "piece")
        with pytest.raises(SessionError, match="ended the conversation"):
            talk.rest(heard)
    assert heard == ["one"]


def test_a_message_beyond_the_bound_is_an_error(face, server):
    server.script(lambda connection: [connection.send("x" * 2000), connection.recv()])
    with (
        face().connect(session(max_frame_bytes=1000)) as talk,
        pytest.raises(SessionError, match="larger than 1000 bytes"),
    ):
        talk.next()
    left(server)


def test_items_go_out_at_the_pace_of_life_when_asked(face, server):
    server.script(until_bye)
    with face().connect(session(duration_s=lambda item: 0.1)) as talk:
        began = time.monotonic()
        talk.feed(["a", "b", "c", "d"], paced=True)
        assert talk.rest() == ["a", "b", "c", "d"]
        assert time.monotonic() - began >= 0.3


def test_a_pace_needs_items_that_play(face, server):
    server.script(until_bye)
    with face().connect(session()) as talk, pytest.raises(InvalidInput, match="pace"):
        talk.feed(["a"], paced=True)


def test_the_key_in_the_query_is_in_no_log_error_or_repr(face, server, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    server.script(lambda connection: [connection.send(f"error for {KEY}"), connection.recv()])
    what = session(query={"apikey": Variable("api_key"), "token": Variable("bearer")})
    with face().connect(what) as talk, pytest.raises(SessionError) as caught:
        talk.next()
    assert server.paths == [f"/v1/talk?apikey={KEY}&token=Bearer%20{KEY}"]
    assert KEY not in caplog.text
    assert KEY not in str(caught.value)
    assert KEY not in repr(what)
    assert "***" in str(caught.value)


def test_thirty_minutes_of_audio_at_full_speed_stay_small(face, server):
    """57.6 MB of 16 kHz PCM in packets of a second; each is answered."""
    heard = []
    server.script(
        lambda connection: until_bye(connection, lambda message: heard.append(len(message)) or f"partial {len(heard)}")
    )
    memory = Growth()
    with face().connect(session(passing=lambda item: True)) as talk:
        for second in half_an_hour():
            memory.look()
            talk.send(second)
        talk.close()
        answers = talk.rest()
    assert sum(heard) == 1800 * 32_000
    assert answers[-1] == "partial 1800"
    assert memory.most < FEW_BYTES


def test_a_conversation_is_opened_by_with_and_only_once(kind, server):
    server.script(until_bye)
    client = kind(Qiniu(api_key=KEY, base_url=server.url + "/v1"))
    talk = client.connect(session())

    async def try_async():
        with pytest.raises(InvalidInput, match="with client"):
            await anext(talk)
        with pytest.raises(InvalidInput, match="with client"):
            await talk.close()
        with pytest.raises(InvalidInput, match="with client"):
            talk.feed(["x"])
        async with talk:
            with pytest.raises(InvalidInput, match="once"):
                await talk.__aenter__()
        with pytest.raises(SessionError, match="left"):
            await anext(talk)
        with pytest.raises(SessionError, match="left"):
            await talk.send("x")
        await client.close()

    if kind is AsyncClient:
        asyncio.run(try_async())
        return
    with pytest.raises(InvalidInput, match="with client"):
        next(talk)
    with pytest.raises(InvalidInput, match="with client"):
        talk.feed(["x"])
    with talk, pytest.raises(InvalidInput, match="once"):
        talk.__enter__()
    with pytest.raises(SessionError, match="left"):
        talk.send("x")
    with pytest.raises(SessionError, match="left"):
        next(talk)
    client.close()


async def test_a_cancelled_task_closes_its_socket(server):
    server.script(lambda connection: [connection.send("one"), connection.recv()])
    heard = asyncio.Event()

    async def work():
        async with AsyncClient(Qiniu(api_key=KEY, base_url=server.url)) as client, client.connect(session()) as talk:
            async for _ in talk:
                heard.set()

    task = asyncio.create_task(work())
    await asyncio.wait_for(heard.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.ended.acquire, timeout=30)


async def test_a_task_cancelled_during_the_handshake_leaves_nothing(scripted):
    over = threading.Event()
    scripted.script(lambda _: over.wait(60) and json_reply({}))
    async with AsyncClient(Qiniu(api_key=KEY, base_url=scripted.url)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), client.connect(session()):
                pass
    over.set()


async def test_an_asynchronous_producer_is_closed_with_the_conversation(server):
    server.script(until_bye)
    closed = asyncio.Event()

    async def produce():
        try:
            while True:
                yield "more"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with AsyncClient(Qiniu(api_key=KEY, base_url=server.url)) as client:
        async with client.connect(session()) as talk:
            async for _ in talk.feed(produce()):
                break
        assert closed.is_set()


def test_several_threads_may_share_one_conversation(server):
    server.script(until_bye)
    with Client(Qiniu(api_key=KEY, base_url=server.url)) as client, client.connect(session()) as talk:
        heard = []
        reader = threading.Thread(target=lambda: heard.extend(talk))
        reader.start()
        senders = [threading.Thread(target=lambda n=n: [talk.send(f"{n} {i}") for i in range(50)]) for n in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(30)
        talk.close()
        reader.join(30)
    assert len(heard) == 200
    for number in range(4):
        assert [item for item in heard if item.startswith(f"{number} ")] == [f"{number} {i}" for i in range(50)]


def test_no_thread_is_left_behind(server):
    before = set(threading.enumerate())
    server.script(until_bye)
    with Client(Qiniu(api_key=KEY, base_url=server.url)) as client:
        for _ in range(3):
            with client.connect(session()) as talk:
                talk.feed(["a"])
                assert list(talk) == ["a"]
    until(lambda: not [one for one in {*threading.enumerate()} - before if one.name.startswith("maaskit-")])


class Proxy:
    """A CONNECT proxy on loopback that forwards, or answers every request with one line."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.refusal, self.asked = refusal, []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._socket.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.asked.append(head.split(b"\r\n")[0])
            if self.refusal:
                client.sendall(self.refusal)
                return
            host, port = head.split(b" ")[1].rsplit(b":", 1)
            with socket.create_connection((host.decode(), int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                forward = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                forward.start()
                self._copy(client, server)
                forward.join(5)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxied(monkeypatch):
    proxies = []

    def make(refusal=b""):
        proxy = Proxy(refusal)
        proxies.append(proxy)
        for name in ("http_proxy", "ws_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"http://user:proxy-password@127.0.0.1:{proxy.port}")
        return proxy

    yield make
    for proxy in proxies:
        proxy.close()


def test_a_proxy_of_the_environment_is_used(face, server, proxied):
    proxy = proxied()
    server.script(until_bye)
    with face().connect(session()) as talk:
        talk.send("one")
        talk.close()
        assert talk.rest() == ["one"]
    assert proxy.asked == [b"CONNECT " + server.url.removeprefix("http://").encode() + b" HTTP/1.1"]


def test_a_proxy_that_refuses_is_an_error_without_its_password(face, server, proxied):
    proxied(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
    server.script(until_bye)
    with pytest.raises(ConnectionFailed, match="proxy") as caught, face(max_retries=0).connect(session()):
        pass
    assert "proxy-password" not in str(caught.value)


def test_a_proxy_that_cannot_be_one_is_an_error_without_its_password(face, server, monkeypatch):
    monkeypatch.setenv("ws_proxy", "gopher://user:proxy-password@127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="proxy") as caught, face().connect(session()):
        pass
    assert "proxy-password" not in str(caught.value)


def test_https_becomes_wss_and_certificates_are_checked(kind, server):
    """A server without TLS cannot be taken for one with it."""
    server.script(until_bye)
    url = server.url.replace("http://", "https://")
    with pytest.raises(ConnectionFailed), face_of(kind, url, max_retries=0).connect(session()):
        pass
    assert server.paths == []
