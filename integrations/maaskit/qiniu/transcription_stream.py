"""Qiniu's live recognition: audio goes up a socket, utterances come down it.

How its frames are laid out stands in ``transcription_stream_frames``; sockets and time belong to the drivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pydantic_core

from maaskit.errors import InvalidInput, SessionError
from maaskit.extra_body import named_options
from maaskit.media import MediaSource
from maaskit.qiniu import transcription_stream_frames as frames
from maaskit.qiniu.transcription_stream_frames import Message, Received, Serialization
from maaskit.qiniu.transcription_stream_results import Hearing, refuses
from maaskit.replay import AudioReplay
from maaskit.samples import local_recording, samples_of
from maaskit.session import NORMAL_CLOSE, Frame, Session, broken_off
from maaskit.transcript import Utterance
from maaskit.wav import WavBody
from maaskit.wire import Request

# The document's program sends 16 kHz, 16-bit, mono PCM, and nothing else is described.
SAMPLE_RATE_HZ = 16_000
BITS = 16
CHANNELS = 1
FORMATS = ("pcm", "wav")
SEGMENT_RANGE_MS = (100, 300)
"""wire-facts Part D: the document's program takes 100 ms, and 300 for poor networks ("网络环境不好建议调大")."""

_BYTES_PER_S = SAMPLE_RATE_HZ * BITS // 8 * CHANNELS
_SAMPLE_BYTES = BITS // 8 * CHANNELS


def listen(
    format: str = "pcm",  # noqa: A002 - the document's own word
    sample_rate: int = SAMPLE_RATE_HZ,
    *,
    bits: int = BITS,
    channel: int = CHANNELS,
    codec: str = "raw",
    uid: str = "maaskit",
    model_name: str = "asr",
    enable_punc: bool = True,
    segment_ms: int = 200,
    resume: bool = False,
    extra_request: Mapping[str, Any] | None = None,
) -> Session[bytes, Utterance]:
    """Recognise speech while it is spoken.

    Send ``bytes`` in pieces of any size, close, and read to the end. What is not final is replaced by what comes next.
    Without times of its own the service sends one growing utterance, which is final at the end.

    Args:
        format: ``pcm`` (samples alone) or ``wav`` (its header is taken off here, the samples are sent).
        sample_rate: Samples per second; 16000.
        bits: Bits per sample; 16.
        channel: Channels; 1.
        codec: ``raw``.
        uid: Names the caller to the service.
        model_name: ``asr``.
        enable_punc: Whether the text gets punctuation.
        segment_ms: Length of one packet in milliseconds, 100 to 300; larger for a poor network.
        resume: Replace a dropped connection by another and say again what may have been lost; for ``pcm``. It works as
            far as the service tells where sentences end; what is kept meanwhile is at most 64 MiB.
        extra_request: Further fields of the ``request`` part of the configuration, such as the document does not list.

    Returns:
        A Session that takes bytes and gives utterances.

    Raises:
        InvalidInput: The audio is of another kind, or an argument is no such value.

    Source:
        qiniu-api, 语音文字识别, Python 示例: ``construct_request``.
    """
    _check(format, sample_rate, bits, channel)
    _check_sending(format, segment_ms, resume=resume)
    _check_asking(enable_punc, codec=codec, uid=uid, model_name=model_name)
    further = named_options(extra_request, "extra_request")
    config = {
        "user": {"uid": uid},
        # A WAV's samples are sent without its header, so this says pcm for both.
        "audio": {"format": "pcm", "sample_rate": sample_rate, "bits": bits, "channel": channel, "codec": codec},
        "request": {"model_name": model_name, "enable_punc": enable_punc, **further},
    }
    return Session(
        Request("GET", frames.ENDPOINT),
        lambda: _Recognition(config, segment_ms, wav=_new_wav_body() if format == "wav" else None),
        duration_s=_duration_s,
        passing=_is_passing,
        weigh=_weigh,
        replay=(lambda: AudioReplay(_BYTES_PER_S, _SAMPLE_BYTES)) if resume else None,
    )


def pieces(audio: MediaSource, *, piece_ms: int = 1000) -> Iterator[bytes]:
    """Take a local recording apart, to be sent with ``feed``: no upload is needed for the socket.

    Args:
        audio: A WAV of 16 kHz, 16 bits and one channel, or samples of that kind alone (``.pcm``, ``.raw``, bytes
            without a header); a file is read while it is sent.
        piece_ms: Length of a piece in milliseconds.

    Returns:
        The samples, for ``listen(format="pcm")``.

    Raises:
        InvalidInput: The file is missing, empty, of another kind or a URL. The samples' kind is checked as they come.
    """
    media = local_recording(audio, instead="qiniu.transcription.transcribe(url)")
    return samples_of(media, SAMPLE_RATE_HZ, piece_ms=piece_ms)


def _check_sending(kind: str, segment_ms: int, *, resume: bool) -> None:
    low, high = SEGMENT_RANGE_MS
    if isinstance(segment_ms, bool) or not isinstance(segment_ms, int) or not low <= segment_ms <= high:
        raise InvalidInput(f"segment_ms must be {low} to {high} milliseconds, not {segment_ms!r}.")
    if not isinstance(resume, bool):
        raise InvalidInput(f"resume must be True or False, not {resume!r:.100}.")
    if resume and kind != "pcm":
        raise InvalidInput("resume=True needs format='pcm': take the samples out of the file with pieces(audio).")


