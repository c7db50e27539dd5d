"""Every door that takes a write is tried on orders that stand at a gate: none lets them pass without something in force.

And none changes a record that has a history without an entry in the trail.

The addresses are not listed here: they are read from the URLs, the API's and the admin's among them. A new one is tried without anybody
remembering, and one whose address cannot be filled in fails the test until it can.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.management import call_command, get_commands
from django.db import connection, transaction
from django.test import Client as Browser
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from audit import clock
from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import Accountable, Event
from audit.subject_refs import subject_ref
from config.api.reference import resources
from config.celery import app
from exceptions import selectors, services
from exceptions.models import ExceptionCase, JobPlan, Waiver
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderAddress
from orders.fulfilment.selectors.impacts import SHIP_DESPITE_CASE, SKIP_CONFIRMATION
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.states import FULFILMENT_UNCONFIRMED, AddressVerdict
from rules.models import Client, Owner, OwnershipRule, Sla
from tests.cast import House, furnish
from tests.conftest import Stand, Standing
from tests.doors import signed_in
from tests.factories import orders as make

HOUR = timedelta(hours=1)
BAD_ADDRESS = {**make.BERLIN, "postcode": "1011"}
WHY = "The customer confirmed the address by telephone."
# Who may enter every door, and the admin. With `HANDRAIL_THOROUGH=1` the one who decides enters them too.
WALKERS = ["kim", "lee"] if "HANDRAIL_THOROUGH" in os.environ else ["kim"]
FORM = "application/x-www-form-urlencoded"
NOT_OURS = ("static", "schema", "docs", "jwks", "metrics", "healthz", "readyz", "signout", "signin")


# The tables of records, each with its history; and how a statement names the table it writes.
RECORDS = {one._meta.db_table: one.history.model for one in apps.get_models() if issubclass(one, Accountable)}
# What commands are told so that they change something; and those that make a product or a client, serve, wait for input or write files.
APPS = ("audit", "config", "exceptions", "orders", "rules")
TOLD: dict[str, dict[str, Any]] = {
    "verify_timers": {"escalate_overdue": True},
    "replay": {"all": True},
}
LEFT_OUT = {
    *("up", "sandbox", "scenario", "seed_demo", "seed_content", "in_turn", "create_client", "follow_exports"),
    *(
        "makemessages",
        "generate_diagrams",
        "generate_permissions",
        "grant_roles",
        "sync_schedules",
        "rotate_signing_key",
    ),
}
WRITTEN = re.compile(r'\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)')
# All that `Gates.passed` reads, by who wrote it last: while that is as before, the answer is too.
STANDS = """
    SELECT (SELECT array_agg(xmin::text ORDER BY xmin::text) FROM fulfilment_orderaddress),
           (SELECT array_agg(xmin::text ORDER BY xmin::text) FROM fulfilment_fulfilment),
           (SELECT array_agg(xmin::text ORDER BY xmin::text) FROM exceptions_waiver),
           (SELECT count(*) FROM audit_event WHERE type = 'fulfilment.confirmed')
"""


@dataclass
class Pen:
    """Notes into which tables of records something is written, so that nobody has to ask of all of them."""

    tables: set[str] = field(default_factory=set)

    def __call__(self, execute: Callable[..., Any], sql: object, *rest: Any) -> Any:
        self.tables |= RECORDS.keys() & set(WRITTEN.findall(str(sql)))
        return execute(sql, *rest)


class Trail:
    """Which doors changed a record, and which of them said nothing of it in the trail."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.silent: set[str] = set()

    @contextmanager
    def watching(self, door: str) -> Iterator[None]:
        """What is done at this door."""
        pen, since = Pen(), clock.now()
        with connection.execute_wrapper(pen):
            yield
        if any(RECORDS[table]._default_manager.filter(history_date__gte=since).exists() for table in pen.tables):
            (self.told if Event.objects.filter(at__gte=since).exists() else self.silent).add(door)


