"""Finding what nobody owns any more: given to who stands in, and raised as an exception where somebody has to decide."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from audit.access import system_actor
from audit.context import Actor, acting
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions import gaps
from exceptions.models import ExceptionCase
from exceptions.selectors.gaps import CASE, OWNER_TYPE, Gap, ownership_gaps
from exceptions.services.absences import reassign_from_absent
from exceptions.services.openings import CaseOpening, open_cases
from exceptions.services.withdrawing import withdraw_cases
from rules import selectors as rules


def watch_ownership(*, now: datetime) -> int:
    """One sweep: open items of owners who are gone go to who stands in; each owner that still answers for something is one exception.

    The exception goes by itself when nothing is left. Returns how many owners leave a gap.
    """
    by = system_actor("ownership")
    gone = [pk for pk, one in rules.unreachable(now).items() if one.is_gone]
    # Orders before exceptions, each in a transaction of its own: locks go from the top app down.
    for source in reversed(gaps.sources()) if gone else ():
        with acting(by, at=now):
            source.mend(owners=gone, now=now)
    with acting(by, at=now):
        found = ownership_gaps(now)
        _raise(found, by=by, now=now)
    return len(found)


def mend_cases(*, owners: Collection[UUID], now: datetime) -> int:
    """Open exceptions of these owners go to who stands in; how many. Runs inside `acting()`."""
    return reassign_from_absent(now=now, only=owners)


def _raise(found: Sequence[Gap], *, by: Actor, now: datetime) -> None:
    raised = ExceptionCase.objects.live().filter(type=CASE, subject_type=OWNER_TYPE).order_by("pk")
    known = {case.subject_id: case for case in raised}
    still = {str(gap.owner.pk) for gap in found}
    open_cases(openings=[_opening(gap) for gap in found if str(gap.owner.pk) not in known], by=by, now=now)
    over = [case.pk for owner_id, case in known.items() if owner_id not in still]
    withdraw_cases(case_ids=over, reason=said("Everything has somebody behind it again."), by=by, now=now)


def _opening(gap: Gap) -> CaseOpening:
    owner = gap.owner
    return CaseOpening(
        CASE,
        subject_ref(owner),
        owner.slug,
        None,
        said("Nobody is behind %(name)s, who still has %(what)s", name=owner.name, what=gap.words),
        summary=said(
            "%(name)s %(why)s. Name somebody else for what it answers for.",
            name=owner.name,
            why=said(str(gap.found.why.label)),
        ),
        cause=f"ownership/{gap.found.why.value}",
        evidence={
            "owner": owner.slug,
            "why": gap.found.why.value,
            "open": gap.open_count,
            "owned": [{"what": one.what, "as": one.role, "count": one.count} for one in gap.owned],
        },
    )
