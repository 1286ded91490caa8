"""From files to answers with LlamaIndex: ingestion in worker processes, caches, indexes, query engines, images."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import llama_index.core
import pytest
from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.indices import MultiModalVectorStoreIndex
from llama_index.core.ingestion import DocstoreStrategy, IngestionCache, IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, ImageDocument, MetadataMode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.vector_stores import SimpleVectorStore
from PIL import Image

from maaskit.llama_index import (
    SophNetDocumentReader,
    SophNetEmbedding,
    SophNetLLM,
    SophNetMultiModalEmbedding,
    SophNetOCRReader,
)
from maaskit.sandbox import Sandbox
from tests.llama_index.clouds import KEY, VectorCloud
from tests.scripted import ScriptedServer

SAMPLES = Path(__file__).parents[2] / "cookbook" / "samples"
# A worker loads the splitter's encoding by its name: LlamaIndex has the file, but tells its workers not where.
ENCODINGS = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"
# What LlamaIndex's own agents do is warned of by libraries beneath them.
OF_AGENTS = [
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The `__fields:pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:pydantic.warnings.PydanticDeprecatedSince211"),
]
QUESTION = "去深圳出差，住宿费每晚最多可以报销多少元？"


def _of_agents(test: Any) -> Any:
    for mark in OF_AGENTS:
        test = mark(test)
    return test


@pytest.fixture
def connection(sandbox: Sandbox) -> dict[str, Any]:
    """Give the settings that lead to the sandbox; the environment, which workers would inherit, knows none of them."""
    return {
        "api_key": sandbox.api_key,
        "base_url": sandbox.sophnet_url,
        "project_id": sandbox.project_id,
        "easyllm_id": sandbox.easyllm_id,
    }


@pytest.fixture(scope="module")
def documents(running_sandbox: Sandbox) -> list[Document]:
    """Give what the sandbox reads in the samples: a scan and a real PDF."""
    connection = {"api_key": running_sandbox.api_key, "base_url": running_sandbox.sophnet_url}
    ids = {"project_id": running_sandbox.project_id, "easyllm_id": running_sandbox.easyllm_id}
    extractors = {".pdf": SophNetDocumentReader(**connection, **ids), ".jpg": SophNetOCRReader(**connection)}
    return SimpleDirectoryReader(str(SAMPLES), file_extractor=extractors, raise_on_error=True).load_data()


@pytest.fixture
def index(documents: list[Document], connection: dict[str, Any]) -> VectorStoreIndex:
    splitter = SentenceSplitter(chunk_size=256, chunk_overlap=32)
    return VectorStoreIndex.from_documents(
        documents, embed_model=SophNetEmbedding(**connection), transformations=[splitter]
    )


def llm(connection: dict[str, Any], **more: Any) -> SophNetLLM:
    return SophNetLLM(model="DeepSeek-v3", api_key=connection["api_key"], base_url=connection["base_url"], **more)


# --- ingestion -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # core's own way, from Python 3.12 on
@pytest.mark.parametrize("way", ["run", "arun"])
def test_two_workers_embed_and_the_cache_remembers(
    monkeypatch: pytest.MonkeyPatch, scripted: ScriptedServer, tmp_path: Path, way: str
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(ENCODINGS))
    cloud = VectorCloud(scripted)
    pipeline = IngestionPipeline(transformations=[SophNetEmbedding(**cloud.settings(dimensions=64))])

    def run() -> list[float]:
        nodes = [Document(text=str(number)) for number in range(30)]
        found = getattr(pipeline, way)(documents=nodes, num_workers=2)
        found = found if way == "run" else asyncio.run(found)
        return [node.embedding[0] for node in found]

    assert run() == [float(number) for number in range(30)]
    assert sum(cloud.sizes) == 30
    # The key went to the workers, in whose environment it is not.
    assert {seen.headers["authorization"] for seen in scripted.seen} == {f"Bearer {KEY}"}
    scripted.seen.clear()
    assert run() == [float(number) for number in range(30)]
    assert not scripted.seen
    pipeline.persist(str(tmp_path))
    assert KEY not in "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def test_a_cache_that_was_stored_is_found_again_with_another_key(scripted: ScriptedServer, tmp_path: Path) -> None:
    cloud = VectorCloud(scripted)
    nodes = [Document(text=str(number)) for number in range(12)]
    first = IngestionPipeline(transformations=[SophNetEmbedding(**cloud.settings(dimensions=64))])
    first.run(documents=nodes)
    first.cache.persist(str(tmp_path / "cache.json"))
    scripted.seen.clear()
    second = IngestionPipeline(
        transformations=[SophNetEmbedding(**cloud.settings(dimensions=64, api_key="another"))],
        cache=IngestionCache.from_persist_path(str(tmp_path / "cache.json")),
    )
    assert [node.embedding[0] for node in second.run(documents=nodes)] == [float(number) for number in range(12)]  # type: ignore[index]
    assert not scripted.seen
    third = IngestionPipeline(transformations=[SophNetEmbedding(**cloud.settings(dimensions=128))], cache=second.cache)
    third.run(documents=nodes)
    assert scripted.seen  # other vectors are other work


def test_what_is_read_again_replaces_what_was_stored(
    tmp_path: Path, connection: dict[str, Any], sandbox: Sandbox
) -> None:
    path = tmp_path / "rules.txt"
    reader = SophNetDocumentReader(**connection)
    store = SimpleVectorStore()
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=64, chunk_overlap=0), SophNetEmbedding(**connection)],
        docstore=SimpleDocumentStore(),
        vector_store=store,
        docstore_strategy=DocstoreStrategy.UPSERTS,
        disable_cache=True,
    )
    for text, run in (("Lunch is at noon.", True), ("Lunch is at noon.", False), ("Lunch is at one.", True)):
        path.write_text(text)
        assert bool(pipeline.run(documents=reader.load_data(path))) is run
        assert len(store.data.embedding_dict) == 1


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_query_engine_streams_an_answer_from_a_real_pdf(
    index: VectorStoreIndex, connection: dict[str, Any], way: str
) -> None:
    engine = index.as_query_engine(llm=llm(connection), streaming=True, similarity_top_k=4)

    async def main() -> tuple[list[str], Any]:
        answer = await engine.aquery(QUESTION)
        return [piece async for piece in answer.async_response_gen()], answer  # type: ignore[union-attr]

    if way == "async":
        pieces, answer = asyncio.run(main())
    else:
        answer = engine.query(QUESTION)
        pieces = list(answer.response_gen)
    assert len(pieces) > 3
    assert "650" in "".join(pieces)
    assert "procurement-and-travel-policy-2026.pdf" in {node.metadata["file_name"] for node in answer.source_nodes}


def test_an_index_is_built_and_asked_asynchronously(documents: list[Document], connection: dict[str, Any]) -> None:
    async def main() -> str:
        index = VectorStoreIndex(
            SentenceSplitter(chunk_size=256, chunk_overlap=32).get_nodes_from_documents(documents),
            embed_model=SophNetEmbedding(**connection, max_concurrency=2),
            use_async=True,
        )
        return str(await index.as_query_engine(llm=llm(connection)).aquery(QUESTION))

    assert "650" in asyncio.run(main())


def test_an_index_is_stored_without_the_key(
    index: VectorStoreIndex, connection: dict[str, Any], tmp_path: Path
) -> None:
    index.storage_context.persist(str(tmp_path))
    assert connection["api_key"] not in "".join(file.read_text() for file in tmp_path.iterdir())
    loaded = load_index_from_storage(
        StorageContext.from_defaults(persist_dir=str(tmp_path)), embed_model=SophNetEmbedding(**connection)
    )
    (best, *_) = loaded.as_retriever(similarity_top_k=2).retrieve("深圳 住宿 上限")
    assert "深圳" in best.get_content()


def test_blocks_of_a_scan_are_found_with_their_place(connection: dict[str, Any]) -> None:
    blocks = SophNetOCRReader(mode="blocks", **connection).load_data(SAMPLES / "delivery-note.jpg")
    index = VectorStoreIndex.from_documents(blocks, embed_model=SophNetEmbedding(**connection))
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("carton wet")
    assert "wet" in found.get_content()
    left, top, right, bottom = (float(number) for number in found.metadata["position"].split(","))
    assert left < right
    assert top < bottom


@_of_agents
def test_an_agent_answers_from_the_index(index: VectorStoreIndex, connection: dict[str, Any]) -> None:
    asked: list[str] = []

    async def search_documents(query: str) -> str:
        """检索公司文件：制度、价格、差旅、出差。Search the company's documents."""
        asked.append(query)
        found = await index.as_retriever(similarity_top_k=4).aretrieve(query)
        return "\n\n".join(node.get_content(MetadataMode.NONE) for node in found)

    tool = FunctionTool.from_defaults(async_fn=search_documents)
    agent = FunctionAgent(tools=[tool], llm=llm(connection), system_prompt="Search before you answer.")

    async def main() -> tuple[str, str]:
        handler = agent.run(QUESTION)
        streamed = ""
        async for event in handler.stream_events():
            if isinstance(event, ToolCallResult):
                streamed = ""
            elif isinstance(event, AgentStream):
                streamed += event.delta
        return streamed, str(await handler)

    streamed, answer = asyncio.run(main())
    assert asked
    assert "650" in answer
    assert streamed == answer


