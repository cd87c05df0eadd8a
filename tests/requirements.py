"""What a machine may lack for some tests. Missing: skipped with the hint; named in STUDIO_REQUIRE: a failure."""

import os
import shutil
from functools import cache

POSTGRES = os.environ.get("STUDIO_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("STUDIO_TEST_REDIS", "redis://127.0.0.1:6379/15")
# Chromium without its windows does the same with half the processor time; make ui measures in the whole one.
HEADLESS = "chromium-headless-shell"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    """The Chromium of this machine, or "" when there is none. STUDIO_CHROMIUM names one in an unusual place."""
    return os.environ.get("STUDIO_CHROMIUM", "") or _first((*BROWSERS, HEADLESS))


def headless_path() -> str:
    """As chromium_path, but the one without windows where there is one."""
    return os.environ.get("STUDIO_CHROMIUM", "") or _first((HEADLESS, *BROWSERS))


def _first(names: tuple[str, ...]) -> str:
    return next((path for path in map(shutil.which, names) if path), "")


@cache
def missing(name: str) -> str:
    """Why tests marked `name` cannot run here, with what to install; "" when they can."""
    return {"browser": _no_browser, "postgres": _no_postgres, "redis": _no_redis}[name]()


def required() -> set[str]:
    return {name.strip() for name in os.environ.get("STUDIO_REQUIRE", "").split(",") if name.strip()}


def _no_browser() -> str:
    if headless_path():
        return ""
    return "No Chromium was found. Install one (Debian: apt install chromium-headless-shell) or name it in STUDIO_CHROMIUM."


def _no_postgres() -> str:
    import psycopg

    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        reason = str(error).splitlines()[0]
        return f"PostgreSQL does not answer ({reason}). Start one, or name it in STUDIO_TEST_POSTGRES."
    return ""


def _no_redis() -> str:
    import redis

    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=3).ping()
    except redis.RedisError as error:
        return f"Redis does not answer ({error}). Start one, or name it in STUDIO_TEST_REDIS."
    return ""
