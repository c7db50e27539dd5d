"""What happens to exceptions when nobody acts: timer handlers, each for a whole batch in a fixed number of statements."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from audit.arrays import bare_array, text_array
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from audit.words import at, said, said_again
from exceptions import ladders
from exceptions.ladders import Step
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.services.deadlines import work_out_locked
from exceptions.services.notifications import MOST_SINGLE, Telling, notify_many
from exceptions.services.openings import (
    ACKNOWLEDGE,
    CASE_TYPE,
    ESCALATE,
    FALLBACK,
    HOLD,
    OVERRUN,
    PROGRESS,
)
from exceptions.services.paging import Paging, page_many
from exceptions.services.timers import TimerSetting, cancel_kinds, set_timers
from exceptions.states import CASE_LIVE, CaseState
from exceptions.timer_kinds import Due
from rules import ladders as steps
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster
from rules.states import Severity

LOCK: Final = """
    SELECT c.id::text FROM exceptions_exceptioncase c WHERE id = ANY(%s::uuid[]) ORDER BY c.id FOR UPDATE SKIP LOCKED
"""
# Cases, with the step of the ladder they stand before, when that step and the one after it are due, and, once taken, how long they
# may be silent. All of it is text where the driver would take longer to make objects of it than the server to find it.
STANDINGS: Final = """
    SELECT owner_id::text, backup_id::text, client_id::text, ladder_step, severity, (ladder -> ladder_step) - 'due_at',
        c.id::text, number, title, type, cause, due_at::text,
        ladder -> ladder_step ->> 'due_at', ladder -> (ladder_step + 1) ->> 'due_at',
        CASE WHEN state IN ('acknowledged', 'in_progress') THEN progress_within_minutes END
    FROM exceptions_exceptioncase c WHERE id = ANY(%s::uuid[]) AND state = ANY(%s::text[]) ORDER BY c.id
"""
MOVE: Final = """
    UPDATE exceptions_exceptioncase AS c
    SET owner_id = g.owner_id, backup_id = g.backup_id, ladder_step = g.step, severity = coalesce(g.severity, c.severity),
        severities = CASE WHEN g.severity IS NULL THEN c.severities
            ELSE c.severities || jsonb_build_array(jsonb_build_object('severity', c.severity, 'until', %s::text)) END,
        version = c.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::text[]) AS g(id, owner_id, backup_id, step, severity)
    WHERE c.id = g.id AND c.id = ANY(%s::uuid[])
"""
# What the trail says of a step that gives it to nobody else.
TOLD, PAGED, RAISED, HOLD_ASKED, SKIPPED = (
    *("case.escalation_told", "case.paged", "case.severity_raised"),
    *("case.hold_asked", "case.step_skipped"),
)


class Standing(NamedTuple):
    """All that decides where a case goes on to; of a hundred thousand that are due, most stand alike. `ahead` is the next step."""

    owner: Owner
    backup: Owner
    step: int
    severity: str
    ahead: Step | None


class Move(NamedTuple):
    """To whom it goes, and how far up the ladder that is; `event` where it is not what the timer is about.

    `told` hears of it without getting it, `why` says what stood in the way of a step that was skipped, or why somebody moved it.
    """

    owner: Owner
    backup: Owner
    step: int
    event: str = ""
    told: Owner | None = None
    severity: str = ""
    hold: str = ""
    why: str = ""


class Moved(NamedTuple):
    """A case that moves on; `due` is its deadline as text, `next_due` its next step's moment, None at the top of the ladder.

    `silence` is how many minutes it may be silent, None while nobody has taken it.
    """

    ref: SubjectRef
    number: int
    title: str
    type: str
    cause: str
    severity: str
    due: str
    next_due: datetime | None
    silence: int | None


Group = tuple[Standing, Move, list[Moved]]
Decide = Callable[[Standing, Roster], Move | None]


def lock_cases(ids: Sequence[str]) -> set[str]:
    """Lock these cases, in the order of their keys, without waiting for those somebody works on right now."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [bare_array(ids)])
        return {case_id for (case_id,) in cursor.fetchall()}


