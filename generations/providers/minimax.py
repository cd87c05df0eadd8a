"""MiniMax style: `POST /v1/video_generation`, `GET /v1/query/video_generation`, `GET /v1/files/retrieve`, then the file.

Source: the page "Generate videos" (models, camera movements, file id, HTTP errors); MiniMax's own documentation of its first
version for what that page leaves out: names of fields, statuses, and errors that come as HTTP 200 with `base_resp`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..specs import Flag, Lifecycle, Media, ModelSpec, Output, Picture, Text
from .base import (
    Accepted,
    Busy,
    Failed,
    Finished,
    Job,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    Request,
    Response,
    Running,
    Target,
    TaskMissing,
    Unreachable,
)
from .common import error_text, parse_json, readable, result_url
from .refusals import accepted_task, raise_for_poll, raise_for_probe
from .statuses import stage

MOVEMENTS = (
    "Truck left", "Truck right", "Pan left", "Pan right", "Push in", "Pull out", "Pedestal up", "Pedestal down", "Tilt up",
    "Tilt down", "Zoom in", "Zoom out", "Shake", "Tracking shot", "Static shot",
)  # fmt: skip
LEGACY = Lifecycle("legacy", "2025", "MiniMax has newer models with another API; relays still offer these.")
VENDOR = "MiniMax's own documentation"
PROMPT = Text(name="prompt", label="Prompt", required=True, lines=5, max_length=2000, source=VENDOR)
OPTIMIZER = Flag(name="prompt_optimizer", label="Improve my prompt", default=True, group="more", source=VENDOR)
WATERMARK = Flag(name="aigc_watermark", label="Watermark", group="more", source=VENDOR)
PICTURE = Picture(20 * 2**20, 301, (0.4, 2.5))
# Short side 720; an image brings its own shape. These models refuse to be told a length or a resolution.
SHAPES = (("16:9", (1280, 720)), ("9:16", (720, 1280)), ("1:1", (720, 720)), ("4:3", (960, 720)), ("3:4", (720, 960)))
FRAME = Media(
    name="first_frame_image", label="First frame", roles=("First frame",), minimum=1, by=("data", "url"), picture=PICTURE
)  # fmt: skip
SUBJECT = Media(
    name="subject_reference", label="Person", roles=("Person",), minimum=1, by=("data", "url"), picture=PICTURE,
    help="One person, well lit.",
)  # fmt: skip

BUSY = {1002, 1039, 1041, 2045, 2056}  # limits of requests, tokens, connections, growth, and of five hours
BAD_KEY = {1004, 2049}
NO_FUNDS = {1008, 1028, 1030}
ACCOUNT = {2038, 2061}  # the person is not verified, the plan has not the model
MODERATION = {1026, 1027}  # before and after the render
INVALID = {1042, 2013}


def _model(name: str, summary: str, *media: Media) -> ModelSpec:
    sizes = SHAPES if media else SHAPES[:1]
    return ModelSpec(
        slug=f"minimax-{name.lower()}", name=name, provider="minimax", remote_name=name, protocol="minimax.video_generation",
        params=(PROMPT, *media, OPTIMIZER, WATERMARK), summary=summary, lifecycle=LEGACY,
        output=Output(sizes, seconds=6, fps=25, sound=False, by=()),
        movements=MOVEMENTS if name.endswith("Director") else (),
    )  # fmt: skip


SPECS = (
    _model("T2V-01-Director", "From text, with camera movements, silent"),
    _model("I2V-01-Director", "Starts from your frame, with camera movements, silent", FRAME),
    _model("S2V-01", "A person of yours, silent", SUBJECT),
    _model("I2V-01", "Starts from your frame, silent", FRAME),
    _model("I2V-01-live", "Brings drawings to life, silent", FRAME),
    _model("T2V-01", "From text, silent"),
)


class MiniMax:
    slug = "minimax"
    name = "MiniMax"
    default_base_url = "https://api.minimax.io"
    specs: tuple[ModelSpec, ...] = SPECS

    # --- the paid request ----------------------------------------------------------------------------------------------
    def build_submit(self, job: Job, target: Target) -> Request:
        body: dict[str, Any] = {"model": job.spec.remote_name, "prompt": job.prompt}
        if frames := job.media.get(FRAME.name):
            body[FRAME.name] = frames[0]
        if people := job.media.get(SUBJECT.name):
            body[SUBJECT.name] = [{"type": "character", "image": list(people)}]
        body |= {flag.name: bool(job.values.get(flag.name)) for flag in (OPTIMIZER, WATERMARK)}
        headers = {**_auth(target), "Content-Type": "application/json"}
        return Request("POST", f"{target.base_url}/v1/video_generation", headers, json.dumps(body).encode())

    def read_submit(self, response: Response) -> Accepted:
        body = parse_json(response)
        if 200 <= response.status < 300 and (code := _code(body)):
            raise _submit_error(code, error_text(body))
        remote, _ = accepted_task(response)
        return Accepted(remote)

    # --- asking how it is ----------------------------------------------------------------------------------------------
    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request:
        return _get(target, "/v1/query/video_generation", task_id=task_id)

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed:
        """A task that is not known is answered as a failed one without an id."""
        raise_for_poll(response)
        body = parse_json(response)
        if body is None:
            raise Unreachable("The provider's answer could not be read.", status=response.status)
        word, code, said = readable(str(body.get("status") or "")), _code(body), _said(body)
        found = stage(word)
        if found == "failed" and body.get("task_id"):
            reason = "moderation" if code in MODERATION else "provider_failed"
            return Failed(reason, said or "The provider gave no reason.")
        if found == "failed" or code in INVALID:
            raise TaskMissing(said or "The provider does not know this task.", status=response.status)
        if code in MODERATION:
            return Failed("moderation", said or "The provider gave no reason.")
        if code:
            raise _poll_error(code, said)
        if found == "succeeded":
            return Finished("", word, handle=_file_id(body.get("file_id")))
        return Running(word, started=found != "queued", known=found is not None)

    # --- where the file is ---------------------------------------------------------------------------------------------
    def build_locate(self, handle: str, target: Target) -> Request:
        return _get(target, "/v1/files/retrieve", file_id=handle)

    def read_locate(self, response: Response, base_url: str) -> str:
        """The address is good for some hours; asked again, there is a fresh one."""
        raise_for_poll(response)
        body = parse_json(response)
        file = body.get("file") if body else None
        if code := _code(body):
            raise _poll_error(code, error_text(body))
        return result_url(file.get("download_url"), base_url) if isinstance(file, Mapping) else ""

    def build_probe(self, target: Target) -> Request:
        """Asks about a task that does not exist."""
        return _get(target, "/v1/query/video_generation", task_id="1")

    def read_probe(self, response: Response) -> None:
        raise_for_probe(response)
        body = parse_json(response)
        code, said = _code(body), error_text(body)
        if code in BUSY:
            raise Busy(said or "The provider is busy.", status=429)
        if code in BAD_KEY | NO_FUNDS:
            raise KeyRefused(f"The provider refused the key. {said}".strip(), status=401)


def _get(target: Target, path: str, **query: str) -> Request:
    return Request("GET", f"{target.base_url}{path}?{urlencode(query)}", _auth(target))


def _auth(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}", "Accept": "application/json"}


def _code(body: Mapping[str, Any] | None) -> int:
    """`base_resp.status_code`; 0 is "ok", and also what a relay means that leaves it out."""
    base = (body or {}).get("base_resp")
    code = base.get("status_code") if isinstance(base, Mapping) else 0
    return int(code) if isinstance(code, int | str) and str(code).isdigit() else 0


def _said(body: dict[str, Any]) -> str:
    """The provider's words about a failure; the "success" of the answer itself is none."""
    return error_text(body if _code(body) else {name: value for name, value in body.items() if name != "base_resp"})


