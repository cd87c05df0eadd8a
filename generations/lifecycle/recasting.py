"""What people decide about an order for a character: send it again, close it, cancel it."""

from typing import Any

from ..models import Character
from . import epoch
from .casting import CannotCast, recover
from .moves import now


def cast_again(character: Character, *, accept: bool) -> None:
    """Order it a second time although the first request may have come through. Raises CannotCast."""
    if not accept:
        raise CannotCast("Tick that you accept paying twice. Nothing was sent again.")
    _decide(
        character, Character.WAITING, "Not sent again yet. The first request may still be billed.", is_repeated=True
    )


def give_up_cast(character: Character) -> None:
    """A person saw in the account that nothing was made. Raises CannotCast."""
    _decide(character, Character.FAILED, "Closed by a person: the provider has not made it.")


def cancel_cast(character: Character) -> None:
    """A person no longer wants an order that waits. Raises CannotCast."""
    so_far = "" if epoch.is_doubtful(character.provider_key) else " Nothing was charged."
    _decide(character, Character.FAILED, character.truly(f"Cancelled by a person.{so_far}"), frm=Character.WAITING)


def _decide(character: Character, state: str, message: str, frm: str = Character.UNKNOWN, **fields: Any) -> None:
    if character.state == Character.UNKNOWN:  # of any other order there is no doubt to settle, and perhaps no file
        recover(character)  # an answer that is on the disk counts before any opinion
    found = Character.objects.filter(pk=character.pk, state=frm)
    if not found.update(state=state, message=message, due_at=now(), tries=0, **fields):
        raise CannotCast("Meanwhile this character has moved on. Nothing was changed.")
