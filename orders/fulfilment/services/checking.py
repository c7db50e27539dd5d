"""Checking a parcel: what somebody found is compared with what is expected, kept with its photo, and the parcel goes on or is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.words import said, within
from exceptions.services import KeptFile, keep_file
from orders.fulfilment.decisions import checks
from orders.fulfilment.decisions.checks import Judgement, Parcel
from orders.fulfilment.decisions.sightings import read_seen
from orders.fulfilment.errors import CheckDone
from orders.fulfilment.models import CheckResult, ParcelCheck
from orders.fulfilment.selectors.checks import since_begun
from orders.fulfilment.selectors.products import known_parcel
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.quality import CHECK_DUE, CLOCK, opening_of
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.unchecked import refuse_unchecked
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, CheckState, FulfilmentState, Verdict
from rules.states import CHECK_POINTS, CheckKind, CheckPoint, PhotoRule

PERMISSION: Final = "orders.check_parcel"


@dataclass(frozen=True)
class Photo:
    """A picture somebody took."""

    name: str
    content: bytes


def perform_check(
    *, check_id: UUID, seen: Mapping[str, Any], photo: Photo | None = None, by: Actor, now: datetime
) -> CheckResult:
    """Compare what was found with what is expected, and let the parcel go on or hold it.

    `seen` has, by kind: code and lot; code and quantity; answers {item: bool}; weight_grams, length_mm, width_mm and height_mm; code;
    arrives_on. Raises `Invalid` naming each field that is missing or cannot be, `CheckDone` where nothing is left to check, `ChecksOpen`
    where an earlier step is not checked, `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        docket, check = _looking_at(check_id, by)
        _refuse_unless_due(docket, check)
        label = str(seen.get("code") or "") if check.kind == CheckKind.LABEL else ""
        known = known_parcel(check.fulfilment, docket.contents.get(check.fulfilment_id, []), label=label)
        given = _read(check, known, seen, has_photo=photo is not None)
        before = since_begun(check.results.order_by("number"))
        judgement = checks.judge(check.kind, check.settings, known, given, [one.seen for one in before], now)
        _refuse_without_photo(check, judgement, photo, before)
        kept = keep_file(name=photo.name, content=photo.content, only="image/", field="photo") if photo else None
        changes = Changes(now)
        result = _write_down(docket, check, known, given, judgement, kept, changes)
        settle([docket], changes)
    return result


def _looking_at(check_id: UUID, by: Actor) -> tuple[Docket, ParcelCheck]:
    order_id = ParcelCheck.objects.filter(pk=check_id).values_list("order_id", flat=True).first()
    dockets = load_dockets([order_id]) if order_id else []
    if not dockets:
        raise NotFound("There is no such check, or it is not yours to see.")
    require(by, PERMISSION, dockets[0].order)
    return dockets[0], next(one for one in dockets[0].checks if one.pk == check_id)


def _refuse_unless_due(docket: Docket, check: ParcelCheck) -> None:
    parcel = check.fulfilment
    if check.state == CheckState.PASSED:
        last = check.results.order_by("-number")[0]
        raise CheckDone(said("%(who)s has checked it already: it is passed.", who=last.by_name), who=last.by_name)
    if check.state == CheckState.OVER or parcel.state not in FULFILMENT_IN_HOUSE:
        state = within(FulfilmentState(parcel.state).label)
        raise CheckDone(said("%(key)s is “%(state)s”: there is nothing to check.", key=parcel.key, state=state))
    place = CHECK_POINTS.index(CheckPoint(check.point))
    if place:
        refuse_unchecked(docket, parcel, CHECK_POINTS[place - 1])
    if place and parcel.state == FulfilmentState.PLANNED:
        raise IllegalTransition(
            said("Nobody was asked to pick %(key)s yet: it is checked once it is picked.", key=parcel.key)
        )


def _refuse_without_photo(
    check: ParcelCheck, judgement: Judgement, photo: Photo | None, before: Sequence[CheckResult]
) -> None:
    has_one = photo is not None or any(one.sha256 for one in before)
    if check.settings["photo"] == PhotoRule.REQUIRED and judgement.verdict == Verdict.PASSED and not has_one:
        detail = said("Add a photo: this check needs one.")
        raise Invalid(detail, errors=[FieldError("/photo", "required", detail)])


def _write_down(
    docket: Docket,
    check: ParcelCheck,
    known: Parcel,
    given: Mapping[str, Any],
    judgement: Judgement,
    kept: KeptFile | None,
    changes: Changes,
) -> CheckResult:
    by = current_actor()
    result = CheckResult(
        check_of=check,
        number=check.results.count() + 1,
        at=changes.now,
        by=by.id,
        by_name=by.name,
        expected=checks.expected_of(check.kind, check.settings, known),
        seen=dict(given),
        verdict=judgement.verdict,
        findings=[[one.pattern, one.values] for one in judgement.findings],
        file_name=kept.name if kept else "",
        content_type=kept.content_type if kept else "",
        size=kept.size if kept else 0,
        sha256=kept.sha256 if kept else "",
    )
    changes.add(result)
    if judgement.verdict != Verdict.RIGHT_SO_FAR:
        (check.pass_it if judgement.verdict == Verdict.PASSED else check.fail_it)()
        check.decided_at, check.task_round = changes.now, check.fulfilment.round
        changes.edit(check, "state", "decided_at", "task_round", *CLOCK)
        changes.timers.append(TimerChange(ref_of(check), CHECK_DUE, None))
    told: dict[str, Any] = {"order": docket.order.key, "parcel": check.fulfilment.key, "check": check.slug}
    told |= {"result": result.number, "findings": [str(one) for one in judgement.findings], "sha256": result.sha256}
    changes.tell(f"check.{judgement.verdict}", check, **told)
    if judgement.verdict == Verdict.FAILED:
        changes.openings.append(opening_of(docket, check, judgement.findings))
    return result


def _read(check: ParcelCheck, known: Parcel, seen: Mapping[str, Any], *, has_photo: bool) -> dict[str, Any]:
    given, problems = read_seen(check.kind, check.settings, known, seen, has_photo=has_photo)
    if problems:
        errors = [FieldError(f"/{field}", "required", detail) for field, detail in problems]
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
    return given
