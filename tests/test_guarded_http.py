"""The transport for agents: the address that is checked is the one connected to, for each redirect, within bounds."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from maaskit import (
    AsyncClient,
    Client,
    ConfigurationError,
    InvalidInput,
    MaasError,
    Media,
    RetryPolicy,
    SophNet,
    TimedOut,
    guarded_http,
)
from maaskit.guard import Guard
from maaskit.guarded_http import AsyncGuardedTransport, GuardedTransport
from maaskit.wire import Download, Flow
from tests.scripted import Drip, Reply, ScriptedServer

KEY = "a-key-that-goes-nowhere"
Fetch = Callable[..., Media]


def redirect(to: str) -> Reply:
    return Reply(302, {"location": to}, [b"moved"])


def file(content: bytes = b"content", kind: str = "text/plain") -> Reply:
    return Reply(200, {"content-type": kind}, [content])


@pytest.fixture(params=["sync", "async"])
def fetch(request: pytest.FixtureRequest, scripted: ScriptedServer) -> Fetch:
    """Fetch a URL within a guard, with either driver."""

    def run(url: str, guard: Guard | None = None, max_bytes: int = 1000) -> Media:
        guard = guard or Guard()
        provider = SophNet(api_key=KEY, base_url=scripted.url)
        policy = RetryPolicy(max_retries=0)

        def steps() -> Any:
            return (yield Download(url, max_bytes, "document", bare=True)).answer

        if request.param == "sync":
            with httpx.Client(transport=GuardedTransport(guard)) as http:
                return Client(provider, timeout=guard.timeout_s, http_client=http, retry_policy=policy).send(
                    Flow(steps)
                )

        async def main() -> Any:
            async with httpx.AsyncClient(transport=AsyncGuardedTransport(guard)) as http:
                client = AsyncClient(provider, timeout=guard.timeout_s, http_client=http, retry_policy=policy)
                return await client.send(Flow(steps))

        return asyncio.run(main())

    return run


@contextmanager
def raw_server(begin: bytes, drip: bytes) -> Iterator[str]:
    """Answer one request with bytes that are no whole answer: a beginning, then a drip without end."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError), listening.accept()[0] as connected:
            connected.recv(65536)
            connected.sendall(begin)
            while not over.wait(0.05):
                connected.sendall(drip)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


class Names:
    """Answer look-ups by a table, and count them; each name's answers are given one after the other."""

    def __init__(self, **table: list[list[str]]) -> None:
        self.table = {name.replace("_", "."): answers for name, answers in table.items()}
        self.asked: list[str] = []

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.table:
            return _real(host, port, *args, **kwargs)
        self.asked.append(name)
        answers = self.table[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in address], socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


