"""What people write on an exception, and who hears of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.services.events import record
from audit.texts import reason_given
from audit.words import kept, said
from exceptions.models import CaseNote, ExceptionCase
from exceptions.selectors.mentions import mentioned_in
from exceptions.services.notifications import Telling, notify_many, tell_watchers
from exceptions.services.working import LONGEST_NOTE, running, working
from exceptions.states import CaseState
from rules.models import Owner


def note_case(*, case_id: UUID, text: str, by: Actor, now: datetime) -> CaseNote:
    """Write something down for everyone who opens the case; who is mentioned by @username and may see it is told."""
    with working(case_id, by, now, None) as case:
        note = note_within(case, text, field="text", by=by, now=now)
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            running(case, now)
    return note


def note_within(case: ExceptionCase, text: str, *, field: str, by: Actor, now: datetime) -> CaseNote:
    """The note and its event within an act on its locked case that is none of its own to record."""
    note = write_note(case, text, field=field, by=by, now=now)
    record("case.noted", subject=case, changes={}, note=note.pk, told=len(note.told))
    return note


def write_note(
    case: ExceptionCase, text: str, *, field: str, by: Actor, now: datetime, is_news: bool = True
) -> CaseNote:
    """The note within an act on its locked case, and the word to whom it mentions; not what it says, for that may be personal.

    `is_news` unless the act it goes along with is told to those who watch: of one act they hear once.
    """
    return write_notes([case], text, field=field, by=by, now=now, is_news=is_news)[0]


def write_notes(
    cases: Sequence[ExceptionCase], text: str, *, field: str, by: Actor, now: datetime, is_news: bool = True
) -> list[CaseNote]:
    """As `write_note`, the same words on many; who is mentioned is looked up once for each client."""
    written = reason_given(text, field=field, shortest=1, longest=LONGEST_NOTE)
    of_clients = {case.client_id: case for case in cases}
    mentioned = {
        client: [owner for owner in mentioned_in(written, case) if owner.user_id != by.user_id]
        for client, case in of_clients.items()
    }
    notes = [
        CaseNote(
            case=case,
            at=now,
            author=by.id,
            author_name=by.name,
            text=written,
            text_kept=kept(written),
            told=[owner.name for owner in mentioned[case.client_id]],
        )
        for case in cases
    ]
    CaseNote.objects.bulk_create(notes)
    notify_many(tellings=[_telling(owner, case, by) for case in cases for owner in mentioned[case.client_id]], now=now)
    if is_news:
        tell_watchers(cases, "case.noted", but=[one for named in mentioned.values() for one in named], now=now)
    return notes


def _telling(owner: Owner, case: ExceptionCase, by: Actor) -> Telling:
    words = said(
        "%(key)s: %(title)s. %(name)s mentioned you in a note.", key=case.key, title=case.headline, name=by.name
    )
    url = f"/exceptions/{case.key}/#activity"
    return Telling(owner, "case.mentioned", words, url, case.client_id, case.pk, severity=case.severity)
