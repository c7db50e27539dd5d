"""What happens to exceptions when nobody acts: timer handlers, each for a whole batch in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from audit.arrays import bare_array, text_array
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from exceptions import ladders
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.services.notifications import MOST_SINGLE, Telling, notify_many
from exceptions.services.openings import CASE_TYPE, ESCALATE, OVERRUN, PROGRESS
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.states import CASE_LIVE, CaseState
from exceptions.timer_kinds import Due
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster

LOCK: Final = """
    SELECT id::text FROM exceptions_exceptioncase WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED
"""
# Cases, with the step of the ladder they stand before and when that step and the one after it are due. All of it is text
# where the driver would take longer to make objects of it than the server to find it.
STANDINGS: Final = """
    SELECT id::text, number, title, severity, client_id::text, to_char(due_at AT TIME ZONE 'UTC', 'Dy DD Mon HH24:MI'),
        owner_id::text, backup_id::text, ladder_step, ladder -> ladder_step ->> 'to', ladder -> ladder_step ->> 'due_at',
        ladder -> (ladder_step + 1) ->> 'due_at'
    FROM exceptions_exceptioncase WHERE id = ANY(%s::uuid[]) AND state = ANY(%s::text[]) ORDER BY id
"""
MOVE: Final = """
    UPDATE exceptions_exceptioncase AS c
    SET owner_id = g.owner_id, backup_id = g.backup_id, ladder_step = g.step, version = c.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[]) AS g(id, owner_id, backup_id, step)
    WHERE c.id = g.id
"""


class Standing(NamedTuple):
    """All that decides where a case goes on to; of a hundred thousand that are due, most stand alike."""

    owner: Owner
    backup: Owner
    step: int
    to: str | None


class Move(NamedTuple):
    """To whom it goes, and how far up the ladder that is."""

    owner: Owner
    backup: Owner
    step: int


class Moved(NamedTuple):
    """A case that changes hands; `due` is its deadline in words, `next_due` its next step's moment, None at the top of the ladder."""

    ref: SubjectRef
    number: int
    title: str
    severity: str
    due: str
    next_due: datetime | None


Group = tuple[Standing, Move, list[Moved]]
Decide = Callable[[Standing, Roster], Move | None]


def lock_cases(ids: Sequence[str]) -> set[str]:
    """Lock these cases, in the order of their keys, without waiting for those somebody works on right now."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [bare_array(ids)])
        return {case_id for (case_id,) in cursor.fetchall()}


def on_not_acknowledged(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody took it in time: it goes to the backup, which counts as the ladder's step where that step says the same."""
    _move(_ids(timers), (CaseState.OPEN,), _to_backup, event="case.not_acknowledged", now=now)


def on_ladder_step(timers: Sequence[Due], *, now: datetime) -> None:
    """It was not resolved in time: the next step of the ladder."""
    _move(_ids(timers), CASE_LIVE, _up_the_ladder, event="case.escalated", now=now)


def on_silence(timers: Sequence[Due], *, now: datetime) -> None:
    """Somebody took it and then nothing happened: the next step of the ladder, before its time."""
    _move(
        _ids(timers), (CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS), _up_the_ladder, event="case.went_quiet", now=now
    )


def on_at_risk(timers: Sequence[Due], *, now: datetime) -> None:
    """Most of its time is used and it is not solved: its owner is told while there is time left."""
    cases = [case for case in _cases(timers, *CASE_LIVE) if case.warn_at and case.warn_at <= now < case.due_at]
    record_many([Entry("case.at_risk", case, data={"due_at": case.due_at}) for case in cases])
    notify_many(
        tellings=[
            Telling(
                case.owner,
                "case.at_risk",
                f"{case.key}: {case.title}. At risk: it is due {case.due_at:%a %d %b %H:%M} UTC and not solved.",
                f"/exceptions/{case.key}/",
                case.client_id,
                case.pk,
                severity=case.severity,
            )
            for case in cases
        ],
        now=now,
    )


def on_overrun(timers: Sequence[Due], *, now: datetime) -> None:
    """Long past its deadline, whatever the ladder said: it goes to the backup, and again until it is solved."""
    moved = _move(_ids(timers), CASE_LIVE, _to_backup, event="case.overrun", now=now)
    set_timers(settings=[TimerSetting(case.ref, OVERRUN, now + ladders.OVERRUN_AFTER) for case in moved])


def on_wait_over(timers: Sequence[Due], *, now: datetime) -> None:
    """What was waited for did not come: it is ours again."""
    cases = _cases(timers, CaseState.WAITING)
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(
        state=CaseState.IN_PROGRESS, waiting_until=None, waiting_for="", waiting_on="", updated_at=now
    )
    record_many(
        [Entry("case.wait_over", case, changes={"state": (case.state, CaseState.IN_PROGRESS)}) for case in cases]
    )
    _tell(cases, "case.wait_over", "The wait is over and nothing came; it is yours again.", now)


def on_nobody_came_back(timers: Sequence[Due], *, now: datetime) -> None:
    """Resolved long enough ago."""
    cases = _cases(timers, CaseState.RESOLVED)
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(state=CaseState.CLOSED, updated_at=now)
    record_many([Entry("case.closed", case, changes={"state": (case.state, CaseState.CLOSED)}) for case in cases])


