"""What a page promises to happen next is what the timers then do."""

from datetime import datetime

from exceptions import services
from exceptions.models import ExceptionCase, Timer
from exceptions.selectors.next_steps import next_step
from exceptions.services.openings import AT_RISK
from exceptions.states import CaseState
from tests.cast import House
from tests.exceptions.conftest import OpenCase


def test_every_promised_step_happens_when_and_to_whom_it_was_promised(open_case: OpenCase, house: House) -> None:
    case, kept = open_case(), []
    for _ in range(4):
        promised = next_step(case)
        assert promised is not None
        moving = Timer.objects.filter(fired_at=None, cancelled_at=None).exclude(kind=AT_RISK)  # a warning moves nobody
        first_due = moving.order_by("due_at").values_list("due_at", flat=True)
        assert promised.at == first_due[0]
        while services.sweep_timers(now=promised.at):
            pass
        case = ExceptionCase.objects.select_related("owner", "backup").get(pk=case.pk)
        kept.append((promised.to, case.owner.slug))
    assert [to == house.owners[owner].name for to, owner in kept] == [True] * 4


def test_what_is_finished_has_no_next_step(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal = open_case(), house.actor("amal")
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    resolved = ExceptionCase.objects.get(pk=case.pk)
    assert (resolved.state, next_step(resolved)) == (CaseState.RESOLVED, None)
