"""How a text is to be spoken: SophNet's ``synthesis_param``, checked.

Texts are spoken in `speech_making`; voices that users made live in `voice_shelf`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from maaskit.sandbox.engines.voices import Voice, named
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.voice_shelf import VoiceShelf

DEFAULT_MODEL: Final = "cosyvoice-v1"
SPEECH_MODELS: Final = (DEFAULT_MODEL, "cosyvoice-v2")
"""支持"cosyvoice-v1"、"cosyvoice-v2"."""

DEFAULT_VOICE: Final = "longxiaochun"
VOICES_HZ: Final[Mapping[str, float]] = MappingProxyType(
    {
        "longxiaochun": 128,
        "longwan": 122,
        "longhua": 126,
        "longxiaoxia": 124,
        "longxiaobai": 130,
        "longjing": 120,
        "longyue": 118,
        "loongstella": 132,
        "loongbella": 134,
        "longcheng": 92,
        "longxiaocheng": 96,
        "longlaotie": 82,
        "longshu": 86,
        "longshuo": 89,
    }
)
"""支持longwan/longcheng/longhua/…; the document does not say how high anybody speaks, nor that the last five are men.
The women stay low, because the recogniser loses higher voices."""

SECOND_VOICE: Final = re.compile(r"loo?ng[a-z]+_v2")
"""How the second model's voices are called; no document lists them."""

FORM: Final = re.compile(r"(?P<kind>[A-Z0-9]+)_(?P<rate>\d+)HZ_(?P<channels>[A-Z]+)_(?P<bits>\d+)(?P<unit>KBPS|BIT)")
"""文件格式_采样率_通道_比特率."""
RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BIT_RATES_KBPS: Final = (8, 320)
"""What an MP3 can have."""

DEFAULT_VOLUME: Final = 50


@dataclass(frozen=True, slots=True)
class AudioForm:
    """Say how a sound is written.

    Args:
        kind: ``mp3``, ``wav`` or ``pcm``.
        rate: Samples per second.
        bit_rate: Bits per second of an MP3; None for the others, which have 16 bits a sample.
    """

    kind: str
    rate: int
    bit_rate: int | None = None

    @property
    def content_type(self) -> str:
        """Name it as the document does."""
        return {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/L16"}[self.kind]


DEFAULT_FORM: Final = AudioForm("mp3", 22050, 256_000)
"""输出语音(默认为mp3格式); speech chat's document writes the default out: MP3_22050HZ_MONO_256KBPS."""


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """Hold checked settings.

    Args:
        voice: Who speaks.
        form: How the sound is written.
        volume: Factor on the loudness.
        speed: Factor on the speed.
        pitch: Factor on the pitch.
    """

    voice: Voice
    form: AudioForm
    volume: float
    speed: float
    pitch: float


def read_order(
    param: Any, shelf: VoiceShelf, *, place: str = "synthesis_param", model_required: bool = False
) -> SpeechOrder:
    """Check the settings of a request; a field that is null counts as left out.

    Args:
        param: The value of ``synthesis_param``; None where it may be left out and is.
        shelf: The voices that users made.
        place: What to call it in refusals.
        model_required: Whether ``model`` must be given.

    Returns:
        The settings.

    Raises:
        RefusalError: Something in them is not what the document says (400).

    Source:
        SophNet, Text to voice and Chat completions + Text to voice, ``synthesis_param``.
    """
    given = {} if param is None else param
    if not isinstance(given, dict):
        raise _refusal(place, "must be an object")
    model = given.get("model")
    if model is None and not model_required:
        model = DEFAULT_MODEL
    if model not in SPEECH_MODELS:
        raise _refusal(f"{place}.model", f"must be one of {', '.join(SPEECH_MODELS)}")
    return SpeechOrder(
        voice=_voice(given.get("voice"), model, shelf, f"{place}.voice"),
        form=read_form(given.get("format"), f"{place}.format"),
        volume=_number(given, "volume", (0, 100), place=place, default=DEFAULT_VOLUME) / DEFAULT_VOLUME,
        speed=_number(given, "speechRate", (0.5, 2), place=place, default=1),
        pitch=_number(given, "pitchRate", (0.5, 2), place=place, default=1),
    )


def read_form(value: Any, place: str) -> AudioForm:
    """Read a format such as ``MP3_16000HZ_MONO_128KBPS``.

    Args:
        value: What the request says; None for the default.
        place: What to call it in refusals.

    Returns:
        The format.

    Raises:
        RefusalError: It is none that the document knows (400).

    Source:
        SophNet, Text to voice, ``format``: 文件格式_采样率_通道_比特率 … 其他文件格式暂未支持.
    """
    if value is None:
        return DEFAULT_FORM
    found = FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _refusal(place, "must look like WAV_16000HZ_MONO_16BIT, MP3_16000HZ_MONO_128KBPS, PCM_16000HZ_MONO_16BIT")
    kind, rate, bits = found["kind"], int(found["rate"]), int(found["bits"])
    if kind not in ("WAV", "MP3", "PCM"):
        raise _refusal(place, f"must be WAV, MP3 or PCM, not {kind}")
    if rate not in RATES:
        raise _refusal(place, f"must have a sample rate of {', '.join(map(str, RATES))} Hz, not {rate}")
    if found["channels"] != "MONO":
        raise _refusal(place, f"must be MONO, not {found['channels']}")
    if kind == "MP3":
        low, high = BIT_RATES_KBPS
        if found["unit"] != "KBPS" or not low <= bits <= high:
            raise _refusal(place, f"must give an MP3 {low} to {high} KBPS, not {bits}{found['unit']}")
        return AudioForm("mp3", rate, bits * 1000)
    if (bits, found["unit"]) != (16, "BIT"):
        raise _refusal(place, f"must give {kind} 16BIT, not {bits}{found['unit']}")
    return AudioForm(kind.lower(), rate)


def _voice(name: Any, model: str, shelf: VoiceShelf, place: str) -> Voice:
    if name is None:
        name = DEFAULT_VOICE
    if not isinstance(name, str):
        raise _refusal(place, "must be a string")
    cloned = shelf.use(name, model)
    if cloned is not None:
        return cloned
    is_second = model != DEFAULT_MODEL
    plain = name.removesuffix("_v2") if is_second else name
    if plain in VOICES_HZ:
        return Voice(VOICES_HZ[plain])
    if is_second and SECOND_VOICE.fullmatch(name):
        return named(name)
    raise _refusal(
        place, f"{name[:80]!r} is no voice of {model}: one of {', '.join(VOICES_HZ)}, or a voice_id made for it"
    )


def _number(given: Mapping[str, Any], name: str, bounds: tuple[float, float], *, place: str, default: float) -> float:
    value = given.get(name)
    if value is None:
        return default
    low, high = bounds
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        raise _refusal(f"{place}.{name}", f"must be a number from {low:g} to {high:g}")
    return float(value)


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)
