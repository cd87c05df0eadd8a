"""Why Generate would be refused now, each reason with its way out. The form decides; here it is said before the press."""

from dataclasses import dataclass

from django.urls import reverse

from accounts.requests import StudioRequest

from ..forms import TAKES, Fix, ParameterForm, no_key
from ..lifecycle import money
from ..models import Budget
from ..prices import Quote


@dataclass(frozen=True)
class Reason:
    """`id` is what Generate is described by; `anchor` the control that the sentence is about."""

    sentence: str
    id: str = ""
    anchor: str = ""
    fixes: tuple[Fix, ...] = ()
    link: str = ""
    link_label: str = ""


def of(request: StudioRequest, form: ParameterForm, budget: Budget | None, quote: Quote) -> list[Reason]:
    """A missing prompt is not among them: its empty field is the first thing that one sees."""
    found = []
    if form.key is None:
        found.append(_key(request, form))
    if form.is_off:
        found.append(Reason(f"{form.spec.name} is switched off in this studio.", "switched-off", "model-card"))
    if refused := money.refusal(budget, quote):
        fit = money.takes_that_fit(budget, quote)
        fixes = (Fix(f"Make {fit} take{'s' if fit > 1 else ''}", TAKES.name, str(fit)),) if fit else ()
        found.append(Reason(refused, "over-budget", fixes=fixes))
    found += [
        Reason(sentence, f"missing-{name}", f"f-{name}") for name, sentence in form.missing if name not in form.errors
    ]
    blocking = [conflict for conflict in form.conflicts if conflict.blocks]
    return found + [
        Reason(conflict.sentence, f"conflict-{number}", f"f-{conflict.name}", conflict.fixes)
        for number, conflict in enumerate(blocking)
    ]


def _key(request: StudioRequest, form: ParameterForm) -> Reason:
    sentence = no_key(form.spec, form.team, form.user)
    if not request.user.is_superuser:
        return Reason(sentence, "why-not")
    place = f"{reverse('admin:generations_providerkey_add')}?provider={form.spec.provider}&team={form.team.pk}"
    return Reason(sentence, "why-not", link=place, link_label="Add a key")
