"""Is everything about orders as it must always be?"""

from audit.checks import invariants
from audit.selectors.folding import fold_all
from audit.selectors.invariants import check_all

OURS = ("inv-08", "inv-10", "stock", "orders", "money")


def broken() -> list[tuple[str, object]]:
    """Invariants of orders, stock and money that do not hold, and kinds of records that the trail alone tells otherwise."""
    ours = [one.id for one in invariants() if one.id.startswith(OURS)]
    unlike = [(kind.name, kind.first) for kind in fold_all() if kind.different]
    return [*((one.id, one.offenders or one.trouble) for one in check_all(only=ours) if not one.holds), *unlike]
