"""Making the demo's day: orders of the last thirty hours in every stage, some of them stuck."""

import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import User
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions.news import News
from orders.fulfilment.management.demo.agreements import write_runbooks
from orders.fulfilment.management.demo.outage import learn_from_an_outage
from orders.fulfilment.management.demo.people import add_clients, add_people, reach_teams, teams_there
from orders.fulfilment.management.demo.systems import add_systems
from orders.fulfilment.models import Fulfilment, Order, ParcelCheck
from orders.fulfilment.services.checking import perform_check
from orders.fulfilment.services.holds import hold_order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.sandbox.goods import ADDRESSES, BROKEN_ADDRESSES, GOODS, PLENTY, Good
from rules.models import Client, QualityCheck
from rules.selectors import actor_for
from rules.services.books import freeze_rule_book
from rules.services.editing import save_edited
from rules.services.shipped import install_shipped_configuration

SEED: Final = 20_261_120
STEPS: Final = ("task.confirmed", "shipment.picked", "shipment.packed", "shipment.handed_over", "shipment.delivered")
PACKED: Final = STEPS.index("shipment.packed") + 1
TO_PAY: Final = timedelta(minutes=2)
TO_STEP: Final = timedelta(minutes=35)
WAVE: Final = timedelta(hours=2)
CHANNELS: Final = ("web", "web", "marketplace", "retail")
# How many orders of each client got how far: the number of STEPS taken; None is not paid.
STAGES: Final[tuple[tuple[int | None, int], ...]] = ((5, 8), (4, 3), (3, 1), (2, 1), (1, 2), (0, 2), (None, 1))


@dataclass(frozen=True)
class Plan:
    """One order to make: its number, goods, extra facts and how many steps it has taken."""

    number: str
    goods: tuple[tuple[Good, int], ...]
    placed_at: datetime
    steps: int | None
    facts: Mapping[str, Any]


def prepare(*, now: datetime) -> tuple[dict[str, Client], dict[str, User]]:
    """Rules in force, clients, people and sandbox systems; what is there stays as it is."""
    by = system_actor("demo", channel="command")
    before = teams_there()
    install_shipped_configuration(by=by, now=now)
    with acting(by, at=now, reason="demo"):
        clients = add_clients()
        people = add_people(clients)
    reach_teams(but=before, by=by, now=now)
    freeze_rule_book(by=by, now=now, note="the demo's people")
    add_systems(by=by, now=now)
    return clients, people


def seed(*, now: datetime) -> dict[str, int]:
    """Make what is missing of the demo; a second run makes nothing. Returns how many orders and cases there are."""
    by = system_actor("demo", channel="command")
    clients, people = prepare(now=now)
    if not Order.objects.exists():
        for slug in GOODS:
            _fill_shelves(clients[slug], by, now - timedelta(hours=32))
        _make_orders(((clients[slug], plan) for slug in GOODS for plan in _plans(slug, now)), by, now)
        _work_a_little(people, now)
        _check_some(clients["lumen"], people, now)
        learn_from_an_outage(clients["northwind"], people, now)
        write_runbooks(by=actor_for(people["kim"], channel="command"), now=now - timedelta(days=1))
        exceptions.sweep_timers(now=now)  # what was made last was placed hours ago, too
        while exceptions.deliver_notifications(now=now):
            pass
    return {"orders": Order.objects.count(), "cases": ExceptionCase.objects.live().count()}


def _fill_shelves(client: Client, by: Actor, at: datetime) -> None:
    shelf = [good for good in GOODS[client.slug] if good.sku_type == "stock"]
    told = [_news("stock.changed", client, good.code, at, sku=good.code, available=good.on_hand) for good in shelf]
    count_stock(news=told, by=by, now=at)


