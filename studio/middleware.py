"""What happens to every answer of Django on its way out."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.urls import Resolver404, resolve
from django.utils.decorators import sync_and_async_middleware


class CompressedPages(GZipMiddleware):
    """HTML only: films and archives do not become smaller, and a stream is not to wait for more.

    Secrets on our pages are masked anew each time, and Django pads the answer, so its length tells nothing.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)  # type: ignore[return-value]


@sync_and_async_middleware
def WayOnMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """No answer is a dead end: see `_with_a_way_on`."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            return _with_a_way_on(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> Any:
        return _with_a_way_on(request, get_response(request))

    return answer


def _with_a_way_on(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A browser that opens the address of a button (after signing in, or by the theme's button on the page that a refused
    form left) is led to the page above it. A press of somebody who is signed out by now leads to the sign-in page and
    from there back to where they were; htmx would follow the redirect itself and put that page into a card.
    """
    if response.status_code == 405 and request.method in ("GET", "HEAD") and request.accepts("text/html"):
        return HttpResponseRedirect(_above(request.path)) if "Accept" in request.headers else response
    sign_in = resolve_url(settings.LOGIN_URL)
    if request.headers.get("HX-Request") and response.headers.get("Location", "").startswith(sign_in):
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        there = urlencode({"next": f"{here.path or '/'}?{here.query}" if here.query else here.path or "/"})
        return HttpResponse(status=401, headers={"HX-Redirect": f"{sign_in}?{there}"})
    return response


def _above(path: str) -> str:
    """The nearest address above this one that is one of ours."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        break
    return path
