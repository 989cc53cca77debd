"""Which places a job may reach by URL: those at public addresses, and what the operator lists."""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit, urlunsplit

from gpserver.errors import InvalidValue

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

Resolver = Callable[[str, int], Iterable[str]]
"""Gives the addresses of a host and port, as texts."""

_HOST = re.compile(r"[a-z0-9._:-]+")
_NAT64 = IPv6Network("64:ff9b::/96")

# Special by the registries of today, whatever the Python in use knows of them; 6to4 leads to any IPv4.
_SPECIAL: tuple[Network, ...] = (
    *map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")),
    *map(IPv6Network, ("2002::/16", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10")),
)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, looking through IPv4 inside of IPv6.

    Private, shared, loopback, link-local, multicast, reserved, documentation and unspecified addresses are
    not (the IANA registries of special-purpose addresses), nor is 6to4.
    """
    address = reached(address)
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
    return address.is_global and not special and not any(address in network for network in _SPECIAL)


def reached(address: Address) -> Address:
    """The address that a packet arrives at: the IPv4 one inside of IPv6, where it is mapped or by NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one job may reach.

    Attributes:
        allowed: Places besides the public internet, see ``Allowed``.
        size: Bytes that all its fetches may bring.
        seconds: How long all its fetches may take.
    """

    allowed: tuple[str, ...] = ()
    size: int = 200_000_000
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class _Entry:
    host: str
    network: Network | None
    port: int | None

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.port not in (None, port):
            return False
        return address in self.network if self.network else host.lower() == self.host


class Allowed:
    """The places that an operator lists in addition to the public internet.

    Args:
        entries: Host names, addresses and networks: ``gis.example.lan``, ``10.1.0.0/16``; one port of a
            host or address alone is ``127.0.0.1:6080`` or ``[::1]:6080``.

    Raises:
        ValueError: An entry is none of these.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = [_entry(text) for text in entries]

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Whether ``host``, which has resolved to ``address``, may be reached at ``port``."""
        place = reached(address)
        return is_public(place) or any(entry.covers(host, port, place) for entry in self._entries)


def _entry(text: str) -> _Entry:
    if network := _network(text):
        return _Entry("", network, None)
    try:
        parts = urlsplit(f"//{text.strip()}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.path or parts.username is not None:
        raise ValueError(f"{text!r} is no host, address or network, such as 10.1.0.0/16 or 127.0.0.1:6080.")
    return _Entry(host, _network(host), port)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def parse_address(text: str) -> Address:
    """Read an address as a resolver gives it, a zone such as ``%eth0`` left out."""
    return ip_address(text.partition("%")[0])


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver gives them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def permitted(host: str, port: int, allowed: Allowed, resolve: Resolver) -> list[Address]:
    """The addresses of a host that may be reached; there is one at least.

    Raises:
        InvalidValue: There is no such host, or none of its addresses may be reached.
    """
    try:
        found = [parse_address(text) for text in resolve(host, port)]
    except (OSError, UnicodeError):
        raise InvalidValue(f"There is no host {host}.") from None
    reachable = [address for address in found if allowed.permits(host, port, address)]
    if not reachable:
        raise InvalidValue(
            f"The address of {host} is not a public one; only the operator of this server can allow it"
            " (setting fetch_allowed)."
        )
    return reachable


def check_reach(url: str, allowed: Allowed, resolve: Resolver = addresses_of) -> None:
    """Look whether a URL leads to a place that may be reached; nothing is connected to.

    Raises:
        InvalidValue: It is none, or may not be reached; the text says why.
    """
    parts = urlsplit(checked_url(url))
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    permitted(host, port, allowed, resolve)


def checked_url(url: str) -> str:
    """The URL as it is asked for: http or https, a plain host, and everything else percent-encoded.

    Raises:
        InvalidValue: It is no such URL.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # a UnicodeError is one
        raise InvalidValue(f"{shown(url)} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise InvalidValue(f"{shown(url)} is not an http or https URL.")
    if parts.username is not None:
        raise InvalidValue(f"The URL of {host} has a user name in it; send a token instead.")
    place = f"[{host}]" if ":" in host else host
    return urlunsplit((
        parts.scheme,
        place if port is None else f"{place}:{port}",
        quote(parts.path or "/", safe="/%:@!$&'()*+,;=~"),
        quote(parts.query, safe="/%:@!$&'()*+,;=~?"),
        "",
    ))  # fmt: skip


def shown(url: str) -> str:
    """A URL in a message: without user and query, where secrets are, and not too long."""
    text = re.sub(r"//[^/@]*@", "//", re.split("[?#]", url, maxsplit=1)[0])
    return f'"{text[:200]}"'
