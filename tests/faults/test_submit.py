"""What the provider may do to the paid request (faults 31 to 45): told truthfully, paid at most once."""

import datetime as dt
import email.utils
import socket
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from generations import keys, lifecycle
from generations.models import Attempt, Generation, ProviderKey
from generations.providers import outbound
from tests import host as hosts
from tests.faults.wire import Scripted

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
SECRET = keys.DEMO_SECRET


def sent(row: Generation) -> Generation:
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    return row


def bills(sandbox: Any, row: Generation) -> int:
    return len(sandbox.ledger(contains=row.prompt.split()[-1]))


# --- 31: it cannot be reached -----------------------------------------------------------------------------------------
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    outbound.trust({*outbound._trusted, address})
    return f"http://{address}"


@pytest.mark.parametrize("way", ["refused", "no such name", "no TLS", "TLS cut"])
def test_an_unreachable_provider_costs_nothing_and_is_asked_again(
    way: str, start: Start, drive: Start, key: ProviderKey, sandbox: Any, healed: Callable[[], None]
) -> None:
    row = start()
    with hosts.running_host() as host:
        host.behaviour = hosts.reset if way == "TLS cut" else hosts.answer(b"220 smtp ready\r\n")
        key.base_url = {"refused": closed_port(), "no such name": "https://nowhere.invalid"}.get(
            way
        ) or f"https://127.0.0.1:{host.port}"
        key.save()
        row = sent(row)
    assert (row.state, row.charged) == ("queued", "no"), row.message
    assert row.attempts.get().state == Attempt.NOT_SENT
    assert row.due_at > timezone.now()
    healed()
    assert drive(row).state == "done"
    assert bills(sandbox, row) == 1


# --- 32 to 36: refusals -----------------------------------------------------------------------------------------------
def in_a_minute() -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=61), usegmt=True)


@pytest.mark.parametrize(
    ("value", "lowest", "highest"),
    [("45", 45, 45), (in_a_minute, 58, 62), ("", 1, 10), ("999999999", 900, 900), ("soon", 900, 900)],
    ids=["seconds", "date", "nothing said", "absurd", "garbage"],
)
def test_a_busy_provider_is_given_the_time_it_asks_for(
    value: Any, lowest: float, highest: float, start: Start, scripted: Scripted
) -> None:
    given = value() if callable(value) else value
    header = f"Retry-After: {given}\r\n" if given else ""
    scripted.create = hosts.json_answer("{}", "429 Too Many Requests", header)
    before = timezone.now()
    row = sent(start())
    after = timezone.now()
    assert (row.state, row.charged) == ("queued", "no")
    assert (row.due_at - after).total_seconds() <= highest
    assert (row.due_at - before).total_seconds() >= lowest
    lifecycle.submit(row.pk)
    assert len(scripted.asked("POST")) == 1, "not before its time"


MEANINGS = {
    **dict.fromkeys((400, 404, 405, 409, 410, 413, 415, 422, 451, 301, 302, 307, 308), ("failed", "no")),
    **dict.fromkeys((408, 425, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 599), ("unknown", "unknown")),
    **dict.fromkeys((401, 402, 403, 429), ("queued", "no")),
}


@pytest.mark.parametrize("status", MEANINGS)
def test_every_status_means_one_thing_for_the_job_and_its_money(status: int, start: Start, scripted: Scripted) -> None:
    scripted.create = hosts.json_answer(
        '{"error": {"message": "No"}}', f"{status} X", "Location: http://169.254.169.254/\r\n"
    )
    row = sent(start())
    assert (row.state, row.charged) == MEANINGS[status], row.message
    lifecycle.submit(row.pk)
    assert len(scripted.asked("POST")) == 1
    assert len(scripted.host.requests) == 1, "no redirect is followed"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_key_stops_no_other_key(
    status: int,
    start: Start,
    drive: Start,
    scripted: Scripted,
    key: ProviderKey,
    sandbox: Any,
    healed: Callable[[], None],
) -> None:
    row = start()
    other = keys.add_key(team=key.team, provider="apertis", secret="sk-another-key", base_url=f"{sandbox.url}/apertis")
    Generation.objects.filter(pk=row.pk).update(provider_key=key)
    scripted.create = hosts.json_answer('{"error": {"message": "No"}}', f"{status} X")
    sent(row)
    key.refresh_from_db()
    assert key.state == ProviderKey.PAUSED
    second = start()
    Generation.objects.filter(pk=second.pk).update(provider_key=other)
    assert drive(second).state == "done"
    row.refresh_from_db()
    assert (row.state, row.charged) == ("queued", "no")


