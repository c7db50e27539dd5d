"""Quality checks as part of a parcel's way: laid out when it is planned, done anew when it is packed anew, over when it has left.

What failed holds its parcel, and somebody has it, until it is passed or a time-limited exception covers it. While one can be done a clock
runs, which follows the parcel's deadline.
"""

from collections.abc import Sequence
from typing import Final

from audit.words import said
from orders.fulfilment.decisions.checks import look_by
from orders.fulfilment.facts import parcel_context
from orders.fulfilment.models import Fulfilment, Hold, OrderLine, ParcelCheck
from orders.fulfilment.services.cases import Opening, TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go, place
from orders.fulfilment.states import (
    FULFILMENT_GONE,
    FULFILMENT_IN_HOUSE,
    FULFILMENT_UNCONFIRMED,
    CheckState,
    FulfilmentState,
    HoldReason,
    HoldSource,
)
from rules.quality_checks import checks_for, checks_of
from rules.rulebook import CompiledBook
from rules.states import CHECK_POINTS, CheckPoint

CASE: Final = "quality-check"
LATE_CASE: Final = "quality-check-late"
CHECK_DUE: Final = "fulfilment.check_due"
CLOCK: Final = ("ready_at", "due_at")
NOT_HERE: Final = (*FULFILMENT_GONE, FulfilmentState.CANCELLED)
NOT_PACKED: Final = (*FULFILMENT_UNCONFIRMED, FulfilmentState.CONFIRMED)


def plan_checks(
    docket: Docket, parcel: Fulfilment, lines: Sequence[OrderLine], book: CompiledBook, changes: Changes
) -> None:
    """Lay out the checks that the book asks for of a parcel like this, and that it does not have yet."""
    if not checks_of(book):
        return
    known = {check.slug for check in docket.checks if check.fulfilment_id == parcel.pk}
    for number, one in enumerate(checks_for(book, parcel_context(parcel, lines)), start=1):
        if one.slug in known:
            continue
        check = ParcelCheck(
            fulfilment=parcel,
            order=docket.order,
            client_id=docket.order.client_id,
            owner_id=book.owner(one.owner).id,
            slug=one.slug,
            name=one.settings["name"],
            kind=one.kind,
            point=one.point,
            position=number,
            settings=dict(one.settings),
            book_id=book.id,
        )
        changes.add(check)
        changes.tell(
            "check.planned", check, order=docket.order.key, parcel=parcel.key, check=one.slug, book=book.number
        )
        docket.checks.append(check)


def review_checks(dockets: Sequence[Docket], changes: Changes) -> None:
    """Take every check to where its parcel leaves it, and hold what failed until it is passed or covered."""
    for docket in dockets:
        for check in docket.checks:
            _keep_up(docket, check, changes)
        held = [_hold_or_let_go(docket, check, changes) for check in docket.checks]
        if "passed" in held and all(check.state != CheckState.FAILED for check in docket.checks):
            changes.cured.append((docket.order, CASE))


def run_clocks(dockets: Sequence[Docket], changes: Changes) -> None:
    """Once it is known who works on what: start, move and stop the clocks of the checks."""
    for docket in dockets:
        for check in docket.checks:
            _run_clock(docket, check, changes)


def _keep_up(docket: Docket, check: ParcelCheck, changes: Changes) -> None:
    parcel = check.fulfilment
    if parcel.state in NOT_HERE:
        if check.state in {CheckState.OPEN, CheckState.FAILED}:
            check.end()
            changes.edit(check, "state", *CLOCK)
            changes.timers.append(TimerChange(ref_of(check), CHECK_DUE, None))
            changes.tell("check.over", check, order=docket.order.key, parcel=parcel.key, check=check.slug)
    elif check.state == CheckState.PASSED and _is_outdated(check, parcel):
        check.begin_again()
        changes.edit(check, "state")
        told = {"order": docket.order.key, "parcel": parcel.key, "check": check.slug}
        changes.tell("check.begun_again", check, round=parcel.round, **told)


