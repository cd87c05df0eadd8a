"""Never pay twice, never lose a render: races, late answers, disks that fill up, people who change their mind."""

import datetime as dt
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Team, User
from generations import lifecycle, references
from generations.lifecycle import escrow as escrows
from generations.lifecycle import leases, outcomes, submission, sweeping
from generations.models import Attempt, Event, Generation, ProviderKey, Upload
from generations.providers import SPECS
from generations.providers.base import Accepted, NotSent, Rejected, Response
from generations.states import EDGES, TERMINAL
from tests.conftest import strange_edges
from tests.stack import until

Start = Callable[..., Generation]


def together(count: int, step: Callable[[int], Any]) -> list[Any]:
    """Run `step` in `count` threads that begin at the same moment; the results, exceptions included."""
    gate, results = threading.Barrier(count), [None] * count

    def one(index: int) -> None:
        gate.wait()
        try:
            results[index] = step(index)
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
def test_sixteen_clicks_at_once_make_one_job(team: Team, user: User, key: ProviderKey) -> None:
    def click(_: int) -> Any:
        return lifecycle.start(
            team=team, user=user, key=key, spec=SPECS["apertis-veo3"], prompt="One", params={}, token="t"
        )

    results = together(16, click)
    assert {row.pk for rows in results for row in rows} == {Generation.objects.get().pk}


@pytest.mark.django_db
def test_the_same_form_with_other_values_is_refused(team: Team, user: User, key: ProviderKey) -> None:
    common = {"team": team, "user": user, "key": key, "spec": SPECS["apertis-veo3"], "params": {}, "token": "t"}
    first = lifecycle.start(prompt="One", **common)
    assert lifecycle.start(prompt="One", **common) == first
    with pytest.raises(lifecycle.TokenReused):
        lifecycle.start(prompt="Two", **common)
    assert Generation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_workers_on_one_row_send_it_once(start: Start, sandbox: Any) -> None:
    row = start()
    results = together(8, lambda _: lifecycle.submit(row.pk))
    assert results.count(True) == 1
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


@pytest.mark.django_db
def test_every_step_run_twice_changes_nothing(start: Start, drive: Start, sandbox: Any) -> None:
    row = start()
    for step in (lifecycle.submit, lifecycle.submit):
        step(row.pk)
    row = drive(row, "done")
    for step in (lifecycle.submit, lifecycle.poll, lifecycle.archive):
        step(row.pk)
    lifecycle.sweep()
    row.refresh_from_db()
    assert row.state == "done"
    assert row.attempts.count() == 1
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


def intend(row: Generation) -> tuple[Attempt, escrows.Escrow]:
    [sending] = lifecycle.begin([row.pk])
    return sending.attempt, sending.escrow


def expire(row: Generation) -> None:
    Generation.objects.filter(pk=row.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


@pytest.mark.django_db
def test_a_worker_that_slept_past_its_lease_can_no_longer_send(start: Start, sandbox: Any) -> None:
    row = start()
    attempt, escrow = intend(row)
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert row.state == "queued", "its escrow proves that nothing had left"
    submission._send(lifecycle.Sending(attempt, escrow))  # the sleeper wakes up
    row.refresh_from_db()
    assert row.state == "queued"
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []


@pytest.mark.django_db
def test_a_late_answer_brings_an_unknown_job_back(start: Start, drive: Start) -> None:
    row = start()
    attempt, escrow = intend(row)
    escrow.mark_wire()
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.charged) == ("unknown", "unknown")
    outcomes.accepted(attempt, Accepted("late-1"))
    row.refresh_from_db()
    assert (row.state, row.provider_task_id, row.charged) == ("submitted", "late-1", "yes")


@pytest.mark.django_db
def test_a_late_answer_from_the_disk_counts_too(start: Start) -> None:
    row = start()
    _, escrow = intend(row)
    escrow.mark_wire()
    expire(row)
    lifecycle.sweep()
    escrow.write_answer(Response(200, {}, b'{"id": "late-2"}'))  # and then the worker dies
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.provider_task_id) == ("submitted", "late-2")
    assert not escrow.path.exists()


