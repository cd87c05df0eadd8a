"""The queue column: each state in words, cancelling tells the truth, and nobody sees another team's work."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from generations import usual
from generations.lifecycle import epoch
from generations.models import Generation, ModelPrice, ProviderKey
from generations.views import cards, queue

from .plans import plan_of
from .shots import make_key, make_shot

HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]


def words_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints go nowhere: these tests are about pages."""
    monkeypatch.setattr("generations.tasks.async_task", lambda *args, **kwargs: None)


LATER = timezone.now() + dt.timedelta(hours=1)
STATES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("queued", {}, ["Waiting, next"]),
    ("queued", {"message": "The provider is busy.", "due_at": LATER}, ["next try at", "The provider is busy."]),
    ("submitting", {}, ["Sending", "cannot be cancelled now"]),
    ("submitted", {"submitted_at": timezone.now()}, ["At the provider", ":"]),
    ("running", {"submitted_at": timezone.now()}, ["Rendering"]),
    ("running", {"submitted_at": timezone.now(), "progress": 43}, ["Rendering 43%"]),
    ("succeeded", {}, ["Rendered, saving to your disk"]),
    ("archiving", {"archive_tries": 2, "message": "The disk is full."}, ["saving", "try 2", "The disk is full."]),
    ("done", {"submitted_at": LATER, "rendered_at": LATER + dt.timedelta(seconds=78)}, ["Ready", "1 min 18 s"]),
    ("failed", {"reason": "moderation", "message": "A brand label."},
     ["The provider declined the content", "A brand label.", "Fix and retry"]),
    ("unknown", {"unknown_phase": "submit", "charged": "unknown", "message": "The line broke."},
     ["Outcome unknown", "May have been accepted The line broke.", "Decide"]),
    ("unknown", {"unknown_phase": "remote"}, ["Outcome unknown", "stopped answering"]),
    ("cancelled", {}, ["Cancelled", "not charged"]),
]  # fmt: skip


@pytest.mark.parametrize(("state", "fields", "expected"), STATES)
def test_every_state_says_in_words_what_it_is(
    team: Team, user: User, client_for: Login, state: str, fields: dict[str, Any], expected: list[str]
) -> None:
    shot = make_shot(team, state, **fields)
    html = client_for(user).get(f"/shots/{shot.pk}/card/").content.decode()
    assert f'data-generation-id="{shot.pk}" data-state="{state}" data-charged="{shot.charged}"' in html
    for words in expected:
        assert words in words_of(html)


def test_only_a_key_that_costs_money_is_said_to_may_have_charged(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "unknown", unknown_phase="submit", provider_key=make_key(team, sandbox=False))
    assert "May have been accepted and charged" in words_of(
        client_for(user).get(f"/shots/{shot.pk}/card/").content.decode()
    )


def test_a_file_that_waits_for_its_next_try_says_when_that_is(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "succeeded", archive_tries=3, message="The disk is full. " * 40, due_at=LATER)
    said = words_of(client_for(user).get(f"/shots/{shot.pk}/card/").content.decode())
    clock = timezone.localtime(LATER).strftime("%H:%M")
    assert f"… Tried 3 times, next at {clock}. It is not rendered again." in said


def test_past_the_usual_time_the_card_says_so_instead(team: Team, user: User, client_for: Login) -> None:
    start = timezone.now() - dt.timedelta(hours=1)
    make_shot(team, submitted_at=start, rendered_at=start + dt.timedelta(seconds=7))
    late = make_shot(team, "running", submitted_at=timezone.now() - dt.timedelta(seconds=1065))
    html = client_for(user).get(f"/shots/{late.pk}/card/").content.decode()
    assert "longer than usual" in words_of(html)
    assert "about" not in words_of(html)
    assert 'data-usual="7" data-late="10"' in html


@pytest.mark.parametrize("state", ["submitting", "submitted", "running", "succeeded", "archiving", "done", "unknown"])
def test_cancel_is_offered_only_while_it_is_free(team: Team, user: User, client_for: Login, state: str) -> None:
    assert "/cancel/" in client_for(user).get(f"/shots/{make_shot(team, 'queued').pk}/card/").content.decode()
    assert "/cancel/" not in client_for(user).get(f"/shots/{make_shot(team, state).pk}/card/").content.decode()


