"""A host of the OpenAI Videos API that an operator adds in the admin, without code: from its page to a kept video."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import Team
from generations import continuing, keys, lifecycle, registry
from generations.lifecycle import sweeping
from generations.lifecycle.polling import Question
from generations.models import Generation, Host, HostModel, Listing, ProviderKey
from generations.models.fields import opened
from generations.providers import outbound
from generations.providers.abilities import KeepsContent, Lists
from generations.rounds import settled_one
from generations.views import catalogue

from .clock import own_time
from .filled import filled
from .lifecycle.conftest import drive  # noqa: F401  (a fixture)
from .lifecycle.test_promises import expire
from .reconcile.conftest import look
from .shots import make_shot

pytestmark = pytest.mark.django_db
SECRET = "sk-of-the-host-1234"
SMALL = "[[seconds=0]] [[clip=small]]"


@pytest.fixture
def boss(user: Any, client_for: Callable[..., Client]) -> Client:
    user.is_superuser = user.is_staff = True
    user.save()
    return client_for(user)


@pytest.fixture
def reachable(sandbox: Any, settings: Any) -> Iterator[str]:
    """The sandbox's OpenAI, as any other host."""
    outbound.trust({*settings.TRUSTED_HOSTS, sandbox.host})
    yield f"{sandbox.url}/openai"
    outbound.trust(settings.TRUSTED_HOSTS)


def page(base_url: str, team: Team | None = None, /, **changed: str) -> dict[str, str]:
    """What the admin's page posts for a host with one model."""
    model = {"name": "Our Sora", "remote_name": "sora-2", "seconds": "8, 4", "sizes": "720x1280, 1280x720",
             "image": "optional", "sent_as": "json", "remixes": "", "sound": "on", "fps": "30", "offered": "on"}  # fmt: skip
    host = {"name": "Basement", "base_url": base_url, "correlation_field": "metadata"}
    host |= {"team": str(team.pk), "secret": SECRET} if team else {}
    form = {
        "models-TOTAL_FORMS": "1",
        "models-INITIAL_FORMS": "0",
        "models-MIN_NUM_FORMS": "0",
        "models-MAX_NUM_FORMS": "9",
    }
    inline = {f"models-0-{name}": value for name, value in (model | changed).items()
              if name in model and (value or name != "remixes")}  # fmt: skip
    return host | form | inline | {name: value for name, value in changed.items() if name in host}


def add(boss: Client, base_url: str, team: Team | None = None, /, **changed: str) -> Any:
    return boss.post(reverse("admin:generations_host_add"), page(base_url, team, **changed))


def made(**changed: Any) -> tuple[Host, HostModel]:
    host = Host.objects.create(name="Basement", base_url="https://videos.example.org")
    model = HostModel.objects.create(host=host, name="Our model", remote_name="wan-2", **changed)
    registry.forget()
    return host, model


def test_one_page_makes_the_host_its_key_and_its_models(boss: Client, team: Team) -> None:
    assert add(boss, "https://videos.example.org/", team).status_code == 302
    host, key = Host.objects.get(), ProviderKey.objects.get()
    assert (key.provider, key.base_url, opened(key.secret)) == (host.provider, "https://videos.example.org", SECRET)
    provider = registry.PROVIDERS[host.provider]
    [spec] = provider.specs
    assert registry.SPECS[spec.slug] is spec
    assert (spec.name, spec.remote_name, provider.name) == ("Our Sora", "sora-2", "Basement")
    assert spec.param("seconds").choices == ("8", "4")  # type: ignore[union-attr]
    assert spec.param("size").default == "720x1280"  # type: ignore[union-attr]
    assert isinstance(provider, Lists)
    assert isinstance(provider, KeepsContent)
    change = boss.get(reverse("admin:generations_host_change", args=[host.pk])).content.decode()
    assert SECRET not in change


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"seconds": "4, eight"}, "whole seconds"), ({"seconds": "0"}, "whole seconds"), ({"sizes": "big"}, "sizes in pixels"),
     ({"sizes": "1280x720, 99999x2"}, "sizes in pixels"), ({"remote_name": "two words"}, "no blanks"),
     ({"base_url": "https://user:pw@videos.example.org"}, "without a user"), ({"secret": "short"}, "at least 8"),
     ({"team": ""}, "A key needs a team")],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_a_way_out(
    boss: Client, team: Team, changed: dict[str, str], words: str
) -> None:
    response = add(boss, "https://videos.example.org", team, **changed)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert (Host.objects.count(), ProviderKey.objects.count()) == (0, 0)


