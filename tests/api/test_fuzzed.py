"""Requests nobody would write by hand: what the description promises is what is answered, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from audit import clock
from audit.access import GRANTS, Role
from audit.context import Actor
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from rules.models import Client
from rules.services import authenticate_api_token
from tests.api import world
from tests.api.conftest import Api
from tests.cast import House

EXAMPLES = 2
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
THOROUGHLY = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests through WSGI keep the connection that the test's transaction is on, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def keys(house: House, order: Order, case: ExceptionCase, system: Actor) -> dict[str, Any]:
    return world.build(house, order, case, by=system, now=clock.now())


@pytest.fixture
def admin(program: Callable[..., Api], northwind: Client) -> str:
    """A token that may do everything to Northwind's records; its first use is noted, which no request has to do again."""
    token = program(northwind, of="kim", scopes=sorted(GRANTS[Role.ADMIN])).token
    authenticate_api_token(text=token, now=clock.now())
    return token


@pytest.mark.usefixtures("one_connection")
def test_no_request_however_odd_breaks_a_promise(keys: dict[str, Any], admin: str, settings: Settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    schema = schemathesis.openapi.from_wsgi("/api/schema/", get_wsgi_application())
    asked, promises_broken = 0, []
    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith(("/api/v1/events", "/api/v1/hooks")) and operation.method == "post":
            continue  # proven by signatures; tests/orders/sync sends these every kind of nonsense
        try:
            asked += _ask(operation, keys, admin)
        except FailureGroup as broken:
            promises_broken.append(f"{operation.label}\n{broken}")
    assert "\n\n".join(promises_broken) == ""
    assert asked >= 60 * EXAMPLES


def _ask(operation: Any, keys: dict[str, Any], token: str) -> int:
    """Ask the operation many times, half of the time about a record there is; the number of answers."""
    answers = 0
    record = world.family(operation.path.removeprefix("/api/v1/").split("/")[0].removesuffix("s"))

    @THOROUGHLY
    @given(case=operation.as_strategy(), real=st.booleans())
    def ask(case: Any, *, real: bool) -> None:
        nonlocal answers
        if real and "key" in (case.path_parameters or {}) and record in keys:
            case.path_parameters["key"] = str(keys[record])
        with transaction.atomic():
            case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})
            transaction.set_rollback(True)
        answers += 1

    ask()
    return answers
