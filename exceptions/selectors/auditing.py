"""What has to be looked at and written down before a held record may go on: the check and record steps of its case."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase
from exceptions.selectors.playbook import Step
from exceptions.selectors.queue import visible_cases
from exceptions.states import CASE_LIVE

AUDIT_KINDS: Final = frozenset({"check", "record"})


def live_cases_of(*, by: Actor, subject_type: str, subject_ids: Collection[str]) -> list[ExceptionCase]:
    """The open exceptions about these records that the actor may see, with owner and done steps."""
    cases = visible_cases(by).live().filter(subject_type=subject_type, subject_id__in=subject_ids)
    return list(cases.select_related("owner").prefetch_related("steps").order_by("due_at", "pk"))


def audit_steps(steps: Sequence[Step]) -> list[tuple[int, Step]]:
    """The steps that are an audit, with their number in the playbook."""
    return [(number, step) for number, step in enumerate(steps, start=1) if step.kind in AUDIT_KINDS]


def undone_audit_steps(subject: SubjectRef, *, case_types: Sequence[str]) -> list[str]:
    """The audit steps of the record's open exception that nobody has done, by their labels; of several types the first counts."""
    return undone_audit_steps_of({subject: case_types}).get(subject, [])


def undone_audit_steps_of(case_types: Mapping[SubjectRef, Sequence[str]]) -> dict[SubjectRef, list[str]]:
    """The same for many records, each with the types of its exception; two queries. Records without an open one are left out."""
    live = ExceptionCase.objects.filter(
        type__in={kind for kinds in case_types.values() for kind in kinds},
        subject_id__in=[subject.id for subject in case_types],
        state__in=CASE_LIVE,
    )
    found = {(case.subject_type, case.subject_id, case.type): case for case in live.prefetch_related("steps")}
    about = {
        subject: [found[one] for kind in kinds if (one := (subject.type, subject.id, kind)) in found]
        for subject, kinds in case_types.items()
    }
    return {subject: _undone(cases[0]) for subject, cases in about.items() if cases}


def _undone(case: ExceptionCase) -> list[str]:
    done = {step.index for step in case.steps.all()}
    return [row["label"] for index, row in enumerate(case.playbook) if row["kind"] in AUDIT_KINDS and index not in done]
