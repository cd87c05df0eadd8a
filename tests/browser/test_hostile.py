"""Whatever people type is shown as text and breaks no page: markup, words without end, other directions, emoji, much."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, Team, User
from generations import collections, prompts, sharing
from generations.models import Character
from tests.shots import make_key, make_shot

from .conftest import TabOf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARKUP = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script></textarea>\"'{{ 7*7 }}"
TEXTS = {
    "markup": MARKUP,
    "a word without end": "lighthouse" * 40,
    "right to left": "منارة على صخرة \u202eعند الفجر\u202c " * 6,
    "emoji": "👩‍👩‍👧‍👦🏴‍☠️" * 60,
    "32,000 characters": "Fog over the harbour. " * 1455,
}
WIDTHS = (1440, 320)
WIDE = """() => [...document.querySelectorAll("main *, header *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 3).map((one) => `${one.nodeName}.${one.className?.baseVal ?? one.className}`)"""
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def paths(team: Team, user: User) -> list[str]:
    """A team in which everything that has words has these, and the pages that show them."""
    key, shots = make_key(team), []
    user.name = (MARKUP + TEXTS["a word without end"])[:120]
    user.save()
    team.name = TEXTS["a word without end"][:120]
    team.save()
    for state in ("done", "failed", "unknown", "queued", "cancelled"):
        for text in TEXTS.values():
            made = make_shot(team, state, provider_key=key, prompt=text, title=text[:200], message=text[:4000],
                             files=("poster-small", "poster", "video") if state == "done" else ())  # fmt: skip
            shots.append(made)
    shots[1].parent, shots[1].reuse = shots[0], "take"
    shots[1].rewritten_prompt = TEXTS["32,000 characters"] + MARKUP
    shots[1].save()
    make_shot(team, provider_key=key, title=MARKUP, deleted_at=timezone.now())
    for text in TEXTS.values():
        prompts.save(team, user, text, text[:100])
        collections.collect(team, user, text[:80], shots[:1])
    Character.objects.create(team=team, created_by=user, provider_key=key, form_token="u", state="failed",
                             source_url=f"https://example.com/{'a' * 900}", message=MARKUP)  # fmt: skip
    second = User.objects.create_user("b@example.org", name=MARKUP[:120])
    Membership.objects.create(user=second, team=team)
    sharing.share(shots[1], user, days=7, show_prompt=True, allow_download=True)
    pages = ["/", "/gallery/", "/gallery/bin/", "/gallery/?q=" + MARKUP.replace("&", ""), "/gallery/?show=everything", "/queue/",
             "/unknown/", "/cast/", "/prompts/", "/prompts/history/", "/team/", "/shares/", "/collections/",
             f"/shots/{shots[0].pk}/share/", f"/?from={shots[1].pk}"]  # fmt: skip
    return pages + [f"/shots/{shot.pk}/" for shot in (*shots[:5], shots[5], shots[10])]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_shows_it_as_text_and_does_not_scroll_sideways(
    width: int, paths: list[str], tab_of: TabOf, user: User
) -> None:
    tab, found = tab_of(user, viewport={"width": width, "height": 800}), []
    for path in paths:
        tab.goto(path)
        over = tab.evaluate(SIDEWAYS)
        found += [f"{path}: {over} px too wide: {tab.evaluate(WIDE)}"] if over > 0 else []
        found += (
            [f"{path}: markup ran"]
            if tab.evaluate("'hacked' in window || !!document.querySelector('img[src=x]')")
            else []
        )
    assert found == []


def test_the_public_page_and_the_palette_do_the_same(paths: list[str], tab_of: TabOf, user: User, team: Team) -> None:
    tab = tab_of(user, viewport={"width": 320, "height": 800})
    tab.goto("/shares/")
    link: Any = tab.locator("code.address").first.text_content()
    for path in (link, "/palette/?q=lighthouse", "/palette/?q=%3Cimg"):
        tab.goto(path)
        assert tab.evaluate(SIDEWAYS) <= 0, (path, tab.evaluate(WIDE))
        assert not tab.evaluate("'hacked' in window || !!document.querySelector('img[src=x]')")
