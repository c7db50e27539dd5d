"""Beginning content, saying who answers for it, and ending it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require, system_actor
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.campaigns.models import Asset
from orders.campaigns.services.following import follow_withdrawal
from orders.campaigns.services.questions import take_back
from orders.campaigns.services.standing import (
    JOINED,
    OVERDUE,
    PERMISSION,
    due_at,
    kind_in_force,
    refuse_unless_in,
    working,
)
from orders.campaigns.states import AssetState
from orders.sync import services as sync
from rules import selectors as rules
from rules.models import AssetKind, Client, Owner

MOST_SKUS, LONGEST_SKU = 200, 80
HOLDERS: Final = ("owner", "backup", "content_owner")
SHOWN: Final = ("title", "region", "locale", "skus")


def add_asset(
    *,
    client: str,
    slug: str,
    kind: str,
    title: str,
    owner: str,
    backup: str,
    content_owner: str,
    region: str = "",
    locale: str = "",
    skus: Sequence[str] = (),
    by: Actor,
    now: datetime,
) -> Asset:
    """Begin a piece of content as a draft of its owner; everything but title and places is named by slug.

    Raises `Invalid` naming every field that is missing or unknown, `Conflict` where the client has one of this slug, `NotFound` for a
    client that is not the actor's, `Refused`.
    """
    with acting(by, at=now):
        require(by, PERMISSION)
        of = Client.objects.filter(slug=client, is_active=True).select_related("calendar").first()
        if of is None or not by.reaches(of.pk):
            raise NotFound("There is no such client, or it is not yours to see.")
        told = {"title": title, "region": region, "locale": locale}
        found = _checked(told, {"owner": owner, "backup": backup, "content_owner": content_owner}, skus)
        kind_in_force(kind)
        if Asset.objects.filter(client=of, slug=slug).exists():
            raise Conflict(said("%(client)s has content called %(slug)s already.", client=of.name, slug=slug))
        asset = Asset(client=of, slug=slug, kind=AssetKind.objects.get(slug=kind), since=now, **found)
        asset.due_at = due_at(asset, now)
        asset.save()
        record("asset.added", subject=asset, state=asset.state, slug=slug, **_named(asset))
        exceptions.set_timer(subject=subject_ref(asset), kind=OVERDUE, due_at=asset.due_at or now)
    return Asset.objects.select_related(*JOINED).get(pk=asset.pk)


def describe_asset(
    *,
    asset_id: UUID,
    title: str,
    owner: str,
    backup: str,
    content_owner: str,
    region: str = "",
    locale: str = "",
    skus: Sequence[str] = (),
    reason: str,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> Asset:
    """Say anew what it is about and who answers for it. Raises as `add_asset`, and `StaleVersion`."""
    with working(asset_id, by, now, reason=reason_given(reason), seen=seen) as asset:
        told = {"title": title, "region": region, "locale": locale}
        found = _checked(told, {"owner": owner, "backup": backup, "content_owner": content_owner}, skus)
        for name, value in found.items():
            setattr(asset, name, value)
        asset.save()
        if any(name in SHOWN for name in asset.last_changes()):
            take_back([asset], now=now, why=said("What the client was shown has changed."))
        record("asset.described", subject=asset, **_named(asset))
    return asset


def withdraw_asset(*, asset_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> Asset:
    """It is not used any more: nothing is expected, waited for or asked of it."""
    why = reason_given(reason)
    with working(asset_id, by, now, reason=why, seen=seen) as asset:
        refuse_unless_in(asset, *(one for one in AssetState if one != AssetState.WITHDRAWN))
        asset.withdraw()
        asset.since, asset.due_at = now, None
        asset.save()
        record("asset.withdrawn", subject=asset, revision=asset.revision)
        take_back([asset], now=now, why=said("It is withdrawn."))
        exceptions.cancel_timer(subject=subject_ref(asset), kind=OVERDUE, now=now)
        sync.cancel_runs(subjects=[subject_ref(asset)], by=by, now=now)
        about = subject_ref(asset)
        live = ExceptionCase.objects.live().filter(subject_type=about.type, subject_id=about.id)
        exceptions.withdraw_cases(
            case_ids=live.values_list("pk", flat=True),
            reason=said("%(key)s was withdrawn.", key=asset.key),
            by=system_actor("content"),
            now=now,
        )
        follow_withdrawal(asset, now=now)
    return asset


def _checked(told: Mapping[str, str], holders: Mapping[str, str], skus: Sequence[str]) -> dict[str, Any]:
    """The values as the record keeps them. Raises `Invalid` naming every field that cannot be."""
    errors: list[FieldError] = []
    if not told["title"].strip():
        errors.append(FieldError("/title", "required", said("Say what it is called.")))
    known = {one.slug: one for one in Owner.objects.select_related("backup").filter(slug__in=set(holders.values()))}
    for field, slug in holders.items():
        if slug not in known:
            detail = said("Name the %(what)s: somebody has to answer for it.", what=field.replace("_", " "))
            errors.append(FieldError(f"/{field}", "required", detail))
    named = {field: known[slug] for field, slug in holders.items() if slug in known}
    errors += rules.without_backup(Asset, named)
    if holders["owner"] == holders["backup"] and holders["owner"] in known:
        errors.append(FieldError("/backup", "same", said("The backup is somebody other than the owner.")))
    codes = list(dict.fromkeys(code.strip() for code in skus if code.strip()))
    if len(codes) > MOST_SKUS or any(len(code) > LONGEST_SKU for code in codes):
        detail = said("Name at most %(most)s products, each by its code.", most=MOST_SKUS)
        errors.append(FieldError("/skus", "out-of-range", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
    return {**{name: text.strip() for name, text in told.items()}, **named, "skus": codes}


def _named(asset: Asset) -> dict[str, Any]:
    return {f"{field}_slug": getattr(asset, field).slug for field in HOLDERS}
