"""LlamaIndex embeddings over SophNet: batches, limits, images, caches, copies, and what they show."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from PIL import Image

from maaskit import ConfigurationError, InvalidInput, Media
from maaskit.errors import AuthenticationFailed, RateLimited, ServerError, UnexpectedAnswer
from maaskit.llama_index import SophNetEmbedding, SophNetMultiModalEmbedding
from maaskit.sandbox import Sandbox
from tests.llama_index.clouds import KEY, Limiter, VectorCloud
from tests.scripted import ScriptedServer, json_reply
from tests.waiting import auntil

TEXTS = [str(number) for number in range(57)]
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
SECRET = "a-header-that-nobody-may-see"

Call = Callable[..., Any]


@pytest.fixture
def cloud(scripted: ScriptedServer) -> VectorCloud:
    return VectorCloud(scripted)


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Call a method of an embedding model, or its asynchronous twin."""

    def run(model: BaseEmbedding, method: str, *arguments: Any) -> Any:
        if request.param == "sync":
            return getattr(model, method)(*arguments)
        return asyncio.run(getattr(model, f"a{method}")(*arguments))

    return run


def of(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
    }


def texts_of(cloud: VectorCloud, **settings: Any) -> SophNetEmbedding:
    return SophNetEmbedding(**cloud.settings(**{"dimensions": 64, **settings}))


def images_of(cloud: VectorCloud, **settings: Any) -> SophNetMultiModalEmbedding:
    return SophNetMultiModalEmbedding(**cloud.settings(**{"dimensions": 64, **settings}))


def test_they_are_what_core_asks_for() -> None:
    assert issubclass(SophNetEmbedding, BaseEmbedding)
    assert issubclass(SophNetMultiModalEmbedding, MultiModalEmbedding)
    assert SophNetEmbedding.class_name() == "SophNetEmbedding"
    assert SophNetMultiModalEmbedding.class_name() == "SophNetMultiModalEmbedding"


def test_near_things_are_near(sandbox: Sandbox, call: Call) -> None:
    model = SophNetEmbedding(**of(sandbox))
    query = call(model, "get_query_embedding", "差旅住宿费报销标准")
    near, far = call(
        model, "get_text_embedding_batch", ["住宿费的报销标准见差旅制度", "The pool opens at nine o'clock."]
    )
    assert len(query) == 1024
    assert model.similarity(query, near) > model.similarity(query, far)


# --- many texts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, [7, *[10] * 5]),
        ({"embed_batch_size": 2048}, [7, *[10] * 5]),
        ({"embed_batch_size": 25}, [5, 5, 7, *[10] * 4]),
        ({"embed_batch_size": 9}, [3, *[9] * 6]),
        ({"model_name": "bge-m3", "dimensions": 1024, "embed_batch_size": 100}, [1] * 57),
    ],
)
def test_batches_keep_the_documents_limits_and_the_order(
    scripted: ScriptedServer, call: Call, settings: dict[str, Any], sizes: list[int]
) -> None:
    # Every other request takes longer, so that answers come in another order than the questions.
    cloud = VectorCloud(scripted, lambda first: 0.03 if first % 20 == 0 else 0.0)
    vectors = call(texts_of(cloud, **settings), "get_text_embedding_batch", TEXTS)
    assert [vector[0] for vector in vectors] == [float(text) for text in TEXTS]
    assert cloud.sizes == sizes


@pytest.mark.parametrize("batch", [1, 10, 40, 2048])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_all_batches_that_core_starts_together_share_the_places(
    scripted: ScriptedServer, batch: int, concurrency: int
) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.02)
    cloud.together = concurrency
    model = texts_of(cloud, embed_batch_size=batch, max_concurrency=concurrency)
    assert len(asyncio.run(model.aget_text_embedding_batch(TEXTS[:40]))) == 40
    assert cloud.most == concurrency


def test_calls_from_everywhere_in_a_loop_share_the_places(scripted: ScriptedServer) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.02)
    cloud.together = 2
    model = texts_of(cloud, max_concurrency=2)

    async def main() -> list[Any]:
        batches = [model.aget_text_embedding_batch(TEXTS[:15]) for _ in range(3)]
        return await asyncio.gather(*batches, *(model.aget_query_embedding(text) for text in TEXTS[:5]))

    found = asyncio.run(main())
    assert [vector[0] for vector in found[3:]] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert cloud.most == 2


