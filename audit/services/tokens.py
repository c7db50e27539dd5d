"""Audit tokens: signed pointers to the state of a record and the event that led to it, which a stranger can check offline."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import models

from audit import signing
from audit.canonical import canonical_json
from audit.errors import TokenInvalid
from audit.subject_refs import SubjectRef, subject_ref


@dataclass(frozen=True)
class TokenFacts:
    """What a token says: the record, the SHA-256 of its exported state, the event, and who issued it when."""

    subject_type: str
    subject_id: str
    record_hash: str
    event_id: UUID
    issued_at: datetime
    issuer: str


def issue_token(*, subject: models.Model | SubjectRef, record_hash: str, event_id: UUID, now: datetime) -> str:
    """A compact JWS over the record's hash (SHA-256, hexadecimal) and the event it refers to."""
    ref = subject_ref(subject)
    claims = {
        "iss": settings.PUBLIC_URL,
        "iat": int(now.timestamp()),
        "sub": f"{ref.type}/{ref.id}",
        "record_sha256": record_hash,
        "event": str(event_id),
    }
    return signing.sign(canonical_json(claims), kind=signing.TOKEN)


def verify_token(token: str) -> TokenFacts:
    """What the token says. Raises `TokenInvalid` when a byte was changed or it was signed with a key that is not ours."""
    try:
        claims = signing.opened(token.strip(), kind=signing.TOKEN)
        subject_type, _, subject_id = str(claims["sub"]).partition("/")
        return TokenFacts(
            subject_type=subject_type,
            subject_id=subject_id,
            record_hash=str(claims["record_sha256"]),
            event_id=UUID(claims["event"]),
            issued_at=datetime.fromtimestamp(claims["iat"], tz=UTC),
            issuer=str(claims["iss"]),
        )
    except (signing.BadSignature, KeyError, TypeError) as wrong:
        raise TokenInvalid(
            "This token was not issued here, or it was changed since: its signature does not fit."
        ) from wrong
