"""Orders that may not go on until what is missing is filled in: which, why, by when, and what would mend them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audit.context import Actor
from audit.crypto import open_secret
from audit.errors import FieldError, IllegalTransition, Invalid
from audit.models import Event
from audit.words import Said, listed, said
from exceptions import selectors as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions import doubts
from orders.fulfilment.decisions.addresses import FIELDS, check_address, label_of
from orders.fulfilment.decisions.suggestions import suggest
from orders.fulfilment.models import Fulfilment, Order, OrderAddress
from orders.fulfilment.selectors.addresses import problem_in_words, problems_in_words, what_passes, why_needed
from orders.fulfilment.selectors.destinations import GiftFacts, cards_elsewhere, gifts_of
from orders.fulfilment.selectors.doubts import DoubtFacts, doubts_of
from orders.fulfilment.selectors.orders import (
    OrderFilters,
    OrderRow,
    filtered,
    order_for,
    order_page,
    orders_for,
    rows_of,
)
from orders.fulfilment.states import OrderState
from orders.sync.selectors import Heard, heard_event
from rules import selectors as rules
from rules.schema_words import allowed, inside, meaning

# What an order is held for, by the type of its exception; the first of which one is open counts. A rule book may be older than the first.
CASES_OF: Mapping[OrderState, Sequence[str]] = {
    OrderState.QUARANTINED: (doubts.CASE, "contract-violation"),
    OrderState.ADDRESS_INVALID: ("address",),
}
PUBLIC = frozenset({"city", "country_code", "country_area"})
PLACED = "order.placed"  # the contract that says what an address is
MOST_OF_A_LINE = 100_000
TOLD = ("order.received", "order.changed")
LIST_STATES = (OrderState.QUARANTINED.value, OrderState.ADDRESS_INVALID.value)


@dataclass(frozen=True)
class QuarantineRow:
    """One order that waits: what of it is missing, who has it, until when."""

    order: OrderRow
    reason: str
    missing: int
    case: str
    owner: str
    since: datetime | None
    due_at: datetime | None
    steps: int
    steps_done: int


@dataclass(frozen=True)
class QuarantinePage:
    """A page of the list."""

    rows: Sequence[QuarantineRow]
    next_after: str
    count: int
    is_capped: bool


@dataclass(frozen=True)
class FieldRow:
    """One field of the address: `value` only where this person may see it; `hint` says how the suggestion was found.

    `why` says what it is needed for, `passes` what the check lets pass.
    """

    name: str
    label: str
    value: str
    is_hidden: bool
    problem: str
    suggestion: str
    hint: str
    why: str = ""
    passes: str = ""


@dataclass(frozen=True)
class LineHints:
    """By field of a line: what the contract says it is, where it says so, and what it lets pass."""

    why: Mapping[str, str]
    passes: Mapping[str, Said]


@dataclass(frozen=True)
class QuarantineDetail:
    """Everything the page of one order in quarantine shows.

    `gifts` are those that cannot go to their own address, `heard` is the newest message of a system that said what the order is.
    """

    order: Order
    row: OrderRow
    lacks_lines: bool
    line_hints: LineHints | None
    doubt: DoubtFacts | None
    named: Sequence[FieldRow]
    others: Sequence[FieldRow]
    gifts: Sequence[GiftFacts]
    can_accept: bool
    has_parcels: bool
    is_filled_in: bool
    heard: Heard | None
    case: exceptions.CasePage | None
    audit_steps: Sequence[tuple[int, exceptions.Step]]

    @property
    def steps_open(self) -> list[str]:
        """The audit steps nobody has done yet."""
        return [step.label for _, step in self.audit_steps if step.done_at is None]


def quarantine_page(*, by: Actor, q: str = "", client: str = "", after: str = "", now: datetime) -> QuarantinePage:
    """Held orders, newest first. Raises `Invalid` for a filter nobody knows."""
    page = order_page(by=by, filters=_asked(by, q, client, after), now=now)
    ids = [row.id for row in page.rows]
    problems = dict(OrderAddress.objects.filter(order__in=ids).values_list("order_id", "problems"))
    for order_id, cards in cards_elsewhere(ids).items():
        problems[order_id] = [*(problems.get(order_id) or []), *(row for card in cards for row in card.problems)]
    cases = exceptions.live_cases_of(by=by, subject_type="fulfilment.order", subject_ids=[str(pk) for pk in ids])
    by_order = {(case.subject_id, case.type): case for case in cases}
    doubted = doubts_of([row.id for row in page.rows if row.state == OrderState.QUARANTINED])
    rows = [_row(row, problems.get(row.id) or [], by_order, doubted.get(row.id)) for row in page.rows]
    return QuarantinePage(rows, page.next_after, page.count, page.is_capped)


def all_quarantined(*, by: Actor, q: str = "", client: str = "", now: datetime) -> QuerySet[Order]:
    """Every held order that the list shows with these filters, on all its pages. Raises `Invalid` as the list does."""
    return filtered(by=by, filters=_asked(by, q, client), now=now)


def _asked(by: Actor, q: str, client: str, after: str = "") -> OrderFilters:
    if client and not rules.clients_of(by).filter(slug=client).exists():
        detail = said("client cannot be “%(client)s”.", client=client[:60])
        raise Invalid(detail, errors=[FieldError("/client", "unknown", detail)])
    return OrderFilters(q=q, client=[client] if client else [], after=after, state=LIST_STATES)


def quarantined(by: Actor) -> QuerySet[Order]:
    """The orders that are held for what is missing."""
    return orders_for(by).filter(state__in=LIST_STATES)


def quarantine_detail(*, by: Actor, key: str, now: datetime) -> QuarantineDetail:
    """One held order. Raises `NotFound`, and `IllegalTransition` when nothing is missing any more."""
    order = order_for(by, key)
    if order.state not in LIST_STATES:
        raise IllegalTransition(
            said(
                "%(key)s is not in quarantine any more: it is “%(state)s”.",
                key=order.key,
                state=said(order.get_state_display()),
            )
        )
    doubt = doubts_of([order.pk]).get(order.pk) if order.state == OrderState.QUARANTINED else None
    lacks_lines = order.state == OrderState.QUARANTINED and doubt is None
    about_address = order.state == OrderState.ADDRESS_INVALID
    clear = by.may("orders.view_pii", order.client_id)
    fields = _fields(_address_of(order), clear=clear) if about_address else []
    wrong = [field for field in fields if field.problem]
    cases = exceptions.live_cases_of(by=by, subject_type="fulfilment.order", subject_ids=[str(order.pk)])
    by_type = {case.type: case for case in cases}
    case = next((by_type[kind] for kind in CASES_OF[OrderState(order.state)] if kind in by_type), None)
    page = exceptions.case_page(by=by, key=case.key, now=now) if case else None
    return QuarantineDetail(
        order=order,
        row=rows_of([order])[0],
        lacks_lines=lacks_lines,
        line_hints=_line_hints() if lacks_lines else None,
        doubt=doubt,
        named=wrong,
        others=[field for field in fields if not field.problem],
        gifts=[gift for gift in gifts_of(order, clear=clear) if gift.address_problems] if about_address else [],
        can_accept=bool(wrong) and all(field.hint for field in wrong),
        is_filled_in=about_address and not wrong,
        has_parcels=Fulfilment.objects.filter(order=order).exists(),
        heard=_heard(order),
        case=page,
        audit_steps=exceptions.audit_steps(page.playbook.steps) if page else [],
    )


def _row(
    row: OrderRow,
    problems: Sequence[Mapping[str, str]],
    cases: Mapping[tuple[str, str], ExceptionCase],
    doubt: DoubtFacts | None,
) -> QuarantineRow:
    state = OrderState(row.state)
    held_for = [(str(row.id), kind) for kind in CASES_OF[state]]
    case = next((cases[one] for one in held_for if one in cases), None)
    words = problems_in_words(problems) if state == OrderState.ADDRESS_INVALID else []
    audit = (
        [index for index, step in enumerate(case.playbook) if step["kind"] in exceptions.AUDIT_KINDS] if case else []
    )
    done = {step.index for step in case.steps.all()} if case else set()
    return QuarantineRow(
        order=row,
        reason=_why(state, words, doubt),
        missing=len(doubt.fields) if doubt else len(words) or int(state == OrderState.QUARANTINED),
        case=case.key if case else "",
        owner=case.owner.name if case else row.owner,
        since=case.opened_at if case else None,
        due_at=case.due_at if case else row.sla_due_at,
        steps=len(audit),
        steps_done=len(done.intersection(audit)),
    )


def _why(state: OrderState, problems: Sequence[str], doubt: DoubtFacts | None) -> str:
    if doubt is not None:
        return said("In doubt: %(doubts)s", doubts=doubt.names)
    if problems:
        return listed(problems)
    if state == OrderState.ADDRESS_INVALID:
        return said("Filled in, and not resubmitted yet")
    return said("The order has no lines")


def _heard(order: Order) -> Heard | None:
    told = Event.objects.filter(subject_type="fulfilment.order", subject_id=str(order.pk), type__in=TOLD)
    newest = told.order_by("transaction", "id").last()
    return heard_event(str(json.loads(newest.body)["data"].get("event") or "")) if newest else None


def _line_hints() -> LineHints:
    """A price is typed in whole money and told in its smallest unit: what passes of it the form says."""
    schema = rules.contract(PLACED).schema
    of_line = {name: inside(schema, f"/lines/*/{name}") for name in ("sku", "quantity", "unit_minor")}
    quantity = of_line["quantity"]
    capped = {**quantity, "maximum": min(quantity.get("maximum", MOST_OF_A_LINE), MOST_OF_A_LINE)}
    return LineHints(
        why={name: meaning(one) for name, one in of_line.items()},
        passes={
            "sku": listed(allowed(of_line["sku"]), between=". "),
            "quantity": listed(allowed(capped), between=". "),
        },
    )


def _address_of(order: Order) -> dict[str, str]:
    address = OrderAddress.objects.filter(pk=order.pk).first()
    known = json.loads(open_secret(address.standard or address.raw)) if address else {}
    return dict(check_address(known).address)


def _fields(known: Mapping[str, str], *, clear: bool) -> list[FieldRow]:
    problems = {one.field: problem_in_words(one.field, one.code) for one in check_address(known).problems}
    proposed = {one.field: one for one in suggest(known)}
    schema = rules.contract(PLACED).schema
    rows = []
    for name in FIELDS:
        visible = clear or name in PUBLIC
        one = proposed.get(name)
        rows.append(
            FieldRow(
                name=name,
                label=label_of(name),
                value=known.get(name, "") if visible else "",
                is_hidden=not visible and bool(known.get(name)),
                problem=problems.get(name, ""),
                suggestion=one.value if one and visible else "",
                hint=one.words if one else "",
                why=why_needed(name, known.get("country_code", ""), schema),
                passes=what_passes(name, known.get("country_code", ""), schema),
            )
        )
    return rows
