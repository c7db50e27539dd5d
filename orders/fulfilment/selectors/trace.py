"""One order as a waterfall: from trigger to outcome, with why each decision fell as it did, each attempt, touch and proof."""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from audit import verbs
from audit.context import Actor
from audit.models import Event
from audit.selectors.pages import names_of, reason_of
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions.models import ExceptionCase
from exceptions.selectors.next_steps import next_step
from exceptions.selectors.queue import visible_cases
from orders.fulfilment.decisions.carriers import CARRIER_DIFFERS
from orders.fulfilment.decisions.news import BY_HAND
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderRequest, Override, Refund, Unwind
from orders.fulfilment.selectors.orders import order_for
from orders.fulfilment.selectors.why import Missed, Why, ownership, passed_over, sentences
from orders.sync.models import Attempt, FlowRun, System
from orders.sync.selectors import heard_as, runs_about
from orders.sync.selectors.attempts import attempts_about, count_attempts_about
from orders.sync.states import RunState
from rules.models import Decision

MOST_STEPS: Final = 500
LOGARITHMIC_FROM: Final = timedelta(days=1)
WIDTH: Final = 1000
CASE: Final = "exceptions.exceptioncase"
DECIDED: Final = ("order.routed", "order.decided_anew", "order.fell_back")
# What a step is, by how its event's name begins; the first that fits.
KINDS: Final = (
    ("order.received", "trigger"),
    ("order.payment", "trigger"),
    ("order.routed", "decision"),
    ("order.decided_anew", "decision"),
    ("request.", "decision"),
    ("refund.", "money"),
    ("fulfilment.planned", "state"),
    ("fulfilment.tasked", "task"),
    ("fulfilment.", "confirmation"),
    ("hold.", "hold"),
    ("case.", "exception"),
    ("run.", "expectation"),
    ("override.", "hold"),
    ("unwind.", "task"),
)
KIND_WORDS: Final = {
    "trigger": _("Trigger"),
    "decision": _("Decision"),
    "task": _("Handed out"),
    "attempt": _("Attempt"),
    "confirmation": _("Seen"),
    "expectation": _("Expected"),
    "exception": _("Exception"),
    "hold": _("Hold or fix"),
    "money": _("Money"),
    "state": _("State"),
}
OK, WAITING, FAILED, LATE = "ok", "waiting", "failed", "late"
STATE_WORDS: Final = {OK: _("Done"), WAITING: _("Waiting"), FAILED: _("Did not succeed"), LATE: _("Late")}


@dataclass(frozen=True)
class Bar:
    """Where a step lies on the time axis, in thousandths of its width; `due` is where its deadline lies, None without one."""

    x: int
    width: int
    due: int | None = None


@dataclass(frozen=True)
class WaterfallRow:
    """One step: `why` says of a decision what ruled and what did not, `evidence` what proves it; an expected step may be missing."""

    at: datetime
    since: datetime
    kind: str
    words: str
    subject: str
    system: str
    who: str
    is_human: bool
    state: str
    reason: str = ""
    why: tuple[str, ...] = ()
    evidence: str = ""
    due_at: datetime | None = None
    is_missing: bool = False
    event_id: UUID | None = None
    bar: Bar = Bar(0, 1)

    @property
    def took(self) -> timedelta:
        """How long after what came before."""
        return self.at - self.since

    @property
    def kind_label(self) -> str:
        """What kind of step it is, for people."""
        return KIND_WORDS[self.kind]

    @property
    def state_label(self) -> str:
        """How it stands, for people."""
        return STATE_WORDS[self.state]


@dataclass(frozen=True)
class Waterfall:
    """The page: the axis from `begins_at` to `ends_at`, logarithmic where it is longer than a day unless asked otherwise.

    `systems` are those that any step came from or went to, by what people call them; `unshown` steps are left out.
    """

    order: Order
    rows: Sequence[WaterfallRow]
    begins_at: datetime
    ends_at: datetime
    is_logarithmic: bool
    is_long: bool
    systems: Mapping[str, str]
    spans: Sequence[tuple[str, timedelta | None]]
    human_touches: int
    unshown: int = 0


