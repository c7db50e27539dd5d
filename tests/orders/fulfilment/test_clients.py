"""A client, and a brand of it, set up from a template without code: what is made, that orders go the whole way, and who sees it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Browser

from audit import clock
from audit.context import Actor, acting
from audit.errors import Invalid, NotFound, Refused, StaleVersion
from audit.models import Event
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions.clients import NewClient, NewProductLine
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.clients import client_page
from orders.fulfilment.services.checking import perform_check
from orders.fulfilment.services.clients import SetUp, draft_client, set_up_client, set_up_line
from orders.sync import services as sync
from orders.sync import signatures
from orders.sync.models import OutboundMessage, System
from orders.sync.states import CredentialKind
from rules import selectors as rules
from rules.models import Client, OwnershipRule, QualityCheck, RuleBookVersion
from rules.services import freeze_rule_book, save_edited
from rules.states import Layer
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make

pytestmark = pytest.mark.django_db

ACME = NewClient(
    template="shipped:own-warehouse",
    slug="acme",
    name="Acme Toys",
    key_prefix="AC",
    currency="EUR",
    time_zone="Europe/Vienna",
    country="AT",
    people=("bo",),
    lead="bo",
    addresses={"warehouse": "https://wms.acme.example/tasks"},
)
BRAND = NewProductLine(
    slug="robots",
    name="Robots",
    kind="brand",
    owner="logistics",
    fallback="ac-team",
    flow="warehouse-pick-pack",
    sla="expedited-dispatch",
    prefixes=("RB-",),
)

WHY = "They signed yesterday"


@pytest.fixture
def kim(house: House) -> Actor:
    return house.actor("kim")


@pytest.fixture
def carrier(house: House, system: Actor, now: datetime) -> System:
    """Serves every client of the house."""
    with acting(system, at=now):
        carrier = System.objects.create(
            slug="carrier",
            name="Carrier",
            layer=Layer.CARRIER,
            owner=house.owners["logistics"],
            base_url="https://carrier.example/",
        )
        for kind in (CredentialKind.INBOUND, CredentialKind.OUTBOUND):
            sync.add_credential(system=carrier, kind=kind, by=system, now=now, secret="c" * 32)
    return carrier


@pytest.fixture
def acme(carrier: System, kim: Actor, now: datetime) -> SetUp:
    return set_up_client(wish=ACME, reason=WHY, by=kim, now=now, seen=draft_client(wish=ACME, by=kim).digest)


def say(made: SetUp, system: str, kind: str, subject: str, at: datetime, /, **data: Any) -> None:
    """As the system does: over HTTP, signed with the secret that was shown once."""
    shown = {one.system.slug: one.text for one in made.secrets if one.kind == CredentialKind.INBOUND}
    document = {
        "specversion": "1.0",
        "id": f"{kind}/{subject}",
        "source": f"/{system}",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "data": {"client": "acme", **data},
    }
    body = json.dumps(document).encode()
    answer = Browser().post(
        "/api/v1/events",
        data=body,
        content_type="application/cloudevents+json",
        headers={
            "X-Handrail-System": system,
            **signatures.sign(secret=shown.get(system, "c" * 32), message_id=subject, at=clock.now(), body=body),
        },
    )
    assert answer.status_code == 202, answer.content
    sync.apply_due(now=at)


def test_what_is_made_is_what_was_shown_and_it_is_ready_for_orders(acme: SetUp, kim: Actor, now: datetime) -> None:
    page = client_page("acme", by=kim, now=now)
    assert [(need.slug, need.is_met) for need in page.needs if not need.is_met] == []
    assert page.is_ready
    assert acme.is_in_force
    assert [one.user.username for one in page.people] == ["bo"]
    assert [one.slug for one in page.rules] == ["acme-marketplace", "acme-rest"]
    assert [one.slug for one in page.systems] == ["acme-store", "acme-warehouse"]
    assert [(one.system.slug, one.kind) for one in acme.secrets] == [
        ("acme-store", "inbound"),
        ("acme-warehouse", "inbound"),
        ("acme-warehouse", "outbound"),
    ]
    told = Event.objects.get(type="client.set_up")
    body = json.loads(told.body)
    assert (told.actor, body["data"]["template"], body["data"]["counts"]["ownership rules"]) == (
        kim.id,
        "shipped:own-warehouse",
        2,
    )


def check_parcel_of(order: Order, house: House, at: datetime) -> None:
    """Bo, of the client's team, first finds something wrong: that is the team's, and the carrier waits until all of it is right."""
    contents, packed = order.checks.order_by("position")
    assert [one.slug for one in (contents, packed)] == ["acme-right-contents", "acme-well-packed"]
    bo, code = house.actor("bo"), order.lines.get().sku.code
    for seen, owners in (({"code": "OTHER"}, ["ac-team"]), ({"code": code}, [])):
        perform_check(check_id=contents.pk, seen=seen, by=bo, now=at)
        cases = ExceptionCase.objects.live().filter(type="quality-check").values_list("owner__slug", flat=True)
        assert list(cases) == owners
    assert not OutboundMessage.objects.filter(system__slug="carrier", ordering_key__contains=order.key).exists()
    answers = dict.fromkeys(packed.settings["items"], True)
    perform_check(check_id=packed.pk, seen={"answers": answers}, by=bo, now=at)


def test_an_order_of_the_new_client_and_one_of_its_brand_go_the_whole_way(
    acme: SetUp, kim: Actor, house: House, now: datetime
) -> None:
    set_up_line(client=acme.client, wish=BRAND, reason=WHY, by=kim, now=now)
    for number, sku in (("A-1", "BALL"), ("A-2", "RB-7")):
        counted = {"sku": sku, "available": 5, "changed_at": now.isoformat()}
        say(acme, "acme-warehouse", "stock.changed", sku, now, **counted)
        placed = make.placed(acme.client, now, order=number, lines=[make.line(sku)]).data
        say(acme, "acme-store", "order.placed", number, now, **placed)
        paid = {"order": number, "amount_minor": 9_900, "currency": "EUR", "captured_at": now.isoformat()}
        say(acme, "acme-store", "payment.captured", number, now, **paid)
    plain, robot = Order.objects.select_related("decision").order_by("number")
    decided = [(one.rule_slug, one.outcome["owner"]) for one in (plain.decision, robot.decision) if one]
    assert decided == [("acme-rest", "ac-team"), ("acme-robots", "logistics")]
    at = now + timedelta(minutes=5)
    for order in (plain, robot):
        key = f"{order.key}-1"
        for system, kind in (
            ("acme-warehouse", "task.confirmed"),
            ("acme-warehouse", "shipment.picked"),
            ("acme-warehouse", "shipment.packed"),
            ("carrier", "shipment.handed_over"),
            ("carrier", "shipment.delivered"),
        ):
            if kind == "shipment.handed_over":
                check_parcel_of(order, house, at)
            say(acme, system, kind, key, at, task=key, at=at.isoformat())
        order.refresh_from_db()
    assert (plain.key[:3], plain.state, robot.state) == ("AC-", "delivered", "delivered")
    asked = (
        OutboundMessage.objects.filter(type="task.requested").order_by("number").values_list("system__slug", flat=True)
    )
    # Each parcel: to be picked, to wait as a check failed, to go on, then to be carried.
    assert sorted(asked) == [*["acme-warehouse"] * 6, *["carrier"] * 2]


def test_rules_of_one_client_are_neither_asked_nor_named_for_another(acme: SetUp, house: House, now: datetime) -> None:
    facts = {"channel": "marketplace", "total_minor": 100, "currency": "EUR", "lines": []}
    book = rules.active_book()
    theirs = book.decide({**facts, "client": "acme"})
    others = book.decide({**facts, "client": "northwind"})
    assert (theirs.rule, others.rule) == ("acme-marketplace", "everything-else")
    told = json.dumps([others.path, others.as_json(), others.near_misses_as_json()])
    assert "acme" not in told
    amal, bo = house.actor("amal"), house.actor("bo")
    whole = RuleBookVersion.objects.get(is_active=True).document
    assert "acme" in json.dumps(rules.document_for(bo, whole)["rules"])
    for part in ("rules", "hold_rules", "sla_targets", "quality_checks", "client_calendars"):
        assert "acme" not in json.dumps(rules.document_for(amal, whole)[part])


def test_a_client_is_a_template_for_the_next(acme: SetUp, kim: Actor, now: datetime) -> None:
    rule = OwnershipRule.objects.get(slug="acme-rest")
    rule.predicate = 'client == "acme" && total_minor < 5000000'
    save_edited(edited=rule, by=kim, now=now, seen=rule.version, reason=WHY)
    freeze_rule_book(by=kim, now=now)
    wish = replace(ACME, template="client:acme", slug="bravo", name="Bravo", key_prefix="BR", calendar="ac-hours")
    made = set_up_client(wish=wish, reason=WHY, by=kim, now=now)
    copied = OwnershipRule.objects.select_related("owner", "rule_owner").get(slug="bravo-rest")
    assert (copied.name, copied.owner.slug, copied.rule_owner.slug, copied.predicate) == (
        "Bravo: everything else",
        "br-team",
        "br-team",
        'client == "bravo" && total_minor < 5000000',
    )
    assert [one.system.slug for one in made.secrets] == ["bravo-store", "bravo-warehouse", "bravo-warehouse"]
    assert made.client.calendar.slug == "ac-hours"
    checks = QualityCheck.objects.filter(client=made.client).order_by("slug").values_list("slug", "owner__slug")
    assert list(checks) == [("bravo-right-contents", "br-team"), ("bravo-well-packed", "br-team")]
    assert [one.slug for one in client_page("bravo", by=kim, now=now).checks] == [
        "bravo-well-packed",
        "bravo-right-contents",
    ]
    assert client_page("bravo", by=kim, now=now).is_ready


def test_what_is_missing_is_named_until_it_is_there(carrier: System, kim: Actor, now: datetime) -> None:
    made = set_up_client(wish=replace(ACME, template="shipped:drop-ship"), reason=WHY, by=kim, now=now)
    page = client_page("acme", by=kim, now=now)
    assert [need.slug for need in page.missing] == ["sends-vendor"]
    assert not page.is_ready
    rule = OwnershipRule.objects.get(slug="acme-rest")
    rule.fallback_after_minutes = 90
    save_edited(edited=rule, by=kim, now=now, seen=rule.version, reason=WHY)
    assert [need.slug for need in client_page("acme", by=kim, now=now).missing] == ["rules", "sends-vendor"]
    (waits,) = [set_up_line(client=made.client, wish=BRAND, reason=WHY, by=kim, now=now)]
    assert not waits.is_in_force, "somebody's other edits do not come into force unasked"


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"slug": "Acme Toys"}, {"/slug"}),
        ({"slug": "northwind", "key_prefix": "NW"}, {"/slug", "/key_prefix"}),
        ({"currency": "euro", "time_zone": "Vienna"}, {"/currency", "/time_zone"}),
        ({"people": (), "lead": "bo"}, {"/people", "/lead"}),
        ({"addresses": {"warehouse": "ftp://wms.example"}}, {"/address_warehouse"}),
        ({"backup": "nobody"}, {"/template"}),
        ({"checks": ("no-such",)}, {"/template"}),
    ],
)
def test_every_mistake_is_named_and_nothing_is_made(
    wrong: dict[str, Any], places: set[str], kim: Actor, now: datetime
) -> None:
    with pytest.raises(Invalid) as refused:
        set_up_client(wish=replace(ACME, **wrong), reason=WHY, by=kim, now=now)
    assert {error.pointer for error in refused.value.errors} == places
    assert not Client.objects.filter(slug="acme").exists()


def test_what_changed_since_it_was_shown_is_not_made(acme: SetUp, house: House, kim: Actor, now: datetime) -> None:
    wish = replace(ACME, template="client:acme", slug="bravo", name="Bravo", key_prefix="BR")
    shown = draft_client(wish=wish, by=kim)
    rule = OwnershipRule.objects.get(slug="acme-rest")
    rule.fallback_after_minutes = 30
    save_edited(edited=rule, by=kim, now=now, seen=rule.version, reason=WHY)
    with pytest.raises(StaleVersion):
        set_up_client(wish=wish, reason=WHY, by=kim, now=now, seen=shown.digest)
    with pytest.raises(NotFound):
        set_up_line(client=acme.client, wish=BRAND, reason=WHY, by=replace(kim, clients=frozenset()), now=now)
    for by in (house.actor("lee"), replace(kim, clients=frozenset({acme.client.pk}))):
        with pytest.raises(Refused):
            draft_client(wish=wish, by=by)


def test_a_program_and_a_command_set_up_the_same(
    house: House, carrier: System, kim: Actor, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--from", "shipped:drop-ship", "--slug", "bravo", "--name", "Bravo", "--key-prefix", "BR"]
    asked += ["--currency", "EUR", "--time-zone", "Europe/Berlin", "--people", "bo, amal", "--reason", WHY, "--json"]
    asked += ["--address", "vendor=https://vendor.example/", "--as", "kim"]
    call_command("create_client", *asked)
    dry = json.loads(capsys.readouterr().out)
    assert (dry["summary"]["made"], Client.objects.filter(slug="bravo").exists()) == (False, False)
    call_command("create_client", *asked, "--yes")
    made = json.loads(capsys.readouterr().out)
    assert made["items"] == dry["items"]
    assert {name for name in made["summary"] if "/" in name} == {
        "bravo-store/inbound",
        "bravo-vendor/inbound",
        "bravo-vendor/outbound",
    }
    assert Event.objects.get(type="client.set_up").actor == kim.id

    program = signed_in(house.users["kim"])

    def post(address: str, body: dict[str, Any], key: str) -> Any:
        headers = {"Idempotency-Key": f"set-up-acme-{key:>08}"}
        return program.post(address, body, content_type="application/json", headers=headers)

    body = {**asdict(ACME), "reason": WHY}
    shown = post("/api/v1/client-set-ups", {**body, "dry_run": True}, "dry").json()
    assert (shown["is_made"], shown["secrets"], len(shown["makes"]["ownership rules"])) == (False, None, 2)
    first = post("/api/v1/client-set-ups", {**body, "plan": shown["plan"]}, "real")
    assert (first.status_code, first.json()["is_made"], len(first.json()["secrets"])) == (200, True, 3)
    again = post("/api/v1/client-set-ups", {**body, "plan": shown["plan"]}, "real")
    assert (again.json()["plan"], again.json()["secrets"]) == (shown["plan"], None)
    line = post("/api/v1/clients/acme/lines", {**asdict(BRAND), "reason": WHY}, "line")
    assert line.json()["makes"] == {"brands and product lines": ["Robots"], "ownership rules": ["Acme Toys: Robots"]}
    ready = program.get("/api/v1/clients/acme/readiness").json()
    assert ready["client"] == "acme"
    assert [need["words"] for need in ready["needs"] if not need["is_met"]] == ["Nobody is behind Logistics."]
    assert "shipped:drop-ship" in program.get("/api/v1/client-templates").content.decode()