def _check_asking(enable_punc: Any, **names: Any) -> None:
    if not isinstance(enable_punc, bool):
        raise InvalidInput(f"enable_punc must be True or False, not {enable_punc!r:.100}.")
    for name, text in names.items():
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"{name} must be a text that is not empty, not {text!r:.100}.")


def _check(format: str, sample_rate: int, bits: int, channel: int) -> None:  # noqa: A002 - as above
    if format not in FORMATS:
        raise InvalidInput(
            f"format must be one of {', '.join(FORMATS)}, not {format!r}. Decode the audio to 16 kHz 16-bit mono PCM, "
            "or put it where the service can fetch it and use qiniu.transcription.transcribe(url)."
        )
    wanted = {"sample_rate": SAMPLE_RATE_HZ, "bits": BITS, "channel": CHANNELS}
    for (name, only), value in zip(wanted.items(), (sample_rate, bits, channel), strict=True):
        if value != only or isinstance(value, bool):
            raise InvalidInput(f"{name} must be {only}, not {value!r}: the socket takes 16 kHz 16-bit mono audio.")


class _Recognition:
    """Speak the language of one connection."""

    ready = True  # the configuration is answered, but nothing has to wait for it

    def __init__(self, config: Mapping[str, Any], segment_ms: int, *, wav: WavBody | None) -> None:
        self._config = config
        self._packet_bytes = _BYTES_PER_S * segment_ms // 1000
        self._wav = wav
        self._sequence = 0
        # At least one sample is held back, so that the last packet has a real piece of the audio: the services that
        # this protocol comes from refuse an empty one (wire-facts A.5).
        self._waiting = bytearray()
        self._said_all = self._answered = False
        self._hearing = Hearing()
        self.finished = False

    @property
    def owing(self) -> bool:
        return self._said_all and not self.finished

    def opening(self) -> Iterable[Frame]:
        payload = pydantic_core.to_json(self._config)
        yield frames.write(Message.CONFIG, payload, sequence=self._next(), serialization=Serialization.JSON)

    def send(self, item: bytes) -> Iterable[Frame]:
        if not isinstance(item, bytes | bytearray | memoryview):
            raise InvalidInput(f"Audio must be sent as bytes, not {type(item).__name__}.")
        if self._said_all:
            raise InvalidInput("The audio was closed: open another conversation for more.")
        data = bytes(item)
        return self._packets(self._wav.feed(data) if self._wav is not None else data)

    def receive(self, frame: Frame) -> Iterable[Utterance]:
        self._answered = True
        said = _of_text(frame) if isinstance(frame, str) else frames.read(frame)
        if said.message == Message.ERROR or refuses(said.payload):
            raise _refusal(said.code, said.payload)
        # An acknowledgement of the last packet has its number, which is negative, and is not the last answer.
        if said.is_last and said.message != Message.ACKNOWLEDGEMENT:
            self.finished = True
        return self._hearing.hear(said.payload, last=self.finished)

    def idle(self, quiet_s: float) -> Iterable[Frame]:  # noqa: ARG002 - WebSocket pings suffice
        return ()

    def closing(self) -> Sequence[Frame]:
        self._said_all = True
        packet = bytes(self._waiting)
        self._waiting.clear()
        return [frames.write(Message.AUDIO, packet, sequence=self._next(), last=True, serialization=Serialization.RAW)]

    def closed(self, code: int | None, reason: str) -> Iterable[Utterance]:
        if self.finished:
            return ()
        # A normal close after the last packet is an end as well (wire-facts C.42); but who never answered has not heard
        # silence, it has heard nothing.
        if code != NORMAL_CLOSE or not self._said_all or not self._answered:
            raise broken_off(code, reason)
        self.finished = True
        return self._hearing.settle()

    def _packets(self, data: bytes) -> Iterator[Frame]:
        """Cut the audio as it is asked for, so that a long piece does not stand in memory twice."""
        rest = memoryview(data)
        while len(self._waiting) + len(rest) > self._packet_bytes:
            taken = self._packet_bytes - len(self._waiting)
            packet = bytes(self._waiting) + rest[:taken]
            self._waiting.clear()
            rest = rest[taken:]
            yield frames.write(Message.AUDIO, packet, sequence=self._next(), serialization=Serialization.RAW)
        self._waiting += rest

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence


def _of_text(frame: str) -> Received:
    """Read a text message, as the document's program passes it on unread."""
    try:
        return Received(Message.RESULT, payload=pydantic_core.from_json(frame))
    except ValueError:
        return Received(Message.RESULT, payload=frame or None)


def _refusal(code: int | None, payload: Any) -> SessionError:
    explanation = payload
    if isinstance(payload, Mapping):
        inner = payload.get("error") or payload.get("message") or payload.get("msg") or payload
        explanation = inner.get("message", inner) if isinstance(inner, Mapping) else inner
        code = payload.get("code", code) if code is None else code
    number = "" if code is None else f" ({code})"
    return SessionError(
        f"The service gave the recognition up{number}: {str(explanation or 'no explanation was given')[:500]}",
        code=None if code is None else str(code),
    )


def _new_wav_body() -> WavBody:
    return WavBody(SAMPLE_RATE_HZ, BITS, CHANNELS)


def _duration_s(item: bytes) -> float:
    return len(item) / _BYTES_PER_S


def _is_passing(item: Utterance) -> bool:
    return not item.is_final


def _weigh(item: Utterance) -> int:
    return item.weight
