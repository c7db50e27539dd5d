"""Every section of the admin, every role: what it says it needs is what it asks, and its acts ask the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import reverse

from audit.access import GRANTS, Role
from tests.cast import ONE_PER_ROLE, House
from tests.doors import FROM_LEAST, IN_TURN, POLICY, Visit, policy_of, signed_in, visit

BEAT = "django_celery_beat"
OURS = {model: section for model, section in admin.site._registry.items() if model._meta.app_label != BEAT}
# section → what it takes to look, what it takes to change (nobody: ""). A section that is not here fails the test of the inventory.
EDITED, LOOKED_AT = ("rules.view_rules", "rules.edit_rules"), ("rules.view_rules", "")
SYSTEMS, CASES, ORDERS = (
    ("sync.view_system", "sync.edit_system"),
    ("exceptions.view_case", ""),
    ("orders.view_order", ""),
)
MESSAGES = ("sync.flowrun", "sync.inboundevent", "sync.outboundmessage")
SECTIONS = {
    # Django's own: only who installed the product, no role.
    "auth.group": ("auth.view_group", "auth.change_group"),
    **dict.fromkeys(
        (
            "fulfilment.bundlepart",
            "fulfilment.location",
            "rules.absence",
            "rules.assetkind",
            "rules.calendar",
            "rules.client",
            "rules.clientaccess",
            "rules.contract",
            "rules.contractversion",
            "rules.exceptiontype",
            "rules.flow",
            "rules.gate",
            "rules.holdrule",
            "rules.requestrule",
            "rules.owner",
            "rules.ownershiprule",
            "rules.productline",
            "rules.qualitycheck",
            "rules.runbook",
            "rules.sla",
            "rules.slatarget",
            "rules.statusownership",
            "rules.team",
        ),
        EDITED,
    ),
    **dict.fromkeys(
        ("rules.rulebookversion", "rules.decision", "rules.runbookversion", "rules.temporaryownership"), LOOKED_AT
    ),
    **dict.fromkeys(
        ("campaigns.asset", "campaigns.assetapproval", "campaigns.messagingchange"), ("content.view_asset", "")
    ),
    **dict.fromkeys(MESSAGES, ("sync.view_system", "")),
    **dict.fromkeys(("rules.apitoken", "sync.connector", "sync.credential", "sync.system"), SYSTEMS),
    **dict.fromkeys(
        (
            "exceptions.alert",
            "exceptions.clientapproval",
            "exceptions.delegation",
            "exceptions.exceptioncase",
            "exceptions.job",
            "exceptions.notification",
            "exceptions.page",
            "exceptions.postmortem",
            "exceptions.timer",
            "exceptions.waiver",
        ),
        CASES,
    ),
    "exceptions.notificationchannel": ("exceptions.edit_channel", "exceptions.edit_channel"),
    "audit.user": ("rules.manage_people", "rules.manage_people"),
    **dict.fromkeys(
        (
            "fulfilment.customer",
            "fulfilment.earlynotice",
            "fulfilment.export",
            "fulfilment.fulfilment",
            "fulfilment.hold",
            "fulfilment.likeness",
            "fulfilment.order",
            "fulfilment.orderbundle",
            "fulfilment.ordergift",
            "fulfilment.orderidentifier",
            "fulfilment.orderrequest",
            "fulfilment.override",
            "fulfilment.payment",
            "fulfilment.refund",
            "fulfilment.replenishment",
            "fulfilment.reservation",
            "fulfilment.goodsreceipt",
            "fulfilment.safetystock",
            "fulfilment.shipment",
            "fulfilment.sku",
            "fulfilment.stockitem",
            "fulfilment.stocklot",
            "fulfilment.unwind",
        ),
        ORDERS,
    ),
}
CUT_TO_CLIENTS = {"fulfilment.bundlepart", "fulfilment.location"}
# Their lists are not cut to single clients, so only who sees every client opens them.
HOUSE_ONLY = {name for name in SECTIONS if name.startswith("fulfilment.") and name not in CUT_TO_CLIENTS} | {
    "exceptions.job",
    "exceptions.page",
    "exceptions.timer",
    "rules.temporaryownership",
    *MESSAGES,
}
NOT_ADDED = {"audit.user"}
ACTIONS = {
    "audit.user": {"end_sessions", "remove_factors"},
    "rules.contractversion": {"publish", "retire"},
    "exceptions.notificationchannel": {"end"},
    "rules.apitoken": {"revoke"},
    "sync.credential": {"revoke"},
}
HOUSE = {Role.ADMIN, Role.OPS_LEAD, Role.AUDITOR}
RENDER = "django.template.backends.django.Template.render"


@pytest.fixture
def staff(house: House) -> dict[str, Browser]:
    """Everybody may sign in there for this test, so that only roles decide."""
    browsers = {}
    for name, user in house.users.items():
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        browsers[name] = signed_in(user)
    return browsers


def address(name: str, view: str, *args: Any) -> str:
    return reverse(f"admin:{name.replace('.', '_')}_{view}", args=args)


def may(role: Role, needs: str, name: str) -> bool:
    return needs in GRANTS[role] and (name not in HOUSE_ONLY or role in HOUSE)


def test_every_section_and_every_action_is_in_the_matrix() -> None:
    assert {model._meta.label_lower for model in OURS} == set(SECTIONS)
    actions = {
        model._meta.label_lower: {getattr(action, "__name__", action) for action in section.actions}
        for model, section in OURS.items()
        if section.actions
    }
    assert actions == ACTIONS


def test_every_role_opens_what_it_may_see_and_adds_where_it_may_edit(
    staff: dict[str, Browser], unrendered: None
) -> None:
    wrong: list[object] = []
    visits: dict[tuple[str, str, bool], list[Visit]] = defaultdict(list)
    for allowed, role, person in IN_TURN:
        for name, what in ((name, what) for name in SECTIONS for what in ("changelist", "add")):
            needs, before = SECTIONS[name][what == "add"], visits[name, what, allowed]
            if allowed != (may(role, needs, name) and not (what == "add" and name in NOT_ADDED)):
                continue
            if any(one.tells_of(role, let_in=allowed) for one in before):
                continue
            answer, this = visit(role, staff[person].get, address(name, what))
            assert policy_of(answer) == POLICY, (name, what)
            if answer.status_code != (200 if allowed else 403):
                wrong.append((person, what, name, answer.status_code))
            else:
                before.append(this)
    assert "\n".join(map(str, wrong)) == ""


def test_a_record_is_looked_at_by_who_may_see_it_changed_by_who_may_edit_it_and_deleted_by_nobody(
    staff: dict[str, Browser], keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is made for the first who may look and the first who may edit."""
    wrong = []
    for model in OURS:
        name, record = model._meta.label_lower, model._default_manager.order_by("pk").first()
        if record is None:
            continue
        view, edit = SECTIONS[name]
        made: set[bool] = set()
        sent_away: list[Visit] = []
        for role, person in reversed(FROM_LEAST):
            edits = may(role, edit, name)
            with monkeypatch.context() as once:
                if edits in made:
                    once.setattr(RENDER, lambda *_, **__: "")
                shown: Any = staff[person].get(address(name, "change", record.pk))
            if not any(one.tells_of(role, let_in=False) for one in sent_away):
                gone, this = visit(role, staff[person].post, address(name, "delete", record.pk), {"post": "yes"})
                wrong += [] if gone.status_code in {302, 403} else [(person, "deletes", name, 0)]
                sent_away.append(this)
            # A record of the house, or of a client the reader does not see, is as good as none: the admin leads back to its start.
            seen = may(role, view, name) and (role in HOUSE or shown.status_code != 302)
            made |= {edits} if seen else set()
            if seen != (shown.status_code == 200) or shown.status_code not in {200, 302, 403}:
                wrong.append((person, "change", name, shown.status_code))
            if shown.status_code == 200 and shown.context_data.get("has_change_permission") and not edits:
                wrong.append((person, "edits", name, shown.status_code))
        assert model._default_manager.filter(pk=record.pk).exists()
    assert "\n".join(map(str, wrong)) == ""


