"""A4F's table of models: what the page offers, what the sandbox makes, what is refused. That each keeps its promise:
tests/test_contract.py."""

import secrets
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from generations.models import Generation, ProviderKey
from generations.providers import SPECS
from generations.providers.a4f import RATIOS, SIDES

pytestmark = pytest.mark.django_db


def test_what_the_page_offers_is_what_the_sandbox_makes() -> None:
    """Two tables from one document, written apart: they must say the same."""
    from sandbox.dialects import a4f_rules as rules

    assert {spec.remote_name for slug, spec in SPECS.items() if slug.startswith("a4f-")} == set(rules.MODELS)
    for spec in (spec for slug, spec in SPECS.items() if slug.startswith("a4f-")):
        model = rules.MODELS[spec.remote_name]
        assert spec.param("quality").choices == model.qualities  # type: ignore[union-attr]
        assert spec.param("duration").choices[-1] == str(model.seconds)  # type: ignore[union-attr]
        assert spec.output.sound is model.sound
        assert all(spec.size({"quality": quality, "ratio": ratio}) == rules.size(quality, ratio)
                   for quality in model.qualities for ratio in RATIOS)  # fmt: skip
    assert set(SIDES) <= set(rules.QUALITIES)


@pytest.mark.parametrize(
    ("slug", "values", "words"),
    [
        ("a4f-sora-2", {"duration": "5"}, "Choose 1, 2, 3 or 4"),
        ("a4f-kling-v2.1", {"duration": "8"}, "Choose 1, 2, 3, 4 or 5"),
        ("a4f-seedance-lite", {"quality": "720p"}, "Choose 1080p"),
        ("a4f-veo", {"quality": "480p"}, "Choose 720p or 1080p"),
        ("a4f-veo", {"ratio": "21:9"}, "Choose 9:16, 16:9, 1:1, 3:4 or 4:3"),
    ],
)
def test_what_the_document_forbids_is_refused_before_money_moves(
    slug: str, values: dict[str, str], words: str, user: User, a4f: ProviderKey, client_for: Callable[[User], Client]
) -> None:
    form = {
        "model": slug,
        "form_token": secrets.token_hex(16),
        "takes": "1",
        "whole": "1",
        "prompt": "A lake",
        **values,
    }
    answer = client_for(user).post("/shots/", form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Generation.objects.exists()
