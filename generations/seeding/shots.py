"""Rows as `lifecycle` would have left them: shots of four weeks in every state, with events, tries, money and files.

The one place besides `lifecycle` that writes states, because nothing here was ever sent. The tests hold it to the same
rules: every event is an edge, and the books add up.
"""

import datetime as dt
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Membership, Team, User

from .. import prompts, sharing
from ..lifecycle import money
from ..models import Asset, Attempt, Budget, Event, Generation, Ledger, ProviderKey
from ..registry import SPECS
from ..specs import Choice, Flag, Integer, Json, Media, ModelSpec, Number
from ..states import ACTIVE, TERMINAL, Charged, State
from . import clips
from .words import FAILURES, MOVES, PEOPLE, SAVED, SCENES

TOKEN = "seed-{}"  # noqa: S105  (the name of a confirmation: what is there already is not made again)
DAYS = 28
STILL = dt.timedelta(hours=6)  # shots on their way stand still for so long, so that pages can be looked at
FRESH = (State.QUEUED, State.QUEUED, State.RUNNING, State.SUBMITTED, State.SUBMITTING, State.SUCCEEDED, State.ARCHIVING,
         State.UNKNOWN, State.FAILED, State.CANCELLED)  # fmt: skip
WAY = (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RUNNING, State.SUCCEEDED, State.ARCHIVING, State.DONE)
WHY = dict(zip(WAY, ("Generate was pressed", "try 1", "accepted", "rendering", "the render is ready",
                     "fetching the file", "saved and verified"), strict=True))  # fmt: skip


@dataclass
class Seeded:
    shots: int = 0
    files: int = 0


@dataclass
class Plan:
    """One shot before it has a row."""

    n: int
    press: int  # the confirmation that it belongs to
    take: int
    takes: int
    state: str
    moment: dt.datetime
    rng: random.Random
    failure: tuple[str, str, str, str] | None = None
    clip: int = 0

    @property
    def path(self) -> tuple[str, ...]:
        """The states it went through, the last one included."""
        if self.state in WAY:
            return WAY[: WAY.index(State(self.state)) + 1]
        if self.state == State.CANCELLED:
            return (State.QUEUED, State.CANCELLED)
        before = self.failure[2] if self.failure else State.SUBMITTING
        return (*WAY[: WAY.index(State(before)) + 1], self.state)


def fill(team: Team, count: int, *, scenes: int = len(SCENES), say: Callable[[str], Any] | None = None) -> Seeded:
    """Bring the team to `count` demonstration shots, the same ones each time; what is there already stays as it is."""
    made, say = Seeded(), say or (lambda words: None)
    there = Generation.objects.of_team(team).filter(form_token__startswith=TOKEN.format(""))
    have = set(there.values_list("form_token", "take"))
    wanted = [
        plan for plan in reversed(plans(count)) if (TOKEN.format(plan.press), plan.take) not in have
    ]  # as time went
    if wanted:
        Path(settings.MEDIA).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.MEDIA, prefix=".seed-") as folder:
            say("Rendering the clips …")
            reels = clips.make(Path(folder), scenes)
            people = _people(team)
            for start in range(0, len(wanted), 200):
                with transaction.atomic():
                    _write(team, people, wanted[start : start + 200], reels, made)
                say(f"{made.shots} of {len(wanted)} shots")
        _extras(team, people)
    return made


# --- what is to be made ---------------------------------------------------------------------------------------------------
def plans(count: int) -> list[Plan]:
    """`count` shots, the newest first. Each is drawn from its own number, so a larger studio contains the smaller one."""
    found: list[Plan] = []
    now, press = timezone.now().replace(microsecond=0), 0
    while len(found) < count:
        rng = random.Random(f"press {press}")  # noqa: S311  (a demonstration)
        takes = 1 if press < len(FRESH) else rng.choice((1, 1, 1, 2, 4))
        age = dt.timedelta(minutes=2 * press + 1) if press < len(FRESH) else _age(press, rng)
        state = FRESH[press] if press < len(FRESH) else _end(rng)
        for take in range(1, min(takes, count - len(found)) + 1):
            failure = rng.choice(FAILURES) if state == State.FAILED else None
            found.append(Plan(len(found), press, take, takes, state, now - age, rng, failure, rng.randrange(1000)))
        press += 1
    return found


