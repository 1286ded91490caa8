import contextlib
import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.errors import InvalidInput, MaasError
from maaskit.wav import WavBody, read_head


def wav(samples: bytes, rate=16000, bits=16, channels=1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setframerate(rate)
        writer.setsampwidth(bits // 8)
        writer.setnchannels(channels)
        writer.writeframes(samples)
    return file.getvalue()


def body():
    return WavBody(16000, 16, 1)


@given(st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2]), st.lists(st.integers(1, 60), max_size=40))
def test_any_split_gives_the_samples(samples, sizes):
    file = wav(samples)
    reader, found, start = body(), b"", 0
    for size in sizes:
        found += reader.feed(file[start : start + size])
        start += size
    found += reader.feed(file[start:])
    assert found == samples


def test_chunks_before_and_after_the_samples_are_none_of_them():
    file = wav(b"\x01\x02" * 5)
    head, data = file[:36], file[36:]
    more = head + b"LIST" + struct.pack("<I", 5) + b"hello\0" + data + b"id3 " + struct.pack("<I", 3) + b"end"
    assert body().feed(more) == b"\x01\x02" * 5
    reader = body()
    assert reader.feed(more[:-3]) == b"\x01\x02" * 5
    assert reader.feed(more[-3:]) == b""


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_does_not_know_its_size(size):
    file = wav(b"")
    streamed = file[:40] + struct.pack("<I", size) + b"\x01\x02" * 9
    assert body().feed(streamed) == b"\x01\x02" * 9


def test_the_extensible_form_of_pcm_is_pcm():
    told = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 32000, 2, 16, 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    file = (
        b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<I", len(told)) + told + b"data" + struct.pack("<I", 2) + b"ab"
    )
    assert body().feed(file) == b"ab"


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (wav(b"ab", rate=44100), "44100 Hz.*ffmpeg"),
        (wav(b"ab", bits=8), "8 bits"),
        (wav(b"abcd", channels=2), "2 channel"),
        (b"ID3\x04" + bytes(40), "no WAV"),
        (b"RIFF" + bytes(4) + b"WAVEdata" + bytes(8), "does not tell"),
        (b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<I", 4) + bytes(4), "cut short"),
        (b"RIFF" + bytes(4) + b"WAVEjunk" + struct.pack("<I", 1 << 30) + bytes(1 << 20), "no samples within"),
    ],
)
def test_other_sounds_are_refused_with_the_way_out(file, why):
    with pytest.raises(InvalidInput, match=why):
        body().feed(file)


@given(st.binary(max_size=300))
def test_any_bytes_give_samples_or_an_error(data):
    for file in (data, b"RIFF\0\0\0\0WAVE" + data, wav(b"")[:36] + data):
        with contextlib.suppress(MaasError):
            assert isinstance(body().feed(file), bytes)


def test_a_header_is_read_when_it_is_all_there():
    file = wav(b"\x01\x02" * 100, rate=8000)
    head = read_head(file)
    assert (head.start, head.size, head.bytes_per_s) == (44, 200, 16000)
    assert all(read_head(file[:size]) is None for size in range(44))
    assert read_head(b"RIFF....AVI ") is None
    assert read_head(b"RIFF\0\0\0\0WAVEdata\0\0\0\0").bytes_per_s == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_a_header_or_not(data):
    head = read_head(b"RIFF\0\0\0\0WAVE" + data)
    assert head is None or head.start <= len(data) + 12
