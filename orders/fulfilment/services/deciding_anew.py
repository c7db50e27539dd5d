"""Deciding orders anew by the rule book in force: whose they are, how fast they go, who takes over, and the way of what nobody has begun.

New rules leave alone what is there. Somebody has to ask for it, is shown what would change of which order, and exactly that is done:
an order of which the rules say something else by then stays as it is.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q

from audit.errors import Conflict, DomainError, IllegalTransition
from audit.subject_refs import subject_ref
from audit.words import at, said, within
from exceptions.models import Waiver
from exceptions.selectors import live_emergencies
from orders.fulfilment.decisions.anew import (
    SETTLED,
    differences,
    is_past_deciding,
    is_untouched,
    waits_for_a_review,
)
from orders.fulfilment.facts import order_context
from orders.fulfilment.models import Fulfilment, Order, OrderLine
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.falling_back import begin_clock, keep_clock
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.states import ORDER_STUCK, ORDER_UNPAID, FulfilmentState, LineState
from rules.decisions import Outcome
from rules.models import Decision, Flow
from rules.rulebook import CompiledBook
from rules.services.decisions import DecisionRequest, decide_many
from rules.states import FlowKind, FlowState

WAITING: Final = (LineState.OPEN, LineState.BACK_ORDERED)
SAME: Final = said("The rules say the same of it as before.")
OTHERWISE: Final = said("The rules say something else of it by now than the plan showed.")


@dataclass(frozen=True)
class Anew:
    """What the rules in force say of an order: from which facts, with what outcome, and what of that is different (`changed`)."""

    context: Mapping[str, Any]
    outcome: Outcome
    changed: tuple[str, ...]

    def as_planned(self) -> dict[str, Any]:
        """What a plan shows and keeps: before it is done, it has to be the same."""
        new = self.outcome.as_json()
        return {name: new[name] for name in SETTLED if name in self.changed} | {"rule": self.outcome.rule}


def look_at(orders: Sequence[Order], book: CompiledBook, now: datetime) -> dict[UUID, Anew | DomainError]:
    """Of each of these orders (client and decision loaded) what would change, or why nothing can; the same few queries for any number."""
    ids = [order.pk for order in orders]
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    known = OrderLine.objects.filter(order__in=ids).exclude(state=LineState.CANCELLED)
    for line in known.select_related("sku", "bundle").order_by("order", "position"):
        lines[line.order_id].append(line)
    live = ~Q(state=FulfilmentState.CANCELLED)
    parcels = dict(Fulfilment.objects.filter(live, order__in=ids).values_list("order_id").annotate(Count("pk")))
    waiting = {line.sku_id for of_order in lines.values() for line in of_order if line.state in WAITING}
    free = promisable(sku_ids=waiting, today=now.date()) if waiting else {}
    paused = set(Flow.objects.exclude(state=FlowState.ACTIVE).values_list("slug", flat=True))
    by_hand = live_emergencies(subjects=[subject_ref(order) for order in orders], now=now)
    return {
        order.pk: _paused_by_hand(by_hand[subject_ref(order)])
        if subject_ref(order) in by_hand
        else _unless_paused(_look_at(order, lines[order.pk], parcels.get(order.pk, 0), free, book), paused)
        for order in orders
    }


def _paused_by_hand(waiver: Waiver) -> DomainError:
    """The rules put nothing back while somebody has broken the glass over it."""
    assert waiver.expires_at is not None  # noqa: S101 -- it is in force
    told = {"key": waiver.key, "name": waiver.requested_by_name, "end": at(waiver.expires_at)}
    return IllegalTransition(said("%(key)s, a break-glass of %(name)s, keeps it as it is until %(end)s.", **told))


def _unless_paused(anew: Anew | DomainError, paused: Collection[str]) -> Anew | DomainError:
    """Nothing is sent along a flow that is not live; what is there keeps its own."""
    if isinstance(anew, Anew) and "flow" in anew.changed and anew.outcome.flow in paused:
        return IllegalTransition(
            said("The rules choose the flow “%(flow)s” for it, which is not live.", flow=anew.outcome.flow)
        )
    return anew


def _look_at(
    order: Order, lines: Sequence[OrderLine], parcels: int, free: Mapping[UUID, int], book: CompiledBook
) -> Anew | DomainError:
    if (refusal := _refusal(order)) is not None or order.decision is None:
        return refusal or IllegalTransition(said("No rule has decided about it yet."))
    there = [(line, line.state not in WAITING or free.get(line.sku_id, 0) >= line.quantity) for line in lines]
    context = order_context(order, there)
    outcome = book.decide(context)
    if outcome.undecided:
        return IllegalTransition(said("The rule “%(rule)s” could not be decided for it.", rule=outcome.rule))
    may_turn = is_untouched([line.state for line in lines], parcels)
    changed = differences(order.decision.outcome, outcome, may_turn=may_turn)
    return Anew(context, outcome, changed) if changed else Conflict(SAME, code="same")


def _refusal(order: Order) -> DomainError | None:
    if is_past_deciding(order.state):
        state = within(order.get_state_display())
        return IllegalTransition(said("It is “%(state)s”: there is nothing to decide any more.", state=state))
    if waits_for_a_review(order.state):
        return IllegalTransition(said("A person is looking at it; their answer has it decided anew."))
    return None


def decide_anew(
    dockets: Sequence[Docket], planned: Mapping[UUID, Mapping[str, Any]], desk: Desk, changes: Changes
) -> dict[UUID, DomainError]:
    """Take over what the rules in force say of these orders, as far as it is what was planned; not yet settled. The others, with why."""
    found = look_at([docket.order for docket in dockets], desk.book, changes.now)
    refused: dict[UUID, DomainError] = {}
    going: list[tuple[Docket, Anew]] = []
    for docket in dockets:
        anew = found[docket.order.pk]
        if isinstance(anew, DomainError):
            refused[docket.order.pk] = anew
        elif anew.as_planned() != dict(planned[docket.order.pk]):
            refused[docket.order.pk] = Conflict(OTHERWISE, code="changed")
        else:
            going.append((docket, anew))
    requests = [
        DecisionRequest(subject_ref(one.order), one.order.key, one.order.client_id, anew.context) for one, anew in going
    ]
    for (docket, anew), decision in zip(going, decide_many(requests=requests, now=changes.now), strict=True):
        _take_over(docket, decision, anew.changed, desk, changes)
    return refused


def _take_over(docket: Docket, decision: Decision, changed: Sequence[str], desk: Desk, changes: Changes) -> None:
    """A service level that is another one counts from when the decision was taken that it replaces: nobody gains time by asking again."""
    order, outcome, before = docket.order, decision.outcome, docket.order.decision
    if before is None:
        return
    if "sla" in changed:
        calendar = order.client.calendar.slug
        order.sla_due_at = desk.book.due_at(outcome["sla"], before.at, calendar, in_words=False).due_at
    if "flow" in changed:
        order.flow = desk.flows[outcome["flow"]]
        for line in docket.live_lines():
            line.flow = None if order.flow.kind == FlowKind.MANUAL_REVIEW or _has_kinds(docket) else order.flow
            changes.edit(line, "flow")
    order.decision = decision
    changes.edit(order, "decision", "flow", "sla_due_at")
    if {"owner", "fallback", "fallback_after_minutes"} & set(changed):
        begin_clock(order, decision, changes)
        keep_clock(order, changes)
        if order.state not in {*ORDER_STUCK, *ORDER_UNPAID}:
            order.owner_id = desk.on_duty[outcome["owner"]]
            changes.edit(order, "owner")
    told = {name: [before.outcome.get(name), outcome[name]] for name in changed}
    changes.tell("order.decided_anew", order, decision=str(decision.pk), rule=decision.rule_slug, becomes=told)


def _has_kinds(docket: Docket) -> bool:
    """Whether its lines are of several kinds, each of which the rules are asked about by itself."""
    return len({(line.sku_type, line.vendor) for line in docket.live_lines()}) > 1
