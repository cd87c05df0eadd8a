import os
from pathlib import Path

import pytest

from sandbox.clips import trim
from sandbox.files import span

from .client import Api


@pytest.fixture(scope="module")
def url(api: Api) -> str:
    return api.made("[[ok]]")["video_url"]


@pytest.fixture(scope="module")
def whole(api: Api, url: str) -> bytes:
    answer = api.file(url)
    assert (answer.status_code, answer.headers["content-type"], answer.headers["accept-ranges"]) == (
        200,
        "video/mp4",
        "bytes",
    )
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


@pytest.mark.parametrize(
    ("header", "size", "part"),
    [
        ("bytes=0-0", 10, (0, 0)), ("bytes=2-", 10, (2, 9)), ("bytes=2-99", 10, (2, 9)), ("bytes=-3", 10, (7, 9)),
        ("bytes=-99", 10, (0, 9)), ("bytes=9-9", 10, (9, 9)),
        ("", 10, None), ("bytes=-", 10, None), ("bytes=5-2", 10, None), ("bytes=0-1,3-4", 10, None), ("items=0-1", 10, None),
    ],
)  # fmt: skip
def test_a_range_header_is_read_as_the_standard_says(header: str, size: int, part: tuple[int, int] | None):
    assert span(header, size) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_met(header: str):
    with pytest.raises(ValueError, match="not satisfiable"):
        span(header, 10)


@pytest.mark.parametrize(
    ("header", "piece"),
    [("bytes=0-0", slice(0, 1)), ("bytes=100-199", slice(100, 200)), ("bytes=-50", slice(-50, None))],
)
def test_a_range_request_gets_exactly_its_bytes(api: Api, url: str, whole: bytes, header: str, piece: slice):
    answer = api.file(url, range=header)
    first, last, _ = piece.indices(len(whole))
    assert (answer.status_code, answer.content) == (206, whole[piece])
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(whole)}"


def test_an_impossible_range_is_416_with_the_size(api: Api, url: str, whole: bytes):
    answer = api.file(url, range=f"bytes={len(whole)}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")


@pytest.mark.parametrize(("good", "status"), [(True, 206), (False, 200)])
def test_if_range_resumes_only_the_same_file(api: Api, url: str, whole: bytes, good: bool, status: int):
    etag = api.file(url).headers["etag"] if good else '"other"'
    answer = api.file(url, range="bytes=10-", if_range=etag)
    assert (answer.status_code, answer.content) == (status, whole[10:] if good else whole)


def test_a_known_etag_is_not_sent_again(api: Api, url: str):
    answer = api.file(url, if_none_match=api.file(url).headers["etag"])
    assert (answer.status_code, answer.content) == (304, b"")


def test_head_tells_the_size_without_the_file(api: Api, url: str, whole: bytes):
    answer = api.http.head(url)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(whole)), b"")


def test_the_file_needs_no_key_but_its_own_signature(api: Api, url: str):
    name, _, rest = url.partition("?")
    for wrong in (
        name,
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("expires=", "expires=9"),
        f"{name}?{rest}é",
    ):
        answer = api.file(wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/xml")


def test_the_file_of_another_task_cannot_be_had_with_this_signature(api: Api, url: str):
    other = api.made("[[ok]]")["video_url"]
    assert api.file(f"{other.partition('?')[0]}?{url.partition('?')[2]}").status_code == 403


def test_the_oldest_clips_go_first_and_the_newest_stays(tmp_path: Path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.mp4").write_bytes(b"x" * 10)
        os.utime(folder / f"{i}.mp4", (i, i))
    trim(folder, 25, keep=folder / "0.mp4")
    assert sorted(path.name for path in folder.iterdir()) == ["0.mp4", "3.mp4"]
