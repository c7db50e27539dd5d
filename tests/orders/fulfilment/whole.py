"""Is everything about orders as it must always be?"""

from audit.checks import invariants
from audit.selectors.folding import fold_all
from audit.selectors.invariants import check_all

# What asks the clock of the wall, or which transaction it was: here time is given, and a whole life is one transaction.
NOT_HERE = ("now()", "history_transaction", "audit_seal")


def broken() -> list[tuple[str, object]]:
    """Invariants that do not hold, and kinds of records that the trail alone tells otherwise."""
    ours = [one.id for one in invariants() if not any(word in one.sql for word in NOT_HERE)]
    unlike = [(kind.name, kind.first) for kind in fold_all() if kind.different]
    return [*((one.id, one.offenders or one.trouble) for one in check_all(only=ours) if not one.holds), *unlike]
