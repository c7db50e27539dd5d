"""What parcels are checked for before their next step, as a rule book says it, and in its compiled form.

A check names the parcels it is for by an expression over the context "parcel", what it compares with how much play, whether a photo is
part of it, what to do when it fails, and who answers for that. One that cannot be decided about a parcel is made: nothing passes unseen.
Of one kind, a client's own checks stand instead of the house's, and those of a brand or product line instead of the client's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from rules.engine import Predicate, check_predicate, compile_predicate
from rules.facts import ContextSpec
from rules.states import CHECK_POINTS, POINT_OF_CHECK, CheckKind, PhotoRule

PARCEL_CONTEXT: Final = "parcel"
MOST_ITEMS, LONGEST_ITEM, SIZES, MOST_TOLERANCE = 20, 120, 3, 100
PHOTO_INSTEAD_OF: Final = frozenset({CheckKind.SCAN})
WHOSE: Final = ("client", "line")
NOT_KEPT: Final = frozenset({"predicate", "owner", *WHOSE})


class Book(Protocol):
    """A frozen rule book."""

    document: Mapping[str, Any]

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class QualityCheckSpec:
    """One check: `settings` is what a parcel keeps of it for ever, `predicate` None for one that is for every parcel."""

    slug: str
    kind: str
    point: str
    owner: str
    settings: Mapping[str, Any]
    predicate: Predicate | None
    closeness: int = 0

    def is_for(self, context: Mapping[str, Any], spec: ContextSpec) -> bool:
        """Whether a parcel like this is checked; also where that cannot be said."""
        return self.predicate is None or self.predicate.holds(context, spec) is not False


@lru_cache(maxsize=16)
def checks_of(book: Book) -> tuple[QualityCheckSpec, ...]:
    """The checks of a book in the order of the work, compiled once: by step, then as the book numbers them. Older books know none."""
    document = book.document
    rows: Mapping[str, Mapping[str, Any]] = document.get("quality_checks", {})
    specs = [
        QualityCheckSpec(
            slug,
            row["kind"],
            POINT_OF_CHECK[CheckKind(row["kind"])],
            row["owner"],
            {"answers": row["owner"], **{name: row[name] for name in row if name not in NOT_KEPT}},
            compile_predicate(row["predicate"], parcel_context(document)) if row["predicate"] else None,
            closeness=sum(name in row for name in WHOSE),
        )
        for slug, row in rows.items()
    ]
    steps: list[str] = list(CHECK_POINTS)
    return tuple(sorted(specs, key=lambda one: (steps.index(one.point), one.settings["position"], one.slug)))


def checks_for(book: Book, context: Mapping[str, Any]) -> list[QualityCheckSpec]:
    """The checks of a parcel like this, in the order of the work: of each kind those that are said most closely."""
    spec = parcel_context(book.document)
    asked = [one for one in checks_of(book) if one.is_for(context, spec)]
    closest: dict[str, int] = {}
    for one in asked:
        closest[one.kind] = max(one.closeness, closest.get(one.kind, 0))
    return [one for one in asked if one.closeness == closest[one.kind]]


def parcel_context(document: Mapping[str, Any]) -> ContextSpec:
    """What the expressions of this document may ask about a parcel."""
    told = document["parcel_context"]
    return ContextSpec(told["name"], told["attributes"])


def mistakes_in_quality_checks(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What keeps the checks of a document from being frozen: a JSON pointer into it and the words."""
    for slug, row in document.get("quality_checks", {}).items():
        for problem in check_predicate(row["predicate"], parcel_context(document)) if row["predicate"] else ():
            yield f"/quality_checks/{slug}/predicate", f"{slug}: {problem.message}"
        for field, detail in mistakes_in_settings(row):
            yield f"/quality_checks/{slug}/{field}", f"{slug}: {detail}"


def mistakes_in_settings(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The field and the sentence of each thing a check says that it cannot mean."""
    yield from _in_texts(row, "items", needed=row["kind"] == CheckKind.CHECKLIST)
    yield from _in_texts(row, "returns_say", needed=False)
    if row["photo"] == PhotoRule.INSTEAD and row["kind"] not in PHOTO_INSTEAD_OF:
        yield "photo", "Only scanning can be replaced by a photo."
    if not 0 <= row["tolerance_percent"] <= MOST_TOLERANCE:
        yield "tolerance_percent", f"Say a number from 0 to {MOST_TOLERANCE}."
    if not _are_cartons(row["cartons"]):
        yield "cartons", "Write a list of boxes, each with three whole numbers in millimetres: [[400, 300, 200]]."
    try:
        re.compile(row["label_pattern"])
    except re.error as wrong:
        yield "label_pattern", f"This is no regular expression: {wrong}."


def _in_texts(row: Mapping[str, Any], field: str, *, needed: bool) -> Iterator[tuple[str, str]]:
    texts = row[field]
    fine = isinstance(texts, list) and all(isinstance(one, str) and 0 < len(one) <= LONGEST_ITEM for one in texts)
    if not fine or len(texts) > MOST_ITEMS or len(set(texts)) < len(texts):
        yield field, f"Write a list of at most {MOST_ITEMS} different texts of up to {LONGEST_ITEM} characters."
    elif needed and not texts:
        yield field, "A checklist names what has to be so."


def _are_cartons(boxes: Any) -> bool:
    return isinstance(boxes, list) and all(
        isinstance(box, list)
        and len(box) == SIZES
        and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in box)
        for box in boxes
    )