@pytest.mark.django_db
def test_the_place_for_an_answer_stays_while_its_request_is_out_however_old_it_looks(
    start: Start, monkeypatch: Any
) -> None:
    """After a jump of the clock; it goes when the worker has gone and nothing has come."""
    row = start()
    _, escrow = intend(row)
    with escrow.in_hand():
        escrow.mark_wire()
        expire(row)
        monkeypatch.setattr(sweeping, "ORPHAN_AGE", -1)
        lifecycle.sweep()
        row.refresh_from_db()
        assert (row.state, escrow.path.exists()) == ("unknown", True)
        Attempt.objects.all().delete()  # nor does it look like litter
        lifecycle.sweep()
        assert escrow.path.exists()
    lifecycle.sweep()
    assert not escrow.path.exists()


@pytest.mark.django_db
def test_a_late_refusal_does_not_touch_a_second_attempt(start: Start, user: User) -> None:
    row = start()
    attempt, escrow = intend(row)
    escrow.mark_wire()
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    lifecycle.send_again(row, user)
    second, _ = intend(row)
    outcomes.settle_error(attempt, Rejected("late no"))
    row.refresh_from_db()
    second.refresh_from_db()
    assert (row.state, second.state) == ("submitting", Attempt.INTENT)


@pytest.mark.django_db
def test_an_id_that_belongs_to_another_shot_is_a_doubt(start: Start) -> None:
    first, second = start(), start()
    for row in (first, second):
        attempt, _ = intend(row)
        outcomes.accepted(attempt, Accepted("same"))
    second.refresh_from_db()
    assert second.state == "unknown"
    assert "another shot" in second.message


@pytest.mark.django_db
def test_a_full_disk_sends_nothing_and_says_so(start: Start, sandbox: Any, settings: Any, tmp_path: Path) -> None:
    row = start()
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings.ESCROW = blocked / "below"
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert row.state == "queued"
    assert "disk" in row.message
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []


@pytest.mark.django_db
def test_a_disk_that_fills_up_during_the_request_loses_no_id(start: Start, drive: Start, monkeypatch: Any) -> None:
    def full(self: Any, response: Response) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(escrows.Escrow, "write_answer", full)
    assert drive(start()).state == "done"


@pytest.mark.django_db
def test_a_full_disk_keeps_a_finished_render_waiting(start: Start, drive: Start, monkeypatch: Any) -> None:
    import shutil

    row = drive(start(), "succeeded")
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        for _ in range(12):
            Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
            lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert row.state == "succeeded"
    assert "room" in row.message
    assert drive(row).state == "done"


@pytest.mark.django_db
def test_a_timeout_of_the_queue_during_the_request_is_a_doubt(start: Start, monkeypatch: Any) -> None:
    from generations.providers import http

    def killed(request: Any, *, seconds: float, before_wire: Any, after_answer: Any) -> Any:
        before_wire()
        raise SystemExit("task exceeded its time")

    monkeypatch.setattr(http, "paid_post", killed)
    row = start()
    with pytest.raises(SystemExit):
        lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("unknown", "unknown")


# --- cancel ------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_cancel_is_free_before_sending(start: Start, user: User, sandbox: Any) -> None:
    row = start()
    lifecycle.cancel(row, user)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("cancelled", "no")
    assert not lifecycle.submit(row.pk)
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []


@pytest.mark.django_db
def test_cancel_after_sending_says_that_it_is_too_late(start: Start, drive: Start, user: User) -> None:
    row = start()
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    with pytest.raises(lifecycle.TooLate, match="bill"):
        lifecycle.cancel(row, user)
    assert drive(row).state == "done", "the result is kept"


@pytest.mark.django_db
def test_a_cancel_while_sending_counts_when_it_comes_back_unsent(start: Start, user: User) -> None:
    row = start()
    attempt, _ = intend(row)
    row.refresh_from_db()
    with pytest.raises(lifecycle.TooLate, match="if it comes back, it is cancelled"):
        lifecycle.cancel(row, user)
    outcomes.settle_error(attempt, NotSent("no route"))
    row.refresh_from_db()
    assert (row.state, row.charged) == ("cancelled", "no")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", range(4))
def test_a_cancel_counts_at_whatever_moment_of_it_the_request_comes_back_unsent(
    moment: int, start: Start, user: User
) -> None:
    """Before each statement of the cancel that is no part of a transaction: there the engine may commit."""
    row = start()
    attempt, _ = intend(row)
    row.refresh_from_db()
    between = iter(range(100))

    def come_back(execute: Any, *statement: Any) -> Any:
        if not connection.in_atomic_block and next(between) == moment:
            outcomes.settle_error(attempt, NotSent("no route"))
        return execute(*statement)

    with connection.execute_wrapper(come_back), suppress(lifecycle.TooLate):
        lifecycle.cancel(row, user)
    if next(between) <= moment:  # the cancel was over before
        outcomes.settle_error(attempt, NotSent("no route"))
    row.refresh_from_db()
    assert (row.state, row.charged) == ("cancelled", "no")


