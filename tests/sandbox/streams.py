"""Witnesses for what only providers do that answer the paid request for minutes. Merged into OBSERVE by test_endings.py."""

import base64
import json
from collections.abc import Callable

import httpx
import pytest

from .client import Api

CHAT = "/apertis/v1/chat/completions"
A4F = "/a4f/v1/video/generations"
WITNESSES: dict[str, Callable[[Api], None]] = {}


def witness(check: Callable[[Api], None]) -> Callable[[Api], None]:
    WITNESSES[check.__name__.replace("_", "-")] = check
    return check


def make(api: Api, prompt: str, **more: object) -> httpx.Response:
    body = {"model": "provider-2/veo", "quality": "720p", "duration": 2, "ratio": "16:9", "prompt": prompt} | more
    return api.http.post(A4F, json=body, headers=api.auth())


def video(answer: httpx.Response) -> bytes:
    return base64.b64decode(answer.json()["data"][0]["b64_json"], validate=True)


@witness
def cut(api: Api) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        make(api, "torn [[cut]] [[clip=small]]")
    assert len(api.billed("torn")) == 1


@witness
def corrupt(api: Api) -> None:
    answer = make(api, "dirty [[corrupt]] [[clip=small]]")
    with pytest.raises(ValueError, match="base64"):
        video(answer)


@witness
def hosted(api: Api) -> None:
    entry = make(api, "elsewhere [[hosted]] [[clip=small]]").json()["data"][0]
    assert entry["b64_json"] is None
    assert api.file(entry["url"]).content == video(make(api, "here [[clip=small]]"))


def chat(api: Api, prompt: str, **more: object) -> httpx.Response:
    body = {
        "model": "sora-2",
        "stream": True,
        "messages": [{"role": "user", "content": f"{prompt} [[clip=small]]"}],
    } | more
    return api.http.post(CHAT, json=body, headers=api.auth())


def texts(answer: httpx.Response) -> list[str]:
    """What an official client would put together: a text for each event."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ") and line != "data: [DONE]"]
    return [part["choices"][0]["delta"]["content"] if "choices" in part else part["error"]["message"]
            for part in map(json.loads, found)]  # fmt: skip


@witness
def split(api: Api) -> None:
    answer = chat(api, "crumbs [[split]]")
    assert max(map(len, texts(answer))) == 1
    assert "".join(texts(answer)).startswith("task_id: sora-2:")


@witness
def comments(api: Api) -> None:
    answer = chat(api, "chatter [[comments]]")
    assert ": keep-alive\r\n" in answer.text
    assert texts(answer)[-1].startswith("video_url: http")


@witness
def stream_error(api: Api) -> None:
    begun = texts(chat(api, "midstream begun [[stream-error]]"))
    assert len(begun) == 2
    assert begun[0].startswith("task_id: ")
    answer = make(api, "midstream whole [[stream-error]]")
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "provider_error")
    assert len(api.billed("midstream")) == 2


@witness
def no_address(api: Api) -> None:
    told = texts(chat(api, "without address [[no-address]]"))
    assert not any(text.startswith("video_url") for text in told)
    assert api.final(told[0].removeprefix("task_id: "))["video_url"]


@witness
def stream_refused(api: Api) -> None:
    assert texts(chat(api, "not wanted [[stream-refused]]")) == ["The generated video was blocked."]
    assert not api.billed("not wanted")
