"""Shared causes as people act on them: named, merged, split. One act at a time, so that none is based on what another undoes.

Acts only say which exceptions go where; a job moves them, so that ten thousand are moved as safely as one.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from audit.access import require
from audit.context import Actor, acting, current_act
from audit.errors import Conflict, FieldError, Invalid, NotFound, StaleVersion
from audit.services.events import Entry, record, record_many
from audit.texts import reason_given
from audit.words import said
from exceptions.models import ExceptionCase, Job, JobPlan, Page, SharedCause
from exceptions.models.cases import KEY_PREFIX
from exceptions.models.causes import CAUSE_PREFIX
from exceptions.selectors.shared_causes import MANAGE
from exceptions.services.jobs import MOST_PLANNED, Planned, plan_job, start_job

LONGEST_NAME: Final = 120
MOVING: Final = "case.regroup"
Known = tuple[str, str]


def rename_cause(
    *,
    type: str,  # noqa: A002 -- as the field is called
    cause: str,
    name: str,
    seen: int | None = None,
    by: Actor,
    now: datetime,
) -> SharedCause:
    """Call a cause so wherever it is shown; without a name it reads as the sources tell it again.

    Raises `NotFound` where nothing is open of it, `Refused` without the permission, `Conflict` where it was merged away, `StaleVersion`
    when somebody changed it since it was `seen`, and `Invalid` for a name that is too long, taken or an address.
    """
    with _acting_on_causes(by, now):
        found = kept_cause(type, cause)
        _refuse_unless_seen(found, seen)
        _refuse_merged(found)
        name = _free_name(name, found.type, besides=found)
        if name != found.title:
            found.title = name
            found.save()
            record("cause.renamed", subject=found)
    return found


@dataclass(frozen=True)
class Regrouped:
    """The cause that is acted on, the one its exceptions go to, and the job that moves them; none where there was nothing to move."""

    cause: SharedCause
    into: SharedCause
    job: Job | None

    @property
    def key(self) -> str:
        """The job's, "" for none."""
        return self.job.key if self.job else ""


def merge_cause(
    *,
    type: str,  # noqa: A002 -- as the field is called
    cause: str,
    into: str,
    reason: str,
    by: Actor,
    now: datetime,
) -> Regrouped:
    """Make one cause of two: what is open of it moves to `into`, and what is told of it from now on opens there.

    Said again, it moves what is left. Raises `NotFound`, `Refused`, `Conflict` where it was merged into yet another, and `Invalid` for no
    other cause of its type, and for more exceptions than one act may move.
    """
    with _acting_on_causes(by, now):
        reason = reason_given(reason)
        here, there = kept_cause(type, cause), _other(type, cause, into)
        if here.merged_into_id != there.pk:
            _refuse_merged(here)
            _lead_to(there, here, reason, now)
        Page.objects.filter(ended_at=None, cause=here.text, case__type=type).update(cause=there.text)
        plan = _plan(ExceptionCase.objects.live().filter(type=type, cause=cause), by, now)
    return Regrouped(here, there, _started(plan, there, reason, by, now))


def split_cause(*, numbers: Collection[int], name: str, reason: str, by: Actor, now: datetime) -> Regrouped:
    """Make a cause of its own, of this name, of these exceptions; what is told from now on goes on to open under the old one.

    Raises `NotFound` for one there is not, `Refused`, `Invalid` for several or no causes, for a name as `rename_cause`, and for none.
    """
    with _acting_on_causes(by, now):
        reason = reason_given(reason)
        chosen = ExceptionCase.objects.live().filter(number__in=numbers)
        causes = list(chosen.order_by().values_list("type", "cause").distinct()[:2])
        if len(causes) != 1 or not causes[0][1] or chosen.count() < len(set(numbers)):
            detail = said("Choose open exceptions that share one cause.")
            raise Invalid(detail, errors=[FieldError("/exceptions", "unknown", detail)])
        old = kept_cause(*causes[0])
        new = _new_cause(old, name)
        record("cause.split", subject=new, reason=reason, changes={"title": ("", new.title)}, of=old.key)
        plan = _plan(chosen, by, now)
    return Regrouped(old, new, _started(plan, new, reason, by, now))


def part_cause(
    *,
    type: str,  # noqa: A002 -- as the field is called
    cause: str,
    by: Actor,
    now: datetime,
) -> SharedCause:
    """What is told of it opens under it again; what was moved stays where it is. Raises `NotFound`, `Refused`; `Conflict` unless merged."""
    with _acting_on_causes(by, now):
        found = kept_cause(type, cause)
        if found.merged_into is None:
            raise Conflict(said("%(key)s is not merged into another.", key=found.key), code="not-merged")
        part_causes(causes={(type, cause)})
        found.refresh_from_db()
    return found


def cause_to_act_on(
    *,
    type: str,  # noqa: A002 -- as the field is called
    cause: str,
    by: Actor,
    now: datetime,
) -> SharedCause:
    """The cause, kept from now on. Raises `NotFound`, `Refused`, and `Conflict` where it was merged away."""
    with _acting_on_causes(by, now):
        found = kept_cause(type, cause)
        _refuse_merged(found)
    return found


