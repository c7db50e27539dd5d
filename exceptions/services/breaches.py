"""Deadlines that come near, and that pass: then the last resort of the ladder is called, whatever the ladder does by then."""

from collections.abc import Sequence
from datetime import datetime

from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions import ladders
from exceptions.models import ExceptionCase
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.openings import BREACH
from exceptions.services.paging import BREACHED, Paging, page_many
from exceptions.timer_kinds import Due
from rules import selectors as rules


def on_at_risk(timers: Sequence[Due], *, now: datetime) -> None:
    """Most of its time is used and it is not solved: its owner is told while there is time left."""
    cases = [case for case in _live(timers) if case.warn_at and case.warn_at <= now < case.due_at]
    record_many([Entry("case.at_risk", case, data={"due_at": case.due_at}) for case in cases])
    notify_many(
        tellings=[
            Telling(
                case.owner,
                "case.at_risk",
                said(
                    "%(key)s: %(title)s. At risk: it is due %(due)s and not solved.",
                    key=case.key,
                    title=case.headline,
                    due=at(case.due_at),
                ),
                f"/exceptions/{case.key}/",
                case.client_id,
                case.pk,
                severity=case.severity,
            )
            for case in cases
        ],
        now=now,
    )


def on_breach(timers: Sequence[Due], *, now: datetime) -> None:
    """Not solved by its deadline: whoever is on duty for the top of its ladder is paged, once for all of one cause."""
    cases = _live(timers)
    roster = rules.roster(now)
    called = {slug: roster.on_duty(slug) for slug in {_last_resort(case) for case in cases}}
    record_many(
        [
            Entry(BREACHED, case, data={"timer": BREACH, "told": called[_last_resort(case)].slug}, changes={})
            for case in cases
        ]
    )
    page_many(
        pagings=[
            Paging(
                called[_last_resort(case)],
                BREACHED,
                subject_ref(case),
                case.number,
                case.headline,
                case.type,
                case.cause,
                case.severity,
            )
            for case in cases
        ],
        now=now,
    )


def _live(timers: Sequence[Due]) -> list[ExceptionCase]:
    found = ExceptionCase.objects.live().filter(pk__in=[timer.subject_id for timer in timers])
    return list(found.select_related("owner", "backup").order_by("pk"))


def _last_resort(case: ExceptionCase) -> str:
    return ladders.last_resort(case.ladder) or case.backup.slug
