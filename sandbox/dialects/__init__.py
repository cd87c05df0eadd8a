"""One file a provider. Each has `ROUTES`, mounted at its name."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from . import a4f, aiid, apertis, apertis_chat, apertis_videos, minimax, openai

DIALECTS: dict[str, Sequence[BaseRoute]] = {
    "apertis": (*apertis_chat.ROUTES, *apertis_videos.ROUTES, *apertis.ROUTES),
    "openai": openai.ROUTES,
    "aiid": aiid.ROUTES,
    "minimax": minimax.ROUTES,
    "a4f": a4f.ROUTES,
}
