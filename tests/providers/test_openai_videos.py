"""The dialect of the OpenAI Videos API: the pairs of its reference, and what other hosts that speak it really send."""

import dataclasses
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from generations.providers import SPECS
from generations.providers.abilities import KeepsContent, Lists
from generations.providers.base import (
    Accepted,
    Busy,
    CannotList,
    Failed,
    File,
    Finished,
    Job,
    KeyRefused,
    Listed,
    OutcomeUnknown,
    Rejected,
    Response,
    Running,
    Target,
    TaskMissing,
    Unreachable,
)
from generations.providers.common import epoch
from generations.providers.openai_videos import CORRELATION, MULTIPART, OPENAI, OpenAIVideos

RECORDED = Path(__file__).parent.parent / "recorded" / "openai"
TARGET = Target("https://api.example.com", "sk-test-1234")
SORA = SPECS["openai-sora-2"]
PRO = SPECS["openai-sora-2-pro"]
TAGGING = OpenAIVideos("other", "Other", "https://other.example", (), "metadata")


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


# --- create ----------------------------------------------------------------------------------------------------------------
def test_the_request_is_the_references_own() -> None:
    pair = recorded("create")
    request = OPENAI.build_submit(Job(SORA, pair["request"]["body"]["prompt"], {}, correlation="t-1"), TARGET)
    assert (request.method, request.url) == ("POST", f"https://api.example.com{pair['request']['path']}")
    assert request.headers["Authorization"] == "Bearer sk-test-1234"
    assert json.loads(request.body) == pair["request"]["body"]
    assert OPENAI.read_submit(answer(body=pair["response"])) == Accepted("video_123", "queued")


def test_every_setting_is_sent_as_text_and_an_image_by_its_address() -> None:
    values, media = {"seconds": "8", "size": "1792x1024"}, {"input_reference": ("https://pics.example/a.png",)}
    request = OPENAI.build_submit(Job(PRO, "A cat", values, media), TARGET)
    assert json.loads(request.body) == {
        "model": "sora-2-pro", "prompt": "A cat", "seconds": "8", "size": "1792x1024",
        "input_reference": {"image_url": "https://pics.example/a.png"},
    }  # fmt: skip


@pytest.mark.parametrize(("field", "sent"), [("metadata", {CORRELATION: "t-1"}), ("user", "t-1")])
def test_our_name_for_the_job_travels_in_the_field_that_the_host_takes(field: str, sent: Any) -> None:
    host = dataclasses.replace(TAGGING, correlation_field=field)
    body = json.loads(host.build_submit(Job(SORA, "A cat", {}, correlation="t-1"), TARGET).body)
    assert body[field] == sent
    listed = host.read_list(answer(body={"data": [{"id": "v", **body}], "has_more": False})).entries[0]
    assert listed.correlation == "t-1"


def test_a_host_that_wants_a_form_gets_one() -> None:
    from email import message_from_bytes

    spec = dataclasses.replace(SORA, protocol=MULTIPART)
    media = {"input_reference": ("https://pics.example/a.png",)}
    job = Job(spec, 'Line 1\r\n"quoted" – ü', {"seconds": "4"}, media, "t-1")
    request = TAGGING.build_submit(job, TARGET)
    assert TAGGING.build_submit(job, TARGET).body == request.body, "the same request has the same hash"
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    found = {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts}
    assert found == {
        "model": b"sora-2", "prompt": 'Line 1\r\n"quoted" – ü'.encode(), "seconds": b"4",
        "input_reference": b"https://pics.example/a.png", "metadata": json.dumps({CORRELATION: "t-1"}).encode(),
    }  # fmt: skip


def test_a_form_carries_the_image_as_a_file_where_the_host_wants_one() -> None:
    spec = dataclasses.replace(SORA, protocol=MULTIPART)
    files = {"input_reference": (File("frame.png", "image/png", b"\x89PNG..."),)}
    body = TAGGING.build_submit(Job(spec, "A cat", {}, files=files), TARGET).body
    head = b'name="input_reference"; filename="frame.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG...\r\n'
    assert body.count(b'name="input_reference"') == 1
    assert head in body


