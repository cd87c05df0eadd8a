"""An invitation lets one person into one team, once; owners decide who is in a team, and a team keeps an owner."""

import datetime as dt
import re
import threading

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts import invitations, teams
from accounts.middleware import SESSION_TEAM
from accounts.models import Invitation, Membership, Team, User

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db
NEW = {"name": "Noor", "email": "noor@example.com", "password": PASSWORD}


@pytest.fixture
def harbour(ines) -> Team:
    return ines.teams.get()


@pytest.fixture
def teo_client(teo) -> Client:
    client = Client()
    client.force_login(teo)
    return client


def link_on(answer) -> str:
    return re.search(r"http://testserver(/join/[\w-]+/)", answer.content.decode())[1]


def invited(client: Client, **form: str) -> str:
    """The path of a link made on the team's page."""
    answer = client.post("/team/invitations/", {"role": "member", "email": "", **form})
    assert answer.status_code == 200
    return link_on(answer)


def role_of(user: User, team: Team) -> str | None:
    found = Membership.objects.filter(user=user, team=team).first()
    return found.role if found else None


# --- the link ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["member", "owner"])
def test_a_new_person_makes_an_account_through_the_link_and_is_signed_in(ines_client, harbour, client, role):
    path = invited(ines_client, role=role)
    assert "Join Harbour film" in client.get(path).content.decode()
    assert client.post(path, NEW)["Location"] == "/"
    noor = User.objects.get(email="noor@example.com")
    assert (role_of(noor, harbour), noor.is_superuser, noor.is_staff) == (role, False, False)
    assert client.get("/team/").status_code == 200


def test_somebody_with_an_account_joins_with_it_and_works_in_the_new_team(ines_client, harbour, teo, teo_client):
    path = invited(ines_client)
    assert "Join as Teo Elander" in teo_client.get(path).content.decode()
    assert teo_client.post(path)["Location"] == "/"
    assert role_of(teo, harbour) == "member"
    assert teo_client.session[SESSION_TEAM] == harbour.pk
    assert User.objects.count() == 2


def test_a_link_works_once(ines_client, harbour, client, teo_client, teo):
    path = invited(ines_client)
    client.post(path, NEW)
    assert teo_client.get(path).status_code == teo_client.post(path).status_code == 404
    assert role_of(teo, harbour) is None


def test_only_a_hash_of_its_256_bits_is_kept(ines, harbour):
    made, token = invitations.invite(harbour, ines, "member")
    assert len(token) >= 43
    assert len(made.token_hash) == 64
    assert not any(token in str(value) for value in Invitation.objects.values_list().get())


def test_the_link_is_shown_once(ines_client, harbour):
    token = invited(ines_client).split("/")[2]
    assert token not in ines_client.get("/team/").content.decode()


DEATHS = {
    "mistyped": lambda row, ines: None,
    "used": lambda row, ines: Invitation.objects.update(used_at=timezone.now()),
    "withdrawn": lambda row, ines: invitations.revoke(row),
    "after seven days": lambda row, ines: Invitation.objects.update(expires_at=timezone.now()),
    "inviter is no owner any more": lambda row, ines: Membership.objects.filter(user=ines).update(role="member"),
    "inviter has left": lambda row, ines: Membership.objects.filter(user=ines).delete(),
    "inviter is switched off": lambda row, ines: User.objects.filter(pk=ines.pk).update(is_active=False),
}


@pytest.mark.parametrize("death", DEATHS)
def test_every_dead_link_gives_the_same_page_and_lets_nobody_in(ines, harbour, client, teo, teo_client, death):
    made, token = invitations.invite(harbour, ines, "member")
    DEATHS[death](made, ines)
    path = f"/join/{token[:-1] if death == 'mistyped' else token}/"
    pages = {re.sub(r"csrf\S+", "", client.get(each).content.decode()) for each in (path, "/join/no-such-link/")}
    assert len(pages) == 1
    assert [client.get(path).status_code, client.post(path, NEW).status_code, teo_client.post(path).status_code] == [
        404
    ] * 3
    assert role_of(teo, harbour) is None
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_a_link_lives_seven_days(ines, harbour):
    made, _ = invitations.invite(harbour, ines, "member")
    assert abs(made.expires_at - timezone.now() - dt.timedelta(days=7)) < dt.timedelta(minutes=1)


def test_a_link_never_raises_a_role(ines, ines_client, harbour, teo, teo_client):
    Membership.objects.create(user=teo, team=harbour)
    path = invited(ines_client, role="owner")
    teo_client.post(path)
    assert role_of(teo, harbour) == "member"
    assert invitations.open_ones().count() == 1, "it still waits for the person it is for"


def test_the_role_is_the_inviters_choice_whatever_is_posted(ines_client, harbour, client):
    client.post(invited(ines_client), NEW | {"role": "owner", "is_superuser": "on", "is_staff": "on", "team": "1"})
    noor = User.objects.get(email="noor@example.com")
    assert (role_of(noor, harbour), noor.is_superuser, noor.is_staff) == ("member", False, False)
    assert noor.teams.count() == 1


