"""Flows and systems as people look at them: how each goes, who touches it, whether it is live, how the systems do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from audit import clock
from audit.context import Actor, acting
from orders.sync import flow_maps
from orders.sync.models import System
from rules.models import Flow
from rules.states import FlowKind
from tests.cast import House
from tests.pages.conftest import SignedIn

WHY = "The conveyor stands still"


def test_every_kind_of_flow_has_its_map_and_each_state_follows_from_the_one_before(signed_in: SignedIn) -> None:
    kim = signed_in("kim")
    for flow in Flow.objects.all():
        page = kim.get(f"/flows/{flow.slug}/").context["page"]
        changes = [row.step for row in page.steps if row.step.after]
        assert changes, flow.slug
        for one, two in pairwise(changes):
            assert one.record != two.record or one.after == two.before, (flow.slug, two.does)
        assert page.missing == []
        columns = {column.x: column.name for column in page.picture.columns}
        drawn = [(columns[arrow.start], "" if arrow.is_alone else columns[arrow.end]) for arrow in page.picture.arrows]
        assert drawn == [(row.by, row.to) for row in page.steps]
    assert {kind for kind in FlowKind if flow_maps.map_of(kind)} == {*FlowKind}


def test_the_map_tells_who_touches_it_and_which_systems_are_behind_each_step(
    signed_in: SignedIn, house: House, system: Actor
) -> None:
    with acting(system, at=clock.now()):
        owner = house.owners["logistics"]
        System.objects.create(slug="central", name="Central warehouse", layer="wms", owner=owner)
    page = signed_in("kim").get("/flows/warehouse-pick-pack/").context["page"]
    told = [(row.by, row.to, row.step.contract, row.step.after) for row in page.steps]
    assert told[2:5] == [
        ("Handrail", "Warehouse", "task.requested", "Task sent, not confirmed"),
        ("Warehouse", "Handrail", "task.acknowledged", "Task received"),
        ("Warehouse", "Handrail", "task.confirmed", "Confirmed"),
    ]
    assert [one.name for one in page.steps[3].systems] == ["Central warehouse"]
    parts = {hand.owner: list(map(str, hand.parts)) for hand in page.hands}
    assert "The flow" in parts[page.flow.owner]
    assert "The flow, as the backup" in parts[page.flow.owner.backup]
    hands = {hand.owner.slug for hand in page.hands}
    assert hands >= {page.flow.owner.slug, page.flow.fallback.slug, page.flow.exception_type.owner.slug, "integrations"}
    assert ["Ops lead" in who for _, who in page.roles] == [True, True, True, False]


def test_going_live_is_a_form_that_names_what_is_missing(signed_in: SignedIn, system: Actor) -> None:
    kim, place = signed_in("kim"), "/flows/vendor-drop-ship/go-live/"
    seen = kim.get(place).context["form"].initial["seen"]
    assert kim.post(place, {"seen": seen, "reason": WHY}, follow=True).status_code == 200
    with acting(system, at=clock.now()):
        Flow.objects.filter(slug="vendor-drop-ship").update(recovery=None, outcome="")
    assert kim.post(place, {"seen": seen, "reason": "It runs"}).status_code == 409
    seen = kim.get(place).context["form"].initial["seen"]
    refused = kim.post(place, {"seen": seen, "reason": "It runs"})
    assert refused.status_code == 422
    assert refused.context["form"].non_field_errors() == [
        "Outcome: Nobody has said it yet.",
        "Recovery path: Nobody has said it yet.",
    ]
    versions = kim.get("/flows/vendor-drop-ship/").context["page"].versions
    assert [one.row.version for one in versions] == list(range(len(versions), 0, -1))
    assert ("Outcome" in versions[0].fields, versions[0].book, versions[-1].book) == (True, None, 1)
    assert (WHY in kim.get("/flows/vendor-drop-ship/").content.decode(), signed_in("amal").get(place).status_code) == (
        True,
        403,
    )


@pytest.mark.parametrize("count", [1, 3])
def test_systems_are_listed_with_their_contracts_and_the_list_asks_no_more_for_more(
    signed_in: SignedIn, house: House, system: Actor, count: int, django_assert_max_num_queries: Any
) -> None:
    owner = house.owners["logistics"]
    with acting(system, at=clock.now()):
        for n in range(count):
            System.objects.create(
                slug=f"w-{n}", name=f"Warehouse {n}", layer="wms", owner=owner, base_url="https://wms.example"
            )
        System.objects.create(slug="theirs", name="Theirs", layer="store", owner=owner, client=house.clients["fable"])
    lee, kim = signed_in("lee"), signed_in("kim")
    with django_assert_max_num_queries(26):
        page = kim.get("/systems/")
    tiers, text = page.context["tiers"], page.content.decode()
    assert [tier.title for tier in tiers] == [
        "Delivery: where customers look and buy",
        "Fulfilment: who picks, sends and carries",
    ]
    for words in (
        *(tier.title for tier in tiers),
        "Warehouse 0",
        "it speaks our contracts",
        owner.name,
        "Nothing to tell",
    ):
        assert words in text, words
    rows = [row for tier in tiers for row in tier.rows]
    assert [row.system.slug for row in rows] == ["theirs", *(f"w-{n}" for n in range(count))]
    assert ("task.requested", 1) in rows[-1].contracts
    assert (rows[-1].dead_letters, rows[-1].last_event, rows[-1].lag.told) == (0, None, 0)
    assert lee.get("/systems/").status_code == 200
    with django_assert_max_num_queries(26):
        page = kim.get("/flows/")
    flows, books, freeze = page.context["rows"], "/rules/books/", "/admin/rules/rulebookversion/freeze/"
    assert all(books in one.content.decode() for one in (page, lee.get("/flows/")))
    assert [freeze in one.get(books).content.decode() for one in (kim, lee)] == [True, False]
    assert [(row.said, row.of) for row in flows] == [(16, 16)] * Flow.objects.count()