def _is_outdated(check: ParcelCheck, parcel: Fulfilment) -> bool:
    """A new label is checked anew; what is packed is, once the parcel goes through the house again."""
    if check.task_round == parcel.round or check.point == CheckPoint.PICK:
        return False
    return check.point == CheckPoint.HAND_OVER or parcel.state in NOT_PACKED


def _run_clock(docket: Docket, check: ParcelCheck, changes: Changes) -> None:
    """Somebody has to look at what can be done by its deadline; what was late and is not any more troubles nobody."""
    was = check.due_at
    check.ready_at = (check.ready_at or changes.now) if _can_be_done(docket, check) else None
    check.due_at = look_by(check.settings, check.ready_at, check.fulfilment.due_at) if check.ready_at else None
    if check.due_at != was:
        changes.edit(check, *CLOCK)
        changes.timers.append(TimerChange(ref_of(check), CHECK_DUE, check.due_at))
        if was and check.due_at:
            told = {"order": docket.order.key, "parcel": check.fulfilment.key, "check": check.slug}
            changes.tell("check.deadline_moved", check, **told)
    if check.passed_on_at and (check.due_at is None or check.due_at > changes.now):
        check.passed_on_at = None
        changes.edit(check, "passed_on_at")
        if not any(one.passed_on_at for one in docket.checks):
            changes.cured.append((docket.order, LATE_CASE))


def _can_be_done(docket: Docket, check: ParcelCheck) -> bool:
    """Whether it is a packer's turn, and nothing stands in for the check."""
    parcel, place_in_line = check.fulfilment, CHECK_POINTS.index(CheckPoint(check.point))
    if check.state != CheckState.OPEN or check.pk in docket.skipped or parcel.state not in FULFILMENT_IN_HOUSE:
        return False
    if not place_in_line:
        return True
    return parcel.state != FulfilmentState.PLANNED and not docket.unchecked(parcel, CHECK_POINTS[place_in_line - 1])


def _hold_or_let_go(docket: Docket, check: ParcelCheck, changes: Changes) -> str:
    """What became of the hold of a check: "" where nothing did."""
    hold = next((one for one in docket.in_force if one.release_when.get("id") == str(check.pk)), None)
    failed, covered = check.state == CheckState.FAILED, docket.skipped.get(check.pk, "")
    if hold is not None and (covered or not failed):
        why = said("%(key)s covers it", key=covered) if failed else said("it is not failed any more")
        let_go(docket, hold, changes, why=why)
        return "" if failed else "passed"
    if hold is None and failed and not covered:
        place(docket, _hold_for(check), changes)
        if check.decided_at != changes.now:  # who has just found it says why
            changes.openings.append(opening_of(docket, check))
    return ""


def _hold_for(check: ParcelCheck) -> Hold:
    return Hold(
        fulfilment=check.fulfilment,
        reason=HoldReason.QUALITY,
        source=HoldSource.FLOW,
        words=said("%(check)s failed", check=said(check.name)),
        placed_by="system:fulfilment",
        release_when={"kind": "check", "id": str(check.pk), "check": f"{check.fulfilment.key} “{check.name}”"},
    )


def opening_of(docket: Docket, check: ParcelCheck, findings: Sequence[str] = ()) -> Opening:
    """The case of a check that failed, for who answers for it, with what to do."""
    parcel = check.fulfilment

    evidence = {
        "fulfilment": parcel.key,
        "check": check.slug,
        "findings": [str(one) for one in findings],
        "remediation": check.settings["remediation"],
    }
    title = said("%(parcel)s: “%(check)s” failed", parcel=parcel.key, check=said(check.name))
    if findings:
        title = said("%(text)s: %(why)s", text=title, why=findings[0])
    return Opening(CASE, docket.order, title, f"check:{check.slug}", evidence, owner=check.settings["answers"])
