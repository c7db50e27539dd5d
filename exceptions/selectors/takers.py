"""Who could take over an exception: what each has, whether they are there, and who stands in for whom is not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from audit.words import said
from exceptions.models import ExceptionCase
from rules import selectors as rules
from rules.models import Owner, RuleBookVersion
from rules.states import OwnerKind


@dataclass(frozen=True)
class Taker:
    """One of them; `stands_in` is who has the work of somebody away, `why_not` what keeps them from working this one, if anything."""

    owner: Owner
    open_count: int
    is_on_shift: bool
    stands_in: Owner | None
    why_not: str

    @property
    def rank(self) -> tuple[bool, bool, bool, int, str]:
        """Who can take it now on top, of those whoever has the least."""
        return (bool(self.why_not), self.stands_in is not None, not self.is_on_shift, self.open_count, self.owner.name)


def takers(case: ExceptionCase, *, now: datetime) -> list[Taker]:
    """Everybody it could be given to, those first who can take it now and have the least; a query per calendar and six more."""
    there, seen, able = rules.roster(now), rules.clients_seen(), rules.who_can_work()
    book_id = RuleBookVersion.objects.filter(is_active=True).values_list("pk", flat=True).first()
    owners = [one for one in there.owners.values() if one.is_active and one.pk != case.owner_id]
    loads = _open_counts([one.pk for one in owners])
    on_shift = {
        slug: rules.is_on_shift(slug, book_id=book_id, at=now) for slug in {one.calendar.slug for one in owners}
    }
    found = [
        Taker(
            owner=one,
            open_count=loads.get(one.pk, 0),
            is_on_shift=on_shift[one.calendar.slug],
            stands_in=there.on_duty(one.slug) if one.pk in there.away else None,
            why_not=_why_not(one, case, able=able, clients=seen.get(one.user_id or 0, frozenset())),
        )
        for one in owners
    ]
    return sorted(found, key=lambda taker: taker.rank)


def _why_not(one: Owner, case: ExceptionCase, *, able: Collection[int], clients: Collection[UUID] | None) -> str:
    if one.kind == OwnerKind.SYSTEM:
        return said("a system")
    if one.kind == OwnerKind.TEAM:
        return ""
    if one.user_id not in able:
        return said("may not work exceptions")
    return "" if clients is None or case.client_id in clients else said("does not see this client")


def _open_counts(owners: Collection[UUID]) -> dict[UUID, int]:
    counted = ExceptionCase.objects.live().filter(owner__in=owners).values("owner").annotate(n=Count("pk"))
    return dict(counted.values_list("owner", "n"))
