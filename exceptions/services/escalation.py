"""What happens to exceptions when nobody acts: timer handlers, each for a whole batch in a fixed number of statements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from exceptions import ladders
from exceptions.models import ExceptionCase, Timer
from exceptions.models.cases import KEY_PREFIX
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.openings import CASE_TYPE, ESCALATE, OVERRUN, OVERRUN_AFTER, PROGRESS
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster

MOST_ABSENT: Final = 1_000
MOVE: Final = """
    UPDATE exceptions_exceptioncase AS c
    SET owner_id = g.owner_id, backup_id = g.backup_id, ladder_step = g.step, version = c.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[]) AS g(id, owner_id, backup_id, step)
    WHERE c.id = g.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What moving a case on needs to know of it: a hundred thousand of them may be due at once."""

    id: UUID
    number: int
    title: str
    client_id: UUID | None
    due_at: datetime
    owner: Owner
    backup: Owner
    ladder: Sequence[Mapping[str, Any]]
    step: int

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{KEY_PREFIX}{self.number}"

    @property
    def ref(self) -> SubjectRef:
        """What events and timers name it by."""
        return SubjectRef(CASE_TYPE, str(self.id), self.client_id)


@dataclass(frozen=True, slots=True)
class Move:
    """A case that changes hands: to whom, and how far up the ladder that is."""

    case: Standing
    owner: Owner
    backup: Owner
    step: int


Decide = Callable[[Standing, Roster], Move | None]


def lock_cases(ids: Sequence[str]) -> set[str]:
    """Lock these cases, in the order of their keys, without waiting for those somebody works on right now."""
    rows = ExceptionCase.objects.filter(pk__in=[UUID(case_id) for case_id in ids]).order_by("pk")
    return {
        str(case_id) for case_id in rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    }


def on_not_acknowledged(timers: Sequence[Timer], *, now: datetime) -> None:
    """Nobody took it in time: it goes to the backup, which counts as the ladder's step where that step says the same."""
    _move(_of(timers, CaseState.OPEN), _to_backup, event="case.not_acknowledged", now=now)


def on_ladder_step(timers: Sequence[Timer], *, now: datetime) -> None:
    """It was not resolved in time: the next step of the ladder."""
    _move(_of(timers, *CASE_LIVE), _up_the_ladder, event="case.escalated", now=now)


def on_silence(timers: Sequence[Timer], *, now: datetime) -> None:
    """Somebody took it and then nothing happened: the next step of the ladder, before its time."""
    _move(_of(timers, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS), _up_the_ladder, event="case.went_quiet", now=now)


def on_overrun(timers: Sequence[Timer], *, now: datetime) -> None:
    """Long past its deadline, whatever the ladder said: it goes to the backup, and again until it is solved."""
    moved = _move(_of(timers, *CASE_LIVE), _to_backup, event="case.overrun", now=now)
    set_timers(settings=[TimerSetting(move.case.ref, OVERRUN, now + OVERRUN_AFTER) for move in moved])


def on_wait_over(timers: Sequence[Timer], *, now: datetime) -> None:
    """What was waited for did not come: it is ours again."""
    cases = _cases(timers, CaseState.WAITING)
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(
        state=CaseState.IN_PROGRESS, waiting_until=None, waiting_for="", updated_at=now
    )
    record_many(
        [Entry("case.wait_over", case, changes={"state": (case.state, CaseState.IN_PROGRESS)}) for case in cases]
    )
    _tell(cases, "case.wait_over", "The wait is over and nothing came; it is yours again.", now)


def on_nobody_came_back(timers: Sequence[Timer], *, now: datetime) -> None:
    """Resolved long enough ago."""
    cases = _cases(timers, CaseState.RESOLVED)
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(state=CaseState.CLOSED, updated_at=now)
    record_many([Entry("case.closed", case, changes={"state": (case.state, CaseState.CLOSED)}) for case in cases])


def reassign_from_absent(*, now: datetime) -> int:
    """Give the cases of owners who are away to those who stand in; the number moved. Runs inside `acting()`."""
    away = rules.roster(now).away
    candidates = ExceptionCase.objects.live().filter(owner_id__in=away).order_by("pk")
    locked = list(candidates.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_ABSENT])
    return len(_move(ExceptionCase.objects.filter(pk__in=locked), _to_stand_in, event="case.owner_away", now=now))


