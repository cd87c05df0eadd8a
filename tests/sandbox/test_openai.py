"""The sandbox's Videos API of OpenAI: validation, the life of a video, the list, content, delete and remix."""

import hashlib
import secrets
import time
from typing import Any

import httpx
import pytest

from .client import Api

VIDEOS = "/openai/v1/videos"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


class Videos(Api):
    def post(self, prompt: str, key: str | None = None, timeout: float = 20, **more: Any) -> httpx.Response:
        body = {"model": "sora-2", "prompt": prompt} | more
        return self.http.post(VIDEOS, json=body, headers=self.auth(key), timeout=timeout)

    def query(self, task_id: str) -> httpx.Response:
        return self.http.get(f"{VIDEOS}/{task_id}", headers=self.auth())

    def listed(self, **query: Any) -> dict[str, Any]:
        answer = self.http.get(VIDEOS, params=query, headers=self.auth())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def content(self, task_id: str, **query: Any) -> httpx.Response:
        return self.http.get(f"{VIDEOS}/{task_id}/content", params=query, headers=self.auth())


@pytest.fixture
def videos(api: Api) -> Videos:
    """With a key of its own, so that its list holds nothing else."""
    return Videos(str(api.http.base_url), f"sk-test-{secrets.token_hex(6)}")


REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no prompt": ({"prompt": None}, "missing_required_parameter", "prompt"),
    "empty prompt": ({"prompt": " "}, "string_below_min_length", "prompt"),
    "long prompt": ({"prompt": "a" * 32_001}, "string_above_max_length", "prompt"),
    "prompt no text": ({"prompt": 7}, "invalid_type", "prompt"),
    "half a character": ({"prompt": "\ud83d"}, "invalid_value", "prompt"),
    "unknown model": ({"model": "sora-9"}, "invalid_value", "model"),
    "seconds a number": ({"seconds": 4}, "invalid_type", "seconds"),
    "strange seconds": ({"seconds": "5"}, "invalid_value", "seconds"),
    "size of the pro model": ({"size": "1792x1024"}, "invalid_value", "size"),
    "size no text": ({"size": [1]}, "invalid_type", "size"),
    "foreign parameter": ({"n": 2}, "unknown_parameter", "n"),
    "image a text": ({"input_reference": "https://example.com/a.png"}, "invalid_type", "input_reference"),
    "image a stored file": ({"input_reference": {"file": "../../x"}}, "invalid_type", "input_reference"),
    "image of a file": ({"input_reference": {"image_url": "file:///etc/passwd"}}, "invalid_value", "input_reference"),
    "image no image": (
        {"input_reference": {"image_url": "data:image/png;base64,AAAA"}},
        "invalid_image",
        "input_reference",
    ),
    "metadata a list": ({"metadata": []}, "invalid_type", "metadata"),
    "user a number": ({"user": 1}, "invalid_type", "user"),
}


@pytest.mark.parametrize(("change", "code", "param"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_refused_with_the_parameter_to_blame(
    videos: Videos, change: dict[str, Any], code: str, param: str
) -> None:
    import json

    body = {"model": "sora-2", "prompt": "a refused lake"} | change
    body = {name: value for name, value in body.items() if value is not None}
    answer = videos.http.post(VIDEOS, content=json.dumps(body).encode(), headers=videos.auth())
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert not videos.billed("a refused lake")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("moderated", 400, "moderation_blocked"), ("400", 400, None), ("401", 401, "invalid_api_key"),
     ("402", 429, "insufficient_quota"), ("404", 404, None), ("429-always", 429, "rate_limit_exceeded"), ("500", 500, None)],
)  # fmt: skip
def test_a_refusal_is_openais_own_and_not_billed(videos: Videos, name: str, status: int, code: str | None) -> None:
    prompt = f"refuse-{name}-openai"
    for answer in (videos.post(f"{prompt} [[{name}]]"), videos.post(prompt, key=f"sk-sandbox-{name}")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not videos.billed(prompt)


def test_a_busy_host_says_for_how_long(videos: Videos) -> None:
    answers = [videos.post("busy piano [[429]] [[fail]]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert len(videos.billed("busy piano")) == 1


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer pk-1"}])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", ""), ("GET", "/v"), ("GET", "/v/content"), ("DELETE", "/v"),
                                              ("POST", "/v/remix")])  # fmt: skip
def test_nothing_works_without_a_key_of_the_right_form(
    videos: Videos, header: dict[str, str], method: str, path: str
) -> None:
    body = {"prompt": "keyless piano"} if method == "POST" else None
    assert videos.http.request(method, VIDEOS + path, headers=header, json=body).status_code == 401
    assert not videos.billed("keyless piano")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("PUT", "/v1/videos"), ("POST", "/v1/video/create")]
)
def test_any_other_address_is_an_invalid_url(videos: Videos, method: str, path: str) -> None:
    answer = videos.http.request(method, f"/openai{path}", headers=videos.auth())
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Invalid URL ({method} {path})"


