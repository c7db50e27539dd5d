"""What is in force is extended by a new decision of somebody else, and never by itself."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from audit.context import acting
from audit.errors import Conflict, IllegalTransition, Invalid
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.errors import OwnRequest
from exceptions.models import Notification, Waiver
from exceptions.services import waiver_decisions, waiver_ends
from exceptions.states import WaiverState
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WHY = "The carrier collects only tomorrow morning."


@pytest.fixture
def live(open_case: OpenCase, house: House, now: datetime) -> Waiver:
    """In force for two hours from now."""
    case = open_case()
    asked = services.request_waiver(
        gate="ship-despite-open-case",
        subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
        subject_key=case.subject_key,
        client_id=case.client_id,
        case_id=case.pk,
        reason="The customer confirmed the address by phone.",
        plan="It is corrected in the store meanwhile.",
        minutes=120,
        owner="client-success",
        by=house.actor("amal"),
        now=now,
    )
    return services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=now)


def extend(live: Waiver, house: House, at: datetime, *, minutes: int = 60) -> Waiver:
    return services.extend_waiver(waiver_id=live.pk, minutes=minutes, reason=WHY, by=house.actor("amal"), now=at)


def in_force(live: Waiver, at: datetime) -> str | None:
    subject = SubjectRef(live.subject_type, live.subject_id, live.client_id)
    held = selectors.live_waiver(gate=live.gate, subject=subject, now=at)
    return held.key if held else None


def test_asking_changes_nothing_until_somebody_else_approves(live: Waiver, house: House, now: datetime) -> None:
    lee = house.actor("lee")
    asked = services.extend_waiver(waiver_id=live.pk, minutes=60, reason=WHY, by=lee, now=now + HOUR)
    assert (asked.state, asked.extends_id, asked.plan) == (WaiverState.REQUESTED, live.pk, live.plan)
    assert asked.answer_by == live.expires_at
    assert in_force(live, now + 2 * HOUR) is None
    with pytest.raises(OwnRequest, match="You asked for this"):
        services.approve_waiver(waiver_id=asked.pk, by=lee, now=now + HOUR)
    assert in_force(live, now + 2 * HOUR) is None
    services.approve_waiver(waiver_id=asked.pk, by=house.actor("mara"), now=now + HOUR)
    assert in_force(live, now + 2 * HOUR) == asked.key


def test_approved_it_begins_where_the_first_ends(live: Waiver, house: House, now: datetime) -> None:
    asked = extend(live, house, now + HOUR)
    approved = services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=now + HOUR)
    assert (approved.starts_at, approved.expires_at) == (live.expires_at, now + 3 * HOUR)
    moments = [now + HOUR, now + 2 * HOUR - MINUTE, now + 2 * HOUR, now + 3 * HOUR - MINUTE, now + 3 * HOUR]
    assert [in_force(live, at) for at in moments] == [live.key, live.key, asked.key, asked.key, None]
    services.sweep_timers(now=now + 2 * HOUR)
    words = Notification.objects.filter(event="waiver.expired").values_list("text", flat=True)
    assert all(f"It has ended; {asked.key} goes on." in text for text in words)
    assert len(words) == 2


def test_an_approver_may_give_less_than_was_asked_and_never_more(live: Waiver, house: House, now: datetime) -> None:
    asked, lee = extend(live, house, now), house.actor("lee")
    with pytest.raises(Invalid, match="You may shorten it, not extend it"):
        services.approve_waiver(waiver_id=asked.pk, by=lee, now=now, minutes=61)
    approved = services.approve_waiver(waiver_id=asked.pk, by=lee, now=now, minutes=15)
    assert approved.expires_at == now + 2 * HOUR + 15 * MINUTE


def test_revoking_the_first_ends_what_would_have_followed(live: Waiver, house: House, now: datetime) -> None:
    asked, lee = extend(live, house, now), house.actor("lee")
    services.approve_waiver(waiver_id=asked.pk, by=lee, now=now)
    services.revoke_waiver(waiver_id=live.pk, reason="The customer cancelled.", by=lee, now=now + HOUR)
    asked.refresh_from_db()
    assert asked.state == WaiverState.REVOKED
    assert [in_force(live, now + hours * HOUR) for hours in (1, 2)] == [None, None]


def test_what_was_revoked_while_its_extension_waited_is_not_extended(live: Waiver, house: House, now: datetime) -> None:
    asked, lee = extend(live, house, now), house.actor("lee")
    services.revoke_waiver(waiver_id=live.pk, reason="The customer cancelled.", by=lee, now=now)
    with pytest.raises(IllegalTransition, match="which it extends, was revoked"):
        services.approve_waiver(waiver_id=asked.pk, by=lee, now=now)


def test_only_what_is_in_force_and_not_extended_yet_is_extended(live: Waiver, house: House, now: datetime) -> None:
    asked = extend(live, house, now)
    with pytest.raises(Conflict, match="already asked"):
        extend(live, house, now)
    services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=now)
    with pytest.raises(Conflict, match=f"already extended, by {asked.key}"):
        extend(live, house, now)
    with pytest.raises(IllegalTransition, match="is not in force"):
        extend(live, house, now + 5 * HOUR)


def test_an_approval_binds_to_what_is_extended(live: Waiver, house: House, now: datetime) -> None:
    asked = services.approve_waiver(waiver_id=extend(live, house, now).pk, by=house.actor("lee"), now=now)
    assert broken() == []
    with acting(house.actor("lee"), at=now), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exceptions_waiver SET version = version + 1, extends_id = NULL WHERE id = %s", [asked.pk]
        )
    assert broken() == ["inv-25"]


def test_what_it_is_about_goes_on_when_it_begins_and_not_before(
    live: Waiver, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = [], []
    monkeypatch.setattr(waiver_decisions, "tell_subjects_of_begun", lambda of, **_: begun.extend(of))
    monkeypatch.setattr(waiver_ends, "tell_subjects_of_begun", lambda of, **_: begun.extend(of))
    monkeypatch.setattr(waiver_ends, "tell_subjects_of_ended", lambda of, **_: ended.extend(of))
    asked = services.approve_waiver(waiver_id=extend(live, house, now).pk, by=house.actor("lee"), now=now)
    assert begun == []
    services.sweep_timers(now=now + 2 * HOUR)
    assert (begun, ended) == ([asked], [])
    services.sweep_timers(now=now + 3 * HOUR)
    assert (begun, ended) == ([asked], [asked])