def _ids(timers: Sequence[Due]) -> list[str]:
    return [timer.subject_id for timer in timers]


def _cases(timers: Sequence[Due], *states: CaseState) -> list[ExceptionCase]:
    """The cases of these timers (locked by the sweep) that are still where the timer expected them."""
    found = ExceptionCase.objects.filter(pk__in=_ids(timers), state__in=states)
    return list(found.select_related("owner").order_by("pk"))


def _to_backup(case: Standing, roster: Roster) -> Move:
    owner = roster.on_duty(case.backup.slug)
    return Move(owner, roster.owners[owner.backup_id], case.step + 1 if case.to == "backup" else case.step)


def _up_the_ladder(case: Standing, roster: Roster) -> Move | None:
    if case.to is None:
        return None
    owner = roster.on_duty(ladders.target(case.to) or case.backup.slug)
    return Move(owner, roster.owners[owner.backup_id], case.step + 1)


def _move(ids: Sequence[str], states: Sequence[CaseState], decide: Decide, *, event: str, now: datetime) -> list[Moved]:
    groups = move_cases(ids=ids, states=states, decide=decide, event=event, now=now)
    return [case for _, _, cases in groups for case in cases]


def move_cases(
    *, ids: Sequence[str], states: Sequence[CaseState], decide: Decide, event: str, now: datetime
) -> list[Group]:
    """Owner, step, event, next timer and notifications of locked cases, in a fixed number of statements; who went where.

    What to do is decided once for all cases that stand alike. Runs inside `acting()`.
    """
    groups = _decided(ids, states, decide, rules.roster(now))
    if not groups:
        return []
    rows = [(case.ref.id, move.owner.pk, move.backup.pk, move.step) for _, move, cases in groups for case in cases]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [now, *(bare_array(column) for column in zip(*rows, strict=True))])
    record_many([entry for group in groups for entry in _entries(event, *group)])
    _next_timers([case for _, _, cases in groups for case in cases], now)
    notify_many(tellings=[telling for group in groups for telling in _tellings(event, *group)], now=now)
    return groups


def _decided(ids: Sequence[str], states: Sequence[CaseState], decide: Decide, roster: Roster) -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, [bare_array(ids), text_array(states)])
        rows = cursor.fetchall()
    alike: dict[tuple[str, str, str | None, int, str | None], list[tuple[Any, ...]]] = defaultdict(list)
    for case_id, number, title, severity, client_id, due, owner_id, backup_id, step, to, at_step, after_it in rows:
        alike[owner_id, backup_id, client_id, step, to].append(
            (case_id, number, title, severity, due, at_step, after_it)
        )
    groups = []
    for (owner_id, backup_id, client_id, step, to), cases in alike.items():
        standing = Standing(roster.owners[UUID(owner_id)], roster.owners[UUID(backup_id)], step, to)
        if (move := decide(standing, roster)) is not None:
            client, climbs = UUID(client_id) if client_id else None, move.step > step
            moved = [
                Moved(
                    SubjectRef(CASE_TYPE, case_id, client),
                    number,
                    title,
                    severity,
                    due,
                    _moment(after_it if climbs else at_step),
                )
                for case_id, number, title, severity, due, at_step, after_it in cases
            ]
            groups.append((standing, move, moved))
    return groups


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _entries(event: str, standing: Standing, move: Move, cases: Sequence[Moved]) -> Iterator[Entry]:
    data, changes = {"step": move.step}, {"owner": (standing.owner.slug, move.owner.slug)}
    return (Entry(event, case.ref, data=data, changes=changes) for case in cases)


def _tellings(event: str, standing: Standing, move: Move, cases: Sequence[Moved]) -> Iterator[Telling]:
    told = cases if len(cases) <= MOST_SINGLE else cases[:1]
    unsaid = cases[len(told) :]
    for owner, words in (
        (move.owner, f"It came to you from {standing.owner.name}."),
        (standing.owner, f"It went on to {move.owner.name}."),
    ):
        for case in told:
            key = f"{KEY_PREFIX}{case.number}"
            text = f"{key}: {case.title}. {words} It is due {case.due} UTC."
            url, about, worst = (
                f"/exceptions/{key}/",
                UUID(str(case.ref.id)),
                min(one.severity for one in (case, *unsaid)),
            )
            yield Telling(owner, event, text, url, case.ref.client_id, about, len(unsaid), worst)


def _next_timers(cases: Sequence[Moved], now: datetime) -> None:
    settings = [TimerSetting(case.ref, ESCALATE, max(case.next_due, now)) for case in cases if case.next_due]
    set_timers(settings=settings)
    at_the_top = [(case.ref, ESCALATE) for case in cases if case.next_due is None]
    cancel_timers(timers=[*at_the_top, *((case.ref, PROGRESS) for case in cases)], now=now)


def _tell(cases: Sequence[ExceptionCase], event: str, words: str, now: datetime) -> None:
    notify_many(
        tellings=[
            Telling(
                case.owner,
                event,
                f"{case.key}: {case.title}. {words}",
                f"/exceptions/{case.key}/",
                case.client_id,
                case.pk,
                severity=case.severity,
            )
            for case in cases
        ],
        now=now,
    )
