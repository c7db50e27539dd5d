"""Changing what was asked for, until it is decided: another version, which everybody who decides has to read."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from audit.context import Actor
from audit.errors import FieldError, Invalid, Refused
from audit.services.events import record
from audit.words import said
from exceptions.models import Waiver
from exceptions.services.waiver_evidence import set_evidence
from exceptions.services.waiver_news import tell_voters
from exceptions.services.waiver_papers import (
    content_hash,
    gate_of,
    locked_waiver,
    refuse_unless_seen,
    require_state,
    wait_for_decision,
)
from exceptions.services.waivers import MOST_OTHERS, others_about, refuse_invalid, refuse_repeated, set_scope
from exceptions.states import WAIVER_ASKED, WaiverState

CHANGED = "The request was changed."


def edit_waiver(
    *,
    waiver_id: UUID,
    reason: str,
    plan: str,
    minutes: int,
    also: Collection[UUID] = (),
    without: Collection[str] = (),
    reason_code: str | None = None,
    plan_url: str | None = None,
    evidence: Collection[int] | None = None,
    by: Actor,
    now: datetime,
    seen_hash: str | None = None,
) -> Waiver:
    """Change what was asked: a new content version, which is what has to be decided about. No change changes nothing.

    Another length moves the end that was asked for; a kind of reason, link or files that are not given stay. `also` names the exceptions of
    subjects that are added, `without` the keys of those that are left out; the first of all stays. Raises `Conflict` where one of those
    added is asked for already, `WaiverChanged` where it is not what was seen of it (`seen_hash`), and what `request_waiver` raises.
    """
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        require_state(waiver, *WAIVER_ASKED, act="changed")
        if waiver.requested_by != by.id:
            raise Refused("Only who asked may change the request.")
        refuse_unless_seen(waiver, seen_hash)
        _change_length(waiver, minutes)
        waiver.reason, waiver.plan = reason.strip(), plan.strip()
        waiver.reason_code = waiver.reason_code if reason_code is None else reason_code
        waiver.plan_url = waiver.plan_url if plan_url is None else plan_url.strip()
        if evidence is not None:
            set_evidence(waiver, evidence, None, by=by, now=now)
        _change_others(waiver, also, without, by)
        is_changed = content_hash(waiver) != waiver.content_hash
        if is_changed and waiver.state == WaiverState.RETURNED:
            waiver.take_up(at=now, answer=CHANGED)
            wait_for_decision(waiver, now=now)
        if waiver.end_by is not None and waiver.end_by < waiver.answer_by:
            waiver.answer_by = waiver.end_by
            wait_for_decision(waiver, now=now)
        refuse_invalid(waiver, gate_of(waiver.gate).max_hours, now)
        if is_changed:
            _write(waiver, now)
    return waiver


def _write(waiver: Waiver, now: datetime) -> None:
    """The next version; who had approved the one before is told."""
    waiver.content_version += 1
    waiver.content_hash = content_hash(waiver)
    waiver.save()
    voters = list(waiver.votes.values_list("voter", flat=True).distinct())
    tell_voters(waiver, voters, now=now)
    record(
        "waiver.edited",
        subject=waiver,
        changes={},
        content_version=waiver.content_version,
        hash=waiver.content_hash,
        **({"subjects": waiver.scope} if waiver.others else {}),
    )


def _change_length(waiver: Waiver, minutes: int) -> None:
    if waiver.end_by is not None:
        waiver.end_by += timedelta(minutes=minutes - waiver.effective_minutes)
    waiver.effective_minutes = minutes


def _change_others(waiver: Waiver, also: Collection[UUID], without: Collection[str], by: Actor) -> None:
    """Other subjects are another request: all that depends on them is looked up again."""
    kept = {one: key for one, key in waiver.others.items() if key not in without}
    added = {one: key for one, key in others_about(waiver, also, by).items() if one not in waiver.others}
    _refuse_strange_change(waiver, added, without)
    if kept | added == waiver.others:
        return
    waiver.others = kept | added
    refuse_repeated(waiver)
    set_scope(waiver, ())


def _refuse_strange_change(waiver: Waiver, added: Mapping[str, str], without: Collection[str]) -> None:
    unknown = sorted(set(without) - set(waiver.others.values()))
    if waiver.extends_id is not None and (added or without):
        detail = said("An extension is about what it extends; its orders cannot be changed.")
        raise Invalid(detail, errors=[FieldError("/also" if added else "/without", "extends", detail)])
    if unknown:
        detail = said("These cannot be left out of it: %(unknown)s.", unknown=", ".join(unknown))
        raise Invalid(detail, errors=[FieldError("/without", "unknown", detail)])
    if len(waiver.others) - len(without) + len(added) > MOST_OTHERS:
        detail = said("It can be asked for at most %(value)s orders at once.", value=MOST_OTHERS + 1)
        raise Invalid(detail, errors=[FieldError("/also", "too-many", detail)])
