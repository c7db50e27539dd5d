"""Rule books as people read them: who froze each, when and why, what it changed, and what it decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import NotFound
from audit.selectors.pages import names_of
from audit.words import said
from rules.models import Decision, RuleBookVersion
from rules.selectors.books import document_for
from rules.selectors.registry import books_for

PER_PAGE: Final = 50
LOOKED_AT: Final = 500
EXAMPLES: Final = 10
LONGEST: Final = 160
TAKEN_IN_LATE: Final = timedelta(days=2)
# What a book consists of, and what one record of each part is called.
PARTS: Final[Mapping[str, str]] = {
    "rules": noop("Ownership rule"),
    "hold_rules": noop("Hold rule"),
    "request_rules": noop("Rule about requests"),
    "quality_checks": noop("Quality check"),
    "asset_kinds": noop("Kind of content"),
    "exception_types": noop("Kind of exception"),
    "gates": noop("Gate"),
    "flows": noop("Flow"),
    "owners": noop("Owner"),
    "statuses": noop("Owner of a status"),
    "slas": noop("Service level"),
    "sla_targets": noop("Service level of a client"),
    "calendars": noop("Calendar"),
    "client_calendars": noop("Calendar of a client"),
}


@dataclass(frozen=True)
class Change:
    """One record that a book says differently: what it says in words before and after, where words say more than its name.

    `fields` are (name, before, after) of what changed of one that is in both.
    """

    part: str
    slug: str
    name: str
    before: str
    after: str
    fields: Sequence[tuple[str, str, str]]
    is_new: bool


@dataclass(frozen=True)
class BookRow:
    """A book as its line in the list."""

    book: RuleBookVersion
    who: str


@dataclass(frozen=True)
class BookPage:
    """One book beside another; `decided` says how many of the last `looked_at` decisions it made led to each flow."""

    book: RuleBookVersion
    who: str
    other: int | None
    changes: Sequence[Change]
    decided: Sequence[tuple[str, int]]
    looked_at: int
    examples: Sequence[Decision]


def book_rows(by: Actor, *, before: int | None = None) -> tuple[list[BookRow], int | None]:
    """The newest first, below `before`, and where the list goes on. Raises `Refused`."""
    books = books_for(by)
    found = list((books if before is None else books.filter(number__lt=before))[: PER_PAGE + 1])
    names = names_of({one.frozen_by for one in found})
    rows = [BookRow(one, names.get(one.frozen_by, one.frozen_by)) for one in found[:PER_PAGE]]
    return rows, rows[-1].book.number if len(found) > PER_PAGE else None


def book_page(by: Actor, number: int, *, against: int | None = None) -> BookPage:
    """One book, beside the one before it or the one named. Raises `Refused`, `NotFound`."""
    book = _book(by, number)
    before = books_for(by).filter(number__lt=number).values_list("number", flat=True).first()
    other = before if against is None else _book(by, against).number
    old = {} if other is None else document_for(by, _book(by, other).document)
    decisions = _decisions(by, book)
    flows = Counter(str(one.outcome.get("flow") or "") for one in decisions)
    names = {slug: row["name"] for slug, row in book.document["flows"].items()}
    return BookPage(
        book=book,
        who=names_of({book.frozen_by}).get(book.frozen_by, book.frozen_by),
        other=other,
        changes=list(changes_between(old, document_for(by, book.document))) if old else [],
        decided=[(names.get(slug, slug), count) for slug, count in flows.most_common()],
        looked_at=len(decisions),
        examples=decisions[:EXAMPLES],
    )


def _book(by: Actor, number: int) -> RuleBookVersion:
    found = books_for(by).defer(None).filter(number=number).first()
    if found is None:
        raise NotFound(said("There is no rule book v%(number)s.", number=number))
    return found


def _decisions(by: Actor, book: RuleBookVersion) -> list[Decision]:
    """The last decisions it made, newest first: of the time in which it was in force, so that no other time is looked through.

    What was decided of moments shortly before it was frozen is among them: orders are taken in late, and a demo is made up of yesterday's.
    """
    until = (
        RuleBookVersion.objects.filter(number__gt=book.number).order_by("number").values_list("frozen_at", flat=True)
    )
    made = Decision.objects.filter(book=book, at__gte=book.frozen_at - TAKEN_IN_LATE).order_by("-at", "-id")
    if (end := until.first()) is not None:
        made = made.filter(at__lte=end)
    return list((made if by.clients is None else made.filter(client_id__in=by.clients))[:LOOKED_AT])


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What a document says differently from another, part by part and record by record."""
    for part, called in PARTS.items():
        was, now = _by_slug(old.get(part, {})), _by_slug(new.get(part, {}))
        for slug in sorted(was.keys() | now.keys()):
            before, after = was.get(slug), now.get(slug)
            if before != after:
                yield Change(
                    part=called,
                    slug=slug,
                    name=_name(after if after is not None else before, slug),
                    before=_in_words(part, before, old),
                    after=_in_words(part, after, new),
                    fields=list(_fields(before, after)),
                    is_new=before is None,
                )


def _by_slug(rows: Any) -> dict[str, Any]:
    """Its records by what names them: a rule of a client beside the house's rule of the same slug."""
    if isinstance(rows, Mapping):
        return {str(slug): row for slug, row in rows.items()}
    return {" ".join(filter(None, [row["slug"], row.get("client")])): row for row in rows}


def _name(row: Any, slug: str) -> str:
    return str(row.get("name") or slug) if isinstance(row, Mapping) else slug


def _fields(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    if before is None or after is None:
        return
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        yield "", _short(before), _short(after)
        return
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, _short(before.get(name)), _short(after.get(name))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _in_words(part: str, row: Any, document: Mapping[str, Any]) -> str:
    """What a rule does, as a sentence, and what is one word as it is; of all else its name and fields are enough."""
    if row is None or part != "rules":
        return row if isinstance(row, str) else ""
    owners = {slug: owner["name"] for slug, owner in document["owners"].items()}
    told = {
        "owner": owners[row["owner"]],
        "flow": document["flows"][row["flow"]]["name"],
        "sla": document["slas"][row["sla"]]["name"],
        "fallback": owners[row["fallback"]],
        "n": row["fallback_after_minutes"],
    }
    if row["is_default"]:
        return said(
            "Whatever no other rule decides: %(owner)s owns it, along %(flow)s, within %(sla)s; %(fallback)s takes over after %(n)s min.",
            **told,
        )
    return said(
        "If %(predicate)s: %(owner)s owns it, along %(flow)s, within %(sla)s; %(fallback)s takes over after %(n)s min.",
        predicate=row["predicate"],
        **told,
    )
