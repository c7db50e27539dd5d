"""A folder of order files, small enough to read here, goes through the same doors as everything else."""

import json
import tracemalloc
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.context import Actor, acting
from orders.fulfilment.management.order_files import read_payloads
from orders.fulfilment.models import Order
from orders.fulfilment.shipped import OLIST
from orders.sync.models import Connector, InboundEvent, System
from rules.models import Client, Owner

pytestmark = pytest.mark.django_db

ORDERS = """\
order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,\
order_delivered_customer_date,order_estimated_delivery_date
o-1,c-1,delivered,2016-09-15 12:16:38,2016-09-15 12:16:38,2016-11-07 17:11:53,2016-11-09 07:47:38,2016-10-04 00:00:00
o-2,c-1,canceled,2016-09-16 12:16:38,,,,2016-10-04 00:00:00
o-3,c-1,unavailable,2016-09-17 12:16:38,2016-09-17 12:16:38,,,2016-10-04 00:00:00
"""
ITEMS = """\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o-1,1,p-1,s-1,2016-09-19 23:11:33,44.99,2.83
o-2,1,p-1,s-1,2016-09-19 23:11:33,44.99,2.83
o-3,1,p-1,s-1,2016-09-19 23:11:33,44.99,2.83
"""
CUSTOMERS = """\
customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state
c-1,u-1,14600,sao joaquim da barra,SP
"""


@pytest.fixture
def store(northwind: Client, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        return System.objects.create(slug="olist", name="Olist", layer="store", owner=owner, client=northwind)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("orders", ORDERS), ("order_items", ITEMS), ("customers", CUSTOMERS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_orders_end_as_their_files_say_and_a_second_run_changes_nothing(
    store: System, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for _ in range(2):
        call_command("ingest", folder, system="olist")
        said.append(capsys.readouterr().out.strip())
    assert said == ["9 accepted", "9 duplicate"]
    assert dict(Order.objects.values_list("number", "state")) == {
        "o-1": "delivered",
        "o-2": "cancelled",
        "o-3": "vendor_refused",
    }
    assert Order.objects.get(number="o-1").total_minor == 4_782
    assert Connector.objects.count() == len(OLIST)


def test_what_is_refused_decides_how_it_ends(
    store: System, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("ingest", folder, system="olist")
    capsys.readouterr()
    changed = ORDERS.replace("o-1,c-1,delivered,2016-09-15 12:16:38", "o-1,c-1,delivered,2016-09-15 12:16:39")
    (folder / "orders.csv").write_text(changed)
    with pytest.raises(SystemExit) as ended:
        call_command("ingest", folder, system="olist", json=True)
    document = json.loads(capsys.readouterr().out)
    assert (ended.value.code, document["ok"], document["summary"]) == (1, False, {"duplicate": 8, "conflict": 1})
    (folder / "orders.csv").write_text(changed + "o-4,c-1,created,2016-09-18 12:16:38,,,,2016-10-04 00:00:00\n")
    with pytest.raises(SystemExit) as partly:
        call_command("ingest", folder, system="olist")
    assert partly.value.code == 4
    assert Order.objects.get(number="o-4").state == "quarantined"


def test_an_empty_file_is_nothing_to_take_in(store: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "orders.json"
    file.write_text("[]")
    call_command("ingest", file, system="olist", connector="shopify")
    assert (capsys.readouterr().out.strip(), InboundEvent.objects.count()) == ("nothing to take in", 0)


SHOPIFY = {
    "email": "ida@shop.example",
    "created_at": "2026-11-20T09:00:00+00:00",
    "currency": "EUR",
    "total_price": "199.00",
    "line_items": [{"id": 1, "sku": "TENT-2", "title": "Tent", "quantity": 1, "price": "199.00"}],
}


def shopify(number: int) -> dict[str, object]:
    return {**SHOPIFY, "id": number, "name": f"#{number}"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([shopify(1), {"order": shopify(2)}]),
        f"\ufeff {json.dumps([shopify(1), shopify(2)])}",
        "\n".join(json.dumps(shopify(number)) for number in (1, 2)),
    ],
    ids=["a list", "a list behind a byte order mark", "one a line"],
)
def test_a_file_of_payloads_is_read_however_it_is_written(
    store: System, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "orders.json"
    file.write_text(text)
    call_command("ingest", file, system="olist", connector="shopify")
    assert capsys.readouterr().out.strip() == "2 accepted"
    assert set(Order.objects.values_list("number", flat=True)) == {"#1", "#2"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps([shopify(1), shopify(2)])[:-9], "no whole JSON document"),
        (json.dumps([shopify(1), 2]), "record 2 is no object"),
        (json.dumps([shopify(1), {**SHOPIFY, "id": 2}]), "payload.name"),
        ("", "no whole JSON document"),
    ],
    ids=["cut off", "no object", "a field is missing", "nothing"],
)
def test_of_a_file_that_is_broken_anywhere_nothing_is_taken_in(
    store: System, tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "orders.json"
    file.write_text(text)
    with pytest.raises(CommandError, match=says):
        call_command("ingest", file, system="olist", connector="shopify")
    assert InboundEvent.objects.count() == 0


def test_a_file_is_read_record_by_record(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([shopify(number) for number in range(10_000)]))
    read = read_payloads(file, client="northwind")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read) == 10_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < file.stat().st_size / 2
