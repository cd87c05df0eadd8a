"""What was asked for beside what was sent and what came back: the settings, the request, the prompt."""

import difflib
import hashlib
import json
import re
from dataclasses import dataclass

from django.db.models import QuerySet

from ..models import Asset, Attempt, Generation
from ..providers.base import File, Job, ProviderError, Target
from ..registry import PROVIDERS
from .tiles import RATIOS, ratio_class

NEAR = 0.6  # seconds by which a file may miss its length: models render whole frames, not seconds
LONGEST = 700  # words of a prompt that are compared; the time grows with the square
RATIO_PARAMS, LENGTH_PARAMS = ("aspect_ratio", "ratio"), ("seconds", "duration")
SOUND_PARAMS = ("sound", "audio", "generate_audio")


@dataclass(frozen=True)
class Setting:
    """One setting: as it was asked for, and what the file has instead ("" when it has just that, or cannot tell)."""

    label: str
    asked: str
    got: str = ""


@dataclass(frozen=True)
class Sent:
    """The request, without its key. `proven`: these are the very bytes that left, by their fingerprint."""

    path: str
    body: str
    proven: bool


def got_instead(name: str, asked: object, video: Asset | None) -> str:
    """What the file has, when that is not what this setting asked for."""
    if video is None or not (video.width and video.height):
        return ""
    words = str(asked)
    if name in (*RATIO_PARAMS, "size") and (shape := _shape(words)):
        return "" if shape == ratio_class(video) else f"{video.width} × {video.height}"
    if name == "size" and (wanted := re.fullmatch(r"(\d+)[x×*](\d+)", words)) is not None:
        same = (int(wanted[1]), int(wanted[2])) == (video.width, video.height)
        return "" if same else f"{video.width} × {video.height}"
    if name in LENGTH_PARAMS and re.fullmatch(r"\d+(\.\d+)?", words) and video.duration_ms:
        return "" if abs(float(words) - video.seconds) <= NEAR else f"{video.seconds:.1f} s"
    if name in SOUND_PARAMS and isinstance(asked, bool) and asked != video.has_audio:
        return "with sound" if video.has_audio else "without sound"
    return ""


def _shape(ratio: str) -> str:
    """The class of a ratio like "16:9" or "16x9"; "" for words like "auto" and for sizes in pixels."""
    found = re.fullmatch(r"(\d{1,2})[:x×](\d{1,2})", ratio)
    if not found or not int(found[1]) or not int(found[2]):
        return ""
    wanted = int(found[1]) / int(found[2])
    return min(RATIOS, key=lambda name: max(RATIOS[name] / wanted, wanted / RATIOS[name]))


def sent(shot: Generation, attempts: QuerySet[Attempt]) -> Sent | None:
    """The request as the provider's code makes it from the row, with names in place of images and of the key.

    It was not stored; only its fingerprint was. None when nothing was sent, or this release knows the model no more.
    """
    last = next((attempt for attempt in reversed(attempts) if attempt.request_hash), None)
    if last is None or shot.spec is None:
        return None
    named = {param.name: (param.by[0] == "file", _names(shot, param.name)) for param in shot.spec.media}
    media = {name: images for name, (is_file, images) in named.items() if not is_file}
    files = {name: tuple(File("reference", "image/*", image.encode()) for image in images)
             for name, (is_file, images) in named.items() if is_file}  # fmt: skip
    values = {name: value for name, value in shot.params.items() if name not in named}
    job = Job(shot.spec, shot.prompt, values, media, shot.correlation, files)
    try:
        request = PROVIDERS[shot.spec.provider].build_submit(job, Target("", "key"))
    except (ProviderError, LookupError, TypeError, ValueError):
        return None  # made by another release, from values that this one does not take
    proven = hashlib.sha256(request.body).hexdigest() == last.request_hash
    return Sent(f"{request.method} {request.url}", _readable(request.body), proven)


def _names(shot: Generation, name: str) -> tuple[str, ...]:
    items = shot.params.get(name) or []
    return tuple(f"(your image: {item.get('role', 'reference')})" for item in items)


def _readable(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def rewritten(asked: str, made: str) -> list[tuple[str, str]]:
    """The rewritten prompt as pieces: ("same" | "out" | "in", words). One piece when there is too much to compare."""
    before, after = _words(asked), _words(made)
    if max(len(before), len(after)) > LONGEST:
        return [("same", made)]
    pieces: list[tuple[str, str]] = []
    bare = ([word.rstrip() for word in words] for words in (before, after))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, *bare, autojunk=False).get_opcodes():
        parts = [("same", after[c:d])] if kind == "equal" else [("out", before[a:b]), ("in", after[c:d])]
        pieces += [(name, "".join(words)) for name, words in parts if words]
    return pieces


def _words(text: str) -> list[str]:
    """Words and signs with the space after them, so that joining gives the text again."""
    return re.findall(r"(?:\w+|[^\w\s])\s*", text)
