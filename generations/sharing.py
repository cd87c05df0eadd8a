"""Links to one shot, for people without an account: made, found again, withdrawn. A link opens nothing but its shot."""

import datetime as dt

from django.utils import timezone

from accounts.guessing import hash_of, new_token
from accounts.models import User

from .models import Generation, Share


def share(shot: Generation, by: User, *, days: int, show_prompt: bool, allow_download: bool) -> Share:
    """A new link to a finished shot."""
    token = new_token()
    return Share.objects.create(
        generation=shot, created_by=by, token=token, token_hash=hash_of(token), show_prompt=show_prompt,
        allow_download=allow_download, expires_at=timezone.now() + dt.timedelta(days=days),
    )  # fmt: skip


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
