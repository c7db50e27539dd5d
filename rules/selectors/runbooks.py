"""Runbooks: what each says now and said before, who has read it, and what nobody has written down yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Prefetch, Q, QuerySet, Value

from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from rules import runbooks
from rules.models import (
    Contract,
    ExceptionType,
    Flow,
    Owner,
    Runbook,
    RunbookReading,
    RunbookVersion,
)
from rules.runbooks import DiffLine
from rules.selectors.people import people_behind
from rules.states import Covered, RunbookState

SEE: Final = "rules.view_runbook"
WRITE: Final = "rules.write_runbook"
NO_SUCH: Final = "There is no such runbook."


@dataclass(frozen=True)
class Thing:
    """Something a runbook can be about: `about` is how runbooks name it; a contract's owner may have written its own (`has_own`)."""

    about: str
    kind: Covered
    title: str
    has_own: bool = False

    @property
    def kind_words(self) -> str:
        """What kind of thing it is."""
        return str(self.kind.label)


@dataclass(frozen=True)
class RunbookRow:
    """One runbook in the list; `number` is the version in force (0: none yet), `waiting` how many proposals wait for the owner."""

    runbook: Runbook
    number: int
    since: datetime | None
    waiting: int
    things: Sequence[Thing]
    is_read: bool


@dataclass(frozen=True)
class RunbookList:
    """Every runbook, and what none is about."""

    rows: Sequence[RunbookRow]
    without: Sequence[Thing]


@dataclass(frozen=True)
class Reader:
    """Somebody who has read a version, or (`at` is None) should."""

    name: str
    at: datetime | None


@dataclass(frozen=True)
class RunbookPage:
    """One version of a runbook, the others beside it; `why_not` says why the reader does not decide about it."""

    runbook: Runbook
    version: RunbookVersion
    in_force: RunbookVersion | None
    versions: Sequence[RunbookVersion]
    things: Sequence[Thing]
    readers: Sequence[Reader]
    is_read: bool
    may_write: bool
    why_not: str

    @property
    def missing(self) -> list[Reader]:
        """Who should read it and has not said so."""
        return [reader for reader in self.readers if reader.at is None]


@dataclass(frozen=True)
class Comparison:
    """Two versions of a runbook side by side."""

    runbook: Runbook
    before: RunbookVersion | None
    after: RunbookVersion
    lines: Sequence[DiffLine]
    covered: Sequence[Thing]
    uncovered: Sequence[Thing]


def runbooks_for(by: Actor) -> QuerySet[Runbook]:
    """All of them; they are of the house. Raises `Refused` without the permission."""
    require(by, SEE)
    versions = RunbookVersion.objects.filter(state__in=[RunbookState.CURRENT, RunbookState.PROPOSED]).order_by("number")
    return Runbook.objects.select_related("owner").prefetch_related(Prefetch("versions", versions)).order_by("title")


def whole_runbooks_for(by: Actor) -> QuerySet[Runbook]:
    """As `runbooks_for`, with every version there ever was."""
    require(by, SEE)
    versions = Prefetch("versions", RunbookVersion.objects.order_by("number"))
    return Runbook.objects.select_related("owner").prefetch_related(versions).order_by("title")


def runbook_list(*, by: Actor) -> RunbookList:
    """Every runbook by its title, and what none in force is about."""
    known = things()
    mine = set(RunbookReading.objects.filter(user=by.user_id or 0).values_list("version_id", flat=True))
    rows = [_row(runbook, known, mine) for runbook in runbooks_for(by)]
    return RunbookList(rows, _without(known, {thing.about for row in rows for thing in row.things}))


def _row(runbook: Runbook, known: Mapping[str, Thing], mine: set[UUID]) -> RunbookRow:
    versions = list(runbook.versions.all())
    current = next((one for one in versions if one.state == RunbookState.CURRENT), None)
    return RunbookRow(
        runbook=runbook,
        number=current.number if current else 0,
        since=current.decided_at if current else None,
        waiting=sum(one.state == RunbookState.PROPOSED for one in versions),
        things=_things_of(current.covers if current else (), known),
        is_read=current is not None and current.pk in mine,
    )


def things() -> dict[str, Thing]:
    """Everything a runbook can be about, by how runbooks name it; one query."""
    none = Value(value=False)
    active = [
        (Covered.TYPE, ExceptionType.objects.filter(is_active=True), "slug", none),
        (Covered.CONTRACT, Contract.objects.filter(is_active=True), "name", Q(runbook__gt="")),
        (Covered.FLOW, Flow.objects.filter(is_active=True), "slug", none),
    ]
    rows = [
        records.annotate(thing=Value(kind.value), own=ExpressionWrapper(own, BooleanField())).values_list(
            "thing", key, "name", "own"
        )
        for kind, records, key, own in active
    ]
    found = sorted(rows[0].union(*rows[1:], all=True), key=lambda row: (list(Covered).index(row[0]), row[2]))
    found += [(Covered.ALERT, slug, title, False) for slug, title in runbooks.alerts().items()]
    return {
        runbooks.about(kind, key): Thing(runbooks.about(kind, key), Covered(kind), title, own)
        for kind, key, title, own in found
    }


