"""How shots are spoken of in templates: `{% load shot_ui %}`. No decisions here, only their words."""

import datetime as dt
from functools import cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from .. import lifecycle
from ..models import Generation
from ..views import cards, tiles

register = template.Library()

register.filter("card", cards.card_of)
register.filter("charged_words", cards.charged_words)
register.filter("meta_line", cards.meta)
register.filter("first_upload", cards.first_upload)
register.filter("doubt_words", cards.doubt_words)
register.filter("since_words", cards.since_words)
register.filter("spell", cards.spell)
register.filter("can_adopt", lifecycle.can_adopt)
register.filter("can_fetch_again", lifecycle.can_fetch_again)
register.filter("ratio_class", tiles.ratio_class)
register.filter("expected_ratio", tiles.expected_ratio)
register.filter("tile", tiles.tile_of)
register.filter("drawn", tiles.draw)


PAGES = ("shot", "favourite", "to-bin", "restore", "cancel", "dismiss", "check", "hurry", "retry")
FILES = {"video": "video.mp4", "poster": "poster.webp", "small": "poster-small.webp", "preview": "preview.mp4"}


@cache
def _addresses() -> dict[str, str]:
    pages = {name.replace("-", "_"): reverse(name, args=[0]) for name in PAGES}
    files = {name: reverse("media", args=[0, file]) for name, file in FILES.items()}
    return {name: address.replace("/0/", "/{}/", 1) for name, address in (pages | files).items()}


@register.filter
def links(shot: Generation) -> dict[str, str]:
    """The addresses of a shot by name. Resolved once: a gallery page has 250 of them, and `{% url %}` takes 50 µs each."""
    found: dict[str, str] = {name: mark_safe(address.format(shot.pk)) for name, address in _addresses().items()}  # noqa: S308  (digits)
    found["pk"] = mark_safe(str(shot.pk))  # noqa: S308  (digits; a number would be localised, at 20 µs each)
    return found


@register.filter
def clock(seconds: float | None) -> str:
    """8.0 → "0:08"."""
    whole = max(0, round(seconds or 0))
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def elapsed(card: cards.Card) -> str:
    """ "0:20, about 1 min left", then "1:10 of about 1:00", at last "5:00, longer than usual"; the page counts on from here in
    the same words (static/studio.js)."""
    seconds = round((timezone.now() - card.since).total_seconds()) if card.since else 0
    if not card.usual:
        return clock(seconds)
    if seconds > card.usual.late:
        return f"{clock(seconds)}, longer than usual"
    left = card.usual.middle - seconds
    return clock(seconds) + (f", about {roughly(left)} left" if left > 0 else f" of about {clock(card.usual.middle)}")


@register.filter
def roughly(seconds: int) -> str:
    """40 → "40 s", 100 → "1½ min", 700 → "12 min": no more than anybody knows."""
    if seconds < 55:
        return f"{max(10, round(seconds, -1))} s"
    halves = max(2, round(seconds / 30)) if seconds < 300 else 2 * round(seconds / 60)
    return f"{halves // 2}{'½' if halves % 2 else ''} min"


@register.filter
def asset(shot: Generation, kind: str) -> Any:
    return shot.asset(kind)


@register.filter
def day_name(day: dt.date) -> str:
    """ "Today", "Yesterday", or the date, with the year when it is not this one."""
    today = timezone.localdate()
    if day == today:
        return "Today"
    if day == today - dt.timedelta(days=1):
        return "Yesterday"
    return f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")


@register.filter
def local_day(moment: dt.datetime) -> dt.date:
    return timezone.localdate(moment)


@register.filter
def day_in_sentence(day: dt.date) -> str:
    return day_name(day).replace("Today", "today").replace("Yesterday", "yesterday")


@register.filter
def lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
