"""E1: a confirmed form becomes rows in the queue. The commit is the enqueueing."""

import hashlib
import json
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Team, User

from ..models import Event, Generation, ProviderKey, Reuse, Upload
from ..registry import SPECS
from ..specs import ModelSpec
from ..states import State
from . import money


class TokenReused(Exception):
    """The same form was confirmed before with other values. Nothing was sent."""


class NotRemixable(Exception):
    """The provider cannot remake this shot. Nothing was sent."""


def remix_spec(shot: Generation) -> ModelSpec | None:
    """What the provider remakes this shot with; None where it has nothing of the kind, or the shot is not finished."""
    spec = shot.spec
    if spec is None or shot.state != State.DONE or not shot.provider_task_id:
        return None
    model = SPECS[spec.of or spec.slug]
    # only what was made through the same API: another one gives ids that the remix does not know
    remixes = [way for way in model.ways() if way.needs_source and way.protocol.rpartition(".")[0] in spec.protocol]
    return SPECS[remixes[0].slug] if remixes else None


def why_not_remixed(shot: Generation | None, spec: ModelSpec, key: ProviderKey) -> str:
    """A sentence with a way out; empty when it can be."""
    if shot is None:
        return "Choose the shot to remix on its own page. Nothing was sent."
    remake = remix_spec(shot)
    if remake is None or remake.slug != spec.slug:  # the operator may call it by another name
        return f"{spec.name} cannot remake this shot: only one that it made, and that is finished. Nothing was sent."
    if shot.provider_key_id != key.pk:
        return "This shot was made with another key, and only that account knows it. Nothing was sent: make a new take."
    return ""


def fingerprint(spec: ModelSpec, prompt: str, params: dict[str, Any], takes: int, source: int | None = None) -> str:
    """`source` is the shot to remake; other shots that a form was filled from do not change what is asked for."""
    parts = [spec.slug, prompt, params, takes, *([source] if source else [])]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def start(
    *,
    team: Team,
    user: User,
    key: ProviderKey,
    spec: ModelSpec,
    prompt: str,
    params: dict[str, Any],
    token: str,
    takes: int = 1,
    parent: Generation | None = None,
) -> list[Generation]:
    """One row a take, queued, with its price frozen and reserved. The same token with the same values gives the same rows
    again, with others TokenReused. Raises OverBudget, NotRemixable; then there is no row.

    `params` are the cleaned values of the ParameterForm, complete, without the prompt. `parent` is the shot that this
    one comes from: the one to remake for a spec that needs a source, else the one that the form was filled from.
    """
    if spec.needs_source and (why := why_not_remixed(parent, spec, key)):
        raise NotRemixable(why)
    digest = fingerprint(spec, prompt, params, takes, parent.pk if spec.needs_source and parent else None)
    try:
        with transaction.atomic():
            found = _existing(team, token, digest)
            return found or _create(team, user, key, spec, prompt, params, token, takes, digest, parent)
    except IntegrityError:  # another request with this token was quicker
        found = _existing(team, token, digest)
        if not found:
            raise
        return found


def _existing(team: Team, token: str, digest: str) -> list[Generation]:
    rows = list(Generation.objects.of_team(team).filter(form_token=token).order_by("take"))
    if any(row.params_hash != digest for row in rows):
        raise TokenReused("This form was already sent with other values. Nothing was sent now: press Generate again.")
    return rows


def _reuse(spec: ModelSpec, params: dict[str, Any], parent: Generation | None) -> str:
    """What was taken from the parent: the film, a frame of it, or what the form was filled with."""
    if parent is None:
        return ""
    if spec.needs_source:
        return Reuse.REMIX
    images = [item["upload"] for param in spec.media for item in params.get(param.name) or () if "upload" in item]
    is_frame = Upload.objects.filter(pk__in=images, frame_of=parent).exists() if images else False
    return Reuse.FRAME if is_frame else Reuse.TAKE


def _create(
    team: Team, user: User, key: ProviderKey, spec: ModelSpec, prompt: str, params: dict[str, Any], token: str,
    takes: int, digest: str, parent: Generation | None,
) -> list[Generation]:  # fmt: skip
    price = money.quote(key, spec, params, takes)
    reuse = _reuse(spec, params, parent)
    rows = [
        Generation.objects.create(
            team=team, created_by=user, provider_key=key, model=spec.slug, prompt=prompt, params=params,
            form_token=token, params_hash=digest, take=take, takes=takes,
            parent=parent, reuse=reuse, price_kind=price.kind, price_amount=price.each, price_words=price.words,
        )
        for take in range(1, takes + 1)
    ]  # fmt: skip
    for row in rows:
        Event.objects.create(generation=row, actor=user, to_state=State.QUEUED, why="Generate was pressed")
    money.reserve(rows)  # last, so that a second press of the same form meets the first one's rows and not its budget
    return rows
