"""When a time-limited exception may hold: for how long, not before a moment, and never beyond one; and by when somebody has to decide."""

from datetime import datetime, timedelta
from typing import Final

from audit.errors import FieldError, IllegalTransition, Invalid
from audit.words import at, said
from exceptions.models import Waiver

MINUTE: Final = timedelta(minutes=1)
LONGEST_ANSWER: Final = timedelta(hours=24)
SHORTEST_ANSWER: Final = timedelta(minutes=15)
SHARE_TO_DECIDE: Final = 5
FURTHEST_BEGIN: Final = timedelta(days=90)


def minutes_asked(minutes: int | None, begin_at: datetime | None, until: datetime | None, now: datetime) -> int:
    """The length that is asked for: as given, else from its beginning until `until`. Raises `Invalid` where neither is said."""
    if until is not None:
        return max(-(-(until - max(begin_at or now, now)) // MINUTE), 0)
    if minutes is None:
        detail = said("Say for how long, or until when.")
        raise Invalid(detail, errors=[FieldError("/minutes", "missing", detail)])
    return minutes


def usual_answer_by(waiver: Waiver, *, now: datetime) -> datetime:
    """A fifth of the way to when it begins, else for as long as it is asked for; at most 24 h, and never beyond its end."""
    length = min(max(waiver.effective_minutes, 1) * 60, LONGEST_ANSWER.total_seconds()) * timedelta(seconds=1)
    if waiver.begin_at is not None and waiver.begin_at > now:
        length = max((waiver.begin_at - now) / SHARE_TO_DECIDE, SHORTEST_ANSWER)
    due = now + min(length, LONGEST_ANSWER)
    return min(due, waiver.end_by) if waiver.end_by is not None and waiver.end_by > now else due


def window_errors(waiver: Waiver, max_hours: int, now: datetime) -> list[FieldError]:
    """What is wrong with when it is asked for."""
    errors = []
    if waiver.begin_at is not None and not now < waiver.begin_at <= now + FURTHEST_BEGIN:
        detail = said("Enter a beginning that is still to come, within 90 days.")
        errors.append(FieldError("/begin_at", "out-of-range", detail))
    if not 1 <= waiver.effective_minutes <= max_hours * 60:
        errors.append(_length_error(waiver, max_hours, now))
    latest = min(now + LONGEST_ANSWER, waiver.end_by or now + LONGEST_ANSWER)
    if not now < waiver.answer_by <= latest:
        detail = said("Enter a time to decide by that lies within the next 24 h.")
        if waiver.end_by is not None:
            detail = said("Enter a time to decide by that lies within the next 24 h and not after its end.")
        errors.append(FieldError("/answer_by", "out-of-range", detail))
    return errors


def _length_error(waiver: Waiver, max_hours: int, now: datetime) -> FieldError:
    longest = said("The longest allowed for this gate is %(hours)s h.", hours=max_hours)
    if waiver.end_by is None:
        detail = said("Enter a length of at least one minute. %(longest)s", longest=longest)
        return FieldError("/minutes", "out-of-range", detail)
    latest = at(max(waiver.begin_at or now, now) + timedelta(hours=max_hours))
    detail = said(
        "Enter an end after it begins. The longest allowed for this gate is %(hours)s h (%(latest)s).",
        hours=max_hours,
        latest=latest,
    )
    return FieldError("/until", "out-of-range", detail)


def window_of(waiver: Waiver, minutes: int, *, now: datetime) -> tuple[datetime, datetime]:
    """From when until when it holds if it is approved now for `minutes`.

    From now, from when it was asked to begin, or where what it extends ends; never beyond the end that was asked for. Raises
    `IllegalTransition` when what it extends was revoked, or nothing would be left of it.
    """
    base = waiver.extends
    if base is not None and base.state == "revoked":
        raise IllegalTransition(
            said("%(key)s, which it extends, was revoked. It has to be asked for anew.", key=base.key)
        )
    goes_on = base.expires_at if base and base.expires_at and base.is_in_force(now) else None
    starts = goes_on or max(now, waiver.begin_at or now)
    ends = starts + timedelta(minutes=minutes)
    if waiver.end_by is not None and waiver.end_by < ends:
        ends = waiver.end_by
    if ends <= starts:
        raise IllegalTransition(
            said("%(key)s was asked for until %(end)s, which is over.", key=waiver.key, end=at(ends))
        )
    return starts, ends
