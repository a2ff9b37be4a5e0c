"""Which addresses may be connected to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from archiver.urls import ascii_host

_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""RFC 6052 and RFC 8215: the last 32 bits are an IPv4 address. That is how the gateways of the first and most of those of
the second write it."""
_COMPATIBLE: Final = IPv6Network("::/96")
_UNICAST: Final = IPv6Network("2000::/3")
"""The only IPv6 addresses that are given to hosts of the public internet."""
_UNROUTED: Final = tuple(
    IPv4Network(block)
    for block in (
        "100.64.0.0/10",  # carriers' NAT, RFC 6598; a cloud's metadata service stands in it at 100.100.100.200
        "192.0.0.0/24",  # IETF protocols; another's at 192.0.0.192
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "168.63.129.16/32",  # a cloud's host agent, on an address that is public by number only
    )
)
_DOCUMENTATION: Final = IPv6Network("3fff::/20")  # RFC 9637; Python's tables may be older

_PORT: Final = re.compile(r"[0-9]{1,5}")
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to a host of the public internet; False for what is no address.

    An IPv6 address that stands for an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo) is as public as that one.

    >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False, False)
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in block for block in _UNROUTED)


def _is_public_v6(address: IPv6Address) -> bool:
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped or address in _COMPATIBLE or any(address in block for block in _NAT64):
        return _is_public_v4(low)
    if address.sixtofour:
        return _is_public_v4(address.sixtofour)
    if address.teredo:
        return all(_is_public_v4(each) for each in address.teredo)
    return address in _UNICAST and address.is_global and address not in _DOCUMENTATION


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be fetched though their addresses are not public: `ARCHIVER_ALLOW_HOSTS`."""

    places: frozenset[tuple[str, int | None]] = frozenset()
    """Host in lower-case punycode, and port; None for all ports."""

    def allow(self, host: str, port: int) -> bool:
        """Tell whether a host is listed, as an address names it: an address in another notation is another host."""
        try:
            name = _plain_host(host)
        except ValueError:
            return False
        return (name, port) in self.places or (name, None) in self.places


def parse_allowed(entries: Iterable[str]) -> AllowedHosts:
    """Read `host[:port]` entries; IPv6 addresses in brackets, or bare where no port follows.

    >>> sorted(parse_allowed(["127.0.0.1:8101", "News.Example", "[::1]:80"]).places, key=str)
    [('127.0.0.1', 8101), ('::1', 80), ('news.example', None)]
    >>> parse_allowed(["http://a.example/"])
    Traceback (most recent call last):
    ValueError: ARCHIVER_ALLOW_HOSTS: 'http://a.example/' is no host[:port], such as 127.0.0.1:8101
    """
    return AllowedHosts(frozenset(_parse_entry(entry.strip()) for entry in entries if entry.strip()))


def _parse_entry(entry: str) -> tuple[str, int | None]:
    complaint = f"ARCHIVER_ALLOW_HOSTS: {entry!r} is no host[:port], such as 127.0.0.1:8101"
    host, port = entry, ""
    if entry.startswith("["):
        host, closing, rest = entry[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError(complaint)
        port = rest[1:]
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    if (":" in entry and not port and entry.endswith(":")) or (port and not _PORT.fullmatch(port)):
        raise ValueError(complaint)
    if port and not 0 < int(port) < 65536:
        raise ValueError(complaint)
    try:
        name = _plain_host(host)
    except ValueError:
        raise ValueError(complaint) from None
    if ":" not in name and not _NAME.fullmatch(name):
        raise ValueError(complaint)
    return name, int(port) if port else None


def _plain_host(host: str) -> str:
    """One spelling of a host: lower-case punycode without the final dot, an IPv6 address in its short form."""
    name = ascii_host(host.strip("[]"))
    return str(IPv6Address(name.partition("%")[0])) if ":" in name else name
