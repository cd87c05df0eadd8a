"""The sandbox's second Apertis API: the form, its answers, content, remix and characters, as the document prints them."""

import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import pictures

from .client import CREATE, Api

RECORDED = Path(__file__).parent.parent / "recorded" / "apertis"
PNG = pictures.png((64, 64))
CHARACTERS = "/apertis/sora/v1/characters"
VEO = {"model": "veo_3_1", "seconds": "5", "size": "16x9"}
SORA = {"model": "sora-2", "seconds": "4", "size": "480x480"}
QUICK = "[[clip=small]] [[seconds=0]]"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


class Videos(Api):
    """The form API. A field of None is left out."""

    def post(self, prompt: str | None, key: str | None = None, timeout: float = 20, **more: Any) -> httpx.Response:
        file = more.pop("file", PNG)
        texts = {name: value for name, value in ({**SORA, "prompt": prompt} | more).items() if value is not None}
        parts: dict[str, Any] = {name: (None, value) for name, value in texts.items()}
        parts |= {"input_reference": ("a.png", file, "image/png")} if file else {}
        return self.http.post("/apertis/v1/videos", files=parts, headers=self.auth(key), timeout=timeout)

    def query(self, task_id: str) -> httpx.Response:
        return self.http.get(f"/apertis/v1/videos/{task_id}", headers=self.auth())

    def content(self, task_id: str) -> httpx.Response:
        return self.http.get(f"/apertis/v1/videos/{task_id}/content", headers=self.auth())

    def remix(self, task_id: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/apertis/v1/videos/{task_id}/remix", json=body, headers=self.auth())

    def character(self, **body: Any) -> httpx.Response:
        return self.http.post(CHARACTERS, json=body, headers=self.auth())

    def finished(self, prompt: str = QUICK, **more: Any) -> str:
        """The id of a completed job."""
        task_id = self.create(prompt, **more)
        assert self.final(task_id)["status"] == "completed"
        return task_id


@pytest.fixture
def videos(api: Api) -> Videos:
    return Videos(str(api.http.base_url), f"sk-test-{secrets.token_hex(6)}")


def wrong(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


# --- the form ----------------------------------------------------------------------------------------------------------------
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no prompt": ({"prompt": None}, "missing_parameter", "prompt"),
    "no seconds": ({"seconds": None}, "missing_parameter", "seconds"),
    "no size": ({"size": None}, "missing_parameter", "size"),
    "strange seconds": ({"seconds": "5"}, "invalid_parameter", "seconds"),
    "strange size": ({"size": "16x9"}, "invalid_parameter", "size"),
    "flag no word": ({"watermark": "yes"}, "invalid_parameter", "watermark"),
    "private no word": ({"private": "1"}, "invalid_parameter", "private"),
    "foreign field": ({"n": "2"}, "invalid_parameter", "n"),
    "image no image": ({"file": b"GIF"}, "invalid_image", "input_reference"),
    "image an address": ({"file": None, "input_reference": "https://x.org/a.png"}, "invalid_parameter", "input_reference"),
    "metadata no object": ({"metadata": "[1]"}, "invalid_parameter", "metadata"),
    "character options no object": ({"character_create": "yes"}, "invalid_parameter", "character_create"),
    "character option unknown": ({"character_create": '{"a": true}'}, "invalid_parameter", "character_create"),
    "span without a source": ({"character_timestamps": "1,3"}, "invalid_parameter", "character_timestamps"),
    "span too long": (
        {"character_url": "https://x.org/a.mp4", "character_timestamps": "0,9"}, "invalid_parameter", "character_timestamps",
    ),
    "character from nowhere": ({"character_url": "ftp://x"}, "invalid_parameter", "character_url"),
    "character from no task": ({"character_from_task": "sora-2:1-x"}, "invalid_parameter", "character_from_task"),
    "veo without an image": ({**VEO, "file": None}, "missing_parameter", "input_reference"),
    "veo in Sora's size": ({**VEO, "size": "1280x720"}, "invalid_parameter", "size"),
    "veo of no length": ({**VEO, "seconds": "0"}, "invalid_parameter", "seconds"),
    "veo private": ({**VEO, "private": "true"}, "invalid_parameter", "private"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code", "param"), REFUSED.values(), ids=REFUSED)
def test_a_bad_form_is_refused_with_the_field_to_blame(videos: Videos, change: Any, code: str, param: str) -> None:
    mark = secrets.token_hex(4)
    assert wrong(videos.post(**({"prompt": mark} | change))) == (400, code, param)
    assert not videos.billed(mark)


def test_json_is_no_form_and_a_model_of_the_other_api_is_not_found(videos: Videos) -> None:
    answer = videos.http.post("/apertis/v1/videos", json={**SORA, "prompt": "x"}, headers=videos.auth())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert wrong(videos.post("x", model="veo3")) == (404, "model_not_found", "model")


@pytest.mark.parametrize(("fields", "name"), [(VEO, "videos_veo"), (SORA, "videos_sora")])
def test_the_answers_have_the_documents_fields(videos: Videos, fields: dict[str, str], name: str) -> None:
    pair = recorded(name)
    created = videos.post(f"A lake {QUICK}", **fields).json()
    assert {key: type(value) for key, value in created.items()} == {
        key: type(value) for key, value in pair["response"].items()
    }
    assert created["status"] == pair["response"]["status"]
    assert created["id"].startswith(pair["response"]["id"].split("_")[0].split(":")[0])
    done = videos.final(created["id"])
    assert set(done) == set(pair["finished"])
    assert (done["status"], done["progress"]) == ("completed", 100)


def test_the_two_apis_do_not_know_each_others_jobs(videos: Videos, api: Api) -> None:
    ours, theirs = videos.create(f"x {QUICK}"), api.create(f"x {QUICK}")
    assert api.query(ours).status_code == 404
    assert videos.query(theirs).status_code == 404


# --- content -----------------------------------------------------------------------------------------------------------------
def test_content_is_not_ready_before_the_job_is(videos: Videos) -> None:
    assert wrong(videos.content(videos.create("x [[never]]"))) == (404, "video_not_ready", None)


def test_content_is_json_for_sora_and_bytes_for_veo(videos: Videos) -> None:
    sora = videos.content(videos.finished())
    assert set(sora.json()) == set(recorded("videos_sora")["content_answer"])
    assert videos.file(sora.json()["video_url"]).content[4:8] == b"ftyp"
    veo = videos.content(videos.finished(**VEO))
    assert (veo.headers["content-type"], veo.content[4:8]) == ("video/mp4", b"ftyp")


# --- remix -------------------------------------------------------------------------------------------------------------------
def test_a_remix_answers_as_the_document_prints_and_is_billed(videos: Videos) -> None:
    mark = secrets.token_hex(4)
    answer = videos.remix(videos.finished(), prompt=f"Darker {mark} {QUICK}").json()
    assert set(answer) == set(recorded("remix")["response"])
    assert answer["id"].startswith("sora-2:remix-")
    assert len(videos.billed(mark)) == 1
    assert videos.final(answer["id"])["size"] == SORA["size"]


def test_only_a_finished_sora_video_can_be_remixed(videos: Videos, api: Api) -> None:
    for task_id in ("sora-2:1-none", videos.create("x [[never]]"), videos.finished(**VEO), api.create(f"x {QUICK}")):
        assert wrong(videos.remix(task_id, prompt="x")) == (404, "task_not_found", None)
    task_id = videos.finished()
    assert wrong(videos.remix(task_id)) == (400, "missing_parameter", "prompt")
    assert wrong(videos.remix(task_id, prompt="x", size="8x8")) == (400, "invalid_parameter", "size")
    assert wrong(videos.remix(task_id, prompt="x", seconds="4")) == (400, "invalid_parameter", "seconds")


# --- characters --------------------------------------------------------------------------------------------------------------
def test_a_character_comes_from_a_video_or_from_a_finished_task(videos: Videos) -> None:
    url = f"https://example.com/{secrets.token_hex(4)}.mp4"
    for source in ({"url": url, "timestamps": "1,3"}, {"from_task": videos.finished(), "timestamps": "0,2"}):
        made = videos.character(**source).json()
        assert set(made) == set(recorded("characters")["response"])
        picture = videos.http.get(made["profile_picture_url"])
        assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert len(videos.billed(url)) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "missing_parameter", "url")),
        ({"url": "https://x.org/a.mp4", "from_task": "sora-2:1-x"}, (400, "missing_parameter", "url")),
        ({"url": "ftp://x"}, (400, "invalid_parameter", "url")),
        ({"from_task": "sora-2:1-x"}, (404, "task_not_found", "from_task")),
        ({"url": "https://x.org/a.mp4", "timestamps": "3,1"}, (400, "invalid_parameter", "character_timestamps")),
        ({"url": "https://x.org/a.mp4", "model": "sora-2"}, (404, "model_not_found", None)),
        ({"url": "https://x.org/a.mp4", "name": "x"}, (400, "invalid_parameter", "name")),
    ],
)
def test_a_bad_order_for_a_character_is_refused(videos: Videos, body: Any, expected: Any) -> None:
    assert wrong(videos.character(**body)) == expected


