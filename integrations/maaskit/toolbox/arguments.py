"""What a model fills in when it calls a tool: one small schema for each kind, and how a wrong call is explained to it.

What a tool does with its arguments stands in ``qiniu_tools`` and ``sophnet_tools``; the services' limits stand with
their endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import pydantic_core
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import override

from maaskit.errors import InvalidInput

_SHOWN_CHARS = 60
_SHOWN_FAULTS = 8
_MAX_SEED = 2**32 - 1


def _unset(value: Any) -> Any:
    """Take an empty text for an argument that is left out: models like to fill in every field."""
    return None if isinstance(value, str) and value.strip().lower() in ("", "null", "none") else value


def _size(value: Any) -> Any:
    """Read ``1328x1328`` and its kin as the document's ``1328*1328``."""
    value = _unset(value)
    return re.sub(r"\s*[xX×*]\s*", "*", value.strip()) if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """Read ``"5"``, ``"5s"`` and ``5.0`` as 5."""
    value = _unset(value)
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d{1,12})(?:\.0+)?\s*(?:s|seconds?|秒)?\s*", value)):
        return int(found[1])
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _several(value: Any) -> Any:
    """Read one image as a list of one, and a list that was written as text."""
    if not isinstance(value, str):
        return value
    with suppress(ValueError):
        found = pydantic_core.from_json(value) if value.lstrip().startswith("[") else None
        if isinstance(found, list):
            return found
    return [value]


Text: TypeAlias = Annotated[str, Field(min_length=1)]
Maybe: TypeAlias = Annotated[str | None, BeforeValidator(_unset)]
Seed: TypeAlias = Annotated[Annotated[int, Field(ge=0, le=_MAX_SEED)] | None, BeforeValidator(_whole)]
QwenSize: TypeAlias = Literal["1328*1328", "1664*928", "928*1664", "1472*1104", "1104*1472", "1056*1584"]
ZImageSize: TypeAlias = Literal["1024*1024", "1024*768", "768*1024"]
VideoSize: TypeAlias = Literal[
    "832*480",
    "480*832",
    "640*640",
    "1280*720",
    "720*1280",
    "960*960",
    "1088*832",
    "832*1088",
    "1920*1080",
    "1080*1920",
    "1440*1440",
    "1632*1248",
    "1248*1632",
]

_WHERE = "an http or https URL, or the path of a file in the working folder"
_PROMPT = "What it shows, in Chinese or English, e.g. 海边日落 or a cat running over grass."
_SEED = "A whole number; the same seed and words give the same picture again. Leave it out for chance."


class Arguments(BaseModel):
    """Be the arguments of one call; what is invented is refused, so that the model learns of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    @classmethod
    @override
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Give the JSON schema; the usual one is made once, because agents ask for it at every step."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else deepcopy(_usual_schema(cls))

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say to a model what it needs, in the simplest words of JSON schema: some models refuse unions with null."""
        told = handler.resolve_ref_schema(handler(core))
        properties = {name: _plain(field) for name, field in told["properties"].items()}
        return {"type": "object", "properties": properties, "required": told.get("required", [])}


class SpeechArguments(Arguments):
    """Speak a text."""

    text: Text = Field(description="What to say, in Chinese or English, e.g. 今天有雨 or Your order has arrived.")
    voice: Maybe = Field(default=None, description="Name of a voice, only if the user names one.")


class TranscriptionArguments(Arguments):
    """Write down what a recording says."""

    audio: Text = Field(description=f"The recording: {_WHERE}, e.g. 会议.wav or https://example.com/talk.mp3.")


class OCRArguments(Arguments):
    """Read the text in a picture."""

    image: Text = Field(description=f"The picture: {_WHERE}, e.g. 发票.jpg or https://example.com/scan.png.")


class DocumentArguments(Arguments):
    """Read a document."""

    document: Text = Field(
        description=f"The document (pdf, docx, doc, xlsx, txt, pptx): {_WHERE}, e.g. 合同.pdf or "
        "https://example.com/report.docx."
    )


