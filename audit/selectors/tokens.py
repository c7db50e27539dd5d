"""What audit tokens say, and whether they are ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from audit import signing
from audit.canonical import canonical_json, sha256_hex
from audit.errors import TokenInvalid

STAMP = frozenset({"generated_at", "record_sha256", "audit_token"})


@dataclass(frozen=True)
class TokenFacts:
    """What a token says: the record, the SHA-256 of its exported state, the event, and who issued it when."""

    subject_type: str
    subject_id: str
    record_hash: str
    event_id: UUID
    issued_at: datetime
    issuer: str


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


def fits(document: Mapping[str, Any]) -> bool:
    """Whether an exported document carries a token of ours that was issued for just what it says."""
    try:
        return verify_token(str(document.get("audit_token"))).record_hash == hash_of(document)
    except TokenInvalid:
        return False


def hash_of(document: Mapping[str, Any]) -> str | None:
    """The hash of what an exported document says, without its stamp; None when it holds what no export of ours can."""
    try:
        return sha256_hex(canonical_json({name: value for name, value in document.items() if name not in STAMP}))
    except TypeError:
        return None
