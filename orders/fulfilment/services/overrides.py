"""Fixes by hand: in force at once, left alone by events, and either taken over or taken back by somebody else."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audit.access import require, system_actor
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.subject_refs import SubjectRef, subject_ref
from audit.texts import reason_given
from audit.words import said, within
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.overrides import FIELDS, ORDER_FIELDS, STOCK_FIELDS, Overridable
from orders.fulfilment.errors import OwnOverride
from orders.fulfilment.models import Order, Override, StockItem
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.goods import MAIN, known_locations
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import release_queue, settle
from orders.fulfilment.services.stock import put_total
from orders.fulfilment.states import OverrideState

REVIEW_DUE: Final = "fulfilment.override_review"
REVIEW_WITHIN: Final = timedelta(hours=24)
CASE: Final = "override-review"


def override_order(*, order_id: UUID, field: str, value: str, reason: str, by: Actor, now: datetime) -> Override:
    """Set one field of an order by hand; it is so at once, and until somebody else has reviewed it.

    Raises `Invalid` naming what is wrong, `IllegalTransition` while an earlier fix of the field waits, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets([order_id])
        if not dockets:
            raise NotFound("There is no such order, or it is not yours to see.")
        order, changes = dockets[0].order, Changes(now)
        require(by, "orders.work_order", order)
        known = _known(ORDER_FIELDS, field)
        _refuse_second(dockets[0].overrides, field, order.key)
        override = _keep(
            Override(order=order, client_id=order.client_id, about=order.key), order, field, known, value, why, changes
        )
        changes.write()
        settle(dockets, Changes(now))
    override.refresh_from_db()
    return override


def override_stock(*, client_id: UUID, sku: str, value: str, reason: str, by: Actor, now: datetime) -> Override:
    """Set how many units lie on the shelf by hand; counts of systems leave it alone until it is reviewed. Raises as `override_order`."""
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        changes = Changes(now)
        found = StockItem.objects.filter(sku__client=client_id, sku__code=sku).values_list("pk", flat=True).first()
        if found is None or not by.reaches(client_id):
            detail = said("“%(sku)s” is no product of this client.", sku=sku[:80])
            raise Invalid(detail, errors=[FieldError("/sku", "unknown", detail)])
        require(by, "orders.work_order")
        (item,) = changes.lock_stock(pk__in=[found])
        _refuse_second(Override.objects.filter(stock_item=item, state=OverrideState.WAITING), "on_hand", sku)
        known = STOCK_FIELDS["on_hand"]
        override = _keep(
            Override(stock_item=item, client_id=client_id, about=sku), item, "on_hand", known, value, why, changes
        )
        changes.write()
        release_queue([item.sku_id], changes)
    override.refresh_from_db()
    return override


def review_override(*, override_id: UUID, accept: bool, comment: str, by: Actor, now: datetime) -> Override:
    """Take a fix over for good, or take it back to what the systems say. Somebody other than who placed it does this.

    Raises `OwnOverride`, `IllegalTransition` when it was reviewed already, `NotFound`, `Refused`.
    """
    why = reason_given(comment, field="comment")
    with acting(by, at=now, reason=why):
        seen = Override.objects.filter(pk=override_id).first()
        require(by, "orders.review_override", seen)
        if seen is None:
            raise NotFound("There is no such override.")
        dockets = load_dockets([seen.order_id]) if seen.order_id else []
        changes = Changes(now)
        record: Any = dockets[0].order if dockets else changes.lock_stock(pk__in=[seen.stock_item_id or override_id])[0]
        override = Override.objects.select_for_update(of=("self",)).get(pk=override_id)
        if override.state != OverrideState.WAITING:
            raise IllegalTransition(
                said(
                    "%(key)s was reviewed already: it is “%(state)s”.",
                    key=override.key,
                    state=within(override.get_state_display()),
                )
            )
        if override.placed_by == by.id:
            raise OwnOverride("Somebody else has to review your own fix.")
        override.merge() if accept else override.revert()
        override.reviewed_by, override.reviewed_at, override.comment = by.id, now, why
        changes.edit(override, "state", "reviewed_by", "reviewed_at", "comment")
        if not accept:
            _set(record, override.field, override.heard or override.canonical, changes)
        outcome = "merged" if accept else "reverted"
        changes.tell("override.reviewed", override, about=override.about, field=override.field, outcome=outcome)
        changes.timers.append(TimerChange(_ref(override), REVIEW_DUE, None))
        changes.write()
        _close_case(override, now)
        if dockets:
            settle(dockets, Changes(now))
    return override


