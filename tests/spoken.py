"""What the sandbox's speaker says and a picture with a line on it, made once for all tests that want them."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from maaskit.sandbox.engines import containers, speech, voices
from maaskit.sandbox.engines.sound import Sound

RATE = 16_000
SAID = ("the old man bought an interesting story last winter", "my friend followed the broken chair at the station")
WRITTEN = "Invoice 4711 of 2026"


@cache
def sentence(text: str = SAID[0], voice: str = "a male") -> bytes:
    """Give a sentence as samples of 16 kHz, half a second of silence behind it."""
    return containers.resampled(speech.speak(text, voices.named(voice)), RATE).pcm + bytes(RATE)


@cache
def phrase() -> bytes:
    """Give "the old man bought": some words that are heard quickly."""
    return sentence()[: 13 * 3200] + bytes(9600)


@cache
def sound_file(form: str, text: str = SAID[0]) -> bytes:
    """Give a sentence as a file."""
    return containers.encode(Sound(sentence(text), RATE), form)


@cache
def letter() -> bytes:
    """Give a PNG of `WRITTEN`."""
    picture = Image.new("RGB", (900, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), WRITTEN, font=ImageFont.load_default(40), fill="black")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
