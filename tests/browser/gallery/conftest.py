"""A studio with eight finished shots and their pictures: started once for everything about the gallery."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import RunningStudio, running_stack, until

from .hands import SHOTS

PASSWORD = "a long enough pass phrase"


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    with running_stack(
        tmp_path_factory.mktemp("gallery"), STUDIO_SANDBOX_SECONDS="0.3", STUDIO_OWNER_PASSWORD=PASSWORD
    ) as found:
        found.wait_until_ready()
        found.manage("create_owner", "--email", "ines@example.org", "--name", "Ines Moreau", "--team", "Harbour film")
        for prompt, ratio in (("Lighthouse at first light", "16:9"), ("Figure in neon rain", "9:16")):
            order = ["generate", f"{prompt} [[clip=still]]", "--model", "apertis-veo3", "--takes", "4"]
            made = found.manage(*order, "--param", f"aspect_ratio={ratio}")
            assert made.returncode == 0, made.stderr
        until(lambda: pictured(found) == SHOTS, 240, lambda: f"{pictured(found)} of {SHOTS} shots\n{found.log}")
        yield found
        found.stop()


def pictured(studio: RunningStudio) -> int:
    with sqlite3.connect(f"file:{studio.data}/studio.sqlite3?mode=ro", uri=True) as database:
        sql = "SELECT count(*) FROM generations_generation WHERE state = 'done' AND pictures_due_at IS NULL"
        return int(database.execute(sql).fetchone()[0])


@pytest.fixture(scope="package")
def signed_in(browser: Any, studio: RunningStudio) -> Any:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{studio.url}/accounts/login/")
    tab.get_by_label("E-mail").fill("ines@example.org")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_selector("#composer")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Any, studio: RunningStudio, signed_in: Any) -> Iterator[Any]:
    """A tab on the gallery; an error in its console, or a policy that was broken, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=signed_in)
    tab, problems = context.new_page(), []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(f"{studio.url}/gallery/")
    yield tab
    context.close()
    assert problems == []
