"""The tries to tell other systems about something, and what came back."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from audit.subject_refs import SubjectRef
from orders.sync.models import Attempt, OutboundMessage
from orders.sync.states import OutboundState


def last_attempts(subjects: list[SubjectRef], *, limit: int = 3) -> list[Attempt]:
    """The newest attempts to tell other systems about these subjects."""
    messages = OutboundMessage.objects.filter(
        subject_type__in={one.type for one in subjects}, subject_id__in={one.id for one in subjects}
    )
    return list(
        Attempt.objects.filter(message__in=messages)
        .select_related("message", "message__system")
        .order_by("-at", "-id")[:limit]
    )


def attempts_shown(subjects: list[SubjectRef]) -> list[dict[str, str | int | None]]:
    """The last three attempts as the page and the payload of an exception show them; only the newest of a message says when the next is."""
    told: set[UUID] = set()
    rows: list[dict[str, str | int | None]] = []
    for attempt in last_attempts(subjects):
        message = attempt.message
        waits = message.state == OutboundState.PENDING and message.pk not in told
        told.add(message.pk)
        rows.append(
            {
                "at": attempt.at.isoformat(),
                "system": message.system.slug,
                "endpoint": attempt.endpoint,
                "status": attempt.status,
                "duration_ms": attempt.duration_ms,
                "error": attempt.error,
                "request_id": message.key,
                "next_at": message.due_at.isoformat() if waits else None,
            }
        )
    return rows


def attempts_about(subjects: Collection[SubjectRef], *, at_most: int = 200) -> list[Attempt]:
    """The first tries to tell other systems about these subjects, oldest first, without the contents."""
    tries = _attempts_about(subjects).select_related("message__system")
    return list(tries.defer("message__sealed", "message__preview").order_by("at", "id")[:at_most])


def count_attempts_about(subjects: Collection[SubjectRef]) -> int:
    """How many tries there were."""
    return _attempts_about(subjects).count()


def _attempts_about(subjects: Collection[SubjectRef]) -> QuerySet[Attempt]:
    messages = OutboundMessage.objects.filter(
        subject_type__in={one.type for one in subjects}, subject_id__in={one.id for one in subjects}
    )
    return Attempt.objects.filter(message__in=messages)
