"""Whether everything has somebody: owners nobody is behind with what they still have, and exceptions nobody took in time."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.apps import apps
from django.db.models import CharField, Count, F, ForeignKey, Value

from audit.access import require
from audit.context import Actor
from audit.models import HistoryRow
from audit.words import listed, said
from exceptions import gaps
from exceptions.gaps import OpenItem
from exceptions.models import ExceptionCase
from exceptions.selectors.next_steps import with_first_timer
from exceptions.selectors.queue import CaseRow, rows_of, visible_cases
from exceptions.states import CaseState
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.reach import Unreachable

CASE = "ownership-gap"
OWNER_TYPE = "rules.owner"
MOST_SHOWN = 100


@dataclass(frozen=True)
class Owned:
    """Some records somebody answers for: what they are, as what, how many, and where they are edited."""

    what: str
    role: str
    count: int
    url: str


@dataclass(frozen=True)
class Gap:
    """An owner nobody is behind, with what it still answers for in the rules and how much of it is open."""

    owner: Owner
    found: Unreachable
    owned: Sequence[Owned]
    open_count: int

    @property
    def words(self) -> str:
        """What is left, as part of a sentence."""
        named = [
            said("%(n)s %(what)s as %(role)s", n=one.count, what=said(one.what), role=said(one.role))
            for one in self.owned
        ]
        if self.open_count:
            named.append(said("1 open item") if self.open_count == 1 else said("%(n)s open items", n=self.open_count))
        return listed(named)


@dataclass(frozen=True)
class GapPage:
    """The report: gaps, their open items as far as the reader may see them, and what nobody took in time."""

    gaps: Sequence[Gap]
    items: Sequence[OpenItem]
    untaken: Sequence[CaseRow]
    untaken_count: int
    most_shown: int = field(default=MOST_SHOWN)


def ownership_gaps(now: datetime) -> list[Gap]:
    """The owners nobody is behind who still have something, by name."""
    found = rules.unreachable(now)
    owned = owned_by(found)
    open_items: Counter[UUID] = Counter()
    for source in gaps.sources() if found else ():
        open_items.update(source.count(found.keys()))
    return [
        Gap(one.owner, one, owned.get(pk, []), open_items[pk])
        for pk, one in found.items()
        if owned.get(pk) or open_items[pk]
    ]


def gap_page(*, by: Actor, now: datetime) -> GapPage:
    """The report for somebody. Raises `Refused` without the permission to see the rules."""
    require(by, "rules.view_rules")
    found = ownership_gaps(now)
    owners = [gap.owner.pk for gap in found]
    items = [
        item
        for source in gaps.sources()
        if owners and by.may(source.permission)
        for item in source.items(owners, by=by, most=MOST_SHOWN)
    ]
    late = visible_cases(by).filter(state=CaseState.OPEN, acknowledge_by__lt=now)
    shown = late.select_related("owner", "backup", "client").order_by("acknowledge_by", "pk")[:MOST_SHOWN]
    return GapPage(found, items, rows_of(list(with_first_timer(shown)), by=by, now=now), untaken_count(now, by=by))


def untaken_count(now: datetime, *, by: Actor) -> int:
    """How many open exceptions nobody took in time."""
    return visible_cases(by).filter(state=CaseState.OPEN, acknowledge_by__lt=now).count()


def owned_by(owners: Collection[UUID]) -> dict[UUID, list[Owned]]:
    """What each of these owners answers for in what admins edit; one query, whichever apps there are."""
    if not owners:
        return {}
    fields = _owner_fields()
    counts = [
        one.model._default_manager.filter(is_active=True, **{f"{one.name}__in": list(owners)})
        .annotate(of=F(one.attname), place=Value(place, output_field=CharField()))
        .order_by()
        .values_list("of", "place")
        .annotate(n=Count("pk"))
        for place, one in fields.items()
    ]
    owned: dict[UUID, list[Owned]] = defaultdict(list)
    for owner_id, place, count in counts[0].union(*counts[1:], all=True):
        owned[owner_id].append(_owned(fields[place], owner_id, count))
    return {owner_id: sorted(places, key=lambda one: (one.what, one.role)) for owner_id, places in owned.items()}


def _owner_fields() -> Mapping[str, ForeignKey[Owner, Owner]]:
    """Every column of what admins edit that names an owner, whichever app it is in: a new one cannot be forgotten here."""
    return {
        f"{model._meta.label_lower}.{one.name}": one
        for model in apps.get_models()
        if not issubclass(model, HistoryRow) and any(one.name == "is_active" for one in model._meta.concrete_fields)
        for one in rules.owner_fields(model)
    }


def _owned(one: ForeignKey[Owner, Owner], owner_id: UUID, count: int) -> Owned:
    meta = one.model._meta
    url = f"/admin/{meta.app_label}/{meta.model_name}/?{one.name}__id__exact={owner_id}"
    name = meta.verbose_name if count == 1 else meta.verbose_name_plural
    return Owned(str(name), str(one.verbose_name), count, url)


def count_cases(owners: Collection[UUID]) -> Mapping[UUID, int]:
    """How many open exceptions each of these owners has."""
    live = ExceptionCase.objects.live().filter(owner__in=owners).values("owner").annotate(n=Count("pk"))
    return dict(live.values_list("owner", "n"))


def list_cases(owners: Collection[UUID], *, by: Actor, most: int) -> list[OpenItem]:
    """Their open exceptions that exist for the actor, the most urgent first."""
    cases = visible_cases(by).live().filter(owner__in=owners).order_by("urgent_at", "pk")[:most]
    shown = cases.only("number", "title", "title_words")
    return [OpenItem(case.key, case.headline, f"/exceptions/{case.key}/") for case in shown]
