"""Why a shot waits and when it goes on: the same words on the card, on its page and in the shell."""

import datetime as dt
import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from generations import keys, lifecycle
from generations.lifecycle import breaker, waiting
from generations.management.commands import generate
from generations.models import Breaker, Generation, ProviderKey

from .conftest import Provider
from .test_limits import sent

Queue = Callable[..., list[Generation]]
pytestmark = pytest.mark.django_db
CLOCK = r"\d\d:\d\d:\d\d"


def words_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def opened(key: ProviderKey, shots: list[Generation]) -> None:
    for _ in range(5):
        breaker.note_failure(key.pk, Breaker.SUBMIT, "connect")


def in_doubt(key: ProviderKey, shots: list[Generation]) -> None:
    for _ in range(3):
        breaker.note_failure(key.pk, Breaker.SUBMIT, "unknown")


def being_tested(key: ProviderKey, shots: list[Generation]) -> None:
    opened(key, shots)
    Breaker.objects.update(next_probe_at=timezone.now())
    assert breaker.claim_probe(key.pk, Breaker.SUBMIT)


def asked_to_wait(key: ProviderKey, shots: list[Generation]) -> None:
    breaker.hold_back(key.pk, Breaker.SUBMIT, 60)


def busy(key: ProviderKey, shots: list[Generation]) -> None:
    breaker.hold_back(key.pk, Breaker.SUBMIT, 60, asked=False)


def own_wait(key: ProviderKey, shots: list[Generation]) -> None:
    later = timezone.now() + dt.timedelta(seconds=40)
    Generation.objects.filter(pk=shots[-1].pk).update(due_at=later, message="The disk is full")


def full(key: ProviderKey, shots: list[Generation]) -> None:
    ProviderKey.objects.update(max_concurrent=1)
    Generation.objects.filter(pk=shots[0].pk).update(state="running")


def many_this_minute(key: ProviderKey, shots: list[Generation]) -> None:
    ProviderKey.objects.update(max_per_minute=1)
    sent(shots[0], 20)


def many_again(key: ProviderKey, shots: list[Generation]) -> None:
    for n in range(2, 5):
        sent(shots[0], 30, n=n)
    Generation.objects.filter(pk=shots[-1].pk).update(repeats=True)


def one_failed(key: ProviderKey, shots: list[Generation]) -> None:
    breaker.note_failure(key.pk, Breaker.SUBMIT, "connect")
    Generation.objects.filter(pk=shots[0].pk).update(state="submitting")


def refused(key: ProviderKey, shots: list[Generation]) -> None:
    keys.pause(key, "The provider refused the key.")


REASONS: dict[Callable[[ProviderKey, list[Generation]], None], str] = {
    lambda key, shots: None: r"2 before you\.",
    opened: rf"The provider has failed 5 times in a row\. Next test at {CLOCK}\.",
    in_doubt: rf"3 requests within 10 minutes ended without a clear answer and may have been charged\. Next test at {CLOCK}\.",
    being_tested: r"The provider has failed 5 times in a row\. It is being tested now\.",
    asked_to_wait: rf"The provider asked us to wait until {CLOCK}\. 2 before you\.",
    busy: rf"The provider is busy\. Next request at {CLOCK}\. 2 before you\.",
    own_wait: rf"The disk is full\. Next try at {CLOCK}\.",
    full: r"At most 1 at a time for this key: 1 other is being rendered first\. 1 before you\.",
    many_this_minute: rf"At most 1 request a minute for this key\. Next request at {CLOCK}\.",
    many_again: rf"Only few requests a minute may be repeated for this key\. Next try at {CLOCK}\.",
    one_failed: r"The last request failed, so one goes at a time until the provider is well again\. 1 before you\.",
    refused: r"The provider refused the key\. It goes on when an owner says that the key works again\.",
}


