from __future__ import annotations

import asyncio
import threading
import time

import pytest

from maaskit.sandbox import Sandbox
from maaskit.sandbox.engines import CannotRead, film
from maaskit.sandbox.studio_jobs import StudioJob, StudioJobs
from tests.sandbox.studio import VIDEOS, Studio
from tests.waiting import auntil


def job(name: str) -> StudioJob:
    return StudioJob(id=name, model="m", is_film=False)


async def ended(*jobs: StudioJob) -> None:
    async with asyncio.timeout(30):
        while any(one.is_open for one in jobs):  # noqa: ASYNC110 -- threads change it
            await asyncio.sleep(0.005)


@pytest.fixture
def jobs() -> StudioJobs:
    jobs = StudioJobs()
    jobs.task_s = 0.01
    return jobs


async def test_the_oldest_tasks_that_have_ended_are_forgotten(
    jobs: StudioJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maaskit.sandbox.studio_jobs.MAX_JOBS", 3)
    waiting = jobs.add(job("waiting"), lambda stop: "", end="never")
    for name in "abcd":
        await ended(jobs.add(job(name), lambda stop: "url"))
    assert [one.id for one in jobs.all(is_film=False)] == ["d", "c", "waiting"]
    assert jobs.find("waiting", is_film=False) is waiting
    assert jobs.find("d", is_film=True) is None
    jobs.close()


async def test_a_breakdown_and_a_picture_that_cannot_be_read_fail_the_task(jobs: StudioJobs) -> None:
    def broken(stop: threading.Event) -> str:
        raise ZeroDivisionError("no")

    def unreadable(stop: threading.Event) -> str:
        raise CannotRead("no picture")

    one, two = jobs.add(job("one"), broken), jobs.add(job("two"), unreadable)
    await ended(one, two)
    assert (one.phase, "ZeroDivisionError" in one.error) == ("failed", True)
    assert (two.phase, two.error) == ("failed", "no picture")
    jobs.close()


async def test_what_has_ended_stays_as_it_is(jobs: StudioJobs) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(stop: threading.Event) -> str:
        begun.set()
        assert go_on.wait(30)
        return "url"

    one = jobs.add(job("one"), slow)
    assert await asyncio.to_thread(begun.wait, 30)
    assert jobs.cancel(one) is True
    assert jobs.cancel(one) is False
    go_on.set()
    await auntil(lambda: not jobs._tasks)
    assert (one.phase, one.url) == ("canceled", "")
    jobs.close()


def test_a_sandbox_ends_soon_while_a_film_is_in_the_making(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: film.Order, stop: threading.Event) -> bytes:
        assert stop.wait(120)
        raise film.StoppedError

    monkeypatch.setattr(film, "film", endless)
    with Sandbox() as sandbox:
        studio = Studio(sandbox)
        task = studio.video_task(size="1920*1080", duration=5)
        studio.wait(f"{VIDEOS}/{task}", lambda answer: answer["status"] == "running")
        studio.http.close()
        began = time.monotonic()
    assert time.monotonic() - began < 30
    assert all(one.stop.is_set() for one in sandbox._state.studio.all(is_film=True))
