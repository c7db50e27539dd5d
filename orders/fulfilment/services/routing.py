"""Rules pick flow, owner and SLA; what is there is set aside, what is not waits; the rest becomes parcels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from audit.subject_refs import SubjectRef, subject_ref
from audit.words import said
from orders.fulfilment.facts import order_context
from orders.fulfilment.models import Fulfilment, FulfilmentLine, Hold, Order, OrderLine
from orders.fulfilment.selectors.holds import HOUSE
from orders.fulfilment.services import stock as stocks
from orders.fulfilment.services.at_risk import promise
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.falling_back import begin_clock, renew_clock
from orders.fulfilment.services.holding import let_go, place
from orders.fulfilment.services.quality import plan_checks
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.services.stuck import open_cases_for
from orders.fulfilment.states import (
    CheckState,
    DeliverySla,
    FulfilmentState,
    HoldReason,
    HoldState,
    LineState,
    OrderState,
)
from rules.models import Decision, Flow
from rules.rulebook import CompiledBook
from rules.selectors import roster
from rules.services.decisions import DecisionRequest, decide_many
from rules.states import FlowKind, FlowState

LineKind = tuple[str, str]


class Group(NamedTuple):
    """What lines have in common that are sent in one parcel: way, sender, place, receiver, and who packs them together."""

    flow: str
    vendor: str
    location_id: UUID | None
    receiver: int | None
    packed_as: int


RULE_FAILED = "ownership-gap"
WAITING_TO_GO = (LineState.OPEN, LineState.RESERVED, LineState.BACK_ORDERED)


@dataclass
class Desk:
    """What routing looks things up in, read once per batch and not before it is asked for: most news needs no way to be found."""

    book: CompiledBook
    now: datetime

    @cached_property
    def flows(self) -> Mapping[str, Flow]:
        """By slug."""
        return {flow.slug: flow for flow in Flow.objects.order_by("slug")}

    @cached_property
    def of_kind(self) -> Mapping[str, Flow]:
        """For each kind the flow that is taken where no rule chose one: a live one that the rule book knows, if there is any."""
        known = [flow for flow in self.flows.values() if flow.slug in self.book.document["flows"]]
        return {flow.kind: flow for flow in sorted(known, key=lambda flow: flow.state == FlowState.ACTIVE)}

    @cached_property
    def on_duty(self) -> Mapping[str, UUID]:
        """Who is there for each owner, by slug."""
        present = roster(self.now)
        return {owner.slug: present.on_duty(owner.slug).pk for owner in present.owners.values()}


def route(dockets: Sequence[Docket], desk: Desk, changes: Changes) -> None:
    """Decide about every open line, reserve for those our warehouse sends, and plan parcels of what can go."""
    routable = {docket.order.pk: docket for docket in dockets if docket.may_proceed and _open_lines(docket)}
    if not routable:
        return
    wanting = [line for docket in routable.values() for line in _open_lines(docket) if stocks.wants_stock(line)]
    stock = stocks.lock_stock({line.sku_id for line in wanting}, changes)
    _decide(list(routable.values()), wanting, stock, desk, changes)
    going = {pk: docket for pk, docket in routable.items() if docket.may_proceed}
    _reserve(going, stock, changes)
    for docket in going.values():
        _plan(docket, desk, changes)


def _open_lines(docket: Docket) -> list[OrderLine]:
    return [line for line in docket.lines if line.state in WAITING_TO_GO]


def _decide(
    dockets: Sequence[Docket],
    wanting: Sequence[OrderLine],
    stock: Mapping[UUID, ProductStock],
    desk: Desk,
    changes: Changes,
) -> None:
    """One decision about the order, and one more for each kind of line where an order has several."""
    orders = {docket.order.pk for docket in dockets}
    there = {grant.demand.line.pk for grant in stocks.allocate_lines(wanting, stock, orders, changes).granted}
    requests: list[DecisionRequest] = []
    places: list[tuple[Docket, LineKind | None]] = []
    for docket in dockets:
        undecided = [line for line in _open_lines(docket) if line.flow_id is None]
        for kind, lines in _to_decide(docket, undecided):
            places.append((docket, kind))
            requests.append(_request(docket, lines, there, whole=kind is None))
    decisions = decide_many(requests=requests, now=changes.now) if requests else []
    for (docket, kind), decision in zip(places, decisions, strict=True):
        if decision.outcome["undecided"]:
            changes.openings.append(_rule_failed(docket.order, decision, desk))
        if kind is None:
            _take_decision(docket, decision, desk, changes)
        else:
            lines = [line for line in docket.lines if _kind(line) == kind]
            _give_flow(docket, lines, decision, desk, changes)


def _rule_failed(order: Order, decision: Decision, desk: Desk) -> Opening:
    """A rule that could not be decided is mended by who answers for it; the order waits with its fallback meanwhile."""
    slug = decision.rule_slug
    title = said("The rule “%(rule)s” could not be decided for %(key)s", rule=slug, key=order.key)
    evidence = {"rule": slug, "decision": str(decision.pk), "owner": decision.outcome["owner"]}
    answers = next((rule["rule_owner"] for rule in desk.book.document["rules"] if rule["slug"] == slug), "")
    return Opening(RULE_FAILED, order, title, f"rule:{slug}", evidence, owner=answers)


def _to_decide(docket: Docket, lines: Sequence[OrderLine]) -> list[tuple[LineKind | None, Sequence[OrderLine]]]:
    kinds: dict[LineKind, list[OrderLine]] = defaultdict(list)
    for line in lines:
        kinds[_kind(line)].append(line)
    whole: list[tuple[LineKind | None, Sequence[OrderLine]]] = []
    if docket.order.decision_id is None:
        whole = [(None, docket.live_lines())]
    return whole if whole and len(kinds) < 2 else [*whole, *kinds.items()]  # noqa: PLR2004 -- one kind is the order itself


def _kind(line: OrderLine) -> LineKind:
    return (line.sku_type, line.vendor)


def _request(docket: Docket, lines: Sequence[OrderLine], there: set[UUID], *, whole: bool) -> DecisionRequest:
    order = docket.order
    subject = subject_ref(order) if whole else SubjectRef("fulfilment.orderline", str(lines[0].pk), order.client_id)
    context = order_context(order, [(line, line.pk in there) for line in lines])
    return DecisionRequest(subject, order.key, order.client_id, context)


def _take_decision(docket: Docket, decision: Decision, desk: Desk, changes: Changes) -> None:
    order, outcome = docket.order, decision.outcome
    order.decision = decision
    order.flow = desk.flows[outcome["flow"]]
    order.owner_id = desk.on_duty[outcome["owner"]]
    calendar = order.client.calendar.slug
    order.sla_due_at = desk.book.due_at(outcome["sla"], changes.now, calendar, in_words=False).due_at
    changes.edit(order, "decision", "flow", "owner", "sla_due_at")
    begin_clock(order, decision, changes)
    changes.tell("order.routed", order, **_why(decision))
    if order.flow.kind != FlowKind.MANUAL_REVIEW or order.flow.state != FlowState.ACTIVE:
        _give_flow(docket, _open_lines(docket), decision, desk, changes)


def _give_flow(docket: Docket, lines: Sequence[OrderLine], decision: Decision, desk: Desk, changes: Changes) -> None:
    """What the rules chose, while it is live; asked of the flow itself, as one can be paused after the rule book was frozen."""
    flow = desk.flows[decision.outcome["flow"]]
    if flow.state != FlowState.ACTIVE:
        _leave_to_a_person(docket, flow, desk, changes)
        return
    for line in lines:
        line.flow = flow
        changes.edit(line, "flow")


def _leave_to_a_person(docket: Docket, paused: Flow, desk: Desk, changes: Changes) -> None:
    """Whoever let the order go on before knew nothing of the pause: somebody looks again, until the flow is live."""
    order = docket.order
    order.flow, order.reviewed_at = desk.of_kind[FlowKind.MANUAL_REVIEW], None
    changes.edit(order, "flow", "reviewed_at")
    changes.tell("order.diverted", order, flow=paused.slug, to=order.flow.slug)
    if order.state == OrderState.MANUAL_REVIEW:  # it enters no other state that would open one
        open_cases_for(docket, OrderState.MANUAL_REVIEW, changes)


def _why(decision: Decision) -> dict[str, Any]:
    outcome = decision.outcome
    named = {name: outcome[name] for name in ("rule", "owner", "flow", "sla", "fallback")}
    return {**named, "decision": str(decision.pk), "undecided": bool(outcome.get("undecided"))}


def _reserve(dockets: Mapping[UUID, Docket], stock: Mapping[UUID, ProductStock], changes: Changes) -> None:
    """Set aside for the lines that our warehouse sends; those that find nothing wait, each behind its own hold."""
    lines = [line for docket in dockets.values() for line in _open_lines(docket) if _comes_from_our_shelf(line)]
    allocation = stocks.allocate_lines(lines, stock, dockets, changes)
    stocks.reserve(allocation, stock, dockets, changes)
    for grant in allocation.granted:
        release_stock_hold(dockets[grant.demand.line.order_id], grant.demand.line, changes)
    for demand in allocation.short:
        hold_for_stock(dockets[demand.line.order_id], demand.line, changes)


def _comes_from_our_shelf(line: OrderLine) -> bool:
    sent_by_us = line.flow is not None and line.flow.kind == FlowKind.WAREHOUSE
    return sent_by_us and line.state != LineState.RESERVED and stocks.wants_stock(line)


def release_stock_hold(docket: Docket, line: OrderLine, changes: Changes) -> None:
    """The cause is cured: the hold that waited for it goes."""
    for hold in docket.holds:
        if hold.line_id == line.pk and hold.reason == HoldReason.STOCK:
            let_go(docket, hold, changes, why=said("there is stock again"))


def hold_for_stock(docket: Docket, line: OrderLine, changes: Changes) -> None:
    """The line waits; the hold releases itself when enough units are free."""
    if line.state != LineState.BACK_ORDERED:
        line.back_order()
        line.queued_at = line.queued_at or changes.now
        changes.edit(line, "state", "flow", "queued_at")
    if any(hold.line_id == line.pk and hold.state == HoldState.ACTIVE for hold in docket.holds):
        return
    hold = Hold(
        line=line,
        reason=HoldReason.STOCK,
        words=_not_there(line.quantity, line.sku.code),
        placed_by=HOUSE,
        release_when={"kind": "stock", "sku": line.sku.code, "quantity": line.quantity},
    )
    place(docket, hold, changes)


def _not_there(units: int, sku: str) -> str:
    if units == 1:
        return said("1 of %(sku)s is not there", sku=sku)
    return said("%(n)s of %(sku)s are not there", n=units, sku=sku)


def _plan(docket: Docket, desk: Desk, changes: Changes) -> None:
    """One parcel per flow, sender, place and receiver, of the lines that are ready; what a person packs by itself is one of its own.

    What becomes ready later joins the parcel it would have been in, while nobody was asked to pick that.
    """
    ready: dict[Group, list[OrderLine]] = defaultdict(list)
    for line in docket.lines:
        if line.flow is None or line.state not in {LineState.OPEN, LineState.RESERVED}:
            continue
        if line.flow.kind != FlowKind.MANUAL_REVIEW:
            ready[group_of(docket, line)].append(line)
    waiting = {group: parcel for parcel in docket.parcels if (group := _may_be_joined(docket, parcel))}
    for group, lines in ready.items():
        if (known := waiting.get(group)) is not None:
            _join(docket, known, lines, desk.book, changes)
            continue
        parcel = _add_parcel(
            docket, lines, desk.flows[group.flow], group.vendor, FulfilmentState.PLANNED, desk, changes
        )
        parcel.location_id = group.location_id
        plan_checks(docket, parcel, lines, desk.book, changes)
    if ready:
        renew_clock(docket.order, changes)


def group_of(docket: Docket, line: OrderLine) -> Group:
    """What lines have to have in common to be in one parcel."""
    vendor = line.vendor if line.flow is not None and line.flow.kind == FlowKind.DROP_SHIP else ""
    flow = line.flow.slug if line.flow is not None else ""
    return Group(flow, vendor, _lies_in(docket, line), _given_elsewhere(docket, line), line.packed_as)


def _may_be_joined(docket: Docket, parcel: Fulfilment) -> Group | None:
    """What its lines have in common, while nobody was asked to pick it, nothing holds it alone and nobody has checked anything of it."""
    inside = docket.contents.get(parcel.pk, ())
    touched = any(one.fulfilment_id == parcel.pk and one.state != CheckState.OPEN for one in docket.checks)
    held = any(hold.fulfilment_id == parcel.pk for hold in docket.in_force)
    if parcel.state != FulfilmentState.PLANNED or not inside or touched or held:
        return None
    return group_of(docket, inside[0].line)


def _join(docket: Docket, parcel: Fulfilment, lines: Sequence[OrderLine], book: CompiledBook, changes: Changes) -> None:
    """They go with what waits already: one parcel instead of two."""
    added = [FulfilmentLine(fulfilment=parcel, line=line, quantity=line.quantity) for line in lines]
    docket.contents[parcel.pk] += added
    changes.add(*added)
    for line in lines:
        line.fulfil()
        changes.edit(line, "state", "flow")
    limits = [one.line.ship_by_at for one in docket.contents[parcel.pk] if one.line.ship_by_at]
    if limits and min(limits) != parcel.ship_by_at:
        parcel.ship_by_at = min(limits)
        changes.edit(parcel, "ship_by_at")
    changes.tell("fulfilment.joined", parcel, order=docket.order.key, lines=[line.position for line in lines])
    plan_checks(docket, parcel, [one.line for one in docket.contents[parcel.pk]], book, changes)


def _given_elsewhere(docket: Docket, line: OrderLine) -> int | None:
    """The gift with an address of its own that it belongs to: nothing else is in its parcel."""
    gift = docket.gift_of(line)
    return gift.position if gift is not None and gift.card.raw else None


def _lies_in(docket: Docket, line: OrderLine) -> UUID | None:
    """The place its units are set aside in; nothing where none are."""
    return next((one.lot.location_id for one in docket.reservations.get(line.pk, ())), None)


def plan_observed(dockets: Sequence[Docket], desk: Desk, changes: Changes) -> None:
    """Parcels for orders that somebody ships without a task of ours: what was seen is true, whatever should have come before."""
    dockets = [docket for docket in dockets if docket.lines and not docket.parcels]
    _decide(dockets, [], {}, desk, changes)
    for docket in dockets:
        for line in _open_lines(docket):
            release_stock_hold(docket, line, changes)
            line.flow = desk.of_kind[FlowKind.DROP_SHIP if line.vendor else FlowKind.WAREHOUSE]
    going = {docket.order.pk: [*_open_lines(docket)] for docket in dockets}
    _set_aside_what_lies_there(dockets, changes)
    for docket in dockets:
        apart: dict[tuple[str, int | None], list[OrderLine]] = defaultdict(list)
        for line in going[docket.order.pk]:
            apart[line.vendor, _given_elsewhere(docket, line)].append(line)
        for (vendor, _receiver), lines in apart.items():
            flow = desk.of_kind[FlowKind.DROP_SHIP if vendor else FlowKind.WAREHOUSE]
            _add_parcel(docket, lines, flow, vendor, FulfilmentState.TASKED, desk, changes)


def _set_aside_what_lies_there(dockets: Sequence[Docket], changes: Changes) -> None:
    """What leaves our house leaves its shelf, as far as it was known to lie there: else the same units were promised again."""
    lines = [line for docket in dockets for line in _open_lines(docket) if _comes_from_our_shelf(line)]
    stock = stocks.lock_stock({line.sku_id for line in lines}, changes)
    orders = {docket.order.pk: docket for docket in dockets}
    stocks.reserve(stocks.allocate_lines(lines, stock, orders, changes), stock, orders, changes)


def _add_parcel(
    docket: Docket,
    lines: Sequence[OrderLine],
    flow: Flow,
    vendor: str,
    state: FulfilmentState,
    desk: Desk,
    changes: Changes,
) -> Fulfilment:
    order = docket.order
    parcel = Fulfilment(
        key=f"{order.key}-{len(docket.parcels) + 1}",
        order=order,
        client_id=order.client_id,
        flow=flow,
        owner_id=flow.owner_id,
        vendor=vendor,
        state=state,
        ship_by_at=min((line.ship_by_at for line in lines if line.ship_by_at), default=None),
    )
    changes.add(parcel)
    promise(parcel, _promised_by(docket, flow, desk, changes), desk.book, changes)
    told: dict[str, Any] = {"flow": flow.slug, "vendor": vendor, "lines": len(lines), "sla": parcel.sla}
    changes.tell("fulfilment.planned", parcel, order=order.key, **told)
    docket.parcels.append(parcel)
    docket.contents[parcel.pk] = [
        FulfilmentLine(fulfilment=parcel, line=line, quantity=line.quantity) for line in lines
    ]
    changes.add(*docket.contents[parcel.pk])
    for line in lines:
        line.fulfil()
        changes.edit(line, "state", "flow")
    return parcel


def _promised_by(docket: Docket, flow: Flow, desk: Desk, changes: Changes) -> str:
    """By which service level the parcel has to go: the flow's, or an expedited order's own where that ends sooner."""
    order, slas = docket.order, [desk.book.flow(flow.slug).sla]
    if order.delivery_sla == DeliverySla.EXPEDITED and order.decision is not None:
        known = {one.slug for one in desk.book.slas()}
        slas += {order.decision.outcome["sla"]} & known
    if len(slas) == 1:
        return slas[0]
    calendar = order.client.calendar.slug
    found = [(desk.book.due_at(sla, changes.now, calendar, in_words=False).due_at, sla) for sla in slas]
    return min(found, key=lambda pair: pair[0])[1]
