"""The connection layer of every outbound call: resolve once, check every address, dial the checked one, keep a deadline.

It sits below httpx, so redirects and a name that changes its address between check and dial cannot get around it.
Source: security notes, outbound fetch; the traps of `ipaddress` in Python 3.11 are written at `is_public`.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore
import httpx

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class _Limit(threading.local):
    """Of the request that this thread is making."""

    at = math.inf  # time.monotonic seconds
    first: Callable[[], None] | None = None  # to be called before the first byte


_limit = _Limit()
_trusted: frozenset[str] = frozenset()


class Refused(httpcore.ConnectError):
    """We did not dial: the address is not one that this studio may reach."""


def trust(hosts: Iterable[str]) -> None:
    """The exact `host:port` pairs that may be dialled although their address is private (STUDIO_TRUSTED_HOSTS)."""
    global _trusted
    _trusted = frozenset(hosts)


def is_trusted(host: str, port: int) -> bool:
    return f"{host}:{port}" in _trusted


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    IPv6 forms that carry an IPv4 address are unwrapped first, because Python 3.11 calls 64:ff9b::7f00:1 and
    2002:7f00:1:: global; `is_global` and not `is_private`, because the latter misses 100.64.0.0/10.
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


@contextmanager
def deadline(seconds: float, *, before_first_byte: Callable[[], None] | None = None) -> Iterator[None]:
    """Everything that this thread sends or reads inside the block ends after `seconds`, however slowly it drips.

    `before_first_byte` runs once, after the connection stands and before anything of a request is written to it.
    """
    before = _limit.at
    _limit.at = time.monotonic() + seconds
    _limit.first = before_first_byte
    try:
        yield
    finally:
        _limit.at, _limit.first = before, None


def _within(timeout: float | None, error: type[Exception]) -> float | None:
    """Short, because it also runs while the answer to a paid request is on its way and not on the disk."""
    left = min(math.inf if timeout is None else timeout, _limit.at - time.monotonic())
    if left <= 0:
        raise error("the time for this request is over")
    return None if left == math.inf else left


class _Stream(httpcore.NetworkStream):
    """A stream whose every read and write also ends at the deadline (httpx's timeout restarts with each byte)."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        first, _limit.first = _limit.first, None
        if first:
            first()
        self._inner.write(buffer, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = _within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> typing.Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Any = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = Refused(f"{host} has no address")
        for address in checked_addresses(host, port):
            try:
                limit = _within(timeout, httpcore.ConnectTimeout)
                return _Stream(self._inner.connect_tcp(address, port, limit, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def checked_addresses(host: str, port: int) -> list[str]:
    """The addresses of `host`, all of them public (or the host trusted). Raises Refused; a failed look-up refuses too."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} could not be found ({error})") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:4]
    if is_trusted(host, port):
        return addresses
    if port not in (80, 443):
        raise Refused(f"port {port} of {host} is not allowed")
    if not addresses or not all(is_public(address) for address in addresses):
        raise Refused(f"{host} is not a public address")
    return addresses


_making_tls = threading.Lock()


def _tls() -> ssl.SSLContext:
    with _making_tls:  # else each of a dozen threads that begin together would make its own
        return _one_tls()


@cache
def _one_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)  # 20 ms; one for the process


# A connection on which nothing is said for minutes: without a sign of life, gateways on the way forget it in silence.
WATCHED = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value)
      for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)) if hasattr(socket, name)),
]  # fmt: skip


def client(*, keep_alive: int = 0, watched: bool = False, timeout: httpx.Timeout) -> httpx.Client:
    """A client that never retries, never follows a redirect by itself and never reads proxy settings.

    `watched`: a peer that is gone is noticed after a minute and a half even while we only wait for it.
    """
    transport = httpx.HTTPTransport(verify=_tls(), trust_env=False, http2=False, retries=0)
    transport._pool = httpcore.ConnectionPool(  # the one private attribute: httpx has no argument for the backend
        ssl_context=_tls(),
        max_connections=10,
        max_keepalive_connections=keep_alive,
        keepalive_expiry=20.0,
        http2=False,
        retries=0,
        network_backend=_Backend(),
        socket_options=WATCHED if watched else None,
    )
    return httpx.Client(transport=transport, follow_redirects=False, trust_env=False, timeout=timeout)
