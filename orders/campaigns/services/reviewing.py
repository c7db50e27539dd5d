"""A revision on its way to the public: given to review, signed, sent back or approved, and the content system asked to publish it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.context import Actor
from audit.errors import Conflict, FieldError, Invalid
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import at, said
from exceptions import services as exceptions
from exceptions.services import Telling
from orders.campaigns.errors import Unsigned
from orders.campaigns.models import Asset, Signature
from orders.campaigns.services.questions import refuse_unless_agreed
from orders.campaigns.services.standing import (
    Onward,
    go_on,
    go_on_many,
    kind_in_force,
    refuse_unless_in,
    refuse_unless_theirs,
    working,
)
from orders.campaigns.states import AssetState
from orders.sync import services as sync
from orders.sync.selectors.serving import systems_serving
from orders.sync.services import Promise
from rules import selectors as rules
from rules.models import Owner
from rules.states import Layer

REQUESTED = "content.requested"
CONTENT_OWNER = "content owner"


def submit_asset(*, asset_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> Asset:
    """Give the draft to review: it has a new number from now on, and nothing is signed of it."""
    with working(asset_id, by, now, seen=seen) as asset:
        refuse_unless_in(asset, AssetState.DRAFT, AssetState.REVISION_REQUESTED)
        to_review([(Onward(asset, "asset.submitted"), asset.revision + 1)], now=now)
    return asset


def to_review(revisions: Sequence[tuple[Onward, int]], *, now: datetime) -> None:
    """These revisions of different assets wait for their content owners, who are told."""
    book = rules.active_book()
    for one, revision in revisions:
        one.asset.take_in(revision=revision, checklist=list(kind_in_force(one.asset.kind.slug, book).checklist))
    go_on_many([one for one, _ in revisions], now=now)
    exceptions.notify_many(tellings=[_to_be_reviewed(one.asset, now) for one, _ in revisions], now=now)


def _to_be_reviewed(asset: Asset, now: datetime) -> Telling:
    text = said(
        "%(key)s “%(title)s”: revision %(revision)s waits for your review, due %(due)s.",
        key=asset.key,
        title=asset.title,
        revision=asset.revision,
        due=at(asset.due_at or now),
    )
    return _telling(asset, asset.content_owner, "asset.submitted", text)


def sign_item(*, asset_id: UUID, item: str, revision: int, by: Actor, now: datetime) -> Signature:
    """Stand for one item of the checklist of the revision in review.

    Raises `Invalid` for what the checklist does not have, `Conflict` when somebody has signed it, or it is another revision by now.
    """
    with working(asset_id, by, now) as asset:
        refuse_unless_in(asset, AssetState.IN_REVIEW)
        if revision != asset.revision:
            raise Conflict(
                said("Revision %(newest)s is in review now. Look at it before you sign.", newest=asset.revision)
            )
        if item not in asset.checklist:
            detail = said("Choose one of: %(values)s.", values="; ".join(asset.checklist))
            raise Invalid(detail, errors=[FieldError("/item", "unknown", detail)])
        if earlier := asset.signatures.filter(revision=revision, item=item).first():
            raise Conflict(said("%(who)s has signed this already.", who=earlier.signer_name), who=earlier.signer_name)
        signature = Signature.objects.create(
            asset=asset, revision=revision, item=item, at=now, signer=by.id, signer_name=by.name
        )
        record("asset.signed", subject=asset, changes={}, revision=revision, item=item)
    return signature


def send_back(*, asset_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> Asset:
    """It is not right yet: the owner has it again. Only the content owner does this; raises `NotTheirs`."""
    why = reason_given(reason)
    with working(asset_id, by, now, reason=why, seen=seen) as asset:
        refuse_unless_theirs(by, asset.content_owner, what=CONTENT_OWNER, now=now)
        refuse_unless_in(asset, AssetState.IN_REVIEW)
        asset.send_back()
        go_on(asset, "asset.sent_back", now=now)
        told = said("%(key)s “%(title)s” was sent back: %(reason)s", key=asset.key, title=asset.title, reason=why)
        exceptions.notify_many(tellings=[_telling(asset, asset.owner, "asset.sent_back", told)], now=now)
    return asset


def approve_asset(*, asset_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> Asset:
    """This revision may be published, and the content system is asked to. Only the content owner does this.

    Raises `NotTheirs`, `Unsigned` naming what nobody has signed, `ClientHasNotAgreed`, `IllegalTransition`, `StaleVersion`.
    """
    with working(asset_id, by, now, seen=seen) as asset:
        refuse_unless_theirs(by, asset.content_owner, what=CONTENT_OWNER, now=now)
        refuse_unless_in(asset, AssetState.IN_REVIEW)
        if missing := unsigned(asset):
            raise Unsigned(said("Nobody has signed yet: %(missing)s.", missing="; ".join(missing)))
        refuse_unless_agreed(asset, kind_in_force(asset.kind.slug))
        asset.approve()
        go_on(asset, "asset.approved", now=now)
        ask_cms(asset, "publish", asset.revision, {}, now=now)
    return asset


def unsigned(asset: Asset) -> list[str]:
    """What of the newest revision's checklist nobody has signed."""
    signed = set(asset.signatures.filter(revision=asset.revision).values_list("item", flat=True))
    return [item for item in asset.checklist if item not in signed]


def ask_cms(asset: Asset, kind: str, revision: int, more: Mapping[str, Any], *, now: datetime) -> None:
    """Promise the content system of the asset's client to be told; nothing where there is none: people publish by hand there."""
    promises = []
    for system in systems_serving(layer=Layer.CMS, client_id=asset.client_id)[:1]:
        key = f"{asset.key}/{kind}/{revision}" + (f"/{more['request']}" if "request" in more else "")
        payload = {
            "request": key,
            "kind": kind,
            "client": asset.client.slug,
            "asset": asset.slug,
            "revision": revision,
            **({"due_at": asset.due_at.isoformat()} if asset.due_at else {}),
            **{name: value for name, value in more.items() if name != "request"},
        }
        promises.append(Promise(system, REQUESTED, subject_ref(asset), payload, key, asset.key))
    sync.promise_many(promises=promises, now=now)


def _telling(asset: Asset, owner: Owner, event: str, text: str) -> Telling:
    return Telling(owner, event, text, f"/content/{asset.key}/", asset.client_id)
