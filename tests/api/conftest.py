"""People, programs and two clients, talking to the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client as Browser

from audit import clock
from audit.access import Role
from audit.context import Actor, acting
from audit.models import User
from rules import services
from rules.models import Client, ClientAccess
from tests.factories.orders import client_named

people = count(1)


@dataclass
class Api:
    """A caller of the API."""

    user: User
    token: str = ""

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

    def _send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        browser = Browser(raise_request_exception=True)
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        kind = named.pop("Content-Type", "application/json")
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        else:
            browser.force_login(self.user)
        address = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        return browser.generic(method, address, body, content_type=kind if body else "", headers=named)


@pytest.fixture(autouse=True)
def fresh_rates() -> None:
    """Nobody has asked anything yet."""
    cache.clear()


@pytest.fixture
def configured(db: None, system: Actor) -> datetime:
    """The shipped configuration in force, and the time it is."""
    services.install_shipped_configuration(by=system, now=clock.now())
    return clock.now()


@pytest.fixture
def northwind(configured: datetime, system: Actor) -> Client:
    with acting(system, at=configured):
        return client_named()


@pytest.fixture
def fable(configured: datetime, system: Actor) -> Client:
    with acting(system, at=configured):
        return client_named("fable", "FB", name="Fable & Co")


Person = Callable[..., Api]


@pytest.fixture
def person(configured: datetime, system: Actor) -> Person:
    """Somebody with a role, who works for these clients."""

    def _person(role: Role, *clients: Client) -> Api:
        user = User.objects.create_user(f"{role}-{next(people)}", first_name="Amal", last_name=str(role))
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
        with acting(system, at=configured):
            for client in clients:
                ClientAccess.objects.create(user=user, client=client)
        return Api(user)

    return _person


@pytest.fixture
def program(person: Person, system: Actor) -> Callable[..., Api]:
    """An integrator's program with a token."""

    def _program(client: Client, *, role: Role = Role.INTEGRATOR, scopes: Collection[str] = ()) -> Api:
        api = person(role, client)
        now = clock.now()
        _, api.token = services.issue_api_token(
            user=api.user,
            label="Till",
            scopes=scopes or ["orders.view_order", "rules.view_rules"],
            clients=[client],
            expires_at=now + timedelta(days=1),
            by=system,
            now=now,
        )
        return api

    return _program


@pytest.fixture
def amal(person: Person, northwind: Client) -> Api:
    return person(Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def noor(person: Person, fable: Client) -> Api:
    return person(Role.ACCOUNT_MANAGER, fable)


@pytest.fixture
def lee(person: Person, northwind: Client) -> Api:
    return person(Role.OPS_LEAD, northwind)


@pytest.fixture
def kim(person: Person) -> Api:
    return person(Role.ADMIN)
