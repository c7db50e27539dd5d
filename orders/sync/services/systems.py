"""Secrets shared with other systems: sealed, shown once, two in force while one replaces the other."""

from datetime import datetime, timedelta
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.crypto import open_secret, seal_secret
from audit.services.events import record
from orders.sync import signatures
from orders.sync.models import Credential, System
from orders.sync.states import CredentialKind

OVERLAP = timedelta(days=1)


def add_credential(*, system: System, kind: CredentialKind, by: Actor, now: datetime, secret: str = "") -> str:
    """A new secret (made, or given by the other side), returned this once; older ones stay in force for a day."""
    plain = secret or signatures.new_secret()
    with acting(by, at=now):
        require(by, "sync.edit_system")
        older = Credential.objects.filter(system=system, kind=kind, revoked_at=None, expires_at=None)
        older.update(expires_at=now + OVERLAP)
        credential = Credential(system=system, kind=kind, sealed=seal_secret(plain), hint=plain[-4:], not_before=now)
        credential.save()
        record("credential.added", subject=credential, system=system.slug, kind=kind, hint=credential.hint)
    return plain


def revoke_credential(*, credential_id: UUID, reason: str, by: Actor, now: datetime) -> None:
    """End a secret at once."""
    with acting(by, at=now):
        require(by, "sync.edit_system")
        credential = Credential.objects.select_for_update().get(pk=credential_id)
        credential.revoked_at = now
        credential.save()
        record("credential.revoked", subject=credential, reason=reason, changes={}, hint=credential.hint)


def secrets_in_force(*, system: System, kind: CredentialKind, now: datetime) -> list[str]:
    """The secrets that prove something at `now`, newest first."""
    rows = Credential.objects.filter(system=system, kind=kind, revoked_at=None).order_by("-not_before", "-id")
    return [open_secret(row.sealed) for row in rows if row.is_in_force(now)]
