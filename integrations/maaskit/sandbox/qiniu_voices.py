"""Qiniu's voices and ``GET /v1/voice/list``.

A name's sound is found by `engines.voices`; samples of it are served by `own_voice_samples`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.engines.voices import Gender
from maaskit.sandbox.gate import PUBLIC_ROUTES
from maaskit.sandbox.replies import json_reply
from maaskit.sandbox.state import state_of

SAMPLES: Final = f"{PUBLIC_ROUTES}voices/"
UPDATED_MS: Final = 1_735_689_600_000
"""2025-01-01 in UTC: a fixed day, so that two calls give one answer."""


@dataclass(frozen=True, slots=True)
class ListedVoice:
    """Hold a voice as the list tells it.

    Args:
        name: For people.
        voice_type: For requests.
        category: A heading to show it under.
        gender: Whose voice it is.
    """

    name: str
    voice_type: str
    category: str
    gender: Gender


LISTED: Final = (
    # The first two from Qiniu's document and from programs that use it, the others from the newer page 12981.
    ListedVoice("对话男声 M392", "zh_male_M392_conversation_wvae_bigtts", "传统音色", "male"),
    ListedVoice("Anna", "en_female_anna_mars_bigtts", "双语音色", "female"),
    ListedVoice("甜美教学小源", "qiniu_zh_female_tmjxxy", "传统音色", "female"),
    ListedVoice("温婉学科讲师", "qiniu_zh_female_wwxkjx", "传统音色", "female"),
    ListedVoice("校园清新学姐", "qiniu_zh_female_xyqxxj", "传统音色", "female"),
)
BY_TYPE: Final = {voice.voice_type: voice for voice in LISTED}


async def list_voices(request: web.Request) -> web.Response:
    """Answer the list of voices.

    Args:
        request: The request in hand.

    Returns:
        ``[{"voice_name", "voice_type", "url", "category", "updatetime"}]``, bare or in the field that
        `Variants.voice_list` names.

    Source:
        Qiniu, page 12981, ``/v1/voice/list``.
    """
    state = state_of(request)
    entries: list[dict[str, Any]] = [
        {
            "voice_name": voice.name,
            "voice_type": voice.voice_type,
            "url": f"{state.origin}{SAMPLES}{voice.voice_type}.mp3",
            "category": voice.category,
            "updatetime": UPDATED_MS,
        }
        for voice in LISTED
    ]
    wrapper = state.variants.voice_list
    return json_reply(entries if wrapper == "bare" else {wrapper: entries})


ROUTES = [("GET", "/voice/list", list_voices)]
