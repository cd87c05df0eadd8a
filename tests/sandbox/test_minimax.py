"""The sandbox's MiniMax style: errors are HTTP 200 with `base_resp`, and the file is three questions away."""

import base64
from typing import Any

import pytest

from .client import Api

CREATE, QUERY, FILE = "/minimax/v1/video_generation", "/minimax/v1/query/video_generation", "/minimax/v1/files/retrieve"
URL = "https://images.example.com/a.png"
BARE = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PERSON = [{"type": "character", "image": [URL]}]

REFUSED: dict[str, dict[str, Any]] = {
    "unknown model": {"model": "MiniMax-H3"},
    "no prompt": {"prompt": ""},
    "long prompt": {"prompt": "a" * 2001},
    "a length, even the only one": {"duration": 6},
    "a resolution, even the only one": {"resolution": "720P"},
    "an image for a text model": {"first_frame_image": URL},
    "no frame": {"model": "I2V-01"},
    "a frame without its head": {"model": "I2V-01", "first_frame_image": BARE},
    "a frame that is no image": {"model": "I2V-01", "first_frame_image": "data:image/png;base64,AAAA"},
    "a frame for S2V-01": {"model": "S2V-01", "first_frame_image": URL},
    "no person": {"model": "S2V-01"},
    "two persons": {"model": "S2V-01", "subject_reference": PERSON * 2},
    "two images of a person": {"model": "S2V-01", "subject_reference": [{"type": "character", "image": [URL, URL]}]},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_documentation_forbids_is_refused_with_its_code_and_not_billed(api: Api, case: str) -> None:
    body = {"model": "T2V-01", "prompt": "a refused lake"} | REFUSED[case]
    answer = api.http.post(CREATE, json=body, headers=api.auth())
    assert (answer.status_code, answer.json()["base_resp"]["status_code"], answer.json()["task_id"]) == (200, 2013, "")
    assert not api.billed("a refused lake")


def test_the_file_is_three_questions_away_and_its_id_changes_its_type(api: Api) -> None:
    body = {"model": "T2V-01-Director", "prompt": "a lake [Truck left] [[seconds=0]] [[clip=small]]"}
    made = api.http.post(CREATE, json=body, headers=api.auth()).json()
    assert made["base_resp"] == {"status_code": 0, "status_msg": "success"}
    found: dict[str, Any] = {}
    while found.get("status") != "Success":
        found = api.http.get(QUERY, params={"task_id": made["task_id"]}, headers=api.auth()).json()
        assert found["status"] in ("Preparing", "Queueing", "Processing", "Success")
        assert (found["file_id"] == "") is (found["status"] != "Success")
    assert (found["video_width"], found["video_height"]) == (1280, 720)
    file = api.http.get(FILE, params={"file_id": found["file_id"]}, headers=api.auth()).json()["file"]
    assert file["file_id"] == int(found["file_id"])
    assert api.file(file["download_url"]).content[4:8] == b"ftyp"


def test_a_task_that_nobody_knows_is_a_failed_one_without_an_id(api: Api) -> None:
    found = api.http.get(QUERY, params={"task_id": "1"}, headers=api.auth()).json()
    assert (found["status"], found["task_id"], found["base_resp"]["status_code"]) == ("Fail", "", 0)


def test_a_wrong_key_is_told_in_an_answer_of_200(api: Api) -> None:
    for answer in (
        api.http.post(CREATE, json={}, headers=api.auth("pk-1")),
        api.http.get(QUERY, headers=api.auth("pk-1")),
    ):
        assert (answer.status_code, answer.json()["base_resp"]["status_code"]) == (200, 1004)
