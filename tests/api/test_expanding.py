"""What records refer to is sent along where it is asked for, as its own resource shows it to the same asker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.context import Actor
from audit.rest.views import ListResource, Resource
from config.api.reference import description
from config.api.urls import urlpatterns
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from rules.models import Client
from tests.api.conftest import Api
from tests.factories import orders as make


def expanding() -> Iterator[tuple[str, type[Resource]]]:
    """The resources whose records can be sent with something, by path."""
    for one in urlpatterns:
        view: Any = getattr(one.callback, "view_class", None)
        if view and issubclass(view, ListResource) and view.expands:
            yield str(one.pattern), view


def test_what_a_record_refers_to_is_as_its_own_resource_shows_it(lee: Api, case: ExceptionCase) -> None:
    (row,) = lee.get("exceptions?expand=owner,client&fields=key,owner").json()["results"]
    assert (set(row), list(row["expanded"])) == ({"key", "owner", "expanded"}, ["client", "owner"])
    assert row["expanded"]["owner"] == lee.get(f"owners/{row['owner']}").json()
    whole = lee.get(f"exceptions/{case.key}?expand=client")
    assert whole.json()["expanded"] == {"client": lee.get("clients/northwind").json()}
    assert "expanded" not in lee.get(f"exceptions/{case.key}").json()
    line = lee.get("exceptions?format=jsonl&fields=key&expand=owner").getvalue().decode()
    assert line.startswith(f'{{"key":"{case.key}","expanded":{{"owner":{{"self":')


def test_a_record_that_is_known_is_sent_again_where_more_than_it_is_asked_for(lee: Api, order: Order) -> None:
    path = f"fulfilments/{order.key}-1"
    tag = lee.get(path)["ETag"]
    assert lee.get(path, If_None_Match=tag).status_code == 304
    assert lee.get(f"{path}?expand=order", If_None_Match=tag).json()["expanded"]["order"]["key"] == order.key


@pytest.mark.parametrize("item_count", [1, 3])
def test_each_relation_costs_one_question_however_many_rows_there_are(
    lee: Api, order: Order, northwind: Client, system: Actor, item_count: int
) -> None:
    now = clock.now()
    place_orders(news=[make.placed(northwind, now) for _ in range(1, item_count)], by=system, now=now)
    with CaptureQueriesContext(connection) as plain:
        assert len(lee.get("orders").json()["results"]) == item_count
    with CaptureQueriesContext(connection) as more:
        assert lee.get("orders?expand=client,owner,flow").status_code == 200
    assert len(more) - len(plain) == 3


def test_every_list_sends_all_it_says_it_can(lee: Api, case: ExceptionCase) -> None:
    found = list(expanding())
    assert len(found) >= 9
    for path, view in found:
        told = description()["paths"][f"/api/{path}"]["get"]
        assert "expand" in {one["name"] for one in told["parameters"]}, path
        rows = lee.get(f"/api/{path}?expand={','.join(view.expands)}").json()["results"]
        assert [list(row["expanded"]) for row in rows] == [list(view.expands)] * len(rows), path


def test_what_cannot_be_expanded_or_is_not_the_askers_to_see_is_refused(
    amal: Api, program: Callable[..., Api], northwind: Client, order: Order
) -> None:
    for path in ("orders", f"orders/{order.key}"):
        answer = amal.get(f"{path}?expand=owner,lines")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "expand")
        assert "“lines” cannot be expanded here. What can be: client, owner, flow." in answer.json()["detail"]
    assert "What can be: nothing." in amal.get("owners?expand=client").json()["detail"]
    answer = program(northwind).get("orders?expand=owner")
    assert (answer.status_code, answer.json()["missing_permission"]) == (403, "rules.view_rules")
