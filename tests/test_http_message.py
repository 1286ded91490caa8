"""The grammar of an answer: however its bytes are cut it reads the same, and whatever they are it ends or refuses."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.http_message import MAX_HEAD_BYTES, CountedBody, EndlessBody, take_head

CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Note:  two words \r\n\r\n"
    b"5;name=value\r\nhello\r\n1\r\n \r\n00A\r\nsplit text\r\n0\r\nTrailer: x\r\n\r\n"
)
COUNTED = b"HTTP/1.1 200 OK\nContent-Length: 16\nContent-Length: 16\n\nhello split text"


def read(pieces: list[bytes]) -> tuple[bytes, bool, bytes]:
    """Give body, whether it ended, and what is left over."""
    buffer = bytearray()
    head = body = None
    content = b""
    for piece in pieces:
        buffer += piece
        if head is None:
            head = take_head(buffer)
            body = head.body("GET") if head is not None else None
        while body is not None and (more := body.take(buffer)):
            content += more
    assert head is not None
    assert body is not None
    assert head.status == 200
    return content, body.ended, bytes(buffer)


@given(st.sampled_from([CHUNKED, COUNTED]), st.lists(st.integers(0, len(CHUNKED)), max_size=12))
def test_any_cut_reads_the_same(answer: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    pieces = [answer[start:end] for start, end in itertools.pairwise(places)]
    assert read(pieces) == (b"hello split text", True, b"")
    assert read([*pieces, b"HTTP/1.1 500"]) == (b"hello split text", True, b"HTTP/1.1 500")


def test_bytes_one_by_one() -> None:
    for answer in (CHUNKED, COUNTED):
        assert read([answer[place : place + 1] for place in range(len(answer))]) == (b"hello split text", True, b"")


@given(st.binary(max_size=300), st.sampled_from([b"", b"HTTP/1.1 ", CHUNKED[:40], CHUNKED[:110], CHUNKED[:-8]]))
def test_any_bytes_end_or_are_refused(noise: bytes, start: bytes) -> None:
    buffer = bytearray(start + noise)
    try:
        head = take_head(buffer)
        body = head.body("GET") if head is not None else None
        while body is not None and body.take(buffer):
            pass
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-x\r\n", "does not begin as HTTP"),
        (b"HTTP/2 200\r\n\r\n", "does not begin as HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header field"),
        (b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "header field"),
        (b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n", "header field"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (MAX_HEAD_BYTES // 6), "too large"),
    ],
)
def test_heads_that_are_none(answer: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        take_head(bytearray(answer))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (b"Content-Length: -5", "content length"),
        (b"Content-Length: 5\r\nContent-Length: 6", "content length"),
        (b"Content-Length: five", "content length"),
        (b"Transfer-Encoding: gzip, chunked", "transfer encoding"),
    ],
)
def test_bodies_of_no_known_kind(fields: bytes, why: str) -> None:
    head = take_head(bytearray(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n"))
    assert head is not None
    with pytest.raises(ValueError, match=why):
        head.body("GET")


@pytest.mark.parametrize("chunk", [b"zz\r\nab", b"-1\r\n", b"2\r\nabc\r\n", b"\r\n", b"1" * 20000, b"f" * 16 + b"\r\n"])
def test_chunks_that_are_none(chunk: bytes) -> None:
    buffer = bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    head = take_head(buffer)
    assert head is not None
    body = head.body("GET")
    with pytest.raises(ValueError, match=r"chunk|line"):
        while body.take(buffer):
            pass


def test_which_kind_of_body_and_whether_the_connection_lives() -> None:
    def head_of(answer: bytes):
        head = take_head(bytearray(answer))
        assert head is not None
        return head

    plain = head_of(b"HTTP/1.1 200\r\nContent-Length: 3\r\nConnection: Keep-Alive, Close\r\n\r\n")
    assert isinstance(plain.body("GET"), CountedBody)
    assert plain.body("HEAD").ended
    assert not plain.lets_live
    assert head_of(b"HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\n").body("GET").ended
    old = head_of(b"HTTP/1.0 200 OK\r\nX: a\r\n  b\r\n\r\n")
    assert isinstance(old.body("GET"), EndlessBody)
    assert old.fields == [(b"X", b"a b")]
    assert not old.lets_live
    assert head_of(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").lets_live


def test_a_body_that_is_cut_says_so() -> None:
    buffer = bytearray(COUNTED[:-4])
    head = take_head(buffer)
    assert head is not None
    body = head.body("GET")
    assert body.take(buffer) == b"hello split "
    with pytest.raises(ValueError, match="4 bytes are missing"):
        body.cut()
