"""An order that a person puts into quarantine: it stops, others' holds stay, and only confirming everything lets it go on."""

from datetime import datetime
from typing import Any

import pytest

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import DomainError, IllegalTransition, Invalid, StaleVersion
from audit.selectors.invariants import check_all
from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.doubting import quarantine_order, resubmit_doubted
from orders.fulfilment.services.quarantine import NewLine, complete_lines
from orders.sync.models import OutboundMessage
from rules.models import Client, ExceptionType
from rules.services.books import freeze_rule_book
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def amal(northwind: Client) -> Actor:
    return person(1, Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def doubt(amal: Actor, now: datetime) -> make.Place:
    """Put an order into quarantine."""

    def _doubt(order: Order, *doubts: str, **more: Any) -> Order:
        return quarantine_order(
            order_id=order.pk, doubts=doubts or ["address"], reason="A call", by=amal, now=now, **more
        )

    return _doubt


@pytest.fixture(autouse=True)
def audited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of the playbook are done; that they have to be is tried on the page."""
    monkeypatch.setattr("orders.fulfilment.services.resuming.undone_audit_steps", lambda *_, **__: [])


def cases(order: Order) -> list[str]:
    found = ExceptionCase.objects.filter(subject_id=str(order.pk), state__in=CASE_LIVE)
    return list(found.values_list("title", flat=True))


def test_it_stops_says_who_doubts_what_and_goes_on_where_it_stopped_once(
    place: make.Place, doubt: make.Place, amal: Actor, now: datetime
) -> None:
    order = place()
    tasks = OutboundMessage.objects.filter(key__contains="/pick_pack/").count()
    doubt(order, "address", "payment", line=1)
    assert (state_of(order), cases(order)) == ("quarantined", ["In doubt: Address it goes to, Payment"])
    with pytest.raises(Invalid) as refused:
        resubmit_doubted(order_id=order.pk, confirmed=["payment"], reason="They called", by=amal, now=now)
    assert [error.pointer for error in refused.value.errors] == ["/address"]
    resubmit_doubted(order_id=order.pk, confirmed=["payment", "address"], reason="They called", by=amal, now=now)
    assert (state_of(order), cases(order)) == ("in_fulfilment", [])
    assert OutboundMessage.objects.filter(key__contains="/pick_pack/").count() == tasks
    with pytest.raises(IllegalTransition, match="in doubt any more"):
        resubmit_doubted(order_id=order.pk, confirmed=["payment", "address"], reason="They called", by=amal, now=now)
    assert all(not one.violations for one in check_all(only=["orders-01", "orders-04", "orders-05"]))


def test_the_kind_of_its_exception_is_its_own_where_the_rule_book_has_it(
    place: make.Place, doubt: make.Place, amal: Actor, system: Actor, now: datetime
) -> None:
    def kinds(order: Order) -> list[tuple[str, str]]:
        return list(ExceptionCase.objects.live().filter(subject_id=str(order.pk)).values_list("type", "owner__slug"))

    order, later = place(), place()
    doubt(order)
    assert kinds(order) == [("doubtful-record", "client-success")]
    with acting(system, at=now):
        ExceptionType.objects.filter(slug="doubtful-record").update(is_active=False)
    freeze_rule_book(by=system, now=now, note="As it was before")
    doubt(later)
    assert kinds(later) == [("contract-violation", "integrations")]
    for one in (order, later):  # also what was opened under the type that the book had then
        resubmit_doubted(order_id=one.pk, confirmed=["address"], reason="They called", by=amal, now=now)
        assert kinds(one) == []


def test_other_holds_stay_and_nobody_just_lets_go_of_a_doubt(
    place: make.Place, doubt: make.Place, amal: Actor, system: Actor, now: datetime
) -> None:
    order = place(paid=False)
    held = holds.hold_order(order_id=order.pk, words="Until Monday", by=system, now=now)
    doubt(order)
    mine = Hold.objects.get(order=order, reason="doubt")
    with pytest.raises(IllegalTransition, match="is resubmitted"):
        holds.release_hold(hold_id=mine.pk, reason="No reason", by=amal, now=now)
    resubmit_doubted(order_id=order.pk, confirmed=["address"], reason="They called", by=amal, now=now)
    held.refresh_from_db()
    assert (held.state, state_of(order), cases(order)) == ("active", "on_hold", [])
    doubt(order)
    holds.release_hold(hold_id=held.pk, reason="It is Monday", by=system, now=now)
    assert state_of(order) == "quarantined"
    resubmit_doubted(order_id=order.pk, confirmed=["address"], reason="They called", by=amal, now=now)
    assert state_of(order) == "awaiting_payment"


def test_only_what_can_be_stopped_and_as_it_was_looked_at(
    place: make.Place, doubt: make.Place, amal: Actor, now: datetime
) -> None:
    order = place()
    refusals: list[tuple[type[DomainError], str, dict[str, Any]]] = [
        (Invalid, "/doubts", {"doubts": ["weather"]}),
        (Invalid, "/line", {"line": 9}),
        (StaleVersion, "", {"seen": 0}),
    ]
    for refusal, pointer, more in refusals:
        given = {"doubts": ["address"], "reason": "A call", **more}
        with pytest.raises(refusal) as refused:
            quarantine_order(order_id=order.pk, by=amal, now=now, **given)
        assert [error.pointer for error in getattr(refused.value, "errors", ())] == ([pointer] if pointer else [])
    doubt(order)
    with pytest.raises(IllegalTransition, match="quarantined"):
        doubt(order)
    with pytest.raises(IllegalTransition, match="has its lines"):
        complete_lines(order_id=order.pk, lines=[NewLine("TENT-2", 1, 100)], reason="Why not", by=amal, now=now)
    resuming.cancel_order(order_id=order.pk, reason="Not wanted", by=amal, now=now)
    with pytest.raises(IllegalTransition, match="cancelled"):
        doubt(order)
    assert Hold.objects.filter(order=order, state="active").count() == 0
