"""`manage.py seed`: a studio to look at, held to the rules that real shots obey."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Team, User
from generations import keys, media
from generations.lifecycle import money
from generations.models import Asset, Attempt, Event, Generation, Prompt, Share
from generations.seeding.clips import SIZES
from generations.seeding.shots import plans
from generations.seeding.words import SCENES
from generations.states import EDGES, State

from .shots import make_key

SHOTS = 60


def seed(**options: object) -> str:
    out = StringIO()
    call_command("seed", stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_a_studio_of_sixty_shots(settings):
    """One seeding for everything that needs real clips: rendering costs seconds."""
    settings.SANDBOX = True
    assert f"{SHOTS} shots" in seed(shots=SHOTS, clips=2)
    in_every_state_over_days()
    the_books_add_up_and_every_event_is_an_edge()
    every_finished_shot_has_a_real_clip_and_its_pictures()
    assert "they are all there" in seed(shots=SHOTS, clips=1)
    assert Generation.objects.count() == SHOTS
    assert [path.name for path in Path(settings.MEDIA).iterdir()] == [str(Team.objects.get().pk)], "no draft is left"


def in_every_state_over_days():
    shots = Generation.objects.all()
    assert shots.count() == SHOTS
    assert set(shots.values_list("state", flat=True)) == set(State)
    assert shots.values("created_by").distinct().count() == Membership.objects.count() == 4
    assert shots.dates("created_at", "day").count() >= 3
    assert Prompt.objects.count() == 3
    assert Share.objects.open().count() == 1


def the_books_add_up_and_every_event_is_an_edge():
    assert money.check(Team.objects.get()) == []
    assert {(event.from_state, event.to_state) for event in Event.objects.all()} <= EDGES
    for shot in Generation.objects.prefetch_related("events"):
        assert [event.to_state for event in shot.events.all()][-1] == shot.state
    assert Attempt.objects.filter(state=Attempt.INTENT).count() == 1


def every_finished_shot_has_a_real_clip_and_its_pictures():
    for shot in Generation.objects.filter(state=State.DONE).prefetch_related("assets"):
        assert {asset.kind for asset in shot.assets.all()} == {kind for kind, _ in Asset.KINDS}
        assert all(asset.file.stat().st_size == asset.bytes for asset in shot.assets.all())
    video = shot.asset(Asset.VIDEO)
    facts = media.verify(video.file)
    assert (facts.width, facts.height, facts.has_audio) == (video.width, video.height, True)
    assert media.sha256_of(video.file) == video.sha256
    assert not Asset.objects.exclude(generation__state=State.DONE).exists()


def test_a_larger_studio_contains_the_smaller_one():
    small, large = plans(40), plans(90)
    assert [(plan.press, plan.take, plan.state, plan.clip) for plan in small] == [
        (plan.press, plan.take, plan.state, plan.clip) for plan in large[:40]
    ]


def test_every_scene_has_a_shape_that_can_be_rendered():
    assert {scene.ratio for scene in SCENES} <= set(SIZES)


@pytest.mark.parametrize("options", [{"shots": 0}, {"shots": 20_001}, {"clips": 0}, {"clips": 99}])
def test_numbers_that_make_no_sense_are_refused(db, options):
    with pytest.raises(CommandError, match="Nothing was made"):
        seed(**options)
    assert not Team.objects.exists()


def test_a_team_with_a_real_key_is_never_filled(team, user):
    make_key(team, sandbox=False)
    with pytest.raises(CommandError, match="real key"):
        seed(shots=1)
    assert not Generation.objects.exists()


def test_a_team_without_the_sandbox_is_told_why(team, user):
    with pytest.raises(CommandError, match="no key of the sandbox"):
        seed(shots=1)


def test_a_password_is_shown_only_when_none_was_given(db, monkeypatch, settings, tmp_path):
    monkeypatch.delenv("STUDIO_OWNER_PASSWORD", raising=False)
    settings.STUDIO_NEW_TEAM = []
    out = StringIO()
    with pytest.raises(CommandError):  # no key: nothing is rendered here
        call_command("seed", shots=1, stdout=out)
    password = out.getvalue().split()[-1].rstrip(".")
    assert User.objects.get().check_password(password)
    assert keys.DEMO_SECRET not in out.getvalue()
