"""What a model fills in: what is meant is understood, and what is wrong is explained so that it can be repaired."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from maaskit import InvalidInput
from maaskit.sophnet import images, videos
from maaskit.toolbox.arguments import (
    Arguments,
    ImageArguments,
    ImageEditArguments,
    OCRArguments,
    QwenImageArguments,
    QwenSize,
    SpeechArguments,
    VideoArguments,
    VideoSize,
    ZImageArguments,
    ZImageSize,
    checked,
)


@pytest.mark.parametrize(
    ("schema", "arguments", "read"),
    [
        (QwenImageArguments, {"size": "1664x928"}, {"size": "1664*928"}),
        (QwenImageArguments, {"size": " 1664 × 928 "}, {"size": "1664*928"}),
        (QwenImageArguments, {"size": "", "negative_prompt": "", "seed": ""}, {"size": None, "seed": None}),
        (QwenImageArguments, {"size": None, "seed": "null"}, {"size": None, "seed": None}),
        (QwenImageArguments, {"seed": "42"}, {"seed": 42}),
        (QwenImageArguments, {"seed": 42.0}, {"seed": 42}),
        (ImageArguments, {"size": "999x999"}, {"size": "999*999"}),
        (VideoArguments, {"duration": "5"}, {"duration": 5}),
        (VideoArguments, {"duration": "5s"}, {"duration": 5}),
        (VideoArguments, {"duration": "1 秒"}, {"duration": 1}),
        (VideoArguments, {"duration": 5.0}, {"duration": 5}),
        (VideoArguments, {"image": " "}, {"image": None}),
        (ImageEditArguments, {"images": "a.png"}, {"images": ["a.png"]}),
        (ImageEditArguments, {"images": '["a.png", "b.png"]'}, {"images": ["a.png", "b.png"]}),
        (ImageEditArguments, {"images": "[draft].png"}, {"images": ["[draft].png"]}),
        (ImageEditArguments, {"images": ["a.png", "b.png"]}, {"images": ["a.png", "b.png"]}),
    ],
)
def test_what_is_meant_is_understood(schema: type[Arguments], arguments: dict[str, Any], read: dict[str, Any]) -> None:
    found = checked({"prompt": "猫", **arguments}, schema, "a_tool")
    assert {name: getattr(found, name) for name in read} == read


@pytest.mark.parametrize(
    ("schema", "arguments", "told"),
    [
        (SpeechArguments, {}, ["text is missing", "text (required), voice"]),
        (SpeechArguments, {"text": "  "}, ["text must be a text that is not empty"]),
        (SpeechArguments, {"text": 5}, ["text should be a valid string, not 5"]),
        (SpeechArguments, {"text": ["a"]}, ["text should be a valid string, not ['a']"]),
        (SpeechArguments, {"text": "a", "mood": "x"}, ["there is no argument mood"]),
        (OCRArguments, {"file": "a.png"}, ["image is missing", "there is no argument file", "image (required)"]),
        (QwenImageArguments, {"prompt": "猫", "size": "2000*2000"}, ["size must be one of '1328*1328'", "'2000*2000'"]),
        (QwenImageArguments, {"prompt": "猫", "seed": -1}, ["seed should be greater than or equal to 0, not -1"]),
        (QwenImageArguments, {"prompt": "猫", "seed": "many"}, ["seed should be a valid integer"]),
        (ZImageArguments, {"prompt": "猫", "negative_prompt": "狗"}, ["there is no argument negative_prompt"]),
        (VideoArguments, {"prompt": "猫", "duration": 3}, ["duration must be one of 1 or 5, not 3"]),
        (VideoArguments, {"prompt": "猫", "size": "big"}, ["size must be one of '832*480'", "not 'big'"]),
        (ImageEditArguments, {"prompt": "猫", "images": []}, ["images"]),
        (ImageEditArguments, {"prompt": "猫", "images": [1]}, ["images.0 should be a valid string, not 1"]),
        (ImageEditArguments, {"prompt": "猫", "images": ["a"] * 17}, ["images", "16"]),
    ],
)
def test_what_is_wrong_is_explained(schema: type[Arguments], arguments: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(arguments, schema, "a_tool")
    message = str(caught.value)
    assert message.startswith("a_tool was not called: ")
    assert message.endswith("Call it again.")
    assert all(part in message for part in told), message
    assert "pydantic" not in message


def test_a_long_wrong_value_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidInput) as caught:
        checked({"prompt": "猫", "size": "9" * 10_000}, QwenImageArguments, "a_tool")
    assert len(str(caught.value)) < 1000


def test_the_sizes_are_the_endpoints_own() -> None:
    assert get_args(QwenSize) == images.SIZES["qwen-image"]
    assert get_args(ZImageSize) == images.SIZES["z-image-turbo"]
    assert get_args(VideoSize) == videos.SIZES[videos.TEXT_MODEL] == videos.SIZES[videos.IMAGE_MODEL]


@pytest.mark.parametrize(
    "schema",
    [
        cls
        for cls in vars(__import__("maaskit.toolbox.arguments", fromlist=["x"])).values()
        if isinstance(cls, type) and issubclass(cls, Arguments) and cls is not Arguments
    ],
)
def test_every_argument_is_described_in_plain_words(schema: type[Arguments]) -> None:
    described = schema.model_json_schema()
    assert set(described) == {"type", "properties", "required"}
    assert set(described["required"]) == {name for name, one in schema.model_fields.items() if one.is_required()}
    for name, one in described["properties"].items():
        assert 10 < len(one["description"]) < 200, name
        assert one["type"] in ("string", "integer", "array"), name  # no union, least of all with null


def test_what_may_be_left_out_may_be_null_all_the_same() -> None:
    assert VideoArguments.model_json_schema()["properties"]["duration"] == {
        "description": "Length in seconds: 1 or 5.",
        "type": "integer",
        "enum": [1, 5],
    }
    assert checked({"prompt": "猫", "duration": None, "size": None}, VideoArguments, "a_tool").duration is None


def test_a_schema_that_is_changed_is_nobody_else_s() -> None:
    VideoArguments.model_json_schema()["properties"].clear()
    assert set(VideoArguments.model_json_schema()["properties"]) == set(VideoArguments.model_fields)
    assert VideoArguments.model_json_schema() == VideoArguments.model_json_schema(mode="validation")


@pytest.mark.parametrize("invented", [{f"x{number}": number for number in range(2000)}, {"y" * 100_000: 1}])
def test_many_or_long_inventions_are_not_repeated_whole(invented: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="there is no argument") as raised:
        checked(invented, SpeechArguments, "a_tool")
    assert len(str(raised.value)) < 500