def test_its_model_is_in_the_picker_with_its_own_form(boss: Client, team: Team) -> None:
    add(boss, "https://videos.example.org", team)
    slug = registry.PROVIDERS[Host.objects.get().provider].specs[0].slug
    assert "Basement" in boss.get("/models/").content.decode()
    form = boss.get(f"/?model={slug}").content.decode()
    assert 'name="seconds" value="8" checked' in form
    assert 'name="input_reference-0-file"' in form


def test_a_shot_goes_from_the_form_to_a_kept_video_at_such_a_host(
    boss: Client, team: Team, reachable: str, sandbox: Any, drive: Callable[..., Generation], settings: Any, user: Any  # noqa: F811
) -> None:  # fmt: skip
    settings.SANDBOX_URL = "http://127.0.0.1:1"  # it is a host like any other here
    add(boss, reachable, team)
    spec = registry.PROVIDERS[Host.objects.get().provider].specs[0]
    token = secrets.token_hex(16)
    values = filled(spec, team, user, seconds="4", size="1280x720") | {"model": spec.slug, "form_token": token}
    values["prompt"] = f"A boat [[seconds=0]] [[clip=still]] {token}"
    assert boss.post("/shots/", values).status_code == 303
    row = drive(Generation.objects.get(), steps=2000)
    video = row.asset("video")
    assert (row.state, video.width, video.height, round(video.seconds), video.has_audio) == ("done", 1280, 720, 4, True)
    [billed] = sandbox.ledger(contains=token)
    assert billed["model"] == "sora-2"


def test_an_image_goes_inside_the_request_so_nobody_must_reach_the_studio() -> None:
    _, model = made(image=HostModel.REQUIRED)
    media = registry.SPECS[f"{model.host.provider}-{model.pk}"].media[0]
    assert (media.minimum, media.by[0]) == (1, "data")


def test_what_the_host_decides_is_not_made_up() -> None:
    _, model = made()
    spec = registry.SPECS[f"{model.host.provider}-{model.pk}"]
    assert [param.name for param in spec] == ["prompt"]
    assert spec.output.length == "as long as the host decides"


def test_a_model_that_is_no_longer_offered_stays_readable(boss: Client, team: Team, user: Any) -> None:
    host, model = made(remixes=True)
    key = keys.add_key(team=team, provider=host.provider, secret=SECRET)
    slug = f"{host.provider}-{model.pk}"
    row = lifecycle.start(
        team=team, user=user, key=key, spec=registry.SPECS[slug], prompt="A boat", params={}, token="t" * 16
    )[0]
    HostModel.objects.update(offered=False, remixes=False)
    registry.forget()
    assert registry.PROVIDERS[host.provider].specs == ()
    assert "Basement" not in boss.get("/models/").content.decode()
    assert Generation.objects.get(pk=row.pk).model_name == "Our model"
    assert registry.SPECS[f"{slug}-remix"].name == "Our model Remix", "an old remix says what it was made with"
    assert boss.post(reverse("admin:generations_host_delete", args=[host.pk]), {"post": "yes"}).status_code == 403
    assert boss.get(f"/shots/{row.pk}/").status_code == 200


