"""Real orders: through the command `ingest`, or every event on its own clock, a tenth of them twice, shuffled within ten minutes.

Beside what the product says of them stands what an oracle says that knows nothing of the product (`oracle.json`).
"""

import csv
import json
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management import call_command
from django.db.models import Count, F, Max, Min, Q, QuerySet

from audit import clock
from audit.context import Actor, acting
from audit.selectors.folding import fold_all
from audit.selectors.invariants import check_all
from audit.services.events import record
from exceptions.models import ExceptionCase
from exceptions.services import sweep_timers
from exceptions.states import CASE_LIVE
from orders.fulfilment.management.order_files import MOMENTS, read_order_files
from orders.fulfilment.models import Fulfilment, Order, OrderLine
from orders.fulfilment.services.importing import events_of, install_connectors
from orders.fulfilment.shipped import OLIST
from orders.fulfilment.states import OrderState
from orders.sync.envelopes import Envelope
from orders.sync.models import InboundEvent, System
from orders.sync.services import apply_due, receive
from rules.models import Client, Owner
from tests import shared

DATA = shared.DATA / "orders"
ZONE = ZoneInfo("America/Sao_Paulo")
TWICE = 0.1
LATEST = timedelta(minutes=10)
BATCH = 500
WITHOUT_ITEMS = "extra_orders_without_items.csv"
Row = dict[str, str]


@dataclass(frozen=True)
class Arrival:
    """An event, and when it reaches us."""

    at: datetime
    event: Envelope


def rows(name: str) -> list[Row]:
    """The rows of one of the files."""
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def chosen(size: int = 0) -> list[Row]:
    """The orders: all of them, or so many, those first that the oracle names."""
    orders = [*rows("orders.csv"), *rows(WITHOUT_ITEMS)]
    if not size:
        return orders
    by_kind = [sorted(ids) for ids in oracle()["final_ids"].values()]
    named = [number for place in range(max(map(len, by_kind))) for ids in by_kind for number in ids[place : place + 1]]
    rank = {number: place for place, number in reversed(list(enumerate(named)))}
    return sorted(orders, key=lambda row: (rank.get(row["order_id"], len(named)), row["order_id"]))[:size]


def oracle() -> dict[str, Any]:
    """What is so, computed without product code."""
    told: dict[str, Any] = json.loads((DATA / "oracle.json").read_text())
    return told


def open_store(*, client: Client, by: Actor, now: datetime) -> System:
    """The system that tells of the orders."""
    with acting(by, at=now):
        owner = Owner.objects.get(slug="integrations")
        store = System.objects.create(slug="olist", name="Olist", layer="store", owner=owner, client=client)
        record("system.set_up", subject=store, changes={})
    return store


def stream(orders: Collection[Row], *, store: System, by: Actor, seed: int = 7) -> list[Arrival]:
    """What reaches us, in the order in which it does."""
    chance = random.Random(seed)
    arrivals = []
    for event in _events(orders, store, by):
        times = 2 if chance.random() < TWICE else 1
        arrivals += [Arrival(event.time + chance.random() * LATEST, replace(event)) for _ in range(times)]
    return sorted(arrivals, key=lambda one: (one.at, one.event.id))


def replay(arrivals: Sequence[Arrival], *, store: System, by: Actor, until: datetime) -> Counter[str]:
    """Receive and apply everything, the clock standing where the last event of each batch arrived, and fire what is due then.

    At the end the clock stands at `until`. Returns receipts by status.
    """
    receipts: Counter[str] = Counter()
    for start in range(0, len(arrivals), BATCH):
        batch = arrivals[start : start + BATCH]
        now = batch[-1].at
        given = receive(system=store, envelopes=[one.event for one in batch], by=by, now=now)
        receipts.update(receipt.status for receipt in given)
        while apply_due(now=now) or sweep_timers(now=now):
            pass
    while sweep_timers(now=until):
        pass
    return receipts


def ingest(orders: Collection[Row], *, store: System) -> Counter[str]:
    """Take the orders in by the command, as files; what it says became of them. Then fire what is due."""
    said = StringIO()
    with TemporaryDirectory() as folder:
        files = _folder(Path(folder), orders)
        call_command("ingest", files, system=store.slug, json=True, stdout=said, stderr=StringIO())
    while sweep_timers(now=clock.now()):
        pass
    return Counter(json.loads(said.getvalue())["summary"])