def on_not_acknowledged(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody took it in time: it goes to the backup, which counts as the ladder's step where that step says the same."""
    _move(timers, (CaseState.OPEN,), _to_backup, event="case.not_acknowledged", timer=ACKNOWLEDGE, now=now)


def on_ladder_step(timers: Sequence[Due], *, now: datetime) -> None:
    """It was not resolved in time: the next step of the ladder."""
    _move(timers, CASE_LIVE, _up_the_ladder, event="case.escalated", timer=ESCALATE, now=now)


def on_silence(timers: Sequence[Due], *, now: datetime) -> None:
    """Somebody took it and then nothing happened: the next step of the ladder, before its time; at the top, the backup."""
    taken = (CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)
    _move(timers, taken, up_or_to_backup, event="case.went_quiet", timer=PROGRESS, now=now)


def on_overrun(timers: Sequence[Due], *, now: datetime) -> None:
    """Long past its deadline, whatever the ladder said: it goes to the backup, and again until it is solved."""
    moved = _move(timers, CASE_LIVE, _to_backup, event="case.overrun", timer=OVERRUN, now=now)
    set_timers(settings=[TimerSetting(case.ref, OVERRUN, now + ladders.OVERRUN_AFTER) for case in moved])


def to_first_level(case: Standing, roster: Roster) -> Move | None:
    """The first step of its ladder, before its time; nothing where it has gone up already."""
    return None if case.step else up_or_to_backup(case, roster)


def _ids(timers: Sequence[Due]) -> list[str]:
    return [timer.subject_id for timer in timers]


def _to_backup(case: Standing, roster: Roster) -> Move:
    owner = roster.on_duty(case.backup.slug)
    counts = case.ahead is not None and case.ahead.gives_to_backup
    return Move(owner, roster.owners[owner.backup_id], case.step + 1 if counts else case.step)


def _up_the_ladder(case: Standing, roster: Roster) -> Move | None:
    return None if case.ahead is None else STEPS[case.ahead.does](case, case.ahead, roster)


def up_or_to_backup(case: Standing, roster: Roster) -> Move:
    """The next step of its ladder, at the top of it the backup."""
    return _up_the_ladder(case, roster) or _to_backup(case, roster)


def _stay(case: Standing, event: str, *, told: Owner | None = None, severity: str = "", hold: str = "") -> Move:
    """The step is taken, and who has the case keeps it."""
    return Move(case.owner, case.backup, case.step + 1, event, told, severity, hold)


def _skip(case: Standing, why: str) -> Move:
    return Move(case.owner, case.backup, case.step + 1, SKIPPED, why=why)


def _step_to_somebody(case: Standing, step: Step, roster: Roster) -> Move:
    owner = roster.on_duty(ladders.target(step.to) or case.backup.slug)
    if step.skip_if_nobody and owner.pk in roster.away:
        why = said("Step %(n)s was skipped: nobody is there for %(name)s.", n=step.number, name=owner.slug)
        return _skip(case, why)
    if step.does == steps.REASSIGN:
        return Move(owner, roster.owners[owner.backup_id], case.step + 1)
    return _stay(case, PAGED if step.does == steps.PAGE else TOLD, told=owner)


def _step_up_severity(case: Standing, step: Step, roster: Roster) -> Move:
    del roster
    worse = max((one for one in Severity.values if one < case.severity), default="")
    if not worse:
        why = said("Step %(n)s was skipped: it is %(severity)s already.", n=step.number, severity=case.severity)
        return _skip(case, why)
    return _stay(case, RAISED, severity=worse)


def _step_to_hold(case: Standing, step: Step, roster: Roster) -> Move:
    del roster
    return _stay(case, HOLD_ASKED, hold=step.hold)


STEPS: Final[dict[str, Callable[[Standing, Step, Roster], Move]]] = {
    **dict.fromkeys(steps.TOLD, _step_to_somebody),
    steps.RAISE: _step_up_severity,
    steps.HOLD: _step_to_hold,
}


def _move(
    timers: Sequence[Due], states: Sequence[CaseState], decide: Decide, *, event: str, timer: str, now: datetime
) -> list[Moved]:
    groups = move_cases(ids=_ids(timers), states=states, decide=decide, event=event, timer=timer, now=now)
    return [case for _, _, cases in groups for case in cases]


def move_cases(
    *, ids: Sequence[str], states: Sequence[CaseState], decide: Decide, event: str, timer: str = "", now: datetime
) -> list[Group]:
    """Owner, step, event, next timer and notifications of locked cases, in a fixed number of statements; who went where.

    What to do is decided once for all cases that stand alike. `timer` is the kind of timer behind it, for the trail. Runs inside
    `acting()`.
    """
    groups = _decided(ids, states, decide, rules.roster(now))
    if not groups:
        return []
    rows = [row for _, move, cases in groups for row in _rows(move, cases)]
    with connection.cursor() as cursor:
        columns = [bare_array(column) for column in zip(*rows, strict=True)]
        cursor.execute(MOVE, [now.isoformat(), now, *columns, columns[0]])
    record_many([entry for group in groups for entry in _entries(event, timer, *group)])
    _next_timers(groups, now)
    work_out_locked(ids=[str(case.ref.id) for _, move, cases in groups if move.severity for case in cases], now=now)
    titles = _headlines([case for _, _, cases in groups for case in _named(cases)])
    notify_many(tellings=[telling for group in groups for telling in _tellings(event, titles, *group)], now=now)
    page_many(pagings=[paging for group in groups for paging in _pagings(titles, *group)], now=now)
    return groups


def _rows(move: Move, cases: Sequence[Moved]) -> Iterator[tuple[Any, ...]]:
    """What is written of each; an identifier is spelled once for all of them."""
    alike = (str(move.owner.pk), str(move.backup.pk), move.step, move.severity or None)
    return ((case.ref.id, *alike) for case in cases)


def _decided(ids: Sequence[str], states: Sequence[CaseState], decide: Decide, roster: Roster) -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, [bare_array(ids), text_array(states)])
        rows = cursor.fetchall()
    alike: dict[tuple[str, str, str | None, int, str, str | None], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        alike[row[:6]].append(row[6:])
    groups = []
    for (owner_id, backup_id, client_id, step, severity, ahead), cases in alike.items():
        standing = Standing(
            roster.owners[UUID(owner_id)],
            roster.owners[UUID(backup_id)],
            step,
            severity,
            ladders.step_in(json.loads(ahead)) if ahead else None,
        )
        if (move := decide(standing, roster)) is not None:
            client = UUID(client_id) if client_id else None
            groups.append((standing, move, [_moved(client, standing, move, *case) for case in cases]))
    return groups


def _moved(
    client: UUID | None,
    standing: Standing,
    move: Move,
    case_id: str,
    number: int,
    title: str,
    type_: str,
    cause: str,
    due: str,
    at_step: str | None,
    after_it: str | None,
    silence: int | None,
) -> Moved:
    return Moved(
        SubjectRef(CASE_TYPE, case_id, client),
        number,
        title,
        type_,
        cause,
        move.severity or standing.severity,
        due,
        _moment(after_it if move.step > standing.step else at_step),
        silence,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _entries(event: str, timer: str, standing: Standing, move: Move, cases: Sequence[Moved]) -> Iterator[Entry]:
    data: dict[str, Any] = {"step": move.step}
    given = {"timer": timer, "told": move.told.slug if move.told else "", "hold": move.hold}
    data |= {key: value for key, value in given.items() if value}
    changes = {"owner": (standing.owner.slug, move.owner.slug)}
    if move.event:
        changes = {"severity": (standing.severity, move.severity)} if move.severity else {}
    return (Entry(move.event or event, case.ref, reason=move.why, data=data, changes=changes) for case in cases)


def _named(cases: Sequence[Moved]) -> Sequence[Moved]:
    """Those of cases alike that are told of one by one."""
    return cases if len(cases) <= MOST_SINGLE else cases[:1]


def _headlines(cases: Sequence[Moved]) -> Mapping[str, str]:
    """The titles as their readers' languages have them, by the id of the case."""
    found = ExceptionCase.objects.filter(pk__in=[case.ref.id for case in cases])
    return {str(pk): said_again(title, words) for pk, title, words in found.values_list("pk", "title", "title_words")}


def _tellings(
    event: str, titles: Mapping[str, str], standing: Standing, move: Move, cases: Sequence[Moved]
) -> Iterator[Telling]:
    told = _named(cases)
    unsaid = cases[len(told) :]
    for owner, words in _words(standing, move):
        for case in told:
            key = f"{KEY_PREFIX}{case.number}"
            text = said(
                "%(key)s: %(title)s. %(words)s It is due %(due)s.",
                key=key,
                title=titles[str(case.ref.id)],
                words=words,
                due=at(datetime.fromisoformat(case.due)),
            )
            url, about, worst = (
                f"/exceptions/{key}/",
                UUID(str(case.ref.id)),
                min(one.severity for one in (case, *unsaid)),
            )
            yield Telling(owner, move.event or event, text, url, case.ref.client_id, about, len(unsaid), worst)


def _words(standing: Standing, move: Move) -> Sequence[tuple[Owner, str]]:
    """Who hears what of it."""
    if not move.event:
        return (
            (move.owner, said("It came to you from %(name)s.", name=standing.owner.name)),
            (standing.owner, said("It went on to %(name)s.", name=move.owner.name)),
        )
    if move.event == TOLD and move.told is not None:
        return ((move.told, said("%(name)s has it and has not resolved it yet.", name=move.owner.name)),)
    return ((move.owner, said("It is %(severity)s now.", severity=move.severity)),) if move.severity else ()


def _pagings(titles: Mapping[str, str], standing: Standing, move: Move, cases: Sequence[Moved]) -> Iterator[Paging]:
    del standing
    if move.event == PAGED and move.told is not None:
        for case in cases:
            title = titles.get(str(case.ref.id), case.title)
            yield Paging(move.told, PAGED, case.ref, case.number, title, case.type, case.cause, case.severity)


def _next_timers(groups: Sequence[Group], now: datetime) -> None:
    """The timer of the next step (at once after one that was skipped), of silence while there is a next step, and of holds."""
    settings: list[TimerSetting] = []
    over: dict[tuple[str, ...], list[SubjectRef]] = defaultdict(list)
    for standing, move, cases in groups:
        done = (FALLBACK,) if move.step > standing.step else ()  # what would have come instead has come
        for case in cases:
            if case.next_due is None:
                over[*done, ESCALATE, PROGRESS].append(case.ref)
                continue
            settings.append(TimerSetting(case.ref, ESCALATE, now if move.event == SKIPPED else max(case.next_due, now)))
            if case.silence is not None:
                settings.append(TimerSetting(case.ref, PROGRESS, now + timedelta(minutes=case.silence)))
            over[done if case.silence is not None else (*done, PROGRESS)].append(case.ref)
        if move.hold:
            settings += [TimerSetting(case.ref, HOLD, now, {"hold": move.hold}) for case in cases]
    set_timers(settings=settings)
    for kinds, refs in over.items():
        cancel_kinds(subjects=refs, kinds=kinds, now=now)
