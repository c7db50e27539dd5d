"""What an order is made of: its lines with what is set aside for them, the bundles they were sold as, and the parcels they go in."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_noop as noop

from audit.models import Event
from audit.words import said
from orders.fulfilment.decisions.bundles import whole_bundles
from orders.fulfilment.decisions.carriers import CARRIER_DIFFERS, NOT_CONNECTED, TAKEN_BY_ANOTHER
from orders.fulfilment.models import Fulfilment, FulfilmentLine, Order, OrderBundle, OrderLine, Reservation
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, FulfilmentState, LineState, ReservationState
from orders.sync.models import System
from rules.selectors import active_book
from rules.states import Layer

STAMPED_TO: Final = timedelta(seconds=1)
INSTEAD: Final = {
    NOT_CONNECTED: noop(
        "%(asked)s; %(instead)s is asked to take %(key)s, for no system of %(asked)s serves this client."
    ),
    TAKEN_BY_ANOTHER: noop("%(asked)s; %(key)s went with %(instead)s, as %(system)s says."),
}


@dataclass(frozen=True)
class HeldUnits:
    """Units set aside for a line: in which place and of which lot ("" where lots are not told apart)."""

    place: str
    lot: str
    quantity: int


@dataclass(frozen=True)
class LineFacts:
    """One line: what, how many, along which flow, where it stands; `bundle` is the number of the bundle it is a part of.

    `ordered_as` is the product that was ordered, where another one is sent instead.
    """

    position: int
    sku: str
    name: str
    quantity: int
    unit_minor: int
    sku_type: str
    vendor: str
    state: str
    state_label: str
    flow: str
    bundle: int | None
    held: Sequence[HeldUnits]
    ordered_as: str

    @property
    def is_ordered(self) -> bool:
        """Whether it was not cancelled."""
        return self.state != LineState.CANCELLED


@dataclass(frozen=True)
class BundleFacts:
    """Several products sold as one: how many were ordered, how many whole ones still are, and the lines of its parts."""

    position: int
    code: str
    name: str
    ordered: int
    quantity: int
    unit_minor: int
    lines: Sequence[LineFacts]


@dataclass(frozen=True)
class Packed:
    """Units of a product in a parcel, the line they are of, and the bundle they belong to ("" for none)."""

    line: int
    sku: str
    quantity: int
    bundle: str


@dataclass(frozen=True)
class ParcelFacts:
    """One fulfilment and the last thing seen of it; `shipment` is what it goes with others in."""

    key: str
    flow: str
    vendor: str
    state: str
    state_label: str
    owner: str
    due_at: datetime | None
    tasked_at: datetime | None
    confirmed_at: datetime | None
    packed_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    picker: str
    manifest: str
    carrier: str
    tracking_number: str
    contents: Sequence[Packed]
    sla: str
    due_words: str
    warn_at: datetime | None
    shipment: str


@dataclass(frozen=True)
class Contents:
    """Lines in their order, and bundles in theirs."""

    lines: Sequence[LineFacts]
    bundles: Sequence[BundleFacts]


def contents_of(order: Order) -> Contents:
    """What was ordered; two queries."""
    rows = list(OrderLine.objects.filter(order=order).select_related("sku", "flow", "bundle").order_by("position"))
    held = _held(order)
    facts = {row.pk: _line(row, held.get(row.pk, ())) for row in rows}
    inside: dict[OrderBundle, list[OrderLine]] = defaultdict(list)
    for row in rows:
        if row.bundle is not None:
            inside[row.bundle].append(row)
    bundles = [_bundle(bundle, its, [facts[row.pk] for row in its]) for bundle, its in inside.items()]
    return Contents(list(facts.values()), sorted(bundles, key=lambda one: one.position))


def _held(order: Order) -> dict[UUID, list[HeldUnits]]:
    found: dict[UUID, list[HeldUnits]] = defaultdict(list)
    rows = Reservation.objects.filter(line__order=order, state=ReservationState.HELD).select_related("lot__location")
    for row in rows.order_by("pk"):
        found[row.line_id].append(HeldUnits(str(row.lot.location), row.lot.code, row.quantity))
    return found


def _line(row: OrderLine, held: Sequence[HeldUnits]) -> LineFacts:
    return LineFacts(
        position=row.position,
        sku=row.sku.code,
        name=row.sku.name,
        quantity=row.quantity,
        unit_minor=row.unit_minor,
        sku_type=row.sku_type,
        vendor=row.vendor,
        state=row.state,
        state_label=LineState(row.state).label,
        flow=row.flow.name if row.flow else "",
        bundle=row.bundle.position if row.bundle else None,
        held=held,
        ordered_as=row.ordered_as,
    )


def _bundle(bundle: OrderBundle, rows: Sequence[OrderLine], lines: Sequence[LineFacts]) -> BundleFacts:
    return BundleFacts(
        bundle.position, bundle.code, bundle.name, bundle.quantity, whole(rows), bundle.unit_minor, lines
    )


def whole(rows: Sequence[OrderLine]) -> int:
    """How many whole bundles of these parts are still ordered."""
    live = [(0 if row.state == LineState.CANCELLED else row.quantity, row.per_bundle or 1) for row in rows]
    return whole_bundles(live)


def parcels_of(order: Order) -> tuple[list[Fulfilment], list[ParcelFacts]]:
    """The parcels of an order with what is in each; two queries."""
    parcels = list(
        Fulfilment.objects.filter(order=order)
        .select_related("flow", "owner", "client__calendar", "shipment")
        .order_by("key")
    )
    rows = FulfilmentLine.objects.filter(fulfilment__in=parcels).select_related("line__sku", "line__bundle")
    inside: dict[UUID, list[Packed]] = defaultdict(list)
    for row in rows.order_by("line__position") if parcels else ():
        bundle = row.line.bundle.code if row.line.bundle else ""
        inside[row.fulfilment_id].append(Packed(row.line.position, row.line.sku.code, row.quantity, bundle))
    return parcels, [_parcel(parcel, inside.get(parcel.pk, ())) for parcel in parcels]


def _parcel(parcel: Fulfilment, contents: Sequence[Packed]) -> ParcelFacts:
    return ParcelFacts(
        key=parcel.key,
        shipment=parcel.shipment.key if parcel.shipment else "",
        flow=parcel.flow.name,
        vendor=parcel.vendor,
        state=parcel.state,
        state_label=FulfilmentState(parcel.state).label,
        owner=parcel.owner.name,
        due_at=parcel.due_at,
        tasked_at=parcel.tasked_at,
        confirmed_at=parcel.confirmed_at,
        packed_at=parcel.packed_at,
        handed_over_at=parcel.handed_over_at,
        delivered_at=parcel.delivered_at,
        picker=parcel.picker,
        manifest=parcel.manifest,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        contents=contents,
        sla=parcel.sla,
        due_words=due_words(parcel),
        warn_at=parcel.warn_at if parcel.state in FULFILMENT_IN_HOUSE else None,
    )


def due_words(parcel: Fulfilment) -> str:
    """How the deadline follows from its service level; nothing once the rule book says something else."""
    book = active_book()
    planned_at = parcel.stamps.get(FulfilmentState.PLANNED)
    if parcel.due_at is None or planned_at is None or parcel.sla not in {one.slug for one in book.slas()}:
        return ""
    worked_out = book.due_at(parcel.sla, datetime.fromisoformat(planned_at), parcel.client.calendar.slug)
    return worked_out.words if abs(worked_out.due_at - parcel.due_at) < STAMPED_TO else ""


def carrier_words(order: Order, parcels: Sequence[Fulfilment]) -> str:
    """What became of the carrier that was asked for: which one has it instead, and why; nothing where none was asked for."""
    asked = order.preferred_carrier
    told = _last_told([str(parcel.pk) for parcel in parcels]) if asked else None
    if told is not None:
        subject_id, differs = told
        key = next(parcel.key for parcel in parcels if str(parcel.pk) == subject_id)
        about = {name: value for name, value in differs.items() if name != "serving"}
        return said(INSTEAD[differs["because"]], **{**about, "key": key})
    if not asked or any(parcel.carrier for parcel in parcels) or _serves(asked, order):
        return asked
    return said(
        "%(asked)s; no system of that carrier serves this client, so the first that does is asked.", asked=asked
    )


def _last_told(parcel_ids: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """The parcel that last went otherwise than was asked for, and how."""
    events = Event.objects.filter(type=CARRIER_DIFFERS, subject_type="fulfilment.fulfilment", subject_id__in=parcel_ids)
    last = events.order_by("-at", "-id").first()
    return (last.subject_id, json.loads(last.body)["data"]) if last is not None else None


def _serves(carrier: str, order: Order) -> bool:
    called = Q(slug__iexact=carrier) | Q(name__iexact=carrier)
    systems = System.objects.filter(called, layer=Layer.CARRIER, is_active=True)
    return systems.filter(Q(client=order.client_id) | Q(client=None)).exists()