# --- 37 to 42, 66: no answer, or one that says nothing ----------------------------------------------------------------
NOT_AN_ANSWER = {
    "half a body": hosts.answer(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":'),
    "bad UTF-8": hosts.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe{}"),
    "not HTTP": hosts.answer(b"SSH-2.0-OpenSSH\r\n"),
    "silence": hosts.silence,
    "reset": hosts.reset,
    "an endless body": hosts.endless,
    "a dripping head": hosts.drip(b"HTTP/1.1 200 OK\r\nX-A: b\r\n" * 50),
    "an id of 5,000 characters": hosts.json_answer('{"id": "' + "x" * 5000 + '"}'),
    "an id with a NUL": hosts.json_answer('{"id": "a\\u0000b"}'),
}


@pytest.mark.parametrize("name", NOT_AN_ANSWER)
def test_what_is_no_answer_is_a_doubt_and_never_sent_again(
    name: str, start: Start, scripted: Scripted, settings: Any
) -> None:
    settings.SUBMIT_DEADLINE = 1.5
    scripted.create = NOT_AN_ANSWER[name]
    row = sent(start())
    assert (row.state, row.unknown_phase, row.charged) == ("unknown", "submit", "unknown")
    assert row.message.endswith(".")
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now() - dt.timedelta(days=1))
    for _ in range(3):
        lifecycle.submit(row.pk)
        lifecycle.sweep()
    assert len(scripted.asked("POST")) == 1


@pytest.mark.parametrize("task_id", ["veo3:17-ab", "a/b", "a?b=c&d", "a%3Ab", "with space", 10**18])
def test_an_id_is_taken_as_it_is_and_asked_for_as_it_is(task_id: Any, start: Start, scripted: Scripted) -> None:
    import json
    from urllib.parse import parse_qs, urlsplit

    scripted.create = hosts.json_answer(json.dumps({"id": task_id}))
    scripted.query = scripted.says("processing")
    row = sent(start())
    assert (row.state, row.provider_task_id) == ("submitted", str(task_id))
    lifecycle.poll(row.pk)
    [asked] = scripted.asked("GET")
    assert parse_qs(urlsplit(asked.split()[1].decode()).query) == {"id": [str(task_id)]}


def sixty_megabytes(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 60000008\r\n\r\n{"id": "')
    for _ in range(60):
        connection.sendall(b"x" * 1_000_000)


@pytest.mark.parametrize("behaviour", [sixty_megabytes, hosts.endless], ids=["60 MB of JSON", "an endless body"])
def test_a_huge_answer_takes_little_memory(
    behaviour: hosts.Behaviour, start: Start, scripted: Scripted, settings: Any
) -> None:
    settings.SUBMIT_DEADLINE = 5
    scripted.create = behaviour
    row = start()
    tracemalloc.start()
    try:
        row = sent(row)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert row.state == "unknown"
    assert peak < 30_000_000


# --- 40, 45: what is kept ---------------------------------------------------------------------------------------------
def test_a_strange_answer_is_kept_short_and_without_the_key(start: Start, scripted: Scripted) -> None:
    scripted.create = hosts.json_answer(f"<html>{SECRET}" + "x" * 300_000)
    attempt = sent(start()).attempts.get()
    assert 1000 < len(attempt.answer) <= 64 * 1024
    assert attempt.answer.startswith("<html>")
    assert SECRET not in attempt.answer


def test_a_key_that_the_provider_repeats_is_stored_and_shown_nowhere(
    start: Start, scripted: Scripted, key: ProviderKey, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.create = hosts.json_answer(
        f'{{"error": {{"message": "Incorrect API key provided: {SECRET}"}}}}', "401 Unauthorized"
    )
    row = sent(start())
    key.refresh_from_db()
    told = [
        row.message,
        key.paused_reason,
        row.attempts.get().answer,
        *row.events.values_list("why", flat=True),
        caplog.text,
    ]
    assert "Incorrect API key" in row.message
    assert not [text for text in told if SECRET in text]


def test_a_paid_request_is_waited_for_as_long_as_the_proxies_before_the_hosts_wait(settings: Any) -> None:
    """Cloudflare ends a request after about 100 s (524); waiting longer would bring nothing."""
    assert 60 <= settings.SUBMIT_DEADLINE <= 90
