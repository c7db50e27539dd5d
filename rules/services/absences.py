"""Going away and coming back."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.words import Said, at, said
from rules import selectors
from rules.models import Absence, Owner
from rules.states import OpenWork

LONGEST_ABSENCE = timedelta(days=366)


def enter_absence(
    *,
    person: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    cover: str = "",
    note: str = "",
    open_work: str = OpenWork.BY_LENGTH,
    by: Actor,
    now: datetime,
) -> Absence:
    """Say that a person (an owner's slug) is away; `cover` takes the work instead of the backup. It never begins in the past.

    Without `ends_at` it holds until the person is back (`end_absence`). `open_work` (`OpenWork`) is what becomes of what they have open.
    Raises `NotFound`, `Refused` for people of others, `Invalid` for times that cannot be, for what is to stay without an end to wait for,
    for a second absence at the same time, and for a cover who is away then or may not do the work.
    """
    with acting(by, at=now):
        owner = selectors.managed_person(person, by=by)
        # One absence at a time: whoever enters another waits here.
        Owner.objects.select_for_update(no_key=True).get(pk=owner.pk)
        starts_at = max(starts_at, now)
        _refuse_bad_times(owner, starts_at, ends_at)
        if ends_at is None and open_work == OpenWork.KEEP:
            detail = said("What stays waits for an end: say until when, or let it move.")
            raise Invalid(detail, errors=[FieldError("/ends_at", "required", detail)])
        if open_work not in OpenWork.values:
            detail = said("Choose one of: %(value)s.", value=", ".join(OpenWork.values))
            raise Invalid(detail, errors=[FieldError("/open_work", "unknown", detail)])
        stand_in = _cover(cover, owner, starts_at) if cover else None
        absence = Absence.objects.create(
            owner=owner, cover=stand_in, starts_at=starts_at, ends_at=ends_at, note=note, open_work=open_work
        )
        record(
            "absence.entered",
            subject=absence,
            owner=owner.slug,
            cover=cover,
            starts_at=starts_at,
            ends_at=ends_at,
            open_work=open_work,
        )
    return absence


def end_absence(*, absence_id: UUID, by: Actor, now: datetime) -> Absence:
    """The person is back, or does not go after all. Raises `NotFound`, `Refused`, and `Conflict` when it is over already."""
    with acting(by, at=now):
        absence = Absence.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=absence_id).first()
        if absence is None:
            raise NotFound("There is no such absence.")
        selectors.managed_person(absence.owner.slug, by=by)
        if not absence.is_active or (absence.ends_at is not None and absence.ends_at <= now):
            raise Conflict(said("%(name)s is back already.", name=absence.owner.name))
        if absence.starts_at < now:
            absence.ends_at = now
        else:
            absence.is_active = False
        absence.save()
        record("absence.ended", subject=absence, owner=absence.owner.slug)
    return absence


def _refuse_bad_times(owner: Owner, starts_at: datetime, ends_at: datetime | None) -> None:
    if ends_at is not None and not starts_at < ends_at <= starts_at + LONGEST_ABSENCE:
        detail = said("It has to end after it begins, and within %(days)s days.", days=LONGEST_ABSENCE.days)
        raise Invalid(detail, errors=[FieldError("/ends_at", "out-of-range", detail)])
    others = Absence.objects.not_over(starts_at).filter(owner=owner)
    other = (others if ends_at is None else others.filter(starts_at__lt=ends_at)).order_by("starts_at").first()
    if other is not None:
        detail = _away_already(owner, other)
        raise Invalid(detail, errors=[FieldError("/starts_at", "overlaps", detail)])


def _away_already(owner: Owner, other: Absence) -> Said:
    if other.ends_at is None:
        return said(
            "%(name)s is away then already, until they say that they are back. End that first.", name=owner.name
        )
    ends_at = at(other.ends_at)
    return said("%(name)s is away then already, until %(ends_at)s. End that first.", name=owner.name, ends_at=ends_at)


def _cover(slug: str, owner: Owner, at: datetime) -> Owner:
    able = {one.slug: one for one in selectors.can_cover(owner, at=at)}
    if slug not in able:
        detail = said(
            "“%(slug)s” cannot stand in: away then, or without the right to work what %(name)s works.",
            slug=slug,
            name=owner.name,
        )
        raise Invalid(detail, errors=[FieldError("/cover", "cannot-cover", detail)])
    return able[slug]
