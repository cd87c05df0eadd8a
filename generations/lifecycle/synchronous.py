"""E4 for providers that answer the paid request with the render itself, minutes later: the answer goes to the disk piece by
piece, and whoever comes after a crash settles and saves from there.

Such an answer cannot be had again, so nothing here ever cuts a request that is out, but its own deadline.
Source: reliability notes, 2.6.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings

from .. import media
from ..models import Attempt, Generation
from ..providers import streaming
from ..providers.abilities import Streams
from ..providers.base import Delivered, ProviderError, Request, Response, Stream
from ..providers.http import DownloadFailed
from ..providers.longjson import Long, decoded
from ..registry import STREAMED
from .escrow import Escrow
from .heartbeat import beating

log = logging.getLogger(__name__)
EXCERPT = 2000  # bytes of such an answer that are kept as evidence
LONGEST_WORD = 300  # in an excerpt; a video in base64 is one word


def body_caps(generation_ids: Iterable[int]) -> dict[int, int]:
    """By shot, in their order: the most bytes of the answer to its request when that takes minutes, 0 when it does not."""
    pks = list(generation_ids)
    models = dict(Generation.objects.filter(pk__in=pks).values_list("pk", "model"))
    return {pk: STREAMED[models[pk]].stream_cap if models[pk] in STREAMED else 0 for pk in pks if pk in models}


def exchange(
    generation: Generation,
    escrow: Escrow,
    request: Request,
    provider: Streams,
    before_wire: Callable[[], None],
    after_answer: Callable[[Response], None],
) -> Response | Stream:
    """Send it and wait, for minutes. A refusal comes back as a Response, everything else as a Stream. Raises NotSent."""
    with beating(generation, lambda: provider.stream_progress(escrow.body)):
        try:
            with escrow.receiving() as take:
                answer = streaming.paid_stream(
                    request, seconds=settings.SYNC_DEADLINE, cap=provider.stream_cap, end=provider.stream_end,
                    into=take, before_wire=before_wire,
                )  # fmt: skip
        except Exception as error:  # whatever it is: what came so far is on the disk and tells what can be told
            if not escrow.marked:
                raise
            log.exception("shot %s: receiving the answer was interrupted", generation.pk)
            answer = f"receiving it was interrupted: {error}"
        if isinstance(answer, str):
            return Stream(escrow.body, answer)
        after_answer(answer)
        return Stream(escrow.body) if 200 <= answer.status < 300 else answer


def evidence(stream: Stream) -> Response | None:
    """The beginning of a long answer for the record, without the video in it; None when nothing came at all."""
    try:
        with open(stream.path, "rb") as file:
            begin = file.read(EXCERPT).partition(b"\0")[0]
    except OSError:
        begin = b""
    if stream.why and not begin:
        return None
    words = begin.decode(errors="replace").split('"')
    short = [word if len(word) < LONGEST_WORD else f"{word[:20]}…" for word in words]
    return Response(200, {}, '"'.join(short).encode())


# --- the video that came with the answer ----------------------------------------------------------------------------------
def unpack(generation: Generation, part: Path, check_room: Callable[[Path, int], None]) -> None:
    """Decode the video into `part`, in pieces, synced. `check_room` is asked with its size before.

    Raises DownloadFailed when the answer is not here, InvalidMedia when it holds no video, OSError.
    """
    body, video = _kept(generation)
    check_room(part, (video.end - video.start) * 3 // 4)
    with open(part, "wb") as file:
        try:
            for piece in decoded(body, video):
                file.write(piece)
        except ValueError as error:
            raise media.InvalidMedia(f"The provider sent the video as damaged text ({error}).") from error
        file.flush()
        os.fsync(file.fileno())


def _kept(generation: Generation) -> tuple[Path, Long]:
    """The file and the place of the video in it."""
    provider = STREAMED.get(generation.model)
    attempt = generation.attempts.filter(state=Attempt.ACCEPTED).order_by("-n").first()
    body = Escrow(attempt.escrow).body if attempt else None
    if provider is None or body is None or not body.exists():
        raise DownloadFailed("The answer that held the video is not in the escrow folder of this machine.")
    try:
        found = provider.read_stream(Stream(body))
    except ProviderError as error:
        raise media.InvalidMedia(error.message) from error
    if not isinstance(found, Delivered) or found.video is None:
        raise media.InvalidMedia("The provider's answer does not hold a video.")
    return body, found.video


def forget(generation: Generation) -> None:
    """The video is safe, or is no video: its answer is not needed any more. What stays behind here, the sweep clears."""
    if generation.model in STREAMED:
        for name in generation.attempts.values_list("escrow", flat=True):
            with contextlib.suppress(OSError):
                Escrow(name).body.unlink(missing_ok=True)
