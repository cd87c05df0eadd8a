"""Two fields of our own: money that adds up exactly, and text that is encrypted.

Encrypted with MultiFernet and the studio's own key list, never SECRET_KEY, so both can be rotated alone. The library is
imported where a secret is first opened: it takes 6 MB, and a web process seldom opens one.
"""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PREFIX = "f1$"


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    if not keys:
        raise ImproperlyConfigured("STUDIO_FIELD_KEYS is empty: provider keys cannot be stored.")
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    return _box(tuple(settings.FIELD_KEYS))


class Unopenable(Exception):
    """No key of STUDIO_FIELD_KEYS opens this secret: the keys were changed, or the stored value was damaged."""


class Sealed:
    """A secret as it lies in the database. It is opened where it is used, so that a row which cannot be opened can
    still be listed, and so that no page, log line or repr ever holds the plain text by accident."""

    __slots__ = ("stored",)

    def __init__(self, stored: str) -> None:
        self.stored = stored

    def open(self) -> str:
        """Raises Unopenable."""
        from cryptography.fernet import InvalidToken

        try:
            return box().decrypt(self.stored.removeprefix(PREFIX)).decode()
        except (InvalidToken, ValueError) as error:
            raise Unopenable("This studio can no longer open this secret: STUDIO_FIELD_KEYS has changed.") from error

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__


def opened(value: str | Sealed) -> str:
    """The plain text of a SecretField, just assigned or read from the database. Raises Unopenable."""
    return value.open() if isinstance(value, Sealed) else value


class SecretField(models.TextField):
    """Text that is encrypted in the database and comes back Sealed. It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.stored
        value = super().get_prep_value(value)
        return PREFIX + box().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | Sealed | None:
        return Sealed(value) if value else value

    def to_python(self, value: Any) -> Any:
        """What comes from a dump is sealed already and must not be sealed again."""
        if isinstance(value, str) and value.startswith(PREFIX):
            return Sealed(value)
        return value if isinstance(value, Sealed) else super().to_python(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)) or "")

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError("An encrypted field cannot be searched.")
        return super().get_lookup(lookup_name)


MICRO = Decimal("0.000001")


class MoneyField(models.BigIntegerField):
    """USD: a Decimal in Python, whole millionths in the database. SQLite would add a DecimalField up in binary
    fractions, and then the tenth of ten times $0.40 does not fit into $4.00.
    """

    def to_python(self, value: Any) -> Decimal | None:
        return None if value is None or value == "" else Decimal(str(value))

    def get_prep_value(self, value: Any) -> int | None:
        amount = self.to_python(value)
        return None if amount is None else int(amount.quantize(MICRO, ROUND_UP).scaleb(6))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else (Decimal(value) * MICRO).quantize(MICRO)

    def formfield(self, **kwargs: Any) -> forms.Field:
        return models.Field.formfield(self, **{"form_class": forms.DecimalField, "decimal_places": 6, **kwargs})


def rotated(raw: str) -> str:
    """The stored form, encrypted anew with the first key."""
    return PREFIX + box().rotate(raw.removeprefix(PREFIX).encode()).decode()
