"""Resolving many exceptions at once, because what they waited for is so by now."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from exceptions.models import ExceptionCase
from exceptions.selectors.playbook import playbooks_of
from exceptions.services.cases import (
    REOPEN_WITHIN,
    end_wait,
    refuse_unless_asked,
    refuse_unless_solved,
    stop_timers,
    tell_of_end,
    uses_by,
)
from exceptions.services.openings import CLOSE
from exceptions.services.postmortems import draft_for_ended
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.services.waiver_uses import note_uses
from exceptions.services.working import load_parties, lock_subjects


def resolve_cases(*, case_ids: Collection[UUID], outcome: str, by: Actor, now: datetime) -> list[ExceptionCase]:
    """As `resolve_case`, for many in the same few statements; what is over by now stays as it is. Returns those that are resolved.

    Raises `NotFound`, `Refused` and `CriteriaNotMet` where one of them cannot be resolved by the actor; then none is.
    """
    if not case_ids:
        return []
    with acting(by, at=now):
        lock_subjects(case_ids)
        cases = list(ExceptionCase.objects.live().select_for_update().filter(pk__in=case_ids).order_by("pk"))
        load_parties(cases)
        books = playbooks_of(cases, now=now)
        for case in cases:
            require(by, "exceptions.work_case", case)
            refuse_unless_solved(case, outcome, "", books[case.pk])
            refuse_unless_asked(case, outcome, by)
            end_wait(case, now)
            case.resolve(outcome=outcome, root_cause="", at=now)
        note_uses(uses=[use for case in cases for use in uses_by(case, books[case.pk])], now=now)
        _write(cases, now)
        tell_of_end(cases, by, now)
    return cases


def _write(cases: list[ExceptionCase], now: datetime) -> None:
    """The rows, what the trail says, and the one timer that is left: nobody came back."""
    ExceptionCase.objects.save_changes(cases, at=now)
    record_many(
        [
            Entry(
                "case.resolved",
                case,
                data={"outcome": case.outcome, "root_cause": "", "note": None},
                changes=case.last_changes(),
            )
            for case in cases
        ]
    )
    stop_timers(cases, now)
    set_timers(settings=[TimerSetting(subject_ref(case), CLOSE, now + REOPEN_WITHIN) for case in cases])
    draft_for_ended(cases, now=now)
