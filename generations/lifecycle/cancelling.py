"""E8: cancelling tells the truth. What was not sent is free; what was sent goes on and its result is kept."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User

from ..models import Generation
from ..states import State
from . import outcomes
from .moves import LostRow


class TooLate(Exception):
    """The request has left; the message says what happens now."""


def can_cancel(generation: Generation) -> bool:
    return generation.state == State.QUEUED


def cancel(generation: Generation, actor: User) -> None:
    """Cancel a job that was not sent. Raises TooLate; a job that is just being sent is cancelled if it comes back unsent."""
    # a commit of its own, and the first: whoever takes the row out of the queue or back into it sees the wish
    Generation.objects.filter(pk=generation.pk, state__in=(State.QUEUED, State.SUBMITTING)).update(
        cancel_requested_at=timezone.now()
    )
    try:
        with transaction.atomic():
            generation.state = State.QUEUED
            outcomes.cancelled(generation, actor=actor)
    except LostRow:
        generation.refresh_from_db()
        if generation.state != State.CANCELLED:
            raise TooLate(_why(generation)) from None


def _why(generation: Generation) -> str:
    if generation.state == State.FAILED:
        return "It had already failed, so there was nothing to cancel."
    if generation.state == State.UNKNOWN:
        return "It may have been sent already, so it cannot be cancelled. Decide on its page what became of it."
    if generation.is_streaming:
        return (
            "It was already sent, and the provider will bill it: ending it now would only lose the video. It is kept."
        )
    if generation.state == State.SUBMITTING:
        return (
            "It was already sent, or is just being sent. If the provider takes it, it is billed and the result is kept;"
            " if it comes back, it is cancelled."
        )
    return "It was already sent, so the provider will bill it. The result is kept when it arrives."
