"""Letters obey the wishes of the person they go to; what waits or is left out says why, and P1 never does."""

import ast
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

import exceptions
from audit.access import system_actor
from audit.context import acting
from audit.errors import Invalid, Refused
from audit.models import Event
from exceptions import services
from exceptions.decisions import Plan, Wishes, plan
from exceptions.models import Notification, NotificationDelivery, NotificationPreference
from exceptions.selectors.notifications import notifications_for
from exceptions.states import DeliveryState, Mailing
from exceptions.topics import TOPIC_OF
from orders.fulfilment.registrations.events import NEWS_TYPES
from tests.cast import House
from tests.exceptions.conftest import OpenCase

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
TIMES = ("digest_at", "quiet_from", "quiet_until")
NIGHT: dict[str, Any] = {"quiet_from": time(22), "quiet_until": time(7)}


def wish(house: House, now: datetime, name: str = "amal", **chosen: object) -> NotificationPreference:
    times: dict[str, Any] = {"digest_at": time(8)} | {key: chosen.pop(key) for key in TIMES if key in chosen}
    wishes = {"p2": "now", "p3": "now", "other": "now"} | {key: str(value) for key, value in chosen.items()}
    return services.set_notification_preferences(wishes=wishes, by=house.actor(name), now=now, **times)


def tell(
    house: House,
    now: datetime,
    severity: str,
    *,
    owner: str = "amal",
    text: str = "EX-1 is yours.",
    event: str = "test",
) -> None:
    services.notify(owner=house.owners[owner], event=event, text=text, severity=severity, now=now)


def choose(house: House, now: datetime, events: dict[str, dict[str, str]], **times: Any) -> NotificationPreference:
    given: dict[str, Any] = {"wishes": {}, "digest_at": time(8), **times}
    return services.set_notification_preferences(events=events, by=house.actor("amal"), now=now, **given)


def letters() -> list[tuple[str, str]]:
    return list(NotificationDelivery.objects.order_by("id").values_list("state", "why"))


def test_without_wishes_everything_goes_at_once(house: House, now: datetime) -> None:
    for severity in ("P1", "P2", "P3", ""):
        tell(house, now, severity)
    assert services.deliver_notifications(now=now) == 4


def test_what_is_wanted_only_in_the_product_is_left_out_and_says_why(house: House, now: datetime) -> None:
    wish(house, now, p3=Mailing.NEVER, other=Mailing.NEVER)
    for severity in ("P1", "P2", "P3", ""):
        tell(house, now, severity)
    assert services.deliver_notifications(now=now) == 2
    assert letters() == [
        (DeliveryState.SENT, ""),
        (DeliveryState.SENT, ""),
        (DeliveryState.SKIPPED, "Wanted only in the product: P3."),
        (DeliveryState.SKIPPED, "Wanted only in the product: what has no severity."),
    ]
    assert Notification.objects.count() == 4
    assert services.deliver_notifications(now=now + 48 * HOUR) == 0


def test_the_digest_is_one_letter_at_its_time(house: House, now: datetime) -> None:
    wish(house, now, p3=Mailing.DIGEST, digest_at=time(17))
    for n in range(3):
        tell(house, now + n * HOUR, "P3", text=f"EX-{n} is yours.")
        assert services.deliver_notifications(now=now + n * HOUR) == 0
    assert letters() == [(DeliveryState.PENDING, "Waits for the digest at 17:00 Europe/Berlin.")] * 3
    at = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert services.deliver_notifications(now=at - MINUTE) == 0
    assert services.deliver_notifications(now=at) == 3
    assert [letter.subject for letter in mail.outbox] == ["3 things for you: EX-0 is yours."]


def test_quiet_hours_hold_back_all_but_p1(house: House, now: datetime) -> None:
    wish(house, now, **NIGHT)
    late = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
    tell(house, late, "P1", text="EX-1 is late.")
    tell(house, late, "P2", text="EX-2 is late.")
    assert services.deliver_notifications(now=late) == 1
    assert [letter.subject for letter in mail.outbox] == ["EX-1 is late."]
    held = NotificationDelivery.objects.get(state=DeliveryState.PENDING)
    assert (held.why, held.due_at, held.attempts, held.lease_until) == (
        "Quiet hours until 07:00 Europe/Berlin.",
        datetime(2026, 11, 21, 6, 0, tzinfo=UTC),
        0,
        None,
    )
    assert services.deliver_notifications(now=held.due_at) == 1


