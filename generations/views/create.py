"""The composer: describe a shot, choose a model, press Generate."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import StudioRequest

from .. import continuing, lifecycle, tasks, usual
from ..forms import TAKES, Carried, ParameterForm, as_inputs, carry_over, posted
from ..lifecycle import money
from ..models import Budget, Generation, ProviderKey, Reuse
from ..prices import LENGTHS
from ..registry import SPECS
from ..specs import ModelSpec
from . import cards, catalogue, feed, queue, reasons
from .access import own, team_required, wants_fragment
from .prompts import saved_prompt
from .surprise import PROMPTS

CURRENT = "current"  # in the place of a slug: the model that the form is for
LET_GO = "parent="  # of a button: the values stay, and the new shot is nobody's child
TOO_LARGE = "An image is larger than 20 MB, so this form arrived incomplete. Nothing was sent. Choose a smaller one."


@require_safe
@team_required
def composer(request: StudioRequest) -> HttpResponse:
    """The page. `?model=` chooses a model, `?from=` fills the form from a shot, `?prompt=` from a saved prompt,
    `?surprise=` brings a prompt."""
    values, old, start = _beginning(request)
    spec = _spec_asked(request) or old or catalogue.usual_model(request.team, request.user)
    if spec.needs_source and "model" in request.GET:  # what to change is not the shot's own prompt
        values = {"prompt": ""}
    carried = carry_over(spec, values, old)
    if request.GET.get("from") and old is None:
        carried.notes.insert(0, "This studio no longer knows the model of that shot. Its prompt is here.")
    return _page(request, _form(request, spec, initial=carried.kept), carried=carried, start=start)


@team_required
def picker(request: StudioRequest) -> HttpResponse:
    """Every model. Posted by the composer: its values, unchecked, come along, and prices are for them. Nothing is sent."""
    values, chosen, _ = posted(request.POST, request.FILES, team=request.team, user=request.user)
    context = {"groups": catalogue.groups(request, values, chosen), "chosen": chosen}
    if wants_fragment(request):
        return render(request, "generations/_model_table.html", context)
    if chosen:
        context["kept"] = [("model", chosen.slug), *as_inputs(values)]
        context["parent"] = _parent(request)
    return render(request, "generations/models.html", context | queue.badge_context(request))


@team_required
def model_form(request: StudioRequest, slug: str) -> HttpResponse:
    """The posted form, unchecked, for another model (or with an image taken out). Nothing is sent and nothing lost."""
    if slug != CURRENT and slug not in SPECS:
        raise Http404
    if request.method != "POST":
        return redirect("/" if slug == CURRENT else f"/?model={slug}")
    values, old, refused = posted(request.POST, request.FILES, team=request.team, user=request.user)
    spec = SPECS.get(slug) or old or catalogue.usual_model(request.team, request.user)
    carried = carry_over(spec, values, old)
    if old is None and request.POST.get("model"):  # a draft may be older than the catalogue
        carried.notes.insert(0, "This studio no longer knows the model of this draft. What fits is here.")
    carried.notes += [f"{slot.role}: {slot.error}" for slot in refused]
    if "undo" in request.POST:
        carried.notes.clear()
    form = _form(request, spec, initial=carried.kept)
    if not wants_fragment(request):
        return _page(request, form, carried=carried, start="kept")
    context = _context(request, form, carried) | {"back_to": old if old and old.slug != slug else None}
    context |= _after_slot(request, form)
    return render(request, "generations/_switched.html", context)


@require_POST
@team_required
def submit(request: StudioRequest) -> HttpResponse:
    """Check, write the rows, say so. The worker does the rest; nothing here waits for a provider."""
    spec = SPECS.get(request.POST.get("model", ""))
    if spec is None:
        raise Http404
    form = _form(request, spec, request.POST, request.FILES)
    form.full_clean()
    if _is_cut(request):
        form.say_cut(TOO_LARGE)
    if not form.is_valid() or form.key is None:
        return _refused(request, form)
    try:
        lifecycle.start(
            team=request.team, user=request.user, key=form.key, spec=spec, prompt=form.cleaned_data["prompt"],
            params=form.cleaned_params(), token=form.token, takes=form.takes, parent=form.source,
        )  # fmt: skip
    except lifecycle.TokenReused as error:
        form.renew_token()
        form.add_error(None, str(error))
        return _refused(request, form)
    except (lifecycle.OverBudget, lifecycle.NotRemixable) as error:
        form.add_error(None, str(error))
        return _refused(request, form)
    tasks.kick()
    return _submitted(request, form)


@require_POST
@team_required
def estimate(request: StudioRequest) -> HttpResponse:
    """The row beside the button for the posted form, unchecked: price, budget, usual time, what blocks; and the controls
    that another value has turned on or off. Nothing is sent.
    """
    values, spec, _ = posted(request.POST, {}, team=request.team, user=request.user)
    if spec is None:
        raise Http404
    form = _form(request, spec, initial=values)
    return render(request, "generations/_estimate.html", _row_context(request, form))


def _submitted(request: StudioRequest, form: ParameterForm) -> HttpResponse:
    form.renew_token()
    column = queue.column_of(request.team)
    words = f"Submitted. {column.count} in the queue."
    if wants_fragment(request):
        context = _row_context(request, form, column.usual) | {"queue": column, "words": words}
        return render(request, "generations/_submitted.html", context)
    messages.success(request, words)
    return HttpResponseRedirect("/", status=303)


def _refused(request: StudioRequest, form: ParameterForm) -> HttpResponse:
    if wants_fragment(request):
        return render(request, "generations/_refused.html", _context(request, form), status=422)
    return _page(request, form, start="kept", status=422)


# --- parts ---------------------------------------------------------------------------------------------------------------
def _form(
    request: StudioRequest, spec: ModelSpec, data: Any = None, files: Any = None, initial: dict[str, Any] | None = None
) -> ParameterForm:
    spec, parent = catalogue.as_listed(spec), _parent(request)
    key = ProviderKey.objects.for_provider(request.team, spec.provider)
    if spec.needs_source:  # only the account that made a shot can remix it
        key = parent.provider_key if parent and parent.provider_key.state != ProviderKey.DISABLED else None
    form = ParameterForm(spec, data, files, team=request.team, user=request.user, key=key, initial=initial)
    form.remember(parent)
    return form


def _context(request: StudioRequest, form: ParameterForm, carried: Carried | None = None) -> dict[str, Any]:
    """What the form and its submit row say."""
    return _row_context(request, form) | {
        "model": catalogue.Row(form.spec),
        "ways": catalogue.ways(form.spec),
        "ended": catalogue.ended(form.spec),
        "carried": carried or Carried(),
        "is_owner": request.membership.role == request.membership.OWNER,
    }


def _after_slot(request: StudioRequest, form: ParameterForm) -> dict[str, Any]:
    """Where the focus goes when the button of an image was pressed and is gone, and what is said of a cut."""
    pressed = next((request.POST[name] for name in ("crop", "move", "clear") if name in request.POST), "")
    name, _, number = pressed.partition("=")[0].rstrip("<>").rpartition("-")
    if name not in form.fields or not number.isdecimal():
        return {}
    shape = request.POST.get("crop", "").partition("=")[2]
    return {"focus": name, "said": f"Cropped to {shape}. The original is kept." if shape else ""}


def _row_context(
    request: StudioRequest, form: ParameterForm, known: dict[str, usual.Usual | None] | None = None
) -> dict[str, Any]:
    """What stands beside the button: price, what is left of the budget, the usual time (unless it is among the `known`
    ones), why it cannot be pressed."""
    lengths = {name: form[name].value() for name in LENGTHS if name in form.fields}
    takes = str(form["takes"].value())
    quote = money.quote(form.key, form.spec, lengths, int(takes) if takes in TAKES.choices else 1)
    budget = Budget.objects.current(request.team)
    slug = form.spec.slug
    times = known[slug] if known and slug in known else usual.of_model(request.team, slug)
    return {
        "form": form,
        "parent": form.source,
        "usual": cards.spell(times.middle if times else None),
        "quote": quote,
        "budget": money.left_words(budget, quote),
        "reasons": reasons.of(request, form, budget, quote),
    }


def _page(
    request: StudioRequest, form: ParameterForm, *, carried: Carried | None = None, start: str, status: int = 200
) -> HttpResponse:
    context = _context(request, form, carried) | queue.column_context(request)
    context |= {"feed": feed.latest(request), "start": start, "image_model": catalogue.image_model()}
    context |= {"prompts": PROMPTS, "next_surprise": _turn(request) + 1}
    return render(request, "generations/create.html", context, status=status)


def _beginning(request: StudioRequest) -> tuple[dict[str, Any], ModelSpec | None, str]:
    """(values, the model that they are for, where they come from: "from", "kept", "prompt", "model" or "fresh")."""
    source = request.GET.get("from", "")
    if source.isdecimal() and len(source) < 19:
        shot: Generation = own(request, int(source))
        if found := _frame(request, shot):
            return found
        return shot.params | {"prompt": shot.prompt}, shot.spec, "kept"
    if request.GET.get("prompt"):
        return {"prompt": saved_prompt(request).text}, None, "prompt"
    if "surprise" in request.GET:
        return {"prompt": PROMPTS[_turn(request) % len(PROMPTS)]}, None, "kept"
    return {}, None, "new" if "new" in request.GET else "model" if "model" in request.GET else "fresh"


def _frame(request: StudioRequest, shot: Generation) -> tuple[dict[str, Any], ModelSpec | None, str] | None:
    """With `?frame=`: the next shot begins where this one ends."""
    given = request.GET.get("frame", "")
    frame = shot.frames.filter(pk=int(given)).first() if given.isdecimal() and len(given) < 19 else None
    spec = continuing.model_for(shot)
    return (continuing.values(shot, frame, spec), spec, "kept") if frame and spec else None


def _parent(request: StudioRequest) -> Generation | None:
    """The shot that the form was filled from, or that is to be remixed. A 404 for another team's.

    A new take of a remix is another remix of the same shot, not one of the remix.
    """
    given = request.POST.get("parent", "") or request.GET.get("from", "")
    if not given.isdecimal() or len(given) > 18 or request.POST.get("fix") == LET_GO:
        return None
    shot = own(request, int(given))
    again = request.method != "POST" and "model" not in request.GET and shot.reuse == Reuse.REMIX
    return shot.parent if again else shot


def _turn(request: StudioRequest) -> int:
    given = request.GET.get("surprise", "")
    return int(given) if given.isdecimal() and len(given) < 9 else 0


def _spec_asked(request: StudioRequest) -> ModelSpec | None:
    slug = request.GET.get("model")
    if slug and slug not in SPECS:
        raise Http404
    return SPECS[slug] if slug else None


def _is_cut(request: StudioRequest) -> bool:
    """Whether the upload limit stopped the reading before the end of the form, where `whole` stands."""
    size = request.META.get("CONTENT_LENGTH") or "0"
    return size.isdecimal() and int(size) > settings.MAX_IMAGE_BYTES and "whole" not in request.POST
