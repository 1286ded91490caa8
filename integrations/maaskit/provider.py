"""Who is asked: base URL, key and path variables of Qiniu and SophNet, and the one place where a key enters a request.

Nothing here performs I/O, and nobody else opens a key; what a caller gives is checked in ``credentials``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlsplit

import pydantic_core
from pydantic import SecretStr

from maaskit.credentials import checked_base_url, checked_id, checked_key, environment
from maaskit.errors import ConfigurationError, InvalidInput, MaasError
from maaskit.wire import FilePart, Request, Variable

__all__ = ["Provider", "Qiniu", "Resolved", "SophNet", "environment", "origin_of"]

_TELLING_CHARS = 8  # so much of a key gives it away
_TYPE = "content-type"
_PATH_VARIABLE = re.compile(r"\{(project_id|easyllm_id)\}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Be a request as it goes over the line, key included; it never leaves a driver.

    Args:
        method: HTTP method.
        url: Absolute URL. It may carry the key where a document puts it into the query, so it is never printed.
        headers: Header fields, with the key.
        content: JSON body, encoded.
        fields: Plain form fields.
        files: Parts of a multipart form, their JSON values encoded to bytes.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[FilePart, ...] = field(default=(), repr=False)


class Provider:
    """Hold what one cloud wants to know of its caller.

    Args:
        api_key: The key; by default the value of the first set variable in ``key_variables``.
        base_url: Where the service is; by default the value of ``base_url_variable``, then ``default_base_url``.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.
    """

    name: ClassVar[str]
    key_variables: ClassVar[tuple[str, ...]]
    base_url_variable: ClassVar[str]
    default_base_url: ClassVar[str]

    def __init__(self, *, api_key: str | SecretStr | None = None, base_url: str | None = None) -> None:
        self._api_key = checked_key(api_key, self.name, self.key_variables)
        url = base_url or environment(self.base_url_variable) or self.default_base_url
        self.base_url = checked_base_url(url, self.name, self.default_base_url)

    @classmethod
    def from_env(cls) -> Self:
        """Make the provider from the environment alone.

        Returns:
            The provider.

        Raises:
            ConfigurationError: A variable that is needed is not set; the message names it.
        """
        return cls()

    @property
    def api_key(self) -> SecretStr:
        """Give the key, wrapped so that it is not printed."""
        return self._api_key

    @property
    def origin(self) -> str:
        """Give scheme, host and port: the only place that the key may be sent to."""
        return origin_of(self.base_url)

    def __repr__(self) -> str:
        """Show everything but the key, also where a refusal left it half made: error reports show that too."""
        return f"{type(self).__name__}(base_url={getattr(self, 'base_url', None)!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the settings, key included."""
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        """Hash what does not hold the key."""
        return hash((type(self), self.base_url))

    def resolve(self, request: Request, extra_headers: Mapping[str, str] | None = None) -> Resolved:
        """Turn a request into what goes over the line; the only place where a key enters a request.

        Args:
            request: The request.
            extra_headers: Further header fields of the caller; they win over maaskit's own.

        Returns:
            The request with URL, key and ids.

        Raises:
            ConfigurationError: The request needs an id that is not configured.
        """
        url = self._url(request)  # first, because it names the project, which is missed before the service's id
        if request.bare or (request.is_absolute and origin_of(url) != self.origin):
            return _for_a_stranger(request, url, extra_headers or {})
        # What can be refused comes before the key does: reports of errors show the variables of each frame.
        content = None if request.json is None else self._encode(request.json, request)
        fields = {name: self._filled(value, request) for name, value in request.fields.items()}
        files = tuple(self._part(part, request) for part in request.files)
        headers = {"Authorization": f"Bearer {self._api_key.get_secret_value()}", "Accept": "*/*"}
        content_type = request.content_type if content is None else "application/json"
        if content_type is not None:
            headers["Content-Type"] = content_type
        if extra_headers:
            # The boundary between the parts of a form stands in its content type, which nobody else can know.
            is_form = bool(request.files or request.fields)
            kept = {name: value for name, value in extra_headers.items() if not (is_form and name.lower() == _TYPE)}
            mine = {name.lower() for name in kept}
            headers = {name: value for name, value in headers.items() if name.lower() not in mine} | kept
        return Resolved(
            method=request.method,
            url=url,
            headers=headers,
            content=content,
            fields=fields,
            files=files,
        )

    def variable(self, name: str, service: str | None) -> str:
        """Look up a value that requests leave open.

        Args:
            name: ``project_id``, ``easyllm_id``, ``api_key`` or ``bearer``.
            service: The service whose own id goes first.

        Returns:
            The value.

        Raises:
            ConfigurationError: It is not configured.
        """
        if name == "api_key":
            return self._api_key.get_secret_value()
        if name == "bearer":
            return f"Bearer {self._api_key.get_secret_value()}"
        raise ConfigurationError(f"{self.name} knows no {name} (wanted by {service}).")

    def scrub(self, text: str) -> str:
        """Take the key out of a text.

        Args:
            text: Anything that may come to somebody's eyes.

        Returns:
            The text with ``***`` in the key's place.
        """
        key = self._api_key.get_secret_value()
        for form in {key, quote(key, safe="")}:
            text = text.replace(form, "***")
            # Texts are cut at some length, and the cut may go through the key.
            start = form[:_TELLING_CHARS]
            while len(start) == _TELLING_CHARS and (at := text.find(start)) >= 0:
                size = next((n for n in range(len(form), 0, -1) if text.startswith(form[:n], at)), 0)
                text = f"{text[:at]}***{text[at + size :]}"
        return text

    @contextmanager
    def discreet(self) -> Iterator[None]:
        """Take the key out of every error that passes: services like to quote it back."""
        try:
            yield
        except MaasError as error:
            self.scrub_error(error)
            raise

    def scrub_error(self, error: MaasError) -> MaasError:
        """Take the key out of an error's texts, in place.

        Args:
            error: The error.

        Returns:
            The same error.
        """
        error.message = self.scrub(error.message)
        error.args = (error.message, *error.args[1:])
        for name in ("excerpt", "code", "endpoint", "request_id"):
            value = getattr(error, name, None)
            if isinstance(value, str):
                setattr(error, name, self.scrub(value))
        return error

    def _url(self, request: Request) -> str:
        if request.is_absolute:
            return request.path
        try:
            path = _PATH_VARIABLE.sub(
                lambda found: quote(self.variable(found[1], request.service), safe=""), request.path
            )
            query = "&".join(  # one by one, so that no frame holds the key while another value is refused
                f"{quote(name, safe='')}={quote(str(self._filled(value, request)), safe='')}"
                for name, value in request.query.items()
            )
            return f"{self.base_url}{path}{'?' + query if query else ''}"
        except UnicodeEncodeError as error:
            broken = error.object[error.start : error.end]
            raise InvalidInput(
                f"The request to {request.endpoint} cannot be written as a URL: {broken!r:.100} is no character."
            ) from None

    def _encode(self, value: Any, request: Request) -> bytes:
        try:
            return pydantic_core.to_json(self._filled(value, request) if request.service else value)
        except (ValueError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:300]
            raise InvalidInput(f"The request to {request.endpoint} cannot be written as JSON: {why}.") from None

    def _filled(self, value: Any, request: Request) -> Any:
        if isinstance(value, Variable):
            return self.variable(value.name, value.service or request.service)
        if isinstance(value, Mapping):
            return {key: self._filled(item, request) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(item, request) for item in value]
        return value

    def _part(self, part: FilePart, request: Request) -> FilePart:
        if part.json is None:
            return part
        return FilePart(part.name, part.filename, self._encode(part.json, request), part.content_type)


