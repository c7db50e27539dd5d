"""When somebody goes away the open work goes along to who stands in, and comes back when asked for."""

from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, Refused
from audit.models import Event
from exceptions import services
from exceptions.models import ExceptionCase, Notification, StandIn
from exceptions.services import Chosen
from exceptions.states import CaseState
from rules import selectors as rules
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def take(open_case: OpenCase, house: House, now: datetime, count: int, *, who: str = "amal") -> list[ExceptionCase]:
    by = house.actor(who)
    return [services.acknowledge_case(case_id=open_case(n).pk, by=by, now=now) for n in range(count)]


def go(house: House, now: datetime, *, length: timedelta = DAY, start: timedelta = timedelta(0), **more: str) -> int:
    _, moved = services.go_away(
        person="amal", starts_at=now + start, ends_at=now + start + length, by=house.actor("amal"), now=now, **more
    )
    return moved


def owners() -> list[str]:
    return list(ExceptionCase.objects.order_by("number").values_list("owner__slug", flat=True))


def chosen(cases: list[ExceptionCase]) -> list[Chosen]:
    for case in cases:
        case.refresh_from_db()
    return [Chosen(case.pk, case.key, case.version) for case in cases]


def back(house: House, now: datetime) -> None:
    absence = StandIn.objects.select_related("absence").first()
    assert absence is not None
    services.come_back(absence_id=absence.absence_id, by=house.actor("amal"), now=now)


