"""Decisions made so far: explained, made again, and tried on a predicate that is being written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db.models import QuerySet

from audit.context import Actor
from rules import engine, facts
from rules.models import Decision
from rules.problems import Problem
from rules.selectors.books import ORDER_CONTEXT, book

RECENT = 500
EXAMPLES = 10
CHUNK = 2_000

Decisions: TypeAlias = QuerySet[Decision]


def decisions_with_key(key: str, *, by: Actor) -> Decisions:
    """Decisions about the subject people know by this key, newest first, as far as the actor may see them."""
    decisions = Decision.objects.filter(subject_key=key).select_related("client").order_by("-at", "-id")
    return decisions if by.clients is None else decisions.filter(client_id__in=by.clients)


def recent_decisions(*, by: Actor, limit: int = RECENT) -> list[Decision]:
    """The newest decisions the actor may see."""
    decisions = Decision.objects.order_by("-at", "-id")
    return list((decisions if by.clients is None else decisions.filter(client_id__in=by.clients))[:limit])


@dataclass(frozen=True)
class Trial:
    """What a predicate does to recent orders: how many it matches, cannot decide, and some it matches by key."""

    problems: tuple[Problem, ...] = ()
    tried: int = 0
    matched: int = 0
    undecided: int = 0
    examples: tuple[str, ...] = ()
    changed: int = 0


def matches_in(
    predicate: str, decisions: Sequence[Decision | facts.Recent], *, rule_slug: str = "", context: str = ORDER_CONTEXT
) -> Trial:
    """Try a predicate on the contexts of decisions; `changed` counts those another rule decided."""
    spec = facts.context(context)
    try:
        compiled = engine.compile_predicate(predicate, spec)
    except engine.ExpressionInvalid as invalid:
        return Trial(tuple(invalid.problems))
    answers = [(decision, compiled.holds(decision.context, spec)) for decision in decisions]
    matched = [decision for decision, answer in answers if answer]
    return Trial(
        tried=len(answers),
        matched=len(matched),
        undecided=sum(answer is None for _, answer in answers),
        examples=tuple(dict.fromkeys(decision.subject_key for decision in matched))[:EXAMPLES],
        changed=sum(decision.rule_slug != rule_slug for decision in matched),
    )


@dataclass(frozen=True)
class Mismatch:
    """A stored decision that does not come out the same when it is made again."""

    decision_id: str
    subject_key: str
    stored: str
    again: str


def verify_decisions(decisions: Decisions) -> Iterator[Mismatch | None]:
    """Make every stored decision again with its own book: None where the answer is the same."""
    for decision in decisions.iterator(chunk_size=CHUNK):
        outcome = book(decision.book_id).decide(decision.context)
        same = outcome.as_json() == decision.outcome and outcome.near_misses_as_json() == decision.near_misses
        yield (None if same else Mismatch(str(decision.pk), decision.subject_key, decision.rule_slug, outcome.rule))
