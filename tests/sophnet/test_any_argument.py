"""Any value for any argument: it is taken, or refused by an error of ours that is short, before anything is sent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest

from maaskit import InvalidInput, MaasError, Media, SophNet, image_editing
from maaskit.sophnet import (
    images,
    speech,
    speech_chat,
    spoken_chat,
    transcription,
    transcription_stream,
    videos,
    voices,
)
from tests.recordings import wav_head

WAV = wav_head(3200) + bytes(3200)
LONG = "a" * 100_000
NOBODY = "\ud800"
ANY: list[Any] = [
    *(None, True, False, math.nan, math.inf, -math.inf, -1, 0, 10**400, 2**63, 1.5, 1j, range(3)),
    *(
        "",
        " ",
        "\x00",
        LONG,
        NOBODY,
        "１",
        "https://",
        "http://[::1",
        "ftp://a/b",
        "data:,",
        "data:image/png;base64,AA",
    ),
    *(b"", b"x", [], {}, (), set(), [None], [""], {"a": 1}, {1: 2}, object(), Media(data=b"x"), lambda: 1),
]
MESSAGES = [{"role": "user", "content": "hi"}]
CASES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (speech.synthesize, {"text": "hi"}),
    (speech.synthesize_stream, {"text": "hi"}),
    (voices.create, {"audio": WAV, "prompt_text": "hi"}),
    (voices.delete, {"voice_id": "v"}),
    (voices.list_voices, {}),
    (transcription.transcribe, {"audio": WAV}),
    (transcription.resume, {"task_id": "1"}),
    (transcription.transcribe_sync, {"url": "https://example.com/a.wav"}),
    (transcription_stream.listen, {}),
    (transcription_stream.pieces, {"audio": WAV}),
    (images.generate, {"prompt": "hi"}),
    (images.resume, {"task_id": "1"}),
    (images.edit, {"prompt": "hi", "images": "https://example.com/a.png"}),
    (image_editing.edit, {"prompt": "hi", "images": b"\x89PNG\r\n\x1a\n"}),
    (videos.generate, {"prompt": "hi"}),
    (videos.cancel, {"task_id": "1"}),
    (videos.resume, {"task_id": "1"}),
    (spoken_chat.stream, {"messages": MESSAGES, "model": "M"}),
    (spoken_chat.voice_fields, {"audio": None}),
    (speech_chat.converse, {"model": "M"}),
    (speech_chat.update, {}),
    (speech_chat.audio, {"data": b"x"}),
]
ARGUMENTS = [
    pytest.param(function, given, name, id=f"{function.__module__.rpartition('.')[2]}.{function.__name__}-{name}")
    for function, given in CASES
    for name, parameter in inspect.signature(function).parameters.items()
    if parameter.kind is not parameter.VAR_KEYWORD
]


@pytest.mark.parametrize(("function", "given", "name"), ARGUMENTS)
@pytest.mark.filterwarnings("ignore:.*does not support")
def test_it_is_taken_or_refused_by_a_short_error(function: Callable[..., Any], given: Any, name: str) -> None:
    cloud = SophNet(api_key="secret-key", base_url="http://127.0.0.1:9", project_id="P1", easyllm_id="E1")
    for value in ANY:
        refusal: MaasError | None = None
        try:
            made = function(**{**given, name: value})
            request = getattr(made, "submit", None) or getattr(made, "request", None)
            if request is not None:
                cloud.resolve(request)
        except MaasError as error:
            refusal = error
        assert refusal is None or isinstance(refusal, InvalidInput)
        assert len(str(refusal)) < 1000, repr(value)[:100]


@pytest.mark.parametrize(
    ("function", "given", "bad"),
    [
        (speech.synthesize, {"text": "hi"}, {"easyllm_id": 7}),
        (speech.synthesize, {"text": "hi"}, {"easyllm_id": " "}),
        (voices.create, {"audio": WAV, "prompt_text": "hi"}, {"easyllm_id": b"x"}),
        (voices.create, {"audio": WAV, "prompt_text": "hi"}, {"extra_body": ["x"]}),
        (transcription_stream.listen, {}, {"resume": 1}),
        (transcription_stream.listen, {}, {"extra_query": "x"}),
        (transcription_stream.listen, {}, {"extra_query": {"x": 1}}),
        (transcription_stream.pieces, {"audio": WAV}, {"piece_ms": 0}),
        (transcription_stream.pieces, {"audio": WAV}, {"piece_ms": None}),
        (speech_chat.converse, {"model": "M"}, {"asr_easyllm_id": 7}),
        (speech_chat.converse, {"model": "M"}, {"tts_easyllm_id": "a\nb"}),
        (speech_chat.update, {}, {"unsupported_params": "never"}),
        (speech_chat.update, {}, {"model": ""}),
        (videos.generate, {"prompt": "hi", "model": "Wan3"}, {"duration": 10**400}),
        (speech.synthesize, {"text": "hi"}, {"volume": 10**400}),
        (image_editing.edit, {"prompt": "hi", "images": b"\x89PNG\r\n\x1a\n"}, {"storage": "bucket"}),
    ],
)
def test_what_is_no_such_value_is_refused_by_its_name(function: Callable[..., Any], given: Any, bad: Any) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        function(**given, **bad)
