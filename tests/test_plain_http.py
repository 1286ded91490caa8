import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest

from maaskit import plain_exchange
from maaskit.async_plain_http import AsyncPlainTransport
from maaskit.plain_http import PlainTransport
from tests.looped import LoopedClient
from tests.scripted import FOREVER, Reply, json_reply
from tests.waiting import until


@pytest.fixture(params=["sync", "async"])
def make(request):
    clients = []

    def client(**settings) -> Any:
        settings = {"ssl_context": httpx.create_ssl_context(), **settings}
        if request.param == "sync":
            clients.append(httpx.Client(transport=PlainTransport(**settings), timeout=30))
        else:
            clients.append(LoopedClient(AsyncPlainTransport(**settings), timeout=30))
        return clients[-1]

    yield client
    for each in clients:
        each.close() if isinstance(each, httpx.Client) else each.end()


@pytest.mark.parametrize("chunked", [True, False])
def test_connections_serve_again(make, scripted, chunked):
    scripted.script(Reply(pieces=[b"ab", b"cd"], chunked=chunked))
    client = make()
    assert [client.get(scripted.url).content for _ in range(3)] == [b"abcd"] * 3
    assert {seen.connection for seen in scripted.seen} == {1}


def test_a_body_that_ends_with_its_connection(make, scripted):
    scripted.script(Reply(pieces=[b"ab", b"cd"], chunked=False, close=True))
    client = make()
    assert [client.get(scripted.url).content for _ in range(2)] == [b"abcd"] * 2
    assert [seen.connection for seen in scripted.seen] == [1, 2]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(pieces=[b"ab"], chunked=True, close=True),
        Reply(pieces=[b"ab"], chunked=False, close=True, headers={"content-length": "10"}),
        Reply(pieces=[b"ab"], chunked=True, reset=True),
        Reply(drop=True),
        Reply(pieces=[b"zz\r\nab"], chunked=False, close=True, headers={"transfer-encoding": "chunked"}),
    ],
)
def test_what_is_cut_short_is_an_error(make, scripted, reply):
    scripted.script(reply)
    with pytest.raises(httpx.TransportError):
        make().get(scripted.url)


def test_uploads_of_every_kind(make, scripted):
    scripted.script(json_reply({}))
    client = make()
    client.post(scripted.url, json={"a": "值"})
    client.post(scripted.url, content=b"x" * 300_000)
    client.post(scripted.url, content=(piece for piece in [b"ab", b"", b"cd" * 50_000]))
    client.post(scripted.url, files={"file": ("文.txt", b"y" * 200_000)}, data={"k": "v"})
    client.request("DELETE", scripted.url + "/a%20b?c=%E5%80%BC", json={"id": 1})
    bodies = [seen.body for seen in scripted.seen]
    assert bodies[0] == '{"a":"值"}'.encode()
    assert bodies[1] == b"x" * 300_000
    assert bodies[2] == b"ab" + b"cd" * 50_000
    assert b"y" * 200_000 in bodies[3]
    assert scripted.seen[4].path == "/a%20b?c=%E5%80%BC"
    assert scripted.seen[4].headers["host"] == scripted.url.removeprefix("http://")
    assert {seen.connection for seen in scripted.seen} == {1}


def test_a_connection_that_the_service_closed_is_not_used_again(make, scripted):
    scripted.script(
        Reply(pieces=[b"a"], chunked=False, close=True, headers={"content-length": "1"}), Reply(pieces=[b"b"])
    )
    client = make()
    assert client.get(scripted.url).content == b"a"
    until(lambda: not scripted._threads[0].is_alive())  # it has closed its connection
    assert client.get(scripted.url).content == b"b"


def test_idle_connections_are_bounded_in_number_and_age(make, scripted):
    scripted.script(Reply(pieces=[lambda: len(scripted.seen) >= 6, b"a"]))
    client = make(max_idle=2, idle_s=60)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: client.get(scripted.url), range(6)))
    assert len(client._transport._idle) == 2
    before = {seen.connection for seen in scripted.seen}
    assert len(before) == 6
    client.get(scripted.url)
    assert scripted.seen[-1].connection in before
    client._transport._idle_s = 0.1
    time.sleep(0.2)
    client.get(scripted.url)
    assert scripted.seen[-1].connection not in before


