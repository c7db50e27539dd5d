"""From when until when a time-limited exception may hold: with its approval, or from a later moment; for so long, or until a moment."""

from datetime import datetime, timedelta

import pytest

from audit.errors import IllegalTransition, Invalid
from exceptions import services
from exceptions.models import Waiver
from exceptions.states import WaiverState
from tests.cast import House
from tests.exceptions.test_checks import broken
from tests.exceptions.test_waivers import HOUR, MINUTE, Ask, Parcels, ask, holds, parcels, running, told, trail

__all__ = ["ask", "parcels"]


def approve(waiver: Waiver, house: House, at: datetime, minutes: int | None = None) -> Waiver:
    return services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=at, minutes=minutes)


def test_what_begins_later_lets_nothing_through_before_and_then_by_the_clock_alone(
    ask: Ask, house: House, parcels: Parcels, now: datetime
) -> None:
    begins = now + 10 * HOUR
    waiver = ask(begin_at=begins)
    assert waiver.answer_by == now + 2 * HOUR, "a fifth of the way to when it is needed"
    waiver = approve(waiver, house, now + HOUR)
    assert (waiver.starts_at, waiver.expires_at) == (begins, begins + 4 * HOUR)
    assert [holds(at) for at in (now + HOUR, begins - MINUTE, begins, begins + 4 * HOUR)] == [False, False, True, False]
    assert (parcels.told, running(waiver)["waiver.begin"], broken()) == ([], begins, [])
    services.sweep_timers(now=begins)
    assert (parcels.told, told("waiver.begun")) == ([("waived", "1")], ["amal", "client-success"])
    assert trail(waiver)[-1] == "waiver.begun"
    assert set(running(waiver)) == {"waiver.heads_up", "waiver.expire"}


def test_taken_back_before_it_begins_it_never_does(ask: Ask, house: House, parcels: Parcels, now: datetime) -> None:
    waiver = approve(ask(begin_at=now + 10 * HOUR), house, now)
    services.revoke_waiver(waiver_id=waiver.pk, reason="Not needed", by=house.actor("lee"), now=now + HOUR)
    services.sweep_timers(now=now + 10 * HOUR)
    assert (running(waiver), holds(now + 10 * HOUR), ("waived", "1") in parcels.told) == ({}, False, False)


def test_asked_for_until_a_moment_it_never_holds_beyond_it_whenever_it_is_approved(
    ask: Ask, house: House, now: datetime
) -> None:
    until = now + 6 * HOUR
    waiver = ask(minutes=None, until=until, reason_code="deadline", plan_url="https://tasks.example/7")
    assert (waiver.effective_minutes, waiver.answer_by) == (360, until)
    assert broken() == [], "the fingerprint is what the database makes of it"
    edited = services.edit_waiver(
        waiver_id=waiver.pk, reason=waiver.reason, plan="Call them.", minutes=300, by=house.actor("amal"), now=now
    )
    assert (edited.end_by, edited.reason_code) == (until - HOUR, "deadline")
    approved = approve(waiver, house, now + 4 * HOUR)
    assert (approved.starts_at, approved.expires_at) == (now + 4 * HOUR, until - HOUR)
    assert broken() == []


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"minutes": None}, "/minutes"),
        ({"minutes": None, "until": -HOUR}, "/until"),
        ({"minutes": None, "until": 1000 * HOUR}, "/until"),
        ({"begin_at": -HOUR}, "/begin_at"),
        ({"begin_at": 91 * 24 * HOUR}, "/begin_at"),
        ({"minutes": None, "until": HOUR, "answer_by": 2 * HOUR}, "/answer_by"),
        ({"reason_code": "because"}, "/reason_code"),
        ({"evidence": [1]}, "/evidence"),
        ({"file": services.NewFile("a.txt", b"seen")}, "/file"),
        ({"plan_url": "javascript:alert(1)"}, "/plan_url"),
    ],
)
def test_a_window_that_cannot_be_is_refused_by_name(
    ask: Ask, now: datetime, more: dict[str, object], pointer: str
) -> None:
    given = {name: now + value if isinstance(value, timedelta) else value for name, value in more.items()}
    with pytest.raises(Invalid) as refused:
        ask(**given)
    assert pointer in [error.pointer for error in refused.value.errors]


def test_what_is_over_before_it_is_approved_is_not_approved(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask(minutes=None, until=now + HOUR)
    services.ask_for_more(waiver_id=waiver.pk, question="Who said so?", by=house.actor("lee"), now=now)
    services.answer_question(waiver_id=waiver.pk, answer="They did", by=house.actor("amal"), now=now + 5 * HOUR)
    with pytest.raises(IllegalTransition, match="which is over"):
        approve(waiver, house, now + 5 * HOUR)
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.REQUESTED
