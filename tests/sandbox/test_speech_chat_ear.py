from __future__ import annotations

import pytest

from maaskit.sandbox.engines import CannotRead, containers, wav
from maaskit.sandbox.engines.sound import Sound, silence
from maaskit.sandbox.speech_chat_ear import Ear, head_of

QUIET = silence(600, 16_000)


def encoded(form: str) -> bytes:
    return containers.encode(QUIET, form)


@pytest.mark.parametrize(
    ("form", "length"),
    [("wav", 44), ("amr", 6), ("mp3", 0), ("pcm", 0), ("aac", 0)],
)
def test_what_stands_before_the_sound(form: str, length: int) -> None:
    data = encoded(form)
    head = head_of(form, data)
    assert len(head) == length
    if form != "wav":
        assert data.startswith(head)


def test_the_head_of_a_wave_promises_no_length() -> None:
    found = wav.layout(head_of("wav", encoded("wav")))
    assert found is not None
    assert (found.rate, found.size) == (16_000, 0xFFFFFFFF)


def test_the_head_of_an_ogg_file_is_its_first_two_pages() -> None:
    data = encoded("opus")
    head = head_of("opus", data)
    assert head.count(b"OggS") == 2
    assert b"OpusTags" in head
    assert data.startswith(head)


@pytest.mark.parametrize(("form", "data"), [("wav", b"RIFF"), ("opus", b"OggS"), ("amr", b""), ("wav", b"")])
def test_a_head_that_is_not_whole_is_none(form: str, data: bytes) -> None:
    assert head_of(form, data) == b""


def test_turns_that_go_on_with_a_file_and_turns_that_bring_their_own() -> None:
    ear = Ear("wav", 16_000)
    for data in (wav.pack(QUIET), QUIET.pcm, QUIET.pcm, wav.pack(Sound(QUIET.pcm, 8000)), QUIET.pcm):
        assert ear.feed(data) == []
        assert ear.is_open
        assert ear.finish(goes_on=True) == []
        assert not ear.is_open
    # Three turns of 600 ms, and two at half the rate, which last twice as long.
    assert ear._offset_ms == 3 * 600 + 2 * 1200
    ear.close()
    assert ear.feed(QUIET.pcm) == []


def test_times_begin_anew_unless_they_go_on() -> None:
    ear = Ear("pcm", 16_000)
    ear.feed(QUIET.pcm)
    ear.finish(goes_on=True)
    assert ear._offset_ms == 600
    ear.feed(QUIET.pcm)
    ear.finish(goes_on=False)
    assert ear._offset_ms == 0
    assert ear.finish(goes_on=True) == []
    ear.close()


def test_a_turn_of_no_sound_ends_with_its_error_and_the_next_one_begins() -> None:
    ear = Ear("wav", 16_000)
    with pytest.raises(CannotRead):
        ear.feed(b"this is no sound at all")
    assert not ear.is_open
    assert ear.feed(wav.pack(QUIET)) == []
    ear.close()
