"""Reads of the exceptions app."""

from exceptions.selectors.cases import CasePage, available_actions, case_for, case_page, payload
from exceptions.selectors.queue import (
    CaseRow,
    QueueFilters,
    QueuePage,
    choices,
    queue_page,
    rows_of,
    tabs,
    visible_cases,
)
from exceptions.selectors.timers import TimerHealth, timer_health
from exceptions.selectors.waivers import approvals, live_waiver, live_waivers, visible_waivers, waiting_for, waiver_for

__all__ = [
    "CasePage",
    "CaseRow",
    "QueueFilters",
    "QueuePage",
    "TimerHealth",
    "approvals",
    "available_actions",
    "case_for",
    "case_page",
    "choices",
    "live_waiver",
    "live_waivers",
    "payload",
    "queue_page",
    "rows_of",
    "tabs",
    "timer_health",
    "visible_cases",
    "visible_waivers",
    "waiting_for",
    "waiver_for",
]
