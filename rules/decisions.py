"""Deciding over ordered rules, with the reasons. Context in, explained outcome out: no database, no clock.

The first rule that holds decides; the default rule decides what no other does, so there is always exactly one owner. A
rule that cannot be decided stops the search: its fallback owner gets the subject, marked undecided, because guessing
that it does not hold would hand the subject to the wrong owner without anyone noticing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from rules.engine import Predicate, Term, activation_for
from rules.facts import ABSENT, NUMBER, TEXT, WHOLE, ContextSpec

MEMO_SIZE = 20_000
NEAR_MISSES_SHOWN = 3
_ORDERINGS = {"<", "<=", ">", ">=", "==", "!=", "in"}
_EQUALITIES = {"==", "!=", "in"}


@dataclass(frozen=True)
class Rule:
    """One ownership rule, compiled. Everything it names is a slug of the same book."""

    slug: str
    predicate: Predicate
    owner: str
    flow: str
    sla: str
    fallback: str
    fallback_after_minutes: int


@dataclass(frozen=True)
class NearMiss:
    """A rule that would have decided, but for one condition: what it asks and what the context had."""

    rule: str
    term: str
    attribute: str
    actual: Any


@dataclass(frozen=True)
class Outcome:
    """Who has it, along which flow, within which SLA, and why.

    `path` says of every rule asked before why it did not hold; `competing` are later rules that hold as well.
    """

    rule: str
    owner: str
    flow: str
    sla: str
    fallback: str
    fallback_after_minutes: int
    path: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    competing: tuple[str, ...] = ()
    undecided: bool = False

    def as_json(self) -> dict[str, Any]:
        """What is kept with a decision; `path` and near misses follow from book and context."""
        return {
            "rule": self.rule,
            "owner": self.owner,
            "flow": self.flow,
            "sla": self.sla,
            "fallback": self.fallback,
            "fallback_after_minutes": self.fallback_after_minutes,
            "competing": list(self.competing),
            "undecided": self.undecided,
        }

    def near_misses_as_json(self) -> list[dict[str, Any]]:
        """The rules that almost decided, as they are kept."""
        return [
            {"rule": miss.rule, "term": miss.term, "attribute": miss.attribute, "actual": miss.actual}
            for miss in self.near_misses
        ]


class RuleSet:
    """Ordered rules over one context. Outcomes are remembered by what the rules can see of a context."""

    def __init__(self, spec: ContextSpec, rules: Sequence[Rule], default: Rule, *, review: tuple[str, str]) -> None:
        """`review` is the flow and the SLA of what could not be decided."""
        self.spec = spec
        self.default = default
        self._review_flow, self._review_sla = review
        self._terms = list(dict.fromkeys(term for rule in rules for term in rule.predicate.terms))
        places = {term: index for index, term in enumerate(self._terms)}
        self._asked = [_Asked.of(rule, [places[term] for term in rule.predicate.terms]) for rule in rules]
        self._tests = [term.holds for term in self._terms]
        self._view = _View(spec, self._terms)
        self._memo: OrderedDict[Hashable, _Verdict] = OrderedDict()
        self._lock = Lock()

    def decide(self, context: Mapping[str, Any]) -> Outcome:
        """The outcome for one context; attributes that are not declared are not seen."""
        conformed = self.spec.conform(context)
        verdict = self._verdict(conformed)
        if not verdict.missed:
            return verdict.outcome
        return replace(verdict.outcome, near_misses=tuple(_near_miss(*miss, conformed) for miss in verdict.missed))

    def _verdict(self, conformed: dict[str, Any]) -> _Verdict:
        seen = self._view.of(conformed)
        with self._lock:
            known = self._memo.get(seen)
            if known is not None:
                self._memo.move_to_end(seen)
                return known
        verdict = self._decide(conformed)
        with self._lock:
            self._memo[seen] = verdict
            if len(self._memo) > MEMO_SIZE:
                self._memo.popitem(last=False)
        return verdict

    def _decide(self, conformed: dict[str, Any]) -> _Verdict:
        false, unclear = self._answers(conformed)
        path: list[str] = []
        misses: list[tuple[str, Term]] = []
        for position, asked in enumerate(self._asked):
            failed = asked.terms & false
            if failed:
                first = _lowest(failed)
                path.append(asked.words[first])
                if failed & (failed - 1) == 0 and len(misses) < NEAR_MISSES_SHOWN:
                    misses.append((asked.rule.slug, self._terms[first]))
            elif asked.terms & unclear:
                term = self._terms[_lowest(asked.terms & unclear)]
                path.append(f"{asked.rule.slug}: {term.source} cannot be decided")
                return _Verdict(self._undecided(asked.rule, path), tuple(misses))
            else:
                competing = self._competing(false | unclear, after=position)
                return _Verdict(replace(_outcome_of(asked.rule, path), competing=competing), tuple(misses))
        return _Verdict(_outcome_of(self.default, path), tuple(misses))

    def _answers(self, conformed: dict[str, Any]) -> tuple[int, int]:
        """Which terms are false and which unclear, a bit for each: every term is asked once, however many rules use it."""
        activation = activation_for(self.spec, conformed)
        false = unclear = 0
        for index, test in enumerate(self._tests):
            holds = test(conformed, activation)
            if holds is False:
                false |= 1 << index
            elif holds is None:
                unclear |= 1 << index
        return false, unclear

    def _undecided(self, rule: Rule, path: list[str]) -> Outcome:
        return Outcome(
            rule=rule.slug,
            owner=rule.fallback,
            flow=self._review_flow,
            sla=self._review_sla,
            fallback=self.default.owner,
            fallback_after_minutes=rule.fallback_after_minutes,
            path=tuple(path),
            undecided=True,
        )

    def _competing(self, not_true: int, *, after: int) -> tuple[str, ...]:
        return tuple(asked.rule.slug for asked in self._asked[after + 1 :] if not asked.terms & not_true)


@dataclass(frozen=True)
class _Asked:
    """A rule with its terms as bits, and what is said when one of them is not so."""

    rule: Rule
    terms: int
    words: Mapping[int, str]

    @classmethod
    def of(cls, rule: Rule, places: Sequence[int]) -> _Asked:
        said = {
            place: f"{rule.slug}: {term.source} is not so"
            for place, term in zip(places, rule.predicate.terms, strict=True)
        }
        return cls(rule, sum(1 << place for place in said), said)


@dataclass(frozen=True)
class _Verdict:
    """An outcome without the values of the one context it was first made for."""

    outcome: Outcome
    missed: tuple[tuple[str, Term], ...]


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _outcome_of(rule: Rule, path: Iterable[str]) -> Outcome:
    return Outcome(
        rule.slug, rule.owner, rule.flow, rule.sla, rule.fallback, rule.fallback_after_minutes, path=tuple(path)
    )


def near_misses_of(
    rule: str, predicate: Predicate, context: Mapping[str, Any], spec: ContextSpec
) -> tuple[NearMiss, ...]:
    """The one condition that keeps the predicate from holding; nothing where several do, or none."""
    conformed = spec.conform(context)
    activation = activation_for(spec, conformed)
    failed = [term for term in predicate.terms if term.holds(conformed, activation) is False]
    return (_near_miss(rule, failed[0], conformed),) if len(failed) == 1 else ()


def _near_miss(rule: str, term: Term, conformed: Mapping[str, Any]) -> NearMiss:
    paths = [path for path in term.expression.anatomy.paths if not path.endswith("[#]")]
    attribute = (paths or [""])[0]
    return NearMiss(rule, term.source, attribute, _read(conformed, attribute))


def _read(value: Any, path: str) -> Any:
    """The value at `channel`, or the list of values at `lines[].sku_type`; None where there is none."""
    head, listed, rest = path.partition("[]")
    for name in filter(None, head.split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    if listed and isinstance(value, list):
        return [_read(item, rest) for item in value]
    return value


def in_a_sentence(row: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A rule as a person reads it."""
    names = {slug: owner["name"] for slug, owner in document["owners"].items()}
    sla = document["slas"][row["sla"]]
    condition = "Whatever no other rule decides" if row["is_default"] else f"If {row['predicate']}"
    return (
        f"{condition}: {names[row['owner']]} owns it, along {document['flows'][row['flow']]['name']}, within "
        f"{sla['name']}; {names[row['fallback']]} takes over after {row['fallback_after_minutes']} min."
    )


