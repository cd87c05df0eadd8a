"""What the provider may say while a job is rendered (faults 46 to 54): nothing it says makes a paid render disappear."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from generations import lifecycle
from generations.lifecycle import polling
from generations.models import Generation
from generations.providers.base import Failed, Finished, Unreachable
from tests import host as hosts
from tests.faults.wire import Scripted

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]


def polled(row: Generation, times: int = 1) -> Generation:
    for _ in range(times):
        lifecycle.poll(row.pk)
    row.refresh_from_db()
    return row


# --- 46: never ending -------------------------------------------------------------------------------------------------
def test_a_job_that_never_ends_is_a_doubt_at_its_deadline_and_asked_about_ever_more_slowly(
    start: Start, drive: Start, time_machine: Any
) -> None:
    row = drive(start("A boat [[never]]"), "running")
    deadline = row.deadline_at
    assert deadline is not None
    assert polled(row).state == "running", "not before its deadline"
    time_machine.move_to(deadline + dt.timedelta(seconds=1), tick=False)
    if row.due_at.tzinfo and _database_clock():
        Generation.objects.filter(pk=row.pk).update(deadline_at=polling.now() - dt.timedelta(seconds=1))
    row = polled(row)
    assert (row.state, row.unknown_phase, row.charged) == ("unknown", "remote", "yes")
    assert (row.due_at - polling.now()).total_seconds() > 1700
    assert polled(row, 3).state == "unknown"


def _database_clock() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"


# --- 47, 48: strange words --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "said", [{}, {"progress": None}, {"progress": "25%"}, {"progress": "soon"}, {"progress": -4}, {"progress": 900}]
)
def test_no_progress_of_any_kind_moves_the_state(said: dict[str, Any], start: Start, scripted: Scripted) -> None:
    row = start()
    lifecycle.submit(row.pk)
    scripted.query = scripted.says("processing", **said)
    row = polled(row)
    assert row.state == "running"
    assert row.progress is None or 0 <= row.progress <= 100


def test_a_hundred_percent_is_no_success_when_it_failed(start: Start, scripted: Scripted) -> None:
    row = start()
    lifecycle.submit(row.pk)
    scripted.query = scripted.says("failed", progress=100, error={"message": "out of memory"})
    row = polled(row)
    assert (row.state, row.reason, row.charged) == ("failed", "provider_failed", "unknown")


def test_a_strange_word_is_logged_once(start: Start, scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    polling._strange_words.clear()
    row = start()
    lifecycle.submit(row.pk)
    scripted.query = scripted.says("pondering")
    with caplog.at_level(logging.WARNING):
        assert polled(row, 5).state == "running"
    assert sum("pondering" in record.getMessage() for record in caplog.records) == 1


# --- 49: the provider forgets -----------------------------------------------------------------------------------------
def test_a_task_missing_for_a_moment_is_waited_for(start: Start, drive: Start) -> None:
    assert drive(start("A boat [[lost-task]]")).state == "done"


def test_a_task_missing_for_good_is_a_doubt_and_no_failure(start: Start, scripted: Scripted) -> None:
    row = start()
    lifecycle.submit(row.pk)
    scripted.query = hosts.json_answer('{"error": {"message": "no such task"}}', "404 Not Found")
    row = polled(row, 5)
    assert row.state == "submitted", "not within the first minute"
    Generation.objects.filter(pk=row.pk).update(first_missing_at=polling.now() - dt.timedelta(seconds=61))
    row = polled(row)
    assert (row.state, row.unknown_phase, row.charged) == ("unknown", "remote", "yes")
    assert "no such task" in row.message
    scripted.query = scripted.says("processing")
    assert polled(row).state in ("unknown", "running"), "it may still come back"


# --- 50: a storm ------------------------------------------------------------------------------------------------------
STORM = [
    hosts.json_answer("{}", "500 X"),
    hosts.json_answer("{}", "429 X", "Retry-After: 7\r\n"),
    hosts.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html"),
    hosts.reset,
    hosts.answer(b"SSH-2.0-OpenSSH\r\n"),
    hosts.json_answer("{}", "401 X"),
    hosts.json_answer("[1, 2]"),
    hosts.answer(b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"),
]


def test_a_storm_of_errors_changes_no_state_and_is_over_when_it_is_over(
    start: Start, drive: Start, scripted: Scripted, healed: Callable[[], None], sandbox: Any
) -> None:
    healed()
    row = drive(start("A boat [[seconds=0.1]]"), "submitted", "running")
    before = row.state
    key = row.provider_key
    key.base_url = f"{scripted.host.url}/apertis"
    key.save()
    for behaviour in STORM * 5:
        scripted.query = behaviour
        row = polled(Generation.objects.get(pk=row.pk))
        assert row.state == before
        assert (row.due_at - timezone.now()).total_seconds() <= 121, "asked again within two minutes at the latest"
    healed()
    assert drive(Generation.objects.get(pk=row.pk)).state == "done"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


# --- 51, 52: answers that contradict each other -----------------------------------------------------------------------
def test_the_first_end_wins(start: Start, drive: Start) -> None:
    row = drive(start(), "succeeded")
    seen_before = Generation.objects.get(pk=row.pk)
    seen_before.state = "running"  # as a slower poll saw it
    lifecycle.record(seen_before, Failed("provider_failed", "on second thoughts"))
    lifecycle.record(seen_before, Unreachable("gone"))
    row.refresh_from_db()
    assert row.state == "succeeded"
    assert drive(row).state == "done"
    lifecycle.record(seen_before, Finished("http://169.254.169.254/other.mp4"))
    row.refresh_from_db()
    assert (row.state, row.result_url) == ("done", "")


# --- 53: finished, and nothing to fetch -------------------------------------------------------------------------------
@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "file:///etc/passwd", "https://user:word@example.org/a.mp4",
                                 "data:video/mp4;base64,AAAA", "ftp://example.org/a.mp4", 7])  # fmt: skip
def test_finished_without_a_usable_address_is_asked_ten_times_and_then_said(
    url: Any, start: Start, scripted: Scripted, client_for: Callable[..., Client]
) -> None:
    row = start()
    lifecycle.submit(row.pk)
    scripted.query = scripted.says("completed", video_url=url)
    assert polled(row, 9).state in ("submitted", "running")
    row = polled(row)
    assert (row.state, row.reason, row.charged) == ("failed", "result_invalid", "yes")
    page = client_for(row.created_by).get(f"/shots/{row.pk}/").content.decode()
    assert not url or f'"{url}"' not in page


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:81/a.mp4", "http://[::1]/a.mp4"]
)
def test_an_address_inside_our_own_network_is_never_dialled(
    url: str, start: Start, drive: Start, scripted: Scripted
) -> None:
    scripted.query = scripted.says("completed", video_url=url)
    row = drive(start())
    assert (row.state, row.charged) == ("failed", "yes")
    assert row.reason in ("result_invalid", "result_expired")
    assert row.message
    assert not scripted.asked("/results/")