def waterfall(
    *,
    by: Actor,
    key: str,
    now: datetime,
    kind: str = "",
    system: str = "",
    evenly: bool = False,
    at_most: int = MOST_STEPS,
) -> Waterfall:
    """The order's trace at `now`: its first steps, all of them, those of one kind or with one system. Raises `NotFound`.

    `evenly`: an hour is as wide at the end of the axis as at its beginning, however long it is.
    """
    order = order_for(by, key)
    parcels, runs, cases = _parts(order, by)
    subjects = _subjects(order, parcels, runs, cases)
    told = _events(subjects)
    events = list(told.order_by("transaction", "id")[:at_most])
    about = [subject_ref(order), *(subject_ref(parcel) for parcel in parcels)]
    tries = attempts_about(about, at_most=at_most)
    rows = [*_told(order, subjects, events), *_tried(order, parcels, tries), *_expected(runs, now)]
    rows.sort(key=lambda row: row.at)
    begins, ends = min((row.since for row in rows), default=now), max((row.at for row in rows), default=now)
    shown = [row for row in rows if kind in {"", row.kind} and system in {"", row.system}]
    axis = _Axis(begins, max(ends, begins + timedelta(seconds=1)), evenly)
    more_told = told.count() - len(events) if len(events) == at_most else 0
    more_tried = count_attempts_about(about) - len(tries) if len(tries) == at_most else 0
    return Waterfall(
        order=order,
        rows=[_placed(row, axis) for row in shown],
        begins_at=begins,
        ends_at=ends,
        is_logarithmic=axis.is_logarithmic,
        is_long=axis.is_long,
        systems=_named({row.system for row in rows if row.system}),
        spans=_spans(order, parcels),
        human_touches=told.filter(actor__startswith="user:").count()
        if more_told
        else sum(row.is_human for row in rows),
        unshown=more_told + more_tried,
    )


def everything_about(order: Order, *, by: Actor) -> dict[tuple[str, str], str]:
    """Everything that belongs to an order and the actor may see, and what each is called."""
    return _subjects(order, *_parts(order, by))


def _parts(order: Order, by: Actor) -> tuple[list[Fulfilment], list[FlowRun], list[ExceptionCase]]:
    parcels = list(Fulfilment.objects.filter(order=order).order_by("key"))
    runs = runs_about([subject_ref(parcel) for parcel in parcels])
    cases = visible_cases(by).filter(subject_type="fulfilment.order", subject_id=str(order.pk))
    return parcels, runs, list(cases)


def _events(subjects: Collection[tuple[str, str]]) -> QuerySet[Event]:
    return Event.objects.filter(
        subject_type__in={kind for kind, _ in subjects}, subject_id__in=[pk for _, pk in subjects]
    )


def exception_goes(case: ExceptionCase | None, otherwise: str) -> str:
    """Where what went wrong with an order is, and goes next; where nothing did, where it would go."""
    if case is None:
        return otherwise
    known = {"key": case.key, "title": case.headline, "name": case.owner.name, "due": at(case.due_at)}
    following = next_step(case)
    if following is None:
        return said("%(key)s (%(title)s) is with %(name)s, due %(due)s.", **known)
    then = {"to": following.to, "at": at(following.at)}
    return said(
        "%(key)s (%(title)s) is with %(name)s, due %(due)s; if nobody acts, %(to)s has it %(at)s.", **known, **then
    )


