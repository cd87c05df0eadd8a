"""What every page promises: one heading, the policy, and an error page for each way to fail."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import Client
from django.urls import path

from accounts.setup import open_setup
from generations.models import ProviderKey
from studio import urls as real
from studio.views import VERSION, too_many

ROOT = Path(__file__).resolve().parents[2]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "manifest-src 'self'",
}


def shell(request: HttpRequest) -> HttpResponse:
    """The frame of every signed-in page, with nothing in it."""
    return render(request, "base.html")


def fail(request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "403":
        raise PermissionDenied
    if kind == "429":
        return too_many(request)
    raise ValueError("the lamp")


# This module is a URLconf, too: the real one with doors to every error.
urlpatterns = [path("_shell/", shell), path("_fail/<kind>/", fail), *real.urlpatterns]
handler400, handler403, handler404, handler429, handler500 = (
    real.handler400,
    real.handler403,
    real.handler404,
    real.handler429,
    real.handler500,
)
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Outline(HTMLParser):
    """Counts headings and landmarks, and collects what a strict policy would block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.blocked: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.tags.append(tag)
        if names.get("id"):
            self.ids.append(str(names["id"]))
        if tag == "style" or (tag == "script" and "src" not in names):
            self.blocked.append(tag)
        self.blocked += [name for name in names if name == "style" or name.startswith("on")]


PUBLIC = [
    ("/accounts/login/", 200),
    ("/accounts/login/?next=/gallery/", 200),
    ("/accounts/signup/", 200),
    ("/accounts/inactive/", 200),
    ("/accounts/password/reset/", 200),
    ("/accounts/password/reset/done/", 200),
    ("/accounts/password/reset/key/1-wrong/", 200),
    ("/accounts/password/reset/key/done/", 200),
    ("/setup/wrong/", 404),
    ("/no-such-page/", 404),
    ("/_fail/403/", 403),
    ("/_fail/429/", 429),
    ("/_fail/500/", 500),
]
PRIVATE = [("/accounts/logout/", 200), ("/accounts/password/change/", 200), ("/accounts/reauthenticate/", 200)]


def assert_whole_page(answer: HttpResponse, status: int) -> None:
    assert answer.status_code == status
    outline = Outline(answer.content.decode())
    assert outline.tags.count("h1") == 1
    assert outline.tags.count("main") == 1
    assert outline.blocked == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {part.strip() for part in answer["Content-Security-Policy"].split(";")} == POLICY
    assert answer["X-Content-Type-Options"] == "nosniff"


def visit(client: Client, path_: str) -> HttpResponse:
    client.raise_request_exception = False
    return client.get(path_)


@pytest.mark.parametrize(("path_", "status"), PUBLIC)
def test_every_public_page_has_one_heading_and_the_policy(client, path_, status):
    assert_whole_page(visit(client, path_), status)


@pytest.mark.parametrize(("path_", "status"), [*PRIVATE, *PUBLIC[-5:]])
def test_every_private_page_has_one_heading_and_the_policy(ines_client, path_, status):
    assert_whole_page(visit(ines_client, path_), status)


def test_a_forgotten_password_promises_no_mail_that_nobody_sends(ines, client, mailoutbox):
    assert "it sends no mail" in client.get("/accounts/password/reset/").content.decode()
    answer = client.post("/accounts/password/reset/", {"email": ines.email}, follow=True)
    assert "in the terminal where this studio runs" in answer.content.decode()
    assert "/accounts/password/reset/key/" in mailoutbox[0].body


def test_the_setup_page_has_one_heading_and_the_policy(client):
    assert_whole_page(client.get(f"/setup/{open_setup()}/"), 200)


def test_an_unknown_host_gets_a_page_that_leaks_nothing(client):
    answer = client.get("/", HTTP_HOST="evil.example")
    assert_whole_page(answer, 400)
    assert "evil.example" not in answer.content.decode()


# --- errors -----------------------------------------------------------------------------------------------------


def test_a_failure_has_an_incident_id_that_is_in_the_log(client, caplog):
    page = visit(client, "/_fail/500/").content.decode()
    record = next(record for record in caplog.records if "Incident" in record.message)
    incident = record.message.split()[1].rstrip(":")
    assert incident in page
    assert "ValueError" in record.message
    assert "ValueError" not in page
    assert "the lamp" not in page


def test_the_failure_page_needs_no_database(client, django_assert_num_queries, ines):
    client.force_login(ines)
    with django_assert_num_queries(0):
        visit(client, "/_fail/500/")


