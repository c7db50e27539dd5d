"""Freezing, deciding with what was frozen, and making old decisions again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.access import system_actor
from audit.checks import invariants
from audit.context import Actor, acting
from audit.errors import Invalid, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from rules import facts, selectors, services
from rules.errors import NoRuleBook
from rules.models import (
    Calendar,
    Client,
    Decision,
    ExceptionType,
    Holiday,
    Owner,
    OwnershipRule,
    RuleBookVersion,
    Sla,
    StatusOwnership,
)

pytestmark = pytest.mark.django_db

PREORDER = {
    "channel": "marketplace",
    "country": "DE",
    "segment": "retail",
    "delivery_sla": "standard",
    "fraud_score": 12,
    "total_minor": 4900,
    "currency": "EUR",
    "lines": [{"sku": "A", "sku_type": "preorder", "quantity": 1}],
}


@pytest.fixture
def northwind(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> Client:
    with acting(system, at=now):
        return Client.objects.create(
            slug="northwind",
            name="Northwind Outdoor",
            key_prefix="NW",
            time_zone="Europe/Berlin",
            calendar=Calendar.objects.get(slug="berlin-business"),
            currency="EUR",
        )


def decide(client: Client, now: datetime, **changes: Any) -> Decision:
    subject = SubjectRef("fulfilment.order", str(uuid4()), client.pk)
    context = {**PREORDER, **changes}
    return services.decide_for(subject=subject, subject_key="NW-1", client_id=client.pk, context=context, now=now)


def test_nothing_can_be_decided_before_a_book_is_frozen() -> None:
    with pytest.raises(NoRuleBook, match="No rule book is in force yet"):
        selectors.active_book()


def test_the_shipped_configuration_is_installed_once(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    before = [model.objects.count() for model in (Owner, OwnershipRule, ExceptionType, Sla, Calendar)]
    again = services.install_shipped_configuration(by=system, now=now)
    after = [model.objects.count() for model in (Owner, OwnershipRule, ExceptionType, Sla, Calendar)]
    assert (again.pk, after) == (shipped_book.pk, before)


def test_installing_again_leaves_alone_what_an_admin_has_changed(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        sla = Sla.objects.get(slug="vendor-confirmation")
        sla.minutes = 45
        sla.save()
    book = services.install_shipped_configuration(by=system, now=now)
    assert (book.number, selectors.active_book().sla("vendor-confirmation").minutes) == (2, 45)


@pytest.mark.parametrize(
    ("slug", "minutes", "basis"),
    [
        ("exception-resolution", 120, "business"),
        ("vendor-confirmation", 60, "wall"),
        ("vendor-fallback", 120, "wall"),
        ("vendor-exception", 120, "wall"),
        ("crm-tag", 120, "wall"),
        ("sales-enablement-deck", 2880, "wall"),
        ("backup-takeover", 2880, "wall"),
        ("sync-delay", 15, "wall"),
        ("sync-failure-p1", 240, "wall"),
        ("sync-failure-p2", 1440, "wall"),
        ("exception-remediation", 1440, "wall"),
    ],
)
def test_the_promises_of_the_requirements_are_shipped(
    shipped_book: RuleBookVersion, slug: str, minutes: int, basis: str
) -> None:
    sla = selectors.active_book().sla(slug)
    assert (sla.minutes, sla.basis) == (minutes, basis)


def test_a_marketplace_preorder_goes_to_the_vendor_with_sixty_minutes_and_a_fallback(
    northwind: Client, now: datetime
) -> None:
    decision = decide(northwind, now)
    assert decision.rule_slug == "marketplace-preorder"
    assert decision.outcome == {
        "rule": "marketplace-preorder",
        "owner": "fulfillment-service-vendor",
        "flow": "vendor-drop-ship",
        "sla": "vendor-confirmation",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "competing": [],
        "undecided": False,
    }
    due = selectors.active_book().due_at(decision.outcome["sla"], now)
    assert due.due_at == now + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("changes", "rule", "owner"),
    [
        ({}, "marketplace-preorder", "fulfillment-service-vendor"),
        ({"channel": "web"}, "everything-else", "ops-team"),
        ({"fraud_score": 70}, "high-risk-review", "revenue-ops-review"),
        ({"fraud_score": None}, "marketplace-preorder", "fulfillment-service-vendor"),
        ({"channel": "web", "delivery_sla": "expedited"}, "expedited", "logistics"),
        ({"channel": "web", "segment": "vip"}, "key-accounts", "client-success"),
        ({"channel": "web", "lines": [{"sku_type": "drop_ship"}]}, "vendor-stock", "fulfillment-service-vendor"),
    ],
)
def test_each_attribute_changes_the_decision(
    northwind: Client, now: datetime, changes: dict[str, Any], rule: str, owner: str
) -> None:
    decision = decide(northwind, now, **changes)
    assert (decision.rule_slug, decision.outcome["owner"]) == (rule, owner)


def test_location_decides_too_and_the_same_order_always_gets_the_same_flow(
    northwind: Client, system: Actor, now: datetime
) -> None:
    """C01.4: what the shipped rules leave out is one rule more; every attribute by itself leads to the flow it has to."""
    with acting(system, at=now):
        like = OwnershipRule.objects.get(slug="vendor-stock")
        named = {name: getattr(like, name) for name in ("owner", "flow", "sla", "fallback", "rule_owner", "why")}
        OwnershipRule.objects.create(
            slug="to-switzerland",
            name="CH",
            position=35,
            predicate='country == "CH"',
            fallback_after_minutes=60,
            **named,
        )
    services.freeze_rule_book(by=system, now=now, note="Switzerland")
    rows: list[tuple[dict[str, Any], str, str]] = [
        ({}, "everything-else", "warehouse-pick-pack"),
        ({"country": "CH"}, "to-switzerland", "vendor-drop-ship"),
        ({"country": "AT"}, "everything-else", "warehouse-pick-pack"),
        ({"segment": "high-risk"}, "high-risk-account", "manual-review"),
        ({"segment": "key-account"}, "key-accounts", "warehouse-pick-pack"),
        ({"lines": [{"sku_type": "drop_ship"}]}, "vendor-stock", "vendor-drop-ship"),
        ({"lines": [{"sku_type": "stock"}]}, "everything-else", "warehouse-pick-pack"),
        ({"delivery_sla": "expedited"}, "expedited", "warehouse-pick-pack"),
        ({"fraud_score": 70, "country": "CH"}, "high-risk-review", "manual-review"),
        ({"fraud_score": 69, "country": "CH"}, "to-switzerland", "vendor-drop-ship"),
    ]
    for _ in range(2):
        made = [decide(northwind, now, channel="web", **changes) for changes, _, _ in rows]
        assert [(one.rule_slug, one.outcome["flow"]) for one in made] == [(rule, flow) for _, rule, flow in rows]


def test_a_decision_keeps_what_the_rules_may_see_and_nothing_else(northwind: Client, now: datetime) -> None:
    decision = decide(northwind, now, email="ann@example.org", lines=[{"sku": "A", "engraving": "For Ann"}])
    stored = Decision.objects.get(pk=decision.pk)
    assert set(stored.context) == set(facts.context("order").attributes)
    assert (stored.context["channel"], stored.context["lines"][0]["sku"]) == ("marketplace", "A")
    assert "engraving" not in stored.context["lines"][0]
    assert stored.book_id == selectors.active_book().id


def test_every_stored_decision_comes_out_the_same_after_the_rules_changed(
    northwind: Client, system: Actor, now: datetime
) -> None:
    for changes in ({}, {"channel": "web"}, {"fraud_score": "x"}, {"lines": None}, {"lines": [{"sku_type": 1}]}):
        decide(northwind, now, **changes)
    with acting(system, at=now):
        OwnershipRule.objects.filter(slug="marketplace-preorder").update(predicate='channel == "nowhere"')
    services.freeze_rule_book(by=system, now=now, note="changed")
    decide(northwind, now)
    assert list(selectors.verify_decisions(Decision.objects.all())) == [None] * 6
    assert set(Decision.objects.values_list("rule_slug", flat=True)) >= {"marketplace-preorder", "everything-else"}


def test_deciding_about_many_costs_as_few_statements_as_about_one(northwind: Client, now: datetime) -> None:
    selectors.active_book()

    def statements(count: int) -> int:
        requests = [
            services.DecisionRequest(
                SubjectRef("fulfilment.order", str(n), northwind.pk), f"NW-{n}", northwind.pk, PREORDER
            )
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            services.decide_many(requests=requests, now=now)
        return len(captured)

    assert statements(1) == statements(300)


def test_a_book_in_force_cannot_be_changed_not_even_by_sql(shipped_book: RuleBookVersion, as_system: Actor) -> None:
    with pytest.raises(DatabaseError, match="is published and does not change"), transaction.atomic():
        RuleBookVersion.objects.filter(pk=shipped_book.pk).update(note="other")
    with pytest.raises(DatabaseError, match="refuses UPDATE"), transaction.atomic():
        Decision.objects.update(rule_slug="other")


def test_freezing_nothing_new_keeps_the_book_in_force(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    assert services.freeze_rule_book(by=system, now=now, note="again").pk == shipped_book.pk


def test_freezing_is_told_in_the_trail(shipped_book: RuleBookVersion) -> None:
    events = Event.objects.filter(type="rules.frozen").values_list("subject_id", flat=True)
    assert list(events) == [str(shipped_book.pk)]


def test_only_who_may_freeze_does(shipped_book: RuleBookVersion, now: datetime) -> None:
    with pytest.raises(Refused, match=r"rules\.freeze_rules"):
        services.freeze_rule_book(by=Actor(kind="person", id="user:1", name="amal"), now=now, note="")


def unsound(change: Any, system: Actor, now: datetime) -> list[tuple[str, str]]:
    with acting(system, at=now):
        change()
    with pytest.raises(Invalid) as refused:
        services.freeze_rule_book(by=system, now=now, note="unsound")
    return [(error.pointer, error.detail) for error in refused.value.errors]


def test_rules_without_a_default_cannot_be_frozen(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> None:
    def change() -> None:
        OwnershipRule.objects.filter(is_default=True).update(is_active=False)

    pointers = dict(unsound(change, system, now))
    assert pointers["/rules"] == "There must be exactly one active default rule; there are 0."


def test_a_rule_with_a_broken_predicate_cannot_be_frozen(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    def change() -> None:
        OwnershipRule.objects.filter(slug="expedited").update(predicate='delivry_sla == "x"')

    assert unsound(change, system, now) == [
        (
            "/rules/4/predicate",
            "expedited: There is no attribute delivry_sla. Did you mean delivery_sla? (line 1, column 1)",
        )
    ]


def test_work_cannot_be_left_with_an_owner_who_is_gone(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    def change() -> None:
        Owner.objects.filter(slug="logistics").update(is_active=False)

    pointers = [pointer for pointer, _ in unsound(change, system, now)]
    assert pointers[:3] == [
        "/rules/4/owner",
        "/gates/close-unverified-handoff/content_owner",
        "/gates/skip-quality-check/content_owner",
    ]


def test_a_ladder_that_leads_to_nobody_cannot_be_frozen(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    def change() -> None:
        ExceptionType.objects.filter(slug="address").update(ladder=[{"after_minutes": 5, "to": "owner:nobody"}])

    assert unsound(change, system, now) == [("/exception_types/address/ladder/0/to", "owner:nobody leads to nobody.")]


def test_a_calendar_that_never_opens_cannot_be_frozen(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    def change() -> None:
        Calendar.objects.create(slug="never", name="Never", time_zone="UTC")

    assert unsound(change, system, now) == [
        ("/calendars/never/hours", "The calendar never does not have 1 open minutes in 12 years.")
    ]


def test_deadlines_know_public_holidays_and_our_own(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        berlin = Calendar.objects.get(slug="berlin-business")
        Holiday.objects.create(calendar=berlin, on=datetime(2026, 12, 28, tzinfo=UTC).date(), name="Stocktaking")
    services.freeze_rule_book(by=system, now=now, note="stocktaking")
    christmas_eve = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    derived = selectors.active_book().due_at("exception-resolution", christmas_eve, "berlin-business")
    assert derived.words == "Thu 17:00 + 1 h, Tue 08:00 + 1 h = Tue 09:00"


def test_two_owners_of_one_status_or_a_second_default_are_refused(
    shipped_book: RuleBookVersion, as_system: Actor
) -> None:
    default = OwnershipRule.objects.get(is_default=True)
    with pytest.raises(IntegrityError, match="ownershiprule_one_default"), transaction.atomic():
        OwnershipRule.objects.create(
            **{
                field: getattr(default, field)
                for field in (
                    "name",
                    "why",
                    "predicate",
                    "owner",
                    "flow",
                    "sla",
                    "fallback",
                    "rule_owner",
                    "is_default",
                )
            },
            slug="second",
            position=2000,
            fallback_after_minutes=5,
        )
    taken = StatusOwnership.objects.order_by("pk")[0]
    with pytest.raises(IntegrityError, match="rules_statusownership_status"), transaction.atomic():
        StatusOwnership.objects.create(status=taken.status, owner=Owner.objects.exclude(pk=taken.owner_id)[0])


def test_a_status_without_an_owner_of_its_own_has_that_of_the_default_rule(shipped_book: RuleBookVersion) -> None:
    assert selectors.active_book().status_owner("unheard-of").slug == "ops-team"


def test_what_is_not_in_the_book_is_refused_by_name(shipped_book: RuleBookVersion) -> None:
    with pytest.raises(LookupError, match="The rule book has no exception type nonsense"):
        selectors.active_book().exception_type("nonsense")


def test_the_invariants_of_rules_hold(northwind: Client, now: datetime) -> None:
    decide(northwind, now)
    with connection.cursor() as cursor:
        for invariant in invariants():
            if invariant.id.startswith("rules-"):
                cursor.execute(invariant.sql)
                assert cursor.fetchall() == [], invariant.statement


def test_the_system_may_install_without_being_told_more(db: None, now: datetime) -> None:
    assert services.install_shipped_configuration(by=system_actor("setup"), now=now).number == 1


def rewritten() -> list[str]:
    (check,) = [check for check in invariants() if check.id == "inv-50"]
    with connection.cursor() as cursor:
        cursor.execute(check.sql)
        return [offender for (offender,) in cursor.fetchall()]


def test_a_house_without_a_rule_book_in_force_is_found(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    assert rewritten() == []
    with acting(system, at=now), connection.cursor() as cursor:
        cursor.execute("UPDATE rules_rulebookversion SET version = version + 1, is_active = false")
    assert rewritten() == ["rule books"]


@pytest.mark.parametrize(
    ("table", "change", "offender"),
    [
        ("rules_rulebookversion", "document = document || '{\"statuses\": {}}'", "rule book v"),
        ("rules_contractversion", "schema = '{}'", "contract version "),
    ],
)
def test_a_published_thing_that_was_rewritten_is_found(
    shipped_book: RuleBookVersion, system: Actor, now: datetime, table: str, change: str, offender: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger_keep_published%%'",
            [table],
        )
        (name,) = cursor.fetchone()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        with acting(system, at=now):
            cursor.execute(
                f"UPDATE {table} SET version = version + 1, {change} WHERE id = (SELECT min(id::text) FROM {table})::uuid"  # noqa: S608 -- the damage
            )
    (found,) = rewritten()
    assert found.startswith(offender)
