"""What an exception can be about, and what may be done about it. Higher apps register; this app never imports them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_noop as noop

from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor
from audit.subject_refs import SubjectRef
from audit.words import listed
from exceptions.models import ExceptionCase, Waiver
from rules import playbooks


@dataclass(frozen=True)
class SubjectPage:
    """What a case's page and payload show of its subject; nothing personal.

    `last_events`: at most 5 of {at, system, event, result}; `attempts`: at most 3 of {at, endpoint, status, duration_ms, error}, with
    {request_id, next_at} where somebody outside was asked; `decision`: {rule, book, flow, owner, fallback} or empty; `facts`: label →
    words; `links`: label → address.
    """

    title: str
    url: str
    facts: Mapping[str, str] = field(default_factory=dict)
    last_events: Sequence[Mapping[str, Any]] = ()
    attempts: Sequence[Mapping[str, Any]] = ()
    decision: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubjectAct:
    """Something that can be done with the subject itself as it stands: the page that does it, and the permission it asks for."""

    label: str
    url: str
    permission: str


@dataclass(frozen=True)
class SubjectAside:
    """What only the page of a case shows of its subject: what it is in a few words, more facts, what can be done, whether it is a test."""

    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    acts: Sequence[SubjectAct] = ()
    is_test: bool = False


class Passing(StrEnum):
    """What an open gate would change for one thing."""

    ANYWAY = "anyway"
    ONLY_WITH_THIS = "only_with_this"
    STAYS = "stays"


PASSING_WORDS = {
    Passing.ANYWAY: noop("pass anyway"),
    Passing.ONLY_WITH_THIS: noop("only through this"),
    Passing.STAYS: noop("do not pass"),
}


@dataclass(frozen=True)
class ImpactItem:
    """One thing that the gate concerns: `missing` says what stops it; money in minor units of the impact's currency."""

    key: str
    words: str
    missing: str
    money_minor: int
    passing: Passing


@dataclass(frozen=True)
class Share:
    """One of the three counts; where it stands in a bar that is a thousand wide."""

    passing: Passing
    label: str
    count: int
    x: int
    width: int


