"""What wakes the audit app."""

from celery import shared_task

from audit import clock
from audit.services.heartbeats import beat
from audit.services.refusals import tell_refusals
from audit.services.seals import seal_trail


@shared_task(name="audit.seal")
def seal() -> None:
    """Seal what happened since the last seal."""
    now = clock.now()
    sealed = seal_trail(now=now)
    beat(loop="audit.seal", at=now, worked=sealed.event_count if sealed else 0)


@shared_task(name="audit.tell_refusals")
def refusals() -> None:
    """Put the refusals of strangers into the trail, minute by minute."""
    now = clock.now()
    beat(loop="audit.refusals", at=now, worked=tell_refusals(now=now))
