"""The API only gains; what has to go is said beforehand, in every answer and in the description."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from audit.context import Actor
from config.api import lifecycle
from config.api.lifecycle import Deprecation, mark_deprecated
from config.api.reference import description
from orders.fulfilment.models import Order
from tests.api.breaking import breaking_changes
from tests.api.conftest import Api
from tests.api.released import promised, released

SOON, LATER = (
    Deprecation(datetime(2026, 6, 1, tzinfo=UTC), datetime(year, 1, 1, tzinfo=UTC), f"https://x.example/{year}")
    for year in (2027, 2028)
)
SINCE = f"@{int(SOON.since.timestamp())}"


def test_what_is_on_its_way_out_says_so_until_when_and_where_to_read_on(
    lee: Api, order: Order, system: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = {"GET /api/v1/orders?limit": SOON, "GET /api/v1/orders/{key}": LATER, "GET /api/v1/orders": LATER}
    monkeypatch.setattr(lifecycle, "DEPRECATED", declared)
    answer = lee.get("orders?limit=1")
    assert (answer["Deprecation"], answer["Sunset"]) == (SINCE, "Fri, 01 Jan 2027 00:00:00 GMT")
    assert answer["Link"] == '<https://x.example/2027>; rel="deprecation"; type="text/html"'
    assert lee.get(f"orders/{order.key}")["Sunset"] == "Sat, 01 Jan 2028 00:00:00 GMT"
    assert not {"Deprecation", "Sunset", "Link"} & set(lee.get(f"orders/{order.key}/trace").headers)
    monkeypatch.setattr(lifecycle, "DEPRECATED", {"/api/v1/": LATER})
    assert [lee.get(path)["Deprecation"] for path in ("nothing", "clients")] == [SINCE] * 2
    paged = lee.get("owners?limit=1")["Link"]
    assert ('rel="next"' in paged, 'rel="deprecation"' in paged) == (True, True)


def test_it_is_marked_in_the_description_and_what_is_not_there_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"GET /api/v1/orders?per": SOON, "POST /api/v1/orders/{key}/cancel": LATER}
    monkeypatch.setattr(lifecycle, "DEPRECATED", declared)
    paths = mark_deprecated(deepcopy(description()))["paths"]
    marked = [one["name"] for one in paths["/api/v1/orders"]["get"]["parameters"] if one.get("deprecated")]
    cancel = paths["/api/v1/orders/{key}/cancel"]["post"]
    assert (marked, cancel["deprecated"], "stops on 2028-01-01" in cancel["description"]) == (["per"], True, True)
    monkeypatch.setattr(lifecycle, "DEPRECATED", {"GET /api/v1/orders?nothing": SOON})
    with pytest.raises(KeyError):
        mark_deprecated(deepcopy(description()))


def test_nothing_that_was_released_is_taken_away() -> None:
    now = promised(json.loads(json.dumps(description(), default=str)))
    assert breaking_changes(released(), now) == [], (
        "Declare it in config/api/lifecycle.py and keep it until its day; after that: python -m tests.api.released"
    )


def document() -> dict[str, Any]:
    fields = {"key": {"type": "string"}, "state": {"type": "string", "enum": ["open", "held"]}}
    order = {"type": "object", "properties": fields, "required": ["key", "state"]}
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer"}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
    operation = {"parameters": [limit], "requestBody": body, "responses": {"200": deepcopy(body)}}
    return {"paths": {"/orders": {"post": operation}}, "components": {"schemas": {"Order": order}}}


def post(told: dict[str, Any]) -> Any:
    return told["paths"]["/orders"]["post"]


def order_of(told: dict[str, Any]) -> Any:
    return told["components"]["schemas"]["Order"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told["paths"].clear(), ["POST /orders is gone"]),
        (lambda told: post(told)["parameters"].clear(), ["POST /orders: query limit is gone"]),
        (
            lambda told: post(told)["parameters"][0].update(required=True),
            ["POST /orders: query limit is required now"],
        ),
        (
            lambda told: post(told)["parameters"][0]["schema"].update(type="boolean"),
            ["POST /orders: query limit was integer and is boolean"],
        ),
        (
            lambda told: order_of(told)["properties"].pop("key"),
            ["POST /orders: 200.key is gone", "POST /orders: body.key is gone"],
        ),
        (
            lambda told: order_of(told)["properties"]["state"]["enum"].remove("held"),
            ["POST /orders: body.state takes no held any more"],
        ),
        (lambda told: order_of(told)["required"].remove("key"), ["POST /orders: 200.key may be left out now"]),
        (lambda told: order_of(told)["required"].append("why"), ["POST /orders: body.why is required now"]),
        (
            lambda told: order_of(told)["properties"]["key"].update(type=["string", "null"]),
            ["POST /orders: 200.key was string and is null or string"],
        ),
        (
            lambda told: post(told)["responses"].clear(),
            ["POST /orders: 200 application/json is not answered any more"],
        ),
        (lambda told: order_of(told)["properties"].update(more={"type": "string"}), []),
        (lambda told: order_of(told)["properties"]["state"]["enum"].append("sent"), []),
        (lambda told: told["paths"]["/orders"].update(get={"responses": {}}), []),
    ],
)
def test_a_breaking_change_is_named_and_an_addition_is_none(change: Callable[[Any], None], said: list[str]) -> None:
    after = document()
    change(after)
    assert breaking_changes(document(), after) == said