def test_the_newest_wish_holds_for_what_waits(house: House, now: datetime) -> None:
    wish(house, now, p3=Mailing.DIGEST)
    tell(house, now, "P3")
    wish(house, now + MINUTE, p3=Mailing.NEVER)
    assert services.deliver_notifications(now=now + HOUR) == 0
    assert letters() == [(DeliveryState.SKIPPED, "Wanted only in the product: P3.")]


def test_wishes_are_those_of_one_person_and_reach_their_address_in_a_team(house: House, now: datetime) -> None:
    wish(house, now, p3=Mailing.NEVER)
    team = house.owners["ops-team"]
    team.emails = ["amal@handrail.example", "ops@handrail.example"]
    with acting(system_actor("test"), at=now):
        team.save()
    tell(house, now, "P3", owner="ops-team")
    tell(house, now, "P3", owner="bo")
    assert services.deliver_notifications(now=now) == 2
    assert {letter.to[0] for letter in mail.outbox} == {"ops@handrail.example", "bo@handrail.example"}


def test_a_time_zone_that_does_not_exist_keeps_nobodys_letters_back(house: House, now: datetime) -> None:
    wish(house, now, **NIGHT)
    house.users["amal"].time_zone = "Europe/Atlantis"
    house.users["amal"].save()
    tell(house, now, "P2")
    tell(house, now, "P2", owner="bo")
    assert services.deliver_notifications(now=now) == 2


