"""What intake refuses, in the sender's words."""

from audit.errors import DomainError


class Unreadable(DomainError):
    """The bytes are no document we accept. `status` is the HTTP status that says so."""

    code = "unreadable"

    def __init__(self, message: str, *, code: str = "", status: int = 400) -> None:
        super().__init__(message, code=code)
        self.status = status


class SignatureRefused(DomainError):
    """The signature does not prove the sender, or is too old."""

    code = "signature-refused"


class Unprocessable(Exception):
    """A handler cannot apply some events: `causes` maps their record ids to why, in words without personal data."""

    def __init__(self, causes: "dict[object, str]") -> None:
        super().__init__("; ".join(sorted(set(causes.values()))))
        self.causes = causes
