"""Every address of the studio is classified here; none shows or changes one team's things for another, or for a stranger.

The list of addresses comes from Django's resolver. A new one fails until it has a line in ROUTES.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts import invitations
from accounts.models import Membership, Team, User
from generations import collections, prompts, sharing
from generations.models import Budget, Character, Event, Evidence, Generation, Ledger, Upload

from .asgi import ask
from .shots import make_key, make_shot

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
PUBLIC, LINK, PERSON, TEAM, ADMIN = "public", "opened by its token", "about oneself", "the team's", "superusers"
NOBODY = "x" * 43  # a token that opens nothing

# route: what it is, or the kind of object that <int:pk> names (an attribute of World)
ROUTES = {
    "healthz": PUBLIC, "healthz/worker": PUBLIC, "robots.txt": PUBLIC, "favicon.ico": PUBLIC,
    "accounts/login/": PUBLIC, "accounts/logout/": PUBLIC, "accounts/signup/": PUBLIC, "accounts/inactive/": PUBLIC,
    "accounts/password/reset/": PUBLIC, "accounts/password/reset/done/": PUBLIC, "theme/": PUBLIC,
    "accounts/password/reset/key/done/": PUBLIC,
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": LINK,
    "setup/<str:token>/": LINK, "join/<str:token>/": LINK, "s/<str:token>/": LINK, "s/<str:token>/<str:name>": LINK,
    "ref/<str:token>/<str:name>": LINK,
    "accounts/password/change/": PERSON, "accounts/password/set/": PERSON, "accounts/reauthenticate/": PERSON,
    "": TEAM, "models/": TEAM, "models/<str:slug>/form/": TEAM, "shots/": TEAM, "estimate/": TEAM, "uploads/": TEAM,
    "queue/": TEAM, "queue/clear/": TEAM, "unknown/": TEAM, "cast/": TEAM, "cast/order/": TEAM, "gallery/": TEAM,
    "gallery/bin/": TEAM, "gallery/compare/": TEAM, "gallery/share/": TEAM, "collections/": TEAM,
    "gallery/picked/<str:verb>/": TEAM, "palette/": TEAM,
    "prompts/": TEAM, "prompts/history/": TEAM, "prompts/recent/": TEAM, "cast/suggest/": TEAM,
    "shares/": TEAM, "team/": TEAM, "team/invitations/": TEAM,
    "team/leave/": TEAM,
    "shots/<int:pk>/": "shot", "shots/<int:pk>/card/": "shot", "shots/<int:pk>/cancel/": "shot",
    "shots/<int:pk>/hurry/": "shot", "shots/<int:pk>/dismiss/": "shot",
    "shots/<int:pk>/retry/": "shot", "shots/<int:pk>/title/": "shot",
    "shots/<int:pk>/favourite/": "shot", "shots/<int:pk>/bin/": "shot", "shots/<int:pk>/restore/": "shot",
    "shots/<int:pk>/check/": "shot", "shots/<int:pk>/resolve/": "shot", "shots/<int:pk>/charge/": "shot",
    "shots/<int:pk>/frame.png": "shot", "shots/<int:pk>/go-on/": "shot",
    "collections/<int:pk>/rename/": "collection", "collections/<int:pk>/delete/": "collection",
    "shots/<int:pk>/share/": "shot", "media/<int:pk>/<str:name>": "shot", "uploads/<int:pk>/": "upload",
    "cast/<int:pk>/decide/": "character", "keys/<int:pk>/resume/": "key", "shares/<int:pk>/revoke/": "link",
    "prompts/<int:pk>/rename/": "prompt", "prompts/<int:pk>/delete/": "prompt", "prompts/<int:pk>/restore/": "prompt",
    "team/invitations/<int:pk>/revoke/": "invitation", "team/members/<int:pk>/role/": "membership",
    "team/members/<int:pk>/remove/": "membership",
}  # fmt: skip
OBJECTS = {route: kind for route, kind in ROUTES.items() if kind not in (PUBLIC, LINK, PERSON, TEAM, ADMIN)}
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def walk(resolver: Any, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


ALL = sorted(set(walk(get_resolver())))
OF_ADMIN = [route for route in ALL if route.startswith("admin/")]
OURS = [route for route in ALL if not route.startswith("admin/")]


def path_of(route: str, pk: int = 1) -> str:
    """An address of this route. Tokens open nothing, files are called video.mp4."""
    route = re.sub(r"\(\?P<uidb36>.*", "1-x-y/", route).replace("^", "").replace("$", "")
    route = re.sub(r"\(\?P<[^>]*>[^)]*\)|\.\*", "x", route)
    values = {"pk": str(pk), "token": NOBODY, "name": "video.mp4", "slug": "apertis-veo3", "object_id": str(pk)}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "1"), route)


def test_every_route_is_classified_and_every_line_is_a_route():
    assert sorted(ROUTES) == OURS


# --- strangers -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", [route for route in ALL if ROUTES.get(route) != PUBLIC])
def test_a_stranger_gets_nothing_but_the_way_to_sign_in(route, method, client):
    answer = getattr(client, method)(path_of(route))
    assert answer.status_code in (302, 401, 403, 404, 405) or (ROUTES.get(route) == LINK and _says_nothing(answer))
    if answer.status_code == 302:
        assert answer["Location"].startswith(("/accounts/login/", "/admin/", "/accounts/password/reset/"))


def _says_nothing(answer: Any) -> bool:
    """A password link that is not valid is told so on a page of its own."""
    return answer.status_code == 200 and "<video" not in answer.content.decode()


# --- two teams -----------------------------------------------------------------------------------------------------------
@dataclass
class World:
    """One team with one of everything; each text in it carries `mark`."""

    mark: str
    team: Team = field(init=False)
    owner: User = field(init=False)

    def __post_init__(self) -> None:
        mark = self.mark
        self.owner = User.objects.create_user(f"{mark}@example.org", name=f"{mark} owner")
        self.team = Team.objects.create(name=f"{mark} team")
        self.membership = Membership.objects.create(team=self.team, user=self.owner, role=Membership.OWNER)
        other = User.objects.create_user(f"{mark}-two@example.org", name=f"{mark} second")
        Membership.objects.create(team=self.team, user=other)
        self.key = make_key(self.team, label=f"{mark} key", state="paused", paused_reason=f"{mark} resting")
        self.shot = self._shot("done", files=("video", "poster", "poster-small", "preview", "strip"))
        self.shots = [
            self.shot,
            *(self._shot(state) for state in ("queued", "running", "failed", "unknown", "cancelled")),
        ]
        self._shot("done", deleted_at=timezone.now())
        self.upload = Upload.objects.create(
            team=self.team, created_by=self.owner, path=f"{mark}.webp", name=f"{mark} picture", content_type="image/webp",
            sha256="0" * 64, bytes=9, width=64, height=64,
        )  # fmt: skip
        self.upload.file.write_bytes(f"{mark} pixels".encode())
        self.character = Character.objects.create(
            team=self.team, created_by=self.owner, provider_key=self.key, form_token=f"{mark}-cast", state="unknown",
            username=f"{mark}.hero", message=f"{mark} doubt",
        )  # fmt: skip
        self.prompt, _ = prompts.save(self.team, self.owner, f"{mark} saved text", f"{mark} saved")
        self.collection = collections.collect(self.team, self.owner, f"{mark} collected", [self.shot])
        self.link = sharing.share(self.shot, self.owner, days=7, show_prompt=True, allow_download=True)
        self.invitation, self.token = invitations.invite(self.team, self.owner, "member", f"{mark}-guest@example.org")

    def _shot(self, state: str, **more: Any) -> Generation:
        mark = self.mark
        shot = make_shot(self.team, state, created_by=self.owner, prompt=f"{mark} prompt", title=f"{mark} title",
                         message=f"{mark} message", provider_task_id=f"{mark}-{secrets.token_hex(4)}", **more)  # fmt: skip
        Event.objects.create(generation=shot, to_state="queued", why=f"{mark} event")
        Evidence.objects.create(generation=shot, words=f"{mark} evidence")
        budget, _ = Budget.objects.get_or_create(team=self.team, month=timezone.localdate().replace(day=1))
        Ledger.objects.create(generation=shot, budget=budget, kind=Ledger.RESERVE, amount=0)
        return shot


@pytest.fixture
def alpha(db: None) -> World:
    return World("alpha")


@pytest.fixture
def bravo(db: None, alpha: World) -> World:
    return World("bravo")


def rows_of_everything() -> dict[str, list[Any]]:
    """All rows of our tables. Sessions may come and go."""
    models = [*apps.get_app_config("accounts").get_models(), *apps.get_app_config("generations").get_models()]
    return {model.__name__: [_plain(row) for row in model.objects.order_by("pk").values()] for model in models}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "stored", value) for name, value in row.items()}  # sealed text as it is kept


def body_naming(world: World) -> dict[str, Any]:
    """Fields that name the other team's things, in every form they could be taken from."""
    return {
        "team": world.team.pk, "shot": world.shot.pk, "from": world.shot.pk, "parent": world.shot.pk, "pk": world.shot.pk,
        "source": world.shot.pk, "prompt": "mine", "name": "mine", "title": "mine", "on": "1", "action": "release",
        "images-0-upload": world.upload.pk, "image-0-upload": world.upload.pk, "provider_key": world.key.pk,
        "role": "owner", "email": "", "days": "7", "charged": "no", "created_by": world.owner.pk, "model": "apertis-veo3.1",
        "collection": world.collection.pk, "frame": world.upload.pk,
        "form_token": "a-token-of-bravo-1234", "aspect_ratio": "16:9", "takes": "1", "person": world.owner.pk,
    }  # fmt: skip


