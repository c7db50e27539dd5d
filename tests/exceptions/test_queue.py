"""The queue shows what needs whom, soonest first, to those for whom it exists, at one price."""

from datetime import datetime, timedelta

import pytest

from audit.context import Actor
from audit.errors import Invalid, NotFound, Refused
from exceptions import selectors, services
from exceptions.models import Timer
from exceptions.selectors import QueueFilters
from tests.cast import House
from tests.exceptions.conftest import OpenCase

HOUR = timedelta(hours=1)


def shown(by: Actor, now: datetime, **filters: object) -> list[str]:
    page = selectors.queue_page(by=by, filters=QueueFilters(**filters), now=now)  # type: ignore[arg-type]
    return [row.subject_key for row in page.rows]


def test_the_soonest_due_comes_first_and_pages_join_without_gap_or_repeat(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    for n in range(60):
        open_case(n, at=now - n % 7 * HOUR)
    lee = house.actor("lee")
    first = selectors.queue_page(by=lee, filters=QueueFilters(scope="team", per=25), now=now)
    second = selectors.queue_page(by=lee, filters=QueueFilters(scope="team", per=25, after=first.next_after), now=now)
    third = selectors.queue_page(by=lee, filters=QueueFilters(scope="team", per=25, after=second.next_after), now=now)
    rows = [*first.rows, *second.rows, *third.rows]
    assert [len(first.rows), len(second.rows), len(third.rows), third.next_after] == [25, 25, 10, ""]
    assert [row.due_at for row in rows] == sorted(row.due_at for row in rows)
    assert len({row.id for row in rows}) == first.count == 60


def test_noor_sees_nothing_and_cannot_name_it(open_case: OpenCase, house: House, now: datetime) -> None:
    case, noor = open_case(), house.actor("noor")
    assert [shown(noor, now, scope=scope) for scope in ("mine", "team", "unowned")] == [[], [], []]
    with pytest.raises(NotFound):
        selectors.case_for(noor, case.key)


def test_each_filter_leaves_what_it_says(open_case: OpenCase, house: House, now: datetime) -> None:
    lee = house.actor("lee")
    open_case(1, at=now - 24 * HOUR)
    taken = open_case(2, type="contract-violation")
    open_case(3, client="fable")
    services.acknowledge_case(case_id=taken.pk, by=lee, now=now)
    assert shown(lee, now, scope="team", state="acknowledged") == ["NW-2"]
    assert shown(lee, now, scope="team", client="fable") == ["FB-3"]
    assert shown(lee, now, scope="team", due="overdue") == ["NW-1"]
    assert shown(lee, now, scope="team", type="contract-violation") == ["NW-2"]
    assert shown(lee, now, scope="team", owner="lee") == ["NW-2"]


@pytest.mark.parametrize("bad", [{"state": "x"}, {"due": "x"}, {"per": 7}, {"after": "x"}, {"scope": "x"}])
def test_a_filter_nobody_knows_is_refused(house: House, now: datetime, bad: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        shown(house.actor("lee"), now, **bad)


def test_what_is_finished_leaves_the_queue(open_case: OpenCase, house: House, system: Actor, now: datetime) -> None:
    case = open_case()
    assert shown(house.actor("lee"), now, scope="team") == ["NW-1"]
    services.withdraw_case(case_id=case.pk, reason="the address was corrected", by=system, now=now)
    assert shown(house.actor("lee"), now, scope="team") == []


def test_timers_are_well_until_one_is_late_or_fails(open_case: OpenCase, now: datetime) -> None:
    open_case()
    assert selectors.timer_health(now=now).is_well
    late = selectors.timer_health(now=now + HOUR + timedelta(seconds=31))
    assert (late.running, late.overdue, late.latest[0].late_seconds) == (3, 2, 31)
    Timer.objects.filter(kind="case.escalate").update(attempts=2, last_error="ValueError: no")
    failing = selectors.timer_health(now=now)
    assert (failing.is_well, failing.overdue, failing.failing) == (False, 0, 1)


def test_support_reads_and_does_not_work_exceptions(open_case: OpenCase, house: House, now: datetime) -> None:
    case, sam = open_case(), house.actor("sam")
    assert selectors.case_for(sam, case.key).pk == case.pk
    assert selectors.available_actions(case, by=sam) == []
    with pytest.raises(Refused):
        services.note_case(case_id=case.pk, text="hello", by=sam, now=now)