@dataclass
class Gates:
    """Two orders at two gates, and a permission for the first that is over though nobody wrote that down."""

    house: House
    address: Order
    silent: Order
    over: Waiver
    hold: UUID
    case: ExceptionCase
    now: datetime

    def passed(self) -> list[str]:
        """What is past a gate with nothing in force and its cause not cured."""
        found = []
        verdict = OrderAddress.objects.get(order=self.address).verdict
        left = Fulfilment.objects.filter(order=self.address).exists()
        if left and verdict == AddressVerdict.INVALID and not self._open(SHIP_DESPITE_CASE, self.address):
            found.append(self.address.key)
        parcel = Fulfilment.objects.filter(order=self.silent).order_by("key").first()
        assert parcel is not None
        heard = Event.objects.filter(subject_id=str(parcel.pk), type="fulfilment.confirmed").exists()
        waits = parcel.state in (*FULFILMENT_UNCONFIRMED, "cancelled", "refused")
        if not waits and not heard and not self._open(SKIP_CONFIRMATION, self.silent):
            found.append(self.silent.key)
        return found

    def _open(self, gate: str, order: Order) -> bool:
        return selectors.live_waiver(gate=gate, subject=subject_ref(order), now=clock.now()) is not None


@pytest.fixture(scope="module")
def standing_gates(stand: Stand) -> Standing:
    return stand("gates", _build)


@pytest.fixture
def gates(standing_gates: Standing, db: None) -> Gates:
    cache.clear()
    built: Gates = standing_gates.laid
    return replace(built, now=clock.now())


def _build() -> Gates:
    """A day ago both were placed; a permission for an hour was given while the first was held, and has ended since."""
    then, by = clock.now() - 24 * HOUR, system_actor("test")
    house = furnish(by=by, now=then)
    northwind = house.clients["northwind"]
    count_stock(news=[make.stock(northwind, then, "TENT-2", 10)], by=by, now=then)
    vendor: dict[str, Any] = {
        "channel": "marketplace",
        "lines": [make.line("KAYAK", sku_type="preorder", vendor="kestrel")],
    }
    news = [
        make.placed(northwind, then, order="1", address=BAD_ADDRESS),
        make.placed(northwind, then, order="2", **vendor),
    ]
    ids = place_orders(news=news, by=by, now=then)
    for order in Order.objects.filter(pk__in=ids):
        paid = make.news("payment.captured", northwind, order.number, then, captured_at=then.isoformat())
        take_news(news=[paid], by=by, now=then)
    address, silent = Order.objects.get(number="1"), Order.objects.get(number="2")
    case = ExceptionCase.objects.live().get(subject_id=str(address.pk))
    hold_order(order_id=address.pk, words="Wait for the customer", by=by, now=then)
    hold = Hold.objects.get(order=address).pk
    over = _allowed(house, address, case, then)
    return Gates(house, address, silent, over, hold, case, clock.now())


def _allowed(house: House, order: Order, case: ExceptionCase, then: datetime) -> Waiver:
    asked = services.request_waiver(
        gate=SHIP_DESPITE_CASE,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        case_id=case.pk,
        reason=WHY,
        plan="Correct it.",
        minutes=60,
        owner="client-success",
        by=house.actor("amal"),
        now=then,
    )
    return services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=then)