# --- Sora through create -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"images": None}, ("missing_parameter", "images")),
        ({"orientation": "square"}, ("invalid_parameter", "orientation")),
        ({"size": "1280x720"}, ("invalid_parameter", "size")),
        ({"duration": "10"}, ("invalid_parameter", "duration")),
        ({"duration": 15}, ("invalid_parameter", "duration")),
        ({"watermark": "true"}, ("invalid_parameter", "watermark")),
        ({"character_timestamps": "1,3"}, ("invalid_parameter", "character_timestamps")),
        ({"aspect_ratio": "16:9"}, ("invalid_parameter", "aspect_ratio")),
    ],
)
def test_sora_has_its_own_fields(api: Api, change: dict[str, Any], expected: tuple[str, str]) -> None:
    body = {"model": "sora-2", "prompt": "x", "images": []} | change
    sent = {name: value for name, value in body.items() if value is not None}
    answer = api.http.post(CREATE, json=sent, headers=api.auth())
    assert wrong(answer) == (400, *expected)


def test_the_pro_model_makes_longer_ones(api: Api) -> None:
    common = {"images": [], "orientation": "portrait", "size": "large", "watermark": True, "private": False}
    answer = api.post("x [[fail]]", model="sora-2-pro", duration=25, **common)
    assert (answer.status_code, answer.json()["id"].partition(":")[0]) == (200, "sora-2")
