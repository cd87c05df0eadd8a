"""Live updates: what is committed anywhere is shown everywhere it may be shown, and nowhere else."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Membership, Team, User
from generations.models import Generation
from generations.states import TERMINAL
from generations.views import broadcast, feed, queue
from studio import live

from .asgi import Stream, ask, cookie_of
from .shots import make_key, make_shot

pytestmark = pytest.mark.django_db(transaction=True)
Step = Callable[[], Any]


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[live.Hub]:
    """Each test has a hub of its own, as each process has."""
    fresh = live.Hub()
    monkeypatch.setattr(live, "hub", fresh)
    yield fresh
    if fresh.thread:
        fresh.thread.shutdown(wait=True)


def run(story: Coroutine[Any, Any, Any]) -> Any:
    """A story that waits for something that never comes fails after a minute instead of hanging."""
    return asyncio.run(asyncio.wait_for(story, 60))


async def committed(step: Step) -> Any:
    """As another process would write: over a connection of its own."""

    def write() -> Any:
        try:
            return step()
        finally:
            connections.close_all()

    return await asyncio.to_thread(write)


def change(shot: Generation, **fields: Any) -> Step:
    if fields.get("state") in TERMINAL:
        fields["finished_at"] = timezone.now()
    return lambda: Generation.objects.filter(pk=shot.pk).update(updated_at=timezone.now(), **fields)


def test_on_connect_the_current_state_comes_first(team: Team, user: User) -> None:
    shot = make_shot(team, "running", progress=43, submitted_at=timezone.now())
    cookie = cookie_of(user)

    async def story() -> tuple[Stream, str | None]:
        async with Stream(cookie) as stream:
            return stream, await stream.next()

    stream, first = run(story())
    assert stream.answer.status == 200
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert first
    assert first.startswith("id: 1\ndata: ")
    assert f'id="job-{shot.pk}"' in first
    assert 'data-count="1"' in first
    assert all(line.startswith(("id: ", "data: ")) for line in first.strip().splitlines())


def test_a_committed_change_arrives_as_one_message(team: Team, user: User) -> None:
    shot = make_shot(team, "running", submitted_at=timezone.now())
    cookie = cookie_of(user)

    async def story() -> str | None:
        async with Stream(cookie) as stream:
            await stream.next()
            await committed(change(shot, progress=43))
            return await stream.next()

    message = run(story())
    assert f'<hx-partial hx-target="#job-{shot.pk}" hx-swap="outerMorph">' in message
    assert "Rendering 43%" in message
    assert "#queue-list" not in message


def test_a_new_shot_brings_the_list_and_the_badge(team: Team, user: User) -> None:
    cookie = cookie_of(user)
    key = make_key(team)

    async def story() -> str:
        async with Stream(cookie) as stream:
            assert "Nothing rendering" in (await stream.next() or "")
            shot = await committed(lambda: make_shot(team, "queued", provider_key=key))
            return await stream.until(f'id="job-{shot.pk}"')

    message = run(story())
    assert 'hx-target="#queue-list" hx-swap="innerMorph"' in message
    assert 'data-count="1"' in message


@pytest.mark.parametrize("query", ["", "?bare"])
def test_how_many_outcomes_wait_for_a_person_changes_everywhere_at_once(query: str, team: Team, user: User) -> None:
    shot = make_shot(team, "submitting")
    cookie = cookie_of(user)

    async def story() -> list[str]:
        async with Stream(cookie, query) as stream:
            heard = [await stream.until("#unknown-badge")]
            for state in ("unknown", "failed"):
                await committed(change(shot, state=state))
                heard.append(await stream.until("#unknown-badge"))
            return heard

    none, one, none_again = run(story())
    assert [text.count('data-unknown="1"') for text in (none, one, none_again)] == [0, 2, 0]
    assert [text.count('data-unknown="0"') for text in (none, one, none_again)] == [2, 0, 2]
    assert 'hx-target="#unknown-words"' in one


def test_after_a_reconnect_nothing_is_missing(team: Team, user: User) -> None:
    shot = make_shot(team, "running", submitted_at=timezone.now())
    cookie = cookie_of(user)

    async def story() -> str | None:
        async with Stream(cookie) as stream:
            await stream.next()
        await committed(change(shot, state="failed", reason="moderation", message="A brand label."))
        async with Stream(cookie) as stream:
            return await stream.next()

    assert "A brand label." in run(story())


def test_another_team_never_hears_of_it(team: Team, user: User, stranger: User) -> None:
    mine = make_shot(team, "running", submitted_at=timezone.now())
    theirs = make_shot(stranger.teams.get(), "running", submitted_at=timezone.now())
    cookies = cookie_of(user), cookie_of(stranger)

    async def story() -> tuple[str | None, str | None, str | None]:
        async with Stream(cookies[0]) as one, Stream(cookies[1]) as other:
            await one.next()
            first = await other.next()
            await committed(change(mine, progress=10))
            heard = await one.next()
            await committed(change(theirs, progress=20))  # had they been told of the first, it would come before this
            return first, heard, await other.next()

    first, heard, next_there = run(story())
    assert f"job-{mine.pk}" not in first
    assert "Rendering 10%" in heard
    assert "Rendering 20%" in next_there
    assert f"job-{mine.pk}" not in next_there


def test_a_page_without_the_column_gets_its_own_card_and_the_badge_only(team: Team, user: User) -> None:
    shown, other = (make_shot(team, "running", submitted_at=timezone.now()) for _ in range(2))
    cookie = cookie_of(user)

    async def story() -> tuple[str | None, str | None]:
        async with Stream(cookie, f"?bare&shot={shown.pk}") as stream:
            first = await stream.next()
            await committed(change(other, progress=11))
            await committed(change(shown, progress=12))
            return first, await stream.next()

    first, second = run(story())
    assert f'id="job-{shown.pk}"' in first
    assert f'id="job-{other.pk}"' not in first
    assert "Rendering 12%" in second
    assert f"job-{other.pk}" not in second


def test_what_is_being_made_keeps_its_place_in_the_feed_and_no_card_moves_when_it_ends(team: Team, user: User) -> None:
    first, second = (make_shot(team, "running", submitted_at=timezone.now()) for _ in range(2))
    before = broadcast.look(team.pk)
    drawn = broadcast.draw_feed(before, team.pk)
    assert drawn
    places = [drawn.column.index(f'id="pending-{shot.pk}"') for shot in (second, first)]
    assert places == sorted(places)
    change(first, state="archiving")()
    saving = broadcast.look(team.pk, before)
    message = broadcast.difference(before, saving)
    assert message
    assert f'hx-target="#pending-{first.pk}"' in message.column
    assert 'hx-target="#feed"' not in message.column
    change(first, state="done")()
    assert broadcast.draw_feed(saving, team.pk) is None, "nothing in it has changed"
    done = broadcast.look(team.pk, saving)
    message = broadcast.difference(saving, done)
    assert message
    assert 'hx-target="#feed"' not in message.column, "the card does not wait for it"
    assert 'hx-target="#queue-list"' not in message.column
    assert list(message.cards) == [first.pk]
    drawn = broadcast.draw_feed(done, team.pk)
    assert drawn
    assert 'hx-target="#feed"' in drawn.column
    assert f'id="pending-{second.pk}"' in drawn.column


def test_a_finished_shot_brings_the_feed_and_is_announced_once(team: Team, user: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "JOIN", 0.01)
    shot = make_shot(team, "archiving", files=("video", "poster"))
    cookie = cookie_of(user)

    async def story() -> str:
        async with Stream(cookie) as stream:
            await stream.next()
            await committed(change(shot, state="done"))
            seen = ""  # the feed is drawn while the sentence waits for others: either may come first
            while not ('hx-target="#feed"' in seen and 'hx-target="#status"' in seen):
                seen += await stream.next()
            return seen

    seen = run(story())
    assert f'id="hero-{shot.pk}"' in seen
    assert seen.count('hx-target="#status" hx-swap="textContent">“A boat leaves the harbour” is ready.') == 1


@pytest.mark.parametrize("own", [False, True], ids=["the team's", "one's own"])
def test_the_usual_time_on_a_card_follows_what_is_ready(team: Team, user: User, own: bool) -> None:
    person, moment = user.pk if own else None, timezone.now()
    shot = make_shot(team, "running", submitted_at=moment)
    before = broadcast.look(team.pk, None, person)
    assert "data-usual" not in before.cards[shot.pk].html
    made = {"submitted_at": moment - dt.timedelta(seconds=90), "rendered_at": moment, "finished_at": moment}
    make_shot(team, "done", **made)
    after = broadcast.look(team.pk, before, person)
    assert 'data-usual="90"' in after.cards[shot.pk].html


def test_the_usual_time_follows_what_was_begun_before_all_that_the_feed_shows(team: Team, user: User) -> None:
    moment = timezone.now()
    slow = make_shot(team, "running", submitted_at=moment - dt.timedelta(hours=1))
    newer = [make_shot(team, "running", submitted_at=moment) for _ in range(feed.MOST_SHOTS)]
    before = broadcast.look(team.pk)
    change(slow, state="done", rendered_at=moment)()
    assert 'data-usual="3600"' in broadcast.look(team.pk, before).cards[newer[0].pk].html


def test_a_title_cannot_smuggle_html_into_an_announcement() -> None:
    text = broadcast.announcement([broadcast.End("done", "<img src=x>", 1)]).everyone
    assert "&lt;img" in text
    assert "<img" not in text


def test_announcements_of_a_burst_are_joined() -> None:
    ends = [broadcast.End(*end) for end in (("done", "a", 1), ("done", "b", 1), ("failed", "c", 2), ("done", "d", 2))]
    said = broadcast.announcement(ends).everyone
    assert "3 shots are ready. “c” failed." in said
    assert '<span data-person="1">2 shots are ready.</span>' in said, "a notice is about one's own"
    assert '<span data-person="2">“d” is ready. “c” failed.</span>' in said


@pytest.mark.parametrize("visitor", ["nobody", "teamless", "signed out"])
def test_only_members_may_listen(db: None, user: User, visitor: str) -> None:
    person = {"nobody": None, "teamless": User.objects.create_user("dana@example.org"), "signed out": user}[visitor]
    if visitor == "signed out":
        cookie = cookie_of(user)
        user.set_password("another lamp in the harbour")  # ends every session of this person
        user.save()

        async def story() -> int:
            async with Stream(cookie) as stream:
                await stream.next()
                return stream.answer.status

        assert run(story()) == 401
    else:
        assert ask("/events/", person).status == 401


def test_who_is_removed_from_the_team_is_cut_off(team: Team, member: User, user: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "PING", 0.05)
    monkeypatch.setattr(live, "RECHECK", 0.0)
    cookie = cookie_of(member)

    async def story() -> str | None:
        async with Stream(cookie) as stream:
            await stream.next()
            assert await stream.next() == ": ping\n\n"
            await committed(lambda: Membership.objects.filter(user=member).delete())
            while (text := await stream.next()) == ": ping\n\n":
                pass
            return text

    assert run(story()) is None


def test_a_slow_browser_gets_the_whole_state_again(team: Team, user: User, hub: live.Hub) -> None:
    shot = make_shot(team, "running", submitted_at=timezone.now())
    cookie = cookie_of(user)

    async def story() -> str:
        opened = asyncio.Event()
        async with Stream(cookie, gate=_gate(opened)) as stream:
            while not hub.shown:
                await asyncio.sleep(0.01)
            for _ in range(live.MOST_WAITING + 5):
                hub._send(live.Audience(team.pk), broadcast.Message("<p>noise</p>"))
            await committed(change(shot, progress=77))
            while hub.shown[live.Audience(team.pk)].cards[shot.pk].html.count("77%") == 0:
                await asyncio.sleep(0.01)
            opened.set()
            await stream.until("#queue-list")  # as it was on connect
            return await stream.until("#queue-list")

    assert "Rendering 77%" in run(story())


def _gate(opened: asyncio.Event) -> Callable[[], Awaitable[Any]]:
    return opened.wait


def test_when_the_process_stops_every_stream_ends(team: Team, user: User, hub: live.Hub) -> None:
    cookie = cookie_of(user)

    async def story() -> str | None:
        async with Stream(cookie) as stream:
            await stream.next()
            hub.close()
            return await stream.next()

    assert run(story()) is None


def test_progress_waits_its_turn_but_a_new_state_never(team: Team, user: User) -> None:
    shot = make_shot(team, "running", progress=10, submitted_at=timezone.now())
    before = broadcast.look(team.pk)
    change(shot, progress=11)()
    after = broadcast.look(team.pk, before)
    assert after.hold_back(before, pause=1000)
    assert broadcast.difference(before, after) is None
    change(shot, state="unknown", unknown_phase="remote")()
    after = broadcast.look(team.pk, before)
    assert not after.hold_back(before, pause=1000)
    message = broadcast.difference(before, after)
    assert message
    assert "Outcome unknown" in message.cards[shot.pk]


def test_passing_time_alone_is_no_news(team: Team, user: User) -> None:
    make_shot(team, "running", submitted_at=timezone.now() - dt.timedelta(seconds=5))
    before = broadcast.look(team.pk)
    Generation.objects.update(submitted_at=timezone.now() - dt.timedelta(seconds=5))
    again = broadcast.look(team.pk, before)
    stamps = [view.cards[pk].still.count("<time data-since=") for view in (before, again) for pk in view.cards]
    assert stamps == [1, 1]
    assert broadcast.difference(before, broadcast.look(team.pk, before)) is not None  # the start itself has moved
    assert broadcast.difference(again, broadcast.look(team.pk, again)) is None


def test_who_looks_at_their_own_queue_hears_of_their_own_shots_only(team: Team, user: User, member: User) -> None:
    mine, theirs = make_shot(team, "queued", title="Mine"), make_shot(team, "queued", title="Theirs", created_by=member)
    cookie = cookie_of(user)

    async def story() -> tuple[str, str]:
        async with Stream(cookie, "?mine") as stream:
            first = await stream.until("#queue-list")
            await committed(change(theirs, state="running"))
            await committed(change(mine, state="running"))
            return first, await stream.until("running")

    first, then = run(story())
    assert "Theirs" not in first + then
    assert f'id="job-{mine.pk}"' in then


def test_the_page_of_ones_own_queue_hears_how_many_the_team_waits_for(team: Team, user: User, member: User) -> None:
    make_shot(team, "queued")
    theirs = make_shot(team, "queued", created_by=member)
    before = broadcast.look(team.pk, None, user.pk)
    assert 'data-count="2"' in broadcast.whole(before).everyone
    change(theirs, state="done")()
    one_less = broadcast.look(team.pk, before, user.pk)
    message = broadcast.difference(before, one_less)
    assert message is not None
    assert f'data-count="1" data-people="{user.pk}:1"' in message.everyone
    assert not message.column + "".join(message.cards.values())


def test_the_badge_is_news_when_it_only_belongs_to_others(team: Team, user: User, member: User) -> None:
    shot = make_shot(team, "queued")
    before = broadcast.look(team.pk)
    change(shot, state="done")()
    make_shot(team, "queued", created_by=member)
    message = broadcast.difference(before, broadcast.look(team.pk, before))
    assert message is not None
    assert f'data-people="{member.pk}:1"' in message.everyone


def test_who_opens_the_page_of_a_shot_never_gets_an_older_state_after_a_newer_one(
    team: Team, user: User, hub: live.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience, look = live.Audience(team.pk), broadcast.look
    watcher = live.Watcher(audience, shot=make_shot(team, "queued").pk, column=False)

    def seen_before_another_commit(*args: Any) -> broadcast.View:
        view = look(*args)
        make_shot(team, "queued")
        return view

    async def story() -> str:
        hub.thread = ThreadPoolExecutor(1)
        hub.watchers[audience].add(watcher)
        hub.shown[audience] = await hub._in_thread(look, team.pk)
        monkeypatch.setattr(broadcast, "look", seen_before_another_commit)
        await asyncio.gather(hub.everything(watcher), hub._refresh(audience))
        await hub._in_thread(connections.close_all)
        return "".join(watcher.messages.get_nowait().everyone for _ in range(2))

    badges = run(story())
    assert badges.index('data-count="1"') < badges.index('data-count="2"')


def test_the_page_of_a_shot_that_the_column_has_no_room_for_follows_it_to_its_end(team: Team, user: User) -> None:
    shot = make_shot(team, "running", submitted_at=timezone.now())
    for _ in range(queue.MOST_ACTIVE):
        make_shot(team, "queued")
    cookie = cookie_of(user)

    async def story() -> tuple[str, str]:
        async with Stream(cookie, f"?bare&shot={shot.pk}") as stream:
            await stream.until(f'id="job-{shot.pk}"')
            await committed(change(shot, progress=61))
            rendering = await stream.until("Rendering 61%")
            await committed(change(shot, state="failed", reason="rejected"))
            return rendering, await stream.until('data-state="failed"')

    assert all(f'hx-target="#job-{shot.pk}"' in text for text in run(story()))


def test_what_ends_together_with_many_others_is_announced_too(team: Team, user: User) -> None:
    slow = make_shot(team, "running", submitted_at=timezone.now(), title="The slow one")
    before = broadcast.look(team.pk)
    assert slow.pk in before.cards
    change(slow, state="done")()
    for _ in range(queue.MOST_FINISHED):
        make_shot(team, "done")
    after = broadcast.look(team.pk, before)
    assert broadcast.milestones(before, after) == [broadcast.End("done", "The slow one", slow.created_by_id)]
    message = broadcast.difference(before, after)
    assert message
    assert 'data-state="done"' in message.wire(1, column=False, shot=slow.pk).decode()
    assert f'hx-target="#job-{slow.pk}"' not in message.wire(1, column=True, shot=None).decode(), (
        "no page has this card"
    )
    later = broadcast.look(team.pk, after)
    assert (later.aside, broadcast.milestones(after, later)) == ({}, [])


def test_the_card_of_a_shot_that_took_long_says_in_its_place_that_it_is_done(team: Team, user: User) -> None:
    """The list is not drawn anew for it, though an older card no longer belongs to the eight."""
    slow = make_shot(team, "running", submitted_at=timezone.now(), title="The slow one")
    for _ in range(queue.MOST_FINISHED):
        make_shot(team, "done")
    before = broadcast.look(team.pk)
    change(slow, state="done")()
    after = broadcast.look(team.pk, before)
    assert slow.pk in after.cards
    message = broadcast.difference(before, after)
    assert message
    seen = message.wire(1, column=True, shot=None).decode()
    assert (f'hx-target="#job-{slow.pk}"' in seen, 'hx-target="#queue-list"' in seen) == (True, False)


@pytest.mark.parametrize("number", ["9" * 40, "9" * 5000, "0", "x"])
def test_a_number_that_is_no_shot_keeps_nobody_from_hearing(team: Team, user: User, number: str) -> None:
    shot, cookie = make_shot(team, "queued"), cookie_of(user)

    async def story() -> str:
        async with Stream(cookie, f"?bare&shot={number}") as odd, Stream(cookie) as other:
            assert await odd.next()
            assert await other.next()
            await committed(change(shot, state="running"))
            return await other.until('data-state="running"')

    assert f'hx-target="#job-{shot.pk}"' in run(story())
