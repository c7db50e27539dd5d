"""One order, told: what started it, who has it next, where it should have gone, and every step it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.context import Actor
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions.models import ExceptionCase
from exceptions.selectors.cases import most_urgent_about
from orders.fulfilment.decisions.fallbacks import has_gone_on
from orders.fulfilment.models import Fulfilment, Order, OrderAddress, OrderIdentifier
from orders.fulfilment.selectors.addresses import problems_in_words
from orders.fulfilment.selectors.checks import CheckFacts, checks_of
from orders.fulfilment.selectors.contents import (
    BundleFacts,
    LineFacts,
    ParcelFacts,
    carrier_words,
    contents_of,
    parcels_of,
)
from orders.fulfilment.selectors.customers import CustomerGlance, customer_glance
from orders.fulfilment.selectors.dealings import (
    AmountFacts,
    MoneyFacts,
    RequestFacts,
    UnwindFacts,
    amounts_of,
    payments_of,
    refunds_of,
    requests_of,
    stamps_of,
    unwinds_of,
)
from orders.fulfilment.selectors.destinations import GiftFacts, contact_shown, gifts_of
from orders.fulfilment.selectors.exports import SHOWN, ExportFacts, SyncFacts, exports_of, synced, unshown_exports
from orders.fulfilment.selectors.holds import HoldFacts, holds_of
from orders.fulfilment.selectors.orders import OrderRow, order_for, rows_of
from orders.fulfilment.selectors.trace import exception_goes, excuse_in_words
from orders.fulfilment.selectors.why import decided_names
from orders.fulfilment.states import ORDER_FINAL, REFUND_FINAL, AddressVerdict, FulfilmentState, LineState
from orders.sync.models import FlowRun, System
from orders.sync.selectors import runs_about
from orders.sync.states import RunState
from rules.business_time import duration_words
from rules.models import Decision


@dataclass(frozen=True)
class OutcomeFacts:
    """One step somebody else has to take: until when, and the event that proved it or what stands in for that (`excuse` in words)."""

    name: str
    event_type: str
    due_at: datetime
    met_at: datetime | None
    met_by: str
    excused_by: str
    missed_at: datetime | None
    excuse: str = ""


@dataclass(frozen=True)
class RunFacts:
    """What one task is expected to lead to."""

    id: str
    fulfilment: str
    flow: str
    trigger: str
    state: str
    state_label: str
    started_at: datetime
    ended_at: datetime | None
    owner: str
    verify_by: datetime | None
    outcomes: Sequence[OutcomeFacts]


@dataclass(frozen=True)
class DecisionFacts:
    """Why it has this owner and goes this way; `names` are those of its owner, flow, sla and fallback when it was decided."""

    rule: str
    book: int
    owner: str
    flow: str
    sla: str
    fallback: str
    fallback_after_minutes: int
    falls_back_at: datetime | None
    fell_back_at: datetime | None
    near_misses: Sequence[Mapping[str, Any]]
    at: datetime
    names: Mapping[str, str]


@dataclass(frozen=True)
class OrderStory:
    """Everything the page of one order shows.

    The first texts answer: what started it, which system is right, who is next (about which open exception), and what if that fails.
    """

    row: OrderRow
    triggered_by: str
    source_of_record: str
    next_step: str
    exception: str
    if_it_fails: str
    customer_text: str
    lines: Sequence[LineFacts]
    bundles: Sequence[BundleFacts]
    gifts: Sequence[GiftFacts]
    holds: Sequence[HoldFacts]
    parcels: Sequence[ParcelFacts]
    checks: Sequence[CheckFacts]
    runs: Sequence[RunFacts]
    requests: Sequence[RequestFacts]
    amounts: AmountFacts | None
    payments: Sequence[MoneyFacts]
    refunds: Sequence[MoneyFacts]
    unwinds: Sequence[UnwindFacts]
    stamps: Sequence[tuple[str, datetime]]
    exports: Sequence[ExportFacts]
    unshown_exports: int
    systems: Sequence[SyncFacts]
    identifiers: Sequence[tuple[str, str]]
    system_names: Mapping[str, str]
    merged_into: str
    merged: Sequence[str]
    customer: CustomerGlance | None
    decision: DecisionFacts | None
    address: Mapping[str, str]
    address_verdict: str
    address_problems: Sequence[str]
    delivery_sla: str
    carrier_words: str
    fraud_score: int | None
    paid_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    correlation_id: str

    @property
    def unverified(self) -> RunFacts | None:
        """A handoff that somebody has stated here and no system downstream has confirmed yet."""
        return next((run for run in self.runs if run.verify_by), None)

    @property
    def loose_lines(self) -> list[LineFacts]:
        """The lines that are no part of a bundle."""
        return [line for line in self.lines if line.bundle is None]

    @property
    def sold(self) -> dict[int, str]:
        """What was ordered, by its number: lines, and bundles as a whole."""
        loose = {line.position: line.sku for line in self.loose_lines}
        return loose | {bundle.position: bundle.code for bundle in self.bundles}

    @property
    def giftable(self) -> set[int]:
        """The numbers of what is still ordered and could be a gift."""
        loose = {line.position for line in self.loose_lines if line.state != LineState.CANCELLED}
        return loose | {bundle.position for bundle in self.bundles if bundle.quantity}

    @property
    def gift_lines(self) -> set[int]:
        """The numbers of what is given."""
        return {gift.line for gift in self.gifts}

    @property
    def line_names(self) -> dict[str, str]:
        """The product of each line by its number, with the bundle it was sold in."""
        bundles = {bundle.position: f" ({bundle.code})" for bundle in self.bundles}
        return {str(line.position): f"{line.sku}{bundles.get(line.bundle or 0, '')}" for line in self.lines}


def order_story(*, by: Actor, key: str, exports_shown: int = SHOWN) -> OrderStory:
    """The order's page, with its last exports. Personal data is masked for an actor without `orders.view_pii`. Raises `NotFound`."""
    order = order_for(by, key)
    decision = Decision.objects.select_related("book").get(pk=order.decision_id) if order.decision_id else None
    contents, (parcels, parcel_facts) = contents_of(order), parcels_of(order)
    holds, exports = holds_of(order), exports_of(order, most=exports_shown)
    case = most_urgent_about(subject_ref(order), by=by)
    address = OrderAddress.objects.filter(pk=order.pk).first()
    clear = by.may("orders.view_pii", order.client_id)
    falls_back_at = None if has_gone_on(order.state, [parcel.state for parcel in parcels]) else order.falls_back_at
    runs, refunds = runs_about([subject_ref(parcel) for parcel in parcels]), refunds_of(order)
    is_over = _is_over(order, runs, refunds)
    return OrderStory(
        row=rows_of([order])[0],
        triggered_by=_trigger(order),
        source_of_record=_source_of_record(exports),
        next_step=_next_step(order, parcels, case, is_over=is_over),
        exception=case.key if case else "",
        if_it_fails=exception_goes(case, _fallback(order, decision, falls_back_at, is_over=is_over)),
        customer_text=next((hold.customer_words for hold in holds if hold.is_active and hold.customer_words), ""),
        lines=contents.lines,
        bundles=contents.bundles,
        gifts=gifts_of(order, clear=clear),
        holds=holds,
        parcels=parcel_facts,
        checks=checks_of(order),
        runs=[_run(run) for run in runs],
        requests=requests_of(order),
        amounts=amounts_of(order),
        payments=payments_of(order),
        refunds=refunds,
        unwinds=unwinds_of(order),
        stamps=stamps_of(order),
        exports=exports,
        unshown_exports=unshown_exports(order, len(exports), most=exports_shown),
        systems=synced(exports),
        **_known_as(order),
        merged_into=order.merged_into.key if order.merged_into else "",
        merged=list(Order.objects.filter(merged_into=order).order_by("pk").values_list("key", flat=True)),
        customer=customer_glance(order),
        decision=_decision(order, decision, falls_back_at),
        address=contact_shown(address, clear=clear),
        address_verdict=AddressVerdict(address.verdict).label if address else AddressVerdict.ELSEWHERE.label,
        address_problems=problems_in_words(address.problems) if address else [],
        delivery_sla=order.delivery_sla,
        carrier_words=carrier_words(order, parcels),
        fraud_score=order.fraud_score,
        **{name: getattr(order, name) for name in ("paid_at", "shipped_at", "delivered_at", "cancelled_at")},
        correlation_id=order.correlation_id,
    )