class ImageArguments(Arguments):
    """Draw a picture, with any model."""

    prompt: Text = Field(description=_PROMPT)
    negative_prompt: Maybe = Field(default=None, description="What it must not show, e.g. 文字, blurred.")
    size: Annotated[str | None, BeforeValidator(_size)] = Field(default=None, description="Width*height in pixels.")
    seed: Seed = Field(default=None, description=_SEED)


class QwenImageArguments(ImageArguments):
    """Draw a picture with qwen-image."""

    size: Annotated[QwenSize | None, BeforeValidator(_size)] = Field(
        default=None, description="Width*height in pixels; 1328*1328 if left out."
    )


class ZImageArguments(Arguments):
    """Draw a picture with z-image-turbo, which takes no negative prompt."""

    prompt: Text = Field(description=_PROMPT)
    size: Annotated[ZImageSize | None, BeforeValidator(_size)] = Field(
        default=None, description="Width*height in pixels; 1024*1024 if left out."
    )
    seed: Seed = Field(default=None, description=_SEED)


class ImageEditArguments(Arguments):
    """Change pictures."""

    prompt: Text = Field(description="What to change, in Chinese or English, e.g. 把背景换成雪山 or make the car red.")
    images: Annotated[list[Text], BeforeValidator(_several)] = Field(
        min_length=1, max_length=16, description=f"The pictures to work on, each {_WHERE}."
    )


class VideoArguments(Arguments):
    """Make a short video."""

    prompt: Text = Field(description=_PROMPT)
    image: Maybe = Field(default=None, description=f"A picture that the video begins with: {_WHERE}.")
    size: Annotated[VideoSize | None, BeforeValidator(_size)] = Field(
        default=None, description="Width*height in pixels, e.g. 1280*720."
    )
    duration: Annotated[Literal[1, 5] | None, BeforeValidator(_whole)] = Field(
        default=None, description="Length in seconds: 1 or 5."
    )
    seed: Seed = Field(default=None, description=_SEED)


@cache
def _usual_schema(arguments: type[Arguments]) -> dict[str, Any]:
    return arguments.model_json_schema(by_alias=True)


def _plain(field: JsonSchemaValue) -> JsonSchemaValue:
    """Describe an argument that may be left out as what it is when it is not: that is said by ``required``."""
    told = {key: value for key, value in field.items() if key != "title" and (key, value) != ("default", None)}
    either = told.pop("anyOf", [])
    return {**next((one for one in either if one != {"type": "null"}), {}), **told}


A = TypeVar("A", bound=BaseModel)


def checked(arguments: Mapping[str, Any], schema: type[A], name: str) -> A:
    """Check what a model filled in.

    Args:
        arguments: The arguments.
        schema: What they must be.
        name: The tool's name, for the message.

    Returns:
        The arguments, read.

    Raises:
        InvalidInput: One is wrong, missing or invented; the message says how to call again.
    """
    try:
        return schema.model_validate(dict(arguments))
    except ValidationError as error:
        raise InvalidInput(explained(error, schema, name)) from None


def explained(error: ValidationError, schema: type[BaseModel], name: str) -> str:
    """Say to a model what was wrong with its call, and how to repair it.

    Args:
        error: Pydantic's refusal.
        schema: What the arguments must be.
        name: The tool's name.

    Returns:
        A few sentences.
    """
    faults = list(dict.fromkeys(_fault(fault) for fault in error.errors(include_url=False, include_context=True)))
    if len(faults) > _SHOWN_FAULTS:
        faults[_SHOWN_FAULTS:] = [f"and {len(faults) - _SHOWN_FAULTS} more of the kind"]
    names = (f"{key} (required)" if field.is_required() else key for key, field in schema.model_fields.items())
    return f"{name} was not called: {'; '.join(faults)}. Its arguments are {', '.join(names)}. Call it again."


def _fault(fault: Any) -> str:
    where = ".".join(_shortened(str(part)) for part in fault["loc"]) or "the arguments"
    if fault["type"] == "extra_forbidden":
        return f"there is no argument {where}"
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "string_too_short":
        return f"{where} must be a text that is not empty"
    if fault["type"] == "literal_error":
        return f"{where} must be one of {fault['ctx']['expected']}, not {_shown(fault['input'])}"
    told = fault["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{where} {told}, not {_shown(fault['input'])}"


def _shown(value: Any) -> str:
    return _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
