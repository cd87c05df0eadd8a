"""Live updates: one database watcher a process, many browsers.

The database is the bus: workers commit, the watcher notices, each team's column is rendered once and sent to every
browser of that team. A message is HTML (htmx partials), made from the very templates of the pages.
Source: engineering notes, section "Live updates"; design brief, section 4.4.
"""

import asyncio
import datetime as dt
import logging
import signal
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connections
from django.utils import timezone

from generations.models import Generation
from generations.views import broadcast

from .changes import Changes
from .ranges import Receive, Send

log = logging.getLogger(__name__)
OVERLAP = dt.timedelta(seconds=2)  # a row is stamped a little before its transaction commits
PROGRESS_EVERY = 0.5  # seconds: at most two progress messages a job and second
RESYNC = 15.0  # seconds: waiting times and retry times move on without a commit
PING = 15.0
RECHECK = 60.0  # seconds between two looks at the session
JOIN = 2.0  # seconds in which announcements are joined
MOST_WAITING = 64  # messages to a browser that does not take them


class Audience(NamedTuple):
    """Browsers that are shown the same: a team's, or with `person` those that show only this person's shots."""

    team: int
    person: int | None = None


@dataclass(eq=False)
class Watcher:
    """One browser. `column` is False for pages without the queue column; `shot` is the one whose page is open."""

    audience: Audience
    shot: int | None = None
    column: bool = True
    messages: asyncio.Queue[broadcast.Message] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    lost: bool = False  # too slow: gets the whole state again instead of what it missed
    seen: int = 0


class Hub:
    def __init__(self) -> None:
        self.watchers: dict[Audience, set[Watcher]] = defaultdict(set)
        self.shown: dict[Audience, broadcast.View] = {}
        self.late: set[Audience] = set()  # those with progress that was held back
        self.news: dict[Audience, list[broadcast.End]] = defaultdict(list)
        self.task: asyncio.Task[None] | None = None
        self.closing = False
        self.thread: ThreadPoolExecutor | None = None
        self.since = timezone.now()
        self.handled: dict[int, dt.datetime] = {}

    async def join(self, watcher: Watcher) -> None:
        """From now on this browser gets what changes; first it gets everything as it is."""
        self.watchers[watcher.audience].add(watcher)
        if self.task is None:
            self._start()
        await self.everything(watcher)

    def _start(self) -> None:
        self.thread = self.thread or ThreadPoolExecutor(1, thread_name_prefix="live")
        self.since = timezone.now()
        self.task = asyncio.create_task(self._run())

    def leave(self, watcher: Watcher) -> None:
        self.watchers[watcher.audience].discard(watcher)
        if not self.watchers[watcher.audience]:
            self.watchers.pop(watcher.audience)
            self.shown.pop(watcher.audience, None)
            self.news.pop(watcher.audience, None)
            self.late.discard(watcher.audience)

    def close(self) -> None:
        """The process stops: every stream ends now, so that the server does not wait for it."""
        self.closing = True
        for watchers in self.watchers.values():
            for watcher in watchers:
                _put(watcher, broadcast.END)

    async def everything(self, watcher: Watcher) -> None:
        view, extra = await self._in_thread(_as_it_is, watcher)
        self.shown.setdefault(watcher.audience, view)
        _put(watcher, broadcast.whole(view, extra))

    async def _run(self) -> None:
        changes = Changes()
        loop = asyncio.get_running_loop()
        resync = loop.time() + RESYNC
        try:
            while self.watchers and not self.closing:
                try:
                    if not changes.ready:
                        await self._in_thread(changes.open)
                    await asyncio.sleep(changes.step)
                    teams = await self._changed_teams() if changes.any() else set()
                    if loop.time() > resync:
                        resync, teams = loop.time() + RESYNC, {audience.team for audience in self.watchers}
                    for audience in [one for one in self.watchers if one.team in teams or one in self.late]:
                        await self._refresh(audience)
                except Exception:
                    log.exception("Live updates could not read the database; tried again in a second.")
                    await asyncio.sleep(1)
        finally:
            changes.close()
            await self._in_thread(connections.close_all)
            self.task = None
            if self.watchers and not self.closing:  # somebody came while the last one was being seen off
                self._start()

    async def _changed_teams(self) -> set[int]:
        found = await self._in_thread(self._changed_rows)
        new = [(pk, team) for pk, team, moment in found if self.handled.get(pk) != moment]
        self.handled = {pk: moment for pk, _, moment in found}
        return {team for _, team in new}

    def _changed_rows(self) -> list[tuple[int, int, dt.datetime]]:
        rows = Generation.objects.filter(updated_at__gt=self.since - OVERLAP).order_by("updated_at")
        found = list(rows.values_list("pk", "team_id", "updated_at"))
        if found:
            self.since = max(self.since, found[-1][2])  # the writers' clock, which may be another machine's
        return found

    async def _refresh(self, audience: Audience) -> None:
        """Render their column once and send what differs from what its browsers show."""
        before = self.shown.get(audience)
        watched = frozenset(watcher.shot for watcher in self.watchers.get(audience, ()) if watcher.shot)
        view = await self._in_thread(broadcast.look, audience.team, before, audience.person, watched)
        if before is None:
            await self._in_thread(broadcast.draw_feed, view, audience.team)
            self.shown[audience] = view
            return
        held = view.hold_back(before, PROGRESS_EVERY)
        (self.late.add if held else self.late.discard)(audience)
        message = broadcast.difference(before, view)
        self.shown[audience] = view
        if message:
            self._send(audience, message)
        self._announce(audience, broadcast.milestones(before, view))
        if feed := await self._in_thread(broadcast.draw_feed, view, audience.team):
            self._send(audience, feed)

    def _announce(self, audience: Audience, ends: list[tuple[str, str]]) -> None:
        """Said once, after a pause in which others may join: a screen reader is not to be talked over."""
        if ends and not self.news[audience]:
            asyncio.get_running_loop().call_later(JOIN, self._say, audience)
        self.news[audience] += ends

    def _say(self, audience: Audience) -> None:
        if ends := self.news.pop(audience, None):
            self._send(audience, broadcast.announcement(ends))

    def _send(self, audience: Audience, message: broadcast.Message) -> None:
        for watcher in self.watchers.get(audience, ()):
            _put(watcher, message)

    async def _in_thread(self, step: Callable[..., Any], *args: Any) -> Any:
        assert self.thread is not None
        return await asyncio.get_running_loop().run_in_executor(self.thread, _queried, step, *args)


