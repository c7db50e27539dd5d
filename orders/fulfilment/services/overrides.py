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
from orders.fulfilment.services.cases import TimerChange, set_all
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.goods import MAIN, known_locations
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import release_queue, settle
from orders.fulfilment.services.stock import put_total
from orders.fulfilment.states import OverrideState

REVIEW_DUE: Final = "fulfilment.override_review"
REVIEW_WITHIN: Final = timedelta(hours=24)
EXPIRY: Final = "fulfilment.override_expiry"
EXPIRES_AFTER: Final = timedelta(hours=72)
CASE: Final = "override-review"
PROPOSAL: Final = "rule-proposal"


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


def review_override(
    *, override_id: UUID, accept: bool, comment: str, propose_rule: bool = False, by: Actor, now: datetime
) -> Override:
    """Take a fix over for good, or take it back to what the systems say. Somebody other than who placed it does this.

    Who takes it over may propose at once that a rule says so from now on: whoever has the rules gets that as a case.

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
        told = {"about": override.about, "field": override.field, "outcome": outcome}
        changes.tell("override.reviewed", override, rule_proposed=accept and propose_rule, **told)
        changes.timers += [TimerChange(_ref(override), kind, None) for kind in (REVIEW_DUE, EXPIRY)]
        changes.write()
        _close_cases([override], now, why=said("It was reviewed."))
        if accept and propose_rule:
            _propose_rule(override, now)
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
        expires_at = now + EXPIRES_AFTER
        set_all([TimerChange(_ref(override), EXPIRY, expires_at) for override in waiting], now=now)


def lock_records_of(ids: Sequence[str]) -> set[str]:
    """Lock what these fixes are about, skipping what somebody holds; the fixes that are now safe to work on."""
    about = {str(pk): (order, item) for pk, order, item in _ids(ids)}
    locked: set[Any] = set()
    for model, place in ((Order, 0), (StockItem, 1)):
        wanted = {pair[place] for pair in about.values() if pair[place]}
        rows = model.objects.select_for_update(skip_locked=True).filter(pk__in=wanted).order_by("pk")
        locked |= set(rows.values_list("pk", flat=True)) if wanted else set()
    return {pk for pk, pair in about.items() if locked & set(pair)}


def _ids(ids: Sequence[str]) -> Any:
    return Override.objects.filter(pk__in=ids).values_list("pk", "order_id", "stock_item_id")


def records_of(ids: Sequence[str]) -> dict[str, list[SubjectRef]]:
    """What taking these fixes back would put back: the fix, and the order it is about."""
    about = {str(pk): order for pk, order, _ in _ids(ids)}
    return {
        one: [SubjectRef("fulfilment.override", one)] + ([SubjectRef("fulfilment.order", str(order))] if order else [])
        for one, order in about.items()
    }


def on_expired(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody has reviewed these, asked twice: they are taken back to what the systems say, and that is said."""
    found = Override.objects.select_for_update(of=("self",)).filter(
        pk__in=[timer.subject_id for timer in timers], state=OverrideState.WAITING
    )
    waiting, changes = list(found.order_by("number")), Changes(now)
    dockets = {one.order.pk: one for one in load_dockets({one.order_id for one in waiting if one.order_id})}
    items = {
        one.pk: one for one in changes.lock_stock(pk__in={one.stock_item_id for one in waiting if one.stock_item_id})
    }
    for override in waiting:
        override.lapse()
        override.reviewed_by, override.reviewed_at = current_actor().id, now
        changes.edit(override, "state", "reviewed_by", "reviewed_at")
        record: Any = (
            dockets[override.order_id].order if override.order_id else items[override.stock_item_id or override.pk]
        )
        _set(record, override.field, _before(record, override), changes)
        changes.tell("override.expired", override, about=override.about, field=override.field)
    changes.write()
    _close_cases(waiting, now, why=said("Nobody reviewed it: it was taken back."))
    if dockets:
        settle(list(dockets.values()), Changes(now))
    if items:
        release_queue([item.sku_id for item in items.values()], changes)


def _before(record: Order | StockItem, override: Override) -> str:
    """What systems say; of a shelf no fewer than are set aside meanwhile."""
    text = override.heard or override.canonical
    return str(max(int(text), record.reserved)) if isinstance(record, StockItem) else text


def _propose_rule(override: Override, now: datetime) -> None:
    """Whoever has the rules decides whether one says it from now on."""
    opening = CaseOpening(
        type=PROPOSAL,
        subject=_ref(override),
        subject_key=override.key,
        client_id=override.client_id,
        title=said(
            "Shall a rule say it? %(field)s of %(about)s was set to “%(local)s” by hand",
            field=said(str(FIELDS[override.field].label)),
            about=override.about,
            local=override.local,
        ),
        cause=f"override:{override.field}",
        evidence={
            "field": override.field,
            "about": override.about,
            "was": override.canonical,
            "is": override.local,
            "times_in_30_days": _times(override, now),
        },
    )
    exceptions.open_cases(openings=[opening], by=current_actor(), now=now)


def _times(override: Override, now: datetime) -> int:
    """How often the same was set by hand for this client lately, this time counted."""
    alike = Override.objects.filter(client=override.client_id, field=override.field, local=override.local)
    return alike.filter(placed_at__gte=now - timedelta(days=30)).count()


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


def _close_cases(overrides: Sequence[Override], now: datetime, *, why: str) -> None:
    ids = [_ref(one).id for one in overrides]
    live = ExceptionCase.objects.live().filter(subject_type="fulfilment.override", subject_id__in=ids, type=CASE)
    over = list(live.values_list("pk", flat=True)) if ids else []
    exceptions.withdraw_cases(case_ids=over, reason=why, by=system_actor("fulfilment"), now=now)