class _View:
    """What the rules can tell apart in a context: the key under which an outcome is remembered.

    An attribute only ever compared with constants is reduced to where it lies among them, so that a million different
    totals are as few as the thresholds in the rules.
    """

    def __init__(self, spec: ContextSpec, terms: Sequence[Term]) -> None:
        names = dict.fromkeys(_root(path) for term in terms for path in term.expression.anatomy.paths)
        self._readers = [(name, self._reader(name, spec, terms)) for name in names]

    def of(self, conformed: Mapping[str, Any]) -> Hashable:
        return tuple(read(conformed.get(name, ABSENT)) for name, read in self._readers)

    def _reader(self, name: str, spec: ContextSpec, terms: Sequence[Term]) -> Callable[[Any], Hashable]:
        readers = [term for term in terms if name in map(_root, term.expression.anatomy.paths)]
        comparisons = [term.comparison for term in readers if term.comparison is not None]
        operators = {comparison.operator for comparison in comparisons}
        constants = {constant for comparison in comparisons for constant in comparison.constants}
        kind = spec.attributes.get(name)
        if len(comparisons) == len(readers):
            if kind in {WHOLE, NUMBER} and operators <= _ORDERINGS:
                return _place_among(sorted(constants, key=float))
            if kind == TEXT and operators <= _EQUALITIES:
                return _one_of(frozenset(constants))
        paths = {path for term in readers for path in term.expression.anatomy.paths if _root(path) == name}
        if any(path in {name, f"{name}[]"} or not path.startswith(f"{name}[") for path in paths):
            return _freeze
        return _fields_of_items({path.removeprefix(f"{name}[].") for path in paths if "[]." in path})


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _place_among(constants: Sequence[Any]) -> Callable[[Any], Hashable]:
    def place(value: Any) -> Hashable:
        if value is None or value is ABSENT:
            return "absent" if value is ABSENT else None
        return bisect_left(constants, value) + bisect_right(constants, value)

    return place


def _one_of(constants: frozenset[Any]) -> Callable[[Any], Hashable]:
    def one_of(value: Any) -> Hashable:
        if value is ABSENT:
            return 0
        return value if value in constants else 1

    return one_of


def _fields_of_items(fields: set[str]) -> Callable[[Any], Hashable]:
    simple = sorted(fields)
    if any("." in field or "[" in field for field in simple):
        return _freeze

    def fields_of_items(value: Any) -> Hashable:
        if not isinstance(value, list):
            return "absent" if value is ABSENT else None
        return tuple(
            tuple(item.get(name, ABSENT) for name in simple) if isinstance(item, dict) else item for item in value
        )

    return fields_of_items


def _freeze(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((key, _freeze(inner)) for key, inner in sorted(value.items()))
    if isinstance(value, list):
        return tuple(_freeze(inner) for inner in value)
    hashable: Hashable = value
    return hashable
