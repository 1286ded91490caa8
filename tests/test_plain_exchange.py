"""Heads that contradict themselves or are not whole: whichever transport reads them, nothing is made of them."""

import socket
import threading
from contextlib import suppress

import httpx
import pytest

from maaskit.async_plain_http import AsyncPlainTransport
from maaskit.plain_http import PlainTransport
from tests.looped import LoopedClient


class OneAnswer:
    """Give every connection the same bytes, and close it when its client does, or at once."""

    def __init__(self) -> None:
        self.said, self.closes = b"", True
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._socket.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            client.sendall(self.said)
            while not self.closes and client.recv(65536):
                pass


@pytest.fixture
def server():
    made = OneAnswer()
    yield made
    made.close()


@pytest.fixture(params=["sync", "async"])
def get(request):
    context = httpx.create_ssl_context()
    if request.param == "sync":
        with httpx.Client(transport=PlainTransport(ssl_context=context), timeout=30) as client:
            yield client.get
        return
    looped = LoopedClient(AsyncPlainTransport(ssl_context=context), timeout=30)
    yield looped.get
    looped.end()


HEADS = {
    "two lengths": b"content-length: 3\r\ncontent-length: 9\r\n\r\n123456789",
    "two lengths in one field": b"content-length: 3, 9\r\n\r\n123456789",
    "a length below nothing": b"content-length: -3\r\n\r\n123456789",
    "a length with a sign": b"content-length: +3\r\n\r\n123456789",
    "a length in words": b"content-length: nine\r\n\r\n123456789",
    "a coding that nobody asked for": b"transfer-encoding: gzip\r\n\r\n123456789",
    "a field without a name": b"content-type: text/plain\r\nno field\r\ncontent-length: 9\r\n\r\n123456789",
    "a blank before the colon": b"content-type : text/plain\r\ncontent-length: 9\r\n\r\n123456789",
    "cut in a field": b"content-type: text/plain\r\ncontent-len",
    "cut between two fields": b"content-type: text/plain\r\n",
    "cut behind the status": b"",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_that_cannot_be_is_no_answer(get, server, head):
    server.said, server.closes = b"HTTP/1.1 200 OK\r\n" + head, b"\r\n\r\n" not in head
    with pytest.raises(httpx.RemoteProtocolError):
        get(server.url)


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 9\r\ncontent-length: 9\r\n\r\n123456789",
        b"content-length: 9, 9\r\n\r\n123456789",
        b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\nx: y\r\n\r\n",
        b"content-type: multipart/mixed\r\ncontent-length: 9\r\n\r\n123456789",
        b"x: a\r\n b\r\ncontent-length: 9\r\n\r\n123456789",
        b"\r\n123456789",
    ],
    ids=["length twice", "length twice in one field", "length beside chunks", "multipart", "folded", "no length"],
)
def test_a_head_that_is_only_odd_is_an_answer(get, server, head):
    server.said, server.closes = b"HTTP/1.1 200 OK\r\n" + head, b"length" not in head
    assert get(server.url).content == b"123456789"
