"""Speech: text becomes a sound, the same text with the same settings the same sound.

Voices are described in `voices`, files are written by `containers`; the speaking itself is done by `espeak`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from maaskit.sandbox.engines import CannotRead
from maaskit.sandbox.engines.sound import Sound
from maaskit.sandbox.engines.voices import LANGUAGES, Voice

WORDS_PER_MINUTE: Final = 150
"""At this speed the recogniser understands best."""

SLOWEST_WPM: Final = 80
FASTEST_WPM: Final = 450
"""eSpeak NG's own bounds; beyond them the sound is stretched."""

SPEEDS: Final = (0.1, 10.0)
MAX_TEXT_CHARACTERS: Final = 20_000
"""About half an hour of speech."""

LOUDNESS: Final = 0.45
"""Factor on what eSpeak NG gives: it leaves room for callers who want it twice as loud."""

MAX_AT_ONCE: Final = 2
START_S: Final = 30.0
SECONDS_PER_CHARACTER: Final = 0.02

_SENTENCE: Final = re.compile(r"(?:[^。！？!?\n.；;]|\.(?=\d))*(?:[。！？!?\n；;.]+|$)")
_CHINESE: Final = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_TURN = threading.BoundedSemaphore(MAX_AT_ONCE)


def speak(text: str, voice: Voice, *, speed: float = 1.0, pitch: float = 1.0, volume: float = 1.0) -> Sound:
    """Speak a text in Chinese and English; each sentence tells by its letters which one it is.

    Args:
        text: At most 20,000 characters.
        voice: Who speaks.
        speed: 2 takes half as long; from 0.1 to 10.
        pitch: Factor on the voice's pitch.
        volume: Factor on the loudness; beyond about 2 the sound is cut off at full scale.

    Returns:
        The sound at 22050 samples a second; a moment of silence for a text without a letter.

    Raises:
        CannotRead: The text is too long, or the speed out of its range.
        RuntimeError: The speaker broke down.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise CannotRead(f"the text has {len(text)} characters; the sandbox speaks at most {MAX_TEXT_CHARACTERS}")
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise CannotRead(f"the speed is {speed:g}; the sandbox speaks from {SPEEDS[0]:g} to {SPEEDS[1]:g}")
    words_per_minute = min(FASTEST_WPM, max(SLOWEST_WPM, round(WORDS_PER_MINUTE * speed)))
    lines = voice.lines(pitch)
    runs = [
        {"language": LANGUAGES[language], "voice": lines, "words_per_minute": words_per_minute, "text": run}
        for language, run in runs_of(_speakable(text))
    ]
    sound = _spoken(runs or [{**_nothing(lines), "words_per_minute": words_per_minute}], len(text))
    return _stretched(sound.louder(LOUDNESS * volume), speed * WORDS_PER_MINUTE / words_per_minute)


def runs_of(text: str) -> Iterator[tuple[str, str]]:
    """Part a text into stretches of whole sentences in one language.

    Args:
        text: The text.

    Yields:
        ``zh`` or ``en``, and the stretch; together they are the text, but for stretches that are blank.
    """
    sentences = [piece for piece in _SENTENCE.findall(text) if piece]
    for is_chinese, stretch in groupby(sentences, key=lambda piece: bool(_CHINESE.search(piece))):
        whole = "".join(stretch)
        if whole.strip():
            yield "zh" if is_chinese else "en", whole


def _nothing(lines: list[str]) -> dict[str, Any]:
    return {"language": LANGUAGES["en"], "voice": lines, "text": " "}


def _speakable(text: str) -> str:
    """Leave out control characters: some are commands to eSpeak NG."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn") else " " for c in text)


def _spoken(runs: list[dict[str, Any]], characters: int) -> Sound:
    import espeakng_loader  # type: ignore[import-untyped]  # noqa: PLC0415 -- loaded on use

    order = {"library": espeakng_loader.get_library_path(), "data": espeakng_loader.get_data_path(), "runs": runs}
    program = Path(__file__).with_name("espeak.py")
    with _TURN:
        try:
            done = subprocess.run(  # noqa: S603 -- our own program, by its path
                [sys.executable, "-I", "-S", str(program)],
                input=json.dumps(order).encode(),
                capture_output=True,
                timeout=START_S + SECONDS_PER_CHARACTER * characters,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"the speaker did not end within {error.timeout:.0f} s") from None
    if done.returncode or len(done.stdout) < 4:
        raise RuntimeError(f"the speaker ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    return Sound(done.stdout[4:], int.from_bytes(done.stdout[:4], "little"))


def _stretched(sound: Sound, speed: float) -> Sound:
    """Change the speed without changing the pitch, where eSpeak NG itself cannot."""
    if abs(speed - 1) < 0.01 or not sound.pcm:
        return sound
    from maaskit.sandbox.engines.tempo import stretched  # noqa: PLC0415 -- seldom needed, and heavy

    return stretched(sound, speed)
