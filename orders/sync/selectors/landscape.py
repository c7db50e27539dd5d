"""Every connected system: what it is for, how it is spoken to, who answers for it, and how it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.words import listed, said
from orders.sync import adapters, selectors
from orders.sync.models import Connector, InboundEvent, OutboundMessage, System
from orders.sync.states import OutboundState
from rules.models import ContractVersion
from rules.states import SELLING, ContractState, Layer

# Where each kind of system stands around us; the product itself is the execution between them.
TIERS: Final[Mapping[str, tuple[Layer, ...]]] = {
    noop("Source of truth: what is known of products and stock"): (Layer.PIM, Layer.ERP),
    noop("Delivery: where customers look and buy"): (*SELLING, Layer.CDN, Layer.ADS),
    noop("Authoring: where content is made"): (Layer.CMS, Layer.DAM, Layer.LOCALIZATION),
    noop("Fulfilment: who picks, sends and carries"): (Layer.WMS, Layer.VENDOR, Layer.CARRIER),
    noop("Customers and money"): (Layer.CRM, Layer.PAYMENT, Layer.BILLING),
    noop("Reading along: what is counted and compared"): (Layer.ANALYTICS,),
    noop("Other"): (Layer.OTHER,),
}
SPOKEN_DIRECTLY: Final = noop("None needed: it speaks our contracts")
READS_THE_FEED: Final = noop("None needed: it reads the feed of exports")
# "Last" is looked for among this many messages: further back it says nothing about today, and the search would not end.
LATELY: Final = 50_000


@dataclass(frozen=True)
class SystemRow:
    """One system as its line on the page; `contracts` are (name, version in force or None)."""

    system: System
    adapter: str
    contracts: Sequence[tuple[str, int | None]]
    lag: selectors.MeasuredLag | None
    last_event: datetime | None
    dead_letters: int
    waiting: int
    is_paused: bool


@dataclass(frozen=True)
class Tier:
    """The systems that stand in one place around us."""

    title: str
    rows: Sequence[SystemRow]


def landscape(by: Actor, *, now: datetime) -> list[Tier]:
    """The systems that exist for the actor, by where they stand; the same queries for any number. Raises `Refused`."""
    systems = list(selectors.systems_for(by).select_related("owner__backup", "reader"))
    rows: dict[str, list[SystemRow]] = defaultdict(list)
    for row in _rows(by, systems, now):
        rows[row.system.layer].append(row)
    tiers = [Tier(title, [row for layer in layers for row in rows[layer]]) for title, layers in TIERS.items()]
    return [tier for tier in tiers if tier.rows]


def system_row(by: Actor, system: System, *, now: datetime) -> SystemRow:
    """One system as its line on the page."""
    return _rows(by, [system], now)[0]


def _rows(by: Actor, systems: Sequence[System], now: datetime) -> list[SystemRow]:
    read_by: dict[UUID, list[Connector]] = defaultdict(list)
    for connector in selectors.connectors_for(by).filter(is_active=True):
        read_by[connector.system_id].append(connector)
    in_force = dict(ContractVersion.objects.filter(state=ContractState.ACTIVE).values_list("contract__name", "number"))
    told = [system for system in systems if system.is_active and _is_told(system)]
    lags = {lag.system.pk: lag for lag in selectors.measured_lags(told, now=now)}
    last = _last_events()
    dead = _count(selectors.dead_letters(by))
    waiting = _count(
        OutboundMessage.objects.filter(
            system__in=[system.pk for system in systems], state__in=[OutboundState.PENDING, OutboundState.SENDING]
        )
    )
    return [
        SystemRow(
            system=system,
            adapter=_adapter(system, read_by[system.pk]),
            contracts=[(name, in_force.get(name)) for name in _contracts(system, read_by[system.pk])],
            lag=lags.get(system.pk),
            last_event=last.get(system.pk),
            dead_letters=dead.get(system.pk, 0),
            waiting=waiting.get(system.pk, 0),
            is_paused=system.paused_until is not None and system.paused_until > now,
        )
        for system in systems
    ]


def _is_told(system: System) -> bool:
    return system.wants_exports or bool(system.base_url and adapters.adapter_of(system.layer).told)


def _adapter(system: System, connectors: Sequence[Connector]) -> str:
    if connectors:
        return said("Connector: %(names)s", names=listed([one.name for one in connectors]))
    return READS_THE_FEED if system.reader and not system.base_url else SPOKEN_DIRECTLY


def _contracts(system: System, connectors: Sequence[Connector]) -> list[str]:
    """What is agreed with its kind; of a system that is read by connectors only what those make of it, and what it is told."""
    agreed = adapters.adapter_of(system.layer)
    heard = {one.event_type for one in connectors} or set(agreed.says)
    return sorted(heard | {one.contract for one in agreed.told})


def _last_events() -> dict[UUID, datetime]:
    newest = InboundEvent.objects.aggregate(newest=Max("number"))["newest"] or 0
    found = InboundEvent.objects.filter(number__gt=newest - LATELY).order_by()
    return dict(found.values("system").annotate(at=Max("received_at")).values_list("system", "at"))


def _count(found: QuerySet[InboundEvent] | QuerySet[OutboundMessage]) -> dict[UUID, int]:
    return dict(found.order_by().values("system").annotate(n=Count("pk")).values_list("system", "n"))
