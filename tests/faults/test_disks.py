"""Disks that are full, broken or read-only (faults 25 to 29): nothing is sent in vain, nothing lost is called saved."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team
from generations import lifecycle
from generations.models import Generation, Upload
from tests import pictures
from tests.faults import kills, servers
from tests.lifecycle.test_promises import intend

Start = Callable[..., Generation]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root can mount a small disk.")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="No strace was found. Debian: apt install strace")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[servers.Disk]:
    with servers.disk(tmp_path / "small") as found:
        yield found


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "filler")


def again(row: Generation, verb: Callable[[int], Any]) -> Generation:
    Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
    verb(row.pk)
    row.refresh_from_db()
    return row


# --- 25, 26: the paid request -----------------------------------------------------------------------------------------
@needs_root
@pytest.mark.django_db
def test_a_full_disk_sends_nothing_and_goes_on_when_there_is_room(
    start: Start, drive: Start, small_disk: servers.Disk, settings: Any, sandbox: Any
) -> None:
    settings.ESCROW = small_disk.path / "escrow"
    small_disk.fill()
    row = again(start(), lifecycle.submit)
    assert (row.state, row.charged) == ("queued", "no")
    assert "No space left" in row.message
    assert "nothing was sent" in row.message
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []
    assert files_in(small_disk.path) == [], "no half escrow file is left"
    small_disk.free()
    assert drive(row).state == "done"
    assert len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


@needs_root
@pytest.mark.django_db
def test_an_answer_has_its_place_before_the_disk_is_full(start: Start, small_disk: servers.Disk, settings: Any) -> None:
    from generations.providers.base import Response

    settings.ESCROW = small_disk.path / "escrow"
    row = start()
    _, escrow = intend(row)
    small_disk.fill()
    escrow.mark_wire()
    escrow.write_answer(Response(200, {}, b'{"id": "kept-1"}' + b" " * 40_000))
    Generation.objects.filter(pk=row.pk).update(lease_until=timezone.now())
    lifecycle.sweep()
    row.refresh_from_db()
    assert (row.state, row.provider_task_id) == ("submitted", "kept-1")


@needs_root
@pytest.mark.long
@pytest.mark.processes
def test_a_disk_that_fills_up_while_the_request_is_out_loses_no_render(tmp_path: Path, sandbox: Any) -> None:
    """Database and escrow on one disk, full when the answer comes: the worker fails, and another one finishes."""
    import threading

    from tests.stack import until

    with servers.disk(tmp_path / "data", "12m") as disk:
        lane = kills.Lane(disk.path, sandbox)
        try:
            whole = lane.run({"kind": "none"})
            assert whole["state"] == "done"
            before = len(sandbox.ledger())

            def trouble() -> None:
                until(lambda: len(sandbox.ledger()) > before, 30, "the request")
                disk.fill()

            thread = threading.Thread(target=trouble)
            thread.start()
            result = lane.run({"kind": "none", "tags": "[[slow=1.5]]", "between": str(disk.path / "filler")})
            thread.join()
        finally:
            lane.close()
    assert result["first"] == 1, "the first worker met a full disk"
    assert result["state"] == "done"
    assert kills.wrong_with(result, kills.bills_of(sandbox)[result["token"]]) == []


# --- 27, 29: files ----------------------------------------------------------------------------------------------------
@needs_root
@pytest.mark.django_db
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_disk_in_trouble_keeps_a_paid_render_waiting_and_shows_no_half_file(
    trouble: str, start: Start, drive: Start, small_disk: servers.Disk, settings: Any
) -> None:
    settings.MEDIA = small_disk.path / "media"
    settings.MEDIA.mkdir()
    row = drive(start(), "succeeded")
    small_disk.fill() if trouble == "full" else small_disk.read_only(True)
    for _ in range(12):
        row = again(row, lifecycle.archive)
        assert row.state == "succeeded"
        assert row.message
        assert [name for name in files_in(settings.MEDIA) if not name.endswith((".part", ".etag"))] == []
    small_disk.free() if trouble == "full" else small_disk.read_only(False)
    row = drive(row)
    assert row.state == "done"
    assert files_in(settings.MEDIA) == ["video.mp4"]


@pytest.mark.django_db
def test_a_media_folder_that_is_gone_is_made_again(start: Start, drive: Start, settings: Any) -> None:
    row = drive(start(), "succeeded")
    shutil.rmtree(settings.MEDIA)
    assert drive(row).state == "done"


@pytest.mark.django_db
def test_a_media_folder_that_cannot_be_made_keeps_the_render_waiting(start: Start, drive: Start, settings: Any) -> None:
    row = drive(start(), "succeeded")
    settings.MEDIA.rmdir()
    settings.MEDIA.write_text("in the way")
    row = again(row, lifecycle.archive)
    assert (row.state, bool(row.message)) == ("succeeded", True)
    settings.MEDIA.unlink()
    assert drive(row).state == "done"


@needs_root
@pytest.mark.django_db
def test_an_upload_to_a_full_disk_is_refused_with_the_reason_and_leaves_nothing(
    small_disk: servers.Disk, settings: Any, client_for: Any, user: Any, team: Team
) -> None:
    settings.UPLOADS = small_disk.path / "uploads"
    small_disk.fill()
    answer = client_for(user).post(
        "/uploads/", {"model": "apertis-veo2-fast-frames", "slot": "images-0", "file": pictures.file()}
    )
    assert answer.status_code == 507
    assert "cannot store the image" in answer.content.decode()
    assert not Upload.objects.exists()
    assert files_in(small_disk.path) == []
    small_disk.free()
    answer = client_for(user).post(
        "/uploads/", {"model": "apertis-veo2-fast-frames", "slot": "images-0", "file": pictures.file()}
    )
    assert answer.status_code == 200


@pytest.mark.django_db
def test_what_a_killed_upload_left_is_cleared_a_day_later(settings: Any, tmp_path: Path) -> None:
    import time

    from generations import uploads

    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    (settings.UPLOADS / "1").mkdir()
    for name in ("incoming/tmp1.upload.png", "uploads/1/a.new", "uploads/1/kept.png"):
        for age, prefix in ((0, "young-"), (25 * 3600, "old-")):
            path = tmp_path / Path(name).parent / f"{prefix}{Path(name).name}"
            path.touch()
            os.utime(path, (time.time() - age,) * 2)
    uploads.clear_leftovers()
    left = files_in(tmp_path / "incoming") + files_in(settings.UPLOADS)
    assert left == ["young-tmp1.upload.png", "old-kept.png", "young-a.new", "young-kept.png"]


# --- 28: errors from the disk itself ----------------------------------------------------------------------------------
@needs_strace
@pytest.mark.long
@pytest.mark.processes
def test_an_error_of_the_disk_is_never_taken_for_success(tmp_path: Path, sandbox: Any) -> None:
    """EIO at every sync and every rename of a whole job, one after the other."""
    with kills.lanes(2, tmp_path, sandbox) as opened:
        counts = kills.whole_job(opened[0], {"kind": "count-syscalls"})
        points = [
            {"kind": "error", "error": error, "name": name, "n": n}
            for name, error in (("fsync", "EIO"), ("rename", "EIO"), ("fsync", "ENOSPC"))
            for n in range(1, counts[name] + 1)
        ]
        results = kills.run_all(points, opened)
    bills = kills.bills_of(sandbox)
    for result in results:
        assert result["state"] == "done", result
        assert kills.wrong_with(result, bills[result["token"]]) == []