def test_a_synchronous_batch_is_asked_for_a_few_requests_at_once(scripted: ScriptedServer) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.05)
    cloud.together = 4
    texts_of(cloud).get_text_embedding_batch(TEXTS)
    assert cloud.most == 4


def test_workers_of_core_are_bounded_too(scripted: ScriptedServer) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.02)
    cloud.together = 3
    model = texts_of(cloud, num_workers=8, embed_batch_size=5, max_concurrency=3)
    vectors = asyncio.run(model.aget_text_embedding_batch(TEXTS))
    assert [vector[0] for vector in vectors] == [float(text) for text in TEXTS]
    assert cloud.most == 3


def test_the_event_loop_stays_free(scripted: ScriptedServer) -> None:
    ticked = threading.Event()

    def held(_: float) -> float:
        assert ticked.wait(30)
        return 0.0

    cloud = VectorCloud(scripted, held)

    async def main() -> None:
        task = asyncio.ensure_future(texts_of(cloud).aget_text_embedding("7"))
        await auntil(lambda: cloud.now)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not task.done()
        ticked.set()
        assert (await task)[0] == 7.0

    asyncio.run(main())


def test_a_batch_that_fails_ends_the_rest_of_it(scripted: ScriptedServer, call: Call) -> None:
    broken = threading.Event()

    def pause_s(_: float) -> float:
        assert broken.wait(30)
        return 0.3  # in which the failure reaches who asked

    def reply(seen: Any) -> Any:
        if "broken" not in seen.json["input_texts"]:
            return cloud._reply(seen)
        broken.set()
        return json_reply({"message": "no"}, 400)

    cloud = VectorCloud(scripted, pause_s)
    texts = [*TEXTS[:15], "broken", *TEXTS * 4]
    scripted.script(reply)
    with pytest.raises(Exception, match="no"):
        call(texts_of(cloud, embed_batch_size=2048, max_concurrency=2), "get_text_embedding_batch", texts)
    time.sleep(0.1)
    assert len(scripted.seen) <= 5


def test_no_texts_are_no_request(cloud: VectorCloud, call: Call) -> None:
    assert call(texts_of(cloud), "get_text_embedding_batch", []) == []
    assert call(images_of(cloud), "get_image_embedding_batch", []) == []
    assert not cloud.server.seen


def test_nodes_are_embedded(cloud: VectorCloud) -> None:
    model = texts_of(cloud)
    nodes = [TextNode(text=text) for text in TEXTS]
    assert [node.embedding[0] for node in model(nodes)] == [float(text) for text in TEXTS]  # type: ignore[index]
    again = asyncio.run(model.acall([TextNode(text=text) for text in TEXTS]))
    assert [node.embedding for node in again] == [node.embedding for node in nodes]


def test_what_is_sent(cloud: VectorCloud, call: Call) -> None:
    model = images_of(
        cloud,
        normalized=True,
        encoding_type="float",
        extra_body={"truncate": "end"},
        default_headers={"X-Trace": "t"},
    )
    call(model, "get_text_embedding", "1")
    (seen,) = cloud.server.seen
    assert seen.json == {
        "model": "clip-embeddings",
        "easyllm_id": "E",
        "input_texts": ["1"],
        "dimensions": 64,
        "normalized": True,
        "encoding_type": "float",
        "truncate": "end",
    }
    assert seen.path == "/projects/P/easyllms/embeddings"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-trace"] == "t"


# --- rate limiter and cache ----------------------------------------------------------------------------------------


def asked_by(call: Call, model: Any, method: str, argument: Any) -> int:
    """Give how often the rate limiter was asked during a call."""
    model.rate_limiter = Limiter()
    call(model, method, argument)
    return int(model.rate_limiter.asked)