def test_only_a_percentage_from_the_provider_is_shown_as_one(team: Team, user: User, client_for: Login) -> None:
    silent = make_shot(team, "running", submitted_at=timezone.now() - dt.timedelta(seconds=60))
    html = client_for(user).get(f"/shots/{silent.pk}/card/").content.decode()
    assert '<progress class="fil" aria-label' in html
    assert "%" not in words_of(html)


def test_the_usual_time_is_the_median_of_our_own_runs(team: Team, user: User, client_for: Login) -> None:
    start = timezone.now() - dt.timedelta(hours=1)
    for seconds in (60, 90, 600):
        make_shot(team, submitted_at=start, rendered_at=start + dt.timedelta(seconds=seconds))
    found = usual.of_model(team, "apertis-veo3-fast")
    assert found == usual.of_models(team)["apertis-veo3-fast"] == usual.Usual(90, 600)
    flying = make_shot(team, "running", submitted_at=timezone.now())
    assert "about 1½ min left" in words_of(client_for(user).get(f"/shots/{flying.pk}/card/").content.decode())
    assert usual.of_model(team, "apertis-veo2") is None


def test_it_is_late_only_after_nine_in_ten_of_our_own_runs(team: Team, user: User, client_for: Login) -> None:
    start = timezone.now() - dt.timedelta(hours=1)
    for seconds in range(10, 210, 10):
        make_shot(team, submitted_at=start, rendered_at=start + dt.timedelta(seconds=seconds))
    assert usual.of_model(team, "apertis-veo3-fast") == usual.Usual(105, 181)
    for since, words in ((50, "about 1 min left"), (150, "of about 1:45"), (185, "longer than usual")):
        flying = make_shot(team, "running", submitted_at=timezone.now() - dt.timedelta(seconds=since))
        assert words in words_of(client_for(user).get(f"/shots/{flying.pk}/card/").content.decode())


def test_waiting_says_how_many_are_before_you(team: Team, user: User, client_for: Login) -> None:
    for _ in range(2):
        make_shot(team, "queued")
    last = make_shot(team, "queued")
    assert "Waiting, 2 before you" in words_of(client_for(user).get(f"/shots/{last.pk}/card/").content.decode())


def test_a_refused_key_is_named_as_the_reason(team: Team, user: User, client_for: Login) -> None:
    key = make_key(team, sandbox=False, state=ProviderKey.PAUSED, paused_reason="HTTP 401: invalid key.")
    shot = make_shot(team, "queued", provider_key=key)
    words = words_of(client_for(user).get(f"/shots/{shot.pk}/card/").content.decode())
    assert "The key rests HTTP 401: invalid key. Nothing was charged." in words


@pytest.mark.parametrize("reason", [epoch.WHY, epoch.RESTORED])
def test_a_key_that_rests_after_a_restore_is_not_said_to_have_cost_nothing(
    reason: str, team: Team, user: User, client_for: Login
) -> None:
    key = make_key(team, sandbox=False, state=ProviderKey.PAUSED, paused_reason=reason)
    shot = make_shot(team, "queued", provider_key=key)
    for path in (f"/shots/{shot.pk}/card/", f"/shots/{shot.pk}/"):
        words = words_of(client_for(user).get(path).content.decode())
        assert "may have been sent and paid" in words
        assert "Nothing was charged" not in words


@pytest.mark.parametrize(
    ("sandbox", "charged", "words"),
    [(True, "yes", "Sandbox: nothing is charged"), (False, "no", "Not charged"), (False, "yes", "Charged"),
     (False, "unknown", "May have been charged")],
)  # fmt: skip
def test_a_failure_says_whether_it_cost_anything(
    team: Team, user: User, client_for: Login, sandbox: bool, charged: str, words: str
) -> None:
    key = make_key(team, sandbox=sandbox)
    shot = make_shot(team, "failed", provider_key=key, reason="provider_failed", charged=charged)
    html = client_for(user).get(f"/shots/{shot.pk}/card/").content.decode()
    assert words in words_of(html)
    assert f'data-charged="{charged}"' in html


