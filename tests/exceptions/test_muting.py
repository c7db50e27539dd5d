"""A muted cause: its new exceptions open as always and nobody is told of them, for as long as a time-limited exception is in force."""

from datetime import datetime, timedelta

from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import Alert, ExceptionCase, Notification, NotificationDelivery, Waiver
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken

HOUR = timedelta(hours=1)
CAUSE = "No postcode"


def muted(house: House, now: datetime, *, hours: int) -> Waiver:
    """What is allowed for the cause from now on."""
    asked = services.mute_cause(
        type="address",
        cause=CAUSE,
        reason="The shop knows and mends it; one by one helps nobody.",
        plan="Lee looks through the queue every hour.",
        minutes=hours * 60,
        owner="lee",
        by=house.actor("lee"),
        now=now,
    )
    return services.approve_waiver(waiver_id=asked.pk, by=house.actor("mara"), now=now, seen_hash=asked.content_hash)


def is_quiet(case: ExceptionCase) -> set[bool]:
    """Of all that was told of it, whether it was told quietly."""
    told = NotificationDelivery.objects.filter(notification__case=case)
    return {one.why.startswith("Muted by TLX-") for one in told}


def settle(now: datetime) -> None:
    while services.sweep_timers(now=now):
        pass


def test_what_opens_while_its_cause_is_muted_is_told_to_nobody_until_the_clock_ends_it(
    house: House, open_case: OpenCase, now: datetime
) -> None:
    loud = open_case(1, cause=CAUSE, at=now - HOUR / 60)
    muted(house, now, hours=4)
    quiet, other = open_case(2, cause=CAUSE), open_case(3, cause="Something else")
    assert (is_quiet(loud), is_quiet(quiet), is_quiet(other)) == ({False}, {True}, {False})
    assert (quiet.owner_id, quiet.due_at, quiet.state) == (other.owner_id, other.due_at, other.state)
    assert not Notification.objects.filter(case=quiet, read_at=None).exists()
    settle(quiet.due_at)
    assert (is_quiet(quiet), {one.case_id for one in Alert.objects.all()}) == ({True}, {loud.pk, other.pk})
    services.reassign_case(case_id=quiet.pk, to="bo", reason="knows it", by=house.actor("lee"), now=quiet.due_at)
    assert is_quiet(quiet) == {True, False}  # what a person does is told as always
    assert is_quiet(open_case(4, cause=CAUSE, at=now + 4 * HOUR)) == {False}  # no timer has fired since
    settle(now + 4 * HOUR)
    (missed,) = Notification.objects.filter(event="cause.unmuted")
    assert (missed.owner.slug, missed.text.endswith("meanwhile and are open: 1.")) == ("bo", True)
    assert broken() == []


def test_a_mute_that_is_extended_or_revoked_ends_once_and_a_storm_of_many_is_as_quiet_as_one(
    house: House, open_case: OpenCase, now: datetime
) -> None:
    open_case(1, cause=CAUSE, at=now - HOUR)
    first = muted(house, now, hours=1)
    later = services.extend_waiver(
        waiver_id=first.pk,
        minutes=60,
        reason="It takes the shop longer than it thought it would.",
        by=house.actor("lee"),
        now=now,
    )
    services.approve_waiver(waiver_id=later.pk, by=house.actor("mara"), now=now, seen_hash=later.content_hash)
    northwind = house.clients["northwind"].pk
    openings = [
        services.CaseOpening(
            "address", SubjectRef("test.parcel", f"s{n}", northwind), "NW", northwind, "No", cause=CAUSE
        )
        for n in range(30)
    ]
    services.open_cases(openings=openings, by=house.actor("ivy"), now=now)
    settle(now + HOUR)
    assert not Notification.objects.filter(event="cause.unmuted").exists()
    services.revoke_waiver(waiver_id=later.pk, reason="It is mended", by=house.actor("mara"), now=now + HOUR)
    (missed,) = Notification.objects.filter(event="cause.unmuted")
    assert missed.text.endswith(": 30.")
    storm = NotificationDelivery.objects.filter(notification__event="case.opened", notification__at=now)
    assert {one.why.startswith("Muted by") for one in storm} == {True}
    assert broken() == []
