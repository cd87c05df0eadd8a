"""What a reviewer found: trouble that lasts, answers that come too late, words about money after a second sending."""

import datetime as dt
import os
import shutil
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import User
from generations import keys, lifecycle
from generations.lifecycle import archiving, outcomes, submission, sweeping
from generations.lifecycle import escrow as escrows
from generations.models import Attempt, Generation, ProviderKey
from generations.providers import http
from generations.providers.base import Accepted, Rejected, Response

from .test_promises import expire, intend

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]


def due(row: Generation) -> None:
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())


@pytest.fixture
def doubtful(start: Start, drive: Start) -> Generation:
    return drive(start("A boat [[lose-answer]]"), "unknown")


# --- the network is down for a while -------------------------------------------------------------------------------------
def test_a_file_host_that_is_down_for_long_costs_no_render(start: Start, drive: Start, monkeypatch: Any) -> None:
    row = drive(start(), "succeeded")
    with monkeypatch.context() as patch:
        patch.setattr(http, "download", _down)
        for _ in range(30):
            due(row)
            lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.archive_tries) == ("succeeded", 30)
    assert "refused" in row.message
    assert drive(row).state == "done"


def _down(*args: Any, **kwargs: Any) -> Any:
    raise http.DownloadFailed("The file could not be fetched (connection refused).")


def _nameless(*args: Any, **kwargs: Any) -> Any:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def test_hours_in_which_nobody_tried_to_fetch_a_file_do_not_count_against_its_host(
    start: Start, drive: Start, monkeypatch: Any
) -> None:
    row = drive(start(), "succeeded")
    night = timezone.now() - dt.timedelta(hours=9)
    Generation.objects.filter(pk=row.pk).update(rendered_at=night, due_at=night)
    monkeypatch.setattr(socket, "getaddrinfo", _nameless)
    lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.archive_tries) == ("succeeded", 1), row.message
    for _ in range(3):  # nor does a second night, after tries that had begun
        Generation.objects.filter(pk=row.pk).update(due_at=night)
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.archive_tries) == ("succeeded", 4)
    assert 4 <= row.failing_for < 120, "the tries and the waits between them"


def test_a_full_disk_takes_nothing_from_the_patience_with_a_host(start: Start, drive: Start, monkeypatch: Any) -> None:
    row = drive(start(), "succeeded")
    Generation.objects.filter(pk=row.pk).update(failing_for=archiving.PATIENCE - 1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=2**40, free=0))
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.failing_for) == ("succeeded", 0), "its host has answered"


def test_a_host_that_is_tried_in_vain_for_six_hours_is_given_up_and_can_still_be_asked_again(
    start: Start, drive: Start, user: User, monkeypatch: Any
) -> None:
    row = drive(start(), "succeeded")
    Generation.objects.filter(pk=row.pk).update(failing_for=archiving.PATIENCE)
    with monkeypatch.context() as patch:
        patch.setattr(http, "download", _down)
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")
    lifecycle.fetch_again(row, user)
    assert drive(row, "succeeded").failing_for == 0, "and it is given six hours anew"
    assert drive(row, "done").charged == "yes"
    assert row.attempts.count() == 1, "fetching again sends nothing"


def test_a_finished_shot_whose_file_is_gone_is_fetched_again_without_paying(
    start: Start, drive: Start, user: User, sandbox: Any
) -> None:
    row = drive(start(), "done")
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.fetch_again(row, user)  # its file is there
    video = row.asset("video").file
    whole = video.read_bytes()
    video.unlink()
    sent = len(sandbox.ledger(contains=row.prompt))
    lifecycle.fetch_again(Generation.objects.get(pk=row.pk), user)
    row = drive(row, "done")
    assert row.asset("video").file.read_bytes() == whole
    assert (row.charged, row.attempts.count()) == ("yes", 1)
    assert len(sandbox.ledger(contains=row.prompt)) == sent


def test_only_a_lost_result_can_be_fetched_again(start: Start, drive: Start, user: User) -> None:
    row = drive(start("A boat [[moderated]]"))
    with pytest.raises(lifecycle.CannotResolve):
        lifecycle.fetch_again(row, user)


