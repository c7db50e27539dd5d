"""An approver lets somebody else decide for a while."""

from datetime import datetime, timedelta
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, Refused
from audit.services.events import record
from audit.words import at, said
from exceptions.models import Delegation
from exceptions.services.notifications import notify
from rules import selectors as rules
from rules.models import Client, Owner
from rules.states import OwnerKind

DECIDE = "exceptions.decide_waiver"
LONGEST = timedelta(days=30)


def delegate_approvals(
    *,
    to: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    client: Client | None = None,
    by: Actor,
    now: datetime,
) -> Delegation:
    """Let the person `to` (an owner's slug) decide in the actor's place, about everything or about one client.

    A delegate never decides about what they or the approver asked for or own, and never hands it on; gates of high risk take no delegate
    without a role of their own. Raises `Refused` for who may not decide, `Invalid` naming every field that is wrong.
    """
    with acting(by, at=now, reason=reason.strip()):
        require(by, DECIDE)
        giver = Owner.objects.filter(user_id=by.user_id or 0, kind=OwnerKind.PERSON, is_active=True).first()
        if giver is None:
            raise Refused("Only a person who decides can name a delegate.", permission=DECIDE)
        taker = Owner.objects.filter(slug=to, kind=OwnerKind.PERSON, is_active=True).select_related("user").first()
        _refuse_invalid(giver, taker, starts_at, ends_at, reason, client, now)
        assert taker is not None  # noqa: S101 -- refused above
        given = Delegation(
            delegator=giver, delegate=taker, client=client, starts_at=starts_at, ends_at=ends_at, reason=reason.strip()
        )
        given.save()
        record("delegation.begun", subject=given, delegate=taker.slug, starts_at=starts_at, ends_at=ends_at)
        words = said(
            "%(name)s lets you decide about approvals until %(end)s: %(reason)s",
            name=giver.name,
            end=at(ends_at),
            reason=reason.strip(),
        )
        notify(owner=taker, event="delegation.begun", text=words, url="/approvals/", now=now)
    return given


def end_delegation(*, delegation_id: UUID, reason: str = "", by: Actor, now: datetime) -> Delegation:
    """End it before its time; who gave it, who has it and admins may. Raises `NotFound`, `Refused`, `IllegalTransition`."""
    with acting(by, at=now, reason=reason.strip()):
        given = (
            Delegation.objects.select_for_update(of=("self",))
            .select_related("delegator", "delegate")
            .filter(pk=delegation_id)
            .first()
        )
        if given is None:
            raise NotFound("There is no such delegation.")
        if by.user_id not in {given.delegator.user_id, given.delegate.user_id} and not by.may("rules.edit_rules"):
            raise Refused("Only who gave it, who has it and admins may end it.", permission="rules.edit_rules")
        if not given.is_active or given.ends_at <= now:
            raise IllegalTransition("It has ended already.")
        given.is_active = False
        given.save()
        record("delegation.ended", subject=given, reason=reason.strip())
    return given


def _refuse_invalid(
    giver: Owner,
    taker: Owner | None,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    client: Client | None,
    now: datetime,
) -> None:
    errors = [
        FieldError(pointer, code, detail)
        for wrong, pointer, code, detail in (
            (not reason.strip(), "/reason", "missing", "Say why; your delegate reads it."),
            (
                not starts_at < ends_at or ends_at <= now or ends_at - starts_at > LONGEST,
                "/ends_at",
                "out-of-range",
                said("Enter an end after the beginning, at most %(days)s days later.", days=LONGEST.days),
            ),
        )
        if wrong
    ]
    if taker is None or taker.pk == giver.pk or not _can_take(taker, client):
        detail = said("Name another person who works exceptions of these clients.")
        errors.append(FieldError("/to", "unknown", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _can_take(taker: Owner, client: Client | None) -> bool:
    if taker.user is None or not taker.user.is_active:
        return False
    actor = rules.actor_for(taker.user, channel="web")
    return actor.may("exceptions.work_case", client.pk if client else None)
