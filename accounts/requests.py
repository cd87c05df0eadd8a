"""The request as the views of the studio see it, for annotations only."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from .models import Membership, Team, User


class StudioRequest(HttpRequest):
    """What the middleware adds. `team` and `membership` are lazy: test them for truth, never with `is None`."""

    user: User  # in views behind login_required
    htmx: HtmxDetails
    team: Team
    membership: Membership
    memberships: list[Membership]
