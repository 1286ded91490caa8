"""The frame codec against the document's own program, restated here from its listing, and against anything at all."""

import contextlib
import gzip
import json
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.errors import MaasError, UnexpectedAnswer
from maaskit.qiniu import transcription_stream_frames as frames
from maaskit.qiniu.transcription_stream_frames import Message, Serialization

RESULT = {"reqid": "r", "result": {"text": "你好"}}


def frame(kind, flags, *fields, payload=b"", serialization=1, compression=0, words=1, version=1):
    """Write a frame as a service does: fields are struct-packed in order."""
    head = bytes((version << 4 | words, kind << 4 | flags, serialization << 4 | compression, 0)) + bytes(
        4 * (words - 1)
    )
    return head + b"".join(fields) + payload


def i32(value):
    return struct.pack(">i", value)


def u32(value):
    return struct.pack(">I", value)


def sized(payload):
    return u32(len(payload)) + payload


def result(value=RESULT, *, flags=1, sequence=1, packed=True, serialization=1):
    payload = json.dumps(value).encode()
    payload = gzip.compress(payload, mtime=0) if packed else payload
    fields = [i32(sequence)] if flags & 1 else []
    return frame(9, flags, *fields, sized(payload), serialization=serialization, compression=int(packed))


def test_what_we_write_is_what_the_documents_program_writes():
    payload = json.dumps({"user": {"uid": "test"}}).encode()
    written = frames.write(Message.CONFIG, payload, sequence=1, serialization=Serialization.JSON)
    assert written[:4] == bytes((0x11, 0x11, 0x11, 0x00))
    assert written[4:8] == i32(1)
    assert int.from_bytes(written[8:12], "big") == len(written) - 12
    assert gzip.decompress(written[12:]) == payload


def test_the_last_packet_is_flagged_and_has_a_negative_number():
    written = frames.write(Message.AUDIO, b"pcm", sequence=7, last=True, serialization=Serialization.RAW)
    assert written[:4] == bytes((0x11, 0x23, 0x01, 0x00))
    assert written[4:8] == i32(-7)
    assert gzip.decompress(written[12:]) == b"pcm"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("serialization", [0, 1, 15])
def test_a_result_is_read_packed_or_not_and_whatever_its_serialisation_says(packed, serialization):
    read = frames.read(result(packed=packed, serialization=serialization, sequence=3))
    assert (read.message, read.sequence, read.is_last) == (Message.RESULT, 3, False)
    assert read.payload == RESULT


@pytest.mark.parametrize(
    ("flags", "sequence", "is_last"),
    [(1, 5, False), (0, 0, False), (1, -5, True), (2, 0, True), (3, -5, True), (3, 5, True)],
)
def test_the_end_is_a_flag_or_a_sign(flags, sequence, is_last):
    assert frames.read(result(flags=flags, sequence=sequence)).is_last is is_last


def test_an_unflagged_sequence_is_found_by_what_fits():
    payload = gzip.compress(json.dumps(RESULT).encode())
    assert frames.read(frame(9, 2, i32(-4), sized(payload), compression=1)).payload == RESULT
    assert frames.read(frame(9, 1, sized(payload), compression=1)).payload == RESULT


def test_the_payload_is_cut_to_its_size():
    payload = json.dumps(RESULT).encode()
    assert frames.read(frame(9, 1, i32(2), sized(payload), b"left over")).payload == RESULT


def test_header_extensions_are_passed_over():
    payload = json.dumps(RESULT).encode()
    assert frames.read(frame(9, 1, i32(2), sized(payload), words=3)).payload == RESULT


@pytest.mark.parametrize(
    "fields",
    [
        (1, i32(4)),
        (1, i32(4), sized(b"")),
        (1, i32(4), i32(4), sized(b'{"a":1}')),
        (1, i32(4), i32(4)),
        (0, i32(4)),
        (0, i32(4), sized(b'{"a":1}')),
        (0,),
        (1, i32(-4), sized(gzip.compress(b'{"a":1}'))),
    ],
)
def test_acknowledgements_have_one_sequence_or_two_and_a_payload_or_none(fields):
    flags, *rest = fields
    read = frames.read(frame(11, flags, *rest, compression=1))
    assert read.message == Message.ACKNOWLEDGEMENT
    assert read.payload in (None, {"a": 1})