def test_the_remix_is_the_references_own() -> None:
    pair = recorded("remix")
    job = Job(SPECS["openai-sora-2-remix"], pair["request"]["body"]["prompt"], {}, source="video_123")
    request = OPENAI.build_submit(job, TARGET)
    assert (request.method, request.url) == ("POST", f"https://api.example.com{pair['request']['path']}")
    assert json.loads(request.body) == pair["request"]["body"]
    assert OPENAI.read_submit(answer(body=pair["response"])) == Accepted("video_456", "queued")


def test_a_remix_sends_the_prompt_alone_to_the_shots_own_address() -> None:
    """Source: OpenAI API reference, Remix video; hosts drop or refuse anything else."""
    remix = SPECS["openai-sora-2-remix"]
    job = Job(remix, "At night", {"size": "720x1280"}, correlation="t-1", source="sora-2:17/a")
    request = TAGGING.build_submit(job, TARGET)
    assert (request.method, request.url) == ("POST", "https://api.example.com/v1/videos/sora-2%3A17%2Fa/remix")
    assert json.loads(request.body) == {"prompt": "At night"}
    with pytest.raises(Rejected, match="Nothing was sent"):
        TAGGING.build_submit(Job(remix, "At night", {}), TARGET)


SUBMIT = [
    (answer(200, {"id": "video_1"}), Accepted),
    (answer(200, {"id": "sora-2:17-ab", "task_id": "other"}), Accepted),
    (answer(200, {"object": "video"}), OutcomeUnknown),
    (answer(200, b"<html>"), OutcomeUnknown),
    (answer(200, {"error": {"message": "no", "code": "x"}}), Rejected),
    (answer(400, {"error": {"message": "Unknown parameter: 'n'.", "code": "unknown_parameter"}}), Rejected),
    (answer(404, {"error": {"message": "Invalid URL (POST /v1/videos)"}}), Rejected),
    (answer(401, {"error": {"code": "invalid_api_key", "message": "Incorrect"}}), KeyRefused),
    (answer(429, {"error": {"code": "insufficient_quota", "message": "You exceeded your quota."}}), KeyRefused),
    (answer(429, {"error": {"code": "rate_limit_exceeded"}}, retry_after="2"), Busy),
    (answer(500, {"error": {"message": "The server had an error"}}), OutcomeUnknown),
    (answer(502, b"<html>"), OutcomeUnknown),
    (answer(524, b""), OutcomeUnknown),
]


@pytest.mark.parametrize(("response", "kind"), SUBMIT, ids=lambda value: getattr(value, "__name__", "")
                         or f"{value.status} {value.body[:40]!r}")  # fmt: skip
def test_every_answer_to_the_paid_request_has_its_class(response: Response, kind: type) -> None:
    if kind is Accepted:
        assert OPENAI.read_submit(response).task_id
        return
    with pytest.raises(kind) as raised:
        OPENAI.read_submit(response)
    assert type(raised.value) is kind


def test_a_refusal_by_the_moderation_is_called_so() -> None:
    with pytest.raises(Rejected) as raised:
        OPENAI.read_submit(answer(400, {"error": {"code": "moderation_blocked", "message": "Blocked."}}))
    assert raised.value.reason == "moderation"


# --- retrieve ------------------------------------------------------------------------------------------------------------
def test_the_answers_are_the_references_own() -> None:
    pair = recorded("retrieve")
    assert OPENAI.build_poll(SORA, "video_123", TARGET).url.endswith(pair["request"]["path"])
    read = {name: OPENAI.read_poll(SORA, answer(body=pair[name]), TARGET.base_url)
            for name in ("queued", "running", "finished", "failed")}  # fmt: skip
    assert read == {
        "queued": Running("queued", 0, started=False),
        "running": Running("in_progress", 33),
        "finished": Finished("", "completed"),
        "failed": Failed("moderation", "Your request was blocked by our moderation system."),
    }
    assert OPENAI.content_url(SORA, "video_123", TARGET.base_url) == f"https://api.example.com{pair['content']}"


