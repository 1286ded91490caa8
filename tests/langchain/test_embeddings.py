"""``SophNetEmbeddings``: LangChain's standard suites over real sockets, and what they do not ask."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelError,
    ModelInvalidRequestError,
    ModelRateLimitError,
)
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from maaskit import APIError, ConfigurationError, InvalidInput, Media
from maaskit.errors import AuthenticationFailed, RateLimited, UnexpectedAnswer
from maaskit.langchain import SophNetEmbeddings
from maaskit.sandbox import Sandbox, Variants
from tests.scripted import FOREVER, Reply, ScriptedServer, Seen, json_reply
from tests.waiting import auntil, until

KEY = "a-key-of-sophnet-that-nobody-may-see"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

Embed = Callable[..., list[list[float]]]


def of(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
    }


# --- LangChain's own suites ----------------------------------------------------------------------------------------


class TestStandardUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[SophNetEmbeddings]:
        return SophNetEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embeddings", "dimensions": 1024, "api_key": "k"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {
            "SOPHNET_API_KEY": "k",
            "SOPHNET_BASE_URL": "https://example.com/api",
            "SOPHNET_PROJECT_ID": "p",
            "SOPHNET_EASYLLM_ID": "e",
        }
        expected = {"api_key": "k", "base_url": "https://example.com/api", "project_id": "p", "easyllm_id": "e"}
        return environment, {}, expected


@pytest.fixture(scope="class")
def _connection(request: pytest.FixtureRequest, running_sandbox: Sandbox) -> None:
    request.cls.connection = of(running_sandbox)


class _Standard(EmbeddingsIntegrationTests):
    connection: dict[str, Any]
    params: dict[str, Any]

    @property
    def embeddings_class(self) -> type[SophNetEmbeddings]:
        return SophNetEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {**self.connection, **self.params}


@pytest.mark.usefixtures("_connection")
class TestStandardTextEmbeddings(_Standard):
    params = {"model": "text-embeddings", "dimensions": 1024}  # noqa: RUF012


@pytest.mark.usefixtures("_connection")
class TestStandardBgeM3(_Standard):
    params = {"model": "bge-m3"}  # noqa: RUF012


@pytest.mark.usefixtures("_connection")
class TestStandardClip(_Standard):
    params = {"model": "clip-embeddings", "dimensions": 512, "normalized": True}  # noqa: RUF012


def test_near_things_are_near(sandbox: Sandbox) -> None:
    embeddings = SophNetEmbeddings(**of(sandbox))
    query = embeddings.embed_query("差旅住宿费报销标准")
    near, far = embeddings.embed_documents(["住宿费的报销标准见差旅制度", "The pool opens at nine."])
    assert sum(map(float.__mul__, query, near)) > sum(map(float.__mul__, query, far))


@pytest.fixture
def variants(sandbox: Sandbox) -> Iterator[Any]:
    """Let a test choose how the sandbox writes, and undo it."""
    names = ("embeddings_order", "embeddings_index", "error_shape")
    before = {name: getattr(sandbox.variants, name) for name in names}
    yield sandbox.variants
    for name, value in before.items():
        setattr(sandbox.variants, name, value)


@pytest.mark.parametrize(("variant", "value"), [("embeddings_order", "shuffled"), ("embeddings_index", "absent")])
def test_every_way_to_write_vectors_gives_the_same(sandbox: Sandbox, variants: Any, variant: str, value: str) -> None:
    embeddings = SophNetEmbeddings(**of(sandbox))
    texts = ["日落", "beach", "合同", "invoice"]
    expected = embeddings.embed_documents(texts)
    setattr(variants, variant, value)
    assert embeddings.embed_documents(texts) == expected


SHAPES = typing.get_args(typing.get_type_hints(Variants)["error_shape"])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_way_to_write_a_refusal_is_an_error(sandbox: Sandbox, variants: Any, shape: str) -> None:
    variants.error_shape = shape
    with pytest.raises(APIError) as caught:
        SophNetEmbeddings(**{**of(sandbox), "api_key": "wrong"}).embed_query("x")
    assert isinstance(caught.value, ModelError)
    assert not getattr(caught.value, "is_retryable", False)
    if not shape.endswith(("_200", "_200_empty_result")):
        assert isinstance(caught.value, ModelAuthenticationError)


# --- many texts ----------------------------------------------------------------------------------------------------


class Cloud:
    """Answer each text with its number, and count how many requests are under way."""

    def __init__(self, server: ScriptedServer, pause_s: Callable[[int], float] = lambda _: 0.0) -> None:
        self._lock = threading.Lock()
        self._pause_s = pause_s
        self.server = server
        self.most = self.now = 0
        self.together = 1
        """The first ones are answered when so many are under way."""
        server.script(self.reply)

    def reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        body = seen.json
        numbers = [float(text) for text in body["input_texts"]] + [0.5] * len(body.get("input_images", []))
        until(lambda: self.most >= self.together)
        time.sleep(self._pause_s(int(numbers[0])))
        data = [
            {"embedding": [number, *[0.0] * (body["dimensions"] - 1)], "index": index}
            for index, number in enumerate(numbers)
        ]
        with self._lock:
            self.now -= 1
        return json_reply({"data": data[::-1], "usage": None})

    @property
    def sizes(self) -> list[int]:
        return [len(seen.json["input_texts"]) for seen in self.server.seen]


def make(server: ScriptedServer, **settings: Any) -> SophNetEmbeddings:
    return SophNetEmbeddings(
        **{
            "api_key": KEY,
            "base_url": server.url,
            "project_id": "P",
            "easyllm_id": "E",
            "dimensions": 64,
            "timeout": 30,
            **settings,
        }
    )


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Callable[[SophNetEmbeddings, str, Any], Any]:
    """Call one method, or its asynchronous twin."""

    def run(embeddings: SophNetEmbeddings, method: str, argument: Any) -> Any:
        if request.param == "sync":
            return getattr(embeddings, method)(argument)
        return asyncio.run(getattr(embeddings, f"a{method}")(argument))

    return run


TEXTS = [str(number) for number in range(57)]


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, [7, *[10] * 5]),
        ({"chunk_size": 1000}, [7, *[10] * 5]),
        ({"chunk_size": 20, "model": "clip-embeddings"}, [17, 20, 20]),
        ({"model": "bge-m3", "dimensions": 1024}, [1] * 57),
    ],
)
def test_many_texts_come_back_in_order(
    face: Any, scripted: ScriptedServer, settings: dict[str, Any], sizes: list[int]
) -> None:
    # Earlier requests take longer, so that answers come in another order than the questions.
    cloud = Cloud(scripted, lambda first: 0.03 if first % 20 == 0 else 0.0)
    vectors = face(make(scripted, **settings), "embed_documents", TEXTS)
    assert [vector[0] for vector in vectors] == [float(text) for text in TEXTS]
    assert sorted(cloud.sizes) == sizes


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_bounded(face: Any, scripted: ScriptedServer, concurrency: int) -> None:
    cloud = Cloud(scripted, lambda _: 0.05)
    cloud.together = concurrency
    face(make(scripted, max_concurrency=concurrency), "embed_documents", TEXTS)
    assert cloud.most == concurrency


def test_four_requests_are_under_way_by_default(face: Any, scripted: ScriptedServer) -> None:
    cloud = Cloud(scripted, lambda _: 0.05)
    cloud.together = 4
    face(make(scripted), "embed_documents", TEXTS)
    assert cloud.most == 4


def test_one_query_is_one_request(face: Any, scripted: ScriptedServer) -> None:
    cloud = Cloud(scripted)
    assert face(make(scripted), "embed_query", "7")[0] == 7.0
    assert cloud.sizes == [1]
    assert scripted.seen[0].json == {
        "model": "text-embeddings",
        "easyllm_id": "E",
        "input_texts": ["7"],
        "dimensions": 64,
    }


def test_images_share_the_space(face: Any, scripted: ScriptedServer) -> None:
    def reply(seen: Seen) -> Reply:
        images = seen.json["input_images"]
        return json_reply(
            {"data": [{"embedding": [float(len(image))] * 64, "index": n} for n, image in enumerate(images)]}
        )

    scripted.script(reply)
    images = ["https://example.com/" + "x" * number for number in range(9)]
    vectors = face(make(scripted, model="clip-embeddings"), "embed_images", images)
    assert [vector[0] for vector in vectors] == [20.0 + number for number in range(9)]
    assert sorted(len(seen.json["input_images"]) for seen in scripted.seen) == [1, 4, 4]


def test_an_image_of_every_kind(face: Any, sandbox: Sandbox, tmp_path: Any) -> None:
    from PIL import Image

    path = tmp_path / "日落.png"
    Image.new("RGB", (32, 32), (250, 120, 30)).save(path)
    embeddings = SophNetEmbeddings(model="clip-embeddings", dimensions=128, **of(sandbox))
    vectors = face(embeddings, "embed_images", [path, path.read_bytes(), Media.of(path)])
    assert vectors[0] == vectors[1] == vectors[2]
    assert len(vectors[0]) == 128


def test_options_go_along(face: Any, scripted: ScriptedServer) -> None:
    Cloud(scripted)
    embeddings = make(
        scripted,
        model="clip-embeddings",
        normalized=True,
        encoding_type="float",
        extra_body={"truncate": "end"},
        default_headers={"X-Trace": "t"},
    )
    face(embeddings, "embed_documents", ["1"])
    sent = scripted.seen[0].json
    assert (sent["normalized"], sent["encoding_type"], sent["truncate"]) == (True, "float", "end")
    assert scripted.seen[0].headers["x-trace"] == "t"


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "texts is empty"),
        (["a", ""], r"texts\[1\] is empty"),
        (["a", 3], r"texts\[1\] must be a string"),
        ("abc", "list"),
    ],
)
def test_bad_texts_are_refused_before_anything_is_sent(
    face: Any, scripted: ScriptedServer, texts: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        face(make(scripted), "embed_documents", texts)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert not scripted.seen


@pytest.mark.parametrize("query", ["", None, 7])
def test_a_bad_query_is_refused(face: Any, scripted: ScriptedServer, query: Any) -> None:
    with pytest.raises(InvalidInput):
        face(make(scripted), "embed_query", query)


def test_images_need_clip(face: Any, scripted: ScriptedServer) -> None:
    with pytest.raises(InvalidInput, match="clip-embeddings"):
        face(make(scripted), "embed_images", [PNG])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dimensions": 100}, "dimensions=100 is not among those of text-embeddings"),
        ({"dimensions": 512, "model": "bge-m3"}, "dimensions=512"),
        ({"dimensions": "many"}, "dimensions: "),
        ({"model": ""}, "model"),
        ({"normalized": True}, "normalized"),
        ({"encoding_type": "float"}, "encoding_type"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"default_headers": {"x": "值"}}, "default_headers"),
        ({"dimension": 64}, "dimension"),
    ],
)
def test_bad_settings_are_refused_at_once(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        SophNetEmbeddings(**{"api_key": KEY, **settings})
    assert isinstance(caught.value, ModelError)
    assert KEY not in str(caught.value)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY"):
        SophNetEmbeddings()


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_EMBEDDINGS_EASYLLM_ID")]
)
def test_a_missing_id_is_named(face: Any, scripted: ScriptedServer, missing: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        face(make(scripted, **{missing: None}), "embed_query", "x")


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, scripted: ScriptedServer) -> None:
    monkeypatch.setenv("SOPHNET_EMBEDDINGS_EASYLLM_ID", "own")
    monkeypatch.setenv("SOPHNET_EASYLLM_ID", "any")
    assert SophNetEmbeddings(api_key=KEY).easyllm_id == "own"
    assert make(scripted).easyllm_id == "E"


def test_the_services_errors_are_langchains_too(face: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": f"bad key {KEY}"}, 401))
    with pytest.raises(ModelAuthenticationError) as caught:
        face(make(scripted), "embed_query", "x")
    assert isinstance(caught.value, AuthenticationFailed)
    assert KEY not in f"{caught.value!r} {caught.value}"
    scripted.script(json_reply({"message": "slow down"}, 429, retry_after="7"))
    with pytest.raises(ModelRateLimitError) as limited:
        face(make(scripted, max_retries=0), "embed_documents", TEXTS)
    assert isinstance(limited.value, RateLimited)
    assert limited.value.retry_after == 7


def test_too_few_vectors_are_an_error(face: Any, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"data": [{"embedding": [0.0] * 64, "index": 0}]}))
    with pytest.raises(UnexpectedAnswer, match="1 vectors for 2 inputs"):
        face(make(scripted), "embed_documents", ["a", "b"])


# --- one instance everywhere ---------------------------------------------------------------------------------------


def test_the_key_is_not_shown(scripted: ScriptedServer) -> None:
    embeddings = make(scripted, default_headers={"X-Secret": "hidden"})
    shown = f"{embeddings!r} {embeddings} {embeddings.model_dump()} {embeddings.model_dump_json()}"
    assert KEY not in shown
    assert "hidden" not in shown


def test_one_instance_serves_several_event_loops(scripted: ScriptedServer) -> None:
    Cloud(scripted)
    embeddings = make(scripted)
    for number in range(3):
        assert asyncio.run(embeddings.aembed_query(str(number)))[0] == number


def test_one_instance_serves_threads(scripted: ScriptedServer) -> None:
    Cloud(scripted)
    embeddings = make(scripted)
    found: dict[int, float] = {}

    def ask(number: int) -> None:
        found[number] = embeddings.embed_query(str(number))[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: float(number) for number in range(6)}


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy])  # noqa: S301
def test_copies_work(face: Any, scripted: ScriptedServer, copied: Callable[[Any], Any]) -> None:
    Cloud(scripted)
    embeddings = make(scripted)
    embeddings.embed_query("1")
    assert face(copied(embeddings), "embed_query", "2")[0] == 2.0


def test_a_client_of_ones_own_is_used(scripted: ScriptedServer) -> None:
    import httpx

    Cloud(scripted)
    with httpx.Client(headers={"X-Mine": "sync"}) as client:
        make(scripted, http_client=client).embed_query("1")

    async def main() -> None:
        async with httpx.AsyncClient(headers={"X-Mine": "async"}) as client_:
            await make(scripted, http_async_client=client_).aembed_query("1")

    asyncio.run(main())
    assert [seen.headers["x-mine"] for seen in scripted.seen] == ["sync", "async"]


def test_cancelling_ends_the_requests(scripted: ScriptedServer) -> None:
    scripted.script(Reply(200, {}, [b"{", FOREVER]))

    async def main() -> None:
        task = asyncio.ensure_future(make(scripted).aembed_documents(TEXTS))
        await auntil(lambda: scripted.seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert scripted.disconnected.wait(30)


# --- the progress bar ----------------------------------------------------------------------------------------------


def test_progress_is_shown_on_request(face: Any, scripted: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    Cloud(scripted)
    face(make(scripted), "embed_documents", TEXTS)
    assert capsys.readouterr().err == ""
    face(make(scripted, show_progress=True), "embed_documents", TEXTS)
    assert "57/57" in capsys.readouterr().err


def test_a_missing_tqdm_is_said_before_anything_is_sent(
    face: Any, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    with pytest.raises(ConfigurationError, match="tqdm"):
        face(make(scripted, show_progress=True), "embed_documents", TEXTS)
    assert not scripted.seen
