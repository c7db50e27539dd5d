"""Who calls the API: an integrator's token, or a person's session. Either way the request's `auth` is an `Actor`."""

from dataclasses import replace
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from audit import clock
from audit.context import Actor
from audit.models import User
from rules import selectors, services
from rules.errors import TokenRefused

SCHEME = "Bearer"


class TokenUser(AnonymousUser):
    """Somebody who is let in as a program: no person, no session."""

    if not TYPE_CHECKING:
        is_authenticated = True


class ByToken(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[TokenUser, Actor] | None:
        """The token's actor; None where there is no bearer token. Raises `AuthenticationFailed` for one that lets nobody in."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.casefold() != SCHEME.casefold():
            return None
        request_id = getattr(request, "request_id", "")
        try:
            actor = services.authenticate_api_token(text=text.strip(), now=clock.now(), request_id=request_id)
        except TokenRefused as refused:
            raise AuthenticationFailed(refused.message) from refused
        return TokenUser(), actor

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        del request
        return SCHEME


class BySession(SessionAuthentication):
    """The session of a person who signed in; unsafe requests carry the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """The person's actor; None for nobody. Raises `PermissionDenied` when their role asks for a second factor they do not have."""
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        # The middleware knows who it is.
        actor: Actor = replace(request.actor, channel="api")  # type: ignore[attr-defined]
        if selectors.lacks_factor(actor):
            raise PermissionDenied(selectors.FACTOR_MISSING)
        return found[0], actor
