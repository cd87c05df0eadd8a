"""AIID: where every vendor's values go, what each of its three error shapes means, and ten places for one address."""

import base64
import json
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from generations.providers import SPECS
from generations.providers.abilities import KeepsContent, Lists
from generations.providers.aiid import AIID
from generations.providers.base import (
    Accepted,
    Busy,
    Failed,
    File,
    Finished,
    Job,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    Request,
    Response,
    Running,
    Target,
    TaskMissing,
    Unreachable,
)
from generations.specs import Choice, Flag, ModelSpec, Number

RECORDED = Path(__file__).parent.parent / "recorded" / "aiid"
TARGET = Target("https://api.aiid.edu.kg", "sk-test-1234")
URL = "https://images.example.com/{}.png"
PNG = File("reference.png", "image/png", b"\x89PNG....")
DATA = "data:image/png;base64," + base64.b64encode(b"\x89PNG....").decode()
ALL = pytest.mark.parametrize("spec", AIID.specs, ids=lambda spec: spec.remote_name)


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def spec_of(name: str) -> ModelSpec:
    return SPECS[f"aiid-{name}"]


def answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def usual(spec: ModelSpec, **changed: Any) -> dict[str, Any]:
    """The values of an untouched form."""
    values = {param.name: param.default for param in spec if isinstance(param, Choice | Flag | Number)}
    return values | changed


def built(name: str, media: dict[str, tuple[str, ...]] | None = None, **values: Any) -> dict[str, Any]:
    spec = spec_of(name)
    job = Job(spec, "A boat", usual(spec, **values), media or {}, "t-1")
    return dict(json.loads(AIID.build_submit(job, TARGET).body))


def parts_of(request: Request) -> dict[str, tuple[bytes, str]]:
    """Value and type of each part of a form, by name; a name that comes twice is a mistake."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    names = [part.get_param("name", header="Content-Disposition") for part in parts]
    assert len(names) == len(set(names))
    return {
        name: (part.get_payload(decode=True), part.get_content_type()) for name, part in zip(names, parts, strict=True)
    }


# --- the models ------------------------------------------------------------------------------------------------------------
def test_all_models_of_the_page_are_there() -> None:
    page = (
        "sora-2 sora-2-pro gemini-omni happyhorse-1.0 happyhorse-1.0-i2v happyhorse-1.0-t2v happyhorse-1.0-r2v "
        "happyhorse-1.0-video-edit doubao-seedance-1-0-lite-i2v-250428 doubao-seedance-1-0-lite-t2v-250428 "
        "doubao-seedance-1-0-pro-250528 doubao-seedance-1-0-pro-fast-251015 doubao-seedance-1-5-pro-251215 "
        "doubao-seedance-2-0-260128 doubao-seedance-2-0-fast-260128 veo3 veo3-fast veo3-fast-frames veo3-frames veo3-pro "
        "veo3-pro-frames veo3.1 veo3.1-4k veo3.1-components veo3.1-fast veo3.1-pro veo3.1-pro-4k kling-video "
        "grok-imagine-1.0-video grok-imagine-video-1.5-preview grok-video-3 viduq3-turbo hailuo-video"
    )
    assert {spec.remote_name for spec in AIID.specs} == set(page.split())
    assert len(AIID.specs) == 33


# --- create ----------------------------------------------------------------------------------------------------------------
def test_the_documents_own_pair_goes_as_a_form() -> None:
    pair = recorded("create")
    form = pair["request"]["form"]
    job = Job(spec_of("sora-2"), form["prompt"], {"seconds": form["seconds"], "size": form["size"]})
    request = AIID.build_submit(job, TARGET)
    assert (request.method, request.url) == ("POST", f"https://api.aiid.edu.kg{pair['request']['path']}")
    assert {name: value.decode() for name, (value, _) in parts_of(request).items()} == form
    assert AIID.read_submit(answer(body=pair["response"])) == Accepted("video_abc123", "queued")


def test_soras_image_is_a_file_of_the_form() -> None:
    job = Job(spec_of("sora-2"), "A boat", usual(spec_of("sora-2")), files={"input_reference": (PNG,)})
    request = AIID.build_submit(job, TARGET)
    assert parts_of(request)["input_reference"] == (b"\x89PNG....", "image/png")
    assert b'filename="reference.png"' in request.body
    assert AIID.build_submit(job, TARGET).body == request.body, "the same request has the same hash"


@pytest.mark.parametrize(
    ("name", "media"),
    [("create_grok", {"images": (URL.format("frame"),)}), ("create_omni", {"references": (URL.format("frame"),)})],
)
def test_the_requests_are_those_of_its_public_clients(name: str, media: dict[str, tuple[str, ...]]) -> None:
    pair = recorded(name)
    body = pair["request"]["body"]
    spec = spec_of(body["model"])
    chosen = {key: value for key, value in body.items() if spec.param(key)}
    values = usual(spec) | {key: str(value) if key == "duration" else value for key, value in chosen.items()}
    assert json.loads(AIID.build_submit(Job(spec, body["prompt"], values, media), TARGET).body) == body
    assert AIID.read_submit(answer(body=pair["response"])).task_id == pair["response"]["id"]


@ALL
def test_only_sora_is_asked_with_a_form(spec: ModelSpec) -> None:
    """Vidu, Hailuo, Seedance and HappyHorse refuse forms, and one `images` part of a form breaks the gateway's reader."""
    request = AIID.build_submit(
        Job(spec, "A boat", usual(spec), {"images": (URL,)}, files={"input_reference": (PNG,)}), TARGET
    )
    is_form = request.headers["Content-Type"].startswith("multipart/form-data")
    assert is_form is spec.remote_name.startswith("sora")
    if is_form:
        assert "images" not in parts_of(request)