def test_an_unforeseen_error_while_saving_is_counted_and_said(start: Start, drive: Start, monkeypatch: Any) -> None:
    from generations import media

    def trips(*args: Any, **kwargs: Any) -> Any:
        raise UnicodeEncodeError("ascii", "é", 0, 1, "not in range")

    row = drive(start(), "succeeded")
    with monkeypatch.context() as patch:
        patch.setattr(media, "verify", trips)
        due(row)
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert (row.state, row.archive_tries) == ("succeeded", 1)
    assert "UnicodeEncodeError" in row.message
    assert drive(row).state == "done"


def test_a_worker_that_dies_while_saving_has_tried_too(start: Start, drive: Start, monkeypatch: Any) -> None:
    row = drive(start(), "succeeded")

    def dies(*args: Any, **kwargs: Any) -> Any:
        raise SystemExit("task exceeded its time")

    with monkeypatch.context() as patch:
        patch.setattr(http, "download", dies)
        due(row)
        with pytest.raises(SystemExit):
            lifecycle.archive(row.pk)
    expire(row)
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.archive_tries) == ("succeeded", 1)


def test_two_workers_never_write_into_one_file(start: Start, drive: Start) -> None:
    row = drive(start(), "succeeded")
    with archiving._alone_in(archiving.folder(row)):
        due(row)
        lifecycle.archive(row.pk)
        row.refresh_from_db()
        assert row.state == "succeeded"
        assert "Another worker" in row.message
    assert drive(row).state == "done"


# --- the database is away at the worst moment ------------------------------------------------------------------------------
def test_an_answer_on_the_disk_survives_a_database_that_is_away_during_recovery(start: Start, monkeypatch: Any) -> None:
    row = start()
    _, escrow = intend(row)
    escrow.mark_wire()
    escrow.write_answer(Response(200, {}, b'{"id": "kept-1"}'))
    expire(row)

    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(submission, "settle_answer", away)
        with pytest.raises(OperationalError):
            lifecycle.sweep()
    monkeypatch.setattr(sweeping, "ORPHAN_AGE", -1)
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.provider_task_id) == ("submitted", "kept-1")


@pytest.mark.parametrize("size", [10, 60_000, 900_000])
def test_escrow_keeps_an_answer_whole(size: int) -> None:
    escrow = escrows.Escrow.allocate()
    body = b'{"id": "x", "pad": "' + b"p" * size + b'"}'
    escrow.mark_wire()
    escrow.write_answer(Response(200, {"content-type": "application/json"}, body))
    assert escrow.read() == ("2", Response(200, {"content-type": "application/json"}, body))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.9, 0.999])
def test_half_an_answer_in_escrow_is_a_doubt_and_never_half_an_answer(share: float, monkeypatch: Any) -> None:
    """The process, or the power, was cut off in the middle of the one write."""
    escrow = escrows.Escrow.allocate()
    escrow.mark_wire()
    whole, pwrite = Response(200, {"date": "today"}, b'{"id": "x", "pad": "' + b"p" * 20_000 + b'"}'), os.pwrite

    class Cut(Exception):
        pass

    def half(descriptor: int, data: bytes, offset: int) -> int:
        pwrite(descriptor, data[: int(len(data) * share)], offset)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(Cut):
            escrow.write_answer(whole)
    assert escrow.read() == ("1", None)
    escrow.write_answer(whole)
    assert escrow.read() == ("2", whole)


# --- money after a second sending ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("end", ["refused", "cancelled"])
def test_not_charged_is_never_said_after_a_first_request_in_doubt(end: str, doubtful: Generation, user: User) -> None:
    lifecycle.send_again(doubtful, user)
    if end == "cancelled":
        lifecycle.cancel(doubtful, user)
    else:
        attempt, _ = intend(doubtful)
        outcomes.settle_error(attempt, Rejected("bad value"))
    doubtful.refresh_from_db()
    assert doubtful.state == ("cancelled" if end == "cancelled" else "failed")
    assert doubtful.charged == "unknown"