def _age(press: int, rng: random.Random) -> dt.timedelta:
    """Fewer the longer ago, and a little apart from each other."""
    return dt.timedelta(minutes=45 + 130 * (press - len(FRESH)) + rng.randrange(90))


def _end(rng: random.Random) -> State:
    return rng.choices((State.DONE, State.FAILED, State.CANCELLED), (91, 6, 3))[0]


def _people(team: Team) -> list[User]:
    """The team's people, and three more when its owner is alone. They cannot sign in: nobody knows a password."""
    members = list(team.members.order_by("pk"))
    if len(members) == 1:
        for email, name in PEOPLE:
            person = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name)
            Membership.objects.get_or_create(team=team, user=person)
        members = list(team.members.order_by("pk"))
    return members


# --- rows ---------------------------------------------------------------------------------------------------------------
@dataclass
class Batch:
    events: list[Event] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)


def _write(team: Team, people: list[User], wanted: list[Plan], reels: list[clips.Clip], made: Seeded) -> None:
    keys = {key.provider: key for key in ProviderKey.objects.filter(team=team, is_sandbox=True).order_by("-pk")}
    specs = [spec for spec in SPECS.values() if spec.provider in keys]
    plain = [_row(team, people, plan, keys, specs, reels[plan.clip % len(reels)]) for plan in wanted]
    rows = Generation.objects.bulk_create(plain)
    batch = Batch()
    for row, plan in zip(rows, wanted, strict=True):
        batch.events += _events(row, plan)
        batch.attempts += _attempts(row, plan)
        if plan.state == State.DONE:
            batch.assets += _files(row, reels[plan.clip % len(reels)])
    Event.objects.bulk_create(batch.events)
    Attempt.objects.bulk_create(batch.attempts)
    Asset.objects.bulk_create(batch.assets)
    _book(team, rows)
    made.shots += len(rows)
    made.files += len(batch.assets)


def _row(team: Team, people: list[User], plan: Plan, keys: Any, specs: list[ModelSpec], clip: clips.Clip) -> Generation:
    spec, scene, rng = specs[plan.press % len(specs)], clip.scene, random.Random(f"shot {plan.n}")  # noqa: S311
    key, params = keys[spec.provider], _params(spec, scene.ratio)
    price = money.quote(key, spec, params, plan.takes)
    moments, finished = _moments(plan), plan.state in TERMINAL
    sent = len(plan.path) > 2 and State.SUBMITTED in plan.path
    reason, words, _, _ = plan.failure or ("", "", "", "")
    return Generation(
        team=team, created_by=people[plan.press % len(people)], created_at=plan.moment, updated_at=moments[-1],
        form_token=TOKEN.format(plan.press), take=plan.take, takes=plan.takes, params_hash="-", model=spec.slug,
        prompt=scene.prompt + MOVES[plan.press % len(MOVES)] + ".", params=params, provider_key=key,
        price_kind=price.kind, price_amount=price.each, price_words=price.words,
        state=plan.state, charged=_charged(plan), reason=reason,
        message=words or ("The connection broke after the request had left." if plan.state == State.UNKNOWN else ""),
        unknown_phase="submit" if plan.state == State.UNKNOWN else "", due_at=timezone.now() + STILL,
        hint_at=timezone.now() + STILL, submit_tries=int(len(plan.path) > 1 and plan.state != State.CANCELLED),
        first_try_at=moments[1] if len(moments) > 1 else None,
        provider_task_id=f"seed-{team.pk}-{plan.press}-{plan.take}" if sent else None,
        remote_status="processing" if plan.state == State.RUNNING else "", progress=None,
        submitted_at=moments[2] if sent else None, deadline_at=plan.moment + dt.timedelta(days=2) if sent else None,
        rendered_at=moments[4] if len(moments) > 4 and State.SUCCEEDED in plan.path else None,
        finished_at=moments[-1] if finished else None,
        rewritten_prompt=f"{scene.prompt}, cinematic light, natural motion, fine grain." if rng.random() < 0.15 else "",
        title=scene.title if rng.random() < 0.4 else "", favourite=plan.state == State.DONE and rng.random() < 0.12,
        deleted_at=moments[-1] if finished and plan.press >= len(FRESH) and rng.random() < 0.03 else None,
    )  # fmt: skip