def names(world: World, answer: Any) -> list[str]:
    """What of the other world is on the page: its marker, or an address of one of its things."""
    page = b"".join(answer.streaming_content) if answer.streaming else answer.content
    page = page.decode(errors="replace") + str(dict(answer.headers))
    ids = "|".join(str(shot.pk) for shot in world.shots)
    found = re.findall(rf".{{0,40}}{world.mark}.{{0,40}}", page, re.IGNORECASE)
    return found + re.findall(rf'data-generation-id="(?:{ids})"|/(?:shots|media)/(?:{ids})/', page)


def test_the_guard_sees_what_it_looks_for(alpha: World, client_for: Login) -> None:
    assert names(alpha, client_for(alpha.owner).get("/gallery/"))


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_object_of_another_team_looks_missing_and_stays_as_it_is(headers, alpha, bravo, client_for):
    """All routes in one world: two worlds of everything take longer to make than to look at."""
    before, web, wrong = rows_of_everything(), client_for(bravo.owner), []
    for route, kind in OBJECTS.items():
        path = path_of(route, getattr(alpha, kind).pk)
        for answer in (web.get(path, headers=headers), web.post(path, body_naming(bravo), headers=headers)):
            if answer.status_code not in (404, 405) or names(alpha, answer):
                wrong.append((path, answer.status_code, names(alpha, answer)))
        if _without_logins(rows_of_everything()) != _without_logins(before):
            wrong.append((path, "a row changed"))
            before = rows_of_everything()
    assert wrong == []


