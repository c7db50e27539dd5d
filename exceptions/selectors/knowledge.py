"""What is known about a kind of exception: its runbooks, what this one taught, and its postmortem."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

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
    return Knowledge(
        about(Covered.TYPE, case.type), runbooks_of(case), rules.revisions_from(case.key), postmortem_of(case)
    )


def runbooks_of(case: ExceptionCase) -> list[Runbook]:
    """The runbooks in force about an exception's kind and the contract it is about, in one query."""
    return runbooks_for_kind(case.type, contract=str(case.evidence.get("contract") or ""))


def runbook_urls(cases: Collection[UUID]) -> dict[UUID, str]:
    """Where the runbook in force about each of these exceptions is, its kind's before its contract's; two queries for all of them."""
    asked = ExceptionCase.objects.filter(pk__in=cases).values_list("pk", "type", "evidence__contract")
    names = {
        pk: [about(Covered.TYPE, kind), *([about(Covered.CONTRACT, str(contract))] if contract else [])]
        for pk, kind, contract in asked
    }
    found = rules.runbooks_about(name for wanted in names.values() for name in wanted)
    first = {pk: next((book for name in wanted for book in found.get(name, ())), None) for pk, wanted in names.items()}
    return {pk: runbook_url(book) for pk, book in first.items() if book is not None}


def runbook_url(runbook: Runbook) -> str:
    """Its page."""
    return f"/help/runbooks/{runbook.slug}/"


def runbooks_for_kind(kind: str, *, contract: str = "") -> list[Runbook]:
    """The runbooks in force about exceptions of this type, then those about the contract."""
    return runbooks_for_contracts(kind, [contract])[contract]


def runbooks_for_contracts(kind: str, contracts: Collection[str]) -> dict[str, list[Runbook]]:
    """As `runbooks_for_kind` for several contracts, by contract, in one query."""
    names = {one: [about(Covered.TYPE, kind), *([about(Covered.CONTRACT, one)] if one else [])] for one in contracts}
    found = rules.runbooks_about(sorted({name for asked in names.values() for name in asked}))
    return {
        one: list({runbook.pk: runbook for name in asked for runbook in found.get(name, ())}.values())
        for one, asked in names.items()
    }
