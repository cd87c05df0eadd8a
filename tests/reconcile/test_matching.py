"""Which entries of a list are ours: certain, possible or not; no entry is given away twice, whatever the list says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.lifecycle.matching import AFTER, BEFORE, Sent, assign, fit
from generations.providers.base import Listed

NOW = 1_800_000_000.0
SENT = Sent(1, NOW, "sora-2", "A boat leaves the harbour at dawn, and nobody on the quay waves to it", {"seconds": "4"})
SAME = {"task_id": "v", "created_at": NOW, "prompt": SENT.prompt, "model": "sora-2", "values": {"seconds": "4"}}


def entry(**change: Any) -> Listed:
    return Listed(**(SAME | change))


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({}, "yes"),
        ({"created_at": NOW - BEFORE}, "yes"),
        ({"created_at": NOW - BEFORE - 1}, "no"),
        ({"created_at": NOW + AFTER}, "yes"),
        ({"created_at": NOW + AFTER + 1}, "no"),
        ({"created_at": NOW + 90_000}, "possible"),  # later than the look itself: a strange clock
        ({"created_at": None}, "possible"),
        ({"prompt": SENT.prompt.replace(" ", "  ") + "\n"}, "yes"),
        ({"prompt": ""}, "possible"),
        ({"prompt": SENT.prompt[:50] + "…"}, "possible"),
        ({"prompt": SENT.prompt[:10]}, "no"),
        ({"prompt": SENT.prompt + " again"}, "no"),
        ({"model": "sora-2-2025-10-06"}, "yes"),
        ({"model": "openai/sora-2"}, "yes"),
        ({"model": "sora-2-pro"}, "no"),
        ({"model": "sora-2-pro-2025-10-06"}, "no"),
        ({"model": ""}, "possible"),
        ({"values": {}}, "yes"),
        ({"values": {"seconds": "4.0"}}, "yes"),
        ({"values": {"seconds": "8"}}, "possible"),
        ({"task_id": ""}, "possible"),
        ({"prompt": "Another", "created_at": None}, "no"),
    ],
)
def test_only_what_agrees_in_everything_is_certain(change: dict[str, Any], how: str) -> None:
    assert fit(SENT, entry(**change), NOW + 3600) == how


def test_our_own_name_decides_alone() -> None:
    named = Sent(1, NOW, "sora-2", "A boat", correlation="t-1")
    other = {"prompt": "rewritten", "created_at": None, "model": "x"}
    assert fit(named, entry(correlation="t-1", **other), NOW) == "yes"
    assert fit(named, entry(correlation="t-2", prompt="A boat"), NOW) == "no"
    assert fit(named, entry(prompt="A boat", values={}), NOW) == "yes", (
        "a host that drops the name still shows the prompt"
    )
    assert fit(SENT, entry(correlation="somebody"), NOW) == "yes", "without a name of ours theirs says nothing"


def test_the_first_sent_gets_the_first_made_and_the_rest_is_extra() -> None:
    lost = [Sent(2, NOW + 1, "m", "p"), Sent(1, NOW, "m", "p")]
    made = [entry(task_id=f"v{i}", created_at=NOW + i, prompt="p", model="m", values={}) for i in (3, 2, 1)]
    found = assign(lost, made, set(), NOW + 60)
    assert [found[row].adopt.task_id for row in (1, 2)] == ["v1", "v2"]
    assert [each.task_id for what in found.values() for each in what.extra] == ["v3"]


def test_renders_of_the_same_second_keep_the_order_of_the_list() -> None:
    made = [entry(task_id=name) for name in ("newest", "middle", "oldest")]
    assert assign([SENT], made, set(), NOW)[1].adopt.task_id == "oldest"


def test_a_shot_that_was_sent_twice_follows_one_and_counts_the_other() -> None:
    twice = [SENT, Sent(1, NOW + 300, "sora-2", SENT.prompt, {"seconds": "4"})]
    found = assign(twice, [entry(task_id="b", created_at=NOW + 301), entry(task_id="a")], set(), NOW + 400)[1]
    assert (found.adopt.task_id, [each.task_id for each in found.extra]) == ("a", ["b"])


PROMPTS = st.sampled_from(["one", "two", ""])
TIMES = st.sampled_from([None, NOW - 100, NOW - 10, NOW, NOW + 5, NOW + 700, NOW + 90_000])
ENTRIES = st.lists(
    st.builds(
        Listed, task_id=st.sampled_from(["", *"abcdefgh"]), created_at=TIMES, prompt=PROMPTS,
        model=st.sampled_from(["m", "m-2025", "n", ""]), correlation=st.sampled_from(["", "1", "2"]),
    ),
    max_size=8,
)  # fmt: skip
LOST = st.lists(
    st.builds(
        Sent, row=st.integers(1, 4), at=st.sampled_from([NOW, NOW + 1, NOW + 300]), model=st.just("m"), prompt=PROMPTS,
        correlation=st.sampled_from(["", "1", "2"]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


@given(lost=LOST, entries=ENTRIES, ours=st.sets(st.sampled_from("abcdefgh"), max_size=3))
def test_no_render_is_given_away_twice_or_taken_from_its_shot(
    lost: list[Sent], entries: list[Listed], ours: set[str]
) -> None:
    latest = NOW + 1000
    found = assign(lost, entries, ours, latest)
    assert set(found) == {sent.row for sent in lost}
    given_out = [each.task_id for what in found.values() for each in ([what.adopt] if what.adopt else []) + what.extra]
    assert len(given_out) == len(set(given_out))
    assert not ours & set(given_out)
    assert "" not in given_out
    for row, what in found.items():
        mine = [sent for sent in lost if sent.row == row]
        if what.adopt:
            assert any(fit(sent, what.adopt, latest) == "yes" for sent in mine)
            assert not what.possible
        else:
            assert not what.extra
            taken = {*ours, *given_out}
            open_to_us = [each for each in entries if each.task_id not in taken]
            last = {each.task_id or id(each): each for each in reversed(open_to_us)}.values()
            assert len(what.possible) >= any(fit(sent, each, latest) == "possible" for sent in mine for each in last)
