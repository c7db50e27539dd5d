"""Refusals of strangers: counted at once, told once a minute, however many there are."""

from datetime import datetime, timedelta

from django.db import connection

from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef

STRANGER = Actor(kind="person", id="person:anonymous", name="Somebody unknown", clients=frozenset(), channel="api")
MINUTE = timedelta(minutes=1)
GRACE = timedelta(seconds=5)  # for requests that began in the minute that is over

COUNT = """
    INSERT INTO audit_refusaltally (minute, source, code, what, count) VALUES (%s, %s, %s, %s, 1)
    ON CONFLICT (minute, source, code) DO UPDATE SET count = audit_refusaltally.count + 1
"""
TAKE = "DELETE FROM audit_refusaltally WHERE minute <= %s RETURNING minute, source, code, what, count"


def tally_refusal(*, source: str, code: str, what: str, now: datetime) -> None:
    """Count that somebody unknown was refused. `source` and `what` name doors and systems we know, never what a stranger typed."""
    minute = now.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [minute, source[:60], code[:60], what[:200]])


def tell_refusals(*, now: datetime) -> int:
    """Put what was counted in minutes that are over into the trail, one event for each source, code and minute; the number told."""
    with acting(STRANGER, at=now), connection.cursor() as cursor:
        cursor.execute(TAKE, [now - MINUTE - GRACE])
        rows = sorted(cursor.fetchall())
        record_many(
            [
                Entry(
                    "access.refused",
                    SubjectRef("audit.actor", STRANGER.id),
                    data={"source": source, "code": code, "what": what, "minute": timestamp(minute), "count": count},
                )
                for minute, source, code, what, count in rows
            ]
        )
    return len(rows)
