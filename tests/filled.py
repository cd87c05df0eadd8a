"""The shortest form of a model that is valid, as a browser would post it."""

from typing import Any

from accounts.models import Team, User
from generations import uploads
from generations.models import Upload
from generations.specs import Choice, Media, ModelSpec, NeededWhen, OnlyWhen, Param, Text

from . import pictures

URL = "https://images.example.com/{}.png"
VIDEO = "https://videos.example.com/source.mp4"
SIZE = (960, 540)  # an image that every model takes


def filled(spec: ModelSpec, team: Team, user: User, **given: Any) -> dict[str, str]:
    """The prompt, what the model needs, and what its rules need beside the values that are `given`."""
    values: dict[str, Any] = {"prompt": "A boat leaves the harbour", "takes": "1"} | given
    for param in spec:
        if isinstance(param, Media) and param.minimum:
            values |= images(param, param.minimum, team, user)
        elif param.required and param.name not in values:
            values |= something(param, team, user)
    for rule in spec.rules * 2:  # what one rule brings may need another
        name, other = spec.param(rule.name), spec.param(rule.other)
        assert name
        assert other
        if isinstance(rule, OnlyWhen) and is_in(name, values) and (not rule.of or values.get(rule.name) in rule.of):
            values |= {rule.other: rule.values[0]} if chosen(other, values) not in rule.values else {}
        if isinstance(rule, NeededWhen) and not is_in(name, values):
            needed = chosen(other, values) in rule.values if rule.values else not is_in(other, values)
            values |= something(name, team, user) if needed else {}
    return values


def chosen(param: Param, values: dict[str, Any]) -> Any:
    return values.get(param.name, getattr(param, "default", None))


def is_in(param: Param, values: dict[str, Any]) -> bool:
    return any(name == param.name or name.startswith(f"{param.name}-") for name in values)


def something(param: Param, team: Team, user: User) -> dict[str, str]:
    """A value for a parameter that has none."""
    if isinstance(param, Media):
        return images(param, 1, team, user)
    if isinstance(param, Choice):
        return {param.name: param.choices[0]}
    assert isinstance(param, Text)
    return {param.name: VIDEO if param.shape == "url" else "words"}


def images(param: Media, count: int, team: Team, user: User) -> dict[str, str]:
    """`count` images as the model takes them: addresses where it can, else stored uploads, those that are there first."""
    if "url" in param.by:
        return {f"{param.name}-{i}-url": URL.format(i) for i in range(count)}
    kept = list(Upload.objects.filter(team=team, created_by=user, width=SIZE[0], height=SIZE[1])[:count])
    kept += [uploads.keep(pictures.file(pictures.png(SIZE)), team=team, user=user) for _ in range(count - len(kept))]
    return {f"{param.name}-{i}-upload": str(upload.pk) for i, upload in enumerate(kept)}
