"""An order with everything its progress depends on, read for many orders at once and locked from the top down."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection

from audit.context import current_time
from audit.models import Accountable
from audit.subject_refs import subject_ref
from exceptions.models import Waiver
from exceptions.selectors import live_waivers
from exceptions.services import outdate_waivers
from orders.fulfilment.decisions.money import NOTHING, from_minor
from orders.fulfilment.decisions.progress import OrderFacts
from orders.fulfilment.decisions.requests import Stage, stage_of
from orders.fulfilment.models import (
    Fulfilment,
    FulfilmentLine,
    GiftCard,
    Hold,
    Order,
    OrderAddress,
    OrderBundle,
    OrderGift,
    OrderLine,
    OrderRequest,
    Override,
    ParcelCheck,
    Payment,
    Refund,
    Reservation,
    Unwind,
    UnwindStep,
)
from orders.fulfilment.selectors.impacts import (
    ADDRESS,
    REVIEW,
    SHIP_DESPITE_CASE,
    SKIP_CHECK,
    check_key,
    material_base,
)
from orders.fulfilment.states import (
    CHECK_DUE,
    UNWIND_OPEN,
    AddressVerdict,
    FulfilmentState,
    HoldState,
    LineState,
    OrderState,
    OverrideState,
    PaymentState,
    RefundState,
    RequestKind,
    RequestState,
    ReservationState,
)
from rules.states import CHECK_POINTS, CheckPoint, FlowKind

ENDED = (OrderState.CANCELLED, OrderState.MERGED)


@dataclass
class Docket:
    """One order's papers.

    `gifts` are what was ever given of it, by the number of the line or bundle. `allowed` is what a time-limited exception lets pass of it
    at this moment, `skipped` the key of the one that stands in for a quality check, by the check; `has_answers` after news about its
    parcels.
    """

    order: Order
    lines: list[OrderLine] = field(default_factory=list)
    parcels: list[Fulfilment] = field(default_factory=list)
    contents: dict[UUID, list[FulfilmentLine]] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    reservations: dict[UUID, list[Reservation]] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    requests: list[OrderRequest] = field(default_factory=list)
    unwinds: list[Unwind] = field(default_factory=list)
    unwind_steps: dict[UUID, list[UnwindStep]] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    checks: list[ParcelCheck] = field(default_factory=list)
    address: OrderAddress | None = None
    gifts: dict[int, OrderGift] = field(default_factory=dict)
    skipped: dict[UUID, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    return_is_over: bool = False
    has_answers: bool = False

    @property
    def verdict(self) -> AddressVerdict:
        """What keeps or lets the order ship as far as its addresses go; a live time-limited exception counts as accepted."""
        own = AddressVerdict(self.address.verdict) if self.address else AddressVerdict.ELSEWHERE
        if AddressVerdict.INVALID in {own, *(one.verdict for one in self.cards_elsewhere)}:
            return AddressVerdict.ACCEPTED if ADDRESS in self.allowed else AddressVerdict.INVALID
        return own

    @property
    def cards_elsewhere(self) -> list[GiftCard]:
        """The cards of gifts that are still to be given and go to an address of their own."""
        given = {self.given_as(line) for line in self.live_lines()} if self.gifts else set()
        return [
            gift.card for gift in self.gifts.values() if gift.position in given and gift.is_active and gift.card.raw
        ]

    def given_as(self, line: OrderLine) -> int:
        """The number under which it would be a gift: its own, or of the bundle it is sold in."""
        return line.bundle.position if line.bundle else line.position

    def lines_given_as(self, position: int) -> list[OrderLine]:
        """The lines of this line or bundle that are still ordered."""
        return [line for line in self.live_lines() if self.given_as(line) == position]

    def gift_of(self, line: OrderLine) -> OrderGift | None:
        """The gift it is, or belongs to."""
        gift = self.gifts.get(self.given_as(line)) if self.gifts else None
        return gift if gift is not None and gift.is_active else None

    def goes_to(self, line: OrderLine) -> OrderAddress | GiftCard | None:
        """Where it is sent: to the gift's own address, else where the order goes."""
        gift = self.gift_of(line)
        return gift.card if gift is not None and gift.card.raw else self.address

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look first and has not."""
        flow = self.order.flow
        waits = flow is not None and flow.kind == FlowKind.MANUAL_REVIEW and self.order.reviewed_at is None
        return waits and REVIEW not in self.allowed

    @property
    def is_held(self) -> bool:
        """Whether a hold stops the whole order; a hold about one line or parcel stops only that."""
        return any(hold.line_id is None and hold.fulfilment_id is None for hold in self.in_force)

    @property
    def in_force(self) -> list[Hold]:
        """The holds that stop something."""
        return [hold for hold in self.holds if hold.state == HoldState.ACTIVE]

    def holding(self, parcel: Fulfilment) -> list[Hold]:
        """The holds that keep this parcel here: its own and those of the whole order."""
        return [hold for hold in self.in_force if hold.line_id is None and hold.fulfilment_id in {None, parcel.pk}]

    def due(self, parcel: Fulfilment, point: str) -> list[ParcelCheck]:
        """The quality checks of this parcel that come before this step or an earlier one and are not passed."""
        until = CHECK_POINTS[: CHECK_POINTS.index(CheckPoint(point)) + 1]
        return [
            one
            for one in self.checks
            if one.fulfilment_id == parcel.pk and one.point in until and one.state in CHECK_DUE
        ]

    def unchecked(self, parcel: Fulfilment, point: str) -> list[ParcelCheck]:
        """Those of them that nothing stands in for: the step is not taken."""
        return [one for one in self.due(parcel, point) if one.pk not in self.skipped]

    @property
    def may_be_prepared(self) -> bool:
        """Whether it is paid for and nobody has shipped or cancelled it meanwhile."""
        order = self.order
        return order.paid_at is not None and order.cancelled_at is None and bool(self.lines) and not self.parcels

    @property
    def may_proceed(self) -> bool:
        """Whether anything of it may be handed to anybody now."""
        order = self.order
        stopped = order.paid_at is None or order.cancelled_at is not None or self.is_held or not self.lines
        return not stopped and self.verdict != AddressVerdict.INVALID and not self.needs_review

    @property
    def total(self) -> Decimal:
        """What the customer has to pay."""
        return from_minor(self.order.total_minor, self.order.currency)

    @property
    def captures(self) -> list[Payment]:
        """The payments that have arrived in the order's own currency; another currency pays for nothing here."""
        return [
            one for one in self.payments if one.state == PaymentState.CAPTURED and one.currency == self.order.currency
        ]

    @property
    def captured(self) -> Decimal:
        """What has arrived; of an order that its store says is paid, without saying how, its total."""
        if not self.captures:
            return self.total if self.order.paid_at is not None else NOTHING
        return sum((one.amount for one in self.captures), NOTHING)

    @property
    def refunded(self) -> Decimal:
        """What went back, is going back or may still go back."""
        return sum((one.amount for one in self.refunds if one.state != RefundState.DECLINED), NOTHING)

    def undecided(self, *kinds: RequestKind) -> OrderRequest | None:
        """The request of these kinds that waits for a person."""
        return next((one for one in self.requests if one.kind in kinds and one.state == RequestState.UNDECIDED), None)

    def parcels_of(self, line: OrderLine) -> list[Fulfilment]:
        """The parcels the line is in that are not called off."""
        return [
            parcel
            for parcel in self.parcels
            if parcel.state != FulfilmentState.CANCELLED
            and any(content.line.pk == line.pk for content in self.contents.get(parcel.pk, ()))
        ]

    def held(self) -> list[Reservation]:
        """Everything that is set aside for it."""
        return [one for of_line in self.reservations.values() for one in of_line]

    def take_reservations(self, lines: Iterable[OrderLine]) -> list[Reservation]:
        """What is set aside for these lines, and is no longer on the desk."""
        return [one for line in lines for one in self.reservations.pop(line.pk, ())]

    def stage(self, line: OrderLine) -> Stage:
        """How far its units have come."""
        return stage_of([parcel.state for parcel in self.parcels_of(line)])

    def unwind_of(self, parcel: Fulfilment) -> Unwind | None:
        """What takes back what was done for this parcel, while it is not over."""
        return next((one for one in self.unwinds if one.fulfilment_id == parcel.pk and one.state in UNWIND_OPEN), None)

    @property
    def bundles(self) -> dict[OrderBundle, list[OrderLine]]:
        """The bundles of the order, each with the lines that are its parts."""
        found: dict[OrderBundle, list[OrderLine]] = {}
        for line in self.lines:
            if line.bundle is not None:
                found.setdefault(line.bundle, []).append(line)
        return found

    def inside(self, name: str) -> list[OrderLine]:
        """The lines of the bundle that is called so, by its number in the order or its product; none where there is no such bundle."""
        return next((its for one, its in self.bundles.items() if name in {str(one.position), one.code}), [])

    def live_lines(self) -> list[OrderLine]:
        """The lines that are still to be sent or were sent."""
        return [line for line in self.lines if line.state != LineState.CANCELLED]

    def facts(self) -> OrderFacts:
        """What the state of the order follows from."""
        return OrderFacts(
            is_paid=self.order.paid_at is not None,
            is_cancelled=self.order.cancelled_at is not None,
            is_held=self.is_held,
            needs_review=self.needs_review,
            address=self.verdict,
            lines=[LineState(line.state) for line in self.live_lines()],
            fulfilments=[FulfilmentState(parcel.state) for parcel in self.parcels],
            return_is_over=self.return_is_over or self.order.state in ENDED or self._is_back(),
            is_authorised=any(one.state == PaymentState.AUTHORISED for one in self.payments),
            is_partly_paid=bool(self.captures),
            is_cancellation_undecided=self.undecided(RequestKind.CANCEL) is not None,
            is_merged=self.order.merged_into_id is not None,
            is_change_undecided=self.undecided(RequestKind.CHANGE, RequestKind.ADDRESS) is not None,
        )

    def _is_back(self) -> bool:
        return all(line.state in {LineState.CANCELLED, LineState.RETURNED} for line in self.lines)


