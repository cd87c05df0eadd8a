"""What a team's browsers show, as HTML, and the difference between two looks at it. Rendered by the pages' templates."""

import re
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.html import escape

from accounts.models import Team

from ..models import Generation
from ..states import TERMINAL, State
from . import job_cards, queue, unknown
from .feed import Newest, latest_of, newest_of

TICKING = re.compile(r"(<time data-since=[^>]*>)[^<]*")  # the browser counts on by itself: no news
PHRASES = {
    State.DONE: ("“{}” is ready.", "{} shots are ready."),
    State.FAILED: ("“{}” failed.", "{} shots failed."),
    State.UNKNOWN: ("It is unknown what became of “{}”.", "It is unknown what became of {} shots."),
}


@dataclass
class Shown:
    """One card: its words for announcements, its HTML, and when (monotonic seconds) it was last sent."""

    state: str
    title: str
    person: int
    html: str
    still: str  # the HTML without the ticking times: what is compared
    sent: float


@dataclass
class View:
    cards: dict[int, Shown]  # of the column
    aside: dict[
        int, Shown
    ]  # of shots that have just left it on their way, or never fitted into it and have their page open
    order: tuple[tuple[int, ...], tuple[int, ...], int]
    queue: queue.Column
    newest: Newest  # what the feed was drawn from
    feed: str | None  # None: it has to be drawn anew, see `draw_feed`
    trays: str  # partials of those in it that have moved on since the look before
    unknown: int  # outcomes that a person has to decide
    person: int | None  # whose column it is, None for the whole team's

    def hold_back(self, before: "View", pause: float) -> bool:
        """Progress within `pause` seconds of the last message waits: those cards stay as they were shown."""
        held, known = False, before.known
        for cards in (self.cards, self.aside):
            for pk, card in cards.items():
                old = known.get(pk)
                if old is None or old.still == card.still:
                    card.sent = old.sent if old else card.sent
                elif old.state == card.state and card.sent - old.sent < pause:
                    cards[pk], held = old, True
        return held

    @property
    def known(self) -> dict[int, Shown]:
        return self.cards | self.aside


@dataclass(frozen=True)
class Message:
    """Parts for every page, and parts only for pages with the queue column; `cards` by shot, `aside` those outside it."""

    everyone: str = ""
    column: str = ""
    cards: dict[int, str] = field(default_factory=dict)
    aside: dict[int, str] = field(default_factory=dict)

    def wire(self, number: int, *, column: bool, shot: int | None) -> bytes:
        """As a server-sent event; empty when nothing in it concerns this page."""
        cards = "".join(self.cards.values()) if column else (self.cards | self.aside).get(shot or 0, "")
        text = self.everyone + (self.column if column else "") + cards
        if not text:
            return b""
        lines = "\n".join(f"data: {line}" for line in text.splitlines() if line.strip())
        return f"id: {number}\n{lines}\n\n".encode()


END = Message("end")


def look(
    team_id: int, before: View | None = None, person: int | None = None, watched: frozenset[int] = frozenset()
) -> View:
    """What this team's pages show now, with `person` only their shots in the column. `watched` are the shots whose own pages
    are open. The feed is kept while no finished shot changes; else it is left to `draw_feed`: the cards go out first.
    """
    team = Team(pk=team_id)
    newest = newest_of(team) if person is None else Newest((), {})  # the page of one's own queue has no feed
    same = before is not None and before.newest.shots == newest.shots
    column = queue.column_of(team, person, before.queue if before else None)
    return View(
        cards={shot.pk: _shown(shot) for shot in column.shots},
        aside=_aside(team, {shot.pk for shot in column.shots}, before, watched),
        order=(_ids(column.active), _ids(column.finished), column.count),
        queue=column,
        newest=newest,
        feed=before.feed if before and same else None,
        trays=_trays(team, before, newest.waiting) if before and same else "",
        unknown=unknown.count_of(team),
        person=person,
    )


def draw_feed(view: View, team_id: int) -> Message | None:
    """What is still missing after `look`; None when nothing is."""
    if view.feed is not None:
        return None
    shown = bool(view.newest.shots)
    view.feed = render_to_string("generations/_feed.html", {"feed": latest_of(Team(pk=team_id))}) if shown else ""
    return Message(column=partial("#feed", view.feed)) if shown else None


def _trays(team: Team, before: View, waiting: dict[int, str]) -> str:
    """Those that hold the place of a picture and have moved on; a feed that is drawn anew has them already."""
    known = before.newest.waiting
    moved = [pk for pk, state in waiting.items() if known.get(pk, state) != state]
    shots = Generation.objects.of_team(team).filter(pk__in=moved) if moved else ()
    return "".join(
        partial(f"#pending-{shot.pk}", render_to_string("generations/_pending.html", {"generation": shot}))
        for shot in shots
    )