@pytest.mark.parametrize("batch", [1, 10, 25, 2048])
@pytest.mark.parametrize("cached", [False, True])
def test_the_limiter_is_asked_once_for_each_request(cloud: VectorCloud, call: Call, batch: int, cached: bool) -> None:
    for method, argument in (
        ("get_query_embedding", "1001"),
        ("get_text_embedding", "1002"),
        ("get_text_embedding_batch", TEXTS),
    ):
        store = SimpleKVStore() if cached else None
        cloud.server.seen.clear()
        asked = asked_by(call, texts_of(cloud, embed_batch_size=batch, embeddings_cache=store), method, argument)
        assert asked == len(cloud.server.seen) > 0


def test_the_limiter_is_asked_once_for_each_request_of_images(cloud: VectorCloud, call: Call) -> None:
    for method, argument, requests in (
        ("get_image_embedding", PNG, 1),
        ("get_image_embedding_batch", [PNG] * 9, 3),
    ):
        cloud.server.seen.clear()
        assert asked_by(call, images_of(cloud), method, argument) == len(cloud.server.seen) == requests


def test_the_limiter_is_waited_for_in_a_place(cloud: VectorCloud) -> None:
    """A limiter that stops everything must not let requests pile up behind it, to be sent at once later."""
    waiting = most = 0

    class Slow(Limiter):
        async def async_acquire(self, num_tokens: int = 0) -> None:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(0.01)
            waiting -= 1

    model = texts_of(cloud, embed_batch_size=1, max_concurrency=2, rate_limiter=Slow())
    asyncio.run(model.aget_text_embedding_batch(TEXTS[:12]))
    assert most == 2


def test_a_limiter_that_fails_gives_its_place_back(cloud: VectorCloud) -> None:
    class Closed(Limiter):
        async def async_acquire(self, num_tokens: int = 0) -> None:
            raise RuntimeError("no more today")

    model = texts_of(cloud, embed_batch_size=1, max_concurrency=1, rate_limiter=Closed())

    async def main() -> list[float]:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="no more today"):
                await model.aget_text_embedding_batch(["1"])
        model.rate_limiter = None
        return await asyncio.wait_for(model.aget_text_embedding("2"), 30)

    assert asyncio.run(main())[0] == 2.0


def test_cached_texts_are_not_asked_for_again(cloud: VectorCloud, call: Call) -> None:
    model = texts_of(cloud, embeddings_cache=SimpleKVStore())
    first = call(model, "get_text_embedding_batch", TEXTS[:20])
    cloud.server.seen.clear()
    again = call(model, "get_text_embedding_batch", [*TEXTS[:20], "1000", *TEXTS[:3]])
    assert [vector[0] for vector in again] == [*(float(text) for text in TEXTS[:20]), 1000.0, 0.0, 1.0, 2.0]
    assert again[:20] == first
    assert [seen.json["input_texts"] for seen in cloud.server.seen] == [["1000"]]


# --- images --------------------------------------------------------------------------------------------------------


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "日落.png"
    Image.new("RGB", (32, 32), (250, 120, 30)).save(path)
    return path


def test_an_image_of_every_form_gives_the_same(sandbox: Sandbox, call: Call, picture: Path) -> None:
    content = picture.read_bytes()
    read = BytesIO(content)
    read.seek(17)
    with picture.open("rb") as file:
        file.seek(20)
        forms = [
            picture,
            str(picture),
            content,
            read,
            file,
            Media.of(picture),
            f"data:image/png;base64,{base64.b64encode(content).decode()}",
        ]
        model = SophNetMultiModalEmbedding(dimensions=128, **of(sandbox))
        vectors = call(model, "get_image_embedding_batch", forms)
        assert all(vector == vectors[0] for vector in vectors)
        assert len(vectors) == len(forms)
        assert len(vectors[0]) == 128
        assert [call(model, "get_image_embedding", form) for form in forms] == vectors


def test_a_url_of_an_image_goes_to_the_service_unfetched(cloud: VectorCloud, call: Call) -> None:
    call(images_of(cloud), "get_image_embedding", "https://example.com/a.png")
    (seen,) = cloud.server.seen
    assert seen.json["input_images"] == ["https://example.com/a.png"]
    assert seen.json["input_texts"] == []


