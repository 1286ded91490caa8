from __future__ import annotations

import threading

from multidict import CIMultiDict, MultiDict

from maaskit.sandbox import RecordedRequest, RequestLog
from tests.sandbox.clouds import Cloud


def entry(path: str = "/v1/x", body: bytes = b"{}") -> RecordedRequest:
    return RecordedRequest("POST", path, MultiDict(), CIMultiDict({"A-B": "1"}), body)


def test_it_keeps_what_was_sent_oldest_first(cloud: Cloud) -> None:
    cloud.post("one", seed=1)
    cloud.http.get(f"{cloud.url}/nowhere?a=1&a=2", headers={"X-Probe": "yes"})
    first, second = cloud.sandbox.requests
    assert (first.method, first.status) == ("POST", 200)
    assert first.path.endswith("/chat/completions")
    assert first.json["messages"] == [{"role": "user", "content": "one"}]
    assert first.headers["authorization"] == f"Bearer {cloud.sandbox.api_key}"
    assert (second.method, second.status) == ("GET", 404)
    assert second.query.getall("a") == ["1", "2"]
    assert second.headers["x-probe"] == "yes"
    assert second.json is None
    assert cloud.sandbox.requests.to("/nowhere") == [second]


def test_a_wrong_key_is_recorded_as_well(cloud: Cloud) -> None:
    cloud.http.post(f"{cloud.url}/chat/completions", json={}, headers={"Authorization": "Bearer wrong"})
    assert cloud.sandbox.requests[-1].status == 401


def test_the_oldest_are_forgotten_beyond_the_bounds() -> None:
    few = RequestLog(max_requests=3)
    for number in range(5):
        few.add(entry(str(number)))
    assert [e.path for e in few] == ["2", "3", "4"]
    small = RequestLog(max_body_bytes=10)
    for number in range(3):
        small.add(entry(str(number), b"x" * 6))
    assert [e.path for e in small] == ["2"]
    small.add(entry("large", b"x" * 100))
    assert [e.path for e in small] == ["large"]


def test_what_sockets_say_counts_towards_the_bound() -> None:
    log = RequestLog(max_body_bytes=20)
    first, second = entry("first", b""), entry("second", b"")
    log.add(first)
    log.note(first, b"x" * 12)
    log.add(second)
    log.note(second, "你好")
    assert [e.path for e in log] == ["first", "second"]
    log.note(second, b"y" * 12)
    assert [e.path for e in log] == ["second"]
    log.note(first, b"z")  # its conversation goes on, but it is forgotten
    assert (first.message_count, first.messages) == (2, [b"x" * 12])
    assert second.messages == ["你好", b"y" * 12]
    log.clear()
    log.note(second, b"z")
    assert (second.message_count, len(second.messages)) == (3, 2)


def test_threads_may_read_while_others_write() -> None:
    log = RequestLog(max_requests=50)
    writers = [threading.Thread(target=lambda: [log.add(entry()) for _ in range(500)]) for _ in range(4)]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        assert len(list(log)) <= 51
    assert len(log) == 50
    assert len(log[10:20]) == 10


def test_its_print_shows_no_key() -> None:
    log = RequestLog()
    log.add(RecordedRequest("POST", "/v1/x", MultiDict(), CIMultiDict({"Authorization": "Bearer secret"}), b"secret"))
    assert "secret" not in repr(log)
    assert repr(log) == "<RequestLog ['POST /v1/x']>"