Dockets = Mapping[UUID, Docket]


def load_dockets(order_ids: Collection[UUID], *, skip_locked: bool = False) -> list[Docket]:
    """The papers of these orders, the orders locked by primary key; the same few queries for one and for thousands."""
    orders = (
        Order.objects.select_for_update(of=("self",), skip_locked=skip_locked)
        .select_related("client__calendar", "flow", "owner", "decision")
        .filter(pk__in=order_ids)
        .order_by("pk")
    )
    dockets = {order.pk: Docket(order) for order in orders}
    ids = list(dockets)
    lines_of = OrderLine.objects.filter(order__in=ids).select_related("sku", "flow", "bundle")
    for line in lines_of.order_by("order", "position"):
        line.order = dockets[line.order_id].order
        dockets[line.order_id].lines.append(line)
    for parcel in Fulfilment.objects.filter(order__in=ids).select_related("flow", "owner").order_by("pk"):
        parcel.order = dockets[parcel.order_id].order
        dockets[parcel.order_id].parcels.append(parcel)
    held = Reservation.objects.filter(line__order__in=ids, state=ReservationState.HELD).select_related(
        "line", "lot__location"
    )
    for reservation in held.order_by("pk"):
        dockets[reservation.line.order_id].reservations.setdefault(reservation.line_id, []).append(reservation)
    for address in OrderAddress.objects.filter(order__in=ids):
        dockets[address.order_id].address = address
    _load_parcels(dockets)
    for load in _filed(ids):
        load(dockets)
    _ask_gates(list(dockets.values()))
    _ask_for_checks(list(dockets.values()))
    return list(dockets.values())


