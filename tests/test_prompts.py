"""Prompts by name: saved from the composer or a shot, used again, renamed, deleted with Undo; and the history."""

from html import unescape
from typing import Any

import pytest

from accounts.models import Membership, User
from generations import prompts
from generations.models import Prompt

from .shots import make_shot

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
TEXT = "A boat leaves the harbour <b>&amp;\nsecond line"


@pytest.fixture
def web(client_for, user):
    return client_for(user)


def page(web: Any, path: str) -> str:
    return unescape(web.get(path).content.decode())


def test_the_composers_prompt_is_saved_under_its_first_words_and_fills_the_composer_again(web, team):
    answer = web.post("/prompts/", {"prompt": TEXT, "model": "apertis-veo3", "takes": "2"}, headers=HTMX)
    saved = Prompt.objects.get(team=team)
    assert (saved.text, saved.name) == (TEXT, "A boat leaves the harbour <b>&amp; second line")
    assert "Saved as" in answer.content.decode()
    assert TEXT in page(web, f"/?prompt={saved.pk}")
    assert 'data-start="prompt"' in page(web, f"/?prompt={saved.pk}")


def test_a_shots_prompt_is_saved_from_its_page(web, team):
    shot = make_shot(team, prompt=TEXT)
    assert 'name="shot"' in page(web, f"/shots/{shot.pk}/")
    web.post("/prompts/", {"shot": shot.pk})
    assert Prompt.objects.get().text == TEXT


def test_the_same_text_is_saved_once_unless_it_gets_another_name(web):
    for name in ("", "", "Harbour", "Harbour"):
        web.post("/prompts/", {"prompt": TEXT, "name": name})
    assert [prompt.name for prompt in Prompt.objects.order_by("pk")][1:] == ["Harbour"]


def test_names_are_unique_within_the_team_and_never_refused(web, stranger, client_for):
    for n in range(3):
        web.post("/prompts/", {"prompt": f"text {n}", "name": "Harbour"})
    client_for(stranger).post("/prompts/", {"prompt": "theirs", "name": "Harbour"})
    assert sorted(Prompt.objects.values_list("name", flat=True)) == ["Harbour", "Harbour", "Harbour 2", "Harbour 3"]


@pytest.mark.parametrize("prompt", ["", "   ", "x" * 32_001])
def test_nothing_and_too_much_are_refused_in_words_and_kept_in_the_form(web, prompt):
    assert web.post("/prompts/", {"prompt": prompt}, headers=HTMX).status_code == 422
    answer = web.post("/prompts/", {"prompt": prompt})
    assert answer.status_code == 422
    assert prompt.strip() in answer.content.decode()
    assert not Prompt.objects.exists()


def test_renaming_and_deleting_with_undo(web):
    saved, _ = prompts.save(*_of(web), TEXT, "Harbour")
    web.post(f"/prompts/{saved.pk}/rename/", {"name": "Harbour at  dawn"})
    assert "Harbour at dawn" in page(web, "/prompts/")
    assert "Undo" in unescape(web.post(f"/prompts/{saved.pk}/delete/", follow=True).content.decode())
    assert "Harbour at dawn" not in page(web, "/prompts/")
    assert web.get(f"/?prompt={saved.pk}").status_code == 404
    prompts.save(*_of(web), "another", "Harbour at dawn")
    web.post(f"/prompts/{saved.pk}/restore/")
    assert "Harbour at dawn 2" in page(web, "/prompts/")


def test_an_empty_name_changes_nothing(web):
    saved, _ = prompts.save(*_of(web), TEXT, "Harbour")
    web.post(f"/prompts/{saved.pk}/rename/", {"name": "  "})
    assert Prompt.objects.get().name == "Harbour"


@pytest.mark.parametrize("verb", ["rename", "delete", "restore"])
def test_members_use_all_prompts_and_change_their_own(web, member, client_for, verb):
    saved, _ = prompts.save(*_of(web), TEXT, "Harbour")
    path = f"/prompts/{saved.pk}/{verb}/"
    assert client_for(member).post(path, {"name": "Mine"}).status_code == 403
    assert client_for(member).get(f"/?prompt={saved.pk}").status_code == 200
    Prompt.objects.update(created_by=member)
    assert client_for(member).post(path, {"name": "Mine"}).status_code == 302
    assert web.post(path, {"name": "Mine"}).status_code == 302, "an owner may change any"


@pytest.mark.parametrize("verb", ["rename", "delete", "restore"])
def test_other_teams_prompts_look_missing(web, stranger, client_for, verb):
    saved, _ = prompts.save(*_of(web), TEXT, "Harbour")
    theirs = client_for(stranger)
    assert theirs.post(f"/prompts/{saved.pk}/{verb}/", {"name": "x"}).status_code == 404
    assert theirs.get(f"/?prompt={saved.pk}").status_code == 404
    assert "Harbour" not in page(theirs, "/prompts/")


def test_a_shot_of_another_team_cannot_be_saved_from(web, team, stranger, client_for):
    shot = make_shot(team, prompt=TEXT)
    assert client_for(stranger).post("/prompts/", {"shot": shot.pk}).status_code == 404
    assert not Prompt.objects.exists()


# --- history ---------------------------------------------------------------------------------------------------------------
def test_the_history_has_each_prompt_once_the_newest_first(web, team):
    for prompt in ("first", "second", "first", "third"):
        make_shot(team, prompt=prompt)
    make_shot(team, prompt="in the bin", deleted_at="2026-01-01T00:00:00Z")
    lines = web.get("/prompts/history/").context["lines"]
    assert [(shot.prompt, times) for shot, times in lines] == [("third", 1), ("first", 2), ("second", 1)]


def test_the_history_pages_through_everything_once(web, team):
    for n in range(65):
        make_shot(team, prompt=f"prompt {n % 50}")
    seen, path = [], "/prompts/history/"
    while path:
        context = web.get(path).context
        seen += [shot.prompt for shot, _ in context["lines"]]
        path = f"/prompts/history/?before={context['more']}" if context["more"] else ""
    assert len(seen) == len(set(seen)) == 50


def test_mine_is_only_mine(web, team, user, member):
    make_shot(team, prompt="mine")
    make_shot(team, prompt="theirs", created_by=member)
    assert [shot.prompt for shot, _ in web.get(f"/prompts/history/?person={user.pk}").context["lines"]] == ["mine"]
    assert len(web.get("/prompts/history/").context["lines"]) == 2


@pytest.mark.parametrize("query", ["before=x", "before=", "before=99999999999999999999", "before=-1"])
def test_a_broken_address_is_the_first_page(web, team, query):
    make_shot(team)
    assert len(web.get(f"/prompts/history/?{query}").context["lines"]) == 1


def _of(web: Any) -> tuple[Any, Any]:
    user = User.objects.get(pk=web.session["_auth_user_id"])
    return Membership.objects.get(user=user).team, user


def test_what_alt_and_the_arrows_bring_back_is_ones_own_each_once_and_newest_first(team, user, member, client_for):
    for prompt in ("First", "Second", "First"):
        make_shot(team, prompt=prompt)
    make_shot(team, prompt="Another's", created_by=member)
    assert client_for(user).get("/prompts/recent/").json() == ["First", "Second"]
    assert client_for(member).get("/prompts/recent/").json() == ["Another's"]