def on_overdue(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody has reviewed these in time: each becomes somebody's."""
    waiting = Override.objects.filter(pk__in=[timer.subject_id for timer in timers], state=OverrideState.WAITING)
    openings = [
        CaseOpening(
            type=CASE,
            subject=_ref(override),
            subject_key=override.key,
            client_id=override.client_id,
            title=said(
                "%(key)s: %(field)s of %(about)s was set by hand and not reviewed",
                key=override.key,
                field=said(str(FIELDS[override.field].label)),
                about=override.about,
            ),
            cause=f"override:{override.field}",
            evidence={"field": override.field, "about": override.about, "placed_by": override.placed_by},
        )
        for override in waiting.order_by("number")
    ]
    if openings:
        exceptions.open_cases(openings=openings, by=current_actor(), now=now)


def _keep(
    override: Override,
    record: Order | StockItem,
    field: str,
    known: Overridable,
    value: str,
    why: str,
    changes: Changes,
) -> Override:
    override.field, override.canonical = field, known.write(getattr(record, field))
    override.local, override.reason = value.strip(), why
    override.placed_by, override.placed_at = current_actor().id, changes.now
    override.review_by = changes.now + REVIEW_WITHIN
    _set(record, field, override.local, changes)
    if override.local == override.canonical:
        detail = said("It is so already.")
        raise Invalid(detail, errors=[FieldError("/value", "same", detail)])
    override.save()
    changes.tell("override.placed", override, about=override.about, field=field, state=override.state)
    changes.timers.append(TimerChange(_ref(override), REVIEW_DUE, override.review_by))
    return override


def _set(record: Any, field: str, text: str, changes: Changes) -> None:
    try:
        value = FIELDS[field].read(text)
    except ValueError as wrong:
        raise Invalid(str(wrong), errors=[FieldError("/value", "invalid", str(wrong))]) from wrong
    if isinstance(record, StockItem) and value < record.reserved:
        detail = said("%(reserved)s units are set aside already: not less than that.", reserved=record.reserved)
        raise Invalid(detail, errors=[FieldError("/value", "too-small", detail)])
    if isinstance(record, StockItem):
        main = known_locations([(record.sku.client_id, MAIN)])[record.sku.client_id, MAIN]
        put_total(changes.stock_of(record.pk), main, value, changes)
    else:
        setattr(record, field, value)
        changes.edit(record, field)
    changes.tell("order.overridden" if isinstance(record, Order) else "stock.overridden", record, field=field)


def _known(fields: Mapping[str, Overridable], field: str) -> Overridable:
    if field not in fields:
        detail = said(
            "“%(field)s” cannot be set by hand. What can: %(fields)s.", field=field[:40], fields=", ".join(fields)
        )
        raise Invalid(detail, errors=[FieldError("/field", "unknown", detail)])
    return fields[field]


def _refuse_second(waiting: Any, field: str, about: str) -> None:
    for one in waiting:
        if one.field == field:
            raise IllegalTransition(
                said("%(key)s has set this of %(about)s already and waits for its review.", key=one.key, about=about)
            )


def _ref(override: Override) -> SubjectRef:
    return subject_ref(override)


def _close_case(override: Override, now: datetime) -> None:
    ref = _ref(override)
    live = ExceptionCase.objects.live().filter(subject_type=ref.type, subject_id=ref.id, type=CASE)
    over = list(live.values_list("pk", flat=True))
    exceptions.withdraw_cases(case_ids=over, reason=said("It was reviewed."), by=system_actor("fulfilment"), now=now)
