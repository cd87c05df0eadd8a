"""What adapters share: parameters that many models have, and the readers of errors, times, ids and addresses.

Sources: the provider documents; the error places and time units that gateways of this kind really send.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..specs import Choice, Flag, Text
from .base import Response

PROMPT = Text(name="prompt", label="Prompt", required=True, lines=5)
ASPECT_RATIO = Choice(name="aspect_ratio", label="Aspect ratio", choices=("16:9", "9:16"), default="16:9")
ENHANCE_PROMPT = Flag(
    name="enhance_prompt",
    label="Improve my prompt",
    help="The provider rewrites the prompt and translates it into English.",
    group="more",
)
ENABLE_UPSAMPLE = Flag(name="enable_upsample", label="Upscale", help="Sharper, and takes longer.", group="more")


def parse_json(response: Response) -> dict[str, Any] | None:
    """The body as a JSON object, None when it is anything else."""
    try:
        found = json.loads(response.body)
    except (ValueError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def error_text(body: Mapping[str, Any] | None) -> str:
    """The provider's own words, wherever they are, at most 2,000 characters; empty when there are none."""
    if not body:
        return ""
    for key in ("error", "message", "fail_reason", "detail", "msg", "err_msg", "err_code"):
        found = _words(body.get(key))
        if found:
            return found[:2000]
    base = body.get("base_resp")
    return _words(base.get("status_msg"))[:2000] if isinstance(base, Mapping) else ""


def _words(value: Any) -> str:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return next((words for key in ("message", "msg", "detail", "code") if (words := _words(value.get(key)))), "")
    if isinstance(value, list):
        return "; ".join(words for item in value if (words := _words(item)))
    return ""


def readable(text: str) -> str:
    """Without control characters: they cannot be stored everywhere and have no place on a page or in a log line."""
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable()).strip()


def error_code(body: Mapping[str, Any] | None) -> str:
    """The machine's word for the error: `error.code`, `error.type` or a top-level `code`, lower case."""
    error = (body or {}).get("error")
    for place in (error if isinstance(error, Mapping) else {}, body or {}):
        for key in ("code", "type"):
            if isinstance(place.get(key), str) and place[key]:
                return str(place[key]).lower()
    return ""


def is_moderation(code: str, text: str) -> bool:
    words = f"{code} {text}".lower()
    return any(
        sign in words
        for sign in ("content_policy", "moderation", "sentinel_block", "safety system", "sensitive", "raimediafiltered")
    )


def task_id(body: Mapping[str, Any] | None) -> str:
    """The first usable task id. Opaque, at most 512 printable characters; empty when there is none."""
    data = (body or {}).get("data")
    for place in (body or {}, data if isinstance(data, Mapping) else {}):
        for key in ("id", "task_id"):
            value = place.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if isinstance(value, str) and value and len(value) <= 512 and value.isprintable():
                return value
    return ""


def epoch(value: Any) -> float | None:
    """Seconds since 1970 from seconds, milliseconds, microseconds or an ISO date; None from anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        try:
            moment = dt.datetime.fromisoformat(str(value))
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(value, bool) or not 0 < number < 1e17:
        return None
    return number / 1e6 if number > 1e14 else number / 1e3 if number > 1e11 else number


def result_url(value: Any, base_url: str) -> str:
    """An absolute http(s) URL without a user part, or "". Relays wrap URLs in blanks and backticks."""
    if not isinstance(value, str):
        return ""
    url = value.strip().strip("`").strip()
    if not url or len(url) > 4096:
        return ""
    try:
        url = urljoin(base_url + "/", url)
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""


PLACES = (
    "video_url", "url", "result_url", "metadata.url", "data.metadata.url", "output.url", "output.video_url", "detail.url",
    "detail.video_url", "data.result_url",
)  # fmt: skip


def video_address(body: Mapping[str, Any], base_url: str) -> str:
    """Where the file is, by the first of ten places that holds an address; "" when none does.

    Some hosts put the text of an error or the file itself there, which would pass as a relative address: it must look like one.
    """
    for place in PLACES:
        found: Any = body
        for key in place.split("."):
            found = found[0] if isinstance(found, list) and found else found
            found = found.get(key) if isinstance(found, Mapping) else None
        text = found.strip(" `\"'\r\n") if isinstance(found, str) else ""
        if text.startswith(("http://", "https://", "/")) and (url := result_url(text, base_url)):
            return url
    return ""
