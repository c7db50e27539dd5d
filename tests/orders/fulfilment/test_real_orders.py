"""A vendor's payload, and files that cannot be taken in. Whole folders of real orders: tests/journeys."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.context import Actor, acting
from orders.fulfilment.models import Order
from orders.sync.models import System
from rules.models import Client, Owner
from tests import shared

DATA = shared.DATA / "orders"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.exists(), reason="the real orders are not on this machine"),
]


@pytest.fixture
def store(northwind: Client, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        return System.objects.create(slug="olist", name="Olist", layer="store", owner=owner, client=northwind)


def test_a_shopify_payload_is_taken_in_by_its_connector(store: System, capsys: pytest.CaptureFixture[str]) -> None:
    file = DATA.parent / "payloads" / "shopify" / "order.json"
    told = []
    for _ in range(2):
        call_command("ingest", file, system="olist", connector="shopify", json=True)
        told.append(json.loads(capsys.readouterr().out)["summary"])
    assert told == [{"accepted": 1}, {"duplicate": 1}]
    order = Order.objects.get()
    assert (order.number, order.currency, order.total_minor, order.lines.count()) == ("#1001", "USD", 40_994, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"system": "nobody"}, "There is no active system nobody"),
        ({"system": "olist", "client": "nobody"}, "“nobody” is none"),
        ({"system": "olist", "connector": "shopify"}, "cannot be read as shopify"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_refused_in_a_sentence(
    store: System, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("ingest", Path(__file__), **arguments)
