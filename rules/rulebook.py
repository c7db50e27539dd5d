"""A rule book: one document that says everything the rules said at one moment, and its compiled form.

Only compiled books are evaluated. The document names all by slug, with the context, the days that are closed and the ids of owners:
an old book answers as it did then, whatever has been edited since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from rules.asset_kinds import ASSET_KIND_NAMES, mistakes_in_asset_kinds
from rules.business_time import BusinessCalendar, CalendarNeverOpens, Derivation, Pause, Shift, derive
from rules.catalogue import gaps_in_types
from rules.decisions import Outcome, Rule, RuleSet
from rules.engine import ExpressionInvalid, compile_predicate
from rules.facts import ContextSpec
from rules.hold_rules import HoldRuleSpec, compile_hold_rules, mistakes_in_hold_rules
from rules.ladders import mistakes_in_ladder
from rules.quality_checks import mistakes_in_quality_checks
from rules.request_rules import mistakes_in_request_rules
from rules.states import FlowKind

SCHEMA = "handrail.rulebook/1"
Spec = TypeVar("Spec")


@dataclass(frozen=True)
class OwnerSpec:
    """An owner as the book knows it; `id` is that of the live record."""

    id: UUID
    slug: str
    name: str
    kind: str
    backup: str
    calendar: str


@dataclass(frozen=True)
class SlaSpec:
    """A promise in minutes, by the wall clock or in business hours; no calendar means the client's."""

    slug: str
    name: str
    minutes: int
    basis: str
    calendar: str | None


@dataclass(frozen=True)
class FlowSpec:
    """A way from trigger to outcome."""

    slug: str
    name: str
    kind: str
    owner: str
    sla: str


@dataclass(frozen=True)
class GateSpec:
    """What lets nothing pass without a waiver."""

    slug: str
    name: str
    blocks: str
    max_hours: int
    approver_role: str
    other_roles: tuple[str, ...] = ()
    approvals_needed: int = 1
    client_agrees: bool = False
    risk: str = "medium"
    break_glass_hours: int = 0
    content_owner: str = ""  # older books did not say who answers for what it asks for
    needs: str = ""

    @property
    def approver_roles(self) -> tuple[str, ...]:
        """Every role that may approve, the first one first."""
        return (self.approver_role, *(role for role in self.other_roles if role != self.approver_role))


@dataclass(frozen=True)
class ExceptionTypeSpec:
    """A kind of exception; the JSON shapes are those of the model of the same name."""

    slug: str
    name: str
    owner: str
    severity: str
    sla: str
    acknowledge_within_minutes: int
    route: str
    fallback: str
    ladder: list[dict[str, Any]]
    playbook: list[dict[str, Any]]
    acceptance: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    weight_eur: int
    gate: str | None
    progress_within_minutes: int = 60  # what books said that were frozen before they said it
    route_after_minutes: int = 0  # older books only named the route; nothing ran it
    route_approver_role: str = ""
    fallback_after_minutes: int = 0


@dataclass(frozen=True)
class TargetSpec:
    """A promise for exceptions of a type, severity and client; None, or an empty severity, means any."""

    slug: str
    name: str
    type: str | None
    severity: str
    client: str | None
    acknowledge_within_minutes: int
    sla: str

    def fits(self, type_slug: str, severity: str, client: str | None) -> bool:
        """Whether it speaks of such an exception."""
        return self.type in {None, type_slug} and self.severity in {"", severity} and self.client in {None, client}

    @property
    def weight(self) -> tuple[int, bool, bool]:
        """The more it names the heavier; among equals one for a client, then one for a type."""
        named = (self.type is not None) + bool(self.severity) + (self.client is not None)
        return named, self.client is not None, self.type is not None


@dataclass(frozen=True)
class Promise:
    """Until when an exception is answered and resolved, on one clock; `source` says which record promises it."""

    sla: SlaSpec
    acknowledge_within_minutes: int
    source: str


@dataclass(frozen=True)
class Finding:
    """What keeps a document from being frozen; `pointer` is a JSON pointer into it."""

    pointer: str
    detail: str


