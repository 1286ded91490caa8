"""``SophNetStreamingTranscriber``: SophNet's live recognition as a Runnable.

What such Runnables share stands in ``live``; what is said over the socket, in ``maaskit.sophnet.transcription_stream``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from maaskit.access import SophNetArgs, sophnet_settings
from maaskit.errors import InvalidInput
from maaskit.langchain.errors import ModelErrors
from maaskit.langchain.intake import ByteIntake, Intake, SampleIntake
from maaskit.langchain.live import StreamingTranscriber
from maaskit.session import Session
from maaskit.sophnet import transcription_stream
from maaskit.transcript import Utterance


class SophNetStreamingTranscriber(StreamingTranscriber):
    r"""Write down what is said while it is spoken, with SophNet's live recognition (算能云流式语音识别).

    Use::

        from maaskit.langchain import SophNetStreamingTranscriber

        transcriber = SophNetStreamingTranscriber(resume=True)
        for utterance in transcriber.transform(microphone):  # an iterator of bytes
            print(utterance.text, end="\n" if utterance.is_final else "\r")
        transcriber.invoke("会议.wav")  # the final utterances of a recording
        text = transcriber | (lambda heard: " ".join(one.text for one in heard))  # a part of a chain

    Args:
        sample_rate: Samples per second; any, 16000 is heard best.
        format: ``pcm`` (16-bit mono samples alone; a WAV's header is noticed and taken off), ``wav``, ``mp3``,
            ``opus``, ``speex``, ``aac`` or ``amr``.
        heartbeat: Whether silence keeps the connection (default true). With ``pcm`` silence is said when nobody sends
            for 20 seconds; in other formats the service closes after 60 seconds without audio.
        resume: Replace a dropped connection by another, say again what was said since the last final sentence, and give
            the times of the whole; for ``pcm`` and ``wav``, whose samples are then sent. At most 64 MiB are kept.
        paced: Whether each piece waits until the earlier ones have been played, to send a recording as if it were
            spoken now; for ``pcm`` and ``wav``, whose samples are then sent.
        extra_query: Further query parameters, such as the document does not list; never a key.
        **connection: ``api_key``, ``base_url``, ``project_id``, ``easyllm_id``, ``timeout`` (seconds that the service
            may owe an answer or take nothing), ``max_retries``, ``default_headers``; see SophNetArgs.

    Raises:
        ConfigurationError: No key is given or set.
        InvalidInput: A value is out of its range.

    Source:
        sophnet-api, 流式Speech to text.
    """

    def __init__(
        self,
        *,
        sample_rate: int = transcription_stream.SAMPLE_RATE_HZ,
        format: str = "pcm",  # noqa: A002 - the document's own word
        heartbeat: bool = True,
        resume: bool = False,
        paced: bool = False,
        extra_query: Mapping[str, str] | None = None,
        **connection: Unpack[SophNetArgs],
    ) -> None:
        with ModelErrors():
            super().__init__(sophnet_settings(**connection), paced=paced)
            transcription_stream.listen(format, sample_rate, heartbeat=heartbeat)  # refuses what is no such audio
            if paced and format not in ("pcm", "wav"):
                raise InvalidInput(f"paced=True needs format='pcm' or 'wav': how long {format} plays is not known.")
            self._sample_rate = sample_rate
            self._is_wav = format == "wav"
            # Samples alone can be paced and said again; otherwise the service reads the WAV itself.
            self._sent = "pcm" if self._is_wav and (resume or paced) else format
            self._options: dict[str, Any] = {"heartbeat": heartbeat, "resume": resume, "extra_query": extra_query}
            self._session()  # refuses what does not fit together

    def _session(self) -> Session[bytes, Utterance]:
        return transcription_stream.listen(self._sent, self._sample_rate, **self._options)

    def _intake(self) -> Intake:
        if self._sent == "pcm":
            return SampleIntake(self._sample_rate, self._pieces, is_wav=self._is_wav)
        return ByteIntake(self._pieces)

    def _pieces(self, audio: Any) -> Iterable[bytes]:
        return transcription_stream.pieces(audio, self._sent, self._sample_rate)
