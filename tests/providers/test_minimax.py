"""MiniMax style: its own pairs, and what each of its codes means, as HTTP 200 or as an HTTP status."""

import json
from pathlib import Path
from typing import Any

import pytest

from generations.providers import SPECS
from generations.providers.abilities import Locates
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
from generations.providers.minimax import MINIMAX, MOVEMENTS

RECORDED = Path(__file__).parent.parent / "recorded" / "minimax"
TARGET = Target("https://api.minimax.io", "sk-test-1234")
T2V = SPECS["minimax-t2v-01"]


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def coded(code: int, **more: Any) -> Response:
    return answer(body={"task_id": "", "base_resp": {"status_code": code, "status_msg": "said"}} | more)


def test_the_six_models_and_the_fifteen_movements_of_the_page_are_there() -> None:
    names = {spec.remote_name: bool(spec.movements) for spec in MINIMAX.specs}
    assert names == {
        "T2V-01-Director": True, "I2V-01-Director": True, "S2V-01": False, "I2V-01": False, "I2V-01-live": False, "T2V-01": False,
    }  # fmt: skip
    assert len(set(MOVEMENTS)) == 15


@pytest.mark.parametrize("name", ["create", "create_frame", "create_subject"])
def test_the_requests_are_the_documented_ones(name: str) -> None:
    pair = recorded(name)
    body = pair["request"]["body"]
    images = {"first_frame_image": (body["first_frame_image"],)} if "first_frame_image" in body else {}
    if "subject_reference" in body:
        images = {"subject_reference": tuple(body["subject_reference"][0]["image"])}
    job = Job(SPECS[f"minimax-{body['model'].lower()}"], body["prompt"], {"prompt_optimizer": True}, images)
    request = MINIMAX.build_submit(job, TARGET)
    assert (request.method, request.url) == ("POST", f"https://api.minimax.io{pair['request']['path']}")
    assert json.loads(request.body) == body
    assert MINIMAX.read_submit(answer(body=pair["response"])) == Accepted(pair["response"]["task_id"])


@pytest.mark.parametrize("spec", MINIMAX.specs, ids=lambda spec: spec.slug)
def test_length_and_resolution_are_never_sent(spec: Any) -> None:
    """The 01 series refuses both, even with the only values that it makes."""
    sent = json.loads(MINIMAX.build_submit(Job(spec, "A boat", {"duration": "6", "resolution": "720P"}), TARGET).body)
    assert not {"duration", "resolution"} & set(sent)