def test_a_busy_pool_times_out_and_recovers(make, scripted):
    refused = threading.Event()
    scripted.script(Reply(pieces=[b"a", refused.is_set, b"b"]))
    client = make(max_connections=1)
    with client.stream("GET", scripted.url), pytest.raises(httpx.PoolTimeout):
        client.get(scripted.url, timeout=httpx.Timeout(30, pool=0.1))
    refused.set()
    assert client.get(scripted.url).content == b"ab"


def test_failures_give_their_places_back(make, scripted):
    scripted.script(Reply(drop=True))
    client = make(max_connections=2)
    for _ in range(5):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(scripted.url)
    scripted.script(Reply(pieces=[b"a"]))
    assert client.get(scripted.url).content == b"a"


def test_time_outs(make, scripted):
    over = threading.Event()
    scripted.script(lambda seen: (over.wait(60), Reply())[1])
    with pytest.raises(httpx.ReadTimeout):
        make().get(scripted.url, timeout=httpx.Timeout(30, read=0.2))
    over.set()
    scripted.script(Reply(pieces=[b"a", FOREVER]))
    with pytest.raises(httpx.ReadTimeout):
        make().get(scripted.url, timeout=httpx.Timeout(30, read=0.5))


def test_nobody_there(make, scripted):
    url = scripted.url
    scripted.close()
    with pytest.raises(httpx.ConnectError):
        make().get(url)
    with pytest.raises(httpx.ConnectError):
        make().get("http://no-such-host.invalid/")


def test_header_injection_is_refused(make, scripted):
    scripted.script(json_reply({}))
    with pytest.raises((httpx.LocalProtocolError, ValueError)):
        make().get(scripted.url, headers={"x": "a\r\nb: c"})
    assert not scripted.seen


def test_many_threads_each_get_their_own_answer(make, scripted):
    scripted.script(lambda seen: Reply(pieces=[seen.path.encode()]))
    client = make()
    with ThreadPoolExecutor(9) as pool:
        found = list(pool.map(lambda n: client.get(f"{scripted.url}/{n}").text, range(90)))
    assert found == [f"/{n}" for n in range(90)]
    assert len({seen.connection for seen in scripted.seen}) <= 9


def test_closing_while_an_answer_is_read(make, scripted):
    closed = threading.Event()
    scripted.script(Reply(pieces=[b"a", closed.is_set, b"b"]))
    client = make()
    with client.stream("GET", scripted.url) as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"a"
        closing = threading.Thread(target=lambda: (client.close(), closed.set()))
        closing.start()
        assert b"".join(pieces) == b"b"
        closing.join()
    assert client._transport._idle == []


# ---- what a server may say beside plain answers: each talks to one raw connection after the other


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve connections with a function that reads and writes bytes itself."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    def serve(connection: socket.socket) -> None:
        connection.settimeout(60)
        with connection, suppress(OSError):
            talk(connection)

    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threads.append(threading.Thread(target=accept, daemon=True))
    threads[-1].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(60)


