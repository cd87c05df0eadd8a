"""The sandbox's A4F: it refuses what the document refuses, and answers with the video that was asked for."""

from typing import Any

import av
import pytest

from sandbox.dialects.a4f_rules import MODELS, RATIOS

from .client import Api
from .streams import A4F, make, video

BAD: list[tuple[dict[str, Any], int, str, str | None]] = [
    ({"duration": "5"}, 400, "invalid_request_error", "duration"),
    ({"duration": 2.5}, 400, "invalid_request_error", "duration"),
    ({"duration": True}, 400, "invalid_request_error", "duration"),
    ({"duration": 9}, 400, "invalid_request_error", "duration"),
    ({"duration": 0}, 400, "invalid_request_error", "duration"),
    ({"quality": None}, 400, "invalid_request_error", "quality"),
    ({"quality": "4k"}, 400, "invalid_request_error", "quality"),
    ({"quality": "480p"}, 400, "n_exceeds_model_limit", "quality"),
    ({"ratio": "21:9"}, 400, "invalid_request_error", "ratio"),
    ({"ratio": ["16:9"]}, 400, "invalid_request_error", "ratio"),
    ({"prompt": " "}, 400, "invalid_request_error", "prompt"),
    ({"seed": 4}, 400, "invalid_request_error", "seed"),
    ({"model": "provider-2/wan"}, 404, "model_not_found", "model"),
    ({"model": "provider-2/sora-2", "duration": 5}, 400, "n_exceeds_model_limit", "duration"),
    ({"model": "provider-2/seedance-lite"}, 400, "n_exceeds_model_limit", "quality"),
]


@pytest.mark.parametrize(("change", "status", "code", "param"), BAD, ids=lambda value: str(value))
def test_a_bad_request_is_refused_and_not_billed(
    api: Api, change: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    answer = make(api, **({"prompt": "never billed"} | change))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("param")) == (status, code, param)
    assert error["message"]
    assert not api.billed("never billed")


@pytest.mark.parametrize("model", MODELS)
def test_the_limits_of_a_model_are_those_of_the_document(api: Api, model: str) -> None:
    longest = MODELS[model].seconds
    answer = make(api, f"to the limit {model} [[clip=small]]", model=model, duration=longest, quality="1080p")
    assert answer.status_code == 200
    assert len(api.billed(f"to the limit {model} ")) == 1
    if longest < 8:
        assert make(api, "beyond", model=model, duration=longest + 1, quality="1080p").status_code == 400


@pytest.mark.parametrize("key", ["none", "pk-1234567", "ddc-"])
def test_nothing_works_without_a_key_of_the_right_form(api: Api, key: str) -> None:
    for answer in (make_with(api, key), api.http.get("/a4f/v1/usage", headers={"Authorization": f"Bearer {key}"})):
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"


def make_with(api: Api, key: str) -> Any:
    return api.http.post(A4F, json={}, headers={"Authorization": f"Bearer {key}"})


def test_the_plan_is_told_free_of_charge(api: Api) -> None:
    answer = api.http.get("/a4f/v1/usage", headers={"Authorization": "Bearer ddc-1234"})
    assert answer.json()["plan"] == "pro"


def test_the_answer_is_the_documents_and_its_video_plays(api: Api, tmp_path: Any) -> None:
    answer = make(api, "a lake", ratio="1:1", duration=1)
    body = answer.json()
    assert set(body) == {"created", "data"}
    assert set(body["data"][0]) == {"b64_json", "url", "revised_prompt"}
    (tmp_path / "video.mp4").write_bytes(video(answer))
    with av.open(str(tmp_path / "video.mp4")) as found:
        stream = found.streams.video[0]
        assert (stream.width, stream.height) == (720, 720)
        assert float(found.duration or 0) / av.time_base == pytest.approx(1, abs=0.1)
        assert found.streams.audio


def test_a_ratio_that_is_not_said_is_upright(api: Api) -> None:
    assert RATIOS[2] == "9:16"
    body = {"model": "provider-2/veo", "quality": "720p", "duration": 1, "prompt": "upright [[clip=small]]"}
    assert api.http.post(A4F, json=body, headers=api.auth()).status_code == 200
