"""What every request of somebody signed in is asked: did they do something lately, is a second factor missing, and when were they seen."""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from audit import clock
from audit.context import Actor
from audit.errors import Refused
from audit.services.events import record_refusal
from rules import selectors

GetResponse = Callable[[HttpRequest], HttpResponse]
OPEN = ("/settings/security/", "/signin/", "/signout/", "/api/", f"/{settings.STATIC_URL.lstrip('/')}")
SEEN_EVERY_SECONDS = 60
DID = "did_something_at"


class SecondFactor:
    """Who has to have a second factor and has none gets to nothing but the pages that set one up; the API asks for itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let pass, or send to the security page."""
        by: Actor | None = request.actor  # type: ignore[attr-defined]
        if by is None or request.path.startswith(OPEN) or not selectors.lacks_factor(by):
            return self.get_response(request)
        record_refusal(
            by, error=Refused(selectors.FACTOR_MISSING), what=f"{request.method} {request.path}", now=clock.now()
        )
        return redirect("security")


class Idle:
    """Who has done nothing for too long is signed out, and asked to come in again; what a page asks for by itself is nothing done."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look before anybody acts; keep the moment at most once a minute."""
        if settings.IDLE_MINUTES and request.user.is_authenticated:
            now = clock.now().timestamp()
            did = request.session.get(DID)
            if did is not None and now - did > settings.IDLE_MINUTES * 60:
                logout(request)
            elif did is None or (now - did >= SEEN_EVERY_SECONDS and not _asks_by_itself(request)):
                request.session[DID] = now
        return self.get_response(request)


def _asks_by_itself(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


class LastSeen:
    """When and from where a session was used, written at most once a minute and process."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """A first sight only begins the minute: sign-in wrote it down already."""
        if request.user.is_authenticated and (key := request.session.session_key):
            now = clock.now()
            name = f"seen:{key}"
            seen = cache.get_or_set(name, now.timestamp, timeout=settings.SESSION_COOKIE_AGE)
            if seen is not None and now.timestamp() - seen >= SEEN_EVERY_SECONDS:
                cache.set(name, now.timestamp(), timeout=settings.SESSION_COOKIE_AGE)
                UserSession.objects.filter(session_key=key).update(last_seen_at=now)
        return self.get_response(request)
