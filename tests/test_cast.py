"""The pages of remixes and characters: who may, what is said before anything is paid, and what is kept on the row."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations.forms import new_token
from generations.models import Character, Generation, ProviderKey
from generations.providers import SPECS

from .shots import make_key, make_shot
from .test_queue import HTMX

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
SORA = {
    "model": "apertis-sora-2-videos",
    "params": {"size": "480x480", "seconds": "4"},
    "provider_task_id": "sora-2:1-a",
}
REMIX = "apertis-sora-2-remix"


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


@pytest.fixture
def web(user: User, client_for: Login) -> Client:
    return client_for(user)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def press(web: Client, shot: Generation, **more: str) -> Any:
    form = {"model": REMIX, "parent": str(shot.pk), "prompt": "In the rain", "takes": "1", "form_token": new_token()}
    return web.post("/shots/", form | more)


# --- remix -------------------------------------------------------------------------------------------------------------------
def test_the_page_of_a_sora_shot_offers_its_remix_and_other_shots_the_composer(web: Client, team: Team) -> None:
    sora, veo = make_shot(team, **SORA), make_shot(team)
    assert f'href="/?from={sora.pk}&amp;model={REMIX}"' in text(web.get(f"/shots/{sora.pk}/"))
    page = text(web.get(f"/shots/{veo.pk}/"))
    assert REMIX not in page
    assert f'href="/?from={veo.pk}"' in page


def test_the_composer_of_a_remix_says_what_it_remakes_and_asks_what_to_change(web: Client, team: Team) -> None:
    sora = make_shot(team, prompt="A quiet harbour", **SORA)
    page = text(web.get(f"/?from={sora.pk}&model={REMIX}"))
    assert "A remix of" in page
    assert f'name="parent" value="{sora.pk}"' in page
    assert "What to change" in page
    assert 'aria-keyshortcuts="C Control+Enter"' in page
    assert ">A quiet harbour</textarea>" not in page
    assert "as long as the shot" in page


def test_a_remix_keeps_its_parent_its_kind_and_its_key(web: Client, team: Team) -> None:
    first = make_key(team)
    sora = make_shot(team, provider_key=first, **SORA)
    newer = make_key(team)
    assert ProviderKey.objects.for_provider(team, "apertis") == newer
    assert press(web, sora, size="480x480").status_code == 303
    row = Generation.objects.get(prompt="In the rain")
    assert (row.parent, row.reuse, row.provider_key, row.params) == (sora, "remix", first, {"size": "480x480"})
    page = text(web.get(f"/shots/{row.pk}/"))
    assert "Remix of" in page
    assert f'href="/shots/{sora.pk}/"' in page


def test_a_new_take_of_a_remix_is_another_remix_of_the_same_shot(web: Client, team: Team) -> None:
    sora = make_shot(team, **SORA)
    press(web, sora, size="480x480")
    remix = Generation.objects.get(prompt="In the rain")
    Generation.objects.filter(pk=remix.pk).update(state="failed")
    page = text(web.get(f"/?from={remix.pk}"))
    assert f'name="parent" value="{sora.pk}"' in page
    assert "In the rain</textarea>" in page
    assert '<option value="480x480" selected>' in page


def test_a_new_take_remembers_the_shot_that_it_was_filled_from(web: Client, team: Team) -> None:
    veo = make_shot(team)
    page = text(web.get(f"/?from={veo.pk}"))
    assert f'name="parent" value="{veo.pk}"' in page
    assert "A remix of" not in page
    press(web, veo, model="apertis-veo3")
    row = Generation.objects.get(prompt="In the rain")
    assert (row.parent, row.reuse) == (veo, "take")
    assert "New take of" in text(web.get(f"/shots/{row.pk}/"))


def test_a_shot_that_the_provider_cannot_remix_is_refused_with_a_way_out(web: Client, team: Team) -> None:
    for shot in (make_shot(team), make_shot(team, "running", **SORA)):
        answer = press(web, shot)
        assert answer.status_code == 422
        assert "Nothing was sent" in text(answer)
    gone = make_shot(team, **(SORA | {"provider_task_id": "sora-2:1-b"}))
    ProviderKey.objects.update(state=ProviderKey.DISABLED)
    assert "There is no key" in text(press(web, gone))
    assert not Generation.objects.filter(prompt="In the rain").exists()


def test_another_teams_shot_cannot_be_remixed_or_cast(
    team: Team, user: User, stranger: User, client_for: Login
) -> None:
    sora, web = make_shot(team, **SORA), client_for(stranger)
    assert web.get(f"/?from={sora.pk}&model={REMIX}").status_code == 404
    assert press(web, sora).status_code == 404
    assert web.get(f"/cast/?shot={sora.pk}").status_code == 404
    assert web.post("/cast/order/", {"shot": sora.pk, "form_token": new_token()}).status_code == 404


def test_the_same_press_with_another_source_is_another_confirmation(web: Client, team: Team) -> None:
    one, two, token = make_shot(team, **SORA), make_shot(team, **(SORA | {"provider_task_id": "b"})), new_token()
    assert [press(web, shot, form_token=token).status_code for shot in (one, one, two)] == [303, 303, 422]
    assert Generation.objects.filter(prompt="In the rain").count() == 1


# --- several protocols, and an ended model --------------------------------------------------------------------------------
def test_the_other_protocol_of_a_model_is_a_press_away_and_keeps_the_prompt(web: Client, team: Team) -> None:
    make_key(team)
    page = text(web.get("/?model=apertis-sora-2"))
    assert 'hx-post="/models/apertis-sora-2-videos/form/"' in page
    answer = web.post(
        "/models/apertis-sora-2-videos/form/", {"model": "apertis-sora-2", "prompt": "A cat"}, headers=HTMX
    )
    assert 'name="model" value="apertis-sora-2-videos"' in text(answer)
    assert "A cat" in text(answer)
    assert "apertis-sora-2-remix" not in text(answer).replace('data-ways="', "").partition("model-list")[0]
    assert 'aria-label="Endpoint"' not in text(web.get("/?model=apertis-veo3"))


def test_an_ended_model_says_what_changes_with_its_substitute(web: Client, team: Team) -> None:
    make_key(team)
    page = text(web.get("/?model=apertis-sora-2"))
    assert "Sora 2 has ended on 2026-09-24" in page
    assert "<li>It takes up to 2 images instead of up to 3 images.</li>" in page
    assert 'hx-post="/models/apertis-veo3.1/form/"' in page
    assert "has ended" not in text(web.get("/?model=apertis-veo3.1"))


def test_notes_name_the_models_that_they_are_about(web: Client, team: Team) -> None:
    make_key(team, sandbox=False)
    page = text(web.get("/models/"))
    assert "Sora 2, Sora 2 Pro: OpenAI has switched Sora 2 off." in page
    assert "retired since 2026-09-24" in page


# --- form rules ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"character_url": "ftp://x"}, "must begin with https://"),
        ({"character_url": "https://192.168.0.7/a.mp4"}, "not on the public internet"),
        ({"character_timestamps": "1,3"}, "needs Character from a video"),
        ({"character_url": "https://example.com/a.mp4", "character_timestamps": "0,9"}, "1 to 3 seconds"),
        ({"character_url": "https://example.com/a.mp4", "character_from_task": "x"}, "not both"),
        ({"character_create__save_to_library": "on"}, "needs Character from a video or Character from a shot"),
        ({"size": "1920x1080"}, "Choose 1280x720"),
        ({"seconds": "60"}, "Choose 4, 8, 10, 12, 15 or 25"),
    ],
)
def test_what_the_document_forbids_is_refused_before_anything_is_sent(
    web: Client, team: Team, values: dict[str, str], words: str
) -> None:
    make_key(team)
    form = {"model": "apertis-sora-2-videos", "prompt": "A cat", "takes": "1", "form_token": new_token(),
            "size": "1280x720", "seconds": "4"}  # fmt: skip
    answer = web.post("/shots/", form | values)
    assert answer.status_code == 422
    assert words in text(answer)
    assert "Upload the image" not in text(answer)
    assert not Generation.objects.exists()


def test_a_wider_value_is_offered_with_a_warning(web: Client, team: Team) -> None:
    make_key(team)
    assert "15 s (may be refused)" in text(web.get("/?model=apertis-sora-2"))
    press(web, make_shot(team), model="apertis-sora-2", duration="15", orientation="portrait", size="large")
    assert Generation.objects.get(prompt="In the rain").params["duration"] == "15"


# --- the cast ------------------------------------------------------------------------------------------------------------------
def test_the_cast_lists_characters_and_orders_new_ones(web: Client, team: Team, user: User) -> None:
    key = make_key(team)
    Character.objects.create(team=team, created_by=user, provider_key=key, form_token="x", state="ready",
                             username="captain", permalink="https://sora.example.com/captain")  # fmt: skip
    page = text(web.get("/cast/"))
    assert "@captain" in page
    assert "Sandbox: nothing is charged." in page
    form = {"url": "https://example.com/a.mp4", "span": "1, 3", "form_token": new_token()}
    assert web.post("/cast/order/", form).status_code == 302
    assert web.post("/cast/order/", form).status_code == 302
    row = Character.objects.get(state="waiting")
    assert (row.source_url, row.span, row.created_by) == ("https://example.com/a.mp4", "1,3", user)
    assert 'hx-trigger="every 2s"' in text(web.get("/cast/", headers=HTMX))


def test_the_page_of_a_shot_leads_to_a_character(web: Client, team: Team) -> None:
    sora = make_shot(team, **SORA)
    assert f'href="/cast/?shot={sora.pk}"' in text(web.get(f"/shots/{sora.pk}/"))
    assert "A character from" in text(web.get(f"/cast/?shot={sora.pk}"))
    web.post("/cast/order/", {"shot": sora.pk, "span": "", "form_token": new_token()})
    assert Character.objects.get().source_task_id == "sora-2:1-a"
    assert "only from a finished Sora shot" in text(web.get(f"/cast/?shot={make_shot(team).pk}"))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"url": ""}, "Give the address of a video"),
        ({"url": "javascript:alert(1)"}, "must begin with https://"),
        ({"url": "https://127.0.0.1/a.mp4"}, "not on the public internet"),
        ({"url": "https://example.com/a.mp4", "span": "3,1"}, "1 to 3 seconds"),
        ({"url": "https://example.com/a.mp4", "form_token": ""}, "out of date"),
    ],
)
def test_a_bad_order_is_refused_in_words(web: Client, team: Team, form: dict[str, str], words: str) -> None:
    make_key(team)
    answer = web.post("/cast/order/", {"form_token": new_token(), "span": "0,3"} | form)
    assert answer.status_code == 422
    assert words in text(answer)
    assert not Character.objects.exists()


def test_without_a_key_the_cast_says_so(web: Client) -> None:
    assert "There is no key for a provider that makes characters yet." in text(web.get("/cast/"))


def test_an_unknown_order_is_decided_by_the_team_only(
    web: Client, team: Team, user: User, stranger: User, client_for: Login
) -> None:
    row = Character.objects.create(team=team, created_by=user, provider_key=make_key(team), form_token="x",
                                   state="unknown", message="It may be accepted.", escrow="none.answer")  # fmt: skip
    assert "It may be accepted." in text(web.get("/cast/"))
    assert "1 order for a character waits for a decision, too." in text(web.get("/unknown/"))
    assert 'data-unknown="1"' in text(web.get("/"))
    path = f"/cast/{row.pk}/decide/"
    assert client_for(stranger).post(path, {"action": "close"}).status_code == 404
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert "paying twice" in text(web.post(path, {"action": "again"}, follow=True))
    row.refresh_from_db()
    assert row.state == "unknown"
    web.post(path, {"action": "again", "accept": "on"})
    row.refresh_from_db()
    assert row.state == "waiting"


def test_an_order_that_waits_says_why_its_key_rests_and_can_be_cancelled(web: Client, team: Team, user: User) -> None:
    key = make_key(team, state=ProviderKey.PAUSED, paused_reason="The provider refused the key.")
    row = Character.objects.create(team=team, created_by=user, provider_key=key, form_token="x")
    page = text(web.get("/cast/"))
    assert "The provider refused the key. It goes on when an owner says that the key works again." in page
    assert 'value="cancel">Cancel</button>' in page
    for _ in range(2):
        page = text(web.post(f"/cast/{row.pk}/decide/", {"action": "cancel"}, follow=True))
    assert "Cancelled by a person. Nothing was charged." in page
    assert "moved on" in page
    row.refresh_from_db()
    assert row.state == "failed"


@pytest.mark.parametrize("state", ["making", "ready", "unknown"])
def test_an_order_that_has_left_cannot_be_cancelled(state: str, web: Client, team: Team, user: User) -> None:
    row = Character.objects.create(team=team, created_by=user, provider_key=make_key(team), form_token="x", state=state)
    assert 'value="cancel"' not in text(web.get("/cast/"))
    assert "moved on" in text(web.post(f"/cast/{row.pk}/decide/", {"action": "cancel"}, follow=True))
    row.refresh_from_db()
    assert row.state == state


def test_a_username_in_a_prompt_goes_to_the_provider_as_it_is() -> None:
    from generations.providers.apertis import APERTIS
    from generations.providers.base import Job, Target

    job = Job(SPECS["apertis-sora-2"], "@captain looks up", {})
    request = APERTIS.build_submit(job, Target("https://x.org", "sk-1"))
    assert json.loads(request.body)["prompt"] == "@captain looks up"


def test_the_prompt_suggests_the_teams_finished_characters_and_nobody_elses(team, user, stranger, client_for):
    key = make_key(team)
    given = {"team": team, "created_by": user, "provider_key": key}
    for name, state in (("captain", "ready"), ("carol", "ready"), ("cook", "making"), ("mate", "ready")):
        Character.objects.create(form_token=name, state=state, username=name, **given)
    page = client_for(user).get("/cast/suggest/", {"q": "C"}).content.decode()
    assert [name for name in ("captain", "carol", "cook", "mate") if f'data-name="{name}"' in page] == [
        "captain",
        "carol",
    ]
    assert "data-name" not in client_for(stranger).get("/cast/suggest/").content.decode()