def _submit_error(code: int, said: str) -> Exception:
    """What a refusal in an answer of HTTP 200 means. The texts vary, so the code alone decides."""
    words = f" The provider says: {said.rstrip('.')} ({code})." if said else f" The provider's code is {code}."
    if code in BUSY:
        return Busy(f"The provider is busy.{words}", status=200)
    if code in BAD_KEY | NO_FUNDS:
        which = "The account has no funds." if code in NO_FUNDS else "The provider refused the key."
        return KeyRefused(which + words, status=200)
    if code in MODERATION:
        return Rejected(f"The provider's moderation refused it.{words}", reason="moderation", status=200)
    if code in INVALID | ACCOUNT:
        which = "Your account may not use this model." if code in ACCOUNT else "The provider refused the request."
        return Rejected(which + words, reason="invalid" if code in INVALID else "rejected", status=200)
    return OutcomeUnknown(f"The provider is in trouble, so the request may have been accepted.{words}", status=200)


def _poll_error(code: int, said: str) -> Exception:
    """What a refused question means: nothing for the task, but a key that is refused rests, as after a paid request."""
    words = said or f"The provider answered with its code {code}."
    if code in BAD_KEY | NO_FUNDS:
        return KeyRefused(f"The provider refused the key. {words}", status=401)
    return Unreachable(words, status=_status(code))


def _status(code: int) -> int:
    """The HTTP status that says the same: who asks too much or with a bad key has not found a broken provider."""
    return 429 if code in BUSY else 401 if code in ACCOUNT else 502


def _file_id(value: Any) -> str:
    """A text in one answer, a number in another."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value else ""


MINIMAX = MiniMax()
