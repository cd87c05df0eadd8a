"""The queue's own watch: it sends a task through the cluster, and ends a cluster from which none comes back."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from generations import cluster, tasks
from generations.lifecycle import leases
from generations.lifecycle.escrow import Escrow
from generations.models import Beacon, Generation
from generations.supervisor import signs, tether

from .clock import Clocks

pytestmark = pytest.mark.django_db
LONG_AGO = 1000.0


class Idle:
    """What the watch asks of a cluster."""

    asked = False


@pytest.fixture
def watch() -> cluster.Watch:
    """A watch that is due to send."""
    return cluster.Watch(Idle(), every=10, stale_after=45)  # type: ignore[arg-type]


def is_well(watch: cluster.Watch) -> bool:
    """Whether this look found the cluster well, as the supervisor sees it too."""
    watch.pulse.unlink(missing_ok=True)
    watch.silence.seconds = LONG_AGO
    watch._look()
    assert watch.pulse.exists() is (watch.silence.seconds == 0)
    return watch.silence.seconds == 0


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


# --- clocks and paid requests -------------------------------------------------------------------------------------------
class Ended(Exception):
    """The group was killed."""


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    def end_group() -> None:
        raise Ended

    monkeypatch.setattr(tether, "leads_group", lambda: True)
    monkeypatch.setattr(tether, "end_group", end_group)
    monkeypatch.setattr(cluster, "close_old_connections", lambda: None)  # this test's own
    monkeypatch.setenv("STUDIO_CLUSTER_PID", str(os.getpid()))
    return Clocks(monkeypatch, cluster, signs)


@pytest.fixture
def rounds(watch: cluster.Watch, clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> Callable[..., float]:
    """`rounds(most, each)`: the watch looks `most` times, with `each()` as what it sees. Gives the seconds until it ended
    the cluster, or raises TimeoutError when it did not.
    """

    def run(most: int, each: Callable[[], None]) -> float:
        left = iter(range(most))

        def look() -> None:
            if next(left, None) is None:
                raise TimeoutError
            each()

        monkeypatch.setattr(watch, "_look", look)
        begun = clocks.steady
        with pytest.raises(Ended):
            watch.run()
        return clocks.steady - begun

    return run


def paid(clocks: Clocks, monkeypatch: pytest.MonkeyPatch, seconds: float) -> Path:
    """The sign of a paid request that is out for so long: touched every half second of the cluster's own waiting."""
    sign, end = Path(cluster.settings.RUN, "paid-abc"), clocks.steady + seconds
    pass_by = clocks.pass_by

    def beat(pause: float) -> None:
        pass_by(pause)
        if clocks.steady < end:
            clocks.touch(sign)
        else:
            sign.unlink(missing_ok=True)

    monkeypatch.setattr(cluster.time, "sleep", beat)
    clocks.touch(sign)
    return sign


def test_a_queue_from_which_nothing_comes_back_is_ended_in_the_promised_time(rounds: Any) -> None:
    assert rounds(100, lambda: None) == pytest.approx(45, abs=2)


@pytest.mark.parametrize("step", [60.0, 7200.0, -7200.0])
def test_a_clock_that_jumps_ends_no_queue(step: float, clocks: Clocks, rounds: Any) -> None:
    clocks.pass_by(5)
    clocks.jump(step)
    with pytest.raises(TimeoutError):
        rounds(30, lambda: None)


def test_a_machine_that_slept_ends_no_queue_and_a_hanging_one_is_ended_all_the_same(
    clocks: Clocks, rounds: Any
) -> None:
    """Also where the steady clock goes on meanwhile, as it does in some virtual machines."""
    naps = iter([0.0] * 5 + [180.0] * 2)
    with pytest.raises(TimeoutError):
        rounds(30, lambda: clocks.pass_by(next(naps, 0.0)))
    assert rounds(100, lambda: None) < 46


def test_a_canary_comes_back_also_when_the_clock_was_set_back(watch: cluster.Watch, monkeypatch: Any) -> None:
    tasks.canary()
    unanswered(watch)
    hour_ago = timezone.now() - dt.timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: hour_ago)
    tasks.canary()
    OrmQ.objects.all().delete()
    assert is_well(watch)


def test_a_queue_that_hangs_waits_for_a_paid_answer_that_cannot_be_had_again(
    clocks: Clocks, rounds: Any, monkeypatch: Any, caplog: Any
) -> None:
    """Also when no lease says so any more, because it looked over after a jump of the clock."""
    paid(clocks, monkeypatch, seconds=300)
    assert rounds(400, lambda: None) == pytest.approx(300, abs=2)
    assert caplog.text.count("whose answer cannot be had again") == 1
    assert cluster.stop_flag().exists(), "nothing new is begun meanwhile"
    assert cluster.pulse().exists(), "the supervisor does not take it for dead meanwhile"


def test_the_wait_for_a_paid_answer_ends_some_time(
    clocks: Clocks, rounds: Any, monkeypatch: Any, settings: Any
) -> None:
    settings.SYNC_DEADLINE = 100
    paid(clocks, monkeypatch, seconds=10_000)
    assert rounds(400, lambda: None) == pytest.approx(45 + 100 + 45, abs=20)


def test_a_sign_that_nobody_touches_any_more_holds_up_a_restart_for_a_moment_only(clocks: Clocks, rounds: Any) -> None:
    clocks.touch(Path(cluster.settings.RUN, "paid-abc"))
    assert rounds(100, lambda: None) <= 45 + signs.FRESH + 2


def test_a_request_that_is_out_counts_as_work_whatever_its_lease_says() -> None:
    """After a jump of the clock every lease looks over."""
    waiting = Escrow.allocate()
    assert not cluster._somebody_works()
    with waiting.in_hand():
        assert cluster._somebody_works()
    assert not cluster._somebody_works()


def test_a_kick_gets_through_although_the_clock_was_set_back(monkeypatch: Any) -> None:
    assert [tasks._first_in(seconds=4) for _ in range(2)] == [True, False]
    Beacon.objects.filter(name="kick").update(touched_at=timezone.now() + dt.timedelta(hours=1))
    assert [tasks._first_in(seconds=4) for _ in range(2)] == [True, False]


def test_a_stop_that_hangs_waits_for_a_paid_answer_too(watch: cluster.Watch, clocks: Clocks, monkeypatch: Any) -> None:
    paid(clocks, monkeypatch, seconds=300)
    begun = clocks.steady
    with pytest.raises(Ended):
        watch._end_a_stop_that_hangs()
    assert clocks.steady - begun == pytest.approx(300 + cluster.IDLE_STOP, abs=2)


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
