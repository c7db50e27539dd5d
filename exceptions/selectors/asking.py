"""For which orders together a time-limited exception could be asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.db.models import Q

from audit.context import Actor
from audit.texts import whole_number
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.queue import visible_cases

MOST_OFFERED: Final = 200


@dataclass(frozen=True)
class Together:
    """What could be asked about together with an exception, and what was chosen; `left_out` counts what was chosen and cannot be."""

    case: ExceptionCase
    offered: Sequence[ExceptionCase]
    also: Sequence[ExceptionCase]
    left_out: int

    @property
    def choices(self) -> list[tuple[ExceptionCase, bool]]:
        """What is offered, and whether it is chosen."""
        return [(one, one in self.also) for one in self.offered]

    @property
    def query(self) -> str:
        """The choice, as the addresses of the forms say it."""
        return urlencode({"for": self.case.key, "also": [one.key for one in self.also]}, doseq=True)


def chosen_together(case: ExceptionCase, *, keys: Sequence[str], by: Actor) -> Together:
    """The choice of `keys` among what could be asked about together with the case."""
    offered = could_join(case, keys=keys, by=by)
    also = [one for one in offered if one.key in keys]
    return Together(case, offered, also, len(set(keys) - {one.key for one in (case, *also)}))


def could_join(case: ExceptionCase, *, keys: Collection[str], by: Actor) -> Sequence[ExceptionCase]:
    """The open exceptions about other subjects of this kind and client that share its cause, and those of `keys`; one per subject.

    The oldest first, at most 199.
    """
    numbers = {number for key in keys if (number := whole_number(key.upper().removeprefix(KEY_PREFIX))) is not None}
    shared = Q(cause=case.cause, type=case.type) if case.cause else Q(pk__in=[])
    same = visible_cases(by).live().filter(client=case.client, subject_type=case.subject_type)
    found = same.filter(shared | Q(number__in=numbers)).exclude(subject_id=case.subject_id).order_by("number")
    chosen_first = sorted(found[: 2 * MOST_OFFERED], key=lambda one: (one.number not in numbers, one.number))
    offered: dict[str, ExceptionCase] = {}
    for one in chosen_first:
        offered.setdefault(one.subject_id, one)
    return sorted(list(offered.values())[: MOST_OFFERED - 1], key=lambda one: one.number)
