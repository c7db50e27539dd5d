"""What a person signs in with, and from where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from audit.context import Actor
from audit.models import User
from rules.models import ApiToken

FACTOR_MISSING = "Your role asks for a second factor. Set one up under /settings/security/ first."
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class SessionRow:
    """One place a person is signed in at."""

    device: str
    address: str
    since: datetime
    seen_at: datetime
    current: bool


@dataclass(frozen=True)
class Factors:
    """What a person has beside the password."""

    app: Authenticator | None
    passkeys: list[Authenticator]
    codes_left: int | None

    @property
    def any(self) -> bool:
        """Whether signing in asks for a second proof."""
        return bool(self.app or self.passkeys)


def sessions_of(person: User, *, current: str, now: datetime) -> list[SessionRow]:
    """Where somebody is signed in, the newest use first; `current` is the key of the session that asks."""
    alive = Session.objects.filter(expire_date__gt=now).values("session_key")
    found = UserSession.objects.filter(user=person, session_key__in=alive).order_by("-last_seen_at", "-pk")
    return [
        SessionRow(
            device_of(one.user_agent), one.ip, one.created_at, one.last_seen_at, current=one.session_key == current
        )
        for one in found
    ]


def tokens_of(person: User) -> QuerySet[ApiToken]:
    """The API tokens that act for somebody, the newest first, ended and revoked ones too."""
    return ApiToken.objects.filter(user=person).prefetch_related("clients").order_by("-pk")


def device_of(user_agent: str) -> str:
    """Browser and system in words."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    return " · ".join(part for part in (browser, system) if part) or user_agent[:60] or "Unknown"


def _first(known: Iterable[tuple[str, str]], text: str) -> str:
    return next((name for mark, name in known if mark in text), "")


def factors_of(person: User) -> Factors:
    """The person's second factors."""
    found = list(Authenticator.objects.filter(user=person).order_by("created_at", "pk"))
    codes = next((one for one in found if one.type == Authenticator.Type.RECOVERY_CODES), None)
    return Factors(
        app=next((one for one in found if one.type == Authenticator.Type.TOTP), None),
        passkeys=[one for one in found if one.type == Authenticator.Type.WEBAUTHN],
        codes_left=None if codes is None else len(codes.wrap().get_unused_codes()),
    )


def has_factor(user_id: int | None) -> bool:
    """Whether signing in asks this person for a second proof."""
    proofs = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user_id=user_id, type__in=proofs).exists())


def lacks_factor(by: Actor) -> bool:
    """Whether a role of this person asks for a second factor and they have none."""
    asking = set(settings.REQUIRE_MFA_ROLES) & {str(role) for role in by.roles}
    return bool(asking) and not has_factor(by.user_id)


def only_person_with(emails: Iterable[str]) -> User | None:
    """The one active person with one of these addresses; None where there is nobody, or more than one."""
    found = {
        user.pk: user for email in emails if email for user in User.objects.filter(email__iexact=email, is_active=True)
    }
    return next(iter(found.values())) if len(found) == 1 else None
