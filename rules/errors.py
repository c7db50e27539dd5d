"""What rules refuse, in the reader's words."""

from audit.errors import Conflict, DomainError, Refused


class NoRuleBook(DomainError):
    """Nothing can be decided before a first rule book has been frozen."""

    code = "no-rule-book"

    def __init__(self) -> None:
        super().__init__("No rule book is in force yet: install the shipped configuration or freeze one.")


class TokenRefused(Refused):
    """The API token is unknown, revoked or expired."""

    code = "token-refused"


class ContractInUse(Conflict):
    """The contract version is published, so it cannot be changed any more."""

    code = "contract-published"
