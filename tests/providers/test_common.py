import datetime as dt

import pytest

from generations.providers import common, refusals, statuses
from generations.providers.base import Response

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("45", 45),
        ("0", 1),
        ("1.5", 1.5),
        ("3600", 3600),
        ("999999999", 900),
        ("-5", 900),
        ("soon", 900),
        ("nan", 900),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 1),
        ("Fri, 21 Nov 2036 12:00:00 GMT", 3600),
    ],
)
def test_retry_after_in_all_its_forms(value: str, seconds: float | None) -> None:
    assert refusals.retry_after({"retry-after": value} if value else {}, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 45)}, 45),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 45) + "000"}, 45),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) - 5)}, 1),
        ({"x-ratelimit-reset": "1703894400"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"retry-after": "7", "x-ratelimit-reset": str(int(NOW.timestamp()) + 45)}, 7),
    ],
)
def test_the_end_of_a_limit_counts_where_retry_after_is_missing(headers: dict, seconds: float | None) -> None:
    assert refusals.retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"id": "a:b=", "task_id": "c"}, "a:b="),
        ({"task_id": "c"}, "c"),
        ({"data": {"id": "d"}}, "d"),
        ({"data": {"task_id": "e"}}, "e"),
        ({"id": "", "data": {"task_id": "e"}}, "e"),
        ({"id": None, "task_id": 106916112212032}, "106916112212032"),
        ({"id": "x" * 512}, "x" * 512),
        ({"id": "x" * 513}, ""),
        ({"id": True}, ""),
        ({"id": ["a"], "data": "text"}, ""),
        (None, ""),
    ],
)
def test_the_id_is_found_wherever_hosts_name_it(body: dict | None, found: str) -> None:
    assert common.task_id(body) == found


WHERE = "https://cdn.example/a.mp4"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"video_url": WHERE}, WHERE),
        ({"url": WHERE}, WHERE),
        ({"result_url": WHERE}, WHERE),
        ({"metadata": {"url": WHERE}}, WHERE),
        ({"data": {"metadata": {"url": WHERE}}}, WHERE),
        ({"output": {"url": WHERE}}, WHERE),
        ({"output": [{"url": WHERE}]}, WHERE),
        ({"output": [{"video_url": WHERE}]}, WHERE),
        ({"detail": {"url": WHERE}}, WHERE),
        ({"detail": {"video_url": WHERE}}, WHERE),
        ({"data": {"result_url": WHERE}}, WHERE),
        ({"video_url": f" `{WHERE}` "}, WHERE),
        ({"video_url": None, "url": WHERE}, WHERE),
        ({"video_url": "/files/a.mp4"}, "https://api.example.com/files/a.mp4"),
        ({"metadata": {"url": "The upstream said no"}}, ""),
        ({"output": []}, ""),
        ({"metadata": "text", "output": 7}, ""),
        ({}, ""),
    ],
)
def test_the_file_is_found_wherever_hosts_name_it(body: dict, found: str) -> None:
    assert common.video_address(body, "https://api.example.com") == found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "plain"}, "plain"),
        ({"err_code": "TaskNotFound"}, "TaskNotFound"),
        ({"error": {"message": "deep"}}, "deep"),
        ({"error": [{"message": "a"}, "b"]}, "a; b"),
        ({"message": "top", "code": "x"}, "top"),
        ({"fail_reason": "why"}, "why"),
        ({"detail": "d"}, "d"),
        ({"base_resp": {"status_msg": "m"}}, "m"),
        ({"error": {"code": "only_code"}}, "only_code"),
        ({"error": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_providers_own_words_are_found_wherever_they_are(body: dict | None, words: str) -> None:
    assert common.error_text(body) == words


def test_words_are_capped() -> None:
    assert len(common.error_text({"error": "x" * 10_000})) == 2000


WORDS = {
    "queued": "queued pending not_start submitted created queueing preparing waiting unknown initializing scheduled",
    "running": "processing in_progress running generating image_downloading video_generating video_generation_completed "
    "video_upsampling video_upsampling_completed video_upsampling_failed downloading uploading rendering finalizing",
    "succeeded": "completed complete succeeded succeed success done finished ok",
    "failed": "failed fail failure error rejected video_generation_failed cancelled canceled aborted expired timeout",
}


@pytest.mark.parametrize(
    ("word", "stage"),
    [*((word, stage) for stage, words in WORDS.items() for word in words.split()), ("Queueing", "queued"),
     ("NOT_START", "queued"), (" Success ", "succeeded"), ("video_url", None), ("completed_at", None), (None, None), (7, None)],
)  # fmt: skip
def test_status_words_are_read_in_any_case(word: object, stage: str | None) -> None:
    assert statuses.stage(word) == stage


def test_a_json_answer_that_is_no_object_is_no_answer() -> None:
    assert common.parse_json(Response(200, {}, b"[1]")) is None
    assert common.parse_json(Response(200, {}, b"{")) is None
