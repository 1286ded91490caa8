"""Plain answers and refusals, in the shapes that the two clouds document.

Which answer is due is decided by the handlers; streams are written by `body_stream`.

The sandbox has already read a request's body and recorded it, so ``await request.read()`` costs nothing;
multipart forms are read with `maaskit.sandbox.forms.read_form`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from maaskit.sandbox.json_text import decode
from maaskit.sandbox.state import state_of

SOPHNET_PREFIX: Final = "/api/open-apis"
QINIU_PREFIX: Final = "/v1"


class RefusalError(Exception):
    """A request that the documents refuse; raised by any handler, written in the cloud's error shape.

    Args:
        status: HTTP status.
        message: What is wrong, for people.
        code: The error's code, for programs; empty for the status' usual one.
        param: The field that is wrong.
        headers: Header fields to put on the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        param: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})


def is_sophnet(request: web.Request) -> bool:
    """Tell which cloud a request was meant for.

    Args:
        request: The request in hand.

    Returns:
        True for SophNet, False for Qiniu and for anything else.
    """
    return request.path.startswith(SOPHNET_PREFIX)


def json_bytes(value: Any) -> bytes:
    """Write a value as compact JSON; Chinese stays readable.

    Args:
        value: What to write.

    Returns:
        UTF-8 bytes; half of a surrogate pair, which no UTF-8 can hold, becomes a question mark.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON.

    Args:
        value: What to answer.
        status: HTTP status.
        headers: Further header fields.

    Returns:
        The response.
    """
    return web.Response(body=json_bytes(value), status=status, headers=headers, content_type="application/json")


async def read_json(request: web.Request) -> dict[str, Any]:
    """Read a JSON object from a request.

    Args:
        request: The request in hand.

    Returns:
        The object.

    Raises:
        RefusalError: The body is no JSON object (400).
    """
    try:
        value = decode(await request.read())
    except ValueError as error:
        raise RefusalError(400, f"the request body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(value, dict):
        raise RefusalError(400, "the request body must be a JSON object", code="invalid_json")
    return value


def require_project(request: web.Request) -> None:
    """Refuse a SophNet project that is not the sandbox's own.

    Args:
        request: A request whose route has ``{project_id}``.

    Raises:
        RefusalError: The path names another project (404).
    """
    if request.match_info["project_id"] != state_of(request).project_id:
        raise RefusalError(404, "project not found", code="project_not_found", param="project_id")


def require_easyllm(request: web.Request, easyllm_id: Any) -> None:
    """Refuse a SophNet service id that is missing or unknown.

    Args:
        request: The request in hand.
        easyllm_id: What the request gave as its ``easyllm_id``.

    Raises:
        RefusalError: It is missing (400) or not the sandbox's own (404).
    """
    if not isinstance(easyllm_id, str) or not easyllm_id:
        raise RefusalError(400, "easyllm_id is required", code="invalid_parameter", param="easyllm_id")
    if easyllm_id != state_of(request).easyllm_id:
        raise RefusalError(404, "easyllm_id not found", code="easyllm_not_found", param="easyllm_id")


def now_ms() -> int:
    """Return the time in milliseconds since 1970, as SophNet's envelopes carry it."""
    return int(time.time() * 1000)


def envelope(status: int, message: str, result: Any = None) -> dict[str, Any]:
    """Wrap a result as SophNet does; a status other than 0 is a failure.

    Args:
        status: 0 for success.
        message: What happened, for people.
        result: The payload.

    Returns:
        The envelope.

    Source:
        SophNet, voice creation and speech chat, *响应体参数*.
    """
    return {"status": status, "message": message, "result": result, "timestamp": now_ms()}


def refusal_reply(request: web.Request, refusal: RefusalError) -> web.Response:
    """Write a refusal in the cloud's own shape, or in the one that `Variants.error_shape` selects.

    Args:
        request: The request that is refused.
        refusal: Why.

    Returns:
        The response.
    """
    shape = state_of(request).variants.error_shape
    if shape == "cloud":
        shape = "openai" if request.path.startswith(f"{QINIU_PREFIX}/") else "openai_string"
        shape = "envelope" if is_sophnet(request) else shape
    if shape in ("text", "html"):
        text = refusal.message if shape == "text" else f"<html><body><h1>{refusal.message}</h1></body></html>"
        kind = "text/plain" if shape == "text" else "text/html"
        return web.Response(text=text, status=refusal.status, headers=refusal.headers, content_type=kind)
    status = 200 if shape in HTTP_200_SHAPES else refusal.status
    return json_reply(ERROR_SHAPES[shape](refusal), status, refusal.headers)


def _openai(refusal: RefusalError) -> dict[str, Any]:
    kind = "authentication_error" if refusal.status == 401 else "invalid_request_error"
    kind = "server_error" if refusal.status >= 500 else kind
    error = {"message": refusal.message, "type": kind, "code": refusal.code or None, "param": refusal.param}
    return {"error": error}


ERROR_SHAPES: Final[Mapping[str, Callable[[RefusalError], dict[str, Any]]]] = {
    "openai": _openai,
    "openai_string": lambda r: {"error": r.message},
    "envelope": lambda r: envelope(r.status, r.message),
    "envelope_200": lambda r: envelope(r.status, r.message),
    "envelope_200_empty_result": lambda r: envelope(r.status, r.message, {}),
    "request_id_200": lambda r: {"requestId": "sandbox", "code": r.code or str(r.status), "message": r.message},
    "code_message": lambda r: {"code": r.status, "message": r.message},
    "code_msg": lambda r: {"code": r.status, "msg": r.message},
    "message": lambda r: {"message": r.message},
    "success_false": lambda r: {"success": False, "message": r.message},
    "detail": lambda r: {"detail": r.message},
}
"""Error bodies seen or documented, by the name that `Variants.error_shape` takes."""

HTTP_200_SHAPES: Final = {"envelope_200", "envelope_200_empty_result", "request_id_200"}
