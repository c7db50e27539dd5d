"""Signatures of seals and audit tokens: compact JWS with Ed25519, checked by anyone with the public keys.

The key ring is a JWK Set: its first key signs, the others only verify (they were used before a rotation). It comes from
HANDRAIL_SIGNING_KEY (a JWK Set, a JWK or PEM) or is made at first start in the data directory, readable by this user alone. Public keys are
never taken from the database, or whoever can write there could vouch for himself.
"""

import json
import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeyParameters, KeySet, OKPKey

ALGORITHM = "Ed25519"
SEAL, TOKEN = "handrail-seal", "handrail-audit-token"
FACTS: KeyParameters = {"use": "sig", "alg": ALGORITHM}


class BadSignature(ValueError):
    """The text is no statement signed with one of our keys."""


def sign(payload: str, *, kind: str) -> str:
    """The payload as compact JWS; `kind` becomes its `typ`, so that one kind of statement never passes for another."""
    key = _ring().keys[0]
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": kind}
    return jws.serialize_compact(header, payload.encode(), key, algorithms=[ALGORITHM])


def opened(statement: str, *, kind: str) -> dict[str, Any]:
    """What a statement of this kind says. Raises `BadSignature` when a byte differs, the key is not ours or it is of another kind."""
    try:
        found = jws.deserialize_compact(statement, _ring(), algorithms=[ALGORITHM])
        content = json.loads(found.payload or b"")
    except (JoseError, ValueError) as wrong:
        raise BadSignature(str(wrong)) from wrong
    if found.headers().get("typ") != kind or not isinstance(content, dict):
        raise BadSignature(f"not a statement of kind {kind}")
    return content


def public_keys() -> dict[str, Any]:
    """Every public key as a JWK Set, the signing one first."""
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint()} for key in _ring().keys]}


def rotate() -> str:
    """Sign with a new key from now on, keep the old ones as public keys; the new key's id.

    Raises `ImproperlyConfigured` when the keys come from the environment, where they are rotated by whoever keeps them.
    """
    if settings.SIGNING_KEY:
        raise ImproperlyConfigured("HANDRAIL_SIGNING_KEY is set: put the new key first in the JWK Set you keep there.")
    new = OKPKey.generate_key("Ed25519", parameters=FACTS)
    old = [key.as_dict(private=False) for key in _ring().keys]
    _replace(_key_file(), json.dumps({"keys": [new.as_dict(private=True), *old]}))
    return new.thumbprint()


def _key_file() -> Path:
    return Path(settings.DATA_DIR) / "keys" / "signing-keys.json"


def _ring() -> KeySet:
    if settings.SIGNING_KEY:
        return parsed(settings.SIGNING_KEY)
    file = _key_file()
    if not file.exists():
        _create(file)
    return _parsed_file(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _parsed_file(file: Path, written: int) -> KeySet:
    del written
    return parsed(file.read_text())


@lru_cache(maxsize=8)
def parsed(text: str) -> KeySet:
    """The keys in a JWK Set, a JWK or PEM. Raises `ImproperlyConfigured`, without the key, where the first is no private Ed25519 key."""
    try:
        keys = [OKPKey.import_key(key) for key in _as_keys(text)]
    except (JoseError, UnsupportedAlgorithm, ValueError, KeyError, TypeError):
        raise ImproperlyConfigured(
            "HANDRAIL_SIGNING_KEY has to be an Ed25519 key: a JWK, a JWK Set or PEM. It cannot be read as one."
        ) from None
    if not keys or not keys[0].is_private or any(key.curve_name != "Ed25519" for key in keys):
        raise ImproperlyConfigured("HANDRAIL_SIGNING_KEY: the first key has to be a private Ed25519 key.")
    for key in keys:
        key.ensure_kid()
    ring: list[Key] = [*keys]
    return KeySet(ring)


def _as_keys(text: str) -> list[Any]:
    if not text.lstrip().startswith("{"):
        return [text]
    document = json.loads(text)
    return list(document["keys"]) if "keys" in document else [document]


def _create(file: Path) -> None:
    """Make the first key; of several processes starting at once, one wins and all use its key."""
    key = OKPKey.generate_key("Ed25519", parameters=FACTS)
    written = _temporary(file, json.dumps({"keys": [key.as_dict(private=True)]}))
    with suppress(FileExistsError):
        file.hardlink_to(written)
    written.unlink()


def _replace(file: Path, text: str) -> None:
    _temporary(file, text).replace(file)


def _temporary(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # created 0600
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)
