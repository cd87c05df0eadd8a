"""The sandbox's AIID: it reads a request where each vendor would, and refuses what that vendor refuses."""

import base64
from typing import Any

import pytest

from generations.providers.aiid_models import SPECS

from .client import Api

VIDEOS = "/aiid/v1/videos"
URL = "https://images.example.com/a.png"
RAW = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
DATA = f"data:image/png;base64,{RAW}"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "missing_model"),
    "unknown model": ({"model": "veo9"}, "invalid_request"),
    "no prompt": ({"model": "grok-video-3", "prompt": ""}, "invalid_request"),
    "duration as text": ({"model": "viduq3-turbo", "size": "720p", "duration": "5"}, "invalid_request"),
    "seconds as a number": ({"model": "sora-2", "seconds": 4, "size": "1280x720"}, "invalid_request"),
    "a length that Sora never made": ({"model": "sora-2", "seconds": "5", "size": "1280x720"}, "invalid_request"),
    "a size of the pro model": ({"model": "sora-2", "seconds": "4", "size": "1792x1024"}, "invalid_request"),
    "pixels for Vidu": ({"model": "viduq3-turbo", "size": "1280x720"}, "invalid_request"),
    "a data URL for Kling": ({"model": "kling-video", "size": "1280x720", "image": DATA}, "invalid_request"),
    "Veo ignores an address": ({"model": "veo3-frames", "size": "1280x720", "images": [URL]}, "invalid_request"),
    "10 s in 1080P": ({"model": "hailuo-video", "size": "1080P", "duration": 10}, "invalid_request"),
    "Grok 1.5 without an image": ({"model": "grok-imagine-video-1.5-preview", "seconds": "6"}, "invalid_request"),
    "frames beside references": (
        {"model": "doubao-seedance-2-0-260128", "metadata": {"content": [
            {"type": "text", "text": "a refused lake"},
            {"type": "image_url", "image_url": {"url": URL}, "role": "first_frame"},
            {"type": "image_url", "image_url": {"url": URL}, "role": "reference_image"}]}}, "invalid_request"),
    "content without the prompt": (
        {"model": "doubao-seedance-2-0-260128", "metadata": {"content": [
            {"type": "image_url", "image_url": {"url": URL}, "role": "first_frame"}]}}, "invalid_request"),
    "HappyHorse i2v without its frame": ({"model": "happyhorse-1.0", "mode": "i2v"}, "invalid_request"),
    "a ratio where the image has one": (
        {"model": "happyhorse-1.0", "mode": "i2v", "metadata": {"parameters": {"ratio": "16:9"}, "input": {
            "media": [{"type": "first_frame", "url": URL}]}}}, "invalid_request"),
    "a video edit without a video": ({"model": "happyhorse-1.0-video-edit"}, "invalid_request"),
    "an omni edit without a video": ({"model": "gemini-omni", "mode": "edit", "size": "1280x720"}, "invalid_request"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_gateway_or_its_vendor_refuses_is_refused_and_not_billed(api: Api, case: str) -> None:
    change, code = REFUSED[case]
    body = {name: value for name, value in ({"prompt": "a refused lake"} | change).items() if value is not None}
    answer = api.http.post(VIDEOS, json=body, headers=api.auth())
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (400, code, None), answer.text
    assert not api.billed("a refused lake")


@pytest.mark.parametrize("start", ["vidu", "hailuo", "doubao", "happyhorse"])
def test_vendors_that_want_json_refuse_a_form(api: Api, start: str) -> None:
    name = next(spec.remote_name for spec in SPECS if spec.remote_name.startswith(start))
    answer = api.http.post(VIDEOS, files={"model": (None, name), "prompt": (None, "x")}, headers=api.auth())
    assert (answer.status_code, answer.json()["message"]) == (400, "JSON object required")


def test_one_images_part_of_a_form_breaks_the_gateways_reader(api: Api) -> None:
    parts = {"model": (None, "veo3.1"), "prompt": (None, "x"), "size": (None, "1280x720"), "images": (None, DATA)}
    answer = api.http.post(VIDEOS, files=parts, headers=api.auth())
    assert "cannot unmarshal string" in answer.json()["message"]


def test_a_new_task_is_unknown_until_the_gateway_looks_at_it(api: Api) -> None:
    body = {"model": "veo3", "prompt": "new [[seconds=60]] [[clip=small]]", "size": "1280x720"}
    made = api.http.post(VIDEOS, json=body, headers=api.auth()).json()
    assert (made["status"], made["id"], made["id"][:5]) == ("queued", made["task_id"], "task_")
    found = api.http.get(f"{VIDEOS}/{made['id']}", headers=api.auth()).json()
    assert (found["status"], found["completed_at"] > 0) == ("unknown", True)
    early = api.http.get(f"{VIDEOS}/{made['id']}/content", headers=api.auth())
    assert (early.status_code, "not completed yet" in early.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize("path", ["task_x", "video_abc123"])
def test_an_unknown_task_is_a_400(api: Api, path: str) -> None:
    answer = api.http.get(f"{VIDEOS}/{path}", headers=api.auth())
    assert (answer.status_code, answer.json()["code"]) == (400, "task_not_exist")


def test_there_is_no_list(api: Api) -> None:
    answer = api.http.get(VIDEOS, headers=api.auth())
    assert (answer.status_code, "Invalid URL" in answer.json()["error"]["message"]) == (404, True)