def things_without_runbook() -> list[Thing]:
    """The kinds of exception, contracts, flows and alerts that no runbook in force is about."""
    current = RunbookVersion.objects.filter(state=RunbookState.CURRENT).values_list("covers", flat=True)
    return _without(things(), {one for covers in current for one in covers})


def _without(known: Mapping[str, Thing], covered: Collection[str]) -> list[Thing]:
    return [thing for about, thing in known.items() if about not in covered and not thing.has_own]


def _things_of(covers: Iterable[str], known: Mapping[str, Thing]) -> list[Thing]:
    return [known[one] for one in covers if one in known]


def runbooks_about(names: Iterable[str]) -> dict[str, list[Runbook]]:
    """The runbooks in force about each of these, by its name, in one query; nothing for what none is about."""
    wanted = set(names)
    condition = Q(pk__in=[])
    for one in wanted:
        condition |= Q(covers__contains=[one])
    found: dict[str, list[Runbook]] = defaultdict(list)
    current = RunbookVersion.objects.filter(condition, state=RunbookState.CURRENT).select_related("runbook")
    for version in current.order_by("runbook__title"):
        for one in wanted.intersection(version.covers):
            found[one].append(version.runbook)
    return dict(found)


def revisions_from(case_key: str) -> list[RunbookVersion]:
    """The versions an exception taught, the newest first."""
    taught = RunbookVersion.objects.filter(case_key=case_key).select_related("runbook")
    return list(taught.order_by("-proposed_at", "-pk"))


def runbook_called(slug: str) -> Runbook:
    """The runbook. Raises `NotFound`."""
    found = Runbook.objects.select_related("owner__user").filter(slug=slug).first()
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def version_called(by: Actor, slug: str, number: int) -> RunbookVersion:
    """One version of a runbook. Raises `NotFound`, and `Refused` without the permission."""
    require(by, SEE)
    versions = RunbookVersion.objects.select_related("runbook__owner")
    found = versions.filter(runbook__slug=slug, number=number).first()
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def runbook_page(*, by: Actor, slug: str, number: int | None = None) -> RunbookPage:
    """The version in force, or the newest where none is, or the one asked for. Raises `NotFound`, `Refused`."""
    require(by, SEE)
    runbook = runbook_called(slug)
    versions = list(RunbookVersion.objects.filter(runbook=runbook).order_by("-number"))
    current = next((one for one in versions if one.state == RunbookState.CURRENT), None)
    asked = next((one for one in versions if one.number == number), None) if number is not None else current
    if asked is None and number is not None:
        raise NotFound(NO_SUCH)
    shown = asked or versions[0]
    readers = _readers(shown, runbook.owner)
    return RunbookPage(
        runbook=runbook,
        version=shown,
        in_force=current,
        versions=versions,
        things=_things_of(shown.covers, things()),
        readers=readers,
        is_read=RunbookReading.objects.filter(version=shown, user=by.user_id or 0).exists(),
        may_write=by.may(WRITE),
        why_not=why_not_decide(shown, runbook.owner, by),
    )


def why_not_decide(version: RunbookVersion, owner: Owner, by: Actor) -> str:
    """Why the actor does not decide about this proposal; empty when they may."""
    if version.state != RunbookState.PROPOSED:
        return f"This version is “{RunbookState(version.state).label.lower()}”: there is nothing to decide."
    if version.proposed_by == by.id:
        return f"You wrote it yourself: {owner.name} decides."
    if not (by.may("rules.edit_rules") or (by.may(WRITE) and owner.pk in by.owners)):
        return f"{owner.name} decides about it."
    return ""


def _readers(version: RunbookVersion, owner: Owner) -> list[Reader]:
    """Who has read it, the first first; then the owner's people who have not."""
    read = {
        one.user_id: Reader(one.user.display_name, one.at)
        for one in RunbookReading.objects.filter(version=version).select_related("user").order_by("at", "pk")
    }
    if version.state != RunbookState.CURRENT:
        return list(read.values())
    return [*read.values(), *(Reader(one.display_name, None) for one in people_behind(owner) if one.pk not in read)]


def comparison(*, by: Actor, slug: str, number: int, base: int | None = None) -> Comparison:
    """A version beside another (the one it was written from, where none is named). Raises `NotFound`, `Refused`."""
    after = version_called(by, slug, number)
    wanted = after.base_number if base is None else base
    before = version_called(by, slug, wanted) if wanted else None
    known = things()
    old, new = set(before.covers if before else ()), set(after.covers)
    return Comparison(
        runbook=after.runbook,
        before=before,
        after=after,
        lines=runbooks.compare(before.body if before else "", after.body),
        covered=_things_of(sorted(new - old), known),
        uncovered=_things_of(sorted(old - new), known),
    )
