"""Asking the client's own people: a signed link that shows one request, is answered once, and opens nothing else."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.errors import WaiverChanged
from exceptions.models import ClientApproval, Waiver, WaiverVote
from exceptions.services.client_links import (
    GONE,
    a_contact,
    a_name,
    client_actor,
    question_behind,
    sign_link,
)
from exceptions.services.timers import cancel_timer, set_timer
from exceptions.services.waiver_decisions import open_if_enough
from exceptions.services.waiver_news import tell_concerned
from exceptions.services.waiver_papers import (
    a_comment,
    base_now,
    lock_waiver,
    locked_waiver,
    require_state,
    stop_waiting,
)
from exceptions.states import ClientAnswer, VoteKind, WaiverState
from exceptions.timer_kinds import Due

LAPSE = "client_approval.lapse"
SALT = "exceptions.client_approval"


def ask_client(
    *, waiver_id: UUID, contact: str, hours: int = 24, by: Actor, now: datetime
) -> tuple[ClientApproval, str]:
    """Make the question and the signed token of its link; the token is shown once and kept nowhere.

    It can be answered until the request lapses, for at most `hours`. Raises `Conflict` while another link is open, `Invalid`, `Refused`.
    """
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        require_state(waiver, WaiverState.REQUESTED, act="shown to the client")
        name = a_contact(contact)
        if waiver.client_id is None:
            detail = said("Name who at the client is asked.")
            raise Invalid(detail, errors=[FieldError("/contact", "missing", detail)])
        if waiver.client_approvals.filter(state=ClientAnswer.SENT).exists():
            raise Conflict("The client is being asked already; take that link back first.", code="already-asked")
        ends = min(waiver.answer_by, now + timedelta(hours=max(hours, 1)))
        if ends <= now:
            raise IllegalTransition(said("%(key)s has lapsed; it has to be asked for again.", key=waiver.key))
        question = ClientApproval(
            waiver=waiver,
            client_id=waiver.client_id,
            contact=name,
            content_hash=waiver.content_hash,
            base_hash=base_now(waiver),
            sent_at=now,
            sent_by=by.id,
            sent_by_name=by.name,
            expires_at=ends,
        )
        question.save()
        record("client_approval.sent", subject=question, waiver=waiver.key, expires_at=ends, hash=waiver.content_hash)
        set_timer(subject=subject_ref(question), kind=LAPSE, due_at=ends)
    return question, sign_link(question, salt=SALT)


def opened_link(*, token: str, caller: str, now: datetime) -> ClientApproval:
    """The question behind a link, while it can be answered; nothing that changes.

    `caller` is who opens it (an address), for the rate. Raises `NotFound` for every link that opens nothing, whatever the reason, and
    `Refused` for too many tries.
    """
    key = question_behind(token, salt=SALT, caller=caller, now=now)
    found = (
        ClientApproval.objects.filter(pk=key, state=ClientAnswer.SENT, expires_at__gt=now)
        .select_related("waiver__client", "waiver__owner", "client")
        .first()
    )
    if found is None or found.waiver.state != WaiverState.REQUESTED or found.waiver.answer_by <= now:
        raise NotFound(GONE)
    return found


def answer_client_approval(
    *, token: str, agree: bool, name: str, comment: str, seen_hash: str, caller: str, now: datetime
) -> ClientApproval:
    """Take the client's yes or no, once. A no ends the request, a yes opens the gate only with the approvers' own.

    Raises `NotFound` for a link that opens nothing, `WaiverChanged` when the request or what it is about is not what the link was made for,
    `Invalid` without a name, or without a reason for a no.
    """
    found = opened_link(token=token, caller=caller, now=now)
    client = client_actor(found)
    with acting(client, at=now):
        waiver = lock_waiver(found.waiver)
        question = ClientApproval.objects.select_for_update().get(pk=found.pk)
        if question.state != ClientAnswer.SENT or waiver.state != WaiverState.REQUESTED:
            raise NotFound(GONE)
        base = base_now(waiver)
        if {seen_hash, question.content_hash} != {waiver.content_hash} or base != question.base_hash:
            raise WaiverChanged("What you were asked about has changed since. Ask for a new link.")
        who = a_name(name)
        words = comment.strip() if agree else a_comment(comment)
        if agree:
            _agree(question, waiver, client, who, words, base, now)
        else:
            _decline(question, waiver, client, who, words, now)
        cancel_timer(subject=subject_ref(question), kind=LAPSE, now=now)
    return question


def revoke_client_approval(*, waiver_id: UUID, reason: str = "", by: Actor, now: datetime) -> ClientApproval:
    """Take the open link back: it opens nothing from this moment. Raises `IllegalTransition` where none is open."""
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        question = waiver.client_approvals.select_for_update().filter(state=ClientAnswer.SENT).first()
        if question is None:
            raise IllegalTransition("The client is not being asked.")
        question.revoke(at=now)
        question.save()
        record("client_approval.revoked", subject=question, reason=reason.strip())
        cancel_timer(subject=subject_ref(question), kind=LAPSE, now=now)
    return question


def lock_questions(ids: Sequence[str]) -> set[str]:
    """Lock these in the order of their keys, skipping those that are being answered."""
    rows = ClientApproval.objects.filter(pk__in=[UUID(one) for one in ids]).order_by("pk")
    return {str(one) for one in rows.select_for_update(skip_locked=True).values_list("pk", flat=True)}


def on_lapse(timers: Sequence[Due], *, now: datetime) -> None:
    """The client did not answer in time: who asked is told."""
    ids = [UUID(timer.subject_id) for timer in timers]
    open_ones = ClientApproval.objects.filter(pk__in=ids, state=ClientAnswer.SENT)
    for question in open_ones.select_related("waiver__owner").order_by("pk"):
        question.lapse(at=now)
        question.save()
        record("client_approval.lapsed", subject=question)
        tell_concerned(question.waiver, "client_approval.lapsed", said("The client has not answered in time."), now)


def _agree(
    question: ClientApproval, waiver: Waiver, client: Actor, name: str, comment: str, base: str, now: datetime
) -> None:
    question.agree(name=name, comment=comment, at=now)
    question.save()
    record("client_approval.agreed", subject=question, hash=waiver.content_hash, base=base)
    WaiverVote.objects.create(
        waiver=waiver,
        kind=VoteKind.CLIENT,
        at=now,
        voter=client.id,
        voter_name=client.name,
        content_hash=waiver.content_hash,
        base_hash=base,
        minutes=waiver.effective_minutes,
        scope=waiver.scope,
        comment=comment,
    )
    tell_concerned(waiver, "client_approval.agreed", said("The client agreed."), now)
    open_if_enough(waiver, base=base, by=client, now=now)


def _decline(question: ClientApproval, waiver: Waiver, client: Actor, name: str, comment: str, now: datetime) -> None:
    question.decline(name=name, comment=comment, at=now)
    question.save()
    record("client_approval.declined", subject=question, hash=waiver.content_hash)
    waiver.reject(by=client.id, name=client.name, at=now, comment=comment)
    waiver.save()
    record("waiver.rejected", subject=waiver, by_client=True)
    stop_waiting(waiver, now=now)
    tell_concerned(waiver, "waiver.rejected", said("Denied by the client."), now)
