"""SophNet's embeddings: the document's samples, its limits, and what an answer must hold."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maaskit import ConfigurationError, InvalidInput, MaasError, Media, RateLimited, UnexpectedAnswer
from maaskit.sophnet.embeddings import Embedded, EmbeddingsUsage, batches, embed
from maaskit.wire import Call, Chore, Flow, Response
from tests.proportion import MOST, growth
from tests.scripted import ScriptedServer, json_reply

Send = Callable[..., Any]

# The third image of the document's second sample.
PNG_BASE64 = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAA4CAIAAABhUg/jAAAAMklEQVR4nO3MQREAMAgAoLkoFreTiSzhy4MARGe9bX99lEqlUqlUKpVKpVKp"
    "VCqVHksHaBwCA2cPf0cAAAAASUVORK5CYII="
)
PNG = base64.b64decode(PNG_BASE64)


def answer(*vectors: Any, indexes: Any = None, **fields: Any) -> dict[str, Any]:
    """Write an answer as the document's sample does."""
    numbers = range(len(vectors)) if indexes is None else indexes
    data = [
        {"embedding": vector, "index": number, "object": "embedding"}
        for number, vector in zip(numbers, vectors, strict=True)
    ]
    usage = {
        "prompt_tokens": 4,
        "completion_tokens": None,
        "total_tokens": 4,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }
    return {"id": "", "object": "list", "usage": usage, "data": data} | fields


def vector(first: float, length: int = 64) -> list[float]:
    return [first, *[0.5] * (length - 1)]


def read(value: Any, texts: int = 1, dimensions: int = 64) -> Embedded:
    call = embed(["x"] * texts, dimensions=dimensions)
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return call.read(Response(200, {"content-type": "application/json"}, body, "/embeddings"))


# --- the request ---------------------------------------------------------------------------------------------------


def test_the_first_sample_goes_out_as_documented(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(answer(vector(-0.08, 1024), vector(-0.05, 1024))))
    embedded = send(embed(["你好", "很高兴认识你"]))
    (seen,) = scripted.seen
    assert (seen.method, seen.path) == ("POST", "/projects/P1/easyllms/embeddings")
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {
        "model": "text-embeddings",
        "easyllm_id": "E1",
        "input_texts": ["你好", "很高兴认识你"],
        "dimensions": 1024,
    }
    assert [each[0] for each in embedded.vectors] == [-0.08, -0.05]
    assert embedded.usage == EmbeddingsUsage(4, 4, answer()["usage"])
    assert embedded.id is None


def test_the_second_sample_goes_out_as_documented(send: Send, scripted: ScriptedServer) -> None:
    images = ["https://i.ibb.co/nQNGqL0/1beach1.jpg", "https://i.ibb.co/r5w8hG8/beach2.jpg", PNG_BASE64]
    # The sample's answer has no id.
    good = answer(*[vector(float(number), 1024) for number in range(4)], id=None)
    scripted.script(json_reply(good))
    embedded = send(embed(["海滩上美丽的日落"], images, "clip-embeddings", 1024))
    assert scripted.seen[0].json == {
        "model": "clip-embeddings",
        "easyllm_id": "E1",
        "input_texts": ["海滩上美丽的日落"],
        "input_images": images,
        "dimensions": 1024,
    }
    assert [each[0] for each in embedded.vectors] == [0, 1, 2, 3]


def test_every_form_of_an_image_becomes_raw_base64(tmp_path: Path) -> None:
    path = tmp_path / "海 滩.png"
    path.write_bytes(PNG)
    forms = [path, str(path), PNG, bytearray(PNG), io.BytesIO(PNG), Media(data=PNG), Media(path=path), PNG_BASE64]
    call = embed((), [*forms, f"data:image/png;base64,{PNG_BASE64}"], "clip-embeddings")
    assert call.request.json["input_images"] == [PNG_BASE64] * 9
    assert call.request.json["input_texts"] == []


