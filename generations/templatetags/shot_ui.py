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
from ..views import cards, job_cards, tiles, times

register = template.Library()

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
register.filter("job_card", job_cards.draw)
register.filter("clock", times.clock)
register.filter("roughly", times.roughly)


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
