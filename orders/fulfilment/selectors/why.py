"""Every decision about one order, why it fell as it did and what almost decided instead: the same for pages, programs and `explain`."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.models import Event
from audit.words import at, said, said_again
from orders.fulfilment.decisions.money import in_words
from orders.fulfilment.facts import parcel_context
from orders.fulfilment.models import (
    Fulfilment,
    FulfilmentLine,
    Hold,
    Order,
    OrderLine,
    OrderRequest,
    ParcelCheck,
    Refund,
)
from orders.fulfilment.selectors.contents import carrier_words, due_words
from orders.fulfilment.selectors.orders import order_for
from orders.fulfilment.selectors.why_held import not_held, other_carriers, ruled_holds
from orders.fulfilment.states import Choice, RequestKind
from rules import selectors as rules
from rules.decisions import NearMiss, near_misses_of
from rules.models import Decision
from rules.quality_checks import QualityCheckSpec, checks_of
from rules.quality_checks import parcel_context as vocabulary
from rules.request_rules import compile_request_rules
from rules.rulebook import CompiledBook

MOST_DECISIONS: Final = 100
NOT_SO: Final = " is not so"
KINDS: Final[Mapping[str, str]] = {
    "ownership": noop("Owner, flow and service level"),
    "fallback": noop("Fallback"),
    "deadline": noop("Deadline"),
    "carrier": noop("Carrier"),
    "checks": noop("Quality checks"),
    "hold": noop("Hold"),
    "request": noop("What was asked for"),
    "refund": noop("Paying back"),
}


@dataclass(frozen=True)
class Missed:
    """A rule that almost ruled: the one condition it lacked, and what was there instead."""

    rule: str
    term: str
    attribute: str
    actual: Any

    @property
    def words(self) -> str:
        """As a sentence."""
        told = {"rule": self.rule, "term": self.term, "actual": json.dumps(self.actual, ensure_ascii=False)}
        return said("%(rule)s lacked only “%(term)s”: it is %(actual)s.", **told)


@dataclass(frozen=True)
class Why:
    """One decision: what came of it and because of what; `passed` says of each rule asked before why it did not rule.

    `competing` are rules that would have ruled, had they been asked first.
    """

    kind: str
    about: str
    at: datetime | None
    outcome: str
    rule: str = ""
    book: int | None = None
    because: str = ""
    passed: Sequence[str] = ()
    competing: Sequence[str] = ()
    almost: Sequence[Missed] = ()

    @property
    def title(self) -> str:
        """What kind of decision it is, for people."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class WhyPage:
    """The decisions about an order, the newest about each thing first; `unshown` are older ones about its owner that are left out."""

    order: Order
    decisions: Sequence[Why]
    unshown: int


def why_page(*, by: Actor, key: str) -> WhyPage:
    """Every decision about the order. Raises `NotFound`."""
    order = order_for(by, key)
    made = Decision.objects.filter(subject_key=order.key, client=order.client_id).order_by("-at", "-id")
    shown = list(made[:MOST_DECISIONS])
    unshown = made.count() - len(shown) if len(shown) == MOST_DECISIONS else 0
    parcels = list(Fulfilment.objects.filter(order=order).select_related("flow").order_by("key"))
    return WhyPage(order, [*(ownership(one) for one in shown), *_others(order, parcels)], unshown)


def more_about(key: str) -> list[dict[str, Any]]:
    """What else than its owner was decided about the order of this key, for `explain`; nothing where there is none."""
    order = Order.objects.select_related("client", "decision").filter(key=key).first()
    if order is None:
        return []
    parcels = list(Fulfilment.objects.filter(order=order).select_related("flow").order_by("key"))
    return [
        {
            "kind": one.kind,
            "about": one.about,
            "outcome": str(one.outcome),
            "rule": one.rule,
            "because": str(one.because),
            "asked_before": [str(reason) for reason in one.passed],
            "almost": [str(miss.words) for miss in one.almost],
        }
        for one in _others(order, parcels)
    ]


def _others(order: Order, parcels: Sequence[Fulfilment]) -> Iterator[Why]:
    yield from _fallback(order)
    yield from _requests(order)
    yield from _refunds(order)
    yield from _holds(order, parcels)
    yield from _deadlines(parcels)
    yield from _carrier(order, parcels)
    yield from _checks(order, parcels)