def _known_as(order: Order) -> dict[str, Any]:
    """What each system calls it, oldest first, and what the systems are called."""
    named = list(OrderIdentifier.objects.filter(order=order).order_by("pk").values_list("system", "external_id"))
    systems = System.objects.filter(slug__in=[slug for slug, _ in named])
    return {"identifiers": named, "system_names": dict(systems.values_list("slug", "name"))}


def _trigger(order: Order) -> str:
    if order.paid_at is None:
        return said(
            "Placed %(at)s on %(channel)s; nothing starts before the payment is captured.",
            at=at(order.placed_at),
            channel=order.channel,
        )
    captured = {"at": at(order.paid_at), "channel": order.channel}
    if order.flow is None:
        return said("Payment captured %(at)s (%(channel)s).", **captured)
    return said("Payment captured %(at)s (%(channel)s) started %(flow)s.", flow=order.flow.name.lower(), **captured)


def _source_of_record(exports: Sequence[ExportFacts]) -> str:
    """The order here is right; which systems follow it, and how far behind they are."""
    sent = [one for one in exports[0].readers if one.was_sent] if exports else []
    if not sent:
        return said("Handrail; other systems follow it")
    behind = [one.name for one in sent if one.at is None]
    if behind:
        made = at(exports[0].at)
        return said("Handrail; %(names)s has not heard the newest of %(at)s", names=", ".join(behind), at=made)
    lag = duration_words(max(one.at - exports[0].at for one in sent if one.at))
    names = ", ".join(one.name for one in sent)
    return said("Handrail; %(names)s heard the newest within %(lag)s", names=names, lag=lag)


