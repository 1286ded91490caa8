from __future__ import annotations

import pytest

from maaskit.sandbox.engines import CannotRead, audio, speech, voices

TEXT = "The teacher found a glass of water near the river."


def test_the_same_text_gives_the_same_sound() -> None:
    voice = voices.named("zh_male_M392_conversation_wvae_bigtts")
    first = speech.speak(TEXT, voice)
    speech.speak("Something else in between.", voice)
    assert speech.speak(TEXT, voice) == first
    assert first.rate == 22050
    assert 2000 < first.duration_ms < 6000
    assert not audio.is_silent(first)
    assert audio.peak_dbfs(first) < 0


@pytest.mark.parametrize("speed", [0.2, 0.5, 2.0, 4.0])
def test_speed_shortens_in_proportion(speed: float) -> None:
    voice = voices.named("a male")
    plain, changed = (speech.speak(TEXT, voice, speed=factor).duration_ms for factor in (1.0, speed))
    assert changed == pytest.approx(plain / speed, rel=0.25)


def test_volume_and_pitch() -> None:
    voice = voices.named("a male")
    plain = speech.speak(TEXT, voice)
    loud = speech.speak(TEXT, voice, volume=2)
    assert audio.loudness_dbfs(loud) - audio.loudness_dbfs(plain) == pytest.approx(6, abs=0.5)
    assert audio.is_silent(speech.speak(TEXT, voice, volume=0))
    high = audio.pitch_hz(speech.speak(TEXT, voice, pitch=1.5))
    low = audio.pitch_hz(plain)
    assert high
    assert low
    assert high / low == pytest.approx(1.5, rel=0.2)


def test_women_speak_higher_than_men_and_names_are_told_apart() -> None:
    man, woman = (audio.pitch_hz(speech.speak(TEXT, voices.named(name))) for name in ("x_male_1", "x_female_1"))
    assert man
    assert woman
    assert man < woman
    assert len({voices.named(f"voice {number}") for number in range(12)}) > 6
    assert voices.named("anna", "female") == voices.named("anna", "female")


def test_chinese_and_english_take_turns() -> None:
    runs = list(speech.runs_of("你好，世界！Hello, world. 今天的 AI 很好。3.5 is a number.\n"))
    assert runs == [
        ("zh", "你好，世界！"),
        ("en", "Hello, world."),
        ("zh", " 今天的 AI 很好。"),
        ("en", "3.5 is a number.\n"),
    ]
    mixed = speech.speak("你好，世界！Hello, world.", voices.named("a female"))
    assert 1000 < mixed.duration_ms < 6000


@pytest.mark.parametrize("text", ["", " \n", "\x00\x1b[[", "😀", "<speak>&amp;", "。。。", "\ud800"])
def test_any_text_is_spoken_or_is_a_moment_of_silence(text: str) -> None:
    assert speech.speak(text, voices.named("a male")).duration_ms < 5000


def test_a_text_that_is_too_long_and_a_speed_that_is_absurd_are_refused() -> None:
    with pytest.raises(CannotRead, match="20001 characters"):
        speech.speak("x" * 20_001, voices.named("a"))
    with pytest.raises(CannotRead, match="speed"):
        speech.speak("x", voices.named("a"), speed=11)


def test_a_speaker_that_breaks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(speech.LANGUAGES, "en", "no/such-language")
    with pytest.raises(RuntimeError, match="the speaker ended with"):
        speech.speak("Hello", voices.named("a"))
    monkeypatch.undo()
    monkeypatch.setattr(speech, "START_S", 0.001)
    monkeypatch.setattr(speech, "SECONDS_PER_CHARACTER", 0)
    with pytest.raises(RuntimeError, match="did not end"):
        speech.speak("Hello", voices.named("a"))
