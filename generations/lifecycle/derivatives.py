"""After "done": poster, preview and film strip. The video is safe already, so a failure here is only a missing picture."""

import datetime as dt
import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from .. import media, store
from ..models import Asset, Generation
from ..states import State
from .moves import now

log = logging.getLogger(__name__)
MOST_TRIES = 4


def pictures(generation_id: int) -> bool:
    """Make the pictures of a finished shot that still has none. False when there was nothing to do."""
    moment = now()
    due = Generation.objects.filter(pk=generation_id, pictures_due_at__lte=moment)
    generation = due.first()
    if generation is None:
        return False
    if generation.state != State.DONE:  # its file is fetched again; the pictures are due anew when it is saved
        due.exclude(state=State.DONE).update(pictures_due_at=None)
        return False
    if not due.filter(state=State.DONE).update(
        pictures_due_at=moment + dt.timedelta(seconds=120), picture_tries=generation.picture_tries + 1
    ):
        return False
    video = generation.assets.filter(kind=Asset.VIDEO).first()
    if video is None:
        return False
    try:
        if store.is_remote() and not video.file.is_file():
            store.bring_back(video.file)
        made = media.derive(video.file, video.file.parent, _facts(video))
        for file in made.files:
            store.keep(file.path)
    except store.NotKept as error:  # the bucket will come back, so this is no try
        log.warning("shot %s: %s", generation.pk, error)
        Generation.objects.filter(pk=generation.pk).update(picture_tries=generation.picture_tries)
        return True
    except (media.InvalidMedia, OSError) as error:
        log.warning("shot %s: pictures could not be made: %s", generation.pk, error)
        if generation.picture_tries + 1 >= MOST_TRIES:
            Generation.objects.filter(pk=generation.pk).update(pictures_due_at=None)
        return True
    with transaction.atomic():
        Asset.objects.bulk_create(
            [_row(generation, file) for file in made.files],
            update_conflicts=True, unique_fields=("generation", "kind"), update_fields=CHANGED,
        )  # fmt: skip
        Asset.objects.filter(pk=video.pk).update(mean_colour=made.mean_colour)
        Generation.objects.filter(pk=generation.pk).update(pictures_due_at=None, updated_at=timezone.now())
    for path in (video.file, *(file.path for file in made.files)):
        store.forget(path)
    return True


CHANGED = ("path", "content_type", "sha256", "bytes", "width", "height")
KINDS = {"poster-1280": Asset.POSTER, "poster-640": Asset.POSTER_SMALL, "preview": Asset.PREVIEW, "strip": Asset.STRIP}


def _facts(video: Asset) -> media.Facts:
    """What verification found when the file was saved; the pictures need its measures only."""
    return media.Facts(
        container="webm" if video.content_type == "video/webm" else "mp4", codec=video.codec, width=video.width,
        height=video.height, duration_ms=video.duration_ms, fps=video.fps, has_audio=video.has_audio, audio_codec=None,
        rotation=0, browser_playable=True,
    )  # fmt: skip


def _row(generation: Generation, file: media.Derivative) -> Asset:
    return Asset(
        generation=generation, kind=KINDS.get(file.kind, file.kind), path=str(file.path.relative_to(settings.MEDIA)),
        content_type=file.content_type, sha256=file.sha256, bytes=file.bytes, width=file.width, height=file.height,
    )  # fmt: skip
