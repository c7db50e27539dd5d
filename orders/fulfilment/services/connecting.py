"""Connecting the store of a client: how its messages are read, the secret that proves them, and a message to try that with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop as _

from audit import strict_json
from audit.access import require
from audit.context import Actor, acting
from audit.errors import DomainError, FieldError, Invalid
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.selectors.stores import store_of
from orders.fulfilment.shipped import CONNECTOR_SETS, ConnectorSet, for_client
from orders.sync import connectors, signatures
from orders.sync import services as sync
from orders.sync.envelopes import Envelope
from orders.sync.errors import Unreadable
from orders.sync.models import Connector, System
from orders.sync.selectors import connector_for
from orders.sync.services.receiving import client_named
from orders.sync.states import CredentialKind
from rules import selectors as rules
from rules.models import Client

PERMISSION: Final = "sync.edit_system"
LONGEST_TRIED: Final = 100_000
PROVEN, READ = _("The sender is proven"), _("It can be read")
AGREED, OWN = _("Nothing is missing or wrong"), _("It is of this client")


@dataclass(frozen=True)
class Tried:
    """One step of a message that was tried: whether it was taken, and what came of it or stood in the way."""

    title: str
    is_ok: bool
    words: str


def connect_store(*, client: Client, kind: str, secret: str, reason: str, by: Actor, now: datetime) -> System:
    """Give the client's store the connectors it has not got, and the secret it signs with where one is given.

    A topic that has a connector already keeps it. Raises `Invalid` naming the field, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        system = store_of(client)
        require(by, PERMISSION, system)
        chosen = _chosen(kind)
        _refuse_without_secret(chosen, system, secret, now)
        known = set(Connector.objects.filter(system=system, is_active=True).values_list("topic", flat=True))
        for one in chosen.connectors:
            if one.topic not in known:
                mapping = for_client(one, client.slug)
                slug = f"{client.slug}-{one.slug}"
                made = Connector(
                    slug=slug, name=one.name, system=system, topic=one.topic, event_type=one.event_type, mapping=mapping
                )
                sync.save_connector(connector=made, by=by, now=now, reason=why)
        if secret:
            sync.add_credential(system=system, kind=CredentialKind.INBOUND, by=by, now=now, secret=secret)
    return system


def try_message(*, client: Client, kind: str, body: str, by: Actor, now: datetime) -> list[Tried]:
    """Read a message as it would be read if the store had sent it, up to the first step that fails; nothing of it is kept.

    Raises `Invalid` for a kind there is not or a message that is too long, `NotFound`, `Refused`.
    """
    system = store_of(client)
    require(by, PERMISSION, system)
    chosen = _chosen(kind)
    if len(body) > LONGEST_TRIED:
        detail = said("At most %(value)s characters.", value=LONGEST_TRIED)
        raise Invalid(detail, errors=[FieldError("/body", "too-long", detail)])
    return list(_steps(client, system, chosen, body.encode(), now))


def _steps(client: Client, system: System, chosen: ConnectorSet, body: bytes, now: datetime) -> Iterator[Tried]:
    if chosen.needs_secret:
        signed = _signed(system, body, now)
        yield signed
        if not signed.is_ok:
            return
    try:
        envelope = _read(system, chosen, body, now)
        yield Tried(
            READ,
            is_ok=True,
            words=said("It is “%(type)s” of %(subject)s.", type=envelope.type, subject=envelope.subject),
        )
        violations = rules.validate_payload(envelope.type, envelope.contract_version, envelope.data)
    except DomainError as refused:
        yield Tried(READ, is_ok=False, words=refused.message)
        return
    first = violations[0] if violations else None
    words = (
        said("%(pointer)s: %(detail)s", pointer=first.pointer or "/", detail=first.detail)
        if first
        else _("It says everything.")
    )
    yield Tried(AGREED, first is None, words)
    whose, misnamed = client_named(system, envelope.data, {client.slug: client.pk})
    yield Tried(OWN, whose == client.pk and not misnamed, misnamed or client.name)


def _signed(system: System, body: bytes, now: datetime) -> Tried:
    """Signed with the newest secret as the store would sign it, and held against those in force."""
    known = sync.secrets_in_force(system=system, kind=CredentialKind.INBOUND, now=now)
    if not known:
        return Tried(PROVEN, is_ok=False, words=_("There is no secret: connect the store first."))
    signatures.verify_vendor(
        secrets_in_force=known, given=signatures.sign_as_vendor(secret=known[0], body=body), body=body
    )
    return Tried(PROVEN, is_ok=True, words=_("The secret signs it, and the signature is taken."))


def _read(system: System, chosen: ConnectorSet, body: bytes, now: datetime) -> Envelope:
    connector = connector_for(system, chosen.connectors[0].topic)
    if connector is None:
        raise Unreadable(_("There is no connector: connect the store first."))
    return connectors.translate(
        mapping=connector.mapping,
        event_type=connector.event_type,
        source=f"/hooks/{system.slug}",
        payload=strict_json.loads(body),
        now=now,
    )


def _chosen(kind: str) -> ConnectorSet:
    if kind not in CONNECTOR_SETS:
        detail = said("There is no kind of store “%(kind)s”.", kind=kind[:40])
        raise Invalid(detail, errors=[FieldError("/kind", "unknown", detail)])
    return CONNECTOR_SETS[kind]


def _refuse_without_secret(chosen: ConnectorSet, system: System, secret: str, now: datetime) -> None:
    has_one = bool(secret) or bool(sync.secrets_in_force(system=system, kind=CredentialKind.INBOUND, now=now))
    if chosen.needs_secret and not has_one:
        detail = said("Copy the secret the store signs with.")
        raise Invalid(detail, errors=[FieldError("/secret", "required", detail)])
