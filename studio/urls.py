"""The map of the site. Pages of people are in accounts.urls, pages of shots in generations.urls."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from . import views

admin.autodiscover()
sign_in = secure_admin_login(admin.site.login)


def superusers_only(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser


def admin_login(request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
    """Strangers go to the studio's own page, the one with rate limits; the admin's own form is never shown."""
    if request.user.is_authenticated and not superusers_only(request):
        raise PermissionDenied
    answer: HttpResponse = sign_in(request, extra_context)
    return answer


# The admin can read money and replace provider keys, so being staff is not enough.
admin.site.has_permission = superusers_only  # type: ignore[method-assign]
admin.site.login = admin_login  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Tungsten"
admin.site.index_title = "Administration"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler429 = views.too_many  # not Django's: allauth looks for this name
handler500 = views.server_error