def _params(spec: ModelSpec, ratio: str) -> dict[str, Any]:
    """Complete values by our names: every default, and the clip's own shape where the model has it."""
    values: dict[str, Any] = {}
    for param in spec:
        if param.name == "prompt":
            continue
        if isinstance(param, Media):
            values[param.name] = []
        elif isinstance(param, Choice | Flag | Integer | Number | Json):
            values[param.name] = getattr(param, "default", None)
        if isinstance(param, Choice) and ratio in param.choices:
            values[param.name] = ratio
    return values


def _charged(plan: Plan) -> str:
    if plan.state == State.DONE:
        return Charged.YES
    if plan.failure:
        return plan.failure[3]
    return Charged.UNKNOWN if plan.state == State.UNKNOWN else Charged.NO


def _moments(plan: Plan) -> list[dt.datetime]:
    """When it came into each state of its path; never in the future."""
    rng = random.Random(f"times {plan.n}")  # noqa: S311
    steps = {State.SUBMITTING: 1, State.SUBMITTED: 2, State.SUCCEEDED: rng.randrange(35, 170), State.DONE: 3}
    moment, found = plan.moment, []
    for state in plan.path:
        moment = min(moment + dt.timedelta(seconds=steps.get(State(state), 1)), timezone.now())
        found.append(moment)
    return found


def _events(row: Generation, plan: Plan) -> list[Event]:
    moments, before, found = _moments(plan), "", []
    for state, moment in zip(plan.path, moments, strict=True):
        why = WHY.get(State(state)) or row.message or "cancelled before it was sent"
        actor = row.created_by if state in (State.QUEUED, State.CANCELLED) else None
        found.append(Event(generation=row, at=moment, actor=actor, from_state=before, to_state=state, why=why))
        before = state
    return found


def _attempts(row: Generation, plan: Plan) -> list[Attempt]:
    if State.SUBMITTING not in plan.path:
        return []
    ends = {State.UNKNOWN: Attempt.UNKNOWN, State.SUBMITTING: Attempt.INTENT}
    refused = Attempt.REJECTED if plan.failure and plan.failure[2] == "submitting" else Attempt.ACCEPTED
    moments = _moments(plan)
    state = ends.get(State(plan.state), refused)
    status = {Attempt.ACCEPTED: 200, Attempt.REJECTED: 400}.get(state)
    return [
        Attempt(generation=row, n=1, state=state, escrow=f"seed-{row.pk}.answer", started_at=moments[1], http_status=status,
                answered_at=moments[2] if status else None, provider_task_id=row.provider_task_id or "")
    ]  # fmt: skip


def _files(row: Generation, clip: clips.Clip) -> list[Asset]:
    folder = Path(settings.MEDIA) / str(row.team_id) / str(row.pk)
    return [Asset(generation=row, path=str(path), **columns) for path, columns in clips.put(clip, folder)]


def _book(team: Team, rows: list[Generation]) -> None:
    """Reserve each shot in its month, and end what ended. The sandbox costs nothing, so every sum is 0."""
    months: dict[dt.date, Budget] = {}
    entries = []
    for row in rows:
        month = timezone.localdate(row.created_at).replace(day=1)
        if month not in months:
            months[month] = Budget.objects.get_or_create(team=team, month=month)[0]
        amount = row.price_amount if row.price_amount is not None else Decimal(0)
        common = {"generation": row, "budget": months[month], "amount": amount}
        entries.append(Ledger(kind=Ledger.RESERVE, at=row.created_at, **common))
        if row.state not in ACTIVE and row.charged != Charged.UNKNOWN:
            kind = Ledger.SETTLE if row.charged == Charged.YES else Ledger.RELEASE
            entries.append(Ledger(kind=kind, at=row.updated_at, **common))
    Ledger.objects.bulk_create(entries)


def _extras(team: Team, people: list[User]) -> None:
    """Saved prompts, and a link to the newest finished shot."""
    for name, text in SAVED:
        prompts.save(team, people[0], text, name)
    newest = Generation.objects.of_team(team).kept().filter(state=State.DONE).order_by("-created_at").first()
    if newest and not newest.shares.exists():
        sharing.share(newest, people[0], days=30, show_prompt=True, allow_download=False)
