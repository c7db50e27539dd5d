"""The demo looks like a day at an agency, made through the same doors, once."""

import csv
import io

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser

from audit import clock
from audit.checks import invariants
from audit.models import Event, User
from exceptions.models import ExceptionCase, Waiver
from orders.fulfilment.management import demo
from orders.fulfilment.models import Order
from rules.models import Owner, QualityCheck
from rules.selectors import actor_for, clients_of
from rules.services import save_edited
from tests.conftest import Stand

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def seeded(stand: Stand) -> dict[str, int]:
    """What the demo says it made, once for all."""
    made: dict[str, int] = {}
    stand("demo", lambda: made.update(demo.seed(now=clock.now())))
    return made


@pytest.fixture(autouse=True)
def _demo(seeded: dict[str, int], db: None) -> None:
    """Every test is about a demo that is there."""


def signed_in(name: str) -> Browser:
    browser = Browser()
    assert browser.login(username=name, password=demo.DEMO_PASSWORD)
    return browser


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


def test_a_rule_that_is_edited_has_an_entry_of_its_own() -> None:
    """Here all is one transaction, so the invariant that asks for an entry of the same one cannot see it."""
    edited = {str(pk) for pk in QualityCheck.history.filter(history_type="~").values_list("id", flat=True)}
    assert edited
    assert edited <= set(Event.objects.filter(type="rules.edited").values_list("subject_id", flat=True))


def test_a_second_run_changes_nothing(seeded: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    teams = Owner.objects.filter(kind="team")
    assert [team.slug for team in teams if team.emails != [f"{team.slug}@handrail.example"]] == []
    emptied, by = teams.get(slug="logistics"), actor_for(User.objects.get(username="kim"), channel="web")
    emptied.emails = []
    save_edited(edited=emptied, by=by, now=clock.now())
    call_command("seed_demo")
    assert demo.seed(now=clock.now()) == seeded
    assert Owner.objects.get(pk=emptied.pk).emails == [], "what an admin emptied stays empty"
    told = capsys.readouterr().out
    assert [account.username for account in demo.DEMO_ACCOUNTS if account.username not in told] == []


def test_everybody_can_sign_in_and_sees_their_own_clients() -> None:
    noor = User.objects.get(username="noor")
    assert noor.check_password(demo.DEMO_PASSWORD)
    assert [client.slug for client in clients_of(actor_for(noor, channel="web"))] == ["fable"]


def test_every_page_opens_with_work_on_it() -> None:
    amal, lee, noor = signed_in("amal"), signed_in("lee"), signed_in("noor")
    listed = amal.get("/orders/").context["page"]
    assert listed.rows
    assert {row.client for row in listed.rows} == {"Northwind Outdoor"}
    for row in listed.rows[:4]:
        assert amal.get(f"/orders/{row.key}/").status_code == 200
        assert amal.get(f"/orders/{row.key}/trace/").status_code == 200
        assert noor.get(f"/orders/{row.key}/").status_code == 404
    team = lee.get("/queue/team/").context["page"]
    assert team.rows
    for case in team.rows[:4]:
        assert lee.get(f"/exceptions/{case.key}/").status_code == 200
        payload = lee.get(f"/exceptions/{case.key}/payload.json").json()
        assert payload["owner"]
        assert payload["sla"]["due_at"]
        assert len(payload["last_events"]) <= 5
    waiting = lee.get("/approvals/").context["rows"]
    assert waiting
    assert lee.get(f"/approvals/{next(row.waiver for row in waiting if row.waiver).key}/").status_code == 200
    for path in ("/dead-letters/", "/audit/", "/status/", "/search/?q=1017"):
        assert lee.get(path).status_code == 200, path


def test_an_unknown_order_filter_shows_nothing() -> None:
    answer = signed_in("amal").get("/orders/?state=flying")
    assert (answer.status_code, list(answer.context["page"].rows)) == (400, [])


def test_the_list_of_orders_downloads_as_it_is_filtered_and_the_trail_knows() -> None:
    amal, query = signed_in("amal"), "?tab=in-progress&q=&cols=order&cols=value&cols=client"
    rows = list(csv.DictReader(io.StringIO(b"".join(amal.get(f"/orders.csv{query}")).decode())))
    shown = amal.get(f"/orders/{query}").context["page"]
    assert [row["order"] for row in rows] == [row.key for row in shown.rows]
    assert list(rows[0]) == ["order", "client", "channel", "due_at", "value", "currency"]
    assert {row["client"] for row in rows} == {"northwind"}
    whole = b"".join(amal.get("/orders.csv?q=secret@customer.example")).decode()
    assert (whole.count("\n"), "holds" in whole) == (1, True)
    bodies = [event.body for event in Event.objects.filter(type="orders.exported")]
    assert (len(bodies), any("secret" in body for body in bodies)) == (2, False)
    assert amal.get("/orders.csv?state=flying").status_code == 422
    noor = signed_in("noor")
    assert b"northwind" not in noor.get(f"/orders.csv{query}").getvalue()
    assert noor.get(f"/orders.csv{query}&client=northwind").status_code == 422


def test_a_routed_order_is_exported_with_its_token_and_personal_data_is_hidden() -> None:
    amal = signed_in("amal")
    routed = Order.objects.filter(decision__isnull=False, client__slug="northwind").order_by("key").first()
    assert routed is not None
    document = amal.get(f"/orders/{routed.key}/export.json").json()
    assert (document["order"], document["audit_token"].count(".")) == (routed.key, 2)
    page = amal.get(f"/orders/{routed.key}/").content.decode()
    assert "•••" in page
    assert signed_in("sam").get(f"/orders/{routed.key}/export.json").status_code == 403