def test_what_others_wrote_is_never_markup(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "failed", reason="rejected", message="<script>1</script>", prompt="<b>bold</b>")
    html = client_for(user).get(f"/shots/{shot.pk}/card/").content.decode()
    assert "<script>" not in html
    assert "<b>bold" not in html


def test_a_waiting_job_is_cancelled_and_nothing_is_charged(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "queued")
    answer = client_for(user).post(f"/shots/{shot.pk}/cancel/", headers=HTMX)
    assert answer.status_code == 200
    assert 'data-state="cancelled"' in answer.content.decode()
    assert "nothing is charged" in words_of(answer.content.decode())
    shot.refresh_from_db()
    assert (shot.state, shot.charged) == ("cancelled", "no")


@pytest.mark.parametrize("state", ["submitting", "submitted", "running", "done"])
def test_what_was_sent_is_not_called_cancelled(team: Team, user: User, client_for: Login, state: str) -> None:
    shot = make_shot(team, state)
    answer = client_for(user).post(f"/shots/{shot.pk}/cancel/", headers=HTMX)
    assert answer.status_code == 409
    assert f'data-state="{state}"' in answer.content.decode()
    assert "already sent" in words_of(answer.content.decode())
    shot.refresh_from_db()
    assert shot.state == state


def test_cancelling_works_without_javascript(team: Team, user: User, client_for: Login) -> None:
    shot, client = make_shot(team, "queued"), client_for(user)
    answer = client.post(f"/shots/{shot.pk}/cancel/", headers={"Referer": "http://testserver/queue/"}, follow=True)
    assert answer.redirect_chain == [("/queue/", 302)]
    assert "Nothing was sent" in words_of(answer.content.decode())


def test_a_foreign_referrer_is_not_followed(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "queued")
    answer = client_for(user).post(f"/shots/{shot.pk}/cancel/", headers={"Referer": "https://evil.example/"})
    assert answer["Location"] == "/queue/"


@pytest.mark.parametrize("page", ["/", "/cast/", "/shots/{}/"])
def test_a_press_beside_a_refused_form_leads_to_a_page(team: Team, user: User, client_for: Login, page: str) -> None:
    shot = make_shot(team, "queued")
    posted = {"/": "/shots/", "/cast/": "/cast/order/"}.get(page, f"/shots/{shot.pk}/resolve/")
    answer = client_for(user).post(
        f"/shots/{shot.pk}/cancel/", follow=True,
        headers={"Referer": f"http://testserver{posted}", "Accept": "text/html"},
    )  # fmt: skip
    assert answer.redirect_chain == [(posted, 302), (page.format(shot.pk), 302)]
    assert answer.status_code == 200


def test_dismissing_takes_the_card_away_and_keeps_the_shot(team: Team, user: User, client_for: Login) -> None:
    shot, client = make_shot(team, "failed", reason="rejected"), client_for(user)
    answer = client.post(f"/shots/{shot.pk}/dismiss/", headers=HTMX)
    assert (answer.status_code, answer.content) == (200, b"")
    assert f"job-{shot.pk}" not in client.get("/queue/").content.decode()
    assert client.get(f"/shots/{shot.pk}/").status_code == 200


def test_what_is_on_its_way_cannot_be_dismissed(team: Team, user: User, client_for: Login) -> None:
    shot = make_shot(team, "running")
    assert client_for(user).post(f"/shots/{shot.pk}/dismiss/", headers=HTMX).status_code == 409
    shot.refresh_from_db()
    assert shot.dismissed_at is None


def test_a_key_is_resumed_by_an_owner_only(team: Team, user: User, member: User, client_for: Login) -> None:
    key = make_key(team, sandbox=False, state=ProviderKey.PAUSED, paused_reason="HTTP 401")
    shot = make_shot(team, "queued", provider_key=key, due_at=LATER)
    assert client_for(member).post(f"/keys/{key.pk}/resume/").status_code == 403
    key.refresh_from_db()
    assert key.state == ProviderKey.PAUSED
    assert client_for(user).post(f"/keys/{key.pk}/resume/").status_code == 302
    key.refresh_from_db()
    shot.refresh_from_db()
    assert key.state == ProviderKey.ACTIVE
    assert shot.due_at <= timezone.now()


