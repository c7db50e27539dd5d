"""What a job did, in order: made from what it keeps anyway, so that nothing is written for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count

from audit.context import Actor
from audit.words import said, said_again
from exceptions.models import Job, JobItem
from exceptions.states import ItemState, JobState

MOST_LINES: Final = 30
WORKED: Final = (ItemState.DONE.value, ItemState.SKIPPED.value, ItemState.REFUSED.value)


@dataclass(frozen=True)
class LogLine:
    """One thing the job did, and when."""

    at: datetime
    text: str


def log_of(job: Job, *, by: Actor) -> Sequence[LogLine]:
    """Its last lines, the oldest first; of the records, those the reader may see."""
    lines = [
        LogLine(job.queued_at, said("Asked for by %(name)s: %(n)s in all.", name=job.actor_name, n=f"{job.total:,}"))
    ]
    if job.started_at:
        lines.append(LogLine(job.started_at, said("Begun.")))
    lines += _batches(job, by)
    if job.finished_at:
        lines.append(LogLine(job.finished_at, _end(job)))
    return lines[-MOST_LINES:]


def _batches(job: Job, by: Actor) -> list[LogLine]:
    """A line for each batch: the records that have their result from one moment."""
    worked = JobItem.objects.filter(job=job).exclude(state=ItemState.PENDING)
    mine = worked if by.clients is None else worked.filter(client_id__in=by.clients)
    counted = mine.order_by().values_list("at", "state").annotate(n=Count("pk")).order_by("-at")
    batches: dict[datetime, dict[str, int]] = {}
    for at, state, n in reversed(counted[: MOST_LINES * len(WORKED)]):
        if at is not None:
            batches.setdefault(at, dict.fromkeys(WORKED, 0))[state] = n
    return [LogLine(at, _batch(counts)) for at, counts in batches.items()]


def _batch(counts: Mapping[str, int]) -> str:
    words = {state: f"{n:,}" for state, n in counts.items()}
    return said("%(done)s done, %(skipped)s skipped, %(refused)s refused.", **words)


def _end(job: Job) -> str:
    if job.state == JobState.FAILED:
        return said("Stopped: %(why)s", why=said_again(job.why, job.why_kept))
    if job.state == JobState.CANCELLED:
        return said("Cancelled. What is done stays done.")
    return said("Finished.")
