"""What an HTTP answer says: JSON, a refusal in any of the shapes that the two clouds use, or something unreadable.

No endpoint is known here: what a good answer means is the endpoint's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pydantic_core

from maaskit.errors import (
    APIError,
    AuthenticationFailed,
    BadRequest,
    ContextOverflow,
    InsufficientBalance,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    UnexpectedAnswer,
)
from maaskit.lenient_json import from_json
from maaskit.wire import Response

EXCERPT_CHARS = 500

_SUCCESS_CODES = frozenset({"", "0", "200", "success", "ok", "none"})

# Qiniu's gateway answers 403 with "error code: 1010" to User-Agents it dislikes (wire-facts A.0, official cookbook).
_FIREWALL = re.compile(r"error code:\s*1010", re.IGNORECASE)

_OVERFLOW = re.compile(
    r"context[ _]length|context window|maximum context|max(imum)? (input|prompt) (length|tokens)|input is too long"
    r"|prompt is too long|too many (input )?tokens|exceeds? the (model'?s )?(max|context)"
    r"|超过.{0,12}(上下文|最大长度)|上下文.{0,6}超",
    re.IGNORECASE,
)

_NUMBER = re.compile(r"-?[0-9]{1,18}")

_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    402: InsufficientBalance,
    403: PermissionDenied,
    404: NotFound,
    422: BadRequest,
    429: RateLimited,
}

# Words in `code` or `type` of an error under HTTP 200, where the status says nothing.
_BY_WORD: tuple[tuple[str, int], ...] = (
    ("rate_limit", 429),
    ("ratelimit", 429),
    ("too_many_requests", 429),
    ("throttl", 429),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("unauthorized", 401),
    ("insufficient", 402),
    ("quota_exceeded", 402),
    ("arrearage", 402),
    ("permission", 403),
    ("forbidden", 403),
    ("not_found", 404),
    ("notfound", 404),
    ("invalid", 400),
    ("bad_request", 400),
    ("context_length", 400),
    ("server_error", 500),
    ("internal", 500),
    ("unavailable", 503),
    ("overloaded", 503),
    ("timeout", 504),
)


def parse_json(response: Response) -> Any:
    """Decode the body of an answer.

    Args:
        response: A whole answer.

    Returns:
        The JSON value.

    Raises:
        UnexpectedAnswer: The body is not JSON.
    """
    try:
        return from_json(response.body)
    except ValueError:
        raise unexpected(response, "is not JSON") from None


def parse_object(response: Response) -> dict[str, Any]:
    """Decode the body of an answer that must be a JSON object.

    Args:
        response: A whole answer with a 2xx status.

    Returns:
        The object.

    Raises:
        UnexpectedAnswer: The body is not a JSON object.
        APIError: The object says that the request failed, although the HTTP status says that it did not.
    """
    value = parse_json(response)
    if not isinstance(value, dict):
        raise unexpected(response, "is not a JSON object")
    refusal = refusal_in(value, response)
    if refusal is not None:
        raise refusal
    return value


def unexpected(response: Response, what: str) -> UnexpectedAnswer:
    """Make the error for an answer that cannot be read.

    Args:
        response: The answer.
        what: What is wrong with it, as the end of a sentence: "is not JSON".

    Returns:
        The error, with the beginning of the answer.
    """
    kind = response.headers.get("content-type", "no content type")
    return UnexpectedAnswer(
        f"The answer of {response.endpoint or 'the service'} ({kind}, {len(response.body)} bytes) {what}.",
        endpoint=response.endpoint,
        excerpt=excerpt(response.body),
    )


def excerpt(body: bytes | str) -> str:
    """Give the beginning of a body as text.

    Args:
        body: Anything the service sent.

    Returns:
        At most 500 characters.
    """
    text = body if isinstance(body, str) else body[: 4 * EXCERPT_CHARS].decode("utf-8", errors="replace")
    return text[:EXCERPT_CHARS]


def error_from_status(response: Response) -> APIError:
    """Make the error that a non-2xx answer stands for, whatever shape its body has.

    Args:
        response: A whole answer with a status that is not 2xx.

    Returns:
        An error of the class that fits the status.
    """
    body: Any = None
    try:
        body = from_json(response.body)
    except ValueError:
        body = excerpt(response.body).strip()
    message, code = _explanation(body)
    if 300 <= response.status < 400 and "location" in response.headers:
        # The key goes to the configured origin only, so a redirect is not followed.
        message = "the service redirects elsewhere; set base_url to its final address"
    if response.status == 403 and _FIREWALL.search(excerpt(response.body)):
        message = "the gateway's firewall refused this client (error code: 1010); set another User-Agent header"
    return _make(response.status, message, code, response)


def download_refusal(response: Response) -> APIError:
    """Make the error for a file that could not be fetched; whose server it is is not known.

    Args:
        response: An answer with a status that is not 2xx.

    Returns:
        An error of the class that fits the status.
    """
    kind = _kind(response.status, "", None)
    why = f"HTTP {response.status}" if response.status >= 400 else "it redirects without end or to nowhere"
    return kind(
        f"{response.endpoint} cannot be fetched: {why}.",
        status=response.status,
        request_id=_request_id(response.headers),
    )


def refusal_in(value: Mapping[str, Any], response: Response | None = None) -> APIError | None:
    """Find the refusal in a JSON object that came under HTTP 200 or as an event of a stream.

    Args:
        value: The object.
        response: The answer that it came in, for headers and the endpoint's name.

    Returns:
        The error, or ``None`` when the object is a good answer.
    """
    # An int is an envelope's status, a word is the state of a task or of a voice frame (wire-facts C.13).
    said = value.get("error") or value.get("success") is False
    if not said and not _is_failed_status(value.get("status")) and not _is_failed_code(value):
        return None
    message, code = _explanation(value)
    return _make(_status_of(value, code), message, code, response)


def _is_failed_status(status: Any) -> bool:
    if isinstance(status, bool):
        return False
    if isinstance(status, str) and _NUMBER.fullmatch(status):
        status = int(status)
    return isinstance(status, int) and status not in (0, 200)


def _is_failed_code(value: Mapping[str, Any]) -> bool:
    code = value.get("code")
    if code is None or isinstance(code, bool) or str(code).strip().lower() in _SUCCESS_CODES:
        return False
    # A code beside a payload is part of the payload's own language.
    return not any(value.get(key) for key in ("choices", "data", "output", "result", "results"))


def _explanation(body: Any) -> tuple[str, str | None]:
    if isinstance(body, str):
        return (body or "no explanation was given"), None
    if not isinstance(body, Mapping):
        return "no explanation was given", None
    inner = body.get("error") or body
    if isinstance(inner, str):
        return inner, _text(body.get("code"))
    if not isinstance(inner, Mapping):
        inner = body
    message = next(
        (text for key in ("message", "msg", "detail", "errorMsg", "error_message") if (text := _text(inner.get(key)))),
        "no explanation was given",
    )
    # `status` of SophNet's envelope is its error number.
    code = next((text for key in ("code", "type", "status") if (text := _text(inner.get(key)))), None)
    return message, code


def _text(value: Any) -> str | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    return value if isinstance(value, str) else pydantic_core.to_json(value, fallback=str).decode()


def _status_of(value: Mapping[str, Any], code: str | None) -> int | None:
    error = value.get("error")
    candidates: list[Any] = [value.get("status"), value.get("code")]
    if isinstance(error, Mapping):
        candidates = [error.get("status"), error.get("code"), *candidates]
    for candidate in candidates:
        number = _text(candidate)
        if number is not None and _NUMBER.fullmatch(number) and 400 <= int(number) < 600:
            return int(number)
    words = " ".join(filter(None, [code, _text(error.get("type")) if isinstance(error, Mapping) else None])).lower()
    return next((status for word, status in _BY_WORD if word in words), None)


def _make(status: int | None, message: str, code: str | None, response: Response | None) -> APIError:
    kind = _kind(status, message, code)
    headers = response.headers if response is not None else {}
    endpoint = response.endpoint if response is not None else ""
    where = f" by {endpoint}" if endpoint else ""
    number = f" ({status})" if status is not None else ""
    # Another host than the model service knows neither its key nor its models.
    hint = "" if endpoint.startswith(("https://", "http://")) else _HINTS.get(kind, "")
    why = message[:EXCERPT_CHARS]
    stop = "." if hint and not why.rstrip().endswith(_ENDS_OF_SENTENCES) else ""
    return kind(
        f"Refused{where}{number}: {why}{stop}{hint}",
        status=status,
        code=code,
        request_id=_request_id(headers),
    )


_ENDS_OF_SENTENCES = (".", "!", "?", "。", "！", "？")
_HINTS: dict[type[APIError], str] = {
    AuthenticationFailed: " Check the api_key (QINIU_API_KEY or SOPHNET_API_KEY) and that it belongs to this base_url.",
    InsufficientBalance: " The account needs balance or quota.",
    NotFound: " Check the model's spelling (names are case-sensitive), the ids and the base_url.",
}


def _kind(status: int | None, message: str, code: str | None) -> type[APIError]:
    if status in (400, 413, 422, None) and (_OVERFLOW.search(message) or "context_length" in (code or "")):
        return ContextOverflow
    if status is None:
        return APIError
    if 500 <= status < 600:
        return ServerError
    if status >= 600:  # Qiniu's storage: the file exists, there is no such bucket, and the like (wire-facts A.7)
        return BadRequest
    if status in (408, 409, 425):  # about the moment, not about the request
        return APIError
    return _BY_STATUS.get(status, BadRequest if 400 <= status < 500 else APIError)


def _request_id(headers: Mapping[str, str]) -> str | None:
    names = ("x-request-id", "x-qiniu-request-id", "x-reqid", "request-id")
    return next((headers[name] for name in names if name in headers), None)
