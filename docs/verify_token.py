"""Check a Handrail audit token with the public keys alone: python verify_token.py TOKEN jwks.json (needs only `cryptography`)."""

import base64
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


header, payload, signature = sys.argv[1].split(".")
key_id = json.loads(decode(header))["kid"]
keys = {key["kid"]: decode(key["x"]) for key in json.loads(Path(sys.argv[2]).read_text())["keys"]}
try:
    Ed25519PublicKey.from_public_bytes(keys[key_id]).verify(decode(signature), f"{header}.{payload}".encode())
except (InvalidSignature, KeyError):
    sys.exit("NOT VALID: changed since it was issued, or not issued with one of these keys")
print("valid", decode(payload).decode())
