"""What fulfilment refuses."""

from collections.abc import Mapping

from audit.errors import Conflict, IllegalTransition, Refused


class NoWay(IllegalTransition):
    """The order cannot get from where it stands to where the facts want it."""


class AlreadyGone(Conflict):
    """Too late: the parcel has left the house."""

    code = "already-gone"


class AlreadyPacked(Conflict):
    """Too late: what it is about is packed."""

    code = "already-packed"


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


class StaleBase(Conflict):
    """Events that were said on the basis of an order as it is no more: `causes` has why, by system and event id."""

    code = "stale-base"

    def __init__(self, causes: Mapping[tuple[str, str], str]) -> None:
        super().__init__("; ".join(sorted(set(causes.values()))))
        self.causes = causes


class OwnOverride(Refused):
    """Nobody reviews a fix of their own."""

    code = "own-override"
