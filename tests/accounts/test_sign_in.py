"""Signing in and out, and who may not sign up."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str):
    return client.post(LOGIN, {"login": email, "password": password} | more)


@pytest.mark.parametrize("email", ["ines@example.com", "INES@Example.com"])
def test_signing_in_leads_to_the_studio_with_a_new_session(client, ines, email):
    client.get(LOGIN)
    before = client.cookies.get("tungsten_session")
    answer = sign_in(client, email)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.cookies["tungsten_session"] != before
    assert client.session["_auth_user_id"] == str(ines.pk)


def test_the_answer_is_the_same_for_a_wrong_password_and_an_unknown_address(client, ines):
    def said(email: str) -> str:
        page = sign_in(client, email, "not the password").content.decode()
        return page[page.index('id="login-error"') : page.index("</div>", page.index('id="login-error"'))]

    assert said("ines@example.com") == said("who@example.com")


def test_an_inactive_person_cannot_sign_in(client, ines):
    User.objects.update(is_active=False)
    sign_in(client, "ines@example.com")
    assert "_auth_user_id" not in client.session


def test_a_person_who_is_switched_off_is_out_with_the_next_request(ines_client):
    assert ines_client.get("/accounts/password/change/").status_code == 200
    User.objects.update(is_active=False)
    assert ines_client.get("/accounts/password/change/").status_code == 302


def test_repeated_failures_are_slowed_down_even_for_the_right_password(client, ines):
    for _ in range(6):
        sign_in(client, "ines@example.com", "not the password")
    answer = sign_in(client, "ines@example.com")
    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()


def test_too_many_requests_get_a_page_that_says_how_long_to_wait(client, ines):
    answers = [sign_in(client, f"p{n}@example.com") for n in range(31)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "60"
    assert "Wait a minute" in answers[-1].content.decode()


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/", "javascript:alert(1)"],
)
def test_signing_in_never_leads_to_another_site(client, ines, target):
    assert sign_in(client, "ines@example.com", next=target)["Location"] == "/"


def test_signing_in_goes_on_to_the_page_that_was_asked_for(client, ines):
    assert sign_in(client, "ines@example.com", next="/gallery/?model=veo")["Location"] == "/gallery/?model=veo"


def test_signing_out_needs_a_post_and_ends_the_session_on_the_server(ines_client):
    session = ines_client.session.session_key
    assert ines_client.get("/accounts/logout/").status_code == 200
    assert "_auth_user_id" in ines_client.session
    ines_client.post("/accounts/logout/")
    assert not ines_client.session.exists(session)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_can_sign_up_alone(client, method):
    answer = getattr(client, method)("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    assert "by invitation" in answer.content.decode()
    assert not User.objects.exists()


def test_a_form_without_its_token_is_refused_with_a_page(ines):
    answer = sign_in(Client(enforce_csrf_checks=True), "ines@example.com")
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_the_forms_suit_password_managers(client):
    page = client.get(LOGIN).content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page


# --- the admin --------------------------------------------------------------------------------------------------


def test_the_admin_signs_in_through_the_studios_own_page(client):
    answer = client.get("/admin/login/", follow=False)
    assert answer["Location"].startswith(LOGIN)


@pytest.mark.parametrize(("staff", "superuser", "status"), [(0, 0, 403), (1, 0, 403), (1, 1, 200)])
def test_the_admin_opens_for_superusers_only(client, teo, staff, superuser, status):
    User.objects.update(is_staff=bool(staff), is_superuser=bool(superuser))
    client.force_login(teo)
    assert client.get("/admin/", follow=True).status_code == status


@pytest.mark.parametrize("page", ["user/", "user/add/", "team/", "team/add/", "membership/", "membership/add/"])
def test_every_admin_page_about_people_opens(ines_client, page):
    assert ines_client.get(f"/admin/accounts/{page}").status_code == 200


def test_a_person_made_in_the_admin_can_sign_in(ines_client, client):
    ines_client.post(
        "/admin/accounts/user/add/",
        {
            "email": "Noor@Example.com",
            "name": "Noor",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0,
        },
    )
    assert sign_in(client, "noor@example.com")["Location"] == "/"


def test_an_address_changed_in_the_admin_opens_nothing_any_more(ines_client, client, teo):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=teo, email=teo.email, primary=True, verified=True)
    ines_client.post(
        f"/admin/accounts/user/{teo.pk}/change/",
        {
            "email": "teodor@example.com",
            "theme": "dark",
            "is_active": "on",
            "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0,
        },
    )
    assert sign_in(client, "teo@example.com").status_code == 200
    assert sign_in(client, "teodor@example.com")["Location"] == "/"


def test_a_team_made_in_the_admin_is_equipped_like_any_other(ines_client, settings):
    settings.STUDIO_NEW_TEAM = ["tests.accounts.test_sign_in.note"]
    EQUIPPED.clear()
    form = {"name": "Second unit", "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    ines_client.post("/admin/accounts/team/add/", form)
    assert EQUIPPED == ["Second unit"]


EQUIPPED: list[str] = []


def note(team) -> None:
    EQUIPPED.append(team.name)
