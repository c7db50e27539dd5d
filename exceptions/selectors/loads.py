"""How much work people have."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from django.db.models import Case, IntegerField, Sum, Value, When

from exceptions.models import ExceptionCase
from rules.states import Severity

# What an open exception weighs on who has it.
SEVERITY_WEIGHTS: Final[Mapping[str, int]] = {Severity.P1: 4, Severity.P2: 2, Severity.P3: 1}


def loads_of(owners: Collection[UUID]) -> dict[UUID, int]:
    """The weight of what each of these has open; nothing weighs 0."""
    weight = Case(
        *(When(severity=severity, then=Value(weight)) for severity, weight in SEVERITY_WEIGHTS.items()),
        output_field=IntegerField(),
    )
    open_work = ExceptionCase.objects.live().filter(owner__in=owners).values("owner").annotate(load=Sum(weight))
    return defaultdict(int, open_work.values_list("owner", "load"))
