"""How a tool fetches a file: from public addresses and trusted hosts only, within bounds; strangers get no key.

What is fetched, and what becomes of it, is the tools' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maaskit.guard import Guard
from maaskit.media import Media
from maaskit.retry import RetryPolicy
from maaskit.toolbox.places import MAX_FILE_BYTES
from maaskit.wire import Download, Flow, FlowSteps

if TYPE_CHECKING:
    from maaskit.connections import Settings

_POLICY = RetryPolicy(max_retries=1, max_total_s=30.0)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask for a file from the network.

    Args:
        url: An http or https URL.
        argument: The name of the caller's argument, for messages.
        max_bytes: Largest allowed size.
        bare: Whether the key stays away even from the provider's own origin, as it must where a model chose the URL. A
            result of the service may lie there behind the key (sophnet-api, Image Edit, shows one under
            ``/api/oss-images``); no other place ever gets it.
    """

    url: str = field(repr=False)
    argument: str
    max_bytes: int = MAX_FILE_BYTES
    bare: bool = True


def fetched(fetch: Fetch, guard: Guard, settings: Settings) -> Media:
    """Fetch a file; redirects are followed, five at most, and each is checked as the URL itself.

    Args:
        fetch: What to fetch.
        guard: From where.
        settings: Who asks: its User-Agent goes along, its own HTTP clients are not used.

    Returns:
        The file.

    Raises:
        InvalidInput: It may not be fetched from there, is empty or too large.
        MaasError: What else went wrong.
    """
    import httpx  # noqa: PLC0415 - the transport is loaded at its first use

    from maaskit.client import Client  # noqa: PLC0415 - as above
    from maaskit.guarded_http import GuardedTransport  # noqa: PLC0415 - as above

    with httpx.Client(transport=GuardedTransport(guard), timeout=guard.timeout_s, trust_env=False) as http:
        client = Client(
            settings.provider,
            timeout=guard.timeout_s,
            http_client=http,
            default_headers=settings.default_headers,
            retry_policy=_POLICY,
        )
        return client.send(_flow(fetch))


async def afetched(fetch: Fetch, guard: Guard, settings: Settings) -> Media:
    """Fetch a file without holding up the event loop; see ``fetched``.

    Args:
        fetch: What to fetch.
        guard: From where.
        settings: Who asks.

    Returns:
        The file.

    Raises:
        MaasError: As ``fetched``.
    """
    import httpx  # noqa: PLC0415 - the transport is loaded at its first use

    from maaskit.async_client import AsyncClient  # noqa: PLC0415 - as above
    from maaskit.guarded_http import AsyncGuardedTransport  # noqa: PLC0415 - as above

    transport = AsyncGuardedTransport(guard)
    async with httpx.AsyncClient(transport=transport, timeout=guard.timeout_s, trust_env=False) as http:
        client = AsyncClient(
            settings.provider,
            timeout=guard.timeout_s,
            http_client=http,
            default_headers=settings.default_headers,
            retry_policy=_POLICY,
        )
        return await client.send(_flow(fetch))


def _flow(fetch: Fetch) -> Flow[Media]:
    def steps() -> FlowSteps[Media]:
        media: Media = (yield Download(fetch.url, fetch.max_bytes, fetch.argument, fetch.bare)).answer
        return media

    return Flow(steps)