def _plans(slug: str, now: datetime) -> Iterator[Plan]:
    """Ordinary orders, spread over the last thirty hours, then the ones that get stuck this morning."""
    chance = random.Random(f"{SEED}/{slug}")  # noqa: S311 -- a demo, the same every time
    there = [good for good in GOODS[slug] if not good.is_scarce]
    number = 5_000
    for steps, count in STAGES:
        for _ in range(count):
            number += chance.randint(1, 9)
            hours = 30 - (5 - (steps or 0)) * 5 - chance.random() * 4
            goods = tuple((good, chance.choice((1, 1, 2))) for good in chance.sample(there, chance.choice((1, 1, 2))))
            facts = {
                "channel": chance.choice(CHANNELS),
                "address": chance.choice(ADDRESSES[slug]),
                "fraud_score": chance.randint(0, 40),
                "delivery_sla": chance.choice(("standard", "standard", "expedited")),
            }
            yield Plan(f"{slug[0].upper()}{number}", goods, now - timedelta(hours=max(hours, 0.3)), steps, facts)
    yield from _stuck_plans(slug, now)


def _stuck_plans(slug: str, now: datetime) -> Iterator[Plan]:
    first, good = GOODS[slug][0], ADDRESSES[slug][0]
    prefix = slug[0].upper()
    yield Plan(f"{prefix}6001", ((first, 1),), now - timedelta(minutes=50), 0, {"address": BROKEN_ADDRESSES[slug]})
    yield Plan(f"{prefix}6002", ((first, 2),), now - timedelta(minutes=35), 0, {"address": good, "fraud_score": 88})
    scarce = [item for item in GOODS[slug] if item.is_scarce]
    if scarce:
        yield Plan(f"{prefix}6003", ((first, 1), (scarce[0], 5)), now - timedelta(minutes=25), 0, {"address": good})
    vendor = [item for item in GOODS[slug] if item.vendor][0:1]
    if vendor:
        facts = {"address": good, "channel": "marketplace"}
        yield Plan(f"{prefix}6004", ((vendor[0], 1),), now - timedelta(minutes=70), 0, facts)
    yield Plan(f"{prefix}6005", (), now - timedelta(minutes=15), None, {"address": good})


