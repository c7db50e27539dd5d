"""Deciding about what was asked: yes, possibly for less, by as many people as the gate asks for; or no, and why."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from audit.context import Actor
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, Refused
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.words import at, listed, said
from exceptions.errors import OwnRequest, WaiverChanged
from exceptions.models import Waiver, WaiverVote
from exceptions.selectors.approvers import DECIDE, Authority, approvers_of, authority_of
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.services.waiver_news import tell_concerned, tell_subjects_of_begun
from exceptions.services.waiver_papers import (
    BEGIN,
    EXPIRE,
    HEADS_UP,
    a_comment,
    a_scope,
    bases_now,
    gate_of,
    impact_now,
    locked_waiver,
    refuse_unless_seen,
    require_state,
    stop_waiting,
    whole_impact,
)
from exceptions.services.waiver_windows import window_of
from exceptions.states import VoteKind, WaiverState
from rules.models import ApiToken
from rules.rulebook import GateSpec

HEADS_UP_BEFORE = timedelta(hours=4)
SHARE_THAT_MATTERS = 10


def approve_waiver(
    *,
    waiver_id: UUID,
    by: Actor,
    now: datetime,
    seen_hash: str | None = None,
    seen_base: str | None = None,
    seen_passing: int | None = None,
    minutes: int | None = None,
    scope: Sequence[str] | None = None,
    comment: str = "",
) -> Waiver:
    """Let the subject pass from now on, or from the end of what this extends; for fewer `minutes` or less of it (`scope`) if given.

    Where the gate asks for two people, or for the client too, this is one approval, and the last one opens the gate for the least that
    was allowed. Raises `OwnRequest` for the requester and the owner, `WaiverChanged` when what was seen (content, the state of the
    subject, or by more than a tenth how much passes) is not what would be approved, `Refused` for somebody who is no approver,
    `IllegalTransition` when it is decided or lapsed.
    """
    with deciding(waiver_id, by, now, seen_hash) as (waiver, authority):
        base = _unchanged_base(waiver, seen_base, seen_passing)
        granted = waiver.effective_minutes if minutes is None else minutes
        if not 1 <= granted <= waiver.effective_minutes:
            detail = said(
                "You may shorten it, not extend it: between 1 and %(effective_minutes)s minutes.",
                effective_minutes=waiver.effective_minutes,
            )
            raise Invalid(detail, errors=[FieldError("/minutes", "out-of-range", detail)])
        _refuse_repeated_vote(waiver, by, authority, base)
        vote = WaiverVote.objects.create(
            waiver=waiver,
            at=now,
            voter=by.id,
            voter_name=by.name,
            behalf=authority.behalf,
            content_hash=waiver.content_hash,
            base_hash=base,
            minutes=granted,
            scope=a_scope(scope, whole_impact(waiver), within=waiver.scope),
            comment=comment.strip(),
        )
        behalf = authority.behalf.slug if authority.behalf else ""
        record("waiver.voted", subject=waiver, hash=vote.content_hash, base=base, minutes=granted, on_behalf_of=behalf)
        open_if_enough(waiver, base=base, by=by, now=now)
    return waiver


def open_if_enough(waiver: Waiver, *, base: str, by: Actor, now: datetime) -> None:
    """Approve when everybody who has to has allowed this content for this state of the subject; for the least of what they allow."""
    votes = list(waiver.votes.filter(content_hash=waiver.content_hash, base_hash=base).order_by("at", "pk"))
    people = [vote for vote in votes if vote.kind == VoteKind.PERSON]
    if len(people) < waiver.approvals_needed or (waiver.client_agrees and len(people) == len(votes)):
        return
    last, granted = people[-1], min(vote.minutes for vote in votes)
    starts, ends = window_of(waiver, granted, now=now)
    waiver.base_hash, waiver.bases, waiver.comment = base, bases_now(waiver), last.comment
    waiver.granted_scope = _least(votes, waiver.scope)
    allowed = [one for one, key in waiver.subject_keys.items() if key in waiver.granted_scope]
    waiver.passing = allowed if waiver.others else []
    waiver.approve(by=last.voter, name=last.voter_name, at=now, starts_at=starts, expires_at=ends)
    waiver.save()
    several = {"subjects": waiver.granted_scope} if waiver.others else {}
    record("waiver.approved", subject=waiver, starts_at=starts, expires_at=ends, hash=waiver.content_hash, **several)
    stop_waiting(waiver, now=now)
    watch_its_end(waiver, granted)
    names = ", ".join(vote.voter_name for vote in people)
    told = {"names": names, "start": at(starts), "end": at(ends)}
    words = said("Approved by %(names)s until %(end)s.", **told)
    if starts > now:
        words = said("Approved by %(names)s, from %(start)s until %(end)s.", **told)
    tell_concerned(waiver, "waiver.approved", words, now)
    if waiver.is_in_force(now):
        tell_subjects_of_begun([waiver], by=by, now=now)
    elif waiver.extends_id is None or starts == waiver.begin_at:
        set_timers(settings=[TimerSetting(subject_ref(waiver), BEGIN, starts)])


def watch_its_end(waiver: Waiver, minutes: int) -> None:
    """The heads-up and the end, as timers."""
    assert waiver.expires_at is not None  # noqa: S101 -- it has just been opened
    warn = waiver.expires_at - min(HEADS_UP_BEFORE, timedelta(minutes=minutes) / 5)
    ref = subject_ref(waiver)
    set_timers(settings=[TimerSetting(ref, EXPIRE, waiver.expires_at), TimerSetting(ref, HEADS_UP, warn)])


def reject_waiver(*, waiver_id: UUID, comment: str, by: Actor, now: datetime, seen_hash: str | None = None) -> Waiver:
    """Say no, and why; the requester reads it."""
    with deciding(waiver_id, by, now, seen_hash) as (waiver, _authority):
        waiver.reject(by=by.id, name=by.name, at=now, comment=a_comment(comment))
        waiver.save()
        record("waiver.rejected", subject=waiver, reason=comment)
        stop_waiting(waiver, now=now)
        words = said("Denied by %(name)s: %(comment)s", name=by.name, comment=comment)
        tell_concerned(waiver, "waiver.rejected", words, now)
    return waiver


def refuse_unless_decidable(waiver: Waiver, *, by: Actor, now: datetime) -> Authority:
    """On what authority this person decides about it now, or why not: `IllegalTransition`, `OwnRequest` or `Refused`."""
    require_state(waiver, WaiverState.REQUESTED, act="decided")
    if waiver.answer_by <= now:
        raise IllegalTransition(
            said(
                "%(key)s lapsed at %(answer_by)s UTC; it has to be asked for again.",
                key=waiver.key,
                answer_by=f"{waiver.answer_by:%d %b %H:%M}",
            )
        )
    if by.kind == "integrator":
        raise Refused("A person has to decide about this; a program cannot.", permission=DECIDE)
    spec = gate_of(waiver.gate)
    if _asked_by(waiver, by):
        these = _who_can(waiver, spec, now)
        raise OwnRequest(
            said("You asked for this, so somebody else has to decide. %(these)s", these=these), permission=DECIDE
        )
    if waiver.owner.user_id is not None and waiver.owner.user_id == by.user_id:
        these = _who_can(waiver, spec, now)
        raise OwnRequest(
            said("You own what this allows, so somebody else has to decide. %(these)s", these=these), permission=DECIDE
        )
    authority = authority_of(waiver, by=by, spec=spec, now=now)
    if authority is None:
        these = _who_can(waiver, spec, now)
        raise Refused(
            said("You are not an approver of the gate “%(gate)s”. %(these)s", gate=spec.name, these=these),
            permission=DECIDE,
        )
    return authority


def _who_can(waiver: Waiver, spec: GateSpec, now: datetime) -> str:
    names = [one.owner.name for one in approvers_of(waiver, spec=spec, now=now)]
    return said("These can: %(names)s.", names=listed(names)) if names else said("Nobody can right now.")


def window_if_approved(waiver: Waiver, *, now: datetime) -> tuple[datetime, datetime]:
    """From when until when it would hold if it were approved now as it was asked for; the window it has once it is."""
    if waiver.starts_at and waiver.expires_at:
        return waiver.starts_at, waiver.expires_at
    try:
        return window_of(waiver, waiver.effective_minutes, now=now)
    except IllegalTransition:
        return now, waiver.end_by or now


@contextmanager
def deciding(waiver_id: UUID, by: Actor, now: datetime, seen_hash: str | None) -> Iterator[tuple[Waiver, Authority]]:
    """The request under its lock, with the authority to decide about what was seen of it."""
    with locked_waiver(waiver_id, by, now, "exceptions.view_case") as waiver:
        authority = refuse_unless_decidable(waiver, by=by, now=now)
        refuse_unless_seen(waiver, seen_hash)
        yield waiver, authority


def _unchanged_base(waiver: Waiver, seen_base: str | None, seen_passing: int | None) -> str:
    """The fingerprint of what it is about, where it still is what was seen.

    Any change of that voids what was seen. What does not touch it (another hold, a parcel that went) may move how much passes by a tenth.
    """
    impact = impact_now(waiver)
    base, passing = (impact.base, len(impact.marginal)) if impact else ("", 0)
    seen = passing if seen_passing is None else seen_passing
    told = {"subject_words": waiver.subject_words, "seen": seen, "passing": passing}
    if base != ((waiver.base_hash or base) if seen_base is None else seen_base):
        if seen != passing:
            raise WaiverChanged(
                said(
                    "%(subject_words)s has changed since you looked at it: %(seen)s → %(passing)s pass only with this."
                    " See what would pass now, and decide again.",
                    **told,
                )
            )
        raise WaiverChanged(
            said(
                "%(subject_words)s has changed since you looked at it. See what would pass now, and decide again.",
                subject_words=waiver.subject_words,
            )
        )
    if abs(passing - seen) * SHARE_THAT_MATTERS > seen:
        raise WaiverChanged(
            said("What you saw has changed: %(seen)s → %(passing)s pass only with this. Decide again.", **told)
        )
    return base


def _refuse_repeated_vote(waiver: Waiver, by: Actor, authority: Authority, base: str) -> None:
    """One person, one approval; an approver and who stands in for them are one."""
    people = {by.id, *({f"user:{authority.behalf.user_id}"} if authority.behalf else ())}
    votes = waiver.votes.filter(content_hash=waiver.content_hash, base_hash=base, kind=VoteKind.PERSON)
    for voter, behalf in votes.values_list("voter", "behalf__user_id"):
        if people & {voter, f"user:{behalf}"}:
            text = said(
                "You have approved %(key)s already, or somebody in your place; another person has to approve too.",
                key=waiver.key,
            )
            raise Conflict(text, code="already-approved")


def _least(votes: Sequence[WaiverVote], asked: Sequence[str]) -> list[str]:
    """What all of them allow; empty for everything. Raises `Conflict` when they have nothing in common."""
    limited = [set(scope) for scope in (asked, *(vote.scope for vote in votes)) if scope]
    common = sorted(set.intersection(*limited)) if limited else []
    if limited and not common:
        text = said("The approvers allow different parts of it, with nothing in common.")
        raise Conflict(text, code="nothing-in-common")
    return common


def _asked_by(waiver: Waiver, by: Actor) -> bool:
    """Whether this person asked, be it through a program of theirs."""
    kind, _, prefix = waiver.requested_by.partition(":")
    return waiver.requested_by == by.id or (
        kind == "token"
        and by.user_id is not None
        and ApiToken.objects.filter(prefix=prefix, user_id=by.user_id).exists()
    )