def _doors(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _doors(one.url_patterns, f"{prefix}{one.namespace or ''}:" if one.namespace else prefix)
        elif one.name not in NOT_OURS and not _is_djangos_own(one):
            yield f"{prefix}{one.name}", one


def _is_djangos_own(pattern: URLPattern) -> bool:
    """Redirects and the like, which have no name and do nothing."""
    return pattern.name is None and str(getattr(pattern.callback, "__module__", "")).startswith("django.")


def _known(gates: Gates, name: str) -> dict[str, Any]:
    """A value for everything an address can ask for."""
    waiver_like = "TLX" if any(part in name for part in ("waiver", "time-limited", "decide", "extend")) else "EX"
    order_like = any(part in name for part in ("order", "hold"))
    key = gates.address.key if order_like else gates.over.key if waiver_like == "TLX" else gates.case.key
    return {
        "key": key,
        "hold": gates.hold,
        "number": 1,
        "index": 2,
        "line": 1,
        "scope": "mine",
        "name": "messages-refused",
        "gate": SHIP_DESPITE_CASE,
        "deed": "accept",
        "agreed": uuid4(),
        "action": "resolve",
        "username": "amal",
        "provider_id": "company",
        "pk": 1,
        "token": "none",
        "part": "queue",
        "slug": "conflict",
        "system": "nw-shop",
        "label": "fulfilment.order",
        "subject_type": "fulfilment.order",
        "subject_id": str(gates.address.pk),
        "object_id": str(gates.address.pk),
        "event_id": uuid4(),
        "channel": uuid4(),
        "check": uuid4(),
        "sku": uuid4(),
        "app_label": "fulfilment",
        "content_type_id": 1,
        "url": "fulfilment/order/",
        "history_id": 1,
        "id": 1,
    }


def _address(gates: Gates, name: str, pattern: URLPattern) -> str | None:
    known, regex = _known(gates, name), pattern.pattern.regex
    if not regex.groupindex:
        return reverse(name, args=[known["object_id"], known["history_id"]][: regex.groups])
    for key in (known["key"], gates.address.key, gates.case.key, gates.over.key, 1, uuid4()):
        given = {kind: (key if kind == "key" else known.get(kind)) for kind in regex.groupindex}
        try:
            return reverse(name, kwargs=given)
        except NoReverseMatch:
            continue
    return None


def _filled_in(gates: Gates) -> dict[str, Any]:
    """One answer that fits most questions."""
    return {
        "reason": WHY,
        "words": "Go on now",
        "comment": WHY,
        "text": WHY,
        "note": WHY,
        "plan": "Correct it.",
        "hours": 1,
        "minutes": 30,
        "decision": "approve",
        "outcome": "resolved",
        "seen": gates.case.version,
        "seen_hash": gates.over.content_hash,
        "seen_base": gates.over.base_hash,
        "gate": SHIP_DESPITE_CASE,
        "owner": "amal",
        "reason_code": "other",
        "to": "bo",
        "exception": gates.case.key,
        "cases": gates.case.key,
        "act": "acknowledge",
        "verdict": "justified",
        "contact": "Jo",
        "_save": "Save",
        "state": "in_fulfilment",
        "confirm": gates.address.key,
    }


def _declared(address: str, given: dict[str, Any]) -> dict[str, Any]:
    """Those of the answers that the operation takes; it refuses what it does not declare."""
    for operation in (one for resource in resources() for one in resource.operations if one.method == "POST"):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", operation.path), address):
            return {field["name"]: given[field["name"]] for field in operation.fields if field["name"] in given}
    return {}


def _stands() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(STANDS)
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def _try_all(
    gates: Gates, people: list[str], attempt: Callable[[Browser, str], object], trail: Trail, *, api: bool
) -> tuple[list[str], set[str]]:
    """Post at every address as each of these people; what passed unlawfully, and at which doors a permission was given."""
    through, opened, closed, before = [], set(), [], _stands()
    browser = Browser(raise_request_exception=False)
    cookies = {who: signed_in(gates.house.users[who]).cookies for who in people}
    for name, pattern in _doors(get_resolver().url_patterns):
        address = _address(gates, name, pattern)
        if address is None:
            closed.append(name)
            continue
        asked = people[:1] if address.startswith("/admin/") else people  # the others are no staff
        for who in asked if address.startswith("/api/") == api else ():
            browser.cookies = deepcopy(cookies[who])
            with transaction.atomic():
                with trail.watching(name):
                    attempt(browser, address)
                if _stands() != before:
                    through += [f"{who} at {name}: {key}" for key in gates.passed()]
                    opened |= {name} if Waiver.objects.in_force(clock.now()).exists() else set()
                transaction.set_rollback(True)
    assert closed == [], "addresses nobody can fill in"
    return through, opened


def test_nothing_is_past_a_gate_to_begin_with(gates: Gates) -> None:
    assert gates.passed() == []
    assert gates.over.state == "approved"
    assert Waiver.objects.in_force(clock.now()).count() == 0


def test_no_page_and_no_operation_of_the_api_opens_a_gate_or_changes_anything_silently(
    gates: Gates, unrendered: None
) -> None:
    body, pages, api = _filled_in(gates), Trail(), Trail()

    def as_form(browser: Browser, address: str) -> None:
        browser.post(f"{address}?for={gates.case.key}", urlencode(body), content_type=FORM)

    def as_json(browser: Browser, address: str) -> None:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        fields = json.dumps(_declared(address, body))
        browser.post(address, fields, content_type="application/json", headers=headers)

    release_hold(
        hold_id=Hold.objects.get(order=gates.address).pk, reason="go on", by=gates.house.actor("lee"), now=gates.now
    )
    forms, opened = _try_all(gates, WALKERS, as_form, pages, api=False)
    operations, _ = _try_all(gates, ["kim"], as_json, api, api=True)
    assert forms + operations == []
    assert opened == {"exceptions:break-glass"}, (
        "the walk gets in, and only the door for emergencies gives a permission"
    )
    assert pages.silent | api.silent == set()
    assert pages.told >= {"exceptions:ask", "exceptions:break-glass", "exceptions:escalate-overdue", "fulfilment:holds"}
    assert api.told >= {"api:order-holds", "api:order-cancel", "api:exception-resolve", "api:waiver-revoke"}


def test_what_is_edited_in_the_admin_and_done_to_many_is_in_the_trail(gates: Gates, unrendered: None) -> None:
    trail = Trail()
    browser = Browser()
    browser.cookies = signed_in(gates.house.users["kim"]).cookies
    for model in (OwnershipRule, Sla, Client, Owner):
        record: Any = model._default_manager.order_by("pk").first()
        kept = {one.name: getattr(record, one.attname) for one in model._meta.concrete_fields if one.editable}
        typed = {**kept, "name": "Called otherwise", "seen_version": record.version, "reason": WHY}
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[record.pk])
        with trail.watching(address.split("/")[3]):
            browser.post(address, {name: one for name, one in typed.items() if one is not None and one is not False})
    with trail.watching("many"):
        browser.post("/queue/bulk/", {"do": "acknowledge", "id": [gates.case.key]})
        browser.post("/queue/bulk/", {"plan": JobPlan.objects.get().pk})
    assert (trail.told, trail.silent) == ({"ownershiprule", "sla", "client", "owner", "many"}, set())


