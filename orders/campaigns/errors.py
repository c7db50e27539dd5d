"""What content refuses."""

from audit.errors import Conflict, Refused


class Unsigned(Conflict):
    """Something of the checklist is not signed: the revision cannot be approved."""

    code = "unsigned"


class ClientHasNotAgreed(Conflict):
    """The client is asked first, or is still being asked."""

    code = "client-has-not-agreed"


class ContentChanged(Conflict):
    """What the client was shown is not what is in review."""

    code = "content-changed"


class NotTheirs(Refused):
    """Only the one who answers for it does this."""

    code = "not-theirs"


class AlreadyAsked(Conflict):
    """Different messaging is asked for already."""

    code = "already-asked"
