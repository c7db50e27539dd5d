"""A playbook is done step by step: each when it can be, once, by somebody; what is required is not skipped."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, NotFound
from audit.models import Event
from exceptions import selectors, services, subjects
from exceptions.errors import CriteriaNotMet, StepBlocked
from exceptions.models import CaseStep, ExceptionCase
from rules import playbooks
from tests.cast import House
from tests.exceptions.conftest import OpenCase

ACTION = "test.wave"


@pytest.fixture
def waved(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the product was told to do by a step."""
    told: list[Any] = []

    def wave(case: ExceptionCase, *, by: Actor, now: datetime, data: Any) -> str:
        told.append((case.key, by.name, now, data))
        return "Waved at the vendor."

    monkeypatch.setitem(subjects._actions, ACTION, wave)
    yield told


@pytest.fixture
def case(open_case: OpenCase, system: Actor, now: datetime) -> ExceptionCase:
    opened = open_case()
    with acting(system, at=now):
        ExceptionCase.objects.filter(pk=opened.pk).update(
            playbook=[
                {"label": "Look at it", "kind": "check", "how": "On its page.", "required": True},
                {
                    "label": "Wave",
                    "kind": "do",
                    "action": ACTION,
                    "when": "1 in steps_done",
                    "needs": "a look first",
                    "required": True,
                },
                {"label": "Ask", "kind": "record", "fields": ["spoke_to", "answer"]},
                {"label": "Call the boss", "kind": "record", "when": "late", "required": True},
            ],
            acceptance=[
                {"label": "Somebody waved", "when": "2 in steps_done"},
                {"label": "It works", "check": "person"},
            ],
        )
    return ExceptionCase.objects.get(pk=opened.pk)


def states(case: ExceptionCase, at: datetime) -> list[str]:
    return [step.state for step in selectors.playbook_of(case, now=at).steps]


def test_a_step_that_waits_says_for_what_and_opens_when_it_is_there(
    case: ExceptionCase, house: House, now: datetime, waved: list[Any]
) -> None:
    amal = house.actor("amal")
    assert states(case, now) == ["open", "blocked", "open", "blocked"]
    with pytest.raises(StepBlocked, match="“Wave”, cannot be done now"):
        services.complete_step(case_id=case.pk, index=1, outcome="", by=amal, now=now)
    assert (waved, CaseStep.objects.count()) == ([], 0)
    services.complete_step(case_id=case.pk, index=0, outcome="seen", by=amal, now=now)
    assert states(case, now) == ["done", "open", "open", "blocked"]
    done = services.complete_step(case_id=case.pk, index=1, outcome="", data={"hand": "left"}, by=amal, now=now)
    assert (done.outcome, done.by_name) == ("Waved at the vendor.", "Amal Okafor")
    assert waved == [(case.key, "Amal Okafor", now, {"hand": "left"})]
    with pytest.raises(Conflict, match="was already done"):
        services.complete_step(case_id=case.pk, index=1, outcome="", by=amal, now=now)
    assert len(waved) == 1
    assert Event.objects.filter(type="case.step_done", subject_id=str(case.pk)).count() == 2


def test_what_is_missing_is_named_and_keeps_it_from_being_resolved(
    case: ExceptionCase, house: House, now: datetime, waved: list[Any]
) -> None:
    amal = house.actor("amal")
    with pytest.raises(CriteriaNotMet) as refused:
        services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    assert refused.value.message == (
        f"{case.key} cannot be resolved yet. Still missing: step 1, “Look at it”; Somebody waved."
    )
    services.complete_step(case_id=case.pk, index=0, outcome="seen", by=amal, now=now)
    services.complete_step(case_id=case.pk, index=1, outcome="", by=amal, now=now)
    assert selectors.playbook_of(case, now=now).to_say == ["It works"]
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)


def test_a_required_step_counts_only_while_it_applies(
    case: ExceptionCase, house: House, now: datetime, waved: list[Any]
) -> None:
    amal, late = house.actor("amal"), case.due_at + timedelta(minutes=1)
    services.complete_step(case_id=case.pk, index=0, outcome="seen", by=amal, now=now)
    services.complete_step(case_id=case.pk, index=1, outcome="", by=amal, now=now)
    assert selectors.playbook_of(case, now=now).missing == []
    with pytest.raises(CriteriaNotMet, match="step 4, “Call the boss”"):
        services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=late)


def test_a_condition_nobody_can_decide_is_never_guessed(
    case: ExceptionCase, house: House, system: Actor, now: datetime
) -> None:
    steps = [{"label": "Old", "kind": "check", "when": "weather == 'rain'", "required": True}]
    with acting(system, at=now):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=steps, acceptance=[])
    case.refresh_from_db()
    assert states(case, now) == ["undecided"]
    with pytest.raises(StepBlocked, match="Nobody can tell whether it applies"):
        services.complete_step(case_id=case.pk, index=0, outcome="x", by=house.actor("amal"), now=now)
    with pytest.raises(CriteriaNotMet, match="“Old”"):
        services.resolve_case(case_id=case.pk, outcome="resolved", by=house.actor("amal"), now=now)


def test_answers_are_written_down_and_only_to_what_was_asked(case: ExceptionCase, house: House, now: datetime) -> None:
    amal = house.actor("amal")
    with pytest.raises(Invalid, match="Step 3 does not ask for “mood”"):
        services.complete_step(case_id=case.pk, index=2, outcome="", data={"mood": "good"}, by=amal, now=now)
    answers = {"spoke_to": "Kestrel desk", "answer": "tomorrow 9:00"}
    done = services.complete_step(case_id=case.pk, index=2, outcome="", data=answers, by=amal, now=now)
    assert (done.outcome, done.note) == ("Written down", "Spoke to: Kestrel desk\nAnswer: tomorrow 9:00")
    assert "Kestrel" not in Event.objects.get(type="case.step_done").body


def test_another_clients_playbook_does_not_exist_for_noor(case: ExceptionCase, house: House, now: datetime) -> None:
    with pytest.raises(NotFound):
        services.complete_step(case_id=case.pk, index=0, outcome="seen", by=house.actor("noor"), now=now)


def test_what_a_step_may_do_is_declared_once() -> None:
    with pytest.raises(ValueError, match="already registered"):
        playbooks.declare_action("order.cancel")


@pytest.mark.parametrize("count", [1, 3])
def test_a_playbook_costs_the_same_for_one_step_done_and_for_three(
    case: ExceptionCase, now: datetime, count: int, django_assert_num_queries: Any
) -> None:
    for index in range(count):
        CaseStep.objects.create(case=case, index=index, at=now, by="user:1", by_name="Amal", outcome="x")
    loaded = ExceptionCase.objects.select_related("client", "owner").get(pk=case.pk)
    with django_assert_num_queries(2):
        assert selectors.playbook_of(loaded, now=now).done_count == count
