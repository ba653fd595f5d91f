"""Where requests come from: addresses, and the networks that may send.

A request's address is the connection's, or what a trusted proxy reports: uvicorn takes ``X-Forwarded-For``
with Airflow's ``api-server --proxy-headers``, and from the proxies in ``FORWARDED_ALLOW_IPS`` only.
https://uvicorn.dev/deployment/#proxies-and-forwarded-headers
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

TRUSTED_PROXIES = "FORWARDED_ALLOW_IPS"
SUBSCRIBER = 64
"""Bits of IPv6 that one subscriber has, and may change at will: RFC 6177."""


def admits(networks: Sequence[str], host: str) -> bool:
    """Say whether ``host`` is in one of ``networks``; every one is when there is none."""
    if not networks:
        return True
    address = _address(host)
    return address is not None and any(address in network for network in _parsed(tuple(networks)))


def printable(host: str) -> str:
    """Return an address as it may be shown and stored, whatever a proxy wrote into it."""
    return "".join(letter for letter in host[:64] if letter.isprintable())


def group(host: str) -> str:
    """Return whose requests are counted together: an address, or a /64 of IPv6."""
    match address := _address(host):
        case IPv4Address():
            return str(address)
        case IPv6Address():
            return str(ip_network((address, SUBSCRIBER), strict=False))
        case None:
            return printable(host)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=4)
def _parsed(networks: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(network) for network in networks]
