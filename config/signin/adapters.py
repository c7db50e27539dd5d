"""What Handrail decides for django-allauth: who may come in, what is kept of it, and how secrets rest."""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import clock, crypto
from audit.context import Actor
from audit.models import User
from audit.services import tries
from audit.services.refusals import tally_refusal
from config.middleware import actor_of
from config.signin import guards
from rules import selectors, services

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 -- shown, not bound: a request through a socket has none
MISMATCH = gettext_lazy("That username and password do not match.")


def acting_user(request: HttpRequest, user: User) -> Actor:
    """The person who is coming in, before the request knows them."""
    return selectors.actor_for(user, channel="web", request_id=str(getattr(request, "request_id", "")))


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by admins; wrong passwords cost time; comings and goings are in the trail."""

    error_messages = {  # noqa: RUF012 -- the base class's shape
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": MISMATCH,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves."""
        del request
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The caller's address; one for all who have none."""
        return get_client_ip(request) or UNKNOWN_ADDRESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse to try while the pause lasts. Raises `ValidationError` saying until when."""
        now = clock.now()
        until = tries.pause_until(guards=self._guards(request, credentials), now=now)
        if until is not None:
            tally_refusal(source="signin", code="waiting", what="POST /signin/", now=now)
            raise guards.wait_error(until, now)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Who it is; None for a wrong name or password. Raises `ValidationError` while a pause lasts."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            of_account = self._guards(request, credentials)[:2]
            tries.forget_wrong_tries(guards=of_account)
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try, for the pause and for the trail."""
        now = clock.now()
        tally_refusal(source="signin", code="wrong-password", what="POST /signin/", now=now)
        closed = tries.count_wrong_try(guards=self._guards(request, credentials), now=now)
        if any(guard.name != "address" for guard in closed):
            services.note_lock_out(username=credentials.get("username", ""), now=now)
        elif closed:
            tally_refusal(source="signin", code="address-locked", what="POST /signin/", now=now)

    def _guards(self, request: HttpRequest, credentials: dict[str, Any]) -> list[tries.Guard]:
        return guards.of_password(credentials.get("username", ""), self.get_client_ip(request))

    def login(self, request: HttpRequest, user: User) -> None:
        """Keep by which proofs."""
        super().login(request, user)
        records = get_authentication_records(request, user)
        ways = [one.get("type") or one.get("provider") or one["method"] for one in records]
        services.note_sign_in(by=acting_user(request, user), ways=ways, now=clock.now())

    def logout(self, request: HttpRequest) -> None:
        """Keep that somebody left."""
        by, key = actor_of(request), request.session.session_key or ""
        super().logout(request)
        services.sign_out(by=by, session_key=key, now=clock.now())

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """The same words as for a wrong password."""
        del user
        tally_refusal(source="signin", code="inactive", what=request.path, now=clock.now())
        messages.error(request, MISMATCH)
        return redirect("signin")


class FactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors rest encrypted; a code that was wrong says so in our words."""

    error_messages = {  # noqa: RUF012 -- the base class's shape
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("That is not right. Try again, or use another way."),
    }

    def encrypt(self, text: str) -> str:
        """As all secrets are."""
        return crypto.seal_secret(text)

    def decrypt(self, encrypted_text: str) -> str:
        """What `encrypt` made."""
        return crypto.open_secret(encrypted_text)


class CompanyAdapter(DefaultSocialAccountAdapter):
    """The company's own sign-in lets in whom an admin made an account for, found by an e-mail address it vouches for; it makes nobody."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Nobody makes an account for themselves."""
        del request, sociallogin
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the account, at the first time by the e-mail address. Raises `ImmediateHttpResponse` when there is none."""
        sociallogin.state["process"] = "login"
        sociallogin.account.extra_data = {}
        if sociallogin.is_existing:
            return
        vouched = [one.email for one in sociallogin.email_addresses if one.verified is True]
        person = selectors.only_person_with(vouched)
        if person is None:
            self._refuse(request, "sso-nobody", _("Nobody here has that address. Ask an admin for an account."))
        sociallogin.connect(request, person)
        services.note_factor(
            by=acting_user(request, person), event="factor.linked", kind=sociallogin.account.provider, now=clock.now()
        )

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Back to the sign-in page. Raises `ImmediateHttpResponse`."""
        del provider, error, exception, extra_context
        raise ImmediateHttpResponse(company_failed(request))

    def _refuse(self, request: HttpRequest, code: str, words: str) -> NoReturn:
        raise ImmediateHttpResponse(refuse_company(request, code, words))


def company_failed(request: HttpRequest) -> HttpResponse:
    """The company's own sign-in is down, or said no: back to the sign-in page."""
    return refuse_company(request, "sso-failed", _("That did not work. Try again, or sign in with your password."))


def refuse_company(request: HttpRequest, code: str, words: str) -> HttpResponse:
    """Count it, say it, and go back to the sign-in page."""
    tally_refusal(source="signin", code=code, what="/signin/sso/", now=clock.now())
    messages.error(request, words)
    return redirect("signin")
