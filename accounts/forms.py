"""Forms of the pages about people."""

from django import forms
from django.contrib.auth.password_validation import validate_password

from .models import Membership, User


class SetupForm(forms.Form):
    """The first account. `autocomplete` values are those that password managers look for."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": 12}),
        help_text="12 characters or more. A sentence works well.",
    )
    team_name = forms.CharField(
        label="Team name",
        max_length=120,
        initial="Studio",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text="Shots, provider keys and the budget belong to the team.",
    )

    def clean(self) -> dict[str, object]:
        found = super().clean() or self.cleaned_data
        _check_password(self, found)
        return found


def _check_password(form: forms.Form, found: dict[str, object]) -> None:
    password = found.get("password")
    if password:
        person = User(email=str(found.get("email", "")), name=str(found.get("name", "")))
        try:
            validate_password(str(password), person)
        except forms.ValidationError as refused:
            form.add_error("password", refused)


class JoinForm(forms.Form):
    """The account of somebody who was invited. `email` is fixed when the invitation names one."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": 12}),
        help_text="12 characters or more. A sentence works well.",
    )

    def __init__(self, *args: object, address: str = "", **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if address:
            self.fields["email"].initial, self.fields["email"].disabled = address, True

    def clean_email(self) -> str:
        """Says that an address has an account, but only to somebody who holds an invitation."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("This address has an account. Sign in with it, then follow the link again.")
        return email

    def clean(self) -> dict[str, object]:
        found = super().clean() or self.cleaned_data
        _check_password(self, found)
        return found


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="For this address only",
        required=False,
        widget=forms.EmailInput(
            attrs={"autocomplete": "off", "class": "input", "placeholder": "Anybody with the link"}
        ),
    )
    role = forms.ChoiceField(
        label="Role",
        choices=Membership.ROLES,
        initial=Membership.MEMBER,
        widget=forms.Select(attrs={"class": "select"}),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Membership.ROLES)


DENSITIES = [("roomy", "Roomy"), ("dense", "Dense")]


class ThemeForm(forms.Form):
    """Two forms of one button each, so only one of them is given."""

    theme = forms.ChoiceField(choices=User.THEMES, required=False)
    density = forms.ChoiceField(choices=DENSITIES, required=False)

    def clean(self) -> dict[str, object]:
        found = {name: value for name, value in self.cleaned_data.items() if value}
        if not found:
            raise forms.ValidationError("Nothing was chosen.")
        return found
