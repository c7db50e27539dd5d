"""Holds as part of an order's way: placed and let go of, tested by themselves, and asked for by rules. Each lets go of itself only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.context import current_actor, current_time
from audit.words import kept, said
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions.holds import CONTEXT, condition_of
from orders.fulfilment.decisions.progress import resting_state
from orders.fulfilment.facts import hold_context
from orders.fulfilment.models import Fulfilment, Hold, OrderLine
from orders.fulfilment.selectors.holds import HOUSE
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dispatch import tell_of_hold
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import (
    ORDER_LEFT_THE_HOUSE,
    AddressVerdict,
    HoldReason,
    HoldSource,
    HoldState,
    LineState,
)
from rules import facts
from rules.engine import ExpressionInvalid, Predicate, compile_predicate
from rules.hold_rules import HoldRuleSpec, passed_and_almost
from rules.rulebook import CompiledBook

HOLD_EXPIRY = "fulfilment.hold_expiry"
LONGEST_WORDS = 280
WAITING_LINES = (LineState.OPEN, LineState.BACK_ORDERED)


def place(docket: Docket, hold: Hold, changes: Changes, **ruled: Any) -> Hold:
    """Put a hold in force, from now on and for whom it names; `ruled` tells by which rule, and which others almost held it."""
    hold.order, hold.placed_at = docket.order, changes.now
    hold.placed_by = hold.placed_by or current_actor().id
    hold.words, hold.words_kept = hold.words[:LONGEST_WORDS], kept(hold.words)
    changes.add(hold)
    about = hold.fulfilment.key if hold.fulfilment else docket.order.key
    told = {"order": docket.order.key, "about": about, "source": hold.source, "release_when": hold.release_when}
    changes.tell("hold.placed", hold, why=hold.reason, **told, **ruled)
    if hold.expires_at is not None:
        changes.timers.append(TimerChange(ref_of(hold), HOLD_EXPIRY, hold.expires_at))
    docket.holds.append(hold)
    tell_of_hold(docket, hold, "hold", changes)
    return hold


def let_go(docket: Docket, hold: Hold, changes: Changes, *, why: str, by: str = HOUSE) -> None:
    """Release one hold, and only that."""
    if hold.state != HoldState.ACTIVE:
        return
    hold.release()
    hold.released_at, hold.released_by, hold.released_why = changes.now, by, why[:280]
    changes.edit(hold, "state", "released_at", "released_by", "released_why")
    changes.tell("hold.released", hold, order=docket.order.key, why=why)
    if hold.expires_at is not None:
        changes.timers.append(TimerChange(ref_of(hold), HOLD_EXPIRY, None))
    tell_of_hold(docket, hold, "resume", changes)


def review_holds(dockets: Sequence[Docket], book: CompiledBook, changes: Changes) -> None:
    """Let every hold go whose own condition holds now, and place those that rules ask for.

    The same few queries for one order and for thousands; an expression that cannot be decided keeps the hold and places none.
    """
    here = [docket for docket in dockets if _is_here(docket, changes)]
    testing = {docket.order.pk: tested for docket in here if (tested := _tested(docket))}
    concerned = here if book.hold_rules else [docket for docket in here if docket.order.pk in testing]
    if not concerned:
        return
    asked = {path for tested in testing.values() for _, predicate in tested for path in predicate.paths}
    asked |= {path for rule in book.hold_rules for path in rule.paths}
    contexts = _contexts(concerned, asked)
    spec = facts.context(CONTEXT)
    for docket in concerned:
        for hold, predicate in testing.get(docket.order.pk, ()):
            if predicate.holds(contexts[docket.order.pk], spec):
                let_go(docket, hold, changes, why=said("what it waited for has come"))
    _place_by_rules(concerned, contexts, book, changes)


def _is_here(docket: Docket, changes: Changes) -> bool:
    """Whether there is anything left to hold; what has left needs no hold any more."""
    if docket.order.cancelled_at is not None:
        return False
    if resting_state(docket.facts()) not in ORDER_LEFT_THE_HOUSE:
        return True
    for hold in docket.in_force:
        let_go(docket, hold, changes, why=said("everything has left"))
    return False


def _tested(docket: Docket) -> list[tuple[Hold, Predicate]]:
    compiled = [(hold, _compiled(condition_of(hold.release_when))) for hold in docket.in_force]
    return [(hold, predicate) for hold, predicate in compiled if predicate is not None]


def _compiled(source: str) -> Predicate | None:
    try:
        return compile_predicate(source, facts.context(CONTEXT)) if source else None
    except ExpressionInvalid:  # written with an older vocabulary: never guessed, a person lets go of it
        return None


def _contexts(dockets: Sequence[Docket], asked: Collection[str]) -> dict[UUID, dict[str, Any]]:
    """What conditions see of each order; shelves and exceptions are read only when some condition asks about them."""
    free = _free(dockets) if any(path.startswith("lines[].in_stock") for path in asked) else {}
    cases = _live_cases(dockets) if any(path.startswith("cases") for path in asked) else {}
    return {
        docket.order.pk: hold_context(
            docket.order,
            [(line, _is_there(line, free)) for line in docket.live_lines()],
            docket.parcels,
            cases.get(docket.order.pk, ()),
            address_ok=docket.verdict not in {AddressVerdict.INVALID, AddressVerdict.UNCHECKED},
        )
        for docket in dockets
    }


def _is_there(line: OrderLine, free: Mapping[UUID, int]) -> bool:
    return line.state not in WAITING_LINES or free.get(line.sku_id, 0) >= line.quantity


def _free(dockets: Sequence[Docket]) -> dict[UUID, int]:
    skus = {line.sku_id for docket in dockets for line in docket.lines}
    return promisable(sku_ids=skus, today=current_time().date())


def _live_cases(dockets: Sequence[Docket]) -> dict[UUID, list[tuple[str, str]]]:
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    ids = [str(docket.order.pk) for docket in dockets]
    for case in ExceptionCase.objects.live().filter(subject_type="fulfilment.order", subject_id__in=ids):
        found[UUID(case.subject_id)].append((case.key, case.type))
    return found


def _place_by_rules(
    dockets: Sequence[Docket],
    contexts: Mapping[UUID, Mapping[str, Any]],
    book: CompiledBook,
    changes: Changes,
) -> None:
    """Once per rule and order: what a person or its condition has let go of is not placed again."""
    spec = facts.context(CONTEXT)
    wanted = {
        (docket.order.pk, rule.slug): (docket, rule)
        for docket in dockets
        for rule in book.hold_rules
        if rule.predicate.holds(contexts[docket.order.pk], spec)
    }
    if not wanted:
        return
    orders, slugs = {pk for pk, _ in wanted}, {slug for _, slug in wanted}
    placed = set(Hold.objects.filter(order__in=orders, rule__in=slugs).values_list("order_id", "rule"))
    for pair, (docket, rule) in wanted.items():
        if pair not in placed and not _is_over(rule, contexts[docket.order.pk]):
            passed, almost = passed_and_almost(book.hold_rules, contexts[docket.order.pk], spec)
            told = {"rule": rule.slug, "book": book.number, "decides": rule.predicate.source, "passed": passed}
            almost_told = [{**vars(miss), "actual": str(miss.actual)} for miss in almost]
            place(docket, _of_rule(rule, changes.now), changes, **told, almost=almost_told)


def _is_over(rule: HoldRuleSpec, context: Mapping[str, Any]) -> bool:
    until = _compiled(rule.release_when)
    return until is not None and until.holds(context, facts.context(CONTEXT)) is True


def _of_rule(rule: HoldRuleSpec, now: datetime) -> Hold:
    return Hold(
        reason=HoldReason.RULE,
        source=HoldSource.RULE,
        rule=rule.slug,
        words=rule.words,
        customer_words=rule.customer_words,
        release_when={"kind": "condition", "when": rule.release_when} if rule.release_when else {"kind": "person"},
        expires_at=rule.expires_at(now),
    )


def parcel_named(docket: Docket, key: str) -> Fulfilment | None:
    """The parcel of the order that is called so."""
    return next((parcel for parcel in docket.parcels if parcel.key == key), None)
