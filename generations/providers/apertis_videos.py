"""Apertis' second API: the form of `POST /v1/videos`, remixes, and characters.

Source: Apertis Video API, sections Alternative API and Sora-2 Extended API (create, remix, create character).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from .base import CharacterOrder, Job, MadeCharacter, OutcomeUnknown, Rejected, Request, Response, Target
from .common import readable, result_url
from .multipart import multipart
from .refusals import accepted_task

NESTED = "__"  # "character_create__save_to_library" is `save_to_library` inside `character_create`


def create(job: Job, target: Target, headers: dict[str, str]) -> Request:
    """A form: every value as text, an object as the text of its JSON, the image as a file."""
    fields = {"model": job.spec.remote_name, "prompt": job.prompt}
    objects: dict[str, dict[str, Any]] = {}
    for param in job.spec:
        value = job.values.get(param.name)
        if param.name == "prompt" or param.kind == "media" or value is None:
            continue
        name, nested, inner = param.name.partition(NESTED)
        if not nested:
            fields[name] = _text(value)
        elif value:
            objects.setdefault(name, {})[inner] = value
    fields |= {name: json.dumps(value) for name, value in objects.items()}
    content_type, body = multipart(fields, job.files)
    return Request("POST", f"{target.base_url}/v1/videos", {**headers, "Content-Type": content_type}, body)


def remix(job: Job, target: Target, headers: dict[str, str]) -> Request:
    """A new video from a finished one. Raises Rejected without one."""
    if not job.source:
        raise Rejected("The shot to remix is no longer known here. Nothing was sent and nothing was charged.")
    body = {"prompt": job.prompt} | ({"size": job.values["size"]} if job.values.get("size") else {})
    address = f"{target.base_url}/v1/videos/{quote(job.source, safe='')}/remix"
    return Request("POST", address, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode())


def character(order: CharacterOrder, target: Target, headers: dict[str, str]) -> Request:
    """Without `model`: hosts of this family look for a channel of that name and answer 404."""
    source = {"url": order.url} if order.url else {"from_task": order.task_id}
    body = source | ({"timestamps": order.span} if order.span else {})
    address = f"{target.base_url}/sora/v1/characters"
    return Request("POST", address, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode())


def made_character(response: Response, base_url: str = "") -> MadeCharacter:
    """Raises as read_submit; an answer without a user name is a doubt, because prompts could not name the character."""
    remote, body = accepted_task(response)
    name = readable(str(body.get("username") or "")).removeprefix("@")
    if not name or any(sign.isspace() for sign in name):
        raise OutcomeUnknown("The provider made a character but did not say its name.", status=response.status)
    links = (result_url(body.get(key), base_url) for key in ("permalink", "profile_picture_url"))
    return MadeCharacter(remote[:200], name[:100], *links)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict) else str(value)
