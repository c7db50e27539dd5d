"""When nobody looks at a quality check in its time: who stands in gets it, and when nobody looks then either, it is an exception."""

from collections.abc import Sequence
from datetime import datetime

from audit.words import said
from exceptions.services import Telling, notify_many
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.checks import time_to_look
from orders.fulfilment.models import Order, ParcelCheck
from orders.fulfilment.services.cases import Opening, TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.quality import CHECK_DUE, LATE_CASE
from rules.selectors.people import Roster, roster


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these checks, skipping those that somebody holds; the checks that are now safe to work on."""
    orders = ParcelCheck.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=list(orders)).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk in ParcelCheck.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def nobody_looked(timers: Sequence[Due], *, now: datetime) -> None:
    """The time of these checks is over and they are still open: the next one has each."""
    changes, ids, there = Changes(now), {timer.subject_id for timer in timers}, roster(now)
    orders = ParcelCheck.objects.filter(pk__in=ids, due_at__lte=now).values_list("order_id", flat=True)
    tellings: list[Telling] = []
    for docket in load_dockets(set(orders)):
        for check in docket.checks:
            if str(check.pk) in ids and check.due_at is not None and check.due_at <= now:
                tellings += _next_step(docket, check, there, changes)
    changes.write()
    notify_many(tellings=tellings, now=now)


def _next_step(docket: Docket, check: ParcelCheck, there: Roster, changes: Changes) -> list[Telling]:
    before = there.owners[check.owner_id]
    stands_in = there.on_duty(there.owners[before.backup_id].slug)
    told = {"order": docket.order.key, "parcel": check.fulfilment.key, "check": check.slug}
    if check.passed_on_at is not None or stands_in.pk == before.pk:
        check.passed_on_at = check.passed_on_at or changes.now
        changes.edit(check, "passed_on_at")
        changes.tell("check.not_looked_at", check, **told)
        changes.openings.append(_opening_of(docket, check, before.slug))
        return []
    check.owner, check.passed_on_at = stands_in, changes.now
    changes.edit(check, "owner", "passed_on_at")
    changes.tell("check.passed_on", check, to=stands_in.slug, **told)
    changes.timers.append(TimerChange(ref_of(check), CHECK_DUE, changes.now + time_to_look(check.settings)))
    text = said("%(key)s: nobody has done “%(check)s” in time", key=check.fulfilment.key, check=check.name)
    return [Telling(stands_in, "check.passed_on", text, f"/checks/{check.fulfilment.key}/", docket.order.client_id)]


def _opening_of(docket: Docket, check: ParcelCheck, owner: str) -> Opening:
    key = check.fulfilment.key
    evidence = {
        "fulfilment": key,
        "check": check.slug,
        "ready_at": check.ready_at.isoformat() if check.ready_at else None,
        "due_at": check.due_at.isoformat() if check.due_at else None,
    }
    title = said("%(key)s: nobody has done “%(check)s” in time", key=key, check=check.name)
    return Opening(LATE_CASE, docket.order, title, f"check:{check.slug}", evidence, owner=owner)