def _load_parcels(dockets: Dockets) -> None:
    """What is in the parcels, and their quality checks in the order of the work."""
    lines, parcels = _lines(dockets), _parcels(dockets)
    if not parcels:
        return
    for content in FulfilmentLine.objects.filter(fulfilment__in=list(parcels)).order_by("pk"):
        content.line, content.fulfilment = lines[content.line_id], parcels[content.fulfilment_id]
        dockets[content.fulfilment.order_id].contents.setdefault(content.fulfilment_id, []).append(content)
    for check in ParcelCheck.objects.filter(fulfilment__in=list(parcels)).order_by("fulfilment", "position"):
        check.order, check.fulfilment = dockets[check.order_id].order, parcels[check.fulfilment_id]
        dockets[check.order_id].checks.append(check)


def _load_holds(dockets: Dockets) -> None:
    lines, parcels = _lines(dockets), _parcels(dockets)
    for hold in Hold.objects.filter(order__in=list(dockets), state=HoldState.ACTIVE).order_by("pk"):
        hold.order = dockets[hold.order_id].order
        hold.line = lines[hold.line_id] if hold.line_id else None
        hold.fulfilment = parcels[hold.fulfilment_id] if hold.fulfilment_id else None
        dockets[hold.order_id].holds.append(hold)


def _load_payments(dockets: Dockets) -> None:
    for payment in Payment.objects.filter(order__in=list(dockets)).order_by("pk"):
        payment.order = dockets[payment.order_id].order
        dockets[payment.order_id].payments.append(payment)


def _load_refunds(dockets: Dockets) -> None:
    for refund in Refund.objects.filter(order__in=list(dockets)).order_by("pk"):
        refund.order = dockets[refund.order_id].order
        dockets[refund.order_id].refunds.append(refund)


def _load_requests(dockets: Dockets) -> None:
    for request in OrderRequest.objects.filter(order__in=list(dockets)).order_by("pk"):
        request.order = dockets[request.order_id].order
        dockets[request.order_id].requests.append(request)


