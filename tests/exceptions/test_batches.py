"""An act on many has the effect of as many single acts: on the records, their history, the trail, timers, notes and those who are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.context import Actor, acting
from audit.errors import NotFound
from audit.models import Event
from exceptions import services, subjects
from exceptions.errors import StepBlocked
from exceptions.job_kinds import Item, Result
from exceptions.models import CaseNote, CaseStep, ExceptionCase, Notification, NotificationDelivery, Timer
from exceptions.services.batches import act_on_cases
from exceptions.states import CaseState
from tests.cast import House
from tests.exceptions.conftest import OpenCase, OpenCases

OWN = {
    "id",
    "number",
    "subject_id",
    "subject_key",
    "title",
    "version",
    "created_at",
    "updated_at",
    "opened_at",
    "_state",
}
SINGLE: dict[str, Callable[..., object]] = {
    "acknowledge": lambda case, given, **act: services.acknowledge_case(case_id=case.pk, seen=case.version, **act),
    "reassign": lambda case, given, **act: services.reassign_case(case_id=case.pk, seen=case.version, **given, **act),
    "escalate": lambda case, given, **act: services.escalate_case(case_id=case.pk, seen=case.version, **given, **act),
    "wait": lambda case, given, **act: services.wait_case(
        case_id=case.pk,
        seen=case.version,
        until=act["now"] + timedelta(hours=given["hours"]),
        **{name: given[name] for name in ("on", "party", "reason")},
        **act,
    ),
    "note": lambda case, given, **act: services.note_case(case_id=case.pk, text=given["text"], **act),
    "resolve": lambda case, given, **act: services.resolve_case(
        case_id=case.pk,
        seen=case.version,
        outcome=given["outcome"],
        root_cause=given["root_cause"],
        note=given["text"],
        **act,
    ),
    "step": lambda case, given, **act: services.complete_step(
        case_id=case.pk, index=1, outcome=given["outcome"], note=given["text"], data=given["data"], **act
    ),
    "reopen": lambda case, given, **act: services.reopen_case(case_id=case.pk, seen=case.version, **given, **act),
}
GIVEN: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "reassign": {"to": "bo", "reason": "knows this customer"},
    "escalate": {"reason": "the customer is on the phone"},
    "wait": {"hours": 4, "on": "carrier", "party": "UPS", "reason": "asked for new labels"},
    "note": {"text": "Called them. @lee knows more, @noor does not."},
    "resolve": {"outcome": "resolved", "root_cause": "carrier", "text": "Together. @bo"},
    "step": {
        "step": "Ask the customer and note the answer",
        "outcome": "They look",
        "text": "All of them at once.",
        "data": {"answer": "1017 CT"},
    },
    "reopen": {"reason": "It came back"},
}


def items_of(cases: Sequence[ExceptionCase]) -> list[Item]:
    return [Item(str(case.pk), case.key, case.version) for case in cases]


def together(action: str, cases: Sequence[ExceptionCase], by: Actor, now: datetime) -> list[Result]:
    return act_on_cases(action, items_of(cases), given=GIVEN[action], by=by, now=now)


def left_by(case: ExceptionCase) -> dict[str, Any]:
    """Everything there is about a case, without what tells one case from another."""

    def plain(text: str) -> str:
        return text.replace(case.key, "EX").replace(case.title, "TITLE")

    case.refresh_from_db()
    about = {"subject_type": "exceptions.exceptioncase", "subject_id": str(case.pk)}
    events = []
    for event in Event.objects.filter(**about).order_by("seq"):
        body = json.loads(event.body)
        for own in ("note", "subject"):
            body["data"].pop(own, None)
        events.append((event.type, event.at, event.actor, event.channel, body))
    notes = CaseNote.objects.filter(case=case).order_by("pk")
    told = Notification.objects.filter(case=case).order_by("event", "owner__slug", "at")
    history = case.history.order_by("version")
    return {
        "record": {name: value for name, value in vars(case).items() if name not in OWN and not name.startswith("_")},
        "events": events,
        "history": list(history.values_list("version", "state", "history_type", "history_actor", "history_date")),
        "timers": list(
            Timer.objects.filter(**about).order_by("kind", "due_at").values_list("kind", "due_at", "cancelled_at")
        ),
        "notes": list(notes.values_list("at", "author", "author_name", "text", "told")),
        "told": [(one.event, one.owner_id, plain(one.text), plain(one.url), one.at) for one in told],
        "steps": list(
            CaseStep.objects.filter(case=case).values_list("index", "at", "by", "by_name", "outcome", "note")
        ),
        "letters": NotificationDelivery.objects.filter(notification__in=told).count(),
    }


@pytest.mark.parametrize("action", SINGLE)
def test_many_at_once_leave_what_as_many_single_acts_leave(
    open_case: OpenCase, house: House, now: datetime, action: str
) -> None:
    amal, later = house.actor("amal"), now + timedelta(minutes=2)
    cases = [open_case(n) for n in range(6)]
    taken = [cases[1], cases[4]]
    for case in taken if action in {"note", "step", "resolve"} else ():
        services.acknowledge_case(case_id=case.pk, by=house.actor("bo"), now=now)
    if action == "resolve":
        for case in (cases[0], cases[3]):
            services.acknowledge_case(case_id=case.pk, by=amal, now=now)
            until = now + timedelta(hours=2)
            services.wait_case(case_id=case.pk, until=until, reason="they call back", on="customer", by=amal, now=now)
    for case in cases if action == "wait" else ():
        services.acknowledge_case(case_id=case.pk, by=amal, now=now)
    for case in cases if action == "reopen" else ():
        services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    for case in cases:
        case.refresh_from_db()

    for case in cases[:3]:
        SINGLE[action](case, GIVEN[action], by=amal, now=later)
    results = together(action, cases[3:], amal, later)

    assert [result.why for result in results] == [""] * 3
    for one, other in zip(cases[:3], cases[3:], strict=True):
        alone, with_others = left_by(one), left_by(other)
        for what, left in alone.items():
            assert with_others[what] == left, what
    assert [result.version for result in results] == [case.version for case in cases[3:]]


@pytest.mark.parametrize("action", ["acknowledge", "reassign", "escalate", "wait", "note", "step", "resolve"])
def test_thirty_cost_as_many_statements_as_three(
    open_cases: OpenCases, house: House, now: datetime, action: str
) -> None:
    cases = open_cases(33)
    if action == "wait":
        together("acknowledge", cases, house.actor("amal"), now)
        for case in cases:
            case.refresh_from_db()
    counts = []
    for part in (cases[:3], cases[3:]):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert not any(one.why for one in together(action, part, house.actor("amal"), now))
        counts.append(len(asked))
    assert counts[1] <= counts[0]


def test_what_stands_in_the_way_of_one_stops_no_other(open_case: OpenCase, house: House, now: datetime) -> None:
    cases = [open_case(n) for n in range(4)]
    foreign = open_case(9, client="fable")
    services.withdraw_case(case_id=cases[1].pk, reason="went away", by=house.actor("lee"), now=now)
    gone = Item("01939999-0000-7000-8000-000000000000", "EX-1", 1)
    items = [*items_of([*cases, foreign]), gone]

    results = act_on_cases("acknowledge", items, given={}, by=house.actor("amal"), now=now)

    assert [(not one.why, one.is_overtaken) for one in results] == [
        (True, False),
        (False, True),
        (True, False),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert "Lee Weber was faster" in results[1].why
    assert results[4].why == "There is no such record, or it is not yours to see."
    foreign.refresh_from_db()
    assert foreign.state == CaseState.OPEN


def test_a_step_that_cannot_be_done_for_one_is_done_for_the_others(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [open_case(n) for n in range(3)]
    amal = house.actor("amal")

    def again(case: ExceptionCase, *, by: Actor, now: datetime, data: Any) -> str:
        services.note_case(case_id=case.pk, text="Given again", by=by, now=now)
        if case.pk == cases[1].pk:
            raise StepBlocked("It has left the house.")
        return "Given again"

    monkeypatch.setitem(subjects._actions, "test.again", again)
    with acting(amal, at=now):
        ExceptionCase.objects.update(playbook=[{"label": "Again", "kind": "do", "action": "test.again"}])
    items = [Item(str(case.pk), case.key) for case in cases]

    results = act_on_cases("step", items, given={"step": "Again"}, by=amal, now=now)

    assert [one.why for one in results] == ["", "It has left the house.", ""]
    left = [list(case.steps.values_list("outcome", flat=True)) for case in cases]
    assert left == [["Given again"], [], ["Given again"]]
    assert [case.notes.count() for case in cases] == [1, 0, 1]


def test_a_bug_met_by_one_is_that_ones_result(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [open_case(n) for n in range(5)]

    class Subject:
        def lock(self, ids: Sequence[str]) -> None: ...

        def on_cases_ended(self, ended: Sequence[ExceptionCase], **_: object) -> None:
            if any(case.subject_id == "3" for case in ended):
                raise TypeError("secret detail")

    monkeypatch.setattr("exceptions.subjects._subjects", {"test.parcel": Subject()})
    results = together("resolve", cases, house.actor("amal"), now)

    assert [not one.why for one in results] == [True, True, True, False, True]
    assert "secret detail" not in results[3].why
    states = list(ExceptionCase.objects.order_by("number").values_list("state", flat=True))
    assert states == ["resolved", "resolved", "resolved", "open", "resolved"]
    assert CaseNote.objects.count() == 4


def test_withdrawing_many_costs_no_more_statements_than_one_and_leaves_alone_what_is_over(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    cases, by = [open_case(n) for n in range(5)], house.actor("amal")
    services.withdraw_case(case_id=cases[0].pk, reason="It has gone on.", by=by, now=now)
    told = []
    for some in (cases[1:2], cases[1:]):
        with CaptureQueriesContext(connection) as queries:
            gone = services.withdraw_cases(case_ids=[one.pk for one in some], reason="It has gone on.", by=by, now=now)
        told.append(([case.pk for case in gone], len(queries)))
    assert [pks for pks, _ in told] == [[cases[1].pk], [case.pk for case in cases[2:]]]
    assert told[0][1] == told[1][1]
    assert left_by(cases[0]) == left_by(cases[1]) == left_by(cases[4])
    with pytest.raises(NotFound):
        services.withdraw_cases(case_ids=[open_case(9).pk], reason="No", by=house.actor("noor"), now=now)