class Qiniu(Provider):
    """Be the Qiniu cloud (七牛云 AI 推理).

    Args:
        api_key: The key; by default ``QINIU_API_KEY``.
        base_url: Default ``QINIU_BASE_URL``, then ``https://api.qnaigc.com/v1``.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.

    Source:
        qiniu-api, HTTP 调用示例. The samples' ``LLM_API_KEY`` is not read: it may hold another cloud's key.
    """

    name = "qiniu"
    key_variables = ("QINIU_API_KEY",)
    base_url_variable = "QINIU_BASE_URL"
    default_base_url = "https://api.qnaigc.com/v1"


_SOPHNET_SERVICES = ("embeddings", "doc_parse", "speech_to_text", "text_to_voice")


class SophNet(Provider):
    """Be the SophNet cloud (算能云).

    Args:
        api_key: The key; by default ``SOPHNET_API_KEY``, then ``SOPH_API_KEY``.
        base_url: Default ``SOPHNET_BASE_URL``, then ``https://www.sophnet.com/api/open-apis``; that address with
            ``/v1``, as the document's samples have it for the openai package, means the same.
        project_id: The project, for the services that need one; by default ``SOPHNET_PROJECT_ID``.
        easyllm_id: The service id (Easyllm ID) for every service without its own; by default ``SOPHNET_EASYLLM_ID``.
        embeddings_easyllm_id: By default ``SOPHNET_EMBEDDINGS_EASYLLM_ID``.
        doc_parse_easyllm_id: By default ``SOPHNET_DOC_PARSE_EASYLLM_ID``.
        speech_to_text_easyllm_id: By default ``SOPHNET_SPEECH_TO_TEXT_EASYLLM_ID``.
        text_to_voice_easyllm_id: By default ``SOPHNET_TEXT_TO_VOICE_EASYLLM_ID``.

    Raises:
        ConfigurationError: No key is given or set, or the key or URL cannot be one.

    Source:
        sophnet-api, 业务API: "Path参数 ProjectId 项目id", "easyllm_id Easyllm ID".
    """

    name = "sophnet"
    key_variables = ("SOPHNET_API_KEY", "SOPH_API_KEY")
    base_url_variable = "SOPHNET_BASE_URL"
    default_base_url = "https://www.sophnet.com/api/open-apis"

    def __init__(
        self,
        *,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        project_id: str | None = None,
        easyllm_id: str | None = None,
        embeddings_easyllm_id: str | None = None,
        doc_parse_easyllm_id: str | None = None,
        speech_to_text_easyllm_id: str | None = None,
        text_to_voice_easyllm_id: str | None = None,
    ) -> None:
        super().__init__(api_key=api_key, base_url=base_url)
        # The document's samples give the openai package an address that the other services' paths do not begin with.
        self.base_url = re.sub(r"/open-apis/v1$", "/open-apis", self.base_url)
        self.project_id = checked_id("project_id", project_id or environment("SOPHNET_PROJECT_ID"))
        self.easyllm_id = checked_id("easyllm_id", easyllm_id or environment("SOPHNET_EASYLLM_ID"))
        given = (embeddings_easyllm_id, doc_parse_easyllm_id, speech_to_text_easyllm_id, text_to_voice_easyllm_id)
        self.easyllm_ids = {
            service: checked_id(
                f"{service}_easyllm_id", value or easyllm_id or environment(f"SOPHNET_{service.upper()}_EASYLLM_ID")
            )
            for service, value in zip(_SOPHNET_SERVICES, given, strict=True)
        }

    def variable(self, name: str, service: str | None) -> str:
        """Look up a value that requests leave open.

        Args:
            name: ``project_id``, ``easyllm_id``, ``api_key`` or ``bearer``.
            service: The service whose own id goes first.

        Returns:
            The value.

        Raises:
            ConfigurationError: It is not configured; the message names the variable.
        """
        if name == "project_id":
            if not self.project_id:
                raise ConfigurationError(
                    f"The SophNet service {service} needs a project: pass project_id or set SOPHNET_PROJECT_ID."
                )
            return self.project_id
        if name == "easyllm_id":
            return self._easyllm_id(service)
        return super().variable(name, service)

    def _easyllm_id(self, service: str | None) -> str:
        own = self.easyllm_ids.get(service or "")
        found = own or self.easyllm_id
        if found:
            return found
        variables = ["SOPHNET_EASYLLM_ID"]
        arguments = ["easyllm_id"]
        if service in self.easyllm_ids:
            variables.insert(0, f"SOPHNET_{service.upper()}_EASYLLM_ID" if service else "")
            arguments.append(f"{service}_easyllm_id of SophNet(...)")
        raise ConfigurationError(
            f"The SophNet service {service} needs its Easyllm ID: set {' or '.join(variables)}, "
            f"or pass {' or '.join(arguments)}."
        )


def origin_of(url: str) -> str:
    """Give the origin of a URL.

    Args:
        url: An absolute URL.

    Returns:
        Scheme, host and port, in lower case, the port always written.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _for_a_stranger(request: Request, url: str, extra_headers: Mapping[str, str]) -> Resolved:
    # The caller's header fields may hold secrets of this provider's: a stranger learns who asks, no more. Nothing is
    # filled in either: only what stands in the request itself goes out.
    headers = {"Accept": "*/*"} | {name: text for name, text in extra_headers.items() if name.lower() == "user-agent"}
    if request.json is not None or any(part.json is not None for part in request.files):
        raise ConfigurationError(f"Nothing but forms is sent to {request.endpoint}.")
    if not all(isinstance(value, str) for value in request.fields.values()):
        raise ConfigurationError(f"The ids of this provider are not sent to {request.endpoint}.")
    fields = {name: str(value) for name, value in request.fields.items()}
    return Resolved(request.method, url, headers, fields=fields, files=request.files)
