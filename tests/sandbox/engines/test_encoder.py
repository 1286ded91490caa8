from __future__ import annotations

import math

import numpy as np
import pytest

from maaskit.sandbox.engines import audio, containers, wav
from maaskit.sandbox.engines.encoder import Encoder
from maaskit.sandbox.engines.sound import Sound, from_samples, silence


def tone(duration_ms: int, rate: int = 22_050) -> Sound:
    moments = np.arange(rate * duration_ms // 1000) / rate
    return from_samples(8000 * np.sin(2 * math.pi * 220 * moments), rate)


def written(encoder: Encoder, *sounds: Sound) -> list[bytes]:
    return [*(encoder.feed(sound) for sound in sounds), encoder.finish()]


@pytest.mark.parametrize(("rate", "bit_rate"), [(8000, 32_000), (16_000, 128_000), (22_050, 64_000), (48_000, 320_000)])
def test_an_mp3_is_one_file_that_grows(rate: int, bit_rate: int) -> None:
    pieces = written(Encoder("mp3", rate, bit_rate=bit_rate), tone(700), tone(500, 16_000), silence(300, 16_000))
    assert pieces[0].startswith(b"ID3")
    assert all(pieces)
    sound = containers.decode(b"".join(pieces))
    assert sound.rate == rate
    assert sound.duration_ms == pytest.approx(1500, abs=200)
    assert audio.pitch_hz(sound.part(100, 1000)) == pytest.approx(220, rel=0.02)
    assert len(b"".join(pieces)) * 8000 / sound.duration_ms == pytest.approx(bit_rate, rel=0.05)


def test_the_same_sound_gives_the_same_mp3() -> None:
    one, other = (written(Encoder("mp3", 16_000, bit_rate=64_000), tone(300)) for _ in range(2))
    assert one == other


def test_a_wav_has_one_header() -> None:
    head, more, last = written(Encoder("wav", 16_000, size=38_400), tone(700), tone(500))
    assert head.startswith(b"RIFF")
    assert not more.startswith(b"RIFF")
    assert last == b""
    sound = wav.unpack(head + more)
    assert (sound.rate, sound.duration_ms) == (16_000, pytest.approx(1200, abs=5))


def test_a_wav_of_unknown_length_promises_as_much_as_it_can() -> None:
    data = b"".join(written(Encoder("wav", 16_000), tone(700)))
    assert data[4:8] == b"\xff\xff\xff\xff"
    assert containers.decode(data).duration_ms == pytest.approx(700, abs=5)
    assert written(Encoder("wav", 16_000))[-1][:4] == b"RIFF"


def test_bare_samples() -> None:
    assert b"".join(written(Encoder("pcm", 22_050), tone(100), tone(100))) == tone(100).pcm * 2