def test_many_images_come_back_in_order(scripted: ScriptedServer, call: Call) -> None:
    cloud = VectorCloud(scripted, lambda first: 0.03 if first % 2 else 0.0)
    urls = ["https://example.com/" + "x" * number for number in range(19)]
    vectors = call(images_of(cloud, embed_batch_size=10), "get_image_embedding_batch", urls)
    assert [vector[0] for vector in vectors] == [20.0 + number for number in range(19)]
    assert cloud.sizes == [1, 2, 4, 4, 4, 4]
    assert cloud.most <= 4


def test_a_missing_or_wrong_image_is_named(cloud: VectorCloud, call: Call, tmp_path: Path) -> None:
    model = images_of(cloud)
    with pytest.raises(InvalidInput, match=r"images\[0\]: there is no file"):
        call(model, "get_image_embedding", str(tmp_path / "nowhere.png"))
    with pytest.raises(InvalidInput, match=r"images\[1\] is application/pdf"):
        call(model, "get_image_embedding_batch", [PNG, b"%PDF-1.7"])
    with pytest.raises(InvalidInput, match="is empty"):
        call(model, "get_image_embedding", BytesIO())
    assert not cloud.server.seen


@pytest.mark.parametrize(("name", "wanted"), [("a blue picture", 2), ("something red", 0), ("green", 1)])
def test_a_text_finds_its_image(sandbox: Sandbox, call: Call, tmp_path: Path, name: str, wanted: int) -> None:
    model = SophNetMultiModalEmbedding(dimensions=512, **of(sandbox))
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, colour in zip(paths, [(220, 30, 30), (30, 180, 40), (30, 60, 220)], strict=True):
        Image.new("RGB", (48, 48), colour).save(path)
    images = call(model, "get_image_embedding_batch", [str(path) for path in paths])
    query = call(model, "get_query_embedding", name)
    scores = [model.similarity(query, image) for image in images]
    assert scores.index(max(scores)) == wanted


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "said"), [(["a", ""], r"texts\[1\] is empty"), (["a", 3], r"texts\[1\] must be a string")]
)
def test_bad_texts_are_refused_before_anything_is_sent(cloud: VectorCloud, call: Call, texts: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        call(texts_of(cloud), "get_text_embedding_batch", texts)
    assert not cloud.server.seen


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rate_limiter": 5}, "rate_limiter must have acquire"),
        ({"dimensions": 100}, "dimensions=100 is not among those of text-embeddings"),
        ({"dimensions": 512, "model_name": "bge-m3"}, "dimensions=512"),
        ({"dimensions": "many"}, "dimensions: "),
        ({"model_name": ""}, "model"),
        ({"normalized": True}, "normalized"),
        ({"encoding_type": "float"}, "encoding_type"),
        ({"embed_batch_size": 0}, "embed_batch_size"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"default_headers": {"x": "值"}}, "default_headers"),
        ({"dimension": 64}, "SophNetEmbedding takes no dimension"),
        ({"embeddings_cache": "a store"}, "embeddings_cache"),
    ],
)
def test_bad_settings_are_refused_at_once(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        SophNetEmbedding(**{"api_key": KEY, **settings})
    assert KEY not in f"{caught.value}{caught.value!r}"


def test_a_model_that_sees_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="bge-m3 embeds no images"):
        SophNetMultiModalEmbedding(model_name="bge-m3", api_key=KEY)


def test_other_names_of_settings_are_known(cloud: VectorCloud) -> None:
    model = SophNetEmbedding(model="bge-m3", api_base="https://example.com/api", api_key=KEY)
    assert (model.model_name, model.base_url) == ("bge-m3", "https://example.com/api")


def test_a_missing_key_is_named() -> None:
    for kind in (SophNetEmbedding, SophNetMultiModalEmbedding):
        with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
            kind()


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_EMBEDDINGS_EASYLLM_ID")]
)
def test_a_missing_id_is_named(cloud: VectorCloud, call: Call, missing: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        call(texts_of(cloud, **{missing: None}), "get_query_embedding", "1")


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, cloud: VectorCloud) -> None:
    monkeypatch.setenv("SOPHNET_EMBEDDINGS_EASYLLM_ID", "own")
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "any")
    assert SophNetEmbedding(api_key=KEY).easyllm_id == "own"
    assert texts_of(cloud).easyllm_id == "E"