def test_a_fragment_for_htmx_is_the_very_list_of_the_page(team: Team, user: User, client_for: Login) -> None:
    make_shot(team, "running", submitted_at=None)
    client = client_for(user)
    page, fragment = client.get("/queue/").content.decode(), client.get("/queue/", headers=HTMX).content.decode()
    assert "<html" in page
    assert "<html" not in fragment
    assert words_of(fragment) in words_of(page)
    restored = client.get("/queue/", headers=HTMX | {"HX-Request-Type": "full"}).content.decode()
    assert "<html" in restored


def test_an_empty_queue_says_so(team: Team, user: User, client_for: Login) -> None:
    assert "Nothing rendering" in words_of(client_for(user).get("/queue/").content.decode())


def test_the_column_shows_only_the_latest_and_counts_the_rest(team: Team, user: User) -> None:
    key = make_key(team)
    for _ in range(queue.MOST_ACTIVE + 3):
        make_shot(team, "queued", provider_key=key)
    for _ in range(queue.MOST_FINISHED + 2):
        make_shot(team, "done", provider_key=key)
    column = queue.column_of(team)
    assert (len(column.active), len(column.finished)) == (queue.MOST_ACTIVE, queue.MOST_FINISHED)
    assert (column.count, column.more) == (queue.MOST_ACTIVE + 3, 3)


def test_a_shot_that_took_long_is_shown_when_it_ends_though_quicker_ones_were_begun_after_it(
    team: Team, user: User
) -> None:
    key, moment = make_key(team), timezone.now()
    slow = make_shot(team, "running", provider_key=key, created_at=moment - dt.timedelta(minutes=20))
    quick = [make_shot(team, "done", provider_key=key) for _ in range(queue.MOST_FINISHED)]
    assert [shot.pk for shot in queue.column_of(team).finished] == [shot.pk for shot in reversed(quick)]
    Generation.objects.filter(pk=slow.pk).update(state="done", finished_at=timezone.now())
    assert [shot.pk for shot in queue.column_of(team).finished] == [slow.pk, *(shot.pk for shot in quick[:0:-1])]


def test_the_search_for_what_ended_last_reads_no_more_than_it_shows(team: Team) -> None:
    """A team has thousands of shots; the index holds them in the order of their ends."""
    plan = plan_of(lambda: queue.column_of(team), f"LIMIT {queue.MOST_FINISHED}")
    assert "ended_last_of_team" in plan
    assert "TEMP B-TREE" not in plan


def test_the_column_costs_the_same_queries_for_many_as_for_few(
    team: Team, user: User, django_assert_max_num_queries: Any
) -> None:
    key = make_key(team)
    for state in ("queued", "running", "done", "failed", "unknown") * 6:
        make_shot(team, state, provider_key=key, reason="rejected" if state == "failed" else "")
    clock = connection.vendor == "postgresql"  # leases and waits are compared with the database's time there
    with django_assert_max_num_queries(9 + clock):
        column = queue.column_of(team)
        [cards.card_of(shot) for shot in column.shots]


def test_no_secret_is_decrypted_for_a_card(team: Team, user: User) -> None:
    make_shot(team, "queued")
    shot = queue.column_of(team).active[0]
    assert "secret" in shot.provider_key.get_deferred_fields()
    assert "result_url" in shot.get_deferred_fields()


def test_the_bin_keeps_a_card_out_of_the_column(team: Team, user: User) -> None:
    shot = make_shot(team, "done")
    Generation.objects.filter(pk=shot.pk).update(deleted_at=timezone.now())
    assert queue.column_of(team).finished == []


