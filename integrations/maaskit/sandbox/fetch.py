"""Media that a request points to: http(s) URLs are fetched, data URLs and raw base64 decoded.

What the bytes are is found out by the engines. A person runs the sandbox for himself, so no host is forbidden here.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable
from typing import IO, Final
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
    target = io.BytesIO()
    await fetch_into(target, url, param=param, max_bytes=max_bytes, own=own)
    return target.getvalue()


async def fetch_into(
    target: IO[bytes],
    url: str,
    *,
    param: str,
    max_bytes: int = MAX_BYTES,
    timeout_s: float | None = None,
    own: Callable[[str], bytes | None] | None = None,
) -> None:
    """Write what a URL stands for into a file.

    Args:
        target: The file.
        url: An http, https or data URL.
        param: The request's field that it came in, for the refusal.
        max_bytes: How much is taken at most, in bytes.
        timeout_s: How long it may take, in seconds; 30 by default.
        own: As for `fetch`.

    Raises:
        RefusalError: As for `fetch` (400).
    """
    stored = own(url) if own else None
    if stored is None and _DATA_URL.match(url):
        stored = _from_data_url(url, param, max_bytes)
    if stored is not None:
        target.write(_bounded(stored, param, max_bytes))
        return
    if not is_web_url(url):
        raise _refusal(param, "must be an http(s) URL or a data URL")
    limit_s = TIMEOUT_S if timeout_s is None else timeout_s
    timeout = aiohttp.ClientTimeout(total=limit_s)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await _download(session, url, target, param=param, max_bytes=max_bytes)
    except TimeoutError as error:
        raise _refusal(param, f"could not be fetched within {limit_s:.0f} s") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise _refusal(param, f"could not be fetched ({type(error).__name__})") from error


def is_web_url(url: str) -> bool:
    """Tell whether a text is an http(s) URL.

    Args:
        url: The text.

    Returns:
        Whether it begins as one.
    """
    return re.match(r"https?://[^/?#\s]", url, re.IGNORECASE) is not None


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


async def _download(session: aiohttp.ClientSession, url: str, target: IO[bytes], *, param: str, max_bytes: int) -> None:
    size = 0
    async with session.get(url, max_redirects=MAX_REDIRECTS) as response:
        if response.status != 200:
            raise _refusal(param, f"could not be fetched: its server answered HTTP {response.status}")
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            _check_size(size, param, max_bytes)
            target.write(chunk)
    _check_size(size, param, max_bytes)


def _from_data_url(url: str, param: str, max_bytes: int) -> bytes:
    head, _, body = url.partition(",")
    if head.lower().endswith(";base64"):
        return from_base64(body, param=param, max_bytes=max_bytes)
    return unquote_to_bytes(body)


def _bounded(data: bytes, param: str, max_bytes: int) -> bytes:
    _check_size(len(data), param, max_bytes)
    return data


def _check_size(size: int, param: str, max_bytes: int) -> None:
    if not size:
        raise _refusal(param, "holds no data")
    if size > max_bytes:
        raise _refusal(param, f"holds more than {max_bytes // 2**20} MiB")


def _refusal(param: str, what: str) -> RefusalError:
    return RefusalError(400, f"{param} {what}", code="invalid_parameter", param=param)
