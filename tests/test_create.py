"""The composer page and the press of Generate: one confirmation, one job, and nothing that was typed is ever lost."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from generations import keys, references, uploads
from generations.forms import new_token
from generations.models import Event, Generation, ProviderKey
from generations.providers import MODELS, SPECS
from generations.states import State

from . import pictures
from .shots import make_shot

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
PROMPT = "A boat leaves the harbour <b>&amp;"


@pytest.fixture
def plain_key(team) -> ProviderKey:
    return ProviderKey.objects.create(
        team=team, provider="apertis", secret="x" * 12, last4="xxxx", base_url="http://127.0.0.1:1", is_sandbox=True
    )


@pytest.fixture
def web(client_for, user) -> Client:
    return client_for(user)


def test_the_address_of_a_refused_form_opens_the_composer(web: Client, plain_key: ProviderKey) -> None:
    """Without scripts the page of a refusal has the form's address, and the theme's button leads back to it."""
    refused = web.post("/shots/", {"model": "apertis-veo3"})
    current = re.findall(r'href="([^"]*)" aria-current', refused.content.decode())
    assert (refused.status_code, set(current)) == (422, {"/"})
    changed = web.post(
        "/theme/",
        {"theme": "light"},
        headers={"Referer": "http://testserver/shots/", "Accept": "text/html"},
        follow=True,
    )
    assert (changed.status_code, changed.redirect_chain[-1][0]) == (200, "/")


def values(**changed: Any) -> dict[str, Any]:
    start = {"model": "apertis-veo3.1", "prompt": PROMPT, "aspect_ratio": "9:16", "takes": "2", "enhance_prompt": "on"}
    return start | {"form_token": new_token()} | changed


def press(web: Client, data: dict[str, Any], *, htmx: bool = True) -> Any:
    return web.post("/shots/", data, headers=HTMX if htmx else {})


def seen(response: Any) -> str:
    return unescape(response.content.decode())


# --- pressing Generate -----------------------------------------------------------------------------------------------------
def test_a_press_becomes_a_row_a_take_with_every_value_and_the_cards_come_back_at_once(web, team, user, plain_key):
    response = press(web, values())
    rows = list(Generation.objects.of_team(team).order_by("take"))
    assert [(row.take, row.takes, row.state, row.charged) for row in rows] == [
        (1, 2, "queued", "no"), (2, 2, "queued", "no"),
    ]  # fmt: skip
    assert {row.prompt for row in rows} == {PROMPT}
    assert rows[0].params == {"aspect_ratio": "9:16", "images": [], "enhance_prompt": True, "enable_upsample": False}
    assert (rows[0].created_by, rows[0].provider_key) == (user, plain_key)
    assert response.status_code == 200
    for row in rows:
        assert f'data-generation-id="{row.pk}" data-state="queued" data-charged="no"' in seen(response)
    assert "Submitted. 2 in the queue." in seen(response)
    assert OrmQ.objects.count() == 1  # the worker was told


def test_the_answer_brings_a_token_for_the_next_press(web, plain_key):
    data = values()
    token = re.search(r'name="form_token" value="([\w-]+)"', seen(press(web, data)))[1]
    assert token != data["form_token"]
    press(web, data | {"form_token": token})
    assert Generation.objects.count() == 4


def test_without_script_a_press_leads_back_to_the_composer_with_a_message(web, plain_key):
    response = press(web, values(), htmx=False)
    assert (response.status_code, response["Location"]) == (303, "/")
    assert "Submitted. 2 in the queue." in seen(web.get(response["Location"]))


def test_the_same_press_twice_is_one_job(web, plain_key):
    data = values()
    assert [press(web, data).status_code for _ in range(3)] == [200, 200, 200]
    assert Generation.objects.count() == 2
    assert Event.objects.count() == 2


def test_the_same_picture_with_the_same_press_twice_is_one_job(web, plain_key):
    """Without script a second click sends the file again; it must not look like another confirmation."""
    picture, data = pictures.png(), values(model="apertis-veo3-pro-frames")
    answers = [press(web, data | {"images-0-file": pictures.file(picture)}, htmx=False) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert Generation.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twenty_presses_at_once_are_one_job(client_for, user, team, plain_key):
    data, clients = values(takes="1"), [client_for(user) for _ in range(20)]

    def one(web: Client) -> int:
        try:
            return press(web, data).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, clients)) == {200}
    assert Generation.objects.count() == 1
    connection.close()


def test_a_used_token_with_other_values_sends_nothing_and_the_next_press_works(web, plain_key):
    data = values()
    press(web, data)
    response = press(web, data | {"prompt": "Something else"})
    assert response.status_code == 422
    assert "already sent with other values" in seen(response)
    assert Generation.objects.count() == 2
    token = re.search(r'name="form_token" value="([\w-]+)"', seen(response))[1]
    assert press(web, data | {"prompt": "Something else", "form_token": token}).status_code == 200
    assert Generation.objects.count() == 4


@pytest.mark.parametrize(
    "extra",
    [{"state": "done", "charged": "yes", "team": "999", "created_by": "999", "provider_key": "999", "id": "1",
      "provider_task_id": "mine", "lease_token": "x", "price": "0"}],
)  # fmt: skip
def test_fields_that_nobody_may_set_change_nothing(web, team, user, plain_key, extra):
    assert press(web, values(takes="1") | extra).status_code == 200
    row = Generation.objects.get()
    assert (row.state, row.charged, row.team, row.created_by, row.provider_key, row.provider_task_id) == (
        State.QUEUED, "no", team, user, plain_key, None,
    )  # fmt: skip
    assert set(row.params) == {"aspect_ratio", "images", "enhance_prompt", "enable_upsample"}


# --- a refused form --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("htmx", [True, False])
def test_a_refused_form_keeps_everything_and_says_what_to_fix(web, plain_key, team, htmx):
    data = values(model="apertis-veo2-fast-frames", prompt="x" * 8001, enable_upsample="on")
    data |= {"images-0-file": pictures.file(name="sea.png"), "images-1-url": "https://example.com/last.png"}
    response = press(web, data, htmx=htmx)
    page = seen(response)
    assert response.status_code == 422
    assert Generation.objects.count() == 0
    assert "One thing to fix before this can run" in page
    assert 'href="#prompt"' in page
    assert 'aria-invalid="true"' in page
    assert "takes at most 8,000" in page
    assert "x" * 8001 in page
    assert f'name="images-0-upload" value="{team.uploads.get().pk}"' in page
    assert 'value="https://example.com/last.png"' in page
    assert re.search(r'name="takes" value="2" checked', page)
    assert re.search(r'name="enable_upsample" checked', page)
    assert f'name="form_token" value="{data["form_token"]}"' in page
    assert 'role="alert" tabindex="-1" data-focus' in page
    assert ("<html" in page) is not htmx


def test_a_broken_field_leads_from_the_summary_to_its_control(web, plain_key):
    page = seen(press(web, values(aspect_ratio="4:1", takes="9"), htmx=False))
    assert "2 things to fix" in page
    for name in ("aspect_ratio", "takes"):
        assert f'href="#f-{name}"' in page
        assert f'id="f-{name}"' in page


@pytest.mark.parametrize("htmx", [True, False])
def test_without_a_key_nothing_is_sent_and_the_reason_says_who_can_help(web, client_for, user, team, htmx):
    response = press(web, values(), htmx=htmx)
    assert response.status_code == 422
    words = "There is no key for Apertis yet. Ask the owner of Harbour film to add one."
    assert f'<a href="#why-not">{words}</a>' in seen(response)
    assert PROMPT in seen(response)
    assert Generation.objects.count() == 0
    page = seen(web.get("/"))
    assert 'aria-disabled="true"' in page
    assert "Ask the owner of Harbour film" in page
    user.is_superuser = True
    user.save()
    assert reverse("admin:generations_providerkey_add") in seen(web.get("/"))


def test_with_a_paused_key_a_shot_waits_and_only_owners_get_the_button(web, client_for, member, plain_key):
    keys.pause(plain_key, "The provider refused the key.")
    page = seen(web.get("/"))
    assert "The provider refused the key." in page
    assert f'formaction="{reverse("resume-key", args=[plain_key.pk])}"' in page
    assert reverse("resume-key", args=[plain_key.pk]) not in seen(client_for(member).get("/"))
    assert press(web, values(takes="1")).status_code == 200
    assert Generation.objects.get().state == State.QUEUED


def test_a_model_that_does_not_exist_is_a_404(web, plain_key):
    assert press(web, values(model="no-such-model")).status_code == 404
    assert web.get("/?model=no-such-model").status_code == 404
    assert web.post("/models/no-such-model/form/").status_code == 404


def test_a_form_that_was_cut_by_the_size_limit_never_becomes_a_job(web, plain_key, settings):
    """The parser stops at the limit and drops what follows: the image would be missing from a paid shot."""
    settings.MAX_IMAGE_BYTES = 100_000
    big = pictures.file(b"\x89PNG\r\n\x1a\n" + bytes(300_000))
    response = press(web, values() | {"images-0-file": big, "whole": "1"}, htmx=False)
    assert response.status_code == 422
    assert "larger than 20 MB, so this form arrived incomplete" in seen(response)
    assert Generation.objects.count() == 0


def test_an_image_that_is_too_large_is_said_once_and_at_its_field(web, plain_key, settings):
    settings.MAX_IMAGE_BYTES = 100_000
    big = pictures.file(b"\x89PNG\r\n\x1a\n" + bytes(300_000))
    model = {"model": "apertis-veo3-pro-frames"}
    page = seen(press(web, values(**model) | {"images-0-file": big, "whole": "1"}, htmx=False))
    assert '<a href="#f-images">An image is larger than 20 MB' in page
    assert "needs at least 1 image" not in page


def test_after_a_press_the_queue_is_one_link_away(web, plain_key):
    page = seen(press(web, values()))
    toast = page[page.index("toast--queued") :]
    assert "Submitted. 2 in the queue." in toast
    assert 'href="/queue/"' in toast


# --- the page --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", SPECS)
def test_every_model_has_a_page_and_a_form_to_switch_to(web, plain_key, slug):
    page = seen(web.get(f"/?model={slug}"))
    assert f'name="model" value="{slug}"' in page
    for param in SPECS[slug]:
        assert f'name="{param.name}' in page or f'data-field="{param.name}"' in page, param.name  # off, with its reason
    part = web.post(f"/models/{slug}/form/", values(), headers=HTMX)
    assert part.status_code == 200
    assert 'hx-target="#prompt-field"' in part.content.decode()
    assert PROMPT in seen(part)


@pytest.mark.parametrize("htmx", [True, False])
def test_switching_the_model_keeps_what_fits_and_says_once_what_does_not(web, plain_key, htmx):
    response = web.post("/models/apertis-veo2/form/", values(), headers=HTMX if htmx else {})
    page = seen(response)
    assert PROMPT in page
    assert page.count("Veo 2 has no aspect ratio.") == (2 if htmx else 1)  # htmx says it aloud as well
    assert 'name="aspect_ratio" value="9:16"' in page  # waits for a way back
    assert re.search(r'name="takes" value="2" checked', page)
    assert re.search(r'name="enhance_prompt" checked', page)
    assert ("<html" in page) is not htmx
    assert Generation.objects.count() == 0


def test_switching_keeps_a_picked_file_and_taking_it_out_leaves_the_rest(web, team, plain_key):
    data = values(model="apertis-veo2-fast-frames") | {"images-0-file": pictures.file()}
    page = seen(web.post("/models/apertis-veo3-pro-frames/form/", data))
    upload = team.uploads.get()
    assert f'name="images-0-upload" value="{upload.pk}"' in page
    data = values(model="apertis-veo3-pro-frames") | {"images-0-upload": upload.pk, "clear": "images-0"}
    page = seen(web.post("/models/current/form/", data))
    assert 'name="images-0-upload"' not in page
    assert PROMPT in page


def test_a_refused_file_says_why_when_the_model_is_switched(web, plain_key):
    data = values(model="apertis-veo2-fast-frames") | {"images-0-file": pictures.file(pictures.SVG, "a.png")}
    page = seen(web.post("/models/apertis-veo3-pro-frames/form/", data))
    assert "First frame: a.png is a drawing (SVG)" in page


def test_fix_and_retry_fills_the_form_from_the_shot(web, team, user, plain_key):
    upload = uploads.keep(pictures.file(), team=team, user=user)
    press(web, values(model="apertis-veo2-fast-frames", takes="1") | {"images-0-upload": upload.pk})
    page = seen(web.get(f"/?from={Generation.objects.get().pk}"))
    assert PROMPT in page
    assert 'name="model" value="apertis-veo2-fast-frames"' in page
    assert f'name="images-0-upload" value="{upload.pk}"' in page
    assert re.search(r'name="enhance_prompt" checked', page)
    assert 'data-start="kept"' in page


def test_a_shot_of_another_team_fills_no_form(web, client_for, stranger, plain_key):
    press(web, values(takes="1"))
    pk = Generation.objects.get().pk
    assert client_for(stranger).get(f"/?from={pk}").status_code == 404
    assert web.get(f"/?from={pk + 1}").status_code == 404


def test_a_shot_of_a_forgotten_model_still_gives_its_prompt(web, plain_key):
    press(web, values(takes="1"))
    Generation.objects.update(model="gone-model")
    page = seen(web.get(f"/?from={Generation.objects.get().pk}"))
    assert "no longer knows the model" in page
    assert PROMPT in page


def test_the_first_visit_offers_a_prompt_that_works_without_script(web, plain_key):
    page = seen(web.get("/"))
    assert "What are we shooting today?" in page
    link = re.search(r'href="(/\?surprise=\d+)"', page)[1]
    surprised = seen(web.get(link))
    prompt = re.search(r"<textarea id=\"prompt\".*?>\n(.+?)</textarea>", surprised, re.DOTALL)[1]
    assert len(prompt) > 80
    assert press(web, values(prompt=prompt)).status_code == 200


def test_the_page_says_what_is_known_about_cost_and_time_and_invents_nothing(web, plain_key, team):
    page = seen(web.get("/?model=apertis-veo3.1"))
    assert "Sandbox: nothing is charged" in page
    assert "No runs on this model yet" in page
    press(web, values(takes="1"))
    row = Generation.objects.get()
    ready = row.created_at + dt.timedelta(seconds=78)
    Generation.objects.update(state=State.DONE, submitted_at=row.created_at, rendered_at=ready)
    ProviderKey.objects.update(is_sandbox=False)
    page = seen(web.get("/?model=apertis-veo3.1"))
    assert "Price not published" in page
    assert "Usually ready after 1 min 18 s" in page


def test_the_last_model_comes_first_next_time(web, plain_key):
    press(web, values(model="apertis-veo2", takes="1"))
    assert 'name="model" value="apertis-veo2"' in seen(web.get("/"))


def test_the_page_costs_few_queries_however_many_shots_there_are(web, plain_key, django_assert_max_num_queries):
    for _ in range(6):
        press(web, values(takes="4"))
    with django_assert_max_num_queries(24):
        web.get("/")


def test_models_that_cannot_be_used_stay_listed_with_the_reason(web, team):
    page = seen(web.get("/models/"))
    for spec in MODELS.values():
        assert spec.name in page
    assert page.count("No key") == len(MODELS)


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/"), ("get", "/models/"), ("get", "/models/apertis-veo3/form/"), ("post", "/models/apertis-veo3/form/"),
     ("post", "/shots/"), ("post", "/uploads/"), ("get", "/uploads/1/")],
)  # fmt: skip
def test_strangers_to_the_studio_are_sent_to_sign_in(db, method, path):
    response = getattr(Client(), method)(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_who_is_in_no_team_can_do_nothing_here(client_for, user, team):
    team.memberships.all().delete()
    assert client_for(user).get("/").status_code == 403
    assert client_for(user).post("/shots/", values()).status_code == 403


@pytest.mark.parametrize("path", ["/shots/", "/uploads/", "/models/apertis-veo3/form/"])
def test_a_post_without_the_pages_token_is_refused(user, path):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(path, values()).status_code == 403
    assert Generation.objects.count() == 0


def test_an_upload_reaches_the_provider_as_a_signed_address(web, team, plain_key):
    press(web, values(model="apertis-veo3-pro-frames", takes="1") | {"images-0-file": pictures.file()})
    (url,) = references.given(Generation.objects.get(), SPECS["apertis-veo3-pro-frames"].media[0])
    assert url.startswith("http://127.0.0.1:")
    assert Client().get(url[url.index("/ref/") :]).status_code == 200


# --- from another shot -----------------------------------------------------------------------------------------------------
def test_a_form_that_was_filled_from_a_shot_says_so_and_marks_what_changes(web, plain_key):
    shot = make_shot(
        plain_key.team, model="apertis-veo3.1", params={"aspect_ratio": "9:16", "images": [], "enhance_prompt": True}
    )
    page = seen(web.get(f"/?from={shot.pk}"))
    assert "Remixing" in page
    assert shot.shown_title in page
    assert 'data-was="9:16" hidden' in page
    data = values(parent=str(shot.pk), aspect_ratio="16:9", prompt=shot.prompt)
    changed = seen(web.post("/models/current/form/", data, headers=HTMX))
    assert 'data-was="9:16"><i class="dot"></i> was 9:16' in changed
    assert f'data-was="{shot.prompt}" hidden' in changed
    left = seen(web.post("/models/current/form/", data | {"fix": "parent="}, headers=HTMX))
    assert "data-was" not in left
    assert "Remixing" not in left
    assert 'name="parent"' not in left
    assert re.search(r'value="16:9" checked', left), "the values stay"