@pytest.mark.parametrize("happens", REASONS, ids=lambda step: step.__name__.strip("<>"))
def test_a_waiting_shot_says_why_and_when_it_goes_on(
    happens: Callable[[ProviderKey, list[Generation]], None], queue: Queue, far_key: ProviderKey, user: User,
    client_for: Callable[[User], Client],
) -> None:  # fmt: skip
    shots = queue(3)
    happens(far_key, shots)
    shot = Generation.objects.select_related("provider_key").get(pk=shots[-1].pk)
    why = waiting.why(shot)
    assert re.fullmatch(REASONS[happens], why.words), why.words
    if happens is not refused and re.search(CLOCK, why.words):
        assert why.until is not None
        assert timezone.localtime(why.until).strftime("%H:%M:%S") in why.words

    card = words_of(client_for(user).get(f"/shots/{shot.pk}/card/").content.decode())
    assert why.reason in card
    assert why.when.rstrip(".")[1:] in card

    said: dict[int, str] = {}
    command = generate.Command(stderr=io.StringIO())
    command._say(shot, said)
    assert why.words in said[shot.pk]


def test_the_first_in_line_says_that_it_is_next(queue: Queue, far_key: ProviderKey) -> None:
    assert waiting.why(queue()[0]).words == "It is next."


def test_a_shot_at_a_provider_that_is_silent_says_when_it_is_asked_again(
    queue: Queue, far_key: ProviderKey, user: User, client_for: Callable[[User], Client]
) -> None:
    [shot] = queue()
    lifecycle.submit(shot.pk)
    assert waiting.why(Generation.objects.get(pk=shot.pk)) == waiting.Why()
    for _ in range(5):
        breaker.note_failure(far_key.pk, Breaker.READ, "timeout")
    card = words_of(client_for(user).get(f"/shots/{shot.pk}/card/").content.decode())
    assert re.search(rf"The provider has failed 5 times in a row\. Next test at {CLOCK}\.", card)


def test_the_pages_hear_of_a_change_that_touches_no_shot(
    queue: Queue, far_key: ProviderKey, django_capture_on_commit_callbacks: Any
) -> None:
    shots = queue(2)
    before = max(shot.updated_at for shot in shots)
    with django_capture_on_commit_callbacks(execute=True):
        breaker.note_failure(far_key.pk, Breaker.SUBMIT, "connect")
    assert Generation.objects.latest("updated_at").updated_at == before, "nothing that is shown has changed"
    with django_capture_on_commit_callbacks(execute=True):
        opened(far_key, shots)
    assert Generation.objects.latest("updated_at").updated_at > before


# --- the admin --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def boss(user: User, client_for: Callable[[User], Client]) -> Client:
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)
    return client_for(User.objects.get(pk=user.pk))


def test_the_admin_shows_the_breaker_and_closes_it(
    boss: Client, queue: Queue, far_key: ProviderKey, provider: Provider
) -> None:
    [shot] = queue()
    listing = reverse("admin:generations_providerkey_changelist")
    assert "allowed" in words_of(boss.get(listing).content.decode())
    opened(far_key, [])
    for page in (listing, reverse("admin:generations_providerkey_change", args=[far_key.pk])):
        assert "sending: The provider has failed 5 times in a row. Next test at" in words_of(
            boss.get(page).content.decode()
        )
    assert lifecycle.next_to_send() == []
    boss.post(listing, {"action": "close_breaker", "_selected_action": [far_key.pk]})
    assert lifecycle.next_to_send() == [shot.pk]
    assert "allowed" in words_of(boss.get(listing).content.decode())


def test_the_limits_of_a_key_are_changed_in_the_admin(boss: Client, far_key: ProviderKey) -> None:
    where = reverse("admin:generations_providerkey_change", args=[far_key.pk])
    given = {"label": "Main", "state": "active", "max_concurrent": "4", "max_per_minute": "12"}
    assert boss.post(where, given).status_code == 302
    far_key.refresh_from_db()
    assert (far_key.max_concurrent, far_key.max_per_minute) == (4, 12)
    assert boss.post(where, given | {"max_concurrent": "0"}).status_code == 200
    assert boss.post(where, given | {"max_concurrent": "", "max_per_minute": ""}).status_code == 302
    far_key.refresh_from_db()
    assert (far_key.max_concurrent, far_key.max_per_minute) == (4, None)


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "generations", check=True, dry_run=True, verbosity=0)