def test_what_ends_while_the_column_is_read_has_one_card(team: Team, user: User) -> None:
    """The two lists are two queries: between them a shot can go from the one to the other."""
    shot, other = make_shot(team, "archiving"), make_shot(team, "running")

    def end_it(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if "generations_generation" in sql and sql.startswith("SELECT") and "LIMIT 41" in sql:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE generations_generation SET state = 'done', finished_at = created_at WHERE id = %s",
                    [shot.pk],
                )
        return found

    with connection.execute_wrapper(end_it):
        column = queue.column_of(team)
    assert [(card.pk, card.state) for card in column.shots] == [(other.pk, "running"), (shot.pk, "done")]
    assert column.count == 1


def test_mine_shows_only_what_this_person_waits_for(team, user, member, client_for):
    mine, theirs = make_shot(team, "queued"), make_shot(team, "queued", created_by=member)
    page = client_for(user).get(f"/queue/?person={user.pk}").content.decode()
    assert f'id="job-{mine.pk}"' in page
    assert f'id="job-{theirs.pk}"' not in page
    assert 'hx-sse:connect="/events/?mine"' in page
    whole = client_for(user).get(f"/queue/?person={member.pk}").content.decode()
    assert f'id="job-{theirs.pk}"' in whole, "only one's own queue is a queue of its own"
    assert 'hx-sse:connect="/events/"' in whole


