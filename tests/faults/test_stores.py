"""A Redis that is down, empty, paused or full (faults 23, 24), and a database that is a day old (30)."""

import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from generations import keys, lifecycle
from generations.models import Generation, ProviderKey
from studio.cache import ForgivingRedis
from tests.faults import servers, studios
from tests.stack import running_stack, until

Start = Callable[..., Generation]
needs_redis = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="No redis-server was found. Debian: apt install redis"
)


# --- Redis ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def redis() -> Iterator[servers.Redis]:
    with servers.redis_server("--maxmemory", "2mb", "--maxmemory-policy", "noeviction") as server:
        yield server


@pytest.fixture
def cache(redis: servers.Redis, settings: Any) -> Iterator[ForgivingRedis]:
    settings.CACHES = {"default": {"BACKEND": "studio.cache.ForgivingRedis", "LOCATION": redis.url}}
    found = caches["default"]
    assert isinstance(found, ForgivingRedis)
    found.set("before", "here")
    assert found.get("before") == "here"
    yield found
    found.away_until = 0


def down(redis: servers.Redis) -> None:
    redis.stop()


def empty(redis: servers.Redis) -> None:
    redis.stop()
    redis.start()


def paused(redis: servers.Redis) -> None:
    redis.signal(signal.SIGSTOP)


def full(redis: servers.Redis) -> None:
    import redis as library

    client = library.Redis.from_url(redis.url)

    def fill() -> None:
        for number in range(100_000):
            client.set(f"filler-{number}", b"x" * 100_000)

    with pytest.raises(library.ResponseError, match="maxmemory"):
        fill()


TROUBLES = {"down": down, "restarted empty": empty, "paused": paused, "full": full}


@needs_redis
@pytest.mark.django_db
@pytest.mark.parametrize("name", TROUBLES)
def test_without_redis_people_sign_in_and_jobs_are_made(
    name: str, redis: servers.Redis, cache: ForgivingRedis, user: User, start: Start, drive: Start
) -> None:
    TROUBLES[name](redis)
    user.set_password("a long enough pass phrase")
    user.save()
    web = Client()
    assert web.get("/accounts/login/").status_code == 200
    signed_in = web.post("/accounts/login/", {"login": user.email, "password": "a long enough pass phrase"})
    assert signed_in.status_code == 302, signed_in.content[-500:]
    assert web.get("/").status_code == 200
    assert drive(start()).state == "done"


@needs_redis
@pytest.mark.parametrize("name", ["down", "paused", "full"])
def test_a_cache_in_trouble_forgets_and_is_used_again_when_it_is_back(
    name: str, redis: servers.Redis, cache: ForgivingRedis
) -> None:
    TROUBLES[name](redis)
    cache.set("during", "x" * 200_000)
    assert cache.get("during", "default") == "default"
    assert cache.add("during", "x") is True
    assert cache.get_many(["during"]) == {}
    assert cache.has_key("during") is False
    assert cache.incr("during") == 1
    if name == "paused":
        redis.signal(signal.SIGCONT)
    else:
        redis.stop()
        redis.start()
    cache.away_until = 0
    until(lambda: cache.set("after", "x") or cache.get("after") == "x", 20, "the cache")


@needs_redis
@pytest.mark.long
@pytest.mark.processes
def test_a_whole_studio_outlives_its_redis(tmp_path: Any) -> None:
    with servers.redis_server() as redis, running_stack(tmp_path, REDIS_URL=redis.url, STUDIO_SANDBOX="on") as studio:
        studio.wait_until_ready()
        person = studios.Person(studio)
        tokens = [person.press_until_taken("With Redis [[seconds=2]]")]
        redis.stop()
        tokens += [
            person.press_until_taken("Without"),
            studios.Person(studio, "other@example.org").press_until_taken("Other"),
        ]
        redis.start()
        redis.signal(signal.SIGSTOP)
        assert person.get("/", timeout=10) == 200
        redis.signal(signal.SIGCONT)
        assert {studios.ended(studio, token).state for token in tokens} == {"done"}
        assert studios.untruths(studio) == []
        assert "Traceback" not in studio.log
        studio.stop()


# --- 30: yesterday's backup -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_after_a_restore_nothing_is_sent_before_a_person_has_looked(
    start: Start, drive: Start, sandbox: Any, key: ProviderKey, user: User
) -> None:
    row = start()
    assert drive(row).state == "done"
    # The backup was made while it waited: this is what the restored database says.
    Generation.objects.filter(pk=row.pk).update(state="queued", provider_task_id=None, charged="no", result_url="")
    row.attempts.all().delete()
    call_command("restored")
    for _ in range(3):
        lifecycle.submit(row.pk)
        lifecycle.sweep()
    row.refresh_from_db()
    assert row.state == "queued"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
    key.refresh_from_db()
    assert "restored from a backup" in key.paused_reason
    lifecycle.cancel(row, user)
    keys.resume(key)
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
