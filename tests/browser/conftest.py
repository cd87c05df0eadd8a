"""A person's tab on a studio in this process: for journeys that need no worker."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User


@pytest.fixture
def tab_of(studio_dirs: Any, browser: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`tab_of(person)` is a signed-in tab; an error in a page fails the test."""
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)
    opened, problems = [], []

    def make(person: User, **options: Any) -> Any:
        signed_in = Client()
        signed_in.force_login(person)
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "base_url": live_server.url} | options
        )
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
        opened.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: problems.append(str(error)))
        return tab

    yield make
    for context in opened:
        context.close()
    assert problems == []


TabOf = Callable[..., Any]