def test_the_badge_counts_the_whole_team_where_only_ones_own_are_shown(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    for person in (user, member, member):
        make_shot(team, "queued", created_by=person)
    html = client_for(user).get(f"/queue/?person={user.pk}").content.decode()
    assert f'data-count="3" data-people="{user.pk}:1 {member.pk}:2"' in html
    for _ in range(queue.MOST_ACTIVE):
        make_shot(team, "queued", created_by=member)
    assert queue.column_of(team, user.pk).more == 0
    assert queue.column_of(team, member.pk).more == 2


# --- again, to the front, out of the way -------------------------------------------------------------------------------------
FAILED = {"state": "failed", "reason": "rejected", "charged": "no"}


def test_a_failed_shot_is_made_again_with_the_same_values_once_however_often_it_is_pressed(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    shot = make_shot(team, **FAILED, prompt="A boat", params={"aspect_ratio": "9:16", "images": [], "enhance_prompt": True,
                                                              "enable_upsample": False}, model="apertis-veo3.1")  # fmt: skip
    web = client_for(member)
    assert "Retry" in words_of(web.get(f"/shots/{shot.pk}/card/").content.decode())
    answers = [web.post(f"/shots/{shot.pk}/retry/", headers=HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    new = Generation.objects.exclude(pk=shot.pk).get()
    assert (new.state, new.params, new.prompt, new.model) == ("queued", shot.params, "A boat", "apertis-veo3.1")
    assert (new.parent, new.reuse, new.created_by) == (shot, "take", member)
    assert f'id="job-{new.pk}"' in answers[0].content.decode()
    assert f'id="job-{shot.pk}"' not in answers[0].content.decode(), "the failed card has done its duty"


def test_a_retry_on_the_page_of_ones_own_shots_shows_no_others(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    theirs, done = make_shot(team, "running", created_by=member), make_shot(team)
    values = {"aspect_ratio": "9:16", "images": [], "enhance_prompt": True, "enable_upsample": False}
    shots = [make_shot(team, **FAILED, prompt=f"Boat {n}", params=values, model="apertis-veo3.1") for n in range(2)]
    pages = (f"/queue/?person={user.pk}", "/")
    mine, whole = (
        client_for(user).post(
            f"/shots/{shot.pk}/retry/", headers=HTMX | {"HX-Current-URL": f"http://testserver{page}"}
        ).content.decode()
        for shot, page in zip(shots, pages, strict=True)
    )  # fmt: skip
    clear = 'hx-post="/queue/clear/'
    assert (f'id="job-{done.pk}"' in mine, f'id="job-{theirs.pk}"' in mine) == (True, False)
    assert f'{clear}?person={user.pk}"' in mine, "Clear stays with one's own"
    assert f'id="job-{theirs.pk}"' in whole
    assert f'{clear}"' in whole


@pytest.mark.parametrize("state", ["queued", "running", "done", "unknown", "cancelled"])
def test_only_what_failed_is_made_again(team: Team, user: User, client_for: Login, state: str) -> None:
    shot = make_shot(team, state)
    assert client_for(user).post(f"/shots/{shot.pk}/retry/", headers=HTMX).status_code == 409
    assert Generation.objects.count() == 1


@pytest.mark.parametrize("wrong", ["values", "key", "price"])
def test_what_would_be_refused_or_cost_more_is_not_made_again_but_said(
    team: Team, user: User, client_for: Login, wrong: str
) -> None:
    key = make_key(team, sandbox=wrong != "price")
    given = {"provider_key": key, "price_amount": Decimal("0.5"), "model": "apertis-veo3.1"}
    shot = make_shot(team, **FAILED, **given, params={"aspect_ratio": "7:1" if wrong == "values" else "16:9"})
    if wrong == "key":
        ProviderKey.objects.update(state=ProviderKey.DISABLED)
    ModelPrice.objects.create(slug="apertis", kind=ModelPrice.FLAT, amount=Decimal("2"))
    answer = client_for(user).post(f"/shots/{shot.pk}/retry/", headers=HTMX)
    assert answer.status_code == 409
    words = {"values": "Aspect ratio cannot be", "key": "There is no key", "price": "The price has changed: $2.00 now"}
    assert words[wrong] in words_of(answer.content.decode())
    assert "Nothing was sent." in answer.content.decode()
    assert Generation.objects.count() == 1


def test_only_its_own_person_is_offered_to_move_a_waiting_shot_to_the_front(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    key = make_key(team)
    first, second = make_shot(team, "queued", provider_key=key), make_shot(team, "queued", provider_key=key)
    button = f'formaction="/shots/{second.pk}/hurry/"'
    mine, theirs = (client_for(person).get("/queue/").content.decode() for person in (user, member))
    assert f'data-only="{user.pk}"><button class="btn btn--sm" id="job-first-{second.pk}"' in mine
    assert button in mine
    assert f'data-only="{user.pk}" hidden>' in theirs
    assert f'formaction="/shots/{first.pk}/hurry/"' not in mine, "it is next already"


def test_a_shot_that_waits_only_for_others_is_not_offered_what_would_change_nothing(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    key, client = make_key(team), client_for(member)
    make_shot(team, "queued", provider_key=key)
    first, second = (make_shot(team, "queued", provider_key=key, created_by=member) for _ in range(2))
    button = "/shots/{}/hurry/"
    for path in ("/queue/", "/shots/{}/"):
        seen = [button.format(shot.pk) in client.get(path.format(shot.pk)).content.decode() for shot in (first, second)]
        assert seen == [False, True], path
    assert "1 before you" in words_of(client.get(f"/shots/{first.pk}/card/").content.decode())
    client.post(button.format(second.pk))
    seen = [button.format(shot.pk) in client.get("/queue/").content.decode() for shot in (first, second)]
    assert seen == [True, False], "and the other way round when it has passed the first"


def test_finished_cards_are_cleared_together_and_the_shots_stay(
    team: Team, user: User, member: User, client_for: Login
) -> None:
    mine, theirs = make_shot(team), make_shot(team, created_by=member)
    running = make_shot(team, "running", submitted_at=timezone.now())
    html = client_for(user).post(f"/queue/clear/?person={user.pk}", headers=HTMX).content.decode()
    assert f'id="job-{mine.pk}"' not in html
    html = client_for(user).get("/queue/").content.decode()
    assert [f'id="job-{shot.pk}"' in html for shot in (mine, theirs, running)] == [False, True, True]
    assert Generation.objects.kept().count() == 3


def test_the_badge_knows_whose_jobs_there_are(team: Team, user: User, member: User, client_for: Login) -> None:
    for person in (user, member, member):
        make_shot(team, "queued", created_by=person)
    html = client_for(user).get("/queue/").content.decode()
    assert f'data-count="3" data-people="{user.pk}:1 {member.pk}:2"' in html
    assert f'data-user="{user.pk}"' in html
    for _ in range(queue.MOST_ACTIVE):
        make_shot(team, "queued", created_by=member)
    assert queue.column_of(team).people == {user.pk: 1, member.pk: 2 + queue.MOST_ACTIVE}
