"""Reads of the exceptions app."""

from exceptions.selectors.absences import AwayPage, HandoverPage, away_page, handover_page
from exceptions.selectors.accounting import Accounts, accounts, granted_between, period
from exceptions.selectors.ageing import other_decisions, waiting_longest
from exceptions.selectors.approvers import Approver, approvers_of, delegations_at
from exceptions.selectors.attachments import attachment_for, opened, opened_file
from exceptions.selectors.auditing import (
    AUDIT_KINDS,
    audit_steps,
    live_cases_of,
    undone_audit_steps,
    undone_audit_steps_of,
)
from exceptions.selectors.cases import CasePage, available_actions, case_for, case_page, related_to
from exceptions.selectors.causes import exported_cases, sharing_cause
from exceptions.selectors.clocks import clock_of
from exceptions.selectors.columns import (
    QUEUE_COLUMNS,
    URGENT,
    Choice,
    Column,
    asked_columns,
    column_choices,
    refuse_unknown_columns,
)
from exceptions.selectors.counts import Capped, capped, capped_counts, counts_of
from exceptions.selectors.gaps import Gap, GapPage, gap_page, ownership_gaps, untaken_count
from exceptions.selectors.knowledge import Knowledge, knowledge_of
from exceptions.selectors.latest import last_resolved
from exceptions.selectors.offers import Offers, offers
from exceptions.selectors.ownership import LendingPage, RotationPage, lending_page, lendings_for, rotation_page
from exceptions.selectors.pauses import Pause, held_back_by, live_emergencies, paused_by_hand, pauses
from exceptions.selectors.payload import payload, payload_of
from exceptions.selectors.playbook import Playbook, Step, playbook_of
from exceptions.selectors.postmortems import postmortem_called, postmortem_list, postmortem_page, visible_postmortems
from exceptions.selectors.previews import GatePreview, gate_owner, gate_previews
from exceptions.selectors.queue import (
    MOST_COUNTED,
    CaseRow,
    QueuePage,
    queue_page,
    rows_of,
    tabs,
    visible_cases,
    waiting_count,
)
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.selectors.saved_views import ViewLink, ViewsOfPage, teams_of, view_for, view_links, views_page
from exceptions.selectors.timers import TimerHealth, live_timers, overdue_timers, timer_health, timer_promptness
from exceptions.selectors.waivers import (
    approval_counts,
    approvals,
    approvals_given,
    emergency_about,
    live_emergency,
    live_waiver,
    live_waivers,
    visible_waivers,
    waiting_for,
    waiver_for,
)

__all__ = [
    "AUDIT_KINDS",
    "MOST_COUNTED",
    "QUEUE_COLUMNS",
    "URGENT",
    "Accounts",
    "Approver",
    "AwayPage",
    "Capped",
    "CasePage",
    "CaseRow",
    "Choice",
    "Column",
    "Gap",
    "GapPage",
    "GatePreview",
    "HandoverPage",
    "Knowledge",
    "LendingPage",
    "Offers",
    "Pause",
    "Playbook",
    "QueueFilters",
    "QueuePage",
    "RotationPage",
    "Step",
    "TimerHealth",
    "ViewLink",
    "ViewsOfPage",
    "Waiting",
    "accounts",
    "approval_counts",
    "approvals",
    "approvals_given",
    "approvers_of",
    "asked_columns",
    "attachment_for",
    "audit_steps",
    "available_actions",
    "away_page",
    "capped",
    "capped_counts",
    "case_for",
    "case_page",
    "clock_of",
    "column_choices",
    "counts_of",
    "delegations_at",
    "emergency_about",
    "exported_cases",
    "gap_page",
    "gate_owner",
    "gate_previews",
    "granted_between",
    "handover_page",
    "held_back_by",
    "knowledge_of",
    "last_resolved",
    "lending_page",
    "lendings_for",
    "live_cases_of",
    "live_emergencies",
    "live_emergency",
    "live_timers",
    "live_waiver",
    "live_waivers",
    "offers",
    "opened",
    "opened_file",
    "other_decisions",
    "overdue_timers",
    "ownership_gaps",
    "paused_by_hand",
    "pauses",
    "payload",
    "payload_of",
    "period",
    "playbook_of",
    "postmortem_called",
    "postmortem_list",
    "postmortem_page",
    "queue_page",
    "refuse_unknown_columns",
    "related_to",
    "rotation_page",
    "rows_of",
    "sharing_cause",
    "tabs",
    "teams_of",
    "timer_health",
    "timer_promptness",
    "undone_audit_steps",
    "undone_audit_steps_of",
    "untaken_count",
    "view_for",
    "view_links",
    "views_page",
    "visible_cases",
    "visible_postmortems",
    "visible_waivers",
    "waiting_count",
    "waiting_for",
    "waiting_longest",
    "waiver_for",
]
