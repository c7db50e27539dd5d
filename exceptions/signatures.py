"""Signatures of what an on-call system sends back, in the shape of PagerDuty's v3 webhooks: `v1=` + hex of HMAC-SHA256 over the body."""

import hashlib
import hmac

HEADER = "X-PagerDuty-Signature"
PREFIX = "v1="


def sign(*, secret: str, body: bytes) -> str:
    """The header's value."""
    return PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def proves(*, secret: str, given: str, body: bytes) -> bool:
    """Whether one of the signatures given (there may be several while a secret is replaced) was made with this secret."""
    expected = sign(secret=secret, body=body).encode()
    return any(hmac.compare_digest(expected, one.strip().encode()) for one in given.split(","))
