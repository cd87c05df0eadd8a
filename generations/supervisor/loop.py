"""The supervisor's own loop: start, watch, announce, stop."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .child import Child, say
from .signs import FRESH, Paid, Silence, touched

TICK = 0.25  # seconds; a signal or the end of a child interrupts it
BOUNCE = 0.3  # one Ctrl-C can arrive twice (from the terminal and from make); only a later one means "now"


class Supervisor:
    """Runs `stages`, which are stopped one after the other: the sandbox outlives the queue whose requests it answers.

    `queue` is restarted when its `pulse` file was not touched for `stale_after` seconds. It normally restarts itself long
    before (generations.cluster); this is for the case that it no longer can. While a paid request is out whose answer
    cannot be had again, it gets `paid_patience` seconds more.
    """

    def __init__(
        self, stages: Sequence[Sequence[Child]], *, queue: Child, pulse: Path, stale_after: float,
        web: tuple[str, int], announce: Callable[[], None], paid_patience: float = 1200.0,
    ) -> None:  # fmt: skip
        self.stages = stages
        self.children = [child for stage in stages for child in stage]
        self.queue = queue
        self.pulse = pulse
        self.stale_after = stale_after
        self.paid_patience = paid_patience
        self.life = (0.0, 0.0)  # of the queue: when it was started, and its pulse
        self.silence = Silence()
        self.paid = Paid(pulse.parent)
        self.halt: Path | None = None  # what tells a queue that is spared to begin nothing new
        self.web = web
        self.announce: Callable[[], None] | None = announce
        self.asked: list[float] = []  # when we were told to stop
        self.now = False
        self.patient = False  # whether the longer wait was announced

    def run(self) -> int:
        """Until a signal says stop. Returns the exit code: 0 when everything ended by itself in time, else 1."""
        self._listen()
        for child in self.children:
            child.start()
        while not self.asked:
            self._wait()
            self._say_when_ready()
            self._look_at_the_pulse()
            for child in self.children:
                if not self.asked:
                    child.revive()
        return self._stop()

    def _listen(self) -> None:
        # Handlers only note the time. An Event would not do: its lock is not re-entrant, so a second signal could hang us.
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # `manage.py run` blocked them until somebody listens

    def _note(self, number: int, frame: object) -> None:
        moment = time.monotonic()
        if self.asked and number == signal.SIGINT and moment - self.asked[0] > BOUNCE:
            self.now = True
        self.asked.append(moment)

    def _wait(self, seconds: float = TICK) -> None:
        select.select([self.reader], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self.reader, 512)

    def _say_when_ready(self) -> None:
        if self.announce is not None and _answers(*self.web):
            self.announce()
            self.announce = None

    def _look_at_the_pulse(self) -> None:
        if self.queue.process is None:
            return
        life = (self.queue.started, touched(self.pulse))
        if life != self.life:
            self.life = life
            self.silence.end()
            self._let_go_on()
        silent = self.silence.look()
        if silent < self.stale_after - FRESH:
            return
        waits = self.paid.is_out() and silent < self.stale_after + self.paid_patience
        if waits and silent > self.stale_after:
            self._spare(self.queue.process.pid, silent)
        elif silent > self.stale_after:
            say("run", f"queue showed no life for {silent:.0f} s. It is killed and started again. Its shots go on; only a"
                       " request that is just on its way may end with an unknown outcome.")  # fmt: skip
            self.queue.clear()

    def _spare(self, pid: int, silent: float) -> None:
        """The end of it waits until the paid answers are here, and so that they come to an end no others are begun."""
        if self.halt is None:
            self.halt = self.pulse.with_name(f"stop-{pid}")
            with contextlib.suppress(OSError):
                self.halt.touch()
            say("run", f"queue showed no life for {silent:.0f} s, but a paid request is out whose answer cannot be had"
                       " again. It is waited for, which can take minutes; nothing new is sent before the queue is started"
                       " again.")  # fmt: skip

    def _let_go_on(self) -> None:
        """It lives after all, or is another one by now."""
        if self.halt is not None:
            with contextlib.suppress(OSError):
                self.halt.unlink(missing_ok=True)
            self.halt = None

    def _stop(self) -> int:
        begun = time.monotonic()
        say("run", "Stopping. What is being sent or saved is finished first; press Ctrl-C again to stop at once.")
        killed = [child.name for stage in self.stages for child in self._end(stage)]
        for name in killed:
            say("run", f"{name} did not stop in time and was killed. Its shots go on at the next start.")
        say("run", f"Stopped after {time.monotonic() - begun:.1f} s.")
        return 1 if killed else 0

    def _end(self, stage: Sequence[Child]) -> list[Child]:
        """Stop these children side by side. Returns those that had to be killed."""
        for child in stage:
            child.ask_to_stop()
        running = [child for child in stage if child.process is not None]
        killed = []
        while running:
            for child in list(running):
                waits = self._waits_for_paid(child)
                ended = child.has_ended()
                if ended or self.now or (child.is_late() and not waits):
                    killed += [] if ended else [child]
                    child.clear()
                    running.remove(child)
            if running:
                self._wait(0.1)
        return killed

    def _waits_for_paid(self, child: Child) -> bool:
        """Ending the queue now would throw away what is being paid for; the request's own deadline ends the wait, and
        the grace begins anew when the answer is here, because it is still to be settled.
        """
        waits = child is self.queue and self.paid.is_out()
        if waits:
            if not self.patient and time.monotonic() - child.asked > child.grace:
                self.patient = True
                say("run", "A paid request is out whose answer cannot be had again. It is waited for, which can take"
                           " minutes; press Ctrl-C again to stop at once.")  # fmt: skip
            child.excused = time.monotonic()
        return waits


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 0.2).close()
    except OSError:
        return False
    return True
