"""What a job card says: a generation's state in words, with the numbers and the one thing that can be done about it.

Source: reliability notes, section "States and edges"; design brief, sections 4.4 and 5.1.
"""

import datetime as dt
from dataclasses import dataclass
from textwrap import shorten
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone

from ..lifecycle import epoch, waiting
from ..models import Generation, ProviderKey
from ..prices import dollars
from ..registry import STREAMED
from ..specs import Media
from ..states import Charged, Reason, State
from ..usual import Usual

TOO_LATE = "Already sent and billed, so it cannot be cancelled."
TOO_LATE_TO_PLAY = "Already sent, so it cannot be cancelled. It is free."


@dataclass(unsafe_hash=True)  # put together by one function, and then left as it is
class Card:
    """The parts of a card. `bar` is None (none), -1 (moving, nothing known) or a percentage from the provider."""

    label: str
    detail: str = ""
    icon: str = ""
    tone: str = ""  # ok, warn or bad
    since: dt.datetime | None = None
    usual: Usual | None = None
    bar: int | None = None
    headline: str = ""
    words: str = ""
    link: str = ""
    link_label: str = ""
    hint: str = ""
    can_cancel: bool = False
    can_dismiss: bool = False
    can_hurry: bool = False
    retry: str = ""  # the words of the button that makes it again as it was
    after: str = ""  # said where it rendered, below a card that has ended, until the list is drawn anew
    develop: int = 0  # 1 to 3: how far the picture has come up in the tray


def card_of(shot: Generation) -> Card:
    """The card of one shot; `waits` and `usual` are taken from the row when a list has set them."""
    return _BUILDERS[State(shot.state)](shot)


def charged_words(shot: Generation) -> str:
    """What this shot cost, in words. The sandbox takes no money, whatever it pretends."""
    return "Sandbox: nothing is charged" if shot.provider_key.is_sandbox else Charged(shot.charged).label


def meta(shot: Generation) -> list[str]:
    """The line under the title: model, ratio, length, take."""
    params = shot.params
    parts = [shot.model_name, str(params.get("aspect_ratio") or params.get("ratio") or params.get("size") or "")]
    if shot.spec and not shot.spec.needs_source:
        asked = params.get("duration") or params.get("seconds")
        parts.append(f"{float(asked):g} s" if asked else shot.spec.output.length)
    if shot.takes > 1:
        parts.append(f"take {shot.take} of {shot.takes}")
    return [part for part in parts if part]


def first_upload(shot: Generation) -> int | None:
    """The reference image that stands for a shot without a poster."""
    media = [param for param in shot.spec or () if isinstance(param, Media)]
    items = [item for param in media for item in shot.params.get(param.name) or []]
    return next((item["upload"] for item in items if "upload" in item), None)


# --- one function a state -----------------------------------------------------------------------------------------------
def _queued(shot: Generation) -> Card:
    if shot.provider_key.state != ProviderKey.ACTIVE:
        return _resting(shot)
    card = Card("Waiting", icon="clock-3", can_cancel=True, hint=_cancel_words(shot))
    why = _why(shot)
    card.words = why.reason
    card.can_hurry = bool(why.own)  # before those of others it cannot go
    if why.when:
        card.icon, card.tone = "rotate-ccw", "warn"
        card.detail = why.when[:1].lower() + why.when[1:].rstrip(".")
    else:
        card.detail = f"{why.place} before you" if why.place else "next"
    return card


def _why(shot: Generation) -> waiting.Why:
    found = getattr(shot, "waits", None)
    return waiting.why(shot) if found is None else found


def _cancel_words(shot: Generation) -> str:
    """What cancelling would mean, said before anybody tries."""
    if shot.state != State.QUEUED:
        return TOO_LATE_TO_PLAY if shot.provider_key.is_sandbox else TOO_LATE
    if shot.charged == Charged.UNKNOWN:  # a person sent it again
        return "Not sent again yet: cancelling this is free. The first request may still be billed."
    return "Not sent yet: cancelling is free."


def _so_far(shot: Generation) -> str:
    return "Nothing was charged." if shot.charged == Charged.NO else "An earlier request may have been charged."


def _resting(shot: Generation) -> Card:
    key = shot.provider_key
    reason = " ".join((key.paused_reason or "The provider did not accept it.").split())
    so_far = "" if epoch.is_doubtful(key) else f" {_so_far(shot)}"
    return Card(
        "Waiting for the key", icon="lock", tone="bad", can_cancel=True, headline="The key rests",
        words=f"{reason}{so_far} It goes on when an owner says that the key works again.",
        link=reverse("shot", args=[shot.pk]), link_label="What to do", hint=_cancel_words(shot),
    )  # fmt: skip


def _streaming(shot: Generation) -> Card:
    """The request is out for minutes: what people wait for is the render."""
    card = Card(
        "Rendering", since=shot.submitted_at, usual=getattr(shot, "usual", None), bar=-1, hint=_cancel_words(shot)
    )
    if shot.progress is not None:
        card.bar = min(shot.progress, 99)
        card.label = f"Rendering {card.bar}%"
    card.develop = _developed(card)
    return card