def test_a_good_request_gets_a_video_object_with_everything_that_was_asked_for(videos: Videos) -> None:
    asked = {
        "model": "sora-2-pro",
        "seconds": "12",
        "size": "1792x1024",
        "metadata": {"studio_job": "t-1"},
        "user": "me",
    }
    body = videos.post("a cat [[seconds=60]] [[clip=small]]", **asked).json()
    assert body | asked == body
    assert (body["object"], body["status"], body["progress"], body["prompt"]) == (
        "video",
        "queued",
        0,
        "a cat [[seconds=60]] [[clip=small]]",
    )
    assert body["id"].startswith("video_")
    assert not {"url", "video_url"} & set(body)


def test_what_is_left_out_is_what_the_reference_says(videos: Videos) -> None:
    body = videos.http.post(VIDEOS, json={"prompt": "a cat [[fail]]"}, headers=videos.auth()).json()
    assert (body["model"], body["seconds"], body["size"]) == ("sora-2", "4", "720x1280")


def test_a_form_does_as_well_as_json(videos: Videos) -> None:
    fields = {
        "model": "sora-2",
        "prompt": "formed [[seconds=0]] [[clip=small]]",
        "seconds": "8",
        "metadata": '{"studio_job": "t-1"}',
    }
    answer = videos.http.post(VIDEOS, data=fields, files={"input_reference": ("a.png", PNG)}, headers=videos.auth())
    body = answer.json()
    assert (answer.status_code, body["seconds"], body["metadata"]) == (200, "8", {"studio_job": "t-1"})
    assert len(videos.billed("formed")) == 1
    broken = {"Content-Type": "multipart/form-data", **videos.auth()}
    assert videos.http.post(VIDEOS, content=b"x", headers=broken).status_code == 400


def test_a_video_is_rendered_and_its_content_needs_the_key(videos: Videos) -> None:
    task_id, seen = videos.create("life [[seconds=1]] [[clip=small]]", size="1280x720"), []
    early = videos.content(task_id)
    assert (early.status_code, "not ready yet" in early.text) == (404, True)
    body = videos.until(task_id, lambda body: seen.append(body["status"]) or body["status"] == "completed")
    assert list(dict.fromkeys(seen)) == ["queued", "in_progress", "completed"]
    assert (body["progress"], body["expires_at"] - body["completed_at"], body["error"]) == (100, 3600, None)
    file = videos.content(task_id)
    assert (file.status_code, file.headers["content-type"], file.content[4:8]) == (200, "video/mp4", b"ftyp")
    assert (
        videos.http.get(f"{VIDEOS}/{task_id}/content", headers={"Range": "bytes=4-7", **videos.auth()}).content
        == b"ftyp"
    )
    assert videos.http.get(f"{VIDEOS}/{task_id}/content").status_code == 401
    assert videos.http.get(f"{VIDEOS}/{task_id}/content", headers=videos.auth("sk-another")).status_code == 404
    assert videos.content(task_id, variant="thumbnail").status_code == 400


@pytest.mark.parametrize("dialect", ["openai", "aiid"])
def test_content_may_name_the_address_instead(api: Api, dialect: str) -> None:
    """Source: Apertis Video API, Get Video Content (JSON); New API's later versions (a redirect to an archive)."""
    made = {"model": "sora-2", "prompt": "named [[seconds=0]] [[clip=small]]", "seconds": "4", "size": "1280x720"}
    found = {}
    for manner in ("json", "redirect"):
        body = made | {"prompt": f"{made['prompt']} [[content={manner}]]"}
        answer = api.http.post(f"/{dialect}/v1/videos", json=body, headers=api.auth())
        path = f"/{dialect}/v1/videos/{answer.json()['id']}"
        while api.http.get(path, headers=api.auth()).json()["status"] != "completed":
            time.sleep(0.02)
        found[manner] = api.http.get(f"{path}/content", headers=api.auth())
    urls = found["json"].json()["video_url"], found["redirect"].headers["location"]
    assert [api.http.get(url).content[4:8] for url in urls] == [b"ftyp", b"ftyp"], "the address needs no key"


def test_a_failed_video_says_why(videos: Videos) -> None:
    body = videos.final(videos.create("[[fail=No film.]] [[seconds=0]]"))
    assert body["error"] == {"code": "video_generation_failed", "message": "No film."}
    late = videos.final(videos.create("[[moderated-late]] [[seconds=0]]"))
    assert late["error"]["code"] == "moderation_blocked"


@pytest.mark.parametrize("tags", ["[[lose-answer]]", "[[hang]]"])
def test_a_lost_answer_is_billed_and_stays_in_the_list(videos: Videos, tags: str) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadTimeout)):
        videos.post(f"lost piano {tags}", timeout=0.5)
    assert [entry["prompt"] for entry in videos.listed()["data"]] == [f"lost piano {tags}"]
    ids = [entry["task_id"] for entry in videos.billed("lost piano")]
    assert videos.listed()["data"][0]["id"] in ids


