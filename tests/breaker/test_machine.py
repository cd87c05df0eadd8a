"""The breaker's state machine against a plain model of the rules, over any history of calls, tests and time."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from generations.lifecycle import breaker
from generations.models import Breaker

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KINDS = ["connect", "timeout", "server", "unknown"]


class Machine(RuleBasedStateMachine):
    """`calls` is what happened since the last opening: (second, kind or "")."""

    @initialize(side=st.sampled_from([Breaker.SUBMIT, Breaker.READ]))
    def begin(self, side: str) -> None:
        self.row = Breaker(side=side)
        self.second = 0.0
        self.state, self.trial, self.pause = Breaker.CLOSED, False, 0
        self.calls: list[tuple[float, str]] = []
        self.in_a_row = 0

    @property
    def moment(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self.second)

    @rule(seconds=st.one_of(st.floats(0, 20), st.floats(20, 900)))
    def time_passes(self, seconds: float) -> None:
        self.second += seconds

    @rule(times=st.integers(1, 6))
    def calls_succeed(self, times: int) -> None:
        for _ in range(times):
            breaker.succeeded(self.row, self.moment)
            self.calls.append((self.second, ""))
            self.in_a_row = 0
            if self.state == Breaker.CLOSED:
                self.trial, self.pause = False, 0

    @rule(kind=st.sampled_from(KINDS))
    def a_call_fails(self, kind: str) -> None:
        breaker.failed(self.row, self.moment, kind)  # type: ignore[arg-type]
        self.calls.append((self.second, kind))
        self.in_a_row += 1
        if self.state == Breaker.CLOSED and self._has_to_open():
            self._opens()

    def _has_to_open(self) -> bool:
        unknown = [at for at, kind in self.calls if kind == "unknown" and at > self.second - 600]
        first_slot = (self.moment.timestamp() // 10) - 6
        minute = [kind for at, kind in self.calls if (START.timestamp() + at) // 10 > first_slot]
        half = len(minute) >= 10 and sum(kind != "" for kind in minute) * 2 >= len(minute)
        too_dark = self.row.side == Breaker.SUBMIT and len(unknown) >= 3
        return self.trial or self.in_a_row >= 5 or half or too_dark

    def _opens(self) -> None:
        top = 600 if self.row.side == Breaker.SUBMIT else 45
        self.pause = min(top, self.pause * 2 if self.pause else 30)
        self.state, self.trial, self.calls = Breaker.OPEN, False, []
        wait = (self.row.next_probe_at - self.moment).total_seconds()
        assert 0.8 * self.pause - 0.01 <= wait <= 1.2 * self.pause + 0.01

    @rule()
    def somebody_wants_to_test(self) -> None:
        due = self.row.next_probe_at is not None and self.row.next_probe_at <= self.moment
        assert breaker.probing(self.row, self.moment) == (self.state != Breaker.CLOSED and due)
        if self.state != Breaker.CLOSED and due:
            self.state = Breaker.HALF_OPEN
            assert not breaker.probing(self.row, self.moment), "one tester at a time"

    @rule(answered=st.booleans())
    def a_test_ends(self, answered: bool) -> None:
        breaker.probed(self.row, self.moment, answered)
        if self.state != Breaker.HALF_OPEN:
            return
        if answered:
            self.state, self.trial, self.in_a_row = Breaker.CLOSED, True, 0
        else:
            self._opens()

    @rule(seconds=st.floats(1, 3600))
    def the_provider_asks_to_wait(self, seconds: float) -> None:
        before = self.row.held_until
        breaker.hold(self.row, self.moment, seconds, asked=True)
        assert self.row.held_until >= self.moment + dt.timedelta(seconds=seconds)
        assert before is None or self.row.held_until >= before, "a shorter wait ends no longer one"

    @invariant()
    def it_is_as_the_rules_say(self) -> None:
        if not hasattr(self, "row"):
            return
        assert (self.row.state, self.row.pause_seconds) == (self.state, self.pause)
        found = breaker.verdict(self.row, self.moment)
        held = self.row.held_until is not None and self.row.held_until > self.moment
        assert bool(found) == (self.state == Breaker.CLOSED and not held)
        if isinstance(found, breaker.Closed):
            assert found.reason.endswith(".")
        assert len(self.row.window) <= 6
        assert len(self.row.unknown_times) <= 3 or self.state != Breaker.CLOSED


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def after(*kinds: str, side: str = Breaker.SUBMIT, seconds: float = 1) -> Breaker:
    row = Breaker(side=side)
    for index, kind in enumerate(kinds):
        moment = START + dt.timedelta(seconds=index * seconds)
        if kind:
            breaker.failed(row, moment, kind)  # type: ignore[arg-type]
        else:
            breaker.succeeded(row, moment)
    return row


@pytest.mark.parametrize(
    ("kinds", "opens", "words"),
    [
        (["connect"] * 4, False, ""),
        (["connect"] * 5, True, "The provider has failed 5 times in a row."),
        ([*["server"] * 4, "", *["server"] * 4], False, ""),
        (["unknown"] * 2, False, ""),
        (["unknown", "", "unknown", "", "unknown"], True, "3 requests within 10 minutes ended without a clear answer"),
        (["", "server"] * 4, False, ""),
        (["", "server"] * 5, True, "5 of the last 10 requests to the provider failed."),
        (["", "", "server"] * 5, False, ""),
    ],
)
def test_it_opens_for_the_reasons_that_are_written_down(kinds: list[str], opens: bool, words: str) -> None:
    row = after(*kinds)
    assert (row.state == Breaker.OPEN) is opens
    assert words in row.reason


def test_unknown_outcomes_count_for_ten_minutes() -> None:
    assert after(*["unknown", "", "unknown", "", "unknown"], seconds=149).state == Breaker.OPEN
    assert after(*["unknown", "", "unknown", "", "unknown"], seconds=151).state == Breaker.CLOSED


def test_answers_that_cannot_be_read_are_no_doubt_about_money() -> None:
    assert after("unknown", "unknown", "unknown", side=Breaker.READ).state == Breaker.CLOSED


@pytest.mark.parametrize(("side", "pauses"), [("submit", [30, 60, 120, 240, 480, 600, 600]), ("read", [30, 45, 45])])
def test_the_pause_doubles_up_to_its_limit(side: str, pauses: list[int]) -> None:
    row, seen = after(*["connect"] * 5, side=side), []
    for _ in pauses:
        seen.append(row.pause_seconds)
        assert breaker.probing(row, row.next_probe_at)
        breaker.probed(row, row.next_probe_at, answered=False)
    assert seen == pauses


def test_a_tester_that_died_is_replaced_after_a_minute() -> None:
    row = after(*["connect"] * 5)
    due = row.next_probe_at
    assert breaker.probing(row, due)
    assert not breaker.probing(row, due + dt.timedelta(seconds=59))
    assert breaker.probing(row, due + dt.timedelta(seconds=60))


def test_after_a_good_test_one_call_goes_at_a_time_and_its_failure_opens_again() -> None:
    row = after(*["connect"] * 5)
    moment = row.next_probe_at
    breaker.probing(row, moment)
    breaker.probed(row, moment, answered=True)
    assert breaker.verdict(row, moment) == breaker.Allowed(one_at_a_time=True)
    breaker.failed(row, moment, "connect")
    assert (row.state, row.pause_seconds) == (Breaker.OPEN, 60)
