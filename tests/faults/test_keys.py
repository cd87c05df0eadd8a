"""A key that stops working while its shots are at the provider (fault 36): it rests, and no render is given up for it."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from generations import keys, lifecycle
from generations.lifecycle import breaker
from generations.lifecycle import waiting as waits
from generations.models import Breaker, Generation, ProviderKey
from generations.models.fields import opened
from tests import host as hosts
from tests.faults.test_results import video, whole
from tests.faults.wire import Scripted

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
__all__ = ["video"]
REFUSED = '{"error": {"message": "Invalid token"}}'


def says(status: str, body: str = REFUSED) -> hosts.Behaviour:
    return hosts.json_answer(body, status)


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden"])
def test_a_key_that_is_refused_while_a_shot_is_rendered_rests_and_the_shot_comes_home(
    status: str, start: Start, drive: Start, scripted: Scripted, key: ProviderKey, video: bytes
) -> None:
    row, waiting = drive(start(), "submitted"), start()
    works, scripted.query = scripted.query, says(status)
    lifecycle.poll(row.pk)
    row.refresh_from_db()
    key.refresh_from_db()
    assert (row.state, row.charged, key.state) == ("submitted", "yes", ProviderKey.PAUSED)
    assert "Invalid token" in key.paused_reason
    assert "followed again when the key works" in row.message
    assert lifecycle.submit(waiting.pk) is False, "nothing is sent with a key that was refused"
    scripted.query, scripted.file = works, whole(video)
    keys.resume(key)
    row.refresh_from_db()
    assert row.message == ""
    assert drive(row).state == "done"
    assert len(scripted.asked("POST")) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("403 Forbidden", "<html>Just a moment...</html>"),
        ("403 Forbidden", '{"error": {"code": "content_policy_violation", "message": "No"}}'),
        ("429 Too Many Requests", REFUSED),
        ("500 Internal Server Error", REFUSED),
    ],
    ids=["a guard before the API", "moderation", "busy", "out of order"],
)
def test_what_says_nothing_about_the_key_lets_it_work(
    status: str, body: str, start: Start, drive: Start, scripted: Scripted, key: ProviderKey
) -> None:
    row = drive(start(), "submitted")
    scripted.query = says(status, body)
    lifecycle.poll(row.pk)
    key.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE


def test_a_refused_key_does_not_hold_up_a_deadline(
    start: Start, drive: Start, scripted: Scripted, key: ProviderKey
) -> None:
    row = drive(start(), "submitted")
    scripted.query = says("401 Unauthorized")
    Generation.objects.filter(pk=row.pk).update(deadline_at=lifecycle.moves.now())
    lifecycle.poll(row.pk)
    row.refresh_from_db()
    assert (row.state, row.unknown_phase, row.charged) == ("unknown", "remote", "yes")


# --- where the file is: asked again while it is saved -----------------------------------------------------------------
@pytest.mark.parametrize("trouble", ["the breaker is open", "the key is refused", "the provider is away"])
def test_a_dead_address_does_not_count_while_the_provider_cannot_be_asked_for_another(
    trouble: str, start: Start, drive: Start, scripted: Scripted, key: ProviderKey, video: bytes
) -> None:
    scripted.file = whole(b"", status="404 Not Found")
    row = drive(start(), "succeeded")
    asked = len(scripted.asked("query"))
    if trouble == "the breaker is open":
        for _ in range(breaker.IN_A_ROW):
            breaker.note_failure(key.pk, Breaker.READ, "server")
    else:
        scripted.query = says("401 Unauthorized" if "refused" in trouble else "500 Internal Server Error")
    for _ in range(12):  # more often than a file may be wrong
        Generation.objects.filter(pk=row.pk).update(due_at=lifecycle.moves.now())
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    key.refresh_from_db()
    assert row.state == "succeeded", row.message
    if trouble == "the breaker is open":
        assert len(scripted.asked("query")) == asked, "a provider that is left alone is not asked here either"
    assert (key.state == ProviderKey.PAUSED) == (trouble == "the key is refused")
    Breaker.objects.all().delete()
    keys.resume(key)
    scripted.query = scripted.says("completed", video_url=f"{scripted.file_url}?fresh")
    scripted.file = hosts_by_address(scripted, video)
    assert drive(row).state == "done"


def hosts_by_address(scripted: Scripted, video: bytes) -> hosts.Behaviour:
    def answer(connection: Any) -> None:
        fresh = b"fresh" in scripted.host.requests[-1].split(b"\r\n")[0]
        (whole(video) if fresh else whole(b"", status="404 Not Found"))(connection)

    return answer


def test_a_key_that_its_providers_list_refuses_rests(team: Any, user: User, scripted: Scripted, start: Start) -> None:
    other = keys.add_key(team=team, provider="openai", secret="sk-listed-1234", base_url=scripted.host.url)
    scripted.query = says("401 Unauthorized")
    look = lifecycle.reconciling._walk(other, 0.0)
    other.refresh_from_db()
    assert (other.state, look.entries) == (ProviderKey.PAUSED, [])
    assert "Invalid token" in look.error


def test_a_key_that_rests_already_keeps_its_reason_and_a_disabled_one_stays_so(key: ProviderKey) -> None:
    keys.pause(key, "By Alice.")
    keys.pause(key, "The provider refused the key.")
    key.refresh_from_db()
    assert key.paused_reason == "By Alice."
    ProviderKey.objects.filter(pk=key.pk).update(state=ProviderKey.DISABLED)
    keys.pause(key, "The provider refused the key.")
    key.refresh_from_db()
    assert key.state == ProviderKey.DISABLED


# --- another secret for the same key ----------------------------------------------------------------------------------
NEW = "sk-brand-new-9876"


def test_a_replaced_key_is_tested_for_free_and_then_everything_goes_on(
    start: Start, drive: Start, scripted: Scripted, key: ProviderKey, video: bytes
) -> None:
    flying, waiting = drive(start(), "submitted"), start()
    works, scripted.query, scripted.file = scripted.query, says("401 Unauthorized"), whole(video)
    scripted.create = hosts.json_answer('{"id": "t-2", "status": "pending"}')
    lifecycle.poll(flying.pk)
    scripted.query = works
    lifecycle.replace_secret(key, f" {NEW}\n")
    key.refresh_from_db()
    assert (key.state, key.last4, opened(key.secret)) == (ProviderKey.ACTIVE, "9876", NEW)
    assert lifecycle.submit(waiting.pk) is False, "not before the test"
    [test] = lifecycle.probes_due()
    assert lifecycle.probe(test)
    assert len(scripted.asked("POST")) == 1, "the test is free"
    assert NEW.encode() in scripted.host.requests[-1]
    assert drive(flying).state == "done"
    assert drive(waiting, "submitted").state == "submitted"


def test_a_new_secret_that_is_refused_rests_again_and_costs_nothing(
    start: Start, scripted: Scripted, key: ProviderKey
) -> None:
    row, scripted.query = start(), says("401 Unauthorized")
    keys.pause(key, "The provider refused the key.")
    lifecycle.replace_secret(key, NEW)
    [test] = lifecycle.probes_due()
    lifecycle.probe(test)
    key.refresh_from_db()
    row.refresh_from_db()
    assert (key.state, row.state, len(scripted.asked("POST"))) == (ProviderKey.PAUSED, "queued", 0)
    assert "Invalid token" in key.paused_reason


def test_while_the_provider_is_away_a_new_secret_is_not_tried_with_a_paid_request(
    start: Start, scripted: Scripted, key: ProviderKey
) -> None:
    row, scripted.query = start(), says("500 Internal Server Error")
    lifecycle.replace_secret(key, NEW)
    [test] = lifecycle.probes_due()
    lifecycle.probe(test)
    assert lifecycle.submit(row.pk) is False
    assert lifecycle.probes_due() == [], "the next test comes later"
    assert "tests it before anything is sent" in waits.why(Generation.objects.get(pk=row.pk)).words
    assert scripted.asked("POST") == []


def test_a_disabled_key_can_be_replaced_and_stays_disabled(key: ProviderKey) -> None:
    ProviderKey.objects.filter(pk=key.pk).update(state=ProviderKey.DISABLED)
    lifecycle.replace_secret(key, NEW)
    key.refresh_from_db()
    assert (key.state, key.last4) == (ProviderKey.DISABLED, "9876")


@pytest.mark.parametrize("secret", ["", "short", "with a blank in it", "wíth-accents-1234"])
def test_what_is_no_key_replaces_none(secret: str, key: ProviderKey) -> None:
    with pytest.raises(keys.UnusableKey):
        lifecycle.replace_secret(key, secret)
    key.refresh_from_db()
    assert opened(key.secret) == keys.DEMO_SECRET
