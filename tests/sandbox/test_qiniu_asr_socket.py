"""Qiniu's live recognition, judged with the document's own microphone program, fed from a file."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from websockets.sync.client import ClientConnection, connect

from maaskit.sandbox import Sandbox
from maaskit.sandbox.asr_frames import FrameError, read
from maaskit.sandbox.engines import containers, speech, voices
from tests.sandbox.engines.sentences import word_errors

SAID = ("the old man bought an interesting story last winter", "my friend followed the broken chair at the station")


@pytest.fixture(scope="module")
def phrase(pcm: bytes) -> bytes:
    return pcm[: 13 * 3200] + bytes(9600)


@pytest.fixture(scope="module")
def pcm() -> bytes:
    spoken = [speech.speak(sentence, voices.named("a male")) for sentence in SAID]
    return b"".join(containers.resampled(sound, 16_000).pcm + bytes(12_800) for sound in spoken)


# What follows is the document's listing, but for the microphone, the print-outs and the name of one argument.

FULL_CLIENT_REQUEST = 0b0001
AUDIO_ONLY_REQUEST = 0b0010
FULL_SERVER_RESPONSE = 0b1001
SERVER_ACK = 0b1011
SERVER_ERROR_RESPONSE = 0b1111
NO_SEQUENCE = 0b0000
POS_SEQUENCE = 0b0001
NEG_SEQUENCE = 0b0010
NEG_WITH_SEQUENCE = 0b0011
JSON_SERIALIZATION = 0b0001
GZIP_COMPRESSION = 0b0001


def generate_header(
    message_type: int = FULL_CLIENT_REQUEST,
    message_type_specific_flags: int = NO_SEQUENCE,
    serial_method: int = JSON_SERIALIZATION,
    compression_type: int = GZIP_COMPRESSION,
) -> bytearray:
    header = bytearray()
    header.append((0b0001 << 4) | 1)
    header.append((message_type << 4) | message_type_specific_flags)
    header.append((serial_method << 4) | compression_type)
    header.append(0x00)
    return header


def parse_response(res: bytes | str) -> dict[str, Any]:
    if not isinstance(res, bytes):
        return {"payload_msg": res}
    header_size = res[0] & 0x0F
    message_type = res[1] >> 4
    message_type_specific_flags = res[1] & 0x0F
    serialization_method = res[2] >> 4
    message_compression = res[2] & 0x0F
    payload = res[header_size * 4 :]
    result: dict[str, Any] = {}
    if message_type_specific_flags & 0x01:
        result["payload_sequence"] = int.from_bytes(payload[:4], "big", signed=True)
        payload = payload[4:]
    result["is_last_package"] = bool(message_type_specific_flags & 0x02)
    payload_msg: Any = payload
    if message_type == FULL_SERVER_RESPONSE:
        payload_msg = payload[4:]
    elif message_type == SERVER_ACK:
        result["seq"] = int.from_bytes(payload[:4], "big", signed=True)
        payload_msg = payload[8:] if len(payload) >= 8 else b""
    elif message_type == SERVER_ERROR_RESPONSE:
        result["code"] = int.from_bytes(payload[:4], "big", signed=False)
        payload_msg = payload[8:]
    if message_compression == GZIP_COMPRESSION:
        with contextlib.suppress(Exception):
            payload_msg = gzip.decompress(payload_msg)
    if serialization_method == JSON_SERIALIZATION:
        with contextlib.suppress(Exception):
            payload_msg = json.loads(payload_msg.decode("utf-8"))
    else:
        payload_msg = payload_msg.decode("utf-8", errors="ignore")
    result["payload_msg"] = payload_msg
    return result


class AsrMicClient:
    def __init__(self, token: str, ws_url: str, seg_duration: int = 100, sample_rate: int = 16000) -> None:
        self.token, self.ws_url, self.seg_duration, self.sample_rate = token, ws_url, seg_duration, sample_rate
        self.results: list[dict[str, Any]] = []

    def construct_request(self) -> dict[str, Any]:
        return {
            "user": {"uid": "test"},
            "audio": {"format": "pcm", "sample_rate": self.sample_rate, "bits": 16, "channel": 1, "codec": "raw"},
            "request": {"model_name": "asr", "enable_punc": True},
        }

    async def execute(self, pcm: bytes) -> None:
        seq = 1
        payload_bytes = gzip.compress(json.dumps(self.construct_request()).encode("utf-8"))
        full_client_request = bytearray(generate_header(message_type_specific_flags=POS_SEQUENCE))
        full_client_request.extend(seq.to_bytes(4, "big", signed=True))
        full_client_request.extend((len(payload_bytes)).to_bytes(4, "big"))
        full_client_request.extend(payload_bytes)
        headers = {"Authorization": "Bearer " + self.token}
        async with websockets.connect(self.ws_url, additional_headers=headers, max_size=1000000000) as ws:
            await ws.send(bytes(full_client_request))
            self.results.append(parse_response(await asyncio.wait_for(ws.recv(), timeout=10.0)))
            bytes_needed = int(self.sample_rate * self.seg_duration / 1000) * 2
            for start in range(0, len(pcm), bytes_needed):
                seq += 1
                header = generate_header(message_type=AUDIO_ONLY_REQUEST, message_type_specific_flags=POS_SEQUENCE)
                compressed_chunk = gzip.compress(pcm[start : start + bytes_needed])
                header.extend(seq.to_bytes(4, "big", signed=True))
                header.extend((len(compressed_chunk)).to_bytes(4, "big"))
                header.extend(compressed_chunk)
                await ws.send(bytes(header))
                self.results.append(parse_response(await asyncio.wait_for(ws.recv(), timeout=20.0)))


# Here the document's listing ends.


def url_of(sandbox: Sandbox) -> str:
    return f"{sandbox.qiniu_url.replace('http', 'ws', 1)}/voice/asr"


def frame(
    payload: bytes,
    *,
    kind: int = AUDIO_ONLY_REQUEST,
    flags: int = POS_SEQUENCE,
    sequence: int = 2,
    packed: bool = True,
    serial: int = JSON_SERIALIZATION,
) -> bytes:
    data = generate_header(kind, flags, serial, GZIP_COMPRESSION if packed else 0)
    body = gzip.compress(payload, mtime=0) if packed else payload
    if flags & 1:
        data += sequence.to_bytes(4, "big", signed=True)
    return bytes(data + len(body).to_bytes(4, "big") + body)


def configuration(**changes: Any) -> bytes:
    audio = {"format": "pcm", "sample_rate": 16000, "bits": 16, "channel": 1, "codec": "raw"}
    request = {"model_name": "asr", "enable_punc": True}
    for name, value in changes.items():
        (audio if name in audio else request)[name] = value
    return json.dumps({"user": {"uid": str(uuid.uuid4())}, "audio": audio, "request": request}).encode()


@contextlib.contextmanager
def dialed(sandbox: Sandbox, config: bytes | None = None) -> Iterator[ClientConnection]:
    head = {"Authorization": f"Bearer {sandbox.api_key}"}
    with connect(url_of(sandbox), additional_headers=head) as talk:
        talk.send(frame(config or configuration(), kind=FULL_CLIENT_REQUEST, sequence=1))
        yield talk


def sent(talk: ClientConnection, pcm: bytes, *, last: str = "negative", step: int = 16_000, **how: Any) -> None:
    pieces = [pcm[at : at + step] for at in range(0, len(pcm), step)]
    for number, piece in enumerate(pieces, 2):
        is_last = number == len(pieces) + 1 and last != "none"
        flags = NEG_WITH_SEQUENCE if last == "negative" else NEG_SEQUENCE
        if is_last:
            talk.send(frame(piece, flags=flags, sequence=-number, **how))
        else:
            talk.send(frame(piece, sequence=number, **how))


def heard(talk: ClientConnection) -> list[dict[str, Any]]:
    return [parse_response(message) for message in talk]


def text_of(result: dict[str, Any]) -> str:
    message = result["payload_msg"]
    message = json.loads(message) if isinstance(message, str) else message
    found = message.get("payload_msg", message)["result"]
    text: str = (found[0] if isinstance(found, list) else found)["text"]
    return text


def test_the_documents_program_is_understood_though_it_never_ends(sandbox: Sandbox, pcm: bytes) -> None:
    program = AsrMicClient(sandbox.api_key, url_of(sandbox), seg_duration=300)
    asyncio.run(program.execute(pcm))
    first, *results = program.results
    assert first["payload_msg"]["result"] == {"text": ""}
    assert [result["payload_sequence"] for result in results] == list(range(2, len(results) + 2))
    assert not any(result["is_last_package"] for result in results)
    texts = [text_of(result) for result in results]
    assert len({text for text in texts if text}) > 3, "it grows while it is spoken"
    assert word_errors(" ".join(SAID), texts[-1]) <= 0.3


def test_a_whole_file_at_once(sandbox: Sandbox, pcm: bytes) -> None:
    with dialed(sandbox) as talk:
        sent(talk, pcm)
        results = heard(talk)
        assert talk.close_code == 1000
    sequences = [result["payload_sequence"] for result in results]
    assert [abs(number) for number in sequences] == list(range(1, len(results) + 1))
    assert [number < 0 for number in sequences] == [False] * (len(results) - 1) + [True]
    assert results[-1]["is_last_package"]
    told = results[-1]["payload_msg"]
    assert word_errors(" ".join(SAID), told["result"]["text"]) <= 0.3
    assert told["audio_info"]["duration"] == pytest.approx(len(pcm) / 32, abs=50)
    utterances = told["result"]["utterances"]
    assert [utterance["definite"] for utterance in utterances] == [True, True]
    assert " ".join(utterance["text"] for utterance in utterances) == told["result"]["text"]
    edges = [edge for u in utterances for word in u["words"] for edge in (word["start_time"], word["end_time"])]
    assert edges == sorted(edges)


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("asr_last", "positive"),
        ("asr_last", "flag"),
        ("asr_last", "close"),
        ("asr_serialization", "raw"),
        ("asr_compression", "none"),
        ("asr_compression", "mislabelled"),
        ("asr_header", "long"),
        ("asr_wrapper", "payload_msg"),
        ("asr_first", "no_result"),
        ("asr_result", "list"),
        ("asr_utterances", "no_words"),
        ("asr_utterances", "absent"),
        ("asr_replies", "none"),
        ("asr_replies", "text"),
    ],
)
def test_every_way_of_writing_a_result(sandbox: Sandbox, phrase: bytes, variant: str, value: str) -> None:
    setattr(sandbox.variants, variant, value)
    with dialed(sandbox) as talk:
        sent(talk, phrase)
        messages = list(talk)
        assert talk.close_code == 1000
    results = [parse_response(message) for message in messages]
    last = results[-1]
    assert "old man" in text_of(last)
    assert last.get("is_last_package", False) is (value not in ("close", "text"))
    if variant == "asr_last":
        assert ("payload_sequence" in last) is (value != "flag")
        assert last.get("payload_sequence", 1) > 0
    raw = messages[-1]
    if value == "text":
        assert isinstance(raw, str)
        return
    assert isinstance(raw, bytes)
    assert raw[0] & 0x0F == (2 if value == "long" else 1)
    assert raw[2] >> 4 == (0 if value == "raw" else 1)
    assert raw[2] & 0x0F == (0 if value == "none" and variant == "asr_compression" else 1)
    assert (b"\x1f\x8b" in raw) is (variant != "asr_compression")
    if value == "no_result":
        assert "result" not in results[0]["payload_msg"]
    if value == "payload_msg":
        assert set(last["payload_msg"]) == {"payload_msg"}
    if value in ("no_words", "absent"):
        told = last["payload_msg"]["result"].get("utterances")
        assert told is None if value == "absent" else "words" not in told[0]
    if variant == "asr_replies":
        assert len(results) < 6, "nothing but news"


@pytest.mark.parametrize(("style", "flags"), [("ack", 0), ("ack_flagged", 1), ("ack_twice", 1)])
def test_every_acknowledgement(sandbox: Sandbox, style: Any, flags: int) -> None:
    sandbox.variants.asr_replies = style
    with dialed(sandbox) as talk:
        sent(talk, bytes(64_000))
        messages = [message for message in talk if isinstance(message, bytes)]
    acks = [message for message in messages if message[1] >> 4 == SERVER_ACK]
    assert [message[1] & 0x0F for message in acks] == [flags] * 4
    numbers = [int.from_bytes(message[4:8], "big") for message in acks]
    assert numbers == [2, 3, 4, 5]
    assert {len(message) for message in acks} == {12 if style == "ack_twice" else 8}
    if style != "ack_flagged":
        assert [parse_response(message)["seq"] for message in acks] == numbers
    assert parse_response(messages[-1])["is_last_package"]


@pytest.mark.parametrize("last", ["negative", "flag"])
@pytest.mark.parametrize("packed", [True, False])
def test_every_way_of_sending(sandbox: Sandbox, last: str, *, packed: bool) -> None:
    with dialed(sandbox) as talk:
        sent(talk, bytes(32_000), last=last, packed=packed, serial=0)
        assert heard(talk)[-1]["payload_msg"]["result"]["text"] == ""


@pytest.mark.parametrize("form", ["wav", "mp3", "ogg"])
def test_files_of_other_forms(sandbox: Sandbox, phrase: bytes, form: str) -> None:
    from maaskit.sandbox.engines.sound import Sound

    data = containers.encode(Sound(phrase, 16_000), form)
    with dialed(sandbox, configuration(format=form)) as talk:
        sent(talk, data, step=5000)
        assert "old" in text_of(heard(talk)[-1])


def test_one_sentence_at_a_time(sandbox: Sandbox, pcm: bytes) -> None:
    with dialed(sandbox, configuration(result_type="single")) as talk:
        sent(talk, pcm)
        texts = [text_of(result) for result in heard(talk)]
    assert "old man" not in texts[-1]
    assert any("old man" in text and "friend" not in text for text in texts)


def test_what_was_said_is_told_when_packets_stop_coming(sandbox: Sandbox, phrase: bytes) -> None:
    with dialed(sandbox) as talk:
        sent(talk, phrase[:-9600], last="none", step=21_000)
        texts: list[str] = []
        started = time.perf_counter()
        while "old man" not in (texts or [""])[-1]:
            texts.append(text_of(parse_response(talk.recv(timeout=20))))
        assert time.perf_counter() - started < 30


def test_a_client_that_says_nothing_is_told_so(sandbox: Sandbox) -> None:
    sandbox._state.socket_idle_s = 0.2
    with dialed(sandbox) as talk:
        results = heard(talk)
        assert talk.close_code == 1000
    assert results[-1]["code"] == 45000081


BAD_CONFIGURATIONS = [
    (b"no json", 45000001),
    (b"[]", 45000001),
    (configuration(model_name="other"), 45000001),
    (configuration(format="flac"), 45000151),
    (configuration(sample_rate=100), 45000001),
    (configuration(sample_rate="16000"), 45000001),
    (configuration(bits=8), 45000151),
    (configuration(channel=2), 45000151),
]


@pytest.mark.parametrize(("config", "code"), BAD_CONFIGURATIONS)
def test_a_bad_configuration_is_refused_in_an_error_frame(sandbox: Sandbox, config: bytes, code: int) -> None:
    with dialed(sandbox, config) as talk:
        (result,) = heard(talk)
    assert result["code"] == code
    assert result["payload_msg"]["error"]


BAD_PACKETS = [
    (frame(b"x", kind=FULL_CLIENT_REQUEST), 45000001),
    (frame(b"x", sequence=3), 45000001),
    (frame(b"x", sequence=-2), 45000001),
    (frame(b"x", flags=NEG_WITH_SEQUENCE, sequence=2), 45000001),
    (frame(b"", flags=NEG_SEQUENCE), 45000002),
    (frame(b"x") + b"y", 45000001),
    (frame(b"x")[:-1], 45000001),
    (frame(b"x")[:9], 45000001),
    (b"\x11", 45000001),
    (b"", 45000001),
    (b"\x21" + frame(b"x")[1:], 45000001),
    (b"\x10" + frame(b"x")[1:], 45000001),
    (b"\x1f" + frame(b"x")[1:], 45000001),
    (frame(b"x", flags=0b0111), 45000001),
    (frame(b"x", serial=0b1111), 45000001),
    (frame(b"x", kind=FULL_SERVER_RESPONSE), 45000001),
    (b"\x11\x21\x11\x00" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + b"abc", 45000001),
    (frame(bytes(17 * 2**20)), 45000001),
]


@pytest.mark.parametrize(("packet", "code"), BAD_PACKETS)
def test_a_bad_packet_is_refused_in_an_error_frame(sandbox: Sandbox, packet: bytes, code: int) -> None:
    with dialed(sandbox) as talk:
        talk.send(packet)
        _, result = heard(talk)
    assert result["code"] == code
    assert result["payload_msg"]["error"]


def test_text_messages_audio_first_and_what_is_no_sound(sandbox: Sandbox) -> None:
    with dialed(sandbox) as talk:
        talk.send("hello")
        assert heard(talk)[-1]["code"] == 45000001
    head = {"Authorization": f"Bearer {sandbox.api_key}"}
    for first in (frame(b"x"), frame(configuration(), kind=FULL_CLIENT_REQUEST, sequence=7)):
        with connect(url_of(sandbox), additional_headers=head) as talk:
            talk.send(first)
            assert heard(talk)[-1]["code"] == 45000001
    with dialed(sandbox, configuration(format="wav")) as talk:
        sent(talk, b"this is no wave file at all" * 1000)
        assert heard(talk)[-1]["code"] == 45000151


def test_a_wrong_key_never_gets_in(sandbox: Sandbox) -> None:
    with (
        pytest.raises(websockets.InvalidStatus) as refused,
        connect(url_of(sandbox), additional_headers={"Authorization": "Bearer x"}),
    ):
        pass
    assert refused.value.response.status_code == 401


def test_any_bytes_are_a_frame_or_an_error() -> None:
    good = frame(b"abc")
    for at, value in itertools.product(range(len(good)), (0, 1, 0x7F, 0xFF)):
        changed = good[:at] + bytes([value]) + good[at + 1 :]
        with contextlib.suppress(FrameError):
            read(changed)
    for cut in range(len(good)):
        with pytest.raises(FrameError):
            read(good[:cut])
