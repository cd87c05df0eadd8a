"""Rows for tests about pages: any state, with files that exist, and no provider."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Membership, Team, User
from generations.models import Asset, Generation, ProviderKey
from generations.states import TERMINAL, State

VALUES = {"aspect_ratio": "16:9", "enhance_prompt": True, "enable_upsample": False}
CLIP = bytes(range(256)) * 40
SIZES = {"video": (1280, 720), "poster": (1280, 720), "poster-small": (640, 360), "preview": (640, 360)}
TYPES = {"video": "video/mp4", "preview": "video/mp4"}


def owner_of(team: Team) -> User:
    return team.memberships.get(role=Membership.OWNER).user


def make_key(team: Team, *, sandbox: bool = True, **fields: Any) -> ProviderKey:
    host = "http://127.0.0.1:9" if sandbox else "https://api.example.org"
    given = {"provider": "apertis", "secret": "sk-very-secret-1234", "last4": "1234", "base_url": host, **fields}
    return ProviderKey.objects.create(team=team, is_sandbox=sandbox, **given)


def make_shot(team: Team, state: str = State.DONE, *, files: tuple[str, ...] = (), **fields: Any) -> Generation:
    """A row in `state`; `files` names the kinds of assets that get a row and a file on disk."""
    key = fields.pop("provider_key", None) or team.provider_keys.first() or make_key(team)
    given = {"created_by": owner_of(team), "model": "apertis-veo3-fast", "prompt": "A boat leaves the harbour",
             "params": VALUES, "form_token": secrets.token_hex(8), **fields}  # fmt: skip
    if state in TERMINAL:
        given = {"finished_at": timezone.now(), **given}
    if state == State.DONE:
        given = {"charged": "yes", **given}
    shot = Generation.objects.create(team=team, provider_key=key, params_hash="-", state=state, **given)
    for kind in files:
        add_file(shot, kind)
    return shot


def add_file(shot: Generation, kind: str, data: bytes = CLIP) -> Asset:
    suffix = "mp4" if kind in TYPES else "webp"
    path = Path(str(shot.team_id), str(shot.pk), f"{kind}.{suffix}")
    full = Path(settings.MEDIA) / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(data)
    width, height = SIZES.get(kind, (1280, 72))
    return Asset.objects.create(
        generation=shot, kind=kind, path=str(path), content_type=TYPES.get(kind, "image/webp"), bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(), width=width, height=height, duration_ms=8000, fps=24, has_audio=True,
        codec="h264",
    )  # fmt: skip
