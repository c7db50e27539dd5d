"""What this app's events read like, what rules may ask about an order, and the list views are kept of."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.words import said
from exceptions import list_pages
from exceptions.words import register_causes
from orders.fulfilment.decisions.holds import CONTEXT
from orders.fulfilment.facts import HOLD_FACTS, ORDER_FACTS, PARCEL_FACTS, REQUEST_FACTS
from orders.fulfilment.selectors import SEVERAL
from orders.fulfilment.selectors.dealings import recent_rulings
from orders.fulfilment.selectors.why import more_about
from orders.fulfilment.states import FulfilmentState, OrderState
from rules.facts import declare_context, register_explanation, register_recent
from rules.quality_checks import PARCEL_CONTEXT

register_causes(
    {
        "address": noop("The address is not valid"),
        "risk": noop("A person has to look at the risk"),
        "paused:": noop("Its flow is paused: %(what)s"),
        "stock": noop("Not in stock"),
        "stock:": noop("Not in stock: %(what)s"),
        "vendor:": noop("No answer, or a refusal: %(what)s"),
        "carrier:": noop("Parcels not taken: %(what)s"),
        "late:": noop("Late: %(what)s"),
        "delay:": noop("Will be late, it says itself: %(what)s"),
        "check:": noop("Quality check: %(what)s"),
        "recall:": noop("Recalled: %(what)s"),
        "rule:": noop("A rule that cannot be decided: %(what)s"),
        "unwind:": noop("Being called back, and nobody answers: %(what)s"),
        "handoff:": noop("Handoff not confirmed: %(what)s"),
        "unknown:": noop("Names what the order does not have: %(what)s"),
        "id-conflict:": noop("One number, two orders: %(what)s"),
        "replenishment:": noop("Asked for and not come: %(what)s"),
        "override:": noop("Set by hand and not reviewed: %(what)s"),
        "incomplete": noop("The order is incomplete"),
        "unpaid": noop("Not paid in time"),
        "sum": noop("What it costs does not add up"),
        "currency": noop("Paid in another currency"),
        "overpaid": noop("Paid more than it costs"),
        "paid-twice": noop("Paid twice"),
        "refund": noop("More was paid back than was paid"),
        "refund-unseen": noop("Asked to be paid back and not seen to be"),
        "return-overdue": noop("A return that was announced did not come"),
        "moved-while-held": noop("Went on although it was on hold"),
        "left-unchecked": noop("Left without its quality checks"),
        "left-nevertheless": noop("Left although it was called off"),
        "left-without-parcel": noop("Left, and nobody knows the parcel"),
        "left-unpaid": noop("Left without being paid"),
        "left-before-paid": noop("Left before the payment"),
        "left-before-placed": noop("Left before it was ordered"),
        "arrived-before-left": noop("Arrived before it left"),
    }
)
declare_context("order", ORDER_FACTS)
declare_context(CONTEXT, HOLD_FACTS)
declare_context(PARCEL_CONTEXT, PARCEL_FACTS)
declare_context("request", REQUEST_FACTS)
register_recent("request", recent_rulings)
register_explanation("order", more_about)
list_pages.register(
    list_pages.ListPage(
        "orders",
        gettext_lazy("Orders"),
        "fulfilment:orders",
        "orders.view_order",
        frozenset({"tab", "q", "cols", "sort", "per", *SEVERAL}),
    )
)

verbs.register(
    {
        f"order.{one.value}": said("{actor} moved the order to “%(state)s”", state=said(str(one.label)))
        for one in OrderState
    }
)
verbs.register(
    {
        f"fulfilment.{one.value}": said("{actor} moved the fulfilment to “%(state)s”", state=said(str(one.label)))
        for one in FulfilmentState
    }
)
verbs.register(
    {
        "order.received": noop("{actor} took in the order"),
        "order.same_as": noop("{actor} said that it is the same as another order, which stays"),
        "order.took_in": noop("{actor} said that another order is the same as this one"),
        "order.led_on": noop("{actor} merged the order it was merged into with another"),
        "order.identified": noop("{actor} learned what another system calls the order"),
        "order.authorisation_heard": noop("{actor} heard that a payment was authorised"),
        "order.payment_captured": noop("{actor} heard that the payment was captured"),
        "order.payment_awaited": noop("{actor} gave the customer more time to pay"),
        "order.cancellation_received": noop("{actor} heard that the order is cancelled"),
        "order.cancellation_declined": noop("{actor} let the order go although it was cancelled"),
        "order.changed": noop("{actor} changed what was ordered"),
        "order.packed_as": noop("{actor} said which lines go in one parcel"),
        "fulfilment.joined": noop("{actor} put more lines into the parcel that waits"),
        "order.lines_moved": noop("{actor} moved lines of the order"),
        "order.address_changed": noop("{actor} took over another address"),
        "order.return_heard": noop("{actor} heard that something comes back"),
        "order.return_received": noop("{actor} saw something come back"),
        "request.kept": noop("{actor} heard what is asked of the order, and what the rule says"),
        "request.widened": noop("{actor} heard that more is asked of the order"),
        "request.decided": noop("{actor} decided what is done about it"),
        "refund.due": noop("{actor} found that money goes back"),
        "refund.decided": noop("{actor} decided whether money goes back"),
        "refund.issued": noop("{actor} saw money go back"),
        "order.address_standardised": noop("{actor} standardised the address"),
        "order.address_refused": noop("{actor} found that the address cannot be shipped to"),
        "order.address_corrected": noop("{actor} corrected the address"),
        "order.address_noted": noop("{actor} filled in part of the address; the order is still held"),
        "order.completed": noop("{actor} gave the order what it lacked"),
        "order.reviewed": noop("{actor} looked at the order and let it go on"),
        "order.diverted": noop("{actor} left the order to a person: the flow its rule chose is paused"),
        "order.routed": noop("{actor} decided owner, flow and SLA by rule"),
        "order.decided_anew": noop("{actor} had the rules of today decide it anew"),
        "order.rerouted": noop("{actor} sent it another way"),
        "order.news_held_back": noop("{actor} kept what a system says until the break-glass ends"),
        "shipment.formed": noop("{actor} had parcels of several orders go together"),
        "shipment.booked": noop("{actor} had one carrier collect parcels of several orders"),
        "shipment.parted": noop("{actor} had parcels of several orders go each by itself again"),
        "fulfilment.joined_shipment": noop("{actor} had the parcel go with those of other orders"),
        "fulfilment.left_shipment": noop("{actor} had the parcel go by itself again"),
        "override.placed": noop("{actor} set a field by hand"),
        "override.left_alone": noop("{actor} left alone what was set by hand, and kept what a system says"),
        "override.expired": noop("{actor} took back what was set by hand: nobody had reviewed it"),
        "override.reviewed": noop("{actor} reviewed what was set by hand"),
        "order.overridden": noop("{actor} set a field of the order by hand, or took that back"),
        "stock.overridden": noop("{actor} set a stock count by hand, or took that back"),
        "unwind.begun": noop("{actor} began to take back what was done for the parcel"),
        "unwind.asked": noop("{actor} asked for it to be undone"),
        "unwind.step_undone": noop("{actor} saw it undone"),
        "unwind.stalled": noop("{actor} noticed that nobody undoes it"),
        "unwind.resumed": noop("{actor} went on taking it back"),
        "unwind.done": noop("{actor} saw everything undone"),
        "unwind.given_up": noop("{actor} let it go on the old way"),
        "unwind.overtaken": noop("{actor} noticed that something else came first"),
        "order.owner_gone": noop("{actor} gave the order to who stands in: nobody is behind its owner any more"),
        "fulfilment.owner_gone": noop("{actor} gave the parcel to who stands in: nobody is behind its owner any more"),
        "order.fell_back": noop("{actor} gave the order to the fallback of its rule: it had not gone on in time"),
        "fulfilment.fell_back": noop("{actor} gave the parcel to the fallback of its order's rule"),
        "order.export_read": noop("{actor} read the order's export"),
        "exports.pulled": noop("{actor} read the exports that had come since"),
        "client.report_exported": noop("{actor} took out the report of a client"),
        "orders.exported": noop("{actor} exported a list of orders"),
        "order.exported": noop("{actor} exported the order with its audit token"),
        "fulfilment.delayed": noop("{actor} heard from the carrier that the parcel comes later"),
        "fulfilment.voided": noop("{actor} took back the shipment that the carrier did not take"),
        "fulfilment.relabelled": noop("{actor} had the parcel labelled anew"),
        "fulfilment.heard_late": noop("{actor} heard of a step that was already behind"),
        "fulfilment.confirmation_missed": noop("{actor} noticed that nobody confirmed in time"),
        "fulfilment.outcome_missed": noop("{actor} noticed that a step did not come in time"),
        "fulfilment.confirmation_waived": noop(
            "{actor} went on without the vendor's confirmation, as a time-limited exception allows"
        ),
        "client.set_up": noop("{actor} set up a client from a template"),
        "line.set_up": noop("{actor} set up a brand or product line of a client"),
        "system.set_up": noop("{actor} set up a system"),
        "connector.set_up": noop("{actor} set up a connector"),
        "sku.added": noop("{actor} learned of a product"),
        "stock.reserved": noop("{actor} set units aside"),
        "stock.put_back": noop("{actor} put units back"),
        "stock.left": noop("{actor} saw units leave"),
        "stock.left_earlier": noop(
            "{actor} learned that units had left before they were counted: they are on the shelf again"
        ),
        "stock.expired": noop("{actor} put units back that were set aside for too long"),
        "stock.received": noop("{actor} took in units"),
        "stock.low": noop("{actor} noticed that too few units are free"),
        "stock.level_back": noop("{actor} saw that enough units are free again"),
        "replenishment.asked": noop("{actor} asked for more units"),
        "replenishment.said": noop("{actor} took in the units that were asked for"),
        "replenishment.arrived": noop("{actor} saw the units that were asked for arrive"),
        "replenishment.called_off": noop("{actor} called off the units that were asked for"),
        "replenishment.missed": noop("{actor} noticed that the units that were asked for did not come"),
        "stock.safety_set": noop("{actor} changed how many units are kept back"),
        "lot.recalled": noop("{actor} recalled a lot"),
        "lot.readmitted": noop("{actor} let a recalled lot be sent again"),
        "location.added": noop("{actor} learned of a place"),
        "order.reservation_expired": noop("{actor} freed units that nobody worked on: the order waits for others"),
        "stock.missing": noop("{actor} heard that units are not on the shelf"),
        "stock.changed": noop("{actor} took over a stock count"),
        "hold.placed": noop("{actor} put the order on hold"),
        "hold.widened": noop("{actor} called off the parcel that was held: the hold is of the whole order now"),
        "hold.released": noop("{actor} released a hold"),
        "check.planned": noop("{actor} laid out a quality check of the parcel"),
        "check.right_so_far": noop("{actor} checked a part of it, and it was right"),
        "check.passed": noop("{actor} checked it, and it passed"),
        "check.failed": noop("{actor} checked it, and it failed"),
        "check.begun_again": noop("{actor} had the check done anew: what it is about has changed"),
        "check.deadline_moved": noop("{actor} worked out anew until when the check has to be done"),
        "check.passed_on": noop("{actor} gave the check to who stands in: nobody had looked in time"),
        "check.not_looked_at": noop("{actor} made an exception of the check: nobody looked in time, nor who stands in"),
        "check.over": noop("{actor} ended the check: the parcel has left, or will not be sent"),
        "check.skipped": noop("{actor} went on without the check, as a time-limited exception allows"),
        "customer.merged": noop("{actor} said that the customer is the same as another"),
        "customer.split": noop("{actor} said that the customer is another one after all"),
        "customer.moved": noop("{actor} merged or split the customer this one was merged into"),
        "likeness.found": noop("{actor} noticed that two customers look alike"),
        "likeness.kept_apart": noop("{actor} said that two customers are not the same"),
        "likeness.asked_again": noop("{actor} took back that two customers are not the same"),
        "fulfilment.at_risk": noop("{actor} warned that the parcel's deadline is at risk"),
        "fulfilment.carrier_differs": noop("{actor} noted that another carrier than was asked for takes the parcel"),
        "order.gift_said": noop("{actor} noted what of the order is a gift"),
        "bundle.described": noop("{actor} said what is in a bundle"),
        "product.described": noop("{actor} said what is known of a product"),
        "notice.kept": noop("{actor} kept news about an order that has not arrived yet"),
    }
)