def receipts_of(arrivals: Sequence[Arrival]) -> Counter[str]:
    """The receipts of events that came as they came: each once, and again."""
    once = len({one.event.id for one in arrivals})
    return Counter(accepted=once, duplicate=len(arrivals) - once)


def receipts_of_files(orders: Collection[Row]) -> Counter[str]:
    """The receipts of files: an event for every moment they name and every end."""
    sold = {row["order_id"] for row in rows("order_items.csv")}
    moments = sum(bool(row[moment]) for row in orders for moment in MOMENTS)
    ends = sum(
        row["order_status"] == "canceled" or (row["order_status"] == "unavailable" and row["order_id"] in sold)
        for row in orders
    )
    return Counter(accepted=moments + ends)


def tally(orders: Collection[Row]) -> list[tuple[str, int, int]]:
    """What the oracle counts, how many it says, and how many there are here."""
    return [(what, len(expected), len(found)) for what, (expected, found) in _ends(orders).items()]


def differences(orders: Sequence[Row], expected: Counter[str], receipts: Counter[str]) -> list[str]:
    """Everything in which the product and the oracle do not agree, as sentences; none is what has to come out."""
    return [
        *_differ("receipts", dict(expected), dict(receipts)),
        *_differ("events that are not applied", 0, InboundEvent.objects.exclude(state="applied").count()),
        *_of_moments(orders),
        *_of_ends(orders),
        *_of_instants({row["order_id"] for row in orders}),
        *_of_people(orders),
        *(f"{one.id}: {one.statement}: {one.offenders or one.trouble}" for one in check_all() if not one.holds),
        *(f"{kind.name}: {kind.first}" for kind in fold_all() if kind.different),
    ]


def numbers(**which: Any) -> set[str]:
    """The store's numbers of the orders with these facts."""
    return set(Order.objects.filter(**which).values_list("number", flat=True))


def _events(orders: Collection[Row], store: System, by: Actor) -> Iterator[Envelope]:
    moment = datetime.fromisoformat(min(row["order_purchase_timestamp"] for row in orders)).replace(tzinfo=ZONE)
    installed = install_connectors(system=store, shipped=OLIST, by=by, now=moment)
    with TemporaryDirectory() as folder:
        records = list(
            read_order_files(_folder(Path(folder), orders), client=store.client.slug if store.client else "")
        )
    for shipped, connector in zip(OLIST, installed, strict=True):
        yield from events_of(records, connector, when=shipped.when, source="/files/olist", now=moment)


def _folder(folder: Path, orders: Collection[Row]) -> Path:
    """The files, with exactly these orders and what is theirs."""
    for name, key in (("orders", "order_id"), ("order_items", "order_id"), ("customers", "customer_id")):
        wanted = {row[key] for row in orders}
        theirs = orders if name == "orders" else [row for row in rows(f"{name}.csv") if row[key] in wanted]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(next(iter(theirs))))
            writer.writeheader()
            writer.writerows(theirs)
    return folder


def _differ(what: str, expected: object, found: object) -> Iterator[str]:
    if isinstance(expected, set) and isinstance(found, set):
        missing, unexpected = sorted(expected - found), sorted(found - expected)
        if missing or unexpected:
            yield f"{what}: missing {missing[:5]} ({len(missing)}), unexpected {unexpected[:5]} ({len(unexpected)})"
    elif expected != found:
        yield f"{what}: {expected} expected, {found} found"


def _of_moments(orders: Sequence[Row]) -> Iterator[str]:
    """What was told is kept as it was told, also where it cannot be; where there was nothing to send, no parcel has left or arrived."""
    nothing = _left_with_nothing(orders)
    told = {
        row["order_id"]: tuple(
            None if name in MOMENTS[2:] and row["order_id"] in nothing else _moment(row[name])
            for name in (*MOMENTS, "order_estimated_delivery_date")
        )
        for row in orders
    }
    kept = Order.objects.annotate(left=Min("fulfilments__handed_over_at"), came=Max("fulfilments__delivered_at"))
    found = {
        row[0]: row[1:] for row in kept.values_list("number", "placed_at", "paid_at", "left", "came", "promised_at")
    }
    wrong = sorted(number for number in told.keys() | found.keys() if told.get(number) != found.get(number))
    yield from _differ("orders whose moments are not as told", [], wrong[:5])


