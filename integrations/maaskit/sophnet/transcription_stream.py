"""SophNet's live recognition: audio goes up a socket, utterances come down it.

How a message is read stands in ``heard``; sockets and time belong to the drivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from maaskit.answers import excerpt, refusal_in
from maaskit.errors import InvalidInput, SessionError
from maaskit.lenient_json import from_json
from maaskit.media import MediaSource, sniff
from maaskit.replay import AudioReplay
from maaskit.samples import blocks_of, local_recording, samples_of
from maaskit.session import NORMAL_CLOSE, Frame, Session, broken_off
from maaskit.sophnet.heard import is_heard, read_utterance
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.silences import Silences
from maaskit.task import TaskPhase
from maaskit.transcript import Utterance, Word
from maaskit.wire import Request, Variable

__all__ = ["FORMATS", "FRAME_BYTES", "QUIET_LIMIT_S", "SAMPLE_RATE_HZ", "Utterance", "Word", "listen", "pieces"]

_PATH = "/projects/{project_id}/easyllms/stream-speech"

# "输入音频格式,支持pcm、wav、mp3、opus、speex、aac、amr"
FORMATS = ("pcm", "wav", "mp3", "opus", "speex", "aac", "amr")
SAMPLE_RATE_HZ = 16_000
"""The document: "任意音频采样率,但16k效果更好"."""
FRAME_BYTES = 3200
"""The document: "音频bytes数据,可按照3200的数量发送"."""
QUIET_LIMIT_S = 60.0
"""After so long without audio, or with ``heartbeat=False`` without a voice, the service closes the connection."""

_GOODBYE = "BYE"
_IDLE_S = QUIET_LIMIT_S / 3
_SAMPLE_BYTES = 2
_SAMPLED = ("pcm", "wav")
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # who never pauses speaks one sentence, which comes anew with all its words
_NO_STATUS = 1005  # RFC 6455: closed properly, without a code
_SMALL_TALK = frozenset({"", "ok", "bye", "ping", "pong"})


def listen(
    format: str = "pcm",  # noqa: A002 - the document's own word
    sample_rate: int = SAMPLE_RATE_HZ,
    *,
    heartbeat: bool = True,
    resume: bool = False,
    easyllm_id: str | None = None,
    extra_query: Mapping[str, str] | None = None,
) -> Session[bytes, Utterance]:
    """Recognise speech while it is spoken.

    Send the audio as ``bytes`` in pieces of any size, close, and read to the end. The text of an utterance that is not
    final is replaced by the next one.

    Args:
        format: ``pcm`` (16-bit mono samples alone), ``wav``, ``mp3``, ``opus``, ``speex``, ``aac`` or ``amr``.
        sample_rate: Samples per second; any, 16000 is heard best.
        heartbeat: Whether silence keeps the connection, as long as audio comes within 60 seconds; a ``pcm`` session
            says silence by itself when nobody sends for so long, and takes it out of the times again. Otherwise the
            service closes the connection 60 seconds after the last voice.
        resume: Replace a dropped connection by another and say again what may have been lost, with the times of the
            whole; for ``pcm``. What is kept since the last final sentence is at most 64 MiB.
        easyllm_id: The service id, in place of the provider's.
        extra_query: Further query parameters, such as the document does not list; never a key.

    Returns:
        A Session that takes bytes and gives utterances.

    Raises:
        InvalidInput: The audio is of a kind that the document does not list, or a value is no such one.

    Source:
        sophnet-api, 流式Speech to text.
    """
    _check(format, sample_rate, heartbeat=heartbeat)
    if not isinstance(resume, bool):
        raise InvalidInput(f"resume must be True or False, not {resume!r:.100}.")
    if resume and format != "pcm":
        raise InvalidInput("resume=True needs format='pcm': take the samples out of a WAV with pieces(audio).")
    query: dict[str, str | Variable] = {
        "easyllm_id": service_id(easyllm_id),
        "apikey": Variable("api_key"),
        "format": format,
        "sample_rate": str(sample_rate),
        "heartbeat": "true" if heartbeat else "false",
    }
    bytes_per_s = sample_rate * _SAMPLE_BYTES
    return Session(
        Request("GET", _PATH, query=query | _further(extra_query), service="speech_to_text"),
        lambda: _Recognition(bytes_per_s if format == "pcm" else None, heartbeat=heartbeat),
        idle_s=_IDLE_S,
        max_frame_bytes=_MAX_MESSAGE_BYTES,
        duration_s=(lambda item: len(item) / bytes_per_s) if format in _SAMPLED else None,
        passing=_is_passing,
        weigh=_weigh,
        replay=(lambda: AudioReplay(bytes_per_s, _SAMPLE_BYTES)) if resume else None,
    )


def pieces(
    audio: MediaSource,
    format: str = "pcm",  # noqa: A002 - the document's own word
    sample_rate: int = SAMPLE_RATE_HZ,
    *,
    piece_ms: int = 1000,
) -> Iterator[bytes]:
    """Take a local recording apart, to be sent with ``feed``: no upload is needed for the socket.

    Args:
        audio: For ``pcm`` a WAV of that sampling rate, 16 bits and one channel, or samples of that kind alone
            (``.pcm``, ``.raw``, bytes without a header); for another format a recording in it. A file is read while it
            is sent.
        format: As for ``listen``.
        sample_rate: As for ``listen``.
        piece_ms: Length of a piece in milliseconds; of other formats a piece has the size that samples would have.

    Returns:
        The bytes, for ``listen(format, sample_rate)``.

    Raises:
        InvalidInput: The file is missing, empty, of another kind or a URL. A WAV's samples are checked as they come.
    """
    _check(format, sample_rate)
    if isinstance(piece_ms, bool) or not isinstance(piece_ms, int) or piece_ms < 1:
        raise InvalidInput(f"piece_ms must be a number of milliseconds of 1 or more, not {piece_ms!r:.100}.")
    media = local_recording(audio, instead="sophnet.transcription.transcribe(url)")
    if format == "pcm":
        return samples_of(media, sample_rate, piece_ms=piece_ms)
    kind = sniff(media.head())
    if (format == "wav") != (kind == "audio/wav"):
        raise InvalidInput(f"audio is {kind or 'no WAV'}, and format is {format!r:.100}: one of them must be another.")
    return blocks_of(media, max(FRAME_BYTES, sample_rate * _SAMPLE_BYTES * piece_ms // 1000))


def _check(format: str, sample_rate: int, *, heartbeat: bool = True) -> None:  # noqa: A002 - as above
    if format not in FORMATS:
        raise InvalidInput(
            f"format must be one of {', '.join(FORMATS)}, not {format!r:.100}. Convert the audio, or let "
            "sophnet.transcription.transcribe(audio) take the whole recording."
        )
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or sample_rate < 1:
        raise InvalidInput(f"sample_rate must be a number of samples per second above 0, not {sample_rate!r:.100}.")
    if not isinstance(heartbeat, bool):
        raise InvalidInput(f"heartbeat must be True or False, not {heartbeat!r:.100}.")


def _further(extra_query: Mapping[str, str] | None) -> dict[str, str]:
    if extra_query is None:
        return {}
    texts = isinstance(extra_query, Mapping) and all(
        isinstance(one, str) for pair in extra_query.items() for one in pair
    )
    if not texts:
        raise InvalidInput('extra_query must be a dict of strings, such as {"language": "zh"}.')
    return dict(extra_query)


class _Recognition:
    """Speak the language of one connection.

    Args:
        bytes_per_s: Bytes of a second of samples, or ``None`` where silence cannot be made.
        heartbeat: Whether silence keeps the connection.
    """

    finished = False  # only the service's closing is an end

    def __init__(self, bytes_per_s: int | None, *, heartbeat: bool) -> None:
        self._heartbeat = heartbeat
        self._silences = Silences(bytes_per_s) if bytes_per_s is not None else None
        self._half = b""  # of a sample: silence would make the other half of it
        self._said_all = False
        self._quiet_s = 0.0
        self._open: Utterance | None = None
        self._last: Utterance | None = None
        self.ready = False

    @property
    def owing(self) -> bool:
        return not self.ready or self._said_all

    def opening(self) -> Iterable[Frame]:
        return ()

    def send(self, item: bytes) -> Iterable[Frame]:
        if not isinstance(item, bytes | bytearray | memoryview):
            raise InvalidInput(f"Audio must be sent as bytes, not {type(item).__name__}.")
        if self._said_all:
            raise InvalidInput("The audio was closed: open another conversation for more.")
        return self._frames(bytes(item))

    def receive(self, frame: Frame) -> Iterable[Utterance]:
        message = _read(frame)
        if is_heard(message) and not message.get("error"):
            self.ready = True
            return self._hear(read_utterance(message))
        word = message.get("status")
        failed = isinstance(word, str) and TaskPhase.of(word) is TaskPhase.FAILED
        refusal = refusal_in({"error": dict(message)} if failed else message)
        if refusal is not None:
            code = refusal.code or (str(refusal.status) if refusal.status is not None else None)
            raise SessionError(f"The service gave the recognition up. {refusal.message}", code=code)
        self.ready = self.ready or (isinstance(word, str) and word.lower() == "ok")
        return ()

    def idle(self, quiet_s: float) -> Iterable[Frame]:
        self._quiet_s = quiet_s
        if self._silences is None or not self._heartbeat:
            return ()  # of other formats nobody knows what silence is; without heartbeat it keeps nothing
        return [self._silences.silence()]

    def closing(self) -> Sequence[Frame]:
        self._said_all = True
        half, self._half = self._half, b""
        return [half, _GOODBYE] if half else [_GOODBYE]

    def closed(self, code: int | None, reason: str) -> Iterable[Utterance]:
        if self._said_all and code in (NORMAL_CLOSE, _NO_STATUS):
            still_open, self._open = self._open, None
            return [_final(still_open)] if still_open is not None else ()
        raise broken_off(code, reason).with_hint(self._why())

    def _why(self) -> str:
        if not self.ready:
            return (
                "It never said ok: check the key, project_id and easyllm_id, and whether the service takes this format."
            )
        if not self._heartbeat:
            return "With heartbeat=False the service closes 60 seconds after the last voice."
        if self._silences is None and self._quiet_s:
            return "The service closes when it is sent no audio for 60 seconds; format='pcm' sends silence by itself."
        return ""

    def _hear(self, heard: Utterance) -> list[Utterance]:
        heard = self._silences.without(heard) if self._silences is not None else heard
        if not heard.is_final:
            if heard.text:
                self._open = heard
            return [heard] if heard.text else []
        self._open = None
        heard = _final(heard)
        again = self._last is not None and heard.begin_ms is not None and heard == self._last
        self._last = heard
        return [heard] if heard.text and not again else []

    def _frames(self, data: bytes) -> Iterator[Frame]:
        self._quiet_s = 0.0
        if self._silences is not None:
            data = self._half + data
            even = len(data) // _SAMPLE_BYTES * _SAMPLE_BYTES
            data, self._half = data[:even], data[even:]
        for start in range(0, len(data), FRAME_BYTES):
            frame = data[start : start + FRAME_BYTES]
            if self._silences is not None:
                self._silences.audio(len(frame))
            yield frame


def _read(frame: Frame) -> Mapping[str, Any]:
    """Read a message; results come as text, so that binary ones that are no JSON say nothing."""
    try:
        value = from_json(frame.encode() if isinstance(frame, str) else frame)
    except ValueError:
        text = frame.strip() if isinstance(frame, str) else ""
        if text.lower() in _SMALL_TALK:
            return {"status": text}
        raise SessionError(f"The service said what cannot be read: {excerpt(text)!r}.") from None
    if isinstance(value, Mapping):
        return value
    raise SessionError(f"The service said what is no result: {excerpt(frame)!r}.")


def _final(utterance: Utterance) -> Utterance:
    """Take a sentence for whole, which the service may have left open when it closed; its last word tells its end."""
    ends = [word.end_ms for word in utterance.words if word.end_ms is not None]
    end_ms = utterance.end_ms if utterance.end_ms is not None else (ends[-1] if ends else None)
    return Utterance(utterance.text, utterance.begin_ms, end_ms, is_final=True, words=utterance.words)


def _is_passing(item: Utterance) -> bool:
    return not item.is_final


def _weigh(item: Utterance) -> int:
    return item.weight