@pytest.mark.parametrize("seconds", [{"seconds": 4}, {"seconds": "4"}, {"seconds": 4.0}, {"seconds": None}, {}])
def test_a_length_of_any_type_or_none_is_read(seconds: dict[str, Any]) -> None:
    """New API refuses a number that it gets from a host; we do not. What we send is a text, as the reference says."""
    body = {"id": "v", "status": "completed", "video_url": "https://x.org/a.mp4", **seconds}
    assert OPENAI.read_submit(answer(body=body)) == Accepted("v", "completed")
    assert OPENAI.read_poll(SORA, answer(body=body), TARGET.base_url) == Finished("https://x.org/a.mp4", "completed")
    [entry] = OPENAI.read_list(answer(body={"data": [body], "has_more": False})).entries
    assert entry.task_id == "v"


@pytest.mark.parametrize("task_id", ["sora-2:17-ab", "a/b", "a?b=c", "a%3Ab", "with space", "YmFzZTY0="])
def test_ids_are_opaque_and_always_quoted(task_id: str) -> None:
    for url in (OPENAI.build_poll(SORA, task_id, TARGET).url, OPENAI.content_url(SORA, task_id, TARGET.base_url)):
        parts = urlsplit(url)
        assert (parts.path.count("/"), parts.query) == (3 + url.endswith("/content"), "")


def test_the_file_is_at_the_origin_that_the_key_belongs_to() -> None:
    url = OPENAI.content_url(SORA, "video_1", "https://relay.example/openai")
    assert urlsplit(url).netloc == "relay.example"
    assert isinstance(OPENAI, KeepsContent)


POLLS = [
    ({"status": "completed", "video_url": "https://cdn.example/a.mp4"}, Finished("https://cdn.example/a.mp4", "completed")),
    ({"status": "completed", "metadata": {"url": "https://cdn.example/b.mp4"}},
     Finished("https://cdn.example/b.mp4", "completed")),
    ({"status": "completed", "url": "/files/a.mp4"}, Finished("https://api.example.com/files/a.mp4", "completed")),
    ({"status": "completed", "metadata": {"url": "upstream said no"}}, Finished("", "completed")),
    ({"status": "completed", "video_url": "javascript:alert(1)"}, Finished("", "completed")),
    ({"status": "SUCCESS"}, Finished("", "SUCCESS")),
    ({"status": "pending"}, Running("pending", started=False)),
    ({"status": "in_progress", "progress": "25%"}, Running("in_progress", 25)),
    ({"status": "video_url"}, Running("video_url", known=False)),
    ({}, Running("", known=False)),
    ({"status": "failed", "error": None}, Failed("provider_failed", "The provider gave no reason.")),
    ({"status": "cancelled", "error": {"message": "out of time"}}, Failed("provider_failed", "out of time")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"), POLLS, ids=lambda value: json.dumps(value) if isinstance(value, dict) else ""
)
def test_every_status_means_one_thing(body: Any, expected: Any) -> None:
    assert OPENAI.read_poll(SORA, answer(body=body), TARGET.base_url) == expected


@pytest.mark.parametrize(
    ("response", "kind"),
    [(answer(404, b""), TaskMissing), (answer(400, {"code": "task_not_exist", "message": "no"}), TaskMissing),
     (answer(400, {}), Unreachable), (answer(401, {}), KeyRefused), (answer(429, {}), Unreachable),
     (answer(500, b""), Unreachable), (answer(200, b"<html>"), Unreachable)],
)  # fmt: skip
def test_a_poll_that_went_wrong_never_looks_like_a_failed_render(response: Response, kind: type) -> None:
    with pytest.raises(kind):
        OPENAI.read_poll(SORA, response, TARGET.base_url)


# --- list ----------------------------------------------------------------------------------------------------------------
def test_the_list_is_the_references_own() -> None:
    pair = recorded("list")
    assert isinstance(OPENAI, Lists)
    request = OPENAI.build_list(TARGET)
    assert (request.method, request.body) == ("GET", b"")
    assert request.url.endswith(pair["request"]["path"])
    listing = OPENAI.read_list(answer(body=pair["response"]))
    assert OPENAI.build_list(TARGET, listing.after).url.endswith(pair["request"]["next"])
    prompt = "A calico cat playing a piano on stage"
    assert listing.entries == (
        Listed(
            "video_123",
            1712697600,
            "",
            prompt,
            "sora-2-2025-10-06",
            "in_progress",
            {"seconds": "8", "size": "1280x720"},
        ),
        Listed("video_122", 1712697000, "", "", "sora-2-pro", "completed", {"seconds": "12", "size": "1024x1792"}),
    )


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({"data": [{"id": "a"}], "has_more": False, "last_id": "a"}, ""),
        ({"data": [{"id": "a"}], "has_more": True, "last_id": "a"}, "a"),
        ({"data": [{"id": "a"}]}, "a"),  # nothing is said: asked on, until a page is empty
        ({"data": [], "has_more": True}, ""),
    ],
)
def test_a_list_is_read_to_its_end(body: Any, after: str) -> None:
    assert OPENAI.read_list(answer(body=body)).after == after


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(404, {"error": {"message": "Invalid URL (GET /v1/videos)"}}), CannotList),
        (answer(405, b""), CannotList),
        (answer(400, {"error": {"message": "custom_llm_provider is required"}}), CannotList),
        (answer(500, b""), Unreachable),
        (answer(401, b""), KeyRefused),
        (answer(429, b""), Unreachable),
        (answer(200, b"<html>"), Unreachable),
        (answer(200, {"object": "list"}), Unreachable),
        (answer(200, {"data": ["x"]}), Unreachable),
        (answer(200, {"data": [{"status": "queued"}], "has_more": True}), Unreachable),
    ],
)
def test_a_list_that_cannot_be_read_never_looks_like_an_empty_one(response: Response, kind: type) -> None:
    with pytest.raises(kind):
        OPENAI.read_list(response)


