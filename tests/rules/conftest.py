"""A rule book to decide with."""

from __future__ import annotations

from datetime import datetime

import pytest

from audit.access import system_actor
from audit.context import Actor
from rules import facts, services
from rules.models import RuleBookVersion
from tests.conftest import NOW, Stand, Standing

ORDER_ATTRIBUTES: dict[str, facts.Declared] = {
    "channel": str,
    "country": str,
    "segment": str,
    "delivery_sla": str,
    "fraud_score": int,
    "total_minor": int,
    "currency": str,
    "lines": [{"sku": str, "sku_type": str, "quantity": int}],
}


@pytest.fixture(autouse=True, scope="session")
def order_context() -> None:
    """The context of orders, where the app that declares it does not yet."""
    try:
        facts.context("order")
    except LookupError:
        facts.declare_context("order", ORDER_ATTRIBUTES)


@pytest.fixture(scope="module")
def shipped(stand: Stand) -> Standing:
    """The shipped configuration, where it can stand."""
    return stand("configuration", lambda: services.install_shipped_configuration(by=system_actor("test"), now=NOW))


@pytest.fixture
def shipped_book(shipped: Standing, db: None, system: Actor, now: datetime) -> RuleBookVersion:
    """The shipped configuration, installed and frozen."""
    if shipped.is_there:
        return RuleBookVersion.objects.order_by("-number")[0]
    return services.install_shipped_configuration(by=system, now=now)