@pytest.mark.django_db(transaction=True)
def test_a_cancel_that_comes_while_the_engine_puts_the_shot_back_waits_for_that_and_counts(
    start: Start, user: User
) -> None:
    row = start()
    attempt, _ = intend(row)
    row.refresh_from_db()
    press = threading.Thread(target=together, args=(1, lambda _: lifecycle.cancel(row, user)))

    def pressed(execute: Any, sql: str, *rest: Any) -> Any:
        if not press.ident and sql.startswith('UPDATE "generations_generation" SET "state"'):
            press.start()
            press.join(0.5)  # so long it has time to go past, and must not
        return execute(sql, *rest)

    with connection.execute_wrapper(pressed):
        outcomes.settle_error(attempt, NotSent("no route"))
    press.join(30)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("cancelled", "no")


# --- unknown -----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def unknown(start: Start, drive: Start) -> Generation:
    return drive(start("A boat [[lose-answer]]"), "unknown")


@pytest.mark.django_db
def test_time_never_decides_an_unknown_outcome(unknown: Generation, sandbox: Any) -> None:
    Generation.objects.update(due_at=timezone.now() - dt.timedelta(days=30), updated_at=timezone.now())
    for step in (lifecycle.submit, lifecycle.poll, lifecycle.archive):
        step(unknown.pk)
    lifecycle.sweep()
    unknown.refresh_from_db()
    assert unknown.state == "unknown"
    assert len(sandbox.ledger(contains=unknown.prompt.split()[-1])) == 1


@pytest.mark.django_db
def test_a_person_may_enter_the_id(unknown: Generation, drive: Start, user: User, sandbox: Any) -> None:
    [entry] = sandbox.ledger(contains=unknown.prompt.split()[-1])
    lifecycle.adopt(unknown, f" {entry['task_id']} ", user)
    assert drive(unknown, "done").charged == "yes"
    assert len(sandbox.ledger(contains=unknown.prompt.split()[-1])) == 1


@pytest.mark.django_db
def test_a_person_may_release_it(unknown: Generation, user: User) -> None:
    lifecycle.release(unknown, user)
    unknown.refresh_from_db()
    assert (unknown.state, unknown.charged) == ("failed", "no")
    assert unknown.events.latest("id").actor == user


@pytest.mark.django_db
def test_a_person_may_pay_twice_knowingly(unknown: Generation, user: User, sandbox: Any) -> None:
    lifecycle.send_again(unknown, user)
    lifecycle.submit(unknown.pk)
    assert len(sandbox.ledger(contains=unknown.prompt.split()[-1])) == 2
    assert unknown.events.filter(why__contains="paid twice", actor=user).exists()


@pytest.mark.django_db
def test_a_job_with_an_id_is_never_sent_again(start: Start, user: User) -> None:
    row = start()
    lifecycle.submit(row.pk)
    Generation.objects.filter(pk=row.pk).update(state="unknown", unknown_phase="remote")
    row.refresh_from_db()
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.send_again(row, user)


# --- waiting too long ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_job_that_never_ends_becomes_a_doubt_and_still_ends_well(start: Start, drive: Start) -> None:
    row = start("A boat [[seconds=1]]")
    lifecycle.submit(row.pk)
    Generation.objects.filter(pk=row.pk).update(deadline_at=timezone.now() - dt.timedelta(seconds=1))
    lifecycle.poll(row.pk)
    row.refresh_from_db()
    assert (row.state, row.unknown_phase, row.charged) == ("unknown", "remote", "yes")

    def ended() -> bool:
        lifecycle.poll(row.pk)
        row.refresh_from_db()
        return row.state == "succeeded"

    until(ended, 30, "the end of the render")
    assert drive(row, "done").state == "done"


# --- small truths -------------------------------------------------------------------------------------------------------------
def test_nothing_but_a_person_leaves_an_end_state() -> None:
    """The edges out of an end fetch a result again, or take up an acceptance that came after a release. None sends."""
    assert {edge for edge in EDGES if edge[0] in TERMINAL} == {("failed", "submitted"), ("done", "submitted")}


