"""Standard Webhooks signatures (https://www.standardwebhooks.com): `v1,` + base64 of HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from orders.sync.errors import SignatureRefused

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"
SHORTEST_KEY = 12  # bytes; what is shorter can be tried out
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret() -> str:
    """A fresh secret in the standard's spelling."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(*, secret: str, message_id: str, at: datetime, body: bytes, older: Iterable[str] = ()) -> dict[str, str]:
    """The three headers that prove the body, also to who still knows one of the `older` secrets only."""
    timestamp = str(int(at.astimezone(UTC).timestamp()))
    signed = [f"v1,{_mac(one, message_id, timestamp, body)}" for one in (secret, *older)]
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signed)}


def verify(*, secrets_in_force: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The message id, once one of the secrets proves one of the signatures. Raises `SignatureRefused` saying what is missing."""
    message_id, timestamp, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message_id and timestamp and given):
        raise SignatureRefused(f"Send the headers {ID}, {TIMESTAMP} and {SIGNATURE} (Standard Webhooks).")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 -- seconds until the year 33658
        raise SignatureRefused(f"{TIMESTAMP} has to be seconds since 1970.")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise SignatureRefused(
            f"{TIMESTAMP} is more than {TOLERANCE_SECONDS} s away from our clock; sign again when you send again."
        )
    offered = [part.removeprefix("v1,") for part in given.split(" ") if part.startswith("v1,")]
    for secret in secrets_in_force:
        expected = _mac(secret, message_id, timestamp, body)
        if any(hmac.compare_digest(expected.encode(), one.encode()) for one in offered):
            return message_id
    raise SignatureRefused("No signature matches a secret in force for this system.")


def sign_as_vendor(*, secret: str, body: bytes) -> str:
    """The vendor's signature that `verify_vendor` takes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify_vendor(*, secrets_in_force: Iterable[str], given: str, body: bytes) -> None:
    """A vendor's plain HMAC-SHA256 over the body, in base64 (Shopify's `X-Shopify-Hmac-Sha256`). Raises `SignatureRefused`."""
    for secret in secrets_in_force:
        if hmac.compare_digest(sign_as_vendor(secret=secret, body=body).encode(), given.encode()):
            return
    raise SignatureRefused("The signature does not match a secret in force for this system.")


def key_of(secret: str) -> bytes:
    """The bytes a secret stands for: base64 in the standard's spelling, else its own characters."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def _mac(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()
