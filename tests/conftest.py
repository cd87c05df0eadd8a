"""Fixtures that every test may ask for."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F
from django.test import Client
from xdist.scheduler import LoadFileScheduling

from accounts.models import Membership, Team, User
from generations import keys, registry
from generations.models import ProviderKey
from generations.providers import outbound
from sandbox.server import running

from . import requirements
from .stack import RunningStudio, Sandbox, running_stack

SANDBOX_SECONDS = 0.3
GALLERY = "tests/browser/gallery/"


# --- what the machine has ----------------------------------------------------------------------------------------------
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in ("browser", "postgres", "redis"):
        if item.get_closest_marker(name) and (reason := requirements.missing(name)):
            (pytest.fail if name in requirements.required() else pytest.skip)(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """After every test that may use the database: the event log holds no edge that docs/states.md does not draw."""
    result = yield
    if {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
        assert strange_edges() == set()
    return result


def strange_edges() -> set[tuple[str, str]]:
    """Edges in the event log that do not exist. A note at a shot, from a state to the same one, is no edge."""
    from generations.models import Event
    from generations.states import EDGES

    found = set(Event.objects.exclude(from_state=F("to_state")).values_list("from_state", "to_state").distinct())
    return found - EDGES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is given more time than usual begins first, so that nobody waits for it at the end. Browser tests run last: until
    its end Playwright keeps an event loop running, and asyncio allows no second one.
    """
    items.sort(key=lambda item: (is_browser(item), not item.get_closest_marker("timeout")))
    if os.environ.get("CI"):  # a build machine is shared: what fails is tried once more there, and it is counted
        for item in items:
            item.add_marker(pytest.mark.flaky(reruns=1))
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


class ByStudio(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one process, and so does the whole folder whose files share a studio."""

    def _split_scope(self, nodeid: str) -> str:
        return GALLERY if nodeid.startswith(GALLERY) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return ByStudio(config, log) if config.getvalue("dist") == "loadfile" else None


def is_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also the tests marked `long`, as make faults does")


def pytest_sessionstart(session: pytest.Session) -> None:
    """A misspelt name in STUDIO_REQUIRE would require nothing, silently."""
    unknown = requirements.required() - {"browser", "postgres", "redis"}
    if unknown:
        pytest.exit(f"STUDIO_REQUIRE names {', '.join(sorted(unknown))}. Use browser, postgres, redis.", returncode=4)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A fresh, empty PostgreSQL database for DATABASE_URL. Mark the test with `postgres`."""
    import psycopg
    from psycopg import sql

    name = f"tungsten_{secrets.token_hex(4)}"
    with psycopg.connect(requirements.POSTGRES, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{requirements.POSTGRES.rpartition('/')[0]}/{name}"
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Redis database 15. Mark the test with `redis`."""
    return requirements.REDIS


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium (playwright, synchronous). Mark the test with `browser`."""
    from playwright.sync_api import sync_playwright

    # Playwright leaves an event loop running in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update"]  # fmt: skip
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=requirements.headless_path(), args=quiet)
        yield chromium
        chromium.close()


# --- folders and database ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file with WAL, as in production: the shared in-memory database has other locks."""
    from django.db import connections

    database = connections.databases["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = f"{os.environ['STUDIO_DATA']}/test-{os.getpid()}.sqlite3"


@pytest.fixture(autouse=True)
def studio_dirs(settings: Any, tmp_path: Path) -> Path:
    """Each test has folders and a cache of its own. Gives the data folder."""
    settings.DATA = tmp_path
    settings.MEDIA, settings.UPLOADS = tmp_path / "media", tmp_path / "uploads"
    settings.ESCROW, settings.RUN = tmp_path / "escrow", tmp_path / "run"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "tests.storage.StaticFiles"}}
    for folder in (settings.MEDIA, settings.UPLOADS, settings.ESCROW, settings.RUN, settings.STATIC_ROOT):
        folder.mkdir()
    cache.clear()  # rate limits start at zero
    registry.forget()
    return tmp_path


# --- people --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def team(db: None) -> Team:
    """A team without any key. `user` owns it, `member` is in it, `stranger` is not."""
    return Team.objects.create(name="Harbour film")


def _person(email: str, name: str, team: Team, role: str) -> User:
    user = User.objects.create_user(email, name=name)
    Membership.objects.create(user=user, team=team, role=role)
    return user


@pytest.fixture
def user(team: Team) -> User:
    return _person("alice@example.org", "Alice Moreau", team, Membership.OWNER)


@pytest.fixture
def member(team: Team) -> User:
    return _person("bob@example.org", "Bob Elander", team, Membership.MEMBER)


@pytest.fixture
def stranger(db: None) -> User:
    """The owner of another team."""
    return _person("charlie@example.org", "Charlie Okafor", Team.objects.create(name="Night shift"), Membership.OWNER)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    """`client_for(user)` is a signed-in client."""

    def make(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return make


# --- providers and whole studios -----------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The pretend providers on a free port; jobs take 0.3 s. Gives .url, .ledger(contains=), .requests(), .reset()."""
    with running(tmp_path_factory.mktemp("sandbox"), seconds=SANDBOX_SECONDS) as url:
        yield Sandbox(url)


@pytest.fixture
def key(team: Team, sandbox: Sandbox, settings: Any) -> Iterator[ProviderKey]:
    """The team's sandbox key for Apertis, with outbound calls to the sandbox allowed."""
    settings.SANDBOX_URL = sandbox.url
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host})
    yield keys.add_key(
        team=team,
        provider="apertis",
        secret=keys.DEMO_SECRET,
        base_url=f"{sandbox.url}/apertis",
        label="Sandbox",
    )
    outbound.trust(settings.TRUSTED_HOSTS)


@pytest.fixture(scope="session")
def running_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The real `manage.py run` on free ports; jobs take 1 s. Mark the test with `processes`."""
    with running_stack(tmp_path_factory.mktemp("studio")) as studio:
        studio.wait_until_ready()
        yield studio
        studio.stop()
