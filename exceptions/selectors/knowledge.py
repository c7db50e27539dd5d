"""What is known about a kind of exception: its runbooks, what this one taught, and its postmortem."""

from collections.abc import Sequence
from dataclasses import dataclass

from exceptions.models import ExceptionCase, Postmortem
from exceptions.selectors.postmortems import postmortem_of
from rules import selectors as rules
from rules.models import Runbook, RunbookVersion
from rules.runbooks import about
from rules.states import Covered


@dataclass(frozen=True)
class Knowledge:
    """The runbooks in force about an exception's kind and contract, the versions it taught, and the postmortem it is in."""

    about: str
    runbooks: Sequence[Runbook]
    taught: Sequence[RunbookVersion]
    postmortem: Postmortem | None


def knowledge_of(case: ExceptionCase) -> Knowledge:
    """Three queries."""
    names = [about(Covered.TYPE, case.type)]
    if contract := case.evidence.get("contract"):
        names.append(about(Covered.CONTRACT, str(contract)))
    found = rules.runbooks_about(names)
    runbooks = {runbook.pk: runbook for name in names for runbook in found.get(name, ())}
    return Knowledge(names[0], list(runbooks.values()), rules.revisions_from(case.key), postmortem_of(case))