def _of(timers: Sequence[Timer], *states: CaseState) -> QuerySet[ExceptionCase]:
    """The cases of these timers (locked by the sweep) that are still where the timer expected them."""
    cases: QuerySet[ExceptionCase] = ExceptionCase.objects.filter(
        pk__in=[UUID(timer.subject_id) for timer in timers], state__in=states
    )
    return cases


def _cases(timers: Sequence[Timer], *states: CaseState) -> list[ExceptionCase]:
    return list(_of(timers, *states).select_related("owner").order_by("pk"))


def _standings(cases: QuerySet[ExceptionCase], roster: Roster) -> list[Standing]:
    rows = cases.order_by("pk").values_list(
        "pk", "number", "title", "client_id", "due_at", "owner_id", "backup_id", "ladder", "ladder_step"
    )
    return [
        Standing(pk, number, title, client, due_at, roster.owners[owner], roster.owners[backup], ladder, step)
        for pk, number, title, client, due_at, owner, backup, ladder, step in rows
    ]


def _to_stand_in(case: Standing, roster: Roster) -> Move | None:
    owner = roster.on_duty(case.owner.slug)
    return None if owner.pk == case.owner.pk else Move(case, owner, roster.owners[owner.backup_id], case.step)


def _to_backup(case: Standing, roster: Roster) -> Move:
    rung = ladders.rung(case.ladder, case.step)
    step = case.step + 1 if rung is not None and rung.to == "backup" else case.step
    owner = roster.on_duty(case.backup.slug)
    return Move(case, owner, roster.owners[owner.backup_id], step)


def _up_the_ladder(case: Standing, roster: Roster) -> Move | None:
    rung = ladders.rung(case.ladder, case.step)
    if rung is None:
        return None
    owner = roster.on_duty(ladders.target(rung.to) or case.backup.slug)
    return Move(case, owner, roster.owners[owner.backup_id], case.step + 1)


def _move(cases: QuerySet[ExceptionCase], decide: Decide, *, event: str, now: datetime) -> list[Move]:
    """Owner, step, event, next timer and notifications of all of them, in a fixed number of statements."""
    roster = rules.roster(now)
    moves = [move for case in _standings(cases, roster) if (move := decide(case, roster)) is not None]
    if not moves:
        return []
    rows = [(move.case.id, move.owner.pk, move.backup.pk, move.step) for move in moves]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [now, *(list(column) for column in zip(*rows, strict=True))])
    record_many(
        [
            Entry(
                event,
                move.case.ref,
                data={"step": move.step},
                changes={"owner": (move.case.owner.slug, move.owner.slug)},
            )
            for move in moves
        ]
    )
    _next_timers(moves, now)
    notify_many(tellings=[telling for move in moves for telling in _tellings(move, event)], now=now)
    return moves


def _tellings(move: Move, event: str) -> Iterator[Telling]:
    case = move.case
    due = f"It is due {case.due_at:%a %d %b %H:%M} UTC."
    for owner, words in (
        (move.owner, f"It came to you from {case.owner.name}."),
        (case.owner, f"It went on to {move.owner.name}."),
    ):
        yield Telling(
            owner, event, f"{case.key}: {case.title}. {words} {due}", f"/exceptions/{case.key}/", case.client_id
        )


def _next_timers(moves: Sequence[Move], now: datetime) -> None:
    running, at_the_top = [], []
    for move in moves:
        rung = ladders.rung(move.case.ladder, move.step)
        subject = move.case.ref
        if rung is None:
            at_the_top.append((subject, ESCALATE))
        else:
            running.append(TimerSetting(subject, ESCALATE, max(rung.due_at, now)))
    set_timers(settings=running)
    cancel_timers(timers=[*at_the_top, *((move.case.ref, PROGRESS) for move in moves)], now=now)


def _tell(cases: Sequence[ExceptionCase], event: str, words: str, now: datetime) -> None:
    notify_many(
        tellings=[
            Telling(case.owner, event, f"{case.key}: {case.title}. {words}", f"/exceptions/{case.key}/", case.client_id)
            for case in cases
        ],
        now=now,
    )
