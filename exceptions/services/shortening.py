"""Letting a time-limited exception end earlier than it was allowed to; never later."""

from datetime import datetime, timedelta
from uuid import UUID

from audit.context import Actor
from audit.errors import FieldError, IllegalTransition, Invalid, Refused
from audit.services.events import record
from audit.words import at, said
from exceptions.models import Waiver
from exceptions.services.pausing import move_end
from exceptions.services.waiver_decisions import watch_its_end
from exceptions.services.waiver_news import tell_concerned
from exceptions.services.waiver_papers import a_comment, locked_waiver, require_state
from exceptions.states import WaiverState

REVOKE = "exceptions.revoke_waiver"


def may_shorten(waiver: Waiver, *, by: Actor) -> bool:
    """Whether this person may let it end earlier: who owns what it allows, and whoever may revoke it."""
    return by.reaches(waiver.client_id) and (waiver.owner_id in by.owners or by.may(REVOKE, waiver.client_id))


def shorten_waiver(*, waiver_id: UUID, until: datetime, reason: str, by: Actor, now: datetime) -> Waiver:
    """Let it end at `until`, which lies before its end; the gate closes then by itself, and those concerned are told.

    Where it ends then already nothing changes. Raises `Refused` for who neither owns what it allows nor may revoke it, `Invalid` for an
    end that is over or not earlier, `IllegalTransition` for what is not allowed (any more) and for what another one goes on from.
    """
    with locked_waiver(waiver_id, by, now, "exceptions.view_case") as waiver:
        if not may_shorten(waiver, by=by):
            raise Refused(
                "Who owns what this allows, or whoever may revoke it, can let it end earlier.", permission=REVOKE
            )
        require_state(waiver, WaiverState.APPROVED, act="shortened")
        if until == waiver.expires_at:
            return waiver
        was = _refuse_unless_earlier(waiver, until, now)
        why = a_comment(reason)
        _refuse_gap(waiver, was)
        waiver.expires_at = until
        waiver.save()
        record("waiver.shortened", subject=waiver, reason=why)
        assert waiver.starts_at is not None  # noqa: S101 -- it is approved
        watch_its_end(waiver, max((until - waiver.starts_at) // timedelta(minutes=1), 1))
        move_end(waiver, was)
        words = said("%(name)s lets it end earlier, %(end)s: %(reason)s", name=by.name, end=at(until), reason=why)
        tell_concerned(waiver, "waiver.shortened", words, now)
    return waiver


def _refuse_unless_earlier(waiver: Waiver, until: datetime, now: datetime) -> datetime:
    """The end it has now."""
    assert waiver.starts_at is not None  # noqa: S101 -- it is approved
    assert waiver.expires_at is not None  # noqa: S101 -- it is approved
    if waiver.expires_at <= now:
        raise IllegalTransition(said("%(key)s has ended, %(end)s.", key=waiver.key, end=at(waiver.expires_at)))
    if not max(now, waiver.starts_at) < until < waiver.expires_at:
        detail = said(
            "Enter an end that is still to come and before %(end)s; to end it now, revoke it.",
            end=at(waiver.expires_at),
        )
        raise Invalid(detail, errors=[FieldError("/until", "out-of-range", detail)])
    return waiver.expires_at


def _refuse_gap(waiver: Waiver, was: datetime) -> None:
    """Between the new end and what goes on from the old one nothing would be in force."""
    later = waiver.extensions.filter(state=WaiverState.APPROVED, starts_at__gte=was).first()
    if later is not None:
        raise IllegalTransition(
            said("%(later)s goes on where %(key)s ends. Shorten or revoke that one.", later=later.key, key=waiver.key)
        )