CODES = [
    (1000, OutcomeUnknown), (1001, OutcomeUnknown), (1024, OutcomeUnknown), (1033, OutcomeUnknown), (4242, OutcomeUnknown),
    (1002, Busy), (1039, Busy), (1041, Busy), (2045, Busy), (2056, Busy), (1004, KeyRefused), (2049, KeyRefused),
    (1008, KeyRefused), (1028, KeyRefused), (1030, KeyRefused), (1026, Rejected), (1027, Rejected), (1042, Rejected),
    (2013, Rejected), (2038, Rejected), (2061, Rejected),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_an_answer_of_200_with_a_code_is_never_taken_for_an_acceptance(code: int, kind: type) -> None:
    for response in (coded(code), coded(code, task_id="106916112212032")):
        with pytest.raises(kind) as raised:
            MINIMAX.read_submit(response)
        assert type(raised.value) is kind
        assert str(code) in str(raised.value)


@pytest.mark.parametrize(
    ("response", "kind"),
    [(answer(400, {"error": "bad"}), Rejected), (answer(401, {"error": {"message": "key"}}), KeyRefused),
     (answer(429, {"error": "slow"}), Busy), (answer(500, {"error": "x"}), OutcomeUnknown),
     (answer(200, b"<html>"), OutcomeUnknown), (answer(200, {"base_resp": {"status_code": 0}}), OutcomeUnknown)],
)  # fmt: skip
def test_a_relay_may_use_http_statuses_instead(response: Response, kind: type) -> None:
    with pytest.raises(kind):
        MINIMAX.read_submit(response)


def test_moderation_is_called_so_before_and_after_the_render() -> None:
    with pytest.raises(Rejected) as raised:
        MINIMAX.read_submit(coded(1026))
    assert raised.value.reason == "moderation"
    found = MINIMAX.read_poll(T2V, answer(body=recorded("query")["failed"]), TARGET.base_url)
    assert found == Failed("moderation", "output new_sensitive")


def test_the_answers_are_the_documented_ones() -> None:
    pair = recorded("query")
    assert MINIMAX.build_poll(T2V, "106916112212032", TARGET).url.endswith(pair["request"]["path"])
    read = [MINIMAX.read_poll(T2V, answer(body=pair[name]), TARGET.base_url) for name in ("running", "finished")]
    assert read == [Running("Processing"), Finished("", "Success", handle="205258526306433")]
    assert isinstance(MINIMAX, Locates)
    located = pair["retrieve"]
    assert MINIMAX.build_locate("205258526306433", TARGET).url.endswith(located["path"])
    assert (
        MINIMAX.read_locate(answer(body=located["response"]), TARGET.base_url) == "https://files.example.com/output.mp4"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"status": "Preparing"}, Running("Preparing", started=False)), ({"status": "Queueing"}, Running("Queueing", started=False)),
     ({"status": "processing"}, Running("processing")),
     ({"status": "success", "file_id": 7}, Finished("", "success", handle="7")),
     ({"status": "Failed", "task_id": "1"}, Failed("provider_failed", "The provider gave no reason.")),
     ({"status": "Success", "file_id": ""}, Finished("", "Success")), ({"status": "Revising"}, Running("Revising", known=False))],
)  # fmt: skip
def test_states_are_known_in_any_case(body: Any, expected: Any) -> None:
    ok = {"base_resp": {"status_code": 0, "status_msg": "success"}}
    assert MINIMAX.read_poll(T2V, answer(body=body | ok), TARGET.base_url) == expected


@pytest.mark.parametrize(
    ("response", "kind", "status"),
    [(coded(0, status="Fail"), TaskMissing, 200), (coded(2013), TaskMissing, 200), (coded(1002), Unreachable, 429),
     (coded(1004), KeyRefused, 401), (coded(1008), KeyRefused, 401), (coded(2061), Unreachable, 401),
     (coded(1000), Unreachable, 502), (answer(404, b""), TaskMissing, 404),
     (answer(502, b""), Unreachable, 502), (answer(200, b"<html>"), Unreachable, 200)],
)  # fmt: skip
def test_a_poll_that_went_wrong_never_looks_like_a_failed_render(response: Response, kind: type, status: int) -> None:
    with pytest.raises(kind) as raised:
        MINIMAX.read_poll(T2V, response, TARGET.base_url)
    assert raised.value.status == status  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body", [{}, {"file": None}, {"file": {"download_url": ""}}, {"file": {"download_url": "file:///etc/passwd"}}]
)
def test_a_file_without_an_address_is_not_there_yet(body: Any) -> None:
    assert MINIMAX.read_locate(answer(body=body), TARGET.base_url) == ""


def test_a_refused_question_about_the_file_is_asked_again() -> None:
    for response in (coded(1002), coded(2013), answer(500, b"")):
        with pytest.raises(Unreachable):
            MINIMAX.read_locate(response, TARGET.base_url)
    with pytest.raises(KeyRefused):
        MINIMAX.read_locate(coded(1004), TARGET.base_url)


@pytest.mark.parametrize(("code", "kind"), [(1004, KeyRefused), (1008, KeyRefused), (1002, Busy)])
def test_the_free_question_sees_a_refused_key_in_an_answer_of_200(code: int, kind: type) -> None:
    with pytest.raises(kind):
        MINIMAX.read_probe(coded(code))
