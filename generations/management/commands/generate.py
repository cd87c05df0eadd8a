"""`manage.py generate "prompt" --model SLUG`: the studio's main job from a shell, through the form that the page uses."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.models import Membership, Team, User
from generations import lifecycle, tasks
from generations.forms import ParameterForm, new_token
from generations.lifecycle import waiting
from generations.models import Beacon, Generation, ProviderKey
from generations.models.generation import age
from generations.registry import SPECS
from generations.specs import Flag, Media, ModelSpec
from generations.states import Charged, State

from .add_key import find_team

DONE, REFUSED, FAILED, UNKNOWN = 0, 2, 3, 4  # exit codes
LOOK = 0.5  # seconds between two looks at the rows
KICK = 5.0
STALE = 60.0  # seconds without a sign of the cluster until we say so
FALSE = frozenset({"", "0", "no", "off", "false"})
FINAL = (State.DONE, State.FAILED, State.CANCELLED, State.UNKNOWN)


class Command(BaseCommand):
    help = "Make a shot. Exit code 0: done (without --wait: queued), 2: refused before sending, 3: failed, 4: unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompt")
        parser.add_argument("--model", required=True, metavar="SLUG", help="see manage.py catalogue")
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="as often as needed")
        parser.add_argument(
            "--image", action="append", default=[], metavar="ROLE=FILE", help='"First frame=a.png"; a URL works too'
        )
        parser.add_argument("--takes", default="1", help="1, 2 or 4")
        parser.add_argument("--from", type=int, dest="source", metavar="SHOT", help="the shot to remix; see its page")
        parser.add_argument("--wait", action="store_true", help="until every take has ended")
        parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
        parser.add_argument("--team", default="", help="needed when there is more than one")
        parser.add_argument("--email", default="", help="who makes the shot; otherwise the team's first owner")

    def handle(self, *args: object, **options: Any) -> None:
        team = find_team(options["team"])
        parent = _shot(team, options["source"])
        form = bound_form(options, team, _person(team, options["email"]), parent)
        if not form.is_valid() or form.key is None:
            raise _refused(" ".join(sentence for _, sentence in form.error_list))
        try:
            rows = lifecycle.start(
                team=team, user=form.user, key=form.key, spec=form.spec, prompt=form.cleaned_data["prompt"],
                params=form.cleaned_params(), token=form.token, takes=form.takes, parent=parent,
            )  # fmt: skip
        except (lifecycle.OverBudget, lifecycle.NotRemixable) as error:
            raise _refused(str(error)) from None
        tasks.kick()
        if options["wait"]:
            rows = self._wait([row.pk for row in rows])
        self._report(rows, as_json=options["json"])
        if options["wait"] and (code := max(_code(row) for row in rows)):
            sys.exit(code)

    def _wait(self, pks: list[int]) -> list[Generation]:
        """Until no take moves any more. Ctrl-C only stops the waiting: what is in the queue goes on."""
        said: dict[int, str] = {}
        kicked, warned = time.monotonic(), False
        try:
            while True:
                rows = list(Generation.objects.filter(pk__in=pks).order_by("take").select_related("provider_key"))
                for row in rows:
                    self._say(row, said)
                if all(row.state in FINAL for row in rows):
                    return rows
                if time.monotonic() - kicked > KICK:
                    tasks.kick()
                    kicked = time.monotonic()
                if not warned and _no_worker():
                    warned = True
                    self.stderr.write("No worker is running. Start the studio with: make run")
                time.sleep(LOOK)
        except KeyboardInterrupt:
            self.stderr.write("Stopped waiting. The shot stays in the queue and is made all the same.")
            sys.exit(130)

    def _say(self, row: Generation, said: dict[int, str]) -> None:
        share = f" {row.progress}%" if row.state == State.RUNNING and row.progress is not None else ""
        why = row.message if row.state != State.QUEUED else waiting.why(row).words
        words = f"shot {row.pk}: {row.shown_state}{share}" + (f". {why}" if why else "")
        if said.get(row.pk) != words:
            said[row.pk] = words
            self.stderr.write(words)

    def _report(self, rows: list[Generation], *, as_json: bool) -> None:
        found = [as_dict(row) for row in rows]
        if as_json:
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
            return
        for one in found:
            detail = one["video"] or one["message"] or "in the queue"
            cost = "nothing is charged by the sandbox" if one["sandbox"] else Charged(one["charged"]).label.lower()
            self.stdout.write(f"shot {one['id']}: {one['state']}, {cost}. {detail}")


def as_dict(row: Generation) -> dict[str, Any]:
    """What a program wants to know about a shot. `video` is a path or s3:// address, None until it is there."""
    video = row.assets.filter(kind="video").first()
    return {
        "id": row.pk, "take": row.take, "model": row.model, "prompt": row.prompt, "state": row.state,
        "reason": row.reason, "message": row.message, "charged": row.charged, "sandbox": row.provider_key.is_sandbox,
        "provider_task_id": row.provider_task_id, "video": video.place if video else None,
    }  # fmt: skip


