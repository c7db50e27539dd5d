"""What waits for somebody's word, oldest need first: decisions, clients' answers, reviews of emergencies, and what apps above add."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from audit.context import Actor
from audit.words import said
from exceptions import ageing, subjects
from exceptions.ageing import Waiting
from exceptions.models import ClientApproval, Waiver
from exceptions.selectors.waivers import visible_waivers
from exceptions.states import ClientAnswer, WaiverKind, WaiverState

MOST = 100


def waiting_longest(*, by: Actor, now: datetime) -> list[Waiting]:
    """Everything of the actor's clients that waits for a decision, a client or a review, the soonest due first; at most a hundred each."""
    own = (_decisions, _questions, _clients, _reviews)
    waiting = chain.from_iterable(source(by, now) for source in (*own, *ageing.sources()))
    return sorted(waiting, key=lambda one: one.due_at)


def other_decisions(*, by: Actor, now: datetime) -> list[Waiting]:
    """What waits for a decision beside what was asked of approvers: reviews, and what apps above add; the soonest due first."""
    waiting = chain(_reviews(by, now), *(source(by, now) for source in ageing.sources()))
    return sorted((one for one in waiting if one.decides is not None), key=lambda one: one.due_at)


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
            half <= now,
            _place(one),
        )


def _questions(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = visible_waivers(by).filter(state=WaiverState.RETURNED).order_by("question_at", "pk")
    for one in asked[:MOST]:
        if one.question_at is not None and one.answer_due_at is not None:
            half = one.question_at + (one.answer_due_at - one.question_at) / 2
            due = one.answer_due_at
            who = one.requested_by_name
            yield Waiting(said("Answer"), one.key, _about(one), who, one.question_at, due, half <= now, _place(one))


def _clients(by: Actor, now: datetime) -> Iterator[Waiting]:
    asked = ClientApproval.objects.filter(waiver__in=visible_waivers(by).order_by().values("pk"))
    open_ones = asked.filter(state=ClientAnswer.SENT, waiver__state=WaiverState.REQUESTED).select_related("waiver")
    for one in open_ones.order_by("expires_at", "pk")[:MOST]:
        half = one.sent_at + (one.expires_at - one.sent_at) / 2
        waiver = one.waiver
        yield Waiting(
            said("Client's answer"),
            waiver.key,
            _about(waiver),
            one.contact,
            one.sent_at,
            one.expires_at,
            half <= now,
            _place(waiver),
        )


def _reviews(by: Actor, now: datetime) -> Iterator[Waiting]:
    broken = visible_waivers(by).filter(kind=WaiverKind.EMERGENCY, reviewed_at=None)
    for one in broken.order_by("review_due_at", "pk")[:MOST]:
        if one.review_due_at is not None:
            late, own = one.review_due_at <= now, one.requested_by == by.id
            decides = not own and by.user_id is not None and by.may("exceptions.decide_waiver", one.client_id)
            yield Waiting(
                said("Review of a break-glass"),
                one.key,
                _about(one),
                said("Another lead"),
                one.requested_at,
                one.review_due_at,
                late,
                _place(one),
                decides,
                one.requested_by_name,
                own,
            )


def _about(waiver: Waiver) -> list[tuple[str, str]]:
    return [(key, subjects.address_of(waiver.subject_type, key)) for key in waiver.all_keys]


def _place(waiver: Waiver) -> str:
    return f"/approvals/{waiver.key}/"
