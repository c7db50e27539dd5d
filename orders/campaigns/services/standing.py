"""What every act on content shares: lock it, who may, when the next step is due, and what ends when it goes on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require, system_actor
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, StaleVersion
from audit.services.events import record
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, said, within
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening
from exceptions.timer_kinds import Due
from orders.campaigns.errors import NotTheirs
from orders.campaigns.models import Asset
from orders.campaigns.states import WAITING, AssetState
from rules import selectors as rules
from rules.asset_kinds import AssetKindSpec, asset_kinds_of
from rules.models import Owner

PERMISSION: Final = "content.work_asset"
OVERDUE: Final = "campaigns.asset_overdue"
OVERDUE_CASE: Final = "content-overdue"
JOINED: Final = ("client__calendar", "kind", "owner", "backup", "content_owner")


@contextmanager
def working(asset_id: UUID, by: Actor, now: datetime, *, reason: str = "", seen: int | None = None) -> Iterator[Asset]:
    """The asset, locked in one act. Raises `NotFound`, `Refused`, `StaleVersion` when it is no longer what was `seen`."""
    with acting(by, at=now, reason=reason):
        locked = Asset.objects.select_for_update().filter(pk=asset_id).first()
        if locked is None:
            raise NotFound("There is no such content, or it is not yours to see.")
        require(by, PERMISSION, locked)
        if seen is not None and locked.version != seen:
            raise StaleVersion(said("%(key)s was changed since you looked at it. Look again.", key=locked.key))
        yield Asset.objects.select_related(*JOINED).get(pk=asset_id)


def lock_assets(ids: Sequence[str]) -> set[str]:
    """Lock these in the order of their keys, skipping those somebody holds; the ones that are now safe to work on."""
    rows = Asset.objects.filter(pk__in=[UUID(one) for one in ids]).order_by("pk")
    return {str(pk) for pk in rows.select_for_update(skip_locked=True).values_list("pk", flat=True)}


def kind_in_force(slug: str) -> AssetKindSpec:
    """What the rule book in force says of this kind. Raises `Invalid` where it does not know it."""
    known = asset_kinds_of(rules.active_book())
    if slug not in known:
        detail = said("Choose one of: %(values)s.", values=", ".join(sorted(known)))
        raise Invalid(detail, errors=[FieldError("/kind", "unknown", detail)])
    return known[slug]


def refuse_unless_in(asset: Asset, *states: AssetState) -> None:
    """Raises `IllegalTransition` saying where it stands."""
    if asset.state not in states:
        label = within(AssetState(asset.state).label)
        raise IllegalTransition(said("%(key)s is “%(label)s”: this cannot be done now.", key=asset.key, label=label))


def refuse_unless_theirs(by: Actor, owner: Owner, *, what: str, now: datetime) -> None:
    """Only the one who answers for it, or who stands in while they are away. Raises `NotTheirs` naming them."""
    there = rules.on_duty(owner, now)
    if not by.owners & {owner.pk, there.pk}:
        raise NotTheirs(
            said("Only the %(what)s does this: %(name)s.", what=within(what), name=there.name), who_can=[there.name]
        )


def go_on(asset: Asset, verb: str, *, now: datetime, **told: Any) -> None:
    """Keep the state it has just come into, with the deadline of its next step; what waited for the step before has ended."""
    asset.since, asset.due_at = now, due_at(asset, now)
    asset.save()
    record(verb, subject=asset, revision=asset.revision, **told)
    if asset.due_at is not None:
        exceptions.set_timer(subject=subject_ref(asset), kind=OVERDUE, due_at=asset.due_at)
    else:
        exceptions.cancel_timer(subject=subject_ref(asset), kind=OVERDUE, now=now)
    end_cases(subject_ref(asset), OVERDUE_CASE, outcome="resolved", now=now)


def due_at(asset: Asset, now: datetime) -> datetime | None:
    """Until when who has it takes the next step, by its kind in the hours of its client; None where nobody has to."""
    field = WAITING.get(AssetState(asset.state))
    if field is None:
        return None
    sla = getattr(kind_in_force(asset.kind.slug), field)
    return rules.active_book().due_at(sla, now, asset.client.calendar.slug, in_words=False).due_at


def end_cases(about: SubjectRef, kind: str, *, outcome: str, now: datetime) -> None:
    """What somebody had to look at is so by now: the live case of this kind is solved, by the product itself."""
    live = ExceptionCase.objects.live().filter(subject_type=about.type, subject_id=about.id, type=kind)
    for case_id in live.values_list("pk", flat=True):
        exceptions.resolve_case(case_id=case_id, outcome=outcome, by=system_actor("content"), now=now)


def on_overdue(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody took the next step in time: it becomes an exception of whoever has it, and climbs its ladder."""
    late = Asset.objects.filter(pk__in=[timer.subject_id for timer in timers], due_at__lte=now).select_related(*JOINED)
    openings = [
        CaseOpening(
            type=OVERDUE_CASE,
            subject=subject_ref(asset),
            subject_key=asset.key,
            client_id=asset.client_id,
            title=said(
                "%(key)s “%(title)s” is “%(label)s” since %(since)s",
                key=asset.key,
                title=asset.title,
                label=within(AssetState(asset.state).label),
                since=at(asset.since),
            ),
            cause=f"content:{asset.state}",
            evidence={"state": asset.state, "revision": asset.revision, "since": asset.since.isoformat()},
            owner=asset.in_hand.slug,
        )
        for asset in late.order_by("number")
    ]
    exceptions.open_cases(openings=openings, by=current_actor(), now=now)
