import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from maaskit.plain_http import PlainTransport
from tests.scripted import Reply, json_reply


@pytest.fixture
def make():
    clients = []

    def client(**settings) -> httpx.Client:
        clients.append(
            httpx.Client(transport=PlainTransport(ssl_context=httpx.create_ssl_context(), **settings), timeout=3)
        )
        return clients[-1]

    yield client
    for each in clients:
        each.close()


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
    time.sleep(0.1)
    assert client.get(scripted.url).content == b"b"


def test_idle_connections_are_bounded_in_number_and_age(make, scripted):
    scripted.script(lambda seen: (time.sleep(0.05), Reply(pieces=[b"a"]))[1])
    client = make(max_idle=2, idle_s=0.2)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: client.get(scripted.url), range(6)))
    assert len(client._transport._idle) == 2  # type: ignore[attr-defined]
    before = {seen.connection for seen in scripted.seen}
    time.sleep(0.3)
    client.get(scripted.url)
    assert scripted.seen[-1].connection not in before


def test_a_busy_pool_times_out_and_recovers(make, scripted):
    scripted.script(Reply(pieces=[b"a", 0.6, b"b"]))
    client = make(max_connections=1)
    with client.stream("GET", scripted.url), pytest.raises(httpx.PoolTimeout):
        client.get(scripted.url, timeout=httpx.Timeout(3, pool=0.1))
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
    scripted.script(lambda seen: (time.sleep(0.5), Reply())[1])
    with pytest.raises(httpx.ReadTimeout):
        make().get(scripted.url, timeout=0.1)
    scripted.script(Reply(pieces=[b"a", 0.5, b"b"]))
    with pytest.raises(httpx.ReadTimeout):
        make().get(scripted.url, timeout=0.1)


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
    scripted.script(Reply(pieces=[b"a", 0.2, b"b"]))
    client = make()
    with client.stream("GET", scripted.url) as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"a"
        threading.Thread(target=client.close).start()
        assert b"".join(pieces) == b"b"
    assert client._transport._idle == []  # type: ignore[attr-defined]