def ownership(decision: Decision) -> Why:
    """Who owns it, which way and how fast, by which rule, and why not by another."""
    book = rules.book(decision.book_id)
    again, names = book.decide(decision.context), decided_names(decision)
    told = said("%(owner)s owns it, along %(flow)s, within %(sla)s.", **{n: names[n] for n in ("owner", "flow", "sla")})
    if decision.outcome.get("undecided"):
        told = said("It could not be decided: %(owner)s has it, as the fallback.", owner=names["owner"])
    return Why(
        "ownership",
        decision.subject_key,
        decision.at,
        told,
        rule=decision.rule_slug,
        book=book.number,
        because=_predicate(book, decision.rule_slug),
        passed=passed_over(again.path),
        competing=tuple(decision.outcome.get("competing", ())),
        almost=_missed(again.near_misses),
    )


def decided_names(decision: Decision) -> dict[str, str]:
    """What the book that decided calls the owner, the flow, the SLA and the fallback of a decision."""
    book, outcome = rules.book(decision.book_id), decision.outcome
    return {
        "owner": book.owner(outcome["owner"]).name,
        "flow": book.flow(outcome["flow"]).name,
        "sla": book.sla(outcome["sla"]).name,
        "fallback": book.owner(outcome["fallback"]).name,
    }


def _fallback(order: Order) -> Iterator[Why]:
    if order.decision is None or not (order.fell_back_at or order.falls_back_at):
        return
    decision, owner = order.decision, decided_names(order.decision)["fallback"]
    minutes = decision.outcome["fallback_after_minutes"]
    because = said("the rule gives its owner %(minutes)s min", minutes=minutes)
    told = said(
        "If it has not gone on by %(at)s, %(owner)s has it.", owner=owner, at=at(order.falls_back_at or order.placed_at)
    )
    if order.fell_back_at:
        told = said(
            "%(owner)s has it since %(at)s: it had not gone on in time.", owner=owner, at=at(order.fell_back_at)
        )
    yield Why("fallback", order.key, order.fell_back_at, told, rule=decision.rule_slug, because=because)


def _requests(order: Order) -> Iterator[Why]:
    for one in OrderRequest.objects.filter(order=order).order_by("-pk"):
        book = rules.book_numbered(one.book_number) if one.book_number else None
        again = compile_request_rules(book.document).rule_on(one.facts) if book and one.facts else None
        yield Why(
            "request",
            said(str(RequestKind(one.kind).label)),
            one.asked_at,
            said(str(Choice(one.choice).label)),
            rule=one.rule,
            book=one.book_number,
            because=said(one.why),
            passed=passed_over(again.passed) if again else (),
            almost=_missed(again.near_misses) if again else (),
        )


def _refunds(order: Order) -> Iterator[Why]:
    amounts = {str(one.pk): one for one in Refund.objects.filter(order=order)}
    if not amounts:
        return
    for event in Event.objects.filter(type="refund.due", subject_id__in=list(amounts)).order_by("-at", "-id"):
        data, refund = json.loads(event.body)["data"], amounts[event.subject_id]
        yield Why(
            "refund",
            in_words(refund.amount, refund.currency),
            event.at,
            said(str(refund.get_state_display())),
            rule=data["rule"],
            book=data.get("book"),
            because=said(data.get("decides", "")),
            passed=passed_over(data.get("passed") or ()),
            almost=[Missed(**one) for one in data.get("almost") or ()],
        )


def _holds(order: Order, parcels: Sequence[Fulfilment]) -> Iterator[Why]:
    """Those that rules placed, and which others almost did; where none holds it, which almost do now."""
    placed = list(Hold.objects.filter(order=order).exclude(rule="").order_by("-pk"))
    told = ruled_holds(placed)
    for hold in placed:
        data = told.get(str(hold.pk), {})
        yield Why(
            "hold",
            order.key,
            hold.placed_at,
            said_again(hold.words, hold.words_kept),
            rule=hold.rule,
            book=data.get("book"),
            because=data.get("decides", ""),
            passed=passed_over(data.get("passed") or ()),
            almost=[Missed(**one) for one in data.get("almost") or ()],
        )
    book = rules.active_book()
    if (found := not_held(order, parcels, book, {hold.rule for hold in placed})) is not None:
        passed, almost = found
        told_now = said("No other rule holds it now.") if placed else said("No rule holds it now.")
        yield Why(
            "hold", order.key, None, told_now, book=book.number, passed=passed_over(passed), almost=_missed(almost)
        )


