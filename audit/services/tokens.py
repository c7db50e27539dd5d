"""Audit tokens: signed pointers to the state of a record and the event that led to it, which a stranger can check offline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models

from audit import signing, strict_json
from audit.access import require
from audit.canonical import canonical_json
from audit.context import Actor
from audit.errors import TokenInvalid
from audit.models import Event
from audit.selectors.tokens import TokenFacts, hash_of, verify_token
from audit.selectors.trail import events_for
from audit.selectors.verification import verify_chain
from audit.subject_refs import SubjectRef, subject_ref


@dataclass(frozen=True)
class Proof:
    """A genuine token held against the trail: `differs` says in words what does not fit, `later` how many events the record has since."""

    facts: TokenFacts
    event: Event | None
    whole_document: bool
    differs: Sequence[str]
    later: int


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


def token_in(text: str) -> tuple[str, Mapping[str, Any] | None]:
    """The token in what somebody pasted or uploaded: itself, or within an exported document. Raises `TokenInvalid`."""
    given = text.strip()
    if not given.startswith("{"):
        return given, None
    try:
        document = strict_json.loads(given.encode())
    except (strict_json.Unparsable, strict_json.TooLarge) as wrong:
        raise TokenInvalid(wrong.message) from wrong
    if not isinstance(document.get("audit_token"), str):
        raise TokenInvalid("This document has no “audit_token”.")
    return document["audit_token"], document


def check_proof(*, text: str, by: Actor) -> Proof:
    """Hold a token, or an exported document with its token, against the trail.

    Raises `TokenInvalid` when the signature is not ours, `Refused` without the permission to verify.
    """
    require(by, "audit.verify")
    token, document = token_in(text)
    facts = verify_token(token)
    event = events_for(by).filter(pk=facts.event_id).first()
    differs = [*_differences_from_event(facts, event)]
    if document is not None and hash_of(document) != facts.record_hash:
        differs.append("The document is not the one the token was issued for: something in it was changed.")
    chain = verify_chain(SubjectRef(facts.subject_type, facts.subject_id)) if event else None
    differs += [finding.message for finding in chain.findings] if chain else []
    later = chain.events - event.seq if chain and event else 0
    return Proof(facts, event, document is not None, differs, max(later, 0))


def _differences_from_event(facts: TokenFacts, event: Event | None) -> list[str]:
    if event is None:
        return ["The event it names is not in this trail."]
    differs = []
    if (event.subject_type, event.subject_id) != (facts.subject_type, facts.subject_id):
        differs.append("The event it names is about another record.")
    recorded = json.loads(event.body)["data"].get("hash")
    if recorded is not None and recorded != facts.record_hash:
        differs.append("The event it names recorded another state of the record.")
    return differs
