"""Saying that an exception is worse, or less bad, than its type says."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services.deadlines import start_timers, work_out
from exceptions.services.working import refuse_unless, working
from exceptions.states import CASE_LIVE
from rules.states import Severity


def change_severity(
    *, case_id: UUID, severity: str, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> ExceptionCase:
    """Give a case another severity: its deadlines are worked out from the beginning, so what was used already counts.

    Raises `Invalid` for an unknown or the same severity, `Refused` without the permission.
    """
    with working(case_id, by, now, seen, "exceptions.change_severity") as case:
        refuse_unless(case, *CASE_LIVE, act="given another severity")
        if severity not in Severity.values or severity == case.severity:
            detail = said(
                "Choose one of: %(severity)s.",
                severity=", ".join(one for one in Severity.values if one != case.severity),
            )
            raise Invalid(detail, errors=[FieldError("/severity", "unknown", detail)])
        why, before, due_before = reason_given(reason), case.severity, case.due_at
        case.severity = severity
        case.severities = [*case.severities, {"severity": before, "until": now.isoformat()}]
        timers = work_out(case, now=now)
        case.save()
        changes = {"severity": (before, severity), "due_at": (due_before, case.due_at)}
        record("case.severity_changed", subject=case, reason=why, changes=changes)
        start_timers(case, timers, now=now)
    return case
