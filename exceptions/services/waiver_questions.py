"""An approver wants to know more: the request goes back with a question, and the time to decide stands still until it is answered."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import Refused
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import at, said
from exceptions.models import Waiver
from exceptions.models.waivers import ANSWER_WITHIN
from exceptions.services.timers import set_timer
from exceptions.services.waiver_decisions import deciding
from exceptions.services.waiver_news import tell_asker, tell_concerned
from exceptions.services.waiver_papers import (
    LAPSE,
    a_comment,
    locked_waiver,
    require_state,
    stop_waiting,
    wait_for_decision,
)
from exceptions.states import WaiverState

LONGEST = 2_000


def ask_for_more(*, waiver_id: UUID, question: str, by: Actor, now: datetime, seen_hash: str | None = None) -> Waiver:
    """Send it back with a question; who asked has three days to answer, then it lapses. Raises as `reject_waiver`."""
    with deciding(waiver_id, by, now, seen_hash) as (waiver, _authority):
        words = a_comment(question)[:LONGEST]
        waiver.send_back(by=by.id, name=by.name, at=now, question=words)
        waiver.save()
        record("waiver.sent_back", subject=waiver, reason=words)
        stop_waiting(waiver, now=now)
        set_timer(subject=subject_ref(waiver), kind=LAPSE, due_at=now + ANSWER_WITHIN)
        tell_concerned(waiver, "waiver.sent_back", said("%(name)s asks: %(words)s", name=by.name, words=words), now)
    return waiver


def answer_question(*, waiver_id: UUID, answer: str, by: Actor, now: datetime) -> Waiver:
    """Answer it; who asked the question is told, and the time to decide goes on. Raises `Refused` for everybody but the requester."""
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        if waiver.requested_by != by.id:
            raise Refused("Only who asked for it can answer.")
        require_state(waiver, WaiverState.RETURNED, act="answered")
        words = reason_given(answer, field="answer", longest=LONGEST)
        waiver.take_up(at=now, answer=words)
        waiver.save()
        record("waiver.answered", subject=waiver, reason=words)
        wait_for_decision(waiver, now=now)
        told = said(
            "%(name)s answers: %(words)s Decide by %(due)s.", name=by.name, words=words, due=at(waiver.answer_by)
        )
        tell_asker(waiver, told, now)
    return waiver
