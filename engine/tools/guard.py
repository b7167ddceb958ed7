"""Connections to addresses that users name: never into our own network, unless the operator says so.

A name is resolved here, every address that it has is judged, and the connection goes to one of those that
were judged: what the name means a moment later changes nothing. A redirect is a connection like any other.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeAlias, cast

import httpcore2
import httpx2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream
from typing_extensions import override

from settings import Network

Address: TypeAlias = IPv4Address | IPv6Address

LARGEST_ANSWER = 4_000_000
"Bytes of one response that are read."

_NAT64 = ip_network("64:ff9b::/96")


class Refused(Exception):
    """This address is not to be connected to."""


class TooLarge(Exception):
    """The response is larger than we read."""


def is_ours(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether the address lies in somebody's own network, this one's included, and not in an allowed one."""
    if any(address.version == one.version and address in one for one in allowed):
        return False
    inner = _inner(address)
    if inner is not None:
        return is_ours(inner, allowed)
    return not address.is_global or address.is_multicast


def _inner(address: Address) -> IPv4Address | None:
    """The address of the older kind that one of the newer stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


class GuardedBackend(AsyncNetworkBackend):
    """Connects to nothing that is ours."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._inner: AsyncNetworkBackend = cast("Any", httpcore2).AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Raises Refused."""
        address = await self._judged(host, port)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Never."""
        raise Refused

    @override
    async def sleep(self, seconds: float) -> None:
        """Part of AsyncNetworkBackend."""
        await asyncio.sleep(seconds)

    async def _judged(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        if not addresses or any(is_ours(ip_address(one), self._allowed) for one in addresses):
            raise Refused
        return addresses[0]


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """HTTP over guarded connections, with responses that end."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=GuardedBackend(allowed)
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises Refused, and TooLarge while the response is read."""
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._inner:
            read += len(part)
            if read > LARGEST_ANSWER:
                raise TooLarge
            yield part

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()