def bound_form(options: dict[str, Any], team: Team, user: User, parent: Generation | None = None) -> ParameterForm:
    """The page's own form, filled from the arguments: defaults first, then what was given. Raises CommandError."""
    spec = SPECS.get(options["model"])
    if spec is None:
        raise _refused(f"There is no model {options['model']!r}. See manage.py catalogue.")
    data = QueryDict(mutable=True)
    files: MultiValueDict[str, Any] = MultiValueDict()
    defaults = {param.name: getattr(param, "default", None) for param in spec}
    data.update({name: _text(value) for name, value in defaults.items() if value is not None and value is not False})
    data.update({"prompt": options["prompt"], "takes": options["takes"], "form_token": new_token()})
    for given in options["param"]:
        name, value = _pair(given, "--param")
        param = spec.param(name)
        if param is None or isinstance(param, Media) or name == "prompt":
            raise _refused(f"{spec.name} has no parameter {name!r}. It has: {_names(spec)}.")
        data[name] = value
        if isinstance(param, Flag) and value.lower() in FALSE:
            del data[name]
    for given in options["image"]:
        _add_image(spec, *_pair(given, "--image"), data, files)
    key = ProviderKey.objects.for_provider(team, spec.provider)
    if spec.needs_source and parent:  # only the account that made a shot can remix it
        key = parent.provider_key
    return ParameterForm(spec, data, files, team=team, user=user, key=key)


def _add_image(spec: ModelSpec, role: str, where: str, data: QueryDict, files: Any) -> None:
    """Put a file or a URL into the slot of that role; a number is a slot too."""
    slots = [(f"{media.name}-{i}", name) for media in spec.media for i, name in enumerate(media.roles)]
    wanted = role.strip().lower().replace("-", " ").replace("_", " ")
    slot = next((slot for n, (slot, name) in enumerate(slots, 1) if wanted in (name.lower(), str(n))), None)
    if slot is None:  # by the first word: the first place with it that is still free
        free = [(slot, name) for slot, name in slots if f"{slot}-url" not in data and f"{slot}-file" not in files]
        slot = next((slot for slot, name in free if wanted == name.lower().split()[0]), None)
    if slot is None:
        roles = ", ".join(name for _, name in slots) or "no images"
        raise _refused(f"{spec.name} has no image role {role!r}. It takes: {roles}.")
    if where.startswith(("http://", "https://")):
        data[f"{slot}-url"] = where
        return
    try:
        opened = Path(where).open("rb")  # noqa: SIM115  (the form reads it; closed when the command ends)
    except OSError as error:
        raise _refused(f"{where} cannot be read: {error.strerror}.") from None
    files[f"{slot}-file"] = UploadedFile(opened, Path(where).name)


def _shot(team: Team, pk: int | None) -> Generation | None:
    if pk is None:
        return None
    found = Generation.objects.of_team(team).select_related("provider_key").filter(pk=pk).first()
    if found is None:
        raise _refused(f"{team} has no shot {pk}.")
    return found


def _person(team: Team, email: str) -> User:
    members = Membership.objects.filter(team=team, user__is_active=True).select_related("user").order_by("pk")
    found = members.filter(user__email__iexact=email) if email else members.filter(role=Membership.OWNER)
    if member := found.first():
        return member.user
    raise _refused(f"{email} is not a member of {team}." if email else f"{team} has no owner; say --email.")


def _pair(given: str, option: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not sign or not name:
        raise _refused(f"{option} must look like name=value, not {given!r}.")
    return name, value


def _text(value: Any) -> str:
    return "on" if value is True else str(value)


def _names(spec: ModelSpec) -> str:
    return ", ".join(param.name for param in spec if param.name != "prompt" and not isinstance(param, Media)) or "none"


def _refused(sentence: str) -> CommandError:
    ending = "" if sentence.endswith("Nothing was sent.") else " Nothing was sent."
    return CommandError(sentence + ending, returncode=REFUSED)


def _no_worker() -> bool:
    row = Beacon.objects.filter(name="canary").first()
    return row is None or (age(row.touched_at) or 0) > STALE


def _code(row: Generation) -> int:
    return {State.DONE: DONE, State.UNKNOWN: UNKNOWN}.get(State(row.state), FAILED)
