"""For which orders together a time-limited exception could be asked."""

from collections.abc import Collection, Sequence
from typing import Final

from django.db.models import Q

from audit.context import Actor
from audit.texts import whole_number
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.queue import visible_cases

MOST_OFFERED: Final = 200


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