@dataclass(frozen=True)
class _Axis:
    begins: datetime
    ends: datetime
    evenly: bool

    @property
    def is_long(self) -> bool:
        return self.ends - self.begins > LOGARITHMIC_FROM

    @property
    def is_logarithmic(self) -> bool:
        return self.is_long and not self.evenly

    def place(self, at: datetime) -> int:
        """Thousandths of the width."""
        whole = (self.ends - self.begins).total_seconds()
        passed = min(max((at - self.begins).total_seconds(), 0.0), whole)
        share = math.log1p(passed) / math.log1p(whole) if self.is_logarithmic else passed / whole
        return round(share * WIDTH)


def _named(slugs: Collection[str]) -> dict[str, str]:
    names = dict(System.objects.filter(slug__in=slugs).values_list("slug", "name"))
    return {slug: names.get(slug, slug) for slug in sorted(slugs)}


def _placed(row: WaterfallRow, axis: _Axis) -> WaterfallRow:
    start, end = axis.place(row.since), axis.place(row.at)
    start = min(start, WIDTH - 6)
    due = axis.place(row.due_at) if row.due_at else None
    return replace(row, bar=Bar(start, max(end - start, 6), due))


def _told(order: Order, subjects: Mapping[tuple[str, str], str], events: Sequence[Event]) -> Iterator[WaterfallRow]:
    """What the trail says of the order and everything that belongs to it; each step since the one before it of the same thing."""
    names, bodies = names_of(event.actor for event in events), [json.loads(event.body) for event in events]
    told = zip(events, bodies, strict=True)
    why = _why({str(body["data"]["decision"]) for event, body in told if event.type in DECIDED})
    heard = heard_as({str(body["data"].get("event") or "") for body in bodies})
    before: dict[str, datetime] = {}
    for event, body in zip(events, bodies, strict=True):
        data, subject = body["data"], subjects.get((event.subject_type, event.subject_id), order.key)
        evidence = str(data.get("event") or "")
        yield WaterfallRow(
            at=event.at,
            since=before.get(subject, event.at),
            kind=next((kind for start, kind in KINDS if event.type.startswith(start)), "state"),
            words=verbs.sentence(event.type, actor=names[event.actor]),
            subject=subject,
            system=str(data.get("system") or data.get("to") or ""),
            who=names[event.actor],
            is_human=event.actor.startswith("user:"),
            state=OK,
            reason=reason_of(body),
            why=why.get(str(data.get("decision")), ()) or _ruled(event.type, data),
            evidence=heard.get(evidence, evidence),
            event_id=event.pk,
        )
        before[subject] = event.at


