"""The OpenAI Videos API, for any host that speaks it: create, retrieve, content, remix and list under `/v1/videos`.

Source: OpenAI API reference, Videos (create, retrieve, list, content, remix), as read in October 2026. What other hosts of this
protocol add is marked with its source. OpenAI itself switched the API off on 2026-09-24.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from ..specs import Choice, Lifecycle, Media, ModelSpec, Output, Text, Way
from .base import (
    Accepted,
    CannotList,
    Failed,
    Finished,
    Job,
    KeyRefused,
    Listed,
    Listing,
    Rejected,
    Request,
    Response,
    Running,
    Target,
    Unreachable,
)
from .common import epoch, error_code, error_text, parse_json, readable, task_id
from .multipart import multipart
from .refusals import accepted_task, raise_for_poll, raise_for_probe
from .statuses import read_status

JSON, MULTIPART, REMIX = "openai.videos", "openai.videos.multipart", "openai.videos.remix"  # a ModelSpec's protocol
CORRELATION = "studio_job"  # what our attempt is called inside `metadata`
PAGE = 100  # the most that one page of the list holds

SWITCHED_OFF = Lifecycle(
    "retired",
    "2026-09-24",
    "OpenAI has switched off its Videos API. Other hosts still speak this protocol: set the base URL of the key. "
    "The sandbox imitates it.",
    "apertis-veo3.1",
)
LANDSCAPE, PORTRAIT = "1280x720", "720x1280"
PRO_SIZES = (LANDSCAPE, PORTRAIT, "1792x1024", "1024x1792")


def remix_of(slug: str, name: str, output: Output, longest: float, most: int = 0) -> Way:
    """A new video from a finished one, of its size and length: `longest` is the most seconds that this can be, 0 unknown."""
    what = Text(name="prompt", label="What to change", required=True, lines=5, max_length=most)
    return Way(
        slug=f"{slug}-remix", label="Remix", protocol=REMIX, params=(what,), output=replace(output, seconds=longest, by=()),
        name=f"{name} Remix", summary="Changes a finished shot", needs_source=True,
    )  # fmt: skip


def _sora(name: str, title: str, summary: str, sizes: tuple[str, ...]) -> ModelSpec:
    pixels = [(int(size.split("x")[0]), int(size.split("x")[1])) for size in sizes]
    # The reference states no frame rate; what the models really gave is 30 frames a second, with sound.
    output = Output(sizes=tuple(zip(sizes, pixels, strict=True)), seconds=4, fps=30, sound=True, by=("size",))
    return ModelSpec(
        slug=f"openai-{name}",
        name=title,
        provider="openai",
        remote_name=name,
        protocol=JSON,
        params=(
            Text(name="prompt", label="Prompt", required=True, lines=5, max_length=32_000),
            Media(
                name="input_reference",
                label="First frame",
                roles=("First frame",),
                help="A picture of exactly the chosen size.",
            ),
            Choice(name="size", label="Size", choices=sizes, default=LANDSCAPE),
            Choice(name="seconds", label="Length", choices=("4", "8", "12"), default="4", unit="s"),
        ),
        output=output,
        summary=summary,
        lifecycle=SWITCHED_OFF,
        others=(remix_of(f"openai-{name}", title, output, longest=12, most=32_000),),
    )


SPECS = (
    _sora("sora-2", "Sora 2", "Quick, with sound", (LANDSCAPE, PORTRAIT)),
    _sora("sora-2-pro", "Sora 2 Pro", "Best quality and larger sizes, with sound", PRO_SIZES),
)


@dataclass
class OpenAIVideos:
    """One host of the protocol.

    `correlation_field` is "metadata" or "user" for a host that takes and lists that field, so that a lost render is found
    by our own name for it; "" for a host that refuses fields it does not know (OpenAI): there the prompt has to do.
    """

    slug: str
    name: str
    default_base_url: str
    specs: tuple[ModelSpec, ...]
    correlation_field: str = ""

    # --- the paid request ----------------------------------------------------------------------------------------------
    def build_submit(self, job: Job, target: Target) -> Request:
        if job.spec.protocol == REMIX:
            return _remix(job, target)
        fields: dict[str, Any] = {"model": job.spec.remote_name, "prompt": job.prompt}
        for param in job.spec:
            if param.kind == "media":
                if urls := job.media.get(param.name):
                    fields[param.name] = {"image_url": urls[0]}
            elif param.name != "prompt" and job.values.get(param.name) is not None:
                fields[param.name] = job.values[param.name]
        if self.correlation_field and job.correlation:
            named = {CORRELATION: job.correlation} if self.correlation_field == "metadata" else job.correlation
            fields[self.correlation_field] = named
        content_type, body = _form(fields, job) if job.spec.protocol == MULTIPART else _json(fields)
        headers = {**_auth(target), "Content-Type": content_type}
        return Request("POST", f"{target.base_url}/v1/videos", headers, body)

    def read_submit(self, response: Response) -> Accepted:
        if response.status == 429 and error_code(parse_json(response)) == "insufficient_quota":
            said = error_text(parse_json(response)).rstrip(".")
            raise KeyRefused(f"The account has no funds. The provider says: {said}.", status=429)
        remote, body = accepted_task(response)
        return Accepted(remote, readable(str(body.get("status") or "")))

    # --- asking how it is ----------------------------------------------------------------------------------------------
    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request:
        return Request("GET", f"{target.base_url}/v1/videos/{quote(task_id, safe='')}", _auth(target))

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed:
        body = parse_json(response)
        raise_for_poll(response)
        if body is None:
            raise Unreachable("The provider's answer could not be read.", status=response.status)
        return read_status(body, base_url)

    def content_url(self, spec: ModelSpec, task_id: str, base_url: str) -> str:
        """Where the file is when the answer names no address: at the API's own origin, so the key goes with it."""
        return f"{base_url}/v1/videos/{quote(task_id, safe='')}/content"

    def build_probe(self, target: Target) -> Request:
        """Asks about a video that does not exist."""
        return Request("GET", f"{target.base_url}/v1/videos/probe", _auth(target))

    def read_probe(self, response: Response) -> None:
        raise_for_probe(response)

    # --- the list of what the host has accepted --------------------------------------------------------------------------
    def build_list(self, target: Target, after: str = "") -> Request:
        query = {"limit": PAGE, "order": "desc"} | ({"after": after} if after else {})
        return Request("GET", f"{target.base_url}/v1/videos?{urlencode(query)}", _auth(target))

    def read_list(self, response: Response) -> Listing:
        """Without a word about more, an empty page is the end: a host that leaves `has_more` out is asked on."""
        body = parse_json(response)
        if response.status in (400, 404, 405, 501):
            said = error_text(body).rstrip(".") or f"HTTP {response.status}"
            raise CannotList(f"This host has no list of renders ({said}).", status=response.status)
        raise_for_poll(response)
        data = body.get("data") if body else None
        if body is None or not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
            raise Unreachable("The provider's list could not be read.", status=response.status)
        entries = tuple(_listed(entry) for entry in data)
        if not entries or body.get("has_more") is False:
            return Listing(entries)
        last = body.get("last_id")
        after = last if isinstance(last, str) and last else entries[-1].task_id
        if not after:
            raise Unreachable("The provider's list has more pages but does not say how to get them.")
        return Listing(entries, after)


