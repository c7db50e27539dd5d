"""Asked for by one, decided by another, in force by the clock alone."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connections
from django.db.models import F

from audit.context import Actor, acting
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services, subjects
from exceptions.errors import OwnRequest, WaiverChanged
from exceptions.models import Notification, Timer, Waiver
from exceptions.states import WaiverState
from rules.models import Owner
from tests.cast import House

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GATE = "ship-despite-open-case"
REASON = "The customer confirmed the address by telephone this morning."

Ask = Callable[..., Waiver]


class Parcels:
    """A subject that writes down what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.locked: list[str] = []

    def lock(self, ids: list[str]) -> None:
        self.locked += ids

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:  # noqa: ARG002 -- Subject
        self.told.append(("waived", waiver.subject_id))

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:  # noqa: ARG002 -- Subject
        self.told.append(("ended", waiver.subject_id))


@pytest.fixture
def parcels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parcels]:
    subject = Parcels()
    monkeypatch.setitem(subjects._subjects, "test.parcel", subject)
    yield subject


@pytest.fixture
def ask(house: House, now: datetime, parcels: Parcels) -> Ask:
    """Amal asks that parcel `n` may ship."""

    def ask_one(n: int = 1, *, by: str = "amal", at: datetime = now, **more: object) -> Waiver:
        wanted: dict[str, object] = {
            "gate": GATE,
            "reason": REASON,
            "plan": "Correct the address in the shop.",
            "minutes": 240,
            "owner": "client-success",
        }
        client_id = house.clients["northwind"].pk
        return services.request_waiver(
            subject=parcel(n, client_id),
            subject_key=f"NW-{n}",
            client_id=client_id,
            by=house.actor(by),
            now=at,
            **{**wanted, **more},  # type: ignore[arg-type]
        )

    return ask_one


def parcel(n: int, client_id: UUID | None = None) -> SubjectRef:
    return SubjectRef("test.parcel", str(n), client_id)


def holds(at: datetime, n: int = 1, gate: str = GATE) -> bool:
    return selectors.live_waiver(gate=gate, subject=parcel(n), now=at) is not None


def trail(waiver: Waiver) -> list[str]:
    return list(Event.objects.filter(subject_id=str(waiver.pk)).order_by("seq").values_list("type", flat=True))


def running(waiver: Waiver) -> dict[str, datetime]:
    live = Timer.objects.filter(subject_id=str(waiver.pk), fired_at=None, cancelled_at=None)
    return dict(live.values_list("kind", "due_at"))


def told(event: str) -> list[str]:
    return sorted(Notification.objects.filter(event=event).values_list("owner__slug", flat=True))


def test_a_request_lets_nothing_through_and_asks_those_who_may_decide(ask: Ask, now: datetime) -> None:
    waiver = ask()
    assert (waiver.state, waiver.answer_by, waiver.starts_at) == (WaiverState.REQUESTED, now + 4 * HOUR, None)
    assert not holds(now)
    assert running(waiver) == {"waiver.lapse": now + 4 * HOUR, "waiver.undecided": now + 2 * HOUR}
    assert told("waiver.requested") == ["lee", "mara"]


def test_once_approved_it_holds_from_then_until_its_end_and_not_a_moment_longer(
    ask: Ask, house: House, parcels: Parcels, now: datetime
) -> None:
    waiver = services.approve_waiver(waiver_id=ask().pk, by=house.actor("lee"), now=now + HOUR)
    assert (waiver.starts_at, waiver.expires_at) == (now + HOUR, now + 5 * HOUR)
    last = now + 5 * HOUR - timedelta(microseconds=1)
    assert [holds(at) for at in (now + HOUR - MINUTE, now + HOUR, last, now + 5 * HOUR)] == [False, True, True, False]
    assert [holds(now + HOUR, n=2), holds(now + HOUR, gate="skip-vendor-confirmation")] == [False, False]
    assert parcels.told == [("waived", "1")]
    assert told("waiver.approved") == ["amal", "client-success"]


