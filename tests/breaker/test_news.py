"""What the loop hears reaches the breakers: trouble at once, good news within a second, nothing twice, nothing never."""

import pytest
from django.db import DatabaseError, transaction

from generations.lifecycle import breaker
from generations.lifecycle.news import News
from generations.models import Breaker, ProviderKey
from generations.providers.base import Finished, Running, Unreachable

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = Running(status="running", started=True, progress=None)
BAD = Unreachable("out of order", status=500)


def counted(key: ProviderKey) -> tuple[int, int]:
    """(calls, failures) as the key's breaker knows them."""
    row = Breaker.objects.filter(key=key, side=Breaker.READ).first()
    return (0, 0) if row is None else breaker.in_window(row, breaker.now())


def test_good_news_waits_for_its_second(key: ProviderKey) -> None:
    news = News()
    news.tell({key.pk: [GOOD]})
    news.tell({key.pk: [Finished(url="https://example.org/a.mp4", status="done")]})
    assert counted(key) == (0, 0)
    news.told -= 2  # the second is over
    news.tell({})
    assert counted(key) == (2, 0)


def test_trouble_is_told_at_once_and_after_the_good_news_before_it(key: ProviderKey) -> None:
    news = News()
    news.tell({key.pk: [GOOD, GOOD]})
    news.tell({key.pk: [BAD]})
    assert counted(key) == (3, 1)
    assert Breaker.objects.get(key=key, side=Breaker.READ).failures == 1


def test_nothing_is_told_twice(key: ProviderKey) -> None:
    news = News()
    news.tell({key.pk: [BAD]})
    news.tell({}, now=True)
    news.tell({}, now=True)
    assert counted(key) == (1, 1)


def test_what_was_rolled_back_is_no_news(key: ProviderKey) -> None:
    """The loop then collects the same answers again."""
    news = News()

    def a_tick_that_fails() -> None:
        with transaction.atomic():
            news.tell({key.pk: [GOOD, BAD], 0: [GOOD]})
            raise DatabaseError

    with pytest.raises(DatabaseError):
        a_tick_that_fails()
    assert news.kept == {}
    assert counted(key) == (0, 0)


def test_at_its_end_the_loop_keeps_nothing_to_itself(key: ProviderKey) -> None:
    news = News()
    news.tell({key.pk: [GOOD]})
    news.tell({}, now=True)
    assert counted(key) == (1, 0)
