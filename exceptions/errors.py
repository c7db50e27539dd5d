"""What working exceptions refuses, in the reader's words."""

from audit.errors import Conflict, DomainError, Refused


class CaseTaken(Conflict):
    """Somebody was faster; says who and when."""

    code = "case-taken"


class CriteriaNotMet(Conflict):
    """The case cannot be resolved yet."""

    code = "criteria-not-met"


class StepBlocked(Conflict):
    """A step of the playbook cannot be done yet."""

    code = "step-blocked"


class OwnRequest(Refused):
    """Nobody decides about a request of their own."""

    code = "own-request"


class WaiverChanged(Conflict):
    """What was looked at is not what would be decided about."""

    code = "waiver-changed"


class AnswerRefused(DomainError):
    """What claims to come from an on-call system is not proven to."""

    code = "signature-refused"
