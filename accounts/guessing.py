"""Links that open without signing in carry 256 bits, so nobody finds one by trying; whoever tries is slowed down anyway."""

import contextlib
import hashlib
import secrets

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

MISSES, WINDOW = 20, 60  # links that open nothing, from one address, in so many seconds


def new_token() -> str:
    """43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a token: who reads the database cannot open the link."""
    return hashlib.sha256(token.encode()).hexdigest()


def too_many_misses(request: HttpRequest) -> bool:
    """Note that this address followed a link that opens nothing; True when it does so again and again."""
    name = f"missed-links:{get_adapter(request).get_client_ip(request)}"
    cache.add(name, 0, WINDOW)
    with contextlib.suppress(ValueError):  # it ended between the two calls
        return cache.incr(name) > MISSES
    return False
