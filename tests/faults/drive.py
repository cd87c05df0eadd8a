"""Runs single jobs in processes of their own and kills them where it is told to. Run as a program; see kills.py.

Points come as JSON lines on standard input, results leave as JSON lines. Every point is two forks of this process: the
first makes a job and works until it is killed, the second recovers, finishes and reports. The parent has imported all
that a job needs and opens no database connection, so nothing is shared but the files, as after a real crash.
"""

import atexit
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.faults import casting, killers

PROMPT = "A boat leaves the harbour [[clip=small]] [[seconds=0.08]]"
PRICE = Decimal("0.40")
VALUES = {"aspect_ratio": "16:9", "enhance_prompt": False, "enable_upsample": False}
MODEL = "apertis-veo3-fast"


# --- inside the forks -------------------------------------------------------------------------------------------------
def begin(token: str, prompt: str = PROMPT, model: str = MODEL) -> None:
    """A team that pays and has money for exactly this one job; its key opens the sandbox, but counts as a real one."""
    from accounts.models import Membership, Team, User
    from generations import keys, lifecycle
    from generations.models import Budget, ModelPrice, ProviderKey
    from generations.providers import SPECS

    team = Team.objects.create(name=token)
    user = User.objects.create_user(f"{token}@example.org")
    Membership.objects.create(user=user, team=team)
    keys.add_demo_keys(team)
    ProviderKey.objects.filter(team=team).update(is_sandbox=False)
    spec = SPECS[model]
    values = VALUES if model == MODEL else {param.name: getattr(param, "default", None) for param in spec.params[1:]}
    key = ProviderKey.objects.for_provider(team, spec.provider)
    ModelPrice.objects.create(slug=spec.provider, team=team, kind=ModelPrice.FLAT, amount=PRICE)
    budget = Budget.objects.open(team)
    Budget.objects.filter(pk=budget.pk).update(limit=PRICE)
    lifecycle.start(
        team=team, user=user, key=key, spec=spec, prompt=f"{prompt} {token}", params=values, token=token
    )  # fmt: skip


def work(token: str, seconds: float = 30, pictures: bool = True) -> None:
    """What the engine does, one step after the other and without its waiting times."""
    from django.utils import timezone

    from generations import lifecycle
    from generations.models import Generation

    end, polls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        lifecycle.sweep()
        row = Generation.objects.get(form_token=token)
        if row.is_final or row.state == "unknown":
            if pictures:
                lifecycle.pictures(row.pk)
            return
        Generation.objects.filter(pk=row.pk).update(due_at=timezone.now())
        verb = {"queued": lifecycle.submit, "submitted": lifecycle.poll, "running": lifecycle.poll}.get(row.state)
        (verb or lifecycle.archive)(row.pk)
        if verb is lifecycle.poll:
            polls += 1  # the first finds it running, the second finished: more would make the number of lines vary
            time.sleep(0.1 if polls == 1 else 0.03)


def run_engine(token: str) -> None:
    """The real loop; what it would hand to other workers is done in place."""
    from generations import engine
    from generations.models import Generation
    from tests.workers import verbs_alone

    engine.LINGER = 0.2

    for _ in range(3):
        engine.Engine(hint=verbs_alone).run(20)
        if Generation.objects.get(form_token=token).is_final:
            return


def report(token: str) -> dict[str, Any]:
    from generations.lifecycle.escrow import Escrow
    from generations.media import sha256_of, verify
    from generations.models import Generation
    from generations.states import EDGES

    row = Generation.objects.prefetch_related("assets", "events", "attempts").get(form_token=token)
    video = row.asset("video")
    if video:
        verify(video.file)
    edges = {(event.from_state, event.to_state) for event in row.events.all() if event.from_state != event.to_state}
    return {
        "state": row.state,
        "reason": row.reason,
        "message": row.message,
        "charged": row.charged,
        "file_ok": bool(video) and sha256_of(video.file) == video.sha256,
        "attempts": [attempt.state for attempt in row.attempts.all()],
        "left": [attempt.escrow for attempt in row.attempts.all() if Escrow(attempt.escrow).body.exists()],
        "strange_edges": sorted(edges - set(EDGES)),
        "money": money(row),
    }


def money(row: Any) -> list[str]:
    """What does not add up in the books of this job's team."""
    from generations.lifecycle.money import check
    from generations.models import Budget

    found = list(check(row.team))
    month = Budget.objects.get(team=row.team)
    should = {"done": (0, PRICE), "unknown": (PRICE, 0)}.get(row.state)
    if should and (month.reserved, month.spent) != should:
        found.append(f"{row.state}, but {month.reserved} is reserved and {month.spent} is spent")
    return found