def test_a_gateway_that_asks_twice_is_billed_twice(videos: Videos) -> None:
    body = videos.post("double piano [[twice]] [[seconds=0]] [[fail]]").json()
    ids = {entry["id"] for entry in videos.listed()["data"]}
    assert len(ids) == 2
    assert body["id"] in ids
    assert ids <= {entry["task_id"] for entry in videos.billed("double piano")}


def test_the_list_comes_in_pages_the_newest_first(videos: Videos) -> None:
    made = [videos.create(f"page {i} [[never]]") for i in range(5)]
    first = videos.listed(limit=2)
    assert [entry["id"] for entry in first["data"]] == made[:2:-1]
    assert (first["object"], first["first_id"], first["last_id"], first["has_more"]) == ("list", made[4], made[3], True)
    second = videos.listed(limit=3, after=first["last_id"])
    assert [entry["id"] for entry in second["data"]] == made[2::-1]
    assert second["has_more"] is False
    assert [entry["id"] for entry in videos.listed(order="asc")["data"]] == made
    assert videos.listed(after=made[0]) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"order": "up"}])
def test_a_list_is_only_given_for_a_good_question(videos: Videos, query: dict[str, Any]) -> None:
    assert videos.http.get(VIDEOS, params=query, headers=videos.auth()).status_code == 400


def test_a_list_after_nothing_is_not_found(videos: Videos) -> None:
    assert videos.http.get(VIDEOS, params={"after": "video_x"}, headers=videos.auth()).status_code == 404


def test_a_key_lists_only_what_it_made(videos: Videos) -> None:
    task_id = videos.create("mine [[never]]")
    other = Videos(str(videos.http.base_url), "sk-test-somebody-else")
    assert task_id not in [entry["id"] for entry in other.listed(limit=100)["data"]]
    assert other.query(task_id).status_code == 404


def test_what_is_deleted_is_gone(videos: Videos) -> None:
    running, failed = videos.create("run [[never]]"), videos.create("end [[fail]] [[seconds=0]]")
    delete = [videos.http.delete(f"{VIDEOS}/{each}", headers=videos.auth()) for each in (running, failed)]
    assert [answer.status_code for answer in delete] == [400, 200]
    assert delete[1].json() == {"id": failed, "object": "video.deleted", "deleted": True}
    assert videos.query(failed).status_code == 404
    assert [entry["id"] for entry in videos.listed()["data"]] == [running]


def test_a_remix_is_a_new_billed_video(videos: Videos) -> None:
    first = videos.final(videos.create("first [[seconds=0]] [[clip=small]]", seconds="8"))
    path = f"{VIDEOS}/{first['id']}/remix"
    body = videos.http.post(
        path, json={"prompt": "remixed piano [[seconds=60]] [[clip=small]]"}, headers=videos.auth()
    ).json()
    assert (body["remixed_from_video_id"], body["seconds"], body["status"]) == (first["id"], "8", "queued")
    assert len(videos.billed("remixed piano")) == 1
    unfinished = videos.http.post(f"{VIDEOS}/{body['id']}/remix", json={"prompt": "x"}, headers=videos.auth())
    assert unfinished.status_code == 404


def test_the_ledger_names_the_dialect(videos: Videos) -> None:
    prompt = f"ledger piano {time.time()} [[fail]]"
    task_id = videos.create(prompt)
    sha256 = hashlib.sha256(prompt.encode()).hexdigest()
    found = videos.http.get("/_sandbox/ledger", params={"prompt_sha256": sha256}).json()["billed"]
    assert [(entry["dialect"], entry["task_id"], entry["model"]) for entry in found] == [("openai", task_id, "sora-2")]


@pytest.mark.parametrize(
    ("tags", "statuses"),
    [("[[lost-task]]", [404, 404, 404, 200]), ("[[poll-429]]", [200, 429, 200, 429]), ("[[flaky-poll]]", [200, 502, 200, 502]),
     ("[[revoked]]", [401, 401, 401, 401])],
)  # fmt: skip
def test_queries_go_wrong_as_their_tags_say(videos: Videos, tags: str, statuses: list[int]) -> None:
    task_id = videos.create(f"asked {tags} [[clip=small]]")
    assert [videos.query(task_id).status_code for _ in range(4)] == statuses


@pytest.mark.parametrize(
    ("tags", "statuses"),
    [("[[late-file]]", [404, 404, 200]), ("[[expired-url]]", [404, 200, 200]), ("[[expired-url=always]]", [404, 404, 404]),
     ("[[gone-url]]", [404, 404, 404]), ("[[redirect-file]]", [302, 302, 302]), ("[[redirect-private]]", [302, 302, 302])],
)  # fmt: skip
def test_content_goes_wrong_as_its_tags_say(videos: Videos, tags: str, statuses: list[int]) -> None:
    task_id = videos.made(tags)["id"]
    assert [videos.content(task_id).status_code for _ in range(3)] == statuses
