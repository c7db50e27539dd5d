"""The pulse of every loop, for the status page, `/readyz` and the auditor of timers."""

from datetime import datetime

from audit.models import Heartbeat


def beat(*, loop: str, at: datetime, oldest_due: datetime | None = None, worked: int = 0) -> None:
    """Say that `loop` ran through at `at`; `oldest_due` is the oldest row it found due (its lateness is the loop's lag)."""
    lag = max((at - oldest_due).total_seconds(), 0.0) if oldest_due else 0.0
    Heartbeat.objects.update_or_create(
        loop=loop, defaults={"at": at, "oldest_due": oldest_due, "lag_seconds": lag, "worked": worked}
    )
