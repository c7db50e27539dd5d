"""Several at once: exactly one wins, the others end in a named state, and no unit is promised twice."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from audit.access import system_actor
from audit.context import Actor, acting
from audit.errors import Conflict
from exceptions.services import sweep_timers
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Customer, Order, Reservation, StockItem
from orders.fulfilment.selectors.exports import Position
from orders.fulfilment.services.arrivals import hear_arrivals
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.feed import FeedPage, pull_exports
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.services.receiving import lane_of
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(acts: list[Callable[[], object]], threads: int = 8) -> list[object]:
    """What each act returned or raised, run by several threads with a connection each."""

    def run(act: Callable[[], object]) -> object:
        try:
            return act()
        except Conflict as lost:
            return lost
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, acts))


def test_fifty_orders_for_ten_units_reserve_ten_and_leave_forty_in_one_state(
    northwind: Client, system: Actor, now: datetime
) -> None:
    placed = [make.placed(northwind, now, order=f"W-{n}", paid_at=now.isoformat()) for n in range(50)]
    at_once([lambda one=one: place_orders(news=[one], by=system, now=now) for one in placed])  # type: ignore[misc]
    assert Counter(Order.objects.values_list("state", flat=True)) == {"in_fulfilment": 10, "paid_no_stock": 40}
    assert (StockItem.objects.get().reserved, Reservation.objects.count()) == (10, 10)


def test_the_same_order_told_by_many_at_once_becomes_one_record(
    northwind: Client, system: Actor, now: datetime
) -> None:
    told = [make.placed(northwind, now, order="W-1", system=f"store-{n % 4}") for n in range(16)]
    ids = at_once([lambda one=one: place_orders(news=[one], by=system, now=now) for one in told])  # type: ignore[misc]
    assert len({str(found) for found in ids}) == 1
    assert Order.objects.count() == 1


def test_only_orders_of_the_same_buyer_wait_for_each_other(northwind: Client, system: Actor, now: datetime) -> None:
    names = [f"W-{n}" for n in range(60)]
    ours, others = ([name for name in names if lane_of(name) % 2 == side][:20] for side in (0, 1))
    tenants = [make.placed(northwind, now, order=name, address=_of(f"{name}@here.example")) for name in ours]
    strangers = [make.placed(northwind, now, order=name, address=_of(f"{name}@there.example")) for name in others]
    again = make.placed(northwind, now, order="W-1000", address=_of(f"{ours[0]}@HERE.example"))

    def place(*told: News) -> threading.Thread:
        def run() -> None:
            place_orders(news=told, by=system, now=now)
            connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    with acting(system, at=now):
        place_orders(news=tenants, by=system, now=now)
        stranger, known = place(*strangers), place(again)
        stranger.join(20)
        known.join(0.2)
        assert (stranger.is_alive(), known.is_alive()) == (False, True)
    known.join()
    assert (Order.objects.count(), Customer.objects.count()) == (41, 40)


def _of(email: str) -> dict[str, str]:
    return {**make.BERLIN, "recipient": email, "email": email}


def test_payment_and_order_arriving_in_the_same_instant_always_meet(
    northwind: Client, system: Actor, now: datetime
) -> None:
    acts: list[Callable[[], object]] = []
    for n in range(10):
        one = make.placed(northwind, now, order=f"W-{n}")
        paid = make.news("payment.captured", northwind, f"W-{n}", now)
        acts += [
            lambda one=one: place_orders(news=[one], by=system, now=now),  # type: ignore[misc]
            lambda paid=paid: take_news(news=[paid], by=system, now=now),  # type: ignore[misc]
        ]
    at_once(acts)
    assert Counter(Order.objects.values_list("state", flat=True)) == {"in_fulfilment": 10}


def test_two_people_releasing_one_hold_release_it_once(place: make.Place, system: Actor, now: datetime) -> None:
    hold = hold_order(order_id=place().pk, words="Customer is moving house", by=system, now=now)
    results = at_once([lambda: release_hold(hold_id=hold.pk, by=system_actor("test"), now=now)] * 2, threads=2)
    assert sorted(type(result).__name__ for result in results) == ["IllegalTransition", "Order"]


def test_stock_sold_and_recounted_at_once_is_never_negative(northwind: Client, system: Actor, now: datetime) -> None:
    acts: list[Callable[[], object]] = []
    for n in range(12):
        one = make.placed(northwind, now, order=f"W-{n}", paid_at=now.isoformat(), lines=[make.line(quantity=2)])
        count = make.stock(northwind, now + timedelta(seconds=n), "TENT-2", n)
        acts += [
            lambda one=one: place_orders(news=[one], by=system, now=now),  # type: ignore[misc]
            lambda count=count: count_stock(news=[count], by=system, now=now),  # type: ignore[misc]
        ]
    at_once(acts)
    item = StockItem.objects.get()
    assert 0 <= item.reserved <= item.on_hand
    held = sum(Reservation.objects.filter(state="held").values_list("quantity", flat=True))
    assert held == item.reserved


def test_goods_orders_and_cancellations_at_once_jump_no_queue_and_lose_no_unit(
    northwind: Client, system: Actor, now: datetime
) -> None:
    acts: list[Callable[[], object]] = []
    for n in range(8):
        one = make.placed(
            northwind, now, order=f"W-{n}", paid_at=now.isoformat(), lines=[make.line("STOVE", 1 + n % 2)]
        )
        came = make.news("stock.received", northwind, "STOVE", now, sku="STOVE", quantity=2, lot=f"L{n % 3}")
        gone = make.news("order.cancelled", northwind, f"W-{n - 2}", now, cancelled_at=now.isoformat())
        acts += [
            lambda one=one: place_orders(news=[one], by=system, now=now),  # type: ignore[misc]
            lambda came=came: hear_arrivals(news=[came], by=system, now=now),  # type: ignore[misc]
        ]
        if n in {4, 6}:
            acts.append(lambda gone=gone: take_news(news=[gone], by=system, now=now))  # type: ignore[misc]
    at_once(acts)
    sweep_timers(now=now + timedelta(minutes=1))
    assert broken() == []
    going = Order.objects.exclude(state="cancelled")
    assert set(going.values_list("state", flat=True)) == {"in_fulfilment"}


def test_what_commits_late_is_never_added_behind_what_a_reader_of_the_feed_has_read(
    place: make.Place, system: Actor, now: datetime
) -> None:
    early, late = place(), place()
    exported, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with acting(system, at=now):
            export_order(order_id=early.pk, by=system, now=now)
            exported.set()
            may_commit.wait(20)
        connection.close()

    def pulled(after: Position) -> FeedPage:
        return pull_exports(after=after, limit=10, by=system, now=now)

    thread = threading.Thread(target=slow)
    thread.start()
    exported.wait(20)
    export_order(order_id=late.pk, by=system, now=now)
    meanwhile = pulled(Position())
    may_commit.set()
    thread.join()
    for _ in range(200):  # the database's own housekeeping may still be in a transaction that began before
        if (afterwards := pulled(meanwhile.end)).exports:
            break
        may_commit.wait(0)
    assert list(meanwhile.exports) == []
    assert [export.order for export in afterwards.exports] == [early, late]
    assert list(pulled(afterwards.end).exports) == []
