"""Who may say that somebody is away, who can stand in, and who then has the work."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, NotFound, Refused
from audit.models import Event
from rules import selectors, services
from rules.models import Absence
from tests.cast import House

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def enter(house: House, now: datetime, *, who: str = "amal", by: str = "amal", **given: object) -> Absence:
    times = {"starts_at": now, "ends_at": now + 2 * DAY}
    return services.enter_absence(person=who, by=house.actor(by), now=now, **{**times, **given})  # type: ignore[arg-type]


def test_while_away_the_cover_is_on_duty_and_afterwards_oneself(house: House, now: datetime) -> None:
    enter(house, now, cover="bo")
    assert selectors.on_duty("amal", now).slug == "bo"
    enter(house, now, who="bo", by="bo")
    assert selectors.on_duty("amal", now).slug == "client-success"
    assert selectors.on_duty("amal", now + 2 * DAY).slug == "amal"


def test_entering_and_ending_are_in_the_trail(house: House, now: datetime) -> None:
    absence = enter(house, now, cover="bo", note="at the dentist")
    services.end_absence(absence_id=absence.pk, by=house.actor("amal"), now=now + HOUR)
    told = Event.objects.filter(subject_id=str(absence.pk)).order_by("seq")
    assert [event.type for event in told] == ["absence.entered", "absence.ended"]
    assert not any("dentist" in event.body for event in told)
    assert selectors.on_duty("amal", now + HOUR).slug == "amal"


def test_one_that_has_not_begun_is_called_off(house: House, now: datetime) -> None:
    absence = enter(house, now, starts_at=now + DAY)
    services.end_absence(absence_id=absence.pk, by=house.actor("amal"), now=now)
    assert selectors.on_duty("amal", now + DAY + HOUR).slug == "amal"
    with pytest.raises(Conflict, match="Amal Okafor is back already"):
        services.end_absence(absence_id=absence.pk, by=house.actor("amal"), now=now + HOUR)


def test_leads_enter_it_for_their_teams_admins_for_everybody_and_others_for_themselves(
    house: House, now: datetime
) -> None:
    assert enter(house, now, who="amal", by="lee").owner.slug == "amal"
    assert enter(house, now, who="sam", by="kim").owner.slug == "sam"
    assert enter(house, now, who="sam", by="sam", starts_at=now + 3 * DAY, ends_at=now + 4 * DAY).owner.slug == "sam"
    with pytest.raises(Refused, match="You lead none of the teams of Bo Lindqvist"):
        enter(house, now, who="bo", by="mara")
    for name in ("noor", "amal", "sam", "ada"):
        with pytest.raises(Refused, match=r"rules\.manage_absence"):
            enter(house, now, who="bo", by=name)
    with pytest.raises(NotFound):
        enter(house, now, who="ops-team", by="kim")
    absence = Absence.objects.get(owner__slug="amal")
    with pytest.raises(Refused):
        services.end_absence(absence_id=absence.pk, by=house.actor("noor"), now=now)


def test_people_managed_are_oneself_ones_teams_or_everybody(house: House) -> None:
    managed = {name: {one.slug for one in selectors.people_managed(house.actor(name))} for name in ("noor", "lee")}
    assert managed == {"noor": {"noor"}, "lee": {"lee", "amal", "bo"}}
    assert selectors.people_managed(house.actor("kim")).count() == len(house.users)


def test_nobody_stands_in_who_could_not_work_it(house: House, now: datetime) -> None:
    people = {one.slug for one in selectors.can_cover(house.owners["amal"], at=now) if one.user_id}
    assert people == {"bo", "lee", "mara", "kim"}
    teams = {one.slug for one in selectors.can_cover(house.owners["amal"], at=now) if one.team_id}
    assert teams >= {"client-success", "ops-team"}
    assert not teams & {"support", "integrations"}
    enter(house, now, who="bo", by="bo")
    for cover in ("noor", "sam", "ada", "ivy", "bo", "amal", "nobody"):
        with pytest.raises(Invalid, match="cannot stand in"):
            enter(house, now, cover=cover)
    assert {one.slug for one in selectors.can_cover(house.owners["lee"], at=now) if one.user_id} == {"mara", "kim"}


@pytest.mark.parametrize(("start", "length"), [(0, timedelta(0)), (3, -DAY), (-3, 2 * DAY), (0, timedelta(days=367))])
def test_times_that_cannot_be_are_refused(house: House, now: datetime, start: int, length: timedelta) -> None:
    begins = now + start * DAY
    with pytest.raises(Invalid, match="has to end after it begins"):
        enter(house, now, starts_at=begins, ends_at=begins + length)


def test_it_never_begins_in_the_past(house: House, now: datetime) -> None:
    assert enter(house, now, starts_at=now - DAY).starts_at == now


def test_two_absences_do_not_overlap(house: House, now: datetime) -> None:
    enter(house, now)
    with pytest.raises(Invalid, match="is away then already"):
        enter(house, now, starts_at=now + DAY, ends_at=now + 3 * DAY)
    enter(house, now, starts_at=now + 2 * DAY, ends_at=now + 3 * DAY)


def test_the_database_refuses_to_be_covered_by_oneself(house: House, now: datetime, system: Actor) -> None:
    amal = house.owners["amal"]
    with (
        acting(system, at=now),
        pytest.raises(IntegrityError, match="absence_cover_is_someone_else"),
        transaction.atomic(),
    ):
        Absence.objects.create(owner=amal, cover=amal, starts_at=now, ends_at=now + DAY)


@pytest.mark.parametrize(("start", "hours", "is_long"), [(0, 4, False), (0, 4.1, True), (7, 60, False), (7, 67, True)])
def test_long_is_counted_in_the_business_hours_of_the_owner(
    house: House, now: datetime, start: float, hours: float, is_long: bool
) -> None:
    """Friday morning; from Friday evening until Monday morning is no time at all."""
    absence = enter(house, now, starts_at=now + start * HOUR, ends_at=now + (start + hours) * HOUR)
    gone = selectors.gone_for_long(absence.starts_at, hours=4)
    assert gone == ({absence.owner_id: absence.pk} if is_long else {})


def test_who_cannot_sign_in_any_more_is_gone_whatever_the_calendar_says(house: House, now: datetime) -> None:
    user = house.users["amal"]
    user.is_active = False
    user.save()
    assert selectors.gone_for_long(now, hours=4) == {house.owners["amal"].pk: None}