@_of_agents
def test_an_agent_asks_a_query_engine(index: VectorStoreIndex, connection: dict[str, Any]) -> None:
    engine = index.as_query_engine(llm=llm(connection), similarity_top_k=4)
    tool = QueryEngineTool.from_defaults(engine, name="handbook", description="差旅 出差 住宿 报销 handbook rules")
    answer = asyncio.run(_run(FunctionAgent(tools=[tool], llm=llm(connection), streaming=False), QUESTION))
    assert "650" in answer


async def _run(agent: FunctionAgent, question: str) -> str:
    return str(await agent.run(question))


# --- images --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_image_is_found_by_text(connection: dict[str, Any], tmp_path: Path, way: str) -> None:
    colours = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 60, 220)}
    for name, colour in colours.items():
        Image.new("RGB", (48, 48), colour).save(tmp_path / f"{name}.png")
    images = [ImageDocument(image_path=str(tmp_path / f"{name}.png"), metadata={"name": name}) for name in colours]
    index = MultiModalVectorStoreIndex.from_documents(
        images,
        embed_model=SophNetEmbedding(**connection),
        image_embed_model=SophNetMultiModalEmbedding(dimensions=512, **connection),
    )
    retriever = index.as_retriever(image_similarity_top_k=1, similarity_top_k=1)
    for name in colours:
        if way == "sync":
            (found,) = retriever.text_to_image_retrieve(f"a {name} picture")
        else:
            (found,) = asyncio.run(retriever.atext_to_image_retrieve(f"a {name} picture"))
        assert found.metadata["name"] == name


