"""The A4F adapter against what its document says, and against what hosts of its kind really send."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from generations.providers import SPECS, STREAMED
from generations.providers.a4f import A4F_VIDEO
from generations.providers.base import (
    Busy,
    Delivered,
    Failed,
    Job,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    Response,
    Stream,
    Target,
    Unreachable,
)
from generations.providers.longjson import Long, decoded
from generations.specs import Choice

RECORDED = json.loads((Path(__file__).parent.parent / "recorded" / "a4f" / "generations.json").read_text())
TARGET = Target("https://api.example.com", "ddc-test-1234")
KLING = SPECS["a4f-kling-v2.1"]
VIDEO = bytes(range(256)) * 40
LOST = "the connection was lost"


@pytest.fixture
def stream(tmp_path: Path) -> Any:
    def make(body: Any, why: str = "") -> Stream:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        (tmp_path / "a.body").write_bytes(raw + bytes(64))  # the room that was kept free
        return Stream(tmp_path / "a.body", why)

    return make


def answered(**entry: Any) -> dict[str, Any]:
    return RECORDED["response"] | {"data": [RECORDED["response"]["data"][0] | entry]}


def error(status: int, code: str = "", message: str = "No", **more: str) -> Response:
    body = {"error": {"message": message, "code": code} | more}
    return Response(status, {}, json.dumps(body).encode())


def test_the_request_is_the_documents_own() -> None:
    sent = RECORDED["request"]
    values = {"quality": "1080p", "duration": "5", "ratio": "16:9"}
    request = A4F_VIDEO.build_submit(Job(KLING, sent["body"]["prompt"], values), TARGET)
    assert (request.method, request.url) == (sent["method"], f"https://api.example.com{sent['path']}")
    assert json.loads(request.body) == sent["body"]
    assert request.headers["Authorization"] == "Bearer ddc-test-1234"
    assert "ddc-test" not in repr(request)


@pytest.mark.parametrize("spec", A4F_VIDEO.specs, ids=lambda spec: spec.slug)
def test_the_shape_is_always_said(spec: Any) -> None:
    """Left out it is upright here and lying with every other provider, so nothing is left to the default."""
    values = {param.name: param.default for param in spec if isinstance(param, Choice)}
    assert json.loads(A4F_VIDEO.build_submit(Job(spec, "A boat", values), TARGET).body)["ratio"] == values["ratio"]


def test_the_seven_models_of_the_document_are_there_with_their_limits() -> None:
    """Source: Available Models & Capabilities."""
    found = {
        spec.remote_name: (int(_choices(spec, "duration")[-1]), _choices(spec, "quality")) for spec in A4F_VIDEO.specs
    }
    both, full = ("720p", "1080p"), ("1080p",)
    assert found == {
        "provider-2/seedance-lite": (5, full), "provider-2/kling-v2.1": (5, both), "provider-2/sora-2": (4, both),
        "provider-2/veo-fast": (8, both), "provider-2/seedance-pro": (5, full), "provider-2/sora-2-pro": (5, both),
        "provider-2/veo": (8, both),
    }  # fmt: skip
    for spec in A4F_VIDEO.specs:
        assert set(_choices(spec, "ratio")) == {"1:1", "16:9", "9:16", "3:4", "4:3"}
        assert spec.param("ratio").default == "9:16"  # type: ignore[union-attr]
        assert spec.slug in STREAMED


def _choices(spec: Any, name: str) -> tuple[str, ...]:
    param = spec.param(name)
    assert isinstance(param, Choice)
    return param.choices


def test_the_video_is_what_the_text_stands_for(stream: Any) -> None:
    answer = stream(answered(b64_json=base64.b64encode(VIDEO).decode(), revised_prompt="A lighthouse, \u0000at dusk"))
    found = A4F_VIDEO.read_stream(answer)
    assert isinstance(found, Delivered)
    assert isinstance(found.video, Long)
    assert (found.url, found.prompt) == ("", "A lighthouse, at dusk")
    assert b"".join(decoded(answer.path, found.video)) == VIDEO


def test_an_answer_whose_last_byte_came_before_the_line_broke_is_whole(stream: Any) -> None:
    body = answered(b64_json=base64.b64encode(VIDEO).decode())
    assert isinstance(A4F_VIDEO.read_stream(stream(body, LOST)), Delivered)


def test_an_address_is_taken_where_there_is_no_video(stream: Any) -> None:
    found = A4F_VIDEO.read_stream(stream(answered(b64_json=None, url="https://x.org/a.mp4")))
    assert found == Delivered(url="https://x.org/a.mp4")


CUT = json.dumps(answered(b64_json=base64.b64encode(VIDEO).decode())).encode()[:-30]
UNCLEAR: list[tuple[Any, str]] = [
    (b"", LOST), (CUT, LOST), (CUT, ""), (b"<html>", ""), (b"", ""), (b"[" * 100_000, ""), (b"[1]", ""), (b"\xff{", ""),
    ({}, ""), ({"data": []}, ""), ({"data": None}, ""), ({"data": ["x"]}, ""), (answered(b64_json=None), ""),
    (answered(b64_json=""), ""), (answered(b64_json=7), ""), (answered(b64_json=None, url="javascript:alert(1)"), ""),
    (answered(b64_json=None, url="file:///etc/passwd"), ""), ({"error": None}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "why"), UNCLEAR, ids=lambda value: str(value)[:40])
def test_whatever_has_no_video_in_it_may_have_been_charged(body: Any, why: str, stream: Any) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        A4F_VIDEO.read_stream(stream(body, why))
    assert "may have charged" in str(raised.value)
    assert "keeps no copy" in str(raised.value)
    assert why in str(raised.value)


KINDS = {"invalid_request_error": Rejected, "n_exceeds_model_limit": Rejected, "invalid_api_key": KeyRefused,
         "permission_denied_error": Rejected, "rate_limit_exceeded": Busy, "provider_error": Failed}  # fmt: skip


@pytest.mark.parametrize("documented", RECORDED["errors"], ids=lambda entry: entry["code"])
@pytest.mark.parametrize("as_stream", [False, True], ids=["with its status", "with HTTP 200"])
def test_every_error_of_the_document_has_its_class(documented: dict[str, Any], as_stream: bool, stream: Any) -> None:
    kind, body = KINDS[documented["code"]], {"error": {k: v for k, v in documented.items() if k != "status"}}

    def read() -> Any:
        if as_stream:
            return A4F_VIDEO.read_stream(stream(body))
        return A4F_VIDEO.read_submit(Response(documented["status"], {}, json.dumps(body).encode()))

    if kind is Failed:
        assert read() == Failed("provider_failed", documented["message"])
        return
    with pytest.raises(kind) as raised:
        read()
    assert type(raised.value) is kind
    assert documented["message"].split(" ")[-1].strip(".") in str(raised.value), "in the provider's own words"


OTHERS: list[tuple[Response, type]] = [
    (error(400, "content_policy_violation"), Rejected), (error(404, "model_not_found"), Rejected), (error(402), KeyRefused),
    (error(403, "ip_not_allowed"), KeyRefused), (error(408), OutcomeUnknown), (error(500, "internal_error"), OutcomeUnknown),
    (Response(500, {}, b""), OutcomeUnknown), (Response(502, {}, b"<html>"), OutcomeUnknown),
    (Response(524, {}, b""), OutcomeUnknown), (Response(503, {"retry-after": "9"}, b""), Busy),
    (Response(307, {}, b""), Rejected), (Response(200, {}, b""), OutcomeUnknown),
]  # fmt: skip


@pytest.mark.parametrize(
    ("response", "kind"), OTHERS, ids=lambda value: getattr(value, "__name__", "") or str(value)[:60]
)
def test_every_other_answer_has_its_class(response: Response, kind: type) -> None:
    with pytest.raises(kind) as raised:
        A4F_VIDEO.read_submit(response)
    assert type(raised.value) is kind


def test_nothing_can_be_asked_about() -> None:
    with pytest.raises(Unreachable):
        A4F_VIDEO.build_poll(KLING, "x", TARGET)
