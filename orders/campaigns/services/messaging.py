"""Sales needs different messaging: asked for by anybody who works with it, decided by one, and over when what follows was seen."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import system_actor
from audit.context import Actor
from audit.errors import IllegalTransition
from audit.services.events import Entry, record, record_many
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening
from orders.campaigns.errors import AlreadyAsked
from orders.campaigns.models import Asset, MessagingChange
from orders.campaigns.services.reviewing import ask_cms
from orders.campaigns.services.standing import (
    go_on,
    kind_in_force,
    refuse_unless_in,
    refuse_unless_theirs,
    working,
)
from orders.campaigns.states import CHANGE_LIVE, AssetState, ChangeState
from rules.models import Owner

CASE: Final = "messaging-change"
LONGEST_WISH: Final = 1_000
PUBLISHED_ONCE: Final = (AssetState.PUBLISHED, AssetState.REVISION_REQUESTED, AssetState.IN_REVIEW, AssetState.APPROVED)


def ask_for_change(*, asset_id: UUID, wanted: str, by: Actor, now: datetime) -> MessagingChange:
    """Raise that sales needs different messaging: an exception of whoever decides, on the published asset.

    Raises `AlreadyAsked` while another wish is open, `IllegalTransition` for what was never published, `Invalid` without words.
    """
    words = reason_given(wanted, field="wanted", longest=LONGEST_WISH)
    with working(asset_id, by, now) as asset:
        if asset.published_revision is None or asset.state == AssetState.WITHDRAWN:
            raise IllegalTransition(said("%(key)s is not published: change the draft instead.", key=asset.key))
        if live := asset.changes.filter(state__in=CHANGE_LIVE).first():
            raise AlreadyAsked(
                said("%(who)s has asked for it already: see %(case)s.", who=live.asked_by_name, case=live.case_key)
            )
        decider = decider_of(asset)
        opening = CaseOpening(
            type=CASE,
            subject=subject_ref(asset),
            subject_key=asset.key,
            client_id=asset.client_id,
            title=said("Sales needs different messaging: %(title)s", title=asset.title),
            summary=words,
            cause=f"content:{asset.slug}",
            evidence={"revision": asset.published_revision, "decider": decider.slug, "asked_by": by.id},
            owner=decider.slug,
        )
        (case,) = exceptions.open_cases(openings=[opening], by=by, now=now)
        change = MessagingChange(
            asset=asset,
            client_id=asset.client_id,
            case_key=case.key,
            case_id=case.pk,
            wanted=words,
            asked_by=by.id,
            asked_by_name=by.name,
            asked_at=now,
            from_revision=asset.published_revision,
            decider=decider,
        )
        change.save()
        told: dict[str, Any] = {
            "asset": asset.key,
            "case": case.key,
            "decider": decider.slug,
            "revision": change.from_revision,
        }
        record("messaging.asked", subject=change, state=change.state, **told)
    return change


def decider_of(asset: Asset) -> Owner:
    """Who decides, by the rule book in force: whom the asset's kind names, else its content owner."""
    named = kind_in_force(asset.kind.slug).decider
    return Owner.objects.get(slug=named) if named else asset.content_owner


def decide_change(*, asset_id: UUID, change: bool, reason: str, by: Actor, now: datetime) -> MessagingChange:
    """Have the messaging changed, which asks the content system for a revision, or keep it, which ends the exception.

    Only the decider does this, with a reason. Raises `NotTheirs`, `IllegalTransition` where nothing is to be decided, or content that is
    withdrawn should be changed.
    """
    why = reason_given(reason)
    with working(asset_id, by, now, reason=why) as asset:
        wish = asset.changes.select_related("decider").filter(state=ChangeState.ASKED).first()
        if wish is None:
            raise IllegalTransition(said("Nothing is to be decided about %(key)s.", key=asset.key))
        refuse_unless_theirs(by, wish.decider, what="decider", now=now)
        wish.decide(by=by.id, name=by.name, at=now, reason=why)
        if change:
            refuse_unless_in(asset, *PUBLISHED_ONCE)
            wish.change()
        else:
            wish.keep()
        wish.save()
        record("messaging.to_change" if change else "messaging.kept", subject=wish, asset=asset.key, case=wish.case_key)
        if change:
            _request_revision(asset, wish, now)
        else:
            _end_cases([wish], "kept", now)
    return wish


def _request_revision(asset: Asset, wish: MessagingChange, now: datetime) -> None:
    asset.ask_revision()
    go_on(asset, "asset.revision_requested", now=now, case=wish.case_key)
    more = {"request": wish.case_key, "wanted": wish.wanted, "reason": wish.reason}
    ask_cms(asset, "revise", asset.revision + 1, more, now=now)


def finish_changes(assets: Sequence[Asset], *, now: datetime) -> None:
    """What follows the newest publication of these was seen: the wishes that a newer revision answers are done."""
    wishes = MessagingChange.objects.filter(asset__in=assets, state=ChangeState.TO_CHANGE).select_related("asset")
    done = [one for one in wishes.order_by("pk") if (one.asset.published_revision or 0) > one.from_revision]
    for wish in done:
        wish.finish(revision=wish.asset.published_revision)
    _keep(done, "messaging.done", now)
    _end_cases(done, "changed", now)


def drop_changes(*, cases: Sequence[ExceptionCase], now: datetime) -> None:
    """The exceptions of these were withdrawn: nobody needs an answer any more."""
    ids = [case.pk for case in cases if case.type == CASE and not case.outcome]
    wishes = MessagingChange.objects.filter(case_id__in=ids, state__in=CHANGE_LIVE).select_related("asset")
    dropped = list(wishes.order_by("pk"))
    for wish in dropped:
        wish.drop()
    _keep(dropped, "messaging.withdrawn", now)


def _keep(wishes: Sequence[MessagingChange], verb: str, now: datetime) -> None:
    MessagingChange.objects.save_changes(wishes, at=now)
    record_many(
        [
            Entry(verb, one, data={"asset": one.asset.key, "case": one.case_key}, changes=one.last_changes())
            for one in wishes
        ]
    )


def _end_cases(wishes: Sequence[MessagingChange], outcome: str, now: datetime) -> None:
    ids = [wish.case_id for wish in wishes]
    exceptions.resolve_cases(case_ids=ids, outcome=outcome, by=system_actor("content"), now=now)
