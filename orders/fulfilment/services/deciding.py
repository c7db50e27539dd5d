"""What a person decides by ending a case: about a late cancellation or change, a return, or money that goes back."""

from collections.abc import Callable
from typing import Final

from orders.fulfilment.models import OrderRequest
from orders.fulfilment.services import paying, unpaid, unwinding
from orders.fulfilment.services.cancelling import decide_cancellation
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.changing import decide_change
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.returning import OVERDUE, decide_overdue, decide_return
from orders.fulfilment.states import Choice, RequestKind

CHOICE_OF: Final = {
    "stop": Choice.STOP,
    "recall": Choice.RECALL,
    "let-go": Choice.LET_GO,
    "accept": Choice.ACCEPT,
    "expect": Choice.EXPECT,
}
Decide = Callable[[Docket, OrderRequest, Choice, str, Changes], None]
DECIDE: Final[dict[RequestKind, Decide]] = {
    RequestKind.CANCEL: decide_cancellation,
    RequestKind.CHANGE: decide_change,
    RequestKind.ADDRESS: decide_change,
    RequestKind.RETURN: decide_return,
}


def _decide(*kinds: RequestKind) -> Callable[[Docket, str, str, Changes], None]:
    def decide(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
        """Every request of these kinds that waits; what the outcome has no word for is left as it is."""
        for kind in kinds:
            if (request := docket.undecided(kind)) is not None:
                DECIDE[kind](docket, request, CHOICE_OF.get(outcome, Choice.LET_GO), case_key, changes)

    return decide


ASK_AGAIN: Final = {"refund-decision": paying.ask_again, "unwind-stalled": unwinding.ask_again}
DECIDED_BY_CASE: Final = {
    "late-cancellation": _decide(RequestKind.CANCEL),
    "late-change": _decide(RequestKind.CHANGE, RequestKind.ADDRESS),
    "return-request": _decide(RequestKind.RETURN),
    OVERDUE: decide_overdue,
    "refund-decision": paying.decide_refund,
    "unwind-stalled": unwinding.decide_stalled,
    unpaid.CASE: unpaid.wait_longer,
}
