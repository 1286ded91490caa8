"""Where an agent may go on the network: public addresses, and what the owner of its tools named.

Nothing is looked up or connected to here.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from maaskit.errors import InvalidInput
from maaskit.provider import origin_of

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# What leads into the machine's own cloud although it is public, or was to older tables: Oracle's and Azure's hosts.
_INNER = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "168.63.129.16/32")))
# What some take for the end of the host, and others for a part of it.
_AMBIGUOUS = re.compile(r"\\|@.*@")
_HOST = re.compile(
    r"(?P<name>(?:\*\.)?[^\s/@*\\:?#%\[\]]+|\[[0-9a-f:.]+\]|[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*)(?::(?P<port>\d{1,5}))?"
)
_LAST_PORT = 65535
_INNER_NAMES = ("localhost", "local", "internal", "localdomain")


@dataclass(frozen=True, slots=True)
class Guard:
    """Say where requests may go.

    Args:
        origins: Origins (scheme, host, port) that may be reached whatever their address is: the provider's own.
        hosts: Hosts that may be reached whatever their address is, as ``name``, ``name:port`` or ``*.name``.
        timeout_s: Seconds for all requests together, counted from the first.
    """

    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    timeout_s: float = 120.0

    def trusts(self, url: str) -> bool:
        """Tell whether a URL may be reached whatever its address is.

        Args:
            url: An absolute URL.

        Returns:
            Whether its owner named it.
        """
        if origin_of(url) in self.origins:
            return True
        parsed = urlsplit(url)
        host = _plain(parsed.hostname or "")
        name = f"[{host}]" if ":" in host else host
        port = parsed.port or {"http": 80, "https": 443}.get(parsed.scheme, 0)
        domains = {f"*.{host.split('.', n)[n]}" for n in range(1, host.count(".") + 1)}
        return bool(self.hosts & {host, name, f"{name}:{port}", *domains})

    def check_literal(self, url: str, argument: str) -> None:
        """Refuse a URL whose host is an inner one as it is written; nothing is looked up.

        Args:
            url: An absolute URL.
            argument: The caller's name for it, for the message.

        Raises:
            InvalidInput: It is.
        """
        if self.trusts(url):
            return
        parsed = urlsplit(url)
        host = _plain(parsed.hostname or "")
        if _AMBIGUOUS.search(parsed.netloc) or ("%" in host and ":" not in host):
            raise InvalidInput(f"{argument}: {parsed.netloc[:100]!r} is no plain host. Give a URL without such signs.")
        address = _written(host)
        inner = not is_public(address) if address is not None else "." not in host
        if inner or host.rpartition(".")[2] in _INNER_NAMES or host.endswith(".home.arpa"):
            raise InvalidInput(
                f"{argument}: {host} is a private, loopback or link-local address, which a tool may not name. Give a "
                "public http or https URL. Whoever set the tool up may allow the host with allowed_hosts."
            )


def _plain(host: str) -> str:
    """Write a host as resolvers take it: what looks like a digit, letter or dot is one; other scripts in ASCII."""
    text = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    try:
        return text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return text


def is_public(address: Address) -> bool:
    """Tell whether an address is anybody's on the internet, and not the machine's, its network's or its cloud's.

    Args:
        address: An IPv4 or IPv6 address.

    Returns:
        ``False`` for private, loopback, link-local, shared, multicast, reserved and metadata addresses, also where one
        is written inside an IPv6 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local or address.scope_id is not None:
            return False
    if isinstance(address, ipaddress.IPv4Address) and any(address in network for network in _INNER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Find the IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _written(host: str) -> Address | None:
    """Read a host that is an address, in every spelling that a resolver takes: decimal, octal, hexadecimal, short."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host and host[0].isdigit() else None
    except (OSError, ValueError):
        return None


def allowed(hosts: Collection[str] | None) -> frozenset[str]:
    """Check the ``allowed_hosts`` argument.

    Args:
        hosts: ``name``, ``name:port`` or ``*.name``, or ``None`` for none.

    Returns:
        The hosts in lower case.

    Raises:
        InvalidInput: One of them is no host; a URL is none.
    """
    if isinstance(hosts, str) or not all(isinstance(host, str) for host in hosts or ()):
        raise InvalidInput("allowed_hosts must be a list of hosts such as files.example.com or 10.0.0.7:8080.")
    return frozenset(_allowed(host) for host in hosts or ())


def _allowed(host: str) -> str:
    found = _HOST.fullmatch(host.strip().lower())
    if found is None or int(found["port"] or 0) > _LAST_PORT:
        raise InvalidInput(f"allowed_hosts: {host[:100]!r} is no host such as files.example.com or 10.0.0.7:8080.")
    return _plain(found["name"]) + (f":{int(found['port'])}" if found["port"] else "")
