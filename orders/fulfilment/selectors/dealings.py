"""What was asked of an order and decided about it, what was paid, and what goes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.context import Actor
from audit.selectors.pages import names_of
from orders.fulfilment.decisions.money import Amounts, in_words
from orders.fulfilment.models import Order, OrderRequest, Payment, Refund, Unwind, UnwindStep
from orders.fulfilment.states import (
    UNWIND_OPEN,
    Choice,
    OrderState,
    RequestKind,
    RequestState,
    StepKind,
    StepState,
    UnwindState,
)
from rules.facts import Recent

MOST_TRIED = 1000


@dataclass(frozen=True)
class RequestFacts:
    """One wish, the rule that ruled on it, and what was decided; `lines` maps positions to units, none for all."""

    id: str
    kind: str
    kind_label: str
    lines: Mapping[str, int]
    reason: str
    asked_by: str
    asked_at: datetime
    rule: str
    why: str
    choice: str
    choice_label: str
    owner: str
    state: str
    state_label: str
    book: int | None
    due_at: datetime | None
    decided_at: datetime | None
    decided_by: str

    @property
    def is_open(self) -> bool:
        """Whether something has still to come."""
        return self.state in {RequestState.UNDECIDED, RequestState.AWAITED}


@dataclass(frozen=True)
class AmountFacts:
    """What an order cost when it was placed, as its store states it; `words` are the amounts for people."""

    currency: str
    lines: Decimal
    discount: Decimal | None
    shipping: Decimal | None
    tax: Decimal | None
    tax_included: bool
    total: Decimal
    adds_up: bool
    words: Mapping[str, str]


@dataclass(frozen=True)
class MoneyFacts:
    """One payment or refund: an exact amount and how far it has come; of a refund why, by which rule, and for units of which lines."""

    id: str
    amount: Decimal
    currency: str
    words: str
    reference: str
    state: str
    state_label: str
    at: datetime | None
    reason: str = ""
    rule: str = ""
    decided_by: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class UnwindStepFacts:
    """One thing that was done and is to be undone."""

    kind: str
    label: str
    state: str
    state_label: str
    undone_at: datetime | None
    evidence: str


@dataclass(frozen=True)
class UnwindFacts:
    """A parcel that is called back; its steps in the order in which they are undone."""

    id: str
    fulfilment: str
    to: str
    reason: str
    asked_by: str
    asked_at: datetime
    state: str
    state_label: str
    steps: Sequence[UnwindStepFacts]

    @property
    def is_open(self) -> bool:
        """Whether something still stands."""
        return self.state in UNWIND_OPEN


def unwinds_of(order: Order) -> list[UnwindFacts]:
    """Oldest first."""
    rows = Unwind.objects.filter(order=order).select_related("fulfilment", "to_flow").prefetch_related("steps")
    found = list(rows.order_by("pk"))
    names = names_of({row.asked_by for row in found})
    return [
        UnwindFacts(
            id=str(row.pk),
            fulfilment=row.fulfilment.key,
            to=row.to_flow.name,
            reason=row.reason,
            asked_by=names.get(row.asked_by, row.asked_by),
            asked_at=row.asked_at,
            state=row.state,
            state_label=UnwindState(row.state).label,
            steps=[_step(step) for step in sorted(row.steps.all(), key=lambda step: -step.position)],
        )
        for row in found
    ]


def _step(step: UnwindStep) -> UnwindStepFacts:
    return UnwindStepFacts(
        kind=step.kind,
        label=StepKind(step.kind).label,
        state=step.state,
        state_label=StepState(step.state).label,
        undone_at=step.undone_at,
        evidence=step.evidence,
    )


def requests_of(order: Order) -> list[RequestFacts]:
    """Oldest first."""
    rows = list(OrderRequest.objects.filter(order=order).select_related("owner").order_by("pk"))
    names = names_of({actor for row in rows for actor in (row.asked_by, row.decided_by) if ":" in actor})
    return [_request(row, names) for row in rows]


def amounts_of(order: Order) -> AmountFacts | None:
    """What it cost when it was placed, as the store states it; None where it says no more than the total."""
    row = getattr(order, "amounts", None)
    if row is None:
        return None
    stated = {name: getattr(row, name) for name in ("lines", "discount", "shipping", "tax", "total")}
    shown = {name: in_words(amount, row.currency) for name, amount in stated.items() if amount is not None}
    adds_up = not Amounts(**stated, tax_included=row.tax_included).unexplained
    return AmountFacts(**stated, currency=row.currency, tax_included=row.tax_included, adds_up=adds_up, words=shown)


def payments_of(order: Order) -> list[MoneyFacts]:
    """Oldest first."""
    rows = Payment.objects.filter(order=order).order_by("pk")
    return [_money(row, at=row.captured_at or row.authorised_at) for row in rows]


def refunds_of(order: Order) -> list[MoneyFacts]:
    """Oldest first."""
    rows = Refund.objects.filter(order=order).select_related("request").order_by("pk")
    return [
        _money(
            row,
            at=row.issued_at or row.decided_at or row.due_since,
            reason=row.reason,
            rule=row.rule,
            decided_by=row.decided_by,
            lines=row.request.lines if row.request else {},
        )
        for row in rows
    ]


def _money(row: Payment | Refund, *, at: datetime | None, **more: Any) -> MoneyFacts:
    return MoneyFacts(
        id=str(row.pk),
        amount=row.amount,
        currency=row.currency,
        words=in_words(row.amount, row.currency),
        reference=row.reference,
        state=row.state,
        state_label=row.get_state_display(),
        at=at,
        **more,
    )


def stamps_of(order: Order) -> Sequence[tuple[str, datetime]]:
    """When the order last came into each state it was in, in that order."""
    stamped = [(OrderState(state).label, datetime.fromisoformat(at)) for state, at in order.stamps.items()]
    return sorted(stamped, key=lambda pair: pair[1])


def _request(row: OrderRequest, names: Mapping[str, str]) -> RequestFacts:
    return RequestFacts(
        id=str(row.pk),
        kind=row.kind,
        kind_label=RequestKind(row.kind).label,
        lines=row.lines,
        reason=row.reason,
        asked_by=names.get(row.asked_by, row.asked_by),
        asked_at=row.asked_at,
        rule=row.rule,
        why=row.why,
        choice=row.choice,
        choice_label=Choice(row.choice).label,
        owner=row.owner.name,
        state=row.state,
        state_label=RequestState(row.state).label,
        book=row.book_number,
        due_at=row.due_at,
        decided_at=row.decided_at,
        decided_by=names.get(row.decided_by, row.decided_by),
    )


def recent_rulings(by: Actor) -> list[Recent]:
    """The newest requests and refunds the actor may see, as what new rules are tried on."""
    requests = OrderRequest.objects.exclude(facts={}).select_related("order").order_by("-pk")
    if by.clients is not None:
        requests = requests.filter(order__client__in=by.clients)
    return [Recent(one.order.key, one.rule, one.facts) for one in requests[:MOST_TRIED]]
