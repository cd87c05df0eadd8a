"""Every ending does what the table says. `OBSERVE` must have a witness for each of them."""

import collections
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox
from sandbox.endings import ENDINGS, ending_of, number, tags_for, tags_in, without_tags

from . import streams
from .client import CREATE, Api

OBSERVE: dict[str, Callable[[Api], None]] = dict(streams.WITNESSES)


def witness(*names: str) -> Callable[[Callable[[Api], None]], Callable[[Api], None]]:
    def keep(check: Callable[[Api], None]) -> Callable[[Api], None]:
        OBSERVE.update(dict.fromkeys(names, check))
        return check

    return keep


def refuses(name: str, status: int, code: str) -> None:
    """A witness for an ending that is refused and not billed, by tag and by key."""

    def check(api: Api) -> None:
        prompt = f"refuse-{name}-me"
        for answer in (api.post(f"{prompt} [[{name}]]"), api.post(prompt, key=f"sk-sandbox-{name}")):
            assert answer.status_code == status
            found = answer.json()["error"]["code"] if "json" in answer.headers["content-type"] else answer.text
            assert code in found
        assert not api.billed(prompt)

    OBSERVE[name] = check


refuses("moderated", 400, "content_policy_violation")
refuses("400", 400, "invalid_request")
refuses("401", 401, "invalid_api_key")
refuses("402", 402, "insufficient_balance")
refuses("404", 404, "")
refuses("429-always", 429, "rate_limit_exceeded")
refuses("500", 500, "internal_error")
refuses("502", 502, "<h1>502 Bad Gateway</h1>")


@witness("ok")
def ok(api: Api) -> None:
    prompt = "ok wins [[ok]] [[seconds=0]] [[clip=small]]"
    assert api.post(prompt, key="sk-sandbox-402").status_code == 200
    assert api.billed("ok wins")[0]["ending"] == "ok"


@witness("seconds")
def seconds(api: Api) -> None:
    assert api.query(api.create("long [[seconds=600]] [[fail]]")).json()["status"] == "pending"
    assert api.query(api.create("short [[seconds=0]] [[fail]]")).json()["status"] == "failed"


@witness("ttl")
def ttl(api: Api) -> None:
    url = httpx.URL(api.made("[[ttl=86400]]")["video_url"])
    short = httpx.URL(api.made("[[ttl=60]]")["video_url"])
    assert int(url.params["expires"]) - int(short.params["expires"]) > 80_000


@witness("clip")
def clip(api: Api) -> None:
    one, two = (api.file(api.made(f"number {i}")["video_url"]) for i in range(2))
    assert one.content == two.content
    assert one.headers["etag"] == two.headers["etag"]


