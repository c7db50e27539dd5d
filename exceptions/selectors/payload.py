"""The standard payload of an exception: the same on its page, through the API and in letters; nothing personal.

Its shape is `exceptions/schemas/exception-payload-1.json`.
"""

from datetime import datetime
from typing import Any, Final

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions import subjects
from exceptions.models import ExceptionCase
from exceptions.selectors.cases import case_for, related_to
from exceptions.selectors.clocks import clock_of
from exceptions.selectors.knowledge import runbook_url, runbooks_of
from exceptions.selectors.next_steps import next_step
from exceptions.selectors.playbook import Playbook, playbook_of
from exceptions.subjects import SubjectPage

SCHEMA: Final = "handrail.exception/1"
MOST_EVENTS, MOST_ATTEMPTS = 5, 3


def payload(*, by: Actor, key: str, now: datetime) -> dict[str, Any]:
    """The payload of the exception people call `key`. Raises `NotFound`, also for another client's."""
    return payload_of(case_for(by, key), now=now)


def payload_of(case: ExceptionCase, *, now: datetime) -> dict[str, Any]:
    """The payload of an exception, for who is known to be allowed to see it."""
    plug = subjects.subject_for(case.subject_type)
    ref = SubjectRef(case.subject_type, case.subject_id, case.client_id)
    subject = plug.page(ref) if plug else SubjectPage(title=case.subject_key, url="")
    book = playbook_of(case, now=now)
    following = next_step(case)
    return {
        "schema": SCHEMA,
        "key": case.key,
        "type": case.type,
        "title": case.title,
        "state": case.state,
        "severity": case.severity,
        "client": case.client.slug if case.client else None,
        "subject": {"type": case.subject_type, "key": case.subject_key, "url": subject.url},
        "owner": case.owner.slug,
        "backup": case.backup.slug,
        "opened_at": case.opened_at.isoformat(),
        "sla": {
            "acknowledge_by": case.acknowledge_by.isoformat(),
            "due_at": case.due_at.isoformat(),
            "derivation": case.due_words,
            "acknowledge_derivation": case.acknowledge_words,
            "at_risk_from": case.warn_at.isoformat() if case.warn_at else None,
            "clock": clock_of(case, now=now),
        },
        "route": case.route,
        "if_nobody_acts": {"at": following.at.isoformat(), "to": following.to, "why": following.why}
        if following
        else None,
        "rule_book": case.book_number,
        "decision": dict(subject.decision),
        "last_events": list(subject.last_events)[:MOST_EVENTS],
        "attempted_actions": _attempted(book),
        "last_attempts": list(subject.attempts)[:MOST_ATTEMPTS],
        "playbook": _steps(book),
        "acceptance": [{"label": criterion.label, "met": criterion.met} for criterion in book.criteria],
        "outcome": case.outcome,
        "root_cause": case.root_cause,
        "runbooks": [{"title": runbook.title, "url": runbook_url(runbook)} for runbook in runbooks_of(case)],
        "related": [other.key for other in related_to(case)],
        "evidence": case.evidence,
        "links": {"exception": f"/exceptions/{case.key}/", **subject.links},
    }


def _attempted(book: Playbook) -> list[dict[str, Any]]:
    """What was done so far."""
    return [
        {"label": step.label, "outcome": step.outcome, "at": step.done_at.isoformat()}
        for step in book.steps
        if step.done_at
    ]


def _steps(book: Playbook) -> list[dict[str, Any]]:
    """What there is to do, and how far it is."""
    return [
        {
            "number": step.number,
            "label": step.label,
            "kind": step.kind,
            "required": step.is_required,
            "state": step.state,
        }
        for step in book.steps
    ]