def _ruled(event_type: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """What a rule about requests, money or holds said and which others almost did; which other carriers there were."""
    if event_type == CARRIER_DIFFERS and data.get("serving"):
        return tuple(said("could have been asked too: %(name)s", name=name) for name in data["serving"])
    if not event_type.startswith(("request.", "refund.", "hold.")) or not data.get("book"):
        return ()
    decides = data.get("why") if event_type.startswith("request.") else data.get("decides")
    almost = [Missed(**miss) for miss in data.get("almost") or ()]
    about = {
        "rule": data["rule"],
        "book": data["book"],
        "passed": passed_over(data.get("passed") or ()),
        "almost": almost,
    }
    return sentences(Why("request", "", None, said(str(decides)), **about))


def _subjects(
    order: Order, parcels: Sequence[Fulfilment], runs: Sequence[FlowRun], cases: Sequence[ExceptionCase]
) -> dict[tuple[str, str], str]:
    """Everything the trail is asked about, and what it is called."""
    subjects = {("fulfilment.order", str(order.pk)): order.key}
    subjects |= {("fulfilment.fulfilment", str(parcel.pk)): parcel.key for parcel in parcels}
    subjects |= {("sync.flowrun", str(run.pk)): run.subject_key for run in runs}
    subjects |= {(CASE, str(case.pk)): case.key for case in cases}
    for model in (Hold, OrderRequest, Refund, Unwind, Override):
        for pk in model._default_manager.filter(order=order).values_list("pk", flat=True):
            subjects[f"fulfilment.{model._meta.model_name}", str(pk)] = order.key
    return subjects


def _why(decision_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Of each of these decisions: the rule that ruled, why those before it did not, which later ones would have, which almost did."""
    found = Decision.objects.filter(pk__in=decision_ids) if decision_ids else ()
    return {str(decision.pk): sentences(ownership(decision)) for decision in found}


def excuse_in_words(excused_by: str) -> str:
    """What stands in for an event that nobody sends any more; empty where the event is still waited for, or came."""
    if not excused_by:
        return ""
    if excused_by.startswith(BY_HAND):
        return said("A person gave it to the carrier here")
    return said("%(key)s stands in for it", key=excused_by)


def _tried(order: Order, parcels: Sequence[Fulfilment], tries: Sequence[Attempt]) -> Iterator[WaterfallRow]:
    """The attempts to tell another system."""
    subjects = {str(order.pk): order.key, **{str(parcel.pk): parcel.key for parcel in parcels}}
    for attempt in tries:
        is_ok = attempt.status is not None and attempt.status < 300  # noqa: PLR2004 -- HTTP's success
        answer = f"HTTP {attempt.status}" if attempt.status else attempt.error or "no answer"
        yield WaterfallRow(
            at=attempt.at + timedelta(milliseconds=attempt.duration_ms),
            since=attempt.at,
            kind="attempt",
            words=said(
                "%(type)s to %(system)s, try %(number)s: %(answer)s",
                type=attempt.message.type,
                system=attempt.message.system.name,
                number=attempt.number,
                answer=answer,
            ),
            subject=subjects.get(attempt.message.subject_id, order.key),
            system=attempt.message.system.slug,
            who="Handrail",
            is_human=False,
            state=OK if is_ok else FAILED,
            reason=attempt.error,
            evidence=f"{attempt.endpoint}, {attempt.duration_ms} ms, key {attempt.message.key}",
        )


def _expected(runs: Sequence[FlowRun], now: datetime) -> Iterator[WaterfallRow]:
    """Every step somebody else has to take: proven, excused, late, or not seen."""
    heard = heard_as({one.met_by for run in runs for one in run.expectations.all() if one.met_by})
    for run in runs:
        for one in run.expectations.all():
            if run.state == RunState.CANCELLED and one.met_at is None and one.missed_at is None:
                continue
            is_missing = one.met_at is None and (not one.excused_by or run.state == RunState.UNVERIFIED)
            late = now >= one.due_at if is_missing else one.met_at is not None and one.met_at > one.due_at
            missing = said("%(name)s, expected by %(at)s, not seen", name=one.name, at=at(one.due_at))
            yield WaterfallRow(
                at=one.met_at or (one.due_at if is_missing else run.ended_at or now),
                since=run.started_at,
                kind="expectation",
                words=missing if is_missing else one.name,
                subject=run.subject_key,
                system="",
                who="",
                is_human=False,
                state=LATE if late else WAITING if is_missing else OK,
                evidence=heard.get(one.met_by, one.met_by) or excuse_in_words(one.excused_by),
                due_at=one.due_at,
                is_missing=is_missing,
            )


def _spans(order: Order, parcels: Sequence[Fulfilment]) -> list[tuple[str, timedelta | None]]:
    """How long it took from one to the next; None where the next has not come."""
    confirmed = [parcel.confirmed_at for parcel in parcels if parcel.confirmed_at]
    begun, decided = order.paid_at, order.decision.at if order.decision else None
    ended = order.delivered_at or order.shipped_at or order.cancelled_at
    return [
        (_("Trigger to decision"), _between(begun, decided)),
        (_("Decision to confirmation"), _between(decided, max(confirmed, default=None))),
        (_("Trigger to outcome"), _between(begun, ended)),
    ]


def _between(since: datetime | None, until: datetime | None) -> timedelta | None:
    return max(until - since, timedelta()) if since and until else None
