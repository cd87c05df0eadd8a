"""The Apertis adapter against the pairs that its document prints, and against what hosts of its kind really send."""

import json
from pathlib import Path
from typing import Any

import pytest

from generations.providers import SPECS
from generations.providers.apertis import APERTIS
from generations.providers.base import (
    Accepted,
    Busy,
    Failed,
    Finished,
    Job,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    Response,
    Running,
    Target,
    TaskMissing,
    Unreachable,
)

RECORDED = Path(__file__).parent.parent / "recorded" / "apertis"
TARGET = Target("https://api.example.com", "sk-test-1234")
VEO3 = SPECS["apertis-veo3"]


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize("name", ["create", "create_frames"])
def test_the_request_is_the_documents_own(name: str) -> None:
    pair = recorded(name)
    body = dict(pair["request"]["body"])
    spec = next(spec for spec in APERTIS.specs if spec.remote_name == body["model"])
    media = {"images": tuple(body["images"])} if "images" in body else {}
    values = {key: value for key, value in body.items() if key not in ("model", "prompt", "images")}
    request = APERTIS.build_submit(Job(spec, body["prompt"], values, media), TARGET)
    assert request.url == f"https://api.example.com{pair['request']['path']}"
    assert request.headers["Authorization"] == "Bearer sk-test-1234"
    assert json.loads(request.body) == body
    assert APERTIS.read_submit(answer(body=pair["response"])).task_id == pair["response"]["id"]


def test_the_key_never_shows_in_a_repr() -> None:
    request = APERTIS.build_submit(Job(VEO3, "x", {}), TARGET)
    assert "sk-test" not in repr(TARGET) + repr(request)


def test_the_answers_are_the_documents_own() -> None:
    pair = recorded("query")
    request = APERTIS.build_poll(VEO3, "veo3:1234567890-abcdefgh", TARGET)
    assert request.url.endswith(pair["request"]["path"])
    running = APERTIS.read_poll(VEO3, answer(body=pair["running"]), TARGET.base_url)
    assert running == Running("processing", None, pair["running"]["enhanced_prompt"])
    finished = APERTIS.read_poll(VEO3, answer(body=pair["finished"]), TARGET.base_url)
    assert finished == Finished(pair["finished"]["video_url"], "completed", pair["finished"]["enhanced_prompt"])


@pytest.mark.parametrize("task_id", ["veo3:17-ab", "a/b", "a?b=c", "a%3Ab", "with space", "123456789012345678"])
def test_ids_are_opaque_and_always_quoted(task_id: str) -> None:
    from urllib.parse import parse_qs, urlsplit

    url = APERTIS.build_poll(VEO3, task_id, TARGET).url
    assert parse_qs(urlsplit(url).query) == {"id": [task_id]}


SUBMIT = [
    (answer(200, {"id": 10**18}), Accepted),
    (answer(200, {"data": {"task_id": "t-1"}}), Accepted),
    (answer(200, {}), OutcomeUnknown),
    (answer(200, {"id": "x" * 513}), OutcomeUnknown),
    (answer(200, {"id": "bad\u0000id"}), OutcomeUnknown),
    (answer(200, b"<html>"), OutcomeUnknown),
    (answer(200, b""), OutcomeUnknown),
    (answer(200, b"\xff\xfe{"), OutcomeUnknown),
    (answer(200, b"[" * 100_000), OutcomeUnknown),
    (answer(200, {"error": {"message": "no", "code": "x"}}), Rejected),
    (answer(400, {"error": {"message": "bad", "code": "invalid_parameter"}}), Rejected),
    (answer(404, {"error": {"message": "Invalid URL (POST /v1/video/create)"}}), Rejected),
    (answer(413, b""), Rejected),
    (answer(451, b""), Rejected),
    (answer(307, b"", location="http://169.254.169.254/"), Rejected),
    (answer(401, {"error": {"message": "Invalid API key"}}), KeyRefused),
    (answer(402, {"error": {"message": "no money"}}), KeyRefused),
    (answer(403, {"error": {"message": "forbidden"}}), KeyRefused),
    (answer(403, {"error": {"message": "x", "code": "content_policy_violation"}}), Rejected),
    (answer(429, b""), Busy),
    (answer(503, b"", retry_after="5"), Busy),
    (answer(503, b""), OutcomeUnknown),
    (answer(408, b""), OutcomeUnknown),
    (answer(500, b""), OutcomeUnknown),
    (answer(502, b"<html>"), OutcomeUnknown),
    (answer(524, b"<html>"), OutcomeUnknown),
]


