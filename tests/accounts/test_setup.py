"""The first run: one link, one winner, closed for good."""

import pytest

from accounts.models import FirstRun, Membership, Team, User
from accounts.setup import SetupClosed, complete_setup, is_open, open_setup

pytestmark = pytest.mark.django_db
ANSWERS = {"email": "Ines@Example.com", "password": "a lamp in the harbour", "name": "Ines", "team_name": "Harbour"}


def test_the_first_person_is_superuser_and_owner_of_the_first_team():
    user = complete_setup(open_setup(), **ANSWERS)
    assert (user.email, user.is_superuser, user.is_staff) == ("ines@example.com", True, True)
    membership = Membership.objects.get()
    assert (membership.user, membership.team.name, membership.role) == (user, "Harbour", Membership.OWNER)


def test_only_a_hash_of_the_token_is_kept():
    token = open_setup()
    row = FirstRun.objects.get()
    assert token not in (row.token_hash, str(row))
    assert len(token) >= 43  # 256 bit
    assert len(row.token_hash) == 64


def test_a_token_works_once():
    token = open_setup()
    complete_setup(token, **ANSWERS)
    User.objects.all().delete()  # even if the studio were emptied again
    with pytest.raises(SetupClosed, match="Nothing was changed"):
        complete_setup(token, **ANSWERS)
    assert not User.objects.exists()


def test_a_newer_link_replaces_the_older_one():
    older, newer = open_setup(), open_setup()
    assert FirstRun.objects.count() == 1
    assert (is_open(older), is_open(newer)) == (False, True)
    with pytest.raises(SetupClosed):
        complete_setup(older, **ANSWERS)
    complete_setup(newer, **ANSWERS)


def test_no_link_is_made_once_anybody_has_an_account(ines):
    assert open_setup() is None


def test_an_open_link_closes_when_an_account_appears_another_way():
    token = open_setup()
    User.objects.create_user("someone@example.com", "x")
    assert not is_open(token)
    with pytest.raises(SetupClosed):
        complete_setup(token, **ANSWERS)
    assert not Team.objects.exists()


def test_a_failure_while_the_team_is_made_leaves_the_link_open(settings):
    token = open_setup()
    settings.STUDIO_NEW_TEAM = ["tests.accounts.test_setup.refuse"]
    with pytest.raises(RuntimeError):
        complete_setup(token, **ANSWERS)
    assert not User.objects.exists()
    assert is_open(token)


def refuse(team: Team) -> None:
    raise RuntimeError(f"no keys for {team}")


# --- the page ---------------------------------------------------------------------------------------------------


def post(client, token, **changes):
    return client.post(f"/setup/{token}/", ANSWERS | changes)


def test_the_page_signs_the_first_person_in_and_leads_to_the_studio(client):
    answer = post(client, open_setup())
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "qwerty123456"}, "too common"),
        ({"password": "ines@example.com"}, "too similar"),
        ({"email": "nowhere"}, "valid email address"),
        ({"name": ""}, "required"),
    ],
)
def test_a_refused_form_keeps_the_answers_and_the_link(client, changes, sentence):
    token = open_setup()
    answer = post(client, token, **changes)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert 'value="Harbour"' in page
    assert ANSWERS["password"] not in page
    assert is_open(token)


def test_a_long_password_is_taken_whole(client):
    long = "a lamp in the harbour, " * 5 + "end of line 13"
    assert len(long) >= 128
    post(client, open_setup(), password=long)
    user = User.objects.get()
    assert user.check_password(long)
    assert not user.check_password(long[:-1])


@pytest.mark.parametrize("method", ["get", "post"])
def test_wrong_used_and_replaced_links_show_one_and_the_same_page(client, method):
    replaced, used = open_setup(), open_setup()
    pages = {getattr(client, method)(f"/setup/{token}/").content for token in (replaced, "no-such-token")}
    post(client, used)
    client.logout()
    last = getattr(client, method)(f"/setup/{used}/")
    assert last.status_code == 404
    assert pages == {last.content}


def test_the_page_is_never_cached(client):
    assert "no-store" in client.get(f"/setup/{open_setup()}/")["Cache-Control"]


def test_signing_in_says_where_the_link_is_until_somebody_has_an_account(client):
    assert "Nobody has an account yet" in client.get("/accounts/login/").content.decode()
    complete_setup(open_setup(), **ANSWERS)
    assert "Nobody has an account yet" not in client.get("/accounts/login/").content.decode()
