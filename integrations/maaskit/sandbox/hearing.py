"""Speech that comes in pieces over a socket, understood sentence by sentence, and SophNet's way of writing it.

Sound is decoded and understood by the engines; sockets belong to the handlers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from maaskit.sandbox.engines.recognition import Recogniser, Sentence, Word
from maaskit.sandbox.engines.sound_stream import SoundStream
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.variants import Variants

STREAM_FORMATS: Final = ("pcm", "wav", "mp3", "opus", "speex", "aac", "amr")
"""输入音频格式,支持pcm、wav、mp3、opus、speex、aac、amr."""

MAX_SAMPLE_RATE: Final = 192_000
"""任意音频采样率; no microphone has more."""


class Hearing:
    """Understand one stream of sound; its calls take their time, and one thread at a time may make them.

    It must be closed.

    Args:
        form: One of `STREAM_FORMATS`.
        rate: Samples per second of ``pcm``.
    """

    def __init__(self, form: str, rate: int) -> None:
        self._sound = SoundStream(form, rate)
        self._recogniser = Recogniser()
        self._has_told = False

    @property
    def position_ms(self) -> int:
        """Tell how much sound has come in."""
        return self._recogniser.position_ms

    def feed(self, data: bytes, *, is_live: bool = True) -> list[Sentence]:
        """Take the next piece.

        Args:
            data: Any number of bytes.
            is_live: Whether the sound comes no faster than it is understood; otherwise a sentence that goes on is given
                once and not as it grows.

        Returns:
            The sentences that are known better now: final ones, and at last the one that goes on.

        Raises:
            CannotRead: It is no sound.
            RuntimeError: The listener broke down.
        """
        found = self._recogniser.feed(self._sound.feed(data), partials=is_live or not self._has_told)
        if found:
            self._has_told = not found[-1].is_final
        return found

    def finish(self) -> list[Sentence]:
        """End the sound.

        Returns:
            The last sentences, final.

        Raises:
            CannotRead: It was no sound.
            RuntimeError: The listener broke down.
        """
        return self._recogniser.feed(self._sound.finish(), partials=False) + self._recogniser.finish()

    def close(self) -> None:
        """End the thread that decodes; any thread may ask for it, at any time."""
        self._sound.__exit__(None, None, None)


def stream_settings(query: Mapping[str, Any]) -> tuple[str, int]:
    """Check the format and the sample rate of a stream of sound.

    Args:
        query: The fields ``format`` and ``sample_rate``.

    Returns:
        Both.

    Raises:
        RefusalError: One is missing or not what the document says (400).

    Source:
        SophNet, 流式Speech to text, *Request参数*.
    """
    form, rate = query.get("format"), query.get("sample_rate")
    if form not in STREAM_FORMATS:
        raise _refusal("format", f"is required, one of {', '.join(STREAM_FORMATS)}")
    text = str(rate) if isinstance(rate, int | str) and not isinstance(rate, bool) else ""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
    if not 0 < number <= MAX_SAMPLE_RATE:
        raise _refusal("sample_rate", f"is required, a whole number of hertz up to {MAX_SAMPLE_RATE}")
    return str(form), number


def sentence_event(sentence: Sentence, variants: Variants) -> dict[str, Any]:
    """Write a sentence.

    Args:
        sentence: What was understood.
        variants: The switches.

    Returns:
        ``{"text", "begin_time", "end_time", "words", "is_sentence_end"}``; the end is null while the sentence goes on.

    Source:
        SophNet, 流式Speech to text, 音频识别结果响应示例.
    """
    event = {
        "text": sentence.text,
        "begin_time": sentence.begin_ms,
        "end_time": sentence.end_ms if sentence.is_final else None,
        "words": _WORDS[variants.stream_words](sentence.words),
        "is_sentence_end": sentence.is_final,
    }
    if variants.stream_words == "absent":
        del event["words"]
    return event


def _java(word: Word) -> str:
    """Write a word as the example has it, which is how a Java program shows an object."""
    return f"Word(beginTime={word.begin_ms}, endTime={word.end_ms}, text={word.text}, punctuation=, fixed=false)"


def _object(word: Word) -> dict[str, Any]:
    return {
        "beginTime": word.begin_ms,
        "endTime": word.end_ms,
        "text": word.text,
        "punctuation": "",
        "fixed": False,
    }


_WORDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "list": lambda words: [_java(word) for word in words],
        "string": lambda words: f"[{', '.join(map(_java, words))}]",
        "objects": lambda words: [_object(word) for word in words],
        "null": lambda words: None,  # noqa: ARG005 -- as the others
        "absent": lambda words: None,  # noqa: ARG005 -- as the others
    }
)


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)
