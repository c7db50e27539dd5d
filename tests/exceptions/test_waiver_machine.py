"""Whatever is done to a request in whatever order, it holds only inside an approved window and by somebody else's word."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from audit.access import system_actor
from audit.errors import DomainError
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.models import Timer, Waiver
from exceptions.states import WAIVER_LIVE
from tests.cast import House, furnish

GATE = "ship-despite-open-case"
PEOPLE = st.sampled_from(["amal", "bo", "lee", "mara", "kim", "noor"])


class WaiverLife(RuleBasedStateMachine):
    """One parcel; several people ask, decide, take back and let time pass."""

    house: House

    @initialize()
    def begin(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self.parcel = SubjectRef("test.parcel", f"{Waiver.objects.count()}-{Event.objects.count()}")
        self.client_id = self.house.clients["northwind"].pk

    def mine(self) -> list[Waiver]:
        return list(Waiver.objects.filter(subject_id=self.parcel.id).order_by("number"))

    @rule(by=PEOPLE, minutes=st.integers(0, 3_000), begins=st.none() | st.integers(-10, 600), is_until=st.booleans())
    def ask(self, by: str, minutes: int, begins: int | None, is_until: bool) -> None:
        begin_at = None if begins is None else self.now + timedelta(minutes=begins)
        until = (begin_at or self.now) + timedelta(minutes=minutes) if is_until else None
        self.attempt(
            lambda: services.request_waiver(
                gate=GATE,
                subject=self.parcel,
                subject_key="NW-1",
                client_id=self.client_id,
                reason="The customer confirmed it by telephone.",
                plan="Correct it in the shop.",
                minutes=None if is_until else minutes,
                begin_at=begin_at,
                until=until,
                owner="client-success",
                by=self.house.actor(by),
                now=self.now,
            )
        )

    @rule(by=PEOPLE, minutes=st.none() | st.integers(1, 3_000))
    def approve(self, by: str, minutes: int | None) -> None:
        for waiver in self.mine():
            self.attempt(
                lambda waiver=waiver: services.approve_waiver(
                    waiver_id=waiver.pk, by=self.house.actor(by), now=self.now, minutes=minutes
                )
            )

    @rule(by=PEOPLE, act=st.sampled_from([services.withdraw_waiver, services.revoke_waiver]))
    def take_back(self, by: str, act: object) -> None:
        for waiver in self.mine():
            self.attempt(
                lambda waiver=waiver: act(  # type: ignore[operator]
                    waiver_id=waiver.pk, reason="no longer needed", by=self.house.actor(by), now=self.now
                )
            )

    @rule(by=PEOPLE, minutes=st.integers(-60, 3_000))
    def shorten(self, by: str, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        for waiver in self.mine():
            before = waiver.expires_at
            self.attempt(
                lambda waiver=waiver: services.shorten_waiver(
                    waiver_id=waiver.pk, until=until, reason="It is enough", by=self.house.actor(by), now=self.now
                )
            )
            waiver.refresh_from_db()
            assert before is None or waiver.expires_at in {before, until}
            assert before is None or (waiver.expires_at is not None and waiver.expires_at <= before)

    @rule(minutes=st.integers(1, 2_000), sweeps=st.booleans())
    def time_passes(self, minutes: int, sweeps: bool) -> None:
        self.now += timedelta(minutes=minutes)
        while sweeps and services.sweep_timers(now=self.now):
            pass

    def attempt(self, act: object) -> None:
        with suppress(DomainError):
            act()  # type: ignore[operator]

    @invariant()
    def it_holds_only_inside_an_approved_window(self) -> None:
        held = selectors.live_waiver(gate=GATE, subject=self.parcel, now=self.now)
        windows = [one for one in self.mine() if one.is_in_force(self.now)]
        assert (held is None) == (not windows)

    @invariant()
    def nobody_decided_alone_and_nothing_holds_longer_than_asked(self) -> None:
        for waiver in self.mine():
            assert not waiver.decided_by or waiver.decided_by != waiver.requested_by
            if waiver.starts_at and waiver.expires_at:
                assert waiver.expires_at - waiver.starts_at <= timedelta(minutes=waiver.effective_minutes)
                assert waiver.begin_at is None or waiver.begin_at <= waiver.starts_at
                assert waiver.end_by is None or waiver.expires_at <= waiver.end_by

    @invariant()
    def only_what_is_alive_has_timers(self) -> None:
        for waiver in self.mine():
            live = Timer.objects.filter(subject_id=str(waiver.pk), fired_at=None, cancelled_at=None).exists()
            assert live == (waiver.state in WAIVER_LIVE)


@pytest.mark.django_db
def test_no_order_of_acts_opens_a_gate_that_nobody_else_opened() -> None:
    WaiverLife.house = furnish(by=system_actor("tests"), now=datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    run_state_machine_as_test(
        WaiverLife,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
