"""People, programs and two clients, talking to the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client as Browser

from audit import clock
from audit.context import Actor
from audit.models import User
from audit.subject_refs import subject_ref
from exceptions.models import ExceptionCase
from exceptions.services import open_case
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules import services
from rules.models import Client
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make


@dataclass
class Api:
    """A caller of the API."""

    user: User
    token: str = ""
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    browser: Browser = field(default_factory=lambda: Browser(raise_request_exception=True))

    def __post_init__(self) -> None:
        """Sign in once; who has a token does not."""
        if not self.token and not self.cookies:
            self.cookies = signed_in(self.user).cookies

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, headers=headers)

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, match: str | None = "*", **headers: str
    ) -> Any:
        headers |= {"Idempotency-Key": key or str(uuid4())}
        headers |= {"If-Match": match} if match else {}
        return self._send("POST", path, json.dumps({} if body is None else body).encode(), headers)

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        return self._send(method, path, body, {"Idempotency-Key": str(uuid4()), "If-Match": "*", **headers})

    def bare(self, path: str) -> Any:
        """An act without anything an act needs."""
        return self._send("POST", path, b"{}")

    def _send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        kind = named.pop("Content-Type", "application/json")
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        self.browser.cookies = deepcopy(self.cookies)
        address = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        return self.browser.generic(method, address, body, content_type=kind if body else "", headers=named)


@pytest.fixture(autouse=True)
def fresh_rates() -> None:
    """Nobody has asked anything yet."""
    cache.clear()


@pytest.fixture(scope="module")
def furnished_at() -> datetime:
    return clock.now()


@pytest.fixture
def northwind(house: House) -> Client:
    return house.clients["northwind"]


@pytest.fixture
def fable(house: House) -> Client:
    return house.clients["fable"]


@pytest.fixture
def amal(house: House) -> Api:
    """Account manager of Northwind."""
    return Api(house.users["amal"])


@pytest.fixture
def noor(house: House) -> Api:
    """Account manager of another client: must see nothing of Northwind."""
    return Api(house.users["noor"])


@pytest.fixture
def lee(house: House) -> Api:
    """Lead of every client."""
    return Api(house.users["lee"])


@pytest.fixture
def kim(house: House) -> Api:
    """Admin."""
    return Api(house.users["kim"])


@pytest.fixture
def program(house: House, system: Actor) -> Callable[..., Api]:
    """A person's program with a token."""

    def _program(client: Client, *, of: str = "ivy", scopes: Collection[str] = ("orders.view_order",)) -> Api:
        now = clock.now()
        _, text = services.issue_api_token(
            user=house.users[of],
            label="Till",
            scopes=scopes,
            clients=[client],
            expires_at=now + timedelta(days=1),
            by=system,
            now=now,
        )
        return Api(house.users[of], text)

    return _program


@pytest.fixture
def order(northwind: Client, system: Actor) -> Order:
    """A paid order of Northwind for a tent that is on the shelf."""
    return paid_order(northwind, by=system, now=clock.now())


@pytest.fixture
def case(order: Order, system: Actor) -> ExceptionCase:
    """An address exception about the order, open."""
    return case_about(order, by=system, now=clock.now())


def paid_order(northwind: Client, *, by: Actor, now: datetime) -> Order:
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=by, now=now)
    (order_id,) = place_orders(news=[make.placed(northwind, now)], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    paid = make.news("payment.captured", northwind, order.number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=by, now=now)
    return Order.objects.get(pk=order_id)


def case_about(order: Order, *, by: Actor, now: datetime) -> ExceptionCase:
    return open_case(
        type="address",
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        title="Address cannot be delivered to",
        at_risk_minor=41_200,
        by=by,
        now=now,
    )
