"""Who acted, what happened, and the base of every record that can be asked about."""

from audit.models.accountable import Accountable, AccountableQuerySet, HistoryRow
from audit.models.events import ChainHead, Event, Seal
from audit.models.idempotency import IdempotencyRecord
from audit.models.refusals import RefusalTally
from audit.models.tries import WrongTry
from audit.models.users import User
from audit.models.work import Heartbeat, LeasedWork

__all__ = [
    "Accountable",
    "AccountableQuerySet",
    "ChainHead",
    "Event",
    "Heartbeat",
    "HistoryRow",
    "IdempotencyRecord",
    "LeasedWork",
    "RefusalTally",
    "Seal",
    "User",
    "WrongTry",
]