@pytest.mark.django_db
def test_an_edge_that_does_not_exist_cannot_be_taken(start: Start) -> None:
    from generations.lifecycle.moves import move

    with pytest.raises(ValueError, match="no edge"):
        move(start(), "done", "by mistake")


def test_the_event_log_of_every_test_is_looked_through(start: Start) -> None:
    """tests/conftest.py does so after each test that uses the database; here it is shown that it would see one."""
    row = start()
    assert strange_edges() == set()
    note = Event.objects.create(generation=row, from_state="queued", to_state="queued", why="a note is no edge")
    assert strange_edges() == set()
    Event.objects.filter(pk=note.pk).update(to_state="done")
    assert strange_edges() == {("queued", "done")}
    Event.objects.filter(pk=note.pk).delete()


def test_a_dead_owner_is_recognised_and_another_machine_is_not() -> None:
    mine = leases.me()
    host, pid, _ = mine.split(":")
    assert not leases.is_dead(mine)
    assert leases.is_dead(f"{host}:{pid}:1"), "same pid, other process"
    assert leases.is_dead(f"{host}:4194999:1")
    assert not leases.is_dead("elsewhere:1:1")
    assert not leases.is_dead("")


@pytest.mark.django_db
def test_no_socket_is_opened_inside_a_transaction(start: Start, drive: Start, monkeypatch: Any) -> None:
    import socket

    real = socket.socket.connect
    opened = []

    def watched(self: socket.socket, address: Any) -> None:
        opened.append(len(connection.savepoint_ids) > depth or (depth < 0 and connection.in_atomic_block))
        real(self, address)

    depth = len(connection.savepoint_ids) if connection.in_atomic_block else -1
    monkeypatch.setattr(socket.socket, "connect", watched)
    assert drive(start()).state == "done"
    assert opened
    assert not any(opened)


@pytest.fixture
def upload(team: Team, user: User) -> Upload:
    found = Upload.objects.create(team=team, created_by=user, path="1/a.png", name="a.png", content_type="image/png",
                                  sha256="0" * 64, bytes=1, width=1, height=1)  # fmt: skip
    found.file.parent.mkdir(parents=True)
    found.file.write_bytes(b"x")
    return found


@pytest.mark.django_db
def test_an_image_reaches_the_provider_through_a_signed_address(
    upload: Upload, key: ProviderKey, settings: Any
) -> None:
    row = Generation(
        team=key.team, provider_key=key, params={"images": [{"upload": upload.pk}, {"url": "https://x.org/b"}]}
    )
    own, pasted = references.given(row, SPECS["apertis-veo2-fast-frames"].media[0])
    assert own.startswith(f"http://127.0.0.1:{settings.PORT}/ref/")
    assert pasted == "https://x.org/b"
    assert references.opened(own.split("/ref/")[1].split("/")[0]) == upload
    assert references.opened("forged") is None
    key.base_url = "https://api.apertis.ai"
    assert references.origin_for(key) == ""
    settings.PUBLIC_URL = "https://studio.example.org"
    assert references.origin_for(key) == "https://studio.example.org"


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", ["the row is gone", "the file is gone", "nobody can reach us"])
def test_a_request_never_leaves_without_its_image(
    trouble: str, upload: Upload, start: Start, key: ProviderKey, sandbox: Any
) -> None:
    row = start(model="apertis-veo3-pro-frames", images=[{"role": "First frame", "upload": upload.pk}])
    if trouble == "the row is gone":
        upload.delete()
    elif trouble == "the file is gone":
        upload.file.unlink()
    else:
        ProviderKey.objects.update(base_url="https://api.example.com")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("failed", "no")
    assert "Nothing was sent" in row.message
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []


@pytest.mark.django_db
def test_a_file_of_an_answer_that_cannot_be_opened_keeps_the_recovery_from_nothing_else(start: Start) -> None:
    """As after a command that was run as another user: here it is a folder, because tests may run as root."""
    strange = Path(escrows.settings.ESCROW) / f"{'0' * 24}.answer"
    strange.mkdir(parents=True)
    row = start()
    intend(row)
    assert escrows.Escrow(strange.name).is_in_hand(), "who cannot look throws nothing away"
    Generation.objects.filter(pk=row.pk).update(lease_until=timezone.now() - dt.timedelta(hours=3))
    assert lifecycle.sweep() == 1
    assert strange.exists()
    row.refresh_from_db()
    assert row.state == "queued"
