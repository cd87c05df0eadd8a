"""How a task stands: the status words of every host in four stages, and the one reader of an answer that has such a word.

Source: the provider documents, and the words that gateways of these families really send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .base import Failed, Finished, Running
from .common import error_code, error_text, is_moderation, readable, video_address

Stage = Literal["queued", "running", "succeeded", "failed"]

_WORDS: dict[Stage, str] = {
    "queued": "queued pending not_start submitted created queueing preparing waiting unknown initializing scheduled",
    "running": "processing in_progress running generating image_downloading video_generating "
    "video_generation_completed video_upsampling video_upsampling_completed video_upsampling_failed "
    "downloading uploading rendering finalizing",
    "succeeded": "completed complete succeeded succeed success done finished ok",
    "failed": "failed fail failure error rejected video_generation_failed cancelled canceled aborted expired "
    "timeout timed_out",
}
STAGES: dict[str, Stage] = {word: stage for stage, words in _WORDS.items() for word in words.split()}


def stage(word: Any) -> Stage | None:
    """The stage that a status word means, None for a word that nobody has written down (still running, then)."""
    return STAGES.get(str(word or "").strip().lower())


def progress(value: Any) -> int | None:
    """0-100 from 37, "37", "37%", 37.5; None from anything else."""
    try:
        number = float(str(value).strip().rstrip("%"))
    except ValueError:
        return None
    return int(min(100.0, max(0.0, number))) if number == number else None


def read_status(body: Mapping[str, Any], base_url: str, prompt: str = "") -> Running | Finished | Failed:
    """The status alone decides: an address, `completed_at`, a progress of 100 and `error` also stand in answers about
    running tasks. `prompt` is what the provider made of ours.
    """
    word = readable(str(body.get("status") or ""))
    url = video_address(body, base_url)
    match stage(word):
        case "succeeded":
            return Finished(url, word, prompt)
        case "failed":
            said, code = error_text(body), error_code(body)
            reason = "moderation" if is_moderation(code, said) else "provider_failed"
            return Failed(reason, said or "The provider gave no reason.")
        case _ if word.lower() == "video_upsampling_failed" and url:
            return Finished(url, word, prompt)  # the clip exists, only the upscaling is missing
        case found:
            percent = progress(body.get("progress"))
            return Running(word, percent, prompt, started=found != "queued", known=found is not None)
