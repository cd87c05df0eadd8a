"""What every request knows about the person: which team they work in, and that their pages are nobody else's."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from .models import Membership
from .requests import StudioRequest

Answer = Callable[[HttpRequest], Any]  # a response, or the promise of one

SESSION_TEAM = "team_id"
# The team of the page that a press comes from: another one may have been chosen in another tab since.
PAGE_TEAM, PAGE_FIELD = "X-Team", "page_team"


def _memberships(request: StudioRequest) -> list[Membership]:
    if not request.user.is_authenticated:
        return []
    return list(request.user.memberships.select_related("team").order_by("pk"))


def _membership(request: StudioRequest) -> Membership | None:
    mine = list(request.memberships)
    chosen = request.session.get(SESSION_TEAM)
    if page := request.headers.get(PAGE_TEAM) or request.POST.get(PAGE_FIELD):
        found = next((one for one in mine if str(one.team_id) == page), None)
        if found and found.team_id != chosen and PAGE_TEAM not in request.headers:
            request.session[SESSION_TEAM] = found.team_id  # a whole page comes next, and it is of this team, too
        return found
    # Read anew for each request: who was removed from a team is out with the next click.
    return next((one for one in mine if one.team_id == chosen), mine[0] if mine else None)


def _attach(request: Any) -> None:
    request.memberships = SimpleLazyObject(lambda: _memberships(request))
    request.membership = SimpleLazyObject(lambda: _membership(request))
    request.team = SimpleLazyObject(lambda: request.membership.team if request.membership else None)


def _keep_private(request: HttpRequest, response: HttpResponse) -> None:
    """`no-store` for the HTML of signed-in people, so that Back after signing out shows nothing.

    Decided by the session cookie, not by the user: looking at the user here would cost a query on pages that need none.
    """
    signed_in = settings.SESSION_COOKIE_NAME in request.COOKIES
    is_page = response.get("Content-Type", "").startswith("text/html")
    if signed_in and is_page and not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-store"


@sync_and_async_middleware
def TeamMiddleware(get_response: Answer) -> Answer:
    """Sets `request.team`, `request.membership` and `request.memberships`, all lazy: at most two queries, on first use.

    The team is that of the page that asks, for presses that name it; else the one chosen in this session while the person
    is still a member of it, else their first one. For strangers, for people without a team, and for those who are no longer
    in the team of the page, it is falsy: write `if not request.team`, never `is None`.
    """
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            _attach(request)
            return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        _attach(request)
        return get_response(request)

    return answer


@sync_and_async_middleware
def PrivatePagesMiddleware(get_response: Answer) -> Answer:
    """Keeps pages of signed-in people out of every cache, unless the view has set Cache-Control itself."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            response = await get_response(request)
            _keep_private(request, response)
            return response

        return answer_async

    def answer(request: HttpRequest) -> Any:
        response = get_response(request)
        _keep_private(request, response)
        return response

    return answer
