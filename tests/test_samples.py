"""Local recordings taken apart: samples of the wanted kind, or bytes as they are."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest

from maaskit import InvalidInput, Media
from maaskit.samples import blocks_of, local_recording, samples_of

SAMPLES = bytes(range(256)) * 40


def wav(rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(SAMPLES)
    return file.getvalue()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("piece_ms", [0, 1, 7, 100, 5000])
def test_samples_come_whole_and_never_half(tmp_path: Path, rate: int, piece_ms: int) -> None:
    (tmp_path / "a.pcm").write_bytes(SAMPLES)
    for source in (SAMPLES, wav(rate), tmp_path / "a.pcm"):
        pieces = list(samples_of(Media.of(source), rate, piece_ms=piece_ms))
        assert b"".join(pieces) == SAMPLES
    assert all(len(piece) % 2 == 0 for piece in pieces)
    assert max(map(len, pieces)) <= max(2, rate * 2 * max(1, piece_ms) // 1000)


def test_other_kinds_are_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidInput, match=r"takes 44\.1 kHz 16-bit mono WAV or PCM.*ffmpeg -i in\.mp3 -ar 44100"):
        samples_of(Media(data=b"ID3\x04"), 44_100)
    with pytest.raises(InvalidInput, match=r"8000 Hz.*wanted are 16000 Hz"):
        list(samples_of(Media(data=wav(8000)), 16_000))


@pytest.mark.parametrize("size", [12, 30, 44])
def test_a_wav_without_samples_is_refused_before_anything_is_opened(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(16_000)[:size])
    for source in (wav(16_000)[:size], tmp_path / "a.wav"):
        with pytest.raises(InvalidInput, match="no samples"):
            samples_of(Media.of(source), 16_000)


def test_a_wav_whose_header_is_all_there_is_gives_no_empty_recording() -> None:
    header = wav(16_000)
    padded = header[:36] + b"PAD " + (100_000).to_bytes(4, "little") + bytes(100_000) + header[36:44]
    with pytest.raises(InvalidInput, match="no samples"):
        list(samples_of(Media(data=padded), 16_000))


def test_bytes_come_as_they_are() -> None:
    assert list(blocks_of(Media(data=b"abcdefg"), 3)) == [b"abc", b"def", b"g"]


def test_a_url_is_told_where_to_go() -> None:
    assert local_recording(b"ab", instead="x").data == b"ab"
    with pytest.raises(InvalidInput, match=r"a URL goes to transcribe\(url\)"):
        local_recording("https://example.com/a.wav", instead="transcribe(url)")