def _aside(team: Team, column: set[int], before: View | None, watched: frozenset[int]) -> dict[int, Shown]:
    """Cards outside the column that somebody waits for: it has room for the newest only, and what ends together with many
    others may never be in it at its end."""
    left = {pk for pk, card in before.known.items() if card.state not in TERMINAL} - column if before else set()
    if not (wanted := left | watched - column):
        return {}
    found = queue.of_cards(Generation.objects.of_team(team).filter(pk__in=wanted))
    shots = queue.with_card_parts([shot for shot in found if shot.pk in left or not shot.is_final])
    queue.place(team, shots)
    return {shot.pk: _shown(shot) for shot in shots}


def _shown(shot: Generation) -> Shown:
    html = job_cards.draw(shot)
    return Shown(shot.state, shot.shown_title, shot.created_by_id, html, TICKING.sub(r"\1", html), time.monotonic())


def _ids(shots: list[Generation]) -> tuple[int, ...]:
    return tuple(shot.pk for shot in shots)


def one_card(team_id: int, pk: int) -> str:
    """The card of one shot of this team as a partial; "" for any other."""
    shot = queue.of_cards(Generation.objects.filter(team=team_id, pk=pk)).first()
    if shot is None:
        return ""
    queue.with_card_parts([shot])
    queue.place(Team(pk=team_id), [shot])
    return _card_partial(pk, _shown(shot).html)


def whole(view: View, extra: str = "") -> Message:
    """Everything, for a browser that has just come or has missed something."""
    feed = partial("#feed", view.feed) if view.feed else ""
    return Message(everyone=_badge(view) + _unknown(view) + extra, column=_list(view) + feed)


def difference(before: View, after: View) -> Message | None:
    known = before.known
    changed, aside = (
        {
            pk: _card_partial(pk, card.html)
            for pk, card in cards.items()
            if pk not in known or known[pk].still != card.still
        }
        for cards in (after.cards, after.aside)
    )
    moved = _is_moved(before, after)
    badges = _badge(after) if before.queue.people != after.queue.people else ""
    badges += _unknown(after) if before.unknown != after.unknown else ""
    column = (_list(after) if moved else "") + after.trays
    if not (changed or aside or column or badges):
        return None
    return Message(everyone=badges, column=column, cards=changed, aside=aside)


def _is_moved(before: View, after: View) -> bool:
    """Whether the list has to be drawn anew. A card that came to its end stays where it is until then: nothing on the page
    moves under the pointer of somebody who did nothing.
    """
    new, old = set(after.cards), set(before.cards)
    gone = old - new
    pushed_out = gone <= set(before.order[1]) and len(after.order[1]) >= queue.MOST_FINISHED
    return bool(new - old) or bool(gone and not pushed_out) or before.queue.more != after.queue.more


class End(NamedTuple):
    """A shot that came to an end that `person` waits for."""

    state: str
    title: str
    person: int


def milestones(before: View, after: View) -> list[End]:
    """What has ended between two looks. Never percentages."""
    known = before.known
    return [
        End(card.state, card.title, card.person)
        for pk, card in after.known.items()
        if card.state in PHRASES and pk in known and known[pk].state != card.state
    ]


def announcement(ends: list[End]) -> Message:
    """A sentence for each kind of end: with the title for one shot, with the number for several. Read out, and for whose
    shots they are perhaps a notice on their desktop (static/notices.js).
    """
    text = _sentences(ends)
    notices = "".join(
        f'<span data-person="{person}">{_sentences([end for end in ends if end.person == person])}</span>'
        for person in sorted({end.person for end in ends})
    )
    return Message(everyone=partial("#status", text, "textContent") + partial("#news", notices, "innerHTML"))


def _sentences(ends: list[End]) -> str:
    sentences = []
    for state, (one, several) in PHRASES.items():
        titles = [end.title for end in ends if end.state == state]
        if titles:
            sentences.append(one.format(titles[0]) if len(titles) == 1 else several.format(len(titles)))
    return str(escape(" ".join(sentences)))


def partial(target: str, html: str, swap: str = "outerMorph") -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>\n'


def _card_partial(pk: int, html: str) -> str:
    return partial(f"#job-{pk}", html)


def _badge(view: View) -> str:
    return partial("#queue-badge", render_to_string("generations/_badge.html", {"queue": view.queue}))


def _unknown(view: View) -> str:
    """In the rail, and in words on a narrow page."""
    both = {"#unknown-badge": False, "#unknown-words": True}
    template, waiting = "generations/_unknown_badge.html", view.unknown
    return "".join(
        partial(target, render_to_string(template, {"waiting": waiting, "words": words}))
        for target, words in both.items()
    )


def _list(view: View) -> str:
    html = render_to_string("generations/_queue_list.html", {"queue": view.queue, "person": view.person, "user": None})
    return partial("#queue-list", html, "innerMorph")
