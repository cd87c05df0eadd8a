"""The command palette finds pages, models and shots by a few letters, and only those of one's own team."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations import registry
from generations.models import Host, HostModel, Listing

from .shots import make_shot
from .test_queue import HTMX, words_of

Login = Callable[[User], Client]


def asked(client: Client, q: str) -> str:
    return client.get("/palette/", {"q": q}, headers=HTMX).content.decode()


def test_nothing_typed_shows_pages_and_the_newest_shots(team: Team, user: User, client_for: Login) -> None:
    for number in range(8):
        make_shot(team, title=f"Shot number {number}")
    html = asked(client_for(user), "")
    assert html.count("Shot number") == 6
    assert "Shot number 7" in html
    assert 'href="/gallery/"' in html
    assert "<html" not in html


@pytest.mark.parametrize(
    ("q", "href"),
    [("gal", "/gallery/"), ("favour", "/gallery/?favourites=1"), ("> queue", "/queue/"), ("UNKNOWN", "/unknown/"),
     ("veo 3 fast", "/?model=apertis-veo3-fast")],
)  # fmt: skip
def test_a_few_letters_lead_there(team: Team, user: User, client_for: Login, q: str, href: str) -> None:
    assert f'href="{href}"' in asked(client_for(user), q)


def test_shots_are_found_in_any_state_but_the_bin_and_never_those_of_others(
    team: Team, user: User, stranger: User, client_for: Login
) -> None:
    mine, waits = make_shot(team, prompt="Zeppelin one"), make_shot(team, "queued", title="Zeppelin two")
    make_shot(stranger.teams.get(), prompt="Zeppelin three")
    from django.utils import timezone

    make_shot(team, prompt="Zeppelin four", deleted_at=timezone.now())
    html = asked(client_for(user), "zeppelin")
    assert f'href="/shots/{mine.pk}/"' in html
    assert f'href="/shots/{waits.pk}/"' in html
    assert html.count("/shots/") == 2
    assert "Zeppelin" not in asked(client_for(user), "> zeppelin").replace("“> zeppelin”", "")


def test_what_is_called_nothing_is_said(team: Team, user: User, client_for: Login) -> None:
    html = asked(client_for(user), "<b>\x00xyzzy")
    assert "Nothing is called “<b>xyzzy”." in words_of(html) or "&lt;b&gt;xyzzy" in html
    assert "<b>xyzzy" not in html


@pytest.mark.parametrize("superuser", [True, False])
def test_the_administration_is_shown_to_those_who_may(
    team: Team, user: User, client_for: Login, superuser: bool
) -> None:
    user.is_superuser = user.is_staff = superuser
    user.save()
    assert ('href="/admin/"' in asked(client_for(user), "administration")) is superuser


def test_without_javascript_it_is_a_page(team: Team, user: User, client_for: Login) -> None:
    html = client_for(user).get("/palette/?q=queue").content.decode()
    assert "<html" in html
    assert 'href="/palette/" data-palette=' in html  # the link of the top bar
    assert 'role="option"' not in html
    assert Client().get("/palette/").status_code == 302


def test_only_models_that_can_be_used_are_proposed_by_the_names_they_have_here(
    team: Team, user: User, client_for: Login
) -> None:
    host = Host.objects.create(name="Basement", base_url="https://videos.example.org")
    kept = HostModel.objects.create(host=host, name="Attic camera", remote_name="wan-2")
    HostModel.objects.create(host=host, name="Attic lantern", remote_name="wan-1", offered=False)
    Listing.objects.create(slug="apertis-veo3", enabled=False)
    Listing.objects.create(slug="apertis-veo3-fast", name="Attic sketch")
    registry.forget()
    client = client_for(user)
    found = asked(client, "attic")
    assert f'href="/?model={host.provider}-{kept.pk}"' in found
    assert 'href="/?model=apertis-veo3-fast"' in found
    assert "Attic lantern" not in found
    assert 'model=apertis-veo3"' not in asked(client, "veo 3")


def test_it_costs_a_fixed_number_of_queries(
    team: Team, user: User, client_for: Login, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_shot(team, files=("poster-small",))
    client = client_for(user)
    with django_assert_max_num_queries(8):
        assert asked(client, "boat").count("poster-small.webp") == 5
