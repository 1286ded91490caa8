"""How SophNet is told to speak: model, voice, form of the sound, volume, speed and pitch, checked.

Text to voice, chat with voice output and speech chat share it; nothing is sent or read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from maaskit.errors import InvalidInput

DEFAULT_MODEL = "cosyvoice-v1"
# "支持"cosyvoice-v1"、"cosyvoice-v2"": of other names only the shape is checked.
MODELS = ("cosyvoice-v1", "cosyvoice-v2")

# The document: "指定音量,默认值为50,取值范围:[0-100]", and [0.5,2] for both "语速" and "语调".
VOLUME_RANGE = (0.0, 100.0)
RATE_RANGE = (0.5, 2.0)

# "WAV_16000HZ_MONO_16BIT、MP3_16000HZ_MONO_128KBPS、PCM_16000HZ_MONO_16BIT,其他文件格式暂未支持": speech chat's own
# default has another sampling rate and bit rate, so that these are open (wire-facts B.7).
CONTAINERS = ("mp3", "wav", "pcm")
FORMAT_EXAMPLES = ("MP3_16000HZ_MONO_128KBPS", "WAV_16000HZ_MONO_16BIT", "PCM_16000HZ_MONO_16BIT")

# "格式为"文件格式_采样率_通道_比特率""
_FORMAT = re.compile(r"([A-Z0-9]{2,10})_([1-9][0-9]{3,5})HZ_(MONO|STEREO)_([1-9][0-9]{0,3})(BIT|KBPS)")
_CHANNELS = {"MONO": 1, "STEREO": 2}
_CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/L16"}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Be a form of sound as the documents name it, taken apart.

    Args:
        name: The service's name for it, such as ``WAV_16000HZ_MONO_16BIT``.
        container: ``mp3``, ``wav``, ``pcm`` or what the name begins with, in lower case.
        sample_rate: Samples per second.
        channels: 1 or 2.
        bits: Bits per sample, where the name tells them.
        kbps: Kilobits per second, where the name tells them.
    """

    name: str
    container: str
    sample_rate: int
    channels: int
    bits: int | None = None
    kbps: int | None = None

    @classmethod
    def of(cls, text: str, *, argument: str = "format", listed_only: bool = True) -> AudioFormat:
        """Take a name apart.

        Args:
            text: The name, in any case.
            argument: The argument's name, for error messages.
            listed_only: Whether it must be MP3, WAV or PCM, the only ones that the document supports.

        Returns:
            The form of sound.

        Raises:
            InvalidInput: The name has another shape, or begins with something else.
        """
        found = _FORMAT.fullmatch(text.strip().upper()) if isinstance(text, str) else None
        examples = ", ".join(FORMAT_EXAMPLES)
        if found is None:
            raise InvalidInput(
                f"{argument} must be container_samplingrate_channels_rate, such as {examples}, not {text!r:.100}."
            )
        container = found[1].lower()
        if listed_only and container not in CONTAINERS:
            raise InvalidInput(f"{argument} must begin with MP3, WAV or PCM, such as {examples}, not {text!r:.100}.")
        number = int(found[4])
        bits, kbps = (number, None) if found[5] == "BIT" else (None, number)
        return cls(found[0], container, int(found[2]), _CHANNELS[found[3]], bits, kbps)

    @property
    def content_type(self) -> str:
        """Give the media type of such a sound."""
        return _CONTENT_TYPES.get(self.container, f"audio/{self.container}")


def speech_param(
    *,
    model: str | None = DEFAULT_MODEL,
    voice: str | None = None,
    format: str | None = None,  # noqa: A002 - the document's own word
    volume: float | None = None,
    speech_rate: float | None = None,
    pitch_rate: float | None = None,
) -> dict[str, Any]:
    """Make the ``synthesis_param`` object of a request.

    Args:
        model: ``cosyvoice-v1`` or ``cosyvoice-v2``; names that the document does not list pass. ``None`` leaves the
            choice to the service, where the document allows it.
        voice: A voice of the document, such as ``longxiaochun``, or the ``voice_id`` of a cloned one. Unset, none is
            sent: the service's default, ``longxiaochun``, is a voice of cosyvoice-v1.
        format: Such as ``MP3_16000HZ_MONO_128KBPS``; by default what the service recommends for the voice.
        volume: 0 to 100; the service's default is 50.
        speech_rate: 0.5 to 2; the service's default is 1.
        pitch_rate: 0.5 to 2; the service's default is 1.

    Returns:
        The object, as JSON has it, without what is unset.

    Raises:
        InvalidInput: A value is out of its range; the message names it.

    Source:
        sophnet-api, Text to voice, ``synthesis_param``.
    """
    for name, value in (("model", model), ("voice", voice)):
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise InvalidInput(f"{name} must be a name that is not empty, or None, not {value!r:.100}.")
    told = format
    if format is not None:
        told = AudioFormat.of(format, listed_only=model is None or model in MODELS).name
    param = {
        "model": model,
        "voice": voice,
        "format": told,
        "volume": _within("volume", volume, VOLUME_RANGE),
        "speechRate": _within("speech_rate", speech_rate, RATE_RANGE),
        "pitchRate": _within("pitch_rate", pitch_rate, RATE_RANGE),
    }
    return {name: value for name, value in param.items() if value is not None}


def _within(name: str, value: float | None, limits: tuple[float, float]) -> float | None:
    if value is None:
        return None
    low, high = limits
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # NaN is refused as well
        raise InvalidInput(f"{name} must be a number from {low:g} to {high:g}, not {value!r:.100}.")
    return value
