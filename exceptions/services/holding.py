"""The step of a ladder that stops the subject itself. It locks subjects before cases, and so it is a timer of its own."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from audit.context import current_actor
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from audit.words import said
from exceptions import subjects
from exceptions.ladders import DEFAULT_HOLD
from exceptions.models import ExceptionCase, Timer
from exceptions.services.escalation import SKIPPED, lock_cases
from exceptions.services.openings import CASE_TYPE
from exceptions.states import CASE_LIVE
from exceptions.timer_kinds import Due

HELD = "case.held"


def lock_cases_with_subjects(ids: Sequence[str]) -> set[str]:
    """As `lock_cases`, after what they are about (locks go from the top app down)."""
    about: dict[str, set[str]] = defaultdict(set)
    for label, subject_id in ExceptionCase.objects.filter(pk__in=ids).values_list("subject_type", "subject_id"):
        about[label].add(subject_id)
    for label in sorted(about):
        if (subject := subjects.subject_for(label)) is not None:
            subject.lock(sorted(about[label]))
    return lock_cases(ids)


def on_hold(timers: Sequence[Due], *, now: datetime) -> None:
    """Hold what the cases are about, where its app knows how; what cannot be held is said in the trail."""
    kinds = dict(Timer.objects.filter(pk__in=[one.id for one in timers]).values_list("subject_id", "payload__hold"))
    cases = ExceptionCase.objects.filter(pk__in=list(kinds), state__in=CASE_LIVE).order_by("pk")
    alike: dict[tuple[str, str], list[ExceptionCase]] = defaultdict(list)
    for case in cases:
        alike[case.subject_type, kinds[str(case.pk)] or DEFAULT_HOLD].append(case)
    for (label, kind), group in alike.items():
        held = _hold(label, kind, group, now)
        record_many([_entry(case, kind, was_held=case.subject_id in held) for case in group])


def _hold(label: str, kind: str, cases: Sequence[ExceptionCase], now: datetime) -> set[str]:
    """The subjects that are on hold now because of it."""
    opener = subjects.hold_opener(label)
    return set(opener(cases, kind=kind, by=current_actor(), now=now)) if opener else set()


def _entry(case: ExceptionCase, kind: str, *, was_held: bool) -> Entry:
    ref = SubjectRef(CASE_TYPE, str(case.pk), case.client_id)
    why = said("%(key)s was not put on hold: it is already, or cannot be.", key=case.subject_key)
    return Entry(HELD if was_held else SKIPPED, ref, reason="" if was_held else why, data={"hold": kind}, changes={})
