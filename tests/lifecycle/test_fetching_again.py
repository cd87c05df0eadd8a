""" "Fetch again" on a shot that was ready once: whatever its provider says now, the file and the truth about it are not lost."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import agenda, lifecycle, tasks, usual
from generations.lifecycle import money, polling, resolving
from generations.models import Generation, Ledger
from generations.providers.base import Failed, Running, TaskMissing, Unreachable
from generations.views import cards

pytestmark = pytest.mark.django_db
Start = Callable[..., Generation]
Login = Callable[[User], Client]


@pytest.fixture
def web(client_for: Login, user: User, monkeypatch: Any) -> Client:
    monkeypatch.setattr(tasks, "async_task", lambda *args, **kwargs: None)
    return client_for(user)


@pytest.fixture
def ready(start: Start, drive: Start) -> Generation:
    """A finished shot that was made long before anybody fetches it again."""
    row = drive(start(), "done")
    night = dt.timedelta(hours=9)
    Generation.objects.filter(pk=row.pk).update(
        created_at=row.created_at - night, submitted_at=row.submitted_at - night, rendered_at=row.rendered_at - night
    )
    return Generation.objects.get(pk=row.pk)


def unmount(row: Generation) -> Path:
    """The media disk goes away. Gives the file where it is meanwhile."""
    file = row.asset("video").file
    return file.rename(Path(live.DATA) / "elsewhere.mp4")


def mount(row: Generation, file: Path) -> None:
    target = Generation.objects.get(pk=row.pk).asset("video").file
    target.parent.mkdir(parents=True, exist_ok=True)
    file.rename(target)


def fetched_again(row: Generation, user: User) -> Generation:
    lifecycle.fetch_again(Generation.objects.get(pk=row.pk), user)
    return refreshed(row)


def refreshed(row: Generation) -> Generation:
    return Generation.objects.select_related("provider_key").get(pk=row.pk)


def entries(row: Generation) -> list[str]:
    return list(row.ledger.order_by("id").values_list("kind", flat=True))


def answer_of(kind: str, row: Generation) -> None:
    """What a provider that no longer has the render, or does not answer, says to the last question about it."""
    past = timezone.now() - dt.timedelta(hours=2)
    late = {"deadline_at": past} if kind in ("slow", "silent") else {"first_missing_at": past, "poll_errors": 5}
    Generation.objects.filter(pk=row.pk).update(**late)
    answers = {
        "failed": Failed("provider_failed", "The task has expired."), "moderated": Failed("moderation", "Not allowed."),
        "missing": TaskMissing("No such task."), "slow": Running("queued", started=False),
        "silent": Unreachable("No route to host."),
    }  # fmt: skip
    lifecycle.record(refreshed(row), answers[kind])


# --- what the provider says ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("said", ["failed", "moderated", "missing", "slow", "silent"])
def test_a_shot_that_was_ready_once_is_never_in_doubt_about_its_money_and_its_file_makes_it_ready_again(
    said: str, ready: Generation, drive: Start, user: User, team: Team
) -> None:
    file = unmount(ready)
    whole = file.read_bytes()
    fetched_again(ready, user)
    answer_of(said, ready)
    row = refreshed(ready)
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")
    assert "free" in row.message, "it says what to do"
    assert entries(row) == [Ledger.RESERVE, Ledger.SETTLE]
    assert lifecycle.can_fetch_again(row)
    mount(ready, file)
    assert fetched_again(ready, user).state == "succeeded", "nobody is asked for what is here"
    row = drive(ready, "done")
    assert row.asset("video").file.read_bytes() == whole
    assert (row.charged, row.message, row.attempts.count()) == ("yes", "", 1)
    assert entries(row) == [Ledger.RESERVE, Ledger.SETTLE]
    assert money.check(team) == []


@pytest.mark.parametrize("state", ["submitted", "running", "unknown", "failed"])
def test_a_file_that_is_back_is_taken_from_every_state_that_the_shot_may_be_in(
    state: str, ready: Generation, drive: Start, user: User
) -> None:
    """The last two are how older versions left such shots."""
    file = unmount(ready)
    fetched_again(ready, user)
    left = {"failed": {"reason": "provider_failed", "charged": "unknown", "finished_at": timezone.now()},
            "unknown": {"unknown_phase": "remote"}}  # fmt: skip
    Generation.objects.filter(pk=ready.pk).update(state=state, **left.get(state, {}))
    assert not lifecycle.can_fetch_again(refreshed(ready)), "not while the file is away"
    mount(ready, file)
    assert fetched_again(ready, user).state == "succeeded"
    row = drive(ready, "done")
    assert (row.charged, row.reason, row.unknown_phase) == ("yes", "", "")


def test_a_doubt_that_an_older_version_left_ends_with_the_next_answers(ready: Generation, user: User) -> None:
    unmount(ready)
    fetched_again(ready, user)
    Generation.objects.filter(pk=ready.pk).update(state="unknown", unknown_phase="remote")
    answer_of("missing", ready)
    row = refreshed(ready)
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")


def test_a_file_that_came_back_in_part_is_not_taken_for_the_whole(ready: Generation, user: User) -> None:
    file = unmount(ready)
    file.write_bytes(file.read_bytes()[:-1])
    fetched_again(ready, user)
    mount(ready, file)
    assert not lifecycle.can_fetch_again(refreshed(ready))
    answer_of("failed", ready)
    assert fetched_again(ready, user).state == "submitted", "the provider is asked"


@pytest.mark.parametrize("trouble", ["damaged", "away again"])
def test_a_file_that_is_back_and_does_not_play_is_kept_and_the_provider_is_asked_for_it(
    trouble: str, ready: Generation, drive: Start, user: User
) -> None:
    file = unmount(ready)
    whole = file.read_bytes()
    fetched_again(ready, user)
    file.write_bytes(bytes(len(whole)))
    mount(ready, file)
    row = fetched_again(ready, user)
    assert row.state == "succeeded"
    if trouble == "away again":
        unmount(row)
    row = drive(row, "done")
    assert row.asset("video").file.read_bytes() == whole
    assert row.asset("video").file.with_suffix(".damaged").exists() == (trouble == "damaged")


def test_a_file_that_nobody_has_any_more_ends_after_eight_tries(ready: Generation, drive: Start, user: User) -> None:
    file = unmount(ready)
    fetched_again(ready, user)
    mount(ready, file)
    row = fetched_again(ready, user)
    unmount(row)
    Generation.objects.filter(pk=row.pk).update(provider_task_id="nobody-knows-it")
    row = drive(row, steps=20)
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")
    assert "names no address" in row.message


def test_what_is_said_to_be_done_without_an_address_is_paid_for_whatever_comes_later(
    start: Start, drive: Start, user: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr(polling, "MOST_URL_TRIES", 1)
    row = drive(start("A boat [[late-url]]"))
    assert (row.state, row.reason) == ("failed", "result_invalid")
    fetched_again(row, user)
    answer_of("failed", row)
    row = refreshed(row)
    assert (row.state, row.reason, row.charged) == ("failed", "result_expired", "yes")


# --- its times ---------------------------------------------------------------------------------------------------------------
def test_fetching_again_changes_nothing_about_how_long_the_render_took(
    ready: Generation, drive: Start, user: User, team: Team
) -> None:
    unmount(ready)
    row = fetched_again(ready, user)
    assert cards.card_of(row).since is None, "a card does not count nine hours of rendering"
    row = drive(row, "done")
    assert (row.rendered_at, row.render_seconds) == (ready.rendered_at, ready.render_seconds)
    found = usual.of_model(team, row.model)
    assert found
    assert found.middle < 60


# --- its pictures --------------------------------------------------------------------------------------------------------------
def test_pictures_of_a_shot_that_is_fetched_again_are_due_when_it_is_ready_again(
    ready: Generation, drive: Start, user: User
) -> None:
    assert ready.pictures_due_at
    Generation.objects.filter(pk=ready.pk).update(picture_tries=3)
    unmount(ready)
    row = fetched_again(ready, user)
    assert (row.pictures_due_at, row.picture_tries, agenda.next_drawing()) == (None, 0, None)
    row = drive(row, "done")
    assert agenda.next_drawing() == row.pk
    assert lifecycle.pictures(row.pk)


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_pictures_that_an_older_version_left_due_keep_no_worker_turning(
    state: str, ready: Generation, monkeypatch: Any
) -> None:
    monkeypatch.setattr(tasks, "DRAW_SECONDS", 1)
    unmount(ready)
    Generation.objects.filter(pk=ready.pk).update(
        state=state, unknown_phase="remote", due_at=timezone.now() + dt.timedelta(1)
    )
    tasks.pictures(ready.pk)
    assert agenda.next_drawing() is None
    assert agenda.look().draw is None


# --- the press -----------------------------------------------------------------------------------------------------------------
def test_a_press_says_that_the_file_is_back_or_that_the_provider_is_asked(
    ready: Generation, web: Client, user: User
) -> None:
    address, htmx = f"/shots/{ready.pk}/check/", {"HX-Request": "true"}
    file = unmount(ready)
    assert "The provider is asked again" in web.post(address, headers=htmx).content.decode()
    answer_of("failed", ready)
    assert "Fetch the result again, free" in web.get(f"/shots/{ready.pk}/").content.decode()
    mount(ready, file)
    assert "on the disk again" in web.post(address, headers=htmx).content.decode()


def test_a_press_on_a_page_from_before_the_disk_came_back_says_that_the_file_is_here(
    ready: Generation, web: Client
) -> None:
    said = web.post(f"/shots/{ready.pk}/check/", headers={"HX-Request": "true"})
    assert (said.status_code, "nothing is fetched" in said.content.decode()) == (200, True)
    assert refreshed(ready).state == "done"


def test_a_shot_at_its_end_without_a_result_is_not_said_to_be_asked_about(
    start: Start, drive: Start, web: Client
) -> None:
    row = drive(start("A boat [[fail]]"))
    said = web.post(f"/shots/{row.pk}/check/", headers={"HX-Request": "true"})
    assert (said.status_code, "nothing to fetch" in said.content.decode()) == (409, True)


def test_two_presses_at_once_fetch_once_and_the_later_one_is_told(
    ready: Generation, web: Client, user: User, monkeypatch: Any
) -> None:
    unmount(ready)
    clock = resolving.now

    def other_press() -> Any:
        monkeypatch.setattr(resolving, "now", clock)
        fetched_again(ready, user)
        return clock()

    monkeypatch.setattr(resolving, "now", other_press)
    said = web.post(f"/shots/{ready.pk}/check/", headers={"HX-Request": "true"})
    assert (said.status_code, "moved on: At the provider" in said.content.decode()) == (409, True)
    assert ready.events.filter(from_state="done", to_state="submitted").count() == 1
