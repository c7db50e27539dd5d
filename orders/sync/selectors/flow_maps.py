"""A flow as people look at it: who touches it, which systems change state in what order, what happened lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.access import GRANTS
from audit.context import Actor
from audit.models import Event
from audit.selectors.pages import HistoryRow, names_of, versions_of
from audit.subject_refs import SubjectRef
from audit.words import said
from orders.sync import flow_maps, selectors
from orders.sync.flow_maps import Step
from orders.sync.models import FlowRun, System
from orders.sync.selectors.flow_pictures import Picture, draw
from rules import selectors as rules
from rules.models import Contract, Flow, Owner, RuleBookVersion
from rules.models.flows import DECLARED
from rules.selectors import Declaration
from rules.states import HERE, RECORD_KEEPERS, FlowKind, FlowState

LATELY: Final = 20
VERSIONS_SHOWN: Final = 10
MOST_SYSTEMS: Final = 6
NAMES: Final = {"": noop("Not said yet"), **dict(RECORD_KEEPERS)}
# What people do along a flow, and the permission that takes.
ACTS: Final = (
    (noop("Hold an order, send it another way, cancel it"), "orders.work_order"),
    (noop("Work the exceptions it opens"), "exceptions.work_case"),
    (noop("Open one of its gates for a while"), "exceptions.decide_waiver"),
    (noop("Change what it declares, let it go live, pause it"), "rules.edit_rules"),
)
CONTENT_ACTS: Final = ((noop("Write, review and approve content"), "content.work_asset"), *ACTS[1:])


@dataclass(frozen=True)
class StepRow:
    """A step with the names of who takes it and who is told."""

    step: Step
    by: str
    to: str
    systems: Sequence[System]


@dataclass
class Hand:
    """Somebody who answers for a part of it, and for which."""

    owner: Owner
    parts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """What the trail tells of the last things that went along it: who did what, and to how many of them."""

    type: str
    sentence: str
    count: int


@dataclass(frozen=True)
class FlowVersion:
    """One version of what a flow says of itself, and the rule book that had it first; None where none had it before the next."""

    row: HistoryRow
    book: int | None

    @property
    def fields(self) -> list[str]:
        """What it changed, in words."""
        names = [name.removesuffix("_id") for name, _before, _after in self.row.changes]
        return [said(DECLARED[name]) if name in DECLARED else name.replace("_", " ").capitalize() for name in names]


@dataclass(frozen=True)
class FlowPage:
    """Everything about one flow. `seen` is empty for who may not read the trail, and where nothing went along it.

    `versions` are the newest of `version_count`.
    """

    flow: Flow
    declarations: Sequence[Declaration]
    steps: Sequence[StepRow]
    picture: Picture
    hands: Sequence[Hand]
    roles: Sequence[tuple[str, Sequence[str]]]
    seen: Sequence[Seen]
    looked_at: int
    versions: Sequence[FlowVersion]
    version_count: int

    @property
    def missing(self) -> list[Declaration]:
        """What keeps it from going live."""
        return [one for one in self.declarations if one.problem]


@dataclass(frozen=True)
class FlowRow:
    """A flow in the list, and how much of what it has to say it says."""

    flow: Flow
    said: int
    of: int


def flow_rows(by: Actor) -> list[FlowRow]:
    """The flows, those that are live first. Raises `Refused`."""
    order = {FlowState.ACTIVE: 0, FlowState.PAUSED: 1, FlowState.DRAFT: 2}
    flows = sorted(
        rules.flows_for(by).select_related("owner__backup"), key=lambda flow: (order[FlowState(flow.state)], flow.name)
    )
    led_to, of = rules.led_to(), len(DECLARED) + 1
    return [FlowRow(flow, of - len(flow.undeclared) - (flow.pk not in led_to), of) for flow in flows]


def flow_page(by: Actor, slug: str) -> FlowPage:
    """One flow. Raises `Refused`, `NotFound`."""
    flow = rules.flow_called(by, slug)
    versions = _versions(flow)
    subjects = _lately(by, flow)
    steps = _steps(by, flow)
    return FlowPage(
        flow=flow,
        declarations=rules.declarations(flow, by=by),
        steps=steps,
        picture=draw([(row.by, row.to) for row in steps]),
        hands=_hands(by, flow),
        roles=_roles(flow),
        seen=_seen(by, subjects),
        looked_at=len(subjects),
        versions=versions[:VERSIONS_SHOWN],
        version_count=len(versions),
    )


def _versions(flow: Flow) -> list[FlowVersion]:
    """The newest first, each with the first rule book that was frozen while it stood."""
    rows = versions_of(flow)
    books = list(RuleBookVersion.objects.order_by("number").values_list("frozen_at", "number"))
    ends = [None, *(row.at for row in rows)]
    return [
        FlowVersion(row, next((n for at, n in books if row.at <= at and (end is None or at < end)), None))
        for row, end in zip(rows, ends, strict=False)
    ]


def _steps(by: Actor, flow: Flow) -> list[StepRow]:
    there: dict[str, list[System]] = defaultdict(list)
    if by.may("sync.view_system"):
        for system in selectors.systems_for(by).filter(is_active=True):
            there[system.layer].append(system)
    return [
        StepRow(
            step,
            said(NAMES[step.by]),
            said(NAMES[step.to]) if step.to else "",
            there[step.by if step.by != HERE else step.to][:MOST_SYSTEMS],
        )
        for step in flow_maps.map_of(flow.kind).steps(flow)
    ]


def _hands(by: Actor, flow: Flow) -> list[Hand]:
    """Everybody who answers for a part of it, by what the records name."""
    hands: dict[str, Hand] = {}
    for owner, part in _named(by, flow):
        hand = hands.setdefault(owner.slug, Hand(owner))
        if part not in hand.parts:
            hand.parts.append(part)
    return list(hands.values())


def _named(by: Actor, flow: Flow) -> Iterable[tuple[Owner, str]]:
    yield flow.owner, said("The flow")
    yield flow.owner.backup, said("The flow, as the backup")
    if flow.fallback:
        yield flow.fallback, said("The flow, when its owner does nothing")
    for rule in rules.leading_to(flow, by=by).rules:
        yield rule.owner, said("What “%(rule)s” sends along it", rule=rule.name)
        yield rule.rule_owner, said("The rule “%(rule)s”", rule=rule.name)
    if flow.exception_type:
        yield flow.exception_type.owner, said("Its exceptions")
        yield flow.exception_type.fallback, said("Its exceptions, once they are re-routed")
    for contract in _contracts(flow):
        yield contract.contract_owner, said("What its messages mean")
        yield contract.execution_owner, said("That its messages are sent and heard")
    if flow.recovery:
        yield flow.recovery.owner, said("The runbook “%(runbook)s”", runbook=flow.recovery.title)


def _contracts(flow: Flow) -> list[Contract]:
    named = {step.contract for step in flow_maps.map_of(flow.kind).steps(flow)} - {""}
    owners = ("contract_owner", "execution_owner")
    return list(Contract.objects.filter(name__in=named, is_active=True).select_related(*owners).order_by("name"))


def _roles(flow: Flow) -> list[tuple[str, Sequence[str]]]:
    acts = CONTENT_ACTS if flow.kind == FlowKind.CONTENT else ACTS
    return [
        (act, [role.value.replace("_", " ").capitalize() for role, can in GRANTS.items() if needs in can])
        for act, needs in acts
    ]


def _lately(by: Actor, flow: Flow) -> list[SubjectRef]:
    """The last things that went along it and exist for the actor."""
    lately = flow_maps.map_of(flow.kind).lately
    if lately is not None:
        return list(lately(by, flow, LATELY))
    if not by.may("orders.view_order"):
        return []
    runs = FlowRun.objects.filter(flow=flow).order_by("-pk")
    found = runs if by.clients is None else runs.filter(client_id__in=by.clients)
    return [SubjectRef(run.subject_type, run.subject_id, run.client_id) for run in found[:LATELY]]


def _seen(by: Actor, subjects: Sequence[SubjectRef]) -> list[Seen]:
    if not subjects or not by.may("audit.view_trail"):
        return []
    events = Event.objects.filter(
        subject_type__in={one.type for one in subjects}, subject_id__in={one.id for one in subjects}
    ).only("type", "subject_id", "actor", "seq")
    places: dict[str, list[int]] = defaultdict(list)
    who: dict[str, dict[str, None]] = defaultdict(dict)
    about: dict[str, set[str]] = defaultdict(set)
    for event in events:
        places[event.type].append(event.seq)
        who[event.type][event.actor] = None
        about[event.type].add(event.subject_id)
    names = names_of({actor for actors in who.values() for actor in actors})
    in_turn = sorted(places, key=lambda kind: (sum(places[kind]) / len(places[kind]), kind))
    return [
        Seen(kind, verbs.sentence(kind, actor=", ".join(sorted({names[one] for one in who[kind]}))), len(about[kind]))
        for kind in in_turn
    ]
