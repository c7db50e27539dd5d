"""What one app plugs into another is there once: a name that is taken, or that nobody declared, is refused in a sentence."""

from collections.abc import Callable

import pytest

from audit import checks, verbs
from exceptions import job_kinds, subjects, timer_kinds
from exceptions.services.openings import ACKNOWLEDGE
from orders.sync import handlers
from rules import facts, playbooks


def _never(*args: object, **kwargs: object) -> None:
    raise AssertionError("what was refused must not be called")


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: verbs.register({"case.opened": "{actor} again"}), "case.opened: already registered"),
        (lambda: checks.register_check("stock-01", statement="", sql=""), "stock-01 is already registered"),
        (lambda: facts.declare_context("order", {"colour": str}), "order is already declared with other attributes"),
        (lambda: playbooks.declare_action("order.cancel"), "order.cancel is already registered"),
        (lambda: subjects.register("fulfilment.order", _never), "Subject fulfilment.order is already registered"),  # type: ignore[arg-type]
        (
            lambda: subjects.register_address("fulfilment.order", str),
            "The address of fulfilment.order is already registered",
        ),
        (
            lambda: subjects.register_criterion("order.address_passes", _never),  # type: ignore[arg-type]
            "Criterion order.address_passes is already registered",
        ),
        (lambda: timer_kinds.register(ACKNOWLEDGE, _never), f"Timer kind {ACKNOWLEDGE} is already registered"),
        (lambda: handlers.register("order.placed", _never), "order.placed already has a handler"),
        (lambda: job_kinds.register(job_kinds.kind("case.note")), "Job kind case.note is already registered"),
    ],
)
def test_a_name_that_is_taken_is_refused_and_the_first_stays(declare: Callable[[], None], words: str) -> None:
    known = handlers.handler_for("order.placed")
    with pytest.raises(ValueError, match=words):
        declare()
    assert handlers.handler_for("order.placed") is known is not _never


def test_what_nobody_declared_is_told_by_name() -> None:
    with pytest.raises(LookupError, match="No app registered the timer kind tea"):
        timer_kinds.kind("tea")
    with pytest.raises(LookupError, match="No app registered the job kind tea"):
        job_kinds.kind("tea")
    with pytest.raises(LookupError, match="No app declared the context weather"):
        facts.context("weather")
    assert (handlers.handler_for("tea.made"), subjects.action("tea.make"), subjects.subject_for("tea")) == (None,) * 3
    assert verbs.sentence("tea.made", actor="Ida") == "Ida: tea.made"