def test_what_tells_of_an_exception_knows_how_bad_it_is(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = [open_case(n) for n in range(2)]
    assert set(Notification.objects.values_list("severity", flat=True)) == {cases[0].severity}
    services.sweep_timers(now=now + 100 * HOUR)
    assert set(Notification.objects.values_list("severity", flat=True)) == {cases[0].severity}


def test_many_told_as_one_are_as_bad_as_the_worst(house: House, now: datetime) -> None:
    tellings = [
        services.Telling(house.owners["amal"], "test", f"EX-{n}", severity="P1" if n == 9 else "P3") for n in range(20)
    ]
    services.notify_many(tellings=tellings, now=now)
    assert Notification.objects.get().severity == "P1"


@pytest.mark.parametrize("count", [3, 30])
def test_asking_for_wishes_costs_the_same_for_many(
    house: House, now: datetime, count: int, django_assert_num_queries
) -> None:
    wish(house, now, p3=Mailing.NEVER)
    choose(house, now, {"mentioned": {"email": "never"}})
    for n in range(count):
        tell(house, now, "P3", event=("test", "case.mentioned", "case.at_risk")[n % 3])
    with django_assert_num_queries(14):
        services.deliver_notifications(now=now)


def test_an_event_switched_off_is_left_out_with_its_reason_and_stays_in_the_inbox(house: House, now: datetime) -> None:
    """What was chosen per severity holds for the events nobody chose anything for; P1 comes whatever was chosen, also at night."""
    wish(house, now, p3=Mailing.NEVER)
    chosen = {"mentioned": {"email": "never", "chat": "never"}, "due_soon": {"email": "now"}, "job_done": {"email": ""}}
    choose(house, now, chosen, **NIGHT)
    for event in ("case.mentioned", "case.at_risk", "case.opened"):
        tell(house, now, "P3", event=event)
    tell(house, now, "P2", event="case.mentioned")
    tell(house, now, "", event="job.ended")
    assert services.deliver_notifications(now=now) == 2
    assert letters() == [
        (DeliveryState.SKIPPED, "Wanted only in the product: Somebody mentions me."),
        (DeliveryState.SENT, ""),
        (DeliveryState.SKIPPED, "Wanted only in the product: P3."),
        (DeliveryState.SKIPPED, "Wanted only in the product: Somebody mentions me."),
        (DeliveryState.SENT, ""),
    ]
    assert notifications_for(house.actor("amal")).filter(event="case.mentioned", read_at=None).count() == 2
    late = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
    tell(house, late, "P1", event="case.mentioned")
    tell(house, late, "P2", event="case.at_risk")
    assert services.deliver_notifications(now=late) == 1
    assert NotificationDelivery.objects.get(state=DeliveryState.PENDING).why.startswith("Quiet hours until 07:00")


def test_what_is_chosen_for_an_event_is_kept_until_it_is_left_to_its_severity_again(
    house: House, now: datetime
) -> None:
    kept = choose(house, now, {"due_soon": {"email": "digest", "pager": "now"}, "escalated": {"chat": "hourly"}})
    assert kept.events == {"due_soon": {"email": "digest", "pager": "now"}, "escalated": {"chat": "hourly"}}
    kept = choose(house, now + HOUR, {"due_soon": {"pager": ""}, "escalated": {"chat": ""}})
    assert kept.events == {"due_soon": {"email": "digest"}}
    assert wish(house, now + 2 * HOUR, p2=Mailing.NEVER).events == {"due_soon": {"email": "digest"}}


@pytest.mark.parametrize(
    ("events", "pointer"),
    [
        ({"late": {"email": "never"}}, "/events/late"),
        ({"break_glass": {}}, "/events/break_glass"),
        ({"weather": {"email": "never"}}, "/events/weather"),
        ({"due_soon": {"fax": "never"}}, "/events/due_soon/fax"),
        ({"due_soon": {"pager": "digest"}}, "/events/due_soon/pager"),
    ],
)
def test_what_ops_set_and_nonsense_about_events_is_refused(
    house: House, now: datetime, events: dict[str, dict[str, str]], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        choose(house, now, events)
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_not_even_the_database_keeps_what_ops_set(house: House, now: datetime) -> None:
    with acting(system_actor("test"), at=now), pytest.raises(IntegrityError), transaction.atomic():
        NotificationPreference.objects.create(user=house.users["amal"], events={"late": {"email": "never"}})


def test_every_event_somebody_is_told_of_has_its_row_and_every_row_its_events() -> None:
    """What the product tells is read from its source: the words that go into the calls by which people are told."""
    telling = {"Telling", "notify", "tell_concerned", "page_leads", "_tell", "_move", "_moved", "move_cases", "News"}
    said, constants = set(), set()
    root = Path(exceptions.__file__).parent.parent
    for path in [one for app in ("exceptions", "orders", "rules") for one in (root / app).rglob("services/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in telling:
                given = [*node.args, *(one.value for one in node.keywords if one.arg == "event")]
                said |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    events = {word for word in said if re.fullmatch(r"[a-z_]+\.[a-z_]+", word)} - set(NEWS_TYPES)
    assert len(events) > 20
    assert events <= set(TOPIC_OF)
    assert set(TOPIC_OF) <= constants


def test_choosing_is_kept_in_the_trail_and_only_for_oneself(house: House, now: datetime) -> None:
    wish(house, now, **NIGHT)
    wish(house, now + HOUR, p2=Mailing.DIGEST)
    chosen = NotificationPreference.objects.get()
    assert (chosen.user, chosen.p2, chosen.quiet_from, chosen.version) == (
        house.users["amal"],
        Mailing.DIGEST,
        None,
        2,
    )
    assert Event.objects.filter(type="notification.preferences_set", actor=house.actor("amal").id).count() == 2
    with pytest.raises(Refused, match="Only people have wishes"):
        services.set_notification_preferences(wishes={"p2": "now"}, digest_at=time(8), by=system_actor("test"), now=now)


@pytest.mark.parametrize(
    "chosen", [{"p2": "often"}, {"quiet_from": time(22)}, {"quiet_from": time(22), "quiet_until": time(22)}]
)
def test_nonsense_is_refused_by_the_door_and_by_the_database(house: House, now: datetime, chosen: dict) -> None:
    with pytest.raises(Invalid):
        wish(house, now, **chosen)
    with acting(system_actor("test"), at=now), pytest.raises(IntegrityError), transaction.atomic():
        NotificationPreference.objects.create(user=house.users["amal"], **chosen)


@pytest.mark.parametrize(
    ("wall", "waits_until"),
    [
        (datetime(2026, 11, 20, 21, 59, tzinfo=BERLIN), None),
        (datetime(2026, 11, 20, 22, 0, tzinfo=BERLIN), datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN)),
        (datetime(2026, 11, 21, 6, 59, tzinfo=BERLIN), datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN)),
        (datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN), None),
        (datetime(2026, 3, 28, 23, 0, tzinfo=BERLIN), datetime(2026, 3, 29, 7, 0, tzinfo=BERLIN)),
    ],
)
def test_quiet_hours_are_on_the_persons_clock(wall: datetime, waits_until: datetime | None) -> None:
    wishes = Wishes(BERLIN, quiet_from=time(22), quiet_until=time(7))
    made = plan(wishes, severity="P2", told_at=wall, now=wall.astimezone(UTC))
    assert made.wait_until == waits_until
    assert plan(wishes, severity="P1", told_at=wall, now=wall) == Plan()


def test_a_wait_never_ends_in_the_past_also_in_the_hour_that_is_there_twice() -> None:
    wishes = Wishes(BERLIN, quiet_from=time(1), quiet_until=time(2, 30))
    for minutes in range(0, 240, 5):
        now = datetime(2026, 10, 24, 22, 30, tzinfo=UTC) + minutes * MINUTE
        made = plan(wishes, severity="P2", told_at=now, now=now)
        assert made.wait_until is None or now < made.wait_until.astimezone(UTC) <= now + 3 * HOUR