def test_a_link_for_one_address_is_for_nobody_else(ines_client, harbour, teo, teo_client, client):
    path = invited(ines_client, email="Noor@Example.com")
    assert "another address" in teo_client.get(path).content.decode()
    assert teo_client.post(path).status_code == 404
    client.post(path, NEW | {"email": "somebody@example.com"})
    assert [user.email for user in harbour.members.exclude(email="ines@example.com")] == ["noor@example.com"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": "short"}, "too short"),
        ({"email": "teo@example.com"}, "has an account"),
        ({"email": "TEO@example.com"}, "has an account"),
        ({"email": "no address"}, "valid email"),
        ({"name": ""}, "required"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_the_link(ines_client, harbour, client, teo, changed, words):
    path = invited(ines_client)
    answer = client.post(path, NEW | changed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert harbour.members.count() == 1
    assert client.get(path).status_code == 200


def test_guessing_is_slowed_down(client):
    statuses = [client.get(f"/join/guess-{n}/").status_code for n in range(22)]
    assert statuses == [404] * 20 + [429] * 2


@pytest.mark.django_db(transaction=True)
def test_two_people_who_press_at_the_same_moment_are_one_winner(ines, harbour, teo):
    _, token = invitations.invite(harbour, ines, "member")
    others = [teo, User.objects.create_user("noor@example.com")]
    gate, ends = threading.Barrier(2), []

    def press(user: User) -> None:
        gate.wait(10)
        try:
            invitations.accept(token, user)
            ends.append("in")
        except invitations.InvitationClosed:
            ends.append("closed")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(user,)) for user in others]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert sorted(ends) == ["closed", "in"], connection.vendor
    assert harbour.members.count() == 2


# --- the team ---------------------------------------------------------------------------------------------------
def pk_of(user: User, team: Team) -> int:
    return Membership.objects.get(user=user, team=team).pk


def test_an_owner_removes_a_person_whose_next_request_finds_them_out(ines_client, harbour, teo, teo_client):
    Membership.objects.filter(user=teo).delete()
    Membership.objects.create(user=teo, team=harbour)
    assert teo_client.get("/team/").status_code == 200
    ines_client.post(f"/team/members/{pk_of(teo, harbour)}/remove/")
    assert teo_client.get("/team/").status_code == 403


def test_an_owner_makes_another_one_and_then_leaves(ines, ines_client, harbour, teo):
    Membership.objects.create(user=teo, team=harbour)
    ines_client.post(f"/team/members/{pk_of(teo, harbour)}/role/", {"role": "owner"})
    ines_client.post("/team/leave/")
    assert (role_of(teo, harbour), role_of(ines, harbour)) == ("owner", None)


@pytest.mark.parametrize("way", ["leave", "remove", "role"])
def test_a_team_keeps_an_owner(ines, ines_client, harbour, way):
    mine = f"/team/members/{pk_of(ines, harbour)}"
    path = {"leave": "/team/leave/", "remove": f"{mine}/remove/", "role": f"{mine}/role/"}[way]
    answer = ines_client.post(path, {"role": "member"}, follow=True)
    assert "A team needs an owner" in answer.content.decode()
    assert role_of(ines, harbour) == "owner"


def test_an_owner_who_cannot_sign_in_is_no_other_owner(ines, ines_client, harbour, teo):
    Membership.objects.create(user=teo, team=harbour, role=Membership.OWNER)
    User.objects.filter(pk=teo.pk).update(is_active=False)
    assert "A team needs an owner" in ines_client.post("/team/leave/", follow=True).content.decode()
    assert role_of(ines, harbour) == "owner"


def test_who_is_in_no_team_is_told_so_and_can_sign_out(teo, teo_client):
    teo_client.post("/team/leave/")
    page = teo_client.get("/gallery/", follow=True)
    assert page.status_code == 403
    assert "You are in no team now" in page.content.decode()
    assert re.findall(r'<a class="btn[^"]*" href="([^"]+)"', page.content.decode()) == ["/accounts/logout/"]
    assert teo_client.get("/accounts/logout/").status_code == 200


def test_the_verbs_keep_an_owner_too(ines, harbour):
    with pytest.raises(teams.LastOwner):
        teams.remove(Membership.objects.get(user=ines))


@pytest.mark.parametrize("path", ["/team/invitations/", "/team/invitations/{invitation}/revoke/",
                                  "/team/members/{ines}/role/", "/team/members/{ines}/remove/"])  # fmt: skip
@pytest.mark.parametrize("who", ["member", "owner of another team"])
def test_only_owners_of_this_team_decide(ines, harbour, teo, teo_client, path, who):
    made, _ = invitations.invite(harbour, ines, "member")
    if who == "member":
        Membership.objects.filter(user=teo).update(team=harbour)
    else:
        Membership.objects.filter(user=teo).update(role="owner")
    path = path.format(invitation=made.pk, ines=pk_of(ines, harbour))
    status = teo_client.post(path, {"role": "member"}).status_code
    theirs = who != "member" and path == "/team/invitations/"  # an owner invites, but into the own team
    assert status == (200 if theirs else 403 if who == "member" else 404)
    assert role_of(ines, harbour) == "owner"
    assert invitations.open_ones().filter(team=harbour).count() == 1


def test_a_member_sees_the_people_but_no_invitation_and_no_key(ines, harbour, teo, teo_client):
    Membership.objects.filter(user=teo).update(team=harbour)
    invitations.invite(harbour, ines, "member", "somebody@example.com")
    page = teo_client.get("/team/").content.decode()
    assert "Ines Moreau" in page
    assert "somebody@example.com" not in page
    assert "Make a link" not in page


def test_the_admin_withdraws_an_invitation_and_can_change_nothing_else(ines, ines_client, harbour):
    made, token = invitations.invite(harbour, ines, "member")
    url = "/admin/accounts/invitation/"
    assert ines_client.get(f"{url}{made.pk}/change/").status_code == 200
    assert made.token_hash not in ines_client.get(f"{url}{made.pk}/change/").content.decode()
    assert ines_client.get(f"{url}add/").status_code == 403
    ines_client.post(url, {"action": "withdraw", "_selected_action": [made.pk]})
    assert invitations.find(token) is None
