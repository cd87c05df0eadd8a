"""The quick ones of the interface's goals (`make ui` measures all of them): sizes, rules, the policy, hands on keys only."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui import hands, jobs, loading, moving, rules, stand

pytestmark = [pytest.mark.browser, pytest.mark.processes]
PAGES = ("create", "gallery", "shot", "failed shot", "queue", "admin", "admin change")


@pytest.fixture(scope="module")
def studio(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stand.Stand]:
    """A studio of its own with a few seeded shots; only the pages that people spend the day on."""
    folder = tmp_path_factory.mktemp("goals")
    with stand.running_stack(folder, STUDIO_OWNER_PASSWORD=stand.PASSWORD, STUDIO_SANDBOX_SECONDS="0.3") as running:
        running.wait_until_ready()
        stand.seed(running, 30, 1)
        found = stand.stand_of(running, browser)
        yield found
        running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def few(studio: stand.Stand) -> Iterator[stand.Stand]:
    """Only the pages of PAGES and the public one."""
    every = studio.pages
    studio.pages = {name: every[name] for name in (*PAGES, "public link")}
    yield studio
    studio.pages = every


def missed(measures: list[Any]) -> list[str]:
    return [f"{one.what}: {one.value:g} {one.unit} of {one.limit:g}. {one.note}" for one in measures if not one.met]


def test_a_first_load_stays_within_its_bytes_and_requests(few: stand.Stand) -> None:
    assert missed(loading.sizes(few)) == []


def test_every_page_breaks_no_rule_covers_no_focus_and_says_nothing_in_the_console(few: stand.Stand) -> None:
    """One visit each; `make ui` also looks at both sizes and the other pages."""
    found = []
    for name, tab in rules.visits(few, "desktop"):
        for theme in ("dark", "light"):
            found += [f"{name} {theme}: {words}" for words in rules.broken(tab, theme)]
        tab.set_viewport_size({"width": 320, "height": 700})
        if over := tab.evaluate(rules.SIDEWAYS):
            found.append(f"{name} is {over} px too wide at 320")
        tab.set_viewport_size(stand.DESKTOP)
    assert found + few.problems == []


def test_a_shot_is_made_watched_liked_shared_binned_and_brought_back_by_keys_alone(studio: stand.Stand) -> None:
    with studio.tab() as tab:
        assert hands.journey(tab) == list(hands.STEPS)


def test_the_guard_of_the_rules_sees_what_it_looks_for(studio: stand.Stand) -> None:
    with studio.tab() as tab:
        tab.goto("/queue/")
        tab.evaluate("document.querySelector('main').append(document.createElement('img'))")
        assert any("image-alt" in words for words in rules.broken(tab, "dark"))


def test_what_others_start_waits_behind_a_button_and_moves_nothing(studio: stand.Stand) -> None:
    with studio.tab() as tab:
        tab.goto("/")
        tab.locator("[data-live]").wait_for()
        tab.evaluate(moving.SHIFT)
        token = jobs.press(studio, tab, "Somebody else's boat")
        pk, _ = jobs.ended(studio, token)
        tab.locator("#queue-new", has_text="1 new").wait_for()
        tab.locator("#feed-new", has_text="1 new above").wait_for()
        tab.locator(f"#take-{pk}").wait_for(state="hidden")
        assert tab.locator(f"#job-{pk}").count() == 0
        assert tab.evaluate("window.shifted.sum") < 0.01
        tab.locator("#feed-new").click()
        tab.locator(f"#hero-{pk}").wait_for()
        tab.locator("#queue-new").click()
        tab.locator(f"#job-{pk}").wait_for()
        tab.locator("#queue-new").wait_for(state="hidden")


def test_what_one_starts_oneself_is_there_at_once(studio: stand.Stand) -> None:
    with studio.tab() as tab:
        tab.goto(f"/?model={jobs.MODEL}")
        tab.locator("[data-live]").wait_for()
        known = set(tab.evaluate("[...document.querySelectorAll('#queue-list > .job')].map((job) => job.id)"))
        tab.locator("#prompt").fill(f"A boat of my own {jobs.SMALL}")
        tab.keyboard.press("Control+Enter")
        stand.wait(
            tab,
            "document.querySelector('#feed > .take:not([hidden])')?.innerText.includes('A boat of my own')",
            20,
            "the take",
        )
        now = tab.evaluate("[...document.querySelectorAll('#queue-list > .job')].map((job) => job.id)")
        assert len(set(now) - known) == 1
        assert tab.locator("#feed-new").is_hidden()
        assert tab.locator("#queue-new").is_hidden()
