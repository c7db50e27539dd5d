"""Kinds of content as a rule book says them: who decides, until when each step is done, what is signed, what has to follow.

A checklist is ["…"]. An outcome is {"name", "event_type", "sla"}: what has to be seen after a revision is published, the event that proves
it, and the service level that says until when. Nobody named as decider means the content owner of the asset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from rules.states import FlowKind

MOST_ITEMS, LONGEST_ITEM, MOST_OUTCOMES = 20, 120, 20
# Each field that names another record, and where that stands in the book.
ASSET_KIND_NAMES: Final = (
    ("decider", "owners"),
    ("flow", "flows"),
    *((f"{step}_sla", "slas") for step in ("draft", "review", "publish", "revise")),
)
NO_WAY_FOR_ORDERS: Final = frozenset({FlowKind.CONTENT.value, FlowKind.REPLENISHMENT.value})
OUTCOME_KEYS: Final = frozenset({"name", "event_type", "sla"})

_heard: set[str] = set()


def declare_outcome(event_type: str) -> None:
    """Publish that this event is heard as something that follows a publication. Raises `ValueError` when it is declared."""
    if event_type in _heard:
        raise ValueError(f"Outcome {event_type} is already declared")
    _heard.add(event_type)


class Book(Protocol):
    """A frozen rule book."""

    document: Mapping[str, Any]


@dataclass(frozen=True)
class OutcomeSpec:
    """One thing that has to be seen after a revision is published."""

    name: str
    event_type: str
    sla: str


@dataclass(frozen=True)
class AssetKindSpec:
    """A kind of content; everything but the names is a slug."""

    slug: str
    name: str
    decider: str
    flow: str
    draft_sla: str
    review_sla: str
    publish_sla: str
    revise_sla: str
    checklist: tuple[str, ...]
    outcomes: tuple[OutcomeSpec, ...]
    client_agrees: bool = False


@lru_cache(maxsize=16)
def asset_kinds_of(book: Book) -> Mapping[str, AssetKindSpec]:
    """The kinds of a book by slug, compiled once. Older books know none."""
    rows: Mapping[str, Mapping[str, Any]] = book.document.get("asset_kinds", {})
    return {slug: _compile(slug, row) for slug, row in rows.items()}


def _compile(slug: str, row: Mapping[str, Any]) -> AssetKindSpec:
    lists = {"checklist": tuple(row["checklist"]), "outcomes": tuple(OutcomeSpec(**one) for one in row["outcomes"])}
    return AssetKindSpec(**{"slug": slug, **row, "decider": row["decider"] or "", **lists})


def mistakes_in_asset_kinds(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What keeps the kinds of a document from being frozen: a JSON pointer into it and the words. No order goes along their flows."""
    flows: Mapping[str, Mapping[str, Any]] = document["flows"]
    for index, rule in enumerate(document["rules"]):
        if flows.get(rule["flow"], {}).get("kind") in NO_WAY_FOR_ORDERS:
            yield f"/rules/{index}/flow", f"{rule['slug']}: {rule['flow']} is no way for an order."
    for slug, row in document.get("asset_kinds", {}).items():
        if flows.get(row["flow"], {"kind": FlowKind.CONTENT})["kind"] != FlowKind.CONTENT:
            yield f"/asset_kinds/{slug}/flow", f"{slug}: {row['flow']} is no flow of content."
        for field, detail in mistakes_in_lists(row):
            yield f"/asset_kinds/{slug}/{field}", f"{slug}: {detail}"
        for index, one in enumerate(row["outcomes"] if not list(_in_outcomes(row["outcomes"])) else ()):
            if one["sla"] not in document["slas"]:
                yield f"/asset_kinds/{slug}/outcomes/{index}/sla", f"{one['sla']} is not among the active slas."


def mistakes_in_lists(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The field and the sentence of each thing a kind lists that it cannot mean."""
    items = row["checklist"]
    fine = isinstance(items, list) and all(isinstance(one, str) and 0 < len(one) <= LONGEST_ITEM for one in items)
    if not fine or not items or len(items) > MOST_ITEMS or len(set(items)) < len(items):
        yield "checklist", f"Write a list of 1 to {MOST_ITEMS} different texts of up to {LONGEST_ITEM} characters."
    for detail in _in_outcomes(row["outcomes"]):
        yield "outcomes", detail


def _in_outcomes(rows: Any) -> Iterator[str]:
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_OUTCOMES:
        yield f"Write a list of 1 to {MOST_OUTCOMES} outcomes: nothing that is published ends there."
        return
    for number, one in enumerate(rows, start=1):
        if not isinstance(one, dict) or one.keys() != OUTCOME_KEYS or not all(isinstance(v, str) for v in one.values()):
            yield f'Outcome {number} is a record like {{"name": "…", "event_type": "crm.tagged", "sla": "crm-tag"}}.'
        elif not one["name"].strip():
            yield f"Outcome {number} needs a name."
        elif one["event_type"] not in _heard:
            yield f"Nobody is heard to say {one['event_type']}. There are: {', '.join(sorted(_heard))}."
    types = [one.get("event_type") for one in rows if isinstance(one, dict)]
    if len(set(types)) < len(types):
        yield "Two outcomes are proven by the same event: nobody could tell which of them was seen."