# --- what is seen of it --------------------------------------------------------------------------------------------


class Keeper(BaseEventHandler):
    """Keep all events as JSON."""

    kept: list[str] = []  # noqa: RUF012 - a pydantic field

    @classmethod
    def class_name(cls) -> str:
        return "Keeper"

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.kept.append(json.dumps(event.model_dump(), default=str))


def test_no_event_span_or_callback_shows_the_key(
    index: VectorStoreIndex, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, spans, debug = Keeper(), SimpleSpanHandler(), LlamaDebugHandler(print_trace_on_end=False)
    counter = TokenCountingHandler()
    root = get_dispatcher()
    root.add_event_handler(keeper)
    root.add_span_handler(spans)
    manager = CallbackManager([debug, counter])
    monkeypatch.setattr(Settings, "_callback_manager", manager)  # a query engine gives it to its LLM
    try:
        model = SophNetEmbedding(**connection, callback_manager=manager, default_headers={"X-S": "a-secret-header"})
        engine = VectorStoreIndex(
            list(index.docstore.docs.values())[:3], embed_model=model, callback_manager=manager
        ).as_query_engine(llm=llm(connection, callback_manager=manager))
        engine.query(QUESTION)
    finally:
        root.event_handlers.remove(keeper)
        root.span_handlers.remove(spans)
    shown = "".join(keeper.kept) + str(spans.completed_spans) + str(debug.get_event_pairs())
    assert "EmbeddingEndEvent" in shown
    assert "LLMChatEndEvent" in shown
    assert connection["api_key"] not in shown
    assert "a-secret-header" not in shown
    assert counter.total_embedding_token_count > 0
    assert counter.total_llm_token_count > 0


def test_global_settings_take_them(connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_embed_model", None)
    monkeypatch.setattr(Settings, "_llm", None)
    Settings.embed_model = SophNetEmbedding(**connection)
    Settings.llm = llm(connection)
    index = VectorStoreIndex.from_documents([Document(text="The canteen opens at seven o'clock.")])
    assert "seven" in str(index.as_query_engine().query("When does the canteen open?"))
