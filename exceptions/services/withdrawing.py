"""Withdrawing many exceptions whose cause has gone away."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.texts import reason_given
from exceptions.models import ExceptionCase
from exceptions.selectors.playbook import playbooks_of
from exceptions.services.cases import refuse_while_it_is_so, stop_timers, tell_of_end
from exceptions.services.working import load_parties, lock_subjects


def withdraw_cases(*, case_ids: Collection[UUID], reason: str, by: Actor, now: datetime) -> list[ExceptionCase]:
    """As `withdraw_case`, for many in the same few statements; what is over by now stays as it is. Returns those that are withdrawn.

    Raises `NotFound`, `Refused` and `CriteriaNotMet` where one of them cannot be withdrawn by the actor; then none is.
    """
    if not case_ids:
        return []
    with acting(by, at=now):
        lock_subjects(case_ids)
        cases = list(ExceptionCase.objects.live().select_for_update().filter(pk__in=case_ids).order_by("pk"))
        load_parties(cases)
        books = playbooks_of(cases, now=now) if by.kind != "system" else {}
        for case in cases:
            require(by, "exceptions.work_case", case)
            if case.pk in books:
                refuse_while_it_is_so(case, books[case.pk])
            case.withdraw()
        ExceptionCase.objects.save_changes(cases, at=now)
        why = reason_given(reason)
        record_many([Entry("case.withdrawn", case, reason=why, changes=case.last_changes()) for case in cases])
        stop_timers(cases, now)
        tell_of_end(cases, by, now)
    return cases
