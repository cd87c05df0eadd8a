"""Links to one shot, for people without an account: made, found again, withdrawn. A link opens nothing but its shot."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.guessing import hash_of, new_token
from accounts.models import User

from .models import Asset, Generation, Share
from .states import State


def share(
    shot: Generation, by: User, *, days: int, show_prompt: bool, allow_download: bool, confirmation: str = ""
) -> Share:
    """A new link to a finished shot. The same form sent again, with the same choices, gives the link that it has made, as long
    as that is not withdrawn.
    """
    token = new_token()
    values = {
        "created_by": by, "token": token, "token_hash": hash_of(token), "show_prompt": show_prompt,
        "allow_download": allow_download, "expires_at": timezone.now() + dt.timedelta(days=days),
    }  # fmt: skip
    if not confirmation:
        return Share.objects.create(generation=shot, **values)
    press = hash_of(f"{confirmation} {days} {show_prompt} {allow_download}")
    return Share.objects.get_or_create(generation=shot, confirmation=press, revoked_at=None, defaults=values)[0]


def share_each(shots: list[Generation], by: User, **asked: Any) -> list[Share]:
    """A new link to each of them, as `share` makes it: all of the links, or none when one cannot be made."""
    with transaction.atomic():
        return [share(shot, by, **asked) for shot in shots]


def why_not(shot: Generation) -> str:
    """Why there can be no link to a shot, as the end of a sentence; "" when there can."""
    if shot.deleted_at:
        return "it is in the bin"
    if shot.state != State.DONE:
        return "it has no video" if shot.is_final else "it is not finished"
    video = shot.asset(Asset.VIDEO)
    return "" if video and video.is_kept else "its file is gone from disk"


def find(token: str) -> Share | None:
    """The link behind a token, while it works."""
    found = Share.objects.open().filter(token_hash=hash_of(token))
    return found.select_related("created_by", "generation").defer("generation__result_url", "token").first()


def revoke(link: Share) -> None:
    """Dead with the next request, for the file as for the page. Doing it twice changes nothing."""
    Share.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now())


def title(link: Share) -> str:
    """The title that a person gave; the beginning of the prompt only when the prompt is shown."""
    shot = link.generation
    return shot.shown_title if link.show_prompt else shot.title or "A shot"
