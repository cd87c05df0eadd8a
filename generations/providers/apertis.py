"""Apertis: `/v1/video/create` with `/v1/video/query`, and `/v1/videos` (apertis_videos.py). A spec's protocol says which.

Source: Apertis Video API, sections Create Video, Query Video Status, Get Video Status, Get Video Content.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..specs import ModelSpec
from . import apertis_videos as videos
from . import chat
from .apertis_models import CREATE, REMIX, SPECS
from .base import (
    Accepted,
    CharacterOrder,
    Delivered,
    Failed,
    Finished,
    Job,
    MadeCharacter,
    Request,
    Response,
    Running,
    Stream,
    Target,
    Unreachable,
)
from .common import parse_json, readable
from .refusals import accepted_task, raise_for_poll, raise_for_probe
from .statuses import read_status

QUERIED = (CREATE, chat.PROTOCOL)  # their tasks are asked about at /v1/video/query
WHOLE = ("duration",)  # numbers on the wire, choices on the form


class Apertis:
    slug = "apertis"
    name = "Apertis"
    default_base_url = "https://api.apertis.ai"
    specs: tuple[ModelSpec, ...] = SPECS
    keeps_results = True
    stream_cap = chat.CAP
    stream_end = chat.END

    def streams(self, spec: ModelSpec) -> bool:
        return spec.protocol == chat.PROTOCOL

    def read_stream(self, stream: Stream) -> Delivered | Accepted | Failed:
        return chat.read_stream(stream)

    def stream_progress(self, path: Path) -> int | None:
        return chat.told(path).progress

    def build_submit(self, job: Job, target: Target) -> Request:
        if job.spec.protocol == chat.PROTOCOL:
            return chat.build(job, target, _auth(target))
        if job.spec.protocol == REMIX:
            return videos.remix(job, target, _auth(target))
        if job.spec.protocol != CREATE:
            return videos.create(job, target, _auth(target))
        body: dict[str, Any] = {"model": job.spec.remote_name, "prompt": job.prompt}
        for param in job.spec:
            if param.kind == "media":
                if (urls := job.media.get(param.name)) or job.spec.remote_name.startswith("sora"):
                    body[param.name] = list(urls or ())  # Sora's are required; hosts take none of them as an empty list
            elif param.name != "prompt" and (value := job.values.get(param.name)) is not None:
                body[param.name] = int(value) if param.name in WHOLE else value
        return Request(
            "POST",
            f"{target.base_url}/v1/video/create",
            {**_auth(target), "Content-Type": "application/json"},
            json.dumps(body).encode(),
        )

    def read_submit(self, response: Response) -> Accepted:
        remote, body = accepted_task(response)
        return Accepted(remote, readable(str(body.get("status") or "")), _rewritten(body))

    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request:
        quoted = quote(task_id, safe="")
        path = f"/v1/video/query?id={quoted}" if spec.protocol in QUERIED else f"/v1/videos/{quoted}"
        return Request("GET", target.base_url + path, _auth(target))

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed:
        raise_for_poll(response)
        body = parse_json(response)
        if body is None:
            raise Unreachable("The provider's answer could not be read.", status=response.status)
        return read_status(body, base_url, _rewritten(body))

    def content_url(self, spec: ModelSpec, task_id: str, base_url: str) -> str:
        """`/v1/videos` also has the file at an address of its own; create/query has nothing of the kind."""
        return "" if spec.protocol in QUERIED else f"{base_url}/v1/videos/{quote(task_id, safe='')}/content"

    def build_character(self, order: CharacterOrder, target: Target) -> Request:
        return videos.character(order, target, _auth(target))

    def read_character(self, response: Response) -> MadeCharacter:
        return videos.made_character(response)

    def build_probe(self, target: Target) -> Request:
        """Asks about a task that does not exist; the answer is a 404 in the API's own words."""
        return Request("GET", f"{target.base_url}/v1/video/query?id=probe", _auth(target))

    def read_probe(self, response: Response) -> None:
        raise_for_probe(response)


def _auth(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}", "Accept": "application/json"}


def _rewritten(body: dict[str, Any]) -> str:
    value = body.get("enhanced_prompt")
    return readable(value[:8000]) if isinstance(value, str) else ""


APERTIS = Apertis()
