"""What content refuses."""

from audit.errors import Conflict, Refused


class Unsigned(Conflict):
    """Something of the checklist is not signed: the revision cannot be approved."""

    code = "unsigned"


class NotTheirs(Refused):
    """Only the one who answers for it does this."""

    code = "not-theirs"


class AlreadyAsked(Conflict):
    """Different messaging is asked for already."""

    code = "already-asked"
