"""What the domain refuses, in the reader's words. Edges turn each into a page, a problem document or an exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class DomainError(Exception):
    """An anticipated refusal: never a bug, always a sentence for the person who asked."""

    code = "refused"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        if code:
            self.code = code


class Refused(DomainError):
    """The actor lacks a permission, or may not do this to this record."""

    code = "not-permitted"

    def __init__(self, message: str, *, permission: str = "", who_can: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.permission = permission
        self.who_can = tuple(who_can)


class NotFound(DomainError):
    """No such record for this actor; another client's record reads the same as none."""

    code = "not-found"


class Conflict(DomainError):
    """Someone or something was faster: says who and when, where that is known."""

    code = "conflict"

    def __init__(self, message: str, *, code: str = "", who: str = "", at: datetime | None = None) -> None:
        super().__init__(message, code=code)
        self.who = who
        self.at = at


class StaleVersion(Conflict):
    """The record changed since the actor looked at it."""

    code = "stale-version"


class IllegalTransition(Conflict):
    """The record's state no longer allows this act."""

    code = "illegal-transition"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: a JSON pointer (or form field), a stable code and a remedy in words."""

    pointer: str
    code: str
    detail: str


class Invalid(DomainError):
    """Input that cannot be accepted, with every field that is wrong."""

    code = "invalid-input"

    def __init__(self, message: str, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class TokenInvalid(Invalid):
    """The audit token was not issued here, or was changed since."""

    code = "token-invalid"
