"""Editing rules in the admin: checked while typed, never over somebody else, never without a reason."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client as Browser
from django.urls import reverse

from audit.access import Role
from audit.context import Actor, acting
from audit.models import Event, User
from audit.subject_refs import SubjectRef
from rules import selectors, services
from rules.models import (
    ApiToken,
    Calendar,
    Client,
    ContractVersion,
    ExceptionType,
    OpeningHours,
    Owner,
    OwnershipRule,
    RuleBookVersion,
    Sla,
    StatusOwnership,
)
from tests import doors

pytestmark = pytest.mark.django_db


def signed_in(username: str, role: Role) -> Browser:
    user = User.objects.create_user(username, is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return doors.signed_in(user)


@pytest.fixture
def kim(shipped_book: RuleBookVersion) -> Browser:
    """The admin."""
    return signed_in("kim", Role.ADMIN)


@pytest.fixture
def ada(shipped_book: RuleBookVersion) -> Browser:
    """The auditor."""
    return signed_in("ada", Role.AUDITOR)


@pytest.fixture
def northwind(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> Client:
    with acting(system, at=now):
        return Client.objects.create(
            slug="northwind",
            name="Northwind",
            key_prefix="NW",
            time_zone="Europe/Berlin",
            calendar=Calendar.objects.get(slug="berlin-business"),
            currency="EUR",
        )


def address_of(record: Any) -> str:
    return reverse(f"admin:rules_{record._meta.model_name}_change", args=[record.pk])


def as_typed(record: Any, **changes: Any) -> dict[str, Any]:
    """The form of a record as its page would post it."""
    values = {field.name: getattr(record, field.attname) for field in record._meta.concrete_fields if field.editable}
    posted = {"seen_version": record.version, "reason": "because", **values, **changes}
    return {name: value for name, value in posted.items() if value is not None and value is not False}


def problems(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def test_every_page_of_the_admin_opens(kim: Browser) -> None:
    names = re.findall(r'href="(/admin/rules/\w+/)"', kim.get(reverse("admin:index")).content.decode())
    assert len(set(names)) == sum(model._meta.app_label == "rules" for model in admin.site._registry)
    for name in sorted(set(names)):
        assert kim.get(name).status_code == 200, name


def test_every_form_of_the_admin_opens(kim: Browser) -> None:
    for model in (OwnershipRule, Sla, Calendar, ContractVersion):
        record: Any = model.objects.first()
        assert kim.get(address_of(record)).status_code == 200, model
        assert kim.get(reverse(f"admin:rules_{record._meta.model_name}_history", args=[record.pk])).status_code == 200
    assert kim.get(reverse("admin:rules_apitoken_add")).status_code == 200


def test_what_cannot_be_a_key_is_refused_on_the_form(kim: Browser) -> None:
    for model, section in admin.site._registry.items():
        named = [field.name for field in model._meta.fields if field.is_relation]
        if model._meta.app_label != "rules" or not named:
            continue
        answer = kim.post(reverse(f"admin:rules_{model._meta.model_name}_add"), dict.fromkeys(named, "nobody-knows"))
        assert answer.status_code == 200 or not section.has_add_permission(answer.wsgi_request)


def test_an_edit_bumps_the_version_and_tells_who_and_why(kim: Browser) -> None:
    sla = Sla.objects.get(slug="vendor-confirmation")
    response = kim.post(address_of(sla), as_typed(sla, minutes=45, reason="vendor agreed"))
    assert response.status_code == 302
    sla.refresh_from_db()
    assert (sla.minutes, sla.version) == (45, 2)
    event = Event.objects.get(type="rules.edited", subject_id=str(sla.pk))
    assert '"minutes":[60,45]' in event.body
    assert "vendor agreed" in event.body
    history = Sla.history.filter(id=sla.pk).latest("history_id")
    assert (history.history_change_reason, history.history_actor) == ("vendor agreed", event.actor)


def test_what_is_edited_decides_nothing_before_it_is_frozen(kim: Browser) -> None:
    sla = Sla.objects.get(slug="vendor-confirmation")
    kim.post(address_of(sla), as_typed(sla, minutes=45))
    assert selectors.active_book().sla("vendor-confirmation").minutes == 60
    page = kim.get(reverse("admin:rules_rulebookversion_freeze"))
    assert "Fulfilment service vendor owns it, along Vendor drop-ship" in page.content.decode()
    kim.post(reverse("admin:rules_rulebookversion_freeze"), {"note": "45 minutes"})
    assert selectors.active_book().sla("vendor-confirmation").minutes == 45


def test_an_edit_without_a_reason_is_refused(kim: Browser) -> None:
    sla = Sla.objects.get(slug="vendor-confirmation")
    response = kim.post(address_of(sla), as_typed(sla, minutes=45, reason=""))
    assert list(problems(response)) == ["reason"]


def test_the_slower_of_two_is_told_who_was_faster_and_keeps_what_was_typed(kim: Browser) -> None:
    lou = signed_in("lou", Role.ADMIN)
    sla = Sla.objects.get(slug="vendor-confirmation")
    opened_by_both = as_typed(sla)
    assert lou.post(address_of(sla), {**opened_by_both, "minutes": 50}).status_code == 302
    response = kim.post(address_of(sla), {**opened_by_both, "minutes": 45})
    text = response.content.decode()
    assert response.status_code == 409
    assert re.search(r"60 min was changed by user:\d+ at \d\d:\d\d UTC on \d+ \w+, after you opened it\.", text)
    assert "<dd>45</dd>" in text
    sla.refresh_from_db()
    assert sla.minutes == 50


def test_a_form_sent_without_its_version_overwrites_nothing(kim: Browser) -> None:
    sla = Sla.objects.get(slug="vendor-confirmation")
    assert kim.post(address_of(sla), as_typed(sla, minutes=45, seen_version="")).status_code == 409


@pytest.mark.parametrize("action", ["change", "delete", "add"])
def test_an_auditor_reads_and_changes_nothing(ada: Browser, action: str) -> None:
    sla, there = Sla.objects.get(slug="vendor-confirmation"), Sla.objects.count()
    arguments = [] if action == "add" else [sla.pk]
    response = ada.post(reverse(f"admin:rules_sla_{action}", args=arguments), as_typed(sla, minutes=1, post="yes"))
    assert response.status_code == 403
    assert ada.get(address_of(sla)).status_code == 200
    sla.refresh_from_db()
    assert (sla.minutes, Sla.objects.count()) == (60, there)


def test_nobody_deletes(kim: Browser) -> None:
    sla = Sla.objects.get(slug="vendor-confirmation")
    assert kim.post(reverse("admin:rules_sla_delete", args=[sla.pk]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in kim.get(reverse("admin:rules_sla_changelist")).content.decode()


def test_an_account_manager_does_not_edit_rules(shipped_book: RuleBookVersion) -> None:
    amal = signed_in("amal", Role.ACCOUNT_MANAGER)
    rule = OwnershipRule.objects.get(slug="expedited")
    assert amal.post(address_of(rule), as_typed(rule, name="Mine")).status_code == 403
    assert amal.post(reverse("admin:rules_rulebookversion_freeze"), {"note": "x"}).status_code == 200
    assert RuleBookVersion.objects.count() == 1


def test_a_wrong_predicate_is_refused_with_its_place(kim: Browser) -> None:
    rule = OwnershipRule.objects.get(slug="expedited")
    response = kim.post(address_of(rule), as_typed(rule, predicate='true && chanel == "web"'))
    assert problems(response)["predicate"] == ["Line 1, column 9: There is no attribute chanel. Did you mean channel?"]


def test_a_rule_names_another_fallback_and_a_free_position(kim: Browser) -> None:
    rule = OwnershipRule.objects.get(slug="expedited")
    response = kim.post(address_of(rule), as_typed(rule, fallback=rule.owner_id, position=20))
    assert problems(response) == {
        "fallback": ["Name somebody else: the fallback takes over when the owner does nothing."],
        "position": ["“Marketplace preorders go to the vendor” is at this position; choose one before or after it."],
    }


def test_a_status_that_has_an_owner_is_given_no_second_one(kim: Browser) -> None:
    taken = StatusOwnership.objects.order_by("pk")[0]
    typed = as_typed(taken, owner=Owner.objects.exclude(pk=taken.owner_id)[0].pk)
    response = kim.post(reverse("admin:rules_statusownership_add"), typed)
    assert problems(response) == {"status": ["Status ownership with this Status already exists."]}
    assert StatusOwnership.objects.get(status=taken.status).owner_id == taken.owner_id


@pytest.fixture
def two_decisions(northwind: Client, now: datetime) -> None:
    for number, channel in enumerate(("marketplace", "web"), start=1):
        services.decide_for(
            subject=SubjectRef("fulfilment.order", str(number), northwind.pk),
            subject_key=f"NW-{number}",
            client_id=northwind.pk,
            context={"channel": channel, "fraud_score": 5, "lines": [{"sku": "A", "sku_type": "preorder"}]},
            now=now,
        )


TRY = "admin:rules_ownershiprule_try"


def test_a_predicate_is_tried_on_recent_orders_while_it_is_typed(kim: Browser, two_decisions: None) -> None:
    text = kim.post(reverse(TRY), {"predicate": 'channel == "web"', "slug": "expedited"}).content.decode()
    assert " ".join(re.sub(r"<[^>]+>", "", text).split()) == (
        "It matches 1 of the 2 newest decisions; 1 of them another rule decided. For example NW-2."
    )


def test_a_predicate_that_cannot_be_decided_says_so_while_it_is_typed(kim: Browser, two_decisions: None) -> None:
    text = kim.post(reverse(TRY), {"predicate": "total_minor > 5"}).content.decode()
    assert "For 2 it cannot be decided: they would go to the fallback owner." in text


def test_the_problem_of_a_predicate_is_shown_while_it_is_typed(kim: Browser) -> None:
    text = kim.post(reverse(TRY), {"predicate": "channel =="}).content.decode()
    assert "Line 1, column 11: The expression ends too early." in text


def test_without_javascript_a_button_tries_the_predicate_and_saves_nothing(kim: Browser, two_decisions: None) -> None:
    rule = OwnershipRule.objects.get(slug="expedited")
    response = kim.post(address_of(rule), as_typed(rule, predicate='channel == "web"', _try="1"))
    text = response.content.decode()
    assert "Nothing was saved: you tried the predicate." in text
    assert "<strong>1</strong> of the 2 newest decisions" in text
    assert "channel == &quot;web&quot;</textarea>" in text
    assert OwnershipRule.objects.get(slug="expedited").version == 1


def test_trying_needs_the_right_to_see_rules(shipped_book: RuleBookVersion, two_decisions: None) -> None:
    sam = signed_in("sam", Role.SUPPORT)
    assert "NW-" not in sam.post(reverse(TRY), {"predicate": "true"}).content.decode()


def test_the_hours_of_a_calendar_are_edited_with_it(kim: Browser) -> None:
    calendar = Calendar.objects.get(slug="london-business")
    monday = OpeningHours.objects.get(calendar=calendar, weekday=0)
    inlines = {
        "opening_hours-TOTAL_FORMS": 2,
        "opening_hours-INITIAL_FORMS": 1,
        "opening_hours-0-id": monday.pk,
        "opening_hours-0-calendar": calendar.pk,
        "opening_hours-0-weekday": 0,
        "opening_hours-0-opens": "08:00",
        "opening_hours-0-closes": "12:00",
        "opening_hours-0-is_active": "on",
        "opening_hours-1-calendar": calendar.pk,
        "opening_hours-1-weekday": 0,
        "opening_hours-1-opens": "13:00",
        "opening_hours-1-closes": "17:00",
        "opening_hours-1-is_active": "on",
        "holidays-TOTAL_FORMS": 0,
        "holidays-INITIAL_FORMS": 0,
    }
    overlapping = {**inlines, "opening_hours-1-opens": "11:00"}
    refused = kim.post(address_of(calendar), as_typed(calendar, **overlapping))
    assert "The shift that opens at 11:00 begins before the one of 08:00 has ended." in refused.content.decode()
    assert kim.post(address_of(calendar), as_typed(calendar, **inlines)).status_code == 302
    hours = OpeningHours.objects.filter(calendar=calendar, weekday=0).order_by("opens")
    assert [(f"{row.opens:%H:%M}", f"{row.closes:%H:%M}") for row in hours] == [("08:00", "12:00"), ("13:00", "17:00")]


def test_a_calendar_of_a_country_without_known_holidays_is_refused(kim: Browser) -> None:
    calendar = Calendar.objects.get(slug="berlin-business")
    empty = {f"{rows}-{form}_FORMS": 0 for rows in ("opening_hours", "holidays") for form in ("TOTAL", "INITIAL")}
    unknown = kim.post(address_of(calendar), as_typed(calendar, country="XX", subdivision="", **empty))
    assert problems(unknown)["country"] == ["No public holidays are known for XX; leave it empty and add the days."]
    elsewhere = kim.post(address_of(calendar), as_typed(calendar, country="GB", subdivision="BE", **empty))
    assert problems(elsewhere)["subdivision"] == ["GB has no subdivision BE; there are: ENG, NIR, SCT, WLS."]


def test_a_ladder_that_is_none_is_refused(kim: Browser) -> None:
    kind = ExceptionType.objects.get(slug="address")
    lists = {name: json.dumps(getattr(kind, name)) for name in ("playbook", "acceptance", "outcomes")}
    backwards = [{"after_minutes": 60, "to": "backup"}, {"after_minutes": 5, "to": "owner:logistics"}]
    for ladder, *words in (
        (
            '[{"to": "nobody"}]',
            "/0/after_minutes: Say how many minutes after the opening, 1 to 527040.",
            "/0/to: Say “backup” or an owner, like “owner:logistics”.",
        ),
        (json.dumps(backwards), "Each step comes later than the one before."),
    ):
        response = kim.post(address_of(kind), as_typed(kind, ladder=ladder, **lists))
        assert problems(response)["ladder"] == words
    fine = json.dumps([{"after_minutes": 30, "to": "backup"}])
    assert kim.post(address_of(kind), as_typed(kind, ladder=fine, **lists)).status_code == 302


def test_a_deprecated_contract_is_retired_and_one_in_force_is_not(kim: Browser, system: Actor, now: datetime) -> None:
    first = ContractVersion.objects.get(contract__name="stock.changed")
    retire = {"action": "retire", "_selected_action": [first.pk]}
    page = kim.post(reverse("admin:rules_contractversion_changelist"), retire, follow=True).content.decode()
    assert "Stock.changed v1 is active; only a deprecated one retires." in page
    second = services.draft_contract_version(contract=first.contract, schema=first.schema, pii=[], by=system, now=now)
    services.publish_contract_version(version_id=second.pk, by=system, now=now)
    kim.post(reverse("admin:rules_contractversion_changelist"), retire)
    first.refresh_from_db()
    assert first.state == "retired"


def test_a_token_is_shown_once_and_can_be_revoked(kim: Browser, northwind: Client, now: datetime) -> None:
    ivy = User.objects.create_user("ivy")
    ivy.groups.add(Group.objects.get_or_create(name=Role.ADMIN.value)[0])
    ends = datetime.now(now.tzinfo) + timedelta(days=30)
    posted = {
        "name": "Shop",
        "user": ivy.pk,
        "scopes": ["sync.replay"],
        "clients": [northwind.pk],
        "expires_at_0": f"{ends:%Y-%m-%d}",
        "expires_at_1": "12:00:00",
    }
    page = kim.post(reverse("admin:rules_apitoken_add"), posted, follow=True).content.decode()
    text = re.search(r"it is not shown again: (\S+)<", page)
    assert text is not None
    actor = services.authenticate_api_token(text=text[1], now=datetime.now(now.tzinfo))
    assert actor.permissions == frozenset({"sync.replay"})
    token = ApiToken.objects.get()
    assert text[1] not in kim.get(address_of(token)).content.decode()
    kim.post(reverse("admin:rules_apitoken_changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_token_beyond_its_person_is_refused_on_the_page(kim: Browser, northwind: Client) -> None:
    ivy = User.objects.create_user("ivy")
    posted = {
        "name": "Shop",
        "user": ivy.pk,
        "scopes": ["sync.replay"],
        "clients": [northwind.pk],
        "expires_at_0": "2999-01-01",
        "expires_at_1": "12:00:00",
    }
    page = kim.post(reverse("admin:rules_apitoken_add"), posted)
    assert "ivy does not have sync.replay." in page.content.decode()


def test_a_published_contract_is_looked_at_and_a_draft_is_published(kim: Browser, system: Actor, now: datetime) -> None:
    published = ContractVersion.objects.get(contract__name="stock.changed")
    assert "_save" not in kim.get(address_of(published)).content.decode()
    draft = services.draft_contract_version(
        contract=published.contract, schema=published.schema, pii=[], by=system, now=now
    )
    broken = as_typed(draft, schema='{"type": "object"}', pii="[]")
    assert "A contract is a JSON Schema of the dialect" in problems(kim.post(address_of(draft), broken))["schema"][0]
    kim.post(reverse("admin:rules_contractversion_changelist"), {"action": "publish", "_selected_action": [draft.pk]})
    draft.refresh_from_db()
    assert draft.state == "active"
