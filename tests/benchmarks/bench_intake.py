"""Taking in orders: in bulk beside COPY of the very rows that come of it, over HTTP beside an empty view with one durable INSERT.

The HTTP server is the one that `up` starts, with the same processes and threads, for the product and for the empty view; the senders keep
their connections. The rule book has 200 rules.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from itertools import count
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from audit import clock
from audit.access import system_actor
from audit.context import acting
from config.management.commands.up import WORKER_PROCESSES, Stack
from orders.sync import envelopes, signatures
from orders.sync.models import InboundEvent, System
from orders.sync.services import add_credential, apply_due, receive
from orders.sync.states import CredentialKind, InboundState
from rules.models import Client, Owner, OwnershipRule
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.benchmarks.bench_rules import CHANNELS, COUNTRIES, TYPES
from tests.benchmarks.table import Table
from tests.benchmarks.team import Team
from tests.cast import furnish

ORDERS = int(os.environ.get("HANDRAIL_BENCH_ORDERS", "5000"))
REQUESTS, CLIENTS, SKUS, RULES = 3_200, 16, 400, 200
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY = system_actor("bench")
numbers = count(1)
Request = tuple[bytes, dict[str, str]]


def run() -> Table:
    """Orders per second."""
    table = Table(
        f"intake of orders with three lines, {RULES} rules: bulk of {ORDERS:,}, and {REQUESTS:,} requests of {CLIENTS} senders",
        "bulk: COPY of the same rows into tables with the same keys and indexes; HTTP: an empty view with one durable INSERT",
    )
    furnish(by=BY, now=NOW)
    _fill_the_book()
    store, secret = _store()
    _take_in(store, [_stock(number) for number in range(SKUS)])
    for processes in (1, WORKER_PROCESSES):
        _add_bulk(table, "not paid yet", store, processes)
        _add_bulk(table, "paid and routed", store, processes, paid_at=NOW.isoformat())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor_insert (id bigserial PRIMARY KEY, body text NOT NULL)")
    floor = _pressed("tests.benchmarks.floor", "/floor/", secret)
    before = InboundEvent.objects.count()
    table.add("HTTP: one order, one commit", _pressed("config.wsgi", "/api/v1/events", secret), floor)
    if (kept := InboundEvent.objects.count() - before) != REQUESTS + CLIENTS:
        raise RuntimeError(f"{kept} events were kept of {REQUESTS + CLIENTS}")
    return table


def _fill_the_book() -> None:
    """As many rules as a large house has, asked before the shipped ones, and none of them holds."""
    default = OwnershipRule.objects.get(is_default=True)
    alike = ("why", "owner", "flow", "sla", "fallback", "fallback_after_minutes", "rule_owner")
    taken = set(OwnershipRule.objects.values_list("position", flat=True))
    free = (position for position in count(1) if position not in taken)
    chance = random.Random(7)
    with acting(BY, at=NOW):
        for number in range(RULES - OwnershipRule.objects.filter(is_active=True).count()):
            OwnershipRule.objects.create(
                slug=f"bench-{number}",
                name=f"Bench {number}",
                position=next(free),
                predicate=(
                    f'channel == "{chance.choice(CHANNELS)}" && country == "{chance.choice(COUNTRIES)}" '
                    f'&& total_minor >= {10**9 + number} && lines.exists(l, l.sku_type == "{chance.choice(TYPES)}")'
                ),
                **{name: getattr(default, name) for name in alike},
            )
        freeze_rule_book(by=BY, now=NOW, note="two hundred rules")


def _add_bulk(table: Table, what: str, store: System, processes: int, **more: Any) -> None:
    """Each process receives its share, and applies what waits."""
    before = _sizes()
    documents = [_document(**more) for _ in range(ORDERS)]
    with Team(processes) as team:
        figure = team.do([partial(_take_in, store, documents[n::processes]) for n in range(processes)])
        if left := InboundEvent.objects.exclude(state=InboundState.APPLIED).count():
            raise RuntimeError(f"{left} events were not applied")
        table.add(f"bulk: {what}, processes: {processes}", figure, _timed_copy(before, team))


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


def _take_in(store: System, documents: list[dict[str, Any]]) -> int:
    body = json.dumps(documents).encode()
    told = [envelopes.of_document(document, now=NOW) for document in json.loads(body)]
    receive(system=store, envelopes=told, by=BY, now=NOW)
    while apply_due(now=NOW):
        pass
    return len(documents)


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


def _timed_copy(before: dict[str, int], team: Team) -> float:
    """Orders per second, were nothing done but COPY of the rows that came since `before` into twins of their tables, by the team."""
    seconds = 0.0
    with connection.cursor() as cursor:
        for name, size in _sizes().items():
            if not (grown := size - before.get(name, 0)):
                continue
            rows = io.BytesIO()
            with cursor.copy(f'COPY (SELECT * FROM "{name}" ORDER BY ctid DESC LIMIT {grown}) TO STDOUT') as copy:  # noqa: S608
                for block in copy:
                    rows.write(block)
            lines = rows.getvalue().splitlines(keepends=True)
            cursor.execute(f'CREATE TABLE floor_twin (LIKE "{name}" INCLUDING ALL EXCLUDING IDENTITY)')
            shares = [b"".join(lines[n :: team.processes]) for n in range(team.processes)]
            seconds += grown / team.do([partial(_copy_in, share, grown // team.processes) for share in shares])
            cursor.execute("DROP TABLE floor_twin")
    return ORDERS / seconds


def _copy_in(rows: bytes, count: int) -> int:
    with connection.cursor() as cursor, cursor.copy("COPY floor_twin FROM STDIN") as copy:
        copy.write(rows)
    return count


def _signed(secret: str) -> Request:
    document = _document()
    body = json.dumps(document).encode()
    headers = signatures.sign(secret=secret, message_id=document["id"], at=clock.now(), body=body)
    media = {"Content-Type": "application/cloudevents+json", "X-Handrail-System": "bench-store"}
    return body, {**media, **headers}


def _pressed(application: str, path: str, secret: str) -> float:
    """Requests per second of some senders at once, each with a connection of its own; none may be refused.

    The first request of each is not timed.
    """
    with _served(application) as port, ThreadPoolExecutor(CLIENTS) as pool:

        def send(requests: list[Request]) -> None:
            with closing(HTTPConnection("127.0.0.1", port)) as sender:
                for body, headers in requests:
                    sender.request("POST", path, body, headers)
                    answer = sender.getresponse()
                    told = answer.read()
                    if answer.status >= 300:
                        raise RuntimeError(told.decode())

        list(pool.map(send, ([_signed(secret)] for _ in range(CLIENTS))))
        requests = [_signed(secret) for _ in range(REQUESTS)]
        started = perf_counter()
        list(pool.map(send, (requests[start::CLIENTS] for start in range(CLIENTS))))
        return REQUESTS / (perf_counter() - started)


@contextmanager
def _served(application: str) -> Iterator[int]:
    """The port of the web server that `up` starts, with this application in it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    stack = Stack({"port": port, "sandbox_port": 0, "bind": "127.0.0.1", "no_demo": True})
    (web,) = (program for program in stack._programs() if program.name == "web")
    command = [application if word == "config.wsgi" else word for word in web.argv]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {**os.environ, **web.environment, "DATABASE_URL": url}
    environment["PYTHONWARNINGS"] = "ignore:No directory at"
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        _wait_for(port, server)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the web server did not start")
