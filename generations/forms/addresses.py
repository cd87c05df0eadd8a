"""Addresses of images that people paste: the provider fetches them, so they must be on the public internet."""

import ipaddress
import socket
from urllib.parse import urlsplit

from ..providers import outbound

LONGEST = 2048
LOCAL_ENDINGS = (".local", ".internal", ".localhost", ".lan", ".home.arpa")


class UnusableAddress(ValueError):
    """The message says what is wrong with the address and what to use instead."""


def checked(url: str) -> str:
    """The URL as given. Nothing is looked up or fetched. Raises UnusableAddress."""
    if len(url) > LONGEST:
        raise UnusableAddress(f"The address has {len(url):,} characters; at most {LONGEST:,} are possible.")
    if any(char <= " " or char == "\x7f" or char == "\\" for char in url):
        raise UnusableAddress("The address has blanks or control characters in it. Copy it again.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise UnusableAddress("That is not an address. It must look like https://example.com/image.jpg.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnusableAddress("The address must begin with https:// or http:// and name a host.")
    if "@" in parts.netloc:
        raise UnusableAddress("The address has a user name in it. Use one that opens without signing in.")
    if not _reachable(host, port or (443 if parts.scheme == "https" else 80)):
        raise UnusableAddress(f"The provider cannot reach {host}: it is not on the public internet. Upload the image.")
    return url


def _reachable(host: str, port: int) -> bool:
    if outbound.is_trusted(host, port):
        return True
    literal = _literal(host)
    if literal is not None:
        return outbound.is_public(literal)
    return "." in host and not host.endswith(LOCAL_ENDINGS)


def _literal(host: str) -> str | None:
    """The IP address that a host name spells, also in the old forms 127.1, 0x7f.1 and 2130706433; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None