def _carrier(order: Order, parcels: Sequence[Fulfilment]) -> Iterator[Why]:
    told = carrier_words(order, parcels)
    taken = next((parcel.carrier for parcel in parcels if parcel.carrier), "")
    others = list(other_carriers(order, taken)) if parcels else []
    if told or others:
        outcome = told or (taken or said("No carrier was asked for: the first that serves this client is."))
        yield Why("carrier", order.key, None, outcome, passed=others)


def _deadlines(parcels: Sequence[Fulfilment]) -> Iterator[Why]:
    """By which service level each parcel has to go."""
    names = {sla.slug: sla.name for sla in rules.active_book().slas()}
    for parcel in parcels:
        if parcel.due_at is not None:
            told = said("To be done by %(at)s.", at=at(parcel.due_at))
            yield Why(
                "deadline", parcel.key, None, told, rule=names.get(parcel.sla, parcel.sla), because=due_words(parcel)
            )


def _checks(order: Order, parcels: Sequence[Fulfilment]) -> Iterator[Why]:
    """Which of the checks of the rule book each parcel is given, and which it almost was."""
    if not parcels:
        return
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    inside = FulfilmentLine.objects.filter(fulfilment__in=parcels).select_related("line__sku", "line__bundle")
    for content in inside.order_by("pk"):
        lines[content.fulfilment_id].append(content.line)
    planned: dict[UUID, dict[str, UUID]] = defaultdict(dict)
    for parcel_id, slug, book_id in ParcelCheck.objects.filter(order=order).values_list(
        "fulfilment", "slug", "book_id"
    ):
        planned[parcel_id][slug] = book_id
    for parcel in parcels:
        parcel.order = order
        of_order = order.decision.book_id if order.decision else None
        asked_by = next(iter(planned[parcel.pk].values()), of_order)
        if asked_by is not None:
            yield _checks_of(parcel, lines[parcel.pk], planned[parcel.pk], rules.book(asked_by))


def _checks_of(parcel: Fulfilment, lines: Sequence[OrderLine], planned: Mapping[str, UUID], book: CompiledBook) -> Why:
    context, spec = parcel_context(parcel, lines), vocabulary(book.document)
    left_out = [one for one in checks_of(book) if one.slug not in planned and one.predicate is not None]
    asked = [one for one in checks_of(book) if one.slug in planned]
    told = said("%(checks)s are made.", checks=", ".join(one.settings["name"] for one in asked))
    almost = [
        miss for one in left_out if one.predicate for miss in near_misses_of(one.slug, one.predicate, context, spec)
    ]
    return Why(
        "checks",
        parcel.key,
        None,
        told if asked else said("No check is made."),
        book=book.number,
        because="; ".join(f"{one.slug}: {_asks_for(one)}" for one in asked),
        passed=passed_over([f"{one.slug}: {_asks_for(one)}{NOT_SO}" for one in left_out]),
        almost=_missed(almost),
    )


def passed_over(reasons: Sequence[str]) -> list[str]:
    """Why each rule did not rule, so that a page can say it in its reader's language."""
    return [
        said("%(what)s is not so", what=reason.removesuffix(NOT_SO)) if reason.endswith(NOT_SO) else reason
        for reason in reasons
    ]


def sentences(one: Why) -> tuple[str, ...]:
    """A decision in lines: what ruled, what did not, what would have, and what almost did."""
    ruled = said("%(rule)s of rule book v%(book)s: %(outcome)s", rule=one.rule, book=one.book, outcome=one.outcome)
    return (
        ruled,
        *(said("not %(what)s", what=reason) for reason in one.passed),
        *(said("would have ruled too: %(rule)s", rule=slug) for slug in one.competing),
        *(miss.words for miss in one.almost),
    )


def _asks_for(check: QualityCheckSpec) -> str:
    return check.predicate.source if check.predicate else "every parcel"


def _missed(misses: Sequence[NearMiss]) -> list[Missed]:
    return [Missed(miss.rule, miss.term, miss.attribute, miss.actual) for miss in misses]


def _predicate(book: CompiledBook, slug: str) -> str:
    found = next((row for row in book.document["rules"] if row["slug"] == slug), None)
    if found is None or found["is_default"]:
        return said("No other rule decided.")
    return str(found["predicate"])
