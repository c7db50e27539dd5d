"""Documenting a fix: what was learned from an exception, proposed as what the runbook says from now on; its owner decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.context import Actor
from audit.services.events import record
from audit.texts import reason_given
from exceptions.models import CaseStep, ExceptionCase
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.working import working
from rules import selectors as rules
from rules import services as writing
from rules.models import RunbookVersion
from rules.models.runbooks import what_solved
from rules.runbooks import News, about
from rules.states import Covered, RunbookState

DOCUMENT_FIX: Final = "runbook.document_fix"
SHORTEST_FIX, LONGEST_FIX = 20, 5_000


def propose_from_case(
    *,
    case_id: UUID,
    runbook: str = "",
    base: int = 0,
    title: str = "",
    owner: str = "",
    body: str,
    covers: Sequence[str],
    note: str,
    by: Actor,
    now: datetime,
) -> RunbookVersion:
    """Propose a change of a runbook (its slug), or a new one, from an exception; the playbook's step to document the fix is done by it.

    Raises what `rules.services.propose_revision` and `begin_runbook` raise, and `NotFound`.
    """
    with working(case_id, by, now, None) as case:
        version = _write(case, runbook, base, title, owner, body, covers, note, by, now)
        _keep(case, version)
        _tick(case, version, by, now)
    return version


def document_fix(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    """The playbook's step: what solved it goes, as a proposal, to the end of the runbook about this kind of exception, or of a new one."""
    fix = reason_given(str(data.get("fix", "")), field="data/fix", shortest=SHORTEST_FIX, longest=LONGEST_FIX)
    topic = about(Covered.TYPE, case.type)
    kind = rules.active_book().exception_type(case.type)
    section = f"### {kind.name}, {case.key}\n\n{fix}"
    known = rules.runbooks_about([topic]).get(topic)
    note = what_solved(case.key)
    if known:
        current = known[0].versions.get(state=RunbookState.CURRENT)
        version = writing.propose_revision(
            runbook_id=known[0].pk,
            base=current.number,
            body=f"{current.body}\n\n{section}",
            covers=current.covers,
            note=note,
            case_key=case.key,
            by=by,
            now=now,
        )
    else:
        version = _write(case, "", 0, kind.name, kind.owner, section, [topic], note, by, now)
    _keep(case, version)
    return _said(version)


def tell_of_runbooks(news: Sequence[News], now: datetime) -> None:
    """Runbooks are of the rules; who is told of them is told here."""
    notify_many(
        tellings=[Telling(one.owner, one.event, one.text, f"/help/runbooks/{one.slug}/") for one in news], now=now
    )


def _write(
    case: ExceptionCase,
    runbook: str,
    base: int,
    title: str,
    owner: str,
    body: str,
    covers: Sequence[str],
    note: str,
    by: Actor,
    now: datetime,
) -> RunbookVersion:
    text: dict[str, Any] = {"body": body, "covers": covers, "note": note, "case_key": case.key, "by": by, "now": now}
    if runbook:
        return writing.propose_revision(runbook_id=rules.runbook_called(runbook).pk, base=base, **text)
    return writing.begin_runbook(title=title, owner=owner, **text)


def _keep(case: ExceptionCase, version: RunbookVersion) -> None:
    record(
        "case.fix_documented", subject=case, changes={}, runbook=version.runbook.slug, runbook_version=version.number
    )


def _tick(case: ExceptionCase, version: RunbookVersion, by: Actor, now: datetime) -> None:
    """The first step to document the fix that nobody has done is done by this."""
    done = set(CaseStep.objects.filter(case=case).values_list("index", flat=True))
    asking = [index for index, row in enumerate(case.playbook) if row.get("action") == DOCUMENT_FIX]
    index = next((one for one in asking if one not in done), None)
    if index is None or not case.is_live:
        return
    outcome = _said(version)
    CaseStep.objects.create(case=case, index=index, at=now, by=by.id, by_name=by.name, outcome=outcome)
    label = case.playbook[index]["label"]
    record("case.step_done", subject=case, changes={}, step=index + 1, label=label, outcome=outcome)


def _said(version: RunbookVersion) -> str:
    return f"Proposed: {version.runbook.title[:50]} v{version.number}"
