"""From a failure to what is known about it: the playbook's task, the proposal, and what the owner makes of it."""

from datetime import datetime, timedelta

import pytest

from audit.errors import Invalid
from audit.models import Event
from exceptions import selectors, services
from exceptions.errors import CriteriaNotMet
from exceptions.models import CaseStep, ExceptionCase
from rules import services as writing
from rules.models import RunbookVersion
from rules.states import TRIAGE, RunbookState
from tests.cast import House
from tests.exceptions.conftest import OpenCase

FIX = "The carrier changed its host name; the new one is in the system's settings."


@pytest.fixture
def unknown(open_case: OpenCase, house: House, now: datetime) -> ExceptionCase:
    """A failure of a kind nobody has foreseen, taken by lee."""
    case = open_case(type="never-seen-before")
    return services.acknowledge_case(case_id=case.pk, by=house.actor("lee"), now=now)


def work(case: ExceptionCase, house: House, now: datetime) -> None:
    """The steps before the last."""
    for index in range(len(case.playbook) - 1):
        services.complete_step(case_id=case.pk, index=index, outcome="Done", by=house.actor("lee"), now=now)


def test_an_unknown_failure_is_a_task_to_document_the_fix(unknown: ExceptionCase, house: House, now: datetime) -> None:
    lee, last = house.actor("lee"), len(unknown.playbook) - 1
    work(unknown, house, now)
    assert unknown.type == TRIAGE
    with pytest.raises(CriteriaNotMet, match="Document the fix"):
        services.resolve_case(case_id=unknown.pk, outcome="resolved", by=lee, now=now)
    with pytest.raises(Invalid, match="at least 20"):
        services.complete_step(case_id=unknown.pk, index=last, outcome="", data={"fix": "Mended."}, by=lee, now=now)
    step = services.complete_step(case_id=unknown.pk, index=last, outcome="", data={"fix": FIX}, by=lee, now=now)
    version = RunbookVersion.objects.get(state=RunbookState.PROPOSED)
    assert (version.runbook.slug, version.case_key, FIX in version.body) == ("unforeseen-failure", unknown.key, True)
    assert (step.outcome, step.by_name, step.at) == ("Proposed: A failure nobody has foreseen v2", "Lee Weber", now)
    services.resolve_case(case_id=unknown.pk, outcome="resolved", by=lee, now=now + timedelta(minutes=1))
    writing.accept_revision(version_id=version.pk, by=house.actor("kim"), now=now + timedelta(hours=1))
    known = selectors.knowledge_of(unknown)
    assert [(one.runbook.slug, one.state) for one in known.taught] == [("unforeseen-failure", RunbookState.CURRENT)]
    assert [one.slug for one in known.runbooks] == ["unforeseen-failure"]
    assert Event.objects.filter(subject_id=str(unknown.pk), type="case.fix_documented").count() == 1


def test_proposing_with_the_editor_does_the_same_step(unknown: ExceptionCase, house: House, now: datetime) -> None:
    lee, current = house.actor("lee"), RunbookVersion.objects.get(runbook__slug="unforeseen-failure")
    text = {"body": f"{current.body}\n\n{FIX}", "covers": current.covers, "note": "A host name"}
    for base in (1, 1):
        services.propose_from_case(case_id=unknown.pk, runbook="unforeseen-failure", base=base, **text, by=lee, now=now)
    assert [step.index for step in CaseStep.objects.filter(case=unknown)] == [len(unknown.playbook) - 1]
    assert [one.number for one in selectors.knowledge_of(unknown).taught] == [3, 2]


def test_a_kind_without_runbook_is_flagged_and_its_fix_begins_one(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case, amal = open_case(), house.actor("amal")
    known = selectors.knowledge_of(case)
    assert (list(known.runbooks), known.about) == ([], "type:address")
    version = services.propose_from_case(
        case_id=case.pk,
        title="Address",
        owner="client-success",
        body=FIX,
        covers=[known.about],
        note="None yet",
        by=amal,
        now=now,
    )
    assert (version.number, version.case_key, version.runbook.owner.slug) == (1, case.key, "client-success")


def test_a_failed_automation_may_be_documented_too(open_case: OpenCase) -> None:
    steps = open_case(type="automation-failure").playbook
    assert [(step["label"], step.get("required", False)) for step in steps][-1] == ("Document the fix", False)
