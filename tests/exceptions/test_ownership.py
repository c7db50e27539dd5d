"""Who answers for what: named with a backup, told, passed on each quarter, and given for a while."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, NotFound, Refused
from audit.models import Event
from exceptions import selectors, services
from exceptions.models import ExceptionCase, Notification, Timer
from exceptions.models.timers import LIVE
from rules import selectors as rules
from rules import services as rule_services
from rules.models import Contract, ExceptionType, Flow, Gate, Owner, OwnershipRule, RuleBookVersion, TemporaryOwnership
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def name_owner(house: House, now: datetime, record: Any, column: str, owner: str) -> None:
    setattr(record, column, Owner.objects.get(slug=owner))
    rule_services.save_edited(
        edited=record, by=house.actor("kim"), now=now, seen=record.version, reason="somebody has to"
    )


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (Flow, "owner"),
        (OwnershipRule, "owner"),
        (OwnershipRule, "rule_owner"),
        (ExceptionType, "owner"),
        (Gate, "content_owner"),
        (Contract, "contract_owner"),
        (Contract, "execution_owner"),
        (Contract, "business_owner"),
    ],
)
def test_the_owner_the_backup_and_who_it_was_are_told(house: House, now: datetime, model: Any, column: str) -> None:
    record = model.objects.order_by("pk").first()
    before = getattr(record, column)
    name_owner(house, now, record, column, "amal")
    told = Notification.objects.filter(event="ownership.named").order_by("owner__slug")
    texts = {one.owner.slug: one.text for one in told}
    assert set(texts) == {"amal", "client-success", before.slug}
    assert "Your backup is Client Success." in texts["amal"]
    assert "you are the backup" in texts["client-success"] or before.slug == "client-success"


def test_a_record_is_not_saved_with_an_owner_who_has_no_backup_who_is_there(
    house: House, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Owner.objects.filter(slug="client-success").update(is_active=False)
    flow = Flow.objects.get(slug="manual-review")
    for owner, words in (("amal", "has no backup who is there"), ("client-success", "is switched off")):
        with pytest.raises(Invalid, match=words):
            name_owner(house, now, flow, "owner", owner)
    assert Flow.objects.get(slug="manual-review").owner.slug == "revenue-ops-review"
    assert not Notification.objects.filter(event="ownership.named").exists()


def test_the_database_refuses_an_owner_without_a_backup(house: House, system: Actor, now: datetime) -> None:
    for values in ({"backup": None}, {"backup": house.owners["amal"]}):
        with pytest.raises(IntegrityError), transaction.atomic(), acting(system, at=now):
            Owner.objects.filter(slug="amal").update(**values)
    for model, column in ((Flow, "owner"), (Contract, "business_owner"), (OwnershipRule, "rule_owner")):
        with pytest.raises(IntegrityError), transaction.atomic(), acting(system, at=now):
            model.objects.update(**{column: None})


def test_after_a_quarter_a_flow_is_due_and_goes_to_the_next_of_the_team(house: House, now: datetime) -> None:
    name_owner(house, now, Flow.objects.get(slug="manual-review"), "owner", "amal")
    rule_services.freeze_rule_book(by=house.actor("kim"), now=now, note="amal has it")
    for at, is_due in ((now + 90 * DAY, False), (now + 91 * DAY, True)):
        held = rules.holding("flow", "manual-review", at=at)
        assert held is not None
        assert (held.is_due, held.owner.slug, held.next and held.next.slug) == (is_due, "amal", "bo")
    later = now + 91 * DAY
    with pytest.raises(Refused):
        rule_services.rotate_ownership(kind="flow", slug="manual-review", by=house.actor("lee"), now=later)
    done = rule_services.rotate_ownership(kind="flow", slug="manual-review", by=house.actor("kim"), now=later)
    assert (done.before.slug, done.owner.slug, done.is_in_force) == ("amal", "bo", True)
    assert rules.active_book().document["flows"]["manual-review"]["owner"] == "bo"
    assert json.loads(Event.objects.get(type="ownership.rotated").body)["reason"] == "rotation: amal since 20 Nov 2026"
    told = Notification.objects.filter(event="ownership.named", at=later).values_list("owner__slug", flat=True)
    assert sorted(told) == ["amal", "bo", "client-success"]
    page = selectors.rotation_page(by=house.actor("kim"), now=later)
    assert [one.since for one in page.holdings if one.slug == "manual-review"] == [later]


def test_other_edits_are_not_put_in_force_by_a_rotation(house: House, system: Actor, now: datetime) -> None:
    name_owner(house, now, Flow.objects.get(slug="manual-review"), "owner", "amal")
    done = rule_services.rotate_ownership(kind="flow", slug="manual-review", by=house.actor("kim"), now=now)
    assert (done.is_in_force, RuleBookVersion.objects.get(is_active=True).note) == (False, "people")


def test_a_contract_is_passed_on_like_a_flow_and_no_book_waits_for_it(
    house: House, system: Actor, now: datetime
) -> None:
    contract = Contract.objects.get(name="stock.changed")
    name_owner(house, now, contract, "contract_owner", "amal")
    page = selectors.rotation_page(by=house.actor("lee"), now=now + 91 * DAY)
    (held,) = [one for one in page.holdings if one.slug == "stock.changed"]
    assert (held.kind, held.owner.slug, held.next and held.next.slug, held.is_due) == ("contract", "amal", "bo", True)
    frozen = RuleBookVersion.objects.count()
    done = rule_services.rotate_ownership(kind="contract", slug="stock.changed", by=house.actor("kim"), now=now)
    assert (done.owner.slug, done.is_in_force, RuleBookVersion.objects.count()) == ("bo", True, frozen)


def test_nothing_is_rotated_to_nobody_or_twice(house: House, system: Actor, now: datetime) -> None:
    by = house.actor("kim")
    with pytest.raises(NotFound):
        rule_services.rotate_ownership(kind="flow", slug="vendor-drop-ship", by=by, now=now)
    seen = Flow.objects.get(slug="warehouse-pick-pack").version
    rule_services.rotate_ownership(kind="flow", slug="warehouse-pick-pack", by=by, now=now, seen=seen)
    with pytest.raises(Conflict, match="changed since"):
        rule_services.rotate_ownership(kind="flow", slug="warehouse-pick-pack", by=by, now=now, seen=seen)
    name_owner(house, now, Flow.objects.get(slug="manual-review"), "owner", "kim")
    with pytest.raises(Conflict, match="Nobody else of the team"):
        rule_services.rotate_ownership(kind="flow", slug="manual-review", by=by, now=now)


def lend(house: House, now: datetime, *, what: str = "type:address", to: str = "mara") -> TemporaryOwnership:
    return services.lend(
        what=what,
        holder=to,
        ends_at=now + 2 * DAY,
        reason="until the new person starts",
        by=house.actor("lee"),
        now=now,
    )


@pytest.mark.parametrize("what", ["type:address", "owner:client-success"])
def test_what_is_lent_comes_to_the_holder_and_goes_back_by_the_timer(
    open_case: OpenCase, house: House, now: datetime, what: str
) -> None:
    before = open_case(1)
    lent = lend(house, now, what=what)
    during, taken = open_case(2, at=now + HOUR), open_case(3, at=now + HOUR)
    services.acknowledge_case(case_id=taken.pk, by=house.actor("lee"), now=now + HOUR)
    assert (during.owner.slug, during.backup.slug) == ("mara", "client-success")
    assert Notification.objects.filter(event="ownership.lent").count() == 2

    Timer.objects.filter(LIVE).exclude(kind="ownership.return").update(cancelled_at=now)
    assert services.sweep_timers(now=lent.ends_at - timedelta(microseconds=1)) == 0
    assert (
        open_case(4, at=lent.ends_at).owner.slug == "client-success"
    )  # by the clock, whether or not a worker is there
    assert services.sweep_timers(now=lent.ends_at) == 1
    for case in (before, during, taken):
        case.refresh_from_db()
    assert [case.owner.slug for case in (before, during, taken)] == ["client-success", "client-success", "lee"]
    assert Event.objects.filter(type="case.given_back").count() == 1
    lent.refresh_from_db()
    assert lent.ended_at == lent.ends_at


def test_while_the_holder_is_away_the_holders_backup_has_it(open_case: OpenCase, house: House, now: datetime) -> None:
    lend(house, now, to="bo")
    services.go_away(person="bo", starts_at=now, ends_at=now + DAY, cover="lee", by=house.actor("bo"), now=now)
    assert open_case(1).owner.slug == "lee"


def test_it_can_end_before_its_time_and_only_leads_decide(open_case: OpenCase, house: House, now: datetime) -> None:
    lent = lend(house, now)
    case = open_case(1, at=now + HOUR)
    with pytest.raises(Conflict):
        lend(house, now)
    for name in ("amal", "noor", "ada"):
        with pytest.raises(Refused):
            services.give_back(lending_id=lent.pk, by=house.actor(name), now=now + 2 * HOUR)
    services.give_back(lending_id=lent.pk, by=house.actor("lee"), now=now + 2 * HOUR)
    case.refresh_from_db()
    assert case.owner.slug == "client-success"
    assert not Timer.objects.filter(LIVE, kind="ownership.return").exists()
    with pytest.raises(Conflict):
        services.give_back(lending_id=lent.pk, by=house.actor("lee"), now=now + 3 * HOUR)
    assert lend(house, now + 4 * HOUR).pk != lent.pk
    assert broken() == []


def test_what_cannot_be_is_refused_by_field(house: House, now: datetime) -> None:
    with pytest.raises(Invalid) as refused:
        services.lend(what="type:tea", holder="nobody", ends_at=now, reason="", by=house.actor("lee"), now=now)
    assert {error.pointer for error in refused.value.errors} == {"/what", "/holder", "/ends_at", "/reason"}


def test_48_hours_after_its_deadline_the_backup_takes_over_and_the_trail_names_cause_and_timer(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case = services.acknowledge_case(case_id=open_case(1).pk, by=house.actor("amal"), now=now)
    Timer.objects.filter(LIVE).exclude(kind="case.overrun").update(cancelled_at=now)
    at = case.due_at + 48 * HOUR
    assert services.sweep_timers(now=at - timedelta(microseconds=1)) == 0
    assert services.sweep_timers(now=at) == 1
    case.refresh_from_db()
    event = Event.objects.get(type="case.overrun")
    body = json.loads(event.body)
    assert (case.owner.slug, body["changes"]["owner"]) == ("client-success", ["amal", "client-success"])
    assert (body["data"]["timer"], event.at) == ("case.overrun", at)
    told = Notification.objects.filter(event="case.overrun").values_list("owner__slug", flat=True)
    assert sorted(told) == ["amal", "client-success"]
    page = selectors.case_page(by=house.actor("amal"), key=case.key, now=at)
    assert page.trail[0].sentence == "moved it on: long past its deadline"
    assert ExceptionCase.objects.filter(owner__slug="amal").count() == 0


def test_the_shipped_owners_are_those_people_speak_of(house: House) -> None:
    kinds = dict(Owner.objects.exclude(kind="person").values_list("slug", "kind"))
    assert kinds == {
        "client-success": "team",
        "finance-ops": "team",
        "fulfillment-service-vendor": "system",
        "integrations": "team",
        "logistics": "team",
        "ops-team": "team",
        "ops-team-review": "team",
        "revenue-ops-review": "team",
        "support": "team",
    }
