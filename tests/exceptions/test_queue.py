"""The queue shows what needs whom, most urgent first, to those for whom it exists, at one price."""

from datetime import datetime, timedelta

import pytest
from django.http import QueryDict

from audit.context import Actor, acting
from audit.errors import Invalid, NotFound, Refused
from audit.services.heartbeats import beat
from exceptions import selectors, services
from exceptions.models import Timer
from exceptions.selectors import QueueFilters, queue, queue_filters
from exceptions.views.origins import filters_in
from tests.cast import House
from tests.exceptions.conftest import OpenCase

HOUR = timedelta(hours=1)
# What is not known cannot be left out, and these are no ranges.
LEFT_OUT = (
    *("state!=x", "type!=x", "client!=acme", "owner!=x", "owner!=team:x", "hold=x", "hold!=x"),
    *("due=yesterday..", "risk=few..", "created=overdue"),
)


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


@pytest.mark.parametrize(
    ("minor", "minutes"), [(1_000, 1), (1_999, 1), (50_000, 50), (1_440_000, 1_440), (999_999_999, 1_440)]
)
def test_money_brings_a_deadline_forward_by_a_day_at_most(
    open_case: OpenCase, minor: int, minutes: int, now: datetime
) -> None:
    case = open_case(at_risk_minor=minor)
    case.refresh_from_db()
    assert case.due_at - case.urgent_at == timedelta(minutes=minutes)


def test_urgency_weighs_money_against_time_and_follows_the_amount(
    open_case: OpenCase, house: House, system: Actor, now: datetime
) -> None:
    lee = house.actor("lee")
    open_case(1, at=now - HOUR, at_risk_minor=1_000)
    dear = open_case(2, at=now, at_risk_minor=100_000)
    assert shown(lee, now, scope="team") == ["NW-2", "NW-1"]
    with acting(system, at=now):
        dear.at_risk_minor = 1_000
        dear.save()
    assert shown(lee, now, scope="team") == ["NW-1", "NW-2"]
    assert dear.last_changes() == {"at_risk_minor": (100_000, 1_000)}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("urgency", ["NW-3", "NW-2", "NW-1"]),
        ("due", ["NW-1", "NW-3", "NW-2"]),
        ("-risk", ["NW-2", "NW-3", "NW-1"]),
        ("-created", ["NW-2", "NW-3", "NW-1"]),
    ],
)
def test_every_order_pages_without_gap_or_repeat(
    open_case: OpenCase, house: House, now: datetime, sort: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_filters, "PER_PAGE", (1,))
    open_case(1, at=now - 3 * HOUR, at_risk_minor=1_000)
    open_case(3, at=now - 2 * HOUR, at_risk_minor=1_300_000)
    open_case(2, at=now - HOUR, at_risk_minor=1_400_000 - 60_000 - 1)
    seen: list[str] = []
    lee, after = house.actor("lee"), ""
    for _ in range(3):
        filters = QueueFilters(scope="team", sort=sort, per=1, after=after)
        page = selectors.queue_page(by=lee, filters=filters, now=now)
        seen, after = [*seen, *(row.subject_key for row in page.rows)], page.next_after
    assert (seen, after) == (expected, "")


def test_counting_stops_where_the_page_says(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_COUNTED", 2)
    lee = house.actor("lee")
    for n in range(4):
        open_case(n, at_risk_minor=500)
    page = selectors.queue_page(by=lee, filters=QueueFilters(scope="team"), now=now)
    assert (page.count, page.is_capped, page.at_risk, len(page.rows)) == (3, True, {"EUR": 1_500}, 4)
    assert [count for _, _, count in selectors.tabs(by=lee, scope="team", now=now)] == [3, 0, 0, 3, 0, 0]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("parcel 1", ["NW-1"]),
        ("nw-1", ["NW-1"]),
        ("deliv", ["NW-1", "FB-2"]),
        ("FB", ["FB-2"]),
        ("carrier-x", ["NW-1"]),
        ("rejected", ["NW-1"]),
        ("parcel 3", []),
        ("' & ! \\", []),
        ("-", []),
    ],
)
def test_words_are_found_by_their_beginnings(
    open_case: OpenCase, house: House, now: datetime, words: str, found: list[str]
) -> None:
    open_case(1, cause="carrier-x/rejected", at=now - HOUR)
    open_case(2, client="fable")
    assert shown(house.actor("lee"), now, scope="team", q=words) == found


