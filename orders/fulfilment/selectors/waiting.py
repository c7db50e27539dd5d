"""What of orders waits for somebody's decision: fixes by hand to be reviewed, and rules that were proposed because of them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from audit.context import Actor
from audit.selectors.pages import names_of
from audit.words import said
from exceptions import selectors as exceptions
from exceptions.ageing import Waiting
from orders.fulfilment.selectors.context import address_of_order
from orders.fulfilment.selectors.overrides import PROPOSAL, waiting_overrides

MOST_WAITING: Final = 100
SEE, REVIEW = "orders.view_order", "orders.review_override"
FIX: Final = said("Fix by hand to be reviewed")
RULE: Final = said("Proposed rule")


def waiting_fixes(by: Actor, now: datetime) -> Iterator[Waiting]:
    """Fixes by hand nobody has reviewed; none for who may not see orders."""
    if not by.may(SEE):
        return
    fixes = list(waiting_overrides(by).order_by("review_by", "number")[:MOST_WAITING])
    names = names_of({one.placed_by for one in fixes}) if fixes else {}
    for one in fixes:
        own = one.placed_by == by.id
        yield Waiting(
            FIX,
            one.key,
            [(one.about, address_of_order(one.about) if one.order_id else "")],
            said("Somebody else"),
            one.placed_at,
            one.review_by,
            one.review_by <= now,
            f"/overrides/{one.key}/",
            by.may(REVIEW, one.client_id) and not own,
            names[one.placed_by],
            own,
        )


def waiting_proposals(by: Actor, now: datetime) -> Iterator[Waiting]:
    """Rules that were proposed with the review of a fix: whoever has the exception decides."""
    if not by.may("exceptions.view_case"):
        return
    live = exceptions.visible_cases(by).live().filter(type=PROPOSAL).select_related("owner")
    for one in live.order_by("due_at", "number")[:MOST_WAITING]:
        yield Waiting(
            RULE,
            one.key,
            [(one.subject_key, f"/overrides/{one.subject_key}/")],
            one.owner.name,
            one.opened_at,
            one.due_at,
            one.due_at <= now,
            f"/exceptions/{one.key}/",
            one.owner_id in by.owners,
        )