def _listed(entry: Mapping[str, Any]) -> Listed:
    given = {name: str(entry[name]) for name in ("seconds", "size") if isinstance(entry.get(name), str | int)}
    return Listed(
        task_id=task_id(entry),
        created_at=epoch(entry.get("created_at")),
        correlation=_correlation(entry),
        prompt=entry["prompt"] if isinstance(entry.get("prompt"), str) else "",
        model=readable(str(entry.get("model") or ""))[:200],
        status=readable(str(entry.get("status") or ""))[:80],
        values=given,
    )


def _correlation(entry: Mapping[str, Any]) -> str:
    """Our name for the render, where the host gives it back; some turn the object into text."""
    kept = entry.get("metadata")
    if isinstance(kept, str):
        kept = parse_json(Response(200, {}, kept.encode()))
    found = kept.get(CORRELATION) if isinstance(kept, Mapping) else None
    return next((value for value in (found, entry.get("user")) if isinstance(value, str)), "")


def _json(fields: Mapping[str, Any]) -> tuple[str, bytes]:
    return "application/json", json.dumps(fields).encode()


def _form(fields: Mapping[str, Any], job: Job) -> tuple[str, bytes]:
    """The image is a file, or its address where the host takes it so (New API, `input_reference`)."""
    texts = {name: value.get("image_url", json.dumps(value)) if isinstance(value, dict) else str(value)
             for name, value in fields.items()}  # fmt: skip
    return multipart(texts, job.files)


def _remix(job: Job, target: Target) -> Request:
    """The prompt alone, as the reference has it: size and length stay. Raises Rejected without a shot to remix."""
    if not job.source:
        raise Rejected("The shot to remix is no longer known here. Nothing was sent and nothing was charged.")
    content_type, body = _json({"prompt": job.prompt})
    address = f"{target.base_url}/v1/videos/{quote(job.source, safe='')}/remix"
    return Request("POST", address, {**_auth(target), "Content-Type": content_type}, body)


def _auth(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}", "Accept": "application/json"}


OPENAI = OpenAIVideos("openai", "OpenAI", "https://api.openai.com", SPECS)
