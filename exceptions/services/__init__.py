"""The doors of the exceptions app."""

from exceptions.services.absences import (
    Chosen,
    Outcome,
    come_back,
    go_away,
    hand_over_cases,
    reassign_from_absent,
    take_back,
)
from exceptions.services.alarms import watch_escalator
from exceptions.services.answers import take_answer
from exceptions.services.attachments import KeptFile, attach_file, keep_file, withdraw_file
from exceptions.services.automation import report_failure, report_success
from exceptions.services.averages import draft_for_averages
from exceptions.services.bulk import (
    BALANCE,
    BULK_ACTS,
    plan_again,
    plan_balance,
    plan_cases,
    plan_chosen,
    plan_found,
    plan_matching,
    plan_numbers,
    plan_rest,
    spread_again,
)
from exceptions.services.cases import (
    acknowledge_case,
    close_case,
    reassign_case,
    reopen_case,
    resolve_case,
    resume_case,
    start_case,
    wait_case,
    withdraw_case,
)
from exceptions.services.causes import Regrouped, merge_cause, part_cause, rename_cause, split_cause
from exceptions.services.channels import add_channel, check_channel, end_channel, send_test_notice
from exceptions.services.client_approvals import answer_client_approval, ask_client, opened_link, revoke_client_approval
from exceptions.services.delegations import delegate_approvals, end_delegation
from exceptions.services.delivering import deliver_notifications
from exceptions.services.emergencies import break_glass, refuse_unless_reviewable, review_emergency, roll_back
from exceptions.services.escalating import escalate_case
from exceptions.services.gaps import mend_cases, watch_ownership
from exceptions.services.job_work import work_jobs
from exceptions.services.jobs import Barred, Planned, cancel_job, plan_job, start_job, undo_job
from exceptions.services.lending import give_back, lend
from exceptions.services.links import link_cases, unlink_cases
from exceptions.services.muting import mute_cause
from exceptions.services.notes import note_case
from exceptions.services.notifications import Telling, notify, notify_many
from exceptions.services.openings import CaseOpening, open_case, open_cases
from exceptions.services.postmortems import (
    add_action,
    dismiss_postmortem,
    draft_postmortem,
    edit_postmortem,
    end_action,
    publish_postmortem,
)
from exceptions.services.preferences import choose_display, choose_language, set_notification_preferences
from exceptions.services.presence import note_presence
from exceptions.services.rebasing import rebase_case
from exceptions.services.resolving import resolve_cases
from exceptions.services.runbooks import propose_from_case
from exceptions.services.saved_views import change_view, change_view_query, delete_view, save_view, set_default_view
from exceptions.services.severity import change_severity
from exceptions.services.sharing import people_to_share
from exceptions.services.shortening import may_shorten, shorten_waiver
from exceptions.services.steps import complete_step
from exceptions.services.taking import take_next
from exceptions.services.timers import (
    TimerSetting,
    cancel_timer,
    cancel_timers,
    escalate_overdue,
    set_timer,
    set_timers,
    sweep_timers,
)
from exceptions.services.undoing import undo_act
from exceptions.services.waiver_bulk import DECISION_ACTS, plan_decisions
from exceptions.services.waiver_decisions import (
    approve_waiver,
    refuse_unless_decidable,
    reject_waiver,
    window_if_approved,
)
from exceptions.services.waiver_edits import edit_waiver
from exceptions.services.waiver_ends import outdate_waivers
from exceptions.services.waiver_evidence import NewFile
from exceptions.services.waiver_papers import impact_now
from exceptions.services.waiver_questions import answer_question, ask_for_more
from exceptions.services.waiver_uses import Use, note_uses
from exceptions.services.waiver_watching import unwatch_waiver, watch_waiver
from exceptions.services.waivers import (
    extend_waiver,
    request_waiver,
    revoke_waiver,
    withdraw_waiver,
)
from exceptions.services.waking import wake_cases
from exceptions.services.watching import unwatch_case, watch_case
from exceptions.services.withdrawing import withdraw_cases

__all__ = [
    "BALANCE",
    "BULK_ACTS",
    "DECISION_ACTS",
    "Barred",
    "CaseOpening",
    "Chosen",
    "KeptFile",
    "NewFile",
    "Outcome",
    "Planned",
    "Regrouped",
    "Telling",
    "TimerSetting",
    "Use",
    "acknowledge_case",
    "add_action",
    "add_channel",
    "answer_client_approval",
    "answer_question",
    "approve_waiver",
    "ask_client",
    "ask_for_more",
    "attach_file",
    "break_glass",
    "cancel_job",
    "cancel_timer",
    "cancel_timers",
    "change_severity",
    "change_view",
    "change_view_query",
    "check_channel",
    "choose_display",
    "choose_language",
    "close_case",
    "come_back",
    "complete_step",
    "delegate_approvals",
    "delete_view",
    "deliver_notifications",
    "dismiss_postmortem",
    "draft_for_averages",
    "draft_postmortem",
    "edit_postmortem",
    "edit_waiver",
    "end_action",
    "end_channel",
    "end_delegation",
    "escalate_case",
    "escalate_overdue",
    "extend_waiver",
    "give_back",
    "go_away",
    "hand_over_cases",
    "impact_now",
    "keep_file",
    "lend",
    "link_cases",
    "may_shorten",
    "mend_cases",
    "merge_cause",
    "mute_cause",
    "note_case",
    "note_presence",
    "note_uses",
    "notify",
    "notify_many",
    "open_case",
    "open_cases",
    "opened_link",
    "outdate_waivers",
    "part_cause",
    "people_to_share",
    "plan_again",
    "plan_balance",
    "plan_cases",
    "plan_chosen",
    "plan_decisions",
    "plan_found",
    "plan_job",
    "plan_matching",
    "plan_numbers",
    "plan_rest",
    "propose_from_case",
    "publish_postmortem",
    "reassign_case",
    "reassign_from_absent",
    "rebase_case",
    "refuse_unless_decidable",
    "refuse_unless_reviewable",
    "reject_waiver",
    "rename_cause",
    "reopen_case",
    "report_failure",
    "report_success",
    "request_waiver",
    "resolve_case",
    "resolve_cases",
    "resume_case",
    "review_emergency",
    "revoke_client_approval",
    "revoke_waiver",
    "roll_back",
    "save_view",
    "send_test_notice",
    "set_default_view",
    "set_notification_preferences",
    "set_timer",
    "set_timers",
    "shorten_waiver",
    "split_cause",
    "spread_again",
    "start_case",
    "start_job",
    "sweep_timers",
    "take_answer",
    "take_back",
    "take_next",
    "undo_act",
    "undo_job",
    "unlink_cases",
    "unwatch_case",
    "unwatch_waiver",
    "wait_case",
    "wake_cases",
    "watch_case",
    "watch_escalator",
    "watch_ownership",
    "watch_waiver",
    "window_if_approved",
    "withdraw_case",
    "withdraw_cases",
    "withdraw_file",
    "withdraw_waiver",
    "work_jobs",
]
