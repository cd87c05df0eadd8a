"""A4F: `POST /v1/video/generations`, seven models. The answer is the video: minutes of silence, then base64 in JSON.

Nothing is kept there: no task id, no list, no address. An answer that is lost cannot be had again.
Source: A4F API reference, Video Generation: parameters, Available Models & Capabilities, Common Errors. The shape of an
error body, HTTP 200 with an error in it, and `GET /v1/usage` are from A4F's pages on errors and usage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..specs import Choice, Lifecycle, ModelSpec, Output
from .base import (
    Accepted,
    Delivered,
    Failed,
    Finished,
    Job,
    OutcomeUnknown,
    Rejected,
    Request,
    Response,
    Running,
    Stream,
    Target,
    Unreachable,
)
from .common import PROMPT, error_code, error_text, parse_json, readable, result_url
from .longjson import Long, read
from .refusals import raise_for_probe, raise_for_submit

PROTOCOL = "a4f.generations"
CAP = 256 * 2**20  # bytes of one answer; a video of 40 MB is 54 MB of text
RATIOS = ("9:16", "16:9", "1:1", "3:4", "4:3")
SIDES = {"720p": 720, "1080p": 1080}
NO_COPY = "this provider keeps no copy, so the video cannot be fetched again"

# What the documents call the HTTP status of each code: it also comes with HTTP 200.
CODES = {
    "invalid_request_error": 400, "n_exceeds_model_limit": 400, "invalid_api_key": 401, "permission_denied_error": 403,
    "rate_limit_exceeded": 429, "provider_error": 500,
}  # fmt: skip
REFUSED = 409  # for any other one

PLANS = "Pro and Ultra plans only; the sandbox imitates it."
UNPROVEN = Lifecycle("unverified", "2026-10-06", f"Nobody has tried it lately. {PLANS}")
SORA_GONE = Lifecycle("legacy", "2026-09-24", f"OpenAI has switched off Sora, so this may no longer work. {PLANS}")
VEO_OLD = Lifecycle("legacy", "2026-06-30", f"Google has announced the end of the Veo models behind it. {PLANS}")


def _size(quality: str, ratio: str) -> tuple[int, int]:
    """The quality is the shorter side; the document gives no pixels, so these follow from its words."""
    wide, high = (int(part) for part in ratio.split(":"))
    side = SIDES[quality]
    return (side, side * high // wide) if wide <= high else (side * wide // high, side)


def _model(
    name: str, title: str, seconds: int, qualities: tuple[str, ...], summary: str, life: Lifecycle, *, sound: bool = False,
    maker: str = "", usual: int | None = None,
) -> ModelSpec:  # fmt: skip
    return ModelSpec(
        slug=f"a4f-{name}",
        name=title,
        provider="a4f",
        remote_name=f"provider-2/{name}",
        protocol=PROTOCOL,
        params=(
            PROMPT,
            Choice(name="ratio", label="Aspect ratio", choices=RATIOS, default="9:16"),
            Choice(name="quality", label="Quality", choices=qualities, default=qualities[-1]),
            Choice(name="duration", label="Length", choices=tuple(str(each) for each in range(1, seconds + 1)),
                   default=str(usual or seconds), unit="s", help=maker),
        ),
        # Size, frame rate and sound are the model owners'; the document does not state them.
        output=Output(
            sizes=tuple((f"{quality}/{ratio}", _size(quality, ratio)) for quality in qualities for ratio in RATIOS),
            seconds=usual or seconds, fps=24, sound=sound, by=("quality", "ratio"),
        ),
        summary=summary,
        lifecycle=life,
    )  # fmt: skip


BOTH, FULL = ("720p", "1080p"), ("1080p",)
SEEDANCE_MAKES = "ByteDance itself makes 2 to 12 s."
VEO_MAKES = "Google itself makes 4, 6 or 8 s."
SORA_MAKES = "OpenAI itself only made 4, 8 or 12 s, and no square, 3:4 or 4:3."
SPECS = (
    _model("seedance-lite", "Seedance Lite", 5, FULL, "For daily use, silent", UNPROVEN, maker=SEEDANCE_MAKES),
    _model("kling-v2.1", "Kling 2.1", 5, BOTH, "For daily use, silent", UNPROVEN, maker="Kuaishou itself makes 5 or 10 s."),
    _model("sora-2", "Sora 2", 4, BOTH, "Balanced, with sound", SORA_GONE, sound=True, maker=SORA_MAKES),
    _model("veo-fast", "Veo Fast", 8, BOTH, "Longer videos, with sound", VEO_OLD, sound=True,
           maker=VEO_MAKES),
    _model("seedance-pro", "Seedance Pro", 5, FULL, "Better quality, silent", UNPROVEN, maker=SEEDANCE_MAKES),
    _model("sora-2-pro", "Sora 2 Pro", 5, BOTH, "Best quality, with sound", SORA_GONE, sound=True, maker=SORA_MAKES, usual=4),
    _model("veo", "Veo", 8, BOTH, "Best quality, with sound", VEO_OLD, sound=True, maker=VEO_MAKES),
)  # fmt: skip


class A4F:
    slug = "a4f"
    name = "A4F"
    default_base_url = "https://api.a4f.co"
    specs: tuple[ModelSpec, ...] = SPECS
    keeps_results = False
    stream_cap = CAP
    stream_end = b""

    def streams(self, spec: ModelSpec) -> bool:
        return True

    def build_submit(self, job: Job, target: Target) -> Request:
        """Every value is sent: the document's default ratio is upright, and other hosts' is not. The length is a number."""
        body: dict[str, Any] = {"model": job.spec.remote_name, "prompt": job.prompt}
        body |= {name: job.values[name] for name in ("quality", "ratio") if job.values.get(name) is not None}
        body["duration"] = int(job.values["duration"])
        headers = {**_auth(target), "Content-Type": "application/json"}
        return Request("POST", f"{target.base_url}/v1/video/generations", headers, json.dumps(body).encode())

    def read_submit(self, response: Response) -> Accepted | Failed:
        """Whatever is no good answer: the good ones come as a stream."""
        body = parse_json(response)
        said, code = error_text(body), error_code(body)
        if response.status == 500 and code == "provider_error":
            return Failed("provider_failed", said or "The model behind A4F failed to make the video.")
        if response.status == 403 and code == "permission_denied_error":  # one model of many: the key is good
            words = said.rstrip(".") or "it is not part of your plan"
            raise Rejected(f"A4F does not give you this model: {words}. Choose another model, or another plan there.",
                           status=403)  # fmt: skip
        raise_for_submit(response)
        raise OutcomeUnknown(_lost("it had no video in it"), status=response.status)

    def read_stream(self, stream: Stream) -> Delivered | Accepted | Failed:
        """Whether it is whole is seen from the JSON itself, so an answer whose last byte came before a crash is not lost."""
        try:
            body = read(stream.path)
        except (ValueError, OSError):
            body = None
        if not isinstance(body, dict):
            raise OutcomeUnknown(_lost(stream.why or "it was no answer that this API gives"))
        entry = _first(body.get("data"))
        prompt = entry.get("revised_prompt")
        written = readable(prompt[:8000]) if isinstance(prompt, str) else ""
        if isinstance(video := entry.get("b64_json"), Long):
            return Delivered(video=video, prompt=written)
        if url := result_url(entry.get("url"), self.default_base_url):  # an earlier version of the API gave an address
            return Delivered(url=url, prompt=written)
        if body.get("error"):
            return self._refused(body)
        raise OutcomeUnknown(_lost("there was no video in it"))

    def _refused(self, body: Mapping[str, Any]) -> Accepted | Failed:
        """HTTP 200 with an error in it means what the same error means with its own status."""
        code = error_code(body)
        error = {"message": error_text(body) or "A4F refused the request.", "code": code}
        return self.read_submit(Response(CODES.get(code, REFUSED), {}, json.dumps({"error": error}).encode()))

    def stream_progress(self, path: Path) -> int | None:
        return None

    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request:
        raise Unreachable("A4F has no way to ask about a shot: it keeps none.")

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed:
        raise Unreachable("A4F has no way to ask about a shot: it keeps none.")

    def build_probe(self, target: Target) -> Request:
        """Asks for the plan and its limits."""
        return Request("GET", f"{target.base_url}/v1/usage", _auth(target))

    def read_probe(self, response: Response) -> None:
        raise_for_probe(response)


def _lost(why: str) -> str:
    return (
        f"The provider may have charged for this. Its answer was lost ({why}), and {NO_COPY}. "
        "Look at your usage there, then close this shot or send it again."
    )


def _first(data: Any) -> Mapping[str, Any]:
    entry = data[0] if isinstance(data, list) and data else data
    return entry if isinstance(entry, dict) else {}


def _auth(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}", "Accept": "application/json"}


A4F_VIDEO = A4F()
