"""Apertis' Sora over `POST /v1/chat/completions`: a stream of words that name the task, its progress and at last the address.

Source: Apertis Video API, Sora-2 Chat Completions API. Errors inside the stream, torn texts and markdown links are what
gateways of the same family really send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..specs import Output
from . import sse
from .base import Accepted, Delivered, Failed, Job, OutcomeUnknown, Rejected, Request, Response, Stream, Target
from .common import error_code, error_text, is_moderation, parse_json, result_url
from .longjson import pieces
from .refusals import raise_for_submit
from .statuses import progress as percent

PROTOCOL = "apertis.chat_sse"
END = b"data: [DONE]"
CAP = 4 * 2**20  # bytes; such a stream has a few thousand
# What has its own HTTP status elsewhere comes inside the stream with 200. Source: Apertis' page on error codes.
CODES = {
    "invalid_api_key": 401, "expired_api_key": 401, "quota_exceeded": 402, "insufficient_balance": 402,
    "rate_limit_exceeded": 429, "invalid_request": 400, "invalid_parameter": 400,
}  # fmt: skip
REFUSED = 409  # for any other one
WORD = r"(?:task_id|progress|video_url)\s*:"
# A value ends at a blank, a bracket or a quote, and where the next text begins that came without anything between.
VALUE = rf"""((?:(?!{WORD})[^\s<>()\[\]"'`])+)"""
TASK, ADDRESS = (re.compile(rf"{word}\s*:\s*[`<(\[\"']*{VALUE}") for word in ("task_id", "video_url"))
PROGRESS = re.compile(r"progress\s*:\s*(\d+(?:\.\d+)?)")
LINK = re.compile(r"""https?://[^\s<>()\[\]"'`]+?\.(?:mp4|mov|webm)(?:\?[^\s<>()\[\]"'`]*)?(?=[\s<>()\[\]"'`]|$)""")

# The length is that of the table of models; the document says nothing of the size. Sound and frame rate are OpenAI's.
OUTPUT = Output(sizes=(("", (1280, 720)),), seconds=10, fps=30, sound=True)


def build(job: Job, target: Target, headers: dict[str, str]) -> Request:
    body = {"model": job.spec.remote_name, "stream": True, "messages": [{"role": "user", "content": job.prompt}]}
    sent = {**headers, "Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
    return Request("POST", f"{target.base_url}/v1/chat/completions", sent, json.dumps(body).encode())


@dataclass
class Told:
    """What a stream has said so far. `error` is the body of the error in it; `done` that its end was announced."""

    task_id: str = ""
    progress: int | None = None
    url: str = ""
    error: dict[str, Any] | None = None
    done: bool = False


def told(path: Path) -> Told:
    """Read a stream, whole or not; also the one JSON object of a host that did not stream."""
    parts = list(sse.objects(pieces(path)))
    if not parts:
        body = parse_json(Response(200, {}, b"".join(pieces(path))))
        parts = [body] if body else []
    return understood(parts)


def understood(parts: Iterable[dict[str, Any]]) -> Told:
    """Texts are joined before they are understood: they may be torn anywhere."""
    found, text = Told(), ""
    for part in parts:
        found.done = found.done or part.get("done") is True
        if part.get("error"):
            found.error = found.error or part
        text = _joined(text, _words(part))
    found.task_id = next(iter(TASK.findall(text)), "")[:512]
    found.progress = percent(_last(PROGRESS, text))
    found.url = result_url(_last(ADDRESS, text), "") or result_url(_last(LINK, text), "")
    return found


def read_stream(stream: Stream) -> Delivered | Accepted | Failed:
    """The address, when the stream came to its end (a torn one could miss a piece); else the task is asked about."""
    found = told(stream.path)
    if found.url and (not stream.why or found.done or not found.task_id):
        return Delivered(url=found.url, task_id=found.task_id)
    if found.error is not None:
        return _failed(found, found.error)
    if found.task_id:
        return Accepted(found.task_id, "stream ended")
    why = stream.why or "it named neither a task nor an address"
    raise OutcomeUnknown(
        f"The provider may have charged for this. Its answer was lost ({why}), so the video cannot be asked for. "
        "Look at your account there, then enter the task's id, close this shot or send it again."
    )


def _failed(found: Told, body: dict[str, Any]) -> Failed:
    """An error as the first thing is a refusal; one after the task was begun is a render that failed."""
    said, code = error_text(body), error_code(body)
    words = said or "The provider gave no reason."
    if found.task_id or found.progress is not None:
        return Failed("moderation" if is_moderation(code, said) else "provider_failed", words)
    error = json.dumps({"error": {"message": words, "code": code}}).encode()
    raise_for_submit(Response(CODES.get(code, REFUSED), {}, error))
    raise Rejected(words)


def _words(part: dict[str, Any]) -> str:
    """The text of one object: of a stream's delta, or of a whole answer where the host did not stream."""
    choices = part.get("choices")
    found = ""
    for choice in choices if isinstance(choices, list) else []:
        place = choice.get("delta") or choice.get("message") if isinstance(choice, dict) else None
        for key in ("reasoning_content", "content"):
            value = place.get(key) if isinstance(place, dict) else None
            found += value if isinstance(value, str) else ""
    return found


def _joined(text: str, more: str) -> str:
    """A text that begins with one of our words begins anew; every other one goes on where the last ended."""
    return f"{text}\n{more}" if re.match(rf"\s*{WORD}", more) else text + more


def _last(pattern: re.Pattern[str], text: str) -> str:
    found: list[str] = pattern.findall(text)
    return found[-1] if found else ""