def test_a_model_that_is_no_longer_offered_is_proposed_nowhere_and_makes_nothing(
    boss: Client, team: Team, user: Any
) -> None:
    """Not as the usual model of the person who used it last, not for an image, not as a substitute, not by its address."""
    host, model = made(image=HostModel.REQUIRED)
    keys.add_key(team=team, provider=host.provider, secret=SECRET)
    slug, old = f"{host.provider}-{model.pk}", registry.SPECS[f"{host.provider}-{model.pk}"]
    shot = make_shot(team, created_by=user, model=slug)
    assert continuing.model_for(shot) == old
    Listing.objects.create(slug="apertis-sora-2", substitute=slug)
    assert catalogue.usual_model(team, user) == old
    assert catalogue.ended(catalogue.as_listed(registry.SPECS["apertis-sora-2"])).substitute == old  # type: ignore[union-attr]
    HostModel.objects.update(offered=False)
    registry.forget()
    assert catalogue.usual_model(team, user).slug != slug
    assert continuing.model_for(shot).slug != slug
    assert catalogue.ended(catalogue.as_listed(registry.SPECS["apertis-sora-2"])).substitute is None  # type: ignore[union-attr]
    assert slug not in [spec.slug for spec in catalogue.offered()]
    refused = boss.post("/shots/", filled(old, team, user) | {"model": slug, "form_token": secrets.token_hex(16)})
    assert refused.status_code == 422
    assert "Our model is switched off in this studio" in refused.content.decode()
    assert Generation.objects.count() == 1


@pytest.mark.parametrize("remixes", [True, False])
def test_a_finished_shot_offers_the_remix_that_its_host_has(
    boss: Client, team: Team, reachable: str, sandbox: Any, drive: Callable[..., Generation], settings: Any, user: Any,  # noqa: F811
    remixes: bool,
) -> None:  # fmt: skip
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    add(boss, reachable, team, remixes="on" if remixes else "")
    spec = registry.PROVIDERS[Host.objects.get().provider].specs[0]
    mark = secrets.token_hex(8)
    [row] = lifecycle.start(team=team, user=user, key=ProviderKey.objects.get(), spec=spec, token=mark,
                            params={"seconds": "4", "size": "1280x720"}, prompt=f"A boat {SMALL} {mark}")  # fmt: skip
    source = drive(row, steps=2000)
    link = f"/?from={source.pk}&amp;model={spec.slug}-remix"
    assert (link in boss.get(f"/shots/{source.pk}/").content.decode()) is remixes
    values = {"model": f"{spec.slug}-remix", "parent": str(source.pk), "takes": "1", "form_token": secrets.token_hex(16),
              "prompt": f"At night {SMALL} {mark}"}  # fmt: skip
    pressed = boss.post("/shots/", values)
    if not remixes:
        assert pressed.status_code == 422
        assert len(sandbox.ledger(contains=mark)) == 1
        return
    assert pressed.status_code == 303
    remix = drive(Generation.objects.latest("pk"), steps=2000)
    assert (remix.state, remix.parent, remix.reuse) == ("done", source, "remix")
    assert f"/shots/{source.pk}/" in boss.get(f"/shots/{remix.pk}/").content.decode()
    assert len(sandbox.ledger(contains=f"At night {SMALL} {mark}")) == 1


def test_a_host_that_nothing_names_can_be_deleted(boss: Client) -> None:
    host, _ = made()
    assert boss.post(reverse("admin:generations_host_delete", args=[host.pk]), {"post": "yes"}).status_code == 302
    assert host.provider not in registry.PROVIDERS


def test_another_process_sees_a_new_host_within_two_seconds(monkeypatch: Any) -> None:
    assert "host-1" not in registry.PROVIDERS
    host = Host.objects.create(name="Basement", base_url="https://videos.example.org")
    assert host.provider not in registry.PROVIDERS, "read a moment ago"
    own_time(monkeypatch, registry, monotonic=lambda: time.monotonic() + registry.FRESH + 0.1)
    assert host.provider in registry.PROVIDERS


def test_a_lost_answer_is_found_in_such_a_hosts_list_by_our_own_name(
    boss: Client, team: Team, user: Any, reachable: str, sandbox: Any, settings: Any
) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    add(boss, reachable, team)
    key, spec = ProviderKey.objects.get(), registry.PROVIDERS[Host.objects.get().provider].specs[0]
    mark = secrets.token_hex(8)
    [row] = lifecycle.start(team=team, user=user, key=key, spec=spec, params={"seconds": "4", "size": "1280x720"},
                            prompt=f"A boat [[lose-answer]] [[seconds=0]] [[clip=small]] {mark}", token=mark)  # fmt: skip
    lifecycle.submit(row.pk)
    row.refresh_from_db()
    assert row.state == "unknown"
    assert look(key)
    row.refresh_from_db()
    [billed] = sandbox.ledger(contains=mark)
    assert (row.state, row.provider_task_id) == ("submitted", billed["task_id"])
    assert "our own name" in row.evidence.last().words


