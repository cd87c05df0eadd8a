"""E7: a finished render becomes a file of ours: fetched, verified, hashed, renamed into place, and only then "done"."""

import contextlib
import datetime as dt
import fcntl
import logging
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from .. import keys, media, store
from ..models import Asset, Generation
from ..models.fields import Unopenable, opened
from ..providers import http
from ..providers.base import Failed, Finished, KeyRefused, Unreachable
from ..scrub import scrub
from ..states import SAVING, Charged, Reason, State
from . import leases, polling, synchronous
from .escrow import sync_folder
from .moves import FREE, LostRow, committed, move, now
from .pace import Pace

log = logging.getLogger(__name__)
HOPELESS = 8  # tries at which the file itself was wrong or gone; our own trouble and the network's do not count
PATIENCE = 6 * 3600  # seconds of trying that a host which does not answer is given
LARGEST = 2 * 2**30  # bytes
RESERVE = 2**30  # bytes that stay free on the disk, or 5 % of a small one
STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')  # only such a one can be sent back to ask for the rest


class NotNow(Exception):
    """This try did not work; the render is still at the provider and is fetched again later."""


def archive(generation_id: int) -> bool:
    """Bring one succeeded render home. False when there was nothing to do."""
    began = time.monotonic()  # a clock that stands while this machine sleeps
    with transaction.atomic():
        generation = leases.claim(generation_id, SAVING)
        if generation is None:
            return False
        tries = generation.archive_tries + 1  # counted before the work: a worker that dies in it has tried too
        if generation.state == State.SUCCEEDED:
            move(generation, State.ARCHIVING, "fetching the file", lease=generation.lease_token, archive_tries=tries)
    try:
        with _alone_in(folder(generation)):
            facts = _bring_home(generation)
            digest = media.sha256_of(_final(generation))
            store.keep(_final(generation), alive=Pace(generation).renew)
            committed(lambda: _done(generation, facts, digest), generation)
    except LostRow:
        log.info("shot %s was archived by another worker", generation.pk)
    except (http.DownloadFailed, media.InvalidMedia, NotNow, Unopenable, OSError) as error:
        if isinstance(error, Unopenable):
            with contextlib.suppress(http.DownloadFailed):
                _fresh_url(generation)  # the provider can name the address again
        _not_this_time(generation, error, time.monotonic() - began)
    except Exception as error:  # whatever it is, it must be counted and said, not repeated in silence
        log.exception("shot %s could not be saved", generation.pk)
        interrupted = NotNow(f"Saving was interrupted ({type(error).__name__}: {error}).")
        _not_this_time(generation, interrupted, time.monotonic() - began)
    if generation.is_final:
        synchronous.forget(generation)
    return True


@contextlib.contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    """One worker a folder, by a lock that dies with its process: a lease can end under a worker that is only slow."""
    place.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotNow("Another worker is still fetching the file.") from None
        yield
    finally:
        os.close(descriptor)


def folder(generation: Generation) -> Path:
    return Path(settings.MEDIA) / str(generation.team_id) / str(generation.pk)


def _final(generation: Generation) -> Path:
    return folder(generation) / "video.mp4"


def _bring_home(generation: Generation) -> media.Facts:
    """The verified file in its place. A crash after the rename finds it there and verifies it again."""
    final = _final(generation)
    if final.exists():
        try:
            return media.verify(final)
        except media.InvalidMedia:
            os.replace(final, final.with_suffix(".damaged"))  # it was the only copy once, so it is not thrown away
    part = final.with_suffix(".part")
    try:
        _receive(generation, part)
        facts = media.verify(part)
    except media.InvalidMedia:
        if part.exists():
            os.replace(part, final.with_suffix(".rejected"))  # kept, so that a person can look at what came
        _etag_file(part).unlink(missing_ok=True)
        raise
    os.replace(part, final)
    sync_folder(final.parent)
    _etag_file(part).unlink(missing_ok=True)
    return facts


def _receive(generation: Generation, part: Path) -> None:
    """Fetch the file, or take it out of the answer that it came with."""
    if not generation.result_url and not generation.provider_task_id:
        return synchronous.unpack(generation, part, _check_room)
    if not generation.result_url and not _fresh_url(generation):  # it was on the disk again, and now it is not
        raise http.DownloadFailed("The file is not on the disk, and the provider names no address for it.", gone=True)
    try:
        _fetch(generation, part)
    except http.DownloadFailed as error:
        if not (error.gone and _fresh_url(generation)):
            raise
        _fetch(generation, part)


def _fetch(generation: Generation, part: Path) -> None:
    """Download into `part`, going on where an earlier try stopped when the file is certainly the same."""
    etag_file = _etag_file(part)
    etag = etag_file.read_text() if etag_file.exists() and part.exists() else ""
    have = part.stat().st_size if etag else 0
    try:
        with http.download(
            opened(generation.result_url), have=have, etag=etag, headers_for=_key_headers(generation)
        ) as body:
            _check_room(part, body.total)
            size = _pour(generation, body, part)
    except http.PartRefused:
        etag_file.unlink(missing_ok=True)  # the next try starts from the beginning
        raise
    if body.total is not None and size != body.total:
        raise http.DownloadFailed(f"The file stopped after {size} of {body.total} bytes.")


