"""Playbooks as data: what a step, a criterion and an outcome may say, and what is wrong with them before they reach an exception.

A step is {"label", "kind", "how"?, "action"?, "fields"?, "when"?, "needs"?, "required"?}: `when` is a CEL expression over the exception,
`needs` says in words what it waits for, `action` names what the product does by itself. A criterion is {"label", "check"?, "when"?}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rules import facts
from rules.engine import check_predicate

CASE_CONTEXT: Final = "case"
KINDS: Final = ("do", "record", "check", "decide")
STEP_KEYS: Final = frozenset({"label", "kind", "how", "action", "fields", "when", "needs", "required"})
CRITERION_KEYS: Final = frozenset({"label", "check", "when", "unless"})
LONGEST_LABEL, LONGEST_WORDS, MOST_STEPS = 200, 2_000, 50


@dataclass(frozen=True)
class Mistake:
    """What is wrong, and where: a JSON pointer into the list."""

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail


_actions: set[str] = set()


def declare_action(name: str) -> None:
    """Publish that steps may name this action. Raises `ValueError` when it is taken."""
    if name in _actions:
        raise ValueError(f"Action {name} is already registered")
    _actions.add(name)


def actions() -> list[str]:
    """What steps may name."""
    return sorted(_actions)


def mistakes_in_playbook(playbook: Any) -> list[Mistake]:
    """What is wrong with a list of steps; empty when nothing is."""
    return list(_in_rows(playbook, "steps", _step))


def mistakes_in_acceptance(acceptance: Any) -> list[Mistake]:
    """What is wrong with a list of acceptance criteria; empty when nothing is."""
    return list(_in_rows(acceptance, "criteria", _criterion))


def mistakes_in_outcomes(outcomes: Any) -> list[Mistake]:
    """What is wrong with a list of outcomes; empty when nothing is."""
    found = list(_in_rows(outcomes, "outcomes", _outcome))
    if not found and not outcomes:
        found.append(Mistake("", "Name at least one outcome: nothing could ever be resolved."))
    slugs = [] if found else [row["slug"] for row in outcomes]
    return found or [Mistake("", f"“{slug}” is there twice.") for slug in sorted(set(slugs)) if slugs.count(slug) > 1]


def _in_rows(rows: Any, noun: str, check: Callable[[str, dict[str, Any]], Iterator[Mistake]]) -> Iterator[Mistake]:
    if not isinstance(rows, list) or len(rows) > MOST_STEPS:
        yield Mistake("", f"Write a list of at most {MOST_STEPS} {noun}.")
        return
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            yield Mistake(f"/{index}", 'This is a record, like {"label": "…"}.')
            continue
        yield from _words(f"/{index}/label", row.get("label"), LONGEST_LABEL)
        yield from check(f"/{index}", row)


def _step(at: str, row: dict[str, Any]) -> Iterator[Mistake]:
    yield from _unknown_keys(at, row, STEP_KEYS)
    kind, action = row.get("kind"), row.get("action")
    if kind not in KINDS:
        yield Mistake(f"{at}/kind", f"Choose one of {', '.join(KINDS)}.")
    if (kind == "do") != (action is not None):
        yield Mistake(f"{at}/action", "A “do” step names the action the product takes; other kinds name none.")
    elif action is not None and action not in _actions:
        yield Mistake(f"{at}/action", f"The product knows no action “{action}”. There are: {', '.join(actions())}.")
    fields = row.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(name, str) and name.isidentifier() for name in fields):
        yield Mistake(f"{at}/fields", "Name the fields as a list of words without spaces.")
    if not isinstance(row.get("required", False), bool):
        yield Mistake(f"{at}/required", "Say true or false.")
    for name in ("how", "needs"):
        if name in row:
            yield from _words(f"{at}/{name}", row[name], LONGEST_WORDS)
    yield from _condition(at, row)


def _criterion(at: str, row: dict[str, Any]) -> Iterator[Mistake]:
    yield from _unknown_keys(at, row, CRITERION_KEYS)
    if "check" in row:
        yield from _words(f"{at}/check", row["check"], LONGEST_LABEL)
    if ("check" in row) == ("when" in row):
        yield Mistake(at, "Say “check” (a check the product knows, or “person”) or “when” (an expression), not both.")
    if "unless" in row and "check" not in row:
        yield Mistake(f"{at}/unless", "Only what “check” asks for can be let off by “unless”.")
    yield from _condition(at, row)
    yield from _condition(at, row, "unless")


def _outcome(at: str, row: dict[str, Any]) -> Iterator[Mistake]:
    yield from _unknown_keys(at, row, frozenset({"label", "slug"}))
    yield from _words(f"{at}/slug", row.get("slug"), 50)


def _condition(at: str, row: dict[str, Any], name: str = "when") -> Iterator[Mistake]:
    source = row.get(name)
    if source is None:
        return
    if not isinstance(source, str):
        yield Mistake(f"{at}/{name}", "Write an expression, as text.")
        return
    for problem in check_predicate(source, facts.context(CASE_CONTEXT)):
        yield Mistake(f"{at}/{name}", f"{problem.message} (line {problem.line}, column {problem.column})")


def _unknown_keys(at: str, row: dict[str, Any], known: frozenset[str]) -> Iterator[Mistake]:
    for name in sorted(set(row) - known):
        yield Mistake(f"{at}/{name}", f"“{name}” is not known here. There are: {', '.join(sorted(known))}.")


def _words(at: str, value: Any, longest: int) -> Iterator[Mistake]:
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        yield Mistake(at, f"Say it in words, at most {longest} characters.")