class CompiledBook:
    """A frozen book, ready to decide. Every lookup by slug raises `LookupError` naming what is not in the book."""

    def __init__(self, document: Mapping[str, Any], *, id: UUID, number: int) -> None:  # noqa: A002 -- the record's id
        self.id = id
        self.number = number
        self.document = document
        self._owners = {
            slug: OwnerSpec(**{**row, "id": UUID(row["id"]), "slug": slug}) for slug, row in _rows(document, "owners")
        }
        self._slas = {slug: SlaSpec(slug=slug, **row) for slug, row in _rows(document, "slas")}
        self._flows = {slug: FlowSpec(slug=slug, **row) for slug, row in _rows(document, "flows")}
        self._gates = {slug: GateSpec(slug=slug, **row) for slug, row in _rows(document, "gates")}
        self._types = {slug: ExceptionTypeSpec(slug=slug, **row) for slug, row in _rows(document, "exception_types")}
        targets = [TargetSpec(slug=slug, **row) for slug, row in document.get("sla_targets", {}).items()]
        self._targets = sorted(targets, key=lambda target: target.weight, reverse=True)
        self._calendars = {slug: compile_calendar(slug, row) for slug, row in _rows(document, "calendars")}
        self._clients_with_rules = {row["client"] for row in document["rules"] if row.get("client")}
        self._rules_of_clients: dict[str, RuleSet] = {}
        self.spec = ContextSpec(document["context"]["name"], document["context"]["attributes"])

    @cached_property
    def rules(self) -> RuleSet:
        """The house's ownership rules, which are all there are for a client without rules of its own."""
        return self._rules_of(None)

    def _rules_of(self, client: str | None) -> RuleSet:
        """The rules of the house and of this client, compiled: those of others are neither asked nor named in an explanation."""
        rows = [row for row in self.document["rules"] if row.get("client") in {None, client}]
        rows.sort(key=lambda row: (row["is_default"], row["position"]))
        *others, default = (_compile_rule(row, self.spec) for row in rows)
        reviews = [(flow.slug, flow.sla) for flow in self._flows.values() if flow.kind == FlowKind.MANUAL_REVIEW]
        review = reviews[0] if reviews else (default.flow, default.sla)
        return RuleSet(self.spec, others, default, review=review)

    @cached_property
    def hold_rules(self) -> tuple[HoldRuleSpec, ...]:
        """What is put on hold by rule, compiled when first asked; older books know none."""
        return compile_hold_rules(self.document)

    def decide(self, context: Mapping[str, Any]) -> Outcome:
        """Exactly one owner for any context; see `rules.decisions`."""
        client = str(context.get("client"))
        if client in self._clients_with_rules and client not in self._rules_of_clients:
            self._rules_of_clients[client] = self._rules_of(client)
        return self._rules_of_clients.get(client, self.rules).decide(context)

    def owner(self, slug: str) -> OwnerSpec:
        """The owner of this slug."""
        return _found(self._owners, slug, "owner")

    def sla(self, slug: str) -> SlaSpec:
        """The SLA of this slug."""
        return _found(self._slas, slug, "SLA")

    def slas(self) -> list[SlaSpec]:
        """Every SLA of the book."""
        return list(self._slas.values())

    def flow(self, slug: str) -> FlowSpec:
        """The flow of this slug."""
        return _found(self._flows, slug, "flow")

    def gate(self, slug: str) -> GateSpec:
        """The gate of this slug."""
        return _found(self._gates, slug, "gate")

    def gates(self) -> list[GateSpec]:
        """Every gate of the book."""
        return list(self._gates.values())

    def exception_type(self, slug: str) -> ExceptionTypeSpec:
        """The exception type of this slug."""
        return _found(self._types, slug, "exception type")

    def knows_type(self, slug: str) -> bool:
        """Whether the book has this exception type."""
        return slug in self._types

    def exception_types(self) -> list[ExceptionTypeSpec]:
        """Every exception type of the book."""
        return list(self._types.values())

    def targets(self) -> list[TargetSpec]:
        """Every SLA target of the book, the one that names most first."""
        return self._targets

    def promise(self, type_slug: str, severity: str, client: str | None) -> Promise:
        """What holds for such an exception: the target that names most of it, else what its type promises."""
        for target in self._targets:
            if target.fits(type_slug, severity, client):
                return Promise(self.sla(target.sla), target.acknowledge_within_minutes, f"target “{target.name}”")
        spec = self.exception_type(type_slug)
        return Promise(self.sla(spec.sla), spec.acknowledge_within_minutes, f"type “{spec.name}”")

    def client_calendar(self, client: str) -> str | None:
        """The calendar of a client; None for one the book does not know."""
        calendar: str | None = self.document.get("client_calendars", {}).get(client)
        return calendar

    def status_owner(self, status: str) -> OwnerSpec:
        """The one owner of a status; the owner of the default rule where the book names none."""
        return self.owner(self.document["statuses"].get(status, self.rules.default.owner))

    def calendar(self, slug: str) -> BusinessCalendar:
        """The calendar of this slug."""
        return _found(self._calendars, slug, "calendar")

    def due_at(
        self, sla_slug: str, start: datetime, client_calendar: str | None = None, *, in_words: bool = True
    ) -> Derivation:
        """When the SLA ends that begins at `start` (aware), and why, in words.

        Business hours are those of the SLA's own calendar, else of the client's, else of the house's.
        """
        sla = self.sla(sla_slug)
        return self.after(
            sla.minutes, start, basis=sla.basis, calendar=sla.calendar or client_calendar, in_words=in_words
        )

    def after(
        self,
        minutes: int,
        start: datetime,
        *,
        basis: str,
        calendar: str | None = None,
        in_words: bool = True,
        pauses: Sequence[Pause] = (),
    ) -> Derivation:
        """The deadline any number of minutes after `start`, not counting `pauses`; without a calendar, the house's."""
        hours = self.calendar(calendar or self.document["house_calendar"])
        return derive(
            start,
            minutes,
            basis="wall" if basis == "wall" else "business",
            calendar=hours,
            in_words=in_words,
            pauses=pauses,
        )


