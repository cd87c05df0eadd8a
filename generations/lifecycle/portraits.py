"""The picture of a character, into our own storage: a page never loads it from somebody else's host."""

import datetime as dt
import logging

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from .. import uploads
from ..images import RefusedImage
from ..models import Character
from ..providers import http
from .moves import now

log = logging.getLogger(__name__)


def fetch_portrait(character: Character) -> bool:
    """Fetch it and check it like an upload; a character without one is as good. False when somebody else is at it."""
    tries = character.picture_tries + 1
    mine = Character.objects.filter(pk=character.pk, picture=None, picture_tries=character.picture_tries)
    if not mine.update(picture_tries=tries, due_at=now() + dt.timedelta(seconds=5 * tries)):
        return False
    try:
        with http.download(character.picture_url, seconds=30) as part:
            data = bytearray()
            for chunk in part.chunks:
                data += chunk
                if len(data) > settings.MAX_IMAGE_BYTES:
                    break  # the check refuses it
        file = SimpleUploadedFile(f"{character.username}.jpg", bytes(data))
        picture = uploads.keep(file, team=character.team, user=character.created_by)
    except (http.DownloadFailed, RefusedImage) as error:
        log.info("character %s: its picture could not be fetched (%s)", character.pk, error)
        return True
    Character.objects.filter(pk=character.pk).update(picture=picture)
    return True