def test_a_case_is_found_by_its_key(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case(1)
    for words in (case.key, case.key.lower(), str(case.number)):
        assert shown(house.actor("lee"), now, scope="team", q=words)[:1] == ["NW-1"]


def test_words_keep_up_with_what_a_case_is_called(open_case: OpenCase, house: House, now: datetime) -> None:
    case, lee = open_case(1), house.actor("lee")
    case.title = "Its scales are broken"
    with acting(lee, at=now):
        case.save(update_fields=["title"])
    assert [shown(lee, now, scope="team", q=words) for words in ("scales", "deliv")] == [["NW-1"], []]


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


def test_of_several_that_are_asked_for_any_will_do_and_an_unknown_one_is_refused(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    lee = house.actor("lee")
    open_case(1, at=now - 3 * HOUR)
    taken = open_case(2, type="contract-violation", at=now - 2 * HOUR)
    open_case(3, client="fable", type="late-parcel", at=now - HOUR)
    services.acknowledge_case(case_id=taken.pk, by=lee, now=now)

    def asked(query: str) -> set[str]:
        filters = filters_in(QueryDict(query), "team")
        return {row.subject_key for row in selectors.queue_page(by=lee, filters=filters, now=now).rows}

    assert asked("state=open&state=acknowledged") == {"NW-1", "NW-2", "FB-3"}
    assert asked("type=contract-violation&type=late-parcel") == {"NW-2", "FB-3"}
    assert asked("type=contract-violation&type=late-parcel&client=northwind") == {"NW-2"}
    assert asked("client=fable&client=northwind&state=open") == {"NW-1", "FB-3"}
    assert asked("owner=lee&owner=team:client-success") >= {"NW-1", "NW-2"}
    assert asked("state!=acknowledged") == asked("owner!=lee") == asked("owner!=me") == {"NW-1", "FB-3"}
    assert asked("type!=contract-violation&type!=late-parcel") == asked("client!=fable&state!=acknowledged") == {"NW-1"}
    assert asked("client!=none") == asked("risk=..1000000") == {"NW-1", "NW-2", "FB-3"}
    first, last = (f"{now + days * 24 * HOUR:%Y-%m-%d}" for days in (-30, 30))
    assert asked(f"due={first}..{last}") == {"NW-1", "NW-2", "FB-3"}
    assert asked(f"due=..{first}") == asked("risk=1000000..") == asked(f"created=..{first}") == set()
    assert asked("created=150m") == {"NW-2", "FB-3"}, "opened in the last two and a half hours"
    for bad in ("state=open&state=x", "type=late-parcel&type=x", "client=fable&client=acme", *LEFT_OUT):
        with pytest.raises(Invalid):
            asked(bad)


@pytest.mark.parametrize(
    "bad", [{"state": "x"}, {"due": "x"}, {"per": 7}, {"after": "x"}, {"scope": "x"}, {"sort": "x"}]
)
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
    assert not selectors.timer_health(now=now).is_well
    beat(loop="timers", at=now)
    assert selectors.timer_health(now=now).is_well
    late = selectors.timer_health(now=now + HOUR + timedelta(seconds=31))
    assert (late.running, late.overdue, late.latest[0].late_seconds) == (7, 4, 3331)
    Timer.objects.filter(kind="case.escalate").update(attempts=2, last_error="ValueError: no")
    failing = selectors.timer_health(now=now)
    assert (failing.is_well, failing.overdue, failing.failing) == (False, 0, 1)


def test_support_reads_and_does_not_work_exceptions(open_case: OpenCase, house: House, now: datetime) -> None:
    case, sam = open_case(), house.actor("sam")
    assert selectors.case_for(sam, case.key).pk == case.pk
    assert selectors.available_actions(case, by=sam) == []
    with pytest.raises(Refused):
        services.note_case(case_id=case.pk, text="hello", by=sam, now=now)