@pytest.mark.parametrize("flags", [0, 1])
@pytest.mark.parametrize("text", ['{"error":"bad"}', "bad audio", "音频为空"])
@pytest.mark.parametrize("packed", [True, False])
def test_errors_have_a_code_and_an_explanation(flags, text, packed):
    payload = gzip.compress(text.encode()) if packed else text.encode()
    sequence = [i32(9)] if flags else []
    read = frames.read(frame(15, flags, *sequence, u32(45000002), sized(payload), compression=int(packed)))
    assert (read.message, read.code) == (Message.ERROR, 45000002)
    assert read.payload in ({"error": "bad"}, "bad audio", "音频为空")


def test_an_error_flagged_with_a_sequence_that_it_has_not_is_read():
    assert frames.read(frame(15, 1, u32(45000001), sized(b"bad"))).code == 45000001


def test_an_error_in_an_unknown_form_keeps_its_words():
    assert "bad" in frames.read(frame(15, 0, b"bad")).payload


def test_gzip_that_is_none_is_taken_as_it_is():
    payload = json.dumps(RESULT).encode()
    assert frames.read(frame(9, 1, i32(2), sized(payload), compression=1)).payload == RESULT
    packed = gzip.compress(payload)
    assert frames.read(frame(9, 1, i32(2), sized(packed), compression=0)).payload == RESULT


def test_an_unknown_kind_keeps_its_payload_as_the_documents_program_does():
    assert frames.read(frame(12, 0, json.dumps(RESULT).encode())).payload == RESULT


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter than its header"),
        (b"\x11\x90", "shorter than its header"),
        (b"\x10\x91\x10\x00" + i32(1), "shorter than its header"),
        (b"\x1f\x91\x10\x00", "shorter than its header"),
        (frame(9, 1, i32(1)), "cut short"),
        (frame(9, 1, i32(1), u32(100), b"{}"), "cut short"),
        (frame(9, 1, i32(1), sized(b"no json")), "holds none"),
        (frame(9, 1, i32(1), sized(gzip.compress(b"{}", mtime=0)[:-9]), compression=1), "cut short"),
        (frame(9, 1, i32(1), sized(b"\x1f\x8b\x08\x00" + bytes(20)), compression=1), "no gzip|cut short"),
    ],
)
def test_what_cannot_be_read_is_an_error(data, why):
    with pytest.raises(UnexpectedAnswer, match=why) as caught:
        frames.read(data)
    assert caught.value.endpoint == "/voice/asr"


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b"0" * (256 * 1024 * 1024), compresslevel=1)
    assert len(bomb) < 2 * 1024 * 1024
    data = frame(9, 1, i32(1), sized(bomb), compression=1)
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedAnswer, match="larger than 1000000 bytes when it is decompressed"):
            frames.read(data, max_payload_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(UnexpectedAnswer, match="larger than 10 bytes"):
        frames.read(frame(9, 1, i32(1), sized(b'"0123456789"')), max_payload_bytes=10)


Nibble = st.integers(0, 15)
Payload = st.one_of(
    st.binary(max_size=60),
    st.just(json.dumps(RESULT).encode()),
    st.just(zlib.compress(json.dumps(RESULT).encode(), wbits=31)),
)


@given(
    st.tuples(Nibble, Nibble, Nibble, Nibble, Nibble, Nibble),
    st.lists(st.integers(-(2**31), 2**31 - 1).map(i32), max_size=3),
    Payload,
    st.integers(0, 100),
    st.booleans(),
)
def test_any_flags_and_any_cut_give_a_frame_or_an_error(nibbles, numbers, payload, cut, with_size):
    version, words, kind, flags, serialization, compression = nibbles
    body = b"".join(numbers) + (sized(payload) if with_size else payload)
    head = bytes((version << 4 | words, kind << 4 | flags, serialization << 4 | compression, 0))
    data = head + bytes(4 * max(0, words - 1)) + body
    for piece in (data, data[: len(data) * cut // 100]):
        try:
            read = frames.read(piece, max_payload_bytes=4096)
        except MaasError:
            continue
        assert 0 <= read.message <= 15
        assert isinstance(read.is_last, bool)


@given(st.binary(max_size=80))
def test_any_bytes_give_a_frame_or_an_error(data):
    with contextlib.suppress(MaasError):
        assert frames.read(data, max_payload_bytes=4096).message in range(16)