def test_refusals_are_errors_without_the_key(scripted: ScriptedServer, call: Call) -> None:
    cloud = VectorCloud(scripted)
    scripted.script(json_reply({"message": f"bad key {KEY}"}, 401))
    with pytest.raises(AuthenticationFailed) as caught:
        call(texts_of(cloud), "get_query_embedding", "1")
    assert KEY not in f"{caught.value!r} {caught.value}"
    scripted.script(json_reply({"message": "slow down"}, 429, retry_after="7"))
    with pytest.raises(RateLimited) as limited:
        call(texts_of(cloud), "get_text_embedding_batch", TEXTS)
    assert limited.value.retry_after == 7


def test_three_retries_are_four_requests(scripted: ScriptedServer, call: Call) -> None:
    cloud = VectorCloud(scripted)
    scripted.script(json_reply({"message": "busy"}, 503, retry_after="0"))
    with pytest.raises(ServerError):
        call(texts_of(cloud, max_retries=3), "get_text_embedding", "1")
    assert len(scripted.seen) == 4


def test_too_few_vectors_are_an_error(scripted: ScriptedServer, call: Call) -> None:
    cloud = VectorCloud(scripted)
    scripted.script(json_reply({"data": [{"embedding": [0.0] * 64, "index": 0}]}))
    with pytest.raises(UnexpectedAnswer, match="1 vectors for 2 inputs"):
        call(texts_of(cloud), "get_text_embedding_batch", ["1", "2"])


# --- what they show ------------------------------------------------------------------------------------------------


class Keeper(BaseEventHandler):
    """Keep all events as JSON."""

    kept: list[str] = []  # noqa: RUF012 - a pydantic field

    @classmethod
    def class_name(cls) -> str:
        return "Keeper"

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.kept.append(f"{type(event).__name__} {event.model_dump_json()}")


def test_events_tell_the_model_and_no_key(cloud: VectorCloud, call: Call) -> None:
    keeper = Keeper()
    root = get_dispatcher()
    root.add_event_handler(keeper)
    try:
        call(texts_of(cloud, default_headers={"X": SECRET}), "get_text_embedding_batch", TEXTS)
    finally:
        root.event_handlers.remove(keeper)
    names = [line.partition(" ")[0] for line in keeper.kept]
    assert names.count("EmbeddingStartEvent") == names.count("EmbeddingEndEvent") == 2  # 57 texts, 40 at a time
    start = json.loads(keeper.kept[names.index("EmbeddingStartEvent")].partition(" ")[2])["model_dict"]
    assert start == {
        "class_name": "SophNetEmbedding",
        "model_name": "text-embeddings",
        "embed_batch_size": 40,
        "provider": "sophnet",
        "dimensions": 64,
    }
    assert KEY not in str(keeper.kept)
    assert SECRET not in str(keeper.kept)


def test_no_dump_shows_the_key(cloud: VectorCloud) -> None:
    for model in (
        texts_of(cloud, default_headers={"X": SECRET}, embeddings_cache=SimpleKVStore()),
        images_of(cloud, default_headers={"X": SECRET}),
    ):
        shown = f"{model!r} {model} {model.to_dict()} {model.to_json()} {model.model_dump()} {model.model_dump_json()}"
        shown += f"{model.to_payload()} {model.dict()} {model.json()}"
        assert KEY not in shown
        assert SECRET not in shown
        assert KEY.encode() not in pickle.dumps(model)


def test_a_dump_does_not_depend_on_the_key(cloud: VectorCloud) -> None:
    # LlamaIndex's IngestionPipeline finds cached work by it.
    assert texts_of(cloud).to_dict() == texts_of(cloud, api_key="another").to_dict()
    assert texts_of(cloud).to_dict() != texts_of(cloud, dimensions=128).to_dict()


