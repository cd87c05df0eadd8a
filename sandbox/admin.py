"""What a tester asks the sandbox about itself: /_sandbox/…"""

from collections import Counter, defaultdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .core import sandbox_of
from .endings import ENDINGS, KEY_PREFIX


async def endings(request: Request) -> Response:
    """The table of endings."""
    table = []
    for ending in ENDINGS.values():
        row = {"name": ending.name, "where": ending.where, "does": ending.does, "tag": f"[[{ending.name}]]"}
        table.append(row if ending.where == "option" else row | {"key": KEY_PREFIX + ending.name})
    return JSONResponse({"endings": table})


async def ledger(request: Request) -> Response:
    """Every billed request, the newest last; ?prompt_sha256= and ?contains= narrow it."""
    clauses: list[str] = ["1"]
    values: list[str] = []
    if sha256 := request.query_params.get("prompt_sha256"):
        clauses, values = [*clauses, "prompt_sha256 = ?"], [*values, sha256]
    if text := request.query_params.get("contains"):
        clauses, values = [*clauses, "instr(prompt, ?)"], [*values, text]
    where = " AND ".join(clauses)
    billed = sandbox_of(request).store.rows(f"SELECT * FROM billed WHERE {where} ORDER BY id", tuple(values))  # noqa: S608
    return JSONResponse({"billed": billed, "count": len(billed)})


async def requests(request: Request) -> Response:
    """Every create request by prompt, refused ones too: {"count", "by_prompt": {sha256: {"count", "statuses"}}}."""
    sql = "SELECT prompt_sha256, status, count(*) AS n FROM request GROUP BY prompt_sha256, status"
    statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in sandbox_of(request).store.rows(sql):
        statuses[row["prompt_sha256"]][row["status"]] += row["n"]
    by_prompt = {sha256: {"count": found.total(), "statuses": dict(found)} for sha256, found in statuses.items()}
    return JSONResponse({"count": sum(found["count"] for found in by_prompt.values()), "by_prompt": by_prompt})


async def polls(request: Request) -> Response:
    """How often each task was asked about since the start: {task id: count}."""
    return JSONResponse(sandbox_of(request).polls)


async def reset(request: Request) -> Response:
    """Forget ledger, requests, tasks and counters; the clips stay."""
    sandbox_of(request).store.reset()
    return JSONResponse({"status": "ok"})


async def healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


ROUTES = [
    Route("/endings", endings),
    Route("/ledger", ledger),
    Route("/requests", requests),
    Route("/polls", polls),
    Route("/reset", reset, methods=["POST"]),
    Route("/healthz", healthz),
]