# --- the database does not answer when the hosts are read -----------------------------------------------------------------
@contextmanager
def no_hosts_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What was read before is old, and each look at the hosts fails as while a PostgreSQL server restarts."""

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if 'FROM "generations_host"' in sql:
            raise OperationalError("terminating connection due to administrator command")
        return execute(sql, *rest)

    with monkeypatch.context() as patch, connection.execute_wrapper(refuse):
        own_time(patch, registry, monotonic=lambda: time.monotonic() + registry.FRESH + 0.1)
        yield


@pytest.fixture
def answered(boss: Client, team: Team, user: Any, reachable: str, settings: Any) -> lifecycle.Sending:
    """A paid request to an added host, with its answer in hand and on the disk, but not in the database yet."""
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    add(boss, reachable, team)
    key, spec = ProviderKey.objects.get(), registry.PROVIDERS[Host.objects.get().provider].specs[0]
    [row] = lifecycle.start(team=team, user=user, key=key, spec=spec, params={"seconds": "4", "size": "1280x720"},
                            prompt=f"A boat {SMALL}", token=secrets.token_hex(8))  # fmt: skip
    [sending] = lifecycle.begin([row.pk])
    return lifecycle.deliver(sending)


def never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just begun."""
    monkeypatch.setattr(registry, "_kept", registry.Added())
    registry.forget()


def told(sending: lifecycle.Sending) -> tuple[str, bool, int]:
    """(its state, whether the provider's id is known, how many files wait for it)"""
    row = Generation.objects.get(pk=sending.attempt.generation_id)
    return row.state, bool(row.provider_task_id), len(list(Path(sending.escrow.path).parent.iterdir()))


def test_a_failed_look_at_the_hosts_takes_no_model_away_and_no_paid_answer(
    answered: lifecycle.Sending, monkeypatch: pytest.MonkeyPatch, boss: Client
) -> None:
    row = answered.attempt.generation
    with no_hosts_read(monkeypatch):
        assert registry.SPECS[row.model].slug == row.model
        assert boss.post("/shots/", {"model": row.model, "form_token": secrets.token_hex(16)}).status_code == 422
        assert settled_one(answered)
        lifecycle.put_away(answered)
        row.refresh_from_db()
        assert isinstance(lifecycle.question(row), Question), "it can be asked about at once"
    assert told(answered) == ("submitted", True, 0)


def test_an_answer_that_nobody_can_read_yet_waits_on_the_disk_until_its_host_is_known(
    answered: lifecycle.Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_read(monkeypatch)
    with no_hosts_read(monkeypatch):
        assert not settled_one(answered)
        assert told(answered) == ("submitting", False, 1)
        expire(answered.attempt.generation)
        for _ in range(2):
            assert lifecycle.sweep() == 0
            assert told(answered) == ("submitting", False, 1)
    registry.forget()
    assert lifecycle.sweep() == 1
    assert told(answered) == ("submitted", True, 0)


def test_an_answer_that_nobody_could_read_for_an_hour_is_left_to_a_person_with_what_it_said(
    answered: lifecycle.Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_read(monkeypatch)
    expire(answered.attempt.generation)
    monkeypatch.setattr(sweeping, "ORPHAN_AGE", -1)
    with no_hosts_read(monkeypatch):
        lifecycle.sweep()
    assert told(answered) == ("unknown", False, 0)
    attempt = answered.attempt
    attempt.refresh_from_db()
    assert '"id"' in attempt.answer
    assert "no longer knows the model" in Generation.objects.get().message


def test_a_host_that_could_not_be_read_once_is_there_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host.objects.create(name="Basement", base_url="https://videos.example.org")
    never_read(monkeypatch)
    with no_hosts_read(monkeypatch):
        assert host.provider not in registry.PROVIDERS
    own_time(monkeypatch, registry, monotonic=lambda: time.monotonic() + registry.FRESH + 0.6)
    assert host.provider in registry.PROVIDERS
