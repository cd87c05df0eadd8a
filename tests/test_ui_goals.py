"""The page of the interface's goals says what was measured, and nothing better."""

import pytest

from tests.ui import page
from tests.ui.__main__ import PARTS, RECORD
from tests.ui.goals import BY_NUMBER, GOALS, Measure


def record_of(*found: Measure, load: float = 0.1) -> page.Record:
    return {"a part": page.part(list(found), "abc1234", "2026-11-21") | {"load": load, "cores": 2}}


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [(1, 32, page.MET), (1, 32.1, page.NOT_MET), (20, 0, page.PERSON), (20, 1, page.NOT_MET)],
)
def test_a_goal_is_met_up_to_its_limit_and_a_person_is_asked_only_about_what_holds(goal, value, verdict):
    limit = 32 if goal == 1 else 0
    found = [Measure(goal, "a number", value, limit), Measure(goal, "another", 0, limit)]
    assert page.verdict(found, BY_NUMBER[goal]) == verdict
    assert (goal in page.missed(record_of(*found))) is (verdict == page.NOT_MET)


def test_one_bad_number_is_enough():
    good, bad = Measure(8, "median", 50, 60, "ms"), Measure(8, "p95", 151, 150, "ms")
    assert page.verdict([good, bad], BY_NUMBER[8]) == page.NOT_MET
    assert "p95: 151 ms ✗" in page.compose(record_of(good, bad))


def test_what_was_not_measured_or_broke_off_is_not_met_either():
    empty = record_of()
    assert page.missed(empty) == [goal.number for goal in GOALS]
    assert page.compose(empty).count(f"| {page.NOT_RUN} |") == len(GOALS)


def test_a_busy_machine_is_named():
    assert "say little" in page.compose(record_of(Measure(9, "p95", 400, 300, "ms"), load=9))
    assert "say little" not in page.compose(record_of(Measure(9, "p95", 200, 300, "ms"), load=1))


def test_what_was_seen_cannot_break_the_table():
    text = page.compose(record_of(Measure(11, "violations", 1, 0, "", "<b>|</b>\n| a row")))
    assert "&lt;b>\\|&lt;/b> \\| a row" in text


def test_the_page_is_the_one_that_the_record_gives():
    record = page.read(RECORD)
    assert set(record) <= set(PARTS)
    assert RECORD.with_suffix(".md").read_text() == page.compose(record)
