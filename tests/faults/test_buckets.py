"""Finished files in a bucket (fault 29): a shot is done only when the bucket has its file whole; no trouble costs one."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from generations import lifecycle, store
from generations.models import Asset, Generation
from studio import env
from tests import s3
from tests.asgi import ask

pytest.importorskip("storages", reason="No django-storages was found: it comes with the development packages")
Start = Callable[..., Generation]


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Bucket]:
    """STUDIO_S3_BUCKET=films, at a server of our own that answers within a second or counts as away."""
    with s3.bucket() as found:
        for name, value in {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
                            "STUDIO_S3_ENDPOINT": found.url, "AWS_EC2_METADATA_DISABLED": "true"}.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        entry, origins = env.s3_storage("films")
        assert origins == [found.url]
        config = entry["OPTIONS"]["client_config"]
        entry["OPTIONS"]["client_config"] = config.merge(
            type(config)(read_timeout=1, retries={"total_max_attempts": 1})
        )
        settings.S3_BUCKET = "films"
        settings.STORAGES = settings.STORAGES | {"media": entry}
        yield found


def on_disk(settings: Any) -> set[str]:
    return {path.name for path in Path(settings.MEDIA).rglob("*") if path.is_file()}


@pytest.mark.django_db(transaction=True)
def test_a_finished_shot_is_in_the_bucket_and_leaves_the_disk_when_its_pictures_are_made(
    start: Start, drive: Start, bucket: s3.Bucket, settings: Any, client_for: Callable[..., Client]
) -> None:
    row = drive(start())
    video = row.assets.get(kind="video")
    assert row.state == "done"
    assert hashlib.sha256(bucket.objects[video.path]).hexdigest() == video.sha256
    assert "video.mp4" in on_disk(settings), "the pictures are made from it"
    lifecycle.pictures(row.pk)
    assert on_disk(settings) == set()
    assert {asset.path for asset in row.assets.all()} == set(bucket.objects)
    assert row.assets.count() == 5
    page = client_for(row.created_by).get(f"/shots/{row.pk}/").content.decode()
    assert "no longer there" not in page
    assert all(asset.is_kept for asset in row.assets.all())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["video.mp4", "poster.webp", "preview.mp4"])
def test_people_of_the_team_get_a_signed_address_and_others_get_nothing(
    name: str, start: Start, drive: Start, bucket: s3.Bucket, stranger: Any
) -> None:
    row = drive(start())
    lifecycle.pictures(row.pk)
    answer = ask(f"/media/{row.pk}/{name}?download", row.created_by)
    assert answer.status == 302
    assert "no-store" not in answer.headers["cache-control"]
    assert "max-age=240" in answer.headers["cache-control"]
    where = answer.headers["location"]
    assert where.startswith(f"{bucket.url}/films/")
    assert "X-Amz-Expires=300" in where
    got = httpx.get(where, headers={"Range": "bytes=10-"}, trust_env=False)
    asset = row.assets.get(kind={"video.mp4": "video", "poster.webp": "poster", "preview.mp4": "preview"}[name])
    assert (got.status_code, got.content) == (206, bucket.objects[asset.path][10:])
    assert got.headers["content-type"] == asset.content_type
    assert got.headers["content-disposition"].startswith("attachment; filename=")
    assert httpx.get(where.partition("?")[0], trust_env=False).status_code == 403, "only with the signature"
    assert ask(f"/media/{row.pk}/{name}", stranger).status == 404
    assert ask(f"/media/{row.pk}/{name}").status == 302, "to the sign-in page"
    assert "X-Amz" not in ask(f"/media/{row.pk}/{name}").headers["location"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", ["403", "500", "slow"])
def test_a_bucket_in_trouble_keeps_the_render_waiting_and_recovery_needs_nobody(
    trouble: str, start: Start, drive: Start, bucket: s3.Bucket, sandbox: Any
) -> None:
    row = drive(start(), "succeeded")
    bucket.trouble = trouble
    for _ in range(10):  # more often than a file may be wrong
        Generation.objects.filter(pk=row.pk).update(due_at=lifecycle.moves.now())
        lifecycle.archive(row.pk)
        if trouble == "slow":
            break
    row.refresh_from_db()
    assert (row.state, row.charged) == ("succeeded", "yes")
    assert "could not be put into the bucket" in row.message
    assert not row.assets.exists()
    asked = len(sandbox.ledger(contains=row.prompt.split()[-1]))
    bucket.trouble = ""
    assert drive(row).state == "done"
    assert asked == len(sandbox.ledger(contains=row.prompt.split()[-1])) == 1


def test_a_large_file_goes_in_parts_and_a_part_that_is_missing_is_noticed(bucket: s3.Bucket, settings: Any) -> None:
    film = Path(settings.MEDIA, "1", "2", "video.mp4")
    film.parent.mkdir(parents=True)
    film.write_bytes(os.urandom(1 << 20) * 17)
    signs_of_life: list[int] = []
    bucket.trouble = "loses parts"
    with pytest.raises(store.NotKept, match="bytes of the file"):
        store.keep(film)
    bucket.trouble = ""
    store.keep(film, alive=lambda: signs_of_life.append(1))
    assert bucket.objects == {"1/2/video.mp4": film.read_bytes()}
    assert sum("partNumber=" in request for request in bucket.requests) >= 4
    assert len(signs_of_life) > 2, "a lease has to be renewed meanwhile"
    assert bucket.uploads == {}


@pytest.mark.django_db(transaction=True)
def test_pictures_are_made_from_the_bucket_when_the_disk_was_cleared_and_wait_while_it_is_away(
    start: Start, drive: Start, bucket: s3.Bucket, settings: Any
) -> None:
    row = drive(start())
    Path(row.assets.get(kind="video").file).unlink()
    bucket.trouble = "500"
    for _ in range(6):
        Generation.objects.filter(pk=row.pk).update(pictures_due_at=lifecycle.moves.now())
        lifecycle.pictures(row.pk)
    row.refresh_from_db()
    assert row.pictures_due_at is not None, "a bucket that is away is no reason to give up"
    bucket.trouble = ""
    Generation.objects.filter(pk=row.pk).update(pictures_due_at=lifecycle.moves.now())
    lifecycle.pictures(row.pk)
    assert row.assets.count() == 5
    assert on_disk(settings) == set()


@pytest.mark.django_db(transaction=True)
def test_whoever_lost_the_shot_while_it_went_into_the_bucket_stops(
    start: Start, drive: Start, bucket: s3.Bucket, settings: Any
) -> None:
    settings.LEASE = -1.0  # every look finds that it is time to renew
    row = drive(start(), "succeeded")
    kept = store.keep

    def taken(file: Path, alive: Callable[[], None]) -> None:
        Generation.objects.filter(pk=row.pk).update(lease_token="somebody else's")
        kept(file, alive)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "keep", taken)
        lifecycle.archive(row.pk)
    row.refresh_from_db()
    assert row.state == "archiving", "it belongs to somebody else now"
    assert bucket.objects == {}
    assert not Asset.objects.exists()


def test_the_pages_may_load_from_the_bucket_and_from_nowhere_else(tmp_path: Path) -> None:
    code = "from django.conf import settings; policy = settings.CONTENT_SECURITY_POLICY['DIRECTIVES'];"
    code += "print(policy['media-src'], policy['connect-src'])"
    given = {"STUDIO_DATA": str(tmp_path), "STUDIO_S3_BUCKET": "films", "STUDIO_S3_REGION": "eu-central-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2],
                          env={**os.environ, "DJANGO_SETTINGS_MODULE": "studio.settings", **given})  # fmt: skip
    assert "https://films.s3.eu-central-1.amazonaws.com" in done.stdout
    assert done.stdout.rstrip().endswith("[\"'self'\"]")