def _make_orders(plans: Iterable[tuple[Client, Plan]], by: Actor, now: datetime) -> None:
    """What was under way at about the same time was heard of together, which costs little more than hearing of one."""
    waves: dict[timedelta, list[tuple[Client, Plan]]] = defaultdict(list)
    for client, plan in plans:
        age = now - plan.placed_at
        waves[age // WAVE * WAVE if plan.steps else age].append((client, plan))
    for _, wave in sorted(waves.items(), reverse=True):
        at = max(plan.placed_at for _, plan in wave)
        with acting(by, at=at, heard_at=now):  # nobody could be told before the demo was made: that is no delay
            _make_wave(wave, by, at)


def _make_wave(wave: Sequence[tuple[Client, Plan]], by: Actor, at: datetime) -> None:
    place_orders(news=[_placed(client, plan) for client, plan in wave], by=by, now=at)
    going = [(client, plan) for client, plan in wave if plan.steps is not None]
    if not going:
        return
    take_news(news=[_paid(client, plan) for client, plan in going], by=by, now=at + TO_PAY)
    for step, kind in enumerate(STEPS, start=1):
        since = TO_PAY + TO_STEP * step
        going = [(client, plan) for client, plan in going if (plan.steps or 0) >= step]
        if not going:
            return
        keys = _parcels_of(going)
        told = [
            _news(kind, client, key, plan.placed_at + since, task=key, **_details(kind, key))
            for client, plan in going
            for key in keys[client.pk, plan.number]
        ]
        take_news(news=told, by=by, now=at + since)


def _parcels_of(made: Sequence[tuple[Client, Plan]]) -> dict[tuple[UUID, str], list[str]]:
    """The keys of the parcels of each order, by its client and number."""
    found: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    parcels = Fulfilment.objects.filter(order__number__in=[plan.number for _, plan in made]).order_by("key")
    for client_id, number, key in parcels.values_list("order__client", "order__number", "key"):
        found[client_id, number].append(key)
    return found


def _paid(client: Client, plan: Plan) -> News:
    paid = plan.placed_at + TO_PAY
    return _news("payment.captured", client, plan.number, paid, captured_at=paid.isoformat())


def _placed(client: Client, plan: Plan) -> News:
    return _news(
        "order.placed",
        client,
        plan.number,
        plan.placed_at,
        client=client.slug,
        order=plan.number,
        currency=client.currency,
        total_minor=sum(good.price * quantity for good, quantity in plan.goods),
        placed_at=plan.placed_at.isoformat(),
        promised_at=(plan.placed_at + timedelta(days=4)).isoformat(),
        lines=[good.as_line(quantity) for good, quantity in plan.goods],
        **{"channel": "web", **plan.facts},
    )


def _details(kind: str, key: str) -> dict[str, str]:
    return {
        "shipment.packed": {"manifest": f"PM-{key}"},
        "shipment.handed_over": {"carrier": "DPD", "tracking": f"05{zlib.crc32(key.encode()):012d}"},
    }.get(kind, {})


def _news(kind: str, client_: Client, about: str, at: datetime, /, **data: Any) -> News:
    return News(f"demo-{kind}-{client_.slug}-{about}", kind, f"store-{client_.slug}", about, client_.pk, at, data)


def _work_a_little(people: Mapping[str, User], now: datetime) -> None:
    """What the morning has seen so far: a case taken, a note, a hold, and a time-limited exception waiting for its decision."""
    actors = {name: actor_for(user, channel="command") for name, user in people.items()}
    exceptions.sweep_timers(now=now)
    cases = {
        (case.client.slug if case.client else "", case.type): case
        for case in ExceptionCase.objects.live().select_related("client")
    }
    if case := cases.get(("northwind", "address")):
        exceptions.acknowledge_case(case_id=case.pk, by=actors["amal"], now=now - timedelta(minutes=8))
        text = "Wrote to the customer: is it 1017 CT? Answer expected before noon."
        exceptions.note_case(case_id=case.pk, text=text, by=actors["amal"], now=now - timedelta(minutes=6))
    if case := cases.get(("northwind", "vendor-no-confirmation")):
        order = Order.objects.get(pk=case.subject_id)
        exceptions.request_waiver(
            gate="skip-vendor-confirmation",
            subject=subject_ref(order),
            subject_key=order.key,
            client_id=order.client_id,
            case_id=case.pk,
            reason="Kestrel confirmed by phone at 9:40; their portal is down until noon and the truck leaves at 11.",
            plan="Written confirmation is entered when the portal is back.",
            minutes=240,
            owner="ops-team",
            by=actors["amal"],
            now=now - timedelta(minutes=4),
        )
    moving = Order.objects.filter(state="in_fulfilment", client__slug="lumen").order_by("key").first()
    if moving is not None:
        words = "Customer changes the frame size, answer by 15:00"
        hold_order(order_id=moving.pk, words=words, by=actors["jonas"], now=now - timedelta(minutes=12))


def _check_some(client: Client, people: Mapping[str, User], now: datetime) -> None:
    """One client's parcels are checked from this morning on: one has passed, one has not, two wait, which could go together."""
    by, pia = system_actor("demo", channel="command"), actor_for(people["pia"], channel="command")
    reason = f"{client.name} wants its parcels checked"
    for wanted in QualityCheck.objects.filter(slug__in=["right-contents", "right-label"]):
        wanted.is_active, wanted.predicate = True, f'flow_kind == "warehouse" && client == "{client.slug}"'
        save_edited(edited=wanted, by=by, now=now, reason=reason)
    freeze_rule_book(by=by, now=now, note=reason)
    good, other = [item for item in GOODS[client.slug] if item.on_hand >= PLENTY][:2]
    facts = {"address": ADDRESSES[client.slug][0]}
    at = now - timedelta(hours=3)
    plans = [Plan(f"{client.slug[0].upper()}700{n}", ((good, 1),), at, PACKED, facts) for n in range(4)]
    _make_orders(((client, plan) for plan in plans), by, now)
    checks = ParcelCheck.objects.filter(client=client, slug="right-contents").order_by("fulfilment__key")
    for check, item in zip(checks, (good, other), strict=False):
        perform_check(check_id=check.pk, seen={"code": item.code}, by=pia, now=now - timedelta(minutes=9))
