"""Flows go live only once they say everything of themselves, and stay so; what is paused is chosen by nobody."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import Conflict, DomainError, Invalid
from audit.models import Event, User
from rules import selectors, services
from rules.models import ExceptionType, Flow, Owner, OwnershipRule, RuleBookVersion, Sla
from rules.models.flows import DECLARED, REFERENCES, SYSTEMS, TEXTS
from rules.selectors.flows import RULES
from tests.rules.test_admin import address_of, as_typed, problems, signed_in

pytestmark = pytest.mark.django_db
WHY = "The conveyor stands still"
SLUG = "warehouse-pick-pack"


@pytest.fixture
def flow(shipped_book: RuleBookVersion) -> Flow:
    return Flow.objects.get(slug=SLUG)


def blank(name: str) -> None:
    """Take one thing away; who has to be there always is switched off instead."""
    mine = Flow.objects.filter(slug=SLUG)
    if name in {"owner", "sla"}:
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**{name: None})
        model = Owner if name == "owner" else Sla
        model.objects.filter(pk=getattr(mine.get(), f"{name}_id")).update(is_active=False)
    elif name == RULES:
        OwnershipRule.objects.filter(flow__slug=SLUG).update(is_active=False)
    else:
        mine.update(**{name: None if name in REFERENCES else ""})


def test_the_shipped_flows_declare_everything_and_are_live(shipped_book: RuleBookVersion) -> None:
    flows = Flow.objects.all()
    assert {flow.slug: flow.state for flow in flows} == dict.fromkeys(
        selectors.active_book().document["flows"], "active"
    )
    assert [one for flow in flows for one in selectors.declarations(flow) if one.problem or not one.value] == []
    assert {*DECLARED} == {"owner", "sla", *TEXTS, *SYSTEMS, *REFERENCES}
    assert Event.objects.filter(type="flow.activated").count() == len(flows)


@pytest.mark.parametrize("name", [*DECLARED, RULES])
def test_going_live_is_refused_while_anything_is_blank_and_names_it(
    flow: Flow, system: Actor, now: datetime, name: str
) -> None:
    services.pause_flow(slug=SLUG, reason=WHY, by=system, now=now)
    with acting(system, at=now):
        blank(name)
    with pytest.raises(Invalid) as refused:
        services.activate_flow(slug=SLUG, reason="It is mended", by=system, now=now)
    assert [error.pointer for error in refused.value.errors] == [f"/{name}"]
    assert Flow.objects.get(slug=SLUG).state == "paused"


def test_pausing_and_going_live_again_are_in_the_trail_with_their_reasons(
    flow: Flow, system: Actor, now: datetime
) -> None:
    paused = services.pause_flow(slug=SLUG, reason=WHY, by=system, now=now, seen=flow.version)
    assert (paused.state, paused.paused_because) == ("paused", WHY)
    for refused in (
        lambda: services.pause_flow(slug=SLUG, reason=WHY, by=system, now=now),
        lambda: services.activate_flow(slug=SLUG, reason=WHY, by=system, now=now, seen=flow.version),
        lambda: services.activate_flow(slug=SLUG, reason="", by=system, now=now),
    ):
        with pytest.raises(DomainError):
            refused()
    services.activate_flow(slug=SLUG, reason="It runs again", by=system, now=now)
    told = Event.objects.filter(subject_id=str(flow.pk)).order_by("seq").values_list("type", flat=True)
    assert list(told)[-2:] == ["flow.paused", "flow.activated"]
    assert [row.state for row in Flow.history.filter(id=flow.pk).order_by("history_id")] == [
        "active",
        "paused",
        "active",
    ]


@pytest.mark.parametrize("slug", ["manual-review", "content-follow-up"])
def test_what_nobody_could_do_instead_is_not_paused(flow: Flow, system: Actor, now: datetime, slug: str) -> None:
    with pytest.raises(Conflict):
        services.pause_flow(slug=slug, reason=WHY, by=system, now=now)


def test_a_live_flow_goes_on_saying_everything_whoever_edits_it(flow: Flow, now: datetime) -> None:
    kim = signed_in("kim", Role.ADMIN)
    typed = {**as_typed(flow, outcome="", recovery=""), "paused_because": ""}
    assert set(problems(kim.post(address_of(flow), typed))) == {"outcome", "recovery"}
    kept = kim.post(address_of(flow), as_typed(flow, outcome="It is there"))
    assert kept.status_code == 302, problems(kept)
    assert Flow.objects.get(pk=flow.pk).outcome == "It is there"
    with (
        acting(selectors.actor_for(User.objects.get(username="kim"), channel="test"), at=now),
        pytest.raises(IntegrityError),
    ):
        Flow.objects.filter(pk=flow.pk).update(metric="")


def test_no_rule_book_lets_a_flow_be_chosen_that_was_never_live(flow: Flow, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        draft = Flow.objects.create(slug="by-bike", name="By bike", kind="warehouse", owner=flow.owner, sla=flow.sla)
        OwnershipRule.objects.filter(slug="expedited").update(flow=draft)
    with pytest.raises(Invalid, match="by-bike is not among the active flows"):
        services.freeze_rule_book(by=system, now=now)
    with acting(system, at=now):
        kind = ExceptionType.objects.get(slug="late-parcel")
        alike = {name: getattr(flow, name) for name in (*TEXTS, *SYSTEMS, *REFERENCES)}
        Flow.objects.filter(pk=draft.pk).update(**{**alike, "exception_type": kind})
    services.activate_flow(slug="by-bike", reason="The bikes are there", by=system, now=now)
    assert "by-bike" in services.freeze_rule_book(by=system, now=now).document["flows"]
