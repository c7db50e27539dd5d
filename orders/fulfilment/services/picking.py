"""Who picks a parcel: of those who pack for its client whoever has the fewest, so that nobody has to share the work out.

Those in the team that answers for the parcel come before the others, and those at work before those whose shift has not begun. Where nobody
packs with Handrail, the warehouse's own people do. A system that says who it was knows better, whenever it says so.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import UUID

from django.db.models import Count

from audit.words import said
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.states import FULFILMENT_TO_PACK
from rules.models import Owner
from rules.rulebook import CompiledBook
from rules.selectors.packers import Packer, packers
from rules.states import OwnerKind

OWN_PEOPLE: Final = said("The warehouse's own people")


@dataclass
class Pickers:
    """Those who pack and what each has to pack, read once per act and counted on while parcels are given out."""

    now: datetime
    book: CompiledBook

    def assign(self, parcel: Fulfilment) -> str:
        """The name of whoever picks it."""
        able = [one for one in self._there if parcel.client_id in one.clients]
        able = [one for one in able if self._teams.get(parcel.owner_id) in one.teams] or able
        able = [one for one in able if one.is_on_shift] or able
        if not able:
            return OWN_PEOPLE
        chosen = min(able, key=lambda one: (self._load[one.name], one.slug))
        self._load[chosen.name] += 1
        return chosen.name

    @cached_property
    def _there(self) -> list[Packer]:
        return packers(self.book, at=self.now)

    @cached_property
    def _teams(self) -> dict[UUID, UUID | None]:
        return dict(Owner.objects.filter(kind=OwnerKind.TEAM).values_list("pk", "team"))

    @cached_property
    def _load(self) -> Counter[str]:
        theirs = Fulfilment.objects.filter(picker__in={one.name for one in self._there}, state__in=FULFILMENT_TO_PACK)
        return Counter(dict(theirs.order_by().values_list("picker").annotate(n=Count("pk"))))
