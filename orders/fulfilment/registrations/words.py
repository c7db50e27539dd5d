"""What this app's events read like, what rules may ask about an order, and the list views are kept of."""

from django.utils.translation import gettext_lazy

from audit import verbs
from exceptions import list_pages
from orders.fulfilment.decisions.holds import CONTEXT
from orders.fulfilment.facts import HOLD_FACTS, ORDER_FACTS
from orders.fulfilment.selectors import SEVERAL
from orders.fulfilment.states import FulfilmentState, OrderState
from rules.facts import declare_context

declare_context("order", ORDER_FACTS)
declare_context(CONTEXT, HOLD_FACTS)
list_pages.register(
    list_pages.ListPage(
        "orders",
        gettext_lazy("Orders"),
        "fulfilment:orders",
        "orders.view_order",
        frozenset({"tab", "q", "cols", *SEVERAL}),
    )
)

verbs.register({f"order.{state.value}": f"{{actor}} moved the order to “{state.label}”" for state in OrderState})
verbs.register(
    {f"fulfilment.{state.value}": f"{{actor}} moved the fulfilment to “{state.label}”" for state in FulfilmentState}
)
verbs.register(
    {
        "order.received": "{actor} took in the order",
        "order.identified": "{actor} learned what another system calls the order",
        "order.authorisation_heard": "{actor} heard that a payment was authorised",
        "order.payment_captured": "{actor} heard that the payment was captured",
        "order.cancellation_received": "{actor} heard that the order is cancelled",
        "order.cancellation_declined": "{actor} let the order go although it was cancelled",
        "order.changed": "{actor} changed what was ordered",
        "order.lines_moved": "{actor} moved lines of the order",
        "order.address_changed": "{actor} took over another address",
        "order.return_heard": "{actor} heard that something comes back",
        "order.return_received": "{actor} saw something come back",
        "request.kept": "{actor} heard what is asked of the order, and what the rule says",
        "request.widened": "{actor} heard that more is asked of the order",
        "request.decided": "{actor} decided what is done about it",
        "refund.due": "{actor} found that money goes back",
        "refund.decided": "{actor} decided whether money goes back",
        "refund.issued": "{actor} saw money go back",
        "order.address_standardised": "{actor} standardised the address",
        "order.address_refused": "{actor} found that the address cannot be shipped to",
        "order.address_corrected": "{actor} corrected the address",
        "order.completed": "{actor} gave the order what it lacked",
        "order.reviewed": "{actor} looked at the order and let it go on",
        "order.routed": "{actor} decided owner, flow and SLA by rule",
        "order.rerouted": "{actor} sent it another way",
        "override.placed": "{actor} set a field by hand",
        "override.left_alone": "{actor} left alone what was set by hand, and kept what a system says",
        "override.reviewed": "{actor} reviewed what was set by hand",
        "order.overridden": "{actor} set a field of the order by hand, or took that back",
        "stock.overridden": "{actor} set a stock count by hand, or took that back",
        "unwind.begun": "{actor} began to take back what was done for the parcel",
        "unwind.asked": "{actor} asked for it to be undone",
        "unwind.step_undone": "{actor} saw it undone",
        "unwind.stalled": "{actor} noticed that nobody undoes it",
        "unwind.resumed": "{actor} went on taking it back",
        "unwind.done": "{actor} saw everything undone",
        "unwind.given_up": "{actor} let it go on the old way",
        "unwind.overtaken": "{actor} noticed that something else came first",
        "order.owner_gone": "{actor} gave the order to who stands in: nobody is behind its owner any more",
        "fulfilment.owner_gone": "{actor} gave the parcel to who stands in: nobody is behind its owner any more",
        "order.export_read": "{actor} read the order's export",
        "exports.pulled": "{actor} read the exports that had come since",
        "orders.exported": "{actor} exported a list of orders",
        "order.exported": "{actor} exported the order with its audit token",
        "fulfilment.delayed": "{actor} heard from the carrier that the parcel comes later",
        "fulfilment.voided": "{actor} took back the shipment that the carrier did not take",
        "fulfilment.relabelled": "{actor} had the parcel labelled anew",
        "fulfilment.heard_late": "{actor} heard of a step that was already behind",
        "fulfilment.confirmation_missed": "{actor} noticed that nobody confirmed in time",
        "fulfilment.outcome_missed": "{actor} noticed that a step did not come in time",
        "fulfilment.confirmation_waived": "{actor} went on without the vendor's confirmation, as a time-limited exception allows",
        "system.set_up": "{actor} set up a system",
        "connector.set_up": "{actor} set up a connector",
        "sku.added": "{actor} learned of a product",
        "stock.reserved": "{actor} set units aside",
        "stock.put_back": "{actor} put units back",
        "stock.left": "{actor} saw units leave",
        "stock.expired": "{actor} put units back that were set aside for too long",
        "stock.received": "{actor} took in units",
        "stock.safety_set": "{actor} changed how many units are kept back",
        "lot.recalled": "{actor} recalled a lot",
        "lot.readmitted": "{actor} let a recalled lot be sent again",
        "location.added": "{actor} learned of a place",
        "order.reservation_expired": "{actor} freed units that nobody worked on: the order waits for others",
        "stock.missing": "{actor} heard that units are not on the shelf",
        "stock.changed": "{actor} took over a stock count",
        "hold.placed": "{actor} put the order on hold",
        "hold.widened": "{actor} called off the parcel that was held: the hold is of the whole order now",
        "hold.released": "{actor} released a hold",
        "notice.kept": "{actor} kept news about an order that has not arrived yet",
    }
)
