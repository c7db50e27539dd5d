"""How people come in and go: what the trail keeps of it, their sessions, their second factors."""

from collections.abc import Sequence
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from audit.access import require
from audit.context import Actor, acting
from audit.models import User
from audit.services.events import record
from audit.services.refusals import STRANGER
from audit.subject_refs import SubjectRef

MANAGE = "rules.manage_people"


def account(user_id: int | None) -> SubjectRef:
    """The account as the trail names it, without personal data."""
    return SubjectRef("audit.user", str(user_id))


def note_sign_in(*, by: Actor, ways: Sequence[str], now: datetime) -> None:
    """Keep that somebody came in, and by which proofs ("password", "totp", …)."""
    with acting(by, at=now):
        record("person.signed_in", subject=account(by.user_id), ways=list(ways))


def sign_out(*, by: Actor, session_key: str, now: datetime) -> None:
    """Keep that somebody left, and forget their session."""
    with acting(by, at=now):
        UserSession.objects.filter(user_id=by.user_id, session_key=session_key).delete()
        record("person.signed_out", subject=account(by.user_id))


def note_lock_out(*, username: str, now: datetime) -> None:
    """Keep that an account has to wait because somebody guessed; accounts that do not exist are only counted elsewhere."""
    user_id = User.objects.filter(username__iexact=username).values_list("pk", flat=True).first()
    if user_id is not None:
        with acting(STRANGER, at=now):
            record("person.locked_out", subject=account(user_id))


def note_wrong_code(*, by: Actor, now: datetime) -> None:
    """Keep that somebody who knew the password gave a wrong code."""
    with acting(by, at=now):
        record("access.refused", subject=account(by.user_id), what="second factor", code="wrong-code", permission="")


def note_factor(*, by: Actor, event: str, kind: str, now: datetime) -> None:
    """Keep a change of one's own second factors, in the transaction of the change; `kind` is "totp", "webauthn" and the like."""
    with acting(by, at=now):
        record(event, subject=account(by.user_id), kind=kind)


def end_sessions(*, person: User, by: Actor, now: datetime, keep: str = "") -> int:
    """End a person's sessions, all or all but the one with the key `keep`; how many.

    Everybody may end their own. Raises `Refused` when `by` may not end somebody else's.
    """
    if by.user_id != person.pk:
        require(by, MANAGE)
    with acting(by, at=now):
        known = UserSession.objects.filter(user=person).exclude(session_key=keep)
        keys = list(known.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        known.filter(session_key__in=keys).delete()
        record("person.sessions_ended", subject=account(person.pk), count=len(keys))
    return len(keys)


def remove_factors(*, person: User, by: Actor, now: datetime) -> int:
    """Take away a person's second factors, when phone and codes are lost, and end their sessions; how many factors.

    Raises `Refused` when `by` may not.
    """
    require(by, MANAGE)
    with acting(by, at=now):
        count: int = Authenticator.objects.filter(user=person).delete()[0]
        record("factor.removed", subject=account(person.pk), kind="all")
        end_sessions(person=person, by=by, now=now)
    return count


def set_active(*, person: User, active: bool, by: Actor, now: datetime) -> User:
    """Let an account in again, or shut it out and end its sessions. Raises `Refused` when `by` may not."""
    require(by, MANAGE)
    with acting(by, at=now):
        person.is_active = active
        person.save(update_fields=["is_active"])
        if active:
            record("person.activated", subject=account(person.pk))
        else:
            record("person.deactivated", subject=account(person.pk))
            end_sessions(person=person, by=by, now=now)
    return person
