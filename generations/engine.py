"""The loop that drives all jobs: one at a time in the whole installation, by a lease in the database.

Submits and polls run in threads of this process (they wait for the network, not for the processor); archiving is handed
to the cluster's other workers as tasks. All state is in the rows, so the loop may die at any line.
The loop's own thread writes before and after: what several requests need is one commit, so that a hundred presses at once
are sent in two seconds and the pages do not wait for the write lock.
Threads and not asyncio: httpx's synchronous client made three times as many polls a processor second, and the
outbound checks exist once.
"""

import datetime as dt
import logging
import os
import time
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from . import agenda, lifecycle
from .hints import Hint, hand_out
from .lifecycle.leases import is_dead, me
from .lifecycle.moves import AWAY, now
from .lifecycle.news import News
from .lifecycle.polling import Answer
from .lifecycle.turns import STREAMS_IN_ALL
from .models import Beacon, Generation
from .providers import http
from .providers.base import Unreachable
from .rounds import begun, bring_home, settled_one
from .states import IN_FLIGHT
from .threads import deliver, in_own_thread, in_thread

log = logging.getLogger(__name__)
LEASE = dt.timedelta(seconds=10)
TICK = 0.15  # seconds between two looks at the database, less when something is due sooner or an answer came back
SHORTEST = 0.03  # but answers are collected for a moment, so that they share one sync to disk
PROBE = 1.0
SWEEP = 5.0
LINGER = 3.0  # stay a little when nothing is left: the next job then starts at once
MOST_SUBMITS = 24  # on the wire at a time
MOST_POLLS = 16


def lease_is_free() -> bool:
    row = Beacon.objects.filter(name="engine").first()
    return row is None or row.until is None or row.until < now() or is_dead(row.owner)


