"""What of content waits for somebody's word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db.models import Count, F, Q

from audit.context import Actor
from audit.words import said
from exceptions.ageing import Waiting
from exceptions.models import ExceptionCase
from exceptions.states import ClientAnswer
from orders.campaigns.models import Asset, AssetApproval, MessagingChange
from orders.campaigns.selectors import VIEW, address_of_asset, assets_for
from orders.campaigns.states import AssetState, ChangeState
from rules.models import Owner
from rules.selectors.people import Roster, roster

MOST_WAITING: Final = 100
UNSIGNED: Final = said("Checklist to be signed")
DECISION: Final = said("Decision about the messaging")
WAITS_FOR: Final = {
    AssetState.DRAFT: said("Draft to be given to review"),
    AssetState.IN_REVIEW: said("Review of content"),
    AssetState.APPROVED: said("Approved content to be published"),
    AssetState.REVISION_REQUESTED: said("Revision of content"),
}
CLIENTS_ANSWER: Final = said("Client's answer")


def waiting_content(by: Actor, now: datetime) -> Iterator[Waiting]:
    """Drafts, checklists, reviews and publications that wait for somebody, and wishes to be decided; none for who may not look."""
    if not by.may(VIEW):
        return
    there = roster(now)
    signed = Count("signatures", filter=Q(signatures__revision=F("revision")))
    in_hand = assets_for(by).filter(due_at__isnull=False).annotate(signed=signed).order_by("due_at", "number")
    for asset in in_hand[:MOST_WAITING]:
        if asset.due_at is not None:
            missing = asset.state == AssetState.IN_REVIEW and asset.signed < len(asset.checklist)
            what = UNSIGNED if missing else WAITS_FOR[AssetState(asset.state)]
            row = _waiting(asset, what, asset.in_hand, asset.since, asset.due_at, now)
            is_decision = asset.state == AssetState.IN_REVIEW
            yield (
                replace(row, decides=_is_theirs(asset.in_hand, by, there), asked_by=asset.owner.name)
                if is_decision
                else row
            )
    yield from _clients(by, now)
    asked = MessagingChange.objects.filter(state=ChangeState.ASKED, asset__in=assets_for(by).order_by().values("pk"))
    wishes = list(asked.select_related("decider", "asset").order_by("asked_at", "pk")[:MOST_WAITING])
    cases = ExceptionCase.objects.in_bulk([wish.case_id for wish in wishes])
    for wish in wishes:
        if (case := cases.get(wish.case_id)) is not None:
            row = _waiting(wish.asset, DECISION, wish.decider, wish.asked_at, case.due_at, now)
            own, decides = wish.asked_by == by.id, _is_theirs(wish.decider, by, there)
            yield replace(row, decides=decides, asked_by=wish.asked_by_name, is_own=own)


def _clients(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = AssetApproval.objects.filter(state=ClientAnswer.SENT, asset__in=assets_for(by).order_by().values("pk"))
    for one in asked.select_related("asset").order_by("expires_at", "pk")[:MOST_WAITING]:
        url, half = address_of_asset(one.asset.key), one.sent_at + (one.expires_at - one.sent_at) / 2
        about = [(one.asset.title, url)]
        yield Waiting(CLIENTS_ANSWER, one.asset.key, about, one.contact, one.sent_at, one.expires_at, half <= now, url)


def _is_theirs(owner: Owner, by: Actor, there: Roster) -> bool:
    """Whether this person is, or stands in for, the one who answers for it."""
    return bool(by.owners & {owner.pk, there.on_duty(owner.slug).pk})


def _waiting(asset: Asset, what: str, whom: Owner, since: datetime, due_at: datetime, now: datetime) -> Waiting:
    url = address_of_asset(asset.key)
    return Waiting(what, asset.key, [(asset.title, url)], whom.name, since, due_at, due_at <= now, url)
