"""Media that a request points to: http(s) URLs are fetched, data URLs and raw base64 decoded.

What the bytes are is found out by the engines. A person runs the sandbox for himself, so no host is forbidden here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

import aiohttp

from maaskit.sandbox.replies import RefusalError

MAX_BYTES: Final = 64 * 1024 * 1024
TIMEOUT_S: Final = 30.0
MAX_REDIRECTS: Final = 5
CHUNK_BYTES: Final = 64 * 1024

_DATA_URL: Final = re.compile(r"data:(?P<kind>[^;,]*)(?P<rest>[^,]*),", re.IGNORECASE)


async def fetch(
    url: str, *, param: str, max_bytes: int = MAX_BYTES, own: Callable[[str], bytes | None] | None = None
) -> bytes:
    """Get what a URL stands for.

    Args:
        url: An http, https or data URL.
        param: The request's field that it came in, for the refusal.
        max_bytes: How much is taken at most, in bytes.
        own: Finds what lies in the cloud's own storage, which needs no fetching and may be locked to others.

    Returns:
        The bytes.

    Raises:
        RefusalError: It is no such URL, cannot be reached within 30 s, or is too large (400).
    """
    stored = own(url) if own else None
    if stored is not None:
        return _bounded(stored, param, max_bytes)
    if _DATA_URL.match(url):
        return _bounded(_from_data_url(url, param), param, max_bytes)
    if not re.match(r"https?://[^/?#\s]", url, re.IGNORECASE):
        raise _refusal(param, "must be an http(s) URL or a data URL")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await _downloaded(session, url, param, max_bytes)
    except TimeoutError as error:
        raise _refusal(param, f"could not be fetched within {TIMEOUT_S:.0f} s") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise _refusal(param, f"could not be fetched ({type(error).__name__})") from error


def from_base64(text: str, *, param: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Decode raw base64.

    Args:
        text: Base64 with or without padding and line breaks.
        param: The request's field that it came in, for the refusal.
        max_bytes: How much is taken at most, in bytes.

    Returns:
        The bytes.

    Raises:
        RefusalError: It is no base64, empty, or too large (400).
    """
    packed = re.sub(r"\s", "", text).rstrip("=")
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal(param, "is not valid base64") from error
    return _bounded(data, param, max_bytes)


async def _downloaded(session: aiohttp.ClientSession, url: str, param: str, max_bytes: int) -> bytes:
    data = bytearray()
    async with session.get(url, max_redirects=MAX_REDIRECTS) as response:
        if response.status != 200:
            raise _refusal(param, f"could not be fetched: its server answered HTTP {response.status}")
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            data += chunk
            if len(data) > max_bytes:
                break
    return _bounded(bytes(data), param, max_bytes)


def _from_data_url(url: str, param: str) -> bytes:
    head, _, body = url.partition(",")
    if head.lower().endswith(";base64"):
        return from_base64(body, param=param)
    return unquote_to_bytes(body)


def _bounded(data: bytes, param: str, max_bytes: int) -> bytes:
    if not data:
        raise _refusal(param, "holds no data")
    if len(data) > max_bytes:
        raise _refusal(param, f"holds more than {max_bytes // 2**20} MiB")
    return data


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)