def test_a_long_absence_moves_everything_to_the_cover_at_once(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = take(open_case, house, now, 3)
    assert (go(house, now, cover="bo"), owners()) == (3, ["bo"] * 3)
    assert Event.objects.filter(type="case.owner_away").count() == 3
    assert Notification.objects.filter(owner=house.owners["bo"], event="case.owner_away").count() == 3
    assert Notification.objects.filter(owner=house.owners["bo"], event="absence.entered").count() == 1
    assert set(StandIn.objects.values_list("case", "owner__slug", "to__slug")) == {
        (case.pk, "amal", "bo") for case in cases
    }
    assert broken() == []


def test_without_a_cover_the_backup_has_it(open_case: OpenCase, house: House, now: datetime) -> None:
    take(open_case, house, now, 1)
    assert (go(house, now), owners()) == (1, ["client-success"])


def test_a_short_absence_leaves_open_work_where_it_is(open_case: OpenCase, house: House, now: datetime) -> None:
    take(open_case, house, now, 1)
    assert (go(house, now, length=4 * HOUR), owners()) == (0, ["amal"])
    with acting(house.actor("kim"), at=now + HOUR):
        assert services.reassign_from_absent(now=now + HOUR) == 0


def test_how_long_is_long_is_a_setting(open_case: OpenCase, house: House, now: datetime, settings) -> None:
    settings.AWAY_HOURS = 2
    take(open_case, house, now, 1)
    assert go(house, now, length=3 * HOUR) == 1


def test_a_later_absence_moves_it_when_it_begins(
    open_case: OpenCase, house: House, now: datetime, system: Actor
) -> None:
    take(open_case, house, now, 1)
    assert go(house, now, start=DAY * 3, length=DAY, cover="bo") == 0
    for at, moved in ((now + DAY, 0), (now + 3 * DAY, 1), (now + 3 * DAY + HOUR, 0)):
        with acting(system, at=at):
            assert services.reassign_from_absent(now=at) == moved
    assert owners() == ["bo"]


def test_going_away_moves_nobody_elses_work(open_case: OpenCase, house: House, now: datetime) -> None:
    services.acknowledge_case(case_id=open_case(1).pk, by=house.actor("bo"), now=now)
    services.go_away(person="bo", starts_at=now, ends_at=now + 2 * HOUR, by=house.actor("bo"), now=now)
    take(open_case, house, now, 1)
    assert (go(house, now, cover="lee"), sorted(owners())) == (1, ["bo", "lee"])


def test_the_number_of_queries_does_not_grow(
    open_case: OpenCase, house: House, now: datetime, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    take(open_case, house, now, 1)
    with django_assert_max_num_queries(45) as one:
        go(house, now, cover="bo")
    back(house, now + HOUR)
    take(open_case, house, now + HOUR, 9)
    with django_assert_num_queries(len(one.captured_queries)):
        go(house, now + HOUR, cover="bo")


def test_what_others_stood_in_for_is_taken_back(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = take(open_case, house, now, 3)
    go(house, now, cover="bo")
    with pytest.raises(Conflict, match="Amal Okafor is still away"):
        services.take_back(person="amal", chosen=chosen(cases), by=house.actor("amal"), now=now + HOUR)
    back(house, now + HOUR)
    outcomes = services.take_back(person="amal", chosen=chosen(cases[:2]), by=house.actor("amal"), now=now + HOUR)
    assert ([one.why for one in outcomes], owners()) == (["", ""], ["amal", "amal", "bo"])
    assert Event.objects.filter(type="case.taken_back").count() == 2
    assert Notification.objects.filter(owner=house.owners["bo"], event="case.taken_back").count() == 2
    assert StandIn.objects.filter(taken_back_at=now + HOUR).count() == 2
    again = services.take_back(person="amal", chosen=chosen(cases[:1]), by=house.actor("amal"), now=now + 2 * HOUR)
    assert [one.why for one in again] == ["Nobody stands in for Amal Okafor here any more."]
    assert broken() == []


def test_what_changed_meanwhile_stays_and_says_who_was_faster(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = take(open_case, house, now, 2)
    go(house, now, cover="bo")
    seen = chosen(cases)
    services.start_case(case_id=cases[0].pk, by=house.actor("bo"), now=now + HOUR)
    back(house, now + HOUR)
    outcomes = services.take_back(person="amal", chosen=seen, by=house.actor("amal"), now=now + HOUR)
    assert ["Bo Lindqvist was faster" in one.why for one in outcomes] == [True, False]
    assert owners() == ["bo", "amal"]


def test_nobody_takes_back_what_they_never_had_or_may_not_see(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = take(open_case, house, now, 1)
    other = open_case(7)
    go(house, now, cover="bo")
    back(house, now + HOUR)
    outcomes = services.take_back(person="amal", chosen=chosen([other]), by=house.actor("amal"), now=now + HOUR)
    assert [one.why for one in outcomes] == ["Nobody stands in for Amal Okafor here any more."]
    for name in ("noor", "bo"):
        with pytest.raises(Refused):
            services.take_back(person="amal", chosen=chosen(cases), by=house.actor(name), now=now + HOUR)
    house.users["amal"].groups.clear()
    refused = services.take_back(person="amal", chosen=chosen(cases), by=house.actor("amal"), now=now + HOUR)
    assert "exceptions.work_case" in refused[0].why
    assert Event.objects.filter(type="access.refused").count() == 1
    with pytest.raises(Invalid):
        services.take_back(person="amal", chosen=[], by=house.actor("amal"), now=now + HOUR)


def test_a_leaver_hands_everything_open_to_one_who_may_work_it(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    take(open_case, house, now, 3)

    def hand_over(to: str, by: str) -> int:
        return services.hand_over_cases(person="amal", to=to, reason="leaves the house", by=house.actor(by), now=now)

    for to in ("noor", "ada", "amal"):
        with pytest.raises(Invalid, match="cannot take them"):
            hand_over(to, "lee")
    for name in ("noor", "mara", "sam"):
        with pytest.raises(Refused):
            hand_over("bo", name)
    assert hand_over("bo", "lee") == 3
    assert owners() == ["bo"] * 3
    events = Event.objects.filter(type="case.reassigned")
    assert (events.count(), {'"reason":"leaves the house"' in event.body for event in events}) == (3, {True})
    assert Notification.objects.filter(owner=house.owners["bo"], event="case.reassigned").count() == 3
    assert set(ExceptionCase.objects.values_list("state", flat=True)) == {CaseState.ACKNOWLEDGED}
    assert broken() == []


@pytest.mark.parametrize(
    ("open_work", "start", "length", "at_once", "moved"),
    [
        ("keep", timedelta(0), DAY * 7, [], []),
        ("now", timedelta(0), HOUR, ["bo", "bo"], []),
        ("now", DAY * 3, HOUR, ["bo", "bo"], []),
        ("due", timedelta(0), HOUR, ["bo", "amal"], []),
        ("due", DAY, HOUR, ["amal", "amal"], ["bo", "amal"]),
    ],
)
def test_who_goes_away_says_what_becomes_of_what_they_have_open(
    open_case: OpenCase,
    house: House,
    now: datetime,
    system: Actor,
    open_work: str,
    start: timedelta,
    length: timedelta,
    at_once: list[str],
    moved: list[str],
) -> None:
    """However long the absence is; the first exception is due before it ends, the second after."""
    soon, late = take(open_case, house, now, 2)
    with acting(system, at=now):
        ExceptionCase.objects.filter(pk=soon.pk).update(due_at=now + start + length / 2)
        ExceptionCase.objects.filter(pk=late.pk).update(due_at=now + start + length * 2)
    go(house, now, start=start, length=length, cover="bo", open_work=open_work)
    assert owners() == (at_once or ["amal", "amal"])
    begun = now + start + timedelta(minutes=1)
    with acting(system, at=begun):
        services.reassign_from_absent(now=begun)
    assert owners() == (moved or at_once or ["amal", "amal"])
    with pytest.raises(Invalid):
        go(house, now, start=DAY * 30, open_work="burn")


def test_away_until_further_notice_is_long_once_its_hours_have_passed(
    open_case: OpenCase, house: House, now: datetime, system: Actor
) -> None:
    """Nothing is stuck with somebody who never says when: it counts from the begin, and what may not wait for ever is refused."""
    take(open_case, house, now, 1)
    with pytest.raises(Invalid, match="say until when"):
        services.go_away(person="amal", starts_at=now, open_work="keep", by=house.actor("amal"), now=now)
    absence, moved = services.go_away(person="amal", starts_at=now, cover="bo", by=house.actor("amal"), now=now)
    assert (moved, owners()) == (0, ["amal"])
    with pytest.raises(Invalid, match="until they say that they are back"):
        go(house, now, start=30 * DAY)
    seen = []
    for hours in (1, 30):
        with acting(system, at=now + hours * HOUR):
            services.reassign_from_absent(now=now + hours * HOUR)
        seen.append(owners())
    assert seen == [["amal"], ["bo"]]
    services.come_back(absence_id=absence.pk, by=house.actor("amal"), now=now + 31 * HOUR)
    assert rules.on_duty("amal", now + 31 * HOUR).slug == "amal"
    assert broken() == []