@dataclass(frozen=True)
class Impact:
    """What opening a gate lets through now. `base` is the fingerprint of what an approval is given for; `noun` in the plural.

    Of several subjects together every item is one of them, and `bases` has the fingerprint of each by its id.
    """

    items: Sequence[ImpactItem]
    noun: str
    currency: str
    base: str
    bases: Mapping[str, str] = field(default_factory=dict)

    @property
    def marginal(self) -> list[ImpactItem]:
        """What passes only with this."""
        return [item for item in self.items if item.passing == Passing.ONLY_WITH_THIS]

    @property
    def money_minor(self) -> int:
        """The money that hangs on what passes only with this."""
        return sum(item.money_minor for item in self.marginal)

    def count(self, passing: Passing) -> int:
        """How many of this kind."""
        return sum(item.passing == passing for item in self.items)

    @property
    def others(self) -> list[ImpactItem]:
        """What passes anyway or not even with this."""
        return [item for item in self.items if item.passing != Passing.ONLY_WITH_THIS]

    @property
    def shares(self) -> list["Share"]:
        """How many pass anyway, only with this, and not even with it, and what part of the whole that is."""
        shares: list[Share] = []
        whole, x = max(len(self.items), 1), 0
        for passing, label in PASSING_WORDS.items():
            count = self.count(passing)
            shares.append(Share(passing, label, count, x, count * 1000 // whole))
            x += shares[-1].width
        return shares

    def narrowed(self, scope: Collection[str]) -> "Impact":
        """The same, of which only `scope` (keys; empty for all) is let through."""
        if not scope:
            return self
        stays = [
            replace(item, passing=Passing.STAYS)
            if item.passing == Passing.ONLY_WITH_THIS and item.key not in scope
            else item
            for item in self.items
        ]
        return replace(self, items=stays)


class Subject(Protocol):
    """A kind of record that exceptions and time-limited exceptions are about."""

    def lock(self, ids: Sequence[str]) -> None:
        """Lock the records, in the order of their keys."""

    def page(self, ref: SubjectRef) -> SubjectPage:
        """What to show."""

    def on_cases_ended(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> None:
        """The cases were resolved or withdrawn: go on, if nothing else stands in the way."""

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """A time-limited exception was approved: go on."""

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """It is over: what was not done yet is under the rule again."""


@dataclass(frozen=True)
class SubjectFacet:
    """What exceptions can be told apart by that only their subjects know.

    `having` finds the exceptions about subjects with any of the values, `values_of` says what subjects of one kind have by their ids,
    and `choices` are the values there can be with their words, none where any text can be.
    """

    label: str
    having: Callable[[Collection[str]], Q]
    values_of: Callable[[Collection[str]], Mapping[str, Sequence[str]]]
    choices: Mapping[str, str] = field(default_factory=dict)


class HoldOpener(Protocol):
    """Puts subjects of one kind on hold because of their cases, in the transaction of the step; subjects and cases are locked."""

    def __call__(self, cases: Sequence[ExceptionCase], *, kind: str, by: Actor, now: datetime) -> Collection[str]:
        """The ids of the subjects that were put on hold now; one that is already, or cannot be any more, is left out."""


class RouteStep(Protocol):
    """Does the step of a route for cases about subjects of one kind, in the transaction of the timer; subjects and cases are locked."""

    def __call__(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> Mapping[str, str]:
        """What was done, in words, by the id of the case; a case that is left out takes the step every kind of subject takes."""


# What lists of exceptions ask of subjects, beside what they know themselves.
FACETS: Final = ("hold", "channel")

Action = Callable[..., str]
Criterion = Callable[[Sequence[ExceptionCase]], Collection[UUID]]
ImpactsOf = Callable[[Collection[str], str], Mapping[str, Impact]]
RollBack = Callable[..., str]
Aside = Callable[[SubjectRef], SubjectAside]

_subjects: dict[str, Subject] = {}
_asides: dict[str, Aside] = {}
_wakes: dict[str, Mapping[str, str]] = {}
_impacts: dict[str, ImpactsOf] = {}
_roll_backs: dict[str, RollBack] = {}
_actions: dict[str, Action] = {}
_criteria: dict[str, Criterion] = {}
_openers: dict[str, HoldOpener] = {}
_route_steps: dict[tuple[str, str], RouteStep] = {}
_addresses: dict[str, Callable[[str], str]] = {}
_facets: dict[str, SubjectFacet] = {}


def register(label: str, subject: Subject) -> None:
    """Declare a kind of subject by its model's label ("fulfilment.order"). Raises `ValueError` when it is taken."""
    if label in _subjects:
        raise ValueError(f"Subject {label} is already registered")
    _subjects[label] = subject


def subject_for(label: str) -> Subject | None:
    """The kind of subject; None for records that need nothing done (a system, say)."""
    return _subjects.get(label)


def register_address(label: str, address: Callable[[str], str]) -> None:
    """Declare where the page of a record of this kind is, by the key people know. Raises `ValueError` when it is taken."""
    if label in _addresses:
        raise ValueError(f"The address of {label} is already registered")
    _addresses[label] = address


def address_of(label: str, key: str) -> str:
    """Where the record's page is; "" where it has none."""
    address = _addresses.get(label)
    return address(key) if address else ""


def register_aside(label: str, aside: Aside) -> None:
    """Declare what else the page of a case shows and offers of its subject. Raises `ValueError` when it is taken."""
    if label in _asides:
        raise ValueError(f"What else is shown of {label} is already registered")
    _asides[label] = aside


def aside_of(ref: SubjectRef) -> SubjectAside:
    """What else there is to show and to do; nothing for a kind that has not said."""
    ask = _asides.get(ref.type)
    return ask(ref) if ask else SubjectAside()


def register_facet(name: str, facet: SubjectFacet) -> None:
    """Declare who answers for one of `FACETS`. Raises `ValueError` for another name, and when it is taken."""
    if name not in FACETS or name in _facets:
        raise ValueError(f"Facet {name} is not known, or already registered")
    _facets[name] = facet


def having(name: str, values: Collection[str]) -> Q:
    """The exceptions whose subjects have any of these; none where nobody answers for it."""
    return _facets[name].having(values) if name in _facets else Q(pk__in=[])


def choices_of(name: str) -> Mapping[str, str]:
    """The values there can be, with their words; none for any text, and for what is no facet."""
    return _facets[name].choices if name in _facets else {}


def values_of(name: str, cases: Iterable[ExceptionCase]) -> Mapping[UUID, Sequence[str]]:
    """What the subjects of these exceptions have, by exception."""
    facet = _facets.get(name)
    found = [(case.pk, case.subject_id) for case in cases if facet and case.subject_type == facet.label]
    values = facet.values_of([subject_id for _, subject_id in found]) if facet and found else {}
    return {pk: values[subject_id] for pk, subject_id in found if subject_id in values}


def register_wakes(label: str, wakes: Mapping[str, str]) -> None:
    """Declare what of such a subject can end the wait of a case: a name, and its words ("the carrier has it").

    Whoever sees it happen calls `exceptions.services.wake_cases`. Raises `ValueError` when it is taken.
    """
    if label in _wakes:
        raise ValueError(f"What wakes cases about {label} is already registered")
    _wakes[label] = wakes


def wakes_of(label: str) -> Mapping[str, str]:
    """What can end the wait of a case about such a subject; empty where only time can."""
    return _wakes.get(label, {})


def register_impact(label: str, impacts: ImpactsOf) -> None:
    """Declare who says what a gate lets through: `impacts(ids, gate)` by id, without those that are not there; as many queries for all.

    Raises `ValueError` when it is taken.
    """
    if label in _impacts:
        raise ValueError(f"The impact on {label} is already registered")
    _impacts[label] = impacts


def impact_on(label: str, keys: Mapping[str, str], *, gate: str) -> Impact | None:
    """What opening the gate lets through now of this one, or of these together (`keys` by id); None where nobody can say."""
    ask = _impacts.get(label)
    found = ask(list(keys), gate) if ask else {}
    if len(keys) == 1 or not found:
        return next(iter(found.values()), None)
    return _together({one: found[one] for one in sorted(found, key=keys.__getitem__)}, keys)


def _together(impacts: Mapping[str, Impact], keys: Mapping[str, str]) -> Impact:
    """One item for each; amounts of different currencies are left out, because nobody can add them."""
    currencies = {impact.currency for impact in impacts.values()}
    items = [_as_one(keys[one], impact, counts=len(currencies) == 1) for one, impact in impacts.items()]
    bases = {one: impact.base for one, impact in impacts.items()}
    return Impact(items, "orders", min(currencies), sha256_hex(canonical_json(bases)), bases)


def _as_one(key: str, impact: Impact, *, counts: bool) -> ImpactItem:
    stopped = [item for item in impact.items if item.passing != Passing.ANYWAY]
    only = [item for item in stopped if item.passing == Passing.ONLY_WITH_THIS]
    passing = Passing.ONLY_WITH_THIS if only else Passing.STAYS if stopped else Passing.ANYWAY
    missing = dict.fromkeys(item.missing for item in only or stopped if item.missing)
    money = sum(item.money_minor for item in only or stopped) if counts else 0
    return ImpactItem(key, key, listed(list(missing), between=". ") if missing else "", money, passing)


def register_roll_back(label: str, roll_back: RollBack) -> None:
    """Declare how what passed is taken back: `roll_back(waiver, *, by, now) -> str` says what was done. Raises `ValueError` when taken."""
    if label in _roll_backs:
        raise ValueError(f"The way back of {label} is already registered")
    _roll_backs[label] = roll_back


def roll_back_for(label: str) -> RollBack | None:
    """The way back; None where only the gate closes."""
    return _roll_backs.get(label)


def register_action(name: str, action: Action) -> None:
    """Declare what a "do" step runs: `action(case, *, by, now, data) -> str` returns what happened, in words.

    Raises `ValueError` when the name is taken.
    """
    playbooks.declare_action(name)
    _actions[name] = action


def action(name: str) -> Action | None:
    """The action of this name."""
    return _actions.get(name)


def register_hold_opener(label: str, opener: HoldOpener) -> None:
    """Declare how subjects of this kind are put on hold by a step of a ladder. Raises `ValueError` when it is taken."""
    if label in _openers:
        raise ValueError(f"Who holds {label} is already registered")
    _openers[label] = opener


def hold_opener(label: str) -> HoldOpener | None:
    """How subjects of this kind are put on hold; None where they cannot be."""
    return _openers.get(label)


def register_route_step(route: str, label: str, step: RouteStep) -> None:
    """Declare what a route does with subjects of this kind. Raises `ValueError` when it is taken."""
    if (route, label) in _route_steps:
        raise ValueError(f"The step of route {route} for {label} is already registered")
    _route_steps[route, label] = step


def route_step(route: str, label: str) -> RouteStep | None:
    """What the route does with subjects of this kind; None where it only does what it does with every kind."""
    return _route_steps.get((route, label))


def register_criterion(name: str, criterion: Criterion) -> None:
    """Declare a check an acceptance criterion can name: of many cases, the ids of those it holds for. Raises `ValueError` when taken."""
    if name in _criteria:
        raise ValueError(f"Criterion {name} is already registered")
    _criteria[name] = criterion


def is_met(name: str, case: ExceptionCase) -> bool | None:
    """Whether the named criterion holds; None where a person has to say so."""
    met = met_by(name, [case])
    return None if met is None else case.pk in met


def met_by(name: str, cases: Sequence[ExceptionCase]) -> Collection[UUID] | None:
    """The ids of those the named criterion holds for; None where a person has to say so."""
    criterion = _criteria.get(name)
    return None if criterion is None else criterion(cases)
