"""A tile of the gallery: everything that it shows as one value, so that the same tile is rendered once and then kept.

What is kept depends on nothing but the value, so it can never be out of date: another title is another tile.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db.models import Prefetch
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ..models import Asset, Generation
from ..models.generation import GenerationQuerySet
from ..states import State
from . import cards

KINDS = (Asset.VIDEO, Asset.POSTER_SMALL, Asset.PREVIEW)
FILE = ("generation", "kind", "path", "width", "height", "duration_ms")
SHOT = (
    "team", "title", "prompt", "model", "state", "reason", "charged", "favourite", "created_at", "pictures_due_at",
    "created_by__name", "created_by__email", "provider_key__is_sandbox", "provider_task_id",
)  # fmt: skip
KEPT = 2048  # tiles of about 2.5 KB
RATIOS = {"r169": 16 / 9, "r916": 9 / 16, "r11": 1.0, "r219": 7 / 3, "r34": 3 / 4, "r43": 4 / 3}


@dataclass(frozen=True)
class Tile:
    """`size` is the small poster's (width, height) or None; then `words` say why. `seconds` is None without a video."""

    pk: int
    name: str
    state: str
    charged: str
    ratio: str
    size: tuple[int, int] | None
    words: str
    has_preview: bool
    seconds: float | None
    favourite: bool
    byline: str
    binned: bool
    eager: bool  # its picture is wanted at once
    fetches: bool = False  # the file is gone, and the provider may still have it


def with_parts(shots: GenerationQuerySet) -> GenerationQuerySet:
    """What a tile needs, and nothing else of these wide rows: three queries."""
    files = Prefetch("assets", Asset.objects.filter(kind__in=KINDS).only(*FILE))
    return shots.select_related("created_by", "provider_key").only(*SHOT).prefetch_related(files)


def is_gone(shot: Generation) -> bool:
    """Whether a finished shot's file is missing from the disk."""
    video = shot.asset(Asset.VIDEO)
    return shot.state == State.DONE and not (video and video.is_kept)


def tile_of(shot: Generation, *, binned: bool = False, eager: bool = False) -> Tile:
    video, gone = shot.asset(Asset.VIDEO), is_gone(shot)
    poster = None if gone else shot.asset(Asset.POSTER_SMALL)
    return Tile(
        pk=shot.pk, name=shot.shown_title, state=shot.state, charged=shot.charged, ratio=ratio_class(video),
        size=(poster.width, poster.height) if poster else None, words="" if poster else _instead(shot, gone),
        has_preview=shot.asset(Asset.PREVIEW) is not None, seconds=video.seconds if video else None,
        favourite=shot.favourite, byline=f"{shot.model_name} · {shot.created_by}", binned=binned, eager=eager,
        fetches=gone and bool(shot.provider_task_id),
    )  # fmt: skip


def _instead(shot: Generation, gone: bool) -> str:
    """What is said where no picture is."""
    if gone:
        return "The file is gone from disk"
    if shot.state == State.DONE:
        return "Its picture is being made" if shot.pictures_due_at else "It has no picture, the video is there"
    if shot.state == State.FAILED:
        reason = shot.get_reason_display()
        return f"Failed: {reason[:1].lower()}{reason[1:]}. {cards.charged_words(shot)}"
    return shot.shown_state


def ratio_class(video: Asset | None) -> str:
    """The class of the nearest known aspect ratio: sizes cannot be written inline."""
    return _nearest((video.width, video.height)) if video and video.width and video.height else "r169"


def expected_ratio(shot: Generation) -> str:
    """The same for a shot that is being made, so that its picture takes the place of its tray and moves nothing."""
    return _nearest(shot.spec.size(shot.params)) if shot.spec else "r169"


def _nearest(size: tuple[int, int]) -> str:
    wanted = size[0] / size[1]
    return min(RATIOS, key=lambda name: max(RATIOS[name] / wanted, wanted / RATIOS[name]))


def draw(tile: Tile) -> SafeString:
    return _drawn(tile, settings.STORAGES["staticfiles"]["BACKEND"])


@lru_cache(maxsize=KEPT)
def _drawn(tile: Tile, storage: str) -> SafeString:
    """`storage` is only part of the cache's key: the addresses of the icons depend on it."""
    return render_to_string("generations/_tile.html", {"tile": tile})