_real = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    def install(**table: list[list[str]]) -> Names:
        made = Names(**table)
        monkeypatch.setattr(socket, "getaddrinfo", made)
        return made

    return install


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scripted server stand for a public one."""
    real = guarded_http.is_public
    monkeypatch.setattr(guarded_http, "is_public", lambda address: str(address) == "127.0.0.1" or real(address))


def test_a_public_host_is_reached_at_the_address_that_was_found(
    fetch: Fetch, scripted: ScriptedServer, names: Any, loopback_is_public: None
) -> None:
    scripted.script(file())
    looked_up = names(files_example_com=[["127.0.0.1"], ["10.0.0.1"]])
    port = scripted.url.rpartition(":")[2]
    media = fetch(f"http://files.example.com:{port}/a.txt")
    assert media.data == b"content"
    (seen,) = scripted.seen
    assert seen.headers["host"] == f"files.example.com:{port}"
    # Nobody looks the name up again: the second answer, which a rebinding name server would give, is never seen.
    assert looked_up.asked == ["files.example.com"]


def test_no_key_goes_along_even_to_the_provider_itself(fetch: Fetch, scripted: ScriptedServer) -> None:
    scripted.script(file())
    fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url})))
    (seen,) = scripted.seen
    assert "authorization" not in seen.headers
    assert KEY not in str(seen)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"])
def test_a_name_that_leads_to_a_private_address_is_refused(
    fetch: Fetch, scripted: ScriptedServer, names: Any, address: str
) -> None:
    scripted.script(file())
    names(files_example_com=[[address]])
    with pytest.raises(InvalidInput, match=r"files\.example\.com leads to a private.*allowed_hosts"):
        fetch("http://files.example.com/a.txt")
    assert not scripted.seen


def test_a_private_address_beside_a_public_one_is_refused(fetch: Fetch, names: Any) -> None:
    names(files_example_com=[["93.184.216.34", "10.0.0.1"]])
    with pytest.raises(InvalidInput, match="leads to a private"):
        fetch("http://files.example.com/a.txt")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::1]"])
def test_loopback_is_refused_in_every_spelling(fetch: Fetch, scripted: ScriptedServer, host: str) -> None:
    scripted.script(file())
    port = scripted.url.rpartition(":")[2]
    with pytest.raises(InvalidInput, match="leads to a private"):
        fetch(f"http://{host}:{port}/a.txt")
    assert not scripted.seen


def test_a_redirect_to_a_spelling_that_httpx_does_not_take_goes_nowhere(fetch: Fetch, scripted: ScriptedServer) -> None:
    scripted.script(redirect(f"http://0177.0.0.1:{scripted.url.rpartition(':')[2]}/inner"))
    with pytest.raises(MaasError):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url})))
    assert len(scripted.seen) == 1


def test_a_redirect_to_a_private_address_is_refused(
    fetch: Fetch, scripted: ScriptedServer, names: Any, loopback_is_public: None
) -> None:
    scripted.script(redirect("http://169.254.169.254/latest/meta-data/"), file(b"secret"))
    names(files_example_com=[["127.0.0.1"]])
    with pytest.raises(InvalidInput, match=r"169\.254\.169\.254 leads to a private"):
        fetch(f"http://files.example.com:{scripted.url.rpartition(':')[2]}/a.txt")
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.com/a", "gopher://127.0.0.1/"])
def test_a_redirect_away_from_http_is_refused(fetch: Fetch, scripted: ScriptedServer, to: str) -> None:
    scripted.script(redirect(to))
    with pytest.raises(InvalidInput, match="redirect must be an http or https URL"):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url})))


def test_redirects_have_an_end(fetch: Fetch, scripted: ScriptedServer) -> None:
    scripted.script(redirect("/again"))
    with pytest.raises(MaasError):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url})))
    assert len(scripted.seen) == 6


@pytest.mark.parametrize("chunked", [True, False])
def test_what_is_too_large_is_given_up(fetch: Fetch, scripted: ScriptedServer, chunked: bool) -> None:
    scripted.script(Reply(200, {"content-type": "text/plain"}, [b"x" * 600] * 4, chunked=chunked))
    with pytest.raises(InvalidInput, match="larger than the 1000 bytes"):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url})))


def test_a_slow_drip_ends_in_time(fetch: Fetch, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {"content-type": "text/plain"}, Drip(drip=b"x")))
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url}), timeout_s=1))
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Late: ", b"a"),
    ],
    ids=["head", "interim answers", "chunk extension", "trailer"],
)
def test_a_drip_outside_the_body_ends_in_time(fetch: Fetch, begin: bytes, drip: bytes) -> None:
    with raw_server(begin, drip) as url:
        begun = time.monotonic()
        with pytest.raises(TimedOut):
            fetch(f"{url}/a.txt", Guard(origins=frozenset({url}), timeout_s=1))
        assert time.monotonic() - begun < 15


def test_all_requests_share_the_time(fetch: Fetch, scripted: ScriptedServer) -> None:
    def slow(_: Any) -> Reply:
        time.sleep(0.25)
        return redirect("/again")

    scripted.script(slow)
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        fetch(f"{scripted.url}/a.txt", Guard(origins=frozenset({scripted.url}), timeout_s=0.6))
    assert time.monotonic() - begun < 15
    assert len(scripted.seen) <= 4


def test_a_name_that_is_not_known_is_said(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(MaasError, match=r"nowhere\.example\.com is not known"):
        fetch("http://nowhere.example.com/a.txt")


def test_the_next_address_is_tried_when_one_does_not_answer(
    fetch: Fetch, scripted: ScriptedServer, names: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_http, "is_public", lambda _: True)
    scripted.script(file())
    names(files_example_com=[["::1", "127.0.0.1"]])  # the scripted server listens on IPv4 alone
    assert fetch(f"http://files.example.com:{scripted.url.rpartition(':')[2]}/a.txt").data == b"content"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_certificate_is_asked_for_by_name(way: str, names: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS goes to the checked address and still wants the certificate of the name."""
    names(files_example_com=[["93.184.216.34"]])
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"content")

    async def aanswer(_: Any, request: httpx.Request) -> httpx.Response:
        return answer(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: answer(request))
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", aanswer)
    if way == "sync":
        with httpx.Client(transport=GuardedTransport(Guard())) as client:
            client.get("https://files.example.com/a")
    else:

        async def main() -> None:
            async with httpx.AsyncClient(transport=AsyncGuardedTransport(Guard())) as client:
                await client.get("https://files.example.com/a")

        asyncio.run(main())
    (request,) = seen
    assert request.url.host == "93.184.216.34"
    assert request.headers["host"] == "files.example.com"
    assert request.extensions["sni_hostname"] == "files.example.com"


def test_a_proxy_serves_trusted_hosts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    request = httpx.Request("GET", "http://files.example.com/")
    assert guarded_http._Trip.proxy(request) == "http://127.0.0.1:9"
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    assert guarded_http._Trip.proxy(request) == "http://127.0.0.1:9"
    monkeypatch.setenv("NO_PROXY", "files.example.com")
    assert guarded_http._Trip.proxy(request) is None


def test_a_proxy_that_cannot_be_used_is_said(
    fetch: Fetch, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(origins=frozenset({scripted.url}))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:99999")
    with pytest.raises(ConfigurationError, match="holds no URL of a proxy"):
        fetch(f"{scripted.url}/a.txt", guard)
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:proxy-password@127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigurationError, match=r"httpx\[socks\]") as caught:
        fetch(f"{scripted.url}/a.txt", guard)
    assert "proxy-password" not in str(caught.value)
    assert not scripted.seen
