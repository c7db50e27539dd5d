"""The demo looks like a day at an agency, made through the same doors, once."""

import pytest
from django.core.management import call_command
from django.db import connection

from audit import clock
from audit.checks import invariants
from audit.models import User
from exceptions.models import ExceptionCase, Waiver
from orders.fulfilment.management import demo
from orders.fulfilment.models import Order
from rules.selectors import actor_for, clients_of
from tests.conftest import Standing

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def seeded(standing: Standing) -> dict[str, int]:
    """What the demo says it made, once for all."""
    with standing.blocker.unblock():
        return demo.seed(now=clock.now())


@pytest.fixture(autouse=True)
def _demo(seeded: dict[str, int], db: None) -> None:
    """Every test is about a demo that is there."""


def test_the_demo_has_orders_in_every_stage_stuck_ones_and_a_decision_to_take() -> None:
    states = set(Order.objects.values_list("state", flat=True))
    assert states >= {
        "awaiting_payment",
        "quarantined",
        "address_invalid",
        "manual_review",
        "partly_fulfilled",
        "in_fulfilment",
        "on_hold",
        "shipped",
        "delivered",
    }
    kinds = set(ExceptionCase.objects.live().values_list("type", flat=True))
    assert kinds >= {"address", "high-risk-review", "inventory", "vendor-no-confirmation", "contract-violation"}
    assert Waiver.objects.get().state == "requested"
    for check in invariants():
        with connection.cursor() as cursor:
            cursor.execute(check.sql)
            assert (check.id, cursor.fetchall()) == (check.id, [])


def test_a_second_run_changes_nothing(seeded: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo")
    assert demo.seed(now=clock.now()) == seeded
    told = capsys.readouterr().out
    assert [account.username for account in demo.DEMO_ACCOUNTS if account.username not in told] == []


def test_everybody_can_sign_in_and_sees_their_own_clients() -> None:
    noor = User.objects.get(username="noor")
    assert noor.check_password(demo.DEMO_PASSWORD)
    assert [client.slug for client in clients_of(actor_for(noor, channel="web"))] == ["fable"]
