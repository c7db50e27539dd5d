"""Whether something may pass, asked at the moment of use; and what waits for whose decision."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q

from audit.context import Actor
from audit.errors import NotFound
from audit.subject_refs import SubjectRef
from audit.texts import whole_number
from exceptions.models import Delegation, ExceptionCase, Waiver, WaiverVote
from exceptions.models.waivers import KEY_PREFIX, WaiverQuerySet
from exceptions.states import WAIVER_ASKED, WAIVER_LIVE, VoteKind, WaiverKind, WaiverState

SOON: Final = timedelta(hours=24)


def live_waiver(*, gate: str, subject: SubjectRef, now: datetime) -> Waiver | None:
    """The time-limited exception that lets the subject pass the gate at `now`; decided by the window alone, in the query itself."""
    held = Waiver.objects.in_force(now).letting_through(subject.type, [subject.id]).filter(gate=gate)
    return held.order_by("-expires_at", "pk").first()


def live_emergency(subject: SubjectRef, *, now: datetime) -> Waiver | None:
    """The break-glass in whose scope the subject is at `now`, the one that ends last."""
    broken = Waiver.objects.in_force(now).letting_through(subject.type, [subject.id])
    return broken.filter(kind=WaiverKind.EMERGENCY).order_by("-expires_at", "pk").first()


def emergency_about(case: ExceptionCase, *, now: datetime) -> Waiver | None:
    """The break-glass in whose scope what the exception is about is at `now`."""
    return live_emergency(SubjectRef(case.subject_type, case.subject_id, case.client_id), now=now)


def live_waivers(*, gate: str, subjects: Iterable[SubjectRef], now: datetime) -> dict[SubjectRef, Waiver]:
    """As `live_waiver` for many subjects of one kind, in one query."""
    wanted = {subject.id: subject for subject in subjects}
    if not wanted:
        return {}
    (label,) = {subject.type for subject in wanted.values()}
    held = Waiver.objects.in_force(now).letting_through(label, list(wanted)).filter(gate=gate)
    return {
        wanted[one]: waiver
        for waiver in held.order_by("expires_at", "pk")
        for one in waiver.allowed_ids
        if one in wanted
    }


def live_about(case: ExceptionCase) -> list[Waiver]:
    """What is asked for or allowed for an exception, or for what it is about among others; without those that leave it out."""
    asked = Waiver.objects.filter(state__in=WAIVER_LIVE)
    named = asked.filter(Q(case=case) | Q(others__has_key=case.subject_id, subject_type=case.subject_type))
    return [one for one in named.order_by("-number") if not one.passing or case.subject_id in one.passing]


def visible_waivers(by: Actor) -> WaiverQuerySet:
    """The time-limited exceptions that exist for the actor."""
    waivers: WaiverQuerySet = Waiver.objects.select_related("client", "owner", "case", "extends").order_by(
        "-requested_at", "-pk"
    )
    return waivers if by.clients is None else waivers.filter(client_id__in=by.clients)


def of_requester_or_owner(by: Actor) -> Q:
    """Those this person asked for or owns, and so may not decide about."""
    own = Q(requested_by=by.id)
    return own if by.user_id is None else own | Q(owner__user_id=by.user_id)


def waiver_for(by: Actor, key: str) -> Waiver:
    """The time-limited exception people call `key`. Raises `NotFound`, also for another client's."""
    number = whole_number(key.upper().removeprefix(KEY_PREFIX))
    found = None
    if number is not None:
        found = visible_waivers(by).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such time-limited exception, or it is not yours to see.")
    return found


def approvals(*, by: Actor, tab: str, now: datetime, limit: int = 100) -> list[Waiver]:
    """A list of the approvals inbox: what waits by its soonest answer, what is live by its soonest end, the rest by its newest."""
    found = _listed(by, now)[tab]
    if tab in {"waiting", "others"}:
        return list(found.order_by("answer_by", "pk")[:limit])
    if tab in {"live", "ending"}:
        return list(found.order_by("expires_at", "pk")[:limit])
    return list(found[:limit])


def approval_counts(*, by: Actor, now: datetime) -> dict[str, int]:
    """How many time-limited exceptions each list has whose length says something to do."""
    lists = _listed(by, now)
    return {tab: lists[tab].order_by().count() for tab in ("waiting", "others", "live", "ending")}


def approvals_given(waivers: Collection[Waiver]) -> dict[UUID, int]:
    """How many people have approved each of these as it reads now; one query."""
    votes = WaiverVote.objects.filter(waiver__in=waivers, content_hash=F("waiver__content_hash"), kind=VoteKind.PERSON)
    return dict(votes.values_list("waiver").annotate(people=Count("voter", distinct=True)))


def _listed(by: Actor, now: datetime) -> dict[str, WaiverQuerySet]:
    """What waits for this person and for others, what is in force and ends soon, what is decided, and all of it."""
    waivers = visible_waivers(by)
    asked, live = waivers.filter(state__in=WAIVER_ASKED), waivers.in_force(now)
    mine = Q(pk__in=waiting_for(by=by, now=now).order_by().values("pk"))
    mine |= Q(state=WaiverState.RETURNED, requested_by=by.id)
    return {
        "waiting": asked.filter(mine),
        "others": asked.exclude(mine),
        "live": live,
        "ending": live.filter(expires_at__lte=now + SOON),
        "decided": waivers.exclude(state__in=WAIVER_ASKED),
        "all": waivers,
    }


def waiting_for(*, by: Actor, now: datetime) -> WaiverQuerySet:
    """The requests this person could decide about now, in their own right or as somebody's delegate, and has not approved yet."""
    asked = visible_waivers(by).filter(state=WaiverState.REQUESTED, answer_by__gt=now)
    if not by.may("exceptions.decide_waiver"):
        held = Delegation.objects.filter(
            Q(client=None) | Q(client=OuterRef("client")),
            delegate__in=by.owners,
            is_active=True,
            starts_at__lte=now,
            ends_at__gt=now,
        )
        asked = asked.filter(Exists(held))
    mine = WaiverVote.objects.filter(waiver=OuterRef("pk"), content_hash=OuterRef("content_hash"), voter=by.id)
    return asked.exclude(of_requester_or_owner(by)).exclude(Exists(mine))
