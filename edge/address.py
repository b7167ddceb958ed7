"""Where a request comes from, as far as that can be told."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

UNKNOWN = "unknown"
_SITE_BITS = 64


def address_of(scope: Scope) -> str:
    """The client's address: of IPv6 the network that one customer has, since within it addresses are free.

    Behind a proxy the server puts it right (`BATON_TRUSTED_PROXIES`); over a Unix socket there is none.
    """
    client = scope.get("client")
    return _account(client[0]) if client else UNKNOWN


@lru_cache(1024)
def _account(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _SITE_BITS), strict=False))