def test_past_its_end_it_lets_nothing_through_though_nobody_wrote_that_down(
    ask: Ask, house: House, now: datetime
) -> None:
    waiver = services.approve_waiver(waiver_id=ask().pk, by=house.actor("lee"), now=now)
    waiver.refresh_from_db()
    assert (waiver.state, holds(now + 4 * HOUR)) == (WaiverState.APPROVED, False)


def test_its_end_is_announced_written_down_and_told_to_the_subject(
    ask: Ask, house: House, parcels: Parcels, now: datetime
) -> None:
    waiver = services.approve_waiver(waiver_id=ask().pk, by=house.actor("lee"), now=now)
    assert running(waiver) == {"waiver.heads_up": now + 192 * MINUTE, "waiver.expire": now + 4 * HOUR}
    services.sweep_timers(now=now + 192 * MINUTE)
    assert told("waiver.ends_soon") == ["amal", "client-success"]
    services.sweep_timers(now=now + 4 * HOUR)
    waiver.refresh_from_db()
    assert (waiver.state, waiver.ended_at, running(waiver)) == (WaiverState.EXPIRED, now + 4 * HOUR, {})
    assert parcels.told == [("waived", "1"), ("ended", "1")]
    assert trail(waiver) == ["waiver.requested", "waiver.voted", "waiver.approved", "waiver.expired"]
    assert waiver.history.count() == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": "too short"}, "/reason"),
        ({"plan": " "}, "/plan"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": 48 * 60 + 1}, "/minutes"),
        ({"minutes": 10**15}, "/minutes"),
        ({"owner": "nobody"}, "/owner"),
        ({"gate": "no-gate"}, "/gate"),
    ],
)
def test_what_is_missing_or_too_much_is_named(ask: Ask, given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(**given)
    assert [error.pointer for error in refused.value.errors] == [field]
    assert not Waiver.objects.exists()


@pytest.mark.parametrize("answer", [timedelta(0), timedelta(hours=24, minutes=1)])
def test_the_time_to_decide_lies_within_a_day(ask: Ask, now: datetime, answer: timedelta) -> None:
    with pytest.raises(Invalid, match="within the next 24 h"):
        ask(answer_by=now + answer)


def test_the_same_is_not_asked_twice_at_once(ask: Ask) -> None:
    ask()
    with pytest.raises(Conflict, match="NW-1 and waits for a decision"):
        ask()
    assert ask(2).number != ask(3).number


def test_nobody_decides_about_what_they_asked_for(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask(by="lee")
    for decide in (
        lambda: services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now),
        lambda: services.reject_waiver(waiver_id=waiver.pk, comment="no", by=house.actor("lee"), now=now),
    ):
        with pytest.raises(OwnRequest, match="somebody else has to decide"):
            decide()
    assert told("waiver.requested") == ["mara"]


def test_the_database_refuses_a_decision_of_the_requester_too(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask(by="lee")
    with pytest.raises(IntegrityError, match="waiver_is_decided_by_somebody_else"), acting(house.actor("lee"), at=now):
        Waiver.objects.filter(pk=waiver.pk).update(
            state=WaiverState.REJECTED, decided_by=waiver.requested_by, decided_at=now, ended_at=now, end_reason="No."
        )


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        ({"reason": ""}, "waiver_says_why_and_what_then"),
        ({"plan": ""}, "waiver_says_why_and_what_then"),
        ({"owner": None}, "owner_id"),
        ({"effective_minutes": 0}, "waiver_holds_for_some_time"),
        ({"effective_minutes": F("longest_minutes") + 1}, "waiver_holds_no_longer_than_its_gate_allows"),
        ({"expires_at": None}, "waiver_approved_has_a_window_and_an_approver"),
        ({"expires_at": F("starts_at")}, "waiver_approved_has_a_window_and_an_approver"),
        ({"effective_minutes": F("effective_minutes") - 1}, "waiver_holds_no_longer_than_was_asked"),
    ],
)
def test_the_database_refuses_one_without_reason_plan_owner_or_end(
    ask: Ask, house: House, now: datetime, lacking: dict[str, object], says: str
) -> None:
    waiver = ask()
    services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now)
    with pytest.raises(IntegrityError, match=says), acting(house.actor("lee"), at=now):
        Waiver.objects.filter(pk=waiver.pk).update(**lacking)


