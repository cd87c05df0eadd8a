import base64
import json

import pytest

from sandbox.dialects.apertis_rules import MODELS

from .client import CREATE, QUERY, Api

URL = "https://example.com/a.png"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()

REFUSED = {
    "no model": ({"model": None}, 400, "missing_parameter", "model"),
    "no prompt": ({"prompt": None}, 400, "missing_parameter", "prompt"),
    "empty prompt": ({"prompt": ""}, 400, "missing_parameter", "prompt"),
    "blank prompt": ({"prompt": "  "}, 400, "invalid_parameter", "prompt"),
    "long prompt": ({"prompt": "a" * 8001}, 400, "invalid_parameter", "prompt"),
    "half a character": ({"prompt": "\ud83d"}, 400, "invalid_parameter", "prompt"),
    "prompt no text": ({"prompt": 7}, 400, "invalid_parameter", "prompt"),
    "model no text": ({"model": ["veo3"]}, 400, "invalid_parameter", "model"),
    "unknown model": ({"model": "veo9"}, 404, "model_not_found", "model"),
    "model of another protocol": ({"model": "veo_3_1"}, 404, "model_not_found", "model"),
    "enhance no flag": ({"enhance_prompt": "true"}, 400, "invalid_parameter", "enhance_prompt"),
    "upsample no flag": ({"enable_upsample": 1}, 400, "invalid_parameter", "enable_upsample"),
    "strange ratio": ({"aspect_ratio": "1:1"}, 400, "invalid_parameter", "aspect_ratio"),
    "ratio no text": ({"aspect_ratio": ["16:9"]}, 400, "invalid_parameter", "aspect_ratio"),
    "ratio on veo2": ({"model": "veo2", "aspect_ratio": "16:9"}, 400, "invalid_parameter", "aspect_ratio"),
    "foreign parameter": ({"duration": 8}, 400, "invalid_parameter", "duration"),
    "images no list": ({"images": URL}, 400, "invalid_parameter", "images"),
    "image no text": ({"images": [3]}, 400, "invalid_parameter", "images"),
    "image of a file": ({"images": ["file:///etc/passwd"]}, 400, "invalid_parameter", "images"),
    "image without host": ({"images": ["https://"]}, 400, "invalid_parameter", "images"),
    "image unparsable": ({"images": ["http://[::1"]}, 400, "invalid_image", "images"),
    "image bad base64": ({"images": ["data:image/png;base64,?"]}, 400, "invalid_image", "images"),
    "image no image": ({"images": ["data:image/png;base64,AAAA"]}, 400, "invalid_image", "images"),
    "image a video": ({"images": ["data:video/mp4;base64,AAAA"]}, 400, "invalid_image", "images"),
}


@pytest.mark.parametrize(("change", "status", "code", "param"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_refused_with_the_parameter_to_blame(
    api: Api, change: dict, status: int, code: str, param: str
):
    body = {"model": "veo3.1", "prompt": "a refused lake"} | change
    body = {name: value for name, value in body.items() if value is not None}
    answer = api.http.post(CREATE, content=json.dumps(body).encode(), headers=api.auth())
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["param"]) == (
        status,
        code,
        param,
    )
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]
    assert not api.billed("a refused lake")


@pytest.mark.parametrize("model", MODELS)
def test_each_model_takes_as_many_images_as_its_rule_and_no_more(api: Api, model: str):
    rule = MODELS[model]
    for count in range(5):
        answer = api.post(f"[[fail]] {count}", model=model, images=[URL] * count)
        good = rule.least_images <= count <= rule.most_images
        assert answer.status_code == (200 if good else 400), (count, answer.text)


@pytest.mark.parametrize(
    ("model", "least", "most"),
    [
        ("veo2", 0, 0),
        ("veo2-fast-frames", 1, 2),
        ("veo2-fast-components", 1, 3),
        ("veo3-pro-frames", 1, 1),
        ("veo3.1", 0, 2),
    ],
)
def test_the_image_limits_are_those_of_the_document(model: str, least: int, most: int):
    assert (MODELS[model].least_images, MODELS[model].most_images) == (least, most)


@pytest.mark.parametrize("model", MODELS)
def test_aspect_ratio_is_for_veo3_only(api: Api, model: str):
    images = [PNG] * MODELS[model].least_images
    answer = api.post("[[fail]] tall", model=model, images=images, aspect_ratio="9:16")
    assert answer.status_code == (200 if model.startswith("veo3") else 400)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes):
    answer = api.http.post(CREATE, content=body, headers=api.auth())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("header", "code"),
    [({}, "missing_api_key"), ({"Authorization": "Basic eA=="}, "missing_api_key"),
     ({"Authorization": "Bearer"}, "missing_api_key"), ({"Authorization": "Bearer pk-1"}, "invalid_api_key"),
     ({"Authorization": "Bearer sk-"}, "invalid_api_key")],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_nothing_works_without_a_key_of_the_right_form(api: Api, header: dict[str, str], code: str, method: str):
    body = {"model": "veo3", "prompt": "keyless lake"}
    path = CREATE if method == "POST" else QUERY + "?id=x"
    answer = api.http.request(method, path, headers=header, json=body if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert not api.billed("keyless lake")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/video/create"), ("POST", "/v1/videos/edits"), ("DELETE", "/"), ("PUT", "/x/y")]
)
def test_any_other_address_is_an_invalid_url(api: Api, method: str, path: str):
    answer = api.http.request(method, f"/apertis{path}?q=1")
    message = f"Invalid URL ({method} {path})"
    assert answer.status_code == 404
    assert answer.json() == {"error": {"message": message, "type": "invalid_request_error", "param": "", "code": ""}}


def test_a_good_request_gets_the_documented_answer(api: Api):
    body = api.post("a good lake [[fail]]", enhance_prompt=True, enable_upsample=False, aspect_ratio="16:9").json()
    assert set(body) == {"id", "status", "status_update_time", "enhanced_prompt"}
    assert body["status"] == "pending"
    family, _, tail = body["id"].partition(":")
    assert (family, tail.split("-")[0].isdigit(), len(tail.split("-")[1])) == ("veo3", True, 8)
    assert body["enhanced_prompt"].startswith("a good lake.")


def test_without_enhance_prompt_there_is_no_enhanced_prompt(api: Api):
    assert "enhanced_prompt" not in api.post("plain [[fail]]").json()


def test_a_query_takes_raw_and_encoded_ids(api: Api):
    task_id = api.create("ids [[never]]")
    for written in (task_id, task_id.replace(":", "%3A")):
        answer = api.http.get(f"{QUERY}?id={written}", headers=api.auth())
        assert answer.json()["id"] == task_id
        assert set(answer.json()) == {"id", "status", "video_url", "enhanced_prompt", "status_update_time"}
        assert answer.json()["video_url"] is None


def test_a_query_for_nothing_or_for_an_unknown_id_is_refused(api: Api):
    assert api.query("").json()["error"]["code"] == "missing_parameter"
    assert (api.query("veo3:1-x").status_code, api.query("veo3:1-x").json()["error"]["code"]) == (404, "task_not_found")


def test_upsampling_adds_its_own_status_words(api: Api):
    task_id, seen = api.create("up [[seconds=3]] [[clip=small]]", enable_upsample=True), []
    api.until(task_id, lambda body: seen.append(body["status"]) or body["status"] == "completed")
    words = list(dict.fromkeys(seen))
    assert words == ["pending", "processing", "video_generation_completed", "video_upsampling", "completed"]
