"""Ladders as they are written: what is refused, what is only doubted, and how repeats are written out."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from audit.context import Actor, acting
from audit.models import User
from rules.ladders import doubts_about_ladder, mistakes_in_ladder, planned
from rules.models import ExceptionType, Owner
from tests.cast import House, furnish
from tests.doors import signed_in

BACKUP: dict[str, Any] = {"after_minutes": 60, "to": "backup"}
LEAD: dict[str, Any] = {"after_minutes": 120, "to": "owner:ops-team-review"}
AGAIN: dict[str, Any] = {"after_minutes": 240, "do": "repeat", "from": 1, "times": 2}
THERE = {"ops-team-review": True, "logistics": True, "finance-ops": False}


@pytest.mark.parametrize(
    ("ladder", "pointers"),
    [
        ([BACKUP, LEAD, AGAIN], []),
        ([BACKUP, {"after_minutes": 90, "do": "open_hold", "hold": "fraud"}], []),
        ([{**LEAD, "do": "page", "skip_if_nobody": True}], []),
        ([], [""]),
        ("backup", [""]),
        ([5], ["/0"]),
        ([{"to": "backup"}], ["/0/after_minutes"]),
        ([{**BACKUP, "after_minutes": True}], ["/0/after_minutes"]),
        ([{**BACKUP, "after_minutes": 0}], ["/0/after_minutes"]),
        ([{**BACKUP, "to": "logistics"}], ["/0/to"]),
        ([{**BACKUP, "to": "owner:"}], ["/0/to"]),
        ([{**BACKUP, "do": "shout"}], ["/0/do"]),
        ([{**BACKUP, "skip_if_nobody": "yes"}], ["/0/skip_if_nobody"]),
        ([{**BACKUP, "do": "raise_severity"}], ["/0/to"]),
        ([{"after_minutes": 5, "do": "open_hold", "hold": "A hold"}], ["/0/hold"]),
        ([LEAD, BACKUP], [""]),
        ([AGAIN], ["/0/from"]),
        ([BACKUP, {**AGAIN, "from": 2}], ["/1/from"]),
        ([BACKUP, {**AGAIN, "times": 0}], ["/1/times"]),
        ([BACKUP, {**AGAIN, "after_minutes": 60}], ["/1/after_minutes"]),
        ([BACKUP, AGAIN, {**AGAIN, "after_minutes": 300}], ["/2/do"]),
        ([BACKUP, LEAD, {**AGAIN, "times": 90}], [""]),
    ],
)
def test_what_is_wrong_is_pointed_at(ladder: Any, pointers: list[str]) -> None:
    assert [mistake.pointer for mistake in mistakes_in_ladder(ladder)] == pointers


def test_a_repeat_begins_again_at_its_own_moment_and_keeps_the_distances() -> None:
    assert [(one.minutes, one.number, one.round) for one in planned([BACKUP, LEAD, AGAIN])] == [
        *((60, 1, 1), (120, 2, 1)),
        *((240, 1, 2), (300, 2, 2)),
        *((420, 1, 3), (480, 2, 3)),
    ]
    later = [BACKUP, LEAD, {**AGAIN, "from": 2, "times": 1}]
    assert [(one.minutes, one.number) for one in planned(later)] == [(60, 1), (120, 2), (240, 2)]


@pytest.mark.parametrize(
    ("ladder", "doubt"),
    [
        ([BACKUP, LEAD, AGAIN, {**LEAD, "after_minutes": 999}], "Step 4 is never reached"),
        ([BACKUP, {**LEAD, "to": "owner:finance-ops"}], "Step 2 reaches nobody"),
        ([BACKUP, {**LEAD, "to": "owner:gone", "skip_if_nobody": True}], "it is always skipped"),
        ([LEAD, {**LEAD, "after_minutes": 180}], "Step 2 changes nothing: ops-team-review has it already"),
        (
            [{"after_minutes": 9, "do": "raise_severity"}, {"after_minutes": 19, "do": "raise_severity"}, LEAD],
            "Step 2 changes nothing",
        ),
        ([{**BACKUP, "after_minutes": 120}, LEAD], "Step 2 comes at the same moment as step 1"),
        ([BACKUP, {**LEAD, "do": "notify"}], "There is no last resort"),
    ],
)
def test_what_is_unwise_is_said_once(ladder: list[dict[str, Any]], doubt: str) -> None:
    assert mistakes_in_ladder(ladder) == []
    (said,) = doubts_about_ladder(ladder, severity="P2", there=THERE)
    assert doubt in said


def test_a_sound_ladder_raises_no_doubt() -> None:
    rising = {"after_minutes": 90, "do": "raise_severity"}
    assert doubts_about_ladder([BACKUP, rising, LEAD, AGAIN], severity="P2", there=THERE) == []


def test_no_shipped_ladder_repeats_itself_or_lacks_a_last_resort(db: None, system: Actor, now: datetime) -> None:
    furnish(by=system, now=now)
    everybody = dict.fromkeys(Owner.objects.values_list("slug", flat=True), True)
    doubts = {
        kind.slug: doubts_about_ladder(kind.ladder, severity=kind.severity, there=everybody)
        for kind in ExceptionType.objects.all()
    }
    assert {slug: found for slug, found in doubts.items() if found} == {}


def test_the_admin_says_its_doubts_while_one_edits_and_saves_all_the_same(
    db: None, system: Actor, now: datetime
) -> None:
    house: House = furnish(by=system, now=now)
    User.objects.filter(username="lee").update(is_active=False)
    kind = ExceptionType.objects.get(slug="address")
    doubt = "Step 2 reaches nobody: nobody who can sign in stands behind ops-team-review"
    browser = signed_in(house.users["kim"])
    address = reverse("admin:rules_exceptiontype_change", args=[kind.pk])
    assert doubt in browser.get(address).content.decode()
    with acting(system, at=now):
        Owner.objects.filter(slug="logistics").update(is_active=True)
    form = browser.get(address).context["adminform"].form
    posted = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    posted |= {name: form[name].value() for name in ("ladder", "playbook", "acceptance", "outcomes")}
    posted |= {"ladder": '[{"after_minutes": 30, "to": "backup"}]', "reason": "shorter"}
    told = browser.post(address, {name: value for name, value in posted.items() if value is not None}, follow=True)
    kind.refresh_from_db()
    assert kind.ladder == [{"after_minutes": 30, "to": "backup"}]
    assert "There is no last resort" in told.content.decode()