def test_nobody_decides_about_what_they_own(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask(owner="lee")
    with pytest.raises(OwnRequest, match="You own what this allows"):
        services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now)


@pytest.mark.parametrize("name", ["bo", "ada", "sam", "ivy"])
def test_who_is_no_approver_is_refused(ask: Ask, house: House, now: datetime, name: str) -> None:
    with pytest.raises(Refused):
        services.approve_waiver(waiver_id=ask().pk, by=house.actor(name), now=now)


def test_for_noor_it_does_not_exist(ask: Ask, house: House, now: datetime) -> None:
    waiver, noor = ask(), house.actor("noor")
    with pytest.raises(NotFound):
        services.withdraw_waiver(waiver_id=waiver.pk, reason="mine now", by=noor, now=now)
    with pytest.raises(NotFound):
        ask(2, by="noor")
    with pytest.raises(NotFound):
        selectors.waiver_for(noor, waiver.key)
    assert selectors.approvals(by=noor, tab="waiting", now=now) == []


def test_an_approver_may_shorten_and_not_extend(ask: Ask, house: House, now: datetime) -> None:
    lee = house.actor("lee")
    with pytest.raises(Invalid, match="You may shorten it, not extend it: between 1 and 240 minutes"):
        services.approve_waiver(waiver_id=ask().pk, by=lee, now=now, minutes=241)
    shorter = services.approve_waiver(waiver_id=ask(2).pk, by=lee, now=now, minutes=30)
    assert (shorter.effective_minutes, shorter.expires_at) == (240, now + 30 * MINUTE)


def test_an_approval_is_bound_to_what_was_read(ask: Ask, house: House, now: datetime) -> None:
    read = ask()
    edited = services.edit_waiver(
        waiver_id=read.pk, reason=REASON + " Twice.", plan=read.plan, minutes=300, by=house.actor("amal"), now=now
    )
    assert edited.content_version == 2
    with pytest.raises(WaiverChanged, match=r"is now version 2\. Read it again"):
        services.approve_waiver(waiver_id=read.pk, by=house.actor("lee"), now=now, seen_hash=read.content_hash)
    approved = services.approve_waiver(waiver_id=read.pk, by=house.actor("lee"), now=now, seen_hash=edited.content_hash)
    assert approved.expires_at == now + 5 * HOUR


def test_saving_a_request_unchanged_keeps_its_version(ask: Ask, house: House, now: datetime) -> None:
    read = ask()
    same = services.edit_waiver(
        waiver_id=read.pk, reason=read.reason, plan=read.plan, minutes=240, by=house.actor("amal"), now=now
    )
    assert (same.content_version, trail(same)) == (1, ["waiver.requested"])
    with pytest.raises(Refused, match="Only who asked"):
        services.edit_waiver(
            waiver_id=read.pk, reason=read.reason, plan="other", minutes=240, by=house.actor("bo"), now=now
        )


def test_denying_needs_a_reason_which_the_requester_is_told(ask: Ask, house: House, now: datetime) -> None:
    waiver, lee = ask(), house.actor("lee")
    with pytest.raises(Invalid, match="Say why"):
        services.reject_waiver(waiver_id=waiver.pk, comment=" ", by=lee, now=now)
    denied = services.reject_waiver(waiver_id=waiver.pk, comment="Ask the customer first. " * 20, by=lee, now=now)
    assert (denied.state, running(denied), holds(now)) == (WaiverState.REJECTED, {}, False)
    assert told("waiver.rejected") == ["amal", "client-success"]


def test_undecided_it_lapses_and_cannot_be_approved_even_before_that_is_written_down(
    ask: Ask, house: House, now: datetime
) -> None:
    waiver = ask(answer_by=now + HOUR)
    with pytest.raises(IllegalTransition, match=r"lapsed at 20 Nov 10:00 UTC"):
        services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now + HOUR)
    services.sweep_timers(now=now + HOUR)
    waiver.refresh_from_db()
    assert (waiver.state, waiver.ended_at) == (WaiverState.LAPSED, now + HOUR)
    assert told("waiver.lapsed") == ["amal", "client-success"]


