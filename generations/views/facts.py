"""What the page of a shot says about it: made with what, from what, when, and what happened."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils import timezone

from accounts.models import Membership

from ..lifecycle import epoch, money
from ..models import Asset, Generation, ProviderKey, Upload
from ..prices import NOT_PUBLISHED, Flat, dollars
from ..specs import Choice, Flag, Media, Param
from ..states import Charged, State
from . import cards, compared, neighbours
from .compared import Setting
from .filters import Filters

Fact = tuple[str, str]


@dataclass(frozen=True)
class Input:
    """A reference image: our own upload with its id, or the address of somebody else's."""

    role: str
    upload: Upload | None = None
    url: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def page_context(shot: Generation, membership: Membership, within: Filters) -> dict[str, object]:
    """Everything for shot.html; its neighbours `within` what a filtered gallery shows."""
    video = shot.asset(Asset.VIDEO)
    here, ready = bool(video and video.is_kept), shot.state == State.DONE
    cost, attempts = money.cost(shot), shot.attempts.order_by("n")
    return {
        "generation": shot,
        "video": video,
        "plays": ready and here,
        "gone": ready and not here,
        "made": [*made(shot, video), *costs(shot, cost)],
        "asks_charge": cost.asks,
        "asks_about": cost.oldest,
        "restored": epoch.is_doubtful(shot.provider_key),
        "may_cost": dollars(shot.price_amount) if shot.price_amount else "",
        "asked": settings(shot, video),
        "sent": compared.sent(shot, attempts),
        "rewritten": compared.rewritten(shot.prompt, shot.rewritten_prompt) if shot.rewritten_prompt else [],
        "inputs": inputs(shot),
        "times": times(shot),
        "attempts": attempts,
        "events": shot.events.select_related("actor"),
        **neighbours.of(shot, within),
        "owner": membership.role == Membership.OWNER,
        "key_rests": shot.state == State.QUEUED and shot.provider_key.state != ProviderKey.ACTIVE,
    }


def made(shot: Generation, video: Asset | None) -> list[Fact]:
    """What came out, measured on the file, and what it took."""
    found: list[Fact] = []
    if video:
        found += [
            ("Size", f"{video.width} × {video.height}" + (f", {video.fps:g} fps" if video.fps else "")),
            ("Length", f"{video.seconds:.1f} s {'with sound' if video.has_audio else 'without sound'}"),
            ("Format", f"{_codec(video.codec)}, {megabytes(video.bytes)}"),
        ]
    if shot.render_seconds is not None:
        found.append(("Render time", cards.spell(shot.render_seconds)))
    return found


def costs(shot: Generation, cost: money.Cost) -> list[Fact]:
    """What it was estimated at when it was confirmed, and what it did cost."""
    if shot.provider_key.is_sandbox:
        return [("Cost", cards.charged_words(shot))]
    price = shot.price_amount
    if price is None:
        estimated = shot.price_words or NOT_PUBLISHED
    else:
        estimated = dollars(price) if shot.price_kind == Flat.kind else f"{dollars(price)}, {shot.price_words}"
    words = Charged(shot.charged).label
    if cost.spent:
        words += f", {dollars(cost.spent)} by the studio's price list"
    elif price is None and shot.charged != Charged.NO:
        words += f". {NOT_PUBLISHED}"
    if cost.held and price:
        words += f". {dollars(price * cost.held)} is held for it"
    return [("Estimated", estimated), ("Cost", words)]


def asked(shot: Generation) -> list[Fact]:
    """The settings as they were confirmed, with the labels of the form."""
    return [(setting.label, setting.asked) for setting in settings(shot, None)]


def settings(shot: Generation, video: Asset | None) -> list[Setting]:
    """The same, each with what the file has instead."""
    if shot.spec is None:
        return [Setting(name, str(value)) for name, value in shot.params.items() if not isinstance(value, list)]
    params = [param for param in shot.spec if param.name != "prompt" and not isinstance(param, Media)]
    given = [(param, shot.params.get(param.name)) for param in params]
    return [
        Setting(param.label, _value(param, value), compared.got_instead(param.name, value, video))
        for param, value in given
        if value not in (None, "", {})
    ]


def _value(param: Param, value: object) -> str:
    if isinstance(param, Flag):
        return "On" if value else "Off"
    unit = param.unit if isinstance(param, Choice) else ""
    return f"{value} {unit}".strip()


def inputs(shot: Generation) -> list[Input]:
    media = [param for param in shot.spec or () if isinstance(param, Media)]
    items = [item for param in media for item in shot.params.get(param.name) or []]
    uploads = Upload.objects.filter(team=shot.team_id).in_bulk([item["upload"] for item in items if "upload" in item])
    return [
        Input(item.get("role", "Reference"), uploads.get(item.get("upload", 0)), item.get("url", "")) for item in items
    ]


def times(shot: Generation) -> list[Fact]:
    moments = [
        ("Confirmed", shot.created_at),
        ("Accepted", shot.submitted_at),
        ("Rendered", shot.rendered_at),
        ("At its end", shot.finished_at),
    ]
    return [(label, when(moment)) for label, moment in moments if moment]


def when(moment: dt.datetime) -> str:
    return timezone.localtime(moment).strftime("%d %b %Y, %H:%M:%S").lstrip("0")


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1000))} kB"


def _codec(name: str) -> str:
    return {"h264": "H.264", "hevc": "H.265", "av1": "AV1", "vp9": "VP9"}.get(name, name or "video")
