"""What happens to every answer of Django on its way out."""

from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """HTML only: films and archives do not become smaller, and a stream is not to wait for more.

    Secrets on our pages are masked anew each time, and Django pads the answer, so its length tells nothing.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)  # type: ignore[return-value]