def test_sending_again_is_not_undone_by_an_old_wish_to_cancel(doubtful: Generation, user: User, sandbox: Any) -> None:
    Generation.objects.filter(pk=doubtful.pk).update(cancel_requested_at=timezone.now())
    lifecycle.send_again(doubtful, user)
    lifecycle.submit(doubtful.pk)
    assert len(sandbox.ledger(contains=doubtful.prompt.split()[-1])) == 2


def test_an_acceptance_that_comes_before_the_second_sending_saves_it(
    doubtful: Generation, user: User, sandbox: Any
) -> None:
    lifecycle.send_again(doubtful, user)
    outcomes.accepted(doubtful.attempts.get(), Accepted("first-1"))
    assert not lifecycle.submit(doubtful.pk)
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.provider_task_id) == ("submitted", "first-1")
    assert len(sandbox.ledger(contains=doubtful.prompt.split()[-1])) == 1


def test_an_acceptance_after_a_release_brings_the_shot_back(doubtful: Generation, user: User) -> None:
    lifecycle.release(doubtful, user)
    outcomes.accepted(doubtful.attempts.get(), Accepted("late-9"))
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.provider_task_id, doubtful.charged) == ("submitted", "late-9", "yes")


def test_a_late_refusal_settles_a_doubt(start: Start) -> None:
    row = start()
    attempt, escrow = intend(row)
    escrow.mark_wire()
    expire(row)
    lifecycle.sweep()
    escrow.write_answer(Response(400, {}, b'{"error": {"message": "bad value"}}'))
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.charged, row.message) == ("failed", "no", "bad value")
    attempt.refresh_from_db()
    assert attempt.state == Attempt.REJECTED


# --- resting and waiting -----------------------------------------------------------------------------------------------------
def test_time_that_a_key_rested_does_not_count_as_trying(start: Start, key: ProviderKey) -> None:
    row = start("A boat [[401]]")
    lifecycle.submit(row.pk)
    Generation.objects.filter(pk=row.pk).update(
        first_try_at=timezone.now() - dt.timedelta(hours=3), prompt="A boat [[429-always]]"
    )
    key.refresh_from_db()
    keys.resume(key)
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert row.state == "queued"


def test_a_disabled_key_is_not_switched_on_by_an_old_button(key: ProviderKey) -> None:
    ProviderKey.objects.update(state=ProviderKey.DISABLED)
    keys.resume(key)
    key.refresh_from_db()
    assert key.state == ProviderKey.DISABLED


def test_a_doubted_job_that_says_it_runs_is_believed(start: Start) -> None:
    row = start("A boat [[seconds=30]]")
    lifecycle.submit(row.pk)
    Generation.objects.filter(pk=row.pk).update(state="unknown", unknown_phase="remote")
    lifecycle.poll(row.pk)
    row.refresh_from_db()
    assert (row.state, row.unknown_phase) == ("running", "")


def test_a_doubted_job_that_is_missing_is_asked_about_slowly(start: Start) -> None:
    row = start("A boat [[lost-task]]")
    lifecycle.submit(row.pk)
    Generation.objects.filter(pk=row.pk).update(
        state="unknown", unknown_phase="remote", provider_task_id="nobody-knows-it"
    )
    lifecycle.poll(row.pk)
    row.refresh_from_db()
    assert row.state == "unknown"
    assert row.due_at - timezone.now() > dt.timedelta(minutes=20)


# --- dumps ---------------------------------------------------------------------------------------------------------------------
def test_a_dump_and_its_load_keep_the_key(key: ProviderKey) -> None:
    from django.core import serializers

    dump = serializers.serialize("json", ProviderKey.objects.all())
    assert keys.DEMO_SECRET not in dump
    ProviderKey.objects.all().delete()
    for found in serializers.deserialize("json", dump):
        found.save()
    assert keys.open_secret(ProviderKey.objects.get()) == keys.DEMO_SECRET
