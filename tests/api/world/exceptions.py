"""Exceptions, acts on many of them, and postmortems. URL name → method → what it needs."""

from datetime import timedelta
from typing import Final

from audit import clock
from tests.api.world.rule import DAY, REASON, RUNBOOK, VIEW_CASE, WORK_CASE, Rule

EXCEPTIONS: Final[dict[str, dict[str, Rule]]] = {
    "exception-document-fix": {"POST": Rule("rules.write_runbook", {"title": "Rain", "owner": "logistics", **RUNBOOK})},
    "postmortems": {"GET": Rule(VIEW_CASE), "POST": Rule("exceptions.write_postmortem", {"exception": "EX-…"})},
    "postmortem": {"GET": Rule(VIEW_CASE)},
    "postmortem-write": {"POST": Rule("exceptions.write_postmortem", {"summary": "It rained", "causes": ""})},
    "postmortem-actions": {
        "POST": Rule("exceptions.write_postmortem", {"text": "Watch it", "owner": "amal", "due_on": DAY})
    },
    "postmortem-publish": {"POST": Rule("exceptions.publish_postmortem")},
    "postmortem-dismiss": {"POST": Rule("exceptions.publish_postmortem", {"comment": "A false alarm"})},
    "exceptions": {"GET": Rule(VIEW_CASE)},
    "exception": {"GET": Rule(VIEW_CASE)},
    "exception-payload": {"GET": Rule(VIEW_CASE)},
    "exception-available-actions": {"GET": Rule(VIEW_CASE)},
    "exception-acknowledge": {"POST": Rule(WORK_CASE)},
    "exception-start": {"POST": Rule(WORK_CASE)},
    "exception-reassign": {"POST": Rule("exceptions.reassign_case", {"to": "logistics", **REASON})},
    "exception-escalate": {"POST": Rule("exceptions.reassign_case", REASON)},
    "exception-rebase": {"POST": Rule("exceptions.rebase_case", REASON)},
    "exception-severity": {"POST": Rule("exceptions.change_severity", {"severity": "P3", **REASON})},
    "exception-note": {"POST": Rule(WORK_CASE, {"text": "Seen"})},
    "exception-watch": {"POST": Rule(VIEW_CASE)},
    "exception-undo": {"POST": Rule(VIEW_CASE, {"entry": 1})},
    "exception-unwatch": {"POST": Rule(VIEW_CASE)},
    "exception-link": {"POST": Rule(WORK_CASE, {"exception": "EX-…"})},
    "exception-unlink": {"POST": Rule(WORK_CASE, {"exception": "EX-…"})},
    "exception-wait": {"POST": Rule(WORK_CASE, {"until": (clock.now() + timedelta(days=1)).isoformat(), **REASON})},
    "exception-resume": {"POST": Rule(WORK_CASE)},
    "exception-step": {"POST": Rule(WORK_CASE, {"outcome": "Looked at"})},
    "exception-resolve": {"POST": Rule(WORK_CASE, {"outcome": "resolved"})},
    "exception-reopen": {"POST": Rule(WORK_CASE, REASON)},
    "exception-close": {"POST": Rule(WORK_CASE)},
    "exception-gates": {"GET": Rule(VIEW_CASE)},
    "exception-files": {"POST": Rule(WORK_CASE, {"name": "note.txt", "content": "U2Vlbg=="})},
    "teams": {"GET": Rule(VIEW_CASE)},
    "causes": {"GET": Rule(VIEW_CASE)},
    "next-exception": {"POST": Rule(WORK_CASE)},
    "escalate-overdue": {"POST": Rule("exceptions.fire_timers")},
    "ageing": {"GET": Rule(VIEW_CASE)},
    "exception-withdraw": {"POST": Rule(WORK_CASE, REASON)},
    "exception-accounting": {"GET": Rule(VIEW_CASE)},
    "plans": {"GET": Rule(VIEW_CASE), "POST": Rule(WORK_CASE, {"action": "acknowledge", "keys": ["EX-999999"]})},
    "jobs": {"GET": Rule(VIEW_CASE)},
}
