"""Retry: a failed shot once more with the very same values, checked like a form that somebody posts."""

from django.utils import timezone

from accounts.models import User

from .. import lifecycle
from ..forms import ParameterForm, as_inputs
from ..lifecycle import money
from ..models import Generation, ProviderKey
from ..states import State

INSTEAD = "Use “Fix and retry”."


class CannotRetry(Exception):
    """The message says why and what to do."""


def retry(shot: Generation, user: User) -> Generation:
    """The new shot. The same one for a second press: the token is made from the failed shot. Raises CannotRetry."""
    if shot.state != State.FAILED or shot.spec is None:
        raise CannotRetry("Only a shot that failed can be retried.")
    remade = shot.parent if shot.spec.needs_source else None
    key = remade.provider_key if remade else ProviderKey.objects.for_provider(shot.team, shot.spec.provider)
    form = _form(shot, user, key)
    if not form.is_valid() or form.key is None:
        raise CannotRetry(f"{form.error_list[0][1]} {INSTEAD}")
    params = form.cleaned_params()
    now = money.quote(key, shot.spec, params, 1)
    if now.each and (shot.price_amount is None or now.each > shot.price_amount):
        raise CannotRetry(f"The price has changed: {now.headline} now. {INSTEAD}")
    try:
        (row,) = lifecycle.start(
            team=shot.team, user=user, key=form.key, spec=shot.spec, prompt=form.cleaned_data["prompt"], params=params,
            token=form.token, parent=remade or shot,
        )  # fmt: skip
    except (lifecycle.TokenReused, lifecycle.OverBudget, lifecycle.NotRemixable) as error:
        raise CannotRetry(str(error).removesuffix(" Nothing was sent.")) from None
    moment = timezone.now()
    Generation.objects.filter(pk=shot.pk).update(dismissed_at=moment, updated_at=moment)
    return row


def _form(shot: Generation, user: User, key: ProviderKey | None) -> ParameterForm:
    data = dict(as_inputs(shot.params)) | {"prompt": shot.prompt, "takes": "1"}
    data["form_token"] = f"retry-of-shot-{shot.pk:09d}"
    assert shot.spec is not None
    return ParameterForm(shot.spec, data, {}, team=shot.team, user=user, key=key)
