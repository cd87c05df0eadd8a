"""A small client for the sandbox's Apertis dialect, as a test would write it."""

import time
from collections.abc import Callable
from typing import Any

import httpx

CREATE, QUERY = "/apertis/v1/video/create", "/apertis/v1/video/query"


class Api:
    """One sandbox at `base`. `key` is sent with every request unless a call gives another."""

    def __init__(self, base: str, key: str = "sk-test") -> None:
        self.http = httpx.Client(base_url=base, timeout=20, trust_env=False)
        self.key = key

    def post(self, prompt: str, key: str | None = None, timeout: float = 20, **more: Any) -> httpx.Response:
        body = {"model": "veo3.1-fast", "prompt": prompt} | more
        return self.http.post(CREATE, json=body, headers=self.auth(key), timeout=timeout)

    def auth(self, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.key}"}

    def create(self, prompt: str, **more: Any) -> str:
        """The id of an accepted job."""
        answer = self.post(prompt, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def query(self, task_id: str) -> httpx.Response:
        return self.http.get(QUERY, params={"id": task_id}, headers=self.auth())

    def until(self, task_id: str, good: Callable[[dict[str, Any]], bool], deadline: float = 90) -> dict[str, Any]:
        """Query until the body satisfies `good`; returns that body."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            body = self.query(task_id).json()
            if good(body):
                return body
            time.sleep(0.02)
        raise AssertionError(f"never came: last answer {body}")

    def final(self, task_id: str) -> dict[str, Any]:
        return self.until(task_id, lambda body: body["status"] in ("completed", "failed"))

    def made(self, tags: str, **more: Any) -> dict[str, Any]:
        """The completed query of a quick small job with these tags."""
        body = self.final(self.create(f"a lake {tags} [[seconds=0]] [[clip=small]]", **more))
        assert body["status"] == "completed", body
        return body

    def file(self, url: str, **headers: str) -> httpx.Response:
        return self.http.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def billed(self, text: str) -> list[dict[str, Any]]:
        return self.http.get("/_sandbox/ledger", params={"contains": text}).json()["billed"]
