"""What every dialect does with a request before it speaks its own language."""

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import wire
from ..core import Sandbox, sandbox_of
from ..endings import ending_of
from ..store import Received, Task

BODY_BYTES = 96 * 1024**2
CORRELATION = ("x-correlation-id", "x-request-id", "idempotency-key")


class TooLarge(ValueError):
    """The request body is larger than any gateway takes."""


def bearer(request: Request) -> str:
    """The key of the Authorization header, "" when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def fingerprint(key: str) -> str:
    """Twelve hex digits that name a key without telling it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


async def json_object(request: Request) -> dict[str, Any] | None:
    """The body as a JSON object, None when it is none. Raises TooLarge above 96 MB."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise TooLarge
    try:
        found = json.loads(bytes(body))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def clean(text: str) -> str:
    """Text that a database takes: half characters replaced."""
    return text.encode("utf-8", "replace").decode()


def received(request: Request, dialect: str, key: str, model: object, prompt: object, tags: dict[str, str]) -> Received:
    """The request for the ledger; what is no text counts as empty."""
    prompt, model = (clean(value) if isinstance(value, str) else "" for value in (prompt, model))
    sent = next((request.headers[name] for name in CORRELATION if name in request.headers), "")
    sha256 = hashlib.sha256(prompt.encode()).hexdigest()
    return Received(dialect, prompt, sha256, fingerprint(key), ending_of(tags), model, sent)


def own_task(request: Request, dialect: str, task_id: str) -> Task | None:
    """The task, if this key made it and it was not deleted."""
    task = sandbox_of(request).store.task(task_id)
    if task is None or task.dialect != dialect or task.values.get("deleted"):
        return None
    return task if task.values["key"] == fingerprint(bearer(request)) else None


def disturbed(box: Sandbox, task: Task, refused: Response, missing: Response, busy: Response) -> Response | None:
    """The answer to a query that goes wrong as its tags say, None when it goes right."""
    if "revoked" in task.tags:
        return refused
    if "lost-task" in task.tags and box.store.count(f"lost-task:{task.uid}") <= 3:
        return missing
    for name, answer in (("poll-429", busy), ("flaky-poll", wire.bad_gateway())):
        if name in task.tags and box.store.count(f"{name}:{task.uid}") % 2 == 0:
            return answer
    return None
