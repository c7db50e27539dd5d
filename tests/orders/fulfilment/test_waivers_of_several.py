"""One time-limited exception for several orders: asked for together, decided by one act, bound to exactly these, over for all at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries

from audit import checks, clock
from audit.context import Actor, acting
from audit.crypto import seal_secret
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound
from audit.models import Event
from audit.subject_refs import SubjectRef, subject_ref
from exceptions import selectors, services
from exceptions.errors import WaiverChanged
from exceptions.models import ExceptionCase, Waiver
from exceptions.services.timers import sweep_timers
from exceptions.services.waiver_papers import base_now
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderAddress
from orders.fulfilment.selectors.impacts import SHIP_DESPITE_CASE, SKIP_CONFIRMATION
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.states import FulfilmentState, HoldState, OrderState
from tests.api.conftest import Api
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make

BAD_ADDRESS = {**make.BERLIN, "postcode": "1011"}
WHY = "The customer confirmed all addresses by telephone."
ASKED = {
    "gate": SHIP_DESPITE_CASE,
    "hours": 4,
    "owner": "amal",
    "reason_code": "customer",
    "reason": WHY,
    "plan": "Correct them.",
}
ASKED_AGAIN: dict[str, Any] = {"reason": WHY, "plan": "Correct them.", "minutes": 240}
ASKED_BY_PROGRAM = {
    **{name: ASKED[name] for name in ("gate", "reason", "plan")},
    "owner": "client-success",
    "minutes": 240,
}


@pytest.fixture
def stopped(paid: Any) -> list[Order]:
    """Four orders whose address is wrong."""
    return list(paid("1", "2", "3", "4", address=BAD_ADDRESS))


def cases_of(orders: Sequence[Order]) -> list[ExceptionCase]:
    found = {case.subject_id: case for case in ExceptionCase.objects.live()}
    return [found[str(order.pk)] for order in orders]


def ask(house: House, orders: Sequence[Order], *, also: Collection[UUID] | None = None, **more: Any) -> Waiver:
    first, *others = cases_of(orders)
    given: dict[str, Any] = {
        "gate": SHIP_DESPITE_CASE,
        "owner": "client-success",
        "reason": WHY,
        "plan": "Correct them.",
    }
    return services.request_waiver(
        subject=SubjectRef(first.subject_type, first.subject_id, first.client_id),
        subject_key=first.subject_key,
        client_id=first.client_id,
        case_id=first.pk,
        also=[one.pk for one in others] if also is None else also,
        minutes=240,
        **{**given, "by": house.actor("amal"), "now": clock.now(), **more},
    )


def let_through(orders: Sequence[Order], at: datetime) -> list[str]:
    """The keys of those that something in force lets through."""
    live = selectors.live_waivers(gate=SHIP_DESPITE_CASE, subjects=[subject_ref(order) for order in orders], now=at)
    return [order.key for order in orders if subject_ref(order) in live]


def states(orders: Sequence[Order]) -> list[str]:
    now = Order.objects.in_bulk([order.pk for order in orders])
    return [now[order.pk].state for order in orders]


def broken_invariants() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for one in checks.invariants():
            if one.id.startswith("inv-2"):
                cursor.execute(one.sql)
                found += [one.id for _ in cursor.fetchall()]
    return found


def browser(house: House, who: str) -> Browser:
    return signed_in(house.users[who])


def test_one_decision_lets_those_go_that_were_left_in_and_no_other(
    house: House, stopped: list[Order], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    one, two, three, four = (case.key for case in cases_of(stopped))
    amal, lee = browser(house, "amal"), browser(house, "lee")
    chosen = amal.post("/queue/bulk/", {"do": "ask", "id": [one, two, three]})
    page = amal.get(chosen["Location"])
    assert {case.key for case in page.context["also"]} | {page.context["case"].key} == {one, two, three}
    (impact,) = [gate.impact for gate in page.context["gates"] if gate.gate.slug == SHIP_DESPITE_CASE]
    assert [item.key for item in impact.marginal] == [order.key for order in stopped[:3]]
    assert impact.money_minor == sum(order.total_minor for order in stopped[:3])
    asked = amal.post(chosen["Location"], ASKED, follow=True).context["waiver"]
    assert let_through(stopped, clock.now()) == []

    decision = lee.get(f"/time-limited/{asked.key}/")
    given = {name: decision.context["form"].initial[name] for name in ("seen_hash", "seen_base", "seen_passing")}
    assert [(share.count, share.x, share.width) for share in decision.context["impact"].shares] == [
        (0, 0, 0),
        (3, 0, 1000),
        (0, 1000, 0),
    ]
    file = b"".join(lee.get(f"/time-limited/{asked.key}/passing.csv")).decode().splitlines()
    assert [line.split(",")[0] for line in file] == ["key", *(order.key for order in stopped[:3])]
    whole = {"decision": "approve", "scope": [order.key for order in stopped[:3]]}
    fewer = lee.post(f"/time-limited/{asked.key}/", {**whole, **given, "seen_passing": 2})
    assert (fewer.status_code, "2 → 3 pass only with this" in fewer.content.decode()) == (409, True)
    assert fewer.context["form"]["seen_passing"].value() == "3"
    kept = [order.key for order in (stopped[0], stopped[2])]
    lee.post(f"/time-limited/{asked.key}/", {"decision": "approve", "scope": kept, **given})
    with django_assert_num_queries(1):
        assert let_through(stopped, clock.now()) == kept
    assert states(stopped) == [OrderState.IN_FULFILMENT, OrderState.ADDRESS_INVALID] * 2
    told = amal.get(f"/time-limited/{asked.key}/").context
    assert [use.what for use in told["uses"].named] == [f"{key}-1" for key in kept]
    assert (told["left_out"], told["waiver"].all_keys) == ([stopped[1].key], [order.key for order in stopped[:3]])
    shown = [asked.key in amal.get(f"/exceptions/{key}/").content.decode() for key in (two, four)]
    assert shown == [False, False], "what was left out is not said to be allowed"
    until, api = clock.now() + timedelta(hours=1), f"time-limited-exceptions/{asked.key}"
    sooner = {"until": until.isoformat(), "reason": "It is enough"}
    answers = [Api(house.users[who]).post(f"{api}/shorten", sooner, match="*") for who in ("sam", "noor", "amal")]
    assert [one.status_code for one in answers] == [403, 404, 200], "who owns it may, and who decides"
    asked.refresh_from_db()
    uses = Api(house.users["sam"]).get(f"{api}/uses").json()
    assert (asked.expires_at, uses["count"], uses["named"][0]["what"]) == (until, 2, f"{kept[0]}-1")
    assert broken_invariants() == []


def test_it_is_over_for_all_of_them_at_once(house: House, paid: Any) -> None:
    held, other = paid("5", "6", address=BAD_ADDRESS)
    first, second = cases_of([held, other])
    asked = Api(house.users["amal"]).post(
        "time-limited-exceptions", {"exception": first.key, "also": [second.key], **ASKED_BY_PROGRAM}, match=None
    )
    assert (asked.status_code, asked.json()["subjects"], asked.json()["allowed"]) == (201, [held.key, other.key], [])
    allowed = services.approve_waiver(waiver_id=Waiver.objects.get().pk, by=house.actor("lee"), now=clock.now())
    assert allowed.expires_at is not None
    last = allowed.expires_at - timedelta(microseconds=1)
    assert [let_through([held, other], at) for at in (last, allowed.expires_at)] == [[held.key, other.key], []]
    assert Waiver.objects.get().state == "approved", "nobody has written it down yet"
    more = services.extend_waiver(waiver_id=allowed.pk, minutes=60, reason=WHY, by=house.actor("amal"), now=clock.now())
    assert more.all_keys == [held.key, other.key]
    services.approve_waiver(waiver_id=more.pk, by=house.actor("lee"), now=clock.now())
    assert let_through([held, other], allowed.expires_at) == [held.key, other.key]
    services.revoke_waiver(waiver_id=allowed.pk, reason="No longer", by=house.actor("lee"), now=clock.now())
    assert [let_through([held, other], at) for at in (clock.now(), allowed.expires_at)] == [[], []]
    assert broken_invariants() == []


def test_an_order_of_another_client_is_refused_at_every_door(house: House, stopped: list[Order], system: Actor) -> None:
    fable = house.clients["fable"]
    about = SubjectRef("fulfilment.order", "0197a000-0000-7000-8000-000000000001", fable.pk)
    opening = services.CaseOpening("address", about, "FB-1", fable.pk, "Wrong address")
    (foreign,) = services.open_cases(openings=[opening], by=system, now=clock.now())
    with pytest.raises(NotFound):
        ask(house, stopped[:1], also=[foreign.pk])
    with pytest.raises(Invalid) as refused:
        ask(house, stopped[:1], also=[foreign.pk], by=house.actor("kim"))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/also", "strange")]
    amal, kim = browser(house, "amal"), browser(house, "kim")
    first, second = (case.key for case in cases_of(stopped[:2]))
    for name in ("amal", "kim"):
        body = {"exception": first, "also": [second, foreign.key], **ASKED_BY_PROGRAM}
        answer = Api(house.users[name]).post("time-limited-exceptions", body, match=None)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/also")
    for who in (amal, kim):
        page = who.get(f"/time-limited/new/?for={first}&also={foreign.key}&also={second}")
        assert ([case.key for case in page.context["also"]], page.context["together"].left_out) == ([second], 1)
        assert "FB-1" not in page.content.decode()
    back = kim.post("/queue/bulk/", {"do": "ask", "id": [first, foreign.key], "return": "/queue/team/"})
    assert back["Location"] == "/queue/team/"
    assert Waiver.objects.count() == 0


def test_what_changes_afterwards_is_stopped_and_the_others_go_on(
    house: House, stopped: list[Order], system: Actor
) -> None:
    lee = house.actor("lee")
    for order in stopped[:3]:
        hold_order(order_id=order.pk, words="Wait for the customer", by=lee, now=clock.now())
    allowed = services.approve_waiver(waiver_id=ask(house, stopped[:3]).pk, by=lee, now=clock.now())
    with acting(system, at=clock.now()):
        moved = OrderAddress.objects.get(order=stopped[1])
        moved.raw = seal_secret(json.dumps({**BAD_ADDRESS, "street": "Elsewhere 1"}))
        moved.save()
    for hold in Hold.objects.filter(order__in=stopped[:3], state=HoldState.ACTIVE):
        release_hold(hold_id=hold.pk, reason="go on", by=lee, now=clock.now())
    passed, kept = OrderState.IN_FULFILMENT, OrderState.ADDRESS_INVALID
    assert states(stopped) == [passed, kept, passed, kept]
    while sweep_timers(now=clock.now()):
        pass
    allowed.refresh_from_db()
    assert (allowed.state, allowed.allowed_keys) == ("approved", [stopped[0].key, stopped[2].key])
    assert Event.objects.filter(subject_id=str(allowed.pk), type="waiver.narrowed").count() == 1
    assert broken_invariants() == []


def test_what_is_asked_already_needless_or_not_said_to_pass_is_refused(house: House, stopped: list[Order]) -> None:
    first, second, third = stopped[:3]
    asked = ask(house, [first, second])
    alone = ask(house, [third], gate=SKIP_CONFIRMATION)
    assert asked.content_hash != alone.content_hash
    with pytest.raises(Conflict, match=second.key):
        ask(house, [second, third])
    with pytest.raises(Invalid) as needless:
        ask(house, [first, second], gate=SKIP_CONFIRMATION)
    assert [error.code for error in needless.value.errors] == ["nothing-to-allow"]
    with pytest.raises(Invalid) as strange:
        services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=clock.now(), scope=[third.key])
    assert [error.pointer for error in strange.value.errors] == ["/scope"]
    allowed = services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=clock.now(), scope=[second.key])
    assert let_through(stopped, clock.now()) == [second.key]
    with pytest.raises(IntegrityError), transaction.atomic(), acting(house.actor("lee"), at=clock.now()):
        Waiver.objects.filter(pk=allowed.pk).update(passing=[])
    with acting(house.actor("lee"), at=clock.now()):
        Waiver.objects.filter(pk=allowed.pk).update(passing=[str(first.pk), str(second.pk)])
    assert broken_invariants() == ["inv-25b"], "what was left out cannot be let in unseen"


def test_its_orders_can_be_changed_until_it_is_decided_and_what_was_approved_is_void(
    house: House, stopped: list[Order]
) -> None:
    one, two, three, four = stopped
    asked, amal = ask(house, [one, two]), browser(house, "amal")
    given = {"hours": 4, "reason": WHY, "plan": asked.plan, "reason_code": "customer"}
    page = amal.get(f"/time-limited/{asked.key}/edit/")
    offered = dict(page.context["form"].fields["others"].choices)
    assert list(offered) == [two.key, *(case.key for case in cases_of([three, four]))]
    amal.post(f"/time-limited/{asked.key}/edit/", {**given, "others": []})
    alone = Waiver.objects.get()
    assert (alone.others, alone.scope, alone.base_hash) == ({}, [], base_now(alone))
    rows = amal.get("/approvals/?tab=ageing").content.decode()
    assert f'<a href="/orders/{one.key}/">{one.key}</a>' in rows
    chosen = [case.key for case in cases_of([three])]
    amal.post(f"/time-limited/{asked.key}/edit/", {**given, "others": chosen})
    changed = Waiver.objects.get()
    assert (changed.all_keys, changed.scope, changed.content_version) == ([one.key, three.key], [one.key, three.key], 3)
    with pytest.raises(WaiverChanged):
        services.approve_waiver(
            waiver_id=asked.pk, seen_hash=asked.content_hash, by=house.actor("lee"), now=clock.now()
        )
    blocking = ask(house, [two])
    body = {"minutes": 240, "reason": WHY, "plan": "x", "also": [case.key for case in cases_of([two, four])]}
    api, place = Api(house.users["amal"]), f"time-limited-exceptions/{asked.key}/edit"
    assert api.post(place, body, match="*").status_code == 409, "somebody asks for it already"
    services.withdraw_waiver(waiver_id=blocking.pk, reason="No longer", by=house.actor("amal"), now=clock.now())
    answer = api.post(place, {**body, "without": [three.key]}, match="*")
    assert (answer.status_code, answer.json()["subjects"]) == (200, [one.key, two.key, four.key])
    assert (
        api.post(place, {**body, "also": [], "without": [three.key]}, match="*").json()["errors"][0]["pointer"]
        == "/without"
    )
    approved = services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=clock.now())
    assert let_through(stopped, clock.now()) == [one.key, two.key, four.key]
    with pytest.raises(IllegalTransition):
        services.edit_waiver(
            waiver_id=approved.pk, **ASKED_AGAIN, without=[two.key], by=house.actor("amal"), now=clock.now()
        )
    assert broken_invariants() == []


def test_the_glass_is_broken_for_several_at_once_and_one_act_takes_all_back(house: House, stopped: list[Order]) -> None:
    three, last = stopped[:3], stopped[3]
    first, *also = (case.key for case in cases_of(three))
    place, lee = f"/break-glass/new/?{urlencode({'for': first, 'also': also}, doseq=True)}", browser(house, "lee")
    given = {"gate": SHIP_DESPITE_CASE, "hours": 1, "reason": WHY, "plan": "Correct them."}
    assert lee.post(place, {**given, "confirm": three[0].key}).status_code == 422
    assert let_through(stopped, clock.now()) == []
    broken = lee.post(place, {**given, "confirm": "3"}, follow=True).context["waiver"]
    assert (broken.kind, let_through(stopped, clock.now())) == ("emergency", [order.key for order in three])
    passed, kept = OrderState.IN_FULFILMENT, OrderState.ADDRESS_INVALID
    assert states(stopped) == [passed, passed, passed, kept]
    bar = "Break-glass for"
    assert [bar in lee.get(f"/orders/{order.key}/").content.decode() for order in stopped] == [True, True, True, False]
    rows = lee.get("/approvals/?tab=ageing").content.decode()
    assert [f'<a href="/orders/{order.key}/">{order.key}</a>' in rows for order in stopped] == [True, True, True, False]
    assert "3 orders" in rows
    assert broken_invariants() == []
    done = services.roll_back(waiver_id=broken.pk, by=house.actor("mara"), now=clock.now())
    parcels = Fulfilment.objects.filter(order__in=three)
    assert {parcel.key for parcel in parcels if parcel.key in done} == {parcel.key for parcel in parcels}
    assert set(parcels.values_list("state", flat=True)) == {FulfilmentState.CANCELLED}
    assert Hold.objects.filter(order__in=stopped, state=HoldState.ACTIVE).count() == 3
    assert let_through(stopped, clock.now()) == []
    place = f"exceptions/{cases_of([last])[0].key}/break-glass"
    asked = {"gate": SHIP_DESPITE_CASE, "minutes": 60, "reason": WHY, "plan": "Correct it.", "also": [first]}
    lee_by_program = Api(house.users["lee"])
    assert lee_by_program.post(place, {**asked, "confirm": last.key}).json()["errors"][0]["pointer"] == "/confirm"
    assert lee_by_program.post(place, {**asked, "confirm": "2"}).status_code == 200
    assert states([last, three[0]]) == [passed, OrderState.ON_HOLD], "what a person holds waits for that person"
