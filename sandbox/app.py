"""The whole sandbox as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount

from . import admin
from .core import open_sandbox
from .dialects import DIALECTS

SECONDS = 6.0


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    app.state.sandbox.close()


def create_app(data_dir: Path, seconds: float = SECONDS, base_url: str | None = None) -> Starlette:
    """The sandbox over `data_dir` (made when missing; two servers must not share one).

    `seconds`: how long a job takes. `base_url`: what result URLs begin with; the request's own host when None.
    """
    routes = [Mount(f"/{name}", routes=list(dialect)) for name, dialect in DIALECTS.items()]
    everything = [*routes, Mount("/_sandbox", routes=list(admin.ROUTES))]
    app = Starlette(routes=everything, lifespan=lifespan, exception_handlers={ClientDisconnect: _gone})
    app.state.sandbox = open_sandbox(Path(data_dir), seconds, base_url)
    return app


def _gone(request: Request, error: Exception) -> Response:
    """Whoever asked went away in the middle of the question: nothing was accepted, and nobody reads this."""
    return Response(status_code=400)
