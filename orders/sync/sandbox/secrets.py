"""The secret a sandbox system shares with the product: derived, so that neither has to tell the other."""

import base64
import hashlib
import hmac

from orders.sync.signatures import PREFIX


def sandbox_secret(key: str, system: str) -> str:
    """The secret of one sandbox system in this installation, in the Standard Webhooks spelling."""
    return (
        PREFIX
        + base64.b64encode(
            hmac.new(key.encode(), f"handrail.sandbox.{system}".encode(), hashlib.sha256).digest()
        ).decode()
    )
