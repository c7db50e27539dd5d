"""Asking the client's own people about a revision: a signed link that shows it, is answered once, and opens nothing else."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said
from exceptions import services as exceptions
from exceptions.services import Telling
from exceptions.services.client_links import (
    GONE,
    a_contact,
    a_name,
    client_actor,
    question_behind,
    sign_link,
)
from exceptions.states import ClientAnswer
from exceptions.timer_kinds import Due
from orders.campaigns.errors import ContentChanged
from orders.campaigns.models import Asset, AssetApproval
from orders.campaigns.services.questions import LAPSE, base_hash, content_hash, take_back
from orders.campaigns.services.standing import JOINED, go_on, refuse_unless_in, working
from orders.campaigns.states import AssetState
from rules.models import Owner

SALT: Final = "campaigns.client_approval"
MOST_HOURS: Final = 168
LONGEST_PREVIEW: Final = 400
LONGEST_COMMENT: Final = 2_000


def ask_client(
    *, asset_id: UUID, contact: str, preview: str, hours: int = 24, by: Actor, now: datetime
) -> tuple[AssetApproval, str]:
    """Make the question about the revision in review and the signed token of its link; the token is shown once and kept nowhere.

    `preview` is where the client looks at it. Raises `Conflict` while another link is open, `Invalid`, `IllegalTransition`, `Refused`.
    """
    with working(asset_id, by, now) as asset:
        refuse_unless_in(asset, AssetState.IN_REVIEW)
        if asset.approvals.filter(state=ClientAnswer.SENT).exists():
            raise Conflict("The client is being asked already; take that link back first.", code="already-asked")
        question = AssetApproval(
            asset=asset,
            client_id=asset.client_id,
            revision=asset.revision,
            contact=a_contact(contact),
            preview=_an_address(preview),
            content_hash=content_hash(asset),
            base_hash=base_hash(asset),
            sent_at=now,
            sent_by=by.id,
            sent_by_name=by.name,
            expires_at=now + timedelta(hours=min(max(hours, 1), MOST_HOURS)),
        )
        question.save()
        record(
            "asset_approval.sent",
            subject=question,
            asset=asset.key,
            revision=asset.revision,
            expires_at=question.expires_at,
            hash=question.content_hash,
        )
        exceptions.set_timer(subject=subject_ref(question), kind=LAPSE, due_at=question.expires_at)
    return question, sign_link(question, salt=SALT)


def opened_link(*, token: str, caller: str, now: datetime) -> AssetApproval:
    """The question behind a link, while it can be answered; nothing that changes.

    `caller` is who opens it (an address), for the rate. Raises `NotFound` for every link that opens nothing, whatever the reason, and
    `Refused` for too many tries.
    """
    key = question_behind(token, salt=SALT, caller=caller, now=now)
    asked = AssetApproval.objects.filter(pk=key, state=ClientAnswer.SENT, expires_at__gt=now)
    found = asked.select_related("client", *(f"asset__{name}" for name in JOINED)).first()
    if found is None or found.asset.state != AssetState.IN_REVIEW:
        raise NotFound(GONE)
    return found


def answer_link(
    *, token: str, agree: bool, name: str, comment: str, seen_hash: str, caller: str, now: datetime
) -> AssetApproval:
    """Take the client's yes or no, once. A no sends the revision back; a yes is what its approval by the content owner waits for.

    Raises `NotFound` for a link that opens nothing, `ContentChanged` when what is in review or live is not what the link was made for,
    `Invalid` without a name, or without a reason for a no.
    """
    found = opened_link(token=token, caller=caller, now=now)
    with acting(client_actor(found), at=now):
        Asset.objects.select_for_update().get(pk=found.asset_id)
        asset = Asset.objects.select_related(*JOINED).get(pk=found.asset_id)
        question = AssetApproval.objects.select_for_update().get(pk=found.pk)
        if question.state != ClientAnswer.SENT or asset.state != AssetState.IN_REVIEW:
            raise NotFound(GONE)
        is_same = {seen_hash, question.content_hash} == {content_hash(asset)}
        if not is_same or question.base_hash != base_hash(asset):
            raise ContentChanged("What you were asked about has changed since. Ask for a new link.")
        who, words = a_name(name), comment.strip()[:LONGEST_COMMENT]
        if agree:
            _agree(question, asset, who, words, now)
        else:
            _decline(question, asset, who, reason_given(comment, field="comment", longest=LONGEST_COMMENT), now)
        exceptions.cancel_timer(subject=subject_ref(question), kind=LAPSE, now=now)
    return question


def revoke_link(*, asset_id: UUID, reason: str = "", by: Actor, now: datetime) -> AssetApproval:
    """Take the open link back: it opens nothing from this moment. Raises `IllegalTransition` where none is open."""
    with working(asset_id, by, now) as asset:
        ended = take_back([asset], now=now, why=reason.strip())
        if not ended:
            raise IllegalTransition("The client is not being asked.")
    return ended[0]


def lock_questions(ids: Sequence[str]) -> set[str]:
    """Lock these in the order of their keys, skipping those that are being answered."""
    rows = AssetApproval.objects.filter(pk__in=[UUID(one) for one in ids]).order_by("pk")
    return {str(one) for one in rows.select_for_update(skip_locked=True).values_list("pk", flat=True)}


def on_lapse(timers: Sequence[Due], *, now: datetime) -> None:
    """The client did not answer in time: whoever reviews it is told."""
    asked = AssetApproval.objects.filter(pk__in=[UUID(one.subject_id) for one in timers], state=ClientAnswer.SENT)
    late = list(asked.select_related("asset__content_owner").order_by("pk"))
    for question in late:
        question.lapse(at=now)
        question.save()
        record("asset_approval.lapsed", subject=question)
    words = said("The client has not answered in time.")
    tellings = [_telling(one.asset, one.asset.content_owner, "asset_approval.lapsed", words) for one in late]
    exceptions.notify_many(tellings=tellings, now=now)


def _agree(question: AssetApproval, asset: Asset, name: str, comment: str, now: datetime) -> None:
    question.agree(name=name, comment=comment, at=now)
    question.save()
    record("asset_approval.agreed", subject=question, hash=question.content_hash, base=question.base_hash)
    telling = _telling(asset, asset.content_owner, "asset_approval.agreed", said("The client agreed."))
    exceptions.notify_many(tellings=[telling], now=now)


def _decline(question: AssetApproval, asset: Asset, name: str, comment: str, now: datetime) -> None:
    question.decline(name=name, comment=comment, at=now)
    question.save()
    record("asset_approval.declined", subject=question, hash=question.content_hash)
    asset.send_back()
    go_on(asset, "asset.sent_back", now=now, by_client=True)
    words = said("The client does not agree: %(reason)s", reason=comment)
    tellings = [_telling(asset, one, "asset_approval.declined", words) for one in {asset.owner, asset.content_owner}]
    exceptions.notify_many(tellings=tellings, now=now)


def _telling(asset: Asset, owner: Owner, event: str, words: str) -> Telling:
    text = said("%(key)s “%(title)s”: %(words)s", key=asset.key, title=asset.title, words=words)
    return Telling(owner, event, text, f"/content/{asset.key}/", asset.client_id)


def _an_address(preview: str) -> str:
    address = preview.strip()
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(address) > LONGEST_PREVIEW:
        detail = said("Enter the address where the client can look at it, with https:// in front.")
        raise Invalid(detail, errors=[FieldError("/preview", "unusable", detail)])
    return address
