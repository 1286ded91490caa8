"""What Qiniu's voices sound like: the files that its voice list points to.

The list itself is `qiniu_voices`' business.
"""

from __future__ import annotations

from aiohttp import web

from maaskit.sandbox.engines import containers, speech, voices
from maaskit.sandbox.qiniu_voices import BY_TYPE, SAMPLES, ListedVoice
from maaskit.sandbox.replies import RefusalError
from maaskit.sandbox.state import state_of

SENTENCES = {"zh": "你好,世界!", "en": "Hello, world!"}
"""The Chinese one from the document's example."""


async def read_sample(request: web.Request) -> web.Response:
    """Answer a voice's sample.

    Args:
        request: A GET whose path ends with the voice's type and ``.mp3``.

    Returns:
        An MP3 file.

    Raises:
        RefusalError: There is no such voice (404).
    """
    voice = BY_TYPE.get(request.match_info["name"])
    if voice is None:
        raise RefusalError(404, "voice not found", code="not_found")
    return web.Response(body=await state_of(request).work(_sample, voice), content_type="audio/mpeg")


def _sample(voice: ListedVoice) -> bytes:
    text = SENTENCES["en" if voice.voice_type.startswith("en_") else "zh"]
    return containers.encode(speech.speak(text, voices.named(voice.voice_type, voice.gender)), "mp3", rate=24_000)


ROUTES = [("GET", SAMPLES + "{name}.mp3", read_sample)]