def as_it_was_left(token: str) -> list[str]:
    """What does not add up right after the kill, before anybody has recovered anything."""
    from accounts.models import Team
    from generations.lifecycle.money import check

    return [f"as it was left: {words}" for words in check(Team.objects.get(name=token))]


def released(token: str) -> list[str]:
    """A person says of an unknown outcome that it was not charged: then nothing is held or spent any more."""
    from generations import lifecycle
    from generations.lifecycle.money import check
    from generations.models import Budget, Generation

    row = Generation.objects.get(form_token=token)
    if row.state != "unknown":
        return []
    lifecycle.release(row, row.created_by)
    month = Budget.objects.get(team=row.team)
    found = list(check(row.team))
    if (month.reserved, month.spent) != (0, 0):
        found.append(f"{month.reserved} is reserved and {month.spent} is spent")
    return [f"after a release: {words}" for words in found]


def fork(step: Callable[[], None]) -> int:
    """The pid of a child that runs `step`."""
    child = os.fork()
    if child:
        return child
    code = 0
    try:
        step()
    except SystemExit:
        code = 2
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.settrace(None)
    sys.setprofile(None)
    atexit._run_exitfuncs()
    os._exit(code)


def ended(child: int) -> int:
    """How a child ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- one point --------------------------------------------------------------------------------------------------------
def run(token: str, point: dict[str, Any]) -> dict[str, Any]:
    """Kill one job at `point`, recover it in another process, and say how it ended."""
    folder = Path(os.environ["STUDIO_DATA"], "points")
    note, out = folder / f"{token}.note", folder / f"{token}.json"
    began = time.monotonic()
    how = first_life(token, point, note)
    killed = how == -signal.SIGKILL
    if point.get("between"):
        Path(point["between"]).unlink(missing_ok=True)  # what made trouble is gone when the second one begins

    def second_life() -> None:
        if point.get("character"):
            casting.work(token)
            out.write_text(json.dumps(casting.report(token)))
            return
        left = as_it_was_left(token)
        work(token, pictures=not killed)
        found = report(token)
        out.write_text(json.dumps(found | {"money": [*left, *found["money"], *released(token)]}))

    again = ended(fork(second_life))
    found = json.loads(out.read_text()) if out.exists() else {"state": "", "strange_edges": [], "money": []}
    said = note.read_text() if note.exists() else ""
    for path in (note, out):
        path.unlink(missing_ok=True)
    forget_escrow()
    return {"killed": killed, "first": how, "note": said, "recovery": again, "token": token,
            "seconds": round(time.monotonic() - began, 3), **found}  # fmt: skip


def forget_escrow() -> None:
    """What an earlier point left would be looked through at the start of every later one, which then dies there."""
    from django.conf import settings

    for path in Path(settings.ESCROW).glob("*.*"):
        path.unlink(missing_ok=True)


def first_life(token: str, point: dict[str, Any], note: Path) -> int:
    """Works until the point is reached. Returns how it ended."""
    kind, parts = point["kind"], killers.ENGINE if point.get("engine") else killers.PARTS
    deaths = {
        "call": lambda: killers.kill_on_call(point["spec"]),
        "line": lambda: killers.kill_on_line(point["n"], parts, note),
        "count-lines": lambda: killers.count_lines(parts, note),
    }
    ready, go = os.pipe(), os.pipe()

    def life() -> None:
        job = casting if point.get("character") else sys.modules[__name__]
        job.begin(token, f"{PROMPT} {point.get('tags', '')}", point.get("model", MODEL))
        os.write(ready[1], b"1")
        os.read(go[0], 1)
        if kind in deaths:
            deaths[kind]()()
        (run_engine if point.get("engine") else job.work)(token)

    child = fork(life)
    os.close(ready[1])  # so that a child that dies early is an end of file and no endless wait
    os.read(ready[0], 1)
    if kind in ("syscall", "count-syscalls", "error"):
        with killers.traced(child, killers.strace_options(point, note)):
            os.write(go[1], b"1")
            code = ended(child)
    else:
        os.write(go[1], b"1")
        code = ended(child)
    for descriptor in (ready[0], *go):
        os.close(descriptor)
    if kind == "count-syscalls":
        note.write_text(json.dumps(killers.syscalls_in(note)))
    return code


def main() -> None:
    import django

    django.setup()
    import httpx  # noqa: F401
    from django.core.management import call_command

    from generations import engine, lifecycle, media  # noqa: F401
    from generations.providers import outbound

    outbound._tls()  # made once for a process, so that no point spends its time on it
    Path(os.environ["STUDIO_DATA"], "points").mkdir(exist_ok=True)
    if ended(fork(lambda: call_command("migrate", verbosity=0))) != 0:
        sys.exit("the database could not be prepared")
    for index, line in enumerate(sys.stdin):
        point = json.loads(line)
        print(json.dumps({"point": point, **run(f"point-{os.getpid()}-{index}", point)}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    main()
