"""Yesterday's backup is put back (fault 30): what waits in it is not sent again before a person has looked."""

import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from generations import cluster, keys, lifecycle
from generations.lifecycle import epoch, waiting
from generations.models import Beacon, Character, Generation, ProviderKey
from tests.faults import studios
from tests.stack import running_stack, until

Start = Callable[..., Generation]


@pytest.fixture
def sent(db: None, start: Start, drive: Start) -> Generation:
    """A shot that was sent, paid and saved after a regular start."""
    assert epoch.check() == ""
    row = drive(start())
    assert row.state == "done"
    return row


def put_back(row: Generation) -> None:
    """The backup was made while this shot waited: this is what the restored database says."""
    Generation.objects.filter(pk=row.pk).update(
        state="queued", provider_task_id=None, charged="no", result_url="", submit_tries=0
    )
    row.attempts.all().delete()


def bills(sandbox: Any, row: Generation) -> int:
    return len(sandbox.ledger(contains=row.prompt.split()[-1]))


def test_an_older_database_is_noticed_and_sends_nothing_until_a_person_has_looked(
    sent: Generation, sandbox: Any, key: ProviderKey, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    put_back(sent)
    cluster.prepare(release_locks=True)
    assert "older than the work" in caplog.text
    for _ in range(3):
        assert lifecycle.submit(sent.pk) is False
        lifecycle.sweep()
    sent.refresh_from_db()
    key.refresh_from_db()
    assert (sent.state, bills(sandbox, sent), key.state) == ("queued", 1, ProviderKey.PAUSED)
    words = waiting.why(Generation.objects.select_related("provider_key").get(pk=sent.pk)).words
    assert "may have been sent and paid since" in words
    lifecycle.cancel(sent, user)
    keys.resume(key)
    assert epoch.check() == "", "what was looked at is not held against the next start"
    key.refresh_from_db()
    assert (key.state, bills(sandbox, sent)) == (ProviderKey.ACTIVE, 1)


def test_who_is_killed_while_the_keys_are_being_rested_finds_the_same_at_the_next_start(
    sent: Generation, key: ProviderKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back(sent)
    with monkeypatch.context() as dying:
        dying.setattr(keys, "pause_by_id", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            epoch.check()
    assert epoch.check() == epoch.WHY


def test_a_shot_that_the_backup_shows_on_its_way_is_a_doubt_and_not_sent(
    sent: Generation, sandbox: Any, key: ProviderKey
) -> None:
    """The backup was made after the last intent was written: no number is missing, and its escrow file is gone."""
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Generation.objects.filter(pk=sent.pk).update(
        state="submitting", provider_task_id=None, lease_owner="elsewhere:1:1", lease_token="t", lease_until=long_ago
    )
    sent.attempts.update(state="intent", provider_task_id="")
    cluster.prepare(release_locks=True)
    lifecycle.sweep()
    sent.refresh_from_db()
    assert (sent.state, sent.charged, bills(sandbox, sent)) == ("unknown", "unknown", 1)


def test_an_older_database_in_which_nothing_waits_holds_up_nobody(sent: Generation, key: ProviderKey) -> None:
    sent.attempts.all().delete()
    assert epoch.check() == ""
    key.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE


# --- orders for characters --------------------------------------------------------------------------------------------------
@pytest.fixture
def ordered(db: None, team: Team, user: User, key: ProviderKey) -> Character:
    """A character that was ordered, paid and made after a regular start."""
    assert epoch.check() == ""
    row = lifecycle.cast(team=team, user=user, token="t" * 16, url="https://example.com/restored.mp4", span="1,3")
    assert lifecycle.make_character(row.pk)
    row.refresh_from_db()
    assert row.state == Character.READY
    return row


def put_order_back(row: Character, state: str = Character.WAITING) -> None:
    """The backup was made while this order waited, before any other one."""
    Character.objects.filter(pk=row.pk).update(
        state=state, remote_id="", username="", picture_url="", escrow="", sent_at=None
    )
    Beacon.objects.filter(name=epoch.ORDERS).delete()


def test_an_older_database_is_noticed_by_an_order_for_a_character_and_it_is_not_paid_twice(
    ordered: Character, sandbox: Any, key: ProviderKey
) -> None:
    before = len(sandbox.ledger(contains=ordered.source_url))
    put_order_back(ordered)
    assert epoch.check() == epoch.WHY
    assert lifecycle.characters_due() == []
    lifecycle.make_character(ordered.pk)
    ordered = Character.objects.get(pk=ordered.pk)
    assert (ordered.state, len(sandbox.ledger(contains=ordered.source_url))) == (Character.WAITING, before)
    assert "characters that wait here may have been sent and paid since" in ordered.words
    lifecycle.cancel_cast(ordered)
    keys.resume(key)
    assert epoch.check() == "", "what was looked at is not held against the next start"
    ordered.refresh_from_db()
    assert (ordered.state, ordered.message) == (Character.FAILED, "Cancelled by a person.")
    assert lifecycle.characters_due() == []


@pytest.mark.parametrize("state", [Character.WAITING, Character.MAKING])
def test_the_key_of_an_order_rests_when_only_the_shots_tell_that_the_database_is_older(
    state: str, sent: Generation, ordered: Character, key: ProviderKey
) -> None:
    put_order_back(ordered, state)
    sent.attempts.all().delete()
    (epoch._path(epoch.ORDERS)).unlink()
    assert epoch.check() == epoch.WHY
    key.refresh_from_db()
    assert key.state == ProviderKey.PAUSED


def test_orders_hold_up_nobody_without_a_reason(ordered: Character, key: ProviderKey) -> None:
    put_order_back(ordered)
    epoch._path(epoch.ORDERS).unlink()  # as after an earlier version, which counted none
    for _ in range(2):
        assert epoch.check() == ""
    lifecycle.make_character(ordered.pk)
    assert epoch.check() == ""
    key.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE


def test_an_order_that_is_sent_again_counts_again_and_a_shot_does_not(
    ordered: Character, start: Start, key: ProviderKey
) -> None:
    assert epoch._read(epoch.ORDERS)[1] == 1
    Character.objects.update(state=Character.WAITING)
    lifecycle.make_character(ordered.pk)
    lifecycle.submit(start().pk)
    assert epoch._read(epoch.ORDERS) == (Beacon.objects.get(name=epoch.NAME).owner, 2)


@pytest.mark.parametrize("words", ["Shots that wait here may have been sent.", ""])
def test_a_key_that_an_earlier_version_let_rest_is_as_doubtful(words: str) -> None:
    for sentence in (epoch.OLDER, epoch.BACKUP):
        assert epoch.is_doubtful(ProviderKey(state=ProviderKey.PAUSED, paused_reason=f"{sentence} {words}"))
    assert not epoch.is_doubtful(ProviderKey(state=ProviderKey.PAUSED, paused_reason=words))


@pytest.mark.parametrize(
    "what",
    ["the same again", "a run folder that was deleted", "a folder that was moved", "a file that was damaged",
     "requests of an earlier version"],
)  # fmt: skip
def test_nobody_is_held_up_without_a_reason(
    what: str, sent: Generation, start: Start, key: ProviderKey, settings: Any, tmp_path: Path
) -> None:
    start()
    if what == "a run folder that was deleted":
        shutil.rmtree(settings.RUN)
    elif what == "a folder that was moved":
        settings.RUN = Path(shutil.copytree(settings.RUN, tmp_path / "elsewhere"))
    elif what == "a file that was damaged":
        (settings.RUN / "epoch").write_bytes(b"\xff\x00" * 20)
    elif what == "requests of an earlier version":
        (settings.RUN / "epoch").unlink()
        Beacon.objects.filter(name=epoch.NAME).delete()
    for _ in range(2):
        assert epoch.check() == ""
    key.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE


def test_a_fresh_studio_holds_up_nobody(start: Start, key: ProviderKey) -> None:
    start()
    assert epoch.check() == ""
    key.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE


def test_another_database_in_the_same_folder_is_as_strange_as_an_old_one(sent: Generation, start: Start) -> None:
    start()
    Beacon.objects.filter(name=epoch.NAME).update(owner="0" * 32)
    assert epoch.check() == epoch.WHY


def test_the_number_only_grows_and_survives_a_run_folder_that_is_deleted_meanwhile(
    sent: Generation, start: Start, settings: Any
) -> None:
    number = epoch._read()[1]
    epoch.note(type(sent.attempts.get())(pk=number - 1))
    assert epoch._read()[1] == number
    shutil.rmtree(settings.RUN)
    lifecycle.submit(start().pk)
    assert epoch._read() == (Beacon.objects.get(name=epoch.NAME).owner, number + 1)


def test_a_disk_that_refuses_the_number_stops_no_request(start: Start, settings: Any, drive: Start) -> None:
    shutil.rmtree(settings.RUN)
    settings.RUN.write_text("not a folder")
    assert drive(start(), "submitted").state == "submitted"


@pytest.mark.long
@pytest.mark.processes
def test_a_whole_studio_notices_its_old_database(tmp_path: Path) -> None:
    """Press, back up while it waits, let it be made, stop, put the backup back, start."""
    database, backup = tmp_path / "studio.sqlite3", tmp_path / "backup.sqlite3"

    def rest(value: str) -> None:
        with closing(sqlite3.connect(database, timeout=20)) as file, file:
            file.execute("UPDATE generations_providerkey SET state = ?", (value,))

    with running_stack(tmp_path, STUDIO_SANDBOX="on") as studio:
        studio.wait_until_ready()
        person = studios.Person(studio)
        studios.ended(studio, person.press_until_taken("Before the backup [[seconds=0]]"))
        rest("paused")
        token = person.press_until_taken("While the backup is made [[seconds=0]]")
        with closing(sqlite3.connect(database, timeout=20)) as file:
            file.execute("VACUUM INTO ?", (str(backup),))
        rest("active")
        assert studios.ended(studio, token).state == "done"
        studio.stop()
    for old in tmp_path.glob("studio.sqlite3*"):
        old.unlink()
    backup.rename(database)
    rest("active")
    with running_stack(tmp_path, STUDIO_SANDBOX="on") as studio:
        studio.wait_until_ready()
        until(lambda: "older than the work" in studio.log, 30, lambda: f"the words in the log\n{studio.log}")
        assert studios.row(studio, token).state == "queued"
        assert studios.query(
            studio, "SELECT DISTINCT state FROM generations_providerkey WHERE paused_reason <> ''"
        ) == [("paused",)]
        assert len(studio.sandbox.ledger(contains=token)) == 1
        studio.stop()