@ALL
def test_fields_that_no_vendor_reads_are_not_offered(spec: ModelSpec) -> None:
    """The page lists them for every model; the gateway drops them."""
    assert not {"width", "height", "fps", "n", "response_format", "user"} & {param.name for param in spec}


@ALL
def test_the_length_is_said_once(spec: ModelSpec) -> None:
    """The page says that one "falls back" to the other; the vendors do not agree which."""
    request = AIID.build_submit(Job(spec, "A boat", usual(spec)), TARGET)
    is_form = request.headers["Content-Type"].startswith("multipart/form-data")
    sent = parts_of(request) if is_form else json.loads(request.body)
    assert len({"seconds", "duration"} & set(sent)) <= 1


FIRST, LAST = URL.format("first"), URL.format("last")
SEEDANCE = {"resolution": "720p", "camera_fixed": False, "service_tier": "default", "return_last_frame": False,
            "watermark": False}  # fmt: skip
BODIES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "seedance: one frame as images": (
        "doubao-seedance-1-0-pro-250528", {"media": {"images": (FIRST,)}, "duration": "7", "seed": 5},
        {"images": [FIRST], "duration": 7, "metadata": {**SEEDANCE, "seed": 5}},
    ),
    "seedance: two frames need roles, and the prompt again": (
        "doubao-seedance-1-0-pro-250528", {"media": {"images": (FIRST, LAST)}, "aspect_ratio": "adaptive"},
        {"duration": 5, "metadata": {**SEEDANCE, "ratio": "adaptive", "content": [
            {"type": "text", "text": "A boat"},
            {"type": "image_url", "image_url": {"url": FIRST}, "role": "first_frame"},
            {"type": "image_url", "image_url": {"url": LAST}, "role": "last_frame"}]}},
    ),
    "seedance: references of three kinds": (
        "doubao-seedance-2-0-260128",
        {"media": {"references": (FIRST,)}, "reference_videos": "https://v.example/1.mp4\nhttps://v.example/2.mp4",
         "reference_audios": "https://v.example/a.mp3"},
        {"duration": 5, "metadata": {**SEEDANCE, "generate_audio": True, "content": [
            {"type": "text", "text": "A boat"},
            {"type": "image_url", "image_url": {"url": FIRST}, "role": "reference_image"},
            {"type": "video_url", "video_url": {"url": "https://v.example/1.mp4"}, "role": "reference_video"},
            {"type": "video_url", "video_url": {"url": "https://v.example/2.mp4"}, "role": "reference_video"},
            {"type": "audio_url", "audio_url": {"url": "https://v.example/a.mp3"}, "role": "reference_audio"}]}},
    ),
    "veo: the size says the resolution": (
        "veo3.1", {"media": {"images": (DATA, DATA)}, "aspect_ratio": "9:16", "resolution": "1080p", "negative_prompt": "fog"},
        {"images": [DATA, DATA], "size": "1080x1920", "aspect_ratio": "9:16", "duration": 8,
         "metadata": {"generateAudio": True, "enhance_prompt": False, "enable_upsample": False, "negativePrompt": "fog"}},
    ),
    "veo: components are images too": (
        "veo3.1-components", {"media": {"references": (DATA,)}},
        {"images": [DATA], "size": "1280x720", "aspect_ratio": "16:9", "duration": 8,
         "metadata": {"generateAudio": True, "enhance_prompt": False, "enable_upsample": False}},
    ),
    "kling: two fields for two frames, and the only name that refuses a second job": (
        "kling-video", {"media": {"images": (FIRST, LAST)}, "mode": "pro", "sound": True, "aspect_ratio": "1:1",
                        "negative_prompt": "fog", "cfg_scale": 0.3},
        {"image": FIRST, "mode": "pro", "size": "1440x1440", "duration": 5,
         "metadata": {"image_tail": LAST, "sound": "on", "negative_prompt": "fog", "cfg_scale": 0.3,
                      "external_task_id": "t-1"}},
    ),
    "vidu: a resolution, never pixels": (
        "viduq3-turbo", {"resolution": "540p", "generate_audio": False, "wm_position": "2", "aspect_ratio": "1:1"},
        {"size": "540p", "duration": 5,
         "metadata": {"audio": False, "watermark": False, "wm_position": 2, "off_peak": False, "aspect_ratio": "1:1"}},
    ),
    "hailuo: frames in metadata, because images are not read": (
        "hailuo-video", {"media": {"images": (DATA, FIRST)}},
        {"size": "768P", "duration": 6,
         "metadata": {"prompt_optimizer": True, "fast_pretreatment": False, "aigc_watermark": False,
                      "first_frame_image": DATA, "last_frame_image": FIRST}},
    ),
    "happyhorse: parameters and input": (
        "happyhorse-1.0", {"media": {"images": (DATA,)}, "mode": "i2v", "resolution": "720P", "duration": "3", "seed": 7},
        {"mode": "i2v", "duration": 3,
         "metadata": {"parameters": {"resolution": "720P", "seed": 7, "watermark": False},
                      "input": {"prompt": "A boat", "media": [{"type": "first_frame", "url": DATA}]}}},
    ),
    "happyhorse: a video to change": (
        "happyhorse-1.0-video-edit", {"media": {"references": (FIRST,)}, "video": "https://v.example/1.mp4"},
        {"metadata": {"parameters": {"resolution": "1080P", "audio_setting": "auto", "watermark": False},
                      "input": {"prompt": "A boat", "media": [{"type": "video", "url": "https://v.example/1.mp4"},
                                                              {"type": "reference_image", "url": FIRST}]}}},
    ),
    "grok: one image, or references": (
        "grok-imagine-1.0-video", {"media": {"images": (FIRST,)}, "preset": "fun"},
        {"image": FIRST, "aspect_ratio": "16:9", "resolution": "720P", "seconds": "6", "preset": "fun"},
    ),
    "grok 3: its only size": ("grok-video-3", {"aspect_ratio": "2:3"}, {"aspect_ratio": "2:3", "size": "720P"}),
    "omni: several references": (
        "gemini-omni", {"media": {"references": (FIRST, LAST)}, "mode": "r2v", "aspect_ratio": "9:16", "generate_audio": False},
        {"images": [FIRST, LAST], "mode": "r2v", "aspect_ratio": "9:16", "size": "720x1280", "duration": 8,
         "generate_audio": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_every_value_goes_where_its_vendor_reads_it(case: str) -> None:
    name, given, expected = BODIES[case]
    media = given.pop("media", None) if "media" in (given := dict(given)) else None
    assert built(name, media, **given) == {"model": name, "prompt": "A boat", **expected}


@ALL
def test_more_fields_are_passed_on_but_never_overrule_the_form(spec: ModelSpec) -> None:
    mine = {"tools": [{"type": "x"}], "parameters": {"extra": 1}, "ratio": "mine"}
    job = Job(
        spec,
        "A boat",
        usual(spec, metadata=mine),
        {"input_reference": (DATA,)} if spec.param("input_reference") else {},
    )
    request = AIID.build_submit(job, TARGET)
    if request.headers["Content-Type"] == "application/json":
        metadata = json.loads(request.body)["metadata"]
    else:
        metadata = json.loads(parts_of(request)["metadata"][0])
    assert metadata["tools"] == [{"type": "x"}]
    assert metadata["parameters"]["extra"] == 1
    if dict(spec.wire).get("aspect_ratio") == "metadata.ratio" and spec.param("aspect_ratio").default:  # type: ignore[union-attr]
        assert metadata["ratio"] == "16:9"
    assert mine["parameters"] == {"extra": 1}, "what was typed stays as it was"


# --- answers to the paid request ---------------------------------------------------------------------------------------------
def packed(upstream: Any) -> dict[str, Any]:
    return {"code": "fail_to_fetch_task", "message": json.dumps(upstream), "data": None}


POLICY = {"error": {"message": "Your prompt violates our policy.", "code": "content_policy_violation"}}
SUBMIT: dict[str, tuple[Response, type, str]] = {
    "task shape": (answer(400, {"code": "invalid_size", "message": "sora-2 size is invalid", "data": None}), Rejected,
                   "sora-2 size is invalid"),
    "gate shape": (answer(401, {"error": {"message": "无效的令牌", "type": "new_api_error", "code": ""}}), KeyRefused, "令牌"),
    "empty": (answer(429, b""), Busy, "busy"),
    "saturated": (answer(429, {"code": "x", "message": "当前分组上游负载已饱和", "data": None}, retry_after="9"), Busy, "饱和"),
    "no funds": (answer(403, {"code": "insufficient_user_quota", "message": "用户额度不足", "data": None}), KeyRefused, "额度"),
    "no channel": (answer(503, {"error": {"message": "No available channel", "code": "model_not_found"}}), Rejected,
                   "Nothing was charged"),
    "vendor refuses, packed": (answer(400, packed({"error": {"message": "Bad size"}})), Rejected, "Bad size"),
    "vendor's moderation, packed": (answer(400, packed(POLICY)), Rejected, "violates"),
    "vendor refuses AIID's account, not our key": (answer(401, packed({"error": {"message": "bad key"}})), Rejected, "vendor"),
    "vendor busy, packed": (answer(429, packed({"error": {"message": "slow down"}})), Busy, "slow down"),
    "vendor down, packed": (answer(502, packed({"error": {"message": "gone"}})), OutcomeUnknown, "gone"),
    "upstream task may exist": (answer(500, {"code": "unmarshal_response_body_failed", "message": "x", "data": None}),
                                OutcomeUnknown, "accepted"),
    "asked again by itself": (answer(500, {"code": "do_request_failed", "message": "EOF", "data": None}), OutcomeUnknown, "EOF"),
    "cloudflare": (answer(524, b"<html>"), OutcomeUnknown, "524"),
    "200 with a refusal": (answer(200, {"code": "invalid_request", "message": "no", "data": None}), Rejected, "no"),
    "200 with success and nothing": (answer(200, {"code": "success", "message": "", "data": None}), OutcomeUnknown, "task id"),
    "wrong host": (answer(404, {"error": {"message": "Invalid URL (POST /v1/videos)"}}), Rejected, "base URL"),
}  # fmt: skip


@pytest.mark.parametrize("case", SUBMIT)
def test_every_refusal_says_truthfully_what_it_means_for_money(case: str) -> None:
    response, kind, words = SUBMIT[case]
    with pytest.raises(kind) as raised:
        AIID.read_submit(response)
    assert type(raised.value) is kind
    assert words in str(raised.value)


def test_a_packed_moderation_is_called_so() -> None:
    for status in (400, 403):
        with pytest.raises(Rejected) as raised:
            AIID.read_submit(answer(status, packed(POLICY)))
        assert raised.value.reason == "moderation"


@pytest.mark.parametrize(
    ("body", "task_id"),
    [({"id": "task_a", "task_id": "upstream"}, "task_a"), ({"task_id": "task_b"}, "task_b"),
     ({"code": "success", "data": {"task_id": "task_c"}}, "task_c")],
)  # fmt: skip
def test_the_id_is_ours_and_not_the_vendors(body: Any, task_id: str) -> None:
    assert AIID.read_submit(answer(body=body)).task_id == task_id


# --- asking how it is --------------------------------------------------------------------------------------------------------
def test_the_answers_are_those_of_the_gateway() -> None:
    pair = recorded("retrieve")
    spec = spec_of("kling-video")
    assert AIID.build_poll(spec, "video_abc123", TARGET).url.endswith(pair["request"]["path"])
    names = ("not_started", "running", "kling", "sora", "failed", "older")
    read = {name: AIID.read_poll(spec, answer(body=pair[name]), TARGET.base_url) for name in names}
    assert read == {
        "not_started": Running("unknown", 0, started=False),
        "running": Running("in_progress", 30),
        "kling": Finished("https://cdn.example.com/kling.mp4", "completed"),
        "sora": Finished("", "completed"),
        "failed": Failed("provider_failed", "CreditInsufficient"),
        "older": Finished("https://cdn.example.com/older.mp4", "SUCCESS"),
    }
    assert AIID.content_url(spec, "video_abc123", TARGET.base_url) == f"https://api.aiid.edu.kg{pair['content']}"
    assert isinstance(AIID, KeepsContent)
    assert not isinstance(AIID, Lists), "the gateway has no list"


def nested(place: str, value: Any) -> Any:
    for step in reversed(place.split(".")):
        value = [value] if step == "0" else {step: value}
    return value


@pytest.mark.parametrize(
    "place",
    ["result_url", "metadata.url", "data.metadata.url", "data.result_url", "video_url", "url", "output.url", "output.0.url",
     "output.0.video_url", "detail.url"],
)  # fmt: skip
@pytest.mark.parametrize("written", ["https://cdn.example.com/a.mp4", " `https://cdn.example.com/a.mp4` "])
def test_the_address_is_found_in_each_of_its_places(place: str, written: str) -> None:
    body = nested(place, written) | {"status": "completed"}
    found = AIID.read_poll(spec_of("veo3"), answer(body=body), TARGET.base_url)
    assert found == Finished("https://cdn.example.com/a.mp4", "completed")


@pytest.mark.parametrize(
    ("value", "found"),
    [("/files/a.mp4", "https://api.aiid.edu.kg/files/a.mp4"), ("The task failed: no frames", ""),
     ("data:video/mp4;base64,AAAA", ""), ("", ""), (None, ""), ("https://user:pw@cdn.example.com/a.mp4", "")],
)  # fmt: skip
def test_what_is_no_address_is_left_for_the_content_route(value: Any, found: str) -> None:
    body = {"status": "completed", "metadata": {"url": value}}
    assert AIID.read_poll(spec_of("veo3"), answer(body=body), TARGET.base_url) == Finished(found, "completed")


@pytest.mark.parametrize(
    "body",
    [{"status": "in_progress", "error": {"code": "50430", "message": "limit"}},
     {"status": "in_progress", "completed_at": 1764347101, "progress": 100},
     {"status": "in_progress", "metadata": {"url": "https://cdn.example.com/early.mp4"}}],
)  # fmt: skip
def test_only_the_status_ends_a_task(body: Any) -> None:
    assert isinstance(AIID.read_poll(spec_of("veo3"), answer(body=body), TARGET.base_url), Running)


@pytest.mark.parametrize("word", ["video_url", "url", "completed_at"])
def test_words_that_slipped_into_the_pages_list_of_states_mean_still_running(word: str) -> None:
    found = AIID.read_poll(spec_of("veo3"), answer(body={"status": word}), TARGET.base_url)
    assert found == Running(word, known=False)


@pytest.mark.parametrize(
    ("response", "kind"),
    [(answer(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}), TaskMissing),
     (answer(404, b""), TaskMissing), (answer(401, {}), KeyRefused),
     (answer(401, packed({"error": {"message": "x"}})), Unreachable), (answer(429, b""), Unreachable),
     (answer(502, b"<html>"), Unreachable), (answer(500, packed({"error": {"message": "x"}})), Unreachable),
     (answer(200, b"<html>"), Unreachable)],
)  # fmt: skip
def test_a_poll_that_went_wrong_never_looks_like_a_failed_render(response: Response, kind: type) -> None:
    with pytest.raises(kind):
        AIID.read_poll(spec_of("veo3"), response, TARGET.base_url)


@pytest.mark.parametrize("task_id", ["sora-2:17-ab", "a/b", "a?b=c", "YmFzZTY0="])
def test_ids_are_always_quoted(task_id: str) -> None:
    assert AIID.build_poll(spec_of("veo3"), task_id, TARGET).url.count("/") == 5
