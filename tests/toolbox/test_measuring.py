"""How long a sound plays and how large a picture is: by files that an encoder wrote, and nothing by a guess."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.media import Media
from maaskit.toolbox.measuring import measured, seconds_of
from tests.scripted_tools import png, wav


def mp3(rate: int, bit_rate: int, layout: str, seconds: int = 2) -> bytes:
    """Let ffmpeg's encoder write some silence, with a tag and a table of contents before it."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp3") as file:
        stream = file.add_stream("mp3", rate=rate)
        stream.bit_rate, stream.layout = bit_rate, layout
        samples = np.zeros((1, rate * seconds * (1 if layout == "mono" else 2)), dtype="int16")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return written.getvalue()


@pytest.mark.parametrize(
    ("rate", "bit_rate", "layout"),
    [
        (8000, 16_000, "mono"),
        (16000, 64_000, "mono"),
        (22050, 56_000, "mono"),
        (24000, 32_000, "stereo"),
        (44100, 128_000, "stereo"),
        (48000, 320_000, "mono"),
    ],
)
def test_an_mp3_is_measured_frame_by_frame(rate: int, bit_rate: int, layout: str) -> None:
    sound = mp3(rate, bit_rate, layout)
    assert sound[:3] == b"ID3"
    assert b"Info" in sound[:600]
    longest_frame = 1152 / rate
    seconds = seconds_of(sound)
    assert seconds is not None
    assert 2 <= seconds < 2.01 + 3 * longest_frame  # the encoder's delay fills two frames at most
    assert seconds_of(sound + sound) == pytest.approx(2 * seconds, abs=0.011)
    assert seconds_of(sound + b"TAG" + b"\0" * 125) == seconds
    assert seconds_of(sound[:-5]) == pytest.approx(seconds - longest_frame, abs=0.08)


def test_a_wav_is_measured_by_its_header() -> None:
    sound = wav(0.25)
    assert seconds_of(sound) == 0.25
    assert seconds_of(sound[:-3200]) == 0.15  # of what is there
    untold = sound[:40] + struct.pack("<I", 0xFFFF_FFFF) + sound[44:]
    assert seconds_of(untold) == 0.25


@pytest.mark.parametrize(
    "sound",
    [
        b"",
        b"ID3",
        b"ID3\x04\x00" + b"\0" * 300,
        b"RIFF\0\0\0\0WAVE",
        b"OggS" + b"\0" * 100,
        b"\xff\xfb\x90\x00",
        b"\0" * 999,
    ],
)
def test_what_does_not_tell_is_not_guessed(sound: bytes) -> None:
    assert seconds_of(sound) is None


def test_garbage_among_the_frames_is_no_measure() -> None:
    sound = mp3(16000, 64_000, "mono")
    assert seconds_of(sound[:9000] + b"garbage" + sound[9000:]) is None
    assert seconds_of(sound + b"garbage") is None


@given(st.binary(max_size=300), st.sampled_from([b"", b"ID3", b"\xff\xfb\x90\x00", b"RIFF\0\0\0\0WAVEfmt "]))
def test_any_bytes_are_measured_or_not(rest: bytes, begin: bytes) -> None:
    seconds = seconds_of(begin + rest)
    assert seconds is None or seconds >= 0


def test_pictures_are_measured_by_their_headers() -> None:
    assert measured("image", Media(data=png(40, 30))) == {"size": "40*30"}
    huge = png(1, 1)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png(1, 1)[24:]
    assert measured("image", Media(data=huge)) == {"size": "2147483647*2147483647"}  # nothing is decoded
    assert measured("image", Media(data=b"no picture")) == {}
    assert measured("video", Media(data=b"\0\0\0\x18ftypmp42")) == {}
