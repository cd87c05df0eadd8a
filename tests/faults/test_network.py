"""Networks that stop, lose and delay (faults 65 to 67), and people who are as quick as the worker (70)."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from generations import engine, lifecycle
from generations.models import Attempt, Generation, ProviderKey
from tests.faults.wire import Proxy, Silent
from tests.lifecycle.test_promises import together

Start = Callable[..., Generation]


def bills(sandbox: Any, row: Generation) -> int:
    return len(sandbox.ledger(contains=row.prompt.split()[-1]))


@pytest.mark.django_db
def test_a_partition_sends_nothing_and_heals(
    start: Start, drive: Start, key: ProviderKey, sandbox: Any, healed: Callable[[], None]
) -> None:
    row = start()
    with Silent() as silent:
        key.base_url = silent.url
        key.save()
        began = time.monotonic()
        lifecycle.submit(row.pk)
        row.refresh_from_db()
        assert time.monotonic() - began < 30, "our own time-out, not the kernel's two minutes"
    assert (row.state, row.charged) == ("queued", "no"), row.message
    assert row.attempts.get().state == Attempt.NOT_SENT
    healed()
    assert drive(row).state == "done"
    assert bills(sandbox, row) == 1


@pytest.mark.django_db
def test_a_partition_while_it_is_rendered_changes_nothing(
    start: Start, drive: Start, key: ProviderKey, healed: Callable[[], None], sandbox: Any
) -> None:
    row = drive(start(), "submitted", "running")
    with Silent() as silent:
        key.base_url = silent.url
        key.save()
        lifecycle.poll(row.pk)
        before = row.state
        row.refresh_from_db()
        assert row.state == before
        assert row.poll_errors == 1
    healed()
    assert drive(row).state == "done"
    assert bills(sandbox, row) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["swallow", "cut"])
def test_a_lost_answer_is_a_doubt_and_paid_once(
    mode: str, start: Start, proxy: Proxy, sandbox: Any, settings: Any
) -> None:
    settings.SUBMIT_DEADLINE = 1.5
    proxy.mode = mode
    row = start()
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("unknown", "unknown")
    assert bills(sandbox, row) == 1
    assert proxy.connections == 1, "no layer below sends again"


def run_loop(seconds: float, done: Callable[[], bool]) -> None:
    """The real loop in this process; what it would hand to other workers is done in place."""

    def hint(task: str, pks: list[int]) -> None:
        if task == "archive":
            for pk in pks:
                lifecycle.archive(pk)

    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        engine.Engine(hint=hint).run(10)


def settled() -> bool:
    return not Generation.objects.exclude(state__in=("done", "failed", "unknown")).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("jobs", [8, pytest.param(100, marks=pytest.mark.long)])
def test_a_bad_line_makes_no_job_untrue(
    jobs: int, start: Start, proxy: Proxy, sandbox: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer 0.05 to 0.4 s late, 4 % of the connections reset: the ratio of the fault list, ten times as quick."""
    settings.POLL_MIN = 0.2
    monkeypatch.setattr(engine, "LINGER", 0.3)
    proxy.mode, proxy.delay, proxy.resets = "flaky", (0.05, 0.4), 0.04
    rows = [start() for _ in range(jobs)]
    run_loop(20 + jobs * 2, settled)
    assert settled(), list(Generation.objects.values_list("state", "message"))
    for row in Generation.objects.all():
        paid = bills(sandbox, row)
        assert paid <= 1
        assert (row.state, paid) == ("done", 1) or (row.state, row.charged) == ("unknown", "unknown"), row.message
    assert Generation.objects.filter(state="done").count() >= len(rows) * 0.8


# --- 70 ---------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.long)])
def test_a_cancel_that_races_the_worker_is_free_or_too_late_and_never_both(
    rounds: int, start: Start, user: User, sandbox: Any
) -> None:
    ends = {"cancelled": 0, "submitted": 0}
    for number in range(rounds):
        row = start(f"Race {secrets.token_hex(4)}")
        offset = (number / rounds - 0.5) * 0.06  # below zero the other one waits

        def step(index: int, row: Generation = row, offset: float = offset) -> Any:
            time.sleep(max(0, -offset if index else offset))  # where in the other's work this one falls is varied
            if index:
                return lifecycle.submit(row.pk)
            return lifecycle.cancel(Generation.objects.get(pk=row.pk), user)

        told, _ = together(2, step)
        row.refresh_from_db()
        ends[row.state] += 1
        assert isinstance(told, lifecycle.TooLate) == (row.state == "submitted"), (told, row.state)
        assert bills(sandbox, row) == (row.state == "submitted")
        assert row.charged == ("yes" if row.state == "submitted" else "no")
    assert min(ends.values()) > 0, f"only one of the two ever won: {ends}"
    connection.close()


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["submitted", "running", "succeeded", "done", "failed", "unknown", "cancelled"])
def test_a_cancel_in_any_other_state_changes_nothing_but_words(state: str, start: Start, user: User) -> None:
    row = start()
    Generation.objects.filter(pk=row.pk).update(state=state)
    row.refresh_from_db()
    if state == "cancelled":
        lifecycle.cancel(row, user)
    else:
        with pytest.raises(lifecycle.TooLate):
            lifecycle.cancel(row, user)
    row.refresh_from_db()
    assert row.state == state
