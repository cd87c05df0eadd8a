"""Redis as a cache that may be away: a look-up then finds nothing, and no page fails or waits because of it.

The cache holds rate limits only. While Redis is away they do not hold; nothing else changes.
"""

import logging
import time
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
PATIENCE = 0.5  # seconds for one look-up
REST = 5.0  # seconds in which a Redis that failed is not asked again


class ForgivingRedis(RedisCache):
    """`location` as in Django. Every failure of the server counts as a miss, every write as done."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        super().__init__(server, {**params, "OPTIONS": {**patience, **params.get("OPTIONS", {})}})
        self.away_until = 0.0

    def _try(self, name: str, otherwise: Any, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < self.away_until:
            return otherwise
        try:
            return getattr(super(), name)(*args, **kwargs)
        except RedisError as error:
            self.away_until = time.monotonic() + REST
            log.warning("Redis does not answer (%s). Rate limits do not hold until it is back.", error)
            return otherwise

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("add", True, *args, **kwargs)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return self._try("get", default, key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("set", None, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("touch", False, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("delete", False, *args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("get_many", {}, *args, **kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("set_many", [], *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("delete_many", None, *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("has_key", False, *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._try("incr", 1, *args, **kwargs)

    def clear(self) -> Any:
        return self._try("clear", False)
