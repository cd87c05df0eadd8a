"""What the status and the words of an answer mean: for a paid request, for a question, for the free test.

Source: reliability notes, 2.4 (the table of classes); the provider documents' lists of errors.
"""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Mapping
from typing import Any

from .base import Busy, KeyRefused, OutcomeUnknown, Rejected, Response, TaskMissing, Unreachable
from .common import epoch, error_code, error_text, is_moderation, parse_json, task_id


def accepted_task(response: Response) -> tuple[str, dict[str, Any]]:
    """The id of an accepted submission, with the body it came in. Raises as raise_for_submit, and OutcomeUnknown."""
    raise_for_submit(response)
    body = parse_json(response)
    remote = task_id(body)
    if body and body.get("error") and not remote:  # relays answer HTTP 200 with an error inside
        said, code = error_text(body), error_code(body)
        raise Rejected(said or "The provider refused the request.", status=response.status,
                       reason="moderation" if is_moderation(code, said) else "rejected")  # fmt: skip
    if not body or not remote:
        raise OutcomeUnknown(
            "The provider answered without a task id, so the request may have been accepted.", status=response.status
        )
    return remote, body


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Seconds to wait, 1 s to 1 h; 15 minutes for more than an hour or for garbage; None when nothing is said.

    Source: RFC 9110, 10.2.3 (seconds or a date), with the clamps of the retry table; Apertis error codes for the moment
    in X-RateLimit-Reset, which counts where Retry-After is missing.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        reset = epoch(headers.get("x-ratelimit-reset"))
        left = reset - (now or dt.datetime.now(dt.UTC)).timestamp() if reset else None
        return None if left is None or not -60 <= left <= 3600 else max(1.0, left)
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return 900.0
        if when.tzinfo is None:
            when = when.replace(tzinfo=dt.UTC)
        return min(3600.0, max(1.0, (when - (now or dt.datetime.now(dt.UTC))).total_seconds()))
    if not 0 <= seconds <= 3600:
        return 900.0
    return max(1.0, seconds)


NOT_THE_KEY = ("model_access_denied",)  # a 403 about one model: the key still makes others
NO_ENDPOINT = ("endpoint_not_found",)


def raise_for_submit(response: Response) -> None:
    """Classify a refused submission by its status (protocol, 2.4). Returns when the status is 2xx.

    Raises Busy, Rejected, KeyRefused, OutcomeUnknown.
    """
    code = response.status
    if 200 <= code < 300:
        return
    body = parse_json(response)
    said = error_text(body)
    words = f" The provider says: {said.rstrip('.')}." if said else ""
    wait = retry_after(response.headers)
    if code == 429 or (code == 503 and wait is not None):
        raise Busy(f"The provider is busy.{words}", retry_after=wait, status=code)
    kind = error_code(body)
    if code in (401, 402, 403) and kind not in NOT_THE_KEY and not is_moderation(kind, said):
        raise KeyRefused(f"The provider refused the key.{words}", status=code)
    if code == 404 and ("invalid url" in said.lower() or kind in NO_ENDPOINT or not kind.endswith("not_found")):
        way_out = f"Check the base URL of the key, or choose another model.{words}"
        raise Rejected(f"This host does not offer this endpoint. Nothing was charged. {way_out}", status=code)
    if 300 <= code < 400:
        raise Rejected("The provider answered with a redirect. Check the base URL of the key.", status=code)
    if code in (400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 451):
        reason = "moderation" if is_moderation(kind, said) else "invalid" if code in (400, 422) else "rejected"
        raise Rejected(said or f"The provider refused the request (HTTP {code}).", reason=reason, status=code)
    raise OutcomeUnknown(
        f"The provider answered HTTP {code}, so the request may have been accepted.{words}", status=code
    )


def raise_for_probe(response: Response) -> None:
    """The answer to a question about a task that does not exist: any JSON object that is no server error will do.

    Raises Unreachable, Busy, KeyRefused.
    """
    code, body = response.status, parse_json(response)
    said = error_text(body) or f"The provider answered HTTP {code}."
    if code == 429 or (code == 503 and retry_after(response.headers) is not None):
        raise Busy(said, retry_after=retry_after(response.headers), status=code)
    if code in (401, 402, 403):
        raise KeyRefused(f"The provider refused the key. {said}", status=code)
    if body is None or code >= 500 or 300 <= code < 400:
        raise Unreachable(said, status=code)


def raise_for_poll(response: Response) -> None:
    """A poll that is not a 2xx says nothing about the task, except that a 404 may mean it is gone.

    A 403 without the API's own words comes from a guard in front of it and says nothing about the key either.
    Raises Unreachable, TaskMissing, KeyRefused.
    """
    if 200 <= response.status < 300:
        return
    body = parse_json(response)
    said = error_text(body)
    code = error_code(body)
    if response.status in (401, 402) or (response.status == 403 and said and not is_moderation(code, said)):
        words = f" The provider says: {said.rstrip('.')}." if said else ""
        raise KeyRefused(f"The provider refused the key.{words}", status=response.status)
    gone = response.status == 400 and code == "task_not_exist"  # New API and its kin
    if gone or response.status in (404, 410):
        raise TaskMissing(said or "The provider does not know this task.", status=response.status)
    raise Unreachable(
        said or f"The provider answered HTTP {response.status}.",
        retry_after=retry_after(response.headers),
        status=response.status,
    )
