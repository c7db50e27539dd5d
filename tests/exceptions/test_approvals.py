"""How many people it takes, for how much, in whose place, and for exactly what was looked at."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from audit.context import Actor, acting
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services, subjects
from exceptions.errors import OwnRequest, WaiverChanged
from exceptions.models import Notification, Timer, Waiver, WaiverVote
from exceptions.states import ClientAnswer, WaiverState
from exceptions.subjects import Impact, ImpactItem, Passing
from rules import services as rules
from rules.models import Absence, Gate
from tests.cast import House

HOUR = timedelta(hours=1)
GATE = "ship-despite-open-case"
WHY = "The customer confirmed the address by telephone."
Ask = Callable[..., Waiver]


class Shelf:
    """Two parcels stopped at the gate, and what they are."""

    base = "a" * 64

    def impacts(self, ids: Collection[str], gate: str) -> dict[str, Impact]:  # noqa: ARG002 -- ImpactsOf
        return {one: self.impact() for one in ids}

    def impact(self) -> Impact:
        items = [ImpactItem(key, f"Parcel {key}", "No address", 500, Passing.ONLY_WITH_THIS) for key in ("P-1", "P-2")]
        return Impact([*items, ImpactItem("P-3", "Parcel P-3", "", 0, Passing.ANYWAY)], "parcels", "EUR", self.base)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setitem(subjects._impacts, "test.parcel", shelf.impacts)
    return shelf


@pytest.fixture
def about(house: House) -> SubjectRef:
    return SubjectRef("test.parcel", "1", house.clients["northwind"].pk)


@pytest.fixture
def ask(house: House, now: datetime, shelf: Shelf, about: SubjectRef) -> Ask:
    def ask_one(by: str = "amal", **more: object) -> Waiver:
        wanted: dict[str, object] = {"plan": "Correct it.", "minutes": 240, "owner": "client-success", "reason": WHY}
        return services.request_waiver(
            gate=GATE,
            subject=about,
            subject_key="NW-1",
            client_id=about.client_id,
            by=house.actor(by),
            now=now,
            **{**wanted, **more},  # type: ignore[arg-type]
        )

    return ask_one


def declare(house: House, now: datetime, **fields: object) -> None:
    gate = Gate.objects.get(slug=GATE)
    for name, value in fields.items():
        setattr(gate, name, value)
    rules.save_edited(edited=gate, by=house.actor("kim"), now=now, seen=gate.version, reason="test")
    rules.freeze_rule_book(by=house.actor("kim"), now=now, note="gate")


def approve(waiver: Waiver, house: House, who: str, now: datetime, **more: object) -> Waiver:
    return services.approve_waiver(waiver_id=waiver.pk, by=house.actor(who), now=now, **more)  # type: ignore[arg-type]


def holds(about: SubjectRef, at: datetime) -> bool:
    return selectors.live_waiver(gate=GATE, subject=about, now=at) is not None


def test_a_gate_of_two_opens_with_the_second_person_for_the_least_of_both(
    ask: Ask, house: House, now: datetime, about: SubjectRef
) -> None:
    declare(house, now, approvals_needed=2)
    waiver = approve(ask(), house, "lee", now, minutes=60)
    assert (waiver.state, holds(about, now)) == (WaiverState.REQUESTED, False)
    with pytest.raises(Conflict, match=r"approved .* already"):
        approve(waiver, house, "lee", now)
    waiver = approve(waiver, house, "mara", now, scope=["P-1"])
    assert (waiver.state, waiver.expires_at, waiver.granted_scope) == (WaiverState.APPROVED, now + HOUR, ["P-1"])
    assert selectors.live_waiver(gate=GATE, subject=about, now=now) == waiver


def test_the_database_counts_approvals_itself(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask()
    waiver.approve(by="user:1", name="Lee", at=now, starts_at=now, expires_at=now + HOUR)
    with pytest.raises(DatabaseError, match="not enough approvals"), acting(house.actor("lee"), at=now):
        waiver.save()
    own = WaiverVote(waiver=waiver, at=now, voter=waiver.requested_by, voter_name="Amal", content_hash="x", minutes=1)
    with pytest.raises(DatabaseError, match="cannot approve it"), transaction.atomic():
        own.save()
    with pytest.raises(DatabaseError), acting(house.actor("lee"), at=now):
        Waiver.objects.filter(pk=waiver.pk).update(effective_minutes=waiver.longest_minutes + 1)


def test_a_changed_request_voids_what_was_approved_of_it(ask: Ask, house: House, now: datetime) -> None:
    declare(house, now, approvals_needed=2)
    waiver = approve(ask(), house, "lee", now)
    seen = waiver.content_hash
    services.edit_waiver(
        waiver_id=waiver.pk, reason=WHY, plan="Another plan.", minutes=120, by=house.actor("amal"), now=now
    )
    with pytest.raises(WaiverChanged, match="is now version 2"):
        approve(waiver, house, "mara", now, seen_hash=seen)
    assert approve(waiver, house, "mara", now).state == WaiverState.REQUESTED
    assert Notification.objects.filter(event="waiver.edited", owner__slug="lee").exists()
    assert approve(waiver, house, "lee", now).state == WaiverState.APPROVED


def test_what_changed_since_it_was_looked_at_is_not_approved_blindly(
    ask: Ask, house: House, now: datetime, shelf: Shelf
) -> None:
    waiver = ask()
    shelf.base = "b" * 64
    for seen in (None, "a" * 64):
        with pytest.raises(WaiverChanged, match="has changed since you looked"):
            approve(waiver, house, "lee", now, seen_base=seen)
    assert approve(waiver, house, "lee", now, seen_base="b" * 64).base_hash == "b" * 64


def test_an_approval_lapses_when_what_it_was_given_for_changes(
    ask: Ask, house: House, now: datetime, shelf: Shelf
) -> None:
    waiver = approve(ask(), house, "lee", now)
    services.outdate_waivers(waivers=[waiver], now=now)
    services.sweep_timers(now=now)
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.APPROVED
    shelf.base = "c" * 64
    services.outdate_waivers(waivers=[waiver], now=now + HOUR)
    services.sweep_timers(now=now + HOUR)
    waiver.refresh_from_db()
    assert (waiver.state, waiver.ended_at) == (WaiverState.LAPSED, now + HOUR)
    assert not Timer.objects.filter(subject_id=str(waiver.pk), fired_at=None, cancelled_at=None).exists()


def test_only_what_is_there_can_be_let_through(ask: Ask, house: House, now: datetime) -> None:
    with pytest.raises(Invalid, match="P-9"):
        ask(scope=["P-9"])
    waiver = ask(scope=["P-1"])
    with pytest.raises(Invalid, match="P-2"):
        approve(waiver, house, "lee", now, scope=["P-2"])
    assert approve(waiver, house, "lee", now).granted_scope == ["P-1"]


class TestInSomebodysPlace:
    def delegate(self, house: House, now: datetime, giver: str = "lee", to: str = "bo") -> None:
        services.delegate_approvals(
            to=to, starts_at=now, ends_at=now + 48 * HOUR, reason="At a fair", by=house.actor(giver), now=now
        )

    def test_a_delegate_decides_and_both_together_are_one_voice(self, ask: Ask, house: House, now: datetime) -> None:
        declare(house, now, approvals_needed=2)
        with pytest.raises(Refused, match="You are not an approver of the gate"):
            approve(ask(), house, "bo", now)
        self.delegate(house, now)
        waiver = approve(Waiver.objects.get(), house, "bo", now)
        assert waiver.votes.get().behalf == house.owners["lee"]
        with pytest.raises(Conflict, match="somebody in your place"):
            approve(waiver, house, "lee", now)
        assert approve(waiver, house, "mara", now).state == WaiverState.APPROVED

    def test_nobody_approves_their_own_through_a_delegate(self, ask: Ask, house: House, now: datetime) -> None:
        self.delegate(house, now)
        with pytest.raises(Refused):
            approve(ask(by="lee"), house, "bo", now)

    def test_not_past_its_end_nor_for_gates_of_high_risk(self, ask: Ask, house: House, now: datetime) -> None:
        self.delegate(house, now)
        declare(house, now, risk="high")
        with pytest.raises(Refused):
            approve(ask(), house, "bo", now)
        with pytest.raises(Invalid):
            services.delegate_approvals(
                to="bo", starts_at=now, ends_at=now + 31 * 24 * HOUR, reason="x", by=house.actor("lee"), now=now
            )

    def test_who_stands_in_for_somebody_away_may_decide(
        self, ask: Ask, house: House, now: datetime, system: Actor
    ) -> None:
        with acting(system, at=now):
            Absence.objects.create(
                owner=house.owners["lee"], cover=house.owners["bo"], starts_at=now, ends_at=now + 24 * HOUR
            )
        waiver = ask()
        asked = Notification.objects.filter(event="waiver.requested").values_list("owner__slug", flat=True)
        assert sorted(asked) == ["bo", "lee", "mara"]
        assert approve(waiver, house, "bo", now).state == WaiverState.APPROVED


def test_an_overdue_decision_escalates_at_half_time(ask: Ask, house: House, now: datetime) -> None:
    waiver = ask()
    services.sweep_timers(now=now + 2 * HOUR)
    told = set(Notification.objects.filter(event="waiver.undecided").values_list("owner__slug", flat=True))
    assert {"lee", "mara", "kim"} <= told
    assert not told & {"amal", "client-success"}
    rows = selectors.waiting_longest(by=house.actor("lee"), now=now + 2 * HOUR)
    assert [(row.what, row.key, row.about, row.is_late) for row in rows] == [
        ("Decision", waiver.key, [("NW-1", "")], True)
    ]
    assert selectors.waiting_longest(by=house.actor("noor"), now=now) == []


@pytest.mark.usefixtures("shelf")
class TestBreakGlass:
    def smash(self, house: House, now: datetime, about: SubjectRef, who: str = "lee", **more: object) -> Waiver:
        wanted: dict[str, object] = {"reason": WHY, "plan": "Correct it.", "minutes": 60, "confirm": "NW-1"}
        return services.break_glass(
            gate=GATE,
            subject=about,
            subject_key="NW-1",
            client_id=about.client_id,
            by=house.actor(who),
            now=now,
            **{**wanted, **more},  # type: ignore[arg-type]
        )

    def test_it_opens_at_once_pages_and_wants_a_review(self, house: House, now: datetime, about: SubjectRef) -> None:
        waiver = self.smash(house, now, about)
        assert [holds(about, at) for at in (now, now + HOUR)] == [True, False]
        paged = Notification.objects.filter(event="waiver.glass_broken", severity="P1")
        assert sorted(paged.values_list("owner__slug", flat=True)) == ["kim", "mara"]
        with pytest.raises(OwnRequest):
            services.review_emergency(
                waiver_id=waiver.pk, verdict="justified", comment="ok", by=house.actor("lee"), now=now
            )
        for hours in (1, 24, 48):
            services.sweep_timers(now=now + hours * HOUR)
        assert Notification.objects.filter(event="waiver.review_overdue", owner__slug="mara").count() == 2
        done = services.review_emergency(
            waiver_id=waiver.pk,
            verdict="unjustified",
            comment="Could wait.",
            by=house.actor("mara"),
            now=now + 50 * HOUR,
        )
        assert (done.review_verdict, done.state) == ("unjustified", WaiverState.EXPIRED)
        types = Event.objects.filter(subject_id=str(waiver.pk)).order_by("seq").values_list("type", flat=True)
        assert [one for one in types if one.startswith("waiver.")] == [
            "waiver.glass_broken",
            "waiver.expired",
            "waiver.review_overdue",
            "waiver.review_overdue",
            "waiver.reviewed",
        ]

    def test_one_act_rolls_it_back(self, house: House, now: datetime, about: SubjectRef) -> None:
        waiver = self.smash(house, now, about)
        assert services.roll_back(waiver_id=waiver.pk, by=house.actor("mara"), now=now) == "The gate is closed."
        assert not holds(about, now)
        with pytest.raises(IllegalTransition, match="already"):
            services.roll_back(waiver_id=waiver.pk, by=house.actor("mara"), now=now)

    @pytest.mark.parametrize(
        ("who", "more", "refusal"),
        [
            ("amal", {}, Refused),
            ("lee", {"minutes": 241}, Invalid),
            ("lee", {"confirm": "NW-2"}, Invalid),
            ("lee", {"reason": "short"}, Invalid),
        ],
    )
    def test_it_is_refused(
        self,
        house: House,
        now: datetime,
        about: SubjectRef,
        who: str,
        more: dict[str, object],
        refusal: type[Exception],
    ) -> None:
        with pytest.raises(refusal):
            self.smash(house, now, about, who, **more)
        assert not holds(about, now)

    def test_not_where_the_gate_knows_no_emergency(self, house: House, now: datetime, about: SubjectRef) -> None:
        declare(house, now, break_glass_hours=0)
        with pytest.raises(Refused, match="cannot be opened in an emergency"):
            self.smash(house, now, about)


class TestTheClient:
    def answer(
        self, token: str, waiver: Waiver, now: datetime, *, agree: bool = True, comment: str = ""
    ) -> ClientAnswer:
        done = services.answer_client_approval(
            token=token,
            agree=agree,
            name="Jo Client",
            comment=comment,
            seen_hash=waiver.content_hash,
            caller="192.0.2.1",
            now=now,
        )
        return ClientAnswer(done.state)

    def test_a_gate_that_wants_the_client_opens_only_with_both(
        self, ask: Ask, house: House, now: datetime, about: SubjectRef
    ) -> None:
        declare(house, now, client_agrees=True)
        waiver = approve(ask(), house, "lee", now)
        assert not holds(about, now)
        _, token = services.ask_client(waiver_id=waiver.pk, contact="Jo", by=house.actor("amal"), now=now)
        assert self.answer(token, waiver, now) == ClientAnswer.AGREED
        assert holds(about, now)
        with pytest.raises(NotFound):
            self.answer(token, waiver, now)

    def test_a_no_ends_it_and_says_why(self, ask: Ask, house: House, now: datetime) -> None:
        waiver = ask()
        _, token = services.ask_client(waiver_id=waiver.pk, contact="Jo", by=house.actor("amal"), now=now)
        with pytest.raises(Invalid):
            self.answer(token, waiver, now, agree=False)
        self.answer(token, waiver, now, agree=False, comment="We do not want that.")
        waiver.refresh_from_db()
        assert waiver.state == WaiverState.REJECTED

    def test_a_link_opens_nothing_late_forged_or_taken_back(self, ask: Ask, house: House, now: datetime) -> None:
        waiver, amal = ask(), house.actor("amal")
        _, token = services.ask_client(waiver_id=waiver.pk, contact="Jo", hours=1, by=amal, now=now)
        for given, at in ((token, now + HOUR), (token[:-2] + "xx", now), ("nothing", now)):
            with pytest.raises(NotFound, match="not valid"):
                services.opened_link(token=given, caller="192.0.2.2", now=at)
        services.revoke_client_approval(waiver_id=waiver.pk, by=amal, now=now)
        with pytest.raises(NotFound, match="not valid"):
            services.opened_link(token=token, caller="192.0.2.2", now=now)

    @pytest.mark.usefixtures("house")
    def test_too_many_tries_are_refused(self, now: datetime) -> None:
        for _ in range(20):
            with pytest.raises(NotFound):
                services.opened_link(token="x", caller="192.0.2.3", now=now)
        with pytest.raises(Refused, match="Wait a minute"):
            services.opened_link(token="x", caller="192.0.2.3", now=now)

    def test_what_changed_is_not_agreed_to(self, ask: Ask, house: House, now: datetime, shelf: Shelf) -> None:
        waiver = ask()
        _, token = services.ask_client(waiver_id=waiver.pk, contact="Jo", by=house.actor("amal"), now=now)
        shelf.base = "d" * 64
        with pytest.raises(WaiverChanged):
            self.answer(token, waiver, now)
