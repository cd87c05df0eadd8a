"""What operators do: the shell commands and the administration."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from generations.lifecycle import money
from generations.models import Budget, Generation, Ledger, ModelPrice, ProviderKey
from tests.shots import make_shot

from .conftest import PRICE

pytestmark = pytest.mark.usefixtures("user")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


# --- set_budget ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", ["100", "$100", "100.00"])
def test_a_budget_is_set_from_a_shell(team: Team, given: str) -> None:
    said = run("set_budget", "--team", "harbour film", "--monthly", given)
    budget = Budget.objects.get(team=team)
    assert (budget.limit, budget.allow_unknown) == (100, True)
    assert "may spend $100.00 a month. This month $0.00 is spent, $0.00 is held and $100.00 is left." in said


def test_a_budget_is_changed_without_touching_what_is_spent(
    team: Team, price: ModelPrice, real_key: ProviderKey
) -> None:
    run("set_budget", "--monthly", "1", "--unknown", "refuse")
    money.reserve([make_shot(team, "queued", price_amount=PRICE)])
    said = run("set_budget", "--monthly", "0.1")
    budget = Budget.objects.get(team=team)
    assert (budget.limit, budget.reserved, budget.allow_unknown, budget.left) == (Decimal("0.1"), PRICE, False, 0)
    assert "$0.40 is held and $0.00 is left. Shots without a published price are refused." in said
    assert "no limit any more" in run("set_budget", "--monthly", "none")
    budget.refresh_from_db()
    assert (budget.limit, budget.reserved) == (None, PRICE)


@pytest.mark.parametrize("given", ["", "much", "-1", "nan", "inf", "1e12"])
def test_what_is_not_an_amount_changes_nothing(team: Team, given: str) -> None:
    with pytest.raises(CommandError, match=r"not an amount.*Nothing was changed") as refused:
        run("set_budget", f"--monthly={given}")
    assert refused.value.returncode == 2
    assert Budget.objects.count() == 0


def test_an_unknown_team_is_named_with_those_that_exist(team: Team) -> None:
    with pytest.raises(CommandError, match="Teams: Harbour film"):
        run("set_budget", "--team", "Nobody", "--monthly", "1")


# --- check_money and generate --------------------------------------------------------------------------------------------------
def test_the_check_says_that_everything_adds_up_or_what_does_not(team: Team) -> None:
    money.reserve([make_shot(team, "queued", price_amount=PRICE)])
    assert "1 teams, 1 ledger entries: everything adds up." in run("check_money")
    Budget.objects.update(spent=Decimal("3"))
    errors = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_money", stdout=StringIO(), stderr=errors)
    assert ended.value.code == 1
    assert "Harbour film" in errors.getvalue()
    assert "$3.00 is spent, but the settled reservations come to $0.00" in errors.getvalue()


def test_the_shell_is_held_to_the_budget_too(team: Team, user: User, real_key: ProviderKey, price: ModelPrice) -> None:
    money.set_limit(team, Decimal("0.39"))
    with pytest.raises(CommandError, match=r"costs \$0.40, but \$0.39") as refused:
        run("generate", "A boat", "--model", "apertis-veo3-fast")
    assert refused.value.returncode == 2
    assert Generation.objects.count() == 0


# --- the administration ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def admin(client_for: Any, db: None) -> Client:
    return client_for(User.objects.create_superuser("root@example.org"))


def post(admin: Client, name: str, data: dict[str, Any], *args: Any) -> Any:
    return admin.post(reverse(f"admin:generations_{name}", args=args), data)


def test_a_price_is_entered_in_the_administration(admin: Client, real_key: ProviderKey) -> None:
    data = {"slug": "apertis-veo3-fast", "kind": "per_second", "amount": "0.05", "team": "", "provider_key": "", "tokens": "",
            "since_0": "2026-01-01", "since_1": "00:00"}  # fmt: skip
    assert post(admin, "modelprice_add", data).status_code == 302
    row = ModelPrice.objects.get()
    assert (row.kind, row.amount) == ("per_second", Decimal("0.05"))
    for wrong in ({"amount": ""}, {"kind": "unknown"}, {"amount": "-1"}, {"slug": "nothing"}):
        refused = post(admin, "modelprice_add", data | wrong)
        assert refused.status_code == 200, wrong
        assert "errorlist" in refused.content.decode()
    assert ModelPrice.objects.count() == 1
    assert "0.05" in admin.get(reverse("admin:generations_modelprice_changelist")).content.decode()


def test_only_the_limit_of_a_budget_can_be_edited(admin: Client, team: Team) -> None:
    data = {"team": team.pk, "limit": "12.50", "allow_unknown": "on"}
    assert post(admin, "budget_add", data).status_code == 302
    budget = Budget.objects.get()
    admin.get(reverse("admin:generations_budget_change", args=[budget.pk]))
    money.reserve([make_shot(team, "queued", price_amount=PRICE)])  # while the page is open
    forged = {"limit": "20", "reserved": "0", "spent": "-5", "month": "2020-01-01"}
    assert post(admin, "budget_change", forged, budget.pk).status_code == 302
    budget.refresh_from_db()
    assert (budget.limit, budget.reserved, budget.spent, budget.allow_unknown) == (20, PRICE, 0, False)
    assert money.check(team) == []
    assert post(admin, "budget_add", data | {"limit": ""}).status_code == 302, "the same month is the same row"
    assert Budget.objects.get().limit is None
    assert admin.get(reverse("admin:generations_budget_delete", args=[budget.pk])).status_code == 403


def test_the_ledger_is_read_only(admin: Client, team: Team) -> None:
    money.reserve([make_shot(team, "queued", price_amount=PRICE)])
    entry = Ledger.objects.get()
    assert "0.4" in admin.get(reverse("admin:generations_ledger_changelist")).content.decode()
    assert post(admin, "ledger_change", {"amount": "0"}, entry.pk).status_code == 403
    assert admin.get(reverse("admin:generations_ledger_add")).status_code == 403
    assert admin.post(reverse("admin:generations_ledger_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    entry.refresh_from_db()
    assert entry.amount == PRICE
    assert (
        "Reserved"
        in admin.get(reverse("admin:generations_generation_change", args=[entry.generation_id])).content.decode()
    )


def test_members_do_not_reach_the_books(client_for: Any, user: User) -> None:
    for name in ("budget", "ledger", "modelprice"):
        assert client_for(user).get(reverse(f"admin:generations_{name}_changelist")).status_code in (302, 403, 404)
