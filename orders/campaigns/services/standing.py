"""What every act on content shares: lock it, who may, when the next step is due, and what ends when it goes on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require, system_actor
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, StaleVersion
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, said, within
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening, TimerSetting
from exceptions.timer_kinds import Due
from orders.campaigns.errors import NotTheirs
from orders.campaigns.models import Asset
from orders.campaigns.services.questions import take_back
from orders.campaigns.states import WAITING, AssetState
from rules import selectors as rules
from rules.asset_kinds import AssetKindSpec, asset_kinds_of
from rules.models import Owner
from rules.rulebook import CompiledBook

PERMISSION: Final = "content.work_asset"
OVERDUE: Final = "campaigns.asset_overdue"
OVERDUE_CASE: Final = "content-overdue"
ASSET: Final = "campaigns.asset"
JOINED: Final = ("client__calendar", "kind", "owner", "backup", "content_owner")


@dataclass(frozen=True)
class Onward:
    """An asset that has just come into another state, and what the trail says of it."""

    asset: Asset
    verb: str
    told: Mapping[str, Any] = field(default_factory=dict)


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


def kind_in_force(slug: str, book: CompiledBook | None = None) -> AssetKindSpec:
    """What the rule book in force (which is `book`, where it is at hand) says of this kind. Raises `Invalid` where it does not know it."""
    known = asset_kinds_of(book or rules.active_book())
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
    go_on_many([Onward(asset, verb, told)], now=now)


def go_on_many(steps: Sequence[Onward], *, now: datetime) -> None:
    """As `go_on`, for different assets in the same few statements."""
    book, waiting, through = rules.active_book(), [], []
    for one in steps:
        one.asset.since, one.asset.due_at = now, due_at(one.asset, now, book)
        if one.asset.due_at is not None:
            waiting.append(TimerSetting(subject_ref(one.asset), OVERDUE, one.asset.due_at))
        else:
            through.append((subject_ref(one.asset), OVERDUE))
    Asset.objects.save_changes([one.asset for one in steps], at=now)
    record_many(
        [
            Entry(
                one.verb, one.asset, data={"revision": one.asset.revision, **one.told}, changes=one.asset.last_changes()
            )
            for one in steps
        ]
    )
    exceptions.set_timers(settings=waiting)
    exceptions.cancel_timers(timers=through, now=now)
    take_back([one.asset for one in steps], now=now, why=said("It has gone on without an answer."))
    end_cases([subject_ref(one.asset) for one in steps], OVERDUE_CASE, outcome="resolved", now=now)


def due_at(asset: Asset, now: datetime, book: CompiledBook | None = None) -> datetime | None:
    """Until when who has it takes the next step, by its kind in the hours of its client; None where nobody has to."""
    step = WAITING.get(AssetState(asset.state))
    if step is None:
        return None
    book = book or rules.active_book()
    sla = getattr(kind_in_force(asset.kind.slug, book), step)
    return book.due_at(sla, now, asset.client.calendar.slug, in_words=False).due_at


def end_cases(about: Sequence[SubjectRef], kind: str, *, outcome: str, now: datetime) -> None:
    """What somebody had to look at is so by now: the live cases of this kind are solved, by the product itself."""
    ids = [one.id for one in about]
    live = ExceptionCase.objects.live().filter(subject_type=ASSET, subject_id__in=ids, type=kind)
    exceptions.resolve_cases(
        case_ids=list(live.values_list("pk", flat=True)), outcome=outcome, by=system_actor("content"), now=now
    )


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
