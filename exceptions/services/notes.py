"""What people write on an exception."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.services.events import record
from exceptions.models import CaseNote
from exceptions.services.working import LONGEST_NOTE, reason_given, running, working
from exceptions.states import CaseState


def note_case(*, case_id: UUID, text: str, by: Actor, now: datetime) -> CaseNote:
    """Write something down for everyone who opens the case."""
    with working(case_id, by, now, None) as case:
        written = reason_given(text, field="text", shortest=1, longest=LONGEST_NOTE)
        note = CaseNote.objects.create(case=case, at=now, author=by.id, author_name=by.name, text=written)
        record("case.noted", subject=case, changes={}, note=note.pk)
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            running(case, now)
    return note
