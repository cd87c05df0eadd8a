"""What only AIID does: empty refusals, slow services, results without an address, images inside the request."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Team, User
from generations import lifecycle, uploads
from generations.lifecycle.submission import build
from generations.models import Generation, ProviderKey
from generations.providers import PROVIDERS

from .. import pictures
from .conftest import Begin

pytestmark = pytest.mark.django_db
KLING = "aiid-kling-video"


def test_an_empty_429_keeps_the_shot_waiting_and_costs_nothing(begin: Begin, sandbox: Any) -> None:
    row = begin(KLING, "A boat [[429-empty]]")
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("queued", "no")
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []


def test_a_slow_service_is_believed_in_for_two_days(begin: Begin, drive: Callable[..., Generation]) -> None:
    row = begin("aiid-doubao-seedance-1-0-pro-250528", "A boat")
    Generation.objects.filter(pk=row.pk).update(params=row.params | {"service_tier": "flex"})
    row = drive(row, "submitted")
    assert round((row.deadline_at - row.submitted_at).total_seconds()) == 48 * 3600


def test_a_veo_result_without_any_address_is_fetched_with_the_key(
    begin: Begin, drive: Callable[..., Generation]
) -> None:
    row = drive(begin("aiid-veo3", "A boat"))
    assert row.state == "done", row.message
    assert row.asset("video") is not None


def test_an_upload_goes_inside_the_request_where_the_vendor_wants_it(
    begin: Begin, team: Team, user: User, settings: Any
) -> None:
    """No STUDIO_PUBLIC_URL, no address of a machine that nobody can reach."""
    settings.PUBLIC_URL = ""
    ProviderKey.objects.update(base_url="https://api.example.org")
    picture = uploads.keep(pictures.file(), team=team, user=user)
    seen = {}
    for model, name in (
        ("veo3-frames", "images"),
        ("kling-video", "images"),
        ("hailuo-video", "images"),
        ("sora-2", "input_reference"),
    ):
        row = begin(f"aiid-{model}", "A boat")
        Generation.objects.filter(pk=row.pk).update(
            params=row.params | {name: [{"role": "First frame", "upload": picture.pk}]}
        )
        row = Generation.objects.select_related("provider_key").get(pk=row.pk)
        seen[model] = build(row, row.spec, PROVIDERS["aiid"]).body
    raw = base64.b64encode(picture.file.read_bytes())
    assert b"data:image/png;base64," + raw in seen["veo3-frames"]
    assert b'"image": "' + raw + b'"' in seen["kling-video"], "Kling wants it without a head"
    assert b'"first_frame_image": "data:image/png;base64,' in seen["hailuo-video"]
    assert picture.file.read_bytes() in seen["sora-2"], "a file of the form"


def test_images_that_are_too_much_for_one_request_are_refused_before_anything_is_sent(
    begin: Begin, team: Team, user: User, sandbox: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("generations.lifecycle.submission.LARGEST", 100)
    picture = uploads.keep(pictures.file(), team=team, user=user)
    row = begin("aiid-veo3-frames", "A boat")
    Generation.objects.filter(pk=row.pk).update(
        params=row.params | {"images": [{"role": "First frame", "upload": picture.pk}]}
    )
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert (row.state, row.charged) == ("failed", "no")
    assert "too much for one request. Nothing was sent" in row.message
    assert sandbox.ledger(contains=row.prompt.split()[-1]) == []