class Engine:
    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        self.owner = me()
        self.submits: dict[int, Future[lifecycle.Sending]] = {}
        self.streams: dict[int, Future[bool]] = {}  # submits that take minutes, in threads of their own
        self.probes: dict[int, Future[bool]] = {}
        self.polls: dict[int, tuple[Generation, Future[Answer]]] = {}
        self.lookups: dict[int, Future[bool]] = {}  # by key: its provider's list is read
        self.characters: dict[int, Future[bool]] = {}
        self.clients: dict[int, httpx.Client] = {}
        self.connections: list[BaseDatabaseWrapper] = []  # of the threads, which keep theirs until the end
        self.submit_pool = ThreadPoolExecutor(MOST_SUBMITS, thread_name_prefix="submit", initializer=self._begin_thread)
        self.pool = ThreadPoolExecutor(MOST_POLLS, thread_name_prefix="engine", initializer=self._begin_thread)
        self.stream_pool = ThreadPoolExecutor(STREAMS_IN_ALL, thread_name_prefix="stream")
        self.news = News()
        self.swept = self.probed = 0.0
        self.agenda = agenda.NOTHING
        self.busy = self.renewed = time.monotonic()

    def run(self, seconds: float) -> None:
        """Work until nothing is left, the time is over, the cluster stops, or the lease is lost.

        While requests are out that take minutes it goes on for longer: else every loop of the last minutes would still
        wait for its own, each in a worker of the cluster.
        """
        if not self._acquire():
            return
        end = self.busy + seconds
        latest = end + settings.SYNC_DEADLINE
        try:
            while time.monotonic() < (latest if self.streams else end) and not _stopping():
                try:
                    if not self._still_ours() or self._is_idle():
                        return
                    self._rest()
                except AWAY:  # locked or restarting; every row is still due afterwards
                    log.warning("the database did not answer, trying again", exc_info=True)
                    connection.close_if_unusable_or_obsolete()
                    time.sleep(1)
        finally:
            self._finish()

    def _still_ours(self) -> bool:
        """Renew the lease every 3 s, look for tests and characters every second, recover what dead workers left every 5 s."""
        moment = time.monotonic()
        if moment - self.renewed > 3:
            self.renewed = moment
            if not self._acquire():
                return False
        if moment - self.probed > PROBE:
            self.probed = moment
            self.news.tell({})
            self._probe_due()
            self._cast_due()
        if moment - self.swept > SWEEP:
            self.swept = moment
            lifecycle.sweep()
            self._look_up_due()
        return True

    def _is_idle(self) -> bool:
        """One round: collect what came back, hand out what is due. True when there has been nothing to do for a while."""
        self._collect()
        found = self.agenda = agenda.look()
        if found.is_due(found.send):
            self._submit_due()
        if found.is_due(found.ask):
            self._poll_due()
        if found.is_due(found.save) or found.is_due(found.draw):
            hand_out(self.hint)
        flying = self.submits or self.streams or self.probes or self.polls or self.lookups or self.characters
        if flying or found.left or agenda.others_wait():
            self.busy = time.monotonic()
        return time.monotonic() - self.busy > LINGER

    def _rest(self) -> None:
        time.sleep(SHORTEST)
        waited = (self.submits, self.streams, self.probes, self.characters)
        flying: list[Future[Any]] = [future for sent in waited for future in sent.values()]
        flying += [future for _, future in self.polls.values()]
        pause = min(TICK, TICK if self.agenda.pause is None else self.agenda.pause)
        if flying:
            wait(flying, timeout=pause, return_when=FIRST_COMPLETED)
        else:
            time.sleep(pause)

    def _submit_due(self) -> None:
        for sending in begun(lifecycle.next_to_send(self.submits, MOST_SUBMITS - len(self.submits))):
            self.submits[sending.attempt.generation_id] = self.submit_pool.submit(deliver, sending)
        for pk in lifecycle.next_to_send(self.streams, STREAMS_IN_ALL - len(self.streams), streamed=True):
            self.streams[pk] = self.stream_pool.submit(in_own_thread, lifecycle.submit, pk)

    def _cast_due(self) -> None:
        for pk in lifecycle.characters_due():
            if pk not in self.characters:
                self.characters[pk] = self.pool.submit(in_thread, lifecycle.make_character, pk)

    def _probe_due(self) -> None:
        for pk in lifecycle.probes_due():
            if pk not in self.probes:
                self.probes[pk] = self.pool.submit(in_thread, lifecycle.probe, pk)

    def _poll_due(self) -> None:
        room = MOST_POLLS - len(self.polls)
        if room <= 0:
            return
        due = Generation.objects.filter(agenda.ASKABLE, agenda.FREE, due_at__lte=now())
        silent = lifecycle.silent_keys()
        if silent:
            self._doubt_overdue(due.filter(provider_key__in=silent))
            due = due.exclude(provider_key__in=silent)
        for row in due.exclude(pk__in=self.polls).select_related("provider_key").order_by("due_at")[:room]:
            asked = lifecycle.question(row)
            if isinstance(asked, str):
                lifecycle.put_aside(row, asked)
            else:
                self.polls[row.pk] = (row, self.pool.submit(lifecycle.ask, asked, self._client(row.provider_key_id)))

    def _doubt_overdue(self, due: QuerySet[Generation]) -> None:
        """Nothing is asked with these keys for now, but no deadline waits for that."""
        for row in due.filter(state__in=IN_FLIGHT, deadline_at__lt=now()).select_related("provider_key")[:MOST_POLLS]:
            with transaction.atomic():
                lifecycle.record(row, Unreachable("The provider is not asked for now."))

    def _look_up_due(self) -> None:
        """Lost requests are looked for in their providers' lists: one reading of a list settles all of a key."""
        for key in lifecycle.lookups():
            if key not in self.lookups:
                self.lookups[key] = self.pool.submit(in_thread, lifecycle.reconcile, key)

    def _collect(self) -> None:
        for sent in (self.streams, self.probes, self.characters, self.lookups):
            for pk in [pk for pk, future in sent.items() if future.done()]:
                sent.pop(pk).result()
        delivered = [future.result() for future in self.submits.values() if future.done()]
        back = [pk for pk, (_, future) in self.polls.items() if future.done()]
        if not delivered and not back:
            return
        polled = [self.polls.pop(pk) for pk in back]  # if they cannot be recorded: asking once more costs nothing
        answers: defaultdict[int, list[Answer]] = defaultdict(list)
        with transaction.atomic():  # one sync to disk for the whole tick
            settled = [sending for sending in delivered if settled_one(sending)]
            for row, future in polled:
                self._record(row, future)
                answers[row.provider_key_id].append(future.result())
            if polled and self.agenda.asked <= lifecycle.FEW:
                lifecycle.ask_sooner()
            self.news.tell(answers)
        for sending in settled:
            lifecycle.put_away(sending)
        for sending in delivered:
            del self.submits[sending.attempt.generation_id]

    def _record(self, row: Generation, future: Future[Answer]) -> None:
        """One row that cannot be recorded must not stop all the others; a database that is away stops the tick."""
        try:
            with transaction.atomic():
                lifecycle.record(row, future.result())
        except AWAY:
            raise
        except Exception as error:
            log.exception("shot %s: the answer could not be recorded", row.pk)
            lifecycle.put_aside(row, f"The provider's answer could not be recorded ({type(error).__name__}).")

    def _client(self, key_id: int) -> httpx.Client:
        if key_id not in self.clients:
            self.clients[key_id] = http.polling_client()
        return self.clients[key_id]

    def _begin_thread(self) -> None:
        own = connections[DEFAULT_DB_ALIAS]
        own.inc_thread_sharing()  # closed by the loop's thread
        self.connections.append(own)

    def _acquire(self) -> bool:
        moment = now()
        Beacon.objects.get_or_create(name="engine", defaults={"touched_at": moment})
        row = Beacon.objects.get(name="engine")
        free = row.owner == self.owner or row.until is None or row.until < moment or is_dead(row.owner)
        mine = Beacon.objects.filter(name="engine", owner=row.owner, until=row.until)
        return free and bool(mine.update(owner=self.owner, until=moment + LEASE, touched_at=moment))

    def _finish(self) -> None:
        """Give the lease back first, so that another loop goes on while our last requests come home: the quick ones, and
        then those that take minutes. Nothing cuts these short but their own deadline or the end of this process.
        """
        with suppress(*AWAY):  # then it runs out
            Beacon.objects.filter(name="engine", owner=self.owner).update(owner="", until=None)
        bring_home(self.submits.values())
        self.submits.clear()
        self.submit_pool.shutdown(wait=True, cancel_futures=False)
        self.pool.shutdown(wait=True, cancel_futures=False)
        for own in self.connections:
            own.close()
        with suppress(*AWAY):  # every question is asked again
            self._collect()
            self.news.tell({}, now=True)
        for client in self.clients.values():
            client.close()
        self.stream_pool.shutdown(wait=True, cancel_futures=False)
        self._collect()


def _stopping() -> bool:
    """Whether the cluster that this process belongs to was told to stop: then the loop must not go on for minutes."""
    cluster = os.environ.get("STUDIO_CLUSTER_PID", "")
    return bool(cluster) and Path(settings.RUN, f"stop-{cluster}").exists()