def path_of(connection: socket.socket) -> bytes | None:
    """Read a request without a body and give its path."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            return None
        head += more
    return head.split()[1]


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_early_hints_are_not_the_answer_and_no_answer_goes_to_the_next_request(make):
    def talk(connection):
        while path := path_of(connection):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)
            connection.sendall(answer(path))

    with raw_server(talk) as url, make() as client:
        assert [client.get(f"{url}/{number}").text for number in range(3)] == ["/0", "/1", "/2"]


@pytest.mark.parametrize(
    ("start", "drip"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["continue", "hints", "head", "chunk extension", "trailers"],
)
def test_a_drip_that_brings_nothing_times_out(make, start, drip):
    def talk(connection):
        path_of(connection)
        connection.sendall(start)
        while not over.wait(0.05):
            connection.sendall(drip)

    over = threading.Event()
    with raw_server(talk) as url:
        started = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            make().get(url, timeout=httpx.Timeout(30, read=0.5))
        assert time.monotonic() - started < 15
        over.set()


def test_a_refusal_is_read_although_the_upload_is_not(make):
    def talk(connection):
        path_of(connection)
        connection.sendall(answer(b"too large", b"413 Too Large"))
        over.wait(60)

    over = threading.Event()
    with raw_server(talk) as url:
        client = make()
        response = client.post(url, content=b"x" * 20_000_000, timeout=httpx.Timeout(30, write=1))
        assert (response.status_code, response.text) == (413, "too large")
        over.set()
        assert not client._transport._idle


def test_a_slow_upload_that_moves_on_does_not_time_out(make):
    def talk(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
        head, _, body = b"", b"", b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1000)
        head, _, body = head.partition(b"\r\n\r\n")
        left = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(body)
        while left > 0:
            left -= len(connection.recv(min(left, 750_000), socket.MSG_WAITALL))
            time.sleep(0.4)
        connection.sendall(answer(b"ok"))

    with raw_server(talk) as url:
        started = time.monotonic()
        assert make().post(url, content=b"x" * 8_000_000, timeout=httpx.Timeout(30, write=4)).text == "ok"
        assert time.monotonic() - started > 4


def test_what_came_while_the_process_stood_still_is_in_time():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer(b"ok"))
        received = plain_exchange.Answer(ours, method="GET")
        received.within(-1)
        received.begin()
        assert received.status == 200
        received.within(-1)
        assert received.read() == b"ok"
        theirs.sendall(b"HTTP/1.1 200 OK\r\n")
        late = plain_exchange.Answer(ours, method="GET")
        late.within(-1)
        with pytest.raises(TimeoutError):
            late.begin()  # there is no more
        late.close()
        received.close()


def test_a_request_may_ask_for_a_fresh_connection(make, scripted):
    scripted.script(Reply(pieces=[b"a"]))
    client = make()
    for _ in range(2):
        client.get(scripted.url)
    request = client.build_request("GET", scripted.url)
    request.extensions["fresh"] = True
    client.send(request)
    assert [seen.connection for seen in scripted.seen] == [1, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("make", ["sync"], indirect=True)  # an event loop does not outlive a fork
def test_a_forked_child_makes_its_own_connections(make, scripted):
    scripted.script(Reply(pieces=[b"a"]))
    client = make()
    client.get(scripted.url)
    child = os.fork()
    if not child:  # pragma: no cover - in another process
        os._exit(0 if client.get(scripted.url).text == "a" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    client.get(scripted.url)
    assert [seen.connection for seen in scripted.seen] == [1, 2, 1]


# ---- https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Write a certificate for 127.0.0.1, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    written = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(written + made.public_bytes(pem))
    return path


def test_https_serves_again_and_moves_large_bodies(make, certificate):
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(certificate)
    served = []

    def talk(plain):
        with secure.wrap_socket(plain, server_side=True) as connection:
            served.append(connection)
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                head, _, body = head.partition(b"\r\n\r\n")
                length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
                while len(body) < length:
                    body += connection.recv(65536)
                connection.sendall(answer(body))

    with raw_server(talk) as plain_url:
        url = plain_url.replace("http://", "https://")
        client = make(ssl_context=ssl.create_default_context(cafile=str(certificate)))
        large = bytes(range(256)) * 12_000
        assert [client.post(url, content=body).content for body in (b"a", large, b"")] == [b"a", large, b""]
        assert len(served) == 1
        client.close()


def test_a_certificate_that_is_not_trusted_is_refused(make, certificate):
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(certificate)

    def talk(plain):
        with suppress(ssl.SSLError):
            secure.wrap_socket(plain, server_side=True).close()

    with raw_server(talk) as url, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
        make().get(url.replace("http://", "https://"))
