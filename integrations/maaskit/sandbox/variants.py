"""The documented and observed ways in which the clouds write the same answer, one switch each.

Only the choice is made here; the handlers write what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

Cloud = Literal["cloud"]
"""Do as each cloud does by default."""


@dataclass(slots=True)
class Variants:
    """Select how answers are written; the defaults are what the documents' own sample programs can read.

    Set a field at any time: ``sandbox.variants.tool_deltas = "shared_index"``. An unknown value is a ValueError.

    Args:
        sse_prefix: What stands before an event's JSON. ``cloud``: ``data:`` for SophNet, ``data: `` for Qiniu;
            ``bare``: nothing, one JSON object on a line. In chat with voice
            ``cloud`` is nothing as well, as in its example.
        blank_lines: Whether a blank line follows each event (the ``openai`` SDK yields nothing without it).
        newline: ``lf`` or ``crlf``.
        comments: Whether keep-alive comment lines stand between the events.
        charset: Whether a stream's Content-Type names its charset.
        done: Whether ``[DONE]`` ends a stream. ``cloud``: it does for Qiniu and does not for SophNet.
        usage: Where a stream carries its usage. ``cloud``: SophNet in the last chunk; Qiniu, when
            ``stream_options.include_usage`` asks for it, in a chunk of its own whose ``choices`` are empty.
        usage_whole: Whether an answer that is not streamed has usage.
        usage_details: Whether usage has its two sub-objects, null in their place, or neither.
        null_roles: ``role`` after a stream's first chunk. ``cloud``: null for SophNet, absent for Qiniu.
        reasoning_field: The field that carries reasoning.
        finish: Whether ``finish_reason`` comes in a chunk of its own or with the last piece.
        finish_before: How chunks before the last write ``finish_reason``.
        empty_choices_first: Whether a stream begins with a chunk without choices.
        tool_deltas: How a streamed tool call is cut up.
        tool_content: ``content`` of a message that calls tools; both documents' examples have it empty.
        refs: Whether SophNet's answers from passages carry ``refs``; in a stream in the last chunk alone, or where
            they occur and again all in the last chunk.
        ids: Whether an answer has an ``id``.
        object_slip: Write ``chat.completion.chunk`` for an answer that is not streamed, as SophNet's table has it.
        model_echo: Whether the model comes back under its name or under its maker's, as in SophNet's example.
        part_lists: Whether only user messages take a list of parts as their content, as some backends have it.
        forced_tools_while_thinking: Whether a model that reasons refuses a forced tool, as some backends have it.
        reasoning_replay: Whether a model that reasons wants its reasoning back with each message that calls tools.
        error_shape: The body of errors. ``cloud``: SophNet's envelope, Qiniu's ``{"error":{...}}``.
        embeddings_order: Whether vectors come in order, or in another one that only their indexes tell.
        embeddings_index: Whether vectors carry their index.
        ocr_position: A block's place as in the document's example (``"0,0,720,1920"``), as in its table (integers),
            or left out.
        ocr_markdown: ``markdown`` as an object with ``text``, as a bare string, or absent.
        ocr_texts: A block's ``texts`` as a string or as a list of lines.
        ocr_status: The field that says that all went well.
        transcription_id: The field with a recognition task's id: ``task_id`` as in SophNet's tables, ``taskId`` as in
            its examples, or both.
        transcription_id_type: Whether that id is a string or a number.
        transcription_nesting: Whether a recognition task lies bare, within an object of that name, or, when it is
            made, is answered by its bare id.
        transcription_result: A recognition task's text in lines with times and speakers, without them, or in the
            newer list of transcripts with its own word for success.
        transcription_duration: Whether a finished recognition task tells how long the sound is.
        audio_frame: A frame of speech as the base64 string of the examples, in an object with ``array`` as in the table
            of chat with voice, or in the field ``data`` as in the table of Text to voice.
        empty_frames: Whether events without a frame stand between the others, as in the example.
        speech_finish: Whether the last frame of speech comes before the end or with it.
        speech_wav_size: Whether the header of a WAV that is streamed tells its true length, or as much as it can.
        speech_type: Whether a sound file has the content type of its format, or that of any bytes.
        stream_words: The words of a recognised sentence: strings like ``Word(beginTime=660, …)`` in a list as in the
            example, or in one string as in the table; objects; null; or left out.
        stream_refusal: How a socket for recognition that is refused closes: with a reason, without one, or before it is
            open, by an HTTP error.
        image_waiting: The word for a picture's task that waits.
        image_success: The word for one that is done: the table of its making, the table of its result, or seen.
        image_words: Whether these words are written in capital letters.
        image_results: ``results`` of a picture's task before it is done.
        image_reason: Where a picture's task says why it failed.
        edit_data_urls: Whether Image Edit takes data URLs, of which the document says nothing.
        edit_access: Whether the URL of an edited picture needs the key.
        speech_chat_handshake: How a spoken conversation that is refused says so: by a first event whose status is not
            0, or before it is open, by an HTTP error.
        speech_chat_refusal: How an event in it that is refused is answered: by an error, or by its own answer with a
            status that is not 0.
        video_created: How a film's task tells its id: as bare text, as the document has it, or otherwise.
        video_nulls: Whether fields of a film's task that are null are written.
        video_times: Whether a film's task counts time in seconds, as documented, or in milliseconds.
        video_reason: Where a film's task says why it failed; the document is silent.
        video_resolution: A film's resolution as its size, or as its grade, such as ``720p``; the table has both.
        qiniu_ocr: Where the text of Qiniu's OCR stands; no document shows its answer.
        asr_text: Where the text of Qiniu's recognition by URL stands: as in the newer document, or as older clients
            read it.
        asr_result: Whether ``result`` is an object as in every example, or a list as in the maker's table.
        asr_replies: What answers each packet of Qiniu's live recognition: a full response; an acknowledgement, with
            its sequence number once, in the place for flagged ones, or twice as the document's program reads it;
            nothing; or JSON in a text message. Without full responses those come when there is something new.
        asr_last: How its last response is marked: negative or positive sequence, a flag alone, or by the close alone.
        asr_serialization: Whether its frames say that they hold JSON, or raw bytes.
        asr_compression: Whether its frames are gzipped, or only say so.
        asr_header: Whether its frames' headers are one word long or two.
        asr_wrapper: Whether its results stand bare or in the field ``payload_msg``.
        asr_first: What its answer to the configuration says.
        asr_utterances: Whether its results tell sentences with words, without them, or not at all.
        tts_addition: Whether Qiniu's speech tells its duration.
        tts_frames: Whether its socket sends text or binary messages.
        voice_list: The field that Qiniu's voice list stands in; bare as documented.
        storage_bucket: Whether Qiniu's storage lets everybody read, or who has a signed URL alone.
    """

    sse_prefix: Literal["cloud", "space", "no_space", "bare"] = "cloud"
    blank_lines: bool = True
    newline: Literal["lf", "crlf"] = "lf"
    comments: bool = False
    charset: bool = False
    done: Literal["cloud", "sent", "absent"] = "cloud"
    usage: Literal["cloud", "last_chunk", "empty_choices", "every_chunk", "none"] = "cloud"
    usage_whole: bool = True
    usage_details: Literal["full", "null", "absent"] = "full"
    null_roles: Literal["cloud", "null", "absent", "repeated"] = "cloud"
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    finish: Literal["own_chunk", "last_piece"] = "own_chunk"
    finish_before: Literal["null", "absent", "empty"] = "null"
    empty_choices_first: bool = False
    tool_deltas: Literal[
        "standard",
        "empty_names",
        "repeated_names",
        "no_index",
        "shared_index",
        "id_on_every_chunk",
        "several_per_chunk",
        "dict_arguments",
        "whole",
    ] = "standard"
    tool_content: Literal["empty", "null", "absent"] = "empty"
    refs: Literal["none", "final", "incremental"] = "none"
    ids: Literal["sent", "absent", "empty"] = "sent"
    object_slip: bool = False
    model_echo: Literal["same", "prefixed"] = "same"
    part_lists: Literal["everywhere", "user_only"] = "everywhere"
    forced_tools_while_thinking: Literal["accepted", "refused"] = "accepted"
    reasoning_replay: Literal["optional", "required"] = "optional"
    error_shape: Literal[
        "cloud",
        "openai",
        "openai_string",
        "envelope",
        "envelope_200",
        "envelope_200_empty_result",
        "request_id_200",
        "code_message",
        "code_msg",
        "message",
        "success_false",
        "detail",
        "text",
        "html",
    ] = "cloud"
    embeddings_order: Literal["documented", "shuffled"] = "documented"
    embeddings_index: Literal["sent", "absent"] = "sent"
    ocr_position: Literal["string", "array", "absent"] = "string"
    ocr_markdown: Literal["object", "string", "absent"] = "object"
    ocr_texts: Literal["string", "list"] = "string"
    ocr_status: Literal["status", "code"] = "status"
    transcription_id: Literal["both", "task_id", "taskId", "id"] = "both"
    transcription_id_type: Literal["string", "number"] = "string"
    transcription_nesting: Literal["flat", "result", "data", "output", "bare_id"] = "flat"
    transcription_result: Literal["lines", "plain", "transcripts"] = "lines"
    transcription_duration: bool = False
    audio_frame: Literal["string", "object", "data"] = "string"
    empty_frames: bool = False
    speech_finish: Literal["own_event", "with_audio"] = "own_event"
    speech_wav_size: Literal["true", "unknown"] = "true"
    speech_type: Literal["by_format", "octet_stream"] = "by_format"
    stream_words: Literal["list", "string", "objects", "null", "absent"] = "list"
    stream_refusal: Literal["reason", "silent", "http"] = "reason"
    image_waiting: Literal["PENDING", "SUSPENDED", "UNKNOWN"] = "PENDING"
    image_success: Literal["SUCCEEDED", "SUCCESSED", "SUCCESS", "success"] = "SUCCEEDED"
    image_words: Literal["capital", "lower"] = "capital"
    image_results: Literal["absent", "empty", "null"] = "absent"
    image_reason: Literal["output_message", "output_errorMessage", "output_code", "top_message", "results_message"] = (
        "output_message"
    )
    edit_data_urls: Literal["refused", "accepted"] = "refused"
    edit_access: Literal["key", "open"] = "key"
    speech_chat_handshake: Literal["event", "http"] = "event"
    speech_chat_refusal: Literal["error", "own_event"] = "error"
    video_created: Literal["text", "quoted", "number", "taskId", "task_id", "id", "code_data", "status_result"] = "text"
    video_nulls: bool = False
    video_times: Literal["s", "ms"] = "s"
    video_reason: Literal["error", "message", "absent"] = "error"
    video_resolution: Literal["size", "grade"] = "size"
    qiniu_ocr: Literal["text", "data_text", "result_text", "data", "result", "content"] = "text"
    asr_text: Literal["data_result", "result", "data", "top"] = "data_result"
    asr_result: Literal["object", "list"] = "object"
    asr_replies: Literal["response", "ack", "ack_flagged", "ack_twice", "none", "text"] = "response"
    asr_last: Literal["negative", "positive", "flag", "close"] = "negative"
    asr_serialization: Literal["json", "raw"] = "json"
    asr_compression: Literal["gzip", "none", "mislabelled"] = "gzip"
    asr_header: Literal["short", "long"] = "short"
    asr_wrapper: Literal["bare", "payload_msg"] = "bare"
    asr_first: Literal["empty_text", "no_result"] = "empty_text"
    asr_utterances: Literal["words", "no_words", "absent"] = "words"
    tts_addition: Literal["sent", "absent"] = "sent"
    tts_frames: Literal["text", "binary"] = "text"
    voice_list: Literal["bare", "data", "voices", "result"] = "bare"
    storage_bucket: Literal["public", "private"] = "public"

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field, and refuse a value that it does not know."""
        allowed = _allowed().get(name)
        if allowed is None or value not in allowed:
            raise ValueError(f"variants.{name} = {value!r}: " + (f"one of {allowed}" if allowed else "no such variant"))
        object.__setattr__(self, name, value)


@cache
def _allowed() -> dict[str, tuple[Any, ...]]:
    hints = get_type_hints(Variants)
    return {name: get_args(hint) if get_origin(hint) is Literal else (True, False) for name, hint in hints.items()}