def _submitting(shot: Generation) -> Card:
    if shot.is_streaming:
        return _streaming(shot)
    hint = "It is just being sent, so it cannot be cancelled."
    return Card("Sending", "cannot be cancelled now", bar=-1, hint=hint, develop=1)


def _in_flight(shot: Generation) -> Card:
    usual = getattr(shot, "usual", None)
    since = None if shot.rendered_at else shot.submitted_at  # what is fetched again is not rendered again
    card = Card(State(shot.state).label, since=since, usual=usual, bar=-1)
    card.words, card.hint = shot.message or _why(shot).words, _cancel_words(shot)
    if shot.state == State.RUNNING and shot.progress is not None:
        card.bar = min(shot.progress, 99)
        card.label = f"Rendering {card.bar}%"
    card.develop = _developed(card)
    return card


def _saving(shot: Generation) -> Card:
    waits = bool(shot.message) and shot.state == State.SUCCEEDED
    tried = f"try {shot.archive_tries}" if shot.archive_tries > 1 and not waits else ""
    words = f"{shorten(shot.message, 180, placeholder='…')} {_next_try(shot)}" if waits else shot.message
    place = "on this disk" if shot.model in STREAMED and not shot.result_url else "at the provider"
    return Card(
        "Rendered, saving to your disk", tried, bar=-1, words=words, hint=f"It is safe {place} meanwhile.",
        tone="warn" if shot.message else "", develop=3,
    )  # fmt: skip


def _next_try(shot: Generation) -> str:
    """When the file is fetched again; said last, because it is what a person wants to know."""
    times = {0: "", 1: "Tried once, "}.get(shot.archive_tries, f"Tried {shot.archive_tries} times, ")
    words = f"{times}next at {timezone.localtime(shot.due_at):%H:%M}. It is not rendered again."
    return words[:1].upper() + words[1:]


def _done(shot: Generation) -> Card:
    return Card(
        "Ready", spell(shot.render_seconds), icon="check", tone="ok", can_dismiss=True, after="Saved to your disk."
    )


def _failed(shot: Generation) -> Card:
    return Card(
        charged_words(shot), icon="circle-alert", tone="bad", headline=Reason(shot.reason or Reason.REJECTED).label,
        words=shot.message, link=f"/?from={quote(str(shot.pk))}", link_label="Fix and retry", can_dismiss=True,
        retry=_retry_words(shot),
    )  # fmt: skip


def _retry_words(shot: Generation) -> str:
    """What another press would cost as far as it is known; a price that has gone up meanwhile is refused."""
    if shot.spec is None:
        return ""
    return f"Retry, {dollars(shot.price_amount)}" if shot.price_amount else "Retry"


def _unknown(shot: Generation) -> Card:
    submit = shot.unknown_phase != "remote"
    card = Card(
        "Outcome unknown", icon="triangle-alert", tone="warn", words=shot.message,
        headline=doubt_words(shot) if submit else "The provider has stopped answering",
        link=reverse("shot", args=[shot.pk]) + "#resolve", link_label="Decide" if submit else "Look at it",
        hint="Nothing more is sent by itself.",
    )  # fmt: skip
    if shot.safe_to_resend:
        card.headline = "The provider's list does not contain it"
        card.words = "Sending it again will not pay twice. It waits for your decision."
    if doubted := getattr(shot, "doubted_at", None):
        card.detail = f"waits {since_words(doubted)}"
    return card


def doubt_words(shot: Generation) -> str:
    """What may have become of a request without an answer."""
    return "May have been accepted" + ("" if shot.provider_key.is_sandbox else " and charged")


def since_words(moment: dt.datetime) -> str:
    """ "since 12:03", with the day when it is not today."""
    here, today = timezone.localtime(moment), timezone.localdate()
    clock = f"{here:%H:%M}"
    if here.date() == today:
        return f"since {clock}"
    if here.date() == today - dt.timedelta(days=1):
        return f"since yesterday, {clock}"
    return f"since {here.day} {here:%B}{'' if here.year == today.year else f' {here.year}'}, {clock}"


def _cancelled(shot: Generation) -> Card:
    return Card(
        "Cancelled", Charged(shot.charged).label.lower(), icon="ban", can_dismiss=True, after="Nothing was made."
    )


def _developed(card: Card) -> int:
    """How far the picture has come: by the provider's percentage, else by the time that is usual."""
    share = card.bar / 100 if card.bar is not None and card.bar >= 0 else 0.0
    if not share and card.since and card.usual:
        share = (timezone.now() - card.since).total_seconds() / card.usual.middle
    return 1 + (share > 0.34) + (share > 0.72)


def spell(seconds: int | None) -> str:
    """78 → "1 min 18 s"."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


_BUILDERS = {
    State.QUEUED: _queued, State.SUBMITTING: _submitting, State.SUBMITTED: _in_flight, State.RUNNING: _in_flight,
    State.SUCCEEDED: _saving, State.ARCHIVING: _saving, State.DONE: _done, State.FAILED: _failed,
    State.UNKNOWN: _unknown, State.CANCELLED: _cancelled,
}  # fmt: skip
