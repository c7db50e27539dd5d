"""What people write on an exception, and who hears of it."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.services.events import record
from exceptions.models import CaseNote, ExceptionCase
from exceptions.selectors.mentions import mentioned_in
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.working import LONGEST_NOTE, reason_given, running, working
from exceptions.states import CaseState


def note_case(*, case_id: UUID, text: str, by: Actor, now: datetime) -> CaseNote:
    """Write something down for everyone who opens the case; who is mentioned by @username and may see it is told."""
    with working(case_id, by, now, None) as case:
        note = write_note(case, text, field="text", by=by, now=now)
        record("case.noted", subject=case, changes={}, note=note.pk, told=len(note.told))
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            running(case, now)
    return note


def write_note(case: ExceptionCase, text: str, *, field: str, by: Actor, now: datetime) -> CaseNote:
    """The note within an act on its locked case, and the word to whom it mentions; not what it says, for that may be personal."""
    written = reason_given(text, field=field, shortest=1, longest=LONGEST_NOTE)
    mentioned = [owner for owner in mentioned_in(written, case) if owner.user_id != by.user_id]
    note = CaseNote.objects.create(
        case=case,
        at=now,
        author=by.id,
        author_name=by.name,
        text=written,
        told=[owner.name for owner in mentioned],
    )
    words = f"{case.key}: {case.title}. {by.name} mentioned you in a note."
    url = f"/exceptions/{case.key}/#activity"
    notify_many(
        tellings=[
            Telling(owner, "case.mentioned", words, url, case.client_id, case.pk, severity=case.severity)
            for owner in mentioned
        ],
        now=now,
    )
    return note
