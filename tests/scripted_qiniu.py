"""Answers of Qiniu's OCR and recognition that say what was asked for, and a storage that only remembers."""

from __future__ import annotations

from typing import Any

from maaskit import Media
from tests.scripted import Reply, Seen, json_reply

STORAGE = ("QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "QINIU_BUCKET", "QINIU_DOMAIN")


class Shelf:
    """Remember what was put here, and give a URL for it."""

    def __init__(self) -> None:
        self.put: list[Media] = []

    def upload(self, media: Any) -> str:
        self.put.append(media)
        return f"https://files.example.com/{len(self.put)}/{media.name or 'unnamed'}?token=secret"


def read_back(seen: Seen) -> Reply:
    """Answer with the URL that was asked for."""
    assert seen.path == "/v1/images/ocr"
    return json_reply({"id": "i", "text": f"text of {seen.json['url']}"})


def heard_back(seen: Seen) -> Reply:
    assert seen.path == "/v1/voice/asr"
    told = {"text": f"{seen.json['audio']['format']} of {seen.json['audio']['url']}"}
    return json_reply({"reqid": "r", "data": {"audio_info": {"duration": 2500}, "result": told}})
