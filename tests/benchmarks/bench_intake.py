"""Taking in orders: in bulk beside COPY of the very rows that come of it, over HTTP beside an empty view with one durable INSERT."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from time import perf_counter
from typing import Any

from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client as HttpClient
from django.test import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from audit import clock
from audit.access import system_actor
from audit.context import acting
from orders.sync import envelopes, signatures
from orders.sync.models import System
from orders.sync.services import add_credential, apply_due, receive
from orders.sync.states import CredentialKind, Layer
from rules.models import Client, Owner
from tests.benchmarks.table import Table
from tests.cast import furnish

ORDERS, REQUESTS, CLIENTS, SKUS = 5_000, 3_200, 16, 400
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY = system_actor("bench")
numbers = count(1)


def run() -> Table:
    """Orders per second."""
    table = Table(
        f"intake of orders with three lines: bulk of {ORDERS:,}, and {REQUESTS:,} requests of {CLIENTS} senders",
        "bulk: COPY of the same rows into tables with the same keys and indexes; HTTP: an empty view with one durable INSERT",
    )
    furnish(by=BY, now=NOW)
    store, secret = _store()
    _take_in(store, [_stock(number) for number in range(SKUS)])
    _add_bulk(table, "kept and applied, not paid yet", store)
    _add_bulk(table, "kept, applied, paid and routed", store, paid_at=NOW.isoformat())
    table.add("HTTP: one order, one commit", _pressed("/api/v1/events", lambda: _signed(secret)), _floor(secret))
    return table


def _add_bulk(table: Table, what: str, store: System, **more: Any) -> None:
    before = _sizes()
    documents = [_document(**more) for _ in range(ORDERS)]
    started = perf_counter()
    _take_in(store, documents)
    table.add(f"bulk: {what}", ORDERS / (perf_counter() - started), _timed_copy(before))


def _store() -> tuple[System, str]:
    with acting(BY, at=NOW):
        store = System(
            slug="bench-store",
            name="Store",
            layer=Layer.STORE,
            client=Client.objects.get(slug="northwind"),
            owner=Owner.objects.get(slug="integrations"),
        )
        store.save()
    return store, add_credential(system=store, kind=CredentialKind.INBOUND, by=BY, now=NOW)


def _document(**more: Any) -> dict[str, Any]:
    number = next(numbers)
    chosen = random.Random(number)
    lines = [_line(chosen) for _ in range(3)]
    data = {
        "client": "northwind",
        "order": f"B-{number}",
        "channel": chosen.choice(["web", "marketplace", "app"]),
        "currency": "EUR",
        "total_minor": sum(int(line["quantity"]) * int(line["unit_minor"]) for line in lines),
        "placed_at": NOW.isoformat(),
        "lines": lines,
        "address": {
            "recipient": "Ida Berg",
            "street": f"Torstraße {number}",
            "postcode": "10119",
            "city": "Berlin",
            "country": "DE",
            "email": f"ida{number}@shop.example",
        },
        **more,
    }
    return _event(f"bench-{number}", "order.placed", data["order"], data)


def _stock(number: int) -> dict[str, Any]:
    sku = f"SKU-{number}"
    data = {"client": "northwind", "sku": sku, "available": 1_000_000, "changed_at": NOW.isoformat()}
    return _event(f"stock-{number}", "stock.changed", sku, data)


def _event(event_id: str, kind: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/bench", "type": kind, "subject": subject, "data": data}


def _line(chosen: random.Random) -> dict[str, Any]:
    sku, quantity, unit = f"SKU-{chosen.randrange(SKUS)}", chosen.randint(1, 3), chosen.randint(500, 90_000)
    return {"sku": sku, "quantity": quantity, "unit_minor": unit, "sku_type": "stock"}


def _take_in(store: System, documents: list[dict[str, Any]]) -> None:
    body = json.dumps(documents).encode()
    told = [envelopes.of_document(document, now=NOW) for document in json.loads(body)]
    receive(system=store, envelopes=told, by=BY, now=NOW)
    while apply_due(now=NOW):
        pass


def _sizes() -> dict[str, int]:
    """Rows per table of this product."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        names = [name for (name,) in cursor.fetchall() if not name.startswith("django_")]
        sizes = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608 -- names of our own tables
            sizes[name] = cursor.fetchone()[0]
    return sizes


def _timed_copy(before: dict[str, int]) -> float:
    """Orders per second, were nothing done but COPY of the rows that came since `before` into twins of their tables."""
    seconds = 0.0
    with connection.cursor() as cursor:
        for name, size in _sizes().items():
            if not (grown := size - before.get(name, 0)):
                continue
            rows = io.BytesIO()
            with cursor.copy(f'COPY (SELECT * FROM "{name}" ORDER BY ctid DESC LIMIT {grown}) TO STDOUT') as copy:  # noqa: S608
                for block in copy:
                    rows.write(block)
            cursor.execute(f'CREATE TABLE floor_twin (LIKE "{name}" INCLUDING ALL EXCLUDING IDENTITY)')
            started = perf_counter()
            with cursor.copy("COPY floor_twin FROM STDIN") as copy:
                copy.write(rows.getvalue())
            seconds += perf_counter() - started
            cursor.execute("DROP TABLE floor_twin")
    return ORDERS / seconds


def _signed(secret: str) -> dict[str, Any]:
    document = _document()
    body = json.dumps(document).encode()
    headers = signatures.sign(secret=secret, message_id=document["id"], at=clock.now(), body=body)
    return {
        "data": body,
        "content_type": "application/cloudevents+json",
        "headers": {"X-Handrail-System": "bench-store", **headers},
    }


def _pressed(url: str, request: Callable[[], dict[str, Any]]) -> float:
    """Requests per second of some senders at once, each with a connection of its own; none may be refused."""
    requests = [request() for _ in range(REQUESTS)]

    def send(some: list[dict[str, Any]]) -> None:
        client = HttpClient()
        for one in some:
            answer = client.post(url, **one)
            if answer.status_code >= 300:
                raise RuntimeError(answer.content.decode())
        connections.close_all()

    with override_settings(ALLOWED_HOSTS=["testserver"]), ThreadPoolExecutor(CLIENTS) as pool:
        started = perf_counter()
        list(pool.map(send, (requests[start::CLIENTS] for start in range(CLIENTS))))
        return REQUESTS / (perf_counter() - started)


def _floor(secret: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor_insert (id bigserial PRIMARY KEY, body text NOT NULL)")
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        found = _pressed("/floor/", lambda: _signed(secret))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE floor_insert")
    return found


def _insert_durably(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO floor_insert (body) VALUES (%s)", [request.body.decode()[:400]])
    return HttpResponse(status=202)


urlpatterns = [path("floor/", csrf_exempt(_insert_durably))]
