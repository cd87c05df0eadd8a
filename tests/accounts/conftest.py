"""Shared by the tests about people: a quiet studio, a person, and a signed-in client."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Membership, Team, User

PASSWORD = "a lamp in the harbour"


@pytest.fixture(autouse=True)
def quiet_studio(settings):
    """No demo keys for new teams, no static manifest, a fast hash, and rate limits that start at zero."""
    settings.STUDIO_NEW_TEAM = []
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    cache.clear()


@pytest.fixture
def ines(db) -> User:
    """An owner of one team, and superuser."""
    user = User.objects.create_superuser("ines@example.com", PASSWORD, name="Ines Moreau")
    Membership.objects.create(user=user, team=Team.objects.create(name="Harbour film"), role=Membership.OWNER)
    return user


@pytest.fixture
def teo(db) -> User:
    """A member of another team, and nothing more."""
    user = User.objects.create_user("teo@example.com", PASSWORD, name="Teo Elander")
    Membership.objects.create(user=user, team=Team.objects.create(name="Night shift"))
    return user


@pytest.fixture
def ines_client(ines) -> Client:
    client = Client()
    client.force_login(ines)
    return client