def compile_book(document: Mapping[str, Any], *, id: UUID, number: int) -> CompiledBook:  # noqa: A002 -- the record's id
    """The compiled form of a frozen document."""
    return CompiledBook(document, id=id, number=number)


def compile_calendar(slug: str, row: Mapping[str, Any]) -> BusinessCalendar:
    """A calendar of a document: hours as [weekday, opens, closes], holidays as {date: name}."""
    shifts = tuple(
        Shift(day, time.fromisoformat(opens), time.fromisoformat(closes)) for day, opens, closes in row["hours"]
    )
    return BusinessCalendar(slug, row["time_zone"], shifts, frozenset(map(date.fromisoformat, row["holidays"])))


def findings(document: Mapping[str, Any], *, at: datetime) -> list[Finding]:
    """Everything that keeps a document from being a rule book; `at` is when its deadlines would start."""
    found = [*_rule_findings(document), *_reference_findings(document), *_calendar_findings(document, at)]
    found += _ladder_findings(document)
    looks = (mistakes_in_hold_rules, mistakes_in_quality_checks, mistakes_in_request_rules, mistakes_in_asset_kinds)
    return [*found, *(Finding(*mistake) for look in (*looks, gaps_in_types) for mistake in look(document))]


def _rows(document: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows: Mapping[str, dict[str, Any]] = document[kind]
    yield from rows.items()


def _found(known: Mapping[str, Spec], slug: str, what: str) -> Spec:
    try:
        return known[slug]
    except KeyError:
        raise LookupError(f"The rule book has no {what} {slug}.") from None


def _compile_rule(row: Mapping[str, Any], spec: ContextSpec) -> Rule:
    predicate = compile_predicate("true" if row["is_default"] else row["predicate"], spec)
    return Rule(
        row["slug"], predicate, row["owner"], row["flow"], row["sla"], row["fallback"], row["fallback_after_minutes"]
    )


def _rule_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    spec = ContextSpec(document["context"]["name"], document["context"]["attributes"])
    defaults = [row["slug"] for row in document["rules"] if row["is_default"]]
    if len(defaults) != 1:
        yield Finding("/rules", f"There must be exactly one active default rule; there are {len(defaults)}.")
    for index, row in enumerate(document["rules"]):
        try:
            compile_predicate(row["predicate"] or "true", spec)
        except ExpressionInvalid as invalid:
            yield Finding(f"/rules/{index}/predicate", f"{row['slug']}: {invalid}")


def _reference_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    for pointer, kind, slug in _references(document):
        if slug not in document[kind]:
            yield Finding(pointer, f"{slug or 'Nobody'} is not among the active {kind.replace('_', ' ')}.")


def _references(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every slug in the document that must lead somewhere: where it is, the kind it names, the slug."""
    for index, row in enumerate(document["rules"]):
        for field, kind in (("owner", "owners"), ("fallback", "owners"), ("flow", "flows"), ("sla", "slas")):
            yield f"/rules/{index}/{field}", kind, row[field]
    named = {
        "owners": (("backup", "owners"), ("calendar", "calendars")),
        "flows": (("owner", "owners"), ("sla", "slas")),
        "slas": (("calendar", "calendars"),),
        "gates": (("content_owner", "owners"),),
        "exception_types": (("owner", "owners"), ("fallback", "owners"), ("sla", "slas"), ("gate", "gates")),
        "sla_targets": (("type", "exception_types"), ("sla", "slas")),
        "quality_checks": (("owner", "owners"),),
        "asset_kinds": ASSET_KIND_NAMES,
    }
    for kind, fields in named.items():
        for slug, row in document.get(kind, {}).items():
            for field, target in fields:
                if row[field] is not None:
                    yield f"/{kind}/{slug}/{field}", target, row[field]
    for client, calendar in document.get("client_calendars", {}).items():
        yield f"/client_calendars/{client}", "calendars", calendar
    for status, owner in document["statuses"].items():
        yield f"/statuses/{status}", "owners", owner
    yield "/house_calendar", "calendars", document["house_calendar"]


def _calendar_findings(document: Mapping[str, Any], at: datetime) -> Iterator[Finding]:
    for slug, row in document["calendars"].items():
        try:
            compile_calendar(slug, row).add(at, 1)
        except CalendarNeverOpens as never:
            yield Finding(f"/calendars/{slug}/hours", str(never))


def _ladder_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    for slug, row in document["exception_types"].items():
        at, ladder = f"/exception_types/{slug}/ladder", row["ladder"]
        if not ladder:
            yield Finding(at, f"{slug} escalates to nobody.")
            continue
        mistakes = mistakes_in_ladder(ladder)
        for mistake in mistakes:
            yield Finding(f"{at}{mistake.pointer}", f"{slug}: {mistake.detail}")
        for index, step in enumerate(ladder if not mistakes else ()):
            kind, _, owner = step.get("to", "").partition(":")
            if kind == "owner" and owner not in document["owners"]:
                yield Finding(f"{at}/{index}/to", f"{step['to']} leads to nobody.")
