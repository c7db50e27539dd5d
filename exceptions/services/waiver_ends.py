"""What the clock does to time-limited exceptions: it only writes down what has been true since the moment itself."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from audit.context import current_actor
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions import subjects
from exceptions.models import Waiver
from exceptions.services.pausing import let_go_on
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.services.waiver_news import (
    remind_approvers,
    tell_concerned,
    tell_subjects_of_begun,
    tell_subjects_of_ended,
)
from exceptions.services.waiver_papers import OUTDATED, base_now, bases_now, gate_of, stop_holding
from exceptions.states import WaiverState
from exceptions.timer_kinds import Due


def lock_waivers(ids: Sequence[str]) -> set[str]:
    """Lock these, in the order of their keys, skipping those somebody decides about right now."""
    return _lock_free(Waiver.objects.filter(pk__in=[UUID(one) for one in ids]))


def lock_waivers_with_subjects(ids: Sequence[str]) -> set[str]:
    """As `lock_waivers`, after the subjects that will be told (locks go from the top app down)."""
    rows = Waiver.objects.filter(pk__in=[UUID(one) for one in ids])
    about: dict[str, set[str]] = defaultdict(set)
    for label, subject_id, others in rows.values_list("subject_type", "subject_id", "others"):
        about[label] |= {subject_id, *others}
    for label in sorted(about):
        if (subject := subjects.subject_for(label)) is not None:
            subject.lock(sorted(about[label]))
    return _lock_free(rows)


def on_lapse(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody decided in time."""
    for waiver in _of(timers, WaiverState.REQUESTED):
        waiver.lapse(at=now)
        waiver.save()
        record("waiver.lapsed", subject=waiver)
        tell_concerned(waiver, "waiver.lapsed", said("Nobody decided in time; ask again if it is still needed."), now)
    for waiver in _of(timers, WaiverState.RETURNED):
        waiver.give_up(at=now)
        waiver.save()
        record("waiver.lapsed", subject=waiver, reason=said("The question was not answered."))
        tell_concerned(
            waiver, "waiver.lapsed", said("The question was not answered; ask again if it is still needed."), now
        )


def on_begin(timers: Sequence[Due], *, now: datetime) -> None:
    """It was asked for from a later moment, and that has come: what it lets through goes on."""
    begun = [one for one in _of(timers, WaiverState.APPROVED) if one.is_in_force(now)]
    for waiver in begun:
        assert waiver.expires_at is not None  # noqa: S101 -- it is in force
        record("waiver.begun", subject=waiver)
        tell_concerned(waiver, "waiver.begun", said("It holds now, until %(end)s.", end=at(waiver.expires_at)), now)
    tell_subjects_of_begun(begun, by=current_actor(), now=now)


def on_expire(timers: Sequence[Due], *, now: datetime) -> None:
    """Write down what the clock has decided, and tell those concerned."""
    ended = _of(timers, WaiverState.APPROVED)
    followed = {one.extends_id: one for one in Waiver.objects.in_force(now).filter(extends__in=ended)}
    for waiver in ended:
        waiver.expire(at=now)
        waiver.save()
        record("waiver.expired", subject=waiver)
        later = followed.get(waiver.pk)
        words = (
            said("It has ended; %(key)s goes on.", key=later.key)
            if later
            else said("It has ended; the gate is closed again.")
        )
        tell_concerned(waiver, "waiver.expired", words, now)
    tell_subjects_of_ended([one for one in ended if one.pk not in followed], by=current_actor(), now=now)
    tell_subjects_of_begun(list(followed.values()), by=current_actor(), now=now)


def on_heads_up(timers: Sequence[Due], *, now: datetime) -> None:
    """It will end soon, unless it is extended already."""
    ending = _of(timers, WaiverState.APPROVED)
    extended = set(
        Waiver.objects.filter(extends__in=ending, state=WaiverState.APPROVED).values_list("extends_id", flat=True)
    )
    for waiver in (one for one in ending if one.pk not in extended):
        assert waiver.expires_at is not None  # noqa: S101 -- it is approved
        tell_concerned(waiver, "waiver.ends_soon", said("It ends %(end)s.", end=at(waiver.expires_at)), now)


def on_undecided(timers: Sequence[Due], *, now: datetime) -> None:
    """Half of the time to decide is over, and nobody has."""
    for waiver in _of(timers, WaiverState.REQUESTED):
        record("waiver.undecided", subject=waiver)
        remind_approvers(waiver, spec=gate_of(waiver.gate), now=now)


def on_outdated(timers: Sequence[Due], *, now: datetime) -> None:
    """It was allowed for something that is no longer the same: it lapses, unless it is the same again. Of several the changed leave."""
    for waiver in _of(timers, WaiverState.APPROVED):
        if waiver.others:
            unchanged = _unchanged(waiver)
            if unchanged:
                _leave_out_changed(waiver, unchanged, now)
                continue
        elif waiver.base_hash in {"", base_now(waiver)}:
            continue
        waiver.outdate(at=now)
        waiver.save()
        record("waiver.outdated", subject=waiver)
        stop_holding(waiver, now=now)
        words = said(
            "%(subject)s changed since it was allowed, so it holds no longer. Ask again if it is needed.",
            subject=waiver.subject_words,
        )
        tell_concerned(waiver, "waiver.outdated", words, now)


def _unchanged(waiver: Waiver) -> list[str]:
    """Of several subjects the ids of those that are what they were when they were allowed."""
    bases = bases_now(waiver)
    return [one for one in waiver.passing if waiver.base_of(one) in {"", bases.get(one, "")}]


def _leave_out_changed(waiver: Waiver, unchanged: Sequence[str], now: datetime) -> None:
    changed = sorted(waiver.subject_keys[one] for one in waiver.passing if one not in unchanged)
    if not changed:
        return
    waiver.passing = list(unchanged)
    waiver.save()
    record("waiver.narrowed", subject=waiver, subjects=changed)
    let_go_on(waiver, now=now)
    words = said(
        "It holds no longer for %(orders)s, changed since it was allowed. Ask again if it is needed.",
        orders=", ".join(changed),
    )
    tell_concerned(waiver, "waiver.outdated", words, now)


def outdate_waivers(*, waivers: Sequence[Waiver], now: datetime) -> None:
    """Somebody met these at a gate and what they are about has changed: they opened nothing, and the next sweep writes that down."""
    refs = dict.fromkeys(subject_ref(waiver) for waiver in waivers)
    set_timers(settings=[TimerSetting(ref, OUTDATED, now) for ref in refs])


def waivers_of(timers: Sequence[Due]) -> QuerySet[Waiver]:
    """What the timers are about, with owners."""
    ids = [UUID(timer.subject_id) for timer in timers]
    return Waiver.objects.filter(pk__in=ids).select_related("owner").order_by("pk")


def _of(timers: Sequence[Due], state: WaiverState) -> list[Waiver]:
    return list(waivers_of(timers).filter(state=state))


def _lock_free(waivers: QuerySet[Waiver]) -> set[str]:
    rows = waivers.order_by("pk")
    return {str(one) for one in rows.select_for_update(skip_locked=True).values_list("pk", flat=True)}