def test_optional_fields_go_along_only_when_set(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(answer(vector(1.0, 70))))
    send(
        embed(
            ["x"],
            model="clip-embeddings",
            dimensions=70,
            normalized=False,
            encoding_type="float",
            easyllm_id="mine",
            extra_body={"truncate": True},
        )
    )
    assert scripted.seen[0].json == {
        "model": "clip-embeddings",
        "easyllm_id": "mine",
        "input_texts": ["x"],
        "dimensions": 70,
        "normalized": False,
        "encoding_type": "float",
        "truncate": True,
    }


@pytest.mark.parametrize(
    ("missing", "variable"), [("project_id", "SOPHNET_PROJECT_ID"), ("easyllm_id", "SOPHNET_EMBEDDINGS_EASYLLM_ID")]
)
def test_a_missing_id_is_named_before_anything_is_sent(
    send: Send, scripted: ScriptedServer, missing: str, variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        send(embed(["x"]), **{missing: None})
    assert not scripted.seen


def test_the_services_own_id_goes_first(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(answer(vector(1.0))))
    send(embed(["x"], dimensions=64), embeddings_easyllm_id="own")
    assert scripted.seen[0].json["easyllm_id"] == "own"


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "allowed", "denied"),
    [
        ("text-embeddings", [1024, 768, 512, 256, 128, 64], [0, 63, 100, 1000, 1536, 2048]),
        ("clip-embeddings", [64, 65, 1000, 1024], [63, 1025]),
        ("bge-m3", [1024], [64, 512, 1023]),
        ("a-new-model", [1, 4096], [0, -1]),
    ],
)
def test_dimensions_are_the_models(model: str, allowed: list[int], denied: list[int]) -> None:
    for dimensions in allowed:
        assert embed(["x"], model=model, dimensions=dimensions).request.json["dimensions"] == dimensions
    for dimensions in denied:
        with pytest.raises(InvalidInput, match="dimensions"):
            embed(["x"], model=model, dimensions=dimensions)


@pytest.mark.parametrize("dimensions", ["1024", 1024.0, True, None])
def test_dimensions_are_an_int(dimensions: Any) -> None:
    with pytest.raises(InvalidInput, match="dimensions must be an int"):
        embed(["x"], dimensions=dimensions)


@pytest.mark.parametrize(("model", "limit"), [("text-embeddings", 10), ("bge-m3", 1)])
def test_the_number_of_texts_is_the_models(model: str, limit: int) -> None:
    assert embed(["x"] * limit, model=model).request.json["input_texts"] == ["x"] * limit
    texts = "text" if limit == 1 else "texts"
    with pytest.raises(InvalidInput, match=f"at most {limit} {texts} in one request, not {limit + 1}; .*batches"):
        embed(["x"] * (limit + 1), model=model)


def test_a_model_without_documented_number_takes_any() -> None:
    assert len(embed(["x"] * 50, model="clip-embeddings").request.json["input_texts"]) == 50


@pytest.mark.parametrize(
    "arguments",
    [
        {"images": [PNG]},
        {"images": [PNG], "model": "bge-m3"},
        {"normalized": True},
        {"encoding_type": "base64"},
        {"normalized": True, "model": "bge-m3"},
    ],
)
def test_what_only_clip_takes_is_refused_for_others(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="clip-embeddings"):
        embed(["x"], **arguments)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "texts is empty"),
        (["a", ""], r"texts\[1\] is empty"),
        (["a", 7], r"texts\[1\] must be a string, not int"),
        (["a", None], r"texts\[1\] must be a string"),
        ("a text", "texts must be a list"),
        (b"a text", "texts must be a list"),
        (None, "texts must be a list"),
        (iter(["a"]), "texts must be a list"),
    ],
)
def test_texts_that_cannot_be_embedded_are_named(texts: Any, said: str) -> None:
    for function in (embed, batches):
        with pytest.raises(InvalidInput, match=said):
            function(texts)


