from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx
import pytest

from maaskit.sandbox import Faults
from tests.sandbox.clouds import Cloud, joined
from tests.sandbox.leaving import leave

LONG = "Repeat after me exactly: " + "the tide comes in and the tide goes out; " * 20


def test_a_fault_is_used_up_and_others_wait_behind_it() -> None:
    faults = Faults()
    faults.add(path="/chat", status=503, times=2)
    faults.add(path="/chat", status=429)
    faults.add(method="GET", status=500, times=None)
    taken = [faults.take("POST", "/v1/chat").status for _ in range(4)]
    assert taken == [503, 503, 429, None]
    assert [faults.take("GET", "/any").status for _ in range(3)] == [500, 500, 500]
    faults.clear()
    assert faults.take("GET", "/any").status is None


def test_skipped_requests_pass_first() -> None:
    faults = Faults()
    faults.add(status=500, skip=2)
    assert [faults.take("GET", "/").status for _ in range(4)] == [None, None, 500, None]


def test_each_thread_takes_its_own() -> None:
    faults = Faults()
    faults.add(status=500, times=100)
    taken: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(faults.take("GET", "/").status for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(500) == 100


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="statsu"):
        Faults().add(statsu=500)


def test_status_comes_in_the_clouds_shape_with_retry_after(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(path="/chat/completions", status=429, retry_after="2", message="too fast", times=2)
    for _ in range(2):
        response = cloud.post()
        assert (response.status_code, response.headers["retry-after"]) == (429, "2")
        body = response.json()
        assert (body["message"] if cloud.is_sophnet else body["error"]["message"]) == "too fast"
    assert cloud.post().status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({"status": 7, "message": "no"}, "application/json", '{"status":7,"message":"no"}'),
        ("gateway", "text/plain", "gateway"),
        (b"\x00\x01", "application/octet-stream", "\x00\x01"),
    ],
)
def test_a_body_of_ones_own(cloud: Cloud, body: Any, kind: str, text: str) -> None:
    cloud.sandbox.faults.add(body=body, headers={"X-Reqid": "abc"})
    response = cloud.post()
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["x-reqid"] == "abc"
    assert response.text == text


def test_a_stall_holds_the_head_back(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(stall_s=0.3)
    started = time.perf_counter()
    assert cloud.post().status_code == 200
    assert time.perf_counter() - started >= 0.3


def test_a_client_that_leaves_is_noticed(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(stall_s=60)
    leave(cloud.sandbox, f"{cloud.url}/chat/completions", {}, when=lambda: cloud.sandbox.requests)


def test_a_stall_in_the_middle_of_a_stream(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(stall_s=60, stall_after_bytes=400)
    body = {"model": cloud.model, "messages": [{"role": "user", "content": LONG}], "stream": True}
    received = b""
    with cloud.http.stream("POST", f"{cloud.url}/chat/completions", json=body) as response:
        pieces = response.iter_raw()
        while len(received) < 400:
            received += next(pieces)
        time.sleep(0.2)
        assert not response.extensions["network_stream"].get_extra_info("is_readable")
    assert len(received) == 400
    assert cloud.sandbox.requests[-1].wait(30)
    assert cloud.sandbox.requests[-1].disconnected


def test_a_dropped_connection(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(drop=True)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        cloud.post()
    assert not cloud.sandbox.requests[-1].disconnected
    assert cloud.post().status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_after_bytes_loses_the_connection(cloud: Cloud, *, stream: bool) -> None:
    cloud.sandbox.faults.add(cut_after_bytes=120)
    received = b""
    body = {"model": cloud.model, "messages": [{"role": "user", "content": LONG}], "stream": stream}
    with (
        pytest.raises(httpx.RemoteProtocolError),
        cloud.http.stream("POST", f"{cloud.url}/chat/completions", json=body) as response,
    ):
        for piece in response.iter_raw():
            received += piece
    assert len(received) == 120


@pytest.mark.parametrize("stream", [False, True])
def test_a_clean_cut_looks_like_an_end(cloud: Cloud, *, stream: bool) -> None:
    cloud.sandbox.faults.add(cut_after_bytes=120, clean=True)
    assert len(cloud.post(LONG, stream=stream).content) == 120
    assert cloud.post().status_code == 200


def test_a_cut_after_events(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(cut_after_events=3, clean=True)
    chunks = cloud.chunks(LONG)
    assert len(chunks) == 3
    assert not any(c.get("finish_reason") for chunk in chunks for c in chunk["choices"])


def test_duplicate_events(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(duplicate_events=True)
    chunks = cloud.chunks()
    assert chunks[::2] == chunks[1::2]


def test_garbage_in_the_place_of_a_body(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(garbage=True)
    response = cloud.post()
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"codec|JSON|Expecting"):
        json.loads(response.content)


def test_garbage_within_a_stream(cloud: Cloud) -> None:
    whole = cloud.say(LONG)
    cloud.sandbox.faults.add(garbage=b"data: {broken\n\n")
    data = cloud.stream(LONG)
    assert data.count(b"data: {broken\n\n") == 1
    good = [json.loads(line[5:]) for line in data.decode().splitlines() if line[5:].strip().startswith('{"')]
    assert joined(good) == whole


def test_a_drip_comes_in_small_pieces(cloud: Cloud) -> None:
    whole = cloud.say("你好")
    cloud.sandbox.faults.add(drip_s=0.001, drip_bytes=5)
    sizes = []
    body = {"model": cloud.model, "messages": [{"role": "user", "content": "你好"}]}
    received = b""
    with cloud.http.stream("POST", f"{cloud.url}/chat/completions", json=body) as response:
        for piece in response.iter_raw():
            sizes.append(len(piece))
            received += piece
    assert len(sizes) > 10
    assert json.loads(received)["choices"][0]["message"]["content"] == whole


def test_an_error_event_ends_the_stream(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(error_event={"error": {"message": "overloaded"}}, error_after_events=2)
    chunks = cloud.chunks(LONG)
    assert chunks[-1] == {"error": {"message": "overloaded"}}
    assert len(chunks) == 3
    assert b"[DONE]" not in cloud.stream() or not cloud.is_sophnet


def test_the_wrong_path_is_left_in_peace(cloud: Cloud) -> None:
    cloud.sandbox.faults.add(path="/embeddings", status=500, times=None)
    assert cloud.post().status_code == 200