def part_causes(*, causes: Collection[Known]) -> None:
    """End the merging of these (type, text), of those that are merged; inside `acting()`."""
    merged = SharedCause.objects.select_for_update().filter(
        type__in={kind for kind, _ in causes}, text__in={text for _, text in causes}, merged_into__isnull=False
    )
    parted = [one for one in merged.order_by("pk") if (one.type, one.text) in causes]
    for one in parted:
        one.merged_into = one.merged_at = None
    SharedCause.objects.save_changes(parted, at=current_act().at)
    record_many([Entry("cause.parted", one, changes=one.last_changes()) for one in parted])


def _other(type: str, cause: str, into: str) -> SharedCause:  # noqa: A002 -- as the field is called
    """The cause to merge into. Raises `Invalid` for none of this type, the same, and one that was merged away itself."""
    try:
        found = kept_cause(type, into) if into != cause else None
    except NotFound:
        found = None
    if found is None or found.merged_into_id is not None:
        detail = said("Choose another cause of the same kind of exception.")
        raise Invalid(detail, errors=[FieldError("/into", "unknown", detail)])
    return found


def _lead_to(there: SharedCause, here: SharedCause, reason: str, now: datetime) -> None:
    """From now on one leads to the other, and so does whatever led to the one."""
    moved = [here, *SharedCause.objects.select_for_update().filter(merged_into=here).order_by("pk")]
    for one in moved:
        one.merged_into, one.merged_at = there, now
    SharedCause.objects.save_changes(moved, at=now)
    record_many([Entry("cause.merged", one, reason, {"into": there.key}, one.last_changes()) for one in moved])
    record("cause.took_in", subject=there, reason=reason, changes={}, other=here.key)


def _new_cause(old: SharedCause, name: str) -> SharedCause:
    title = _free_name(name, old.type)
    if not title:
        detail = said("Say what the new cause is called.")
        raise Invalid(detail, errors=[FieldError("/name", "required", detail)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('exceptions_cause_number')")
        (number,) = cursor.fetchone()
    new = SharedCause(number=number, type=old.type, text=f"{CAUSE_PREFIX}{number}", title=title, split_from=old)
    new.save()
    return new


def _plan(cases: QuerySet[ExceptionCase], by: Actor, now: datetime) -> JobPlan | None:
    """Exactly what is there now, whatever is done to it meanwhile; nobody opens another under a cause that was merged."""
    rows = cases.order_by("urgent_at", "pk").values_list("pk", "number", "client_id")[: MOST_PLANNED + 1]
    items = [Planned(str(pk), f"{KEY_PREFIX}{number}", client_id) for pk, number, client_id in rows]
    return plan_job(kind=MOVING, items=items, by=by, now=now) if items else None


def _started(plan: JobPlan | None, there: SharedCause, reason: str, by: Actor, now: datetime) -> Job | None:
    given = {"cause": there.text, "reason": reason}
    return start_job(plan_id=plan.pk, given=given, by=by, now=now) if plan else None


@contextmanager
def _acting_on_causes(by: Actor, now: datetime) -> Iterator[None]:
    with acting(by, at=now):
        require(by, MANAGE)
        require(by, MANAGE, SharedCause())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exceptions.causes'))")
        yield


def kept_cause(type: str, cause: str) -> SharedCause:  # noqa: A002 -- as the field is called
    """The record of the cause, made where something is open of it and nobody has acted on it yet. Raises `NotFound`."""
    found = SharedCause.objects.select_related("merged_into").filter(type=type, text=cause).first()
    if found is not None:
        return found
    if not (cause and ExceptionCase.objects.live().filter(type=type, cause=cause).exists()):
        raise NotFound("Nothing of this cause is open, or it is not yours to see.")
    made = SharedCause(type=type, text=cause)
    made.save()
    return SharedCause.objects.get(pk=made.pk)


def _refuse_unless_seen(found: SharedCause, seen: int | None) -> None:
    if seen is not None and seen != found.version:
        raise StaleVersion(
            said("“%(title)s” was changed by somebody else. Look at it again before you go on.", title=_called(found))
        )


def _refuse_merged(found: SharedCause) -> None:
    if found.merged_into is not None:
        raise Conflict(
            said("%(key)s was merged into %(other)s.", key=found.key, other=found.merged_into.key), code="merged"
        )


def _called(found: SharedCause) -> str:
    return found.title or found.text


def _free_name(name: str, type: str, *, besides: SharedCause | None = None) -> str:  # noqa: A002 -- as the field is called
    name = " ".join(name.split())
    detail = ""
    if len(name) > LONGEST_NAME:
        detail = said("Give it a name of at most %(value)s characters.", value=LONGEST_NAME)
    elif "@" in name:
        detail = said("The name of a cause cannot hold an e-mail address.")
    elif name:
        same = ExceptionCase.objects.live().filter(type=OuterRef("type"), cause=OuterRef("text"))
        others = SharedCause.objects.filter(Exists(same), type=type, title__iexact=name, merged_into=None)
        other = (others.exclude(pk=besides.pk) if besides else others).first()
        detail = said("%(key)s is called “%(name)s” already.", key=other.key, name=name) if other else ""
    if detail:
        raise Invalid(detail, errors=[FieldError("/name", "not-usable", detail)])
    return name