def test_every_act_is_offered_to_who_may_edit_and_done_for_nobody_else(
    staff: dict[str, Browser], keys: dict[str, Any]
) -> None:
    wrong = []
    for name, actions in ACTIONS.items():
        for role, person in ONE_PER_ROLE.items():
            page = staff[person].get(address(name, "changelist"))
            form = page.context.get("action_form") if page.status_code == 200 else None
            offered = {choice for choice, _ in form.fields["action"].choices} & actions if form else set()
            if bool(offered) != may(role, SECTIONS[name][1], name):
                wrong.append((person, name, sorted(offered)))
    assert wrong == []


@pytest.mark.parametrize("view", ["rules_rulebookversion_freeze", "rules_ownershiprule_try"])
def test_the_pages_beside_the_sections_ask_too(staff: dict[str, Browser], view: str) -> None:
    let_in = {
        role
        for role, person in ONE_PER_ROLE.items()
        if b"fraud_score"
        in (answer := staff[person].post if view.endswith("try") else staff[person].get)(
            reverse(f"admin:{view}"), {"predicate": "fraud_scor >= 70"}
        ).content
        and answer is not None
    }
    assert let_in == {role for role in Role if "rules.view_rules" in GRANTS[role]}


def test_who_is_not_staff_does_not_get_in(house: House) -> None:
    for person in ("lee", "amal", "ada"):
        browser = signed_in(house.users[person])
        assert browser.get(reverse("admin:index")).status_code == 302


def test_another_clients_records_are_not_in_the_admin(staff: dict[str, Browser], keys: dict[str, Any]) -> None:
    found = []
    for name in SECTIONS:
        page = staff["noor"].get(address(name, "changelist"))
        if page.status_code == 200 and any(word in page.content.decode().lower() for word in ("northwind", "nw-")):
            found.append(name)
    assert found == []
