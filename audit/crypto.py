"""Secrets and personal data at rest: authenticated encryption with a key ring that can be rotated, and a blind index to find by value."""

import base64
import hashlib
import hmac
from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@cache
def _derive(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest()


@cache
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    """The first key encrypts, every key decrypts."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key, "handrail.seal"))) for key in keys])


def seal_secret(plain: str) -> str:
    """Encrypt for storage."""
    return _ring(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain.encode()).decode()


def open_secret(sealed: str) -> str:
    """Decrypt what `seal_secret` made. Raises `cryptography.fernet.InvalidToken` when no key of the ring fits."""
    return _ring(tuple(settings.ENCRYPTION_KEYS)).decrypt(sealed.encode()).decode()


def blind_index(value: str) -> str:
    """A keyed digest of the normalised value: equal values find each other, the value cannot be read back."""
    return keyed_digest(value.strip().casefold())


def keyed_digest(value: str) -> str:
    """The same of a value as it is."""
    key = _derive(settings.ENCRYPTION_KEYS[-1], "handrail.blind")
    return hmac.digest(key, value.encode(), "sha256").hex()
