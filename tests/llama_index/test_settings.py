"""What an LLM is told: checked, described to core, stored and copied; and its key, which is in no dump."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from pydantic import SecretStr

from maaskit import AuthenticationFailed, ConfigurationError, InvalidInput
from maaskit.llama_index import QiniuLLM, SophNetLLM
from tests.llama_index.conftest import KEY
from tests.llama_index.ways import user, whole
from tests.scripted import ScriptedServer, json_reply

KINDS = [QiniuLLM, SophNetLLM]
VARIABLES = {QiniuLLM: "QINIU_API_KEY", SophNetLLM: "SOPHNET_API_KEY"}


def loaded_from(dump: bytes) -> Any:
    return pickle.loads(dump)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_key_names_its_variable(kind: type) -> None:
    with pytest.raises(ConfigurationError, match=VARIABLES[kind]):
        kind(model="m")


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_may_come_from_the_environment(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[kind], KEY)
    assert kind(model="m").api_key.get_secret_value() == KEY
    assert kind(model="m", api_key=SecretStr("own")).api_key.get_secret_value() == "own"


def test_other_names_of_fields() -> None:
    llm = QiniuLLM(model_name="m", api_key=KEY, api_base="https://example.com/v1", model_kwargs={"user": "u"})
    assert (llm.model, llm.base_url, llm.additional_kwargs) == ("m", "https://example.com/v1", {"user": "u"})


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"temprature": 0}, "temprature"),
        ({"temperature": 3}, "temperature"),
        ({"stop": list("abcde")}, "at most 4"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
    ],
)
def test_wrong_settings_are_errors_of_our_tree(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        SophNetLLM(model="m", api_key=KEY, **settings)


def test_a_wrong_url_is_told() -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        QiniuLLM(model="m", api_key=KEY, base_url="ftp://example.com")


def test_wrong_types_do_not_show_the_key() -> None:
    with pytest.raises(InvalidInput, match="temperature") as caught:
        QiniuLLM(model="m", api_key=KEY, temperature=KEY, max_retries="many")
    assert "max_retries" in str(caught.value)
    assert KEY not in f"{caught.value!s}{caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "model"),
        ({"model": "m", "replay_reasoning": "sometimes"}, "replay_reasoning"),
        ({"model": "m", "timeout": -1}, "timeout"),
        ({"model": "m", "max_retries": -1}, "max_retries"),
        ({"model": "m", "default_headers": {"a": "b\r\nc: d"}}, "default_headers"),
        ({"model": "m", "context_window": 0}, "context_window"),
        ({"model": "m", "stop": 5}, r"^stop: Input should be a valid string; stop: Input should be a valid list$"),
        ({"model": "m", "rate_limiter": 5}, "rate_limiter must have acquire and async_acquire; int has not"),
        ({"model": "m", "callback_manager": "all"}, "callback_manager must have event and on_event_start; str has not"),
    ],
)
def test_wrong_settings_are_told_at_once(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        QiniuLLM(api_key=KEY, **settings)


@pytest.mark.parametrize(
    ("model", "window", "output"),
    [("Qwen2.5-72B-Instruct", 32768, 8192), ("DeepSeek-R1", 131072, 32768), ("model-of-tomorrow", 32768, 4096)],
)
def test_metadata(model: str, window: int, output: int) -> None:
    metadata = SophNetLLM(model=model, api_key=KEY).metadata
    assert (metadata.context_window, metadata.num_output, metadata.model_name) == (window, output, model)
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model


def test_metadata_can_be_overridden() -> None:
    settings = {"model": "m", "api_key": KEY}
    llm = QiniuLLM(**settings, context_window=1000, is_function_calling_model=False)
    assert (llm.metadata.context_window, llm.metadata.num_output) == (1000, 250)
    assert llm.metadata.is_function_calling_model is False
    assert QiniuLLM(**settings, max_tokens=77).metadata.num_output == 77
    assert QiniuLLM(**settings, max_tokens=77, num_output=99).metadata.num_output == 99


@pytest.mark.parametrize("model", ["DeepSeek-R1", "Qwen3-32B", "GLM-4.6", "model-of-tomorrow"])
def test_prompts_fit_into_the_window(model: str) -> None:
    from llama_index.core.indices.prompt_helper import PromptHelper
    from llama_index.core.memory import ChatMemoryBuffer

    llm = SophNetLLM(model=model, api_key=KEY)
    helper = PromptHelper.from_llm_metadata(llm.metadata)
    assert helper._get_available_context_size(100) > 20_000
    assert ChatMemoryBuffer.from_defaults(llm=llm).token_limit > 20_000


def full(kind: type) -> Any:
    return kind(
        model="m",
        api_key=KEY,
        temperature=0.5,
        stop=["a"],
        extra_body={"a": 1},
        additional_kwargs={"user": "u"},
        default_headers={"x-secret": KEY},
        replay_reasoning="never",
        max_retries=1,
        timeout=9,
        system_prompt="Be brief.",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_dump_holds_the_key(kind: type) -> None:
    llm = full(kind)
    shown = [repr(llm), str(llm), str(llm.to_dict()), llm.to_json(), llm.model_dump_json(), str(llm.to_payload())]
    shown += [llm.json(), str(llm.dict()), str(llm.model_dump()), repr(llm.api_key), str(vars(llm)["api_key"])]
    assert not any(KEY in text for text in shown)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        without_headers = kind(model="m", api_key=KEY)
        assert KEY.encode() not in pickle.dumps(without_headers, protocol)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_comes_back(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = full(kind)
    dumps = [llm.to_dict(), json.loads(llm.to_json())]
    for dump in dumps:
        assert dump["class_name"] == kind.__name__
        with pytest.raises(ConfigurationError, match=VARIABLES[kind]):
            kind.from_dict(dump)
        given = kind.from_dict(dump, api_key="another")
        assert given.to_dict() == llm.to_dict()
        assert given.api_key.get_secret_value() == "another"
    monkeypatch.setenv(VARIABLES[kind], "of-the-environment")
    assert kind.from_dict(dumps[0]).api_key.get_secret_value() == "of-the-environment"
    assert kind.from_json(llm.to_json()).temperature == 0.5


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda llm: loaded_from(pickle.dumps(llm))])
@pytest.mark.parametrize("kind", KINDS)
def test_copies_ask_as_the_original(scripted: ScriptedServer, kind: type, copied: Any) -> None:
    scripted.script(json_reply(whole()))
    llm = kind(model="deepseek-v3", api_key=KEY, base_url=scripted.url, default_headers={"x-mine": "1"})
    llm.complete("before")
    twin = copied(llm)
    assert twin is not llm
    assert twin.complete("x").text == "好"
    assert asyncio.run(twin.acomplete("x")).text == "好"
    assert {seen.headers["authorization"] for seen in scripted.seen} == {f"Bearer {KEY}"}
    assert {seen.headers["x-mine"] for seen in scripted.seen} == {"1"}
    assert twin.to_dict() == llm.to_dict()


def test_a_pickle_without_its_key_takes_the_environments(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.script(json_reply(whole()))
    llm = QiniuLLM(model="deepseek-v3", api_key=KEY, base_url=scripted.url)
    dump = pickle.dumps(llm)
    del llm
    loaded = loaded_from(dump)
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        loaded.complete("x")
    loaded.api_key = "given-later"
    assert loaded.complete("x").text == "好"
    assert b"given-later" not in pickle.dumps(loaded)
    monkeypatch.setenv("QINIU_API_KEY", "of-the-environment")
    assert loaded_from(dump).complete("x").text == "好"
    assert [seen.headers["authorization"] for seen in scripted.seen] == [
        "Bearer given-later",
        "Bearer of-the-environment",
    ]


def test_another_process_takes_the_environments_key(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.script(json_reply(whole()))
    (tmp_path / "llm").write_bytes(pickle.dumps(QiniuLLM(model="deepseek-v3", api_key=KEY, base_url=scripted.url)))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).complete('x'))"
    sources = str(Path(__file__).parents[2] / "integrations")
    for environment, printed in (({}, ""), ({"QINIU_API_KEY": "of-the-environment"}, "好")):
        done = subprocess.run(  # noqa: S603 - our own text
            [sys.executable, "-c", code, str(tmp_path / "llm")],
            env={"PYTHONPATH": sources, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.strip() == printed
        assert ("QINIU_API_KEY" in done.stderr) is (not printed)
    assert [seen.headers["authorization"] for seen in scripted.seen] == ["Bearer of-the-environment"]


def complete(llm: Any) -> str:
    return str(llm.complete("x").text)


def test_workers_are_handed_the_key(scripted: ScriptedServer) -> None:
    scripted.script(json_reply(whole()))
    llm = QiniuLLM(model="deepseek-v3", api_key=KEY, base_url=scripted.url)
    llm.complete("before")
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert pool.map(complete, [llm, llm]) == ["好", "好"]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        assert executor.submit(complete, llm).result(60) == "好"
    assert {seen.headers["authorization"] for seen in scripted.seen} == {f"Bearer {KEY}"}


def test_an_ingestion_pipeline_with_two_workers(scripted: ScriptedServer) -> None:
    from llama_index.core.extractors import KeywordExtractor
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.schema import TextNode

    scripted.script(json_reply(whole("cloud, model")))
    llm = QiniuLLM(model="deepseek-v3", api_key=KEY, base_url=scripted.url)
    pipeline = IngestionPipeline(transformations=[KeywordExtractor(llm=llm, keywords=2)])
    nodes = [TextNode(text="one", id_="1"), TextNode(text="two", id_="2")]
    found = pipeline.run(nodes=nodes, num_workers=2)
    assert [node.metadata["excerpt_keywords"] for node in found] == ["cloud, model"] * 2
    assert {seen.headers["authorization"] for seen in scripted.seen} == {f"Bearer {KEY}"}
    assert len(scripted.seen) == 2


def test_pickling_leaves_the_original_whole() -> None:
    import httpx

    with httpx.Client() as client:
        llm = QiniuLLM(model="m", api_key=KEY, http_client=client)
        loaded = loaded_from(pickle.dumps(llm))
        assert llm.http_client is client
        assert loaded.http_client is None
        assert copy.deepcopy(llm).http_client is client


def test_a_copy_keeps_to_the_same_limit() -> None:
    limiter = TokenBucketRateLimiter(requests_per_minute=60)  # with a lock, which cannot be copied
    llm = QiniuLLM(model="m", api_key=KEY, rate_limiter=limiter)
    assert copy.deepcopy(llm).rate_limiter is limiter


def test_the_key_is_in_no_error(scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"error": {"message": f"bad key {KEY}", "code": KEY}}, 401))
    llm = QiniuLLM(model="deepseek-v3", api_key=KEY, base_url=scripted.url)
    with pytest.raises(AuthenticationFailed) as caught:
        llm.chat(user("x"))
    assert KEY not in f"{caught.value!s}{caught.value!r}{caught.value.code}{pickle.dumps(caught.value)!r}"


def test_transformations_hash_alike_whatever_the_key() -> None:
    from llama_index.core.extractors import TitleExtractor
    from llama_index.core.ingestion.pipeline import get_transformation_hash
    from llama_index.core.schema import TextNode

    node = TextNode(text="x", id_="1")
    hashes = {
        get_transformation_hash([node], TitleExtractor(llm=QiniuLLM(model="m", api_key=key))) for key in (KEY, "other")
    }
    assert len(hashes) == 1


def test_a_missing_framework_is_explained() -> None:
    code = (
        "import sys; sys.modules['llama_index'] = None\n"
        "try:\n    from maaskit.llama_index import QiniuLLM\n"
        "except ImportError as error:\n    print(type(error).__mro__[1].__name__, error)"
    )
    sources = str(Path(__file__).parents[2] / "integrations")
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", code], env={"PYTHONPATH": sources}, capture_output=True, text=True, check=True
    )
    assert 'pip install "maaskit[llama-index]"' in done.stdout
    assert done.stdout.startswith("ConfigurationError")


def test_the_room_opens_lazily_and_knows_no_langchain() -> None:
    code = (
        "import sys, maaskit.llama_index as face; assert 'llama_index.core' not in sys.modules\n"
        "face.QiniuLLM, face.SophNetLLM; names = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not names & {'langchain_core', 'langchain', 'websockets', 'openai'}, names\n"
        "try:\n    face.Nothing\nexcept AttributeError: print(dir(face))"
    )
    sources = str(Path(__file__).parents[2] / "integrations")
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", code], env={"PYTHONPATH": sources}, capture_output=True, text=True, check=True
    )
    assert "SophNetLLM" in done.stdout
