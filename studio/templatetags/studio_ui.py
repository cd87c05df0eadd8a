"""Template tags that every page may use: `{% load studio_ui %}`."""

from functools import lru_cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """`{% icon "film" %}` or `{% icon "film" "i-14" %}`: one symbol of static/icons.svg.

    Always hidden from assistive technology: the control beside it carries the words.
    """
    # A plain tag: a page of tiles draws hundreds of icons, and rendering a template for each one is felt.
    return _drawn(name, classes, settings.STORAGES["staticfiles"]["BACKEND"])


@lru_cache(maxsize=512)
def _drawn(name: str, classes: str, storage: str) -> SafeString:
    """`storage` is only part of the cache's key: the sprite's address depends on it."""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" {classes}" if classes else "",
        static("icons.svg"),
        name,
    )
