"""A character in place of a shot, for the kill loops: the same caution, one request, nothing polled."""

import time
from typing import Any


def begin(token: str, *_: Any) -> None:
    """A team that orders one character, named after the token in the address of its video."""
    from accounts.models import Membership, Team, User
    from generations import keys, lifecycle

    team = Team.objects.create(name=token)
    user = User.objects.create_user(f"{token}@example.org")
    Membership.objects.create(user=user, team=team)
    keys.add_demo_keys(team)
    lifecycle.cast(team=team, user=user, token=token, url=address(token), span="1,3")


def address(token: str) -> str:
    return f"https://example.com/{token}.mp4"


def work(token: str, seconds: float = 30, pictures: bool = True) -> None:
    """What the engine does, without its waiting times."""
    from django.utils import timezone

    from generations import lifecycle
    from generations.models import Character

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lifecycle.sweep()
        row = Character.objects.get(form_token=token)
        ready = row.state == Character.READY and not row.is_short_of_picture
        if ready or row.state in (Character.FAILED, Character.UNKNOWN):
            return
        Character.objects.filter(pk=row.pk).update(due_at=timezone.now())
        lifecycle.make_character(row.pk)


def report(token: str) -> dict[str, Any]:
    """In the words of a shot: "done" when it has its name and its picture."""
    from generations.models import Character

    row = Character.objects.get(form_token=token)
    ready = row.state == Character.READY
    return {
        "state": "done" if ready else row.state, "charged": "unknown", "message": row.message, "strange_edges": [],
        "file_ok": ready and bool(row.username) and row.picture is not None, "money": [],
    }  # fmt: skip
