"""Is everything about orders as it must always be?"""

from audit.checks import invariants
from audit.selectors.folding import fold_all
from audit.selectors.invariants import check_all

OURS = ("inv-08", "inv-10", "stock", "orders", "money")
# What asks the clock of the wall, or which transaction it was: here time is given, and a whole life is one transaction.
NOT_HERE = ("now()", "history_transaction", "audit_seal")


def broken(*, everywhere: bool = False) -> list[tuple[str, object]]:
    """Invariants of orders, stock and money, or all, that do not hold, and kinds of records that the trail alone tells otherwise."""
    here = {one.id for one in invariants() if not any(word in one.sql for word in NOT_HERE)}
    ours = [one.id for one in invariants() if (one.id in here if everywhere else one.id.startswith(OURS))]
    unlike = [(kind.name, kind.first) for kind in fold_all() if kind.different]
    return [*((one.id, one.offenders or one.trouble) for one in check_all(only=ours) if not one.holds), *unlike]
