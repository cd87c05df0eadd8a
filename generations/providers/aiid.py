"""AIID: `POST /v1/videos` (JSON, or a form for Sora), `GET /v1/videos/{id}` and `/content`; 33 models in aiid_models/.

Source: AIID, Create video. Its examples are those of New API, an open gateway, whose source says what the page leaves open: where
each vendor's fields go, three shapes of errors, the status `unknown` until its own loop looks at a task for the first time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..specs import ModelSpec
from .aiid_body import build_body
from .aiid_models import SPECS
from .aiid_models.parts import MULTIPART
from .base import (
    Accepted,
    Failed,
    Finished,
    Job,
    Rejected,
    Request,
    Response,
    Running,
    Target,
    Unreachable,
)
from .common import error_code, error_text, is_moderation, parse_json, readable
from .multipart import multipart
from .refusals import accepted_task, raise_for_poll, raise_for_probe
from .statuses import read_status

NO_CHANNEL = "model_not_found"  # said before any vendor is asked
UPSTREAM = "fail_to_fetch_task"  # the message is then the vendor's own answer, as text


class Aiid:
    slug = "aiid"
    name = "AIID"
    default_base_url = "https://api.aiid.edu.kg"
    specs: tuple[ModelSpec, ...] = SPECS

    def build_submit(self, job: Job, target: Target) -> Request:
        body = build_body(job)
        content_type, content = _form(body, job) if job.spec.protocol == MULTIPART else _json(body)
        headers = {**_auth(target), "Content-Type": content_type}
        return Request("POST", f"{target.base_url}/v1/videos", headers, content)

    def read_submit(self, response: Response) -> Accepted:
        """The gateway's own refusals first: what they mean for money is not what their status would say."""
        body, inner = parse_json(response), _unpacked(response)
        code = error_code(body)
        if response.status == 503 and code == NO_CHANNEL:
            said = error_text(body).rstrip(".") or "no channel"
            raise Rejected(f"AIID cannot reach this model now. It says: {said}. Nothing was charged.", status=503)
        if code == UPSTREAM and response.status in (401, 402, 403):  # AIID's account at the vendor, not our key
            raise _refused(inner, f"AIID's own vendor refused the request (HTTP {response.status}).", response.status)
        if (
            response.status == 200
            and body
            and code not in ("", "success")
            and not body.get("data")
            and not body.get("id")
        ):
            raise _refused(inner, "AIID refused the request.", 200)
        remote, found = accepted_task(inner)
        return Accepted(remote, readable(str(found.get("status") or "")))

    def build_poll(self, spec: ModelSpec, task_id: str, target: Target) -> Request:
        return Request("GET", f"{target.base_url}/v1/videos/{quote(task_id, safe='')}", _auth(target))

    def read_poll(self, spec: ModelSpec, response: Response, base_url: str) -> Running | Finished | Failed:
        body = parse_json(response)
        inner = _unpacked(response)
        if error_code(body) == UPSTREAM and response.status in (
            401,
            402,
            403,
        ):  # its account at the vendor, not our key
            raise Unreachable(f"AIID could not ask its own vendor. {error_text(parse_json(inner))}".strip(), status=502)
        raise_for_poll(inner)
        found = parse_json(inner)
        if found is None:
            raise Unreachable("The provider's answer could not be read.", status=response.status)
        data = found.get("data")
        if "status" not in found and isinstance(data, Mapping):  # `GET /v1/video/generations/{id}` wraps it
            found = {**data, "data": data}
        return read_status(found, base_url)

    def content_url(self, spec: ModelSpec, task_id: str, base_url: str) -> str:
        """For results that have no address anywhere (Veo): the gateway passes the bytes through, for the key."""
        return f"{base_url}/v1/videos/{quote(task_id, safe='')}/content"

    def build_probe(self, target: Target) -> Request:
        """Asks about a video that does not exist."""
        return Request("GET", f"{target.base_url}/v1/videos/probe", _auth(target))

    def read_probe(self, response: Response) -> None:
        raise_for_probe(response)


def _unpacked(response: Response) -> Response:
    """With the code `fail_to_fetch_task` the vendor's answer is inside, as text: read it as if it had come itself."""
    body = parse_json(response)
    if not body or error_code(body) != UPSTREAM or not isinstance(body.get("message"), str):
        return response
    packed = replace(response, body=body["message"].encode(errors="replace"))
    return packed if parse_json(packed) is not None else response


def _refused(inner: Response, words: str, status: int) -> Rejected:
    body = parse_json(inner)
    said, code = error_text(body).rstrip("."), error_code(body)
    reason = "moderation" if is_moderation(code, said) else "rejected"
    return Rejected(f"{words} The provider says: {said}." if said else words, reason=reason, status=status)


def _json(body: dict[str, Any]) -> tuple[str, bytes]:
    return "application/json", json.dumps(body).encode()


def _form(body: dict[str, Any], job: Job) -> tuple[str, bytes]:
    """Each field once; an object is the text of one. Of the fields only Sora's image is a file."""
    fields = {name: json.dumps(value) if isinstance(value, dict) else str(value) for name, value in body.items()}
    return multipart(fields, job.files)


def _auth(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.secret}", "Accept": "application/json"}


AIID = Aiid()
