"""Ladders with every kind of step, by the clock: each step once, in order, recorded, and as the page promised."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.context import Actor, acting
from audit.errors import Conflict, IllegalTransition, Refused
from audit.models import Event
from exceptions import services, subjects
from exceptions.models import Alert, ExceptionCase, Notification, Timer
from exceptions.models.timers import LIVE
from exceptions.selectors import case_page
from exceptions.selectors.next_steps import next_step, with_first_timer
from rules import services as rule_services
from rules.models import Absence, ExceptionType
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERYTHING: list[dict[str, Any]] = [
    {"after_minutes": 5, "do": "notify", "to": "owner:logistics"},
    {"after_minutes": 10, "do": "raise_severity"},
    {"after_minutes": 15, "do": "raise_severity"},
    {"after_minutes": 20, "do": "open_hold", "hold": "fraud"},
    {"after_minutes": 25, "to": "backup"},
    {"after_minutes": 30, "do": "page", "to": "owner:ops-team-review"},
    {"after_minutes": 40, "to": "owner:ops-team-review"},
    {"after_minutes": 60, "do": "repeat", "from": 6, "times": 2},
]
Write = Callable[..., None]


@pytest.fixture
def write(house: House, system: Actor, now: datetime) -> Write:
    """Let the ladder of addresses be this one from now on; nobody has to take anything, and no route comes in between."""

    def write(ladder: list[dict[str, Any]], at: datetime = now, **more: Any) -> None:
        with acting(system, at=at):
            values = {"ladder": ladder, "acknowledge_within_minutes": 10_000, "route_after_minutes": 200_000, **more}
            ExceptionType.objects.filter(slug="address").update(**values)
        rule_services.freeze_rule_book(by=system, now=at, note="another ladder")

    return write


def walk(case: ExceptionCase, *, steps: int) -> list[tuple[datetime, str, str]]:
    """Let the next so many timers fire, each at its moment: (when, what the page promised, what happened)."""
    walked: list[tuple[datetime, str, str]] = []
    while len(walked) < steps:
        promised = next_step(with_first_timer(ExceptionCase.objects.select_related("backup").filter(pk=case.pk)).get())
        assert promised is not None
        trail = Event.objects.filter(subject_id=str(case.pk)).exclude(type="case.at_risk").order_by("seq")
        known = trail.count()
        while services.sweep_timers(now=promised.at - timedelta(microseconds=1)):
            pass
        assert trail.count() == known, "before its moment"
        while services.sweep_timers(now=promised.at):
            pass
        happened = trail[known:]
        steps_said = f"{promised.does} {promised.to}".strip()
        walked.append((promised.at, steps_said, " ".join(event.type.removeprefix("case.") for event in happened)))
    return walked


def body_of(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    return body


def said(case: ExceptionCase, event: str) -> list[tuple[str, dict[str, Any]]]:
    rows = Event.objects.filter(subject_id=str(case.pk), type=event).order_by("seq")
    return [(body_of(row)["reason"], body_of(row)["data"]) for row in rows]


def test_every_kind_of_step_is_taken_once_in_order_at_its_moment_and_as_promised(
    open_case: OpenCase, write: Write, now: datetime
) -> None:
    write(EVERYTHING)
    case = open_case()
    assert walk(case, steps=11) == [
        (now + 5 * MINUTE, "notify Logistics", "escalation_told"),
        (now + 10 * MINUTE, "raise_severity", "severity_raised"),
        (now + 15 * MINUTE, "raise_severity", "step_skipped hold_asked step_skipped"),
        (now + 25 * MINUTE, "reassign Ops", "escalated"),
        (now + 30 * MINUTE, "page Ops Review", "paged"),
        (now + 40 * MINUTE, "reassign Ops Review", "escalated"),
        (now + 60 * MINUTE, "page Ops Review", "paged"),
        (now + 70 * MINUTE, "reassign Ops Review", "escalated"),
        (now + 90 * MINUTE, "page Ops Review", "paged"),
        (now + 100 * MINUTE, "reassign Ops Review", "escalated"),
        (now + 120 * MINUTE, "page Ops Review", "breached"),
    ]
    case.refresh_from_db()
    assert (case.ladder_step, case.severity, case.owner.slug) == (11, "P1", "ops-team-review")
    assert said(case, "case.step_skipped")[0][0] == "Step 3 was skipped: it is P1 already."
    assert said(case, "case.escalation_told") == [
        ("", {"step": 1, "timer": "case.escalate", "told": "logistics"}),
    ]
    assert Notification.objects.get(event="case.escalation_told").owner.slug == "logistics"
    assert set(Timer.objects.filter(LIVE).values_list("kind", flat=True)) == {
        "case.acknowledge",
        "case.overrun",
        "case.route",
    }
    assert broken() == []


def test_a_step_with_nobody_behind_it_is_skipped_said_and_the_next_comes_at_once(
    open_case: OpenCase, write: Write, house: House, system: Actor, now: datetime
) -> None:
    write(
        [{"after_minutes": 5, "to": "backup", "skip_if_nobody": True}, {"after_minutes": 600, "to": "owner:logistics"}]
    )
    with acting(system, at=now):
        away = [Absence(owner=owner, starts_at=now, ends_at=now + 9 * HOUR) for owner in house.owners.values()]
        Absence.objects.bulk_create([one for one in away if one.owner.slug != "logistics"])
    case = open_case(at=now)
    assert [happened for _, _, happened in walk(case, steps=1)] == ["step_skipped escalated"]
    case.refresh_from_db()
    assert (case.owner.slug, case.ladder_step) == ("logistics", 2)
    ((why, data),) = said(case, "case.step_skipped")
    assert (why, data["timer"]) == ("Step 1 was skipped: nobody is there for ops-team.", "case.escalate")
    assert broken() == []


def test_a_hold_is_opened_by_who_knows_how_with_the_subject_locked_first(
    open_case: OpenCase, write: Write, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([{"after_minutes": 5, "do": "open_hold", "hold": "fraud"}, {"after_minutes": 50, "to": "owner:logistics"}])
    held: list[tuple[str, str, str]] = []

    def hold(cases: Sequence[ExceptionCase], *, kind: str, by: Actor, now: datetime) -> Collection[str]:
        held.extend((case.subject_key, kind, by.id) for case in cases)
        return {case.subject_id for case in cases if case.subject_id != "2"}

    monkeypatch.setitem(subjects._openers, "test.parcel", hold)
    first, second = open_case(1), open_case(2)
    assert [what for _, _, what in walk(first, steps=1)] == ["hold_asked held"]
    assert held == [("NW-1", "fraud", "system:timers"), ("NW-2", "fraud", "system:timers")]
    assert said(second, "case.step_skipped") == [
        ("NW-2 was not put on hold: it is already, or cannot be.", {"hold": "fraud"})
    ]
    assert broken() == []


def test_taken_and_silent_for_as_long_as_its_type_allows_is_the_next_step_again_and_again(
    open_case: OpenCase, write: Write, house: House, now: datetime
) -> None:
    ladder = [{"after_minutes": 600, "to": "backup"}, {"after_minutes": 900, "to": "owner:logistics"}]
    write(ladder, progress_within_minutes=20)
    case, amal = open_case(), house.actor("amal")
    services.acknowledge_case(case_id=case.pk, by=amal, now=now)
    services.note_case(case_id=case.pk, text="Called them.", by=amal, now=now + 15 * MINUTE)
    assert walk(case, steps=2) == [
        (now + 35 * MINUTE, "reassign Client Success", "went_quiet"),
        (now + 55 * MINUTE, "reassign Logistics", "went_quiet"),
    ]
    assert [data["timer"] for _, data in said(case, "case.went_quiet")] == ["case.progress"] * 2
    assert broken() == []


def test_a_wait_that_is_over_is_watched_for_progress(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal = open_case(type="contract-violation"), house.actor("lee")
    services.start_case(case_id=case.pk, by=amal, now=now)
    services.wait_case(case_id=case.pk, until=now + 10 * MINUTE, reason="the vendor answers", by=amal, now=now)
    (first,) = walk(case, steps=1)
    assert first == (now + 10 * MINUTE, "resume Lee Weber", "wait_over")
    assert Timer.objects.filter(LIVE, kind="case.progress").exists()


@pytest.mark.parametrize(
    ("cause", "event", "timer"),
    [
        ("nobody takes it", "case.not_acknowledged", "case.acknowledge"),
        ("not resolved", "case.escalated", "case.escalate"),
        ("taken, then silence", "case.went_quiet", "case.progress"),
        ("48 h past its deadline", "case.overrun", "case.overrun"),
    ],
)
def test_each_timer_takes_it_from_one_and_gives_it_to_another_and_the_trail_names_the_timer(
    open_case: OpenCase, write: Write, house: House, now: datetime, cause: str, event: str, timer: str
) -> None:
    far = [{"after_minutes": 60 if timer == "case.escalate" else 90_000, "to": "backup"}]
    write(far, acknowledge_within_minutes=60 if timer == "case.acknowledge" else 90_000)
    case = open_case()
    if timer == "case.progress":
        services.start_case(case_id=case.pk, by=house.actor("amal"), now=now)
    before = ExceptionCase.objects.select_related("owner", "backup").get(pk=case.pk)
    due = Timer.objects.get(LIVE, kind=timer).due_at
    services.sweep_timers(now=due - timedelta(microseconds=1))
    assert ExceptionCase.objects.get(pk=case.pk).owner_id == before.owner_id
    services.sweep_timers(now=due)
    services.sweep_timers(now=due)
    after = ExceptionCase.objects.get(pk=case.pk)
    assert (after.owner, after.owner != before.owner) == (before.backup, True), cause
    ((_, data),) = said(case, event)
    assert data["timer"] == timer
    told = Notification.objects.filter(event=event).values_list("owner__slug", flat=True)
    assert sorted(told) == sorted([before.owner.slug, after.owner.slug])


def test_whoever_is_away_for_long_loses_it_to_who_stands_in(
    open_case: OpenCase, house: House, system: Actor, now: datetime
) -> None:
    case = services.acknowledge_case(case_id=open_case().pk, by=house.actor("amal"), now=now)
    with acting(system, at=now):
        Absence.objects.create(owner=house.owners["amal"], starts_at=now, ends_at=now + 24 * HOUR)
        assert services.reassign_from_absent(now=now) == 1
    assert (ExceptionCase.objects.get(pk=case.pk).owner.slug, len(said(case, "case.owner_away"))) == (
        "client-success",
        1,
    )
    assert said(case, "case.owner_away")[0][1]["timer"] == "absence.watch"
    told = Notification.objects.filter(event="case.owner_away").values_list("owner__slug", flat=True)
    assert sorted(told) == ["amal", "client-success"]


def test_a_running_exception_keeps_its_ladder_until_a_lead_puts_it_on_the_one_in_force(
    open_case: OpenCase, write: Write, house: House, now: datetime
) -> None:
    lee, reason = house.actor("lee"), "The vendor has a night shift now."
    write([{"after_minutes": 60, "to": "backup"}, {"after_minutes": 600, "to": "owner:logistics"}])
    case = open_case()
    first = case.book_number
    walk(case, steps=1)
    write([{"after_minutes": n, "to": "owner:logistics"} for n in (30, 45, 90)], at=now + 61 * MINUTE)
    page = case_page(by=lee, key=case.key, now=now)
    assert page.in_force is not None
    assert (page.case.runs_on, page.in_force.book, page.in_force.differs) == (first, first + 1, True)
    with pytest.raises(Refused):
        services.rebase_case(case_id=case.pk, reason=reason, by=house.actor("amal"), now=now)

    services.rebase_case(case_id=case.pk, reason=reason, by=lee, now=now + 62 * MINUTE)
    case.refresh_from_db()
    assert (case.book_number, case.runs_on, case.ladder_step) == (first, first + 1, 1)
    assert Timer.objects.get(LIVE, kind="case.escalate").due_at == now + 62 * MINUTE
    event = Event.objects.get(type="case.rebased")
    assert (body_of(event)["changes"], body_of(event)["reason"]) == ({"ladder": [f"v{first}", f"v{first + 1}"]}, reason)
    assert [(at, what) for at, _, what in walk(case, steps=2)] == [
        (now + 62 * MINUTE, "escalated"),
        (now + 90 * MINUTE, "escalated"),
    ]
    assert broken() == []
    with pytest.raises(Conflict, match="climbs the ladder of the rule book in force already"):
        services.rebase_case(case_id=case.pk, reason=reason, by=lee, now=now + 62 * MINUTE)


def test_a_shorter_ladder_ends_the_climb_of_who_is_put_on_it(
    open_case: OpenCase, write: Write, house: House, now: datetime
) -> None:
    write([{"after_minutes": n, "to": "backup"} for n in (10, 20, 30)])
    case = open_case()
    walk(case, steps=2)
    write([{"after_minutes": 10, "to": "owner:logistics"}], at=now + 21 * MINUTE)
    services.rebase_case(case_id=case.pk, reason="shorter", by=house.actor("lee"), now=now + 22 * MINUTE)
    case.refresh_from_db()
    assert (case.ladder_step, Timer.objects.filter(LIVE, kind="case.escalate").exists()) == (1, False)
    assert broken() == []


@pytest.mark.parametrize(
    ("kind", "resort", "runbook"),
    [
        ("address", "ops-team-review", ""),
        ("never-seen-before", "revenue-ops-review", "/help/runbooks/unforeseen-failure/"),
    ],
)
def test_a_deadline_that_passes_pages_the_last_resort_once_with_playbook_and_runbook(
    open_case: OpenCase, now: datetime, kind: str, resort: str, runbook: str
) -> None:
    case = open_case(type=kind)
    while services.sweep_timers(now=case.due_at):
        pass
    page = Alert.objects.get()
    assert (page.owner.slug, page.count, page.url) == (resort, 1, f"/exceptions/{case.key}/#playbook")
    assert page.runbook_url == runbook
    told = Notification.objects.get(event="case.breached")
    assert (told.owner.slug, told.urgent, told.url, told.runbook_url) == (resort, True, page.url, runbook)
    assert said(case, "case.breached") == [("", {"timer": "case.breach", "told": resort})]


def test_by_hand_it_takes_the_next_step_before_its_time_with_the_reason_and_the_rest_of_the_ladder_stays(
    write: Write, open_case: OpenCase, house: House, now: datetime
) -> None:
    write(
        [
            {"after_minutes": 300, "do": "raise_severity"},
            {"after_minutes": 400, "to": "owner:logistics"},
            {"after_minutes": 500, "to": "owner:ops-team-review"},
        ]
    )
    case, lee, reason = open_case(1), house.actor("lee"), "the customer is on the phone"
    before = (case.severity, case.owner)
    raised = services.escalate_case(case_id=case.pk, reason=reason, seen=case.version, by=lee, now=now + MINUTE)
    assert (raised.severity < before[0], raised.owner, raised.ladder_step) == (True, before[1], 1)
    assert [len(said(case, f"case.{event}")) for event in ("severity_raised", "escalated_now")] == [1, 1]
    moved = services.escalate_case(case_id=case.pk, reason=reason, by=lee, now=now + 2 * MINUTE)
    assert (moved.owner.slug, moved.ladder_step) == ("logistics", 2)
    assert Event.objects.filter(type="case.escalated_now", actor=lee.id).count() == 2
    told = Event.objects.filter(type="case.escalated_now").order_by("-seq")[0]
    assert (body_of(told)["reason"], body_of(told)["changes"]["owner"][1]) == (reason, "logistics")
    timer = Timer.objects.get(LIVE, subject_id=str(case.pk), kind="case.escalate")
    assert timer.due_at == datetime.fromisoformat(moved.ladder[2]["due_at"])

    services.acknowledge_case(case_id=case.pk, by=lee, now=now + 3 * MINUTE)
    services.wait_case(
        case_id=case.pk, until=now + 9 * HOUR, reason="they look", on="customer", by=lee, now=now + 3 * MINUTE
    )
    with pytest.raises(IllegalTransition, match="cannot be escalated"):
        services.escalate_case(case_id=case.pk, reason=reason, by=lee, now=now + 4 * MINUTE)
    with pytest.raises(Refused):
        services.escalate_case(case_id=case.pk, reason=reason, by=house.actor("sam"), now=now + 4 * MINUTE)