def _pour(generation: Generation, body: http.Part, part: Path) -> int:
    """Write the body where it belongs, synced; the lease is kept alive meanwhile. Returns the size of the whole."""
    size, pace = body.start, Pace(generation)
    with open(part, "r+b" if body.start else "wb") as file:
        file.truncate(body.start)
        file.seek(body.start)
        _etag_file(part).write_text(body.etag if STRONG_ETAG.fullmatch(body.etag) else "")
        for chunk in body.chunks:
            size += len(chunk)
            if size > LARGEST:
                raise http.DownloadFailed("The file is larger than 2 GB.", gone=True)
            pace.keep(size)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size


def _key_headers(generation: Generation) -> Callable[[str], dict[str, str]]:
    """The key goes only to the origin that it was given for; a result on another host is fetched without it."""
    key = generation.provider_key
    home = urlsplit(key.base_url)

    def headers(url: str) -> dict[str, str]:
        there = urlsplit(url)
        same = (there.scheme, there.netloc) == (home.scheme, home.netloc)
        return {"Authorization": f"Bearer {keys.open_secret(key)}"} if same else {}

    return headers


def _check_room(part: Path, size: int | None) -> None:
    if size is not None and size > LARGEST:
        raise http.DownloadFailed("The file is larger than 2 GB.", gone=True)
    disk = shutil.disk_usage(part.parent)
    if disk.free < 2 * (size or 0) + min(RESERVE, disk.total // 20):
        raise NotNow("There is not enough room on the disk. The render waits at the provider; make room soon.")


def _fresh_url(generation: Generation) -> bool:
    """Ask the provider again where the file is; True when it named another address.

    Raises DownloadFailed when it cannot be asked now: then nobody knows yet that the file is gone for good.
    """
    asked, key_id = polling.question(generation), generation.provider_key_id
    if isinstance(asked, str):
        return False
    if key_id in polling.silent_keys():
        raise http.DownloadFailed(
            "The file's address is no longer good, and the provider is not asked for another yet."
        )
    with http.polling_client() as client:
        answer = polling.ask(asked, client)
    polling.heard(key_id, [answer])
    if isinstance(answer, Unreachable | KeyRefused):
        raise http.DownloadFailed(f"The file's address is no longer good. {answer.message}")
    if isinstance(answer, Failed):
        log.info("shot %s: the provider now says it failed; the first answer counts", generation.pk)
    if not isinstance(answer, Finished) or answer.url in ("", _address(generation)):
        return False
    Generation.objects.filter(pk=generation.pk).update(result_url=answer.url)
    generation.result_url = answer.url
    return True


def _address(generation: Generation) -> str:
    try:
        return opened(generation.result_url)
    except Unopenable:
        return ""


def _done(generation: Generation, facts: media.Facts, digest: str) -> None:
    final = _final(generation)
    moment = timezone.now()
    move(
        generation, State.DONE, "saved and verified", lease=generation.lease_token, charged=Charged.YES, message="",
        pictures_due_at=moment, hint_at=moment, result_url="", **FREE,
    )  # fmt: skip
    fields = {
        "path": str(final.relative_to(settings.MEDIA)), "content_type": facts.content_type, "sha256": digest,
        "bytes": final.stat().st_size, "width": facts.width, "height": facts.height, "fps": facts.fps,
        "duration_ms": facts.duration_ms, "has_audio": facts.has_audio, "codec": facts.codec,
    }  # fmt: skip
    row = Asset(generation=generation, kind=Asset.VIDEO, **fields)
    one_of_a_kind = ("generation", "kind")
    Asset.objects.bulk_create([row], update_conflicts=True, unique_fields=one_of_a_kind, update_fields=list(fields))


def _not_this_time(generation: Generation, error: Exception, seconds: float) -> None:
    """Back to "rendered, saving" with the reason, or failed when trying on is pointless. It was charged in any case.

    Patience is the length of the tries and of the waits between them. The hours in which this machine was off, or its
    disk full, tell nothing about a host, so they do not count.
    """
    words = scrub(getattr(error, "message", "") or str(error))[:2000]
    hopeless = isinstance(error, media.InvalidMedia) or getattr(error, "gone", False)
    ours = isinstance(error, OSError | NotNow | Unopenable)  # the render is fine, so there is no reason to give up
    unchanging = isinstance(error, media.InvalidMedia) and not generation.result_url  # it came with the answer
    wrong = HOPELESS if unchanging else generation.url_tries + hopeless
    wait = random.uniform(0.5, 1) * min(60, 2 * 2 ** min(generation.archive_tries, 5))  # noqa: S311
    failing = 0 if ours else generation.failing_for + round(seconds + wait)
    if wrong >= HOPELESS or failing > PATIENCE:
        reason = Reason.RESULT_INVALID if isinstance(error, media.InvalidMedia) else Reason.RESULT_EXPIRED
        committed(lambda: _give_up(generation, reason, words), generation)
        return
    due = now() + dt.timedelta(seconds=wait)
    fields = {"url_tries": wrong, "failing_for": failing, "due_at": due, "hint_at": due}
    committed(lambda: _later(generation, words, fields), generation)


def _later(generation: Generation, words: str, fields: dict[str, Any]) -> None:
    try:
        move(generation, State.SUCCEEDED, words, lease=generation.lease_token, message=words, **fields, **FREE)
    except LostRow:
        log.info("shot %s was taken over while it was archived", generation.pk)


def _give_up(generation: Generation, reason: Reason, words: str) -> None:
    try:
        move(
            generation, State.FAILED, words, lease=generation.lease_token, reason=reason, charged=Charged.YES,
            message=words, **FREE,
        )  # fmt: skip
    except LostRow:
        log.info("shot %s was taken over while it was archived", generation.pk)


def _etag_file(part: Path) -> Path:
    return part.with_suffix(".etag")
