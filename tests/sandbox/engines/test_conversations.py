from __future__ import annotations

import io

import pytest

from maaskit.sandbox.engines import CannotRead, containers, conversations, recognition, speech, wav
from maaskit.sandbox.engines.conversations import numbered
from maaskit.sandbox.engines.sound import Sound, joined, silence
from maaskit.sandbox.engines.voices import Voice

LOW, HIGH = Voice(90), Voice(128)


def spoken(text: str, voice: Voice) -> Sound:
    return containers.resampled(speech.speak(text, voice), 16_000)


def test_a_recording_becomes_lines_with_times_and_speakers() -> None:
    pause = silence(600, 16_000)
    talk = joined(
        [
            pause,
            spoken("He found the house.", LOW),
            pause,
            spoken("We saw it.", HIGH),
            pause,
            spoken("Yes, we did.", LOW),
        ]
    )
    heard = conversations.listen(io.BytesIO(containers.encode(talk, "mp3", bit_rate=64_000)))
    assert heard.duration_ms == pytest.approx(talk.duration_ms, abs=150)
    assert [line.speaker for line in heard.lines] == [0, 1, 0]
    times = [ms for line in heard.lines for ms in (line.begin_ms, line.end_ms)]
    assert times == sorted(times)
    assert 500 < times[0] < 900
    assert all(line.text.endswith(".") for line in heard.lines)


def test_it_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that nobody waits for is neither decoded nor understood to its end."""
    monkeypatch.setattr(recognition, "recognise", lambda blocks: list(blocks) and [])
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) > 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        conversations.listen(io.BytesIO(wav.pack(silence(60_000, 16_000))), check)


def test_what_is_no_recording() -> None:
    with pytest.raises(CannotRead):
        conversations.listen(io.BytesIO(b"hello"))


@pytest.mark.parametrize(
    ("pitches", "speakers"),
    [
        ([], []),
        ([None], [0]),
        ([100.0], [0]),
        ([100.0, 103.0, 98.0, 106.0], [0, 0, 0, 0]),
        ([150.0, 100.0, 148.0, 101.0], [0, 1, 0, 1]),
        ([150.0, None, 100.0, None], [0, 0, 1, 1]),
        ([100.0, 200.0, 150.0, 99.0], [0, 1, 2, 0]),
    ],
)
def test_speakers_are_told_apart_by_their_pitch(pitches: list[float | None], speakers: list[int]) -> None:
    assert numbered(pitches) == speakers
