"""What fulfilment refuses."""

from audit.errors import Conflict, IllegalTransition, Refused


class NoWay(IllegalTransition):
    """The order cannot get from where it stands to where the facts want it."""


class AlreadyGone(Conflict):
    """Too late: the parcel has left the house."""

    code = "already-gone"


class Held(Conflict):
    """Something keeps it here: nothing of it may go to anybody."""

    code = "on-hold"


class ChecksOpen(Conflict):
    """A quality check that comes before this step is not passed, and nothing allows to go on without it."""

    code = "checks-open"


class CheckDone(Conflict):
    """There is nothing more to check: it is passed, or its parcel is not here any more."""

    code = "check-done"


class NotExportable(Conflict):
    """The order lacks what every export must say."""

    code = "not-exportable"


class OwnOverride(Refused):
    """Nobody reviews a fix of their own."""

    code = "own-override"
