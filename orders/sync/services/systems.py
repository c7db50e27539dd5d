"""Systems, how their payloads are read, and the secrets shared with them: sealed, shown once, two in force while one replaces the other."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext_noop as _

from audit.access import require
from audit.context import Actor, acting
from audit.crypto import open_secret, seal_secret
from audit.errors import FieldError, Invalid
from audit.services.events import record
from audit.words import said
from orders.sync import signatures
from orders.sync.followers import begin_to_follow
from orders.sync.models import Connector, Credential, System
from orders.sync.states import CredentialKind
from rules.services import save_edited

OVERLAP = timedelta(days=1)


def save_system(*, system: System, by: Actor, now: datetime, seen: int | None = None, reason: str = "") -> None:
    """Keep a new or edited system; one that follows from now on is told of what is there.

    Raises as `save_edited` does, and `NotFound` for a system, or a client, that is not the actor's.
    """
    with acting(by, at=now, reason=reason):
        stored = System.objects.filter(pk=system.pk).first()
        _require_system(by, stored)
        _require_system(by, system)
        save_edited(
            edited=system,
            by=by,
            now=now,
            seen=seen,
            reason=reason,
            permission="sync.edit_system",
            told_as="system.edited",
        )
        if _follows(system) and not _follows(stored):
            begin_to_follow(system, by=by, now=now)


def _follows(system: System | None) -> bool:
    return system is not None and system.wants_exports and system.is_active


def save_connector(
    *, connector: Connector, by: Actor, now: datetime, seen: int | None = None, reason: str = ""
) -> None:
    """Keep a new or edited connector. Raises as `save_system` does."""
    with acting(by, at=now, reason=reason):
        stored = Connector.objects.select_related("system").filter(pk=connector.pk).first()
        _require_system(by, stored.system if stored else None)
        _require_system(by, connector.system)
        save_edited(
            edited=connector,
            by=by,
            now=now,
            seen=seen,
            reason=reason,
            permission="sync.edit_system",
            told_as="connector.edited",
        )


def mistake_in_address(url: str) -> str:
    """Why messages are not sent to this address, in words; empty where they are."""
    parts = urlsplit(url)
    if url and parts.scheme not in {"http", "https"}:
        return _("Messages are sent by http or https only.")
    if parts.username is not None or parts.password is not None:
        return _("Leave name and password out of the address; add a secret instead.")
    return ""


def _require_system(by: Actor, system: System | None) -> None:
    """A system that serves everybody belongs to the house."""
    if system is not None:
        require(by, "sync.edit_system", system)


def add_credential(*, system: System, kind: CredentialKind, by: Actor, now: datetime, secret: str = "") -> str:
    """A new secret (made, or given by the other side), returned this once; older ones stay in force for a day.

    Raises `Invalid` for one whose key is so short that it proves nothing.
    """
    plain = secret or signatures.new_secret()
    if len(signatures.key_of(plain)) < signatures.SHORTEST_KEY:
        detail = said("A secret needs a key of at least %(value)s bytes.", value=signatures.SHORTEST_KEY)
        raise Invalid(detail, errors=[FieldError("/secret", "too-short", detail)])
    with acting(by, at=now):
        require(by, "sync.edit_system", system)
        older = Credential.objects.filter(system=system, kind=kind, revoked_at=None, expires_at=None)
        older.update(expires_at=now + OVERLAP)
        credential = Credential(system=system, kind=kind, sealed=seal_secret(plain), hint=plain[-4:], not_before=now)
        credential.save()
        record("credential.added", subject=credential, system=system.slug, kind=kind, hint=credential.hint)
    return plain


def revoke_credential(*, credential_id: UUID, reason: str, by: Actor, now: datetime) -> None:
    """End a secret at once."""
    with acting(by, at=now):
        credential = Credential.objects.select_for_update(of=("self",)).select_related("system").get(pk=credential_id)
        require(by, "sync.edit_system", credential.system)
        if credential.revoked_at is not None:
            return
        credential.revoked_at = now
        credential.save()
        record("credential.revoked", subject=credential, reason=reason, changes={}, hint=credential.hint)


def secrets_in_force(*, system: System, kind: CredentialKind, now: datetime) -> list[str]:
    """The secrets that prove something at `now`, newest first."""
    proving = [one for one in system.credentials.all() if one.kind == kind and one.is_in_force(now)]
    return [open_secret(one.sealed) for one in sorted(proving, key=lambda one: (one.not_before, one.id), reverse=True)]