def test_no_task_and_no_command_opens_a_gate_or_changes_anything_silently(gates: Gates) -> None:
    app.loader.import_default_modules()
    tasks = [task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")]
    ours = {name for name, where in get_commands().items() if str(where).startswith(APPS)}
    assert ours >= LEFT_OUT, "what is left out is there"
    commands = [partial(call_command, name, **TOLD.get(name, {})) for name in sorted(ours - LEFT_OUT)]
    runs: list[Callable[[], object]] = [*tasks, *commands]
    assert {one.name for one in tasks} >= {"exceptions.sweep_timers", "exceptions.work_jobs", "sync.apply_inbox"}
    trail = Trail()
    for run in runs:
        try:
            with trail.watching(str(run)):
                run()
        except (SystemExit, Exception):  # noqa: BLE001, S112 -- whatever it says, the gate is what is asked about
            continue
        finally:
            assert gates.passed() == [], run
    assert (bool(trail.told), trail.silent) == (True, set())


def test_past_its_end_a_permission_opens_nothing_with_all_workers_stopped(gates: Gates) -> None:
    by: Actor = gates.house.actor("lee")
    hold = Hold.objects.get(order=gates.address)
    release_hold(hold_id=hold.pk, reason="go on", by=by, now=gates.over.expires_at or gates.now)
    gates.address.refresh_from_db()
    assert (gates.address.state, gates.passed(), gates.over.state) == ("address_invalid", [], "approved")


def test_the_walk_sees_a_side_door(gates: Gates) -> None:
    order = Order.objects.get(pk=gates.silent.pk)
    parcel, before, trail = Fulfilment.objects.get(order=order), _stands(), Trail()
    with transaction.atomic():
        with trail.watching("side"), acting(system_actor("test"), at=clock.now()):
            parcel.confirm()
            parcel.save()
        assert (gates.passed(), _stands() == before) == ([order.key], False)
        assert (trail.told, trail.silent) == (set(), {"side"})
        transaction.set_rollback(True)