@pytest.mark.parametrize(("response", "kind"), SUBMIT, ids=lambda value: getattr(value, "__name__", "")
                         or f"{value.status} {value.body[:30]!r}")  # fmt: skip
def test_every_answer_to_the_paid_request_has_its_class(response: Response, kind: type) -> None:
    if kind is Accepted:
        assert APERTIS.read_submit(response).task_id
        return
    with pytest.raises(kind) as raised:
        APERTIS.read_submit(response)
    assert type(raised.value) is kind
    assert kind is Rejected or str(raised.value).endswith("."), "a failure is a sentence"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "no", "code": "content_policy_violation"}}, "moderation"),
        ({"error": {"message": "no", "code": "invalid_parameter", "param": "size"}}, "invalid"),
    ],
)
def test_a_refusal_says_whose_decision_it_was(body: Any, reason: str) -> None:
    with pytest.raises(Rejected) as raised:
        APERTIS.read_submit(answer(400, body))
    assert raised.value.reason == reason


POLLS = [
    ({"status": "pending"}, Running("pending", started=False)),
    ({"status": "PROCESSING "}, Running("PROCESSING")),
    ({"status": "pro\u0000cessing"}, Running("processing")),
    ({"status": "pondering"}, Running("pondering", known=False)),
    ({}, Running("", known=False)),
    ({"status": "processing", "progress": "25%"}, Running("processing", 25)),
    ({"status": "processing", "progress": 140.0}, Running("processing", 100)),
    ({"status": "processing", "progress": "nan"}, Running("processing")),
    ({"status": "video_generation_completed", "video_url": "https://x.org/a.mp4"}, Running("video_generation_completed")),
    ({"status": "processing", "video_url": "https://x.org/a.mp4"}, Running("processing")),
    ({"status": "video_upsampling_failed", "video_url": "https://x.org/a.mp4"},
     Finished("https://x.org/a.mp4", "video_upsampling_failed")),
    ({"status": "success", "video_url": " `https://x.org/a.mp4` "}, Finished("https://x.org/a.mp4", "success")),
    ({"status": "completed", "video_url": "/files/a.mp4"}, Finished("https://api.example.com/files/a.mp4", "completed")),
    ({"status": "completed", "video_url": "javascript:alert(1)"}, Finished("", "completed")),
    ({"status": "completed", "video_url": "file:///etc/passwd"}, Finished("", "completed")),
    ({"status": "completed", "video_url": "https://user:pw@x.org/a.mp4"}, Finished("", "completed")),
    ({"status": "completed"}, Finished("", "completed")),
    ({"status": "failed", "error": "out of frames"}, Failed("provider_failed", "out of frames")),
    ({"status": "failed", "error": {"message": "no", "code": "content_policy_violation"}}, Failed("moderation", "no")),
    ({"status": "failed"}, Failed("provider_failed", "The provider gave no reason.")),
    ({"status": "video_generation_failed", "detail": "x"}, Failed("provider_failed", "x")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"), POLLS, ids=lambda value: json.dumps(value) if isinstance(value, dict) else ""
)
def test_every_status_means_one_thing(body: Any, expected: Any) -> None:
    assert APERTIS.read_poll(VEO3, answer(body=body), TARGET.base_url) == expected


@pytest.mark.parametrize(("status", "kind"), [(404, TaskMissing), (410, TaskMissing), (500, Unreachable), (429, Unreachable),
                                              (401, KeyRefused), (403, Unreachable), (200, Unreachable)])  # fmt: skip
def test_a_poll_that_went_wrong_never_looks_like_a_failed_render(status: int, kind: type) -> None:
    with pytest.raises(kind):
        APERTIS.read_poll(VEO3, answer(status, b"<html>"), TARGET.base_url)


def test_hosts_of_the_family_say_in_a_400_that_a_task_is_not_there() -> None:
    with pytest.raises(TaskMissing):
        APERTIS.read_poll(VEO3, answer(400, {"code": "task_not_exist", "message": "no"}), TARGET.base_url)
