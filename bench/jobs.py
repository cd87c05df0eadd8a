"""Claim: 100 jobs at once, each 2 to 12 s at the provider, are kept soon after the slowest is rendered, at a small cost.

Beside it: the loop that the provider's document prints (create, then query every 10 s), one thread a job.
"""

import random
import sys
import threading
import time
from typing import Any

import httpx

from . import common, yardstick

JOBS = 100
SEED = 7


def durations() -> list[float]:
    chance = random.Random(SEED)
    return [round(chance.uniform(2, 12), 2) for _ in range(JOBS)]


def prompt(index: int, seconds: float) -> str:
    return f"Bench {index} [[clip=small]] [[seconds={seconds}]]"


def ready_at(sandbox: str) -> dict[str, float]:
    """Task id → when the provider had it finished."""
    billed = httpx.get(f"{sandbox}/_sandbox/ledger", timeout=30).json()["billed"]
    return {row["task_id"]: row["at"] + float(row["prompt"].split("seconds=")[1].rstrip("]")) for row in billed}


def studio(team: Any, user: Any, key: Any, sandbox: str, mark: str) -> dict[str, float]:
    from generations import lifecycle, tasks
    from generations.models import Event, Generation
    from generations.providers import SPECS

    values = {"aspect_ratio": "16:9", "enhance_prompt": False, "enable_upsample": False}
    cluster = [pid for pid in common.members(mark) if b"qcluster" in _command(pid)]
    before, began = common.cpu_seconds(cluster), time.time()
    for index, seconds in enumerate(durations()):
        lifecycle.start(team=team, user=user, key=key, spec=SPECS["apertis-veo3-fast"], prompt=prompt(index, seconds),
                        params=values, token=f"bench-{index}")  # fmt: skip
        tasks.kick()  # as the page does after each press
    while Generation.objects.exclude(state__in=("done", "failed", "unknown")).exists() and time.time() - began < 90:
        time.sleep(0.1)
    done = list(Event.objects.filter(to_state="done").values_list("at", flat=True))
    wall = max(moment.timestamp() for moment in done) - began
    while Generation.objects.exclude(pictures_due_at=None).exists() and time.time() - began < 120:
        time.sleep(0.2)
    cluster = [pid for pid in common.members(mark) if b"qcluster" in _command(pid)]
    cpu = common.cpu_seconds(cluster) - before
    finished = ready_at(sandbox)
    seen = {row.generation.provider_task_id: row.at.timestamp()
            for row in Event.objects.filter(to_state="succeeded", from_state__in=("submitted", "running"))
            .select_related("generation")}  # fmt: skip
    lags = [seen[task] - finished[task] for task in seen]
    asked = httpx.get(f"{sandbox}/_sandbox/polls", timeout=30).json()
    return {
        "done": len(done), "billed": len(finished), "wall_s": wall, "detect_p50_s": common.median(lags),
        "detect_p95_s": common.percentile(lags, 0.95), "polls_per_job": sum(asked.get(task, 0) for task in seen) / len(seen),
        "cpu_s_per_job": cpu / JOBS,
    }  # fmt: skip


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def documents_loop(sandbox: str) -> dict[str, float]:
    """The document's own example, one thread a job, with the download that it leaves out."""
    lags: list[float] = []
    headers = {"Authorization": "Bearer sk-sandbox-ok"}
    began, cpu = time.time(), time.process_time()

    def one(index: int, seconds: float) -> None:
        with httpx.Client(base_url=f"{sandbox}/apertis", headers=headers, timeout=60) as client:
            body = {"model": "veo3-fast", "prompt": prompt(index, seconds), "aspect_ratio": "16:9"}
            task = client.post("/v1/video/create", json=body).json()["id"]
            ready = time.time() + seconds
            while True:
                found = client.get("/v1/video/query", params={"id": task}).json()
                if found["status"] == "completed":
                    lags.append(time.time() - ready)
                    client.get(found["video_url"])
                    return
                time.sleep(10)

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(durations())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "wall_s": time.time() - began,
        "detect_p50_s": common.median(lags),
        "detect_p95_s": common.percentile(lags, 0.95),
        "cpu_s_per_job": (time.process_time() - cpu) / JOBS,
    }


def main() -> None:
    env, data = common.studio_env()
    team, user, key = common.django_ready()
    sandbox = f"http://127.0.0.1:{env['STUDIO_SANDBOX_PORT']}"
    python, log = sys.executable, data / "bench.log"
    with common.process(python, "-m", "sandbox", "--port", env["STUDIO_SANDBOX_PORT"], "--data", str(data / "sandbox"),
                        env=env, log=log):  # fmt: skip
        _wait(sandbox)
        warm = documents_loop_warm(sandbox)
        assert warm == "completed"
        peer = documents_loop(sandbox)
        httpx.post(f"{sandbox}/_sandbox/reset", timeout=30)
        with common.process(python, "manage.py", "qcluster", env=env, log=log):
            _wait_for_canary()
            ours = studio(team, user, key, sandbox, f"STUDIO_DATA={data}")
    slowest = max(durations())
    slower = yardstick.of_media()
    there = ours["cpu_s_per_job"] / slower
    common.keep(
        "jobs", {"ours": ours, "documents_loop": peer, "slowest_s": slowest, "machine": slower, "cpu_s_there": there}
    )
    common.table(f"{JOBS} jobs at once, 2 to 12 s at the provider (slowest {slowest:.1f} s)", [
        ("kept / billed", f"{ours['done']} / {ours['billed']}", "", f"{JOBS} / {JOBS}"),
        ("wall ÷ slowest job", f"{ours['wall_s'] / slowest:.2f}", f"{peer['wall_s'] / slowest:.2f} document's loop", "≤ 1.25"),
        ("detection p50", f"{ours['detect_p50_s']:.2f} s", f"{peer['detect_p50_s']:.2f} s", "≤ 1.6 s"),
        ("detection p95", f"{ours['detect_p95_s']:.2f} s", f"{peer['detect_p95_s']:.2f} s", "≤ 3 s"),
        ("polls a job", f"{ours['polls_per_job']:.1f}", "", "≤ 4"),
        ("cluster CPU a job", f"{ours['cpu_s_per_job']:.3f} s", f"{peer['cpu_s_per_job']:.3f} s, only asking", "≤ 0.10 s"),
        ("  where goals were set", f"{there:.3f} s", f"this machine takes {slower:.1f} times as long", "≤ 0.10 s"),
    ])  # fmt: skip


def documents_loop_warm(sandbox: str) -> str:
    """The sandbox renders the small clip once; that is not what is measured."""
    with httpx.Client(
        base_url=f"{sandbox}/apertis", headers={"Authorization": "Bearer sk-sandbox-ok"}, timeout=60
    ) as client:
        task = client.post("/v1/video/create", json={"model": "veo3-fast", "prompt": prompt(0, 0.1)}).json()["id"]
        for _ in range(300):
            status = str(client.get("/v1/video/query", params={"id": task}).json()["status"])
            if status == "completed":
                return status
            time.sleep(0.1)
    return "never"


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{url}/_sandbox/healthz", timeout=1)
            return
        except httpx.TransportError:
            time.sleep(0.1)


def _wait_for_canary() -> None:
    from generations.models import Beacon

    for _ in range(300):
        if Beacon.objects.filter(name="canary").exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