def test_white_space_is_the_services_to_judge() -> None:
    assert embed([" \n"]).request.json["input_texts"] == [" \n"]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (b"", r"images\[1\] is empty"),
        (b"%PDF-1.7", r"images\[1\] is application/pdf"),
        ("no-such-picture.png", r"images\[1\]: there is no file"),
        ("ftp://example.com/a.png", r"images\[1\] must be an http"),
        (7, r"images\[1\] must be bytes"),
        (Media(path=Path("no-such-picture.png")), "there is no file"),
    ],
)
def test_images_that_cannot_be_embedded_are_named(image: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        embed((), [PNG, image], "clip-embeddings")


def test_an_image_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(30 * 1024 * 1024 + 1)
    with pytest.raises(InvalidInput, match=r"images\[0\] has 31457281 bytes"):
        embed((), [path], "clip-embeddings")


@pytest.mark.parametrize(
    "arguments", [{"model": ""}, {"model": None}, {"normalized": 1}, {"encoding_type": 1}, {"extra_body": 7}]
)
def test_wrong_types_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        embed(["x"], **{"model": "clip-embeddings", **arguments})


# --- batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "chunk_size", "sizes"),
    [
        ("text-embeddings", None, [10, 10, 3]),
        ("text-embeddings", 100, [10, 10, 3]),
        ("text-embeddings", 8, [8, 8, 7]),
        ("bge-m3", None, [1] * 23),
        ("bge-m3", 5, [1] * 23),
        ("clip-embeddings", None, [10, 10, 3]),
        ("clip-embeddings", 20, [20, 3]),
    ],
)
def test_texts_are_split_by_the_models_limit(model: str, chunk_size: int | None, sizes: list[int]) -> None:
    texts = [str(number) for number in range(23)]
    sent = [call.request.json["input_texts"] for call in batches(texts, model=model, chunk_size=chunk_size)]
    assert [len(part) for part in sent] == sizes
    assert [text for part in sent for text in part] == texts


def made(question: Call[Embedded] | Flow[Embedded]) -> Call[Embedded]:
    """Give the call, which a flow makes as its first step."""
    if isinstance(question, Call):
        return question
    chore = next(question.steps())
    assert isinstance(chore, Chore)
    call = chore.work()
    assert isinstance(call, Call)
    return call


def test_images_follow_the_texts() -> None:
    questions = batches(["a"], [PNG] * 6, "clip-embeddings", 64, normalized=True, extra_body={"e": 1})
    bodies = [made(question).request.json for question in questions]
    assert [body["input_texts"] for body in bodies] == [["a"], [], []]
    assert [len(body.get("input_images", [])) for body in bodies] == [0, 4, 2]
    assert all(body["normalized"] and body["e"] == 1 for body in bodies)


def test_everything_is_checked_before_the_first_batch_is_made() -> None:
    with pytest.raises(InvalidInput, match=r"texts\[27\]"):
        batches([*["x"] * 27, ""])
    with pytest.raises(InvalidInput, match=r"images\[7\]"):
        batches((), [*[PNG] * 7, b"%PDF-1.7"], "clip-embeddings")
    for chunk_size in (0, -1, 1.5, True):
        with pytest.raises(InvalidInput, match="chunk_size"):
            batches(["x"], chunk_size=chunk_size)  # type: ignore[arg-type]


