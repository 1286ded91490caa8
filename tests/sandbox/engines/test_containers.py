from __future__ import annotations

import io
import struct
import wave

import pytest

from maaskit.sandbox.engines import CannotRead, audio, containers, wav
from maaskit.sandbox.engines.sound import Sound, from_samples, joined, silence

FORMS = ("wav", "mp3", "ogg", "opus", "aac", "m4a", "amr", "flac")


def tone(seconds: float = 1.0, rate: int = 16_000, hertz: float = 220.0) -> Sound:
    import numpy as np

    at = np.arange(round(seconds * rate)) / rate
    return from_samples(np.sin(2 * np.pi * hertz * at) * 8000, rate)


def test_pcm_comes_out_as_it_went_in() -> None:
    assert containers.encode(tone(), "pcm") == tone().pcm


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_and_read(form: str) -> None:
    data = containers.encode(tone(), form)
    assert data == containers.encode(tone(), form)
    sound = containers.decode(data, 16_000)
    assert sound.duration_ms == pytest.approx(1000, abs=150)
    assert audio.pitch_hz(sound) == pytest.approx(220, rel=0.03)
    assert audio.loudness_dbfs(sound) == pytest.approx(audio.loudness_dbfs(tone()), abs=4)
    assert audio.duration_ms(data) == pytest.approx(1000, abs=150)


def test_rate_and_bit_rate_are_heeded() -> None:
    small, large = (containers.encode(tone(3), "mp3", rate=22050, bit_rate=kbps * 1000) for kbps in (32, 128))
    assert len(large) > 2.5 * len(small)
    assert containers.decode(large).rate == 22050
    assert containers.decode(containers.encode(tone(), "amr")).rate == 8000
    assert containers.name_of(large) == "mp3"
    assert containers.name_of(containers.encode(tone(), "ogg")) == "ogg"


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="no form 'wma'"):
        containers.encode(tone(), "wma")


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\x00" * 4096, b"RIFF\x00\x00\x00\x00WAVE", b"#EXTM3U\nfile:///etc/passwd\n", b"ID3" + b"\xff" * 500],
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(CannotRead):
        containers.decode(data)


def test_a_picture_has_no_sound() -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    with pytest.raises(CannotRead):
        containers.decode(out.getvalue())


def test_a_file_that_breaks_off_is_heard_as_far_as_it_goes() -> None:
    whole = containers.encode(tone(4), "mp3")
    assert 1000 < containers.decode(whole[: len(whole) // 2]).duration_ms < 3000


@pytest.mark.parametrize(("channels", "width"), [(1, 1), (2, 2), (1, 3), (2, 4)])
def test_wav_of_every_width(channels: int, width: int) -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        top = 64 if width == 1 else 1 << (width * 8 - 2)
        sample = (top + 128).to_bytes(1, "little") if width == 1 else top.to_bytes(width, "little", signed=True)
        file.writeframes(sample * channels * 80)
    sound = containers.decode(out.getvalue())
    assert (sound.rate, len(sound.samples)) == (8000, 80)
    assert set(sound.samples.tolist()) == {16384}


def test_wav_of_floats_and_of_unknown_length() -> None:
    fmt = struct.pack("<IHHIIHH", 16, wav.FLOAT, 1, 8000, 32000, 4, 32)
    samples = struct.pack("<4f", 0.5, -0.5, float("nan"), float("inf"))
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + fmt + b"LIST\x03\x00\x00\x00abc\x00data"
    sound = wav.unpack(head + struct.pack("<I", 0xFFFFFFFF) + samples)
    assert sound.samples.tolist() == [16384, -16384, 0, 32767]
    assert wav.unpack(head + struct.pack("<I", 8) + samples).samples.tolist() == [16384, -16384]
    for broken in (head[:20], b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", head.replace(b"fmt ", b"fmtx")):
        with pytest.raises(CannotRead):
            wav.unpack(broken + struct.pack("<I", 8) + samples)


def test_pieces_of_sound() -> None:
    whole = joined([tone(), silence(500, 16_000), tone()])
    assert audio.silences(whole) == [(1000, 1500)]
    assert whole.part(1000, 1500) == silence(500, 16_000)
    assert audio.is_silent(whole.part(1100, 1400))
    with pytest.raises(ValueError, match="one rate"):
        joined([tone(), tone(rate=8000)])
    assert containers.resampled(tone(), 8000).duration_ms == pytest.approx(1000, abs=5)
    assert containers.resampled(Sound(b"", 8000), 16_000) == Sound(b"", 16_000)
