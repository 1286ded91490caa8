"""The body of one answer, without a connection: its bounds in bytes and in time."""

from __future__ import annotations

import pytest

from maaskit.answer_body import Body
from maaskit.errors import TimedOut, UnexpectedAnswer
from maaskit.wire import Request

REQUEST = Request("GET", "/x", max_answer_bytes=10)


def test_a_body_is_joined_within_its_bound() -> None:
    body = Body(REQUEST, 5, 100)
    body.expect("10")
    body.add(b"12345", 101)
    body.add(b"67890", 102)
    assert body.joined() == b"1234567890"
    with pytest.raises(UnexpectedAnswer, match="larger than 10 bytes"):
        body.add(b"1", 103)
    with pytest.raises(UnexpectedAnswer, match="larger than 10 bytes"):
        Body(REQUEST, 5, 100).expect("11")


def test_a_drip_ends_when_its_time_is_over() -> None:
    body = Body(REQUEST, 5, 100)
    body.add(b"1", 104)
    body.add(b"2", 106)
    with pytest.raises(TimedOut, match="not whole after timeout=5 s"):
        body.add(b"3", 106)


def test_the_last_piece_may_be_taken_late_by_a_process_that_stood_still() -> None:
    body = Body(REQUEST, 5, 100)
    body.add(b"all", 1000)
    assert body.joined() == b"all"
