"""What beat starts, and how often. Reconciled into the database by `sync_schedules`; an admin's change there is kept and shown.

Seconds are for sweeps that look for due rows (a tick that comes twice or never harms nothing); ten minutes and more are crontabs, so that
a restart does not put them off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Every:
    """A sweep, every so many seconds."""

    task: str
    seconds: int

    def __str__(self) -> str:
        return f"every {self.seconds} s"


@dataclass(frozen=True)
class At:
    """A crontab in UTC."""

    task: str
    minute: str = "0"
    hour: str = "*"
    day_of_week: str = "*"

    def __str__(self) -> str:
        return f"at minute {self.minute}, hour {self.hour}, weekday {self.day_of_week} UTC"


SCHEDULES: Mapping[str, Every | At] = MappingProxyType(
    {
        "timers": Every("exceptions.sweep_timers", 2),
        "notifications": Every("exceptions.deliver_notifications", 10),
        "intake": Every("sync.apply_inbox", 2),
        "delivery": Every("sync.deliver_outbox", 2),
        "lag": Every("sync.watch_lag", 30),
        "unpaid": Every("fulfilment.watch_unpaid", 60),
        "seals": Every("audit.seal", 30),
        "refusals": Every("audit.tell_refusals", 20),
        "jobs": Every("exceptions.work_jobs", 2),
        "absences": Every("exceptions.reassign_from_absent", 60),
        "ownership": Every("exceptions.watch_ownership", 60),
        "postmortems": At("exceptions.draft_postmortems", minute="20", hour="5"),
    }
)
