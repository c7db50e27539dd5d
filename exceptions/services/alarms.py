"""The second path: when the escalator itself has stopped, whoever notices sends a letter, with no worker, beat or broker in between."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from audit.access import Role, system_actor
from audit.context import acting
from audit.models import Heartbeat
from audit.services.events import record
from audit.subject_refs import SubjectRef
from exceptions.selectors.timers import Escalator, escalator_at
from rules import selectors as rules

logger = logging.getLogger(__name__)

ALARM: Final = "alarm"
AGAIN_AFTER: Final = timedelta(hours=1)


def watch_escalator(*, now: datetime) -> bool:
    """Look whether steps are still taken in time, and if not write to those who can help; whether a letter went out now.

    Once an hour, by whoever asks first, and at once when it stops again after it had recovered. Never raises for a mail server that is
    down: the next who asks tries again.
    """
    found = escalator_at(now)
    if found.is_alive or found.is_starting or not (addresses := _addresses()):
        return False
    with transaction.atomic():
        Heartbeat.objects.get_or_create(loop=ALARM, defaults={"at": now - 2 * AGAIN_AFTER})
        last = Heartbeat.objects.select_for_update(skip_locked=True).filter(loop=ALARM).first()
        if last is None or _was_said(last.at, found, now) or not _send(found, addresses, now):
            return False
        last.at, last.worked, last.lag_seconds = now, last.worked + 1, found.silent.total_seconds()
        last.save()
        with acting(system_actor("alarm", channel="web"), at=now):
            about = SubjectRef("audit.loop", "timers")
            record("escalator.stopped", subject=about, overdue=found.overdue, told=len(addresses))
    return True


def _was_said(at: datetime, found: Escalator, now: datetime) -> bool:
    lived_since = found.swept_at is not None and found.swept_at > at
    return now - at < AGAIN_AFTER and not lived_since


def _addresses() -> list[str]:
    return settings.ALARM_EMAILS or rules.addresses_of(Role.OPS_LEAD) or rules.addresses_of(Role.ADMIN)


def _send(found: Escalator, addresses: list[str], now: datetime) -> bool:
    letter = EmailMessage(
        subject="Handrail: escalation has stopped",
        body=(
            f"{found.words} It is {now:%a %d %b %H:%M} UTC. This letter comes from whoever noticed, past the worker.\n\n"
            "What to do: docs/runbooks/escalation-stopped.md. In short: start worker, beat and broker; until they run,\n"
            "    manage.py verify_timers --escalate-overdue\n"
            f"takes every step that is due.\n\n{settings.PUBLIC_URL}/help/runbooks/escalation-stopped/\n{settings.PUBLIC_URL}/status/\n"
        ),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=addresses,
    )
    try:
        letter.send()
    except (OSError, SMTPException) as failure:
        logger.error("escalation has stopped and no letter could be sent: %s", type(failure).__name__)  # noqa: TRY400 -- said, not traced
        return False
    return True
