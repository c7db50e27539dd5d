"""A new key for seals and audit tokens."""

from typing import Any

from audit import signing
from audit.management.report import Report, ReportCommand


class Command(ReportCommand):
    """Sign with a new key; what the old keys signed stays verifiable."""

    help = "Make a new signing key; old public keys stay published."

    def report(self, **_: Any) -> Report:
        """The new key's id and how many are published."""
        key_id = signing.rotate()
        return Report(ok=True, summary={"kid": key_id, "published keys": len(signing.public_keys()["keys"])})
