"""SophNet's recognition of recordings: a long one as a task, a short one at once.

Live audio is ``transcription_stream``'s business; how a result is read stands in ``transcript_lines``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from maaskit import extra_body as further
from maaskit.answers import parse_object, unexpected
from maaskit.errors import InvalidInput
from maaskit.media import MIB, Media, MediaSource
from maaskit.public_url import public_url
from maaskit.sophnet import recording_formats, tasks
from maaskit.sophnet.service_ids import service_id
from maaskit.sophnet.transcript_lines import read_result
from maaskit.task import Task, TaskPhase, TaskState
from maaskit.transcript import Segment, Transcript
from maaskit.wire import Call, FilePart, Request, Response

__all__ = [
    "MAX_RECORDING_BYTES",
    "MAX_RECORDING_S",
    "Segment",
    "Transcript",
    "check",
    "check_sync",
    "resume",
    "transcribe",
    "transcribe_sync",
]

_TASKS = "/projects/{project_id}/easyllms/speechtotext/transcriptions"
_SYNC = "/projects/{project_id}/easyllms/speechtotext/non-stream"
_SERVICE = "speech_to_text"

# The document: "音频限制:音频 URL 时长不能大于5小时,文件大小不超过1GB".
MAX_RECORDING_BYTES = 1024 * MIB
MAX_RECORDING_S = 5 * 3600.0
# The document: "支持的音频格式:wav".
SYNC_FORMATS = ("wav",)

# Five hours of sound take the service their time; the document gives no figure.
TIMEOUT_S = 3600.0
_KEEPS = (
    "SophNet keeps a transcription for 24 hours: an older recording must be transcribed anew. An id is known to the "
    "project that made it only."
)


def transcribe(
    audio: MediaSource, *, easyllm_id: str | None = None, extra_body: Mapping[str, Any] | None = None
) -> Task[Transcript]:
    """Write down what is said in a recording, as a task.

    Args:
        audio: A URL, which the service fetches; or a path, which streams from disk, bytes, a binary file or Media,
            which are uploaded. At most 5 hours and 1 GiB of wav, mp3, m4a, flv, mp4, wma, 3gp, amr, aac, ogg (opus) or
            flac; bytes that do not tell their form are given a name with ``Media(data=…, name="talk.m4a")``.
        easyllm_id: The service id, in place of the provider's.
        extra_body: Further fields of the request.

    Returns:
        A Task of the transcript, with timed segments that name the speaker. The submission is sent again only when the
        service cannot have accepted it.

    Raises:
        InvalidInput: It is missing, empty, too large, too long (as far as a WAV's header tells) or no such recording.

    Source:
        sophnet-api, Speech to text, 创建Task.
    """
    media = Media.of(audio, argument="audio")
    check(media)
    body = further.joined({"easyllm_id": service_id(easyllm_id)}, extra_body)
    if media.url is not None:
        submit = Request("POST", _TASKS, json={"audio_url": media.url} | body, service=_SERVICE, resend="unaccepted")
        return _task(submit)
    name, kind = recording_formats.upload_name(media)
    parts = (
        FilePart("data", json=body, content_type="application/json"),
        FilePart("audio_file", name, media.path if media.data is None else media.data, kind),
    )
    return _task(Request("POST", _TASKS, files=parts, service=_SERVICE, resend="unaccepted"))


def resume(task_id: str) -> Task[Transcript]:
    """Take up a task that runs already, in any process.

    Args:
        task_id: The id, as an update or an error told it.

    Returns:
        A Task of the transcript. The service keeps it for 24 hours; an error about an older one says so.

    Raises:
        InvalidInput: It is no id.

    Source:
        sophnet-api, Speech to text, 查询Task状态、结果; "识别结果在服务端保存24小时".
    """
    tasks.path_of(_TASKS, task_id)
    return _task(None).resumed(task_id)


def transcribe_sync(
    url: str,
    *,
    sample_rate: int | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    model: str | None = None,
    easyllm_id: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Call[Transcript]:
    """Write down what is said in a short recording, and wait for the answer.

    Args:
        url: Where the service fetches it; a WAV.
        sample_rate: Samples per second; unset, the service finds out.
        format: ``wav``; ``{"speech_recognition_param": {"format": …}}`` in ``extra_body`` sends another.
        model: The document says that none can be chosen yet; what is given is sent.
        easyllm_id: The service id, in place of the provider's.
        extra_body: Further fields of the request; ``{"speech_recognition_param": {…}}`` joins the other parameters.

    Returns:
        A Call of the transcript; it has no segments.

    Raises:
        InvalidInput: It is no http or https URL or no WAV, or a value is out of its range.

    Source:
        sophnet-api, 非流式同步Speech to text.
    """
    address = public_url(url, argument="url", instead="sophnet.transcription.transcribe(file) uploads it by itself.")
    param = _sync_param(sample_rate=sample_rate, format=format, model=model)
    body: dict[str, Any] = {"audio_url": address, "easyllm_id": service_id(easyllm_id)}
    body |= {"speech_recognition_param": param} if param else {}
    body = further.joined(body, extra_body)
    if not tells_format(extra_body):
        check_sync(Media(url=address), argument="url")
    return Call(Request("POST", _SYNC, json=body, service=_SERVICE), _read_sync)


def check(audio: Media) -> None:
    """Refuse what ``transcribe`` would refuse, as far as it can be known without the network.

    Args:
        audio: The recording.

    Raises:
        InvalidInput: As for ``transcribe``.
    """
    if audio.url is not None:
        recording_formats.check_address(audio)
        return
    audio.check_size(MAX_RECORDING_BYTES, argument="audio")
    recording_formats.upload_name(audio)
    recording_formats.check_length(audio, MAX_RECORDING_S, way_out="Split it.")


def check_sync(audio: Media, *, argument: str = "audio") -> None:
    """Refuse what ``transcribe_sync`` does not take, as far as name and content tell it.

    Args:
        audio: A URL, or a recording that will have one.
        argument: The argument's name, for error messages.

    Raises:
        InvalidInput: It is known to be no WAV.
    """
    name = audio.suffix if audio.url is not None else recording_formats.upload_name(audio, argument=argument)[0]
    form = name.rpartition(".")[2]
    if form in recording_formats.FORMATS and form not in SYNC_FORMATS:
        raise InvalidInput(
            f"{argument} is {form}; the synchronous recognition takes wav. transcribe(audio), a task, takes "
            f"{recording_formats.ALLOWED}."
        )


def tells_format(extra_body: Mapping[str, Any] | None) -> bool:
    """Tell whether further fields send a form of sound that the document does not list.

    Args:
        extra_body: As for ``transcribe_sync``.

    Returns:
        Whether they do.
    """
    told = (extra_body or {}).get("speech_recognition_param")
    return isinstance(told, Mapping) and bool(told.get("format"))


def _sync_param(*, sample_rate: int | None, format: str | None, model: str | None) -> dict[str, Any]:  # noqa: A002
    if sample_rate is not None and (
        isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or sample_rate < 1
    ):
        raise InvalidInput(f"sample_rate must be a number of samples per second above 0, not {sample_rate!r:.100}.")
    if format is not None and format not in SYNC_FORMATS:
        raise InvalidInput(
            f"format must be wav, not {format!r:.100}: the synchronous recognition takes no other. transcribe(audio) "
            f"takes {recording_formats.ALLOWED}."
        )
    if model is not None and (not isinstance(model, str) or not model.strip()):
        raise InvalidInput(f"model must be a name that is not empty, or None, not {model!r:.100}.")
    param = {"model": model, "sample_rate": sample_rate, "format": format}
    return {name: value for name, value in param.items() if value is not None}


def _task(submit: Request | None) -> Task[Transcript]:
    return Task(submit, tasks.read_id, _look, _read, timeout_s=TIMEOUT_S, keeps=_KEEPS)


def _look(task_id: str) -> Request:
    return tasks.looking(_TASKS, task_id, service=_SERVICE)


def _read(response: Response) -> TaskState[Transcript]:
    word, place, whole = tasks.standing(response)
    if TaskPhase.of(word) is not TaskPhase.SUCCEEDED:
        return tasks.failure(word, place, whole)
    results = (holder.get(name) for holder in (place, whole) for name in ("result", "results", "data", "output"))
    found = next((read for result in results if result is not None and (read := read_result(result)) is not None), None)
    if found is None:
        return tasks.failure(word, place, whole)
    text, segments = found
    return TaskState(TaskPhase.SUCCEEDED, word, Transcript(text, segments, _duration_s(place), whole))


def _read_sync(response: Response) -> Transcript:
    answer = parse_object(response)
    places = [answer, *(answer[name] for name in ("data", "result") if isinstance(answer.get(name), Mapping))]
    for place in places:
        result = place.get("result") if place.get("result") is not None else place.get("text")
        if isinstance(result, str):
            found = read_result(result)
            text, segments = found if found is not None else ("", ())
            return Transcript(text, segments, _duration_s(place), answer)
    raise unexpected(response, "has no text (result)")


def _duration_s(place: Mapping[str, Any]) -> float | None:
    value = next((place[name] for name in ("audio_duration", "audioDuration") if place.get(name) is not None), None)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
