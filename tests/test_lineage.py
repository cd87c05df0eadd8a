"""Where a shot came from and what came from it; going on from its last frame."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from generations import continuing, lifecycle
from generations.models import Generation, Listing, Upload
from generations.registry import SPECS
from generations.states import State
from generations.views import lineage

from .media.clips import make_clip
from .shots import make_key, make_shot
from .test_queue import words_of

Login = Callable[[User], Client]
FRAMES = "minimax-i2v-01"


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


def shape(node: lineage.Node) -> Any:
    """(id, [children], how many more)."""
    return node.shot.pk, [shape(child) for child in node.children], node.more


def child(parent: Generation, reuse: str = "take", **fields: Any) -> Generation:
    return make_shot(parent.team, parent=parent, reuse=reuse, provider_key=parent.provider_key, **fields)


def test_a_remix_of_a_remix_knows_its_whole_family(team: Team, user: User) -> None:
    first = make_shot(team)
    second, other = child(first, "remix"), child(first)
    third = child(second, "remix")
    tree = lineage.of(third)
    assert tree
    assert shape(tree.root) == (first.pk, [(second.pk, [(third.pk, [], 0)], 0), (other.pk, [], 0)], 0)
    assert (tree.shots, tree.generations) == (4, 3)
    assert tree.root.children[0].children[0].is_this


def test_a_shot_that_stands_alone_has_no_tree(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team)
    assert lineage.of(shot) is None
    assert "Lineage" not in words_of(client_for(user).get(f"/shots/{shot.pk}/").content.decode())


def test_what_leads_to_the_shot_is_shown_however_many_siblings_there_are(team: Team, user: User) -> None:
    first = make_shot(team)
    children = [child(first) for _ in range(12)]
    tree = lineage.of(children[-1])
    assert tree
    shown = [node.shot.pk for node in tree.root.children]
    assert children[-1].pk in shown
    assert len(shown) + tree.root.more == 12
    assert len(shown) <= lineage.SIBLINGS + 1


def test_a_family_in_a_circle_ends(team: Team, user: User, client_for: Login) -> None:
    one = make_shot(team)
    two = child(one)
    Generation.objects.filter(pk=one.pk).update(parent=two)
    one.refresh_from_db()
    assert client_for(user).get(f"/shots/{one.pk}/").status_code == 200


def test_the_page_shows_the_family_and_nothing_of_another_team(
    team: Team, user: User, stranger: User, client_for: Login
) -> None:
    first = make_shot(team, title="The first one")
    second = child(first, "remix", title="The second one")
    theirs = make_shot(stranger.teams.get(), title="Not yours", parent=second)
    html = client_for(user).get(f"/shots/{second.pk}/").content.decode()
    for words in ("Lineage 2 shots over 2 generations", "The first one", "Remix, this shot"):
        assert words in words_of(html)
    assert theirs.title not in html


# --- its last frame is the first one of the next ---------------------------------------------------------------------------
@pytest.fixture
def filmed(team: Team, user: User) -> Generation:
    shot = make_shot(team, files=("video",), prompt="A boat at dusk")
    make_clip(shot.asset("video").file, seconds=1)
    return shot


def test_the_next_shot_begins_where_this_one_ends(
    team: Team, user: User, filmed: Generation, client_for: Login
) -> None:
    make_key(team, provider="minimax")
    client = client_for(user)
    answer = client.post(f"/shots/{filmed.pk}/go-on/")
    frame = Upload.objects.get(frame_of=filmed)
    assert answer["Location"] == f"/?from={filmed.pk}&frame={frame.pk}"
    html = client.get(answer["Location"]).content.decode()
    assert f'src="/uploads/{frame.pk}/"' in html
    assert "A boat at dusk" in html
    assert client.post(f"/shots/{filmed.pk}/go-on/")["Location"] == answer["Location"], "the frame is made once"


def test_it_never_goes_on_with_a_model_that_is_switched_off(filmed: Generation) -> None:
    Generation.objects.filter(pk=filmed.pk).update(model=FRAMES)
    shot, seen = Generation.objects.get(pk=filmed.pk), []
    assert continuing.model_for(shot) == SPECS[FRAMES], "its own where that starts from a frame"
    while spec := continuing.model_for(shot):
        assert spec.slug not in seen
        assert continuing.begins_with_image(spec)
        seen.append(spec.slug)
        Listing.objects.create(slug=spec.of or spec.slug, enabled=False)
    assert len(seen) > 3, "and there is nothing left when all of them are off"


def test_the_child_knows_that_it_goes_on(team: Team, user: User, filmed: Generation) -> None:
    frame, key = continuing.last_frame(filmed, user), make_key(team, provider="minimax")
    spec = SPECS[FRAMES]
    values = continuing.values(filmed, frame, spec)
    prompt = values.pop("prompt")
    row = lifecycle.start(team=team, user=user, key=key, spec=spec, prompt=prompt, params=values, token="t",
                          parent=filmed)[0]  # fmt: skip
    assert (row.reuse, row.parent) == ("frame", filmed)
    tree = lineage.of(row)
    assert tree
    assert "From the last frame, this shot" in tree.root.children[0].words


@pytest.mark.parametrize("state", [State.RUNNING, State.DONE])
def test_a_shot_without_a_file_says_that_there_is_no_frame(
    team: Team, user: User, client_for: Login, state: str
) -> None:
    shot = make_shot(team, state)
    answer = client_for(user).post(f"/shots/{shot.pk}/go-on/", follow=True)
    assert "The last frame cannot be used" in words_of(answer.content.decode())
    assert not Upload.objects.exists()
