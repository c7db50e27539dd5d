"""What taking in a file needs of memory: a long one beside one a tenth as long, each read by a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from audit.access import system_actor
from audit.context import acting
from orders.sync.models import System
from rules.models import Client, Owner
from rules.states import Layer
from tests.benchmarks.table import Table
from tests.cast import furnish

SHORT, LONG = 1_000, int(os.environ.get("HANDRAIL_BENCH_FILE", "10000"))
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY = system_actor("bench")
KIB_PER_MIB = 1024
MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
numbers = count(1)


def run() -> Table:
    """The most memory each process had at any moment, in MiB."""
    table = Table(f"a file of {LONG:,} orders", f"a file of {SHORT:,} orders")
    furnish(by=BY, now=NOW)
    with acting(BY, at=NOW):
        owner, client = Owner.objects.get(slug="integrations"), Client.objects.get(slug="northwind")
        System(slug="bench-files", name="Files", layer=Layer.STORE, client=client, owner=owner).save()
    with TemporaryDirectory() as folder:
        short, long = (_peak(_written(Path(folder), orders)) for orders in (SHORT, LONG))
    table.add("most memory while a JSON file is taken in", long, short, " MiB")
    return table


def _written(folder: Path, orders: int) -> Path:
    file = folder / f"{orders}.json"
    file.write_text(json.dumps([_payload(next(numbers)) for _ in range(orders)]))
    return file


def _payload(number: int) -> dict[str, Any]:
    """An order as Shopify tells of it."""
    street = {"name": "Ida Berg", "address1": f"Torstraße {number}", "address2": None}
    town = {"zip": "10119", "city": "Berlin", "province_code": None, "country_code": "DE"}
    line = {"id": number, "sku": "TENT-2", "title": "Tent", "quantity": 1, "price": "199.00"}
    return {
        "id": number,
        "name": f"#{number}",
        "email": f"ida{number}@shop.example",
        "created_at": NOW.isoformat(),
        "currency": "EUR",
        "total_price": "199.00",
        "line_items": [line],
        "shipping_address": {**street, **town},
    }


def _peak(file: Path) -> float:
    """Take the file in; how much memory that took at most, in MiB. Raises `RuntimeError` with what it said when it fails."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    command = [sys.executable, str(MANAGE), "ingest", str(file), "--system=bench-files", "--connector=shopify"]
    with TemporaryDirectory() as said, (Path(said) / "said").open("w+") as output:
        process = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}, stdout=output, stderr=output)
        _, ended, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended)
        output.seek(0)
        if process.returncode:
            raise RuntimeError(output.read())
    return used.ru_maxrss / KIB_PER_MIB
