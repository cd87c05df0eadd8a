"""The queue's own watch: it sends a task through the cluster, and ends a cluster from which none comes back."""

import datetime as dt
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from generations import cluster, tasks
from generations.lifecycle import leases
from generations.models import Beacon, Generation

pytestmark = pytest.mark.django_db
LONG_AGO = 1000.0


class Idle:
    """What the watch asks of a cluster."""

    asked = False


@pytest.fixture
def watch() -> cluster.Watch:
    """A watch that last saw the cluster well long ago, and is due to send."""
    watch = cluster.Watch(Idle(), every=10, stale_after=45)  # type: ignore[arg-type]
    watch.well -= LONG_AGO
    return watch


def is_well(watch: cluster.Watch) -> bool:
    """Whether this look found the cluster well, as the supervisor sees it too."""
    watch.pulse.unlink(missing_ok=True)
    before = watch.well
    watch._look()
    assert watch.pulse.exists() is (watch.well > before)
    return watch.well > before


def unanswered(watch: cluster.Watch) -> None:
    watch._look()
    assert OrmQ.objects.filter(lock__lte=timezone.now()).count() == 1


def test_one_canary_is_sent_and_a_second_only_when_the_first_may_be_lost(watch: cluster.Watch) -> None:
    for _ in range(3):
        assert not is_well(watch)
    assert OrmQ.objects.count() == 1
    watch.sent, watch.answered = watch.sent - 15, watch.answered - 15
    assert not is_well(watch)
    assert OrmQ.objects.count() == 1
    watch.sent, watch.answered = watch.sent - 15, watch.answered - 15
    assert not is_well(watch)
    assert OrmQ.objects.count() == 2


def test_a_canary_that_comes_back_says_that_all_is_well(watch: cluster.Watch) -> None:
    unanswered(watch)
    tasks.canary()
    OrmQ.objects.all().delete()  # as the cluster does when a task has ended
    assert is_well(watch)


def test_a_canary_that_was_run_and_is_not_acknowledged_says_that_something_hangs(watch: cluster.Watch) -> None:
    unanswered(watch)
    for _ in range(3):
        tasks.canary()
        assert not is_well(watch)
    tasks.hint("watchdog")  # another message that waits says nothing
    OrmQ.objects.filter(pk=watch.message).delete()
    assert is_well(watch)


def test_a_canary_that_went_through_before_one_could_look_counts(watch: cluster.Watch, monkeypatch: Any) -> None:
    monkeypatch.setattr(tasks, "hint", lambda name: tasks.canary())
    assert is_well(watch)
    assert watch.message == 0


def test_a_canary_from_before_says_nothing(watch: cluster.Watch) -> None:
    tasks.canary()
    unanswered(watch)
    assert not is_well(watch)


def test_while_the_database_is_away_the_cluster_is_not_to_blame(watch: cluster.Watch) -> None:
    def gone(execute: Any, *args: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(gone):
        assert is_well(watch)


@pytest.fixture
def shot(user: Any, team: Any, key: Any) -> Callable[[str], Generation]:
    """`shot(owner)`: a shot that this process has leased."""

    def make(owner: str) -> Generation:
        return Generation.objects.create(
            team=team, created_by=user, provider_key=key, form_token=f"token {Generation.objects.count()}",
            lease_owner=owner, lease_until=timezone.now() + dt.timedelta(seconds=60), due_at=timezone.now(),
        )  # fmt: skip

    return make


def living() -> list[str]:
    """Names of as many living processes as there are workers, as a lease spells them."""
    host = leases.me().partition(":")[0]
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[: Conf.WORKERS]
    return [f"{host}:{pid}:{leases.start_of(pid)}" for pid in pids]


def test_a_cluster_whose_workers_are_all_at_work_is_slow_and_not_stuck(watch: cluster.Watch, shot: Any) -> None:
    *most, last = living()
    unanswered(watch)
    for owner in most:
        shot(owner)
    assert not is_well(watch)
    shot(last)
    assert is_well(watch)


@pytest.mark.parametrize(
    "owner",
    ["elsewhere:1:1", f"{leases.me().partition(':')[0]}:1:0", ""],
    ids=["on another machine", "dead", "nobody"],
)
def test_only_living_processes_of_this_machine_count_as_working(shot: Any, owner: str) -> None:
    shot(owner)
    assert cluster.working() == set()


def test_the_engine_counts_as_working_while_it_holds_its_lease() -> None:
    until = timezone.now() + dt.timedelta(seconds=10)
    Beacon.objects.update_or_create(name="engine", defaults={"owner": leases.me(), "until": until})
    assert cluster.working() == {leases.me()}
    Beacon.objects.update(until=timezone.now())
    assert cluster.working() == set()


# --- before the start ---------------------------------------------------------------------------------------------------
def test_a_start_hands_out_again_what_a_dead_cluster_had_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CLUSTER_PID", str(os.getpid()))
    taken = OrmQ.objects.create(key="studio", payload="x", lock=timezone.now() + dt.timedelta(minutes=15))
    cluster.prepare(release_locks=False)
    taken.refresh_from_db()
    assert taken.lock > timezone.now()
    cluster.prepare(release_locks=True)
    taken.refresh_from_db()
    assert taken.lock <= timezone.now()


def test_every_start_recovers_at_once_and_keeps_one_watchdog_a_minute() -> None:
    for _ in range(2):
        cluster.prepare(release_locks=True)
    schedule = Schedule.objects.get(name="watchdog")
    assert (schedule.func, schedule.minutes, schedule.repeats) == ("generations.tasks.watchdog", 1, -1)
    assert [message.func() for message in OrmQ.objects.all()] == ["generations.tasks.watchdog"] * 2


def test_a_start_forgets_the_stop_flags_of_the_dead_and_of_its_own_number_only(settings: Any) -> None:
    flags = {number: settings.RUN / f"stop-{number}" for number in (os.getpid(), os.getppid(), 2**22 + 1)}
    for flag in flags.values():
        flag.touch()
    cluster.prepare(release_locks=True)
    assert [number for number, flag in flags.items() if flag.exists()] == [os.getppid()]
