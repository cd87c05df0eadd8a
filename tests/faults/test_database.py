"""A PostgreSQL that stops, restarts, pauses and cuts connections (faults 17 to 21), and a SQLite that is locked (22)."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from generations import lifecycle
from generations.lifecycle import moves, outcomes
from generations.models import Event, Generation
from generations.providers.base import Accepted
from tests.clock import own_time
from tests.faults import servers, studios
from tests.lifecycle.test_promises import intend
from tests.stack import RunningStudio, running_stack, until

Start = Callable[..., Generation]
needs_postgres = pytest.mark.skipif(
    not servers.programs(), reason="No PostgreSQL server was found. Debian: apt install postgresql"
)


# --- a server of our own ----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="module")
def studio(postgres: servers.Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    data = tmp_path_factory.mktemp("on-postgres")
    with running_stack(data, "--canary-every", "2", DATABASE_URL=postgres.url, STUDIO_SANDBOX="on") as found:
        found.wait_until_ready()
        yield found
        found.stop()


@pytest.fixture(scope="module")
def person(studio: RunningStudio) -> studios.Person:
    return studios.Person(studio)


def wait_until_sent(studio: RunningStudio, token: str) -> None:
    until(lambda: studio.sandbox.ledger(contains=token), 60, lambda: f"the request\n{studio.log}")


@needs_postgres
@pytest.mark.long
@pytest.mark.processes
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_postgresql_in_any_state_loses_and_doubles_nothing(
    mode: str, studio: RunningStudio, person: studios.Person, postgres: servers.Postgres
) -> None:
    tags = [
        "[[slow=4]]",
        "[[seconds=5]]",
        "[[seconds=0]] [[slow-file=9000]]",
        "[[429]]",
        "[[seconds=1]]",
        "[[flaky-poll]]",
    ]
    tokens = [person.press_until_taken(f"Restart {tag}") for tag in tags]
    wait_until_sent(studio, tokens[0])
    postgres.restart(mode)
    until(
        lambda: person.get("/healthz") == 200 and person.get("/queue/") == 200, 30, lambda: f"the pages\n{studio.log}"
    )
    found = [studios.ended(studio, token, 120) for token in tokens]
    assert [one.state for one in found] == ["done"] * len(tags), [one.message for one in found]
    assert studios.untruths(studio) == []


@needs_postgres
@pytest.mark.long
@pytest.mark.processes
def test_an_answer_that_comes_while_the_database_is_down_is_kept(
    studio: RunningStudio, person: studios.Person, postgres: servers.Postgres
) -> None:
    token = person.press_until_taken("Down [[slow=3]]")
    wait_until_sent(studio, token)
    postgres.stop("fast")
    time.sleep(6)  # the answer comes after 3 s; nobody can be asked whether it did
    postgres.start()
    assert studios.ended(studio, token, 120).state == "done"
    assert studios.untruths(studio) == []


@needs_postgres
@pytest.mark.long
@pytest.mark.processes
@pytest.mark.parametrize("path", ["/", "/queue/", "/gallery/", "/healthz", "/healthz/worker"])
def test_while_postgresql_hangs_a_page_says_so_instead_of_hanging_too(
    path: str, studio: RunningStudio, person: studios.Person, postgres: servers.Postgres
) -> None:
    with postgres.paused():
        assert person.get(path, timeout=15) == 503
    until(lambda: person.get(path) == 200, 30, lambda: f"the page again\n{studio.log}")


@needs_postgres
@pytest.mark.long
@pytest.mark.processes
def test_a_press_while_postgresql_hangs_makes_one_job_when_it_is_repeated(
    studio: RunningStudio, person: studios.Person, postgres: servers.Postgres
) -> None:
    with postgres.paused():
        token, status = person.press("Paused", timeout=20)
        assert status == 503
    until(lambda: person.press("Paused", token)[1] in studios.TAKEN, 30, "the press to be taken")
    assert studios.ended(studio, token).state == "done"
    assert studios.untruths(studio) == []


@needs_postgres
@pytest.mark.long
@pytest.mark.processes
def test_while_postgresql_is_down_a_page_says_so(
    studio: RunningStudio, person: studios.Person, postgres: servers.Postgres
) -> None:
    postgres.stop("fast")
    try:
        assert {person.get(path, timeout=20) for path in ("/", "/queue/", "/healthz")} == {503}
    finally:
        postgres.start()
    until(lambda: person.get("/") == 200, 30, "the page again")


# --- transactions that are cut ----------------------------------------------------------------------------------------
class Trouble:
    """Raises at the n-th statement that begins with `verb`, `times` times."""

    def __init__(self, verb: str, n: int, times: int, error: Exception) -> None:
        self.verb, self.left, self.times, self.error = verb, n, times, error

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(self.verb) and "generations" in sql:
            self.left -= 1
            if self.left <= 0 and self.times > 0:
                self.times -= 1
                raise self.error
        return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("words", ["could not serialize access", "deadlock detected", "database is locked"])
def test_a_failed_transaction_is_run_again_and_has_one_effect(
    words: str, n: int, times: int, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_time(monkeypatch, moves, sleep=lambda seconds: None)
    row = start()
    attempt, escrow = intend(row)
    with connection.execute_wrapper(Trouble("UPDATE", n, times, OperationalError(words))):
        outcomes.accepted(attempt, Accepted(f"t-{row.pk}-{n}-{times}"))
    row.refresh_from_db()
    assert (row.state, row.charged) == ("submitted", "yes")
    assert Event.objects.filter(generation=row, to_state="submitted").count() == 1
    escrow.remove()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_never_succeeds_is_given_up_after_six_tries_and_its_answer_is_still_there(
    start: Start, monkeypatch: pytest.MonkeyPatch, sandbox: Any
) -> None:
    own_time(monkeypatch, moves, sleep=lambda seconds: None)
    row = start()
    trouble = Trouble('UPDATE "GENERATIONS_ATTEMPT', 1, 10**6, OperationalError("deadlock detected"))
    trouble.verb = 'UPDATE "generations_attempt'.upper()
    with connection.execute_wrapper(trouble), pytest.raises(OperationalError):
        lifecycle.submit(row.pk)
    assert 10**6 - trouble.times <= 6
    row.refresh_from_db()
    assert row.state == "submitting"
    Generation.objects.filter(pk=row.pk).update(lease_owner="", lease_until=moves.now())
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.charged) == ("submitted", "yes")
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_connection_cut_inside_a_transaction_is_rolled_back_and_the_step_run_again(start: Start) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("runs in the PostgreSQL part of the suite: test_these_hold_on_postgresql")
    row = start()
    attempt, escrow = intend(row)
    cut: list[int] = []

    def step() -> None:
        outcomes._accept(attempt, Accepted("cut-1"), None)
        if not cut:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                cut.append(cursor.fetchone()[0])
                cursor.execute("SELECT pg_terminate_backend(%s)", cut)

    moves.committed(step)
    row.refresh_from_db()
    assert (row.state, row.provider_task_id) == ("submitted", "cut-1")
    assert Event.objects.filter(generation=row, to_state="submitted").count() == 1
    escrow.remove()


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_these_hold_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    names = [
        "cut_inside",
        "failed_transaction",
        "never_succeeds",
        "lost_answer",
        "storm",
        "first_end",
        "missing",
        "races",
    ]
    files = [f"tests/faults/test_{name}.py" for name in ("network", "poll", "database", "disks")]
    env = {**os.environ, "DATABASE_URL": postgres_url, "STUDIO_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", " or ".join(names)],
        cwd=Path(__file__).resolve().parents[2], env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


# --- 22: SQLite locked by another process -----------------------------------------------------------------------------
@pytest.fixture
def locked() -> Iterator[Callable[[float], None]]:
    """`locked(seconds)`: from now on another connection holds the write lock for so long."""
    threads: list[threading.Thread] = []

    def lock(seconds: float) -> None:
        ready = threading.Event()

        def hold() -> None:
            other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            ready.set()
            time.sleep(seconds)
            other.execute("ROLLBACK")
            other.close()

        threads.append(threading.Thread(target=hold))
        threads[-1].start()
        ready.wait(10)

    yield lock
    for thread in threads:
        thread.join()


needs_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite")


@needs_sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_locked_sqlite_is_waited_for(
    seconds: float, start: Start, locked: Callable[[float], None], client_for: Any
) -> None:
    row = start()
    web = client_for(row.created_by)
    locked(seconds)
    assert web.post(f"/shots/{row.pk}/favourite/").status_code < 400
    assert lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert row.state == "submitted"


@needs_sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [3, pytest.param(45, marks=pytest.mark.long)])
def test_a_sqlite_that_stays_locked_is_a_clear_page_and_no_job_is_lost(
    seconds: float, start: Start, locked: Callable[[float], None], client_for: Any, sandbox: Any
) -> None:
    row = start()
    web: Client = client_for(row.created_by)
    web.raise_request_exception = False
    if seconds < 20:
        connection.ensure_connection()
        connection.cursor().execute("PRAGMA busy_timeout = 500")  # instead of 20 s
    locked(seconds)
    answer = web.post(f"/shots/{row.pk}/favourite/")
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert "locked" not in answer.content.decode()
    with pytest.raises(OperationalError):
        lifecycle.submit(row.pk)
    time.sleep(seconds)  # the lock is another process's affair
    row.refresh_from_db()
    assert row.state == "queued"
    assert lifecycle.submit(row.pk)
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1
