"""Chats and pagers of owners: what opens them is sealed, checked before it is kept, and never shown again; and a notice to try one out."""

import secrets
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from audit.access import require
from audit.context import Actor, acting
from audit.crypto import open_secret, seal_secret
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.subject_refs import SubjectRef
from audit.words import said
from exceptions.models import NotificationChannel
from exceptions.selectors.channels import addresses_of_person, own_channels
from exceptions.services.letters import send_plain_letter
from exceptions.states import Channel
from exceptions.transport import (
    EVENTS_V2,
    ChannelRefused,
    Tried,
    check_chat,
    check_endpoint,
    page_event,
    send_chat,
    send_page,
)
from rules.models import Owner

SHORTEST_SECRET = 16
WORDS = "A test notice from Handrail. There is nothing to do."


def add_channel(
    *,
    owner: Owner,
    kind: str,
    name: str,
    secret: str,
    by: Actor,
    now: datetime,
    endpoint: str = "",
    answers_secret: str = "",
) -> tuple[NotificationChannel, str]:
    """A new chat (`secret` is an apprise URL) or pager (`secret` is a routing key), and what proves the pager's answers: given, or made.

    Raises `Invalid` for an address that may not or cannot be used, `Conflict` for a name this owner has already.
    """
    require(by, "exceptions.edit_channel")
    is_pager = kind == Channel.PAGER
    endpoint = _endpoint(kind, endpoint)
    hint = check_channel(kind=kind, secret=secret, endpoint=endpoint, answers_secret=answers_secret)
    proof = (answers_secret or secrets.token_urlsafe(32)) if is_pager else ""
    channel = NotificationChannel(
        owner=owner,
        kind=kind,
        name=name.strip(),
        sealed=seal_secret(secret.strip()),
        hint=hint[:60],
        endpoint=endpoint,
        answers_sealed=seal_secret(proof) if proof else "",
    )
    with acting(by, at=now):
        try:
            with transaction.atomic():
                channel.save()
        except IntegrityError:
            raise Conflict(
                said("%(name)s has a channel “%(name_2)s” already.", name=owner.name, name_2=channel.name),
                code="name-taken",
            ) from None
        record("channel.added", subject=channel, owner=owner.slug, kind=kind, called=channel.name, hint=channel.hint)
    return channel, proof


def _endpoint(kind: str, endpoint: str) -> str:
    """Where pages go; chats have it in their secret."""
    return (endpoint or EVENTS_V2) if kind == Channel.PAGER else ""


def check_channel(*, kind: str, secret: str, endpoint: str = "", answers_secret: str = "") -> str:
    """What people may see of a channel that can be used. Raises `Invalid` naming the field."""
    secret, endpoint = secret.strip(), _endpoint(kind, endpoint)
    if kind not in {Channel.CHAT, Channel.PAGER}:
        raise _invalid(
            "/kind", "unknown", said("Choose %(chat)s or %(pager)s.", chat=Channel.CHAT, pager=Channel.PAGER)
        )
    if answers_secret and len(answers_secret) < SHORTEST_SECRET:
        raise _invalid(
            "/answers_secret", "too-short", said("A secret needs at least %(limit)s characters.", limit=SHORTEST_SECRET)
        )
    try:
        if kind == Channel.CHAT:
            return check_chat(secret)
        check_endpoint(endpoint)
    except ChannelRefused as refused:
        raise _invalid("/secret" if kind == Channel.CHAT else "/endpoint", "not-usable", refused.why) from None
    except OSError:
        raise _invalid("/secret", "not-known", said("The name of this server is not known.")) from None
    if not secret:
        raise _invalid("/secret", "required", said("Enter the routing key of the service."))
    return f"…{secret[-4:]}"


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, code, detail)])


def end_channel(*, channel_id: UUID, reason: str, by: Actor, now: datetime) -> None:
    """Nothing new goes there from now on; what waits goes another way."""
    with acting(by, at=now, reason=reason):
        require(by, "exceptions.edit_channel")
        channel = NotificationChannel.objects.select_for_update().filter(pk=channel_id).first()
        if channel is None:
            raise NotFound("There is no such channel.")
        if channel.ended_at is not None:
            return
        channel.ended_at = now
        channel.save()
        record("channel.ended", subject=channel, reason=reason, changes={}, hint=channel.hint)


def send_test_notice(*, channel: str, by: Actor, now: datetime) -> Tried:
    """Try one of one's own ways out now: an e-mail address, or the id of a channel of one's own or of a team; what came of it.

    Raises `NotFound` for one that is not the actor's.
    """
    require(by, "exceptions.view_case")
    if channel in addresses_of_person(by):
        kind, tried = Channel.EMAIL.value, send_plain_letter(address=channel, text=WORDS)
    else:
        found = next((one for one in own_channels(by) if str(one.pk) == channel), None)
        if found is None:
            raise NotFound("There is no such channel, or it is not yours.")
        kind, tried = found.kind, _test(found, now)
    with acting(by, at=now):
        record("notification.tested", subject=SubjectRef("audit.actor", by.id), channel=kind, error=tried.error)
    return tried


def _test(channel: NotificationChannel, now: datetime) -> Tried:
    """A pager is called at the lowest urgency and told at once that it is over."""
    if channel.kind == Channel.CHAT:
        return send_chat(open_secret(channel.sealed), title="Handrail", body=WORDS)
    key, routing_key = f"handrail/test-{channel.pk}", open_secret(channel.sealed)
    payload = {"summary": WORDS, "source": "handrail", "severity": "info", "timestamp": now.isoformat()}
    tried = send_page(channel.endpoint, page_event("trigger", key=key, routing_key=routing_key, payload=payload))
    if tried.taken:
        send_page(channel.endpoint, page_event("resolve", key=key, routing_key=routing_key))
    return tried
