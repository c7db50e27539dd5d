"""What happens to exceptions when nobody acts: timer handlers, each for a whole batch in a fixed number of statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from exceptions import ladders
from exceptions.models import ExceptionCase, Timer
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.openings import ESCALATE, OVERRUN, OVERRUN_AFTER, PROGRESS
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster

MOVE = """
    UPDATE exceptions_exceptioncase AS c
    SET owner_id = g.owner_id, backup_id = g.backup_id, ladder_step = g.step, version = c.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[]) AS g(id, owner_id, backup_id, step)
    WHERE c.id = g.id
"""


@dataclass(frozen=True)
class Move:
    """A case that changes hands: to whom, how far up the ladder that is, and why."""

    case: ExceptionCase
    owner: Owner
    backup: Owner
    step: int


def lock_cases(ids: Sequence[str]) -> set[str]:
    """Lock these cases, in the order of their keys, without waiting for those somebody works on right now."""
    rows = ExceptionCase.objects.filter(pk__in=[UUID(case_id) for case_id in ids]).order_by("pk")
    return {
        str(case_id) for case_id in rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    }


def on_not_acknowledged(timers: Sequence[Timer], *, now: datetime) -> None:
    """Nobody took it in time: it goes to the backup, which counts as the ladder's step where that step says the same."""
    _move(_cases(timers, CaseState.OPEN), _to_backup, event="case.not_acknowledged", now=now)


def on_ladder_step(timers: Sequence[Timer], *, now: datetime) -> None:
    """It was not resolved in time: the next step of the ladder."""
    _move(_cases(timers, *CASE_LIVE), _up_the_ladder, event="case.escalated", now=now)


def on_silence(timers: Sequence[Timer], *, now: datetime) -> None:
    """Somebody took it and then nothing happened: the next step of the ladder, before its time."""
    _move(
        _cases(timers, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS), _up_the_ladder, event="case.went_quiet", now=now
    )


def on_overrun(timers: Sequence[Timer], *, now: datetime) -> None:
    """Long past its deadline, whatever the ladder said: it goes to the backup, and again until it is solved."""
    cases = _cases(timers, *CASE_LIVE)
    _move(cases, _to_backup, event="case.overrun", now=now)
    set_timers(settings=[TimerSetting(subject_ref(case), OVERRUN, now + OVERRUN_AFTER) for case in cases])


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
    roster = rules.roster(now)
    candidates = ExceptionCase.objects.live().filter(owner_id__in=roster.away).order_by("pk")
    cases = list(candidates.select_related("owner", "backup").select_for_update(skip_locked=True, of=("self",))[:1_000])

    def to_stand_in(case: ExceptionCase, roster: Roster) -> Move | None:
        stand_in = roster.on_duty(case.owner.slug)
        return (
            None
            if stand_in.pk == case.owner_id
            else Move(case, stand_in, roster.owners[stand_in.backup_id], case.ladder_step)
        )

    return _move(cases, to_stand_in, event="case.owner_away", now=now)


def _cases(timers: Sequence[Timer], *states: CaseState) -> list[ExceptionCase]:
    """The cases of these timers (locked by the sweep) that are still where the timer expected them."""
    ids = [UUID(timer.subject_id) for timer in timers]
    return list(
        ExceptionCase.objects.filter(pk__in=ids, state__in=states).select_related("owner", "backup").order_by("pk")
    )


def _to_backup(case: ExceptionCase, roster: Roster) -> Move:
    rung = ladders.rung(case.ladder, case.ladder_step)
    step = case.ladder_step + 1 if rung is not None and rung.to == "backup" else case.ladder_step
    owner = roster.on_duty(case.backup.slug)
    return Move(case, owner, roster.owners[owner.backup_id], step)


def _up_the_ladder(case: ExceptionCase, roster: Roster) -> Move | None:
    rung = ladders.rung(case.ladder, case.ladder_step)
    if rung is None:
        return None
    owner = roster.on_duty(ladders.target(rung.to) or case.backup.slug)
    return Move(case, owner, roster.owners[owner.backup_id], case.ladder_step + 1)


def _move(
    cases: Sequence[ExceptionCase],
    decide: Callable[[ExceptionCase, Roster], Move | None],
    *,
    event: str,
    now: datetime,
) -> int:
    roster = rules.roster(now)
    moves = [move for case in cases if (move := decide(case, roster)) is not None]
    if not moves:
        return 0
    rows = [(move.case.pk, move.owner.pk, move.backup.pk, move.step) for move in moves]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [now, *(list(column) for column in zip(*rows, strict=True))])
    record_many(
        [
            Entry(
                event, move.case, data={"step": move.step}, changes={"owner": (move.case.owner.slug, move.owner.slug)}
            )
            for move in moves
        ]
    )
    _next_timers(moves, now)
    notify_many(
        tellings=[
            Telling(
                owner,
                event,
                f"{move.case.key}: {move.case.title}. {words} It is due {move.case.due_at:%a %d %b %H:%M} UTC.",
                f"/exceptions/{move.case.key}/",
                move.case.client_id,
            )
            for move in moves
            for owner, words in (
                (move.owner, f"It came to you from {move.case.owner.name}."),
                (move.case.owner, f"It went on to {move.owner.name}."),
            )
        ],
        now=now,
    )
    return len(moves)


def _next_timers(moves: Sequence[Move], now: datetime) -> None:
    running, at_the_top = [], []
    for move in moves:
        rung = ladders.rung(move.case.ladder, move.step)
        subject = subject_ref(move.case)
        if rung is None:
            at_the_top.append((subject, ESCALATE))
        else:
            running.append(TimerSetting(subject, ESCALATE, max(rung.due_at, now)))
    set_timers(settings=running)
    cancel_timers(timers=[*at_the_top, *((subject_ref(move.case), PROGRESS) for move in moves)], now=now)


def _tell(cases: Sequence[ExceptionCase], event: str, words: str, now: datetime) -> None:
    notify_many(
        tellings=[
            Telling(case.owner, event, f"{case.key}: {case.title}. {words}", f"/exceptions/{case.key}/", case.client_id)
            for case in cases
        ],
        now=now,
    )