@pytest.mark.parametrize(
    ("metadata", "found"),
    [({CORRELATION: "t-1"}, "t-1"), (json.dumps({CORRELATION: "t-1"}), "t-1"), ({}, ""), ("no json", ""), (None, ""),
     ({CORRELATION: 7}, "")],
)  # fmt: skip
def test_our_name_is_found_however_the_host_writes_it(metadata: Any, found: str) -> None:
    entry = TAGGING.read_list(answer(body={"data": [{"id": "a", "metadata": metadata}]})).entries[0]
    assert entry.correlation == found


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(1712697600, 1712697600), (1712697600123, 1712697600.123), ("1712697600", 1712697600), (1712697600e6, 1712697600),
     ("2024-04-09T21:20:00Z", 1712697600), ("2024-04-09T21:20:00", 1712697600), (None, None), (True, None), ("soon", None),
     (-1, None), (float("nan"), None)],
)  # fmt: skip
def test_times_are_seconds_whatever_the_host_sends(value: Any, seconds: float | None) -> None:
    assert epoch(value) == seconds


# --- the models ------------------------------------------------------------------------------------------------------------
def test_the_two_models_take_what_the_reference_says() -> None:
    """Source: OpenAI API reference, Create video: seconds 4, 8, 12; the two larger sizes are for the pro model."""
    found = {spec.remote_name: {param.name: getattr(param, "choices", None) for param in spec} for spec in OPENAI.specs}
    assert {name: params["seconds"] for name, params in found.items()} == dict.fromkeys(found, ("4", "8", "12"))
    assert {name: set(params["size"]) for name, params in found.items()} == {
        "sora-2": {"1280x720", "720x1280"},
        "sora-2-pro": {"1280x720", "720x1280", "1792x1024", "1024x1792"},
    }
    assert all(spec.lifecycle.status == "retired" for spec in OPENAI.specs)
