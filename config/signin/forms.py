"""The second factor as it is typed: single use, and guessing takes time."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from audit import clock
from audit.services import tries
from config.signin import guards
from config.signin.adapters import acting_user
from rules import services


class SignInForm(LoginForm):
    """Username and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = gettext_lazy("Username")


class Patient:
    """Counts wrong codes, refuses to try while the pause lasts, and takes a code once only, in whatever process."""

    def clean_code(self) -> str:
        """The code. Raises `ValidationError` for a wrong or used one, and during a pause."""
        now, guarded = clock.now(), guards.of_code(self.user.pk)  # type: ignore[attr-defined]
        until = tries.pause_until(guards=guarded, now=now)
        if until is not None:
            raise guards.wait_error(until, now)
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            self._refuse_used(code)
        except ValidationError:
            by = acting_user(context.request, self.user)  # type: ignore[attr-defined]
            services.note_wrong_code(by=by, now=now)
            if tries.count_wrong_try(guards=guarded, now=now):
                services.note_lock_out(username=self.user.username, now=now)  # type: ignore[attr-defined]
            raise
        tries.forget_wrong_tries(guards=guarded)
        return code

    def _refuse_used(self, code: str) -> None:
        if not tries.use_once(name="used code", of=f"{self.user.pk}:{code}", now=clock.now()):  # type: ignore[attr-defined]
            raise ValidationError(gettext_lazy("That code was used already. Wait for the next one."))


class SecondFactorForm(Patient, AuthenticateForm):
    """At sign-in."""


class SecondFactorAgainForm(Patient, ReauthenticateForm):
    """Before something delicate."""
