"""A provider key goes in and never comes out again, except to its own provider."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.db import connection

from accounts.models import Team
from generations import keys, lifecycle, scrub
from generations.models import Generation, ProviderKey
from generations.models.fields import Unopenable, rotated

pytestmark = pytest.mark.django_db
CANARY = "sk-CANARY-0123456789abcdef0123456789abcdef"


@pytest.fixture
def secret_key(team: Team) -> ProviderKey:
    keys.add_key(team=team, provider="apertis", secret=CANARY)
    return ProviderKey.objects.get()


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM generations_providerkey")
        return str(cursor.fetchone()[0])


def test_it_is_encrypted_in_the_database_and_opens_again(secret_key: ProviderKey) -> None:
    assert CANARY not in stored()
    assert CANARY[3:15] not in stored()
    assert keys.open_secret(secret_key) == CANARY
    assert secret_key.last4 == CANARY[-4:]


def test_saving_a_row_that_was_read_does_not_seal_it_twice(secret_key: ProviderKey) -> None:
    before = stored()
    secret_key.label = "other"
    secret_key.save()
    assert stored() == before


def test_it_cannot_be_searched(secret_key: ProviderKey) -> None:
    with pytest.raises(FieldError):
        list(ProviderKey.objects.filter(secret=CANARY))


def test_no_text_form_shows_it(secret_key: ProviderKey) -> None:
    for shown in (
        repr(secret_key),
        str(secret_key),
        repr(secret_key.secret),
        str(secret_key.secret),
        repr(vars(secret_key)),
    ):
        assert CANARY not in shown


def test_a_new_first_key_seals_and_old_ones_still_open(secret_key: ProviderKey, settings: Any) -> None:
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, old]
    raw = rotated(stored())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE generations_providerkey SET secret = %s", [raw])
    settings.FIELD_KEYS = [new]
    assert ProviderKey.objects.get().secret.open() == CANARY
    settings.FIELD_KEYS = [old]
    with pytest.raises(Unopenable):
        ProviderKey.objects.get().secret.open()


@pytest.mark.parametrize("place", [0, 10, -1])
def test_one_changed_sign_is_a_clean_error(place: int, secret_key: ProviderKey) -> None:
    raw = list(stored())
    raw[3 + place if place >= 0 else place] = "A" if raw[3 + place if place >= 0 else place] != "A" else "B"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE generations_providerkey SET secret = %s", ["".join(raw)])
    with pytest.raises(Unopenable):
        ProviderKey.objects.get().secret.open()


def test_an_opened_key_is_scrubbed_from_every_log_line(secret_key: ProviderKey, caplog: Any) -> None:
    keys.open_secret(secret_key)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "refused %s", (f"Bearer {CANARY}",), None)
    assert scrub.ScrubFilter().filter(record)
    assert CANARY not in record.getMessage()


def test_a_provider_that_repeats_the_key_does_not_get_it_stored(
    key: ProviderKey, start: Callable[..., Generation]
) -> None:
    key.secret = f"{CANARY}"
    key.save()
    row = start("A boat [[401]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    attempt = row.attempts.get()
    key.refresh_from_db()
    texts = [row.message, attempt.answer, key.paused_reason, *row.events.values_list("why", flat=True)]
    assert all(CANARY not in text for text in texts)
    assert any(texts)
