"""How often a request is sent: one retry layer, whatever the way to ask."""

from __future__ import annotations

import time
from typing import Any

import pytest

from maaskit import AuthenticationFailed, BadRequest, RateLimited, ServerError
from tests.llama_index.ways import COMPLETIONS, END, WAYS, ask, chunk, last, user, whole
from tests.scripted import Reply, ScriptedServer, json_reply, sse_reply

DOWN = json_reply({"error": {"message": "down"}}, 500)
SLOW = json_reply({"error": {"message": "slow down"}}, 429, retry_after="1")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the shortest of the random delays; what a service asks to wait is waited for."""
    monkeypatch.setattr("maaskit.retry.retrying.__defaults__", (lambda: 0.0,))


def answered(seen: Any) -> Reply:
    return sse_reply(chunk({"content": "好"}), END) if seen.json.get("stream") else json_reply(whole())


@pytest.mark.parametrize("way", [*WAYS, *COMPLETIONS])
def test_three_retries_are_four_requests(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(DOWN)
    with pytest.raises(ServerError, match="down"):
        ask(scripted_llm(max_retries=3), way, "x" if "complete" in way else user("x"))
    assert len(scripted.seen) == 4


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", [DOWN, Reply(drop=True), json_reply({}, 503), json_reply({}, 408)])
def test_a_passing_failure_is_not_seen(scripted: ScriptedServer, scripted_llm: Any, way: str, failure: Reply) -> None:
    scripted.script(failure, failure, answered)
    assert last(scripted_llm(max_retries=3), way, user("x")).message.content == "好"
    assert len(scripted.seen) == 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationFailed), (400, BadRequest), (422, BadRequest)])
def test_a_refusal_is_asked_once(
    scripted: ScriptedServer, scripted_llm: Any, way: str, status: int, error: type
) -> None:
    scripted.script(json_reply({"error": {"message": "no"}}, status))
    with pytest.raises(error):
        ask(scripted_llm(max_retries=3), way, user("x"))
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("way", WAYS)
def test_retry_after_is_waited_for(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    scripted.script(SLOW, answered)
    started = time.monotonic()
    assert last(scripted_llm(), way, user("x")).message.content == "好"
    assert time.monotonic() - started >= 0.95


def test_a_long_retry_after_is_told(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(json_reply({"error": {"message": "slow down"}}, 429, retry_after="3600"))
    with pytest.raises(RateLimited) as caught:
        scripted_llm(max_retries=3).complete("x")
    assert caught.value.retry_after == 3600
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
def test_a_stream_is_asked_again_until_its_first_piece(scripted: ScriptedServer, scripted_llm: Any, way: str) -> None:
    empty = sse_reply(done=False)
    scripted.script(empty, DOWN, answered)
    assert last(scripted_llm(max_retries=3), way, user("x")).message.content == "好"
    assert len(scripted.seen) == 3


def test_no_retry_where_none_is_wanted(scripted: ScriptedServer, scripted_llm: Any) -> None:
    scripted.script(DOWN)
    with pytest.raises(ServerError):
        scripted_llm(max_retries=0).complete("x")
    with pytest.raises(ServerError):
        scripted_llm(max_retries=5).complete("x", max_retries=1)
    assert len(scripted.seen) == 1 + 2