def test_revoked_it_is_closed_from_that_moment(ask: Ask, house: House, parcels: Parcels, now: datetime) -> None:
    lee = house.actor("lee")
    waiver = services.approve_waiver(waiver_id=ask().pk, by=lee, now=now)
    services.revoke_waiver(waiver_id=waiver.pk, reason="The customer cancelled.", by=lee, now=now + HOUR)
    assert (holds(now + HOUR), running(waiver), parcels.told[-1]) == (False, {}, ("ended", "1"))
    with pytest.raises(IllegalTransition, match="is “revoked” by Lee Weber at 09:00 UTC"):
        services.revoke_waiver(waiver_id=waiver.pk, reason="again", by=lee, now=now + 2 * HOUR)


def test_asked_again_while_it_holds_the_longer_one_counts(ask: Ask, house: House, now: datetime) -> None:
    lee = house.actor("lee")
    services.approve_waiver(waiver_id=ask().pk, by=lee, now=now)
    services.approve_waiver(waiver_id=ask(at=now + 3 * HOUR).pk, by=lee, now=now + 3 * HOUR)
    while services.sweep_timers(now=now + 5 * HOUR):
        pass
    assert [holds(now + 5 * HOUR), holds(now + 7 * HOUR)] == [True, False]


def test_many_subjects_are_asked_about_in_one_statement(
    ask: Ask, house: House, now: datetime, django_assert_num_queries: object
) -> None:
    services.approve_waiver(waiver_id=ask(2).pk, by=house.actor("lee"), now=now)
    wanted = [parcel(n) for n in range(50)]
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert set(selectors.live_waivers(gate=GATE, subjects=wanted, now=now)) == {parcel(2)}


def test_its_subject_is_locked_before_it(ask: Ask, house: House, parcels: Parcels, now: datetime) -> None:
    services.approve_waiver(waiver_id=ask().pk, by=house.actor("lee"), now=now)
    services.sweep_timers(now=now + 4 * HOUR)
    assert parcels.locked == ["1", "1"]


def test_the_database_refuses_to_move_an_approval_back(ask: Ask, house: House, now: datetime) -> None:
    waiver = services.approve_waiver(waiver_id=ask().pk, by=house.actor("lee"), now=now)
    with pytest.raises(DatabaseError, match="no way from approved to requested"), acting(house.actor("lee"), at=now):
        Waiver.objects.filter(pk=waiver.pk).update(state=WaiverState.REQUESTED)


@pytest.mark.django_db(transaction=True)
def test_approved_and_withdrawn_at_the_same_moment_one_wins_and_the_other_is_told(
    ask: Ask, house: House, now: datetime
) -> None:
    waiver = ask()
    amal, lee = house.actor("amal"), house.actor("lee")
    barrier = threading.Barrier(2)
    results: dict[str, Waiver | IllegalTransition] = {}

    def race(name: str, act: Callable[[], Waiver]) -> None:
        barrier.wait()
        try:
            results[name] = act()
        except IllegalTransition as late:
            results[name] = late
        finally:
            connections.close_all()

    threads = [
        threading.Thread(
            target=race, args=("lee", lambda: services.approve_waiver(waiver_id=waiver.pk, by=lee, now=now))
        ),
        threading.Thread(
            target=race,
            args=("amal", lambda: services.withdraw_waiver(waiver_id=waiver.pk, reason="solved", by=amal, now=now)),
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    waiver.refresh_from_db()
    won = {WaiverState.APPROVED: "lee", WaiverState.WITHDRAWN: "amal"}[WaiverState(waiver.state)]
    assert {name for name, result in results.items() if isinstance(result, Waiver)} == {won}
    voted = ["waiver.voted"] if won == "lee" else []
    assert trail(waiver) == ["waiver.requested", *voted, f"waiver.{waiver.state}"]


def test_with_no_approver_the_admins_are_asked(ask: Ask, house: House, now: datetime) -> None:
    for name in ("lee", "mara"):
        house.users[name].groups.clear()
    ask()
    assert told("waiver.requested") == [Owner.objects.get(user=house.users["kim"]).slug]
