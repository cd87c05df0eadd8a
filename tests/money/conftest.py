"""A team that pays: its key opens the sandbox, but counts as a real one with a price."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Team
from generations.lifecycle import money
from generations.models import ModelPrice, ProviderKey
from tests.lifecycle.conftest import drive, start

__all__ = ["drive", "start"]
PRICE = Decimal("0.40")


@pytest.fixture
def key(key: ProviderKey) -> ProviderKey:
    ProviderKey.objects.filter(pk=key.pk).update(is_sandbox=False)
    key.refresh_from_db()
    return key


@pytest.fixture
def real_key(team: Team) -> ProviderKey:
    """For what never reaches a provider: nobody listens behind this address."""
    return ProviderKey.objects.create(
        team=team, provider="apertis", secret="x" * 12, last4="xxxx", base_url="http://127.0.0.1:1"
    )


@pytest.fixture
def price(db: None) -> ModelPrice:
    """Forty cents a take, for every model of the provider."""
    return ModelPrice.objects.create(slug="apertis", kind=ModelPrice.FLAT, amount=PRICE)


@pytest.fixture
def no_cluster(monkeypatch: Any) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


@pytest.fixture
def books(team: Team) -> Any:
    """`books()` is (reserved, spent) of this month, after proving that everything adds up."""
    from generations.models import Budget

    def read() -> tuple[Decimal, Decimal]:
        assert money.check(team) == []
        month = Budget.objects.get(team=team)
        return month.reserved, month.spent

    return read
