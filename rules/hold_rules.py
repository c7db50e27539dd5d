"""Which orders are put on hold by rule, as a rule book says it, and in its compiled form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rules.decisions import NearMiss, near_misses_of
from rules.engine import Predicate, check_predicate, compile_predicate
from rules.facts import ContextSpec


@dataclass(frozen=True)
class HoldRuleSpec:
    """Which orders are put on hold by rule; `release_when` is an expression over the same context, or empty where a person lets go."""

    slug: str
    predicate: Predicate
    words: str
    customer_words: str
    release_when: str
    expires_after_minutes: int | None
    paths: tuple[str, ...]

    def expires_at(self, placed_at: datetime) -> datetime | None:
        """When a hold of this rule lets go in any case."""
        minutes = self.expires_after_minutes
        return None if minutes is None else placed_at + timedelta(minutes=minutes)


def compile_hold_rules(document: Mapping[str, Any]) -> tuple[HoldRuleSpec, ...]:
    """The hold rules of a book, ready to ask; older books know none."""
    rows = document.get("hold_rules", ())
    return tuple(_compile(row, _context(document)) for row in rows)


def passed_and_almost(
    rules: Iterable[HoldRuleSpec], context: Mapping[str, Any], spec: ContextSpec
) -> tuple[list[str], tuple[NearMiss, ...]]:
    """Of each rule that does not hold an order like this: that it does not, and those that lack one condition only."""
    others = [rule for rule in rules if rule.predicate.holds(context, spec) is False]
    passed = [f"{rule.slug}: {rule.predicate.source} is not so" for rule in others]
    return passed, tuple(miss for rule in others for miss in near_misses_of(rule.slug, rule.predicate, context, spec))


def mistakes_in_hold_rules(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What keeps the hold rules of a document from being frozen: a JSON pointer into it and the words."""
    for index, row in enumerate(document.get("hold_rules", ())):
        for field in ("predicate", "release_when"):
            for problem in check_predicate(row[field], _context(document)) if row[field] else ():
                yield f"/hold_rules/{index}/{field}", f"{row['slug']}: {problem.message}"


def _context(document: Mapping[str, Any]) -> ContextSpec:
    return ContextSpec(document["hold_context"]["name"], document["hold_context"]["attributes"])


def _compile(row: Mapping[str, Any], spec: ContextSpec) -> HoldRuleSpec:
    predicate = compile_predicate(row["predicate"], spec)
    until = compile_predicate(row["release_when"], spec).paths if row["release_when"] else ()
    return HoldRuleSpec(
        row["slug"],
        predicate,
        row["words"],
        row["customer_words"],
        row["release_when"],
        row["expires_after_minutes"],
        (*predicate.paths, *until),
    )
