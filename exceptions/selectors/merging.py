"""Two people on one exception: what the one changed while the other was typing, field by field beside what the other typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.context import Actor
from audit.selectors.pages import names_of
from exceptions.models import ExceptionCase
from exceptions.selectors.cases import TrailEntry, trail_of
from exceptions.states import CaseState, RootCause
from rules.models import Owner
from rules.states import Severity

MOST_VERSIONS: Final = 100
LABELS: Final[Mapping[str, str | Promise]] = {
    "state": _("State"),
    "owner_id": _("Owner"),
    "severity": _("Severity"),
    "due_at": _("Deadline"),
    "waiting_until": _("Waits until"),
    "waiting_for": _("Waits for"),
    "outcome": _("Outcome"),
    "root_cause": _("What lay behind it"),
    "at_risk_minor": _("Money at risk"),
    "title": _("What is wrong"),
}
CHOICES: Final[Mapping[str, Any]] = {"state": CaseState, "severity": Severity, "root_cause": RootCause}


@dataclass(frozen=True)
class Typed:
    """What somebody filled in: the question, the answer in words, and which attribute of the exception it is about ("" for none)."""

    label: str
    words: str
    about: str = ""


@dataclass(frozen=True)
class MergeRow:
    """A field: as it was looked at, as it is now and who made it so, and what was typed."""

    label: str | Promise
    was: str | datetime | None = None
    now: str | datetime | None = None
    who: str = ""
    at: datetime | None = None
    typed: str = ""


@dataclass(frozen=True)
class Merge:
    """What happened since somebody looked, and what they typed; `why_not` says why it cannot be done on top, "" when it can."""

    rows: Sequence[MergeRow]
    since: Sequence[TrailEntry]
    note: str
    why_not: str = ""


def merge_of(case: ExceptionCase, *, seen: int | None, typed: Sequence[Typed], why_not: str) -> Merge | None:
    """What changed since version `seen` beside what was typed; None when nothing did and the act can be done."""
    versions = _versions(case, seen) if seen else []
    is_changed = bool(versions) and versions[-1].version != seen
    if not is_changed and not why_not:
        return None
    changes = _changes(versions) if is_changed else {}
    answers = {one.about: one.words for one in typed if one.about in changes}
    rows = [MergeRow(LABELS[name], *change, typed=answers.get(name, "")) for name, change in changes.items()]
    rows += [MergeRow(one.label, typed=one.words) for one in typed if one.about not in changes]
    since = [entry for entry in trail_of(case) if entry.at > versions[0].history_date] if versions else []
    return Merge(rows, since, "\n".join(f"{one.label}: {one.words}" for one in typed), why_not)


@dataclass(frozen=True)
class Doer:
    """Who did something, and when."""

    who: str
    at: datetime


def done_before(action: str, case: ExceptionCase, *, by: Actor) -> Doer | None:
    """Who else has taken the exception, or resolved it, by which the act of `by` changed nothing; None where `by` did it."""
    if action == "acknowledge":
        actor, at = case.acknowledged_by, case.acknowledged_at
    elif action == "resolve":
        ended = ExceptionCase.history.filter(id=case.pk, state=CaseState.RESOLVED, resolved_at=case.resolved_at)
        actor, at = ended.order_by("version").values_list("history_actor", flat=True)[0], case.resolved_at
    else:
        return None
    return None if at is None or actor == by.id else Doer(names_of([actor])[actor], at)


def _versions(case: ExceptionCase, seen: int) -> Sequence[Any]:
    return list(ExceptionCase.history.filter(id=case.pk, version__gte=seen).order_by("version")[:MOST_VERSIONS])


def _changes(versions: Sequence[Any]) -> dict[str, tuple[Any, Any, str, datetime]]:
    """Of each attribute that is another now: as it was, as it is, who changed it last and when."""
    names = names_of(row.history_actor for row in versions)
    first, last, found = versions[0], versions[-1], {}
    changed = [name for name in LABELS if getattr(first, name) != getattr(last, name)]
    owners = [getattr(row, name) for row in (first, last) for name in changed if name.endswith("_id")]
    known = Owner.objects.in_bulk([one for one in owners if one]) if owners else {}
    for name in changed:
        at = max(
            place
            for place in range(1, len(versions))
            if getattr(versions[place], name) != getattr(versions[place - 1], name)
        )
        was, now = (_words(name, getattr(row, name), known) for row in (first, last))
        found[name] = (was, now, names[versions[at].history_actor], versions[at].history_date)
    return found


def _words(name: str, value: Any, owners: Mapping[Any, Owner]) -> Any:
    if name in CHOICES:
        return str(CHOICES[name](value).label) if value else ""
    return owners[value].name if name.endswith("_id") and value in owners else value
