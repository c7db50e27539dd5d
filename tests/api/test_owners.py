"""Content, fulfilment and execution owner: each does what is theirs, and what goes wrong with it comes to them and nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from audit import clock
from audit.context import Actor, acting
from exceptions.models import ExceptionCase
from orders.campaigns.services.assets import add_asset
from orders.campaigns.services.hearing import ContentNews, hear_publications, hear_revisions
from orders.campaigns.services.messaging import ask_for_change
from orders.campaigns.services.reviewing import approve_asset, sign_item, submit_asset
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import AssetKind, Client, Contract, ExceptionType, Gate, OwnershipRule
from rules.services import freeze_rule_book
from tests.api.conftest import Api
from tests.cast import House
from tests.factories import orders as make

CONTENT, FULFILMENT, EXECUTION = "amal", "bo", "lee"
TEXT = {"text": "Stock counts may arrive twice; the later one counts."}
ABOUT_STOCK = {"title": "Stock is short", "body": "Count again.", "covers": ["type:inventory"], "note": "New"}
# What is done, by whom alone, who comes last: what is decided is decided.
ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "contracts/stock.changed/describe": (CONTENT, TEXT),
    "contracts/stock.changed/runbook": (EXECUTION, TEXT),
    "gates/ship-despite-open-case/describe": (
        CONTENT,
        {"blocks": "It waits.", "needs": "An answer.", "reason": "Said anew"},
    ),
    "assets/{asset}/approve": (CONTENT, {}),
    "assets/{asset}/messaging/decide": (CONTENT, {"change": False, "reason": "It says so"}),
    "runbooks/stock-is-short/accept": (FULFILMENT, {"number": 1}),
}
WALK = ("sam", "mara", "ada", CONTENT, EXECUTION, FULFILMENT)


@pytest.fixture
def slots(house: House, system: Actor) -> House:
    """A person in each place that says who answers for something, and a rule book that knows."""
    with acting(system, at=clock.now()):
        content, fulfilment, execution = (house.owners[name] for name in (CONTENT, FULFILMENT, EXECUTION))
        Gate.objects.update(content_owner=content)
        ExceptionType.objects.filter(slug="inventory").update(owner=fulfilment)
        OwnershipRule.objects.update(rule_owner=execution)
        Contract.objects.filter(name="stock.changed").update(contract_owner=content, execution_owner=execution)
        freeze_rule_book(by=system, now=clock.now(), note="owners")
    return house


def placed(client: Client, by: Actor, sku: str) -> Order:
    now = clock.now()
    (order_id,) = place_orders(news=[make.placed(client, now, lines=[make.line(sku)])], by=by, now=now)
    number = Order.objects.get(pk=order_id).number
    paid = make.news("payment.captured", client, number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=by, now=now)
    return Order.objects.get(pk=order_id)


def _content_about_stock(house: House) -> str:
    """A page about a product, live and signed anew, of which sales wants something else."""
    by, now = house.actor("bo"), clock.now()
    told: dict[str, Any] = {
        "client": "northwind",
        "slug": "tents",
        "kind": "blog-post",
        "title": "Tents",
        "skus": ["TENT-2"],
    }
    asset = add_asset(**told, owner="bo", backup="mara", content_owner=CONTENT, by=by, now=now)
    submit_asset(asset_id=asset.pk, by=by, now=now)
    _signed(asset.pk, 1, by)
    approve_asset(asset_id=asset.pk, by=house.actor(CONTENT), now=now)
    news = ContentNews("-", "e-1", "content.published", asset.client_id, "tents", 1, {})
    hear_publications(news=[news], by=by, now=now)
    ask_for_change(asset_id=asset.pk, wanted="Say that it keeps dry", by=by, now=now)
    hear_revisions(news=[replace(news, revision=2)], by=by, now=now)
    _signed(asset.pk, 2, by)
    return asset.key


def _signed(asset_id: UUID, revision: int, by: Actor) -> None:
    for item in AssetKind.objects.get(slug="blog-post").checklist:
        sign_item(asset_id=asset_id, item=item, revision=revision, by=by, now=clock.now())


def test_each_does_what_is_theirs_and_nobody_elses(slots: House) -> None:
    begun = Api(slots.users["mara"]).post("runbooks", {**ABOUT_STOCK, "owner": FULFILMENT}, match=None)
    assert begun.status_code == 201
    asset = _content_about_stock(slots)
    told = {
        (person, act): Api(slots.users[person]).post(act.format(asset=asset), ACTS[act][1]).status_code
        for act, (holder, _) in ACTS.items()
        for person in (*(one for one in WALK if one != holder), holder)
    }
    assert told == {(person, act): 200 if person == ACTS[act][0] else 403 for person in WALK for act in ACTS}


def test_what_goes_wrong_comes_to_who_answers_for_it(slots: House, northwind: Client, system: Actor) -> None:
    count_stock(news=[make.stock(northwind, clock.now(), "TENT-2", 10)], by=system, now=clock.now())
    stopped = placed(northwind, system, "STOVE")
    with acting(system, at=clock.now()):
        OwnershipRule.objects.filter(slug="expedited").update(predicate='lines[7].sku_type == "stock"')
        freeze_rule_book(by=system, now=clock.now(), note="asks for a line there is not")
    undecided = placed(northwind, system, "TENT-2")
    cases = ExceptionCase.objects.live().order_by("number").select_related("owner")
    assert stopped.state == "paid_no_stock"
    assert {(one.type, one.subject_key, one.owner.slug) for one in cases} == {
        ("inventory", stopped.key, FULFILMENT),
        ("ownership-gap", undecided.key, EXECUTION),
        ("high-risk-review", undecided.key, "revenue-ops-review"),  # the order itself waits; its rule is another matter
    }
    gates = Api(slots.users[FULFILMENT]).get(f"exceptions/{cases[0].key}/gates").json()["gates"]
    assert {one["content_owner"] for one in gates} == {CONTENT}
