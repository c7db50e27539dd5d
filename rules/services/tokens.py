"""Letting other people's programs in, and out again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, NotFound
from audit.models import User
from audit.services.events import record
from audit.words import said
from rules import selectors
from rules.errors import TokenRefused
from rules.models import ApiToken, ApiTokenClient, Client

SCHEME: Final = "hr"
NOTED_EVERY = timedelta(minutes=10)
ISSUE: Final = "sync.edit_system"
LONGEST_OWN: Final = timedelta(days=366)


def issue_api_token(
    *,
    user: User,
    label: str,
    scopes: Collection[str],
    clients: Collection[Client],
    expires_at: datetime,
    by: Actor,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Issue a token; the text is returned this once and cannot be had again. A person makes their own, admins anybody's.

    Raises `Invalid` for scopes or clients beyond the person's own, for an end that has passed, and for one's own that ends late.
    """
    with acting(by, at=now):
        errors = selectors.beyond_holder(user, scopes=scopes, clients=clients, expires_at=expires_at, now=now)
        if not _is_own(user, by):
            require(by, ISSUE)
        elif expires_at > now + LONGEST_OWN:
            detail = said("It has to end within %(days)s days.", days=LONGEST_OWN.days)
            errors.append(FieldError("/expires_at", "out-of-range", detail))
        if errors:
            raise Invalid(" ".join(error.detail for error in errors), errors=errors)
        prefix = secrets.token_hex(4)
        text = f"{SCHEME}_{prefix}_{secrets.token_urlsafe(32)}"
        token = ApiToken.objects.create(
            name=label, prefix=prefix, digest=_digest(text), user=user, scopes=sorted(scopes), expires_at=expires_at
        )
        ApiTokenClient.objects.bulk_create([ApiTokenClient(token=token, client=client) for client in clients])
        record("token.issued", subject=token, prefix=prefix, scopes=sorted(scopes), holder=f"user:{user.pk}")
    return token, text


def revoke_api_token(*, token_id: UUID, by: Actor, now: datetime, reason: str = "") -> ApiToken:
    """End a token at once, one's own or, for admins, anybody's; one that is revoked already stays as it is. Raises `NotFound`."""
    with acting(by, at=now, reason=reason):
        token = ApiToken.objects.select_for_update(of=("self",)).select_related("user").filter(pk=token_id).first()
        if token is None or not _is_own(token.user, by):
            require(by, ISSUE)
        if token is None:
            raise NotFound("There is no such token.")
        if token.revoked_at is None:
            token.revoked_at = now
            token.save(update_fields=["revoked_at"])
            record("token.revoked", subject=token, reason=reason, prefix=token.prefix)
    return token


def authenticate_api_token(*, text: str, now: datetime, request_id: str = "") -> Actor:
    """The actor a token stands for: the person's permissions and clients, cut down to the token's.

    Raises `TokenRefused`; the words do not tell an unknown token from an expired or revoked one.
    """
    token = ApiToken.objects.select_related("user").filter(digest=_digest(text)).first()
    if token is None or token.revoked_at is not None or token.expires_at <= now or not token.user.is_active:
        raise TokenRefused("This API token is unknown, expired or revoked.")
    actor = selectors.token_actor(token, channel="api", request_id=request_id)
    _note_use(token, actor, now)
    return actor


def _is_own(user: User, by: Actor) -> bool:
    """Whether it is the person who is signed in; a token makes no tokens of its person's."""
    return by.kind == "person" and by.user_id == user.pk


def _note_use(token: ApiToken, actor: Actor, now: datetime) -> None:
    """Keep when the token was last used, to within some minutes: a write per request would be a queue of its own."""
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - NOTED_EVERY)
        with acting(actor, at=now):
            ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)


def _digest(text: str) -> str:
    # The token carries 256 random bits, so a plain hash cannot be searched; a slow one would cost every request.
    return hashlib.sha256(text.encode()).hexdigest()
