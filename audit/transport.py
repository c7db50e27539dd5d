"""The way out to other systems: only to addresses that are public, checked where the connection is made, and never for long.

A name is resolved once. What is checked is what is connected to, so that a name that answers first with a public address and then with
one of ours (DNS rebinding) gains nothing; the request still carries the name, for `Host`, for SNI and for the certificate.
"""

import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterable
from functools import cache
from time import monotonic
from typing import Any

import httpcore2
import httpx2
from django.utils.translation import gettext_noop as noop

MOST_CONNECTIONS = 16
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """The address is inside our own network, or none a message can be sent to."""


@cache
def certificates() -> ssl.SSLContext:
    """Whom we believe who they are, read once: to read it takes longer than what is sent."""
    return httpx2.create_ssl_context(trust_env=False)


class PublicTransport(httpx2.HTTPTransport):
    """Connects to public addresses, and to `allowed` hosts ("host:port") wherever they are; an exchange ends within `seconds`."""

    def __init__(self, *, allowed: Collection[str], seconds: float) -> None:
        super().__init__(verify=certificates(), trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=certificates(),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            network_backend=_PublicNetwork(frozenset(allowed), seconds),
        )


def addresses_of(host: str, port: int, *, allowed: Collection[str]) -> list[str]:
    """Where a name leads, once every one of its addresses is public or the host is allowed by name. Raises `AddressRefused`, `OSError`."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if f"{host}:{port}" not in allowed and not all(is_public(address) for address in found):
        raise AddressRefused(noop("the address is not public"))
    return list(dict.fromkeys(found))


def is_public(address: str) -> bool:
    """Whether an address is somebody's on the internet, also when it wraps an older one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped:
            return is_public(str(wrapped))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class _PublicNetwork(httpcore2.NetworkBackend):
    """Resolves, checks and connects in one place."""

    def __init__(self, allowed: frozenset[str], seconds: float) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first checked address that answers."""
        timed = _Timed(self._seconds)
        failed: httpcore2.NetworkError | httpcore2.TimeoutException = httpcore2.ConnectError("no address")
        for address in addresses_of(host, port, allowed=self._allowed):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, timed.left(timeout), local_address, socket_options or []
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                failed = failure
            else:
                return timed.over(stream)
        raise failed


class _Timed(httpcore2.NetworkStream):
    """A connection on which connecting, or one question and its answer, takes at most so long, however slowly it drips."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = monotonic() + seconds
        self._was_reading = False
        self._stream = httpcore2.NetworkStream()

    def over(self, stream: httpcore2.NetworkStream) -> "_Timed":
        """Itself, around a connection."""
        self._stream = stream
        return self

    def left(self, timeout: float | None) -> float:
        """How long the next step may take. Raises `ReadTimeout` when nothing is left."""
        left = self._until - monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the exchange took too long")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the connection's."""
        self._was_reading = True
        return self._stream.read(max_bytes, self.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the connection's; writing after reading begins the next exchange."""
        if self._was_reading:
            self._until, self._was_reading = monotonic() + self._seconds, False
        self._stream.write(buffer, self.left(timeout))

    def close(self) -> None:
        """As the connection's."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """As the connection's, with what time is left."""
        return self.over(self._stream.start_tls(ssl_context, server_hostname, self.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        """As the connection's."""
        return self._stream.get_extra_info(info)