def test_a_dump_is_loaded(cloud: VectorCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = texts_of(cloud, max_concurrency=2, extra_body={"a": 1}).to_dict()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetEmbedding.from_dict(dump)
    loaded = SophNetEmbedding.from_dict(dump, api_key=KEY)
    assert loaded.to_dict() == dump
    monkeypatch.setenv("SOPHNET_API_KEY", KEY)
    assert SophNetEmbedding.from_dict(dump).get_query_embedding("3")[0] == 3.0
    assert SophNetEmbedding.from_json(json.dumps(dump)).get_query_embedding("3")[0] == 3.0


# --- one instance everywhere ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied",
    [
        lambda one: pickle.loads(pickle.dumps(one)),  # noqa: S301 - our own
        lambda one: pickle.loads(ForkingPickler.dumps(one)),  # noqa: S301 - our own
        copy.deepcopy,
        copy.copy,
        lambda one: one.model_copy(deep=True),
    ],
)
def test_copies_work(cloud: VectorCloud, call: Call, copied: Call, caplog: pytest.LogCaptureFixture) -> None:
    for model in (texts_of(cloud, dimensions=128), images_of(cloud)):
        call(model, "get_text_embedding_batch", TEXTS)  # leaves clients and semaphores behind, if it does
        other = copied(model)
        assert other.to_dict() == model.to_dict()
        assert call(other, "get_text_embedding", "5")[0] == 5.0
    assert not caplog.records


def test_a_pickle_is_loaded_in_another_process(cloud: VectorCloud) -> None:
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).get_text_embedding('6')[0])"
    paths = [str(Path(__file__).parents[2] / "integrations"), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SOPHNET_API_KEY": "of-the-environment"},
        input=pickle.dumps(texts_of(cloud)),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == b"6.0", done.stderr
    assert cloud.server.seen[0].headers["authorization"] == "Bearer of-the-environment"


def test_one_instance_serves_several_event_loops(scripted: ScriptedServer) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.01)
    model = texts_of(cloud, embed_batch_size=5, max_concurrency=2)
    for _ in range(3):
        vectors = asyncio.run(model.aget_text_embedding_batch(TEXTS))  # more batches than places: some must wait
        assert [vector[0] for vector in vectors] == [float(text) for text in TEXTS]
    assert len(model._places._by_loop) == 1  # ended loops are let go
    gc.collect()


def test_one_instance_serves_threads_and_their_loops(scripted: ScriptedServer) -> None:
    cloud = VectorCloud(scripted, lambda _: 0.01)
    model = texts_of(cloud)
    found: dict[int, list[float]] = {}

    def ask(number: int) -> None:
        texts = TEXTS[number : number + 30]
        batch = model.get_text_embedding_batch(texts)
        assert asyncio.run(model.aget_text_embedding_batch(texts)) == batch
        found[number] = [vector[0] for vector in batch]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [float(text) for text in TEXTS[number : number + 30]] for number in range(6)}


def test_it_works_within_a_running_loop(cloud: VectorCloud) -> None:
    async def main() -> float:
        return texts_of(cloud).get_text_embedding("4")[0]

    assert asyncio.run(main()) == 4.0


def test_clients_of_ones_own_are_used(cloud: VectorCloud) -> None:
    import httpx

    with httpx.Client(headers={"X-Mine": "sync"}) as client:
        model = texts_of(cloud, http_client=client)
        assert copy.deepcopy(model).http_client is client  # a socket cannot be copied
        assert pickle.loads(pickle.dumps(model)).http_client is None  # noqa: S301 - our own
        model.get_query_embedding("1")

    async def main() -> None:
        async with httpx.AsyncClient(headers={"X-Mine": "async"}) as client:
            await texts_of(cloud, async_http_client=client).aget_query_embedding("1")

    asyncio.run(main())
    assert [seen.headers["x-mine"] for seen in cloud.server.seen] == ["sync", "async"]


@pytest.mark.parametrize("module", ["embeddings", "readers"])
def test_an_import_loads_no_driver(module: str) -> None:
    code = f"import sys, llama_index.core; before = {{*sys.modules}}; import maaskit.llama_index.{module}; "
    code += "print(*({*sys.modules} - before))"
    loaded = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "integrations")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout.split()
    assert "maaskit.llama_index.sophnet" in loaded
    assert not {"httpx", "tqdm", "websockets", "fsspec", "maaskit.connections", "maaskit.client"} & set(loaded)
