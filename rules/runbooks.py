"""What runbooks can be about, what is wrong with a proposed text, and who is told when one changes: registries and pure checks.

What a runbook covers is written as "type:address", "contract:order.placed", "flow:warehouse" or "alert:timers".
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.errors import FieldError
from audit.words import said
from rules.models import Owner
from rules.states import Covered

LONGEST_TITLE, LONGEST_NOTE, LONGEST_BODY, MOST_COVERED = 120, 280, 20_000, 60
SHORTEST: Final = 3
CONTEXT_LINES: Final = 3

_alerts: dict[str, str] = {}


def declare_alert(slug: str, title: str) -> None:
    """Publish an alert of the product that somebody has to act on. Raises `ValueError` when it is taken."""
    if slug in _alerts:
        raise ValueError(f"Alert {slug} is already registered")
    _alerts[slug] = title


def alerts() -> Mapping[str, str]:
    """Every declared alert: slug → what it says."""
    return dict(sorted(_alerts.items()))


def about(kind: str, key: str) -> str:
    """A thing as runbooks name it."""
    return f"{Covered(kind).value}:{key}"


@dataclass(frozen=True)
class News:
    """Something that happened to a runbook, for one owner to know."""

    owner: Owner
    event: str
    text: str
    slug: str


Teller = Callable[[Sequence[News], datetime], None]
_tellers: list[Teller] = []


def register_teller(teller: Teller) -> None:
    """Declare who tells. Raises `ValueError` for a second one."""
    if _tellers:
        raise ValueError("Somebody tells of runbooks already")
    _tellers.append(teller)


def tell(news: Sequence[News], *, now: datetime) -> None:
    """Tell of these, in the transaction that makes them."""
    for teller in _tellers if news else ():
        teller(news, now)


def mistakes(*, title: str, body: str, note: str, covers: Sequence[str]) -> Iterator[FieldError]:
    """What is wrong with a proposal, whatever else it is about."""
    lengths = {"title": (title, LONGEST_TITLE), "body": (body, LONGEST_BODY), "note": (note, LONGEST_NOTE)}
    for name, (text, most) in lengths.items():
        if len(text.strip()) < SHORTEST:
            yield FieldError(f"/{name}", "too-short", said("Write at least %(value)s characters.", value=SHORTEST))
        elif len(text.strip()) > most:
            yield FieldError(f"/{name}", "too-long", said("Write at most %(most)s characters.", most=most))
    if len(covers) > MOST_COVERED:
        yield FieldError("/covers", "too-many", said("Choose at most %(value)s.", value=MOST_COVERED))


@dataclass(frozen=True)
class DiffLine:
    """One line of a comparison: `kind` is "same", "added", "removed" or "skipped" (`text` is then how many lines are alike)."""

    kind: str
    text: str


def compare(before: str, after: str) -> list[DiffLine]:
    """What changed line by line, with three lines around each change."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    seen = 0
    for group in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        lines += _skipped(group[0][1] - seen)
        for tag, i1, i2, j1, j2 in group:
            same = tag == "equal"
            lines += [DiffLine("same" if same else "removed", line) for line in old[i1:i2]]
            lines += [] if same else [DiffLine("added", line) for line in new[j1:j2]]
        seen = group[-1][2]
    return [*lines, *_skipped(len(old) - seen)] if lines else []


def _skipped(count: int) -> list[DiffLine]:
    return [DiffLine("skipped", str(count))] if count else []
