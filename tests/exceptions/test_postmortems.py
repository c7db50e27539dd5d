"""Postmortems: drafted when a P1 is over or an average is above its target; written, published and frozen; their actions followed up."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound, Refused, StaleVersion
from audit.models import Event
from exceptions import selectors, services
from exceptions.job_kinds import Item
from exceptions.models import ExceptionCase, Notification, Postmortem, PostmortemAction, PostmortemCase, Timer
from exceptions.selectors.postmortems import overdue_actions
from exceptions.services.batches import act_on_cases
from exceptions.services.cases import REOPEN_WITHIN
from exceptions.services.postmortems import ACTION_DUE
from exceptions.states import ActionState, PostmortemReason, PostmortemState
from exceptions.tasks import draft_postmortems
from rules.states import Severity
from tests.cast import House
from tests.exceptions.conftest import OpenCase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
P1 = "vendor-no-confirmation"


@pytest.fixture
def solved(open_case: OpenCase, house: House, now: datetime) -> ExceptionCase:
    """A P1 that was taken and solved two hours after it opened."""
    case = open_case(type=P1, cause="vendor/acme")
    return solve(case, house, now + 2 * HOUR)


@pytest.fixture
def draft(solved: ExceptionCase) -> Postmortem:
    """What it left."""
    return Postmortem.objects.get(cases__case=solved)


def solve(case: ExceptionCase, house: House, at: datetime) -> ExceptionCase:
    lee = house.actor("lee")
    services.acknowledge_case(case_id=case.pk, by=lee, now=at - HOUR)
    return services.resolve_case(case_id=case.pk, outcome="resolved", by=lee, now=at)


def written(draft: Postmortem, house: House, now: datetime) -> PostmortemAction:
    """With everything it needs to be published."""
    lee = house.actor("lee")
    services.edit_postmortem(
        postmortem_id=draft.pk, summary="The **vendor** was silent.", causes="Nobody watched.", by=lee, now=now
    )
    return services.add_action(
        postmortem_id=draft.pk, text="Watch the vendor", owner="amal", due_on=(now + 3 * DAY).date(), by=lee, now=now
    )


class TestDrafting:
    def test_a_p1_that_is_solved_leaves_a_draft_with_its_timeline(
        self, solved: ExceptionCase, house: House, now: datetime
    ) -> None:
        draft = Postmortem.objects.get()
        assert (draft.reason, draft.state, draft.client, draft.owner) == (
            *(PostmortemReason.P1, PostmortemState.DRAFT, house.clients["northwind"], solved.owner),
        )
        assert (draft.since, draft.until) == (solved.opened_at, now + 2 * HOUR)
        steps = [row["event"] for row in draft.timeline]
        assert (steps[0], steps[-1], "case.acknowledged" in steps) == ("case.opened", "case.resolved", True)
        page = selectors.postmortem_page(by=house.actor("amal"), key=draft.key, today=now.date())
        assert [(one.who, one.sentence) for one in page.timeline][-1] == ("Lee Weber", "resolved it")
        assert [case.key for case in page.cases] == [solved.key]
        told = Notification.objects.get(event="postmortem.drafted")
        assert (told.owner, told.client, told.url) == (solved.owner, draft.client, f"/postmortems/{draft.key}/")
        event = Event.objects.get(type="postmortem.drafted")
        assert (event.actor, json.loads(event.body)["data"]["reason"]) == ("system:postmortems", "p1")

    def test_closing_it_makes_no_second_one_and_a_p2_none(
        self, solved: ExceptionCase, open_case: OpenCase, house: House, now: datetime
    ) -> None:
        solve(open_case(2), house, now + 2 * HOUR)
        services.sweep_timers(now=now + 2 * HOUR + REOPEN_WITHIN)
        solved.refresh_from_db()
        assert (solved.state, Postmortem.objects.count(), PostmortemCase.objects.count()) == ("closed", 1, 1)

    def test_a_p1_that_was_solved_before_there_were_postmortems_gets_one_when_it_closes(
        self, open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case = open_case(type=P1)
        with monkeypatch.context() as before:
            before.setattr("exceptions.services.cases.draft_for_ended", lambda cases, now: None)
            solve(case, house, now + HOUR)
        assert not Postmortem.objects.exists()
        services.close_case(case_id=case.pk, by=house.actor("lee"), now=now + DAY)
        assert Postmortem.objects.get().timeline[-1]["event"] == "case.closed"

    def test_what_shares_a_cause_is_one_postmortem(
        self,
        solved: ExceptionCase,
        open_case: OpenCase,
        house: House,
        now: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:
        cases = [open_case(n, type=P1, cause="vendor/acme" if n < 6 else "vendor/other") for n in range(2, 9)]
        items = [Item(str(case.pk), case.key) for case in cases]
        with django_assert_max_num_queries(60):
            done = act_on_cases(
                "resolve", items, given={"outcome": "resolved"}, by=house.actor("lee"), now=now + 3 * HOUR
            )
        assert [one.why for one in done] == [""] * len(items)
        joined, other = Postmortem.objects.order_by("number")
        assert [one.cases.count() for one in (joined, other)] == [5, 3]
        assert (joined.until, other.title) == (now + 3 * HOUR, f"{cases[4].key} and 2 more: {cases[4].title}")
        assert {row["exception"] for row in joined.timeline} == {solved.key, *(case.key for case in cases[:4])}

    def test_a_reopened_one_goes_on_in_its_draft(self, solved: ExceptionCase, house: House, now: datetime) -> None:
        services.reopen_case(case_id=solved.pk, reason="It came back", by=house.actor("lee"), now=now + 3 * HOUR)
        solve(solved, house, now + 6 * HOUR)
        draft = Postmortem.objects.get()
        assert [row["event"] for row in draft.timeline].count("case.resolved") == 2
        assert draft.until == now + 6 * HOUR

    def test_a_person_begins_one_about_anything_once(self, open_case: OpenCase, house: House, now: datetime) -> None:
        case, amal = open_case(), house.actor("amal")
        draft = services.draft_postmortem(case_id=case.pk, by=amal, now=now)
        assert draft.reason == PostmortemReason.PERSON
        assert services.draft_postmortem(case_id=case.pk, by=amal, now=now) == draft
        with pytest.raises(NotFound):
            services.draft_postmortem(case_id=case.pk, by=house.actor("noor"), now=now)
        with pytest.raises(Refused):
            services.draft_postmortem(case_id=case.pk, by=house.actor("sam"), now=now)


class TestAverages:
    MONDAY = datetime(2026, 11, 16, tzinfo=UTC)

    @pytest.fixture
    def week(self, open_case: OpenCase, house: House) -> list[ExceptionCase]:
        """Last week: addresses took 30 h instead of what was promised, inventories an hour."""
        tuesday = self.MONDAY + timedelta(days=1, hours=9)
        slow = [solve(open_case(n, at=tuesday), house, tuesday + 30 * HOUR) for n in (1, 2)]
        solve(open_case(3, type="inventory", at=tuesday), house, tuesday + HOUR + timedelta(minutes=1))
        return slow

    def test_a_kind_above_its_target_as_the_report_counts_it_leaves_a_draft_once(
        self, week: list[ExceptionCase], system: Actor
    ) -> None:
        next_monday = self.MONDAY + timedelta(days=7, hours=5)
        assert services.draft_for_averages(now=next_monday) == 1
        draft = Postmortem.objects.get()
        report = selectors.accounts(by=system, since=self.MONDAY.date(), until=date(2026, 11, 22))
        account = next(one for one in report.exceptions if one.kind == "address")
        assert account.is_above_target
        assert draft.figures == {
            "ended": 2,
            "mean_minutes": account.mean_minutes,
            "target_minutes": account.target_minutes,
        }
        assert (account.mean_minutes, draft.type, draft.reason) == (30 * 60, "address", PostmortemReason.AVERAGE)
        assert (draft.client, draft.owner.slug, draft.since) == (None, "client-success", self.MONDAY)
        assert {row["exception"] for row in draft.timeline} == {case.key for case in week}
        assert services.draft_for_averages(now=next_monday + 3 * DAY) == 0
        assert services.draft_for_averages(now=next_monday + 7 * DAY) == 0

    @pytest.mark.usefixtures("week")
    def test_it_is_of_the_house(self, house: House) -> None:
        services.draft_for_averages(now=self.MONDAY + 7 * DAY)
        key = Postmortem.objects.get().key
        assert selectors.postmortem_called(house.actor("mara"), key).key == key
        with pytest.raises(NotFound):
            selectors.postmortem_called(house.actor("amal"), key)

    @pytest.mark.usefixtures("house")
    def test_the_task_looks_at_the_week_before(self) -> None:
        assert draft_postmortems() == 0


class TestWriting:
    def test_published_it_is_frozen_and_read_by_those_who_see_the_client(
        self, draft: Postmortem, house: House, now: datetime
    ) -> None:
        lee = house.actor("lee")
        with pytest.raises(Invalid, match="what happened; why it could happen; at least one action"):
            services.publish_postmortem(postmortem_id=draft.pk, by=lee, now=now + DAY)
        written(draft, house, now + DAY)
        with pytest.raises(Refused):
            services.publish_postmortem(postmortem_id=draft.pk, by=house.actor("amal"), now=now + DAY)
        published = services.publish_postmortem(postmortem_id=draft.pk, by=lee, now=now + DAY)
        assert (published.state, published.ended_by_name, published.ended_at) == ("published", "Lee Weber", now + DAY)
        for act in (
            lambda: services.edit_postmortem(postmortem_id=draft.pk, summary="x", causes="y", by=lee, now=now + DAY),
            lambda: services.dismiss_postmortem(postmortem_id=draft.pk, comment="not needed", by=lee, now=now + DAY),
        ):
            with pytest.raises(IllegalTransition, match="does not change any more"):
                act()
        with acting(lee, at=now), pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
            Postmortem.objects.filter(pk=draft.pk).update(summary="Nothing happened.")
        page = selectors.postmortem_page(by=house.actor("sam"), key=draft.key, today=now.date())
        assert (page.postmortem.state, page.may_write, page.may_publish) == ("published", False, False)
        with pytest.raises(NotFound):
            selectors.postmortem_page(by=house.actor("noor"), key=draft.key, today=now.date())
        kinds = list(Event.objects.filter(subject_id=str(draft.pk)).order_by("seq").values_list("type", flat=True))
        names = ("drafted", "written", "action_added", "published")
        assert kinds == [f"postmortem.{name}" for name in names]

    def test_who_was_slower_is_told(self, draft: Postmortem, house: House, now: datetime) -> None:
        written(draft, house, now + DAY)
        with pytest.raises(StaleVersion):
            services.edit_postmortem(
                postmortem_id=draft.pk,
                summary="x",
                causes="y",
                by=house.actor("amal"),
                now=now + DAY,
                seen=draft.version,
            )

    def test_one_that_is_not_needed_is_put_away_with_a_reason(
        self, draft: Postmortem, house: House, now: datetime
    ) -> None:
        lee = house.actor("lee")
        with pytest.raises(Invalid):
            services.dismiss_postmortem(postmortem_id=draft.pk, comment="", by=lee, now=now + DAY)
        services.dismiss_postmortem(postmortem_id=draft.pk, comment="A false alarm", by=lee, now=now + DAY)
        draft.refresh_from_db()
        assert (draft.state, draft.comment) == (PostmortemState.DISMISSED, "A false alarm")


class TestActions:
    def test_one_whose_day_passes_is_seen_and_told_every_week_until_it_is_done(
        self, draft: Postmortem, house: House, now: datetime
    ) -> None:
        action = written(draft, house, now)
        told = Notification.objects.filter(event="postmortem.action").order_by("at", "pk")
        assert [one.owner.slug for one in told] == ["amal"]
        on_the_day, after = now + 3 * DAY, (now + 4 * DAY).replace(hour=0)
        services.sweep_timers(now=on_the_day)
        assert told.count() == 1
        assert overdue_actions(by=house.actor("amal"), today=on_the_day.date()) == []
        services.sweep_timers(now=after)
        owners = {"amal", draft.owner.slug}
        assert {one.owner.slug for one in told.filter(at=after)} == owners
        assert overdue_actions(by=house.actor("amal"), today=after.date()) == [action]
        assert overdue_actions(by=house.actor("noor"), today=after.date()) == []
        page = selectors.postmortem_list(by=house.actor("amal"), today=after.date())
        assert [(row.open_count, row.overdue_count) for row in page.rows] == [(1, 1)]
        services.sweep_timers(now=after + 7 * DAY)
        assert told.filter(at=after + 7 * DAY).count() == len(owners)
        with pytest.raises(Refused):
            services.end_action(
                action_id=action.pk, dropped=False, comment="", by=house.actor("bo"), now=after + 8 * DAY
            )
        services.end_action(
            action_id=action.pk, dropped=False, comment="It pages now", by=house.actor("amal"), now=after + 8 * DAY
        )
        assert not Timer.objects.filter(kind=ACTION_DUE, fired_at=None, cancelled_at=None).exists()
        action.refresh_from_db()
        assert (action.state, action.comment, action.ended_by_name) == (ActionState.DONE, "It pages now", "Amal Okafor")
        with pytest.raises(IllegalTransition):
            services.end_action(
                action_id=action.pk, dropped=True, comment="no", by=house.actor("lee"), now=after + 9 * DAY
            )

    @pytest.mark.parametrize(
        ("given", "pointer"),
        [({"owner": "nobody"}, "/owner"), ({"due_on": date(2026, 11, 19)}, "/due_on"), ({"text": "x"}, "/text")],
    )
    def test_it_has_an_owner_and_a_day(
        self, draft: Postmortem, house: House, now: datetime, given: dict[str, Any], pointer: str
    ) -> None:
        good: dict[str, Any] = {"text": "Watch it", "owner": "amal", "due_on": date(2026, 12, 1)}
        with pytest.raises(Invalid) as refused:
            services.add_action(postmortem_id=draft.pk, **(good | given), by=house.actor("lee"), now=now)
        assert [error.pointer for error in refused.value.errors] == [pointer]

    def test_one_that_is_dropped_says_why(self, draft: Postmortem, house: House, now: datetime) -> None:
        action = written(draft, house, now)
        with pytest.raises(Invalid):
            services.end_action(action_id=action.pk, dropped=True, comment="", by=house.actor("lee"), now=now)
        services.end_action(action_id=action.pk, dropped=True, comment="Too dear", by=house.actor("lee"), now=now)
        action.refresh_from_db()
        assert action.state == ActionState.DROPPED


def test_severity_counts_as_it_is_when_it_ends(open_case: OpenCase, house: House, now: datetime) -> None:
    case, lee = open_case(), house.actor("lee")
    services.change_severity(case_id=case.pk, severity=Severity.P1, reason="The whole town", by=lee, now=now)
    solve(case, house, now + 2 * HOUR)
    assert Postmortem.objects.get().type == "address"
