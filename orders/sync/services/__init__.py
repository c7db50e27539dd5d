"""The doors of sync."""

from orders.sync.services.applying import apply_due
from orders.sync.services.calling import call_system
from orders.sync.services.delivering import deliver_due
from orders.sync.services.lagging import watch_lag
from orders.sync.services.promising import Promise, promise, promise_many
from orders.sync.services.reading import read_payload
from orders.sync.services.receiving import Receipt, receive
from orders.sync.services.replaying import discard, replay
from orders.sync.services.runs import (
    Excused,
    Expected,
    Observed,
    RunStart,
    ask_anew,
    cancel_runs,
    excuse,
    observe,
    start_runs,
)
from orders.sync.services.stopping import pause_system, resume_system
from orders.sync.services.systems import (
    add_credential,
    mistake_in_address,
    revoke_credential,
    save_connector,
    save_system,
    secrets_in_force,
)

__all__ = [
    "Excused",
    "Expected",
    "Observed",
    "Promise",
    "Receipt",
    "RunStart",
    "add_credential",
    "apply_due",
    "ask_anew",
    "call_system",
    "cancel_runs",
    "deliver_due",
    "discard",
    "excuse",
    "mistake_in_address",
    "observe",
    "pause_system",
    "promise",
    "promise_many",
    "read_payload",
    "receive",
    "replay",
    "resume_system",
    "revoke_credential",
    "save_connector",
    "save_system",
    "secrets_in_force",
    "start_runs",
    "watch_lag",
]
