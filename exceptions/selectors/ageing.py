"""What waits for somebody's word, oldest need first: decisions, clients' answers, reviews of emergencies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from audit.context import Actor
from audit.words import said
from exceptions import subjects
from exceptions.models import ClientApproval, Waiver
from exceptions.selectors.waivers import visible_waivers
from exceptions.states import ClientAnswer, WaiverKind, WaiverState

MOST = 100


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: what, about which records (key and address, the first first), who has to do it, since and until when."""

    what: str
    key: str
    about: Sequence[tuple[str, str]]
    whom: str
    since: datetime
    due_at: datetime
    is_late: bool

    @property
    def subject_keys(self) -> list[str]:
        """The keys of the records it is about."""
        return [key for key, _ in self.about]


def waiting_longest(*, by: Actor, now: datetime) -> list[Waiting]:
    """Everything of the actor's clients that waits for a decision, a client or a review, the soonest due first; at most a hundred each."""
    waiting = chain(_decisions(by, now), _questions(by, now), _clients(by, now), _reviews(by, now))
    return sorted(waiting, key=lambda one: one.due_at)


def _decisions(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = visible_waivers(by).filter(state=WaiverState.REQUESTED).order_by("answer_by", "pk")
    for one in asked[:MOST]:
        half = one.requested_at + (one.answer_by - one.requested_at) / 2
        yield Waiting(
            said("Decision"),
            one.key,
            _about(one),
            said("An approver"),
            one.requested_at,
            one.answer_by,
            is_late=half <= now,
        )


def _questions(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = visible_waivers(by).filter(state=WaiverState.RETURNED).order_by("question_at", "pk")
    for one in asked[:MOST]:
        if one.question_at is not None and one.answer_due_at is not None:
            half = one.question_at + (one.answer_due_at - one.question_at) / 2
            due = one.answer_due_at
            yield Waiting(
                said("Answer"), one.key, _about(one), one.requested_by_name, one.question_at, due, half <= now
            )


def _clients(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = ClientApproval.objects.filter(waiver__in=visible_waivers(by).order_by().values("pk"))
    open_ones = asked.filter(state=ClientAnswer.SENT, waiver__state=WaiverState.REQUESTED).select_related("waiver")
    for one in open_ones.order_by("expires_at", "pk")[:MOST]:
        half = one.sent_at + (one.expires_at - one.sent_at) / 2
        waiver = one.waiver
        yield Waiting(
            said("Client's answer"), waiver.key, _about(waiver), one.contact, one.sent_at, one.expires_at, half <= now
        )


def _reviews(by: Actor, now: datetime) -> Iterator[Waiting]:
    broken = visible_waivers(by).filter(kind=WaiverKind.EMERGENCY, reviewed_at=None)
    for one in broken.order_by("review_due_at", "pk")[:MOST]:
        if one.review_due_at is not None:
            late = one.review_due_at <= now
            yield Waiting(
                said("Review of a break-glass"),
                one.key,
                _about(one),
                said("Another lead"),
                one.requested_at,
                one.review_due_at,
                late,
            )


def _about(waiver: Waiver) -> list[tuple[str, str]]:
    return [(key, subjects.address_of(waiver.subject_type, key)) for key in waiver.all_keys]
