"""The theme follows the person, and a cookie before signing in."""

import pytest

pytestmark = pytest.mark.django_db
PAGE = "/accounts/login/"


@pytest.mark.parametrize("chosen", ["dark", "light", "system"])
def test_a_stranger_keeps_the_theme_in_a_cookie(client, chosen):
    answer = client.post("/theme/", {"theme": chosen}, HTTP_REFERER=f"http://testserver{PAGE}?next=/gallery/")
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?next=/gallery/")
    assert f'data-theme="{chosen}"' in client.get(PAGE).content.decode()


def test_a_persons_theme_beats_the_cookie_and_lasts(ines_client, ines):
    ines_client.post("/theme/", {"theme": "light"})
    ines.refresh_from_db()
    assert ines.theme == "light"
    ines_client.cookies["theme"] = "dark"
    assert 'data-theme="light"' in ines_client.get("/accounts/password/change/").content.decode()


def test_the_room_is_dark_by_default_and_for_a_forged_cookie(client):
    client.cookies["theme"] = '"><script>'
    assert 'data-theme="dark"' in client.get(PAGE).content.decode()


def test_scripts_get_an_empty_answer(client):
    answer = client.post("/theme/", {"theme": "light"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.cookies["theme"].value == "light"


def test_an_unknown_theme_changes_nothing(ines_client, ines):
    answer = ines_client.post("/theme/", {"theme": "sepia"})
    assert answer.status_code == 422
    assert "theme" not in answer.cookies
    ines.refresh_from_db()
    assert ines.theme == "dark"


@pytest.mark.parametrize("referrer", ["https://evil.example/x", "//evil.example", "javascript:alert(1)", ""])
def test_choosing_a_theme_never_leads_to_another_site(client, referrer):
    answer = client.post("/theme/", {"theme": "light"}, HTTP_REFERER=referrer)
    assert answer["Location"] == "/"


def test_a_path_that_looks_like_a_host_stays_on_this_site(client):
    answer = client.post("/theme/", {"theme": "light"}, HTTP_REFERER="http://testserver//evil.example/x")
    assert answer["Location"] == "/evil.example/x"


def test_a_theme_is_never_chosen_by_a_link(client):
    assert client.get("/theme/?theme=light").status_code == 405


@pytest.mark.parametrize(("given", "shown"), [("dense", "dense"), ("roomy", "roomy"), ('"><script>', "roomy")])
def test_the_density_is_kept_for_this_screen(ines_client, ines, given, shown):
    ines_client.post("/theme/", {"density": "dense"})
    assert ines_client.cookies["density"].value == "dense"
    ines_client.cookies["density"] = given
    page = ines_client.get("/").content.decode()
    assert f'data-density="{shown}"' in page
    ines.refresh_from_db()
    assert ines.theme == "dark"


@pytest.mark.parametrize(("cookie", "shown"), [("off", "off"), ("on", "on"), ("x", "on")])
def test_single_keys_can_be_switched_off(ines_client, cookie, shown):
    ines_client.cookies["keys"] = cookie
    assert f'data-keys="{shown}"' in ines_client.get("/").content.decode()
