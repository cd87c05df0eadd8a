"""A card of the queue column: everything that it shows as one value, so that the same card is drawn once and then kept.

The column of a busy team has fifty of them, each page draws it, and so does each look of the live stream. What is kept
depends on nothing but the value, so it can never be out of date: another state is another card.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ..models import Asset, Generation
from . import cards, times
from .cards import Card

KEPT = 1024  # cards of about 2 KB


@dataclass(frozen=True)
class JobCard:
    """`elapsed` is how long it takes so far, in words; `upload` the image that stands for a shot without a poster; `at` when
    the row last changed, in microseconds: an answer that comes late must not take a newer card back.
    """

    pk: int
    at: str
    title: str
    state: str
    charged: str
    meta: tuple[str, ...]
    person: int
    is_active: bool
    has_poster: bool
    upload: int | None
    mine: bool
    elapsed: str
    card: Card


def card_of(shot: Generation, user: Any = None) -> JobCard:
    """The card of a shot for `user`; None when it is for many people, whose browsers know whom they belong to."""
    card, poster = cards.card_of(shot), shot.asset(Asset.POSTER_SMALL)
    return JobCard(
        pk=shot.pk, at=f"{shot.updated_at.timestamp() * 1e6:.0f}", title=shot.shown_title, state=shot.state,
        charged=shot.charged, meta=tuple(cards.meta(shot)), person=shot.created_by_id, is_active=shot.is_active,
        has_poster=poster is not None, upload=None if poster else cards.first_upload(shot),
        mine=getattr(user, "pk", None) == shot.created_by_id, elapsed=times.elapsed(card.since, card.usual), card=card,
    )  # fmt: skip


def draw(shot: Generation, user: Any = None) -> SafeString:
    return _drawn(card_of(shot, user), settings.STORAGES["staticfiles"]["BACKEND"])


@lru_cache(maxsize=KEPT)
def _drawn(job: JobCard, storage: str) -> SafeString:
    """`storage` is only part of the cache's key: the addresses of the icons depend on it."""
    return render_to_string("generations/_card.html", {"job": job, "card": job.card})