def _left_with_nothing(orders: Sequence[Row]) -> set[str]:
    """Rows without items that were handed over all the same."""
    sold = {row["order_id"] for row in rows("order_items.csv")}
    return {row["order_id"] for row in orders if row[MOMENTS[2]] and row["order_id"] not in sold}


def _moment(text: str) -> datetime | None:
    """In UTC: a time in an hour that comes twice equals none of another zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC) if text else None


def _of_ends(orders: Collection[Row]) -> Iterator[str]:
    for what, (expected, found) in _ends(orders).items():
        yield from _differ(what, expected, found)
    if {row["order_id"] for row in rows("orders.csv")} <= {row["order_id"] for row in orders}:
        yield from _differ("final counts", oracle()["final_counts"], {**oracle()["final_counts"], **_counted()})


def _ends(orders: Collection[Row]) -> dict[str, tuple[set[str], set[str]]]:
    """The orders of each kind: as the oracle says, and as they are here."""
    ids = {row["order_id"] for row in orders}
    told = {name: set(found) & ids for name, found in oracle()["final_ids"].items()}
    extra = {row["order_id"]: row["order_status"] for row in rows(WITHOUT_ITEMS) if row["order_id"] in ids}
    without, cancelled = told["no_items"] | extra.keys(), told["status_canceled"] | _of_status(extra, "canceled")
    counted = Order.objects.annotate(sent=Count("fulfilments", distinct=True), ordered=Count("lines", distinct=True))
    parcels = Fulfilment.objects.values_list("order__number", flat=True)
    return {
        "no_items": (without, _names(counted.filter(ordered=0))),
        "status_canceled": (cancelled, numbers(cancelled_at__isnull=False)),
        "without items": (without - cancelled, numbers(state=OrderState.QUARANTINED)),
        "without items and sent": (set(), without & set(parcels)),
        "status_unavailable": (told["status_unavailable"] - without, numbers(state=OrderState.VENDOR_REFUSED)),
        "stuck_shipped": (told["stuck_shipped"], numbers(state=OrderState.SHIPPED)),
        "stuck": (
            (told["stuck_invoiced"] | told["stuck_processing"]) - without,
            numbers(state__in=[OrderState.IN_FULFILMENT, OrderState.ON_HOLD]),
        ),
        "split_shipment": (told["split_shipment"], _names(counted.filter(sent__gt=1))),
        "shipped_before_approved": (
            told["shipped_before_approved"],
            set(parcels.filter(handed_over_at__lt=F("order__paid_at"))),
        ),
        "delivered_before_shipped": (
            told["delivered_before_shipped"],
            set(parcels.filter(delivered_at__lt=F("handed_over_at"))),
        ),
    }


def _counted() -> dict[str, int]:
    """What is only a number in the oracle."""
    delivered = Order.objects.filter(delivered_at__isnull=False).values_list("delivered_at", "promised_at")
    days = [(came.astimezone(ZONE).date(), due.astimezone(ZONE).date()) for came, due in delivered if came and due]
    limits = Order.objects.annotate(limit=Max("lines__ship_by_at"), left=Min("fulfilments__handed_over_at"))
    return {
        "late_delivery": sum(came > due for came, due in days),
        "seller_missed_limit": limits.filter(left__gt=F("limit")).count(),
    }


def _of_status(rows_by_status: dict[str, str], status: str) -> set[str]:
    return {number for number, one in rows_by_status.items() if one == status}


def _names(orders: QuerySet[Order]) -> set[str]:
    return set(orders.values_list("number", flat=True))


def _of_instants(ids: set[str]) -> Iterator[str]:
    """How it stood at given moments, where all orders are there."""
    told = oracle()
    if not {row["order_id"] for row in rows("orders.csv")} <= ids:
        return
    extra = {row["order_id"] for row in rows(WITHOUT_ITEMS)}
    for instant, expected in told["as_of"].items():
        at = datetime.fromisoformat(instant).replace(tzinfo=ZONE)
        found, sellers = _as_of(at, extra, set(told["final_ids"]["status_unavailable"]))
        worst = expected.pop("top5_sellers_past_limit")
        yield from _differ(instant, expected, found)
        yield from _differ(f"{instant}: sellers", worst, [[seller, sellers[seller]] for seller, _ in worst])
        counts = [count for _, count in sellers.most_common(len(worst))]
        yield from _differ(f"{instant}: worst sellers", [count for _, count in worst], counts)


def _not_yet(moment: str, instant: datetime) -> Q:
    """What never came has not come yet either; an `exclude` of an aggregate forgets that."""
    return Q(**{f"{moment}__isnull": True}) | Q(**{f"{moment}__gt": instant})


def _as_of(instant: datetime, extra: set[str], unavailable: set[str]) -> tuple[dict[str, int], Counter[str]]:
    """Counts of orders, and of lines past their limit by seller."""
    orders = Order.objects.exclude(number__in=extra).annotate(
        left=Min("fulfilments__handed_over_at"), came=Max("fulfilments__delivered_at")
    )
    waiting = orders.filter(_not_yet("came", instant), placed_at__lte=instant, cancelled_at=None)
    # Of orders without items nobody says that they are unavailable; they are quarantined, whatever they were.
    waiting = waiting.exclude(state=OrderState.VENDOR_REFUSED).exclude(
        state=OrderState.QUARANTINED, number__in=unavailable
    )
    inside = waiting.filter(_not_yet("left", instant))
    late = OrderLine.objects.filter(order__in=inside.filter(paid_at__lte=instant).values("pk"), ship_by_at__lt=instant)
    found = {
        "placed": orders.filter(placed_at__lte=instant).count(),
        "approved": orders.filter(paid_at__lte=instant).count(),
        "handed_to_carrier": orders.filter(left__lte=instant).count(),
        "delivered": orders.filter(came__lte=instant).count(),
        "open_excluding_final_canceled_or_unavailable": waiting.count(),
        "open_past_estimated_date": waiting.filter(promised_at__lt=instant).count(),
        "approved_not_shipped_past_seller_limit": late.values("order").distinct().count(),
        "not_approved_nor_shipped": inside.filter(_not_yet("paid_at", instant)).count(),
    }
    return found, Counter(late.values_list("vendor", flat=True))


def _of_people(orders: Sequence[Row]) -> Iterator[str]:
    """Whatever cannot go on, or cannot have been, is somebody's, and nothing of it is silent."""
    ids = {row["order_id"] for row in orders}
    cases = ExceptionCase.objects.filter(state__in=CASE_LIVE, subject_type="fulfilment.order", owner__is_active=True)
    named = {str(pk): number for pk, number in Order.objects.values_list("pk", "number")}

    def with_case(kind: str) -> set[str]:
        return {named[pk] for pk in cases.filter(type=kind).values_list("subject_id", flat=True)}

    left = Q(handed_over_at__isnull=False) | Q(delivered_at__isnull=False)
    parcels = Fulfilment.objects.filter(left).values_list("order__number", flat=True)
    impossible = set(
        parcels.filter(
            Q(handed_over_at__lt=F("order__paid_at"))
            | Q(delivered_at__lt=F("handed_over_at"))
            | Q(order__paid_at=None)
            | Q(handed_over_at__lt=F("order__placed_at"))
        )
    )
    yield from _differ(
        "impossible sequences with an exception",
        impossible | _left_with_nothing(orders),
        with_case("impossible-sequence"),
    )
    yield from _differ("quarantined with an exception", numbers(state="quarantined"), with_case("contract-violation"))
    refused = numbers(state=OrderState.VENDOR_REFUSED)
    yield from _differ("refused, with an exception", refused, refused & with_case("vendor-no-confirmation"))
    gone = set(parcels.filter(order__cancelled_at__isnull=False))
    flagged = with_case("late-cancellation") | with_case("moved-while-held")
    yield from _differ("cancelled and sent, with an exception", gone, gone & flagged)
    yield from _differ("orders", ids, numbers())
