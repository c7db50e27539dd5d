"""Fixes by hand that nobody reviews: each becomes somebody's, and is taken back in the end. How long that takes is in the rule book."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import system_actor
from audit.context import current_actor
from audit.crypto import open_secret
from audit.errors import Conflict, FieldError, Invalid
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import said
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.overrides import FIELDS
from orders.fulfilment.models import Order, Override, StockItem
from orders.fulfilment.selectors.overrides import EXPIRY, REVIEW, UNREVIEWED, due_after
from orders.fulfilment.services import by_hand
from orders.fulfilment.services.cases import TimerChange, set_all
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.goods import MAIN, known_locations
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import release_queue, settle
from orders.fulfilment.services.stock import put_total
from orders.fulfilment.states import OverrideState
from rules.selectors import active_book

CASE: Final = "override-review"


def on_overdue(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody has reviewed these in time: each becomes somebody's."""
    waiting = Override.objects.filter(pk__in=[timer.subject_id for timer in timers], state=OverrideState.WAITING)
    openings = [
        CaseOpening(
            type=CASE,
            subject=subject_ref(override),
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
        book = active_book()
        expiries = [TimerChange(subject_ref(one), EXPIRY, due_after(book, UNREVIEWED, one, now)) for one in waiting]
        set_all(expiries, now=now)


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
    over = [one for one in waiting if _take_back(one, dockets, items, changes)]
    for override in over:
        override.lapse()
        override.reviewed_by, override.reviewed_at = current_actor().id, now
        changes.edit(override, "state", "reviewed_by", "reviewed_at")
        changes.tell("override.expired", override, about=override.about, field=override.field)
    settle(list(dockets.values()), changes)
    close_review_cases(over, now, why=said("Nobody reviewed it: it was taken back."))
    if items:
        release_queue([item.sku_id for item in items.values()], changes)


def _take_back(
    override: Override, dockets: Mapping[UUID, Docket], items: Mapping[UUID, StockItem], changes: Changes
) -> bool:
    """Whether it is again what the systems say; what is picked or has left as it was set stays with whoever has its case."""
    if override.stock_item_id:
        item = items[override.stock_item_id]
        # no fewer than are set aside meanwhile
        put_count_by_hand(item, str(max(int(said_since(override)), item.reserved)), changes)
        return True
    docket = dockets[override.order_id or override.pk]
    on_desk = next(one for one in docket.overrides if one.pk == override.pk)
    try:
        if on_desk.line is None or on_desk.line in docket.live_lines():
            by_hand.refuse_late(docket, on_desk.field, on_desk.line)
    except Conflict:
        return False
    docket.overrides.remove(on_desk)
    by_hand.put_back(docket, on_desk, said_since(on_desk), changes)
    return True


def said_since(override: Override) -> str:
    """What systems say: the newest, else what stood there before."""
    if FIELDS[override.field].personal:
        secret = override.secret
        return open_secret(secret.heard or secret.canonical)
    return override.heard or override.canonical


def put_count_by_hand(item: StockItem, text: str, changes: Changes) -> None:
    """So many units lie there. Raises `Invalid` for fewer than are set aside."""
    value = int(text)
    if value < item.reserved:
        detail = said("%(reserved)s units are set aside already: not less than that.", reserved=item.reserved)
        raise Invalid(detail, errors=[FieldError("/value", "too-small", detail)])
    main = known_locations([(item.sku.client_id, MAIN)])[item.sku.client_id, MAIN]
    put_total(changes.stock_of(item.pk), main, value, changes)
    changes.tell("stock.overridden", item, field="on_hand")


def review_due(override: Override, changes: Changes) -> datetime:
    """Until when somebody else has to look at it."""
    return due_after(changes.book, REVIEW, override, changes.now)


def close_review_cases(overrides: Sequence[Override], now: datetime, *, why: str) -> None:
    """Nobody has to look at these any more."""
    ids = [str(one.pk) for one in overrides]
    live = ExceptionCase.objects.live().filter(subject_type="fulfilment.override", subject_id__in=ids, type=CASE)
    over = list(live.values_list("pk", flat=True)) if ids else []
    exceptions.withdraw_cases(case_ids=over, reason=why, by=system_actor("fulfilment"), now=now)
