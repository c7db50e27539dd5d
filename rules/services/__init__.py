"""The only writers of the rules app."""

from rules.services.absences import end_absence, enter_absence
from rules.services.books import freeze_rule_book
from rules.services.contracts import (
    accept_contract_risk,
    describe_contract,
    draft_contract_version,
    publish_contract_version,
    refuse_unless_theirs,
    retire_contract_version,
    write_runbook,
)
from rules.services.decisions import DecisionRequest, decide_for, decide_many
from rules.services.editing import save_edited
from rules.services.flows import activate_flow, pause_flow, save_flow
from rules.services.gates import describe_gate
from rules.services.lending import end_lending, lend_ownership
from rules.services.people import (
    end_sessions,
    note_factor,
    note_lock_out,
    note_sign_in,
    note_wrong_code,
    remove_factors,
    set_active,
    sign_out,
)
from rules.services.rotation import Rotated, rotate_ownership
from rules.services.runbooks import (
    accept_revision,
    begin_runbook,
    confirm_reading,
    propose_revision,
    reject_revision,
    withdraw_revision,
)
from rules.services.shipped import install_shipped_configuration
from rules.services.tokens import authenticate_api_token, issue_api_token, revoke_api_token

__all__ = [
    "DecisionRequest",
    "Rotated",
    "accept_contract_risk",
    "accept_revision",
    "activate_flow",
    "authenticate_api_token",
    "begin_runbook",
    "confirm_reading",
    "decide_for",
    "decide_many",
    "describe_contract",
    "describe_gate",
    "draft_contract_version",
    "end_absence",
    "end_lending",
    "end_sessions",
    "enter_absence",
    "freeze_rule_book",
    "install_shipped_configuration",
    "issue_api_token",
    "lend_ownership",
    "note_factor",
    "note_lock_out",
    "note_sign_in",
    "note_wrong_code",
    "pause_flow",
    "propose_revision",
    "publish_contract_version",
    "refuse_unless_theirs",
    "reject_revision",
    "remove_factors",
    "retire_contract_version",
    "revoke_api_token",
    "rotate_ownership",
    "save_edited",
    "save_flow",
    "set_active",
    "sign_out",
    "withdraw_revision",
    "write_runbook",
]
