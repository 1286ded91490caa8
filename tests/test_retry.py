import time
from email.utils import formatdate

import pytest

from maaskit.errors import (
    APIError,
    ConnectionFailed,
    InvalidInput,
    NotFound,
    RateLimited,
    ServerError,
    StreamInterrupted,
    TimedOut,
)
from maaskit.retry import RetryPolicy, retry_after_s, retrying
from maaskit.wire import Failure, Outcome, Request, Response, Sleep

REPEATABLE = Request("POST", "/x")
PAID = Request("POST", "/x", resend="unaccepted")


def drive(request, answers, policy=None, read=lambda answer: answer, elapsed=0.0, date=0.0, chance=lambda: 0.5):
    """Play a list of answers against the generator; give its result and the delays that it asked for."""
    steps = retrying(request, read, policy or RetryPolicy(), chance)
    delays, outcome, answers = [], None, iter(answers)
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            return stop.value, delays
        if isinstance(step, Sleep):
            delays.append(step.seconds)
            outcome = Outcome(None, elapsed, date)
        else:
            assert step is request
            outcome = Outcome(next(answers), elapsed, date)


def ok(body: bytes = b"") -> Response:
    return Response(200, body=body)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_passing_refusals_are_tried_again(status):
    result, delays = drive(REPEATABLE, [Response(status), Response(status), ok()])
    assert result.status == 200
    assert delays == [0.25, 0.5]


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 413, 422])
def test_lasting_refusals_are_raised_at_once(status):
    with pytest.raises(APIError):
        drive(REPEATABLE, [Response(status)])


def test_the_last_error_is_raised_after_the_last_attempt():
    with pytest.raises(ServerError) as caught:
        drive(REPEATABLE, [Response(500), Response(502), Response(503)])
    assert caught.value.status == 503
    with pytest.raises(ServerError):
        drive(REPEATABLE, [Response(500)], RetryPolicy(max_retries=0))


def test_failed_connections_are_tried_again():
    failed = Failure(ConnectionFailed("x"), accepted=False)
    assert drive(REPEATABLE, [failed, Failure(TimedOut("x")), ok()])[0].status == 200
    with pytest.raises(InvalidInput):
        drive(REPEATABLE, [Failure(InvalidInput("no such file"))])


def test_a_stream_that_broke_before_its_first_event_is_tried_again():
    assert drive(REPEATABLE, [Failure(StreamInterrupted("x")), ok()])[0].status == 200
    assert drive(REPEATABLE, [Failure(RateLimited("x", status=429)), ok()])[0].status == 200
    with pytest.raises(NotFound):
        drive(REPEATABLE, [Failure(NotFound("x", status=404)), ok()])


def test_paid_work_is_resent_only_when_it_cannot_have_been_accepted():
    assert drive(PAID, [Failure(ConnectionFailed("x"), accepted=False), ok()])[0].status == 200
    assert drive(PAID, [Response(429), ok()])[0].status == 200
    for answer in (Response(500), Response(503), Response(408), Failure(TimedOut("x")), Failure(ConnectionFailed("x"))):
        with pytest.raises((APIError, ConnectionFailed)):
            drive(PAID, [answer, ok()])


def test_a_refusal_under_http_200_is_tried_again_as_well():
    def read(answer):
        if answer.body == b"busy":
            raise RateLimited("busy", status=429)
        return answer

    assert drive(REPEATABLE, [ok(b"busy"), ok(b"fine")], read=read)[0].body == b"fine"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": formatdate(1_000_010, usegmt=True)}, 10.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 99 Foo 99999999999 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_every_form(headers, seconds):
    assert retry_after_s(Response(429, headers), date=1_000_000.0) == seconds


def test_retry_after_is_honoured_and_never_shortened():
    _, delays = drive(REPEATABLE, [Response(429, {"retry-after": "3"}), ok()], chance=lambda: 0.0)
    assert delays == [3.0]


def test_a_retry_after_beyond_patience_is_raised_with_its_seconds():
    with pytest.raises(RateLimited) as caught:
        drive(REPEATABLE, [Response(429, {"retry-after": "3600"}), ok()])
    assert caught.value.retry_after == 3600.0


def test_the_total_time_is_bounded():
    with pytest.raises(ServerError):
        drive(REPEATABLE, [Response(500), ok()], RetryPolicy(max_total_s=10.0), elapsed=9.9)


def test_jitter_is_full_and_bounded():
    policy = RetryPolicy(max_retries=100)
    assert [policy.delay_s(attempt, 1.0) for attempt in (1, 2, 3, 4, 5, 6, 10_000)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert policy.delay_s(5, 0.0) == 0.0


@pytest.mark.parametrize(
    "bad",
    [
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"max_delay_s": float("nan")},
        {"max_total_s": 10**400},
        {"max_total_s": "1"},
    ],
)
def test_a_senseless_policy_is_refused(bad):
    with pytest.raises(InvalidInput):
        RetryPolicy(**bad)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="sets the time zone")
def test_a_date_without_a_zone_is_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        for date in ("Wed, 21 Oct 2015 07:28:10", "Wed, 21 Oct 2015 07:28:10 -0000", "Wed, 21 Oct 2015 07:28:10 GMT"):
            assert retry_after_s(Response(429, {"retry-after": date}), 1445412480.0) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()
