"""How a file is fetched from anywhere: a generator that follows redirects and looks at each anew.

No socket, no clock, no key: the driver performs what it yields, and the provider lets the key go nowhere but to its own
origin.
"""

from __future__ import annotations

import re
from email.message import Message
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from maaskit.answers import download_refusal, unexpected
from maaskit.errors import InvalidInput
from maaskit.media import Media, checked_url
from maaskit.retry import RetryPolicy, retrying
from maaskit.wire import Download, Request, Response, Steps

MAX_REDIRECTS = 5


def downloading(download: Download, policy: RetryPolicy) -> Steps[Media]:
    """Fetch a file.

    Args:
        download: What to fetch.
        policy: Retry policy of each request.

    Yields:
        A request for the URL, then for each place that it redirects to.

    Returns:
        The content, with the name and the media type that the server told.

    Raises:
        InvalidInput: It is no http or https URL, redirects to none, or gives nothing.
        APIError: The server refused, or redirected more than five times.
    """
    places = [checked_url(download.url, argument=download.argument)]
    while True:
        request = Request("GET", places[-1], max_answer_bytes=download.max_bytes, bare=download.bare)
        response = yield from retrying(request, _same, policy, judge=_arrived)
        if 200 <= response.status < 300:
            _check_whole(response)
            return _media(response, places)
        location = response.headers.get("location")
        if not location or len(places) > MAX_REDIRECTS:
            raise download_refusal(response)
        places.append(checked_url(urljoin(places[-1], location), argument=f"{download.argument}'s redirect"))


def _arrived(answer: Any) -> Any:
    if isinstance(answer, Response) and not 200 <= answer.status < 400:
        raise download_refusal(answer)
    return answer


def _check_whole(response: Response) -> None:
    """Refuse a part of a file, which nobody asked for."""
    told = response.headers.get("content-range", "")
    found = re.fullmatch(r"bytes 0-(\d{1,18})/(\d{1,18})", told.strip().lower())
    if response.status == HTTPStatus.PARTIAL_CONTENT and not (found and int(found[1]) + 1 == int(found[2])):
        raise unexpected(response, "is a part of the file where all of it was asked for")


def _media(response: Response, places: list[str]) -> Media:
    if not response.body:
        raise InvalidInput(f"{response.endpoint} gives an empty file (0 bytes).")
    head = Message()
    head["content-disposition"] = response.headers.get("content-disposition", "")
    names = [head.get_filename() or "", *(urlsplit(place).path for place in (places[0], places[-1]))]
    clean = [PurePosixPath(unquote(name).replace("\\", "/")).name for name in names]
    # A name without an ending says less about the type than a later one with it.
    name = next((name for name in clean if PurePosixPath(name).suffix), next(filter(None, clean), None))
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Media(data=response.body, name=name, content_type=kind if "/" in kind else None)


def _same(response: Response) -> Response:
    return response
