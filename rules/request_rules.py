"""What is done about what is asked of an order, as a rule book says it: one answer for anything, with the rule and the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rules.decisions import NearMiss, near_misses_of
from rules.engine import Predicate, check_predicate, compile_predicate
from rules.facts import ContextSpec
from rules.shipped.requests import REQUEST_CONTEXT, REQUEST_RULES
from rules.states import Answer

NO_RULE: Final = "no-rule"
NO_WORDS: Final = "No rule says what is to be done."
UNDECIDED_WORDS: Final = "The rule “{name}” could not be decided."


@dataclass(frozen=True)
class Ruling:
    """The rule, what it says is to be done, and why; `owner` (a slug) has it, nobody in particular where that is empty.

    `passed` are the rules asked before it, each with why it did not rule; `near_misses` those of them that lacked one condition only.
    """

    rule: str
    answer: str
    why: str
    owner: str = ""
    due_after_minutes: int | None = None
    passed: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()


@dataclass(frozen=True)
class RequestRuleSpec:
    """One rule, ready to ask."""

    slug: str
    name: str
    kind: str
    predicate: Predicate
    answer: str
    words: str
    owner: str
    due_after_minutes: int | None


class RequestRules:
    """The rules of a book about what is asked of orders."""

    def __init__(self, rules: Sequence[RequestRuleSpec], spec: ContextSpec) -> None:
        self._rules, self._spec = rules, spec

    def rule_on(self, facts: Mapping[str, Any]) -> Ruling:
        """What is done about it, by the first rule of its kind that holds; a person decides where none does, or one cannot be decided."""
        known = self._spec.conform(facts)
        passed: list[str] = []
        missed: list[NearMiss] = []
        for rule in self._rules:
            if rule.kind != facts["kind"]:
                continue
            holds = rule.predicate.holds(known, self._spec)
            if holds is None:
                undecided = UNDECIDED_WORDS.format(name=rule.name)
                return Ruling(rule.slug, Answer.ASK, undecided, rule.owner, None, tuple(passed), tuple(missed))
            if holds:
                due = rule.due_after_minutes
                words = filled_in(rule.words, known)
                return Ruling(rule.slug, rule.answer, words, rule.owner, due, tuple(passed), tuple(missed))
            passed.append(f"{rule.slug}: {rule.predicate.source} is not so")
            missed += near_misses_of(rule.slug, rule.predicate, known, self._spec)
        return Ruling(NO_RULE, Answer.ASK, NO_WORDS, passed=tuple(passed), near_misses=tuple(missed))


def filled_in(words: str, facts: Mapping[str, Any]) -> str:
    """The words with what was found instead of its names in braces; anything else in braces stays."""
    for name, value in facts.items():
        if isinstance(value, str | int | float):
            words = words.replace(f"{{{name}}}", str(value))
    return words[:280]


def compile_request_rules(document: Mapping[str, Any]) -> RequestRules:
    """The rules of a book; older books say nothing of requests, and mean what the product did then."""
    spec = _context(document)
    return RequestRules([_compile(row, spec) for row in document.get("request_rules", REQUEST_RULES)], spec)


def mistakes_in_request_rules(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What keeps the rules about requests from being frozen: a JSON pointer into the document and the words."""
    for index, row in enumerate(document.get("request_rules", ())):
        at = f"/request_rules/{index}"
        for problem in check_predicate(row["predicate"], _context(document)):
            yield f"{at}/predicate", f"{row['slug']}: {problem.message}"
        if row["owner"] not in document["owners"]:
            yield f"{at}/owner", f"{row['owner']} is not among the active owners."


def request_rule_in_a_sentence(row: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A rule as a person reads it."""
    owner = document["owners"][row["owner"]]["name"]
    return f"{row['kind']}: if {row['predicate']}, {Answer(row['answer']).label.lower()} ({owner}): {row['words']}"


def _context(document: Mapping[str, Any]) -> ContextSpec:
    spec = document.get("request_context", REQUEST_CONTEXT)
    return ContextSpec(spec["name"], spec["attributes"])


def _compile(row: Mapping[str, Any], spec: ContextSpec) -> RequestRuleSpec:
    return RequestRuleSpec(
        row["slug"],
        row["name"],
        row["kind"],
        compile_predicate(row["predicate"], spec),
        row["answer"],
        row["words"],
        row["owner"],
        row["due_after_minutes"],
    )
