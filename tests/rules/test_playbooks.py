"""Playbooks are data, and data can be wrong: it is said before it reaches an exception."""

from typing import Any

import pytest

from audit.context import Actor, acting
from audit.errors import Invalid
from rules import playbooks, services
from rules.models import ExceptionType, RuleBookVersion
from rules.shipped.exception_types import EXCEPTION_TYPES

STEP = {"label": "Call the vendor", "kind": "record"}


@pytest.mark.parametrize("slug", EXCEPTION_TYPES)
def test_every_shipped_type_has_a_sound_playbook_criteria_and_outcomes(slug: str) -> None:
    shipped = EXCEPTION_TYPES[slug]
    assert shipped["playbook"], "a type without a playbook leaves people alone"
    assert playbooks.mistakes_in_playbook(shipped["playbook"]) == []
    assert playbooks.mistakes_in_acceptance(shipped["acceptance"]) == []
    assert playbooks.mistakes_in_outcomes(shipped["outcomes"]) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"kind": "record"}, "/0/label: Say it in words"),
        ({**STEP, "kind": "dance"}, "/0/kind: Choose one of do, record, check, decide."),
        ({**STEP, "kind": "do"}, "/0/action: A “do” step names the action"),
        ({**STEP, "action": "order.cancel"}, "/0/action: A “do” step names the action"),
        ({**STEP, "kind": "do", "action": "order.explode"}, "/0/action: The product knows no action “order.explode”"),
        ({**STEP, "fields": ["two words"]}, "/0/fields: Name the fields"),
        ({**STEP, "required": "yes"}, "/0/required: Say true or false."),
        ({**STEP, "when": "weather == 'rain'"}, "/0/when: "),
        ({**STEP, "when": "at_risk_minor + 1"}, "/0/when: A predicate answers yes or no"),
        ({**STEP, "hwo": "typo"}, "/0/hwo: “hwo” is not known here."),
        ("Call the vendor", "/0: This is a record"),
    ],
)
def test_a_wrong_step_is_named_and_where(step: Any, said: str) -> None:
    (mistake,) = playbooks.mistakes_in_playbook([step])
    assert str(mistake).startswith(said)


@pytest.mark.parametrize(
    "when", ["1 in steps_done", "at_risk_minor > 50000 && !late", "waived || client == 'northwind'", "taken"]
)
def test_a_condition_may_ask_about_the_exception(when: str) -> None:
    assert playbooks.mistakes_in_playbook([{**STEP, "when": when}]) == []


def test_a_criterion_is_checked_or_an_expression_never_both_or_neither() -> None:
    said = "Say “check” (a check the product knows, or “person”) or “when” (an expression), not both."
    both = {"label": "Called", "check": "person", "when": "taken"}
    for wrong in (both, {"label": "Called"}):
        assert [mistake.detail for mistake in playbooks.mistakes_in_acceptance([wrong])] == [said]


def test_there_is_a_way_to_end_and_each_is_there_once() -> None:
    twice = [{"slug": "done", "label": "Done"}, {"slug": "done", "label": "Done again"}]
    assert [one.detail for one in playbooks.mistakes_in_outcomes(twice)] == ["“done” is there twice."]
    assert len(playbooks.mistakes_in_outcomes([])) == 1


def test_rules_with_a_wrong_playbook_cannot_be_frozen(shipped_book: RuleBookVersion, system: Actor, now) -> None:
    with acting(system, at=now):
        ExceptionType.objects.filter(slug="address").update(playbook=[{**STEP, "when": "weather == 1"}])
    with pytest.raises(Invalid) as refused:
        services.freeze_rule_book(by=system, now=now)
    assert [error.pointer for error in refused.value.errors] == ["/exception_types/address/playbook/0/when"]