def _without_logins(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return rows | {"User": [{**row, "last_login": None} for row in rows["User"]]}


QUERIES = ("", "?from={shot}", "?shot={shot}", "?prompt={prompt}", "?collection={collection}",
           "?from={shot}&frame={upload}", "?person={person}", "?show=everything", "?show=failed",
           "?before=99999999999999999-999", "?before=999999", "?team={team}", "?model=apertis-veo3")  # fmt: skip


@pytest.mark.parametrize("route", sorted(route for route, kind in ROUTES.items() if kind == TEAM))
def test_no_page_of_a_team_shows_anything_of_another(route, alpha, bravo, client_for):
    ids = {"shot": alpha.shot.pk, "prompt": alpha.prompt.pk, "person": alpha.owner.pk, "team": alpha.team.pk,
           "collection": alpha.collection.pk, "upload": alpha.upload.pk}  # fmt: skip
    web = client_for(bravo.owner)
    for query in QUERIES:
        for headers in ({}, HTMX):
            answer = web.get(path_of(route) + query.format(**ids), headers=headers)
            assert answer.status_code in (200, 302, 404, 405, 422), query
            assert names(alpha, answer) == [], query
            if answer.status_code == 405:
                return


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_no_form_takes_anything_of_another_team(headers, alpha, bravo, client_for):
    """The other team's ids in the body: nothing of theirs comes back, and none of their rows moves."""
    before, wrong = rows_of(alpha), []
    for route in sorted(route for route, kind in ROUTES.items() if kind in (TEAM, PERSON)):
        answer = client_for(bravo.owner).post(path_of(route), body_naming(alpha), headers=headers)
        if answer.status_code >= 500 or names(alpha, answer):
            wrong.append((route, answer.status_code, names(alpha, answer)))
        if rows_of(alpha) != before:
            wrong.append((route, "a row changed"))
            before = rows_of(alpha)
        Membership.objects.get_or_create(team=bravo.team, user=bravo.owner, defaults={"role": Membership.OWNER})
    assert wrong == []
    assert not Generation.objects.filter(team=bravo.team, parent__team=alpha.team).exists()
    assert alpha.upload.pk not in _uploads_in(Generation.objects.filter(team=bravo.team))


def rows_of(world: World) -> dict[str, list[Any]]:
    """All rows of the world's team."""
    return {name: [row for row in rows if _belongs(row, world)] for name, rows in rows_of_everything().items()}


def _belongs(row: dict[str, Any], world: World) -> bool:
    shots = {shot.pk for shot in world.shots}
    return row.get("team_id") == world.team.pk or row.get("generation_id") in shots


def _uploads_in(shots: Any) -> set[Any]:
    return {item.get("upload") for shot in shots for value in shot.params.values() if isinstance(value, list)
            for item in value if isinstance(item, dict)}  # fmt: skip


def test_a_member_of_the_team_sees_what_the_guard_looks_for(alpha: World, client_for: Login) -> None:
    """Otherwise the tests above could pass because the pages are empty."""
    web = client_for(alpha.owner)
    for path in ("/", "/gallery/", "/gallery/bin/", "/queue/", "/unknown/", "/cast/", "/prompts/", "/prompts/history/",
                 "/shares/", "/team/", "/collections/",
                 f"/shots/{alpha.shot.pk}/", f"/shots/{alpha.shot.pk}/share/"):  # fmt: skip
        assert names(alpha, web.get(path)), path


# --- the parts in front of Django, and the admin -----------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["video.mp4", "poster.webp", "poster-small.webp", "preview.mp4", "strip.webp"])
def test_no_file_of_another_team_is_sent(name, alpha, bravo):
    path = f"/media/{alpha.shot.pk}/{name}"
    etag = ask(path, alpha.owner).headers["etag"]
    answers = [ask(path, bravo.owner), ask(path, bravo.owner, range="bytes=0-9"), ask(path, bravo.owner, method="HEAD"),
               ask(path, bravo.owner, if_none_match=etag), ask(f"{path}?download=1", bravo.owner)]  # fmt: skip
    assert [answer.status for answer in answers] == [404] * 5


def test_the_admin_is_for_superusers_whoever_owns_a_team(alpha, client_for):
    web, wrong = client_for(alpha.owner), []
    for route in OF_ADMIN:
        answer = web.get(path_of(route), follow=True)
        if answer.status_code not in (403, 404) or names(alpha, answer):
            wrong.append((route, answer.status_code, names(alpha, answer)))
    assert wrong == []
