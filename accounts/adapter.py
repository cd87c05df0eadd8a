"""How the studio differs from allauth's defaults: nobody can sign up alone."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """A studio spends its team's money, so accounts are made by invitation (or by the setup link)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
