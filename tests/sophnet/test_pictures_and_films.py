"""Pictures and films of the sandbox, made, fetched and looked at with both drivers, in every way that it can answer."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import imagesize
import pytest

from maaskit import APIError, AsyncClient, BadRequest, Client, SophNet, TaskCanceled, TaskFailed, TaskPhase, TaskTimeout
from maaskit.sandbox import Sandbox
from maaskit.sophnet import images, videos

Perform = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest, sandbox: Sandbox) -> Perform:
    """Use a client of either kind."""
    cloud = SophNet(api_key=sandbox.api_key, base_url=sandbox.sophnet_url)

    def run(verb: Callable[[Any], Any]) -> Any:
        if request.param == "sync":
            with Client(cloud) as client:
                return verb(client)

        async def main() -> Any:
            async with AsyncClient(cloud) as client:
                return await verb(client)

        return asyncio.run(main())

    return run


def size_of(data: bytes) -> tuple[int, int]:
    width, height = imagesize.get(io.BytesIO(data))
    return int(width), int(height)


def test_a_picture_is_drawn_fetched_and_drawn_again_alike(perform: Perform) -> None:
    task = images.generate("奔跑的小猫", model="z-image-turbo", size="1024x768", seed=42)
    made = perform(lambda client: client.wait(task))
    fetched = perform(lambda client: client.download(made.url))
    assert (fetched.content_type, size_of(fetched.data)) == ("image/png", (1024, 768))
    again = perform(lambda client: client.wait(task))
    assert perform(lambda client: client.download(again.url)).data == fetched.data


def test_a_task_is_submitted_listed_and_resumed(perform: Perform) -> None:
    task_id = perform(lambda client: client.submit(images.generate("x", model="z-image-turbo")))
    listed = {task.task_id: task for task in perform(lambda client: client.send(images.list_tasks()))}
    assert listed[task_id].model == "z-image-turbo"
    assert perform(lambda client: client.wait(images.resume(task_id))).url
    listed = {task.task_id: task for task in perform(lambda client: client.send(images.list_tasks()))}
    assert listed[task_id].phase is TaskPhase.SUCCEEDED


@pytest.mark.parametrize(
    "variants",
    [
        {"image_success": "SUCCESSED", "image_waiting": "SUSPENDED", "image_results": "empty"},
        {"image_success": "SUCCESS", "image_waiting": "UNKNOWN", "image_results": "null"},
        {"image_success": "success", "image_words": "lower"},
    ],
)
def test_pictures_in_every_way_of_answering(perform: Perform, sandbox: Sandbox, variants: dict[str, str]) -> None:
    for name, value in variants.items():
        setattr(sandbox.variants, name, value)
    assert perform(lambda client: client.wait(images.generate("x", model="z-image-turbo", seed=1))).urls


@pytest.mark.parametrize(
    "where", ["output_message", "output_errorMessage", "output_code", "top_message", "results_message"]
)
def test_why_a_picture_failed_is_found(perform: Perform, sandbox: Sandbox, where: Any) -> None:
    sandbox.variants.image_reason = where
    sandbox.faults.add(path="/texttoimage", method="POST", task_end="failed", message="内容不合规")
    with pytest.raises(TaskFailed, match="failed: ." if where == "output_code" else "内容不合规"):
        perform(lambda client: client.wait(images.generate("x", model="z-image-turbo")))


def test_a_picture_that_never_comes(perform: Perform, sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/texttoimage", method="POST", task_end="never")
    with pytest.raises(TaskTimeout):
        perform(lambda client: client.wait(images.generate("x"), timeout=0.5))
    sandbox.faults.add(path="/texttoimage", method="POST", task_end="canceled")
    with pytest.raises(TaskCanceled):
        perform(lambda client: client.wait(images.generate("x")))


@pytest.mark.parametrize("access", ["key", "open"])
def test_pictures_are_edited_and_fetched(perform: Perform, sandbox: Sandbox, access: Any) -> None:
    sandbox.variants.edit_access = access
    drawn = perform(lambda client: client.wait(images.generate("a cat", model="z-image-turbo", seed=1)))
    call = images.edit("make it darker", [drawn.url, drawn.url], seed=1, watermark=False)
    changed = perform(lambda client: client.send(call))
    fetched = perform(lambda client: client.download(changed.url))
    assert size_of(fetched.data) == (changed.width, changed.height)
    assert changed.request_id


@pytest.mark.parametrize(
    "created", ["text", "quoted", "number", "taskId", "task_id", "id", "code_data", "status_result"]
)
def test_a_films_id_in_every_form(perform: Perform, sandbox: Sandbox, created: Any) -> None:
    sandbox.variants.video_created = created
    task_id = perform(lambda client: client.submit(videos.generate("x", size="480*832", duration=1)))
    assert perform(lambda client: client.send(videos.cancel(task_id))).task_id == task_id


@pytest.mark.parametrize(
    "variants", [{}, {"video_times": "ms", "video_nulls": True, "video_resolution": "grade"}], ids=["document", "other"]
)
def test_a_film_is_made_of_a_text_and_of_a_picture(
    perform: Perform, sandbox: Sandbox, variants: dict[str, Any]
) -> None:
    for name, value in variants.items():
        setattr(sandbox.variants, name, value)
    text = videos.generate("小猫在草原上奔跑", size="640x640", duration=1, seed="16")
    drawn = perform(lambda client: client.wait(images.generate("a cat", model="z-image-turbo", seed=1)))
    moving = videos.generate(None, drawn.url, size="640*640", duration=1)
    for task in (text, moving):
        film = perform(lambda client, task=task: client.wait(task))
        assert (film.duration_s, film.ratio) == (1, "1:1")
        assert film.created_at_s is not None
        assert 1e9 < film.created_at_s < 1e10
        fetched = perform(lambda client, film=film: client.download(film.url))
        assert fetched.content_type == "video/mp4"
        assert fetched.data[4:8] == b"ftyp"


@pytest.mark.parametrize("reason", ["error", "message", "absent"])
def test_why_a_film_failed_is_found(perform: Perform, sandbox: Sandbox, reason: Any) -> None:
    sandbox.variants.video_reason = reason
    sandbox.faults.add(path="/videogenerator", method="POST", task_end="failed", message="内容不合规")
    with pytest.raises(TaskFailed, match="failed$" if reason == "absent" else "内容不合规"):
        perform(lambda client: client.wait(videos.generate("x", duration=1)))


def test_a_film_is_cancelled_when_the_wait_ends(perform: Perform, sandbox: Sandbox) -> None:
    sandbox.faults.add(path="/videogenerator", method="POST", task_end="never")
    with pytest.raises(TaskTimeout) as caught:
        perform(lambda client: client.wait(videos.generate("x"), timeout=0.5, cancel_on_exit=True))
    with pytest.raises(TaskCanceled):
        perform(lambda client: client.wait(videos.resume(caught.value.task_id)))
    with pytest.raises(APIError):
        perform(lambda client: client.send(videos.cancel(caught.value.task_id)))


def test_what_the_service_refuses_is_said(perform: Perform) -> None:
    # The client lets models pass that it does not know; the sandbox knows the document's alone.
    for task in (images.generate("x", model="Wan2.6-T2I"), videos.generate("x", model="Wan2.6-T2V")):
        with pytest.raises(BadRequest):
            perform(lambda client, task=task: client.wait(task))