def _as_it_is(watcher: Watcher) -> tuple[broadcast.View, str]:
    """Both in one step of the thread: between two, a newer message could be put before this older state."""
    team, person = watcher.audience
    view = broadcast.look(team, None, person)
    broadcast.draw_feed(view, team)
    return view, broadcast.one_card(team, watcher.shot) if watcher.shot else ""


def _queried(step: Callable[..., Any], *args: Any) -> Any:
    """The hub's thread keeps its connection; after an error it takes a new one."""
    try:
        return step(*args)
    except Exception:
        connections.close_all()
        raise


def _put(watcher: Watcher, message: broadcast.Message) -> None:
    if message is broadcast.END:
        while not watcher.messages.empty():
            watcher.messages.get_nowait()
    try:
        watcher.messages.put_nowait(message)
    except asyncio.QueueFull:
        watcher.lost = True


hub = Hub()


async def stream(watcher: Watcher, receive: Receive, send: Send, *, still_in: Callable[[], bool]) -> None:
    """Send messages until the browser leaves, the person may no longer see them, or the process stops."""
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await hub.join(watcher)
        await _pump(watcher, gone, send, still_in)
    except OSError:
        pass  # the browser left in the middle of a message
    finally:
        gone.cancel()
        hub.leave(watcher)


async def _pump(watcher: Watcher, gone: "asyncio.Future[None]", send: Send, still_in: Callable[[], bool]) -> None:
    clock = asyncio.get_running_loop().time
    checked = clock()
    while not gone.done() and not hub.closing:
        message = await _next(watcher, gone)
        if clock() - checked > RECHECK:
            checked = clock()
            if not await asyncio.to_thread(still_in):
                break
        if watcher.lost and watcher.messages.empty():
            watcher.lost = False
            await hub.everything(watcher)
        if message is broadcast.END:
            break
        watcher.seen += message is not None
        text = message.wire(watcher.seen, column=watcher.column, shot=watcher.shot) if message else b": ping\n\n"
        if text:
            await send({"type": "http.response.body", "body": text, "more_body": True})
    if not gone.done():
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _next(watcher: Watcher, gone: "asyncio.Future[None]") -> broadcast.Message | None:
    """The next message; None after 15 s without one, and when the browser leaves."""
    waiting = asyncio.ensure_future(watcher.messages.get())
    either: set[asyncio.Future[Any]] = {waiting, gone}
    await asyncio.wait(either, timeout=PING, return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    return None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def close_on_signals() -> None:
    """A server that is told to stop waits for open answers, and these never end: so they listen to the signal too."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)

        def stop(received: int, frame: Any, before: Any = before) -> None:
            loop.call_soon_threadsafe(hub.close)
            if callable(before):
                before(received, frame)

        signal.signal(number, stop)
