"""Files from anywhere: redirects, bounds, names, and who gets to see the key. Both drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from maaskit import AsyncClient, Client, InvalidInput, Media, RetryPolicy, SophNet
from maaskit.errors import MaasError, NotFound, RateLimited, TimedOut, UnexpectedAnswer
from maaskit.wire import Call, Download, Flow, Outcome, Request
from tests.scripted import Drip, Reply, ScriptedServer, json_reply

KEY = "key-that-nobody-else-may-see"
POLICY = RetryPolicy(max_retries=1, first_delay_s=0.01)

Perform = Callable[..., Any]


@pytest.fixture
def cloud() -> Any:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest, cloud: ScriptedServer) -> Perform:
    """Call one method of either client."""

    def run(method: str, *arguments: Any, timeout: float = 30.0, **named: Any) -> Any:
        settings: dict[str, Any] = {
            "timeout": timeout,
            "retry_policy": POLICY,
            "default_headers": {"X-Secret": KEY, "User-Agent": "mine"},
        }
        provider = SophNet(api_key=KEY, base_url=cloud.url)
        if request.param == "sync":
            with Client(provider, **settings) as client:
                return getattr(client, method)(*arguments, **named)

        async def main() -> Any:
            async with AsyncClient(provider, **settings) as client:
                return await getattr(client, method)(*arguments, **named)

        return asyncio.run(main())

    return run


def file_reply(content: bytes = b"%PDF-1.7 ...", **headers: str) -> Reply:
    return Reply(200, {name.replace("_", "-"): value for name, value in headers.items()}, [content], chunked=False)


def moved(location: str, status: int = 302) -> Reply:
    return Reply(status, {"location": location}, [b"moved"], chunked=False)


def test_a_file_comes_with_its_name_and_type(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(file_reply(content_type="Application/PDF; charset=binary"))
    media = perform("download", f"{scripted.url}/%E5%90%88%E5%90%8C.pdf?signature=s3cret")
    assert (media.data, media.name, media.content_type) == (b"%PDF-1.7 ...", "合同.pdf", "application/pdf")
    assert scripted.seen[0].path == "/%E5%90%88%E5%90%8C.pdf?signature=s3cret"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf", "合同.pdf"),
        ('attachment; filename="../../etc/passwd.pdf"', "passwd.pdf"),
        ("attachment", "x.docx"),
        ('attachment; filename="nothing"', "x.docx"),
    ],
)
def test_the_name_is_what_the_server_calls_it(
    perform: Perform, scripted: ScriptedServer, disposition: str, name: str
) -> None:
    scripted.script(file_reply(content_disposition=disposition))
    assert perform("download", f"{scripted.url}/x.docx").name == name


def test_a_stranger_never_sees_the_key(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(file_reply())
    perform("download", f"{scripted.url}/a.pdf")
    (seen,) = scripted.seen
    assert KEY not in str(seen)
    assert "authorization" not in seen.headers
    assert seen.headers["user-agent"] == "mine"


def test_the_providers_own_origin_gets_the_key(perform: Perform, cloud: ScriptedServer) -> None:
    cloud.script(file_reply())
    perform("download", f"{cloud.url}/a.pdf")
    assert cloud.seen[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_redirect_does_not_carry_the_key_to_another_origin(
    perform: Perform, cloud: ScriptedServer, scripted: ScriptedServer
) -> None:
    cloud.script(moved(f"{scripted.url}/store/0a1b"))
    scripted.script(file_reply())
    media = perform("download", f"{cloud.url}/report.pdf")
    assert "authorization" in cloud.seen[0].headers
    assert KEY not in str(scripted.seen[0])
    assert media.name == "report.pdf"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_relative_redirect_is_followed(perform: Perform, scripted: ScriptedServer, status: int) -> None:
    scripted.script(moved("../b.pdf", status), file_reply())
    assert perform("download", f"{scripted.url}/x/a").name == "b.pdf"
    assert [seen.path for seen in scripted.seen] == ["/x/a", "/b.pdf"]


@pytest.mark.parametrize("location", ["file:///etc/hosts", "ftp://127.0.0.1/x", "https:///x"])
def test_a_redirect_to_what_is_no_web_address_is_refused(
    perform: Perform, scripted: ScriptedServer, location: str
) -> None:
    scripted.script(moved(location))
    with pytest.raises(InvalidInput, match="redirect"):
        perform("download", f"{scripted.url}/a")


def test_redirects_end(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(moved("/again"))
    with pytest.raises(MaasError, match="redirects without end"):
        perform("download", f"{scripted.url}/a")
    assert len(scripted.seen) == 6


@pytest.mark.parametrize("chunked", [False, True])
def test_the_size_is_bounded_exactly(perform: Perform, scripted: ScriptedServer, chunked: bool) -> None:
    scripted.script(Reply(200, {}, [b"x" * 1000], chunked=chunked))
    assert len(perform("download", f"{scripted.url}/a", max_bytes=1000).data) == 1000
    with pytest.raises(InvalidInput, match="larger than the 999 bytes"):
        perform("download", f"{scripted.url}/a", max_bytes=999)


def test_the_time_is_bounded(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {}, Drip(drip=b"x")))
    with pytest.raises(TimedOut):
        perform("download", f"{scripted.url}/a", timeout=1)


def test_a_refusal_names_the_place_and_not_its_query(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"error": "no"}, 404))
    with pytest.raises(NotFound, match="cannot be fetched: HTTP 404") as caught:
        perform("download", f"{scripted.url.replace('//', '//user:pw@')}/a.pdf?signature=s3cret")
    assert "/a.pdf" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_passing_failure_is_tried_again(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({}, 503), file_reply())
    assert perform("download", f"{scripted.url}/a.pdf").data
    scripted.script(json_reply({}, 429, retry_after="999"))
    with pytest.raises(RateLimited) as caught:
        perform("download", f"{scripted.url}/a.pdf")
    assert caught.value.retry_after == 999


def test_nothing_is_an_error(perform: Perform, scripted: ScriptedServer) -> None:
    scripted.script(file_reply(b""))
    with pytest.raises(InvalidInput, match="empty"):
        perform("download", f"{scripted.url}/a.pdf")


@pytest.mark.parametrize("url", ["a.pdf", "", "file:///a", "ftp://x/a", "http://"])
def test_what_is_no_url_is_refused(perform: Perform, url: str) -> None:
    with pytest.raises(InvalidInput, match="source must be an http"):
        perform("download", url, argument="source")


def test_a_flow_downloads_and_calls(perform: Perform, cloud: ScriptedServer, scripted: ScriptedServer) -> None:
    cloud.script(json_reply({}, 503), json_reply({"n": 1}), json_reply({"n": 2}))
    scripted.script(file_reply())

    def steps() -> Any:
        media = (yield Download(f"{scripted.url}/a.pdf")).answer
        assert isinstance(media, Media)
        first = (yield Call(Request("POST", "/one", json={}), lambda response: response.body)).answer
        outcome = yield Request("GET", "/two")
        assert isinstance(outcome, Outcome)
        return media.name, first, outcome.answer.body

    assert perform("send", Flow(steps)) == ("a.pdf", b'{"n": 1}', b'{"n": 2}')
    assert [seen.path for seen in cloud.seen] == ["/one", "/one", "/two"]


def test_a_call_is_made_when_its_turn_has_come(perform: Perform, cloud: ScriptedServer) -> None:
    cloud.script(json_reply({}))
    made: list[int] = []

    def call() -> Call[bytes]:
        made.append(1)
        return Call(Request("POST", "/", json={}), lambda response: response.body)

    flow = Flow.later(call)
    assert not made
    assert perform("send", flow) == b"{}"


@pytest.mark.parametrize("told", ["bytes 0-4/100", "bytes 5-9/10", "bytes 0-4/*", ""])
def test_a_part_of_a_file_is_not_taken_for_the_file(perform: Perform, cloud: ScriptedServer, told: str) -> None:
    cloud.script(Reply(206, {"content-range": told}, [b"hello"], chunked=False))
    with pytest.raises(UnexpectedAnswer, match="a part of the file"):
        perform("download", f"{cloud.url}/a.pdf")


def test_a_part_that_is_the_whole_is_taken(perform: Perform, cloud: ScriptedServer) -> None:
    cloud.script(Reply(206, {"content-range": "bytes 0-4/5"}, [b"hello"], chunked=False))
    assert perform("download", f"{cloud.url}/a.pdf").data == b"hello"
