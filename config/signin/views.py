"""The pages of sign-in and of one's own security; each of them django-allauth's, in our frame and with its event."""

from typing import Any, cast

from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.providers.openid_connect import views as company
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods
from requests import RequestException

from audit import clock
from audit.context import acting
from audit.models import User
from config.middleware import actor_of
from config.signin import guards
from config.signin.adapters import company_failed
from orders.fulfilment.management import demo
from rules import selectors, services


class SignIn(LoginView):
    """One card: password, passkey, and the company's own sign-in where there is one."""

    template_name = "registration/signin.html"
    http_method_names = ("get", "post", "head", "options")

    def form_invalid(self, form: Form) -> HttpResponse:
        """422 for a wrong password, 429 with the time to wait for too many."""
        waits = [one for one in form.non_field_errors().as_data() if one.code == guards.WAIT]
        response: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=429 if waits else 422)
        if waits:
            response["Retry-After"] = str(waits[0].params["seconds"])  # type: ignore[index]
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The demo shows its accounts."""
        companies: list[dict[str, Any]] = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
        return {
            **super().get_context_data(**kwargs),
            "next": self.get_next_url() or "",
            "accounts": _demo_accounts(),
            "companies": [(one["provider_id"], one["name"]) for one in companies],
        }


def to_company(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Off to the company's own sign-in, if that can be reached."""
    try:
        answer: HttpResponse = company.login(request, provider_id)
    except RequestException:
        return company_failed(request)
    return answer


class SignOut(LogoutView):
    """Back to the sign-in page."""

    http_method_names = ("post", "options")


def _demo_accounts() -> list[dict[str, str]]:
    if not settings.DEMO:
        return []
    return [{"username": one.username, "role": one.what, "password": demo.DEMO_PASSWORD} for one in demo.DEMO_ACCOUNTS]


@login_required
@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """What one signs in with."""
    by, person = actor_of(request), cast("User", request.user)
    context = {
        "factors": selectors.factors_of(person),
        "missing": selectors.lacks_factor(by),
        "sessions": len(selectors.sessions_of(person, current="", now=clock.now())),
    }
    return render(request, "signin/security.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; all other places can be signed out at once."""
    by, person, now = actor_of(request), cast("User", request.user), clock.now()
    key = request.session.session_key or ""
    if request.method == "POST":
        ended = services.end_sessions(person=person, by=by, now=now, keep=key)
        said = ngettext("Signed out at %(n)d other place.", "Signed out at %(n)d other places.", ended) % {"n": ended}
        messages.success(request, said if ended else _("You were signed in nowhere else."))
        return redirect("sessions")
    UserSession.objects.create_from_request(request)
    rows = selectors.sessions_of(person, current=key, now=now)
    return render(request, "signin/sessions.html", {"rows": rows, "others": len(rows) - 1})


class Told:
    """A change of one's own second factors, with its event in the same transaction."""

    event = "factor.added"
    kind = ""
    request: HttpRequest

    def form_valid(self, form: Form) -> HttpResponse:
        """Change and tell."""
        by, now = actor_of(self.request), clock.now()
        with acting(by, at=now):
            response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
            services.note_factor(by=by, event=self.event, kind=self.kind, now=now)
        return response


class AddApp(Told, ActivateTOTPView):
    """Set up an authenticator app."""

    kind = "totp"


class RemoveApp(Told, DeactivateTOTPView):
    """Turn the authenticator app off."""

    event, kind = "factor.removed", "totp"


class AddPasskey(Told, AddWebAuthnView):
    """Add a passkey or a security key."""

    kind = "webauthn"


class RemovePasskey(Told, RemoveWebAuthnView):
    """Remove a passkey."""

    event, kind = "factor.removed", "webauthn"
    success_url = "/settings/security/"


class MakeCodes(Told, GenerateRecoveryCodesView):
    """New recovery codes; the old ones end."""

    event, kind = "factor.codes_made", "recovery_codes"


class ChangePassword(PasswordChangeView):
    """One's own password, which takes the old one; everywhere else one is signed out."""

    template_name = "signin/password.html"
    success_url = "/settings/security/"

    def form_valid(self, form: Form) -> HttpResponse:
        """Change it, end the other sessions and tell, all at once."""
        by, person, now = actor_of(self.request), cast("User", self.request.user), clock.now()
        with acting(by, at=now):
            response: HttpResponse = super().form_valid(form)
            services.note_factor(by=by, event="person.password_changed", kind="password", now=now)
            services.end_sessions(person=person, by=by, now=now, keep=self.request.session.session_key or "")
        return response

    def form_invalid(self, form: Form) -> HttpResponse:
        """422, with what is wrong."""
        response: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=422)
        return response
