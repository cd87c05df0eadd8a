"""First run, theme, team, and those pages of allauth that the studio uses."""

from allauth.account import views as allauth
from django.urls import include, path, re_path

from . import team_views, views

# Not include("allauth.urls"): the pages left out (change of e-mail, codes) would be doors that nobody watches.
sign_in = [
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("signup/", allauth.signup, name="account_signup"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/set/", allauth.password_set, name="account_set_password"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]

urlpatterns = [
    path("accounts/", include(sign_in)),
    path("setup/<str:token>/", views.setup, name="setup"),
    path("theme/", views.theme, name="theme"),
    path("team/", team_views.team, name="team"),
    path("team/invitations/", team_views.invite, name="invite"),
    path("team/invitations/<int:pk>/revoke/", team_views.revoke, name="revoke-invitation"),
    path("team/members/<int:pk>/role/", team_views.role, name="role"),
    path("team/members/<int:pk>/remove/", team_views.remove, name="remove-member"),
    path("team/leave/", team_views.leave, name="leave-team"),
    path("join/<str:token>/", team_views.join, name="join"),
]
