"""How clients reach the MCP server: over the pipes of a process that they start, or over HTTP.

What is served is ``server``'s business.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr

from maaskit.credentials import environment_secret
from maaskit.errors import ConfigurationError, InvalidInput
from maaskit.media import MIB

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_VARIABLE = "MAASKIT_MCP_TOKEN"  # noqa: S105 - the variable's name
PATH = "/mcp"
DEFAULT_PORT = 8765
MAX_SESSIONS = 100
MAX_CONNECTIONS = 400
"""Each session listens on one and asks on others; each may hold a body in memory."""
MAX_BODY_BYTES = 4 * MIB
"""A call's arguments are words, paths and URLs."""
_LEAVING_S = 5
_SHORTEST_TOKEN_CHARS = 16


@dataclass(frozen=True, slots=True)
class Door:
    """Say where the server listens, and whom it lets in.

    Args:
        host: Address; by default this machine alone.
        port: TCP port; 0 takes a free one.
        token: What clients must send as ``Authorization: Bearer …``; by default ``MAASKIT_MCP_TOKEN``. Without one the
            server listens on a loopback address only, because whoever reaches it spends the owner's money.
        allowed_hosts: Further names that clients may ask it by, such as ``maas.example.com``, behind a proxy.

    Raises:
        ConfigurationError: The address is open to others, and there is no token; or the token is short.
        InvalidInput: The host or port is none.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: SecretStr | None = None
    allowed_hosts: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a door that stands open."""
        if not isinstance(self.host, str) or not self.host.strip():
            raise InvalidInput("host must be an address such as 127.0.0.1.")
        if isinstance(self.port, bool) or not isinstance(self.port, int) or not 0 <= self.port <= 65535:
            raise InvalidInput(f"port must be a number from 0 to 65535, not {self.port!r}.")
        given = self.token if self.token is not None else environment_secret(TOKEN_VARIABLE)
        object.__setattr__(self, "token", given)
        if given is not None and (len(given) < _SHORTEST_TOKEN_CHARS or not given.get_secret_value().isascii()):
            raise ConfigurationError(
                f"{TOKEN_VARIABLE} must have {_SHORTEST_TOKEN_CHARS} ASCII characters or more; make one with "
                "python -c 'import secrets; print(secrets.token_urlsafe())'."
            )
        if given is None and not self.is_private:
            raise ConfigurationError(
                f"On {self.host} others reach the tools and spend your money: set {TOKEN_VARIABLE} to a secret that "
                "clients send as a bearer token, or listen on 127.0.0.1."
            )

    @property
    def is_private(self) -> bool:
        """Tell whether this machine alone reaches it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def security(self) -> TransportSecuritySettings:
        """Give the SDK's rules against pages that reach for the server through a browser."""
        names = [*dict.fromkeys(("127.0.0.1", "localhost", "[::1]", self._shown_host)), *self.allowed_hosts]
        hosts = [form for name in names for form in (name, f"{name}:*")]
        # A page from elsewhere cannot know the token, and who listens on all addresses has names that nobody knows.
        checked = self.is_private or bool(self.allowed_hosts)
        return TransportSecuritySettings(
            enable_dns_rebinding_protection=checked,
            allowed_hosts=hosts,
            allowed_origins=[f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts],
        )

    def url(self, port: int) -> str:
        """Give the address for clients.

        Args:
            port: The port that it listens on.

        Returns:
            The URL.
        """
        return f"http://{self._shown_host}:{port}{PATH}"

    @property
    def _shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host


def serve_stdio(server: Server[Any, Any]) -> None:
    """Serve the client that started this process, over its pipes, until it closes them.

    Args:
        server: The server.
    """

    async def main() -> None:
        async with stdio_server() as (incoming, outgoing):
            # The SDK has taken the pipe; what anything else prints would break into the conversation.
            with redirect_stdout(sys.stderr):
                await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(main)


def serve_http(server: Server[Any, Any], door: Door | None = None, ready: Callable[[str], Any] | None = None) -> None:
    """Serve clients over streamable HTTP until the process is told to stop.

    Args:
        server: The server.
        door: Where it listens; by default on this machine alone.
        ready: Is called with the URL for clients once it listens.

    Raises:
        ConfigurationError: The address cannot be had.
    """
    import uvicorn  # noqa: PLC0415 - stdio does not need it

    door = door if door is not None else Door()
    with closing(_listen(door)) as listening:
        app = application(server, door)
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="on",
            ws="none",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=_LEAVING_S,
            server_header=False,
        )
        if ready is not None:
            ready(door.url(listening.getsockname()[1]))
        uvicorn.Server(config).run(sockets=[listening])


def application(server: Server[Any, Any], door: Door) -> ASGIApp:
    """Make the ASGI application, for a web server of the caller's choice.

    Args:
        server: The server.
        door: Whom it lets in; where it listens is the web server's business.

    Returns:
        The application; it serves ``/mcp``.
    """
    from starlette.applications import Starlette  # noqa: PLC0415 - stdio does not need it
    from starlette.routing import Route  # noqa: PLC0415 - as above

    manager = StreamableHTTPSessionManager(server, security_settings=door.security, max_sessions=MAX_SESSIONS)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    endpoint = _Guarded(manager.handle_request, door.token)
    return Starlette(routes=[Route(PATH, endpoint), Route(f"{PATH}/", endpoint)], lifespan=lifespan)


class _Guarded:
    """Let in who knows the token."""

    def __init__(self, inner: ASGIApp, token: SecretStr | None) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse  # noqa: PLC0415 - stdio does not need it

        if self._token is not None and not self._knows(scope):
            refusal = PlainTextResponse(
                "Send the server's token as a bearer token.", 401, {"www-authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
            return
        if scope.get("method") == "POST":
            body = await _whole(receive)
            if body is None:
                refusal = PlainTextResponse(f"A request may have {MAX_BODY_BYTES} bytes.", 413, {"connection": "close"})
                await refusal(scope, receive, send)
                return
            receive = _replayed(body, receive)
        await self._inner(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        expected = f"Bearer {self._token.get_secret_value()}" if self._token is not None else ""
        sent = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        return len(sent) == 1 and hmac.compare_digest(sent[0], expected.encode())


async def _whole(receive: Receive) -> bytes | None:
    """Read a request's body, which the SDK would read without a bound; ``None`` for one that is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body that has been read once more, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _listen(door: Door) -> socket.socket:
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    try:
        return socket.create_server((door.host.strip("[]"), door.port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"{door.host}:{door.port} cannot be listened on: {error.strerror or error}. Choose another --port, or 0."
        ) from None
