"""An order with everything its progress depends on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

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
)
from orders.fulfilment.states import (
    CHECK_DUE,
    UNWIND_OPEN,
    AddressVerdict,
    FulfilmentState,
    HoldReason,
    HoldState,
    LineState,
    OrderState,
    PaymentState,
    RefundState,
    RequestKind,
    RequestState,
)
from rules.states import CHECK_POINTS, CheckPoint, FlowKind

ENDED = (OrderState.CANCELLED, OrderState.MERGED)


@dataclass
class Docket:
    """One order's papers.

    `gifts` are what was ever given of it, by the number of the line or bundle. `allowed` is what a time-limited exception (`allowed_by`)
    lets pass of it at this moment, `skipped` the key of the one that stands in for a quality check, by the check; `has_answers` after
    news about its parcels.
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
    allowed_by: str = ""
    return_is_over: bool = False
    has_answers: bool = False

    @property
    def verdict(self) -> AddressVerdict:
        """What keeps or lets the order ship as far as its addresses go; a live time-limited exception counts as accepted."""
        if self._has_wrong_address:
            return AddressVerdict.ACCEPTED if ADDRESS in self.allowed else AddressVerdict.INVALID
        return AddressVerdict(self.address.verdict) if self.address else AddressVerdict.ELSEWHERE

    @property
    def _has_wrong_address(self) -> bool:
        goes_to = [one for one in (self.address, *self.cards_elsewhere) if one is not None]
        return any(one.verdict == AddressVerdict.INVALID for one in goes_to)

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
        return self._waits_for_review and REVIEW not in self.allowed

    @property
    def _waits_for_review(self) -> bool:
        flow = self.order.flow
        return flow is not None and flow.kind == FlowKind.MANUAL_REVIEW and self.order.reviewed_at is None

    @property
    def passes_by(self) -> str:
        """The key of the time-limited exception without which nothing of it could be handed out now; empty where it needs none."""
        needs = (self._has_wrong_address and ADDRESS in self.allowed) or (
            self._waits_for_review and REVIEW in self.allowed
        )
        return self.allowed_by if needs else ""

    @property
    def is_held(self) -> bool:
        """Whether a hold stops the whole order; a hold about one line or parcel stops only that."""
        return any(hold.line_id is None and hold.fulfilment_id is None for hold in self.in_force)

    @property
    def in_force(self) -> list[Hold]:
        """The holds that stop something."""
        return [hold for hold in self.holds if hold.state == HoldState.ACTIVE]

    @property
    def doubts(self) -> list[Hold]:
        """What a person doubts of it: it stays in quarantine until that is confirmed."""
        return [hold for hold in self.in_force if hold.reason == HoldReason.DOUBT]

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

    def line_called(self, name: str, *, live: bool = False) -> OrderLine | None:
        """The line with this number; else of this product as it was ordered, else as it is sent; `live` leaves out what is cancelled."""
        lines = self.live_lines() if live else self.lines
        ways: tuple[Callable[[OrderLine], str], ...] = (
            lambda line: str(line.position),
            lambda line: line.ordered_as or line.sku.code,
            lambda line: line.sku.code,
        )
        return next((line for called in ways for line in lines if called(line) == name), None)

    def override_of(self, field: str, line: OrderLine | None = None) -> Override | None:
        """What somebody set this field to by hand, and nobody has reviewed."""
        wanted = line.pk if line else None
        return next((one for one in self.overrides if (one.field, one.line_id) == (field, wanted)), None)

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
            is_doubted=bool(self.doubts),
            is_change_undecided=self.undecided(RequestKind.CHANGE, RequestKind.ADDRESS) is not None,
        )

    def _is_back(self) -> bool:
        return all(line.state in {LineState.CANCELLED, LineState.RETURNED} for line in self.lines)
