from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.ranges import content_disposition, parse_range

from .asgi import CONTENT, ETAG, ask, talk


def test_the_whole_file_is_the_whole_file(file: Path) -> None:
    answer = ask(file)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["cache-control"] == "private, max-age=86400"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-", slice(0, None)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=1000-99999", slice(1000, None)),
        ("bytes=1026-", slice(1026, None)),
        ("bytes=-3", slice(-3, None)),
        ("bytes=-99999", slice(0, None)),
        ("BYTES=5-6", slice(5, 7)),
    ],
)
def test_a_range_is_the_slice_it_names(file: Path, value: str, expected: slice) -> None:
    answer = ask(file, headers={"range": value})
    assert (answer.status_code, answer.content) == (206, CONTENT[expected])
    start, stop, _ = expected.indices(len(CONTENT))
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("value", ["bytes=1027-", "bytes=1027-1030", "bytes=99999-", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_size(file: Path, value: str) -> None:
    answer = ask(file, headers={"range": value})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    "value",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-0,5-9", "bytes=0-0,", "items=0-5",
        "bytes=--5", "bytes=+1-2", "bytes=1-2-3", "bytes=0x1-2", "bytes=1.0-2", "bytes=²-³", "bytes=" + "9" * 5000 + "-",
    ],
)  # fmt: skip
def test_what_cannot_be_understood_gets_the_whole_file(file: Path, value: str) -> None:
    answer = asyncio.run(talk(file, headers=[(b"range", value.encode("utf-8"))]))
    assert answer.status == 200
    assert answer.body == CONTENT


@given(size=st.integers(0, 40), first=st.integers(0, 60), last=st.integers(0, 60))
def test_from_to_is_a_slice(size: int, first: int, last: int) -> None:
    content = bytes(range(size))
    got = parse_range(f"bytes={first}-{last}", size)
    if last < first:
        assert got is None
    else:
        assert got is not None
        assert content[got.start : got.stop] == content[first : last + 1]
        assert len(got) == len(content[first : last + 1])


@given(size=st.integers(0, 40), number=st.integers(0, 60))
def test_open_ranges_are_slices(size: int, number: int) -> None:
    content = bytes(range(size))
    tail = parse_range(f"bytes={number}-", size)
    assert tail is not None
    assert content[tail.start : tail.stop] == content[number:]
    suffix = parse_range(f"bytes=-{number}", size)
    if size == 0:
        assert suffix is None
    else:
        assert suffix is not None
        assert content[suffix.start : suffix.stop] == content[max(0, size - number) :]


@given(value=st.text(max_size=40), size=st.integers(0, 2**63))
def test_no_header_breaks_it(value: str, size: int) -> None:
    for text in (value, f"bytes={value}"):
        got = parse_range(text, size)
        assert got is None or (got.start >= 0 and (not got or got.stop <= size))


@pytest.mark.parametrize(
    ("value", "status"), [(ETAG, 206), ('"other"', 200), (f"W/{ETAG}", 200), ("Tue, 01 Jan 2030", 200)]
)
def test_a_range_of_another_version_is_never_mixed_in(file: Path, value: str, status: int) -> None:
    answer = ask(file, headers={"range": "bytes=0-4", "if-range": value})
    assert answer.status_code == status
    assert answer.content == (CONTENT[:5] if status == 206 else CONTENT)


@pytest.mark.parametrize(
    ("value", "status"),
    [(ETAG, 304), (f"W/{ETAG}", 304), (f'"x", {ETAG}', 304), ("*", 304), ('"x"', 200), ("abc123", 200), ("", 200)],
)
def test_a_known_version_is_not_sent_again(file: Path, value: str, status: int) -> None:
    answer = ask(file, headers={"if-none-match": value, "range": ""})
    assert answer.status_code == status
    assert answer.content == (b"" if status == 304 else CONTENT)
    assert answer.headers["etag"] == ETAG


def test_a_known_version_is_not_sent_again_in_parts_either(file: Path) -> None:
    assert ask(file, headers={"if-none-match": ETAG, "range": "bytes=0-4"}).status_code == 304


def test_head_tells_the_size_and_sends_nothing(file: Path) -> None:
    answer = ask(file, "HEAD", {"range": "bytes=0-4"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT)), "ranges are defined for GET alone"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_other_methods_are_refused(file: Path, method: str) -> None:
    answer = ask(file, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-4"}, {"range": "bytes=9999-"}, {"if-none-match": ETAG}])
def test_every_answer_keeps_the_file_in_its_cage(file: Path, headers: dict[str, str]) -> None:
    answer = ask(file, headers=headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-"}, {"range": "bytes=-5"}])
def test_an_empty_file_is_an_empty_answer(tmp_path: Path, headers: dict[str, str]) -> None:
    path = tmp_path / "empty"
    path.touch()
    answer = ask(path, headers=headers)
    assert answer.content == b""
    assert answer.status_code == (416 if headers.get("range") == "bytes=0-" else 200)


@pytest.mark.parametrize(
    ("name", "download", "expected"),
    [
        (None, False, None),
        (None, True, "attachment"),
        ("clip.mp4", False, 'inline; filename="clip.mp4"'),
        ("clip.mp4", True, 'attachment; filename="clip.mp4"'),
        ('a"b\\c/d.mp4', True, 'attachment; filename="a_b_c_d.mp4"'),
        ("a\r\nSet-Cookie: x=1.mp4", True, 'attachment; filename="aSet-Cookie: x=1.mp4"'),
        ("../../etc/passwd", True, 'attachment; filename="_.._etc_passwd"'),
        ("gnp.\u202e4pm.exe", True, 'attachment; filename="gnp.4pm.exe"'),
        ("\0", True, 'attachment; filename="file"'),
        ("…", True, "attachment; filename=\"_\"; filename*=UTF-8''%E2%80%A6"),
        ("Dämmerung €.mp4", True, "attachment; filename=\"D_mmerung _.mp4\"; filename*=UTF-8''D%C3%A4mmerung%20%E2%82%AC.mp4"),
        ("100%.mp4", True, "attachment; filename=\"100_.mp4\"; filename*=UTF-8''100%25.mp4"),
        ("\ud800.mp4", True, 'attachment; filename="mp4"'),
    ],
)  # fmt: skip
def test_names_are_written_so_that_every_client_reads_them(
    name: str | None, download: bool, expected: str | None
) -> None:
    headers = dict(content_disposition(name, download=download))
    got = headers.get(b"content-disposition")
    assert (got.decode("ascii") if got is not None else None) == expected


@given(name=st.text(max_size=60))
def test_no_name_can_leave_its_header(name: str) -> None:
    for _, value in content_disposition(name, download=True):
        text = value.decode("ascii")
        assert text.isprintable()
        assert text.count('"') in (0, 2)


def test_a_header_with_a_line_break_is_never_sent(file: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        ask(file, content_type="video/mp4\r\nset-cookie: a=b")
