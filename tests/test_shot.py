"""The page of a shot in each state, the decisions about unknown outcomes, and who may do what at all."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations.models import Asset, Attempt, Breaker, Event, Generation, Upload

from .shots import make_key, make_shot
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]
FILES = ("video", "poster", "poster-small", "strip")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


# --- who may ------------------------------------------------------------------------------------------------------------
GETS = ["/queue/", "/gallery/", "/gallery/bin/", "/shots/{pk}/", "/shots/{pk}/card/"]
POSTS = ["cancel", "dismiss", "title", "favourite", "bin", "restore", "check", "resolve"]


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("member", 200), ("stranger", 404), ("nobody", 302)])
def test_pages_are_for_the_team(
    team: Team, user: User, member: User, stranger: User, client_for: Login, path: str, who: str, status: int
) -> None:
    shot = make_shot(team, "unknown", prompt="Only ours")
    client = Client() if who == "nobody" else client_for({"owner": user, "member": member, "stranger": stranger}[who])
    answer = client.get(path.format(pk=shot.pk))
    assert answer.status_code == (200 if who == "stranger" and "{pk}" not in path else status)
    assert ("Only ours" in answer.content.decode()) == (status == 200 and "gallery" not in path)


@pytest.mark.parametrize("verb", POSTS)
def test_verbs_are_for_the_team(team: Team, user: User, stranger: User, client_for: Login, verb: str) -> None:
    shot = make_shot(team, "unknown", unknown_phase="submit")
    before = Generation.objects.values().get(pk=shot.pk)
    path = f"/shots/{shot.pk}/{verb}/"
    data = {"title": "mine now", "on": "1", "action": "release"}
    assert client_for(stranger).post(path, data).status_code == 404
    anonymous = Client().post(path, data)
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/accounts/login/")
    assert client_for(user).get(path).status_code == 405
    assert Client(enforce_csrf_checks=True).post(path, data).status_code == 403
    assert Generation.objects.values().get(pk=shot.pk) == before


def test_people_without_a_team_are_told_so(db: None, client_for: Login) -> None:
    assert client_for(User.objects.create_user("dana@example.org")).get("/gallery/").status_code == 403


# --- the page -----------------------------------------------------------------------------------------------------------
def test_a_finished_shot_says_what_it_is_made_of(team: Team, user: User, client_for: Login) -> None:
    moment = timezone.now()
    shot = make_shot(team, files=FILES, submitted_at=moment, rendered_at=moment, rewritten_prompt="A grand boat")
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    words = words_of(html)
    assert "<studio-player" in html
    assert f'src="/media/{shot.pk}/video.mp4"' in html
    assert f'href="/media/{shot.pk}/video.mp4?download=1"' in html
    for fact in ("1280 × 720, 24 fps", "8.0 s with sound", "H.264", "Aspect ratio 16:9", "A grand boat",
                 "Sandbox: nothing is charged", "Alice Moreau", "Veo 3 Fast"):  # fmt: skip
        assert fact in words


@pytest.mark.parametrize(
    ("state", "expected"),
    [("queued", "Waiting, next"), ("running", "Rendering"), ("failed", "Fix and retry"), ("cancelled", "Cancelled"),
     ("done", "The file is gone from disk")],
)  # fmt: skip
def test_a_shot_without_a_file_says_why(team: Team, user: User, client_for: Login, state: str, expected: str) -> None:
    shot = make_shot(team, state, reason="rejected" if state == "failed" else "")
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert expected in words_of(html)
    assert "<video" not in html


def test_provenance_shows_the_log_and_no_secret(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "archiving", provider_task_id="task-77", result_url="https://cdn.example/x?sig=abc")
    Event.objects.create(generation=shot, from_state="queued", to_state="submitting", why="try 1", actor=user)
    Attempt.objects.create(generation=shot, n=1, state="accepted", escrow="e", http_status=200, answer="raw answer")
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    for shown in ("task-77", "submitting: try 1", "accepted, HTTP 200", "…1234"):
        assert shown in words_of(html)
    for hidden in ("sk-very-secret", "sig=abc", "raw answer"):
        assert hidden not in html


def test_inputs_are_shown_with_their_roles(team: Team, user: User, client_for: Login) -> None:
    upload = Upload.objects.create(team=team, created_by=user, path="x.png", name="x", content_type="image/png",
                                   sha256="-", bytes=1, width=1, height=1)  # fmt: skip
    images = [{"role": "First frame", "upload": upload.pk}, {"role": "Last frame", "url": "https://pics.example/a.png"}]
    shot = make_shot(team, "queued", model="apertis-veo2-fast-frames", params={"images": images})
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert f'<img src="/uploads/{upload.pk}/" alt="First frame"' in html
    assert "pics.example" in words_of(html)
    assert 'https://pics.example/a.png" rel' in html  # a link: nothing is loaded from elsewhere


def test_a_model_that_is_no_longer_known_keeps_its_page(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, model="gone-model", files=FILES)
    words = words_of(client_for(user).get(f"/shots/{shot.pk}/").content.decode())
    assert "gone-model" in words
    assert "no longer in the catalogue" in words


def test_previous_and_next_follow_the_gallery(team: Team, user: User, stranger: User, client_for: Login) -> None:
    moment = timezone.now()
    first, second, third = (make_shot(team, created_at=moment) for _ in range(3))
    make_shot(team, "running")
    make_shot(stranger.teams.get())
    html = client_for(user).get(f"/shots/{second.pk}/").content.decode()
    assert f'href="/shots/{third.pk}/" rel="prev"' in html
    assert f'href="/shots/{first.pk}/" rel="next"' in html
    assert 'rel="next"' not in client_for(user).get(f"/shots/{first.pk}/").content.decode()


# --- what people do -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "kept"), [("  Causeway,\n first light ", "Causeway, first light"), ("", ""), ("x" * 300, "x" * 200)]
)
def test_a_title_is_edited_in_place(team: Team, user: User, client_for: Login, given: str, kept: str) -> None:
    shot, client = make_shot(team, title="Old"), client_for(user)
    fragment = client.post(f"/shots/{shot.pk}/title/", {"title": given}, headers=HTMX).content.decode()
    assert "Saved" in fragment
    assert "<html" not in fragment
    shot.refresh_from_db()
    assert shot.title == kept
    assert client.post(f"/shots/{shot.pk}/title/", {"title": given})["Location"] == f"/shots/{shot.pk}/"


@pytest.mark.parametrize("look", ["tile", "shot", "hero", "<b>"])
def test_a_favourite_is_set_and_taken_back(team: Team, user: User, client_for: Login, look: str) -> None:
    shot, client = make_shot(team), client_for(user)
    on = client.post(f"/shots/{shot.pk}/favourite/", {"on": "1", "look": look}, headers=HTMX).content.decode()
    assert 'aria-pressed="true"' in on
    assert "<b>" not in on
    again = client.post(f"/shots/{shot.pk}/favourite/", {"on": "1"})  # a double click is the same wish twice
    assert again.status_code == 302
    shot.refresh_from_db()
    assert shot.favourite
    assert (
        'aria-pressed="false"'
        in client.post(f"/shots/{shot.pk}/favourite/", {"on": "0"}, headers=HTMX).content.decode()
    )


def test_editing_never_overwrites_what_a_worker_wrote_meanwhile(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "running")
    stale = Generation.objects.get(pk=shot.pk)
    Generation.objects.filter(pk=shot.pk).update(state="succeeded", progress=99)
    client_for(user).post(f"/shots/{stale.pk}/title/", {"title": "New"})
    shot.refresh_from_db()
    assert (shot.state, shot.progress, shot.title) == ("succeeded", 99, "New")


def unknown(team: Team, **fields: Any) -> Generation:
    return make_shot(team, "unknown", unknown_phase="submit", charged="unknown", message="The line broke.", **fields)


def test_an_unknown_outcome_offers_the_three_answers(team: Team, user: User, client_for: Login) -> None:
    make_key(team, sandbox=False)
    html = client_for(user).get(f"/shots/{unknown(team).pk}/").content.decode()
    for words in ("It came through", "It was not charged", "I accept paying twice", "The line broke."):
        assert words in words_of(html)


def test_in_the_sandbox_an_unknown_outcome_speaks_of_no_money(team: Team, user: User, client_for: Login) -> None:
    html = client_for(user).get(f"/shots/{unknown(team).pk}/").content.decode()
    assert "nothing is charged in the sandbox" in words_of(html)
    assert "accepted and charged" not in words_of(html)
    assert "paying twice" not in words_of(html)


def test_an_unknown_shot_says_its_message_once_and_a_new_take_is_no_main_button(
    team: Team, user: User, client_for: Login
) -> None:
    html = client_for(user).get(f"/shots/{unknown(team).pk}/").content.decode()
    main = html[html.index("<main") : html.index('<aside class="side"')]
    assert words_of(main).count("The line broke.") == 1
    assert main.index('id="resolve"') < main.index("New take (a new render)")
    assert "btn--paper" not in main


@pytest.mark.parametrize("superuser", [True, False])
def test_who_may_change_a_refused_key_is_led_to_it(team: Team, user: User, client_for: Login, superuser: bool) -> None:
    shot = make_shot(team, "queued", provider_key=make_key(team, state="paused"))
    user.is_superuser = user.is_staff = superuser
    user.save()
    html = client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert (f"/admin/generations/providerkey/{shot.provider_key_id}/change/" in html) is superuser


def test_a_job_with_an_id_is_never_offered_to_be_sent_again(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "unknown", unknown_phase="remote", provider_task_id="t-1", charged="yes")
    client = client_for(user)
    html = client.get(f"/shots/{shot.pk}/").content.decode()
    assert "send-again" not in html
    assert "Ask again now" in html
    refused = client.post(f"/shots/{shot.pk}/resolve/", {"action": "send-again", "accept": "on"})
    assert refused.status_code == 422
    assert "never sent again" in words_of(refused.content.decode())
    assert Generation.objects.get(pk=shot.pk).state == "unknown"


@pytest.mark.parametrize(
    ("data", "state", "charged"),
    [({"action": "adopt", "task_id": " t-9 "}, "submitted", "yes"), ({"action": "release"}, "failed", "no"),
     ({"action": "send-again", "accept": "on"}, "queued", "unknown")],
)  # fmt: skip
def test_a_person_decides(
    team: Team, user: User, client_for: Login, data: dict[str, str], state: str, charged: str
) -> None:
    shot = unknown(team)
    assert client_for(user).post(f"/shots/{shot.pk}/resolve/", data).status_code == 302
    shot.refresh_from_db()
    assert (shot.state, shot.charged) == (state, charged)
    assert shot.events.last().actor == user


@pytest.mark.parametrize(
    ("data", "words"),
    [({"action": "send-again"}, "Tick that you accept paying twice"), ({"action": "adopt", "task_id": " "}, "task id"),
     ({"action": "adopt", "task_id": "t-taken"}, "Another shot already has this id"), ({}, "Choose one of the three")],
)  # fmt: skip
def test_a_refused_decision_changes_nothing_and_keeps_what_was_typed(
    team: Team, user: User, client_for: Login, data: dict[str, str], words: str
) -> None:
    make_shot(team, "running", provider_task_id="t-taken")
    shot = unknown(team)
    answer = client_for(user).post(f"/shots/{shot.pk}/resolve/", data)
    assert answer.status_code == 422
    assert words in words_of(answer.content.decode())
    assert f'value="{data.get("task_id", "")}"' in answer.content.decode()
    assert Generation.objects.get(pk=shot.pk).state == "unknown"


def test_a_decision_about_an_earlier_request_is_none_about_the_newest(
    team: Team, user: User, client_for: Login
) -> None:
    shot, web = unknown(team), client_for(user)
    doubts = []
    for _ in range(2):  # sent, unknown, sent again, unknown again
        Event.objects.create(generation=shot, from_state="submitting", to_state="unknown")
        page = web.get(f"/shots/{shot.pk}/").content.decode()
        [doubt] = set(re.findall(r'name="doubt" value="([^"]+)"', page))
        doubts.append(doubt)
    again = {"action": "send-again", "accept": "on"}
    refused = web.post(f"/shots/{shot.pk}/resolve/", again | {"doubt": doubts[0]})
    assert refused.status_code == 422
    assert "Nothing was changed. Decide anew." in words_of(refused.content.decode())
    assert Generation.objects.get(pk=shot.pk).state == "unknown"
    assert web.post(f"/shots/{shot.pk}/resolve/", again | {"doubt": doubts[1]}).status_code == 302


def test_a_decision_that_came_too_late_says_what_happened(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "running", provider_task_id="t-1")
    answer = client_for(user).post(f"/shots/{shot.pk}/resolve/", {"action": "release"})
    assert answer.status_code == 409
    assert "moved on: Rendering" in words_of(answer.content.decode())


def test_asking_again_costs_nothing_and_needs_an_id(team: Team, user: User, client_for: Login) -> None:
    later = timezone.now() + dt.timedelta(minutes=30)
    shot = make_shot(team, "unknown", unknown_phase="remote", provider_task_id="t-1", due_at=later)
    client = client_for(user)
    assert client.post(f"/shots/{shot.pk}/check/").status_code == 302
    shot.refresh_from_db()
    assert shot.due_at <= timezone.now()
    assert client.post(f"/shots/{unknown(team).pk}/check/", headers=HTMX).status_code == 409


def test_asking_again_says_when_the_provider_is_not_asked_for_now(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "unknown", unknown_phase="remote", provider_task_id="t-1")
    row = Breaker.objects.create(key=shot.provider_key, side=Breaker.READ, state=Breaker.OPEN, reason="It has failed.")
    client, path = client_for(user), f"/shots/{shot.pk}/check/"
    words = words_of(client.post(path, headers=HTMX).content.decode())
    assert "It has failed. When it answers again, it is asked about this shot. That costs nothing." in words
    row.delete()
    assert "The provider is asked again now." in words_of(client.post(path, headers=HTMX).content.decode())


def test_a_page_costs_a_fixed_number_of_queries(
    team: Team, user: User, client_for: Login, django_assert_max_num_queries: Any
) -> None:
    key = make_key(team)
    shot = make_shot(team, files=FILES, provider_key=key)
    for _ in range(5):
        Event.objects.create(generation=shot, to_state="queued", actor=user)
        make_shot(team, provider_key=key)
    client = client_for(user)
    with django_assert_max_num_queries(17):
        client.get(f"/shots/{shot.pk}/")
    assert Asset.objects.filter(generation=shot).count() == len(FILES)