def _is_over(order: Order, runs: Sequence[FlowRun], refunds: Sequence[MoneyFacts]) -> bool:
    """Whether nobody has anything to do for it any more: it has come to an end, and neither a system's word nor money is awaited."""
    is_awaited = any(run.state in {RunState.RUNNING, RunState.UNVERIFIED} for run in runs)
    return order.state in ORDER_FINAL and not is_awaited and all(one.state in REFUND_FINAL for one in refunds)


def _next_step(order: Order, parcels: Sequence[Fulfilment], case: ExceptionCase | None, *, is_over: bool) -> str:
    """An open exception comes first: while there is one, it is what has to be done next."""
    if case is not None:
        return said("%(name)s owns the next step, until %(due)s.", name=case.owner.name, due=at(case.due_at))
    if is_over:
        return said("Nothing is left to do.")
    name = order.owner.name
    step = said("%(name)s owns the next step.", name=name)
    if order.sla_due_at:
        step = said("%(name)s owns the next step, until %(due)s.", name=name, due=at(order.sla_due_at))
    waiting = [parcel for parcel in parcels if parcel.state in {FulfilmentState.TASKED, FulfilmentState.ACKNOWLEDGED}]
    if waiting and waiting[0].vendor:
        about = {"vendor": waiting[0].vendor, "parcel": waiting[0].key, "step": step}
        return said("%(vendor)s has to confirm %(parcel)s; %(step)s", **about)
    return step


def _fallback(order: Order, decision: Decision | None, falls_back_at: datetime | None, *, is_over: bool) -> str:
    """What the rule says of an owner who does nothing, as far as that is to come or has come."""
    if decision is None:
        return said("Nothing was decided yet.")
    if is_over:
        return said("Nothing more is awaited.")
    owner = decided_names(decision)["fallback"]
    if order.fell_back_at:
        return said(
            "%(owner)s has it since %(at)s: it had not gone on in time.", owner=owner, at=at(order.fell_back_at)
        )
    if falls_back_at:
        return said("If it has not gone on by %(at)s, %(owner)s has it.", owner=owner, at=at(falls_back_at))
    return said("What does not come in time becomes an exception.")


def _run(run: FlowRun) -> RunFacts:
    return RunFacts(
        id=str(run.pk),
        fulfilment=run.subject_key,
        flow=run.flow.name,
        trigger=run.trigger,
        state=run.state,
        state_label=RunState(run.state).label,
        started_at=run.started_at,
        ended_at=run.ended_at,
        owner=run.owner.name if run.owner and run.state == RunState.UNVERIFIED else "",
        verify_by=run.verify_by if run.state == RunState.UNVERIFIED else None,
        outcomes=[
            OutcomeFacts(
                name=one.name,
                event_type=one.event_type,
                due_at=one.due_at,
                met_at=one.met_at,
                met_by=one.met_by,
                excused_by=one.excused_by,
                missed_at=one.missed_at,
                excuse=excuse_in_words(one.excused_by),
            )
            for one in run.expectations.all()
        ],
    )


def _decision(order: Order, decision: Decision | None, falls_back_at: datetime | None) -> DecisionFacts | None:
    if decision is None:
        return None
    outcome = decision.outcome
    return DecisionFacts(
        rule=decision.rule_slug,
        book=decision.book.number,
        owner=outcome["owner"],
        flow=outcome["flow"],
        sla=outcome["sla"],
        fallback=outcome["fallback"],
        fallback_after_minutes=outcome["fallback_after_minutes"],
        falls_back_at=falls_back_at,
        fell_back_at=order.fell_back_at,
        near_misses=decision.near_misses,
        at=decision.at,
        names=decided_names(decision),
    )
