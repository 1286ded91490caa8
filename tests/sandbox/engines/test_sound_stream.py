from __future__ import annotations

import random
import threading

import pytest

from maaskit.sandbox.engines import CannotRead, containers, wav
from maaskit.sandbox.engines.sound import Sound
from maaskit.sandbox.engines.sound_stream import SoundStream
from tests.sandbox.engines.test_containers import tone


def streamed(data: bytes, form: str, step: int, rate: int = 16_000) -> tuple[bytes, int]:
    """Decode in pieces of up to so many bytes; tell also after how many the first samples came."""
    rng, at, first, found = random.Random(step), 0, 0, b""  # noqa: S311 - cuts, not secrets
    with SoundStream(form, rate) as stream:
        while at < len(data):
            size = rng.randint(1, step)
            found += stream.feed(data[at : at + size])
            at += size
            first = first or (at if found else 0)
        return found + stream.finish(), first


@pytest.mark.parametrize("form", ["wav", "mp3", "ogg", "aac", "amr", "flac"])
def test_pieces_give_what_the_whole_gives(form: str) -> None:
    sound = tone(3)
    data = containers.encode(sound, form)
    whole, _ = streamed(data, form, len(data))
    assert len(whole) == pytest.approx(len(containers.decode(data, 16_000).pcm), rel=0.03)
    for step in (100, 5000):
        pieces, first = streamed(data, form, step)
        assert pieces == whole
        if step == 100:
            assert first < max(len(data) * 0.8, 6000), "it is decoded while it comes in"


def test_pcm_of_any_rate_and_any_cut() -> None:
    assert streamed(tone().pcm, "pcm", 333)[0] == tone().pcm
    slow = tone(rate=8000)
    pieces, _ = streamed(slow.pcm, "pcm", 333, 8000)
    assert Sound(pieces, 16_000).duration_ms == pytest.approx(1000, abs=5)
    assert streamed(tone().pcm + b"\x01", "pcm", 333)[0] == tone().pcm


def test_wav_that_is_written_as_it_comes_and_what_follows_its_samples() -> None:
    pcm = tone().pcm
    assert streamed(wav.header(16_000, 0xFFFFFFFF) + pcm, "wav", 500)[0] == pcm
    assert streamed(wav.header(16_000, len(pcm)) + pcm + b"LIST\x04\x00\x00\x00abcd", "wav", 500)[0] == pcm
    law = wav.header(8000, 0).replace(b"\x01\x00\x01\x00", b"\x07\x00\x01\x00", 1)  # mu-law: FFmpeg's business
    law = law[:28] + (8000).to_bytes(4, "little") + b"\x01\x00\x08\x00" + law[36:40] + (8000).to_bytes(4, "little")
    assert len(streamed(law + b"\x80" * 8000, "wav", 500)[0]) == pytest.approx(32_000, rel=0.02)


@pytest.mark.parametrize("form", ["wav", "mp3", "ogg", "amr"])
def test_what_is_no_sound_is_an_error_and_leaves_no_thread(form: str) -> None:
    with pytest.raises(CannotRead):
        streamed(b"this is a text and no sound at all. " * 400, form, 500)
    with pytest.raises(CannotRead), SoundStream(form) as stream:
        stream.finish()
    with pytest.raises(CannotRead):
        streamed(containers.encode(tone(), form)[:4], form, 2)
    assert not [thread for thread in threading.enumerate() if thread.name == "maaskit-decoding"]


def test_one_that_is_left_in_the_middle_leaves_no_thread() -> None:
    with SoundStream("mp3") as stream:
        stream.feed(containers.encode(tone(3), "mp3")[:6000])
    assert not [thread for thread in threading.enumerate() if thread.name == "maaskit-decoding"]
