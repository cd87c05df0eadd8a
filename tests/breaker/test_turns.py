"""A fair turn: one a person, whoever was served longest ago first; a person's own order is theirs."""

import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Membership, Team, User
from generations import keys, lifecycle
from generations.lifecycle import breaker, turns, waiting
from generations.models import Attempt, Breaker, Generation, ProviderKey
from tests.stack import until

Queue = Callable[..., list[Generation]]


@pytest.fixture
def people(team: Team, user: User, member: User) -> list[User]:
    third = User.objects.create_user("dora@example.org", name="Dora Lind")
    Membership.objects.create(user=third, team=team, role=Membership.MEMBER)
    return [user, member, third]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_key_is_resumed_while_a_round_settles_its_shots_and_neither_waits_for_ever(far_key: ProviderKey) -> None:
    """A busy answer has written the breaker, an accepted one is about to write the key: the database ends one of the two."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite one writes at a time; this runs in the PostgreSQL part of the suite")
    breaker.note_success(far_key.pk, Breaker.SUBMIT)
    breaker.note_failure(far_key.pk, Breaker.SUBMIT, "server")
    keys.pause(far_key, "It was refused.")

    def resume() -> None:
        keys.resume(far_key)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # of the two, the person's is ended
            assert Breaker.objects.filter(key=far_key).update(version=F("version") + 1)
            resumed = pool.submit(resume)
            until(somebody_waits, 10, "the person to wait for the round")
            ProviderKey.objects.filter(pk=far_key.pk).update(last_used_at=timezone.now())
        resumed.result(10)
    far_key.refresh_from_db()
    assert (far_key.state, far_key.paused_reason) == (ProviderKey.ACTIVE, "")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def serve(pk: int) -> int:
    """As if it had been sent and were done. Returns whose it was."""
    shot = Generation.objects.get(pk=pk)
    Attempt.objects.create(generation=shot, n=1, escrow=secrets.token_hex(8), state=Attempt.ACCEPTED)
    Generation.objects.filter(pk=pk).update(state="done")
    return shot.created_by_id


def serve_all() -> list[tuple[int, int]]:
    """(person, shot) in the order in which everything that waits is sent, one after the other."""
    order = []
    while found := lifecycle.next_to_send(most=1):
        order.append((serve(found[0]), found[0]))
    return order


@pytest.mark.django_db
def test_three_people_with_twenty_shots_each_take_turns(people: list[User], queue: Queue, far_key: ProviderKey) -> None:
    own = {person.pk: [shot.pk for shot in queue(20, person)] for person in people}
    order = serve_all()
    assert len(order) == 60
    for begin in range(0, 60, 3):
        assert {person for person, _ in order[begin : begin + 3]} == set(own), f"turn {begin // 3}"
    for person, pks in own.items():
        assert [pk for who, pk in order if who == person] == pks, "the oldest of one's own first"


@pytest.mark.django_db
@pytest.mark.parametrize("wave", [2, 8])
def test_turns_are_fair_when_several_go_at_once(
    wave: int, people: list[User], queue: Queue, far_key: ProviderKey
) -> None:
    for person in people:
        queue(20, person)
    counts: Counter[int] = Counter({person.pk: 0 for person in people})
    while found := lifecycle.next_to_send(most=wave):
        for pk in found:
            counts[serve(pk)] += 1
            assert max(counts.values()) - min(counts.values()) <= 1
    assert set(counts.values()) == {20}


@pytest.mark.django_db
def test_who_comes_late_does_not_wait_behind_everything(people: list[User], queue: Queue, far_key: ProviderKey) -> None:
    many, few, _ = people
    queue(20, many)
    for _ in range(5):
        serve(lifecycle.next_to_send(most=1)[0])
    [late] = queue(1, few)
    assert lifecycle.next_to_send(most=1) == [late.pk]
    assert waiting.why(late).place == 0


@pytest.mark.django_db
def test_what_is_being_handed_out_keeps_its_place(people: list[User], queue: Queue, far_key: ProviderKey) -> None:
    first, second, _ = people
    mine, theirs = queue(3, first), queue(3, second)
    taken = lifecycle.next_to_send(most=2)
    assert taken == [mine[0].pk, theirs[0].pk]
    assert lifecycle.next_to_send(taken, most=2) == [mine[1].pk, theirs[1].pk]
    ProviderKey.objects.filter(pk=far_key.pk).update(max_concurrent=3)
    assert lifecycle.next_to_send(taken, most=2) == [mine[1].pk], "the two that are taken will need their room"


@pytest.mark.django_db
def test_keys_take_turns_too(people: list[User], queue: Queue, start: Callable[..., Generation]) -> None:
    near = [start() for _ in range(4)]
    far = queue(4)
    found = lifecycle.next_to_send(most=4)
    assert {pk in {shot.pk for shot in near} for pk in found[:2]} == {True, False}
    assert len({*found} & {shot.pk for shot in far}) == 2


@given(st.lists(st.integers(1, 4), max_size=40))
def test_the_line_is_a_round_robin_for_any_queue(people: list[int]) -> None:
    queue = list(enumerate(people))
    order = turns.line(queue, {})
    assert sorted(order) == [pk for pk, _ in queue]
    left = Counter(people)
    for pk in order:
        person = people[pk]
        assert left[person] == max(left[other] for other in left if left[other]) or all(
            served(people, order, pk, other) >= served(people, order, pk, person) for other in left if left[other]
        )
        left[person] -= 1


def served(people: list[int], order: list[int], before: int, person: int) -> int:
    return sum(people[pk] == person for pk in order[: order.index(before)])


# --- hurry ------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_hurrying_changes_the_order_of_ones_own_and_nobody_elses(
    people: list[User], queue: Queue, far_key: ProviderKey
) -> None:
    first, second, _ = people
    mine, theirs = queue(4, first), queue(4, second)
    before = serve_order(lifecycle.next_to_send(most=8))
    assert lifecycle.hurry(mine[3])
    assert lifecycle.hurry(mine[2])
    found = lifecycle.next_to_send(most=8)
    assert [pk for pk in found if pk in pks(mine)] == [mine[2].pk, mine[3].pk, mine[0].pk, mine[1].pk]
    assert [pk for pk in found if pk in pks(theirs)] == [shot.pk for shot in theirs]
    assert serve_order(found) == before, "whose turn it is stays as it was"


def pks(shots: list[Generation]) -> set[int]:
    return {shot.pk for shot in shots}


def serve_order(found: list[int]) -> list[int]:
    owners = dict(Generation.objects.filter(pk__in=found).values_list("pk", "created_by"))
    return [owners[pk] for pk in found]


@pytest.mark.django_db
def test_what_was_sent_cannot_be_hurried(queue: Queue, far_key: ProviderKey) -> None:
    [shot] = queue()
    Generation.objects.filter(pk=shot.pk).update(state="running")
    assert not lifecycle.hurry(shot)


@pytest.mark.django_db
def test_only_the_person_who_made_it_may_hurry_it(
    user: User, member: User, stranger: User, queue: Queue, client_for: Callable[[User], Client]
) -> None:
    _, shot = queue(2)
    where = f"/shots/{shot.pk}/hurry/"
    assert client_for(stranger).post(where).status_code == 404
    client_for(member).post(where)
    shot.refresh_from_db()
    assert shot.hurried_at is None
    assert client_for(member).post(where, headers={"HX-Request": "true"}).status_code == 403
    only = f'data-only="{user.pk}"'  # one card goes to the whole team; what others may not press is hidden from them
    assert f"{only}><button" in client_for(user).get(f"/shots/{shot.pk}/").content.decode()
    assert f"{only} hidden><button" in client_for(member).get(f"/shots/{shot.pk}/").content.decode()
    answer = client_for(user).post(where, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "next" in answer.content.decode()
    assert lifecycle.next_to_send(most=1) == [shot.pk]
    assert client_for(user).get(where).status_code == 405


@pytest.mark.django_db
def test_a_place_in_the_line_is_the_place_in_the_order_of_sending(
    people: list[User], queue: Queue, far_key: ProviderKey
) -> None:
    for person in people:
        queue(5, person)
    lifecycle.hurry(Generation.objects.latest("pk"))
    shots = list(Generation.objects.filter(state="queued").select_related("provider_key"))
    board = waiting.Board.of(shots)
    expected = sorted(shots, key=lambda shot: waiting.why(shot, board).place or 0)
    assert [pk for _, pk in serve_all()] == [shot.pk for shot in expected]
    assert timezone.now() > shots[0].created_at