@pytest.mark.parametrize(("kind", "status"), [("403", 403), ("429", 429), ("500", 500), ("../x", 404)])
def test_htmx_gets_a_sentence_instead_of_a_page(client, kind, status):
    client.raise_request_exception = False
    answer = client.get(f"/_fail/{kind}/", headers={"HX-Request": "true"})
    outline = Outline(answer.content.decode())
    assert answer.status_code == status
    assert "html" not in outline.tags
    assert "banner" in answer.content.decode()


# --- the frame --------------------------------------------------------------------------------------------------


def test_the_frame_has_its_landmarks_and_no_dead_link(ines_client):
    page = ines_client.get("/_shell/").content.decode()
    outline = Outline(page)
    assert (outline.tags.count("main"), outline.tags.count("nav"), outline.tags.count("header")) == (1, 2, 1)
    assert {"main", "status", "toasts", "account-menu"} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.blocked == []
    assert 'href="#"' not in page
    assert "Harbour film" in page


def test_the_administration_is_offered_to_superusers_only(client, teo, ines_client):
    client.force_login(teo)
    assert "/admin/" not in client.get("/_shell/").content.decode()
    assert "/admin/" in ines_client.get("/_shell/").content.decode()


def test_teams_are_listed_for_people_with_several(ines_client, ines, teo):
    assert 'name="team"' not in ines_client.get("/_shell/").content.decode()
    teo.teams.get().members.add(ines)
    page = ines_client.get("/_shell/").content.decode()
    assert 'action="/team/"' in page
    assert "Night shift" in page


def test_names_are_text_never_markup(ines_client, ines):
    ines.name = ines.email = '<img src=x onerror="alert(1)">'
    ines.save()
    assert Outline(ines_client.get("/_shell/").content.decode()).blocked == []


NOTICE = 'nothing is charged. <span class="hidesm">Results are made on this computer.</span>'


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (None, False),  # a team without any key makes no results at all
        ({"is_sandbox": True}, True),
        ({"is_sandbox": False}, False),
        ({"is_sandbox": False, "state": ProviderKey.PAUSED}, False),  # its shots are charged once it is resumed
        ({"is_sandbox": False, "state": ProviderKey.DISABLED}, False),
    ],
)
def test_the_page_says_so_while_nothing_can_be_charged(ines_client, ines, key, shown):
    if key:
        ProviderKey.objects.create(team=ines.teams.get(), provider="apertis", secret="sk-test-12345", **key)
    assert (NOTICE in ines_client.get("/_shell/").content.decode()) is shown


def test_keys_of_other_teams_do_not_hide_the_sandbox_notice(ines_client, ines, teo):
    ProviderKey.objects.create(team=teo.teams.get(), provider="apertis", secret="sk-test-12345")
    ProviderKey.objects.create(team=ines.teams.get(), provider="apertis", secret="sk-test-12345", is_sandbox=True)
    assert NOTICE in ines_client.get("/_shell/").content.decode()


def test_a_studio_without_a_sandbox_never_claims_to_have_one(ines_client, settings):
    settings.SANDBOX = False
    assert NOTICE not in ines_client.get("/_shell/").content.decode()


def test_the_frame_costs_few_queries(ines_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):  # session, person, teams, keys, outcomes to decide, queue
        ines_client.get("/_shell/")


def test_plain_http_is_announced_on_every_page(client, ines_client, settings):
    assert "Plain HTTP" not in client.get("/accounts/login/").content.decode()
    settings.INSECURE_HTTP = True
    assert "Plain HTTP" in client.get("/accounts/login/").content.decode()
    assert "Plain HTTP" in ines_client.get("/_shell/").content.decode()


# --- health -----------------------------------------------------------------------------------------------------


def test_the_health_check_names_the_version(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": VERSION})
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_the_health_check_says_when_the_database_does_not_answer(tmp_path):
    # Port 1 refuses connections. A process of its own, because a test keeps its database open.
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "answer = Client(headers={'host': 'localhost'}).get('/healthz')\n"
        "print(answer.status_code, answer.json()['status'], answer.json()['error'])"
    )
    environment = os.environ | {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "STUDIO_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "studio.settings"),
    }
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("503 down The database does not answer."), done.stderr


def test_search_engines_are_sent_away(client):
    assert "Disallow: /" in client.get("/robots.txt").content.decode()


def test_pages_without_an_icon_of_their_own_find_one(client):
    assert client.get("/favicon.ico")["Location"] == "/static/icon.svg"
