"""The studio without a browser: the same form, the same words, and exit codes that a script can rely on."""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, ManagementUtility, call_command
from django.db import connections
from django.utils import timezone

from accounts.models import Team
from generations import keys
from generations.engine import Engine
from generations.management.commands import generate
from generations.models import Beacon, Generation, ProviderKey
from generations.providers import MODELS
from generations.states import State
from tests.workers import on_the_spot

from . import pictures as images
from .clock import own_time
from .shots import make_shot

QUICK = "[[clip=small]] [[seconds=0.1]]"


@pytest.fixture
def plain_key(team) -> ProviderKey:
    return keys.add_key(team=team, provider="apertis", secret="sk-12345678", base_url="http://127.0.0.1:1")


@pytest.fixture
def manage(capsys) -> Callable[..., tuple[int, str, str]]:
    """`manage("catalogue", "--json")` gives exit code, standard output, standard error, as a shell would see them."""

    def run(name: str, *arguments: str) -> tuple[int, str, str]:
        code = 0
        command = ManagementUtility().fetch_command(name)
        command._called_from_command_line = True
        try:
            # run_from_argv without its last line, which closes the connection that holds this test's rows
            given = vars(command.create_parser("manage.py", name).parse_args(arguments))
            command.execute(*given.pop("args", ()), **given)
        except CommandError as refused:
            command.stderr.write(str(refused))
            code = refused.returncode
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def worker() -> Iterator[None]:
    """What the cluster does, in a thread: the loop, and each archive task at once."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            Engine(hint=on_the_spot).run(20)
            stop.wait(0.05)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    Generation.objects.filter(state__in=("queued", "submitted", "running")).update(state=State.CANCELLED)
    thread.join(30)
    assert not thread.is_alive()


# --- generate --------------------------------------------------------------------------------------------------------------
def test_a_shot_is_queued_with_the_defaults_of_the_page(manage, user, plain_key):
    code, out, err = manage("generate", "A boat", "--model", "apertis-veo3.1")
    row = Generation.objects.get()
    assert (code, err) == (0, "")
    assert f"shot {row.pk}: queued, not charged." in out
    assert row.params == {"aspect_ratio": "16:9", "images": [], "enhance_prompt": False, "enable_upsample": False}
    assert (row.created_by, row.prompt, row.provider_key) == (user, "A boat", plain_key)


@pytest.mark.parametrize("role", ["first-frame", "FIRST"])
def test_parameters_takes_and_images_arrive(manage, member, user, plain_key, tmp_path, role):
    (tmp_path / "first.png").write_bytes(images.png())
    code, out, _ = manage(
        "generate", "A boat", "--model", "apertis-veo2-fast-frames", "--takes", "2",
        "--param", "enable_upsample=on", "--param", "enhance_prompt=no",
        "--image", f"{role}={tmp_path / 'first.png'}", "--image", "2=https://example.com/last.png",
        "--email", "bob@example.org", "--json",
    )  # fmt: skip
    found = json.loads(out)
    row = Generation.objects.order_by("take").first()
    assert code == 0
    assert [(one["take"], one["state"], one["charged"], one["video"]) for one in found] == [
        (1, "queued", "no", None), (2, "queued", "no", None),
    ]  # fmt: skip
    assert row.created_by == member
    assert row.params["enable_upsample"] is True
    assert row.params["enhance_prompt"] is False
    assert [image["role"] for image in row.params["images"]] == ["First frame", "Last frame"]
    assert row.params["images"][1]["url"] == "https://example.com/last.png"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "nothing"], "no model 'nothing'"),
        (["--model", "apertis-veo3", "--param", "aspect_ratio=4:3"], "16:9 or 9:16"),
        (["--model", "apertis-veo3", "--param", "seed=7"], "It has: aspect_ratio, enhance_prompt, enable_upsample."),
        (["--model", "apertis-veo3", "--param", "aspect_ratio"], "name=value"),
        (["--model", "apertis-veo3", "--takes", "3"], "1, 2 or 4"),
        (["--model", "apertis-veo3", "--image", "first=a.png"], "no image role 'first'"),
        (["--model", "apertis-veo3-pro-frames"], "needs at least 1 image"),
        (["--model", "apertis-veo3-pro-frames", "--image", "1=/no/such/file.png"], "cannot be read"),
        (["--model", "apertis-veo3-pro-frames", "--image", "1=http://10.0.0.1/a.png"], "not on the public internet"),
        (["--model", "apertis-veo3", "--email", "nobody@example.org"], "not a member"),
        (["--model", "apertis-veo3", "--team", "No such team"], "Teams: Harbour film"),
        (["--modle", "apertis-veo3"], "--model"),
    ],
)  # fmt: skip
def test_what_is_refused_before_sending_exits_2_and_says_why(manage, user, plain_key, arguments, words):
    code, out, err = manage("generate", "A boat", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert not Generation.objects.exists()


def test_without_a_key_it_exits_2(manage, user):
    code, _, err = manage("generate", "A boat", "--model", "apertis-veo3")
    assert (code, err.count("Nothing was sent.")) == (2, 1)
    assert "no key for Apertis" in err


def test_a_picture_that_is_none_exits_2(manage, user, plain_key, tmp_path):
    (tmp_path / "a.png").write_bytes(images.SVG)
    code, _, err = manage(
        "generate", "A boat", "--model", "apertis-veo3-pro-frames", "--image", f"1={tmp_path / 'a.png'}"
    )
    assert (code, "a.png is a drawing (SVG)" in err) == (2, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("tag", "code", "state", "words"),
    [("", 0, "done", "Ready"), ("[[fail]]", 3, "failed", "Failed"), ("[[hang]]", 4, "unknown", "Outcome unknown")],
)
def test_waiting_ends_with_the_outcome_in_the_exit_code(manage, user, key, worker, settings, tag, code, state, words):
    settings.SUBMIT_DEADLINE = 0.5
    ended, out, err = manage("generate", f"A boat {QUICK} {tag}", "--model", "apertis-veo3", "--wait", "--json")
    (found,) = json.loads(out)
    assert (ended, found["state"]) == (code, state)
    assert words in err
    assert "Waiting" in err
    assert (found["video"] is not None and Path(found["video"]).stat().st_size > 1000) is (state == "done")


def test_without_a_worker_it_says_how_to_start_one_and_ctrl_c_leaves_the_job(manage, user, plain_key, monkeypatch):
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    own_time(monkeypatch, generate, sleep=sleep)
    code, _, err = manage("generate", "A boat", "--model", "apertis-veo3", "--wait")
    assert code == 130
    assert err.count("No worker is running. Start the studio with: make run") == 1
    assert "stays in the queue" in err
    assert Generation.objects.get().state == State.QUEUED


def test_a_living_worker_is_not_called_dead(manage, user, plain_key, monkeypatch):
    Beacon.objects.create(name="canary", touched_at=timezone.now())
    own_time(monkeypatch, generate, sleep=lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt))
    _, _, err = manage("generate", "A boat", "--model", "apertis-veo3", "--wait")
    assert "No worker" not in err


# --- add_key ---------------------------------------------------------------------------------------------------------------
def add_key(monkeypatch: Any, secret: str, *arguments: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(secret + "\n"))
    call_command("add_key", *arguments)


def test_a_key_is_read_from_standard_input_and_never_said_again(team, monkeypatch, capsys):
    add_key(monkeypatch, "sk-very-secret-1234", "--team", "harbour film", "--provider", "apertis", "--label", "Main")
    key = ProviderKey.objects.get()
    assert (key.secret.open(), key.last4, key.base_url, key.label, key.team) == (
        "sk-very-secret-1234", "1234", "https://api.apertis.ai", "Main", team,
    )  # fmt: skip
    said = capsys.readouterr()
    assert "ending in 1234" in said.out
    assert "very-secret" not in said.out + said.err


@pytest.mark.parametrize(
    ("secret", "arguments", "words"),
    [
        ("short", ("--team", "Harbour film", "--provider", "apertis"), "at least 8"),
        ("sk-12345678", ("--team", "Harbour film", "--provider", "nobody"), "no provider 'nobody'"),
        ("sk-12345678", ("--team", "Nobody", "--provider", "apertis"), "Teams: Harbour film"),
        ("sk-12345678", ("--team", "Harbour film", "--provider", "apertis", "--base-url", "ftp://x"), "base URL"),
    ],
)
def test_a_key_that_cannot_be_stored_is_refused_with_2(team, monkeypatch, secret, arguments, words):
    with pytest.raises(CommandError, match=words) as refused:
        add_key(monkeypatch, secret, *arguments)
    assert refused.value.returncode == 2
    assert not ProviderKey.objects.exists()


def test_a_key_is_replaced_by_its_last_four_characters_and_nothing_is_said_of_either(plain_key, monkeypatch, capsys):
    arguments = ("--team", "Harbour film", "--provider", "apertis", "--replace")
    add_key(monkeypatch, "sk-brand-new-9876", *arguments, "5678")
    found = ProviderKey.objects.get()
    assert (found.pk, found.secret.open(), found.last4) == (plain_key.pk, "sk-brand-new-9876", "9876")
    said = capsys.readouterr()
    assert "brand-new" not in said.out + said.err
    with pytest.raises(CommandError, match="No key of Harbour film for apertis ends in 5678") as refused:
        add_key(monkeypatch, "sk-brand-new-9876", *arguments, "5678")
    assert refused.value.returncode == 2


def test_two_teams_of_one_name_are_told_apart_by_nobody(team, monkeypatch):
    Team.objects.create(name="Harbour film")
    with pytest.raises(CommandError, match="More than one team"):
        add_key(monkeypatch, "sk-12345678", "--team", "Harbour film", "--provider", "apertis")


# --- remixes from a shell ----------------------------------------------------------------------------------------------
def test_a_shell_can_remix_a_finished_shot_and_only_such_a_one(manage, team, user, plain_key):
    done = {"model": "apertis-sora-2-videos", "params": {}, "provider_task_id": "sora-2:1-a", "provider_key": plain_key}
    shot, other = make_shot(team, **done), make_shot(team, provider_key=plain_key)
    remix = ("generate", "In the rain", "--model", "apertis-sora-2-remix")
    assert manage(*remix, "--from", str(shot.pk))[0] == 0
    row = Generation.objects.get(prompt="In the rain")
    assert (row.parent, row.reuse) == (shot, "remix")
    for arguments, words in (
        ((), "Choose the shot to remix"), (("--from", "999999"), "has no shot 999999"),
        (("--from", str(other.pk)), "cannot remake this shot"),
    ):  # fmt: skip
        code, _, err = manage(*remix, *arguments)
        assert (code, words in err, err.count("Nothing was sent")) == (2, True, 1)
    assert Generation.objects.filter(prompt="In the rain").count() == 1


# --- catalogue -------------------------------------------------------------------------------------------------------------
def test_the_catalogue_has_every_model_with_its_limits(manage):
    code, out, _ = manage("catalogue", "--json")
    found = {model["slug"]: model for model in json.loads(out)}
    assert code == 0
    assert set(found) == set(MODELS)
    frames = found["apertis-veo2-fast-frames"]
    assert frames["parameters"][1] | {"help": ""} == {
        "kind": "media", "name": "images", "label": "Frames", "help": "", "required": False, "group": "main", "source": "",
        "roles": ["First frame", "Last frame"], "minimum": 1, "maximum": 2, "by": ["url"],
        "picture": {"most_bytes": 0, "least_side": 0, "ratios": [0, 0]},
    }  # fmt: skip
    assert frames["output"] == {
        "sizes": {"16:9": [1280, 720]}, "by": ["aspect_ratio"], "seconds": 8, "fps": 24, "sound": False,
    }  # fmt: skip


def test_the_catalogue_has_the_models_of_each_providers_document(manage):
    """Those of the OpenAI Videos API are the ones that any host of it may have."""
    _, out, _ = manage("catalogue", "--json")
    assert Counter(model["provider"] for model in json.loads(out)) == {
        "apertis": 15, "aiid": 33, "minimax": 6, "a4f": 7, "openai": 2,
    }  # fmt: skip


def test_the_catalogue_names_every_protocol_of_a_model(manage):
    """Source: Apertis Video API: 15 models; Sora 2 runs on both of its APIs."""
    _, out, _ = manage("catalogue", "--json")
    apertis = [model for model in json.loads(out) if model["provider"] == "apertis"]
    found = {model["remote_name"]: model["protocols"] for model in apertis}
    assert len(apertis) == 15
    assert {"apertis.create_query", "apertis.videos.sora"} <= set(found["sora-2"])
    assert (found["veo_3_1"], found["veo3"]) == (["apertis.videos"], ["apertis.create_query"])
    sora = next(model for model in apertis if model["remote_name"] == "sora-2-pro")
    assert sora["lifecycle"] | {"note": ""} == {
        "status": "retired", "since": "2026-09-24", "note": "", "substitute": "apertis-veo3.1",
    }  # fmt: skip
    assert {way["slug"]: way["needs_source"] for way in sora["ways"]}["apertis-sora-2-pro-remix"] is True


def test_the_catalogue_for_people_is_a_line_a_model(manage):
    _, out, _ = manage("catalogue")
    assert [line.split()[0] for line in out.splitlines()] == list(MODELS)


def test_the_page_of_models_is_up_to_date(manage, settings):
    _, out, _ = manage("catalogue", "--markdown")
    page = settings.BASE_DIR / "docs" / "models.md"
    assert page.read_text() == out, "run: manage.py catalogue --markdown > docs/models.md"