def _load_unwinds(dockets: Dockets) -> None:
    """What is being taken back."""
    parcels = _parcels(dockets)
    unwinds = Unwind.objects.filter(order__in=list(dockets), state__in=UNWIND_OPEN).select_related("to_flow")
    found = {unwind.pk: unwind for unwind in unwinds.order_by("pk")}
    for unwind in found.values():
        unwind.order, unwind.fulfilment = dockets[unwind.order_id].order, parcels[unwind.fulfilment_id]
        dockets[unwind.order_id].unwinds.append(unwind)
    for step in UnwindStep.objects.filter(unwind__in=list(found)).order_by("unwind", "position") if found else ():
        step.unwind = found[step.unwind_id]
        dockets[step.unwind.order_id].unwind_steps.setdefault(step.unwind_id, []).append(step)


def _load_overrides(dockets: Dockets) -> None:
    """What somebody set by hand and nobody has reviewed."""
    for override in Override.objects.filter(order__in=list(dockets), state=OverrideState.WAITING).order_by("pk"):
        if override.order_id is not None:
            dockets[override.order_id].overrides.append(override)


def _load_gifts(dockets: Dockets) -> None:
    for gift in OrderGift.objects.filter(order__in=list(dockets)).select_related("card").order_by("order", "position"):
        gift.order = dockets[gift.order_id].order
        dockets[gift.order_id].gifts[gift.position] = gift


def _lines(dockets: Dockets) -> dict[UUID, OrderLine]:
    return {line.pk: line for docket in dockets.values() for line in docket.lines}


def _parcels(dockets: Dockets) -> dict[UUID, Fulfilment]:
    return {parcel.pk: parcel for docket in dockets.values() for parcel in docket.parcels}


# What few orders have.
FILED: Final[dict[type[Accountable], Callable[[Dockets], None]]] = {
    Hold: _load_holds,
    Payment: _load_payments,
    Refund: _load_refunds,
    OrderRequest: _load_requests,
    Unwind: _load_unwinds,
    Override: _load_overrides,
    OrderGift: _load_gifts,
}


def _filed(order_ids: list[UUID]) -> list[Callable[[Dockets], None]]:
    """How to load what there is of it; to look into each table for nothing was a third of loading one order."""
    questions = ", ".join(
        f'EXISTS (SELECT FROM "{model._meta.db_table}" WHERE order_id = ANY(%(ids)s::uuid[]))' for model in FILED
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {questions}", {"ids": order_ids})
        return [load for load, is_there in zip(FILED.values(), cursor.fetchone(), strict=True) if is_there]


def _ask_for_checks(dockets: Sequence[Docket]) -> None:
    """As for the other gates, for quality checks that are due."""
    about = {
        subject_ref(docket.order): docket
        for docket in dockets
        if any(check.state in CHECK_DUE for check in docket.checks)
    }
    live = live_waivers(gate=SKIP_CHECK, subjects=about, now=current_time()) if about else {}
    outdated = [waiver for ref, waiver in live.items() if not is_current(waiver, about[ref])]
    for ref, waiver in live.items():
        docket = about[ref]
        if is_current(waiver, docket):
            parts = waiver.allowed_parts
            covered = [
                one for one in docket.checks if one.state in CHECK_DUE and (not parts or check_key(one) in parts)
            ]
            docket.skipped = {one.pk: waiver.key for one in covered}
    if outdated:
        outdate_waivers(waivers=outdated, now=current_time())


def _ask_gates(dockets: Sequence[Docket]) -> None:
    """Whether a time-limited exception lets an order pass is asked under its lock, at the moment of use, where one could matter."""
    stopped = {
        subject_ref(docket.order): docket
        for docket in dockets
        if docket.verdict == AddressVerdict.INVALID or docket.needs_review
    }
    live = live_waivers(gate=SHIP_DESPITE_CASE, subjects=stopped, now=current_time()) if stopped else {}
    outdated = [waiver for ref, waiver in live.items() if not is_current(waiver, stopped[ref])]
    for ref, waiver in live.items():
        if is_current(waiver, stopped[ref]):
            stopped[ref].allowed = frozenset(waiver.allowed_parts or (ADDRESS, REVIEW))
    if outdated:
        outdate_waivers(waivers=outdated, now=current_time())


def is_current(waiver: Waiver, docket: Docket) -> bool:
    """Whether the order is still what the approval was given for."""
    base = material_base(docket.order, docket.lines, docket.address, docket.cards_elsewhere)
    return waiver.base_of(str(docket.order.pk)) in {"", base}