def test_files_are_read_when_the_turn_of_their_batch_has_come(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        path.write_bytes(PNG)
    _, last = batches((), paths, "clip-embeddings")
    paths[7].write_bytes(PNG + b"!")
    assert base64.b64decode(made(last).request.json["input_images"][3]) == PNG + b"!"


# --- the answer ----------------------------------------------------------------------------------------------------


def test_vectors_are_ordered_by_index(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply(answer(vector(2.0), vector(0.0), vector(1.0), indexes=[2, 0, 1])))
    embedded = send(embed(["a", "b", "c"], dimensions=64))
    assert [each[0] for each in embedded.vectors] == [0.0, 1.0, 2.0]


def test_without_any_index_they_stay_as_they_came() -> None:
    assert [each[0] for each in read(answer(vector(3), vector(1), indexes=[None, None]), 2).vectors] == [3.0, 1.0]


@pytest.mark.parametrize("indexes", [[0, 0], [0, 2], [1, 2], [0, None], ["0", "1"], [0, True], [0.0, 1.0]])
def test_indexes_that_do_not_number_are_an_error(indexes: list[Any]) -> None:
    with pytest.raises(UnexpectedAnswer, match="number"):
        read(answer(vector(0), vector(1), indexes=indexes), 2)


def test_whole_numbers_are_floats_too() -> None:
    found = read(answer([1, 0] * 32)).vectors[0]
    assert found == [1.0, 0.0] * 32
    assert {type(number) for number in found} == {float}


def test_base64_of_float32_is_read() -> None:
    numbers = [0.25 * number for number in range(64)]
    assert read(answer(base64.b64encode(struct.pack("<64f", *numbers)).decode())).vectors == [numbers]


@pytest.mark.parametrize(
    ("vector_", "said"),
    [
        (vector(0.0, 63), "has 63 numbers where dimensions=64"),
        (vector(0.0, 65), "has 65 numbers where dimensions=64"),
        ([], "has 0 numbers"),
        (None, "is no list"),
        ({"0": 1.0}, "is no list"),
        (["0.1"] * 64, "other than numbers"),
        ([None] * 64, "other than numbers"),
        ([True] * 64, "other than numbers"),
        ([10**400, *[0] * 63], "not finite"),
        ("not base64!", "not base64"),
        (base64.b64encode(b"12345").decode(), "not base64 of float32"),
        (base64.b64encode(struct.pack("<64f", *[float("nan")] * 64)).decode(), "not finite"),
    ],
)
def test_a_vector_that_is_none_is_an_error(vector_: Any, said: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=said):
        read(answer(vector_))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_an_error(word: str) -> None:
    body = json.dumps(answer(["X", *[0.0] * 63])).replace('"X"', word).encode()
    with pytest.raises(UnexpectedAnswer):
        read(body)


@pytest.mark.parametrize(
    "value",
    [answer(), answer(vector(0), vector(1)), {"data": None}, {"data": {}}, {"data": ["x"]}, {}, [], "x", b"<html>"],
)
def test_an_answer_without_the_vectors_is_an_error(value: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(value)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 20008, "completion_tokens": None, "total_tokens": 20008}, (20008, 20008)),
        ({"total_tokens": 7}, (7, 7)),
        ({"prompt_tokens": 7, "total_tokens": None}, (7, 7)),
        ({}, None),
        (None, None),
        ("many", None),
    ],
)
def test_usage_is_read_when_it_is_there(usage: Any, expected: tuple[int, int] | None) -> None:
    found = read(answer(vector(0), usage=usage)).usage
    assert (found and (found.input_tokens, found.total_tokens)) == expected


def test_an_id_is_optional() -> None:
    assert read(answer(vector(0), id="abc")).id == "abc"
    without = answer(vector(0))
    del without["id"]
    assert read(without).id is None


def test_a_refusal_under_http_200_is_an_error(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"status": 10005, "message": "余额不足", "result": None, "timestamp": 1765420402078}))
    with pytest.raises(MaasError, match="余额不足"):
        send(embed(["x"]))


def test_a_busy_service_is_asked_again(send: Send, scripted: ScriptedServer) -> None:
    scripted.script(json_reply({"message": "slow down"}, 429), json_reply(answer(vector(1.0))))
    assert send(embed(["x"], dimensions=64)).vectors[0][0] == 1.0
    scripted.script(json_reply({"message": "slow down"}, 429))
    with pytest.raises(RateLimited):
        send(embed(["x"], dimensions=64))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["data", "embedding", "index", "usage", "id", "status"]), inner)
        ),
        max_leaves=20,
    )
)
def test_any_answer_is_vectors_or_an_error_of_ours(value: Any) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    call = embed(["x"], model="m", dimensions=1)
    try:
        found = call.read(Response(200, {}, body, "/"))
    except MaasError:
        return
    assert len(found.vectors) == 1
    assert len(found.vectors[0]) == 1


def test_a_long_text_that_is_nearly_base64_is_refused_quickly() -> None:
    def refuse(size: int) -> None:
        with pytest.raises(InvalidInput, match="images"):
            embed([], ["A" * 64 + " " * size + "!"], model="clip-embeddings")

    assert growth(refuse, 30_000) < MOST
    assert embed([], [f"  {PNG_BASE64}\n\n"], model="clip-embeddings").request.json["input_images"] == [PNG_BASE64]
