"""The queue's processes: a django-q2 cluster that stops when it is told to, and notices when it hangs.

Source: reliability notes 2.1. The stock cluster deadlocks on a second signal and hangs for good, looking alive, when an
idle worker dies while it holds the queue's lock.
"""

import datetime as dt
import logging
import math
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from pathlib import Path

import cryptography.fernet  # noqa: F401  (every worker opens keys: loaded once, before the fork, for all)
from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models import Max
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from . import memory, tasks
from .lifecycle import epoch, leases
from .lifecycle.escrow import Escrow
from .lifecycle.heartbeat import SIGN
from .lifecycle.moves import AWAY
from .models import Beacon, Generation
from .supervisor import tether
from .supervisor.signs import Paid, Silence

log = logging.getLogger(__name__)
KICK = 5.0  # seconds: how long a job whose loop died waits at most, beside the lease of 10 s
ORPHANS = 20.0  # seconds that workers get whose parent was killed
IDLE_STOP = 8.0  # seconds that a stop may take in which nobody works any more
RESEND = 2  # canaries' intervals without an answer until another is sent; a worker may have died with the first


def pulse() -> Path:
    """Touched by the cluster's main process while all is well; the supervisor looks at its time."""
    return Path(settings.RUN, "pulse")


def stop_flag() -> Path:
    """While this file exists, the engine of this cluster finishes what is on the wire and begins nothing new."""
    return Path(settings.RUN, f"stop-{os.environ['STUDIO_CLUSTER_PID']}")


class SafeCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """Stops once, however many signals arrive."""

    def __init__(self) -> None:
        self.asked = False
        super().__init__()

    def sig_handler(self, signum: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.asked = True
        stop_flag().touch()
        if self.sentinel is not None and self.sentinel.pid:
            self.stop()

    def run(self) -> bool:
        """Until it is stopped (True) or its sentinel dies (False). Call `start` before."""
        if self.asked:  # by a signal that came before there was anything to stop
            self.stop()
        # Its workers inherit the pipe that would tell of its death, so as long as one of them lives only asking helps.
        while not wait([self.sentinel.sentinel], timeout=1.0) and self.sentinel.is_alive():
            pass
        if not self.asked:
            log.critical("The queue lost its guard. It ends itself and is started again; no shot is lost.")
            finish_what_was_sent(ORPHANS)
        return self.asked


def prepare(*, release_locks: bool) -> None:
    """Before the cluster starts: an old database is noticed; flags of the dead, what dead workers left, the watchdog.

    `release_locks`: hand out again what an earlier cluster had taken. Doubling a message costs nothing (every verb
    claims its row first); waiting for django-q's own `retry` costs 15 minutes.
    """
    settings.RUN.mkdir(parents=True, exist_ok=True)
    if words := epoch.check():
        log.critical("%s", words)
    for flag in Path(settings.RUN).glob("stop-*"):
        pid = flag.name.removeprefix("stop-")
        if pid == str(os.getpid()) or not leases.start_of(int(pid)):
            flag.unlink(missing_ok=True)
    for sign in Path(settings.RUN).glob(f"{SIGN}*"):  # of requests whose process was killed
        if time.time() - sign.stat().st_mtime > 60:
            sign.unlink(missing_ok=True)
    if release_locks:
        OrmQ.objects.filter(lock__gt=timezone.now()).update(lock=timezone.now())
    defaults = {"func": "generations.tasks.watchdog", "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1}
    Schedule.objects.update_or_create(name="watchdog", defaults=defaults)
    tasks.hint("watchdog")


def keep_connections() -> None:
    """Every process and thread of the cluster keeps its connection: the first query of a new one reads the whole schema.

    Not for the web: there each request has a thread of its own, so nobody would find the connection again.
    """
    for alias in connections:
        connections.settings[alias].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)


class Watch(threading.Thread):
    """Sends a task through the whole cluster every `every` seconds and ends the cluster when none comes back.

    It has come back when it was run and its message acknowledged: a helper that only acknowledges can hang alone, and then
    every message would be handed out once more a quarter of an hour later.
    Lives in the cluster's main process, which does nothing else, so it needs no memory of its own. `pulse` is touched
    whenever the cluster is known to be well; the supervisor looks at its time.
    """

    def __init__(self, cluster: SafeCluster, *, every: float, stale_after: float) -> None:
        super().__init__(name="watch", daemon=True)
        self.cluster = cluster
        self.every = every
        self.stale_after = stale_after
        self.pulse = pulse()
        self.sent = -math.inf  # this and the next two are moments of time.monotonic()
        self.answered = self.kicked = time.monotonic()
        self.silence = Silence()  # since the cluster was last known to be well
        self.before: dt.datetime | None = None  # the beacon's time when the canary was sent
        self.message = 0  # the canary's, in the queue's table; 0 when it went through before we could look
        self.away = False  # the database, when it was last asked

    def run(self) -> None:
        while not self.cluster.asked:
            self._look()
            close_old_connections()
            if self.silence.look() > self.stale_after and not self.cluster.asked:
                self._end_cluster()
            time.sleep(min(1.0, self.every))
        self._end_a_stop_that_hangs()

    def _end_a_stop_that_hangs(self) -> None:
        """A helper that died a moment before may have a lock in its hand for which the stop waits. Not while anybody works."""
        quiet, paid = Silence(), Paid(settings.RUN)
        while tether.leads_group():
            try:
                if paid.is_out() or Escrow.any_in_hand() or working():
                    quiet.end()
            except AWAY:
                quiet.end()  # nobody can say, so the supervisor's own patience decides
            close_old_connections()
            if quiet.look() > IDLE_STOP:
                log.warning("The queue has nothing left to do and did not stop. It ends itself.")
                tether.end_group()
            time.sleep(0.5)

    def _look(self) -> None:
        try:
            self._send_and_read()
            self.away = False
        except AWAY:
            if not self.away:
                log.warning("The database does not answer. Work goes on when it is back; no shot is lost.")
            self.away = True
            self.is_well()  # not the cluster's fault, and killing it would not help

    def _send_and_read(self) -> None:
        moment = time.monotonic()
        if moment - self.kicked >= min(KICK, self.every):
            self.kicked = moment
            tasks.kick()
        pause = self.every if self.answered >= self.sent else self.every * RESEND
        if moment - self.sent >= pause:
            self.before, self.sent = last_canary(), moment
            self.message = send_canary()
        if self.answered < self.sent:
            if last_canary() != self.before:  # not whether it is later: the clock may have been set back meanwhile
                if not OrmQ.objects.filter(pk=self.message).exists():
                    self.answered = moment
                    self.is_well()
            elif len(working()) >= Conf.WORKERS:
                self.is_well()  # all hands are busy with long downloads: slow, and nothing to repair

    def is_well(self) -> None:
        self.silence.end()
        self.pulse.touch()

    def _end_cluster(self) -> None:
        """Kill the whole group: a dead main process alone would leave workers that go on working unseen."""
        silent = self.silence.seconds
        if not tether.leads_group():
            log.critical("The queue is stuck: no task got through for %.0f s. Restart it; its shots go on.", silent)
            self.silence.end()
            return
        log.critical(
            "The queue is stuck: no task got through for %.0f s. It ends itself after what was sent; its shots go on.",
            silent,
        )
        finish_what_was_sent(self.stale_after)
        tether.end_group()


def send_canary() -> int:
    """The number of its message in the queue's table; 0 when that is gone already."""
    before = OrmQ.objects.aggregate(last=Max("pk"))["last"] or 0
    tasks.hint("canary")
    later = OrmQ.objects.filter(pk__gt=before).order_by("pk")
    return next((message.pk for message in later if message.func() == "generations.tasks.canary"), 0)


def last_canary() -> dt.datetime | None:
    """When one last came through the cluster, by the clock of the process that ran it."""
    return Beacon.objects.filter(name="canary").values_list("touched_at", flat=True).first()


def finish_what_was_sent(seconds: float) -> None:
    """Let the workers end their work, before they are killed: a request that costs money may be on its way.

    For an answer that cannot be had again they get as long as such a request may take, and then `seconds` to settle it. The
    pulse goes on meanwhile, because this process is well.
    """
    stop_flag().touch()
    paid, over, whole = Paid(settings.RUN), Silence(), Silence()
    told = False
    while over.look() < seconds:
        if paid.is_out() and whole.look() < settings.SYNC_DEADLINE + seconds:
            told = told or _say_that_it_waits()
            over.end()
            pulse().touch()
            stop_flag().touch()  # a supervisor that had given us up takes it away when the pulse goes on
        elif not _somebody_works():
            return
        time.sleep(0.5)


def _say_that_it_waits() -> bool:
    log.warning("A paid request is out whose answer cannot be had again. It is waited for, which can take minutes.")
    return True


def _somebody_works() -> bool:
    """By the leases, and by the files of requests that are out: leases look over after the clock has jumped."""
    try:
        return Escrow.any_in_hand() or bool(working())
    except AWAY:
        return False


def working() -> set[str]:
    """The living processes of this machine that hold a lease, by their name in the lease."""
    moment = timezone.now()
    owners = {*Generation.objects.filter(lease_until__gt=moment).values_list("lease_owner", flat=True)}
    owners |= {*Beacon.objects.filter(name="engine", until__gt=moment).values_list("owner", flat=True)}
    host = leases.me().partition(":")[0]
    return {owner for owner in owners if owner.startswith(f"{host}:") and not leases.is_dead(owner)}


def run(*, grace: float | None, every: float, stale_after: float) -> bool:
    """The whole life of the cluster. `grace`: seconds to stop in when the supervisor dies; None when there is none."""
    os.environ["STUDIO_CLUSTER_PID"] = str(os.getpid())  # the workers inherit it
    cluster = SafeCluster()
    keep_connections()
    try:
        prepare(release_locks=grace is not None)
        connections.close_all()  # a connection must not be shared by a fork
        memory.keep_what_is_loaded()
        cluster.start()
        if grace is not None:  # threads only after the fork
            tether.hold(grace)
        Watch(cluster, every=every, stale_after=stale_after).start()
        return cluster.run()
    finally:
        stop_flag().unlink(missing_ok=True)