@witness("429")
def too_many(api: Api) -> None:
    answers = [api.post("busy lake [[429]] [[fail]]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert len(api.billed("busy lake")) == 1
    assert [api.post("busier [[429=1]] [[fail]]").status_code for _ in range(2)] == [429, 200]


@witness("503")
def unavailable(api: Api) -> None:
    answers = [api.post("closed lake [[503]] [[fail]]") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert (answers[0].headers["retry-after"], answers[0].json()["error"]["code"]) == ("2", "service_unavailable")


@witness("redirect")
def redirect(api: Api) -> None:
    answer = api.post("round [[redirect]]")
    assert (answer.status_code, answer.headers["location"]) == (307, CREATE)
    assert not api.billed("round")


@witness("slow")
def slow(api: Api) -> None:
    with pytest.raises(httpx.ReadTimeout):
        api.post("late lake [[slow=30]] [[fail]]", timeout=0.5)
    assert len(api.billed("late lake")) == 1
    assert api.post("later [[slow=0.1]] [[fail]]").json()["id"]


@witness("drip")
def drip(api: Api) -> None:
    body = {"model": "veo3", "prompt": "drop [[drip=60]] [[fail]]"}
    with api.http.stream("POST", CREATE, json=body, headers=api.auth()) as answer:
        assert next(answer.iter_raw()) == b"{"
    assert int(answer.headers["content-length"]) > 50
    assert len(api.billed("drop")) == 1
    assert api.post("drops [[drip=0.001]] [[fail]]").json()["id"]


@witness("hang")
def hang(api: Api) -> None:
    with pytest.raises(httpx.ReadTimeout):
        api.post("deaf lake [[hang]]", timeout=0.5)
    assert len(api.billed("deaf lake")) == 1


@witness("lose-answer")
def lose_answer(api: Api) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        api.post("lost lake [[lose-answer]]")
    assert len(api.billed("lost lake")) == 1


@witness("502-billed")
def billed_gateway(api: Api) -> None:
    answer = api.post("gateway lake [[502-billed]]")
    assert (answer.status_code, "Bad Gateway" in answer.text) == (502, True)
    assert len(api.billed("gateway lake")) == 1


@witness("no-id", "garbage", "empty")
def broken_answers(api: Api) -> None:
    assert "id" not in api.post("broken [[no-id]]").json()
    assert "<html" in api.post("broken [[garbage]]").text
    assert api.post("broken [[empty]]").content == b""
    assert {entry["ending"] for entry in api.billed("broken")} == {"no-id", "garbage", "empty"}


@witness("bomb")
def bomb(api: Api) -> None:
    body = {"model": "veo3", "prompt": "boom [[bomb]]"}
    with api.http.stream("POST", CREATE, json=body, headers=api.auth()) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.headers["content-encoding"], len(raw) < 1_000_000) == ("gzip", True)
    assert len(zlib.decompress(raw, 31)) > 100_000_000
    assert len(api.billed("boom")) == 1


@witness("fail")
def fail(api: Api) -> None:
    body = api.final(api.create("bad [[fail]] [[seconds=0]]"))
    assert (body["status"], body["video_url"], "failed" in body["error"]) == ("failed", None, True)
    said = api.final(api.create("bad [[fail=No more film.]] [[seconds=0]]"))
    assert said["error"] == "No more film."


@witness("moderated-late")
def moderated_late(api: Api) -> None:
    body = api.final(api.create("rude [[moderated-late]] [[seconds=0]]"))
    assert (body["status"], body["error"]["code"]) == ("failed", "content_policy_violation")


@witness("never")
def never(api: Api) -> None:
    task_id = api.create("endless [[never]] [[seconds=0]]")
    assert {api.query(task_id).json()["status"] for _ in range(5)} == {"processing"}


@witness("revoked")
def revoked(api: Api) -> None:
    answer = api.query(api.create("revoked [[revoked]] [[clip=small]]"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@witness("lost-task")
def lost_task(api: Api) -> None:
    task_id = api.create("late [[lost-task]] [[clip=small]]")
    assert [api.query(task_id).status_code for _ in range(4)] == [404, 404, 404, 200]


@witness("poll-429")
def poll_429(api: Api) -> None:
    task_id = api.create("polled [[poll-429]] [[clip=small]]")
    answers = [api.query(task_id) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
    assert answers[1].headers["retry-after"] == "1"


@witness("flaky-poll")
def flaky_poll(api: Api) -> None:
    task_id = api.create("flaky [[flaky-poll]] [[clip=small]]")
    assert [api.query(task_id).status_code for _ in range(4)] == [200, 502, 200, 502]


@witness("no-url", "content")
def no_url(api: Api) -> None:
    assert api.made("[[no-url]]")["video_url"] is None
    form = {
        "model": "sora-2",
        "prompt": "[[no-url]] [[content=redirect]] [[clip=small]]",
        "seconds": "4",
        "size": "480x480",
    }
    parts = {name: (None, value) for name, value in form.items()}
    made = api.http.post("/apertis/v1/videos", files=parts, headers=api.auth()).json()["id"]
    end = time.monotonic() + 30
    while (answer := api.http.get(f"/apertis/v1/videos/{made}/content", headers=api.auth())).status_code == 404:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (answer.status_code, "/apertis/files/" in answer.headers["location"]) == (302, True)


@witness("late-url")
def late_url(api: Api) -> None:
    body = api.made("[[late-url]]")
    urls = [body["video_url"], *(api.query(body["id"]).json()["video_url"] for _ in range(3))]
    assert urls[:3] == [None] * 3
    assert api.file(urls[3]).status_code == 200


@witness("early-url")
def early_url(api: Api) -> None:
    task_id = api.create("early [[early-url]] [[seconds=1.2]] [[clip=small]]")
    body = api.until(task_id, lambda body: body["video_url"] is not None)
    assert body["status"] == "processing"
    assert (api.file(body["video_url"]).status_code, "NoSuchKey" in api.file(body["video_url"]).text) == (404, True)
    assert api.file(api.final(task_id)["video_url"]).status_code == 200


@witness("id-drift")
def id_drift(api: Api) -> None:
    task_id = api.create("drift [[id-drift]] [[seconds=0]] [[clip=small]]")
    assert api.final(task_id)["id"] == task_id.partition(":")[2]


@witness("ms")
def milliseconds(api: Api) -> None:
    assert api.post("ms [[ms]] [[fail]]").json()["status_update_time"] > 1e12
    assert api.post("s [[fail]]").json()["status_update_time"] < 1e11
    assert api.made("[[ms]]")["status_update_time"] > 1e12


@witness("unknown-status")
def unknown_status(api: Api) -> None:
    task_id = api.create("hm [[unknown-status]] [[seconds=1]] [[clip=small]]")
    assert api.until(task_id, lambda body: body["status"] == "pondering")["video_url"] is None
    assert api.final(task_id)["status"] == "completed"


@witness("progress")
def progress(api: Api) -> None:
    assert api.made("[[progress]]")["progress"] == "100"
    assert "progress" not in api.made("")


@witness("backwards-progress")
def backwards_progress(api: Api) -> None:
    seen: list[int] = []
    task_id = api.create("back [[backwards-progress]] [[seconds=1.2]] [[clip=small]]")
    api.until(task_id, lambda body: seen.append(int(body["progress"])) or body["status"] == "completed")
    assert sorted(seen) != seen
    assert (50 in seen, 30 in seen, seen[-1]) == (True, True, 100)


@witness("expired-url")
def expired_url(api: Api) -> None:
    body = api.made("[[expired-url]]")
    answer = api.file(body["video_url"])
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)
    assert api.file(api.query(body["id"]).json()["video_url"]).status_code == 200
    again = api.made("[[expired-url=always]]")
    assert api.file(api.query(again["id"]).json()["video_url"]).status_code == 403


@witness("late-file")
def late_file(api: Api) -> None:
    url = api.made("[[late-file]]")["video_url"]
    assert [api.file(url).status_code for _ in range(3)] == [404, 404, 200]


@witness("gone-url")
def gone_url(api: Api) -> None:
    url = api.made("[[gone-url]]")["video_url"]
    assert [api.file(url).status_code for _ in range(3)] == [404] * 3


@witness("html-video")
def html_video(api: Api) -> None:
    answer = api.file(api.made("[[html-video]]")["video_url"])
    assert (answer.status_code, "<html" in answer.text) == (200, True)


@witness("wrong-type")
def wrong_type(api: Api) -> None:
    answer = api.file(api.made("[[wrong-type]]")["video_url"])
    assert (answer.headers["content-type"], answer.content[4:8]) == ("text/plain", b"ftyp")


@witness("truncated")
def truncated(api: Api) -> None:
    url, got, good = api.made("[[truncated]]")["video_url"], bytearray(), api.file(api.made("")["video_url"]).content
    with api.http.stream("GET", url) as answer:
        parts = answer.iter_raw()
        with pytest.raises(httpx.RemoteProtocolError):
            collections.deque(map(got.extend, parts), maxlen=0)
    assert int(answer.headers["content-length"]) == len(good)
    assert len(got) == int(len(good) * 0.6)
    rest = api.file(url, range=f"bytes={len(got)}-", if_range=answer.headers["etag"])
    assert (rest.status_code, bytes(got) + rest.content) == (206, good)


@witness("truncated-silent")
def truncated_silent(api: Api) -> None:
    good, url = api.file(api.made("")["video_url"]).content, api.made("[[truncated-silent]]")["video_url"]
    for _ in range(2):
        assert api.file(url).content == good[: int(len(good) * 0.6)]


@witness("slow-file")
def slow_file(api: Api) -> None:
    url = api.made("[[slow-file=4000]]")["video_url"]
    with api.http.stream("GET", url) as answer:
        assert len(next(answer.iter_raw())) == 1000
        assert int(answer.headers["content-length"]) > 10_000


@witness("no-range")
def no_range(api: Api) -> None:
    answer = api.file(api.made("[[no-range]]")["video_url"], range="bytes=5-9")
    assert (answer.status_code, answer.content[4:8]) == (200, b"ftyp")
    assert "accept-ranges" not in answer.headers


@witness("etag-change")
def etag_change(api: Api) -> None:
    url = api.made("[[etag-change]]")["video_url"]
    first = api.file(url)
    assert api.file(url, range="bytes=5-9", if_range=first.headers["etag"]).status_code == 200


@witness("redirect-file")
def redirect_file(api: Api) -> None:
    answer = api.file(api.made("[[redirect-file]]")["video_url"])
    assert answer.status_code == 302
    assert api.file(answer.headers["location"]).content[4:8] == b"ftyp"


@witness("redirect-private")
def redirect_private(api: Api) -> None:
    answer = api.file(api.made("[[redirect-private]]")["video_url"])
    assert (answer.status_code, answer.headers["location"][:23]) == (302, "http://169.254.169.254/")


@witness("twice")
def twice(api: Api) -> None:
    """Only /openai imitates a gateway that asks again by itself."""
    answer = api.http.post("/openai/v1/videos", json={"prompt": "asked twice [[twice]] [[fail]]"}, headers=api.auth())
    assert answer.status_code == 200
    assert len(api.billed("asked twice")) == 2


def aiid(api: Api, tags: str) -> httpx.Response:
    body = {"model": "grok-video-3", "prompt": f"a lake {tags} [[clip=small]]", "size": "720P"}
    return api.http.post("/aiid/v1/videos", json=body, headers=api.auth())


def aiid_made(api: Api, tags: str) -> dict[str, Any]:
    """The answer about a completed job at /aiid."""
    task_id, end = aiid(api, f"{tags} [[seconds=0]]").json()["id"], time.monotonic() + 30
    while time.monotonic() < end:
        body = api.http.get(f"/aiid/v1/videos/{task_id}", headers=api.auth()).json()
        if body["status"] == "completed":
            return body
        time.sleep(0.02)
    raise AssertionError(body)


@witness("429-empty", "no-channel")
def refused_by_the_gate(api: Api) -> None:
    empty, channel = aiid(api, "[[429-empty]]"), aiid(api, "[[no-channel]]")
    assert (empty.status_code, empty.content) == (429, b"")
    assert (channel.status_code, channel.json()["error"]["code"]) == (503, "model_not_found")


@witness("url-at", "url-relative", "url-wrapped", "url-words", "url-data")
def addresses(api: Api) -> None:
    assert aiid_made(api, "[[url-at=output.0.url]]")["output"][0]["url"].startswith("http://")
    assert "metadata" not in aiid_made(api, "[[url-at=content]]")
    assert aiid_made(api, "[[url-relative]]")["metadata"]["url"].startswith("/aiid/files/")
    assert aiid_made(api, "[[url-wrapped]]")["metadata"]["url"].startswith(" `http://")
    assert "content route" in aiid_made(api, "[[url-words]]")["metadata"]["url"]
    assert aiid_made(api, "[[url-data]]")["metadata"]["url"].startswith("data:video/mp4;base64,")


@witness("429-date")
def busy_until(api: Api) -> None:
    answers = [api.post("dated piano [[429-date]] [[fail]]") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"].endswith(" GMT")


@witness("error-200")
def refused_inside(api: Api) -> None:
    inside = api.post("refused piano [[error-200]]")
    assert (inside.status_code, inside.json()["error"]["code"]) == (200, "invalid_request")
    assert not api.billed("refused piano")


@witness("id-at", "seconds-as", "word", "error-at")
def bends(api: Api) -> None:
    assert "task_" in aiid(api, "[[id-at=data.task_id]] [[fail]]").json()["data"]["task_id"]
    assert api.post("x [[id-at=task_id]] [[fail]]").json()["task_id"].startswith("veo3:")
    found = [aiid_made(api, f"[[seconds-as={kind}]]").get("seconds") for kind in ("int", "float", "text", "none")]
    assert [type(value) for value in found] == [int, float, str, type(None)]
    assert aiid_made(api, "[[word=completed]]")["status"] == "completed"
    failed = api.final(api.create("x [[fail=No film.]] [[error-at=fail_reason]] [[seconds=0]]"))
    assert (failed.get("error"), failed["fail_reason"]) == (None, "No film.")
    done = api.until(
        api.create("x [[word=SUCCESS]] [[seconds=0]] [[clip=small]]"), lambda body: body["status"] == "SUCCESS"
    )
    assert done["video_url"]


@witness("http-errors")
def http_errors(api: Api) -> None:
    body = {"model": "T2V-01", "prompt": "a lake [[400]]"}
    plain = api.http.post("/minimax/v1/video_generation", json=body, headers=api.auth())
    relayed = api.http.post(
        "/minimax/v1/video_generation", json=body | {"prompt": "a lake [[400]] [[http-errors]]"}, headers=api.auth()
    )
    assert (plain.status_code, plain.json()["base_resp"]["status_code"]) == (200, 2013)
    assert (relayed.status_code, "message" in relayed.json()["error"]) == (400, True)


@witness("running-error")
def running_error(api: Api) -> None:
    task_id = aiid(api, "[[running-error]] [[never]]").json()["id"]
    body = api.http.get(f"/aiid/v1/videos/{task_id}", headers=api.auth()).json()
    assert (body["status"] in ("unknown", "queued", "in_progress"), "message" in body["error"]) == (True, True)


@witness("list-404", "list-500", "list-gap")
def lists(api: Api) -> None:
    """What a key does to the list: statuses of the first page and of the one after it."""

    def pages(name: str) -> tuple[int, int]:
        headers = api.auth(f"sk-sandbox-{name}")
        body = {"prompt": "listed [[never]]"}
        made = [api.http.post("/openai/v1/videos", json=body, headers=headers).json()["id"] for _ in range(2)]
        found = [api.http.get("/openai/v1/videos", params=query, headers=headers) for query in ({}, {"after": made[1]})]
        return found[0].status_code, found[1].status_code

    assert [pages(name) for name in ("list-404", "list-500", "list-gap", "ok")] == [
        (404, 404), (500, 500), (200, 502), (200, 200),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_the_ending_does_what_the_table_says(api: Api, name: str):
    OBSERVE[name](api)


def test_the_table_and_the_page_list_every_ending(api: Api):
    listed = {row["name"]: row["does"] for row in api.http.get("/_sandbox/endings").json()["endings"]}
    page = (Path(sandbox.__file__).parent / "README.md").read_text()
    assert listed == {name: ending.does for name, ending in ENDINGS.items()}
    for name, ending in ENDINGS.items():
        assert f"| `{name}` | {ending.does} |" in page


def test_a_key_ends_every_request_that_does_not_choose_itself(api: Api):
    assert api.post("keyed [[seconds=0]] [[clip=small]]", key="sk-sandbox-402").status_code == 402
    assert api.post("keyed [[fail]]", key="sk-sandbox-402").status_code == 200
    assert api.post("keyed [[clip=small]]", key="sk-sandbox-anything").status_code == 200
    assert api.http.get("/apertis/v1/video/query?id=x", headers=api.auth("sk-sandbox-401")).status_code == 401


@pytest.mark.parametrize(
    ("prompt", "tags", "text"),
    [
        ("a [[fail]] b", {"fail": ""}, "a b"),
        ("[[ Seconds = 2.5 ]] [[CLIP=small]] x", {"seconds": "2.5", "clip": "small"}, "x"),
        ("[[fail=No film, sorry.]]", {"fail": "No film, sorry."}, ""),
        ("see [[wiki]] and [fail]", {}, "see [[wiki]] and [fail]"),
        ("[[429]][[truncated]]", {"429": "", "truncated": ""}, ""),
    ],
)
def test_tags_are_read_and_taken_out_of_the_prompt(prompt: str, tags: dict[str, str], text: str):
    assert tags_in(prompt) == tags
    assert without_tags(prompt) == text


def test_the_ledger_names_the_ending_not_the_options():
    assert ending_of(tags_for("[[seconds=1]] [[never]]", "sk-x")) == "never"
    assert ending_of(tags_for("[[seconds=1]]", "sk-sandbox-fail")) == "fail"
    assert ending_of(tags_for("plain", "sk-x")) == "ok"


@pytest.mark.parametrize(("value", "is_"), [("3", 3), ("", 2), ("x", 2), ("-1", 2), ("nan", 2), ("inf", 2), ("0", 0)])
def test_a_tag_value_that_is_no_number_counts_as_none(value: str, is_: float):
    assert number({"429": value}, "429", 2) == is_
