"""What is paused by hand: while a break-glass is in force, nothing puts back the records in its scope. Only the clock ends that."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions.models import Timer, Waiver
from exceptions.models.timers import LIVE
from exceptions.models.waivers import WaiverQuerySet
from exceptions.selectors.waivers import visible_waivers
from exceptions.states import WaiverKind

PAUSED_BY = "paused_by"


@dataclass(frozen=True)
class Pause:
    """One break-glass in force, and how much waits for its end."""

    waiver: Waiver
    held_back: int


def live_emergencies(*, subjects: Iterable[SubjectRef], now: datetime) -> dict[SubjectRef, Waiver]:
    """Of these records those in the scope of a break-glass at `now`, each with the one that ends last; a query for each kind of record."""
    by_type: dict[str, dict[str, SubjectRef]] = defaultdict(dict)
    for subject in subjects:
        by_type[subject.type][subject.id] = subject
    return {
        wanted[one]: waiver
        for label, wanted in by_type.items()
        for waiver in _emergencies(Waiver.objects.all(), now)
        .letting_through(label, list(wanted))
        .order_by("expires_at", "pk")
        for one in waiver.allowed_ids
        if one in wanted
    }


def pauses(*, by: Actor, now: datetime) -> list[Pause]:
    """What is paused by hand among what exists for the actor, soonest end first."""
    if not by.may("exceptions.view_case"):
        return []
    waivers = list(_emergencies(visible_waivers(by), now).order_by("expires_at", "pk"))
    held = _held_back(waivers) if waivers else {}
    return [Pause(waiver, held.get(waiver.key, 0)) for waiver in waivers]


def held_back_by(waiver: Waiver) -> int:
    """How much waits for the end of this one."""
    return _held_back([waiver]).get(waiver.key, 0)


def paused_by_hand(*, now: datetime) -> int:
    """How many break-glasses are in force, whosever they are."""
    return _emergencies(Waiver.objects.all(), now).count()


def _emergencies(waivers: WaiverQuerySet, now: datetime) -> WaiverQuerySet:
    return waivers.in_force(now).filter(kind=WaiverKind.EMERGENCY)


def _held_back(waivers: Iterable[Waiver]) -> Counter[str]:
    """By the key of the break-glass; what waits for an end is due at that moment."""
    ends = [waiver.expires_at for waiver in waivers if waiver.expires_at]
    waiting = Timer.objects.filter(LIVE, due_at__in=ends, payload__has_key=PAUSED_BY)
    return Counter(waiting.values_list(f"payload__{PAUSED_BY}", flat=True))
