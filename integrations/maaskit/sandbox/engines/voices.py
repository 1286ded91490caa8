"""The voices that the sandbox speaks with: one throat, tuned to be understood, at many pitches.

Which voice a cloud's name stands for is decided here from the name; text is spoken by `speech`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Literal

Gender = Literal["male", "female"]

# Found by search: of some hundred settings each, those with which a recogniser's models of English sounds
# agreed best. No flutter: eSpeak NG's wavering of the pitch goes on from sentence to sentence.
THROAT: Final = (
    "klatt 5 45",
    "flutter 0",
    "voicing 121",
    "consonants 88 87",
    "formant 0 100 100 92",
    "formant 1 98 70 132",
    "formant 2 103 87 66",
    "formant 3 103 100 51",
    "formant 4 114 100 43",
)
LANGUAGES: Final = {"en": "gmw/en-US", "zh": "sit/cmn"}
"""eSpeak NG's files for the languages; Latin letters within Chinese are read as English by it."""

PITCHES_HZ: Final[dict[Gender, tuple[int, int]]] = {"male": (76, 98), "female": (122, 150)}
"""The lowest and the highest base of the voices; women's stay low, because the recogniser loses higher ones."""

RANGE: Final = 1.42
"""How far a voice rises above its base in a sentence."""

_FEMALE: Final = re.compile(r"(?i)(?<![a-z])(?:female|woman|girl|lady)|(?<![a-z])f\d")
_MALE: Final = re.compile(r"(?i)(?<![a-z])(?:male|man|boy)(?![a-z])|(?<![a-z])m\d")


@dataclass(frozen=True, slots=True)
class Voice:
    """Hold what makes a voice recognisable.

    Args:
        base_hz: The lowest pitch of a sentence, in hertz.
    """

    base_hz: float

    def lines(self, pitch: float = 1.0) -> list[str]:
        """Write the voice as eSpeak NG's voice files have it.

        Args:
            pitch: Factor on its pitch.

        Returns:
            Lines to put behind a language's own.
        """
        base = max(25, round(self.base_hz * pitch))
        return [*THROAT, f"pitch {base} {round(base * RANGE)}"]


def named(name: str, gender: Gender | None = None) -> Voice:
    """Find the voice for a cloud's name; a name always stands for the same one, and two names seldom for one.

    Args:
        name: Any name; ``male`` or ``female`` in it is heeded.
        gender: What the voice is known to be; by default what the name says, or else what falls to it.

    Returns:
        The voice.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    low, high = PITCHES_HZ[gender or _gender(name) or ("male" if number % 2 else "female")]
    return Voice(low + (number >> 1) % (high - low + 1))


def _gender(name: str) -> Gender | None:
    if _FEMALE.search(name):
        return "female"
    return "male" if _MALE.search(name) else None
